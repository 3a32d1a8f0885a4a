//! Whether the files that are open are still the ones at their path, and the log as long as it was. Somebody may delete, replace
//! or empty them under a running server; SQLite would go on writing where nobody ever looks again, or behind a hole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beside;
use super::leftover::bytes_of_log;
use crate::error::{Error, Result};
use crate::files::{Identity, identity, look};

/// The database and what SQLite keeps beside it, each with what it was when it was opened, by which SQLite knows it, too.
pub struct Place {
    files: Vec<(PathBuf, Option<Identity>)>,
    log: PathBuf,
    shared: Option<Arc<File>>,
}

impl Place {
    /// The files of a database that is open, in WAL mode, from now on, and the shared memory of its log.
    pub fn of(database: &Path, shared: Option<Arc<File>>) -> Self {
        let files = ["", "-wal", "-shm"].map(|ending| beside(database, ending));
        let files = files.map(|path| (identity(&path), path)).map(|(identity, path)| (path, identity)).into();
        Self { files, log: beside(database, "-wal"), shared }
    }

    /// # Errors
    ///
    /// [`Error::Unavailable`] naming the file that is not the same any more, or the log that lacks what was written last: it may
    /// be nowhere else, and what is written next would stand behind a hole.
    pub fn check(&self) -> Result<()> {
        for (path, opened) in &self.files {
            let found = look(path);
            if opened.is_some() && found.map(|(identity, _)| identity) != *opened {
                let what = if path.exists() { "was replaced" } else { "was moved or deleted" };
                return Err(Error::Unavailable(format!(
                    "{} {what} while the server runs, so nothing is written. Put it back as it was, or start the server again",
                    path.display()
                )));
            }
            let noted = || self.shared.as_deref().and_then(bytes_of_log);
            if let Some((_, left)) = found.filter(|_| *path == self.log)
                && let Some(noted) = noted().filter(|noted| left < *noted)
            {
                return Err(Error::Unavailable(format!(
                    "{} was cut off while the server runs: of {noted} bytes, {left} are left, so nothing is written. Stop the \
                     server, and see what `rollcall check` says",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    /// Whether the database is where it was and what was beside it is gone, with nothing in its place: nobody else has
    /// opened it since, so what the log holds can still be saved.
    pub fn lost_only_the_log(&self) -> bool {
        let mut files = self.files.iter();
        let database = files.next().is_some_and(|(path, opened)| identity(path) == *opened);
        database && files.all(|(path, opened)| identity(path) == *opened || !path.exists())
    }
}
