//! Writes that share a commit: each is judged by what those before it changed, as if it had come a day later.

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{ADA, TestApp};

const BOB: &str = "bob@example.com";

/// Who asks, in which account, and for what.
type Asked<'a> = (&'a str, &'static str, (Method, &'a str, Value));

/// What is asked for one after the other while another program keeps the database locked, so that one commit takes it all.
async fn together(test: &TestApp, asked: &[Asked<'_>]) -> Vec<u16> {
    let before = test.app.db().figures().commits_tried();
    let other = rusqlite::Connection::open(test.database()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let answers = asked.iter().map(|(token, account, (method, path, body))| {
        test.call(method.clone(), path).token(token).account(account).json(body).send()
    });
    let let_go = async { other.execute_batch("rollback").unwrap() };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(answers), let_go);
    assert_eq!(test.app.db().figures().commits_tried() - before, 1, "they didn't share a commit");
    answers.iter().map(|answer| answer.status.as_u16()).collect()
}

fn create(email: &str) -> (Method, &'static str, Value) {
    (Method::POST, "/users", json!({"email": email, "roles": []}))
}

/// Bob, with a role that lets him make people, and a token of his.
async fn with_bob() -> (TestApp, String, String) {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/roles", json!({"name": "registrar", "permissions": ["users.create"]})).await.done();
    assert_eq!(test.member("2311", BOB, "viewer"), 2);
    ada.patch("/users/2/membership", json!({"roles": ["registrar"]})).await.done();
    let tokens = [ADA, BOB].map(|email| test.token(email));
    let [ada, bob] = tokens;
    (test, ada, bob)
}

#[tokio::test]
async fn what_was_taken_away_a_moment_ago_is_not_honoured() {
    let (patch, put, delete) = (Method::PATCH, Method::PUT, Method::DELETE);
    let taken = [
        (put, "/users/2/suspension", Value::Null, 401),
        (patch.clone(), "/users/2/membership", json!({"roles": []}), 403),
        (patch.clone(), "/roles/registrar", json!({"permissions": ["users.read"]}), 403),
        (delete.clone(), "/roles/registrar", Value::Null, 403),
        (delete.clone(), "/users/2", Value::Null, 401),
        (delete, "/accounts/2311?confirm=Acme", Value::Null, 401),
    ];
    for (method, path, body, then) in taken {
        let (test, ada, bob) = with_bob().await;
        let asked = [
            (bob.as_str(), "2311", create("first@example.com")),
            (bob.as_str(), "2311", create("second@example.com")),
            (ada.as_str(), "2311", (method, path, body)),
            (bob.as_str(), "2311", create("third@example.com")),
        ];
        let got = together(&test, &asked).await;
        assert!(got[..2] == [201, 201] && got[2] < 300 && got[3] == then, "{path}: {got:?}");
    }
    // What was given a moment ago is.
    let (test, ada, bob) = with_bob().await;
    test.client(ADA, "2311").patch("/users/2/membership", json!({"roles": []})).await.done();
    let given = (patch, "/users/2/membership", json!({"roles": ["registrar"]}));
    let asked = [
        (bob.as_str(), "2311", create("first@example.com")),
        (ada.as_str(), "2311", given),
        (bob.as_str(), "2311", create("second@example.com")),
    ];
    assert_eq!(together(&test, &asked).await, [403, 200, 201]);
}

#[tokio::test]
async fn who_gives_up_what_they_may_may_not_a_moment_later() {
    let (test, _, bob) = with_bob().await;
    test.client(ADA, "2311").patch("/users/2/membership", json!({"accountAdmin": true})).await.done();
    let give_up = (Method::PATCH, "/users/2/membership", json!({"accountAdmin": false, "roles": []}));
    let asked = [
        (bob.as_str(), "2311", create("first@example.com")),
        (bob.as_str(), "2311", give_up),
        (bob.as_str(), "2311", create("second@example.com")),
    ];
    assert_eq!(together(&test, &asked).await, [201, 200, 403]);
}

#[tokio::test]
async fn a_key_that_was_revoked_a_moment_ago_is_not_honoured() {
    let (test, ada, bob) = with_bob().await;
    let made = json!({"name": "Import", "permissions": ["users.create"], "expiresAt": "2026-12-23T08:00:00Z"});
    let key = test.client(ADA, "2311").post("/api-keys", made).await.done();
    let (secret, path) = (key["token"].as_str().unwrap(), format!("/api-keys/{}", key["id"].as_str().unwrap()));
    let asked = [
        (secret, "2311", create("first@example.com")),
        (secret, "2311", create("second@example.com")),
        (ada.as_str(), "2311", (Method::DELETE, path.as_str(), Value::Null)),
        (secret, "2311", create("third@example.com")),
        (bob.as_str(), "2311", create("third@example.com")),
    ];
    assert_eq!(together(&test, &asked).await, [201, 201, 204, 401, 201]);
}

#[tokio::test]
async fn everybody_is_judged_by_their_own_token_and_account() {
    let (test, ada, bob) = with_bob().await;
    test.account("4712", "Globex", "eve@example.com");
    let asked = [
        (bob.as_str(), "2311", create("first@example.com")),
        (bob.as_str(), "4712", create("second@example.com")),
        (ada.as_str(), "4712", create("third@example.com")),
        (bob.as_str(), "4712", create("fourth@example.com")),
        (bob.as_str(), "2311", create("fifth@example.com")),
    ];
    assert_eq!(together(&test, &asked).await, [201, 403, 201, 403, 201]);
    let who = test.client(ADA, "2311").get("/users?query=example.com").await.done();
    let made_by = |email: &str| {
        who["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|user| user["email"] == email)
            .map(|user| user["createdBy"].clone())
    };
    assert_eq!((made_by("fifth@example.com"), made_by("third@example.com")), (Some(json!(BOB)), None));
}

/// The last admin can't give that up, which is seen after it was done: all of it is taken back, and each runs again apart.
#[tokio::test]
async fn what_is_taken_back_and_run_again_is_judged_again() {
    let (test, ada, bob) = with_bob().await;
    let give_up = (Method::PATCH, "/users/1/membership", json!({"accountAdmin": false}));
    let take = (Method::PATCH, "/users/2/membership", json!({"roles": []}));
    let asked = [
        (bob.as_str(), "2311", create("first@example.com")),
        (ada.as_str(), "2311", give_up),
        (bob.as_str(), "2311", create("second@example.com")),
        (ada.as_str(), "2311", take),
        (bob.as_str(), "2311", create("third@example.com")),
    ];
    assert_eq!(together(&test, &asked).await, [201, 409, 201, 200, 403]);
    let who = test.client(ADA, "2311").get("/users").await.done();
    let emails: Vec<_> = who["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect();
    assert_eq!(emails, [ADA, BOB, "first@example.com", "second@example.com"]);
}
