//! Commands that put one database in the place of another, ended before each thing that they ask of the disk, or told that
//! it is full. Without strace, or where nobody may trace, there is nothing to interrupt.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::backups::{backed_up, emails};
use crate::cli::{create, rollcall, serve};
use crate::schemas::{dump, today};
use crate::synced::may_trace;
use crate::upgrade::{OLD, Old, schema, snapshot};

/// What changes which files there are, or which of it is on the disk.
const CHANGES: [&str; 7] = ["link", "linkat", "rename", "unlink", "ftruncate", "fsync", "fdatasync"];

/// A command that strace does something to; what strace itself says goes nowhere.
fn traced(command: &Command, options: &[&str]) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", "/dev/null"]).args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    traced
}

/// Runs a command again and again, each time killed before its next call of `change`, until it ends by itself. `before`
/// puts everything as it was, and `after` looks at what is left.
fn kill_before_each(change: &str, command: &Command, mut before: impl FnMut(), mut after: impl FnMut(&str)) -> u32 {
    for n in 1..1000 {
        before();
        let inject = format!("inject={change}:signal=KILL:when={n}");
        let output = traced(command, &["-e", &format!("trace={change}"), "-e", &inject]).output().unwrap();
        if output.status.signal().is_none() {
            assert!(output.status.success(), "{change}: {}", String::from_utf8_lossy(&output.stderr));
            return n - 1;
        }
        after(&format!("{change} {n}"));
    }
    panic!("{change} has no end");
}

/// Every file of a folder, to put it back as it was.
struct Kept(Vec<(String, Vec<u8>)>);

impl Kept {
    fn of(folder: &Path) -> Self {
        let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let read = |file: fs::DirEntry| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap());
        Self(files.map(read).collect())
    }

    fn put_back(&self, folder: &Path) {
        for file in fs::read_dir(folder).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        for (name, bytes) in &self.0 {
            fs::write(folder.join(name), bytes).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn names(folder: &Path, part: &str) -> BTreeSet<String> {
    let all = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    all.filter(|name| name.contains(part)).collect()
}

/// No file has a second name, none is by half.
fn require_tidy(folder: &Path, at: &str) {
    assert!(names(folder, "partial").is_empty(), "{at}: {:?}", names(folder, ""));
    for name in names(folder, "rollcall.db") {
        assert_eq!(fs::metadata(folder.join(&name)).unwrap().nlink(), 1, "{at}: {name} has another name, too");
    }
}

/// Two in one second would keep the file that gives way under one name, which is refused.
fn patiently(mut run: impl FnMut() -> Output) -> Output {
    let begun = Instant::now();
    loop {
        let output = run();
        let said = String::from_utf8_lossy(&output.stderr);
        let again = said.contains("Wait a second, and try again.") && begun.elapsed() < Duration::from_secs(10);
        if !again {
            return output;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_rollback_that_is_killed_leaves_one_file_or_the_other_and_the_next_one_finishes() {
    if !may_trace() {
        return;
    }
    let old = Old::new();
    let before = dump(&old.open());
    let served = serve(&mut old.command(&["serve"]), 1);
    let token = old.command(&["token", "--email", "ada@example.com"]).output().unwrap();
    create(&served.url, String::from_utf8(token.stdout).unwrap().trim(), "new@example.com").unwrap();
    // Killed, it leaves a log, which is a part of the file that gives way.
    drop(served);
    let kept = Kept::of(&old.data);
    let command = old.command(&["rollback", "--force"]);
    let has_new = |path: &Path| emails(path).contains(&"new@example.com".to_owned());
    let (mut unfinished, mut finished) = (0, 0);
    for change in CHANGES {
        kill_before_each(
            change,
            &command,
            || kept.put_back(&old.data),
            |at| {
                if old.schema() == today() {
                    unfinished += 1;
                    assert!(has_new(&old.path()), "{at}: the newer file lost somebody");
                    assert_eq!(schema(&old.data.join(snapshot())), OLD, "{at}: the snapshot is gone");
                    let output = patiently(|| old.command(&["rollback", "--force"]).output().unwrap());
                    let (code, said) = old.said(&output);
                    assert_eq!(code, 0, "{at}: {said}");
                } else {
                    finished += 1;
                    let (code, said) = old.run(&["rollback", "--force"]);
                    assert!(code == 3 && said.contains("so there is nothing to go back from"), "{at}: {said}");
                }
                assert_eq!(dump(&old.open()), before, "{at}");
                let newer = names(&old.data, ".after-");
                assert_eq!(newer.len(), 1, "{at}: {newer:?}");
                let newer = old.data.join(newer.first().unwrap());
                assert!(schema(&newer) == today() && has_new(&newer), "{at}: what came since is not kept");
                require_tidy(&old.data, at);
            },
        );
    }
    assert!(unfinished > 3 && finished > 0, "{unfinished}, {finished}");
}

/// Whether the database can be read or not.
#[test]
fn a_restore_that_is_killed_leaves_one_database_or_the_other_and_loses_neither() {
    if !may_trace() {
        return;
    }
    let folder = backed_up();
    let data = folder.path().join("data");
    let served = serve(&mut rollcall(&data), 1);
    let token = rollcall(&data).args(["token", "--email", "ada@example.com"]).output().unwrap();
    create(&served.url, String::from_utf8(token.stdout).unwrap().trim(), "last@example.com").unwrap();
    drop(served);
    let kept = Kept::of(&data);
    let restore = || {
        let mut command = rollcall(&data);
        command.args(["restore", "--force", "good.db"]).current_dir(folder.path());
        command
    };
    let is_new = |path: &Path| emails(path) == ["ada@example.com", "bob@example.com"];
    let is_old = |path: &Path| emails(path).contains(&"last@example.com".to_owned());
    let (mut unfinished, mut finished) = (0, 0);
    for change in CHANGES {
        kill_before_each(
            change,
            &restore(),
            || kept.put_back(&data),
            |at| {
                if is_new(&data.join("rollcall.db")) {
                    finished += 1;
                    drop(serve(&mut rollcall(&data), 1));
                } else {
                    unfinished += 1;
                    assert!(is_old(&data.join("rollcall.db")), "{at}: neither is there");
                    let output = patiently(|| restore().output().unwrap());
                    assert!(output.status.success(), "{at}: {}", String::from_utf8_lossy(&output.stderr));
                    assert!(is_new(&data.join("rollcall.db")), "{at}");
                }
                let checked = rollcall(&data).arg("check").output().unwrap();
                assert!(checked.status.success(), "{at}: {}", String::from_utf8_lossy(&checked.stderr));
                let mut replaced = names(&data, ".replaced").into_iter().filter(|name| name.ends_with(".replaced"));
                assert!(replaced.any(|name| is_old(&data.join(name))), "{at}: what gave way is lost");
                require_tidy(&data, at);
            },
        );
    }
    assert!(unfinished > 3 && finished > 0, "{unfinished}, {finished}");
}

/// A file that SQLite can't read may still be worth something to somebody who can.
#[test]
fn a_restore_that_is_killed_over_a_database_beyond_reading_loses_nothing_of_it() {
    if !may_trace() {
        return;
    }
    let folder = backed_up();
    let data = folder.path().join("data");
    let parts: [(&str, &[u8]); 2] =
        [("rollcall.db", b"it was a database once"), ("rollcall.db-wal", b"and this its log")];
    for (name, bytes) in parts {
        fs::write(data.join(name), bytes).unwrap();
    }
    fs::set_permissions(data.join("rollcall.db-wal"), fs::Permissions::from_mode(0o600)).unwrap();
    let kept = Kept::of(&data);
    let restore = || {
        let mut command = rollcall(&data);
        command.args(["restore", "--force", "good.db"]).current_dir(folder.path());
        command
    };
    let mut killed = 0;
    for change in CHANGES {
        killed += kill_before_each(
            change,
            &restore(),
            || kept.put_back(&data),
            |at| {
                let output = patiently(|| restore().output().unwrap());
                assert!(output.status.success(), "{at}: {}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(emails(&data.join("rollcall.db")).len(), 2, "{at}");
                let left = Kept::of(&data);
                for (name, bytes) in parts {
                    assert!(left.0.iter().any(|(_, left)| left == bytes), "{at}: {name} is lost");
                }
            },
        );
    }
    assert!(killed > 3, "{killed}");
}

/// Room enough for the snapshot and the rehearsal, and none any more for the upgrade itself.
#[test]
fn a_disk_that_fills_up_under_the_upgrade_itself_leaves_the_old_file() {
    if !may_trace() {
        return;
    }
    for mode in ["wal", "delete"] {
        let old = Old::new();
        old.open().execute_batch(&format!("pragma journal_mode = {mode}")).unwrap();
        let (before, rows) = (dump(&old.open()), old.rows());
        let file = |ending: &str| format!("{}{ending}", old.path().display());
        let log = file(if mode == "wal" { "-wal" } else { "-journal" });
        let full = ["-P", &log, "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC"];
        let output = traced(&old.command(&["upgrade"]), &full).output().unwrap();
        let (code, said) = old.said(&output);
        assert_eq!(code, 1, "{mode}: {said}");
        assert!(said.contains("database or disk is full: make room on the disk"), "{mode}: {said}");
        assert!(
            said.contains("Nothing was changed: the Rollcall that you ran before goes on with the file."),
            "{said}"
        );
        assert!(said.contains("A copy of it is in DATA/rollcall.db.before-NEW."), "{mode}: {said}");
        assert_eq!((old.schema(), dump(&old.open()), old.rows()), (OLD, before, rows), "{mode}");
        let integrity: String =
            Connection::open(old.path()).unwrap().query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok", "{mode}");
        require_tidy(&old.data, mode);
        assert_eq!((old.run(&["upgrade"]).0, old.schema()), (0, today()), "{mode}: with room, it goes on");
    }
}
