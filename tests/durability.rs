//! What was answered is there, once, however the process ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use serde_json::Value;

use crate::cli::{create, init, rollcall, serve};

/// Kills the real server with SIGKILL while eight clients create users, several times over one folder.
#[test]
fn every_answered_user_survives_sigkill_and_none_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let token = init(folder.path());
    let mut answered = BTreeSet::new();
    for round in 0..4 {
        let mut served = serve(&mut rollcall(folder.path()), 1);
        let running = AtomicBool::new(true);
        let (answer, answers) = channel();
        std::thread::scope(|scope| {
            for client in 0..8 {
                let (url, token, running, answer) = (&served.url, &token, &running, answer.clone());
                scope.spawn(move || {
                    for n in 0.. {
                        let email = format!("r{round}c{client}n{n}@example.com");
                        match create(url, token, &email) {
                            Ok(user) => answer.send(user["email"].as_str().unwrap().to_owned()).unwrap(),
                            Err(_) if !running.load(Ordering::SeqCst) => break,
                            Err(error) => panic!("{email}: {error}"),
                        }
                    }
                });
            }
            answered.extend(answers.iter().take(50 + 37 * round));
            running.store(false, Ordering::SeqCst);
            served.child.kill().unwrap();
        });
        drop(answer);
        answered.extend(answers);
    }

    let served = serve(&mut rollcall(folder.path()), 1);
    let mut stored = Vec::new();
    let mut cursor = String::new();
    loop {
        let url = format!("{}/users?limit=200{cursor}", served.url);
        let request = ureq::get(url).header("authorization", format!("Bearer {token}")).header("x-account-id", "2311");
        let page: Value = request.call().unwrap().body_mut().read_json().unwrap();
        stored.extend(page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let once: BTreeSet<_> = stored.iter().cloned().collect();
    assert_eq!(once.len(), stored.len(), "somebody is stored twice");
    let lost: Vec<_> = answered.difference(&once).collect();
    assert!(lost.is_empty(), "answered but lost: {lost:?}");
}
