//! What the real binary asks of the disk, as strace sees it: nothing is answered before it is synced, and a disk that fails
//! to sync is no reason to lose anything. Without strace, or where nobody may trace, there is nothing to see.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::faulty::Faulty;

/// Whether this user may look over a process's shoulder.
pub fn may_trace() -> bool {
    Command::new("strace").args(["-D", "-qq", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// A server under strace, which is no parent of it and ends with it.
fn traced(options: &str) -> Faulty {
    let trace = "-e trace=fsync,fdatasync,pwrite64,write,writev,sendto";
    Faulty::start_by(&format!("exec strace -D -f -qq -y -s 24 -o \"$ROLLCALL_DATA/../trace\" {trace} {options} \"$0\""))
}

#[test]
fn nothing_is_answered_before_the_log_is_synced() {
    if !may_trace() {
        return;
    }
    let server = traced("");
    server.create_all("one", 5);
    let folder = server.crash().folder;
    let trace = std::fs::read_to_string(folder.path().join("trace")).unwrap();
    let (mut written, mut synced, mut answers) = (0, 0, 0);
    for line in trace.lines() {
        if line.contains("pwrite64(") && line.contains("rollcall.db-wal") {
            (written, synced) = (written + 1, 0);
        } else if line.contains("sync") && line.ends_with("= 0") {
            synced += 1;
        } else if line.contains("HTTP/1.1 201 ") {
            assert!(written > 0 && synced > 0, "answered with {written} writes and {synced} syncs before:\n{trace}");
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

/// Where many write at once, a commit can be seen before the disk has it; nobody may be told of it before.
#[test]
fn nobody_is_told_of_what_the_disk_does_not_have_yet() {
    if !may_trace() {
        return;
    }
    const SYNC: Duration = Duration::from_millis(200);
    let server = traced(&format!("-e inject=fdatasync:delay_enter={}", SYNC.as_micros()));
    let server = &server;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn(move || {
                    for round in 0..3 {
                        let sent = Instant::now();
                        server.create(&format!("p{n}-{round}")).unwrap();
                        assert!(sent.elapsed() >= SYNC, "answered after {:?}", sent.elapsed());
                    }
                })
            })
            .collect();
        let (mut before, mut grown) = (server.listed().len(), 0);
        let (mut last_asked, mut last_grown) = (Instant::now(), None::<Instant>);
        while !writers.iter().all(|writer| writer.is_finished()) {
            let asked = Instant::now();
            let now = server.listed().len();
            if now > before {
                // Between one group of people and the next there is a sync. The one before came after it was not yet seen.
                let since = last_grown.replace(last_asked).map(|grown| grown.elapsed());
                assert!(since.is_none_or(|since| since >= SYNC), "they grew twice within {since:?}");
                grown += 1;
            }
            (before, last_asked) = (now, asked);
        }
        assert!(grown > 1);
    });
    assert_eq!(server.listed().len(), 25);
}

#[test]
fn a_disk_that_fails_to_sync_what_many_wrote_loses_nothing_that_was_answered() {
    if !may_trace() {
        return;
    }
    let server = traced("-e inject=fdatasync:error=EIO:when=6..9");
    let create = |n: u32| (0..20).map(|round| format!("p{n}-{round}")).map(|name| server.create(&name)).collect();
    let outcomes: Vec<Vec<Result<_, _>>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|n| scope.spawn(move || create(n))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let (answered, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().flatten().partition(Result::is_ok);
    let mut answered: BTreeSet<_> = answered.into_iter().map(Result::unwrap).collect();
    answered.insert("ada@example.com".to_owned());
    assert!(!refused.is_empty() && server.logs("storing works again"), "{}", server.log());
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!((error.code.as_str(), error.retry_after), ("503 storage_unavailable", Some(5)));
    }
    let stopped = server.crash();
    let trace = std::fs::read_to_string(stopped.folder.path().join("trace")).unwrap();
    let (_, after) = trace.split_once("INJECTED").unwrap();
    let again = after.lines().any(|line| line.contains(" write(") && line.contains("rollcall.db-wal"));
    assert!(again, "what the disk may have lost was not given to it again");
    let listed: BTreeSet<_> = stopped.start().listed().into_iter().collect();
    assert!(listed.is_superset(&answered), "lost: {:?}", answered.difference(&listed));
    stopped.require_sound();
}
