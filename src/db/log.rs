//! Making durable what was committed to the log (SQLite's `-wal`), beside the next commit.
//!
//! Where many write, SQLite commits without waiting for the disk, and the wait is here: the next transaction runs meanwhile.
//! Then a commit can be seen before it is durable, so whoever has seen it is not answered before it is. What was committed
//! after it stands behind it in the log: after a power cut the log ends at what was synced last, and nothing in it is missing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::beside;
use crate::error::{Error, Result};

pub struct Log {
    file: Mutex<LogFile>,
    /// The last commit that may be seen.
    begun: AtomicU64,
    /// The last one that is known to be durable, or to have failed.
    settled: watch::Sender<u64>,
}

struct LogFile {
    file: File,
    /// Whether the disk has taken all that it was given.
    sound: bool,
}

/// A commit that may be seen before it is durable.
#[derive(Clone, Copy)]
pub struct Commit(u64);

impl Log {
    /// That of a database which is open, in WAL mode.
    pub fn of(database: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(beside(database, "-wal")).map_err(Error::internal)?;
        let file = Mutex::new(LogFile { file, sound: true });
        Ok(Self { file, begun: AtomicU64::new(0), settled: watch::Sender::new(0) })
    }

    /// To be called before each commit that doesn't wait for the disk; [`Log::settle`] has to follow.
    pub fn begin(&self) -> Commit {
        Commit(self.begun.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Waits until the disk has what was committed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if it fails to: nobody knows then what it has of all that came since the last success, and that
    /// stays so until [`Log::mend`].
    pub fn settle(&self, commit: Commit) -> Result<()> {
        let mut log = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A later one may have been first, and has taken this one along.
        if log.sound && *self.settled.borrow() < commit.0 {
            log.sound = log.file.sync_data().is_ok();
        }
        self.tell(commit);
        if log.sound { Ok(()) } else { Err(failed("the disk failed to store what was written")) }
    }

    /// Lets go of who waits for a commit, whatever came of it.
    pub fn tell(&self, commit: Commit) {
        self.settled.send_if_modified(|settled| {
            let later = commit.0 > *settled;
            *settled = commit.0.max(*settled);
            later
        });
    }

    /// Waits until the fate is known of all that may have been seen until now.
    pub async fn seen(&self) {
        let begun = self.begun.load(Ordering::Acquire);
        if *self.settled.borrow() < begun {
            // It ends with the server at the latest.
            drop(self.settled.subscribe().wait_for(|settled| *settled >= begun).await);
        }
    }

    /// After a failed sync: gives the disk all of the log once more, since a second sync alone would succeed without having
    /// stored what the first one lost. To be called by who holds SQLite's lock to write.
    pub fn mend(&self) -> Result<()> {
        let mut log = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !log.sound {
            rewrite(&mut log.file).map_err(failed)?;
            log.sound = true;
        }
        Ok(())
    }
}

/// What the disk may have lost is in memory still, and on its way again once it was written.
fn rewrite(file: &mut File) -> io::Result<()> {
    let mut chunk = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return file.sync_data();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&chunk[..read])?;
        at += read as u64;
    }
}

fn failed(cause: impl ToString) -> Error {
    Error::Unavailable(format!("{}: see what the system's log says of the disk", cause.to_string()))
}
