//! Putting a backup in the place of the database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::partial::Partial;
use super::this_second;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::{Db, beside, copy, require_whole_log};
use crate::domain::check::{self, Findings};
use crate::error::{Error, Result};
use crate::files::{has_bytes, second_name, sync_folder_of};
use crate::folder::Folder;
use crate::progress::Told;

/// What came of it.
#[derive(Debug)]
pub struct Restored {
    /// What the database holds now.
    pub findings: Findings,
    /// Where the one before is, if there was one.
    pub replaced: Option<PathBuf>,
    /// Whether the folder has a key, or is given one.
    pub has_key: bool,
}

/// Makes the backup `file` the database of the folder that `config` names, which must be served by nobody. One that is
/// there is replaced only by `force`, and kept under a dated name. Whatever goes wrong, or whenever it is interrupted, the
/// database is the one before, whole.
///
/// # Errors
///
/// [`Error::Conflict`] if a server runs or a database is there; [`Error::Unavailable`] if the backup is damaged, of another
/// program, or of a newer Rollcall.
pub fn restore(config: &Config, file: &Path, force: bool, clock: &Clock, told: Told) -> Result<Restored> {
    let given = sound(check::file(file, clock.now(), told)?, file)?;
    let folder = Folder::open(&config.data)?;
    let database = folder.database();
    if same_file(file, &database) {
        return Err(Error::invalid("FILE", "not_a_backup", "This is the database itself."));
    }
    let _lock = folder.lock()?;
    // What an emptied one had written last may be in its log.
    let is_there = [""].iter().chain(&LOGS).any(|log| has_bytes(&beside(&database, log)));
    if is_there && !force {
        return Err(there_already(&config.data));
    }
    let partial = Partial::begin_ours(&database)?;
    copy::copy(file, partial.path(), "Restoring", told).map_err(|error| match &error {
        Error::Damaged(damage) => damaged(file, damage),
        error => cannot_replace(&database, &error.cause()),
    })?;
    if given.older.is_none() {
        try_to_open(partial.path(), config, clock).map_err(|error| cannot_replace(&database, &error.cause()))?;
    }
    let findings = sound(check::file(partial.path(), clock.now(), told)?, partial.path())?;
    if given.counts != findings.counts {
        let (read, copied) = (&given.counts, &findings.counts);
        return Err(Error::Unavailable(format!(
            "{} was changed while it was read: {read} were in it, and {copied} were copied. Nothing was changed here. Wait until \
             nobody writes it, and try again.",
            file.display()
        )));
    }
    let replaced = is_there.then(|| folder.replaced(clock.now()));
    swap(&folder, partial, replaced.as_deref(), clock.now())?;
    let has_key = config.key.is_some() || config.key_file.is_some() || folder.has_key();
    Ok(Restored { findings, replaced, has_key })
}

/// Opens a file as a server does. An older one is upgraded by the next start, with all that belongs to that.
fn try_to_open(file: &Path, config: &Config, clock: &Clock) -> Result<()> {
    let db = Db::open(file, clock.clone(), config.settings())?;
    db.close();
    drop(db);
    copy::fold(file)
}

/// Keeps the database under the name `aside`, and puts the new one in its place in one step.
fn swap(folder: &Folder, new: Partial, aside: Option<&Path>, now: Timestamp) -> Result<()> {
    let database = &folder.database();
    let cannot = |error: io::Error| cannot_replace(database, &error.to_string());
    let give_way = || {
        if let Some(aside) = aside {
            second_name(database, aside)?;
        }
        // They are of the database before.
        folder.put_snapshots_aside(now)?;
        // Beside another file, a log would be taken for one of that.
        drop_log(database)?;
        sync_folder_of(database)
    };
    let Some(aside) = aside else {
        give_way().map_err(cannot)?;
        return new.become_whole(database, true);
    };
    if ["", "-shm"].iter().chain(&LOGS).any(|log| beside(aside, log).exists()) {
        return Err(this_second(aside));
    }
    if !has_bytes(database) || require_whole_log(database).is_err() {
        // SQLite would take in what it makes sense of, and throw away the rest: the last that is left of answered writes.
        keep_log(database, aside, &["-wal", "-journal", "-shm"]).map_err(cannot)?;
        give_way().map_err(cannot)?;
        return new.become_whole(database, true);
    }
    // Looking at a damaged database, SQLite takes a log away that it can't make sense of: that is kept before it looks.
    keep_log(database, aside, &LOGS).map_err(cannot)?;
    let held = copy::hold(database);
    if !matches!(held, Ok(None)) {
        // It was folded in, or it is still in use.
        drop_log(aside).map_err(cannot)?;
    }
    let held = held?;
    give_way().map_err(cannot)?;
    new.become_whole(database, true)?;
    held.map_or(Ok(()), copy::Held::release)
}

/// What SQLite may have left beside a database that holds a part of it.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// Gives what SQLite kept beside the database another name, too, beside `aside`.
fn keep_log(database: &Path, aside: &Path, endings: &[&str]) -> io::Result<()> {
    for ending in endings {
        let log = beside(database, ending);
        if log.exists() {
            second_name(&log, &beside(aside, ending))?;
        }
    }
    Ok(())
}

/// Takes away what SQLite kept beside a database.
fn drop_log(database: &Path) -> io::Result<()> {
    for ending in LOGS.into_iter().chain(["-shm"]) {
        match fs::remove_file(beside(database, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn sound(findings: Findings, file: &Path) -> Result<Findings> {
    match findings.damage.first() {
        None => Ok(findings),
        Some(damage) => Err(damaged(file, damage)),
    }
}

fn damaged(file: &Path, damage: &str) -> Error {
    Error::Unavailable(format!(
        "{} is damaged, and nothing was changed: {damage}. `rollcall check` with another backup finds a good one.",
        file.display()
    ))
}

fn cannot_replace(database: &Path, why: &str) -> Error {
    let (database, why) = (database.display(), why.trim_end_matches('.'));
    Error::Unavailable(format!("Cannot replace {database}: {why}; nothing was changed."))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn there_already(folder: &Path) -> Error {
    let message = format!(
        "There is a Rollcall in {} already. Give --force to replace it, which keeps it beside under a dated name; or choose \
         another folder with --data.",
        folder.display()
    );
    Error::Conflict("database_there", message.into())
}
