//! The data folder: which files it holds, who may read them, and the lock that says who serves from it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What the database is called in its folder.
pub const DATABASE: &str = "rollcall.db";

/// A data folder on disk: mode 0700, its files 0600.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Held while a server runs; the file's text is the address it serves at. The system lets go of it when the process
/// ends, however it ends.
#[derive(Debug)]
pub struct Lock(File);

impl Folder {
    /// Opens the folder, making it if it isn't there.
    pub fn open(path: &Path) -> Result<Self> {
        let cannot = |error| Error::Unavailable(format!("Cannot use the data folder {}: {error}.", path.display()));
        if !path.is_dir() {
            fs::create_dir_all(path).map_err(cannot)?;
            restrict(path, 0o700).map_err(cannot)?;
        }
        let folder = Self(path.to_owned());
        // The lock file tells a folder that cannot be written before SQLite does so in its own words.
        folder.private_file("rollcall.lock").map_err(cannot)?;
        folder.private_file(DATABASE).map_err(cannot)?;
        Ok(folder)
    }

    pub fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// Takes the lock for a server, or says who has it.
    pub fn lock(&self) -> Result<Lock> {
        let file = self.private_file("rollcall.lock").map_err(Error::internal)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Conflict(
                "folder_in_use",
                format!(
                    "Another Rollcall is serving from {}{}. Stop it, or choose another folder with --data.",
                    self.0.display(),
                    self.served_at().map(|url| format!(", at {url}")).unwrap_or_default(),
                )
                .into(),
            )),
            Err(TryLockError::Error(error)) => Err(Error::internal(error)),
        }
    }

    /// The address of the server that holds the lock, if one does.
    pub fn served_at(&self) -> Option<String> {
        let mut file = self.private_file("rollcall.lock").ok()?;
        if file.try_lock_shared().is_ok() {
            return None;
        }
        let mut address = String::new();
        file.read_to_string(&mut address).ok()?;
        Some(address.trim().to_owned()).filter(|address| !address.is_empty())
    }

    /// The text of the key file, made by `fresh` the first time.
    pub fn key(&self, fresh: impl FnOnce() -> Result<String>) -> Result<String> {
        let path = self.0.join("rollcall.key");
        if let Ok(key) = fs::read_to_string(&path)
            && !key.trim().is_empty()
        {
            return Ok(key);
        }
        let cannot = |error| Error::Unavailable(format!("Cannot write {}: {error}.", path.display()));
        let key = fresh()? + "\n";
        // Written aside and linked into place, so that two processes that start at once agree on one key.
        let draft = self.0.join(format!("rollcall.key.{}", std::process::id()));
        let mut file = private(&draft).map_err(cannot)?;
        file.write_all(key.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)?;
        let placed = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(cannot)?;
        match placed {
            Ok(()) => Ok(key),
            Err(_) => fs::read_to_string(&path).map_err(cannot),
        }
    }

    fn private_file(&self, name: &str) -> std::io::Result<File> {
        private(&self.0.join(name))
    }
}

impl Lock {
    /// Writes where the server can be reached, for the commands that work beside it.
    pub fn announce(&mut self, url: &str) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.write_all(url.as_bytes())
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}
