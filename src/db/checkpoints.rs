//! Moving what is in the log into the database: beside the writer, so that no commit waits for it.
//!
//! SQLite would do so in the commit that finds the log long. Here a thread with a connection of its own does. What is
//! written meanwhile is left to the writer, which moves that short rest between two commits: the log begins anew only when
//! all of it was moved. Only then SQLite syncs the database, too, so the thread does that for what it moved.

use std::cell::Cell;
use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ffi::SQLITE_IOERR_FSYNC;

use super::RowResult;
use crate::error::{Error, Result};
use crate::limits::Seldom;

/// Pages that are added to the log before it is moved: 32 MiB. Those that change all the time are in it many times, and
/// moved once.
const DUE: c_int = 8000;

thread_local! {
    /// Pages in the log after the last commit of this thread.
    static LOG: Cell<c_int> = const { Cell::new(0) };
}

/// Ends when it is dropped.
pub struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Pages in the log at which the thread is woken next.
    next: Cell<c_int>,
    /// Whether it has moved all but the rest, or could not: then all of it is the rest.
    moved: Arc<AtomicBool>,
    /// Whether what it moved may not be on the disk.
    failed: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Takes over from SQLite what `conn` writes to the database at `path`, which is the `file`.
    pub fn take_over(conn: &Connection, path: &Path, file: Arc<File>) -> Result<Self> {
        conn.wal_hook(Some(|_, pages| {
            LOG.set(pages);
            Ok(())
        }));
        let (path, moved, failed) = (path.to_owned(), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (has_moved, has_failed, (wake, woken)) = (moved.clone(), failed.clone(), sync_channel(1));
        let work = move || {
            if let Err(error) = run(&path, &file, &woken, &has_moved) {
                give_up(&has_failed, &error);
            }
        };
        let thread = std::thread::Builder::new().name("checkpoints".into()).spawn(work).map_err(Error::internal)?;
        Ok(Self { wake: Some(wake), thread: Some(thread), next: Cell::new(DUE), moved, failed })
    }

    /// Whether the log must stay, since it has what the database may not.
    pub fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// To be called after each commit of `conn`, on the thread that made it.
    pub fn consider(&self, conn: &Connection) {
        if self.have_failed() {
            return;
        }
        let pages = LOG.get();
        if self.moved.swap(false, Ordering::AcqRel) {
            if let Err(error) = checkpoint(conn) {
                give_up(&self.failed, &error);
            }
            // If a reader still needs a part of it, the log goes on.
            self.next.set(pages + DUE);
        } else if pages >= self.next.get() {
            self.next.set(pages + DUE);
            if let Some(wake) = &self.wake {
                let _already_woken = wake.try_send(());
            }
        } else if pages < DUE {
            self.next.set(DUE);
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of checkpoints ended in a panic");
        }
    }
}

/// Moves the log whenever it is woken, until nobody needs that any more, or a sync fails.
fn run(path: &Path, file: &File, woken: &Receiver<()>, moved: &AtomicBool) -> io::Result<()> {
    let mut open = None;
    while woken.recv().is_ok() {
        // Most servers never write enough to need it.
        if open.is_none() {
            open = connect(path).inspect_err(|error| tracing::warn!(%error, "the log can't be moved")).ok();
        }
        if let Some(conn) = &open {
            checkpoint(conn)?;
            file.sync_data()?;
        }
        moved.store(true, Ordering::Release);
    }
    Ok(())
}

fn connect(path: &Path) -> RowResult<Connection> {
    let conn = super::connect(path)?;
    conn.execute_batch("pragma synchronous = full; pragma query_only = on;")?;
    Ok(conn)
}

static FAILED: Seldom = Seldom::every(Duration::from_secs(1));

/// Moves what the log has and no reader needs there any more.
pub fn move_log(conn: &Connection) -> RowResult<()> {
    conn.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))
}

/// The same, if it can be. Nothing is lost if not: the log still has it.
///
/// # Errors
///
/// That of a sync: what was moved may be lost, and is in the log alone.
fn checkpoint(conn: &Connection) -> io::Result<()> {
    let Err(error) = move_log(conn) else { return Ok(()) };
    if error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_FSYNC) {
        return Err(io::Error::other(error));
    }
    if let Some(left_out) = FAILED.due() {
        tracing::warn!(%error, left_out, "the log can't be moved into the database; the next writes try it again");
    }
    Ok(())
}

/// Leaves the log as it is. The sync of an operating system tells of a failure once, and then has forgotten what was to be
/// written: one that succeeds later would prove nothing.
fn give_up(failed: &AtomicBool, error: &io::Error) {
    tracing::error!(%error, "the database can't be synced; its log keeps all until the next start, which moves it again");
    failed.store(true, Ordering::Release);
}
