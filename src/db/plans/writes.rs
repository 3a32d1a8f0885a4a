//! What a new user costs the writer, and all others who wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::hooks::Action;

use super::directory::directory;
use super::{caller, explain, reader, watch};
use crate::db::Write;
use crate::db::known::Known;
use crate::domain::actor::Actor;
use crate::domain::fields::EmailText;
use crate::domain::permissions::Permissions;
use crate::domain::tokens::{self, Kind};
use crate::domain::users::{self, NewUser};

/// Nothing is gathered in a table on the way of a new user, no other table is asked who refers to them already, and SQLite
/// keeps no page in case that a statement fails half-way.
#[test]
fn a_new_user_is_written_straight_away() {
    let conn = directory(100);
    let new = NewUser { email: EmailText("new@example.com".into()), ..NewUser::default() };
    let run = watch(&conn, |w| users::create(w, new).map(drop));
    let inserts: Vec<_> = run.iter().map(|(sql, _)| sql).filter(|sql| sql.starts_with("insert")).collect();
    assert_eq!(inserts.len(), 4, "the user, their membership, its role, the event: {inserts:#?}");
    for sql in inserts {
        let steps = explain(&conn, sql, 1);
        for costly in ["OpenEphemeral", "FkCounter", "Program"] {
            assert!(!steps.iter().any(|step| step == costly), "{costly} in {sql}");
        }
    }
}

/// Who makes many people is looked up once for those that share a commit, and anew once anything else was changed.
#[test]
fn who_asks_is_looked_up_once_until_something_is_changed() {
    let conn = directory(100);
    let caller = caller(6, Kind::Invitation, Some("here"));
    let known: &'static Known = Box::leak(Box::default());
    let create = |w: &mut Write, n: usize| {
        w.0.known = Some(known);
        let actor = tokens::identify(w, &caller)?;
        assert_eq!(actor.user_id, Some(6));
        let email = EmailText(format!("new{n}@example.com"));
        w.acting_as(Actor { permissions: Permissions::all(), ..actor });
        users::create(w, NewUser { email, roles: Some(Vec::new()), ..NewUser::default() }).map(drop)
    };
    let run = watch(&conn, |w| {
        (0..3).try_for_each(|n| create(w, n))?;
        w.run("update users set name = 'Other' where id = 7", [])?;
        (3..6).try_for_each(|n| create(w, n))
    });
    let asked = run.iter().filter(|(sql, _)| sql.contains("t.kind = ?3")).count();
    assert_eq!((asked, run.iter().filter(|(sql, _)| sql.starts_with("insert into users")).count()), (2, 6));
}

/// Those who are taken up together leave a part of the index, each of which every search looks into. No write has to wait for much
/// of them to be merged.
#[test]
fn the_index_of_the_search_is_merged_a_little_at_a_time() {
    let conn = directory(100);
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let parts = || number("select count(distinct segid) from user_search_idx");
    // Pages of the index that were written, changed or deleted, a kilobyte each.
    let pages = Arc::new(AtomicU64::new(0));
    let noted = pages.clone();
    let note = move |_: Action, _: &str, table: &str, _: i64| {
        noted.fetch_add((table == "user_search_data").into(), Ordering::Relaxed);
    };
    conn.update_hook(Some(note)).unwrap();
    let mut most = 0;
    for n in 0..24_000 {
        let email = format!("{}.{n}@example.com", ["ada", "grace", "linus", "margaret"][n % 4]);
        pages.store(0, Ordering::Relaxed);
        conn.execute_batch("begin").unwrap();
        users::create(&Write(reader(&conn)), NewUser { email: EmailText(email), ..NewUser::default() }).unwrap();
        conn.execute_batch("commit").unwrap();
        most = most.max(pages.load(Ordering::Relaxed));
    }
    assert_eq!(number("select v from user_search_config where k = 'usermerge'"), 2, "as schema.sql has it");
    assert!(most < 178, "a write changed {most} pages of it");
    let before = parts();
    let merge = || users::merge_search(&Write(reader(&conn))).unwrap();
    let (mut most, mut steps) = (0, 0);
    loop {
        pages.store(0, Ordering::Relaxed);
        let goes_on = merge();
        (most, steps) = (most.max(pages.load(Ordering::Relaxed)), steps + 1);
        if !goes_on {
            break;
        }
    }
    assert!(before <= 11 && parts() == 1, "{before} parts became {}", parts());
    assert!(most < 178 && steps > 10, "of {steps} steps one changed {most} pages");
    // A few more are no reason to write all of it again.
    (24_000..24_600).for_each(|n| {
        let email = EmailText(format!("new.{n}@example.com"));
        users::create(&Write(reader(&conn)), NewUser { email, ..NewUser::default() }).unwrap();
    });
    while merge() {}
    assert!(parts() > 1, "of a few more");
    conn.execute("insert into user_search (user_search, rank) values ('integrity-check', 1)", []).unwrap();
}
