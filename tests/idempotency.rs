//! `Idempotency-Key`: a request sent twice is done once and answered twice.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{ADA, Answer, Client, TestApp};

async fn create(client: &Client<'_>, key: &str, body: &Value) -> Answer {
    client.call(Method::POST, "/users").header("idempotency-key", key).json(body).send().await
}

fn same(a: &Answer, b: &Answer) {
    assert_eq!((a.status.as_u16(), b.status.as_u16()), (201, 201));
    assert_eq!(a.text, b.text, "byte for byte, the token included");
    assert_eq!(a.header("location"), b.header("location"));
    assert_eq!(a.header("content-type"), b.header("content-type"));
}

#[tokio::test]
async fn the_same_request_is_answered_as_it_was_and_creates_nobody() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let body = json!({"email": "bob@example.com", "name": "Bob"});
    let first = create(&ada, "a-key", &body).await;
    assert!(first.json()["token"].is_string());
    let before = test.rows();
    same(&first, &create(&ada, "a-key", &body).await);
    // Quoted, as the draft has it; in another order and with other white space.
    same(&first, &create(&ada, "\"a-key\"", &json!({"name": "Bob", "email": "bob@example.com"})).await);
    let spaced = ada.call(Method::POST, "/users").header("idempotency-key", "a-key");
    let spaced =
        spaced.header("content-type", "application/json").body("{ \"email\":\"bob@example.com\",\n\"name\":\"Bob\" }");
    same(&first, &spaced.send().await);
    assert_eq!(test.rows(), before);
    let token = first.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(test.get("/me").token(&token).send().await.status, 200);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    create(&ada, "a-key", &json!({"email": "bob@example.com"})).await.done();
    let before = test.rows();
    let refused = create(&ada, "a-key", &json!({"email": "carol@example.com"})).await;
    insta::assert_snapshot!(refused.error(), @"422 idempotency_key_reused: This Idempotency-Key was sent with another request before. Use a new key for a new request.");
    assert_eq!(test.rows(), before);
    for key in ["", "\"\"", "two words", &"k".repeat(256)] {
        let refused = create(&ada, key, &json!({"email": "carol@example.com"})).await.error();
        assert!(refused.starts_with("400 invalid_parameter: Idempotency-Key: "), "{refused}");
    }
}

#[tokio::test]
async fn two_at_once_create_one() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let body = json!({"email": "bob@example.com"});
    let post = || create(&ada, "a-key", &body);
    let answers = <[Answer; 6]>::from(tokio::join!(post(), post(), post(), post(), post(), post()));
    for answer in &answers {
        same(&answers[0], answer);
    }
    let users = ada.get("/users").await.json();
    assert_eq!(users["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn it_survives_a_restart_sealed() {
    let test = TestApp::new();
    let body = json!({"email": "bob@example.com"});
    let first = create(&test.client(ADA, "2311"), "a-key", &body).await;
    let kept: String = test.query(|r| r.value("select answer from idempotency_keys", []));
    assert!(!kept.contains("bob"), "what is kept holds a token, so it is sealed: {kept}");
    let before = test.rows();
    let claims = test.get("/me").token(&kept).send().await;
    assert!(claims.error().starts_with("401 token_invalid"), "a sealed answer is no token");
    assert_eq!(test.rows(), before);
    let test = test.reopened();
    same(&first, &create(&test.client(ADA, "2311"), "a-key", &body).await);
}

#[tokio::test]
async fn a_key_is_its_callers_in_its_account_for_a_day() {
    let test = TestApp::new();
    test.member("2311", "admin@example.com", "admin");
    let (ada, admin) = (test.client(ADA, "2311"), test.client("admin@example.com", "2311"));
    create(&ada, "a-key", &json!({"email": "bob@example.com"})).await.done();
    create(&admin, "a-key", &json!({"email": "carol@example.com"})).await.done();
    ada.post("/accounts", json!({"id": "2312", "name": "Other"})).await.done();
    create(&test.client(ADA, "2312"), "a-key", &json!({"email": "dan@example.com"})).await.done();
    test.advance(Duration::from_secs(24 * 3600));
    let ada = test.client(ADA, "2311");
    create(&ada, "a-key", &json!({"email": "erin@example.com"})).await.done();
    rollcall::jobs::run_once(&test.app).await;
    let kept: i64 = test.query(|r| r.value("select count(*) from idempotency_keys", []));
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn what_failed_is_not_kept() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let body = json!({"email": "bob@example.com", "teamId": 1});
    assert!(create(&ada, "a-key", &body).await.error().starts_with("400 unknown_team"));
    ada.post("/teams", json!({"name": "Support"})).await.done();
    assert_eq!(create(&ada, "a-key", &body).await.done()["teamId"], 1);
}
