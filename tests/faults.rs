//! The real binary on storage that fails: full, cut off, deleted, damaged, locked by others. Each ends in a clear state and
//! a clear sentence, and nothing that was answered is lost silently. `docs/durability.md` tells whoever runs a server.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use crate::cli::{init, rollcall};
use crate::faulty::{Faulty, Refused, Stopped, by_shell};

/// Every answered one is there, once, and nobody else.
fn require_all(server: &Faulty, answered: &[String]) {
    let listed = server.listed();
    let once: BTreeSet<_> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "somebody is there twice");
    let expected: BTreeSet<_> = answered.iter().chain([&"ada@example.com".to_owned()]).cloned().collect();
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

fn require_unavailable(refused: &Refused) {
    assert_eq!((refused.code.as_str(), refused.retry_after), ("503 storage_unavailable", Some(5)), "{refused:?}");
    assert_eq!(refused.message, "Storage cannot be written at the moment. Nothing was changed; try again shortly.");
}

/// Creates people until there is no room for more, which `refused` says.
fn fill(server: &Faulty, answered: &mut Vec<String>) -> Refused {
    for n in 0..2000 {
        match server.create(&format!("until{n}")) {
            Ok(email) => answered.push(email),
            Err(refused) => return refused,
        }
    }
    panic!("there is still room");
}

/// What holds while nothing can be stored, and that the log doesn't swell of it.
fn require_reading_only(server: &Faulty, answered: &[String]) {
    for n in 0..20 {
        require_unavailable(&server.create(&format!("refused{n}")).unwrap_err());
    }
    require_all(server, answered);
    assert!(server.logs("nothing can be stored; writes are answered with 503"), "{}", server.log());
    let log = server.log();
    assert_eq!(log.matches("nothing can be stored;").count(), 1, "{log}");
    assert!(log.lines().count() < 15, "{log}");
}

/// How large a file may become, which is how a disk is full without anybody's leave to mount one.
fn limit_files(server: &Faulty, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, limit).unwrap();
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_by_itself() {
    let server = Faulty::start();
    let mut answered = server.create_all("before", 5);
    let log = fs::metadata(server.data().join("rollcall.db-wal")).unwrap().len();
    limit_files(&server, Some(log + 200_000));
    require_unavailable(&fill(&server, &mut answered));
    require_reading_only(&server, &answered);
    limit_files(&server, None);
    answered.extend(server.create_all("after", 3));
    assert!(server.logs("storing works again refused="), "{}", server.log());
    require_all(&server, &answered);
    let stopped = server.crash();
    require_all(&stopped.start(), &answered);
    stopped.require_sound();
}

/// Whether this user may mount something that nobody else sees.
fn may_mount() -> bool {
    Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success())
}

/// The binary, run by a line of shell that may mount something.
fn apart(shell: &str, folder: &Path) -> Command {
    let shell = by_shell(shell, folder);
    let mut command = Command::new("unshare");
    command.arg("-rm").arg(shell.get_program()).args(shell.get_args());
    command.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// The same on a file system of two megabytes, where mounting one is allowed: `ENOSPC`, also for the database itself when
/// the log is folded into it.
#[test]
fn a_small_file_system_that_is_full_loses_nothing() {
    if !may_mount() {
        return;
    }
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let inside = "mkdir -m 700 \"$ROLLCALL_DATA\" && mount -t tmpfs -o size=2m,mode=700 none \"$ROLLCALL_DATA\" && \
                  head -c 400000 /dev/zero > \"$ROLLCALL_DATA/ballast\" && \
                  \"$0\" init --email ada@example.com --account-id 2311 > \"$ROLLCALL_DATA/../token\" && exec \"$0\"";
    let command = apart(inside, folder.path());
    let mut server = Faulty::run(folder.clone(), String::new(), command).unwrap();
    server.token = fs::read_to_string(folder.path().join("token")).unwrap().trim().to_owned();
    let mut answered = server.create_all("before", 5);
    require_unavailable(&fill(&server, &mut answered));
    require_reading_only(&server, &answered);
    let root = format!("/proc/{}/root", server.child.id());
    fs::remove_file(Path::new(&root).join(server.data().strip_prefix("/").unwrap()).join("ballast")).unwrap();
    answered.extend(server.create_all("after", 3));
    require_all(&server, &answered);
}

#[test]
fn a_folder_that_cannot_be_written_is_said_at_the_start() {
    if !may_mount() {
        return;
    }
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    let token = init(&data);
    let inside = "mount --bind \"$ROLLCALL_DATA\" \"$ROLLCALL_DATA\" && mount -o remount,bind,ro \"$ROLLCALL_DATA\" && exec \"$0\"";
    let command = apart(inside, folder.path());
    let said = Faulty::run(folder, token, command).err().unwrap();
    assert_eq!(said, "rollcall: Cannot use the data folder FOLDER/data: Read-only file system (os error 30).\n");
}

/// Which is how systems leave a disk that has failed.
#[test]
fn a_database_on_a_disk_that_cannot_be_written_is_checked_all_the_same() {
    if !may_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    let inside = "mount --bind \"$ROLLCALL_DATA\" \"$ROLLCALL_DATA\" && mount -o remount,bind,ro \"$ROLLCALL_DATA\" && exec \"$0\" check";
    let output = apart(inside, folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("The file is sound, and all"), "{printed}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_folder_that_vanishes_is_noticed_and_may_come_back() {
    let server = Faulty::start();
    let mut answered = server.create_all("before", 3);
    let aside = server.folder.path().join("aside");
    fs::rename(server.data(), &aside).unwrap();
    require_unavailable(&server.create("lost").unwrap_err());
    assert!(
        server.logs("rollcall.db was moved or deleted while the server runs, so nothing is written"),
        "{}",
        server.log()
    );
    require_all(&server, &answered);
    fs::rename(&aside, server.data()).unwrap();
    answered.extend(server.create_all("after", 3));
    require_all(&server.crash().start(), &answered);
}

#[test]
fn nothing_is_written_to_a_deleted_database() {
    let server = Faulty::start();
    let answered = server.create_all("before", 3);
    fs::remove_dir_all(server.data()).unwrap();
    for n in 0..3 {
        require_unavailable(&server.create(&format!("lost{n}")).unwrap_err());
    }
    // What is still open can still be read, and so be saved.
    require_all(&server, &answered);
    assert!(server.logs("Put it back as it was, or start the server again"), "{}", server.log());
}

#[test]
fn another_folder_in_the_place_of_the_own_one_is_noticed() {
    let server = Faulty::start();
    server.create_all("before", 3);
    fs::rename(server.data(), server.folder.path().join("aside")).unwrap();
    let token = init(&server.data());
    require_unavailable(&server.create("lost").unwrap_err());
    assert!(server.logs("rollcall.db was replaced while the server runs"), "{}", server.log());
    let mut other = server.crash().start();
    other.token = token;
    require_all(&other, &[]);
}

#[test]
fn a_deleted_log_is_saved_into_the_database() {
    for (files, start) in [
        (&["-wal"][..], Faulty::start as fn() -> Faulty),
        (&["-wal", "-shm"], Faulty::start),
        (&["-wal"], Faulty::start_restored),
        (&["-wal", "-shm"], Faulty::start_restored),
    ] {
        let server = start();
        let answered = server.create_all("before", 20);
        for ending in files {
            fs::remove_file(server.data().join(format!("rollcall.db{ending}"))).unwrap();
        }
        require_unavailable(&server.create("lost").unwrap_err());
        assert!(server.logs("rollcall.db-wal was moved or deleted while the server runs"), "{}", server.log());
        let stopped = server.crash();
        require_all(&stopped.start(), &answered);
        stopped.require_sound();
    }
}

/// Before anybody writes again, and another program begins a log of its own there.
#[test]
fn a_log_that_is_deleted_while_nobody_writes_is_saved_all_the_same() {
    let server = Faulty::start();
    let answered = server.create_all("before", 20);
    for ending in ["-wal", "-shm"] {
        fs::remove_file(server.data().join(format!("rollcall.db{ending}"))).unwrap();
    }
    assert!(server.logs("rollcall.db-wal was moved or deleted while the server runs"), "{}", server.log());
    let stopped = server.crash();
    require_all(&stopped.start(), &answered);
    stopped.require_sound();
}

/// Overwrites the page where a table begins.
fn damage(database: &Path, table: &str) {
    let conn = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let root = "select rootpage from sqlite_schema where name = ?1";
    let page = conn.query_row(root, [table], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
    drop(conn);
    OpenOptions::new().write(true).open(database).unwrap().write_all_at(&[0xa5; 4096], (page - 1) * 4096).unwrap();
}

fn require_damaged(refused: &Refused) {
    assert_eq!((refused.code.as_str(), refused.retry_after), ("503 storage_damaged", Some(300)), "{refused:?}");
    assert!(refused.message.ends_with("whoever runs the server has to restore a backup."), "{refused:?}");
}

#[test]
fn a_damaged_page_is_said_and_nothing_more_is_written() {
    let server = Faulty::start();
    server.create_all("before", 20);
    let stopped = server.stop();
    damage(&stopped.file(""), "memberships");
    let server = stopped.start();
    let before = fs::read(server.database()).unwrap();
    require_damaged(&server.get("/users").unwrap_err());
    require_damaged(&server.create("lost").unwrap_err());
    require_damaged(&server.post("/teams", &json!({ "name": "Elsewhere" })).unwrap_err());
    assert!(server.logs("the database is damaged, and nothing more is written to it"), "{}", server.log());
    assert_eq!(server.log().matches("nothing more is written").count(), 1, "{}", server.log());
    server.crash();
    assert_eq!(fs::read(stopped.file("")).unwrap(), before);
}

/// Pages that SQLite holds in memory go on being right; whatever it reads anew is not taken for data.
#[test]
fn a_page_damaged_under_a_running_server_is_no_fault_of_ours_and_no_answer() {
    let server = Faulty::start();
    server.create_all("before", 20);
    let server = server.stop().start();
    for table in ["memberships", "users", "latest_events", "teams"] {
        damage(&server.database(), table);
    }
    let mut damaged = 0;
    for n in 0..10 {
        let answers =
            [server.get("/users?limit=200"), server.post("/users", &json!({ "email": format!("x{n}@example.com") }))];
        for refused in answers.into_iter().filter_map(Result::err) {
            require_damaged(&refused);
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    require_damaged(&server.create("more").unwrap_err());
}

#[test]
fn a_database_that_was_cut_off_is_refused() {
    let server = Faulty::start();
    server.create_all("before", 20);
    let stopped = server.stop();
    let length = fs::metadata(stopped.file("")).unwrap().len();
    let file = OpenOptions::new().write(true).open(stopped.file("")).unwrap();
    let left = length / 2 / 4096 * 4096;
    file.set_len(left).unwrap();
    let said = stopped.try_start().err().unwrap();
    assert_eq!(
        said,
        format!(
            "rollcall: FOLDER/data/rollcall.db was cut off: of {length} bytes, {left} are there. Restore a good backup: \
             rollcall restore FILE\n"
        )
    );
}

#[test]
fn a_database_cut_off_under_a_running_server_is_no_answer_either() {
    let server = Faulty::start();
    server.create_all("before", 50);
    let mut server = server.stop().start();
    server.listed();
    OpenOptions::new().write(true).open(server.database()).unwrap().set_len(8192).unwrap();
    for _ in 0..5 {
        require_damaged(&server.get("/users").unwrap_err());
    }
    require_damaged(&server.create("lost").unwrap_err());
    assert!(server.child.try_wait().unwrap().is_none(), "it still runs, and says what is wrong");
}

/// What a command says of it, which would otherwise be the first to open the database and to go on with less.
fn listed_by_command(stopped: &Stopped) -> Result<String, String> {
    let output = rollcall(&stopped.data()).args(["user", "list"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(said) }
}

#[test]
fn a_log_that_was_cut_off_or_damaged_is_said_before_anything_builds_on_the_rest() {
    let server = Faulty::start();
    let answered = server.create_all("before", 20);
    let crashed = server.crash();
    let log = fs::metadata(crashed.file("-wal")).unwrap().len();
    let change = |change: &dyn Fn(&Path)| {
        let copy = crashed.copy();
        change(&copy.file("-wal"));
        copy
    };
    let open = |path: &Path| OpenOptions::new().write(true).open(path).unwrap();
    let cut = change(&|path| open(path).set_len(log / 2).unwrap());
    let short = change(&|path| open(path).set_len(log - 1).unwrap());
    let flipped = change(&|path| open(path).write_all_at(b"?", log / 2).unwrap());
    let headless = change(&|path| open(path).write_all_at(&[0; 32], 0).unwrap());
    let empty = change(&|path| open(path).set_len(0).unwrap());
    let deleted = change(&|path| fs::remove_file(path).unwrap());
    for (name, stopped) in [
        ("cut", &cut),
        ("short", &short),
        ("flipped", &flipped),
        ("headless", &headless),
        ("empty", &empty),
        ("deleted", &deleted),
    ] {
        for said in [stopped.try_start().err(), listed_by_command(stopped).err()] {
            let said = said.unwrap_or_else(|| panic!("{name}: it goes on with less"));
            assert!(said.contains("rollcall.db-wal was cut off or damaged: of "), "{name}: {said}");
            assert!(said.contains("To go on with the rest, delete "), "{name}: {said}");
        }
    }
    // Whoever accepts the loss goes on with what is whole.
    fs::remove_file(cut.file("-shm")).unwrap();
    let rest = cut.start().listed();
    assert!(rest.len() > 1 && rest.len() < 21, "{rest:?}");
    cut.require_sound();
    require_all(&crashed.copy().start(), &answered);
    assert!(listed_by_command(&crashed).unwrap().contains("before19@example.com"));
}

/// What was never committed, because the server was killed in the middle of it, is no loss.
#[test]
fn half_a_transaction_at_the_end_of_the_log_is_left_out() {
    let server = Faulty::start();
    let answered = server.create_all("before", 5);
    let crashed = server.crash();
    let log = fs::read(crashed.file("-wal")).unwrap();
    let end = OpenOptions::new().write(true).open(crashed.file("-wal")).unwrap();
    end.write_all_at(&log[32..32 + 4120 + 700], log.len() as u64).unwrap();
    require_all(&crashed.start(), &answered);
}

#[test]
fn while_another_program_locks_the_database_writes_are_told_so_and_reads_go_on() {
    let server = Faulty::start();
    let mut answered = server.create_all("before", 2);
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    std::thread::scope(|scope| {
        let writes: Vec<_> = (0..20)
            .map(|n| {
                let server = &server;
                scope.spawn(move || {
                    let asked = Instant::now();
                    (server.create(&format!("locked{n}")).unwrap_err(), asked.elapsed())
                })
            })
            .collect();
        let asked = Instant::now();
        require_all(&server, &answered);
        assert!(asked.elapsed() < Duration::from_secs(3), "reads wait for nobody");
        for write in writes {
            let (refused, waited) = write.join().unwrap();
            assert!(refused.code == "503 storage_unavailable" || refused.code == "503 overloaded", "{refused:?}");
            assert!(refused.retry_after.is_some() && waited < Duration::from_secs(12), "{refused:?} after {waited:?}");
        }
    });
    // Whoever waited has given up by then, or is about to; so does the writer.
    let advice = "another program keeps the database locked; end it";
    let said = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        server.log().contains(advice)
    });
    assert!(said, "{}", server.log());
    other.execute_batch("rollback").unwrap();
    answered.extend(server.create_all("after", 2));
    require_all(&server, &answered);
}
