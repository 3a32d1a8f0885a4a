//! Looking into a database file, whatever is in it: ours, a backup, an older one, another program's, a damaged one. And putting
//! right what is wrong in one of ours.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{APPLICATION_ID, Read, SCHEMA, SCHEMA_VERSION, Value, ValueRef, Write, configure};
use crate::clock::Timestamp;
use crate::domain::settings::Settings;
use crate::error::{Error, Result};
use crate::files::has_bytes;

/// What a look's SQL may call besides SQLite's own functions: a name, and what it makes of a text.
pub type Function = (&'static str, fn(&str) -> Value);

/// How old a file of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Of this program's schema.
    Current,
    /// Of the schema with that number, which is brought over when a server opens it.
    Older(i64),
}

/// Runs a closure on one moment of the database at `path`, which may be in use. Nothing is written to it: what waits in
/// its log is left there.
pub fn look<T>(path: &Path, now: Timestamp, functions: &[Function], f: impl FnOnce(&Read) -> Result<T>) -> Result<T> {
    let mut conn = open(path)?;
    lend(&conn, functions)?;
    let moment = conn.transaction()?;
    f(&Read::new(&moment, now, Settings::default()))
}

/// Runs a closure that changes the database at `path`, which nobody else writes to: all that it does, or, if it errs, nothing.
pub fn mend<T, E: From<Error>>(
    path: &Path,
    now: Timestamp,
    functions: &[Function],
    f: impl FnOnce(&Write) -> Result<T, E>,
) -> Result<T, E> {
    let opened = || {
        let conn = super::connect(path)?;
        configure(&conn)?;
        conn.execute_batch("pragma synchronous = full;")?;
        super::sort_on_disk(&conn)?;
        Ok::<_, Error>(conn)
    };
    let mut conn = opened()?;
    let all = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::from)?;
    let result = within(&all, now, functions, f)?;
    all.commit().map_err(Error::from)?;
    Ok(result)
}

/// Runs a closure that changes a database, inside of the caller's transaction.
pub(super) fn within<T, E: From<Error>>(
    conn: &Connection,
    now: Timestamp,
    functions: &[Function],
    f: impl FnOnce(&Write) -> Result<T, E>,
) -> Result<T, E> {
    lend(conn, functions)?;
    f(&Write(Read::new(conn, now, Settings::default())))
}

/// Lets SQL call these, too.
fn lend(conn: &Connection, functions: &[Function]) -> Result<()> {
    for (name, function) in functions {
        let function = *function;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        conn.create_scalar_function(*name, 1, flags, move |context| {
            Ok(match context.get_raw(0) {
                ValueRef::Text(text) => function(&String::from_utf8_lossy(text)),
                _ => Value::Null,
            })
        })?;
    }
    Ok(())
}

/// A connection for looking. Of a database that is in use, looking needs the shared memory of its log.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let has = |ending| has_bytes(&super::beside(path, ending));
    let waits = has("-wal");
    let mut conn = super::connect(path)?;
    let first = conn.query_row("select count(*) from sqlite_schema", [], |row| row.get::<_, i64>(0));
    if !waits && !has("-journal") && first.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::CannotOpen))
    {
        // No shared memory can be made on a disk that is read-only, and nobody writes to it.
        conn = unchanging(path)?;
    }
    configure(&conn)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, waits)?;
    conn.execute_batch("pragma query_only = on;")?;
    Ok(conn)
}

/// A connection to a file that nobody can change meanwhile.
fn unchanging(path: &Path) -> Result<Connection> {
    let path = std::path::absolute(path).map_err(Error::internal)?;
    let mut url = url::Url::from_file_path(&path).map_err(|()| Error::internal("a path that is no URL's"))?;
    url.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(url.as_str(), flags)?)
}

/// Whose file it is, and how old.
///
/// # Errors
///
/// [`Error::Unavailable`] if it is of another program or of a newer Rollcall, or is no database.
pub fn age(r: &Read) -> Result<Age> {
    let number = |sql| r.value::<i64>(sql, []).map_err(|error| Error::Unavailable(error.cause()));
    let (version, application) = (number("pragma user_version")?, number("pragma application_id")?);
    match version {
        _ if application != APPLICATION_ID => Err(Error::Unavailable("it is no database of Rollcall".into())),
        SCHEMA_VERSION => Ok(Age::Current),
        ..SCHEMA_VERSION => Ok(Age::Older(version)),
        newer => Err(Error::Unavailable(format!(
            "it was written by a newer Rollcall (its schema is {newer}, this one knows {SCHEMA_VERSION}); use that version"
        ))),
    }
}

/// What is wrong with the file itself: pages and indexes that don't fit together. Nothing if all is well.
pub fn damage(r: &Read) -> Vec<String> {
    let check = |sql: &str| match r.all(sql, [], |row| row.get::<_, String>(0)) {
        Ok(said) => (said.into_iter().filter(|said| said != "ok").collect(), true),
        Err(error) => (vec![error.cause()], false),
    };
    let (mut found, to_the_end) = check("pragma integrity_check");
    if !to_the_end {
        // It ends where FTS5 can't make sense of its tables.
        let tables = "select name from pragma_table_list where schema = 'main' and type = 'table'";
        let tables: Vec<String> = r.all(tables, [], |row| row.get(0)).unwrap_or_default();
        found.extend(tables.iter().flat_map(|table| check(&format!("pragma integrity_check(\"{table}\")")).0));
    }
    found
}

/// Tables that have fewer rows than any of their indexes: they have lost some, and what is left of those is in the indexes.
pub fn shrunken(r: &Read) -> Result<Vec<String>> {
    let whole = "select t.name, i.name from pragma_table_list t, pragma_index_list(t.name) i
                  where t.schema = 'main' and t.type = 'table' and not i.partial and not (t.wr and i.origin = 'pk')";
    let indexes: Vec<(String, String)> = r.all(whole, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut fewest = BTreeMap::<&str, i64>::new();
    for (table, index) in &indexes {
        let entries: i64 = r.value(&format!("select count(*) from \"{table}\" indexed by \"{index}\""), [])?;
        fewest.entry(table).and_modify(|fewest| *fewest = entries.min(*fewest)).or_insert(entries);
    }
    let mut found = Vec::new();
    for (table, entries) in fewest {
        let rows: i64 = r.value(&format!("select count(*) from \"{table}\" not indexed"), [])?;
        if rows < entries {
            found.push(format!("{table} has {rows} rows, and its indexes have {entries} at least"));
        }
    }
    Ok(found)
}

/// Rows that refer to nothing, the first hundred of them. What they refer to is looked up along indexes.
pub fn orphans(r: &Read) -> Vec<String> {
    let lost = r.all("pragma foreign_key_check", [], |row| {
        let (table, row, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let row = row.map(|row| format!(" {row}")).unwrap_or_default();
        Ok(format!("row{row} of {table} refers to a row of {parent} that is not there"))
    });
    lost.map_or_else(|error| vec![error.cause()], |lost| lost.into_iter().take(100).collect())
}

/// Tables, indexes and triggers that are missing, too many, or other than this program makes them. What begins with an
/// underscore belongs to a tool that replicates the file, and an index that somebody added for their own questions does no harm.
pub fn strange_schema(r: &Read) -> Result<Vec<String>> {
    let (expected, found) = (made()?, structure(r.conn)?);
    let missing = expected.keys().filter(|name| !found.contains_key(*name)).map(|name| format!("{name} is missing"));
    let strange = found.iter().filter_map(|(name, what)| match expected.get(name) {
        None if what.to_ascii_lowercase().starts_with("create index") => None,
        None => Some(format!("{name} is not Rollcall's")),
        Some(expected) => (expected != what).then(|| format!("{name} is not as Rollcall makes it")),
    });
    Ok(missing.chain(strange).collect())
}

/// Makes those indexes anew that are missing, or other than this program makes them. What is in the others stays as it is.
pub fn make_indexes(w: &Write) -> Result<()> {
    let found = structure(w.0.conn)?;
    for (name, sql) in made()? {
        if let Some(index) = name.strip_prefix("index ")
            && found.get(&name) != Some(&sql)
        {
            w.run(&format!("drop index if exists {index}"), [])?;
            w.run(&sql, [])?;
        }
    }
    Ok(())
}

/// The [`structure`] that this program makes.
fn made() -> Result<BTreeMap<String, String>> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(SCHEMA)?;
    structure(&fresh)
}

/// Everything in a schema by kind and name: the columns of a table, the text of anything else. A column that was added
/// later stands in another place of its table's text, so that is no way to compare tables. A virtual table may be too
/// damaged to tell its columns.
fn structure(conn: &Connection) -> Result<BTreeMap<String, String>> {
    let mut statement = conn.prepare(
        "select type, name, case when type = 'table' and sql not like 'create virtual %' then
                  (select group_concat(line, ', ') from
                     (select concat_ws(' ', name, type, \"notnull\", dflt_value, pk) line
                        from pragma_table_xinfo(s.name) order by name))
                else sql end
           from sqlite_schema s where name not like 'sqlite\\_%' escape '\\' and name not like '\\_%' escape '\\'",
    )?;
    let rows = statement.query_map([], |row| {
        let (kind, name, text): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((format!("{kind} {name}"), plain(&text.unwrap_or_default())))
    })?;
    Ok(rows.collect::<super::RowResult<_>>()?)
}

/// SQL without its comments and its spacing.
fn plain(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
