//! Threads of their own for password hashes. Each hash takes 7.6 MiB and tens of milliseconds: on the server's own threads
//! it would hold up requests, and many at once would take all of the memory.

use std::collections::HashMap;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use prometheus::IntGauge;

use crate::domain::passwords::Memory;
use crate::error::{Error, Result};
use crate::metrics::{Counted, gauge};

/// Hashes computed at the same time.
const THREADS: usize = 2;
/// Hashes that may wait their turn, a second or two; who comes then is asked to come again.
const WAITING: usize = 64;
/// Of those, so many may be for one person, or for one link: nobody fills the queue for everybody.
const EACH: u32 = 4;

/// How long there is nothing to hash before a thread gives back its memory, and again before that goes to the system: mimalloc
/// waits for a second.
const RESTED: Duration = Duration::from_secs(2);
/// Bytes that mimalloc takes from its reserves for one thing alone.
const LARGE: usize = 4 * 1024 * 1024;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

pub struct Hashers {
    jobs: Sender<Job>,
    /// How many are running or waiting for whom.
    at_work: Arc<Mutex<HashMap<String, u32>>>,
    /// How many wait for one of the threads.
    waiting: IntGauge,
}

/// A place in the queue, until it is dropped.
struct Place {
    whose: String,
    at_work: Arc<Mutex<HashMap<String, u32>>>,
}

impl Place {
    fn take(at_work: &Arc<Mutex<HashMap<String, u32>>>, whose: &str) -> Result<Self> {
        let mut all = at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = all.entry(whose.to_owned()).or_default();
        if *theirs >= EACH {
            return Err(Error::Overloaded(2));
        }
        *theirs += 1;
        Ok(Self { whose: whose.to_owned(), at_work: at_work.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = all.get_mut(&self.whose) {
            *theirs -= 1;
            if *theirs == 0 {
                all.remove(&self.whose);
            }
        }
    }
}

impl Hashers {
    pub fn start() -> Result<Self> {
        let (jobs, waiting) = bounded::<Job>(WAITING);
        for n in 1..=THREADS {
            let waiting = waiting.clone();
            let work = move || {
                let (mut memory, mut worked) = (Memory::default(), false);
                while let Some(job) = next(&waiting, &mut memory, worked) {
                    // A job that panics loses its own answer, and not the thread.
                    drop(catch_unwind(AssertUnwindSafe(|| job(&mut memory))));
                    worked = true;
                }
            };
            std::thread::Builder::new().name(format!("hasher-{n}")).spawn(work).map_err(Error::internal)?;
        }
        let waiting = gauge("rollcall_password_hashes_waiting", "Password hashes that wait to be computed.")?;
        Ok(Self { jobs, at_work: Arc::default(), waiting })
    }

    pub fn waiting(&self) -> &IntGauge {
        &self.waiting
    }

    /// Runs `f` on one of the threads. `whose` work it is decides who is refused when there is too much of it.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`] if too many are waiting already, or too many for them.
    pub async fn run<T: Send + 'static>(
        &self,
        whose: &str,
        f: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T> {
        let place = Place::take(&self.at_work, whose)?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        let waiting = Counted::in_(self.waiting.clone());
        let job: Job = Box::new(move |memory| {
            drop(waiting);
            let done = f(memory);
            drop(place);
            drop(answer.send(done));
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded(2),
            TrySendError::Disconnected(_) => Error::internal("the hashers have stopped"),
        })?;
        answered.await.map_err(Error::internal)
    }
}

/// The next job; none once the server is gone. What the last one was computed in is kept for it, but not for long.
fn next(waiting: &Receiver<Job>, memory: &mut Memory, worked: bool) -> Option<Job> {
    if worked {
        if let Ok(job) = waiting.recv_timeout(RESTED) {
            return Some(job);
        }
        *memory = Memory::default();
        if let Ok(job) = waiting.recv_timeout(RESTED) {
            return Some(job);
        }
        // The allocator keeps that until something large is given back a while later: this.
        drop(black_box(Vec::<u8>::with_capacity(LARGE)));
    }
    waiting.recv().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_loses_its_own_answer_only() {
        let hashers = Hashers::start().unwrap();
        for _ in 0..2 * THREADS {
            assert!(hashers.run("ada", |_| panic!("on purpose")).await.is_err());
        }
        assert_eq!(hashers.run("ada", |_| 7).await.unwrap(), 7);
    }
}
