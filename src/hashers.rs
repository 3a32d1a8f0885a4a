//! Threads of their own for password hashes. Each hash takes 19 MiB and tens of milliseconds: on the server's own threads
//! it would hold up requests, and on ever different ones the allocator would keep 19 MiB for each of them.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Hashes computed at the same time.
const THREADS: usize = 2;
/// Hashes that may wait their turn, a second or two; who comes then is asked to come again.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

pub struct Hashers(SyncSender<Job>);

impl Hashers {
    pub fn start() -> Result<Self> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for n in 1..=THREADS {
            let waiting = waiting.clone();
            let work = move || {
                while let Some(job) = next(&waiting) {
                    job();
                }
            };
            std::thread::Builder::new().name(format!("hasher-{n}")).spawn(work).map_err(Error::internal)?;
        }
        Ok(Self(jobs))
    }

    /// Runs `f` on one of the threads.
    pub async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move || drop(answer.send(f())));
        self.0.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded(2),
            TrySendError::Disconnected(_) => Error::internal("the hashers have stopped"),
        })?;
        answered.await.map_err(Error::internal)
    }
}

/// The next job; none once the server is gone.
fn next(waiting: &Mutex<Receiver<Job>>) -> Option<Job> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
