//! Sessions by API: one's own, and those of a member whom one may suspend.

use rollcall::domain::sessions;
use rollcall::domain::tokens::Claims;
use serde_json::json;

use crate::support::{ADA, TestApp};

const BOB: &str = "bob@example.com";

fn sign_in(test: &TestApp, user_id: i64) -> Claims {
    test.app.db().write_here(move |w| sessions::create(w, user_id)).unwrap()
}

#[tokio::test]
async fn one_sees_and_ends_ones_own() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    let (first, second) = (sign_in(&test, 2), sign_in(&test, 2));
    sign_in(&test, 1);
    let bob = test.client(BOB, "2311");
    let list = bob.get("/sessions").await.done();
    let mut ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    let mut expected = [first.id.as_str(), second.id.as_str()];
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected, "browsers, not tokens, and nobody else's");
    assert_eq!(list["items"][0]["expiresAt"], "2026-12-07T08:00:00.000Z");
    assert_eq!(bob.get("/users/2/sessions").await.done(), list);
    assert_eq!(bob.delete(&format!("/sessions/{}", first.id)).await.status, 204);
    let cookie = format!("rollcall={}", test.app.seal(&first).unwrap());
    let page = test.get("/ui/users").header("cookie", cookie).send().await;
    assert_ne!(page.status, 200, "that browser is signed out");
    let gone = bob.delete(&format!("/sessions/{}", first.id)).await;
    insta::assert_snapshot!(gone.error(), @"404 not_found: There is no such session; it may have ended already.");
    let ended = bob.delete(&format!("/users/2/sessions/{}", second.id)).await;
    assert_eq!(ended.status, 204);
}

#[tokio::test]
async fn an_admin_ends_a_members_but_nobody_elses() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    test.member("2311", "admin@example.com", "admin");
    test.account("2312", "Other", "eve@example.com");
    let (bobs, adas) = (sign_in(&test, 2), sign_in(&test, 1));
    let admin = test.client("admin@example.com", "2311");
    assert_eq!(admin.get("/users/2/sessions").await.done()["items"][0]["id"], bobs.id.as_str());
    assert!(admin.get("/users/1/sessions").await.error().starts_with("403"), "an owner's are not theirs to see");
    assert!(admin.delete(&format!("/users/1/sessions/{}", adas.id)).await.error().starts_with("403"));
    assert!(admin.delete(&format!("/users/2/sessions/{}", adas.id)).await.error().starts_with("404"));
    assert!(admin.delete(&format!("/sessions/{}", bobs.id)).await.error().starts_with("404"));
    let eve = test.client("eve@example.com", "2312");
    assert!(eve.delete(&format!("/users/2/sessions/{}", bobs.id)).await.error().starts_with("404"));
    admin.delete(&format!("/users/2/sessions/{}", bobs.id)).await.done();
    let told = test.client(ADA, "2311").get("/events?event=user_logged_out").await.done();
    let told = &told["items"][0];
    assert_eq!((&told["actor"], &told["subject"]), (&json!("admin@example.com"), &json!(BOB)));
}
