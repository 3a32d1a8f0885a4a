//! Places in an account: nobody gives what they don't hold, pending people are only an e-mail, and somebody always leads.

use poem::http::Method;
use rollcall::domain::permissions::Permission;
use serde_json::{Value, json};

use crate::support::{ADA, Client, TestApp};

const BOB: &str = "bob@example.com";
const EVE: &str = "eve@example.com";

fn refused(answer: &crate::support::Answer, start: &str) {
    assert!(answer.error().starts_with(start), "{}", answer.text);
}

/// Acme with Bob (2), who may create people and give roles, and a role that may do more than he may.
async fn acme() -> TestApp {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let own = ["users.create", "users.read", "roles.assign", "roles.manage"];
    let body = json!({"email": BOB, "roles": [], "permissions": own});
    ada.post("/users", body).await.done();
    ada.post("/roles", json!({"name": "watcher", "permissions": ["events.read"]})).await.done();
    ada.post("/users", json!({"email": "carol@example.com"})).await.done();
    test
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_hold() {
    let test = acme().await;
    let bob = test.client(BOB, "2311");
    let before = test.rows();
    for place in [
        json!({"roles": ["admin"]}),
        json!({"roles": ["member", "watcher"]}),
        json!({"permissions": ["users.suspend"]}),
        json!({"accountAdmin": true}),
    ] {
        for path in ["/users/3/membership", "/users/2/membership"] {
            refused(&bob.patch(path, place.clone()).await, "403 forbidden");
        }
        let mut new = json!({"email": "new@example.com"});
        new.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        refused(&bob.post("/users", new).await, "403 forbidden");
    }
    refused(&bob.post("/roles", json!({"name": "mine", "permissions": ["events.read"]})).await, "403 forbidden");
    refused(&bob.patch("/roles/watcher", json!({"permissions": []})).await, "403 forbidden");
    refused(&bob.delete("/roles/watcher").await, "403 forbidden");
    let key = json!({"name": "k", "expiresAt": "2027-01-01T00:00:00Z", "permissions": ["events.read"]});
    refused(&bob.post("/api-keys", key).await, "403 forbidden");
    assert_eq!(test.rows(), before);
    bob.patch("/users/3/membership", json!({"permissions": ["users.create"], "roles": ["member"]})).await.done();
}

/// A role of one's own can't be filled behind its holder's back with more than one holds oneself.
#[tokio::test]
async fn editing_a_role_one_holds_gives_nothing_new() {
    let test = acme().await;
    let bob = test.client(BOB, "2311");
    bob.post("/roles", json!({"name": "mine", "permissions": ["users.read"]})).await.done();
    bob.patch("/users/2/membership", json!({"roles": ["mine"]})).await.done();
    let refused =
        bob.patch("/roles/mine", json!({"permissions": ["users.read", "events.read", "account.delete"]})).await;
    insta::assert_snapshot!(refused.error(), @"403 forbidden: You can't give or take away what you don't hold yourself: `account.delete`, `events.read`.");
    bob.patch("/roles/mine", json!({"permissions": ["users.read", "users.create"]})).await.done();
}

#[tokio::test]
async fn a_place_is_changed_and_explained() {
    let test = acme().await;
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({"name": "Support"})).await.done();
    let place = json!({"teamId": 1, "roles": ["member", "watcher"], "permissions": ["events.read"]});
    let carol = ada.patch("/users/3/membership", place).await.done();
    assert_eq!(carol["teamId"], 1);
    assert_eq!(carol["flatRolesList"], json!(["member", "watcher"]));
    assert_eq!(carol["flatPermissionsList"], json!(["events.read", "users.read"]));
    insta::assert_json_snapshot!(ada.get("/users/3/permissions").await.done(), @r#"
    {
      "items": [
        {
          "permission": "users.read",
          "description": "See the people of the account and their details, teams and roles",
          "sources": [
            "role:member"
          ]
        },
        {
          "permission": "events.read",
          "description": "See what happened in the account",
          "sources": [
            "role:watcher",
            "direct"
          ]
        }
      ]
    }
    "#);
    let own = ada.get("/users/1/permissions").await.done();
    assert_eq!(own["items"].as_array().unwrap().len(), Permission::ALL.len());
    assert_eq!(own["items"][0]["sources"], json!(["owner", "accountAdmin", "role:admin"]));
    let carol = ada.patch("/users/3/membership", json!({"teamId": null})).await.done();
    assert_eq!((carol.get("teamId"), &carol["flatRolesList"]), (None, &json!(["member", "watcher"])));
    let bad = json!({"roles": ["member", "boss"], "permissions": []});
    insta::assert_snapshot!(ada.patch("/users/3/membership", bad).await.error(), @"400 unknown_role: roles[1]: There is no role boss in this account.");
    insta::assert_snapshot!(ada.patch("/users/3/membership", json!({"permissions": ["fly"]})).await.error(), @"400 unknown_permission: permissions[0]: There is no permission fly; the list of permissions has all there are.");
    refused(&ada.patch("/users/3/membership", json!({"teamId": 99})).await, "400 unknown_team");
    assert_eq!(test.client("carol@example.com", "2311").get("/users/3/permissions").await.status, 200);
}

#[tokio::test]
async fn direct_permissions_show_in_the_flat_list_too() {
    let test = acme().await;
    let bob = test.client(BOB, "2311").get("/users/2").await.done();
    assert_eq!(bob["flatPermissionsList"], json!(["roles.assign", "roles.manage", "users.create", "users.read"]));
    assert_eq!(bob["flatRolesList"], json!([]));
}

/// Eve (2) leads Acme's neighbours; Acme asks her to join.
async fn pending() -> TestApp {
    let test = TestApp::new();
    test.account("2312", "Other", EVE);
    let eve = test.client(EVE, "2312");
    eve.patch("/me", json!({"name": "Eve Adams", "phone": "030 901820"})).await.done();
    test
}

async fn invite(ada: &Client<'_>) -> Value {
    ada.post("/users", json!({"email": "EVE@example.com", "name": "Made up", "roles": ["admin"], "teamId": null}))
        .await
        .done()
}

#[tokio::test]
async fn somebody_pending_is_an_email_and_nothing_else() {
    let test = pending().await;
    let ada = test.client(ADA, "2311");
    // Ada owns the server and sees all accounts; an admin of one does not.
    test.member("2311", "admin@example.com", "admin");
    let admin = test.client("admin@example.com", "2311");
    let answer = invite(&admin).await;
    insta::assert_json_snapshot!(answer, @r#"
    {
      "id": 2,
      "email": "EVE@example.com",
      "active": true,
      "notificationPreferences": {},
      "createdBy": "admin@example.com",
      "updatedBy": "admin@example.com",
      "createdAt": "2026-11-23T08:00:00.000Z",
      "updatedAt": "2026-11-23T08:00:00.000Z",
      "accounts": [
        {
          "accountId": "2311",
          "accountName": "Acme",
          "usersPrimaryAccount": false,
          "accountAdmin": false
        }
      ],
      "flatRolesList": [
        "admin"
      ],
      "flatPermissionsList": [],
      "pending": true
    }
    "#);
    assert_eq!(admin.get("/users/2").await.done(), answer);
    let again = admin.post("/users", json!({"email": EVE})).await;
    insta::assert_snapshot!(again.error(), @"409 already_invited: eve@example.com was invited to this account already, as user 2.");
    for query in ["adams", "030", "made"] {
        assert_eq!(admin.get(&format!("/users?query={query}")).await.done()["items"], json!([]), "{query}");
    }
    assert_eq!(admin.get("/users?query=eve@").await.done()["items"], json!([answer]));
    assert_eq!(admin.get("/users?pending=true").await.done()["items"], json!([answer]));
    for sort in ["email", "name", "createdAt", "updatedAt"] {
        let page = admin.get(&format!("/users?sort={sort}")).await.done();
        assert!(page["items"].as_array().unwrap().contains(&answer), "{sort}");
    }
    // Nothing moves in this account when she changes herself in hers.
    test.advance(std::time::Duration::from_secs(60));
    let eve = test.client(EVE, "2312");
    eve.patch("/me", json!({"name": "Zoe"})).await.done();
    refused(&ada.put("/users/2/suspension", Value::Null).await, "409 pending");
    assert_eq!(admin.get("/users/2").await.done(), answer);
    // Under another address she is still found by the one that was invited, and not by the new one.
    eve.patch("/me", json!({"email": "zoe@elsewhere.example"})).await.done();
    assert_eq!(admin.get("/users?query=eve@").await.done()["items"], json!([answer]));
    assert_eq!(admin.get("/users?query=elsewhere").await.done()["items"], json!([]));
    refused(&admin.get("/users/2/permissions").await, "404");
    refused(&admin.get("/users/2/sessions").await, "404");
    refused(&admin.patch("/users/2", json!({"name": "X"})).await, "409 pending");
    let export = admin.get("/events/export").await.text;
    assert!(!export.contains("Adams") && !export.contains("Zoe"), "{export}");
    // And she may nothing here yet.
    refused(&test.client("zoe@elsewhere.example", "2311").get("/users").await, "403 forbidden");
}

#[tokio::test]
async fn who_is_suspended_elsewhere_looks_like_anybody_else_while_pending() {
    let test = pending().await;
    let ada = test.client(ADA, "2312");
    ada.patch("/users/1", json!({})).await;
    test.client(ADA, "2312").post("/users", json!({"email": "second@example.com", "accountAdmin": true})).await.done();
    ada.put("/users/2/suspension", Value::Null).await.done();
    test.member("2311", "admin@example.com", "admin");
    let admin = test.client("admin@example.com", "2311");
    assert_eq!(invite(&admin).await["active"], true);
    assert_eq!(admin.get("/users?active=true&pending=true").await.done()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_invitation_outlives_another_email_of_who_sent_it() {
    let test = pending().await;
    test.member("2311", "admin@example.com", "admin");
    let admin = test.client("admin@example.com", "2311");
    invite(&admin).await;
    let id = admin.get("/me").await.done()["id"].clone();
    let renamed = json!({"email": "admin@new.example"});
    test.client(ADA, "2311").patch(&format!("/users/{id}"), renamed).await.done();
    let eve = test.client(EVE, "2312");
    assert_eq!(eve.get("/me/memberships").await.done()["items"][1]["invitedBy"], "admin@new.example");
    eve.put("/me/memberships/2311", Value::Null).await.done();
}

#[tokio::test]
async fn an_invitation_is_accepted() {
    let test = pending().await;
    test.member("2311", "admin@example.com", "admin");
    let admin = test.client("admin@example.com", "2311");
    invite(&admin).await;
    let eve = test.client(EVE, "2312");
    let own = eve.get("/me/memberships").await.done();
    let told: Vec<_> = own["items"].as_array().unwrap().iter().map(|m| (&m["accountId"], &m["pending"])).collect();
    assert_eq!(told, [(&json!("2312"), &json!(false)), (&json!("2311"), &json!(true))]);
    assert_eq!(own["items"][1]["invitedBy"], "admin@example.com");
    let joined = eve.put("/me/memberships/2311", Value::Null).await.done();
    assert_eq!(
        (&joined["pending"], &joined["usersPrimaryAccount"], joined.get("invitedBy")),
        (&json!(false), &json!(false), None)
    );
    let user = admin.get("/users/2").await.done();
    assert_eq!((&user["name"], &user["flatRolesList"]), (&json!("Eve Adams"), &json!(["admin"])));
    assert_eq!(user["accounts"].as_array().unwrap().len(), 1, "2312 is none of 2311's business");
    refused(&admin.patch("/users/2", json!({"name": "X"})).await, "403 forbidden");
    refused(&admin.put("/users/2/suspension", Value::Null).await, "403 forbidden");
    let primary = eve.put("/me/memberships/2311", json!({"usersPrimaryAccount": true})).await.done();
    assert_eq!(primary["usersPrimaryAccount"], true);
    let primaries = eve.get("/me/memberships").await.done();
    let primaries: Vec<_> = primaries["items"].as_array().unwrap().iter().map(|m| &m["usersPrimaryAccount"]).collect();
    assert_eq!(primaries, [true, false]);
    admin.patch("/users/2", json!({"name": "Eve"})).await.done();
}

#[tokio::test]
async fn an_invitation_is_declined_or_withdrawn() {
    let test = pending().await;
    let ada = test.client(ADA, "2311");
    let eve = test.client(EVE, "2312");
    invite(&ada).await;
    assert_eq!(eve.delete("/me/memberships/2311").await.status, 204);
    refused(&eve.put("/me/memberships/2311", Value::Null).await, "404 not_found");
    refused(&ada.get("/users/2").await, "404 not_found");
    assert_eq!(ada.get("/users?removed=true").await.done()["items"], json!([]), "nothing to restore");
    invite(&ada).await;
    ada.delete("/users/2").await.done();
    refused(&eve.put("/me/memberships/2311", Value::Null).await, "404 not_found");
    assert_eq!(eve.get("/me").await.status, 200);
}

#[tokio::test]
async fn somebody_moves_to_another_account() {
    let test = acme().await;
    let ada = test.client(ADA, "2311");
    ada.post("/accounts", json!({"id": "2312", "name": "Other"})).await.done();
    let key = json!({"name": "k", "expiresAt": "2027-01-01T00:00:00Z"});
    let key = test.client(BOB, "2311").post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    ada.put("/users/2/account", json!({"accountId": "2312"})).await.done();
    refused(&ada.get("/users/2").await, "404");
    refused(&test.get("/me").token(&key).send().await, "401 token_revoked");
    let there = test.client(ADA, "2312").get("/users/2").await.done();
    assert_eq!(there["flatRolesList"], json!(["member"]), "they begin anew there");
    assert_eq!(
        (&there["accounts"][0]["usersPrimaryAccount"], there["accounts"].as_array().unwrap().len()),
        (&json!(true), 1)
    );
    let nowhere = ada.put("/users/3/account", json!({"accountId": "77"})).await.error();
    assert!(nowhere.starts_with("403 forbidden"), "{nowhere}");
}

/// Two admins of 2312, neither of whom owns the server: Eve (2) and Bob (3).
async fn two_admins() -> TestApp {
    let test = TestApp::new();
    test.account("2312", "Other", EVE);
    let ada = test.client(ADA, "2312");
    ada.patch("/users/2/membership", json!({"accountAdmin": true})).await.done();
    ada.post("/users", json!({"email": BOB, "accountAdmin": true})).await.done();
    test
}

#[tokio::test]
async fn the_last_admin_stays() {
    let test = two_admins().await;
    let (eve, bob) = (test.client(EVE, "2312"), test.client(BOB, "2312"));
    eve.delete("/users/3").await.done();
    refused(&bob.get("/users").await, "401");
    refused(&eve.delete("/users/2").await, "409 last_admin");
    refused(&eve.delete("/me/memberships/2312").await, "409 last_admin");
    refused(&eve.patch("/users/2/membership", json!({"accountAdmin": false})).await, "409 last_admin");
    // A role that may everything is no admin, and one who is suspended leads nobody.
    eve.post("/users", json!({"email": "x@example.com", "roles": ["admin"]})).await.done();
    eve.post("/users", json!({"email": "y@example.com", "accountAdmin": true, "active": false})).await.done();
    let left = eve.delete("/me/memberships/2312").await;
    insta::assert_snapshot!(left.error(), @"409 last_admin: You are the last admin of account 2312. Make somebody else its admin first.");
    eve.delete("/users/3/removal").await.done();
    assert_eq!(eve.delete("/me/memberships/2312").await.status, 204);
}

#[tokio::test]
async fn two_admins_who_remove_each_other_at_the_same_moment_leave_one() {
    for _ in 0..5 {
        let test = two_admins().await;
        let (eve, bob) = (test.client(EVE, "2312"), test.client(BOB, "2312"));
        let (a, b) = tokio::join!(eve.delete("/users/3"), bob.delete("/users/2"));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 401], "{} {}", a.text, b.text);
        let admins = test.client(ADA, "2312").get("/users?accountAdmin=true").await.done();
        assert_eq!(admins["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn two_admins_who_leave_at_the_same_moment_leave_one() {
    let test = two_admins().await;
    let (eve, bob) = (test.client(EVE, "2312"), test.client(BOB, "2312"));
    let (a, b) = tokio::join!(eve.delete("/me/memberships/2312"), bob.delete("/me/memberships/2312"));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{} {}", a.text, b.text);
}

#[tokio::test]
async fn two_owners_who_unmake_each_other_at_the_same_moment_leave_one() {
    let test = acme().await;
    let ada = test.client(ADA, "2311");
    ada.put("/users/2/ownership", Value::Null).await.done();
    let bob = test.client(BOB, "2311");
    let (a, b) = tokio::join!(ada.delete("/users/2/ownership"), bob.delete("/users/1/ownership"));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 403], "{} {}", a.text, b.text);
    let owners: i64 = test.query(|r| r.value("select count(*) from users where owner", []));
    assert_eq!(owners, 1);
    assert_eq!(test.call(Method::PUT, "/users/2/ownership").send().await.status, 401);
}
