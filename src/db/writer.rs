//! The single writer: one thread, one connection, many closures, one durable commit.
//!
//! It takes every closure that waits, runs one after the other, commits once, and only then answers them all.
//! A lone write waits for nobody; under load a commit is shared. Who arrives while others run is taken along for as long as
//! a commit takes, and then is for the next one: on a quick disk everybody would wait for everybody, and then the writer
//! for all of them.
//!
//! A closure that errs or panics takes nobody with it. Nearly all that err do so before they change anything; if one does
//! after it, all of the transaction is taken back, and each closure runs again in a savepoint of its own. Savepoints for all,
//! to begin with, would copy every page that is changed.
//!
//! Nobody waits for long in vain: who has waited for [`PATIENCE`], or has gone away, takes back what hasn't begun; and
//! when storage fails, all who wait are told.

use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::beside;
use super::checkpoints::{self, Checkpoints};
use super::known::Known;
use super::log::Log;
use super::place::Place;
use super::trouble::{Damage, Trouble};
use crate::error::{Error, Result};
use crate::metrics::{Counted, Database};

/// Writes that may wait before further ones are turned away: a bound on memory.
const QUEUE: usize = 1024;
/// Closures that share a commit at the most, so that the first of them isn't kept waiting by the last.
const BATCH: usize = 64;
/// How long the writer looks for the next write after a commit that several shared, before it sleeps: others are on their way,
/// and to wake a thread takes as long.
const LOOKOUT: Duration = Duration::from_micros(200);
/// How often the writer looks after its files while nobody writes: what it can save it saves before somebody else begins anew.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a write may wait for its turn before it is turned away: longer than any queue takes on a disk that works, and
/// shorter than people and programs do.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A write that waits, then runs, then is answered.
trait Job: Send {
    /// Whether it may still run: who waits for it has not taken it back.
    fn begin(&mut self) -> bool;

    /// Runs it in a transaction; what went wrong, if something did. It may run again, after what it did was taken back.
    fn run(&mut self, conn: &Connection, known: &Known) -> Option<&Error>;

    /// Tells its result, or the fate of the commit that it was in.
    fn answer(self: Box<Self>, fate: &Result<()>);
}

struct Waiting<T, W, A> {
    claim: Claim,
    queued: Option<Counted<IntGauge>>,
    work: W,
    answer: A,
    result: Result<T>,
}

impl<T, W, A> Job for Waiting<T, W, A>
where
    T: Send,
    W: FnOnce(&Connection, &Known) -> Result<T> + Clone + Send,
    A: FnOnce(Result<T>) + Send,
{
    fn begin(&mut self) -> bool {
        self.queued = None;
        claim(&self.claim)
    }

    fn run(&mut self, conn: &Connection, known: &Known) -> Option<&Error> {
        let work = self.work.clone();
        self.result = catch_unwind(AssertUnwindSafe(|| work(conn, known)))
            .unwrap_or_else(|_| Err(Error::Internal("a rule panicked inside the writer".into())));
        self.result.as_ref().err()
    }

    fn answer(self: Box<Self>, fate: &Result<()>) {
        (self.answer)(fate.clone().and(self.result));
    }
}

#[derive(Clone)]
pub struct Writer {
    thread: Arc<Mutex<Option<Thread>>>,
    damage: Damage,
    figures: Database,
    /// The database, for syncing it, and the shared memory of its log. Closed after every connection: with any descriptor of a
    /// file that a process closes, it loses all locks on it (POSIX), and SQLite's with them.
    _files: Files,
}

type Files = (Arc<File>, Arc<File>);

struct Thread {
    jobs: SyncSender<Box<dyn Job>>,
    handle: JoinHandle<()>,
}

/// Held by whoever waits for a write. As long as it hasn't begun it can be taken back; dropping this does so.
pub struct Ticket(Claim);

/// Goes to whoever is first: the writer, which begins, or the holder of the ticket, who takes it back.
type Claim = Arc<AtomicBool>;

fn claim(claim: &Claim) -> bool {
    !claim.swap(true, Ordering::AcqRel)
}

impl Drop for Ticket {
    fn drop(&mut self) {
        claim(&self.0);
    }
}

/// Waits for an answer that was sent through `answered`; for so long at most, unless the write has begun by then.
pub async fn wait<T>(ticket: Ticket, mut answered: oneshot::Receiver<Result<T>>, patience: Duration) -> Result<T> {
    let answer = match tokio::time::timeout(patience, &mut answered).await {
        Ok(answer) => answer,
        Err(_) if claim(&ticket.0) => return Err(Error::Overloaded(1)),
        Err(_) => answered.await,
    };
    answer.map_err(|_| Error::Unavailable("the writer has stopped".into()))?
}

impl Writer {
    /// Takes over a connection to the database at `path`, which is in WAL mode and has read it.
    pub fn start(conn: Connection, path: &Path, figures: Database) -> Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let damage = Damage::default();
        let open = |path: &Path| File::open(path).map(Arc::new).map_err(|error| Error::Unavailable(error.to_string()));
        let (file, shared) = (open(path)?, open(&beside(path, "-shm"))?);
        let checkpoints = Checkpoints::take_over(&conn, path, file.clone())?;
        let (log, place, damaged) =
            (Log::take_over(&conn)?, Place::of(path, file.clone(), shared.clone())?, damage.clone());
        let files: Files = (file, shared);
        let commit_took = Cell::default();
        let (known, _files) = (Known::default(), files.clone());
        let storage = Storage { checkpoints, conn, known, log, place, damage: damaged, commit_took, _files };
        let measured = figures.clone();
        let handle = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || {
                run(&storage, &waiting, &measured);
                storage.close();
            })
            .map_err(Error::internal)?;
        Ok(Self { thread: Arc::new(Mutex::new(Some(Thread { jobs, handle }))), damage, figures, _files: files })
    }

    /// Queues `work`; `answer` is called with its result when that is durable, or with why it isn't.
    pub fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Known) -> Result<T> + Clone + Send + 'static,
        answer: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<Ticket> {
        let ticket = Ticket(Claim::default());
        let queued = Some(Counted::in_(self.figures.queued.clone()));
        let result = Err(Error::Internal("a write that did not run".into()));
        let job = Box::new(Waiting { claim: ticket.0.clone(), queued, work, answer, result });
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = &thread.as_ref().ok_or_else(|| Error::Unavailable("the server is stopping".into()))?.jobs;
        match jobs.try_send(job) {
            Ok(()) => Ok(ticket),
            Err(TrySendError::Full(_)) => Err(Error::Overloaded(1)),
            Err(TrySendError::Disconnected(_)) => Err(Error::Unavailable("the writer has stopped".into())),
        }
    }

    /// Heeds what a reader met: once the file is damaged nothing more is written.
    pub fn heed(&self, error: &Error) {
        self.damage.heed(error);
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

fn is_of_storage(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Damaged(_))
}

/// The next write: looked for as long as `lookout`, then waited for until it is time to look after the files.
fn next(waiting: &Receiver<Box<dyn Job>>, lookout: Duration) -> Result<Box<dyn Job>, RecvTimeoutError> {
    let begun = Instant::now();
    while begun.elapsed() < lookout {
        match waiting.try_recv() {
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
            found => return found.map_err(|_| RecvTimeoutError::Disconnected),
        }
    }
    waiting.recv_timeout(LOOK_EVERY)
}

fn run(storage: &Storage, waiting: &Receiver<Box<dyn Job>>, figures: &Database) {
    let mut jobs = Vec::with_capacity(BATCH);
    let mut trouble = Trouble::default();
    let mut lookout = Duration::ZERO;
    loop {
        let first = match next(waiting, lookout) {
            Ok(first) => first,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                lookout = Duration::ZERO;
                if let Err(error) = storage.look() {
                    trouble.note(&Err(error), 0);
                }
                continue;
            }
        };
        let begun = Instant::now();
        let fate = storage.batch(first, waiting, &mut jobs);
        figures.note(jobs.len(), begun.elapsed(), fate.is_ok());
        trouble.note(&fate, jobs.len());
        lookout = if jobs.len() > 1 { LOOKOUT } else { Duration::ZERO };
        for job in jobs.drain(..) {
            job.answer(&fate);
        }
        if fate.is_ok() {
            storage.checkpoints.consider(&storage.conn);
        }
    }
}

/// What the writer writes to.
struct Storage {
    /// Gone before the connection, whose end then puts the whole log away.
    checkpoints: Checkpoints,
    conn: Connection,
    /// What the closures of a transaction know from each other.
    known: Known,
    log: Log,
    place: Place,
    damage: Damage,
    /// How long the last commit took.
    commit_took: Cell<Duration>,
    /// See [`Writer`].
    _files: Files,
}

impl Storage {
    /// Closes the connection, which folds the log back into the file if nobody else has one; but never a log that must stay:
    /// one that is left open keeps SQLite from it, and the next start moves all of it again.
    fn close(self) {
        // Since the last look something may have happened.
        let _known_by_now = self.place.check();
        if self.checkpoints.have_failed() || self.place.has_lost() {
            std::mem::forget(self.conn);
        }
    }

    /// Runs what waits and commits it, all of it or nothing; `jobs` are those that are to be told.
    fn batch(&self, first: Box<dyn Job>, waiting: &Receiver<Box<dyn Job>>, jobs: &mut Vec<Box<dyn Job>>) -> Result<()> {
        let queue = std::iter::once(first).chain(waiting.try_iter());
        let mut queue = queue.filter_map(|mut job| job.begin().then_some(job));
        if let Err(error) = self.begin() {
            // Whoever waits by now would only wait for the same.
            jobs.extend(queue.take(QUEUE));
            return Err(error);
        }
        jobs.extend(queue.by_ref().take(BATCH));
        let begun = Instant::now();
        let mut spoilt = jobs.iter_mut().any(|job| self.spoils(job.as_mut()));
        while !spoilt && jobs.len() < BATCH && begun.elapsed() < self.commit_took.get() {
            let Some(mut late) = queue.next() else { break };
            spoilt = self.spoils(late.as_mut());
            jobs.push(late);
        }
        let ran = if spoilt { self.each_apart(jobs) } else { Ok(None) };
        self.finish(ran).inspect_err(|error| self.damage.heed(error))
    }

    /// Runs a closure; whether it spoils the transaction for others: it erred after it had changed something, or ended it.
    fn spoils(&self, job: &mut dyn Job) -> bool {
        let before = self.conn.total_changes();
        let erred = job.run(&self.conn, &self.known).map(is_of_storage);
        let changed = self.conn.total_changes() != before;
        self.conn.is_autocommit() || erred.is_some_and(|of_storage| of_storage || changed)
    }

    /// Begins anew and runs each in a savepoint of its own; what storage did to one of them, if it failed for that.
    fn each_apart(&self, jobs: &mut [Box<dyn Job>]) -> Result<Option<Error>> {
        let mut trouble = None;
        self.roll_back();
        self.begin()?;
        for job in jobs {
            execute(&self.conn, "savepoint closure")?;
            let erred =
                job.run(&self.conn, &self.known).map(|error| Some(error).filter(|error| is_of_storage(error)).cloned());
            if self.conn.is_autocommit() {
                // A full disk ended the transaction: nothing may run, or it would commit by itself.
                return Err(erred.flatten().unwrap_or_else(|| Error::Unavailable("the transaction has ended".into())));
            }
            if let Some(met) = erred {
                execute(&self.conn, "rollback to closure")?;
                trouble = trouble.or(met);
            }
            execute(&self.conn, "release closure")?;
        }
        Ok(trouble)
    }

    fn begin(&self) -> Result<()> {
        self.damage.check()?;
        execute(&self.conn, "begin immediate").inspect_err(|error| self.damage.heed(error))?;
        self.known.forget();
        // However long somebody else was let write before.
        self.look()
    }

    /// Makes sure that the files are still those that others will find. If they aren't, what can be saved is.
    fn look(&self) -> Result<()> {
        self.place.check().inspect_err(|_| {
            self.roll_back();
            self.save_log();
        })
    }

    /// Commits what ran, and makes sure that the files are still those that others will find.
    fn finish(&self, ran: Result<Option<Error>>) -> Result<()> {
        let committed = ran.and_then(|trouble| self.commit(trouble));
        if committed.is_err() {
            self.roll_back();
        }
        committed.map_err(|error| if is_of_storage(&error) { error } else { Error::Unavailable(error.cause()) })?;
        self.place.check()
    }

    /// `trouble` is what a closure met: the cause, if there is nothing left to commit.
    fn commit(&self, trouble: Option<Error>) -> Result<()> {
        if let Some(Error::Damaged(cause)) = trouble {
            return Err(Error::Damaged(cause));
        }
        let begun = Instant::now();
        let committed = self.log.in_one_write(|| execute(&self.conn, "commit"));
        self.commit_took.set(begun.elapsed());
        committed.map_err(|error| trouble.unwrap_or(error))
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            drop(execute(&self.conn, "rollback"));
        }
    }

    /// The log was deleted, and is open here all the same: what it holds is put into the database, before it is gone with
    /// this process.
    fn save_log(&self) {
        if self.place.lost_only_the_log()
            && let Err(error) = checkpoints::move_log(&self.conn)
        {
            tracing::error!(%error, "the log was deleted, and what it held can't be saved");
        }
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;
