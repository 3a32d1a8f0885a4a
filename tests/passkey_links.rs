//! Passkeys of others: the links that register one, and what an admin sees of them.

use std::time::Duration;

use rollcall::domain::sessions;
use serde_json::{Value, json};

use crate::authenticator::{Device, ORIGIN};
use crate::passkeys::{BOB, bob, only, script, sign_in_with};
use crate::support::{ADA, Answer, TestApp};
use crate::visitor::{Page, cookie, events, follow, sign_in};

async fn open(test: &TestApp, url: &str) -> Answer {
    test.get(url.strip_prefix(ORIGIN).unwrap()).send().await
}

/// What the page of a link does; the path is the link's.
async fn register_by_link(test: &TestApp, path: &str, device: &mut Device) -> Answer {
    let question = script(test, "", &format!("{path}/question"), &json!({})).await;
    if !question.status.is_success() {
        return question;
    }
    let credential = device.create(&question.json());
    script(test, "", path, &json!({ "name": "By link", "credential": credential })).await
}

#[tokio::test]
async fn an_admins_link_registers_a_passkey_once_and_signs_in() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    test.member("2311", "admin@example.com", "admin");
    let admin = test.client("admin@example.com", "2311");
    let before = admin.post("/users/2/passkey-registration", Value::Null).await.done();
    let made = admin.post("/users/2/passkey-registration", Value::Null).await.done();
    assert_eq!(made["expiresAt"], "2026-11-24T08:00:00.000Z");
    let (former, url) = (before["url"].as_str().unwrap(), made["url"].as_str().unwrap());
    assert!(open(&test, former).await.text.contains("This link has been used already"));
    for _ in 0..2 {
        assert!(open(&test, url).await.text.contains("bob@example.com"), "looking doesn't spend it");
    }
    let path = url.strip_prefix(ORIGIN).unwrap();
    let (mut device, recorded) = (Device::new(), events(&test).len());
    let done = register_by_link(&test, path, &mut device).await;
    assert_eq!(done.done(), json!({ "next": "/ui/me" }));
    assert!(test.get("/ui/me").cookie(&cookie(&done)).send().await.text.contains("By link"));
    assert!(register_by_link(&test, path, &mut Device::new()).await.error().starts_with("401 token_revoked"));
    sign_in_with(&test, &mut device).await.done();
    insta::assert_debug_snapshot!(&events(&test)[recorded - 1..recorded + 4], @r#"
    [
        "admin_send_passkey_registration in 2311 by admin@example.com",
        "passkey_registration_token_validated in 2311 by bob@example.com",
        "passkey_registration_options_generated in 2311 by bob@example.com",
        "passkey_registered in 2311 by bob@example.com",
        "user_logged_in in 2311 by bob@example.com",
    ]
    "#);
}

#[tokio::test]
async fn a_link_is_made_for_those_one_may_suspend_only() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    test.member("2311", "admin@example.com", "admin");
    test.account("2312", "Other", "eve@example.com");
    let link = async |email, account, id: i64| {
        let path = format!("/users/{id}/passkey-registration");
        test.client(email, account).post(&path, Value::Null).await
    };
    assert!(link(BOB, "2311", 3).await.error().starts_with("403"), "a member may not");
    assert!(link("admin@example.com", "2311", 1).await.error().starts_with("403"), "not over an owner");
    assert!(link("admin@example.com", "2311", 3).await.error().starts_with("409 yourself"));
    assert!(link("eve@example.com", "2312", 2).await.error().starts_with("404"), "not for another account's");
    let admin = test.client("admin@example.com", "2311");
    let key = json!({ "name": "All", "expiresAt": "2027-01-01T00:00:00Z" });
    let key = admin.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    let held_back = test.client_with(&key, "2311").post("/users/2/passkey-registration", Value::Null).await;
    assert!(held_back.error().starts_with("403"), "a key lets nobody in");
    // Somebody who is in another account, too: the link would open that one.
    let eve = test.client("eve@example.com", "2312");
    eve.post("/users", json!({ "email": BOB })).await.done();
    test.client(BOB, "2311").put("/me/memberships/2312", Value::Null).await.done();
    assert!(link("admin@example.com", "2311", 2).await.error().starts_with("409 in_other_accounts"));
    link(ADA, "2311", 2).await.done();
}

#[tokio::test]
async fn a_link_does_not_open_for_the_suspended_and_ends_after_a_day() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    let ada = test.client(ADA, "2311");
    let made = ada.post("/users/2/passkey-registration", Value::Null).await.done();
    let path = made["url"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    ada.put("/users/2/suspension", Value::Null).await.done();
    assert!(register_by_link(&test, &path, &mut Device::new()).await.error().starts_with("401"));
    let refused = ada.post("/users/2/passkey-registration", Value::Null).await.error();
    assert!(refused.starts_with("409 suspended"), "{refused}");
    ada.delete("/users/2/suspension").await.done();
    let made = ada.post("/users/2/passkey-registration", Value::Null).await.done();
    let path = made["url"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    test.advance(Duration::from_secs(24 * 3600));
    assert!(register_by_link(&test, &path, &mut Device::new()).await.error().starts_with("401 token_expired"));
    // A link for something else is none for this.
    let sign_in = test.app.db().write_here(|w| sessions::create_link(w, Some(BOB))).unwrap();
    let path = format!("/ui/passkey/{}", test.app.seal(&sign_in).unwrap());
    assert!(register_by_link(&test, &path, &mut Device::new()).await.error().starts_with("401 token_invalid"));
}

#[tokio::test]
async fn a_newcomer_takes_a_passkey_instead_of_a_password() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let token = ada.post("/users", json!({ "email": "new@example.com" })).await.done()["token"].clone();
    let token = token.as_str().unwrap();
    let welcome = test.get(&format!("/ui/welcome/{token}")).send().await.text;
    assert!(welcome.contains(&format!("{ORIGIN}/ui/passkey/{token}")));
    let mut device = Device::new();
    let done = register_by_link(&test, &format!("/ui/passkey/{token}"), &mut device).await;
    done.done();
    let spent = test.get("/me").token(token).send().await.error();
    assert!(spent.starts_with("401 token_revoked"), "whoever made them holds nothing any more: {spent}");
    let again = ada.post("/users/2/invitation", Value::Null).await.error();
    insta::assert_snapshot!(again, @"409 passkey_set: They have a passkey already. A passkey link lets in who has lost it.");
    sign_in_with(&test, &mut device).await.done();
}

#[tokio::test]
async fn an_admin_sees_and_deletes_a_members_passkeys_and_that_they_looked_is_recorded() {
    let (test, _, bob) = bob().await;
    let ada = sign_in(&test, ADA).await;
    let page = test.get("/ui/accounts/2311/users/2/passkeys").cookie(&ada).send().await;
    assert!(page.text.contains("Laptop"));
    assert_eq!(events(&test).last().unwrap(), "passkey_list_viewed in 2311 by ada@example.com");
    let before = test.rows();
    let refused = test.get("/ui/accounts/2311/users/1/passkeys").cookie(&bob).send().await;
    assert_eq!(refused.status, 403);
    assert_eq!(test.rows(), before);
    let id = only(&test, BOB).await["id"].as_str().unwrap().to_owned();
    let page = format!("/ui/accounts/2311/users/2/passkeys/{id}/delete");
    let adas = format!("/ui/accounts/2311/users/1/passkeys/{id}/delete");
    assert_eq!(test.post(&adas).cookie(&bob).send().await.status, 403, "what isn't theirs to suspend");
    assert_eq!(test.post(&adas).cookie(&ada).send().await.status, 404, "nor under another's name");
    assert!(test.get(&page).cookie(&ada).send().await.text.contains("It signs bob@example.com in no more"));
    assert_eq!(test.post(&page).cookie(&ada).send().await.status, 303);
    let link = test.post("/ui/accounts/2311/users/2/passkey-link").cookie(&ada).send().await;
    assert!(follow(&test, &ada, &link).await.text.contains(&format!("{ORIGIN}/ui/passkey/v4.local.")));
}
