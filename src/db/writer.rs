//! The single writer: one connection, many closures, one durable commit.
//!
//! It takes every closure that waits, runs one after the other, commits once, and only then answers them all. A lone write
//! waits for nobody; under load a commit is shared. Two threads take turns, so that one runs the next closures while the
//! other waits for the disk to have the last ones.
//!
//! Nobody waits for long in vain: who has waited for [`PATIENCE`], or has gone away, takes back what hasn't begun; and
//! when storage fails, all who wait are told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::log::Log;
use super::storage::{BATCH, Storage};
use super::trouble::{Damage, Trouble};
use crate::error::{Error, Result};
use crate::metrics::{Counted, Database};

/// Writes that may wait before further ones are turned away: a bound on memory.
pub const QUEUE: usize = 1024;
/// How long a write may wait for its turn before it is turned away: longer than any queue takes on a disk that works, and
/// shorter than people and programs do.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A write that waits, then runs, then is answered.
pub trait Job: Send {
    /// Whether it may still run: who waits for it has not taken it back.
    fn begin(&mut self) -> bool;

    /// Runs it in a transaction; what went wrong, if something did. It may run again, after what it did was taken back.
    fn run(&mut self, conn: &Connection) -> Option<&Error>;

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
    W: FnOnce(&Connection) -> Result<T> + Clone + Send,
    A: FnOnce(Result<T>) + Send,
{
    fn begin(&mut self) -> bool {
        self.queued = None;
        claim(&self.claim)
    }

    fn run(&mut self, conn: &Connection) -> Option<&Error> {
        let work = self.work.clone();
        self.result = catch_unwind(AssertUnwindSafe(|| work(conn)))
            .unwrap_or_else(|_| Err(Error::Internal("a rule panicked inside the writer".into())));
        self.result.as_ref().err()
    }

    fn answer(self: Box<Self>, fate: &Result<()>) {
        (self.answer)(fate.clone().and(self.result));
    }
}

#[derive(Clone)]
pub struct Writer {
    threads: Arc<Mutex<Option<Threads>>>,
    log: Arc<Log>,
    damage: Damage,
    figures: Database,
}

struct Threads {
    jobs: SyncSender<Box<dyn Job>>,
    handles: [JoinHandle<()>; 2],
}

/// What the threads share.
struct Turns {
    turn: Mutex<Turn>,
    log: Arc<Log>,
    trouble: Mutex<Trouble>,
    figures: Database,
}

/// Whose turn it is has these.
struct Turn {
    storage: Storage,
    waiting: Receiver<Box<dyn Job>>,
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
    /// Takes over a connection to the database at `path`, which is in WAL mode.
    pub fn start(conn: Connection, path: &Path, figures: Database) -> Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let (damage, log) = (Damage::default(), Arc::new(Log::of(path)?));
        let storage = Storage::open(conn, path, log.clone(), damage.clone())?;
        let turns = Arc::new(Turns {
            turn: Mutex::new(Turn { storage, waiting }),
            log: log.clone(),
            trouble: Mutex::default(),
            figures: figures.clone(),
        });
        let thread = |turns: Arc<Turns>| std::thread::Builder::new().name("writer".into()).spawn(move || turns.run());
        let handles = [thread(turns.clone()).map_err(Error::internal)?, thread(turns).map_err(Error::internal)?];
        Ok(Self { threads: Arc::new(Mutex::new(Some(Threads { jobs, handles }))), log, damage, figures })
    }

    /// Queues `work`; `answer` is called with its result when that is durable, or with why it isn't.
    pub fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Clone + Send + 'static,
        answer: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<Ticket> {
        let ticket = Ticket(Claim::default());
        let queued = Some(Counted::in_(self.figures.queued.clone()));
        let result = Err(Error::Internal("a write that did not run".into()));
        let job = Box::new(Waiting { claim: ticket.0.clone(), queued, work, answer, result });
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = &threads.as_ref().ok_or_else(|| Error::Unavailable("the server is stopping".into()))?.jobs;
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

    /// Waits until what may have been seen is durable.
    pub async fn seen(&self) {
        self.log.seen().await;
    }

    /// Finishes what was queued and closes the connection, which folds the WAL back into the file.
    pub fn stop(&self) {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Threads { jobs, handles }) = threads else { return };
        drop(jobs);
        for handle in handles {
            if handle.join().is_err() {
                tracing::error!("a thread of the writer ended in a panic");
            }
        }
    }
}

impl Turns {
    /// Whoever has the turn runs what waits, and passes it on while the disk takes what several share. A lone write is durable
    /// before, and the same thread goes on.
    fn run(&self) {
        let mut jobs = Vec::with_capacity(BATCH);
        let mut turn = self.take();
        loop {
            turn.storage.consider_checkpoint();
            let Ok(first) = turn.waiting.recv() else { return };
            let begun = Instant::now();
            match turn.storage.batch(first, &turn.waiting, &mut jobs) {
                Ok(Some(commit)) => {
                    drop(turn);
                    self.answer(begun, &mut jobs, &self.log.settle(commit));
                    turn = self.take();
                }
                fate => self.answer(begun, &mut jobs, &fate.map(drop)),
            }
        }
    }

    fn take(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, begun: Instant, jobs: &mut Vec<Box<dyn Job>>, fate: &Result<()>) {
        self.figures.note(jobs.len(), begun.elapsed(), fate.is_ok());
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).note(fate, jobs.len());
        for job in jobs.drain(..) {
            job.answer(fate);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    struct Test {
        writer: Writer,
        folder: tempfile::TempDir,
        answers: Sender<(&'static str, Result<()>)>,
        answered: Receiver<(&'static str, Result<()>)>,
    }

    impl Test {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.db");
            let conn = Connection::open(&path).unwrap();
            conn.execute_batch("pragma journal_mode = wal; create table names (name text) strict;").unwrap();
            let (answers, answered) = channel();
            Self { writer: Writer::start(conn, &path, Database::new().unwrap()).unwrap(), folder, answers, answered }
        }

        fn send(
            &self,
            name: &'static str,
            work: impl FnOnce(&Connection) -> Result<()> + Clone + Send + 'static,
        ) -> Ticket {
            let answers = self.answers.clone();
            let insert = move |conn: &Connection| {
                conn.execute("insert into names values (?1)", [name])?;
                work(conn)
            };
            self.writer.send(insert, move |result| answers.send((name, result)).unwrap()).unwrap()
        }

        /// Keeps the writer busy, so that what follows waits for one batch.
        fn hold(&self) -> (Ticket, Sender<()>) {
            let (let_go, held) = channel();
            let (begin, begun) = channel();
            let held = Arc::new(Mutex::new(held));
            let ticket = self.send("held", move |_| {
                begin.send(()).unwrap();
                held.lock().unwrap().recv().map_err(Error::internal)
            });
            begun.recv().unwrap();
            (ticket, let_go)
        }

        /// Bytes of the database, and of its log.
        fn sizes(&self) -> (u64, u64) {
            let size = |name| self.folder.path().join(name).metadata().map_or(0, |file| file.len());
            (size("test.db"), size("test.db-wal"))
        }

        /// Stops the writer; what is in the table then.
        fn names(&self) -> Vec<String> {
            self.writer.stop();
            let conn = Connection::open(self.folder.path().join("test.db")).unwrap();
            let mut names = conn.prepare("select name from names order by name").unwrap();
            names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }
    }

    #[test]
    fn a_rule_that_panics_or_errs_loses_its_own_write_only() {
        let test = Test::new();
        let (_held, let_go) = test.hold();
        let _waiting = [
            test.send("first", |_| Ok(())),
            test.send("panics", |_| panic!("as asked")),
            test.send("errs", |_| Err(Error::not_found("as asked"))),
            test.send("last", |_| Ok(())),
        ];
        let_go.send(()).unwrap();
        assert_eq!(test.names(), ["first", "held", "last"]);
        let answers: Vec<_> = test.answered.try_iter().map(|(name, result)| (name, result.err())).collect();
        let codes: Vec<_> =
            answers.iter().map(|(name, error)| (*name, error.as_ref().map_or("", Error::code))).collect();
        let expected = [("held", ""), ("first", ""), ("panics", "internal_error"), ("errs", "not_found"), ("last", "")];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_write_that_is_alone_and_fails_leaves_nothing() {
        let test = Test::new();
        let told = |ticket: Ticket| {
            let (_, result) = test.answered.recv().unwrap();
            drop(ticket);
            result.err().map(|error| error.code())
        };
        assert_eq!(told(test.send("errs", |_| Err(Error::not_found("as asked")))), Some("not_found"));
        assert_eq!(told(test.send("panics", |_| panic!("as asked"))), Some("internal_error"));
        assert_eq!(told(test.send("last", |_| Ok(()))), None);
        assert_eq!(test.names(), ["last"]);
    }

    /// However long somebody goes on writing.
    #[test]
    fn the_log_begins_anew_and_what_was_in_it_is_in_the_database() {
        let test = Test::new();
        let text = "x".repeat(64 * 1024);
        for _ in 0..700 {
            let text = text.clone();
            let write = move |conn: &Connection| {
                conn.execute("insert into names values (?1)", [text])?;
                Ok(())
            };
            let ticket = test.send("long", write);
            test.answered.recv().unwrap().1.unwrap();
            drop(ticket);
        }
        let (database, log) = test.sizes();
        assert!(log < 24 << 20, "{log} bytes of log after 44 MiB were written");
        assert!(database > 24 << 20, "{database} bytes are in the database");
        assert_eq!(test.names().len(), 1400);
    }

    #[tokio::test]
    async fn who_waits_too_long_or_goes_away_takes_back_what_has_not_begun() {
        let test = Test::new();
        let (held, let_go) = test.hold();
        let patience = Duration::from_millis(20);
        let gone = test.send("gone", |_| Ok(()));
        let (_answer, answered) = oneshot::channel::<Result<()>>();
        let refused = wait(test.send("late", |_| Ok(())), answered, patience).await.unwrap_err();
        assert_eq!((refused.code(), refused.retry_after()), ("overloaded", Some(1)));
        drop(gone);
        let kept = test.send("kept", |_| Ok(()));
        // What has begun is waited for, however long it takes.
        let (answer, answered) = oneshot::channel();
        let begun = tokio::spawn(wait(held, answered, patience));
        tokio::time::sleep(2 * patience).await;
        assert!(!begun.is_finished());
        answer.send(Ok(7)).unwrap();
        assert_eq!(begun.await.unwrap().unwrap(), 7);
        let_go.send(()).unwrap();
        assert_eq!(test.names(), ["held", "kept"]);
        drop(kept);
    }

    #[test]
    fn when_storage_fails_all_who_wait_are_told_at_once() {
        let test = Test::new();
        let (_held, let_go) = test.hold();
        let _waiting = [test.send("first", |_| Ok(())), test.send("last", |_| Ok(()))];
        std::fs::remove_file(test.folder.path().join("test.db")).unwrap();
        let_go.send(()).unwrap();
        let codes: Vec<_> = test.answered.iter().take(3).map(|(_, result)| result.unwrap_err().code()).collect();
        assert_eq!(codes, ["storage_unavailable"; 3]);
        test.writer.stop();
    }
}
