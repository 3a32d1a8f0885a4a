//! Ways to more than one was given, each tried once by somebody who meant it, and none of them open.

use std::time::Duration;

use poem::http::Method;
use rollcall::jobs;
use serde_json::{Value, json};

use crate::support::{ADA, Answer, TestApp};

const MALLORY: &str = "mallory@example.com";

/// Mallory may create people in 2311, and no more than see them; 7 is somebody else's account.
async fn world() -> TestApp {
    let test = TestApp::new();
    test.account("7", "Other", "admin@other.example");
    let ada = test.client(ADA, "2311");
    let made = ada.post("/users", json!({"email": MALLORY, "permissions": ["users.create"]})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    test
}

async fn made_by_mallory(test: &TestApp, email: &str) -> (i64, String) {
    let made = test.client(MALLORY, "2311").post("/users", json!({"email": email})).await.done();
    (made["id"].as_i64().unwrap(), made["token"].as_str().unwrap().to_owned())
}

async fn with(test: &TestApp, token: &str, method: Method, path: &str, body: Value) -> Answer {
    test.call(method, path).token(token).account("2311").json(&body).send().await
}

#[tokio::test]
async fn a_first_token_makes_nothing_that_outlives_it() {
    let test = world().await;
    let (victim, token) = made_by_mallory(&test, "victim@example.com").await;
    let key = json!({"name": "later", "expiresAt": "2027-11-23T08:00:00Z"});
    let refused = with(&test, &token, Method::POST, "/api-keys", key).await;
    assert!(refused.error().starts_with("403 forbidden"), "{}", refused.text);
    // Nor would it matter: a password ends whatever there was.
    let accepted = test.post(&format!("/ui/welcome/{token}")).form(&[("password", "a good long one")]).send().await;
    assert_eq!(accepted.status, 303);
    let left = test
        .query(|r| r.value::<i64>("select count(*) from tokens where user_id = ?1 and kind <> 'session'", [victim]));
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_first_token_accepts_no_invitation() {
    let test = world().await;
    let (_, token) = made_by_mallory(&test, "ceo@other.example").await;
    let other = test.client("admin@other.example", "7");
    assert_eq!(other.post("/users", json!({"email": "ceo@other.example", "roles": ["admin"]})).await.status, 201);
    let joined = test.call(Method::PUT, "/me/memberships/7").token(&token).send().await;
    assert!(joined.error().starts_with("403 forbidden"), "{}", joined.text);
}

#[tokio::test]
async fn an_invitation_is_worth_what_its_sender_is() {
    let test = world().await;
    let ada = test.client(ADA, "2311");
    test.member("2311", "temp@example.com", "admin");
    let temp = test.client("temp@example.com", "2311");
    assert_eq!(temp.post("/users", json!({"email": "admin@other.example", "roles": ["admin"]})).await.status, 201);
    let id = temp.get("/me").await.done()["id"].clone();
    assert_eq!(ada.delete(&format!("/users/{id}")).await.status, 204);
    let token = test.token("admin@other.example");
    let accept = async || test.call(Method::PUT, "/me/memberships/2311").token(&token).send().await;
    assert!(accept().await.error().starts_with("409 invitation_outdated"));
    // And it doesn't wait for ever.
    assert_eq!(ada.get("/users?pending=true").await.done()["items"].as_array().unwrap().len(), 1);
    test.advance(Duration::from_secs(30 * 24 * 3600));
    jobs::run_once(&test.app).await;
    let ada = test.client(ADA, "2311");
    assert_eq!(ada.get("/users?pending=true").await.done()["items"], json!([]));
}

#[tokio::test]
async fn nobody_elses_invitation_locks_a_new_person_out() {
    let test = world().await;
    let (id, first) = made_by_mallory(&test, "carol@example.com").await;
    let other = test.client("admin@other.example", "7");
    assert_eq!(other.post("/users", json!({"email": "carol@example.com"})).await.status, 201);
    let ada = test.client(ADA, "2311");
    let again = ada.post(&format!("/users/{id}/invitation"), Value::Null).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert!(with(&test, &first, Method::GET, "/me", Value::Null).await.error().starts_with("401"));
}

/// As long as an account may put somebody back as they were, no other lets them in: whoever it let in would come back with them.
#[tokio::test]
async fn who_waits_in_a_recycle_bin_is_let_in_by_owners_only() {
    let test = world().await;
    let other = test.client("admin@other.example", "7");
    let vera = json!({"email": "vera@example.com", "accountAdmin": true});
    let id = test.client(ADA, "2311").post("/users", vera).await.done()["id"].clone();
    assert_eq!(other.post("/users", json!({"email": "vera@example.com"})).await.status, 201);
    let token = test.token("vera@example.com");
    assert_eq!(test.call(Method::PUT, "/me/memberships/7").token(&token).send().await.status, 200);
    assert_eq!(test.client(ADA, "2311").delete(&format!("/users/{id}")).await.status, 204);
    for way in ["password-reset", "passkey-registration", "invitation"] {
        let path = format!("/users/{id}/{way}");
        let refused = other.post(&path, Value::Null).await;
        assert!(refused.error().starts_with("409 in_other_accounts"), "{way}: {}", refused.text);
    }
    let let_in = test.client(ADA, "7").post(&format!("/users/{id}/password-reset"), Value::Null).await;
    assert_eq!(let_in.status, 201, "{}", let_in.text);
}

#[tokio::test]
async fn who_was_taken_out_before_their_first_sign_in_can_be_asked_elsewhere() {
    let test = world().await;
    let (id, _) = made_by_mallory(&test, "dave@example.com").await;
    assert_eq!(test.client(ADA, "2311").delete(&format!("/users/{id}")).await.status, 204);
    let other = test.client("admin@other.example", "7");
    let asked = other.post("/users", json!({"email": "dave@example.com"})).await.done();
    assert_eq!((&asked["pending"], &asked["token"]), (&json!(true), &Value::Null), "2311 may put them back");
    let invitation = format!("/users/{id}/invitation");
    assert!(other.post(&invitation, Value::Null).await.error().starts_with("409 pending"));
    let by_owner = test.client(ADA, "7").post(&invitation, Value::Null).await.done();
    assert!(by_owner["token"].is_string(), "{by_owner}");
    assert_eq!(other.delete(&format!("/users/{id}")).await.status, 204);

    test.advance(Duration::from_secs(31 * 24 * 3600));
    jobs::run_once(&test.app).await;
    let other = test.client("admin@other.example", "7");
    let asked = other.post("/users", json!({"email": "dave@example.com"})).await.done();
    let token = asked["token"].as_str().expect("nobody else has them");
    let welcome = test.post(&format!("/ui/welcome/{token}")).form(&[("password", "a good long one")]).send().await;
    assert_eq!(welcome.status, 303, "{}", welcome.text);
}

#[tokio::test]
async fn ones_own_email_is_not_changed_by_way_of_another_account() {
    let test = world().await;
    let id =
        test.client(ADA, "7").post("/users", json!({"email": MALLORY, "roles": ["admin"]})).await.done()["id"].clone();
    let token = test.token(MALLORY);
    assert_eq!(test.call(Method::PUT, "/me/memberships/7").token(&token).send().await.status, 200);
    let body = json!({"email": "ceo@example.com"});
    for path in ["/me".to_owned(), format!("/users/{id}")] {
        let changed = test.call(Method::PATCH, &path).token(&token).account("7").json(&body).send().await;
        assert!(changed.error().starts_with("403 forbidden"), "{path}: {}", changed.text);
    }
}

#[tokio::test]
async fn an_answer_is_told_again_only_to_who_could_get_it_anew() {
    let test = world().await;
    let ada = test.client(ADA, "2311");
    let mallory = test.token(MALLORY);
    let send = async || {
        let call = test.post("/users").token(&mallory).account("2311").header("idempotency-key", "one");
        call.json(&json!({"email": "once@example.com"})).send().await
    };
    let (first, second) = (send().await, send().await);
    assert_eq!((first.status.as_u16(), &first.text), (201, &second.text));
    let id = ada.get("/users?query=mallory").await.done()["items"][0]["id"].clone();
    assert_eq!(ada.patch(&format!("/users/{id}/membership"), json!({"permissions": []})).await.status, 200);
    assert!(send().await.error().starts_with("403 forbidden"));
}

/// Nor by another token of the same person's, if that may do less.
#[tokio::test]
async fn an_admin_is_not_told_of_again_to_who_may_make_none() {
    let test = world().await;
    let ada = test.client(ADA, "2311");
    let key = json!({"name": "narrow", "expiresAt": "2026-12-23T08:00:00Z", "permissions": ["users.create"]});
    let key = ada.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    let ada = test.token(ADA);
    let send = async |token: &str| {
        let call = test.post("/users").token(token).account("2311").header("idempotency-key", "one");
        call.json(&json!({"email": "boss@example.com", "accountAdmin": true})).send().await
    };
    let first = send(&ada).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert!(send(&key).await.error().starts_with("403 forbidden"));
    assert_eq!(send(&ada).await.text, first.text);
}

/// Whoever may still do it is answered as before, even if what was given is gone.
#[tokio::test]
async fn a_retry_is_answered_after_its_team_was_deleted() {
    let test = world().await;
    let ada = test.client(ADA, "2311");
    let team = ada.post("/teams", json!({"name": "Support"})).await.done()["id"].clone();
    let send = async || {
        let call = ada.call(Method::POST, "/users").header("idempotency-key", "one");
        call.json(&json!({"email": "once@example.com", "teamId": team})).send().await
    };
    let first = send().await;
    assert_eq!(first.status, 201, "{}", first.text);
    ada.delete(&format!("/teams/{team}")).await;
    assert_eq!(send().await.text, first.text);
}

/// A key that makes people is none to those who are there: whoever has only a first token would be somebody else's.
#[tokio::test]
async fn a_key_lets_nobody_in_who_is_there_already() {
    let test = world().await;
    let (victim, theirs) = made_by_mallory(&test, "victim@example.com").await;
    let ada = test.client(ADA, "2311");
    for permissions in [json!(["users.create", "users.read"]), Value::Null] {
        let mut key = json!({"name": "makes people", "expiresAt": "2026-12-23T08:00:00Z"});
        if !permissions.is_null() {
            key["permissions"] = permissions;
        }
        let key = ada.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
        for who in [victim, 1] {
            let invited = with(&test, &key, Method::POST, &format!("/users/{who}/invitation"), Value::Null).await;
            assert!(invited.error().starts_with("403 forbidden"), "{}", invited.text);
        }
    }
    assert_eq!(test.get("/me").token(&theirs).send().await.status, 200, "their first token is as good as before");
    let oneself = ada.post("/users/1/invitation", Value::Null).await;
    assert!(oneself.error().starts_with("409 yourself"), "{}", oneself.text);
}

#[tokio::test]
async fn what_another_system_reports_reads_as_a_report() {
    let test = world().await;
    let ada = test.client(ADA, "2311");
    let changes = json!({"active": {"before": true, "after": false}});
    let event = json!({"event": "user_updated", "subjectId": 1, "changes": changes});
    assert_eq!(ada.post("/events", event).await.done()["reported"], true);
    let page = ada.get("/events?limit=1").await.done();
    assert_eq!(page["items"][0]["reported"], true);
    let own = ada.get("/events?event=user_created").await.done();
    assert!(own["items"].as_array().unwrap().iter().all(|event| event.get("reported").is_none()));
}

/// Events outlive people and accounts, so nobody new is ever called by an id that was somebody's.
#[tokio::test]
async fn no_id_is_used_twice() {
    let test = world().await;
    let ada = test.client(ADA, "2311");
    let (last, _) = made_by_mallory(&test, "wim@example.com").await;
    assert_eq!(ada.delete(&format!("/users/{last}")).await.status, 204);
    test.advance(Duration::from_secs(30 * 24 * 3600));
    jobs::run_once(&test.app).await;
    let ada = test.client(ADA, "2311");
    assert_eq!(ada.post("/users", json!({"email": "new@example.com"})).await.done()["id"], last + 1);
}

#[tokio::test]
async fn nobody_is_moved_or_put_back_without_having_a_say() {
    let test = world().await;
    test.account("8", "Third", "admin@third.example");
    let ada = test.client(ADA, "7");
    assert_eq!(ada.post("/users", json!({"email": MALLORY})).await.status, 201);
    let token = test.token(MALLORY);
    assert_eq!(test.call(Method::PUT, "/me/memberships/7").token(&token).send().await.status, 200);
    let other = test.client("admin@other.example", "7");
    let id = other.get("/users?query=mallory").await.done()["items"][0]["id"].clone();
    let moved = other.put(&format!("/users/{id}/account"), json!({"accountId": "8"})).await;
    assert!(moved.error().starts_with("403"), "7 isn't their primary account: {}", moved.text);
    assert_eq!(test.call(Method::DELETE, "/me/memberships/7").token(&token).send().await.status, 204);
    assert!(other.delete(&format!("/users/{id}/removal")).await.error().starts_with("404"), "who left by themselves");
}

#[tokio::test]
async fn the_recycle_bin_tells_nothing_of_a_life_elsewhere() {
    let test = world().await;
    let (id, _) = made_by_mallory(&test, "fay@example.com").await;
    let other = test.client("admin@other.example", "7");
    assert_eq!(other.post("/users", json!({"email": "fay@example.com"})).await.status, 201);
    let fay = test.token("fay@example.com");
    assert_eq!(test.call(Method::PUT, "/me/memberships/7").token(&fay).send().await.status, 200);
    let ada = test.client(ADA, "2311");
    test.member("2311", "boss@example.com", "admin");
    assert_eq!(ada.delete(&format!("/users/{id}")).await.status, 204);
    let elsewhere = json!({"name": "Fay Secret", "phone": "030 901820", "email": "fay@other.example"});
    assert_eq!(other.patch(&format!("/users/{id}"), elsewhere).await.status, 200);
    let preferences = json!({"lead_created": [{"event": "lead_created", "deliveryPref": ["sms"]}]});
    let path = format!("/users/{id}/notification-preferences");
    assert_eq!(test.client("fay@other.example", "7").put(&path, preferences).await.status, 200);
    assert_eq!(other.put(&format!("/users/{id}/suspension"), Value::Null).await.status, 200);
    let boss = test.client("boss@example.com", "2311");
    let bin = boss.get("/users?removed=true&active=true").await;
    assert!(bin.text.contains("fay@example.com"), "{}", bin.text);
    assert_eq!(bin.json()["items"][0]["active"], true, "as they were here");
    assert_eq!(bin.json()["items"][0]["notificationPreferences"], json!({}));
    assert!(!bin.text.contains("Secret") && !bin.text.contains("other.example") && !bin.text.contains("901820"));
    test.member("2311", "reader@example.com", "member");
    assert!(test.client("reader@example.com", "2311").get("/users?removed=true").await.error().starts_with("403"));
    assert_eq!(ada.delete(&format!("/users/{id}/removal")).await.done()["email"], "fay@other.example");
}
