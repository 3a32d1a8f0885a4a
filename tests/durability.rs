//! What was answered is there, once, however the process ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use serde_json::{Value, json};

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

/// A client that never learnt what became of its request sends it again under its key, and one user is there.
#[test]
fn after_sigkill_the_same_key_gets_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let token = init(folder.path());
    let send = |url: &str, n: usize| -> Result<String, ureq::Error> {
        let request = ureq::post(format!("{url}/users")).header("authorization", format!("Bearer {token}"));
        let request = request.header("x-account-id", "2311").header("idempotency-key", format!("key-{n}"));
        request.send_json(json!({ "email": format!("p{n}@example.com") }))?.body_mut().read_to_string()
    };
    let mut served = serve(&mut rollcall(folder.path()), 1);
    let (answer, answers) = channel();
    let (url, child, sending) = (&served.url, &mut served.child, &send);
    let answered: Vec<(usize, Option<String>)> = std::thread::scope(|scope| {
        for client in 0..4 {
            let answer = answer.clone();
            scope.spawn(move || {
                for n in (client..).step_by(4) {
                    let result = sending(url, n).ok();
                    let cut_off = result.is_none();
                    answer.send((n, result)).unwrap();
                    if cut_off {
                        break;
                    }
                }
            });
        }
        drop(answer);
        let first: Vec<_> = answers.iter().take(40).collect();
        child.kill().unwrap();
        first.into_iter().chain(answers).collect()
    });
    assert!(answered.iter().any(|(_, answer)| answer.is_none()), "somebody was cut off");
    let served = serve(&mut rollcall(folder.path()), 1);
    for (n, before) in answered {
        let after = send(&served.url, n).unwrap();
        assert!(before.is_none_or(|before| before == after), "key-{n} got another answer");
        assert_eq!(send(&served.url, n).unwrap(), after);
    }
}
