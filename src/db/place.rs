//! Whether the files that are open are still the ones at their path, and what they were. Somebody may delete, replace, empty or
//! overwrite them under a running server; SQLite would go on writing where nobody ever looks again, behind a hole, or into
//! something else.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beside;
use super::leftover::{Noted, is_of_log, noted_log};
use crate::error::{Error, Result};
use crate::files::{Identity, identity, look, read_start};

/// The database and what SQLite keeps beside it, each with what it was when it was opened, by which SQLite knows it, too.
pub struct Place {
    files: Vec<(PathBuf, Identity)>,
    database: Arc<File>,
    log: (PathBuf, File),
    shared: Arc<File>,
    lost: Cell<bool>,
}

/// What a database begins with while it has a log; the last two say that (SQLite's file format, 1.3). A backup has none.
const WITH_LOG: [(usize, &[u8]); 2] = [(0, b"SQLite format 3\0"), (18, &[2, 2])];

impl Place {
    /// The files of a database that is open, in WAL mode, from now on, and the shared memory of its log. All of them are there once
    /// it was read.
    pub fn of(path: &Path, database: Arc<File>, shared: Arc<File>) -> Result<Self> {
        let known = |path: PathBuf| match identity(&path) {
            Some(identity) => Ok((path, identity)),
            None => Err(Error::Unavailable(format!("{} is not there", path.display()))),
        };
        let files = ["", "-wal", "-shm"].map(|ending| known(beside(path, ending)));
        let files = files.into_iter().collect::<Result<_>>()?;
        let log = beside(path, "-wal");
        let opened = File::open(&log).map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self { files, database, log: (log, opened), shared, lost: Cell::new(false) })
    }

    /// # Errors
    ///
    /// [`Error::Unavailable`] naming the file that is not the same any more, or the log that lacks what was written last: it may
    /// be nowhere else, and what is written next would stand behind a hole.
    pub fn check(&self) -> Result<()> {
        // Noted before the log is measured: whoever else commits in between only makes it longer.
        let noted = self.noted();
        for (path, opened) in &self.files {
            let found = look(path);
            if found.map(|(identity, _)| identity) != Some(*opened) {
                let what = if path.exists() { "was replaced" } else { "was moved or deleted" };
                return Err(Error::Unavailable(format!(
                    "{} {what} while the server runs, so nothing is written. Put it back as it was, or start the server again",
                    path.display()
                )));
            }
            let left = found.map_or(0, |(_, length)| length);
            let noted = noted.as_ref().filter(|_| *path == self.log.0);
            let lacks = |noted: &&Noted| left < noted.bytes() || !is_of_log(&self.log.1, noted);
            // Whoever has moved all of it into the database may cut it off.
            if let Some(noted) = noted.filter(lacks).filter(|noted| self.noted().as_ref() == Some(*noted)) {
                let bytes = noted.bytes();
                let of = if left < bytes { format!(": of {bytes} bytes, {left} are left") } else { String::new() };
                return Err(self.lose(path, &format!("was cut off while the server runs{of}")));
            }
        }
        let mut header = [0; 20];
        let is_read = read_start(&self.database, &mut header).is_ok();
        if !is_read || WITH_LOG.iter().any(|(at, bytes)| !header[*at..].starts_with(bytes)) {
            return Err(self.lose(&self.files[0].0, "was emptied or overwritten while the server runs"));
        }
        Ok(())
    }

    /// Something of what was answered is gone.
    fn lose(&self, path: &Path, how: &str) -> Error {
        self.lost.set(true);
        Error::Unavailable(format!(
            "{} {how}, so nothing is written. Stop the server, and see what `rollcall check` says",
            path.display()
        ))
    }

    fn noted(&self) -> Option<Noted> {
        noted_log(&self.shared)
    }

    /// Whether something was cut off, emptied or overwritten: what is left of the log may end within a transaction, and the
    /// database may be another, so nothing of the one goes into the other.
    pub fn has_lost(&self) -> bool {
        self.lost.get()
    }

    /// Whether the database is where it was and something of what was beside it is gone, with nothing in its place: nobody else
    /// has opened it since, so what the log holds can still be saved.
    pub fn lost_only_the_log(&self) -> bool {
        let mut files = self.files.iter();
        let database = files.next().is_some_and(|(path, opened)| identity(path) == Some(*opened));
        let is_gone = |path: &PathBuf| !path.exists();
        database
            && files.clone().any(|(path, _)| is_gone(path))
            && files.all(|(path, opened)| identity(path) == Some(*opened) || is_gone(path))
    }
}
