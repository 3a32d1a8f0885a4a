//! The data folder: which files it holds, who may read them, and the lock that says who serves from it.

mod key_file;
mod snapshots;

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files::{folder_of, give_to_owner};

pub use key_file::{KeyFile, Version};

/// What the database is called in its folder.
pub const DATABASE: &str = "rollcall.db";
/// What the folder in it is called that backups are kept in, unless they are kept elsewhere.
pub const BACKUPS: &str = "backups";
const KEY: &str = "rollcall.key";
const LOCK: &str = "rollcall.lock";

/// A data folder on disk: mode 0700, its files 0600. One that others can get at is refused: whoever can write in it can
/// put files, or links, in the place of ours.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// How long, and how often, a lock is waited for that no server seems to hold.
const GLANCE: Duration = Duration::from_millis(10);
const GLANCES: u32 = 20;

/// Held while a server runs; the file's text is the address it serves at. The system lets go of it when the process
/// ends, however it ends.
#[derive(Debug)]
pub struct Lock(File);

impl Folder {
    /// Opens the folder, making it if it isn't there.
    pub fn open(path: &Path) -> Result<Self> {
        let cannot = |error| Error::Unavailable(format!("Cannot use the data folder {}: {error}.", path.display()));
        if !path.is_dir() {
            make(path).map_err(cannot)?;
        } else if fs::read_dir(path).map_err(cannot)?.next().is_none() {
            // Nothing in it is anybody else's: it becomes ours.
            restrict(path, 0o700).map_err(cannot)?;
        }
        let folder = Self(path.to_owned());
        folder.require_private()?;
        if folder.database().is_symlink() {
            return Err(Error::Unavailable(format!(
                "{} is a link, and SQLite keeps the log of a database where that itself lies. Move the database here, or \
                 choose the folder it is in with --data.",
                folder.database().display()
            )));
        }
        // The lock file tells a folder that cannot be written before SQLite does so in its own words.
        folder.private_file(LOCK).map_err(cannot)?;
        folder.make_database().map_err(cannot)?;
        Ok(folder)
    }

    /// Nothing is mended silently: who opened it to others may have had a reason, or others may have been there already.
    fn require_private(&self) -> Result<()> {
        let look = |path: &Path, closed| match fs::metadata(path) {
            Ok(metadata) => require_private(path, &metadata, closed),
            Err(_) => Ok(()),
        };
        look(&self.0, "700")?;
        look(&self.0.join(BACKUPS), "700")?;
        // The database's name begins those of its log, of its snapshots and of drafts; the key has rules of its own.
        let ours = |name: &str| name == LOCK || name.starts_with(DATABASE);
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(ours) {
                look(&entry.path(), "600")?;
            }
        }
        Ok(())
    }

    /// An empty file for SQLite to fill. One that is there is left alone: closing a file lets go of all the locks that this
    /// process has on it, SQLite's included.
    fn make_database(&self) -> std::io::Result<()> {
        if self.database().exists() { Ok(()) } else { self.private_file(DATABASE).map(drop) }
    }

    pub fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// Whether a file would be one of those the folder is there for, or lie in its way.
    pub fn owns(&self, file: &Path) -> bool {
        let is_here = matches!((folder_of(file).canonicalize(), self.0.canonicalize()), (Ok(a), Ok(b)) if a == b);
        let is_ours = |name: &str| name == BACKUPS || name.starts_with("rollcall.");
        is_here && file.file_name().and_then(|name| name.to_str()).is_none_or(is_ours)
    }

    /// Takes the lock for a server, or says who has it.
    pub fn lock(&self) -> Result<Lock> {
        let file = self.private_file(LOCK).map_err(Error::internal)?;
        let mut tried = file.try_lock();
        // Who asks where a server is holds it for a moment, and it isn't a server.
        for _ in 0..GLANCES {
            if !matches!(tried, Err(TryLockError::WouldBlock)) || self.served_at().is_some() {
                break;
            }
            std::thread::sleep(GLANCE);
            tried = file.try_lock();
        }
        match tried {
            Ok(()) => {
                // What it says is of the server before.
                file.set_len(0).and_then(|()| self.forget_second_names()).map_err(Error::internal)?;
                self.sweep_key_drafts();
                Ok(Lock(file))
            }
            Err(TryLockError::WouldBlock) => Err(Error::Conflict(
                "folder_in_use",
                match self.served_at() {
                    Some(url) => format!(
                        "Another Rollcall is serving from {}, at {url}. Stop it, or choose another folder with --data.",
                        self.0.display()
                    ),
                    None => format!(
                        "Another Rollcall is starting, upgrading or stopping in {}. Wait for it, or stop it.",
                        self.0.display()
                    ),
                }
                .into(),
            )),
            Err(TryLockError::Error(error)) => Err(Error::internal(error)),
        }
    }

    /// The address of the server that holds the lock, if one does.
    pub fn served_at(&self) -> Option<String> {
        let mut file = self.private_file(LOCK).ok()?;
        if file.try_lock_shared().is_ok() {
            return None;
        }
        let mut address = String::new();
        file.read_to_string(&mut address).ok()?;
        Some(address.trim().to_owned()).filter(|address| !address.is_empty())
    }

    /// Whether a key is kept here.
    pub fn has_key(&self) -> bool {
        self.0.join(KEY).exists()
    }

    /// The file of the keys: here, or `elsewhere`.
    pub fn key_file(&self, elsewhere: Option<&Path>) -> Result<KeyFile> {
        KeyFile::of(self, elsewhere)
    }

    fn private_file(&self, name: &str) -> std::io::Result<File> {
        let path = self.0.join(name);
        match make_private_file(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                OpenOptions::new().read(true).write(true).open(&path)
            }
            made => made.and_then(|file| give_to_owner(&self.0, &file).map(|()| file)),
        }
    }
}

impl Lock {
    /// Writes where the server can be reached, for the commands that work beside it.
    pub fn announce(&self, url: &str) -> std::io::Result<()> {
        self.0.set_len(0)?;
        (&self.0).write_all(url.as_bytes())
    }
}

/// Never a file, or a link, that somebody else put there.
fn make_private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder that was never open to others, with those above it.
fn make(path: &Path) -> std::io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    make_private(path)
}

/// Makes a folder that was never open to others, if it isn't there. What it is to be in has to be: where that was moved
/// away, or its disk isn't mounted, another one in its place would pass for it.
pub fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Two processes may start at once.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
        // Whatever the umask takes away.
        Ok(()) => restrict(path, 0o700),
    }
}

/// Refuses what others can read or write; `closed` is the mode it should have.
#[cfg(unix)]
fn require_private(path: &Path, metadata: &Metadata, closed: &str) -> Result<()> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(Error::Unavailable(format!(
        "Other users of this machine can get at {path} (its mode is {mode:o}). Close it to them: chmod {closed} {path}"
    )))
}

#[cfg(not(unix))]
fn require_private(_: &Path, _: &Metadata, _: &str) -> Result<()> {
    Ok(())
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
