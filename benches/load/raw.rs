//! What SQLite itself inserts, durably, on the same disk: the same columns as `users`, without rules, events or search.

use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Rows a second, with so many in each transaction.
pub fn rows_per_second(rows_per_commit: usize, within: Duration) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let conn = Connection::open(folder.path().join("raw.db")).expect("a database");
    conn.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full;
         create table users (id integer primary key, email text not null unique, name text, active integer not null,
                             created_by text not null, updated_by text not null, created_at integer, updated_at integer)",
    )
    .expect("a table");
    let sql = "insert into users (email, name, active, created_by, updated_by, created_at, updated_at)
               values ('somebody-' || ?1 || '@example.com', 'Grace Hopper', 1, ?2, ?2, ?1, ?1) returning id";
    let mut insert = conn.prepare(sql).expect("a statement");
    let (begun, mut rows) = (Instant::now(), 0i64);
    while begun.elapsed() < within {
        conn.execute_batch("begin immediate").expect("begun");
        for _ in 0..rows_per_commit {
            rows += 1;
            let id: i64 = insert.query_row((rows, "ada@example.com"), |row| row.get(0)).expect("inserted");
            std::hint::black_box(id);
        }
        conn.execute_batch("commit").expect("committed");
    }
    rows as f64 / begun.elapsed().as_secs_f64()
}
