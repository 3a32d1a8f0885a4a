//! Whether the files that are open are still the ones at their path. Somebody may delete or replace them under a running
//! server; SQLite would go on writing where nobody ever looks again.

use std::path::{Path, PathBuf};

use super::beside;
use crate::error::{Error, Result};
use crate::files::{Identity, identity};

/// The database and what SQLite keeps beside it, each with what it was when it was opened, by which SQLite knows it, too.
pub struct Place(Vec<(PathBuf, Option<Identity>)>);

impl Place {
    /// The files of a database that is open, in WAL mode, from now on.
    pub fn of(database: &Path) -> Self {
        let files = ["", "-wal", "-shm"].map(|suffix| beside(database, suffix));
        Self(files.map(|path| (identity(&path), path)).map(|(identity, path)| (path, identity)).into())
    }

    /// # Errors
    ///
    /// [`Error::Unavailable`] naming the file that is not the same any more.
    pub fn check(&self) -> Result<()> {
        let lost = self.0.iter().find(|(path, opened)| opened.is_some() && identity(path) != *opened);
        let Some((path, _)) = lost else { return Ok(()) };
        let what = if path.exists() { "was replaced" } else { "was moved or deleted" };
        Err(Error::Unavailable(format!(
            "{} {what} while the server runs, so nothing is written. Put it back as it was, or start the server again",
            path.display()
        )))
    }

    /// Whether the database is where it was and what was beside it is gone, with nothing in its place: nobody else has
    /// opened it since, so what the log holds can still be saved.
    pub fn lost_only_the_log(&self) -> bool {
        let mut files = self.0.iter();
        let database = files.next().is_some_and(|(path, opened)| identity(path) == *opened);
        database && files.all(|(path, opened)| identity(path) == *opened || !path.exists())
    }
}
