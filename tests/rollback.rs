//! The way back from an upgrade, by the real binary: to the file as it was, and never over what came since.

use std::fs;

use rusqlite::Connection;

use crate::cli::{create, serve};
use crate::schemas::{dump, released, today};
use crate::upgrade::{OLD, Old, private, schema, snapshot};

#[test]
fn a_rollback_returns_to_the_file_as_it_was() {
    let old = Old::new();
    let before = dump(&old.open());
    let (code, said) = old.run(&["rollback"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!(said, @"rollcall: DATA/rollcall.db has schema 4 already, so there is nothing to go back from: the Rollcall of that schema goes on with it.");
    assert_eq!(old.run(&["upgrade"]).0, 0);
    let (code, said) = old.run(&["rollback"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(undated(&said), @"
    DATA/rollcall.db is again as it was before the upgrade of TIME UTC, with schema 4.
    The newer file is kept in DATA/rollcall.db.after-NEW.TIME, with 0 new users, 0 new tokens and 0 new events.
    Start the Rollcall that you ran before. This one would upgrade the file again.
    ");
    assert_eq!(dump(&old.open()), before);
    let kept: Vec<_> = old.names().into_iter().filter(|name| name.contains("rollcall.db.after-")).collect();
    assert_eq!((kept.len(), schema(&old.data.join(&kept[0]))), (1, today()));
    assert!(!old.data.join(snapshot()).exists(), "it is the file now");
    // And forth again.
    assert_eq!((old.run(&["upgrade"]).0, old.schema()), (0, today()));
}

fn undated(said: &str) -> String {
    let dates = said.split(' ').map(|word| match word.split_once("after-NEW.") {
        Some((before, _)) => format!("{before}after-NEW.TIME,"),
        None => word.to_owned(),
    });
    let text = dates.collect::<Vec<_>>().join(" ");
    match (text.split_once("upgrade of "), text.split_once(" UTC")) {
        (Some((before, _)), Some((_, after))) => format!("{before}upgrade of TIME UTC{after}"),
        _ => text,
    }
}

#[test]
fn a_rollback_says_what_came_since_and_leaves_it_behind_only_when_told() {
    insta::allow_duplicates! {
        released().for_each(a_rollback_says_what_came_since);
    }
}

fn a_rollback_says_what_came_since(schema: i64) {
    let old = Old::of(schema);
    let mut served = serve(&mut old.command(&["serve"]), 1);
    let token = old.command(&["token", "--email", "ada@example.com"]).output().unwrap();
    create(&served.url, String::from_utf8(token.stdout).unwrap().trim(), "new@example.com").unwrap();
    let (code, said) = old.run(&["rollback", "--force"]);
    assert!(code == 3 && said.contains("Another Rollcall is serving"), "{said}");
    assert_eq!(crate::cli::stop(&mut served), 0);
    let (code, said) = old.run(&["rollback"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!(undated(&said), @"rollcall: Since the upgrade of TIME UTC there are 1 new user, 2 new tokens and 1 new event, and the snapshot has none of it. Go back all the same with --force: the file as it is now is kept beside it.");
    assert_eq!(old.schema(), today());
    // A log that nobody folded back is part of the file that is kept.
    old.open().execute_batch("pragma journal_mode = wal").unwrap();
    let (code, said) = old.run(&["rollback", "--force"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(old.schema(), schema);
    let kept = old.names().into_iter().find(|name| name.contains("rollcall.db.after-")).unwrap();
    let kept = Connection::open(old.data.join(kept)).unwrap();
    let new: i64 =
        kept.query_row("select count(*) from users where email = 'new@example.com'", [], |row| row.get(0)).unwrap();
    assert_eq!(new, 1);
}

#[test]
fn a_rollback_needs_a_good_snapshot_and_the_file_to_itself() {
    let old = Old::new();
    assert_eq!(old.run(&["upgrade"]).0, 0);
    let snapshot = old.data.join(snapshot());
    let good = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &good[..good.len() / 2]).unwrap();
    old.refused(&["rollback"], &["before-NEW", "rollcall restore"]);
    fs::remove_file(&snapshot).unwrap();
    old.refused(&["rollback"], &["There is no snapshot DATA/rollcall.db.before-NEW.", "rollcall restore"]);
    fs::write(&snapshot, &good).unwrap();
    private(&snapshot);
    let other = old.open();
    other.execute_batch("begin; select count(*) from users").unwrap();
    let (code, said) = old.run(&["rollback"]);
    assert!(code == 3 && said.contains("Another program is using the database"), "{said}");
    // A restore that is refused leaves the snapshot where a rollback finds it, too.
    let backup = old.data.with_file_name("good.db");
    fs::write(&backup, &good).unwrap();
    let (code, said) = old.run(&["restore", "--force", backup.to_str().unwrap()]);
    assert!(code == 3 && said.contains("Another program is using the database"), "{said}");
    drop(other);
    assert_eq!((old.run(&["rollback"]).0, old.schema()), (0, OLD));
}

/// Folding the rest of a log into the file that is kept would hide that something is missing.
#[test]
fn a_rollback_or_an_upgrade_does_not_go_on_with_a_log_that_was_cut_off() {
    let old = Old::new();
    let served = serve(&mut old.command(&["serve"]), 1);
    let token = old.command(&["token", "--email", "ada@example.com"]).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap();
    for n in 0..20 {
        create(&served.url, token.trim(), &format!("n{n}@example.com")).unwrap();
    }
    drop(served);
    let log = fs::OpenOptions::new().write(true).open(old.data.join("rollcall.db-wal")).unwrap();
    log.set_len(log.metadata().unwrap().len() / 2).unwrap();
    for arguments in [&["rollback"][..], &["rollback", "--force"], &["upgrade"], &["upgrade", "--check"], &["serve"]] {
        old.refused(arguments, &["rollcall.db-wal was cut off or damaged", "Restore a backup: rollcall restore FILE."]);
    }
    fs::remove_file(old.data.join("rollcall.db-shm")).unwrap();
    assert_eq!((old.run(&["rollback", "--force"]).0, old.schema()), (0, OLD));
}
