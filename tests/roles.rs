//! Roles: built-in ones and the account's own, and what they permit from the next request on.

use rollcall::domain::permissions::Permission;
use serde_json::json;

use crate::support::{ADA, TestApp};

const BOB: &str = "bob@example.com";

#[tokio::test]
async fn the_built_in_ones_are_there_and_stay_as_they_are() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let list = ada.get("/roles").await.done();
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|role| (&role["id"], &role["builtIn"])).collect();
    assert_eq!(names, [(&json!("admin"), &json!(true)), (&json!("member"), &json!(true))]);
    assert_eq!(list["items"][1]["permissions"], json!(["users.read"]));
    assert_eq!(list["items"][0]["permissions"].as_array().unwrap().len(), Permission::ALL.len() - 1);
    assert!(ada.patch("/roles/admin", json!({"permissions": []})).await.error().starts_with("409 role_built_in"));
    assert!(ada.delete("/roles/admin").await.error().starts_with("409 role_built_in"));
    assert!(
        ada.post("/roles", json!({"name": "admin", "permissions": []})).await.error().starts_with("409 role_exists")
    );
}

#[tokio::test]
async fn a_role_of_ones_own_works_at_once_and_until_it_is_gone() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let role = json!({"name": "watcher", "permissions": ["users.read", "events.read"]});
    let made = ada.post("/roles", role).await;
    assert_eq!(made.header("location"), "/roles/watcher");
    insta::assert_json_snapshot!(made.done(), @r#"
    {
      "id": "watcher",
      "name": "watcher",
      "builtIn": false,
      "permissions": [
        "events.read",
        "users.read"
      ],
      "members": 0
    }
    "#);
    ada.post("/users", json!({"email": BOB, "roles": ["watcher"]})).await.done();
    let bob = test.client(BOB, "2311");
    assert_eq!(bob.get("/events").await.status, 200);
    assert_eq!(ada.get("/roles/watcher").await.done()["members"], 1);
    assert_eq!(ada.get("/users?role=watcher").await.done()["items"][0]["email"], BOB);
    ada.patch("/users/2/membership", json!({"roles": ["member", "watcher"]})).await.done();
    for nobodys in ["watch", "member%22,%22watcher", "%22", "%25"] {
        assert_eq!(ada.get(&format!("/users?role={nobodys}")).await.done()["items"], json!([]), "{nobodys}");
    }
    ada.patch("/users/2/membership", json!({"roles": ["watcher"]})).await.done();
    ada.patch("/roles/watcher", json!({"permissions": ["users.read"]})).await.done();
    assert_eq!(bob.get("/events").await.status, 403);
    assert_eq!(bob.get("/users").await.status, 200);
    assert_eq!(ada.delete("/roles/watcher").await.status, 204);
    assert_eq!(bob.get("/users").await.status, 403);
    assert_eq!(ada.get("/users/2").await.done()["flatRolesList"], json!([]));
    let told = ada.get("/events?event=role_permissions_updated").await.done();
    let changes = json!({"permissions": {"before": ["events.read", "users.read"], "after": ["users.read"]}});
    assert_eq!((&told["items"][0]["subject"], &told["items"][0]["changes"]), (&json!("watcher"), &changes));
}

#[tokio::test]
async fn names_and_permissions_are_checked() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let error = async |name: &str, permission: &str| {
        ada.post("/roles", json!({"name": name, "permissions": [permission]})).await.error()
    };
    insta::assert_snapshot!(error("Lead Reader", "users.read").await, @"400 invalid_role_name: name: A role's name has 1 to 40 lower-case letters, digits, hyphens or underscores, like lead-reader.");
    insta::assert_snapshot!(error("reader", "users.fly").await, @"400 unknown_permission: permissions[0]: There is no permission users.fly; the list of permissions has all there are.");
    insta::assert_snapshot!(error("", "users.fly").await, @"400 invalid_role_name: name: A role's name has 1 to 40 lower-case letters, digits, hyphens or underscores, like lead-reader. permissions[0]: There is no permission users.fly; the list of permissions has all there are.");
    assert!(ada.get("/roles/nobody").await.error().starts_with("404"));
    assert!(ada.get("/roles/%F0%9F%A6%80").await.error().starts_with("404"));
}

#[tokio::test]
async fn a_role_of_one_account_is_none_of_another() {
    let test = TestApp::new();
    test.account("2312", "Other", "eve@example.com");
    test.client(ADA, "2311").post("/roles", json!({"name": "watcher", "permissions": []})).await.done();
    let eve = test.client("eve@example.com", "2312");
    assert!(eve.get("/roles/watcher").await.error().starts_with("404"));
    assert!(
        eve.post("/users", json!({"email": BOB, "roles": ["watcher"]})).await.error().starts_with("400 unknown_role")
    );
    eve.post("/roles", json!({"name": "watcher", "permissions": ["users.read"]})).await.done();
    assert_eq!(test.client(ADA, "2311").get("/roles/watcher").await.done()["permissions"], json!([]));
}

#[tokio::test]
async fn the_permissions_are_a_table_with_a_sentence_each() {
    let test = TestApp::new();
    let list = test.client(ADA, "2311").get("/permissions").await.done();
    let list = list["items"].as_array().unwrap();
    assert_eq!(list.len(), Permission::ALL.len());
    assert_eq!(list[0], json!({"name": "users.create", "description": "Add people to the account and invite them"}));
}
