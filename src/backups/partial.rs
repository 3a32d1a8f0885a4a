//! A file that isn't whole yet: it has a name of its own beside the one it is to get, and is gone if it never does.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::{cannot_write, there_already};
use crate::db::beside;
use crate::error::{Error, Result};
use crate::files::{folder_of, give_to_owner, sync_folder_of};

/// How its name ends.
const ENDING: &str = ".partial";

/// Held while it is written, so that what a killed process left is told from what another one is writing.
pub struct Partial {
    path: PathBuf,
    lock: File,
}

impl Partial {
    /// Begins the file that is to become `target`: empty, and for our own eyes only.
    pub fn begin(target: &Path) -> Result<Self> {
        let path = beside(target, ENDING);
        let cannot = |error: std::io::Error| cannot_write(target, &Error::Unavailable(error.to_string()));
        if path.exists() && !sweep(&path).map_err(cannot)? {
            let message = format!("Another process is writing {} just now.", target.display());
            return Err(Error::Conflict("being_written", message.into()));
        }
        let mut options = OpenOptions::new();
        // Never a file, or a link, that somebody else put there.
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).map_err(cannot)?;
        let partial = Self { path, lock };
        partial.lock.try_lock().map_err(|error| cannot_write(target, &Error::Unavailable(error.to_string())))?;
        Ok(partial)
    }

    /// The same for a file that belongs to whoever has its folder, though root makes it.
    pub fn begin_ours(target: &Path) -> Result<Self> {
        let partial = Self::begin(target)?;
        let given = give_to_owner(folder_of(target), &partial.lock);
        given.map_err(|error| cannot_write(target, &Error::Unavailable(error.to_string())))?;
        Ok(partial)
    }

    /// Takes away what is to become `target`, whoever writes it.
    pub fn forget(target: &Path) {
        let path = beside(target, ENDING);
        drop(fs::remove_file(&path));
        drop_journals(&path);
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, durably. Where a file must not be replaced, the system sees to it.
    pub fn become_whole(self, target: &Path, replace: bool) -> Result<()> {
        let cannot = |error: std::io::Error| cannot_write(target, &Error::Unavailable(error.to_string()));
        self.lock.sync_all().map_err(cannot)?;
        let linked = if replace { Ok(false) } else { fs::hard_link(&self.path, target).map(|()| true) };
        match linked {
            // Dropping it takes its first name away.
            Ok(true) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(there_already(target)),
            // Some file systems know no second name for a file.
            Ok(false) | Err(_) => fs::rename(&self.path, target).map_err(cannot)?,
        }
        sync_folder_of(target).map_err(cannot)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
        drop_journals(&self.path);
    }
}

/// What SQLite may have left beside it: it would take it for what is to be undone in the next file of that name.
fn drop_journals(path: &Path) {
    for ending in ["-wal", "-shm", "-journal"] {
        drop(fs::remove_file(beside(path, ending)));
    }
}

/// Takes the partial files of a folder away that nobody writes any more, if what they were to be called is ours.
pub fn sweep_all(folder: &Path, is_ours: impl Fn(&str) -> bool) {
    let is_ours = |name: &str| name.strip_suffix(ENDING).is_some_and(&is_ours);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)) {
        drop(sweep(&entry.path()));
    }
}

/// Takes a partial file away that nobody writes any more; whether it is gone.
fn sweep(path: &Path) -> std::io::Result<bool> {
    let left = File::open(path)?;
    if left.try_lock().is_err() {
        return Ok(false);
    }
    drop_journals(path);
    fs::remove_file(path).map(|()| true)
}
