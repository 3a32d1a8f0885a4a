//! What is kept beside the database of its earlier and later selves, when it is brought to another schema and back.

use std::fs;
use std::path::PathBuf;

use super::{DATABASE, Folder};
use crate::clock::Timestamp;
use crate::files;

/// What the name of a snapshot has before its number.
const BEFORE: &str = ".before-";

impl Folder {
    /// Where the file is kept as it was before it was brought to a schema.
    pub fn snapshot(&self, schema: i64) -> PathBuf {
        self.0.join(format!("{DATABASE}{BEFORE}{schema}"))
    }

    /// Where the file of a schema is kept that gives way to what was before it.
    pub fn superseded(&self, schema: i64, now: Timestamp) -> PathBuf {
        self.0.join(format!("{DATABASE}.after-{schema}.{}", now.compact()))
    }

    /// Where an upgrade is tried on a copy.
    pub fn rehearsal(&self) -> PathBuf {
        self.0.join(format!("{DATABASE}.rehearsal"))
    }

    /// Deletes all snapshots but those of so many schemas, the latest.
    pub fn keep_snapshots(&self, most: usize) -> std::io::Result<()> {
        let number = |name: &str| name.strip_prefix(DATABASE)?.strip_prefix(BEFORE)?.parse::<i64>().ok();
        let entries = fs::read_dir(&self.0)?.flatten();
        let mut schemas: Vec<_> = entries.filter_map(|entry| number(entry.file_name().to_str()?)).collect();
        schemas.sort_unstable();
        let old = schemas.len().saturating_sub(most);
        schemas.into_iter().take(old).try_for_each(|schema| fs::remove_file(self.snapshot(schema)))
    }

    /// Bytes that may still be written here, where that can be told.
    pub fn free(&self) -> Option<u64> {
        files::free(&self.0)
    }
}
