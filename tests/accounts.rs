//! Accounts: made by owners, deleted only when their name was typed, with nobody lost at once.

use std::time::Duration;

use poem::http::Method;
use rollcall::jobs;
use serde_json::{Value, json};

use crate::support::{ADA, TestApp};

const EVE: &str = "eve@example.com";

#[tokio::test]
async fn an_owner_makes_accounts() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let made = ada.post("/accounts", json!({"name": " Other "})).await;
    assert_eq!(made.done(), json!({"id": "2312", "name": "Other"}));
    assert_eq!(made.header("location"), "/accounts/2312");
    ada.post("/accounts", json!({"id": "acme-uk", "name": "Acme UK"})).await.done();
    let list = ada.get("/accounts").await.done();
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|account| account["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["2311", "acme-uk", "2312"], "by name, and an owner sees all");
    let error = async |body: Value| ada.post("/accounts", body).await.error();
    insta::assert_snapshot!(error(json!({"id": "a b", "name": "X"})).await, @"400 invalid_value: id: An account ID has 1 to 64 letters, digits, hyphens or underscores, like 2311.");
    insta::assert_snapshot!(error(json!({"name": " "})).await, @"400 name_missing: name: Enter a name for the account.");
    insta::assert_snapshot!(error(json!({"id": "2311", "name": "X"})).await, @"409 account_exists: There is an account 2311 already.");
}

#[tokio::test]
async fn whatever_ids_were_chosen_there_is_a_next_one() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/accounts", json!({"id": "999999999999999", "name": "Last"})).await.done();
    let mut made = Vec::new();
    for name in ["A", "B", "C", "D"] {
        made.push(ada.post("/accounts", json!({ "name": name })).await.done()["id"].clone());
    }
    assert_eq!(made, ["1000000000000000", "2312", "2313", "2314"]);
}

#[tokio::test]
async fn everybody_else_sees_their_own() {
    let test = TestApp::new();
    test.account("2312", "Other", EVE);
    let eve = test.client(EVE, "2312");
    assert_eq!(eve.get("/accounts").await.done()["items"], json!([{"id": "2312", "name": "Other"}]));
    assert_eq!(eve.get("/accounts/2312").await.done(), json!({"id": "2312", "name": "Other"}));
    let (closed, nowhere) = (eve.get("/accounts/2311").await.error(), eve.get("/accounts/77").await.error());
    assert_eq!(closed, nowhere);
    assert!(closed.starts_with("403 forbidden"), "{closed}");
    assert!(eve.patch("/accounts/2311", json!({"name": "Mine"})).await.error().starts_with("403"));
    assert!(eve.delete("/accounts/2311?confirm=Acme").await.error().starts_with("403"));
    let renamed = eve.patch("/accounts/2312", json!({"name": "Others"})).await.done();
    assert_eq!(renamed, json!({"id": "2312", "name": "Others"}));
    let told = eve.get("/events?event=account_updated").await.done();
    assert_eq!(told["items"][0]["changes"], json!({"name": {"before": "Other", "after": "Others"}}));
}

#[tokio::test]
async fn an_account_is_deleted_only_under_its_name() {
    let test = TestApp::new();
    test.account("2312", "Other & sons", EVE);
    let eve = test.client(EVE, "2312");
    assert!(
        eve.delete("/accounts/2312?confirm=Other+%26+sons").await.error().starts_with("403"),
        "a role isn't enough"
    );
    let ada = test.client(ADA, "2311");
    let before = test.rows();
    insta::assert_snapshot!(ada.delete("/accounts/2312").await.error(), @"400 missing_parameter: confirm: This is required and was not sent.");
    insta::assert_snapshot!(ada.delete("/accounts/2312?confirm=other").await.error(), @"400 not_confirmed: confirm: To delete this account, confirm it with its name: Other & sons.");
    assert_eq!(test.rows(), before);
    assert_eq!(ada.delete("/accounts/2312?confirm=Other+%26+sons").await.status, 204);
    assert!(ada.get("/accounts/2312").await.error().starts_with("403"));
    assert!(eve.get("/me").await.error().starts_with("401 token_revoked"), "who is in no other account is signed out");
    assert!(ada.post("/accounts", json!({"id": "2312", "name": "X"})).await.error().starts_with("409 account_exists"));
    assert!(eve.delete("/accounts/2312/removal").await.error().starts_with("401"));
    assert_eq!(ada.delete("/accounts/2312/removal").await.done()["name"], "Other & sons");
    let back = test.client(EVE, "2312").get("/me").await.done();
    assert_eq!(back["accounts"][0]["usersPrimaryAccount"], true, "whoever was in it is back");
    assert!(ada.delete("/accounts/2312/removal").await.error().starts_with("404"), "it isn't deleted any more");
    assert_eq!(ada.delete("/accounts/2312?confirm=Other+%26+sons").await.status, 204);
    test.advance(Duration::from_secs(30 * 24 * 3600));
    jobs::run_once(&test.app).await;
    let (users, accounts): (i64, i64) =
        test.query(|r| Ok((r.value("select count(*) from users", [])?, r.value("select count(*) from accounts", [])?)));
    assert_eq!((users, accounts), (1, 2), "nobody is left after thirty days, but the id is nobody else's ever");
    let ada = test.client(ADA, "2311");
    assert!(ada.post("/accounts", json!({"id": "2312", "name": "X"})).await.error().starts_with("409 account_exists"));
    assert_eq!(ada.post("/accounts", json!({"name": "X"})).await.done()["id"], "2313");
}

#[tokio::test]
async fn who_is_in_another_account_too_outlives_theirs() {
    let test = TestApp::new();
    test.account("2312", "Other", EVE);
    test.client(ADA, "2311").post("/users", json!({"email": EVE})).await.done();
    let eve = test.token(EVE);
    test.call(Method::PUT, "/me/memberships/2311").token(&eve).send().await.done();
    test.client(ADA, "2311").delete("/accounts/2312?confirm=Other").await.done();
    let me = test.get("/me").token(&eve).send().await.done();
    assert_eq!(
        (&me["accounts"][0]["accountId"], &me["accounts"][0]["usersPrimaryAccount"]),
        (&json!("2311"), &json!(true))
    );
    assert_eq!(me["accounts"].as_array().unwrap().len(), 1);
}
