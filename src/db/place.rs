//! Whether the files that are open are still the ones at their path, and what they were. Somebody may delete, replace, empty or
//! overwrite them under a running server; SQLite would go on writing where nobody ever looks again, behind a hole, or into
//! something else.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beside;
use super::leftover::{Noted, is_of_log, keeps_log, noted_log};
use crate::error::{Error, Result};
use crate::files::{Identity, identity, look};

/// The database and what SQLite keeps beside it.
pub struct Place {
    /// The database, its log, and the shared memory of that, each with what it was when it was opened, by which SQLite knows it, too.
    files: [(PathBuf, Identity); 3],
    database: Arc<File>,
    log: File,
    shared: Arc<File>,
    lost: Cell<bool>,
}

impl Place {
    /// The files of a database that is open, in WAL mode, from now on, and the shared memory of its log. All of them are there once
    /// it was read.
    pub fn of(path: &Path, database: Arc<File>, shared: Arc<File>) -> Result<Self> {
        let known = |ending| {
            let path = beside(path, ending);
            let identity = identity(&path);
            let gone = || Error::Unavailable(format!("{} is not there", path.display()));
            identity.ok_or_else(gone).map(|identity| (path.clone(), identity))
        };
        let files = [known("")?, known("-wal")?, known("-shm")?];
        let log = File::open(&files[1].0).map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self { files, database, log, shared, lost: Cell::new(false) })
    }

    /// # Errors
    ///
    /// [`Error::Unavailable`] naming the file that is not the same any more, the log that lacks what was written last, which may
    /// be nowhere else, or the database that is none of a server's any more.
    pub fn check(&self) -> Result<()> {
        // Noted before the log is measured: whoever else commits in between only makes it longer.
        let noted = self.noted();
        let [database, log, shared] = &self.files;
        same(database)?;
        let left = same(log)?;
        same(shared)?;
        let lacks = |noted: &Noted| left < noted.bytes() || !is_of_log(&self.log, noted);
        // Whoever has moved all of it into the database may cut it off.
        if let Some(noted) = noted.filter(lacks).filter(|noted| self.noted().as_ref() == Some(noted)) {
            let bytes = noted.bytes();
            let of = if left < bytes { format!(": of {bytes} bytes, {left} are left") } else { String::new() };
            let how = format!("was cut off while the server runs{of}");
            return Err(self.lose(&log.0, &how, "see what `rollcall check` says"));
        }
        if !keeps_log(&self.database) {
            let how = "was emptied or overwritten while the server runs";
            return Err(self.lose(&database.0, how, "restore a backup: rollcall restore --force FILE"));
        }
        Ok(())
    }

    /// Something of what was answered is gone.
    fn lose(&self, path: &Path, how: &str, cure: &str) -> Error {
        self.lost.set(true);
        Error::Unavailable(format!("{} {how}, so nothing is written. Stop the server, and {cure}", path.display()))
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
        let [database, beside @ ..] = &self.files;
        let is_there = |(path, opened): &(PathBuf, Identity)| identity(path) == Some(*opened);
        let is_gone = |(path, _): &(PathBuf, Identity)| !path.exists();
        is_there(database) && beside.iter().any(is_gone) && beside.iter().all(|file| is_there(file) || is_gone(file))
    }
}

/// The bytes of a file, if it is the one that was opened.
fn same((path, opened): &(PathBuf, Identity)) -> Result<u64> {
    let found = look(path);
    if let Some((_, length)) = found.filter(|(identity, _)| identity == opened) {
        return Ok(length);
    }
    let what = if found.is_some() { "was replaced" } else { "was moved or deleted" };
    Err(Error::Unavailable(format!(
        "{} {what} while the server runs, so nothing is written. Put it back as it was, or start the server again",
        path.display()
    )))
}
