//! The file that the keys are in: read only while it is closed to others, and replaced in one step.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Folder, make_private_file, require_private};
use crate::db::beside;
use crate::error::{Error, Result};
use crate::files::{folder_of, give_to_owner, keep_owner, sync_folder_of};

/// Where the keys are: in the data folder, or where a setting says.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
    /// Whether it is in the data folder, where it is made if it isn't there.
    ours: bool,
    /// The user who owns the files of the data folder, where there are such things.
    owner: Option<u32>,
}

/// What changes whenever the file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// The largest key file that is read, in bytes: some hundred keys.
const LARGEST: u64 = 16 * 1024;

/// How the name of a draft ends, which is no copy that somebody made.
const DRAFT: &str = ".draft";
/// A draft of a key file that is older than this is nobody's any more.
const DRAFTING: Duration = Duration::from_mins(1);

impl Folder {
    /// Takes away what was to become the key file when its process was killed: it holds keys.
    pub(super) fn sweep_key_drafts(&self) {
        let is_draft = |name: &str| {
            let process = name.strip_prefix(super::KEY).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(DRAFT));
            process.is_some_and(|process| process.parse::<u32>().is_ok())
        };
        let is_old = |file: Metadata| file.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > DRAFTING));
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_draft) && entry.metadata().is_ok_and(is_old) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

impl KeyFile {
    pub(super) fn of(folder: &Folder, elsewhere: Option<&Path>) -> Result<Self> {
        let lock = folder.private_file(super::LOCK).and_then(|file| file.metadata()).map_err(Error::internal)?;
        let path = elsewhere.map_or_else(|| folder.0.join(super::KEY), Path::to_owned);
        Ok(Self { path, ours: elsewhere.is_none(), owner: owner(&lock) })
    }

    /// The file's text, made by `fresh` the first time if it belongs into the data folder.
    pub fn read_or_make(&self, fresh: impl FnOnce() -> Result<String>) -> Result<(String, Version)> {
        match self.read() {
            Err(Error::NotFound(_)) if self.ours => {
                self.make(&fresh()?)?;
                self.read()
            }
            result => result,
        }
    }

    /// The file's text; refused if others can read it.
    pub fn read(&self) -> Result<(String, Version)> {
        let file = File::open(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::not_found(self.missing()),
            _ => self.cannot("read", error),
        })?;
        // The open file is looked at, not its name: nobody can put another one there in between.
        let metadata = file.metadata().map_err(|error| self.cannot("read", error))?;
        self.require_private(&metadata)?;
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).map_err(|error| self.cannot("read", error))?;
        Ok((text, Version::of(&metadata)))
    }

    /// Which version of the file is there now; none if it can't be told.
    pub fn version(&self) -> Option<Version> {
        fs::metadata(&self.path).ok().as_ref().map(Version::of)
    }

    /// Puts another text in its place in one step: a reader, or a power cut, finds the old one or the new one.
    pub fn replace(&self, text: &str) -> Result<()> {
        let cannot = |error| self.cannot("write", error);
        // The file itself, where its name is a link.
        let path = fs::canonicalize(&self.path).map_err(cannot)?;
        let before = fs::metadata(&path).map_err(cannot)?;
        let (draft, file) = self.draft(&path, text).map_err(cannot)?;
        let placed = keep_owner(&file, &before).and_then(|()| fs::rename(&draft, &path));
        placed.inspect_err(|_| drop(fs::remove_file(&draft))).map_err(cannot)?;
        sync_folder_of(&path).map_err(cannot)
    }

    /// Written aside and linked into place, so that two processes that start at once agree on one key.
    fn make(&self, text: &str) -> Result<()> {
        let cannot = |error| self.cannot("write", error);
        let (draft, file) = self.draft(&self.path, text).map_err(cannot)?;
        let given = give_to_owner(folder_of(&self.path), &file);
        let placed = given.and_then(|()| fs::hard_link(&draft, &self.path));
        fs::remove_file(&draft).map_err(cannot)?;
        match placed {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(cannot(error)),
            _ => sync_folder_of(&self.path).map_err(cannot),
        }
    }

    /// A file beside `path` that holds `text`, safely on the disk.
    fn draft(&self, path: &Path, text: &str) -> std::io::Result<(PathBuf, File)> {
        let draft = beside(path, &format!(".{}{DRAFT}", std::process::id()));
        // One that is there was left by an earlier process of that number.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = make_private_file(&draft)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.inspect_err(|_| drop(fs::remove_file(&draft)))?;
        Ok((draft, file))
    }

    /// Only the server's own user may read the key, or root, who may anyway. A secret that the system lends to a service
    /// (systemd's credentials) belongs to root and is opened to the service as its group.
    fn require_private(&self, metadata: &Metadata) -> Result<()> {
        let (file, own) = (owner(metadata), self.owner);
        if file != own && file != Some(0) {
            return Err(Error::Unavailable(format!(
                "{} belongs to another user of this machine, who can read it. Make it your own: chown it, and chmod 600.",
                self.path.display(),
            )));
        }
        let lent = !self.ours && file != own && mode(metadata) & 0o037 == 0;
        if lent { Ok(()) } else { require_private(&self.path, metadata, "600") }
    }

    fn missing(&self) -> String {
        format!("There is no key in {}. This makes one: {}", self.path.display(), self.make_one())
    }

    /// Says which file it is whose text can't be used, and what to do.
    pub fn unusable(&self, text: &str, error: &Error) -> Error {
        let (path, cause) = (self.path.display(), error.cause());
        let other = match self.ours {
            true => "take this one away and start again".into(),
            false => self.make_one(),
        };
        let advice = match text.contains("k4.local.") {
            true => "Correct that line.".into(),
            false => format!(
                "Put back the one that was there. If it is lost, every token and session ends with another one: {other}"
            ),
        };
        Error::Unavailable(format!("Cannot use {path}: {cause} {advice}"))
    }

    fn make_one(&self) -> String {
        format!("(umask 077; rollcall key new > {})", self.path.display())
    }

    fn cannot(&self, what: &str, error: std::io::Error) -> Error {
        Error::Unavailable(format!("Cannot {what} {}: {error}.", self.path.display()))
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len(), inode: inode(metadata) }
    }
}

#[cfg(unix)]
fn owner(metadata: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::uid(metadata))
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o777
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn owner(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
