//! What the real binary asks of the disk, as strace sees it: nothing is answered before it is synced, and a disk that fails
//! to sync is no reason to lose anything. Without strace, or where nobody may trace, there is nothing to see.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::faulty::{Faulty, Stopped};

/// Whether this user may look over a process's shoulder; with `MUST_TRACE` set it has to be so.
pub fn may_trace() -> bool {
    let traced = Command::new("strace").args(["-D", "-qq", "-o", "/dev/null", "true"]).status();
    let may = traced.is_ok_and(|status| status.success());
    assert!(may || std::env::var_os("MUST_TRACE").is_none(), "strace can trace nothing here");
    may
}

/// A server under strace, which is no parent of it and ends with it.
pub fn traced(options: &str) -> Faulty {
    traced_on(&Stopped::new(), options)
}

fn traced_on(folder: &Stopped, options: &str) -> Faulty {
    let trace = "-e trace=fsync,fdatasync,pwrite64,write,writev,sendto,statx";
    folder.start_by(&format!("exec strace -D -f -qq -y -s 24 -o \"$ROLLCALL_DATA/../trace\" {trace} {options} \"$0\""))
}

#[test]
fn nothing_is_answered_before_the_log_is_synced() {
    if !may_trace() {
        return;
    }
    for server in [traced(""), traced_on(&Stopped::new().restored(), "")] {
        server.create_all("one", 5);
        let folder = server.crash().folder;
        require_synced(&std::fs::read_to_string(folder.path().join("trace")).unwrap());
    }
}

fn require_synced(trace: &str) {
    let (mut written, mut synced, mut answers) = (0, 0, 0);
    for line in trace.lines() {
        if line.contains("pwrite64(") && line.contains("rollcall.db-wal") {
            (written, synced) = (written + 1, 0);
        } else if line.contains("sync") && line.ends_with("= 0") {
            synced += 1;
        } else if line.contains("HTTP/1.1 201 ") {
            assert!(written > 0 && synced > 0, "answered with {written} writes and {synced} syncs before:\n{trace}");
            // The log's own header, what is gathered, and the last page.
            assert!(written <= 3, "written in {written} pieces:\n{trace}");
            (written, synced, answers) = (0, 0, answers + 1);
        }
    }
    assert_eq!(answers, 5, "{trace}");
}

#[test]
fn a_disk_that_fails_to_sync_loses_nothing_that_was_answered() {
    if !may_trace() {
        return;
    }
    let server = traced("-e inject=fsync,fdatasync:error=EIO:when=8..11");
    let (mut answered, mut refused) = (vec!["ada@example.com".to_owned()], 0);
    for n in 0..20 {
        match server.create(&format!("p{n}")) {
            Ok(email) => answered.push(email),
            Err(error) => {
                assert_eq!((error.code.as_str(), error.retry_after), ("503 storage_unavailable", Some(5)));
                assert_eq!(server.listed().len(), answered.len(), "reads go on, and show what was answered");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && server.logs("storing works again"), "{refused} refused: {}", server.log());
    let stopped = server.crash();
    let mut listed = stopped.start().listed();
    listed.sort();
    answered.sort();
    assert_eq!(listed, answered);
    stopped.require_sound();
}

/// What was moved into the database may be lost then, and a later sync would not tell. The log has it, until it is moved again.
#[test]
fn a_database_that_cannot_be_synced_leaves_all_in_its_log() {
    if !may_trace() {
        return;
    }
    let server = traced("-P \"$ROLLCALL_DATA/rollcall.db\" -e inject=fsync,fdatasync:error=EIO");
    let mut answered = 1;
    while !server.log().contains("the database can't be synced; its log keeps all") {
        answered += server.create_all(&format!("p{answered}"), 50).len();
        assert!(answered < 5_000, "{}", server.log());
    }
    answered += server.create_all("later", 50).len();
    let stopped = server.stop();
    let log = std::fs::metadata(stopped.file("-wal")).unwrap().len();
    assert!(log > 32 << 20, "{log} bytes are left of the log");
    assert_eq!(stopped.start().listed().len(), answered);
    stopped.require_sound();
}
