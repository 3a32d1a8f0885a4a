//! The database: opening it, and lending a connection to the rules. The only place that names rusqlite or r2d2.
//!
//! `Db::read` runs a closure on a query-only connection inside one read transaction; `Db::write` sends one to the
//! writer thread. Both get a `now` that stands still while they run. Closures never begin or commit.

mod checkpoints;
pub mod copy;
pub mod inspect;
mod known;
pub mod later;
mod leftover;
mod log;
pub mod migrations;
mod place;
#[cfg(test)]
mod plans;
pub mod search;
mod trouble;
mod writer;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use scheduled_thread_pool::ScheduledThreadPool;

pub use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
pub use rusqlite::{Params, Row, params, params_from_iter};

use crate::clock::{Clock, Timestamp};
use crate::domain::actor::Actor;
use crate::domain::settings::Settings;
use crate::error::{Error, Result};
use crate::metrics::{Counted, Database};

use known::Known;

pub use leftover::{may_lack_its_log, require_whole, require_whole_log};
pub use migrations::SCHEMA_VERSION;

const SCHEMA: &str = include_str!("../../schema.sql");
/// Has the index of the search take up all who wait for it; `search_progress` is to be told.
pub const TAKE_UP: &str = "insert into user_search (rowid, terms)
                             select search_place(email_key, id), search_terms(email_key, name_key) from users
                              where id > (select indexed_to from search_progress) order by 1";
/// "Roll", so that `file(1)` and a restore can tell our file from any other SQLite file.
const APPLICATION_ID: i64 = 0x526f_6c6c;
/// Connections to read with: one for each of the threads that do, up to four. Each keeps what it has read.
fn readers() -> u32 {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4) as u32)
}

pub type RowResult<T> = rusqlite::Result<T>;

/// A connection that may look, who is asking, the moment it is, and what was decided for this server.
pub struct Read<'c> {
    conn: &'c Connection,
    /// Where this is one of several closures that share a transaction, what they know from each other.
    known: Option<&'c Known>,
    pub actor: Actor,
    pub now: Timestamp,
    pub settings: Settings,
}

/// A [`Read`] that may also change things; it lives inside the writer's transaction.
pub struct Write<'c>(Read<'c>);

impl<'c> Deref for Write<'c> {
    type Target = Read<'c>;

    fn deref(&self) -> &Read<'c> {
        &self.0
    }
}

impl DerefMut for Write<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<'c> Read<'c> {
    fn new(conn: &'c Connection, now: Timestamp, settings: Settings) -> Self {
        Self { conn, known: None, actor: Actor::nobody(), now, settings }
    }

    /// The same transaction in somebody else's name.
    pub fn acting_as(&mut self, actor: Actor) {
        self.actor = actor;
    }

    /// Every row, each turned into a `T`.
    pub fn all<T>(&self, sql: &str, params: impl Params, map: impl FnMut(&Row) -> RowResult<T>) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params, map)?;
        Ok(rows.collect::<RowResult<_>>()?)
    }

    /// The first row, if there is one.
    pub fn maybe<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row) -> RowResult<T>,
    ) -> Result<Option<T>> {
        Ok(self.conn.prepare_cached(sql)?.query_row(params, map).optional()?)
    }

    /// What `ask` finds, if that takes no more than about so many steps of SQLite's (`VM_STEP`); nothing if it would.
    pub fn within<T>(&self, steps: i32, ask: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        let bound = Bound::set(self.conn, steps)?;
        let found = ask();
        if bound.is_met() { Ok(None) } else { found.map(Some) }
    }

    /// The one row an aggregate or `exists` always has.
    pub fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<T> {
        Ok(self.conn.prepare_cached(sql)?.query_row(params, |row| row.get(0))?)
    }
}

impl Write<'_> {
    /// Runs a statement and says how many rows it changed.
    pub fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.0.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Inserts a row and says its id; nothing if the statement leaves a row as it is that was there before. `returning` would
    /// make a table for the one id.
    pub fn insert(&self, sql: &str, params: impl Params) -> Result<Option<i64>> {
        Ok((self.run(sql, params)? > 0).then(|| self.0.conn.last_insert_rowid()))
    }
}

/// The open database: a pool of readers, one writer, and the clock and the settings they share.
#[derive(Clone)]
pub struct Db {
    readers: r2d2::Pool<SqliteConnectionManager>,
    /// The thread that opens readers.
    opener: Arc<ScheduledThreadPool>,
    writer: writer::Writer,
    clock: Clock,
    settings: Settings,
    figures: Database,
}

impl Db {
    /// Opens the file, creating it from `schema.sql` if it isn't there. A file from a newer version, of another program,
    /// or that is no database at all is refused. That it is whole, see [`require_whole`], was looked at before any connection
    /// was open.
    pub fn open(path: &Path, clock: Clock, settings: Settings) -> Result<Self> {
        Self::try_open(path, clock, settings).map_err(|error| match error {
            Error::Internal(cause) | Error::Unavailable(cause) if cause.contains(TOO_MANY_FILES) => {
                let advice = "Nothing is wrong with it: let this process open more files (ulimit -n)";
                Error::Unavailable(format!("Cannot open {}: {cause}. {advice}.", path.display()))
            }
            Error::Unavailable(cause) if ADVICE.iter().any(|(_, advice)| cause.ends_with(advice)) => {
                Error::Unavailable(format!("Cannot open {}: {cause}.", path.display()))
            }
            Error::Internal(cause) | Error::Unavailable(cause) | Error::Damaged(cause) => Error::Unavailable(format!(
                "Cannot open {}: {cause}. Restore a backup, or choose another folder with --data.",
                path.display()
            )),
            error => error,
        })
    }

    fn try_open(path: &Path, clock: Clock, settings: Settings) -> Result<Self> {
        let writing =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, writing)?;
        configure(&conn)?;
        conn.execute_batch(SERVING)?;
        let is_new = require_ours(&conn)?;
        if is_new {
            // Nothing is there that a journal could keep, and to make one takes three syncs.
            conn.execute_batch("pragma journal_mode = off;")?;
        }
        let journal: String = conn.query_row("pragma journal_mode = wal", [], |row| row.get(0))?;
        if journal != "wal" {
            return Err(Error::Unavailable("SQLite can keep no log (WAL) beside it".into()));
        }
        conn.execute_batch("pragma synchronous = full; pragma journal_size_limit = 67108864;")?;
        if is_new {
            // In the log it takes one sync, before there is one it takes four.
            create(&mut conn, clock.now())?;
        }
        // A database that was restored has no log before somebody reads, and the writer watches over the one there is.
        conn.execute_batch(SNAPSHOT)?;
        // Readers keep read-write access to the shared-memory file that WAL needs; `query_only` is what stops them writing.
        let reading = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let manager = SqliteConnectionManager::file(path).with_flags(reading).with_init(|conn| {
            configure(conn)?;
            conn.execute_batch(SERVING)?;
            conn.execute_batch("pragma query_only = on;")
        });
        let opener = Arc::new(ScheduledThreadPool::new(1));
        let readers = r2d2::Pool::builder()
            .max_size(readers())
            .min_idle(Some(1))
            .test_on_check_out(false)
            .thread_pool(opener.clone())
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(Duration::from_secs(1)) // there is one for whoever reads; a folder that is gone gives none
            .build_unchecked(manager); // the first is opened beside the rest of the start
        let figures = Database::new()?;
        let writer = writer::Writer::start(conn, path, figures.clone())?;
        Ok(Self { readers, opener, writer, clock, settings, figures })
    }

    /// What is counted and measured here.
    pub fn figures(&self) -> &Database {
        &self.figures
    }

    /// Writes a page as it was, by the way of every write and as far as the disk: whether writing works at the moment.
    pub async fn try_write(&self) -> Result<()> {
        self.write(|w| w.run(&format!("pragma application_id = {APPLICATION_ID}"), []).map(drop)).await
    }

    /// The moment it is, by the clock that every rule goes by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs the closure on the calling thread, which costs less than handing it to another: what it asks is answered from
    /// indexes and the cache of pages, in microseconds.
    pub fn read<T>(&self, f: impl FnOnce(&mut Read) -> Result<T>) -> Result<T> {
        let waiting = Counted::in_(&self.figures.readers_waiting);
        let conn = self.readers.get().map_err(|_| Error::Overloaded(1))?;
        drop(waiting);
        let look = || {
            let mut snapshot = conn.prepare_cached(SNAPSHOT)?;
            let mut snapshot = snapshot.query([])?;
            snapshot.next()?;
            f(&mut Read::new(&conn, self.clock.now(), self.settings))
        };
        look().inspect_err(|error| self.writer.heed(error))
    }

    /// Runs the closure on the writer thread and answers once its change is durable. It may run again, if what it did was
    /// taken back for the sake of others, so all that it does is in the database.
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write) -> Result<T> + Clone + Send + 'static,
    {
        let (clock, settings) = (self.clock.clone(), self.settings);
        let (answer, answered) = tokio::sync::oneshot::channel();
        let ticket = self.writer.send(
            move |conn, known| f(&mut Write(Read { known: Some(known), ..Read::new(conn, clock.now(), settings) })),
            move |result| drop(answer.send(result)),
        )?;
        writer::wait(ticket, answered, writer::PATIENCE).await
    }

    /// [`Db::write`] that blocks the calling thread: for the command line.
    pub fn write_here<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Write) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let (clock, settings) = (self.clock.clone(), self.settings);
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let _ticket = self.writer.send(
            move |conn, known| f(&mut Write(Read { known: Some(known), ..Read::new(conn, clock.now(), settings) })),
            move |result| drop(answer.send(result)),
        )?;
        answered.recv().map_err(|_| Error::Unavailable("the writer has stopped".into()))?
    }

    /// Lets the writer finish what it was given, then closes its connection. Later writes are refused. The readers are
    /// closed when the last of this is dropped: none is still being opened then, to be closed some time later.
    pub fn close(&self) {
        self.writer.stop();
        let (opening, is_over) = std::sync::mpsc::channel::<()>();
        self.opener.execute(move || drop(opening));
        let _now_it_is = is_over.recv();
    }
}

/// A file that SQLite keeps beside a database: its log (`-wal`), the shared memory of that (`-shm`).
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Bytes of a database, and of what waits in its log.
pub fn size(path: &Path) -> u64 {
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    bytes(path) + bytes(&beside(path, "-wal"))
}

/// A bound on the steps that statements of a connection take together, until it is dropped: the one that meets it is
/// interrupted.
struct Bound<'c> {
    conn: &'c Connection,
    met: Arc<AtomicBool>,
}

impl<'c> Bound<'c> {
    /// Every how many steps it is looked at: SQLite may begin anywhere between.
    const EVERY: i32 = 1_000;

    fn set(conn: &'c Connection, steps: i32) -> RowResult<Self> {
        let met = Arc::new(AtomicBool::new(false));
        let (tell, mut left) = (met.clone(), steps / Self::EVERY);
        let count = move || {
            left -= 1;
            tell.fetch_or(left <= 0, Ordering::Relaxed);
            left <= 0
        };
        conn.progress_handler(Self::EVERY, Some(count))?;
        Ok(Self { conn, met })
    }

    fn is_met(&self) -> bool {
        self.met.load(Ordering::Relaxed)
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.conn.progress_handler(0, None::<fn() -> bool>) {
            tracing::error!(%error, "a bound on a question stays");
        }
    }
}

/// A connection to a file that is there.
fn connect(path: &Path) -> RowResult<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Has a connection sort on the disk, if there is room for it: an index is made of all its rows sorted, which are more than
/// memory should hold.
fn sort_on_disk(conn: &Connection) -> RowResult<()> {
    if tempfile::tempfile().is_ok() { conn.execute_batch("pragma temp_store = file;") } else { Ok(()) }
}

/// What every connection has in common.
fn configure(conn: &Connection) -> RowResult<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.set_prepared_statement_cache_capacity(128);
    search::register(conn)?;
    // A plan is made once for a statement, not anew for each `limit` that is given to it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.execute_batch(
        "pragma foreign_keys = on;
         pragma trusted_schema = off;
         pragma temp_store = memory;",
    )
}

/// A statement that has begun and not ended yet keeps what it reads as it was, for all others of its connection, too. One
/// such is cheaper than `begin` and `commit`.
const SNAPSHOT: &str = "select 1 from sqlite_schema";

/// What a connection has besides that stays open and reads the same pages over and over: room for 5 MB of them.
const SERVING: &str = "pragma cache_size = -5000;";

/// Refuses a file that isn't of this program's schema: an older one was upgraded before, if that is possible. Whether it
/// is empty yet.
fn require_ours(conn: &Connection) -> Result<bool> {
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let (version, application) = (number("pragma user_version")?, number("pragma application_id")?);
    match version {
        0 if is_empty(conn)? => return Ok(true),
        _ if application != APPLICATION_ID => return Err(Error::Unavailable("it belongs to another program".into())),
        SCHEMA_VERSION => {}
        older if older < migrations::FIRST => {
            return Err(Error::Unavailable("it was made by an unreleased Rollcall, and can't be brought over".into()));
        }
        older if older < SCHEMA_VERSION => {
            return Err(Error::Unavailable("it is older, and has to be upgraded first".into()));
        }
        newer => {
            return Err(Error::Unavailable(format!(
                "it was written by a newer Rollcall (its schema is {newer}, this one knows {SCHEMA_VERSION}); use that version"
            )));
        }
    }
    Ok(false)
}

/// Makes the tables, unless another process was faster.
fn create(conn: &mut Connection, now: Timestamp) -> Result<()> {
    let transaction = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if is_empty(&transaction)? {
        migrations::create(&transaction, now)?;
    }
    Ok(transaction.commit()?)
}

fn is_empty(conn: &Connection) -> RowResult<bool> {
    conn.query_row("select count(*) = 0 from sqlite_schema", [], |row| row.get(0))
}

/// As the system says that a process has no more file descriptors (`EMFILE`), or nobody has (`ENFILE`).
const TOO_MANY_FILES: &str = "Too many open files";

/// What can be wrong around the database, and what to do about it. It may pass, so it is tried again with every write.
const ADVICE: [(ErrorCode, &str); 8] = [
    (ErrorCode::DiskFull, "make room on the disk"),
    (ErrorCode::ReadOnly, "let the server's user write the data folder"),
    (ErrorCode::PermissionDenied, "let the server's user write the data folder"),
    (ErrorCode::CannotOpen, "see whether the data folder is still there, and may be written"),
    (ErrorCode::SystemIoFailure, "see whether the disk is full or broken; the system's log says more"),
    (ErrorCode::FileLockingProtocolFailed, "another program keeps the database locked; end it"),
    (ErrorCode::DatabaseBusy, "another program keeps the database locked; end it"),
    (ErrorCode::DatabaseLocked, "another program keeps the database locked; end it"),
];

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            return Self::Damaged(error.to_string());
        }
        match ADVICE.iter().find(|(passing, _)| Some(*passing) == code) {
            Some((_, advice)) => Self::Unavailable(format!("{error}: {advice}")),
            None => Self::Internal(error.to_string()),
        }
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> RowResult<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use super::*;

    /// What an answered write rests on: each commit is synced before it is answered.
    #[test]
    fn every_commit_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("rollcall.db"), Clock::system(), Settings::default()).unwrap();
        let pragma =
            |name: &'static str| db.write_here(move |w| w.value::<Value>(&format!("pragma {name}"), [])).unwrap();
        assert_eq!(pragma("synchronous"), Value::Integer(2), "full");
        assert_eq!(pragma("journal_mode"), Value::Text("wal".into()));
    }

    /// Whatever is written meanwhile, and even if a question of it was interrupted.
    #[test]
    fn a_read_sees_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("rollcall.db"), Clock::system(), Settings::default()).unwrap();
        let add =
            || db.write_here(|w| w.run("insert into upgrades select max(schema) + 1, null, 0, '' from upgrades", []));
        let count = |r: &Read| r.value::<i64>("select count(*) from upgrades", []).unwrap();
        db.read(|r| {
            let before = count(r);
            add()?;
            let long = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select count(*) from n";
            assert!(r.within(2_000, || r.value::<i64>(long, []))?.is_none(), "it was not interrupted");
            add()?;
            assert_eq!(count(r), before);
            Ok(())
        })
        .unwrap();
        assert_eq!(db.read(|r| Ok(count(r))).unwrap(), 3, "the next one sees all of it");
    }
}
