//! The single writer: one thread, one connection, many closures, one durable commit.
//!
//! It takes every closure that waits, runs each as if it were alone, commits once, and only then answers them all.
//! A lone write waits for nobody; under load a commit is shared. Who arrives while others run is taken along for as long as
//! a commit takes, and then is for the next one: on a quick disk everybody would wait for everybody, and then the writer
//! for all of them.
//! A closure that errs or panics rolls back to its own savepoint and takes nobody with it; one that is alone needs none.
//!
//! Nobody waits for long in vain: who has waited for [`PATIENCE`], or has gone away, takes back what hasn't begun; and
//! when storage fails, all who wait are told.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoints::{self, Checkpoints};
use super::place::Place;
use super::trouble::{Damage, Trouble};
use crate::error::{Error, Result};
use crate::metrics::{Counted, Database};

/// Writes that may wait before further ones are turned away: a bound on memory.
const QUEUE: usize = 1024;
/// Closures that share a commit at the most, so that the first of them isn't kept waiting by the last.
const BATCH: usize = 64;
/// How long a write may wait for its turn before it is turned away: longer than any queue takes on a disk that works, and
/// shorter than people and programs do.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Runs in the transaction, or is told that there is none. Nothing comes of a write that was taken back.
type Job = Box<dyn FnOnce(Result<Turn, &Error>) -> Option<Ran> + Send>;
type Answer = Box<dyn FnOnce(&Result<()>) + Send>;

/// A write that has run and waits for the commit.
struct Ran {
    /// Called with the fate of the commit.
    answer: Answer,
    /// What storage did to it, if it failed for that.
    trouble: Option<Error>,
}

/// The transaction that a closure runs in.
#[derive(Clone, Copy)]
struct Turn<'c> {
    conn: &'c Connection,
    /// Whether no other closure is in it.
    alone: bool,
}

#[derive(Clone)]
pub struct Writer {
    thread: Arc<Mutex<Option<Thread>>>,
    damage: Damage,
    figures: Database,
}

struct Thread {
    jobs: SyncSender<Job>,
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
    /// Takes over a connection to the database at `path`, which is in WAL mode.
    pub fn start(conn: Connection, path: &Path, figures: Database) -> Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let damage = Damage::default();
        let checkpoints = Checkpoints::take_over(&conn, path)?;
        let storage =
            Storage { checkpoints, conn, place: Place::of(path), damage: damage.clone(), commit_took: Cell::default() };
        let measured = figures.clone();
        let handle = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || run(&storage, &waiting, &measured))
            .map_err(Error::internal)?;
        Ok(Self { thread: Arc::new(Mutex::new(Some(Thread { jobs, handle }))), damage, figures })
    }

    /// Queues `work`; `answer` is called with its result when that is durable, or with why it isn't.
    pub fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        answer: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<Ticket> {
        let ticket = Ticket(Claim::default());
        let begun = ticket.0.clone();
        let queued = Counted::in_(self.figures.queued.clone());
        let job: Job = Box::new(move |transaction| {
            drop(queued);
            if !claim(&begun) {
                return None;
            }
            let result = transaction.map_err(Clone::clone).and_then(|turn| turn.take(work));
            let trouble = result.as_ref().err().filter(|error| is_of_storage(error)).cloned();
            let answer = |fate: &Result<()>| answer(fate.clone().and(result));
            Some(Ran { answer: Box::new(answer), trouble })
        });
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

fn run(storage: &Storage, waiting: &Receiver<Job>, figures: &Database) {
    let mut answers = Vec::with_capacity(BATCH);
    let mut trouble = Trouble::default();
    while let Ok(first) = waiting.recv() {
        let begun = Instant::now();
        let fate = storage.batch(first, waiting, &mut answers);
        figures.note(answers.len(), begun.elapsed(), fate.is_ok());
        trouble.note(&fate, answers.len());
        for answer in answers.drain(..) {
            answer(&fate);
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
    place: Place,
    damage: Damage,
    /// How long the last commit took.
    commit_took: Cell<Duration>,
}

impl Storage {
    /// Runs what waits and commits it; what becomes of it all is for `answers`.
    fn batch(&self, first: Job, waiting: &Receiver<Job>, answers: &mut Vec<Answer>) -> Result<()> {
        let jobs = std::iter::once(first).chain(waiting.try_iter());
        if let Err(error) = self.begin() {
            // Whoever waits by now would only wait for the same.
            answers.extend(jobs.take(QUEUE).filter_map(|job| job(Err(&error))).map(|ran| ran.answer));
            return Err(error);
        }
        let mut trouble = None;
        let together: Vec<_> = jobs.take(BATCH).collect();
        let (turn, begun) = (Turn { conn: &self.conn, alone: together.len() == 1 }, Instant::now());
        let take_along = || !turn.alone && begun.elapsed() < self.commit_took.get();
        let late = std::iter::from_fn(|| take_along().then(|| waiting.try_recv().ok()).flatten());
        let all = together.into_iter().chain(late).take(BATCH);
        for Ran { answer, trouble: met } in all.filter_map(|job| job(Ok(turn))) {
            answers.push(answer);
            trouble = trouble.or(met);
        }
        self.finish(trouble).inspect_err(|error| self.damage.heed(error))
    }

    fn begin(&self) -> Result<()> {
        self.damage.check()?;
        self.place.check().inspect_err(|_| self.save_log())?;
        execute(&self.conn, "begin immediate").inspect_err(|error| self.damage.heed(error))
    }

    /// Commits, and makes sure that the files are still those that others will find. `trouble` is what a closure met: the
    /// cause, if there is nothing left to commit.
    fn finish(&self, trouble: Option<Error>) -> Result<()> {
        let committed = match trouble {
            Some(Error::Damaged(cause)) => Err(Error::Damaged(cause)),
            trouble => {
                let begun = Instant::now();
                let committed = execute(&self.conn, "commit");
                self.commit_took.set(begun.elapsed());
                committed.map_err(|error| trouble.unwrap_or(error))
            }
        };
        if committed.is_err() && !self.conn.is_autocommit() {
            drop(execute(&self.conn, "rollback"));
        }
        committed.map_err(|error| if is_of_storage(&error) { error } else { Error::Unavailable(error.cause()) })?;
        self.place.check()
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

impl Turn<'_> {
    /// Runs a closure, and takes back what it did if it errs or panics.
    fn take<T>(self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let Self { conn, alone } = self;
        if conn.is_autocommit() {
            // A full disk ended the transaction: nothing may run, or it would commit by itself.
            return Err(Error::Unavailable("there is no transaction to write in".into()));
        }
        // A savepoint keeps a copy of every page that is changed in it.
        let (begin, end, undo): (&[_], &[_], &[_]) = match alone {
            true => (&[], &[], &["rollback", "begin"]),
            false => (&["savepoint closure"], &["release closure"], &["rollback to closure", "release closure"]),
        };
        let run = |sql: &[&str]| sql.iter().try_for_each(|sql| execute(conn, sql));
        run(begin)?;
        let result = catch_unwind(AssertUnwindSafe(|| work(conn)))
            .unwrap_or_else(|_| Err(Error::Internal("a rule panicked inside the writer".into())));
        if !conn.is_autocommit() {
            run(if result.is_ok() { end } else { undo })?;
        }
        result
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
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

        fn send(&self, name: &'static str, work: impl FnOnce(&Connection) -> Result<()> + Send + 'static) -> Ticket {
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
            let ticket = self.send("held", move |_| {
                begin.send(()).unwrap();
                held.recv().map_err(Error::internal)
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
