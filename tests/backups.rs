//! Backups: made while others write, checked, and put back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rollcall::db::{TAKE_UP, search};
use rusqlite::Connection;

use crate::cli::{create, init, rollcall, serve};
use crate::upgrade::private;

/// A run of the command: its exit code, what it printed, and what it said, with the folder called FOLDER.
fn said(output: &Output, folder: &Path) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(folder.to_str().unwrap(), "FOLDER");
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

pub fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    said(&rollcall(&folder.join("data")).args(arguments).current_dir(folder).output().unwrap(), folder)
}

pub fn emails(database: &Path) -> Vec<String> {
    let database = Connection::open(database).unwrap();
    let mut statement = database.prepare("select email from users order by email").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What is in a folder, by name.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder of two people, a backup of it, and somebody who came afterwards.
pub fn backed_up() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    init(&folder.path().join("data"));
    run(folder.path(), &["user", "add", "--email", "bob@example.com"]);
    let (code, _, why) = run(folder.path(), &["backup", "good.db"]);
    assert_eq!(code, 0, "{why}");
    run(folder.path(), &["user", "add", "--email", "late@example.com"]);
    folder
}

#[test]
fn a_backup_made_under_writes_is_whole_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = init(&data);
    let served = serve(&mut rollcall(&data), 1);
    let running = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = Vec::new();
            for n in 0.. {
                let email = format!("n{n:05}@example.com");
                create(&served.url, &token, &email).unwrap();
                written.push(email);
                if !running.load(Ordering::SeqCst) {
                    break;
                }
            }
            written
        });
        for n in 0..3 {
            std::thread::sleep(Duration::from_millis(100));
            let (code, printed, why) = run(folder.path(), &["backup", &format!("{n}.db")]);
            assert_eq!(code, 0, "{why}");
            assert!(printed.starts_with(&format!("{n}.db: ")) && printed.ends_with(", checked.\n"), "{printed}");
            assert!(why.contains("The key isn't in it"), "{why}");
        }
        running.store(false, Ordering::SeqCst);
        let written = writer.join().unwrap();
        for n in 0..3 {
            let copy = folder.path().join(format!("{n}.db"));
            assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
            // Whoever is in it came before all who aren't: one moment of the server.
            let there: Vec<_> = emails(&copy).into_iter().filter(|email| email != "ada@example.com").collect();
            assert_eq!(there, written[..there.len()]);
            assert_eq!(run(folder.path(), &["check", &format!("{n}.db")]).0, 0);
        }
    });
    assert_eq!(names(folder.path()), ["0.db", "1.db", "2.db", "data"], "nothing else is left");
}

#[test]
fn a_backup_never_overwrites_unless_told_and_never_a_file_of_the_folder() {
    let folder = backed_up();
    let before = fs::read(folder.path().join("good.db")).unwrap();
    let (code, _, why) = run(folder.path(), &["backup", "good.db"]);
    assert_eq!(
        (code, why.as_str()),
        (3, "rollcall: There is a file good.db already. Give another name, or --force to replace it.\n")
    );
    assert_eq!(fs::read(folder.path().join("good.db")).unwrap(), before);
    assert_eq!(run(folder.path(), &["backup", "--force", "good.db"]).0, 0);
    assert_eq!(emails(&folder.path().join("good.db")).len(), 3);
    for own in ["data/rollcall.db", "data/rollcall.key", "data/../data/rollcall.lock", "data/backups"] {
        let (code, _, why) = run(folder.path(), &["backup", "--force", own]);
        assert_eq!(code, 2, "{why}");
        assert!(why.contains("Rollcall keeps its own files there."), "{why}");
    }
    let (code, _, why) = run(folder.path(), &["backup", "nowhere/x.db"]);
    assert_eq!(
        (code, why.as_str()),
        (1, "rollcall: Cannot write nowhere/x.db: No such file or directory (os error 2).\n")
    );
    // In a folder it is called after the time.
    fs::create_dir(folder.path().join("kept")).unwrap();
    assert_eq!(run(folder.path(), &["backup", "kept"]).0, 0);
    let kept = names(&folder.path().join("kept"));
    assert!(kept.len() == 1 && kept[0].starts_with("rollcall-2") && kept[0].ends_with("Z.db"), "{kept:?}");
}

/// What was written last is in its log, and that stayed behind.
#[test]
fn a_database_that_was_copied_without_its_log_is_told_from_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = init(&data);
    let served = serve(&mut rollcall(&data), 1);
    create(&served.url, &token, "bob@example.com").unwrap();
    fs::copy(data.join("rollcall.db"), folder.path().join("copy.db")).unwrap();
    assert_eq!(run(folder.path(), &["backup", "good.db"]).0, 0);
    for (file, missing) in [("copy.db", true), ("good.db", false)] {
        let (code, _, checked) = run(folder.path(), &["check", file]);
        assert_eq!((code, checked.contains("what was written last is missing")), (0, missing), "{checked}");
        let (code, _, restored) = run(folder.path(), &["restore", file, "--data", &format!("{file}.data")]);
        assert_eq!((code, restored.contains("what was written last is missing")), (0, missing), "{restored}");
    }
    drop(served);
    let (code, _, checked) = run(folder.path(), &["check"]);
    assert!(code == 0 && !checked.contains("missing"), "its own database has its log: {checked}");
}

/// SQLite would read a log that lies beside a backup as a part of it; and a database in use has one.
#[test]
fn a_backup_is_not_put_beside_the_log_of_another_database_nor_in_the_place_of_what_is_no_file() {
    let folder = backed_up();
    fs::write(folder.path().join("old.db-wal"), "what was left of another one").unwrap();
    fs::create_dir(folder.path().join("folder.db")).unwrap();
    let fifo = folder.path().join("pipe.db");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (name, code, said) in [
        ("old.db", 3, "There is old.db-wal, so old.db is a database that may be in use, or was one."),
        ("pipe.db", 2, "pipe.db is no file."),
    ] {
        for arguments in [&["backup", name][..], &["backup", "--force", name]] {
            let (found, _, why) = run(folder.path(), arguments);
            assert!(found == code && why.contains(said), "{arguments:?}: {found}: {why}");
        }
    }
    assert!(!folder.path().join("old.db").exists());
    fs::write(folder.path().join("folder.db/rollcall-20261124T000000Z.db.partial"), "a killed one left it").unwrap();
    assert_eq!(run(folder.path(), &["backup", "folder.db"]).0, 0);
    let [backup] = &names(&folder.path().join("folder.db"))[..] else { panic!("what is left?") };
    assert!(backup.starts_with("rollcall-") && backup.ends_with(".db"));
}

/// Whoever copies the one file while nothing runs has everything.
#[test]
fn a_command_leaves_no_log_beside_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    let list = &["user", "list"][..];
    for arguments in
        [&["user", "add", "--email", "bob@example.com"][..], &["link"], list, list, list, list, &["key", "rotate"]]
    {
        assert_eq!(run(folder.path(), arguments).0, 0);
        assert!(!data.join("rollcall.db-wal").exists(), "{arguments:?}");
    }
    fs::copy(data.join("rollcall.db"), folder.path().join("copy.db")).unwrap();
    assert_eq!(emails(&folder.path().join("copy.db")), ["ada@example.com", "bob@example.com"]);
}

/// As `sudo rollcall restore` does. Only root can give a file away, so for anybody else there is nothing to see.
#[test]
fn what_root_makes_belongs_to_who_has_the_folder() {
    let folder = backed_up();
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        return;
    }
    let data = folder.path().join("of-a-service");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&data, Some(65534), Some(65534)).unwrap();
    for arguments in [&["restore", "good.db"][..], &["token", "--email", "bob@example.com"], &["key", "rotate"]] {
        let output = rollcall(&data).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(names(&data), ["rollcall.db", "rollcall.key", "rollcall.lock"]);
    let shelf = folder.path().join("shelf");
    fs::create_dir(&shelf).unwrap();
    chown(&shelf, Some(65534), Some(65534)).unwrap();
    assert!(rollcall(&data).arg("backup").arg(&shelf).output().unwrap().status.success());
    assert_eq!(fs::metadata(shelf.join(&names(&shelf)[0])).unwrap().uid(), 65534, "or its server could not send it");
    for name in names(&data) {
        assert_eq!(fs::metadata(data.join(&name)).unwrap().uid(), 65534, "{name}");
    }
    // What a link leads to is not given away, nor made.
    let trap = folder.path().join("trap");
    fs::remove_file(data.join("rollcall.lock")).unwrap();
    std::os::unix::fs::symlink(&trap, data.join("rollcall.lock")).unwrap();
    let output = rollcall(&data).args(["backup", "other.db"]).current_dir(folder.path()).output().unwrap();
    assert!(!output.status.success() && !trap.exists());
}

#[test]
fn a_database_that_is_damaged_gives_no_backup() {
    let folder = backed_up();
    let database = Connection::open(folder.path().join("data/rollcall.db")).unwrap();
    database.execute_batch("drop trigger users_to_search_update").unwrap();
    drop(database);
    let (code, printed, why) = run(folder.path(), &["backup", "bad.db"]);
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(why.contains("no backup was made: trigger users_to_search_update is missing"), "{why}");
    assert!(why.contains("restore the last good backup: rollcall restore FILE."), "{why}");
    assert_eq!(names(folder.path()), ["data", "good.db"], "nothing is left of it");
    // Nor is such a file restored, however it came to be.
    fs::copy(folder.path().join("data/rollcall.db"), folder.path().join("bad.db")).unwrap();
    fs::write(
        folder.path().join("bad.db-wal"),
        fs::read(folder.path().join("data/rollcall.db-wal")).unwrap_or_default(),
    )
    .unwrap();
    let there = folder.path().join("there");
    let output = rollcall(&there).args(["restore", "bad.db"]).current_dir(folder.path()).output().unwrap();
    let (code, _, why) = said(&output, folder.path());
    assert_eq!(code, 1);
    assert!(why.contains("bad.db is damaged, and nothing was changed: trigger users_to_search_update"), "{why}");
    assert!(!there.exists(), "nothing is there");
}

/// Everybody is in it, and with the same length of e-mail and name: only a look at every term of the search index tells.
#[test]
fn a_backup_says_what_the_search_would_not_find() {
    let folder = backed_up();
    let database = Connection::open(folder.path().join("data/rollcall.db")).unwrap();
    search::register(&database).unwrap();
    let unseen = "update search_progress set indexed_to = 0;
                  update users set name_key = '', email_key = 'xob@example.com' where id = 2;
                  update search_progress set indexed_to = 3;";
    database.execute_batch(&format!("{TAKE_UP}; {unseen}")).unwrap();
    drop(database);
    let (code, printed, why) = run(folder.path(), &["backup", "kept.db"]);
    assert_eq!(code, 0, "{why}");
    assert!(printed.starts_with("kept.db: 3 users"), "{printed}");
    assert!(why.contains("search: People are searched for by the e-mail and the name they have"), "{why}");
    assert!(why.contains("Not so for user 2."), "{why}");
}

#[test]
fn a_restored_backup_is_what_was_backed_up_and_the_one_before_is_kept() {
    let folder = backed_up();
    let data = folder.path().join("data");
    let (code, printed, why) = run(folder.path(), &["restore", "good.db"]);
    assert_eq!((code, printed.as_str()), (3, ""));
    assert!(why.contains("There is a Rollcall in FOLDER/data already. Give --force to replace it"), "{why}");
    assert_eq!(emails(&data.join("rollcall.db")).len(), 3, "nothing was changed");

    let served = serve(&mut rollcall(&data), 1);
    let (code, _, why) = run(folder.path(), &["restore", "--force", "good.db"]);
    assert_eq!(code, 3);
    assert!(why.contains("Another Rollcall is serving from FOLDER/data"), "{why}");
    // Killed, it leaves a log that must not be taken for one of the restored file.
    create(&served.url, &token(&data), "last@example.com").unwrap();
    drop(served);
    assert!(data.join("rollcall.db-wal").exists());

    let (code, printed, why) = run(folder.path(), &["restore", "--force", "good.db"]);
    assert_eq!(code, 0, "{why}");
    assert!(
        printed.starts_with("FOLDER/data: 2 users, 1 account, ") && printed.ends_with("; restored and checked.\n"),
        "{printed}"
    );
    assert!(why.contains("rollcall key rotate --revoke"), "{why}");
    let replaced = names(&data).into_iter().find(|name| name.ends_with(".replaced")).unwrap();
    assert!(why.contains(&format!("kept as FOLDER/data/{replaced}")), "{why}");
    assert_eq!(
        emails(&data.join(replaced)),
        ["ada@example.com", "bob@example.com", "last@example.com", "late@example.com"]
    );
    assert_eq!(emails(&data.join("rollcall.db")), ["ada@example.com", "bob@example.com"]);
    assert_eq!(run(folder.path(), &["check"]).0, 0);
    assert!(!names(&data).iter().any(|name| name.contains("partial")), "{:?}", names(&data));
    let served = serve(&mut rollcall(&data), 1);
    create(&served.url, &token(&data), "new@example.com").unwrap();
}

fn token(data: &Path) -> String {
    let output = rollcall(data).args(["token", "--email", "ada@example.com"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_backup_goes_to_a_machine_that_has_none_yet() {
    let folder = backed_up();
    let there = folder.path().join("there");
    let output = rollcall(&there).args(["restore", "good.db"]).current_dir(folder.path()).output().unwrap();
    let (code, _, why) = said(&output, folder.path());
    assert_eq!(code, 0, "{why}");
    assert!(why.contains("There is no rollcall.key here"), "{why}");
    assert_eq!(emails(&there.join("rollcall.db")).len(), 2);
    drop(serve(&mut rollcall(&there), 1));
}

#[test]
fn what_is_no_good_backup_is_refused_and_nothing_is_changed() {
    let folder = backed_up();
    let data = folder.path().join("data");
    let good = fs::read(folder.path().join("good.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let mut zeros = good.clone();
    let last = zeros.len() - 8192;
    zeros[last..].fill(0);
    write("zeros.db", &zeros);
    write("cut.db", &good[..good.len() / 2]);
    write("text.db", b"not a database, it only has its name");
    write("empty.db", b"");
    Connection::open(folder.path().join("other.db")).unwrap().execute_batch("create table notes (text)").unwrap();
    write("newer.db", &good);
    Connection::open(folder.path().join("newer.db")).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let before = (names(&data), fs::read(data.join("rollcall.db")).unwrap());
    for (file, reason) in [
        ("zeros.db", "zeros.db is damaged, and nothing was changed"),
        ("cut.db", "cut.db "),
        ("text.db", "text.db can't be checked: file is not a database."),
        ("empty.db", "empty.db can't be checked: it is no database of Rollcall."),
        ("other.db", "other.db can't be checked: it is no database of Rollcall."),
        ("newer.db", "written by a newer Rollcall (its schema is 999"),
        ("nothing.db", "There is no file nothing.db."),
        ("data/rollcall.db", "This is the database itself."),
    ] {
        let (code, printed, why) = run(folder.path(), &["restore", "--force", file]);
        assert!(code > 0 && printed.is_empty() && why.contains(reason), "{file}: {code} {why}");
        assert_eq!((names(&data), fs::read(data.join("rollcall.db")).unwrap()), before, "{file}");
    }
}

/// A file may not grow beyond so much, as on a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_restore_that_finds_no_room_changes_nothing_and_says_so() {
    let folder = backed_up();
    let data = folder.path().join("data");
    let before = (names(&data), fs::read(data.join("rollcall.db")).unwrap());
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", "ulimit -f 100; exec \"$0\" restore --force good.db", env!("CARGO_BIN_EXE_rollcall")]);
    let (code, _, why) =
        said(&shell.env("ROLLCALL_DATA", &data).current_dir(folder.path()).output().unwrap(), folder.path());
    assert_eq!(code, 1);
    assert!(why.starts_with("rollcall: Cannot replace FOLDER/data/rollcall.db: "), "{why}");
    assert!(why.contains("see whether the disk is full") && why.ends_with("; nothing was changed.\n"), "{why}");
    assert_eq!((names(&data), fs::read(data.join("rollcall.db")).unwrap()), before);
}

/// A database that is beyond reading is replaced too, and kept as it is, log and all.
#[test]
fn a_backup_takes_the_place_of_a_database_that_is_beyond_reading() {
    let folder = backed_up();
    let data = folder.path().join("data");
    fs::write(data.join("rollcall.db"), "it was a database once").unwrap();
    // There was one, unless whoever closed the database last put it away.
    let log = data.join("rollcall.db-wal");
    fs::write(&log, "and this its log").unwrap();
    private(&log);
    let (code, _, why) = run(folder.path(), &["restore", "--force", "good.db"]);
    assert_eq!(code, 0, "{why}");
    assert_eq!(emails(&data.join("rollcall.db")).len(), 2);
    let kept = names(&data).into_iter().find(|name| name.ends_with(".replaced")).unwrap();
    assert_eq!(fs::read(data.join(&kept)).unwrap(), b"it was a database once");
    assert_eq!(fs::read(data.join(format!("{kept}-wal"))).unwrap(), b"and this its log");
}

/// Killed at any moment, a restore leaves the database of before or the one of the backup, whole.
#[test]
fn an_interrupted_restore_leaves_one_database_or_the_other() {
    let folder = backed_up();
    let data = folder.path().join("data");
    for wait in [1, 5, 10, 20, 40, 80, 160] {
        let mut restoring = rollcall(&data);
        restoring.args(["restore", "--force", "good.db"]).current_dir(folder.path());
        let mut restoring =
            restoring.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        restoring.kill().ok();
        restoring.wait().unwrap();
        let (code, printed, why) = run(folder.path(), &["check"]);
        assert_eq!(code, 0, "{wait}: {printed} {why}");
        let people = emails(&data.join("rollcall.db")).len();
        assert!(people == 3 || people == 2, "{people}");
    }
    // What the killed ones left is in nobody's way. Two in one second would have the same name to keep the old one under.
    std::thread::sleep(Duration::from_millis(1100));
    let (code, _, why) = run(folder.path(), &["restore", "--force", "good.db"]);
    assert_eq!(code, 0, "{why}");
    assert!(!data.join("rollcall.db.partial").exists());
}

/// What a killed server's log has lost since is said before a look at the rest hides it.
#[test]
fn a_log_that_was_cut_off_is_neither_checked_nor_backed_up_as_if_it_were_whole() {
    let folder = backed_up();
    let data = folder.path().join("data");
    let served = serve(&mut rollcall(&data), 1);
    let token = token(&data);
    for n in 0..20 {
        create(&served.url, &token, &format!("n{n}@example.com")).unwrap();
    }
    drop(served);
    let log = fs::OpenOptions::new().write(true).open(data.join("rollcall.db-wal")).unwrap();
    log.set_len(log.metadata().unwrap().len() / 2).unwrap();
    for arguments in [&["check"][..], &["backup", "less.db"], &["check"]] {
        let (code, printed, why) = run(folder.path(), arguments);
        assert_eq!((code, printed.as_str()), (1, ""), "{why}");
        assert!(why.contains("rollcall.db-wal was cut off or damaged"), "{arguments:?}: {why}");
    }
    assert_eq!(names(folder.path()), ["data", "good.db"]);
    let (code, _, why) = run(folder.path(), &["restore", "--force", "good.db"]);
    assert_eq!(code, 0, "{why}");
    assert_eq!(emails(&data.join("rollcall.db")).len(), 2);
}
