//! Going back to the file as it was before its upgrade, for a program that was the better one.

use std::fs;
use std::path::{Path, PathBuf};

use super::SCHEMA_VERSION;
use crate::backups::this_second;
use crate::clock::Timestamp;
use crate::db::copy;
use crate::db::inspect::{self, Age};
use crate::db::later::Later;
use crate::domain::check::{self, Findings};
use crate::domain::words;
use crate::error::{Error, Result};
use crate::files::{second_name, sync_folder_of};
use crate::folder::{Folder, Lock};
use crate::progress::Told;

/// A file that is again as it was.
#[derive(Debug)]
pub struct RolledBack {
    /// The schema it has again.
    pub to: i64,
    /// When it had been upgraded.
    pub upgraded_at: Timestamp,
    /// The file that gave way.
    pub kept: PathBuf,
    /// What is in that one only.
    pub later: Later,
}

/// Puts the snapshot of before the last upgrade in the place of the file, which is kept under another name. The lock says
/// that no server runs on it. What came since is left behind only with `force`.
///
/// # Errors
///
/// [`Error::NotFound`] without a snapshot, [`Error::Conflict`] if something came since or somebody has the file open,
/// [`Error::Unavailable`] if the snapshot isn't good. The file is then as it was.
pub fn roll_back(folder: &Folder, _: &Lock, now: Timestamp, force: bool, told: Told) -> Result<RolledBack> {
    let path = folder.database();
    let upgraded_at = upgraded_at(folder, now)?;
    let snapshot = folder.snapshot(SCHEMA_VERSION);
    let to = match check::file(&snapshot, now, told) {
        Ok(Findings { older: Some(to), damage, .. }) if damage.is_empty() => to,
        _ => return Err(damaged(&snapshot)),
    };
    let kept = folder.superseded(SCHEMA_VERSION, now);
    if kept.exists() {
        return Err(this_second(&kept));
    }
    let held = copy::hold(&path)?.ok_or_else(|| damaged(&path))?;
    let later = Later::than(&snapshot, &held)?;
    if later != Later::default() && !force {
        return Err(missed(upgraded_at, later));
    }
    swap(&path, &snapshot, &kept).map_err(|error| {
        Error::Unavailable(format!("Cannot put {} in the place of {}: {error}.", snapshot.display(), path.display()))
    })?;
    Ok(RolledBack { to, upgraded_at, kept, later })
}

/// Keeps the database under another name, too, and puts the snapshot in its place: at any moment there is a whole one. Who
/// takes the folder's lock after an end in between forgets the other name.
fn swap(database: &Path, snapshot: &Path, kept: &Path) -> std::io::Result<()> {
    second_name(database, kept)?;
    sync_folder_of(database)?;
    fs::rename(snapshot, database)?;
    sync_folder_of(database)
}

/// When the file was brought to this program's schema.
fn upgraded_at(folder: &Folder, now: Timestamp) -> Result<Timestamp> {
    let path = folder.database();
    let (age, at) = inspect::look(&path, now, &[], |r| {
        let age = inspect::age(r)?;
        let sql = "select at from upgrades where schema = ?1 and from_schema is not null";
        let at = if age == Age::Current { r.maybe(sql, [SCHEMA_VERSION], |row| row.get(0))? } else { None };
        Ok((age, at))
    })
    .map_err(|error| Error::Unavailable(format!("{} can't be read: {}.", path.display(), error.cause())))?;
    match (age, at) {
        (_, Some(at)) if folder.snapshot(SCHEMA_VERSION).exists() => Ok(at),
        (Age::Older(schema), _) => {
            let message = format!(
                "{} has schema {schema} already, so there is nothing to go back from: the Rollcall of that schema goes on \
                 with it.",
                path.display()
            );
            Err(Error::Conflict("not_upgraded", message.into()))
        }
        (_, None) => {
            let message = format!("{} was never upgraded: it was made with schema {SCHEMA_VERSION}.", path.display());
            Err(Error::Conflict("not_upgraded", message.into()))
        }
        (_, Some(_)) => Err(Error::not_found(format!(
            "There is no snapshot {}. Go back to a backup instead: rollcall restore FILE.",
            folder.snapshot(SCHEMA_VERSION).display()
        ))),
    }
}

fn damaged(file: &Path) -> Error {
    Error::Unavailable(format!(
        "{} is damaged, so nothing was changed. Go back to a backup instead: rollcall restore FILE.",
        file.display()
    ))
}

fn missed(upgraded_at: Timestamp, later: Later) -> Error {
    let message = format!(
        "Since the upgrade of {} there are {}, and the snapshot has none of it. Go back all the same with --force: the file \
         as it is now is kept beside it.",
        upgraded_at.minute(),
        later,
    );
    Error::Conflict("newer_data", message.into())
}

/// `2 new users, 1 new token and 12 new events`.
impl std::fmt::Display for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |n, one, many| format!("{} new {}", words::number(n), if n == 1 { one } else { many });
        let (users, tokens) = (count(self.users, "user", "users"), count(self.tokens, "token", "tokens"));
        write!(f, "{users}, {tokens} and {}", count(self.events, "event", "events"))
    }
}
