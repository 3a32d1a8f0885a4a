//! A clock that jumps back: nothing that happened is lost or out of order, and nobody is locked out or let in by it.

use std::collections::BTreeSet;
use std::time::Duration;

use rollcall::jobs;
use serde_json::{Value, json};

use crate::support::{ADA, TestApp};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_happens_after_a_clock_was_set_back_is_listed_and_exported_once() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    for n in 0..6 {
        ada.post("/users", json!({ "email": format!("p{n}@example.com") })).await.done();
        if n % 2 == 0 { test.advance(HOUR) } else { test.set_back(2 * HOUR) }
    }
    let mut listed = Vec::new();
    let mut path = "/events?limit=2&event=user_created".to_owned();
    loop {
        let page = ada.get(&path).await.done();
        listed.extend(page["items"].as_array().unwrap().iter().map(|event| event["id"].as_i64().unwrap()));
        let Some(next) =
            page["nextCursor"].as_str().map(str::to_owned).or(page["nextCursor"].as_i64().map(|n| n.to_string()))
        else {
            break;
        };
        path = format!("/events?limit=2&event=user_created&cursor={next}");
    }
    let once: BTreeSet<_> = listed.iter().copied().collect();
    let stored: i64 = test.query(|r| r.value("select count(*) from all_events where event = 'user_created'", []));
    assert_eq!((listed.len(), once.len()), (usize::try_from(stored).unwrap(), listed.len()));
    let exported = ada.get("/events/export?event=user_created").await.text;
    let exported: BTreeSet<_> =
        exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect();
    assert_eq!(exported, once);
    // The ids tell the true order, whatever the clock said.
    let emails: Vec<String> = test.query(|r| {
        r.all(
            "select subject from all_events where event = 'user_created' and subject like 'p%' order by id",
            [],
            |row| row.get(0),
        )
    });
    assert_eq!(emails, (0..6).map(|n| format!("p{n}@example.com")).collect::<Vec<_>>());
    let page = ada.get("/users?sort=createdAt&limit=200").await.done();
    assert_eq!(page["items"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn a_clock_that_was_set_back_locks_nobody_out_and_brings_no_token_back() {
    let test = TestApp::new();
    let (short, long) = (test.client(ADA, "2311"), test.token(ADA));
    test.set_back(24 * HOUR);
    short.get("/me").await.done();
    test.client_with(&long, "2311").post("/users", json!({ "email": "grace@example.com" })).await.done();
    test.advance(24 * HOUR + 9 * HOUR);
    assert_eq!(short.get("/me").await.status, 401);
    jobs::run_once(&test.app).await;
    test.set_back(5 * HOUR);
    assert_eq!(short.get("/me").await.status, 401, "what has ended stays so");
    test.client(ADA, "2311").get("/me").await.done();
}

/// What somebody knew before the jump is not taken for what is there now.
#[tokio::test]
async fn a_version_from_before_the_jump_is_still_another_one() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let id = ada.post("/users", json!({ "email": "grace@example.com" })).await.done()["id"].clone();
    let path = format!("/users/{id}");
    let before = ada.get(&path).await.header("etag").to_owned();
    test.set_back(HOUR);
    ada.patch(&path, json!({ "name": "Grace Hopper" })).await.done();
    test.advance(HOUR);
    let patch = |body: Value, version: &str| {
        ada.call(poem::http::Method::PATCH, &path).header("if-match", version.to_owned()).json(&body).send()
    };
    assert_eq!(patch(json!({ "name": "Somebody else" }), &before).await.status, 412);
    let now = ada.get(&path).await.header("etag").to_owned();
    patch(json!({ "name": "Grace M. Hopper" }), &now).await.done();
}
