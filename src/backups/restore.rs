//! Putting a backup in the place of the database.

use std::fs;
use std::path::{Path, PathBuf};

use super::partial::{Partial, sync_folder_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, beside, copy};
use crate::domain::check::{self, Findings};
use crate::error::{Error, Result};
use crate::folder::{DATABASE, Folder};
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
    let is_there = fs::metadata(&database).is_ok_and(|database| database.len() > 0);
    if is_there && !force {
        return Err(there_already(&config.data));
    }
    let partial = Partial::begin(&database, "restoring")?;
    copy::copy(file, partial.path(), "Restoring", told)?;
    if given.older.is_none() {
        // Opened as a server does. An older one is upgraded by the next start, with all that belongs to that.
        let db = Db::open(partial.path(), clock.clone(), config.settings())?;
        db.close();
        drop(db);
        copy::fold(partial.path())?;
    }
    let findings = sound(check::file(partial.path(), clock.now(), told)?, partial.path())?;
    if given.counts != findings.counts {
        return Err(Error::internal(format!("{} were read, and {} are there", given.counts, findings.counts)));
    }
    let replaced = is_there.then(|| database.with_file_name(format!("{DATABASE}.{}.replaced", clock.now().compact())));
    swap(&database, partial, replaced.as_deref())?;
    let has_key = config.key.is_some() || config.key_file.is_some() || config.data.join("rollcall.key").exists();
    Ok(Restored { findings, replaced, has_key })
}

/// Keeps the database under the name `aside`, and puts the new one in its place in one step.
fn swap(database: &Path, new: Partial, aside: Option<&Path>) -> Result<()> {
    let cannot = |error: std::io::Error| {
        let why = "nothing was changed";
        Error::Unavailable(format!("Cannot replace {}: {error}; {why}.", database.display()))
    };
    let Some(aside) = aside else {
        drop_log(database, None).map_err(cannot)?;
        return new.become_whole(database, true);
    };
    if aside.exists() {
        return Err(Error::Conflict("file_exists", format!("There is a file {} already.", aside.display()).into()));
    }
    let held = copy::hold(database)?;
    // A second name, or where the file system has none, a second file: until the last step the first one stays.
    fs::hard_link(database, aside).or_else(|_| fs::copy(database, aside).map(drop)).map_err(cannot)?;
    // Of a damaged database the log couldn't be folded in. It must be gone before another file is beside it.
    drop_log(database, Some(aside)).map_err(cannot)?;
    sync_folder_of(database).map_err(cannot)?;
    new.become_whole(database, true)?;
    held.map_or(Ok(()), copy::Held::release)
}

/// Takes away what SQLite kept beside the database, or puts it beside `aside`.
fn drop_log(database: &Path, aside: Option<&Path>) -> std::io::Result<()> {
    for ending in ["-wal", "-journal", "-shm"] {
        let file = beside(database, ending);
        match aside.filter(|_| ending != "-shm") {
            _ if !file.exists() => {}
            Some(aside) => fs::rename(&file, beside(aside, ending))?,
            None => fs::remove_file(&file)?,
        }
    }
    Ok(())
}

fn sound(findings: Findings, file: &Path) -> Result<Findings> {
    match findings.damage.first() {
        None => Ok(findings),
        Some(damage) => Err(Error::Unavailable(format!(
            "{} is damaged, and nothing was changed: {damage}. `rollcall check` with another backup finds a good one.",
            file.display()
        ))),
    }
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
