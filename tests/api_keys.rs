//! API keys: one account, at most their maker's permissions, shown once.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{ADA, Client, TestApp};

const BOB: &str = "bob@example.com";

async fn make(client: &Client<'_>, permissions: Option<&[&str]>) -> Value {
    let mut body = json!({"name": "Import", "expiresAt": "2026-12-23T08:00:00Z"});
    if let Some(permissions) = permissions {
        body["permissions"] = json!(permissions);
    }
    client.post("/api-keys", body).await.done()
}

fn token(key: &Value) -> &str {
    key["token"].as_str().unwrap()
}

#[tokio::test]
async fn its_secret_is_shown_once_and_its_use_is_noted() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let mut key = make(&ada, Some(&["users.read"])).await;
    let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
    let secret = token(&key).to_owned();
    (key["id"], key["token"]) = ("…".into(), "…".into());
    insta::assert_json_snapshot!(key, @r#"
    {
      "id": "…",
      "name": "Import",
      "permissions": [
        "users.read"
      ],
      "userId": 1,
      "createdBy": "ada@example.com",
      "createdAt": "2026-11-23T08:00:00.000Z",
      "expiresAt": "2026-12-23T08:00:00.000Z",
      "token": "…"
    }
    "#);
    let found = ada.get(&path).await.done();
    assert_eq!((found.get("token"), found.get("usedAt")), (None, None));
    assert_eq!(ada.get("/api-keys").await.done()["items"], json!([found]));
    test.advance(Duration::from_secs(90));
    assert_eq!(test.get("/users").token(&secret).account("2311").send().await.status, 200);
    // It is written down beside the answer: the writer gets it when the machine has time for that.
    let ada = test.client(ADA, "2311");
    for _ in 0..1_000 {
        if ada.get(&path).await.done().get("usedAt").is_some() {
            break;
        }
        ada.post("/events", json!({"event": "cron_job"})).await.done();
    }
    assert_eq!(ada.get(&path).await.done()["usedAt"], "2026-11-23T08:01:30.000Z");
    assert_eq!(ada.delete(&path).await.status, 204);
    let gone = test.get("/users").token(&secret).account("2311").send().await;
    assert!(gone.error().starts_with("401 token_revoked"), "{}", gone.text);
    assert_eq!(ada.get("/api-keys").await.done()["items"], json!([]));
}

#[tokio::test]
async fn it_does_no_more_than_it_is_for() {
    let test = TestApp::new();
    let key = make(&test.client(ADA, "2311"), Some(&["users.read"])).await;
    let key = test.client_with(token(&key), "2311");
    assert_eq!(key.get("/users").await.status, 200);
    assert_eq!(key.get("/me").await.done()["id"], 1);
    let more = json!({"name": "More", "expiresAt": "2026-12-01T00:00:00Z"});
    for (method, path, body) in [
        ("POST", "/users", json!({"email": BOB})),
        ("POST", "/accounts", json!({"name": "New"})),
        ("POST", "/api-keys", more),
        ("PATCH", "/me", json!({"name": "X"})),
        ("PATCH", "/users/1", json!({"name": "X"})),
        ("PUT", "/users/1/ownership", Value::Null),
        ("PUT", "/users/1/notification-preferences", json!({})),
        ("GET", "/me/memberships", Value::Null),
        ("DELETE", "/me/memberships/2311", Value::Null),
        ("GET", "/sessions", Value::Null),
        ("GET", "/users/1/sessions", Value::Null),
        ("GET", "/events", Value::Null),
        ("DELETE", "/accounts/2311?confirm=Acme", Value::Null),
    ] {
        let call = key.call(method.parse().unwrap(), path);
        let answer = if body.is_null() { call.send().await } else { call.json(&body).send().await };
        assert!(answer.error().starts_with("403 forbidden"), "{method} {path}: {}", answer.text);
    }
    let own = key.get("/api-keys").await.done()["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(key.delete(&format!("/api-keys/{own}")).await.error().starts_with("403"));
}

#[tokio::test]
async fn it_stays_in_its_account() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/accounts", json!({"id": "2312", "name": "Other"})).await.done();
    test.client(ADA, "2312").post("/users", json!({"email": ADA})).await.done();
    ada.put("/me/memberships/2312", Value::Null).await.done();
    let key = make(&ada, None).await;
    let elsewhere = test.client_with(token(&key), "2312");
    for path in ["/users", "/me", "/teams", "/api-keys", "/events"] {
        assert!(elsewhere.get(path).await.error().starts_with("403 forbidden"), "{path}");
    }
    assert!(elsewhere.get("/accounts/2312").await.error().starts_with("403"));
    let plain = |path: &str| test.get(path).token(token(&key)).send();
    assert_eq!(plain("/accounts").await.done()["items"], json!([{"id": "2311", "name": "Acme"}]));
    for answer in [plain("/me").await, test.client_with(token(&key), "2311").get("/users/1").await] {
        let accounts = answer.done();
        assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1, "{accounts}");
        assert_eq!(accounts["accounts"][0]["accountId"], "2311");
    }
}

#[tokio::test]
async fn it_loses_what_its_maker_loses() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/users", json!({"email": BOB, "permissions": ["events.read"]})).await.done();
    let key = make(&test.client(BOB, "2311"), None).await;
    let key = test.client_with(token(&key), "2311");
    assert_eq!(key.get("/events").await.status, 200);
    ada.patch("/users/2/membership", json!({"permissions": []})).await.done();
    assert_eq!(key.get("/events").await.status, 403);
    ada.delete("/users/2").await.done();
    assert_eq!(key.get("/me").await.status, 401);
}

#[tokio::test]
async fn it_ends_when_it_was_meant_to() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let error = async |at: &str| ada.post("/api-keys", json!({"name": "k", "expiresAt": at})).await.error();
    insta::assert_snapshot!(error("2026-11-23T08:00:00Z").await, @"400 invalid_expiry: expiresAt: Choose a moment between now and five years from now.");
    insta::assert_snapshot!(error("2036-01-01T00:00:00Z").await, @"400 invalid_expiry: expiresAt: Choose a moment between now and five years from now.");
    insta::assert_snapshot!(error("soon").await, @"400 invalid_value: expiresAt: This is not a moment. Write it like 2026-11-23T08:38:19Z.");
    insta::assert_snapshot!(ada.post("/api-keys", json!({"name": " ", "expiresAt": "2027-01-01T00:00:00Z"})).await.error(), @"400 name_missing: name: Say what the key is for.");
    let key = make(&ada, None).await;
    test.advance(Duration::from_secs(30 * 24 * 3600));
    let late = test.get("/me").token(token(&key)).send().await;
    assert!(late.error().starts_with("401 token_expired"), "{}", late.text);
}

#[tokio::test]
async fn an_admin_sees_and_revokes_everybodys() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/users", json!({"email": BOB})).await.done();
    ada.post("/users", json!({"email": "carol@example.com"})).await.done();
    let key = make(&test.client(BOB, "2311"), None).await;
    let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
    let carol = test.client("carol@example.com", "2311");
    assert_eq!(carol.get("/api-keys").await.done()["items"], json!([]));
    assert!(carol.get(&path).await.error().starts_with("404"));
    assert!(carol.delete(&path).await.error().starts_with("404"));
    assert_eq!(ada.get("/api-keys").await.done()["items"][0]["createdBy"], BOB);
    ada.delete(&path).await.done();
    assert_eq!(test.call(Method::GET, "/me").token(token(&key)).send().await.status, 401);
}

/// The list has no pages.
#[tokio::test]
async fn nobody_makes_so_many_that_others_are_left_out_of_the_list() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/users", json!({"email": BOB})).await.done();
    let bob = test.client(BOB, "2311");
    make(&ada, None).await;
    for _ in 0..99 {
        make(&bob, None).await;
    }
    let last = make(&bob, None).await;
    let more = json!({"name": "more", "expiresAt": "2026-12-23T08:00:00Z"});
    let refused = bob.post("/api-keys", more).await.error();
    insta::assert_snapshot!(refused, @"409 too_many: There are 100 API keys of yours in this account already, and no more are made. Delete some first.");
    assert_eq!(ada.get("/api-keys").await.done()["items"].as_array().unwrap().len(), 101);
    bob.delete(&format!("/api-keys/{}", last["id"].as_str().unwrap())).await.done();
    make(&bob, None).await;
}
