//! The single writer: one thread, one connection, many closures, one durable commit.
//!
//! It takes the first closure that waits, begins at once, runs every closure that has arrived by then in a savepoint of
//! its own, commits once, and only then answers them all. A lone write waits for nobody; under load a commit is shared.
//! A closure that errs or panics rolls back to its own savepoint and takes nobody with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::metrics::Storage;

/// Writes that may wait before further ones are turned away: a bound on memory and on the time somebody waits in vain.
const QUEUE: usize = 1024;
/// Closures that share a commit at the most, so that the first of them isn't kept waiting by the last.
const BATCH: usize = 64;

/// Runs in the transaction; what it returns is called with the fate of the commit.
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(&Result<()>) + Send>;

#[derive(Clone)]
pub struct Writer {
    thread: Arc<Mutex<Option<Thread>>>,
    figures: Storage,
}

struct Thread {
    jobs: SyncSender<Job>,
    handle: JoinHandle<()>,
}

impl Writer {
    pub fn start(conn: Connection, figures: Storage) -> Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let measured = figures.clone();
        let handle = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || run(conn, &waiting, &measured))
            .map_err(Error::internal)?;
        Ok(Self { thread: Arc::new(Mutex::new(Some(Thread { jobs, handle }))), figures })
    }

    /// Queues `work`; `answer` is called with its result when that is durable, or with why it isn't.
    pub fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        answer: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<()> {
        let job: Job = Box::new(move |conn| {
            let result = in_savepoint(conn, work);
            Box::new(move |commit: &Result<()>| {
                answer(match commit {
                    Ok(()) => result,
                    Err(error) => result.and(Err(Error::Unavailable(error.to_string()))),
                })
            })
        });
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = &thread.as_ref().ok_or_else(|| Error::Unavailable("the server is stopping".into()))?.jobs;
        self.figures.queued.inc();
        jobs.try_send(job).map_err(|error| {
            self.figures.queued.dec();
            match error {
                TrySendError::Full(_) => Error::Overloaded(1),
                TrySendError::Disconnected(_) => Error::Unavailable("the writer has stopped".into()),
            }
        })
    }

    /// Finishes what was queued and closes the connection, which folds the WAL back into the file.
    pub fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { jobs, handle }) = thread {
            drop(jobs);
            if handle.join().is_err() {
                tracing::error!("the writer thread ended in a panic");
            }
        }
    }
}

fn run(conn: Connection, waiting: &Receiver<Job>, figures: &Storage) {
    let mut answers = Vec::with_capacity(BATCH);
    while let Ok(first) = waiting.recv() {
        let begun = Instant::now();
        let commit = batch(&conn, first, waiting, &mut answers);
        figures.queued.sub(answers.len() as i64);
        figures.batch.observe(answers.len() as f64);
        figures.commit.observe(begun.elapsed().as_secs_f64());
        if let Err(error) = &commit {
            figures.commits_failed.inc();
            tracing::error!(%error, "a commit failed; its writes were answered with 503");
        }
        for answer in answers.drain(..) {
            answer(&commit);
        }
    }
}

fn batch(conn: &Connection, first: Job, waiting: &Receiver<Job>, answers: &mut Vec<Answer>) -> Result<()> {
    let begun = execute(conn, "begin immediate");
    for job in std::iter::once(first).chain(waiting.try_iter()).take(BATCH) {
        answers.push(job(conn));
    }
    begun?;
    execute(conn, "commit").inspect_err(|_| {
        if !conn.is_autocommit() {
            drop(execute(conn, "rollback"));
        }
    })
}

fn in_savepoint<T>(conn: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    if conn.is_autocommit() {
        // The transaction could not begin, or a full disk ended it: nothing may run, or it would commit by itself.
        return Err(Error::Unavailable("there is no transaction to write in".into()));
    }
    execute(conn, "savepoint closure")?;
    let result = catch_unwind(AssertUnwindSafe(|| work(conn)))
        .unwrap_or_else(|_| Err(Error::Internal("a rule panicked inside the writer".into())));
    if result.is_err() && !conn.is_autocommit() {
        execute(conn, "rollback to closure")?;
    }
    if !conn.is_autocommit() {
        execute(conn, "release closure")?;
    }
    result
}

fn execute(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
