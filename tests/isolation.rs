//! Who may in one account may not in another, and nothing of one account shows in another.

use std::time::Duration;

use rollcall::domain::memberships;
use rollcall::jobs;
use serde_json::json;

use rollcall::domain::permissions::Permission;

use crate::support::{ADA, TestApp};

#[tokio::test]
async fn only_those_with_the_permission_create_users() {
    let test = TestApp::new();
    test.member("2311", "member@example.com", "member");
    test.member("2311", "admin@example.com", "admin");
    let create = async |token: &str, email: &str| {
        test.post("/users").token(token).account("2311").json(&json!({"email": email})).send().await
    };
    let before = test.rows();
    let refused = create(&test.token("member@example.com"), "x@example.com").await;
    insta::assert_snapshot!(refused.error(), @"403 forbidden: You need the permission `users.create` in account 2311 (Acme) to do this. Ask an admin of that account for it.");
    assert_eq!(test.rows()[1], before[1]);
    assert_eq!(create(&test.token("admin@example.com"), "y@example.com").await.status, 201);
}

#[tokio::test]
async fn an_admin_of_one_account_is_a_stranger_in_another() {
    let test = TestApp::new();
    let stranger = test.account("2312", "Other", "eve@example.com");
    let body = json!({"email": "x@example.com"});
    let closed = test.post("/users").token(&stranger).account("2311").json(&body).send().await;
    let nowhere = test.post("/users").token(&stranger).account("77").json(&body).send().await;
    assert_eq!(closed.status, 403);
    assert_eq!(closed.text, nowhere.text, "a closed account must look like one that isn't there");
    for path in ["/users", "/users/1", "/me"] {
        assert_eq!(test.get(path).token(&stranger).account("2311").send().await.status, 403, "{path}");
    }
    assert_eq!(test.post("/users").token(&stranger).account("2312").json(&body).send().await.status, 201);
}

#[tokio::test]
async fn people_of_another_account_cannot_be_found() {
    let test = TestApp::new();
    let stranger = test.account("2312", "Other", "eve@example.com");
    let get = async |path: &str| test.get(path).token(&stranger).account("2312").send().await;
    assert_eq!(get("/users/1").await.error(), "404 not_found: There is no user 1 in this account.");
    let page = get("/users?query=ada").await.json();
    assert_eq!(page["items"], json!([]));
    let invited = test.post("/users").token(&stranger).account("2312").json(&json!({"email": ADA})).send().await;
    assert_eq!(invited.status, 201, "whoever is known elsewhere is asked to join: {}", invited.text);
    assert_eq!(invited.json()["name"], json!(null));
}

#[tokio::test]
async fn an_owner_may_everywhere() {
    let test = TestApp::new();
    test.account("2312", "Other", "eve@example.com");
    let ada = test.token(ADA);
    let created = test.post("/users").token(&ada).account("2312").json(&json!({"email": "x@example.com"})).send().await;
    assert_eq!(created.status, 201);
    assert_eq!(created.json()["accounts"][0]["accountId"], "2312");
    let me = test.get("/me").token(&ada).account("2312").send().await.json();
    assert_eq!(me["accounts"][0]["accountId"], "2311");
    assert_eq!(me["flatPermissionsList"].as_array().unwrap().len(), Permission::ALL.len());
}

/// Grace is made in Acme by Bob, who is in no other account, and then joins Other.
async fn grace_joins_other() -> TestApp {
    let test = TestApp::new();
    test.account("2312", "Other", "eve@example.com");
    test.member("2311", "bob@example.com", "admin");
    test.advance(Duration::from_secs(1));
    let bob = test.client("bob@example.com", "2311");
    bob.post("/users", json!({"email": "grace@example.com"})).await.done();
    test.client("eve@example.com", "2312").post("/users", json!({"email": "grace@example.com"})).await.done();
    test.advance(Duration::from_secs(1));
    test.client("grace@example.com", "2311").put("/me/memberships/2312", json!({})).await.done();
    test
}

#[tokio::test]
async fn who_made_somebody_in_another_account_is_not_told() {
    let test = grace_joins_other().await;
    let grace = "/users/4";
    let seen = async |email, account| {
        let user = test.client(email, account).get(grace).await.done();
        (user["email"].as_str().unwrap().to_owned(), user["createdBy"].as_str().unwrap().to_owned())
    };
    let by = |by: &str| ("grace@example.com".to_owned(), by.to_owned());
    assert_eq!(seen("bob@example.com", "2311").await, by("bob@example.com"));
    assert_eq!(seen("eve@example.com", "2312").await, by("grace@example.com"));
    assert_eq!(seen(ADA, "2312").await, by("bob@example.com"));
}

#[tokio::test]
async fn whom_somebody_leads_elsewhere_is_not_told() {
    let test = grace_joins_other().await;
    let ada = test.client(ADA, "2312");
    ada.patch("/users/4/membership", json!({"accountAdmin": true})).await.done();
    let suspended = test.client("bob@example.com", "2311").put("/users/4/suspension", json!(null)).await;
    insta::assert_snapshot!(suspended.error(), @"409 last_admin: They are the last admin of another account. Make somebody else its admin first.");
    let suspended = test.client(ADA, "2311").put("/users/4/suspension", json!(null)).await;
    insta::assert_snapshot!(suspended.error(), @"409 last_admin: They are the last admin of account 2312. Make somebody else its admin first.");
}

/// Somebody whose account let them go, and who was only asked to join another, is gone when that ends.
#[tokio::test]
async fn nobody_is_left_behind_in_no_account() {
    for end in ["/users/3", "/accounts/2312?confirm=Other"] {
        let test = TestApp::new();
        test.account("2312", "Other", "eve@example.com");
        let ada = test.client(ADA, "2311");
        ada.post("/users", json!({"email": "bob@example.com"})).await.done();
        assert_eq!(ada.delete("/users/3").await.status, 204);
        let day = Duration::from_secs(24 * 3600);
        test.advance(day);
        test.client(ADA, "2312").post("/users", json!({"email": "bob@example.com"})).await.done();
        test.advance(memberships::KEPT - day);
        jobs::run_once(&test.app).await;
        let other = test.client(ADA, "2312");
        assert_eq!(other.get("/users/3").await.done()["pending"], true);
        assert_eq!(other.delete(end).await.status, 204, "{end}");
        assert_eq!(test.query(|r| r.value::<i64>("select count(*) from users where id = 3", [])), 0);
        let again = test.client(ADA, "2311").post("/users", json!({"email": "bob@example.com"})).await.done();
        assert!(again["token"].is_string());
    }
}
