//! The folder that a server keeps its backups in: those made by the clock and by its owners, the last few of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::partial::Partial;
use super::{Made, create, require_there};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::progress::Step;

/// A backup that was made and found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// What its file is called.
    pub name: String,
    pub at: Timestamp,
    pub bytes: u64,
}

pub struct Shelf {
    folder: PathBuf,
    keep: usize,
    every: Option<Duration>,
    state: Mutex<State>,
}

/// What is going on, and what went wrong last.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// How far the one is that is being made.
    pub running: Option<Step>,
    /// When the last one that failed did so, and why; nothing once one was made.
    pub failed: Option<(Timestamp, String)>,
    /// How many rules didn't hold in the last one.
    pub offences: usize,
    tried: Option<Timestamp>,
    stopped: bool,
    /// The file that is being made.
    target: Option<PathBuf>,
}

/// After a failure it is tried again this soon.
const AGAIN: Duration = Duration::from_mins(10);

impl Shelf {
    pub fn new(config: &Config) -> Self {
        let folder = config.backup_dir.clone().unwrap_or_else(|| config.data.join(folder::BACKUPS));
        let keep = usize::try_from(config.backup_keep).unwrap_or(usize::MAX).max(1);
        Self { folder, keep, every: config.backup_every, state: Mutex::default() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn state(&self) -> State {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The backups that are there, the newest first.
    pub fn list(&self) -> Result<Vec<Backup>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| self.cannot(&error))?,
        };
        let backup = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let bytes = entry.metadata().ok().filter(fs::Metadata::is_file)?.len();
            Some(Backup { at: moment(&name)?, name, bytes })
        };
        let mut backups: Vec<_> = entries.flatten().filter_map(backup).collect();
        backups.sort_by(|a, b| b.name.cmp(&a.name));
        Ok(backups)
    }

    /// The file of the latest backup, if there is one.
    pub fn latest(&self) -> Option<PathBuf> {
        self.list().ok()?.first().map(|backup| self.folder.join(&backup.name))
    }

    /// The file of a backup that is there.
    pub fn find(&self, name: &str) -> Result<(Backup, PathBuf)> {
        let found = self.list()?.into_iter().find(|backup| backup.name == name);
        let found = found.ok_or_else(|| Error::not_found("There is no such backup; it may have been rotated away."))?;
        let path = self.folder.join(&found.name);
        Ok((found, path))
    }

    /// Whether one is to be made now, by the clock.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let Some(every) = self.every else { return false };
        let state = self.state();
        let tried = state.tried.is_some_and(|at| at <= now && at.after(every.min(AGAIN)) > now);
        if tried || state.running.is_some() {
            return false;
        }
        // Where none can be listed, trying says why.
        self.last(now).is_none_or(|at| at.after(every) <= now)
    }

    /// When the latest was made, if there is one. Those of a clock that was ahead say nothing of it.
    pub fn last(&self, now: Timestamp) -> Option<Timestamp> {
        self.list().unwrap_or_default().into_iter().map(|backup| backup.at).find(|at| *at <= now)
    }

    /// Makes a backup, and takes the oldest away that are too many. One at a time.
    pub fn create(&self, data: &Folder, now: Timestamp) -> Result<Made> {
        self.begin(now)?;
        let made = self.make(data, now);
        let mut state = self.lock();
        (state.running, state.target) = (None, None);
        match &made {
            Ok(made) => (state.failed, state.offences) = (None, made.findings.offences.len()),
            Err(Error::Conflict(..) | Error::Stopping) => {}
            Err(error) => state.failed = Some((now, error.cause())),
        }
        made
    }

    fn begin(&self, now: Timestamp) -> Result<()> {
        let mut state = self.lock();
        if state.running.is_some() {
            return Err(Error::Conflict(
                "being_made",
                "A backup is being made just now. Wait until it is done.".into(),
            ));
        }
        state.running = Some(Step { what: "Copying", done: 0, of: 0 });
        state.tried = Some(now);
        Ok(())
    }

    fn make(&self, data: &Folder, now: Timestamp) -> Result<Made> {
        require_there(data)?;
        folder::make_private(&self.folder).map_err(|error| self.cannot(&error))?;
        let target = self.folder.join(name(now));
        if target.exists() {
            return Err(Error::Conflict("file_exists", "A backup was made this very second.".into()));
        }
        self.lock().target = Some(target.clone());
        let mut told = |step| {
            let mut state = self.lock();
            state.running = Some(step);
            if state.stopped { Err(Error::Stopping) } else { Ok(()) }
        };
        let made = create(data, &target, false, now, &mut told)?;
        // What is no longer as it should be, or holds nobody, must not push out what still was.
        if made.findings.offences.is_empty() && made.findings.counts.users > 0 {
            self.rotate(now);
        }
        Ok(made)
    }

    /// Those of a clock that was ahead stay, and push nothing out. One that can't be taken away makes the new one no worse.
    fn rotate(&self, now: Timestamp) {
        let backups = self.list().unwrap_or_default();
        for old in backups.iter().filter(|backup| backup.at <= now).skip(self.keep) {
            let file = self.folder.join(&old.name);
            if let Err(error) = fs::remove_file(&file) {
                tracing::error!(file = %file.display(), %error, "a backup was made, and one that is too old stays: delete it");
            }
        }
    }

    /// Ends what is being made, since the server does.
    pub fn stop(&self) {
        self.lock().stopped = true;
    }

    /// Takes away what is being made, before the process ends under it.
    pub fn give_up(&self) {
        if let Some(target) = self.lock().target.take() {
            Partial::forget(&target);
            tracing::info!("a backup was given up, since the server stops");
        }
    }

    fn cannot(&self, error: &std::io::Error) -> Error {
        Error::Unavailable(format!("Cannot keep backups in {}: {error}.", self.folder.display()))
    }
}

/// What the backup of a moment is called: names sort as their times do.
pub fn name(at: Timestamp) -> String {
    format!("rollcall-{}.db", at.compact())
}

/// Whether a file is called as a backup is.
pub fn is_backup(name: &str) -> bool {
    moment(name).is_some()
}

/// The moment that a backup's name tells; none if it is no backup's.
fn moment(name: &str) -> Option<Timestamp> {
    Timestamp::from_compact(name.strip_prefix("rollcall-")?.strip_suffix(".db")?)
}
