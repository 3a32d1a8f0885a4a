//! From one released schema to the next: numbered steps, each a file of `migrations/`, and all of them in the binary. A
//! fresh file is made from `schema.sql`; a test holds that both ways lead to the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};

use super::inspect::{self, Function};
use super::{APPLICATION_ID, RowResult, SCHEMA, Write, beside, configure};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::files::has_bytes;

/// The schema that was released first. Files of those before it were never anybody's.
pub const FIRST: i64 = 4;
/// What `pragma user_version` says in a file this program understands.
pub const SCHEMA_VERSION: i64 = FIRST + MIGRATIONS.len() as i64;

/// A step from the schema before `number` to that one.
#[derive(Debug)]
pub struct Migration {
    pub number: i64,
    /// What its file is called.
    pub name: &'static str,
    sql: &'static str,
    /// Tables that have more or fewer rows afterwards, or are gone. The rehearsal counts those of all others.
    pub recounts: &'static [&'static str],
}

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 5,
        name: "upgrades_and_search",
        sql: include_str!("../../migrations/0005_upgrades_and_search.sql"),
        recounts: &["user_search_data", "user_search_idx", "user_search_docsize", "user_search_config", "tokens"],
    },
    Migration {
        number: 6,
        name: "places_in_one_row",
        sql: include_str!("../../migrations/0006_places_in_one_row.sql"),
        recounts: &["membership_roles", "membership_permissions", "invitations"],
    },
    Migration {
        number: 7,
        name: "search_by_email",
        sql: include_str!("../../migrations/0007_search_by_email.sql"),
        recounts: &["user_search_data", "user_search_idx", "user_search_docsize", "user_search_config"],
    },
    Migration {
        number: 8,
        name: "small_merges_and_sigmas",
        sql: include_str!("../../migrations/0008_small_merges_and_sigmas.sql"),
        recounts: &["user_search_data", "user_search_idx", "user_search_config", "search_apart"],
    },
    Migration {
        number: 9,
        name: "latest_events",
        sql: include_str!("../../migrations/0009_latest_events.sql"),
        recounts: &[],
    },
    Migration {
        number: 10,
        name: "members_apart",
        sql: include_str!("../../migrations/0010_members_apart.sql"),
        recounts: &[],
    },
    Migration {
        number: 11,
        name: "small_pages_of_the_search",
        sql: include_str!("../../migrations/0011_small_pages_of_the_search.sql"),
        recounts: &["user_search_data", "user_search_idx", "user_search_config"],
    },
];

/// What a file of schema `from` still has to go through.
pub fn after(from: i64) -> &'static [Migration] {
    let done = MIGRATIONS.iter().take_while(|migration| migration.number <= from).count();
    MIGRATIONS.get(done..).unwrap_or_default()
}

/// Makes the tables of an empty file, inside the caller's transaction.
pub(super) fn create(conn: &Connection, now: Timestamp) -> RowResult<()> {
    conn.execute_batch(SCHEMA)?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    arrive(conn, None, now)
}

/// Notes that the file has this program's schema from now on.
fn arrive(conn: &Connection, from: Option<i64>, now: Timestamp) -> RowResult<()> {
    conn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    let sql = "insert into upgrades (schema, from_schema, at, program) values (?1, ?2, ?3, ?4)";
    conn.execute(sql, params![SCHEMA_VERSION, from, now, env!("CARGO_PKG_VERSION")])?;
    Ok(())
}

/// A file on its way to this program's schema, in one transaction: nobody else writes to it, and what isn't committed never
/// happened.
pub struct Migrating(Connection);

impl Migrating {
    /// Begins with a file that others may be reading.
    pub fn open(path: &Path) -> Result<Self> {
        let conn = connect(path)?;
        // What waits in its log stays there until there is something to commit.
        let waits = has_bytes(&beside(path, "-wal"));
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, waits)?;
        conn.execute_batch("pragma synchronous = full; begin immediate;")?;
        Ok(Self(conn))
    }

    /// Begins with a copy that is thrown away afterwards: nothing needs to be undone in it, or be durable.
    pub fn open_copy(path: &Path) -> Result<Self> {
        let conn = connect(path)?;
        conn.execute_batch("pragma journal_mode = off; pragma synchronous = off; begin immediate;")?;
        Ok(Self(conn))
    }

    /// The schema it has now.
    pub fn schema(&self) -> Result<i64> {
        Ok(self.0.query_row("pragma user_version", [], |row| row.get(0))?)
    }

    pub fn step(&self, migration: &Migration) -> Result<()> {
        Ok(self.0.execute_batch(migration.sql)?)
    }

    /// Runs a closure that puts something right, see [`inspect::mend`].
    pub fn mend<T, E: From<Error>>(
        &self,
        now: Timestamp,
        functions: &[Function],
        f: impl FnOnce(&Write) -> Result<T, E>,
    ) -> Result<T, E> {
        inspect::within(&self.0, now, functions, f)
    }

    /// How many rows each table has.
    pub fn rows(&self) -> Result<BTreeMap<String, i64>> {
        let mut statement = self.0.prepare(
            "select name from pragma_table_list
              where schema = 'main' and type = 'table' and name not like 'sqlite\\_%' escape '\\'",
        )?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<RowResult<Vec<_>>>()?;
        let count = |name: String| {
            let rows = self.0.query_row(&format!("select count(*) from \"{name}\""), [], |row| row.get(0))?;
            Ok((name, rows))
        };
        names.into_iter().map(count).collect()
    }

    /// Makes the file one of this program's schema.
    pub fn arrive(&self, from: i64, now: Timestamp) -> Result<()> {
        Ok(arrive(&self.0, Some(from), now)?)
    }

    /// Makes all of it durable.
    pub fn commit(self) -> Result<()> {
        self.0.execute_batch("commit")?;
        self.0.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(())
    }
}

fn connect(path: &Path) -> RowResult<Connection> {
    let conn = super::connect(path)?;
    configure(&conn)?;
    conn.execute_batch(super::SERVING)?;
    conn.busy_timeout(Duration::from_secs(2))?;
    super::sort_on_disk(&conn)?;
    // A step may make a table anew, and dropping the old one must not take along what refers to it. The rehearsal looks
    // whether anything refers to what is gone.
    conn.execute_batch("pragma foreign_keys = off;")?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_files_of_the_folder_and_follow_one_another() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut found: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        found.sort();
        let listed: Vec<_> = MIGRATIONS.iter().map(|step| format!("{:04}_{}.sql", step.number, step.name)).collect();
        assert_eq!(found, listed);
        assert!(MIGRATIONS.iter().zip(FIRST + 1..).all(|(step, number)| step.number == number));
        assert_eq!(after(FIRST).len(), MIGRATIONS.len());
        assert!(after(SCHEMA_VERSION).is_empty() && after(SCHEMA_VERSION + 1).is_empty());
    }
}
