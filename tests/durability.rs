//! What was answered is there, once, however the process ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::cli::{init, rollcall, serve};
use crate::faulty::Faulty;

/// How often the server is killed: a few times, or as often as `ROUNDS=100 cargo test sigkill` says.
fn rounds() -> u64 {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8)
}

/// Kills the real server with SIGKILL at random moments while eight clients create users, over one folder.
#[test]
fn every_answered_user_survives_sigkill_and_none_is_there_twice_or_by_half() {
    let mut server = Faulty::start();
    let (mut answered, mut sent) = (BTreeSet::from(["ada@example.com".to_owned()]), BTreeSet::new());
    for round in 0..rounds() {
        let moment = Duration::from_micros(fastrand::u64(0..150_000));
        let killed = AtomicBool::new(false);
        let (told, heard) = channel();
        std::thread::scope(|scope| {
            for client in 0..8 {
                let (server, killed, told) = (&server, &killed, told.clone());
                scope.spawn(move || {
                    let agent = ureq::Agent::new_with_defaults();
                    for n in 0.. {
                        let email = format!("r{round}c{client}n{n}@example.com");
                        let done = create(&agent, server, &email);
                        told.send((email.clone(), done.is_ok())).unwrap();
                        if let Err(error) = done {
                            assert!(killed.load(Ordering::SeqCst), "{email}: {error}");
                            break;
                        }
                    }
                });
            }
            std::thread::sleep(moment);
            killed.store(true, Ordering::SeqCst);
            kill_process(Pid::from_child(&server.child), Signal::KILL).unwrap();
        });
        drop(told);
        for (email, done) in heard {
            sent.insert(email.clone());
            if done {
                answered.insert(email);
            }
        }
        server = server.crash().start();
    }
    let stored = server.listed();
    let once: BTreeSet<_> = stored.iter().cloned().collect();
    assert_eq!(once.len(), stored.len(), "somebody is stored twice");
    let lost: Vec<_> = answered.difference(&once).collect();
    assert!(lost.is_empty(), "answered but lost: {lost:?}");
    sent.extend(answered);
    assert!(once.is_subset(&sent), "somebody is there whom nobody sent");
    server.stop().require_sound();
}

fn create(agent: &ureq::Agent, server: &Faulty, email: &str) -> Result<(), ureq::Error> {
    let request = agent.post(format!("{}/users", server.url)).header("x-account-id", "2311");
    let request = request.header("authorization", format!("Bearer {}", server.token));
    request.send_json(json!({ "email": email }))?.body_mut().read_to_string().map(drop)
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
