//! A transaction of the writer: closures run in it one after the other, and are committed together.
//!
//! Who arrives while others run is taken along for as long as a commit takes, and then is for the next one: on a quick disk
//! everybody would wait for everybody, and then the writer for all of them.
//!
//! A closure that errs or panics takes nobody with it. Nearly all that err do so before they change anything; if one does
//! after it, all of the transaction is taken back, and each closure runs again in a savepoint of its own. Savepoints for all,
//! to begin with, would copy every page that is changed.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpoints::{self, Checkpoints};
use super::log::{Commit, Log};
use super::place::Place;
use super::trouble::Damage;
use super::writer::{Job, QUEUE};
use crate::error::{Error, Result};

/// Closures that share a commit at the most, so that the first of them isn't kept waiting by the last.
pub const BATCH: usize = 64;

/// What the writer writes to.
pub struct Storage {
    /// Gone before the connection, whose end then puts the whole log away.
    checkpoints: Checkpoints,
    conn: Connection,
    place: Place,
    damage: Damage,
    log: Arc<Log>,
    /// Whether commits don't wait for the disk.
    relaxed: Cell<bool>,
    /// How long the last commit took.
    commit_took: Cell<Duration>,
}

impl Storage {
    /// Takes over a connection to the database at `path`.
    pub fn open(conn: Connection, path: &Path, log: Arc<Log>, damage: Damage) -> Result<Self> {
        let checkpoints = Checkpoints::take_over(&conn, path)?;
        let (relaxed, commit_took) = (Cell::default(), Cell::default());
        Ok(Self { checkpoints, conn, place: Place::of(path), damage, log, relaxed, commit_took })
    }

    /// Runs what waits and commits it, all of it or nothing; `jobs` are those that are to be told. Where several share the
    /// commit, the disk has yet to be waited for.
    pub fn batch(
        &self,
        first: Box<dyn Job>,
        waiting: &Receiver<Box<dyn Job>>,
        jobs: &mut Vec<Box<dyn Job>>,
    ) -> Result<Option<Commit>> {
        let queue = std::iter::once(first).chain(waiting.try_iter());
        let mut queue = queue.filter_map(|mut job| job.begin().then_some(job));
        jobs.extend(queue.by_ref().take(BATCH));
        if let Err(error) = self.relax(jobs.len() > 1).and_then(|()| self.begin()) {
            // Whoever waits by now would only wait for the same.
            jobs.extend(queue.take(QUEUE));
            return Err(error);
        }
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

    /// Whether commits wait for the disk themselves: with nobody else to run meanwhile that is the shorter way.
    fn relax(&self, relaxed: bool) -> Result<()> {
        if self.relaxed.get() != relaxed {
            let how = if relaxed { "normal" } else { "full" };
            self.conn.execute_batch(&format!("pragma synchronous = {how}"))?;
            self.relaxed.set(relaxed);
        }
        Ok(())
    }

    /// Runs a closure; whether it spoils the transaction for others: it erred after it had changed something, or ended it.
    fn spoils(&self, job: &mut dyn Job) -> bool {
        let before = self.conn.total_changes();
        let erred = job.run(&self.conn).map(is_of_storage);
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
            let erred = job.run(&self.conn).map(|error| Some(error).filter(|error| is_of_storage(error)).cloned());
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
        self.place.check().inspect_err(|_| self.save_log())?;
        execute(&self.conn, "begin immediate").inspect_err(|error| self.damage.heed(error))?;
        self.log.mend().inspect_err(|_| self.roll_back())
    }

    /// Commits what ran, and makes sure that the files are still those that others will find.
    fn finish(&self, ran: Result<Option<Error>>) -> Result<Option<Commit>> {
        let commit = self.relaxed.get().then(|| self.log.begin());
        let of_storage = |error| if is_of_storage(&error) { error } else { Error::Unavailable(error.cause()) };
        let committed = ran.and_then(|trouble| self.commit(trouble)).map_err(of_storage);
        let finished = committed.and_then(|()| self.place.check());
        if finished.is_err() {
            self.roll_back();
            commit.into_iter().for_each(|commit| self.log.tell(commit));
        }
        finished.map(|()| commit)
    }

    /// `trouble` is what a closure met: the cause, if there is nothing left to commit.
    fn commit(&self, trouble: Option<Error>) -> Result<()> {
        if let Some(Error::Damaged(cause)) = trouble {
            return Err(Error::Damaged(cause));
        }
        let begun = Instant::now();
        let committed = execute(&self.conn, "commit");
        self.commit_took.set(begun.elapsed());
        if committed.is_ok() {
            self.checkpoints.note();
        }
        committed.map_err(|error| trouble.unwrap_or(error))
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            drop(execute(&self.conn, "rollback"));
        }
    }

    /// To be called now and then, by whoever has time.
    pub fn consider_checkpoint(&self) {
        self.checkpoints.consider(&self.conn);
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

fn is_of_storage(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Damaged(_))
}
