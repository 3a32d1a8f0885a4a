//! What is kept beside the database of its earlier and later selves: when it is brought to another schema and back, when it
//! is repaired, and when a backup takes its place.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::{DATABASE, Folder};
use crate::clock::Timestamp;
use crate::db::beside;
use crate::files::{self, has_bytes, identity};

/// What the name of a snapshot has before its number.
const BEFORE: &str = ".before-";
/// The same of a file that gave way to one.
const AFTER: &str = ".after-";
/// How the name of a file ends that is kept as it was before a repair.
const UNREPAIRED: &str = ".unrepaired";
/// How the name of a file ends that gave way to a backup.
const REPLACED: &str = ".replaced";

impl Folder {
    /// Where the file is kept as it was before it was brought to a schema.
    pub fn snapshot(&self, schema: i64) -> PathBuf {
        self.0.join(format!("{DATABASE}{BEFORE}{schema}"))
    }

    /// Where the file of a schema is kept that gives way to what was before it.
    pub fn superseded(&self, schema: i64, now: Timestamp) -> PathBuf {
        self.0.join(format!("{DATABASE}{AFTER}{schema}.{}", now.compact()))
    }

    /// Where the file is kept as it was before it is repaired.
    pub fn unrepaired(&self, now: Timestamp) -> PathBuf {
        self.0.join(format!("{DATABASE}.{}{UNREPAIRED}", now.compact()))
    }

    /// Where the file is kept that gives way to a backup.
    pub fn replaced(&self, now: Timestamp) -> PathBuf {
        self.0.join(format!("{DATABASE}.{}{REPLACED}", now.compact()))
    }

    /// Forgets names that the database was to be kept under by a rollback or a restore that ended before another file had
    /// its own: who opens one file by two names gives it two logs. For who has the lock, since another one may be at it.
    pub(super) fn forget_second_names(&self) -> io::Result<()> {
        let database = self.database();
        let ours: Vec<_> =
            ["", "-wal", "-journal", "-shm"].iter().filter_map(|log| identity(&beside(&database, log))).collect();
        for entry in fs::read_dir(&self.0)?.flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let is_kept = name.to_str().is_some_and(|name| name.contains(AFTER) || name.contains(REPLACED));
            let here = identity(&path);
            if !cfg!(unix) || !is_kept || !here.is_some_and(|it| ours.contains(&it)) {
                continue;
            }
            // Its log had lost its own name already, if only that one was left to it.
            for ending in ["-wal", "-journal", "-shm"] {
                let (log, own) = (beside(&path, ending), beside(&database, ending));
                if here == identity(&database) && log.exists() && !own.exists() {
                    fs::rename(log, own)?;
                }
            }
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// The log of a database that is gone, or the latest that was kept here under another name.
    pub fn kept(&self) -> Option<PathBuf> {
        let database = self.database();
        let mut logs = ["-wal", "-journal"].into_iter().map(|ending| beside(&database, ending));
        if let Some(log) = logs.find(|log| has_bytes(log)) {
            return Some(log);
        }
        let is_kept = |name: &str| {
            name.starts_with(DATABASE)
                && [BEFORE, AFTER, UNREPAIRED, REPLACED].iter().any(|kept| name.contains(kept))
                && !["-wal", "-shm", "-journal"].iter().any(|ending| name.ends_with(ending))
        };
        let entries = fs::read_dir(&self.0).ok()?.flatten();
        let kept = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_kept));
        kept.max_by_key(|entry| entry.metadata().and_then(|file| file.modified()).ok()).map(|entry| entry.path())
    }

    /// Where an upgrade is tried on a copy.
    pub fn rehearsal(&self) -> PathBuf {
        self.0.join(format!("{DATABASE}.rehearsal"))
    }

    /// Deletes all snapshots but those of so many schemas, the latest.
    pub fn keep_snapshots(&self, most: usize) -> io::Result<()> {
        let schemas = self.snapshots()?;
        let old = schemas.len().saturating_sub(most);
        schemas.into_iter().take(old).try_for_each(|schema| fs::remove_file(self.snapshot(schema)))
    }

    /// Gives all snapshots names by which no rollback finds them: another database is here than they were of.
    pub fn put_snapshots_aside(&self, now: Timestamp) -> io::Result<()> {
        self.snapshots()?.into_iter().try_for_each(|schema| {
            let snapshot = self.snapshot(schema);
            fs::rename(&snapshot, beside(&snapshot, &format!(".{}{REPLACED}", now.compact())))
        })
    }

    /// The schemas before which there is a snapshot, the earliest first.
    fn snapshots(&self) -> io::Result<Vec<i64>> {
        let number = |name: &str| name.strip_prefix(DATABASE)?.strip_prefix(BEFORE)?.parse::<i64>().ok();
        let entries = fs::read_dir(&self.0)?.flatten();
        let mut schemas: Vec<_> = entries.filter_map(|entry| number(entry.file_name().to_str()?)).collect();
        schemas.sort_unstable();
        Ok(schemas)
    }

    /// Bytes that may still be written here, where that can be told.
    pub fn free(&self) -> Option<u64> {
        files::free(&self.0)
    }
}
