//! Copying a database while it is in use, and taking one out of use.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};

use super::{RowResult, inspect};
use crate::error::{Error, Result};
use crate::progress::{Step, Told};

/// Pages in one go, a MiB of them, and how long the disk is left to others in between.
const PAGES: i32 = 256;
const PAUSE: Duration = Duration::from_millis(1);

/// Copies the database at `from` as it is at this moment, what waits in its log included, into the empty file `to`, which
/// is durable then and a database in one file. It takes a few MiB of memory, whatever the size.
///
/// Writers go on meanwhile and never start it over: what is copied is the moment of one read transaction. Only the log
/// of the database can't be folded back before it ends, so it grows by what is written until then.
///
/// # Errors
///
/// [`Error::Damaged`] if what is copied can't be read.
pub fn copy(from: &Path, to: &Path, what: &'static str, told: Told) -> Result<()> {
    let source = inspect::open(from)?;
    source.execute_batch("begin")?;
    source.query_row("select count(*) from sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    let mut target = super::connect(to)?;
    // Nobody reads a copy that isn't complete, so nothing has to be brought back or put on the disk in between.
    target.execute_batch("pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000;")?;
    let copying = Backup::new(&source, &mut target)?;
    loop {
        let result = copying.step(PAGES)?;
        let (left, all) = (copying.progress().remaining, copying.progress().pagecount);
        let number = |pages: i32| u64::try_from(pages).unwrap_or_default();
        told(Step { what, done: number(all - left), of: number(all) })?;
        match result {
            StepResult::Done => break,
            _ => std::thread::sleep(PAUSE),
        }
    }
    drop(copying);
    drop(target);
    finish(to)?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|error| Error::Unavailable(error.to_string()))
}

/// Takes the mark off a copy that would have SQLite put a log beside it.
fn finish(path: &Path) -> RowResult<()> {
    super::connect(path)?.query_row("pragma journal_mode = delete", [], |row| row.get::<_, String>(0)).map(drop)
}

/// A database that nobody else can open while this is held.
pub struct Held(pub(super) Connection);

/// Takes a database out of use: folds its log into the file, and keeps everybody else away. None if the file is so
/// damaged that SQLite can't do that.
///
/// # Errors
///
/// [`Error::Conflict`] if somebody uses it.
pub fn hold(path: &Path) -> Result<Option<Held>> {
    let held = || {
        let conn = super::connect(path)?;
        conn.busy_timeout(Duration::from_secs(5))?;
        let mode: String = conn.query_row("pragma journal_mode = delete", [], |row| row.get(0))?;
        conn.execute_batch("begin exclusive")?;
        Ok((mode == "delete").then_some(conn))
    };
    let in_use = || {
        let message =
            "Another program is using the database: a command, or one that replicates it. Stop it, and try again.";
        Error::Conflict("database_in_use", message.into())
    };
    match held() {
        Ok(Some(conn)) => Ok(Some(Held(conn))),
        Ok(None) => Err(in_use()),
        Err(error) => match rusqlite::Error::sqlite_error_code(&error) {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(in_use()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(None),
            _ => Err(error.into()),
        },
    }
}

impl Held {
    /// Lets go of it.
    pub fn release(self) -> Result<()> {
        Ok(self.0.execute_batch("rollback")?)
    }
}

/// Folds the log of a database that nobody uses any more into its file, and takes the log away.
pub fn fold(path: &Path) -> Result<()> {
    let mode: String = super::connect(path)?.query_row("pragma journal_mode = delete", [], |row| row.get(0))?;
    if mode == "delete" {
        Ok(())
    } else {
        Err(Error::internal(format!("a database that nobody uses stays in mode {mode}")))
    }
}
