//! Whether the files that are open are still the ones at their path, and the log as long as it was. Somebody may delete, replace
//! or empty them under a running server; SQLite would go on writing where nobody ever looks again, or behind a hole.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beside;
use super::leftover::{Noted, noted_log};
use crate::error::{Error, Result};
use crate::files::{Identity, identity, look};

/// The database and what SQLite keeps beside it, each with what it was when it was opened, by which SQLite knows it, too.
pub struct Place {
    files: Vec<(PathBuf, Identity)>,
    log: PathBuf,
    shared: Arc<File>,
    cut: Cell<bool>,
}

impl Place {
    /// The files of a database that is open, in WAL mode, from now on, and the shared memory of its log. All of them are there once
    /// it was read.
    pub fn of(database: &Path, shared: Arc<File>) -> Result<Self> {
        let known = |path: PathBuf| match identity(&path) {
            Some(identity) => Ok((path, identity)),
            None => Err(Error::Unavailable(format!("{} is not there", path.display()))),
        };
        let files = ["", "-wal", "-shm"].map(|ending| known(beside(database, ending)));
        let files = files.into_iter().collect::<Result<_>>()?;
        Ok(Self { files, log: beside(database, "-wal"), shared, cut: Cell::new(false) })
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
            let noted = noted.as_ref().filter(|noted| *path == self.log && left < noted.bytes());
            // Whoever has moved all of it into the database may cut it off.
            if let Some(noted) = noted.filter(|noted| self.noted().as_ref() == Some(*noted)) {
                self.cut.set(true);
                return Err(Error::Unavailable(format!(
                    "{} was cut off while the server runs: of {} bytes, {left} are left, so nothing is written. Stop the \
                     server, and see what `rollcall check` says",
                    path.display(),
                    noted.bytes()
                )));
            }
        }
        Ok(())
    }

    fn noted(&self) -> Option<Noted> {
        noted_log(&self.shared)
    }

    /// Whether the log was found cut off: what is left of it may end within a transaction, so nothing of it goes into the database.
    pub fn has_cut_log(&self) -> bool {
        self.cut.get()
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
