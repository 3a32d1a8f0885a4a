//! Moving what is in the log into the database: beside the writer, so that no commit waits for it.
//!
//! SQLite would do so in the commit that finds the log long. Here a thread with a connection of its own does; what is
//! written meanwhile stays in the log, which begins anew only when all of it was moved. If that never happens by itself,
//! because somebody always writes, the writer moves the short rest.

use std::cell::Cell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use crate::error::{Error, Result};
use crate::limits::Seldom;

/// Pages in the log from which on it is moved: 4 MiB, as SQLite has it.
const DUE: c_int = 1000;
/// And from which on the writer sees to it that it begins anew: 16 MiB.
const OVERDUE: c_int = 4 * DUE;

thread_local! {
    /// Pages in the log after the last commit of this thread.
    static LOG: Cell<c_int> = const { Cell::new(0) };
}

/// Ends when it is dropped.
pub struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Takes over from SQLite what `conn` writes to the database at `path`.
    pub fn take_over(conn: &Connection, path: &Path) -> Result<Self> {
        conn.wal_hook(Some(|_, pages| {
            LOG.set(pages);
            Ok(())
        }));
        let path = path.to_owned();
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoints".into()).spawn(move || run(&path, &woken));
        Ok(Self { wake: Some(wake), thread: Some(thread.map_err(Error::internal)?) })
    }

    /// To be called after each commit of `conn`, on the thread that made it.
    pub fn consider(&self, conn: &Connection) {
        match LOG.get() {
            ..DUE => {}
            DUE..OVERDUE => drop(self.wake.as_ref().map(|wake| wake.try_send(()))),
            OVERDUE.. => checkpoint(conn),
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

fn run(path: &Path, woken: &Receiver<()>) {
    let mut open = None;
    while woken.recv().is_ok() {
        // Most servers never write enough to need it.
        if open.is_none() {
            open = connect(path).inspect_err(|error| tracing::warn!(%error, "the log can't be moved")).ok();
        }
        if let Some(conn) = &open {
            checkpoint(conn);
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.execute_batch("pragma synchronous = full; pragma query_only = on;")?;
    Ok(conn)
}

static FAILED: Seldom = Seldom::new();

/// Moves what no reader needs any more where it is. Nothing is lost if that fails: the log still has it.
fn checkpoint(conn: &Connection) {
    if let Err(error) = conn.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())) {
        if let Some(left_out) = FAILED.due() {
            tracing::warn!(%error, left_out, "the log can't be moved into the database; the next writes try it again");
        }
    }
}
