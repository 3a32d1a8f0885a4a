//! What is gone or in the way by a mistake that people make: an emptied file, a disk that isn't mounted, a copy that broke off.
#![cfg(target_os = "linux")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use rustix::process::Signal;

use crate::backups::{backed_up, emails, names, run};
use crate::cli::rollcall;
use crate::faulty::{Faulty, Stopped};

fn cut(file: &Path, length: u64) {
    OpenOptions::new().write(true).open(file).unwrap().set_len(length).unwrap();
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

/// How often a text is in the files of a folder whose names begin so.
fn held(folder: &Path, beginning: &str, text: &str) -> usize {
    let files = names(folder).into_iter().filter(|name| name.starts_with(beginning));
    let bytes = files.flat_map(|name| fs::read(folder.join(name)).unwrap());
    bytes.collect::<Vec<_>>().windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// Whoever restores, as a server advises whose log is not whole, keeps all that is left of it.
#[test]
fn a_log_that_is_not_whole_is_kept_by_a_restore_as_it_lies() {
    let folder = backed_up();
    let server = Faulty::start();
    server.create_all("answered", 20);
    let crashed = server.crash();
    let log = length(&crashed.file("-wal"));
    cut(&crashed.file("-wal"), log - 5_000);
    let left = ["", "-wal", "-shm"].map(|ending| fs::read(crashed.file(ending)).unwrap());
    let good = folder.path().join("good.db");
    let output = rollcall(&crashed.data()).args(["restore", "--force"]).arg(&good).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains(".replaced, with its log as it lay there"), "{said}");
    let kept = names(&crashed.data()).into_iter().find(|name| name.ends_with(".replaced")).unwrap();
    for (ending, bytes) in ["", "-wal", "-shm"].into_iter().zip(&left) {
        assert!(fs::read(crashed.data().join(format!("{kept}{ending}"))).unwrap() == *bytes, "{kept}{ending}");
    }
    assert!(held(&crashed.data(), &kept, "answered3@example.com") > 0);
    assert_eq!(emails(&crashed.file("")), ["ada@example.com", "bob@example.com"]);
}

#[test]
fn a_log_that_is_emptied_under_a_running_server_is_not_written_behind() {
    for server in [Faulty::start(), Faulty::start_restored()] {
        server.create_all("before", 5);
        cut(&server.data().join("rollcall.db-wal"), 0);
        for n in 0..3 {
            let refused = server.create(&format!("after{n}")).unwrap_err();
            assert_eq!(refused.code, "503 storage_unavailable");
        }
        assert!(server.logs("rollcall.db-wal was cut off while the server runs: of "), "{}", server.log());
        assert!(server.log().contains("0 are left, so nothing is written"), "{}", server.log());
    }
}

/// It is mapped into memory, and the system ends a process that looks where nothing is left of what it has mapped.
#[test]
fn a_shared_memory_that_is_emptied_ends_the_server_and_loses_nothing() {
    let mut server = Faulty::start();
    let answered = server.create_all("before", 20);
    cut(&server.data().join("rollcall.db-shm"), 0);
    let asked = ureq::get(format!("{}/users", server.url))
        .header("authorization", format!("Bearer {}", server.token))
        .header("x-account-id", "2311");
    assert!(asked.call().is_err(), "it answered from nothing");
    assert_eq!(server.child.wait().unwrap().signal(), Some(Signal::BUS.as_raw()));
    let server = server.crash().start();
    assert!(answered.iter().all(|email| server.listed().contains(email)));
}

/// Another program lets nobody write, or still reads what is in the log, so that SQLite goes on behind the hole.
#[test]
fn a_log_that_is_emptied_while_others_have_the_database_is_noticed() {
    let server = Faulty::start();
    server.create_all("before", 5);
    let (other, log) = (rusqlite::Connection::open(server.database()).unwrap(), server.data().join("rollcall.db-wal"));
    other.execute_batch("begin immediate").unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| server.create("waits"));
        std::thread::sleep(std::time::Duration::from_millis(300));
        cut(&log, 0);
        other.execute_batch("rollback").unwrap();
        assert_eq!(waits.join().unwrap().unwrap_err().code, "503 storage_unavailable");
    });
    let server = Faulty::start();
    server.create_all("before", 5);
    let (other, log) = (rusqlite::Connection::open(server.database()).unwrap(), server.data().join("rollcall.db-wal"));
    other.execute_batch("begin; select count(*) from users").unwrap();
    let moves = rusqlite::Connection::open(server.database()).unwrap();
    moves.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())).unwrap();
    cut(&log, 0);
    assert_eq!(server.create("after").unwrap_err().code, "503 storage_unavailable");
    assert!(
        server.logs("rollcall.db-wal was cut off while the server runs, so nothing is written"),
        "{}",
        server.log()
    );
}

/// As `cp` does it, which leaves the file itself where it is. What is in the log then is of another database.
#[test]
fn a_database_that_is_emptied_or_overwritten_under_a_running_server_is_not_written_to() {
    for overwritten in [false, true] {
        let stopped = Stopped::new();
        let backup = stopped.data().join("../good.db");
        assert!(rollcall(&stopped.data()).arg("backup").arg(&backup).output().unwrap().status.success());
        let server = stopped.start();
        server.create_all("before", 5);
        if overwritten {
            fs::copy(&backup, server.database()).unwrap();
        } else {
            cut(&server.database(), 0);
        }
        for n in 0..2 {
            assert!(server.create(&format!("after{n}")).unwrap_err().code.starts_with("503 storage_"));
        }
        assert!(server.logs("rollcall.db was emptied or overwritten while the server runs"), "{}", server.log());
        let is_there = fs::read(server.database()).unwrap();
        let stopped = server.stop();
        assert!(fs::read(stopped.file("")).unwrap() == is_there, "something was written into it");
        assert!(held(&stopped.data(), "rollcall.db-wal", "before4@example.com") > 0, "the log is gone");
    }
}

/// Nobody has written since, and nobody may have looked.
#[test]
fn a_log_that_is_emptied_just_before_the_server_stops_leaves_the_database_as_it_was() {
    let server = Faulty::start();
    server.create_all("before", 5);
    let (database, log) = (server.database(), server.data().join("rollcall.db-wal"));
    let before = fs::read(&database).unwrap();
    cut(&log, length(&log) - 4_120);
    let stopped = server.stop();
    assert!(fs::read(&database).unwrap() == before);
    let said = stopped.try_start().err().unwrap();
    assert!(said.contains("rollcall.db-wal was cut off or damaged: of "), "{said}");
}

/// Its log would be elsewhere than where everybody looks for it. A check looks where that is.
#[test]
fn a_database_that_is_a_link_is_refused() {
    let (server, elsewhere) = (Faulty::start(), Stopped::new());
    server.create_all("before", 5);
    let stopped = server.crash();
    fs::remove_file(elsewhere.file("")).unwrap();
    symlink(stopped.file(""), elsewhere.file("")).unwrap();
    let said = elsewhere.try_start().err().unwrap();
    assert!(said.contains("rollcall.db is a link") && said.contains("--data"), "{said}");
    let check = || rollcall(&elsewhere.data()).arg("check").output().unwrap();
    assert!(String::from_utf8(check().stdout).unwrap().contains("6 users"));
    cut(&stopped.file("-wal"), 0);
    let refused = check();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("rollcall.db-wal was cut off or damaged"));
    assert!(!refused.status.success());
}

/// What is left of a cut log may end within a transaction.
#[test]
fn nothing_of_a_log_that_was_cut_under_a_running_server_goes_into_the_database() {
    let server = Faulty::start();
    let server = server.stop().start();
    server.create_all("before", 1);
    let (database, log) = (server.database(), server.data().join("rollcall.db-wal"));
    let before = fs::read(&database).unwrap();
    cut(&log, length(&log) - 4_120);
    assert_eq!(server.create("after").unwrap_err().code, "503 storage_unavailable");
    let stopped = server.stop();
    assert!(fs::read(&database).unwrap() == before);
    let said = stopped.try_start().err().unwrap();
    assert!(said.contains("rollcall.db-wal was cut off or damaged: of "), "{said}");
}

/// Killed after the log has lost its name and before the backup has the database's: the next who comes finds all of it.
#[test]
fn a_restore_that_ends_in_between_leaves_the_log_where_it_was() {
    let server = Faulty::start();
    let answered = server.create_all("before", 5);
    let crashed = server.crash();
    let aside = |ending: &str| crashed.data().join(format!("rollcall.db.20261127T000000Z.replaced{ending}"));
    fs::hard_link(crashed.file(""), aside("")).unwrap();
    for ending in ["-wal", "-shm"] {
        fs::rename(crashed.file(ending), aside(ending)).unwrap();
    }
    let listed = crashed.start().listed();
    assert!(answered.iter().all(|email| listed.contains(email)), "{listed:?}");
    assert!(names(&crashed.data()).iter().all(|name| !name.contains("replaced")), "{:?}", names(&crashed.data()));
}

/// The log of a database that was emptied may have all there is.
#[test]
fn a_log_without_its_database_is_neither_begun_anew_over_nor_restored_over() {
    let folder = backed_up();
    let server = Faulty::start();
    server.create_all("answered", 3);
    let crashed = server.crash();
    let log = fs::read(crashed.file("-wal")).unwrap();
    cut(&crashed.file(""), 0);
    let said = crashed.try_start().err().unwrap();
    assert!(said.contains("rollcall.db-wal is left of it"), "{said}");
    let good = folder.path().join("good.db");
    let refused = rollcall(&crashed.data()).arg("restore").arg(&good).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    let restored = rollcall(&crashed.data()).args(["restore", "--force"]).arg(&good).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let kept = names(&crashed.data()).into_iter().find(|name| name.ends_with(".replaced-wal")).unwrap();
    assert!(fs::read(crashed.data().join(kept)).unwrap() == log);
}

#[test]
fn a_database_that_is_gone_is_not_begun_anew_where_something_is_left_of_it() {
    let folder = backed_up();
    let data = folder.path().join("data");
    cut(&data.join("rollcall.db"), 0);
    let (code, _, said) = run(folder.path(), &["user", "list"]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("There is nothing in FOLDER/data/rollcall.db."), "{said}");
    assert_eq!(length(&data.join("rollcall.db")), 0, "a command that reads makes nothing");

    let shelf = folder.path().join("shelf");
    fs::create_dir(&shelf).unwrap();
    let backup = shelf.join("rollcall-20261101T000000Z.db");
    fs::copy(folder.path().join("good.db"), &backup).unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--backup-every", "1d", "--backup-keep", "1", "--backup-dir", "shelf"];
    for begin in [&["serve"][..], &["init", "--email", "ada@example.com"]] {
        let (code, _, said) = run(folder.path(), &[begin, &arguments].concat());
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains("but there was: shelf/rollcall-20261101T000000Z.db is left of it.")
                && said.contains("rollcall restore FILE"),
            "{said}"
        );
    }
    assert!(backup.exists());
    fs::remove_dir_all(&shelf).unwrap();
    fs::rename(folder.path().join("good.db"), data.join("rollcall.db.before-9")).unwrap();
    let (code, _, said) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(code == 1 && said.contains("rollcall.db.before-9 is left of it"), "{said}");
}

/// SQLite takes the rest of a last page for empty.
#[test]
fn a_copy_that_broke_off_is_told_from_a_whole_one() {
    let folder = backed_up();
    let good = folder.path().join("good.db");
    let all = length(&good);
    for missing in [1, 10, 4_096, 5_000] {
        fs::copy(&good, folder.path().join("short.db")).unwrap();
        cut(&folder.path().join("short.db"), all - missing);
        for command in [&["check", "short.db"][..], &["restore", "--force", "short.db"]] {
            let (code, _, said) = run(folder.path(), command);
            assert_eq!(code, 1, "{missing} bytes: {said}");
            assert!(
                said.contains(&format!("short.db was cut off: of {all} bytes, {} are there", all - missing)),
                "{said}"
            );
        }
    }
    let database = folder.path().join("data/rollcall.db");
    cut(&database, length(&database) - 10);
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"], &["check"], &["backup", "new.db"]] {
        let (code, _, said) = run(folder.path(), command);
        assert!(code == 1 && said.contains("rollcall.db was cut off: of "), "{command:?}: {said}");
    }
}

#[test]
fn a_backup_takes_the_place_of_no_link() {
    let folder = backed_up();
    fs::write(folder.path().join("far.db"), "far").unwrap();
    symlink(folder.path().join("far.db"), folder.path().join("link.db")).unwrap();
    symlink(folder.path().join("nothing.db"), folder.path().join("dangling.db")).unwrap();
    for link in ["link.db", "dangling.db", "/dev/stdout"] {
        let (code, _, said) = run(folder.path(), &["backup", "--force", link]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("is a link. Name the file that it is to lead to."), "{said}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("far.db")).unwrap(), "far");
}

#[test]
fn what_is_no_file_or_none_of_ours_to_read_is_said() {
    let folder = backed_up();
    for (name, expected) in [("data", "data is no file."), ("nowhere.db", "There is no file nowhere.db.")] {
        let (_, _, said) = run(folder.path(), &["check", name]);
        assert!(said.contains(expected), "{said}");
    }
}

/// Whoever has lost the key hears of it before everybody who is signed out does.
#[test]
fn a_key_that_is_gone_is_said_when_another_is_made() {
    let server = Faulty::start();
    let stopped = server.stop();
    fs::remove_file(stopped.data().join("rollcall.key")).unwrap();
    let server = stopped.start();
    assert!(server.logs("there was no key, so there is a new one now"), "{}", server.log());
}

/// A rollback would bring back another database than that which was upgraded.
#[test]
fn a_restore_puts_the_snapshots_aside_of_the_database_before() {
    let folder = backed_up();
    let data = folder.path().join("data");
    fs::copy(folder.path().join("good.db"), folder.path().join("other.db")).unwrap();
    fs::rename(folder.path().join("other.db"), data.join("rollcall.db.before-9")).unwrap();
    let (code, _, said) = run(folder.path(), &["restore", "--force", "good.db"]);
    assert_eq!(code, 0, "{said}");
    let aside = |name: &String| name.starts_with("rollcall.db.before-9.") && name.ends_with(".replaced");
    assert!(names(&data).iter().any(aside) && !data.join("rollcall.db.before-9").exists(), "{:?}", names(&data));
}
