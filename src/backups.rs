//! Backups: the database in a file of its own, that is opened and checked before it is called a backup.
//!
//! The key isn't in it. Without the key, everything is there but what it sealed: sessions, API keys and links end.

pub(crate) mod partial;
mod restore;
mod shelf;

use std::fs;
use std::path::Path;

use crate::clock::Timestamp;
use crate::db::{self, copy};
use crate::domain::check::{self, Findings};
use crate::domain::words;
use crate::error::{Error, Result};
use crate::files::{self, folder_of};
use crate::folder::{DATABASE, Folder};
use crate::progress::Told;
use partial::Partial;

pub use restore::{Restored, restore};
pub use shelf::{Backup, Shelf, State, name};

/// A backup that was just made.
#[derive(Clone, Debug)]
pub struct Made {
    pub bytes: u64,
    pub findings: Findings,
}

/// Makes a backup of the database in `folder`, which may be in use, as the file `target`. Until it was found good it has
/// another name; what goes wrong before leaves nothing behind.
///
/// # Errors
///
/// [`Error::Conflict`] if there is such a file and it isn't to be replaced; [`Error::Unavailable`] if it can't be written, or
/// if the copy is damaged, which says that the database is; and what `told` errs with.
pub fn create(folder: &Folder, target: &Path, replace: bool, now: Timestamp, told: Told) -> Result<Made> {
    if folder.owns(target) {
        let message = "Rollcall keeps its own files there. Give the backup another name, or another folder.";
        return Err(Error::invalid("FILE", "not_there", message));
    }
    require_there(folder)?;
    require_free(target, replace)?;
    // What a killed process left.
    partial::sweep_all(folder_of(target), shelf::is_backup);
    require_room(&folder.database(), target)?;
    let partial = Partial::begin_ours(target)?;
    copy::copy(&folder.database(), partial.path(), "Copying", told).map_err(|error| match &error {
        Error::Damaged(damage) => damaged(damage),
        Error::Stopping => error,
        error => cannot_write(target, error),
    })?;
    let findings = check::file(partial.path(), now, told).map_err(|error| match &error {
        Error::Stopping => error,
        error => cannot_write(target, error),
    })?;
    if let Some(damage) = findings.damage.first() {
        return Err(damaged(damage));
    }
    let cannot = |error: std::io::Error| cannot_write(target, &Error::Unavailable(error.to_string()));
    let bytes = fs::metadata(partial.path()).map_err(cannot)?.len();
    partial.become_whole(target, replace)?;
    Ok(Made { bytes, findings })
}

/// Keeps a copy of the folder's database beside it, as it is: whether it is good is not asked.
pub fn keep(database: &Path, kept: &Path, replace: bool, what: &'static str, told: Told) -> Result<()> {
    let partial = Partial::begin_ours(kept)?;
    copy::copy(database, partial.path(), what, told)?;
    partial.become_whole(kept, replace).map_err(|error| match error {
        Error::Conflict("file_exists", _) => this_second(kept),
        error => error,
    })
}

/// Files that are kept are named by the second.
pub(crate) fn this_second(kept: &Path) -> Error {
    let message = format!("There is a file {} already. Wait a second, and try again.", kept.display());
    Error::Conflict("file_exists", message.into())
}

/// Refuses to begin anew where there was a database that is gone: its disk may not be mounted, or it was emptied by mistake.
/// Backups of the new one would in time push out all that is left of it.
pub fn require_not_lost(folder: &Folder, shelf: &Shelf) -> Result<()> {
    if files::has_bytes(&folder.database()) {
        return Ok(());
    }
    let Some(left) = folder.kept().or_else(|| shelf.latest()) else { return Ok(()) };
    Err(Error::Unavailable(format!(
        "There is nothing in {}, but there was: {} is left of it. See whether its disk is mounted, or restore it: rollcall restore \
         FILE. To begin anew, move what is left away first.",
        folder.database().display(),
        left.display()
    )))
}

/// Refuses to copy what isn't there: SQLite would say so of the backup, in words of its own.
fn require_there(folder: &Folder) -> Result<()> {
    let database = folder.database();
    if database.exists() {
        return Ok(());
    }
    Err(Error::Unavailable(format!(
        "There is no {}, so no backup was made. See whether the data folder was moved away, or its disk is mounted.",
        database.display()
    )))
}

/// Refuses a name that isn't a file's, or not ours to give away.
fn require_free(target: &Path, replace: bool) -> Result<()> {
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_symlink() => {
            let message = format!("{} is a link. Name the file that it is to lead to.", target.display());
            return Err(Error::invalid("FILE", "no_file", message));
        }
        Ok(there) if !there.is_file() => {
            let message = format!("{} is no file. Give the backup another name.", target.display());
            return Err(Error::invalid("FILE", "no_file", message));
        }
        Ok(_) if !replace => return Err(there_already(target)),
        _ => {}
    }
    // SQLite would take what a log holds for a part of the backup; and a database in use has one.
    let log = ["-wal", "-journal"].map(|ending| db::beside(target, ending)).into_iter().find(|log| log.exists());
    let Some(log) = log else { return Ok(()) };
    let message = format!(
        "There is {}, so {} is a database that may be in use, or was one. Give the backup another name.",
        log.display(),
        target.display()
    );
    Err(Error::Conflict("log_there", message.into()))
}

/// Takes away what a restore or an upgrade that was killed left half made in the folder of the database.
pub fn sweep(folder: &Path) {
    partial::sweep_all(folder, |whole| whole.starts_with(DATABASE));
}

/// Bytes that are left to the server on a disk it shares with a backup.
const SPARE: u64 = 16 << 20;

/// A backup that fills the disk would keep the server from writing.
fn require_room(database: &Path, target: &Path) -> Result<()> {
    let folder = folder_of(target);
    let disk = |path| files::identity(path).map(|(device, _)| device);
    let spare = if disk(folder) == disk(folder_of(database)) { SPARE } else { 0 };
    let needed = db::size(database) + spare;
    // Where it can't be told, writing will tell.
    let Some(free) = files::free(folder).filter(|free| *free < needed) else { return Ok(()) };
    Err(Error::Unavailable(format!(
        "There is too little room for a backup in {}: it takes up to {}, and {} are free. Make room, or choose another disk.",
        folder.display(),
        words::bytes(needed),
        words::bytes(free),
    )))
}

fn damaged(damage: &str) -> Error {
    Error::Unavailable(format!(
        "The copy is damaged, so the database is too, and no backup was made: {damage}. See what `rollcall check` says, and \
         restore the last good backup: rollcall restore FILE."
    ))
}

fn there_already(target: &Path) -> Error {
    let message = format!("There is a file {} already. Give another name, or --force to replace it.", target.display());
    Error::Conflict("file_exists", message.into())
}

fn cannot_write(target: &Path, error: &Error) -> Error {
    Error::Unavailable(format!("Cannot write {}: {}.", target.display(), error.cause().trim_end_matches('.')))
}
