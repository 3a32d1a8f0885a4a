//! Who can get at the files: modes, and what is refused because others could.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::cli::{init, rollcall, serve};
use crate::keys::mode;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// How a command ends that is refused, with the folder's name left out.
fn refused(command: &mut Command, folder: &Path) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap().replace(folder.to_str().unwrap(), "FOLDER");
    format!("{}: {}", output.status.code().unwrap(), said.trim_end())
}

#[test]
fn whatever_the_umask_the_folder_and_its_files_are_closed_to_others() {
    for umask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("deep/data");
        let binary = env!("CARGO_BIN_EXE_rollcall");
        let shell = format!("umask {umask}; exec {binary} --data {} init --email ada@example.com", data.display());
        assert!(Command::new("sh").arg("-c").arg(shell).output().unwrap().status.success());
        let served = serve(&mut rollcall(&data), 1);
        assert_eq!(mode(&data), 0o700, "umask {umask}");
        let mut names = Vec::new();
        for entry in fs::read_dir(&data).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "umask {umask}: {}", path.display());
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        names.sort();
        assert_eq!(names, ["rollcall.db", "rollcall.db-shm", "rollcall.db-wal", "rollcall.key", "rollcall.lock"]);
        drop(served);
    }
}

#[test]
fn an_empty_folder_becomes_ours_and_one_that_others_can_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    chmod(&data, 0o755);
    init(&data);
    assert_eq!(mode(&data), 0o700);
    chmod(&data, 0o750);
    insta::assert_snapshot!(refused(&mut rollcall(&data), folder.path()), @"1: rollcall: Other users of this machine can get at FOLDER/data (its mode is 750). Close it to them: chmod 700 FOLDER/data");
    assert_eq!(mode(&data), 0o750, "nothing is mended silently");
    chmod(&data, 0o700);
    drop(serve(&mut rollcall(&data), 1));

    let shared = folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    chmod(&shared, 0o777);
    fs::write(shared.join("somebody's.txt"), "").unwrap();
    assert!(refused(&mut rollcall(&shared), folder.path()).contains("chmod 700"));
    assert_eq!(fs::read_dir(&shared).unwrap().count(), 1, "nothing was put there");
}

#[test]
fn a_key_or_a_database_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    for (file, open) in
        [("rollcall.key", 0o640), ("rollcall.key", 0o604), ("rollcall.db", 0o644), ("rollcall.lock", 0o666)]
    {
        let path = data.join(file);
        chmod(&path, open);
        for arguments in [vec!["serve"], vec!["token", "--email", "ada@example.com"]] {
            let said = refused(rollcall(&data).args(&arguments), folder.path());
            let expected = format!(
                "1: rollcall: Other users of this machine can get at FOLDER/data/{file} (its mode is {open:o}). \
                 Close it to them: chmod 600 FOLDER/data/{file}"
            );
            assert_eq!(said, expected);
        }
        chmod(&path, 0o600);
    }
    drop(serve(&mut rollcall(&data), 1));
}

#[test]
fn the_key_can_live_apart_from_the_database_under_the_same_rules() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key) = (folder.path().join("data"), folder.path().join("secrets/key"));
    let with_key = || {
        let mut command = rollcall(&data);
        command.env("ROLLCALL_KEY_FILE", &key);
        command
    };
    insta::assert_snapshot!(refused(with_key().args(["init", "--email", "ada@example.com"]), folder.path()), @"4: rollcall: There is no key in FOLDER/secrets/key. This makes one: (umask 077; rollcall key new > FOLDER/secrets/key)");
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(&key, rollcall(&data).args(["key", "new"]).output().unwrap().stdout).unwrap();
    chmod(&key, 0o644);
    insta::assert_snapshot!(refused(with_key().args(["init", "--email", "ada@example.com"]), folder.path()), @"1: rollcall: Other users of this machine can get at FOLDER/secrets/key (its mode is 644). Close it to them: chmod 600 FOLDER/secrets/key");
    chmod(&key, 0o400);
    assert!(with_key().args(["init", "--email", "ada@example.com"]).output().unwrap().status.success());
    assert!(!data.join("rollcall.key").exists());

    // A link to it is followed, as secret mounts have them, and outlives a rotation.
    let link = folder.path().join("secrets/link");
    symlink(&key, &link).unwrap();
    let rotated = rollcall(&data).env("ROLLCALL_KEY_FILE", &link).args(["key", "rotate"]).output().unwrap();
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((fs::read_to_string(&key).unwrap().lines().count(), mode(&key)), (2, 0o600));
    let both =
        rollcall(&data).env("ROLLCALL_KEY_FILE", &key).args(["--key", "k4.local.x", "key", "list"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2), "one or the other");
}

#[test]
fn a_key_of_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    // Only root can give a file away.
    if std::os::unix::fs::chown(data.join("rollcall.key"), Some(12345), None).is_err() {
        return;
    }
    assert!(refused(&mut rollcall(&data), folder.path()).contains("belongs to another user"));
}

/// `rollcall link` and others ask where a server is, and hold its lock for that moment.
#[test]
fn whoever_asks_where_a_server_is_keeps_none_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let data = rollcall::folder::Folder::open(folder.path()).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(data.served_at(), None);
                std::thread::yield_now();
            }
        });
        for _ in 0..200 {
            drop(data.lock().unwrap());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// A look at the times of a file has its next write stamp it anew, and the sync write that, too.
#[cfg(target_os = "linux")]
#[test]
fn between_two_writes_nobody_looks_at_the_times_of_a_file() {
    use crate::synced::{may_trace, traced};
    if !may_trace() {
        return;
    }
    let server = traced("");
    server.create_all("one", 5);
    let folder = server.crash().folder;
    let trace = std::fs::read_to_string(folder.path().join("trace")).unwrap();
    let answered = |line: &&str| !line.contains("HTTP/1.1 201 ");
    let looks: Vec<_> = trace.lines().skip_while(answered).filter(|line| line.contains("statx(AT_FDCWD")).collect();
    assert!(looks.len() >= 24, "three files, before and after each commit:\n{trace}");
    assert!(looks.iter().all(|line| line.contains(", STATX_INO|STATX_SIZE, ")), "{looks:#?}");
}
