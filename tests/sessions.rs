//! Sessions by API: one's own, and those of a member whom one may suspend.

use std::time::Duration;

use rollcall::domain::sessions;
use rollcall::domain::tokens::Claims;
use serde_json::json;

use crate::support::{ADA, PASSWORD, TestApp};
use crate::visitor::{Page, cookie};

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
    assert_eq!(list["items"][0]["expiresAt"], "2026-11-24T08:00:00.000Z");
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

/// A browser's session, as its cookie.
fn browser(test: &TestApp, session: &Claims) -> String {
    format!("rollcall-8080={}", test.app.seal(session).unwrap())
}

async fn is_in(test: &TestApp, cookie: &str) -> bool {
    test.get("/ui/me").cookie(cookie).send().await.status == 200
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_for_a_day_and_after_a_week_in_any_case() {
    let test = TestApp::new();
    let cookie = browser(&test, &sign_in(&test, 1));
    let idle = browser(&test, &sign_in(&test, 1));
    for _ in 0..8 {
        assert!(is_in(&test, &cookie).await);
        settle(&test).await;
        test.advance(Duration::from_hours(20));
    }
    assert!(!is_in(&test, &idle).await, "it was never used");
    assert!(is_in(&test, &cookie).await, "used every day, it has lived for 160 hours");
    settle(&test).await;
    test.advance(Duration::from_hours(8));
    assert!(!is_in(&test, &cookie).await, "168 hours are a week");
    assert_eq!(test.client(ADA, "2311").get("/sessions").await.done()["items"], json!([]));
}

/// The time of a read's last use is written behind its back; waits until it is.
async fn settle(test: &TestApp) {
    let used = "select exists (select 1 from tokens where kind = 'session' and used_at = ?1)";
    while !test.query(|r| r.value::<bool>(used, [r.now])) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_person_has_at_most_fifty_sessions_and_the_oldest_ends() {
    let test = TestApp::new();
    let first = browser(&test, &sign_in(&test, 1));
    let second = browser(&test, &sign_in(&test, 1));
    for _ in 0..49 {
        test.advance(Duration::from_secs(1));
        sign_in(&test, 1);
    }
    assert_eq!(test.query(|r| r.value::<i64>("select count(*) from tokens where kind = 'session'", [])), 50);
    assert!(!(is_in(&test, &first).await && is_in(&test, &second).await), "one of the two oldest has ended");
}

#[tokio::test]
async fn all_others_are_ended_at_once() {
    let test = TestApp::new();
    let (here, there) = (browser(&test, &sign_in(&test, 1)), browser(&test, &sign_in(&test, 1)));
    let page = test.get("/ui/me").cookie(&here).send().await;
    assert!(page.text.contains("This browser") && page.text.contains("Sign out everywhere else"));
    let done = test.post("/ui/me/sessions/end").cookie(&here).send().await;
    assert_eq!(done.header("location"), "/ui/me");
    assert!(is_in(&test, &here).await && !is_in(&test, &there).await);
    test.client(ADA, "2311").delete("/sessions").await.done();
    assert!(!is_in(&test, &here).await, "a program's token is no session, so none is left");
}

#[tokio::test]
async fn an_admin_signs_a_member_out_everywhere_but_nobody_above_them() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    test.member("2311", "admin@example.com", "admin");
    let (bob, ada) = (browser(&test, &sign_in(&test, 2)), browser(&test, &sign_in(&test, 1)));
    let admin = test.client("admin@example.com", "2311");
    assert!(admin.delete("/users/1/sessions").await.error().starts_with("403"));
    admin.delete("/users/2/sessions").await.done();
    assert!(!is_in(&test, &bob).await && is_in(&test, &ada).await);
}

#[tokio::test]
async fn suspension_and_removal_sign_out_everywhere() {
    let test = TestApp::new();
    for (path, method) in [("suspension", "PUT"), ("", "DELETE")] {
        let email = if path.is_empty() { BOB } else { "carl@example.com" };
        let id = test.member("2311", email, "member");
        let browsers = [browser(&test, &sign_in(&test, id)), browser(&test, &sign_in(&test, id))];
        let path = format!("/users/{id}/{path}");
        let ada = test.client(ADA, "2311");
        ada.call(method.parse().unwrap(), path.trim_end_matches('/')).send().await.done();
        for browser in browsers {
            assert!(!is_in(&test, &browser).await, "{path}");
        }
    }
}

#[tokio::test]
async fn what_decides_who_comes_in_takes_a_recent_proof() {
    let test = TestApp::new();
    let bob = test.member("2311", BOB, "member");
    let browser = browser(&test, &sign_in(&test, 1));
    let person = format!("/ui/accounts/2311/users/{bob}");
    let forms =
        [format!("{person}/make-owner"), format!("{person}/reset-password"), "/ui/accounts/2311/users/1/edit".into()];
    for form in &forms {
        assert_eq!(test.get(form).cookie(&browser).send().await.status, 200, "{form}");
    }
    test.advance(Duration::from_mins(15));
    for form in &forms {
        let away = test.get(form).cookie(&browser).send().await;
        assert!(away.status == 303 && away.header("location").starts_with("/ui/prove?next=%2Fui%2Faccounts"), "{form}");
    }
    let keys = test.get("/ui/accounts/2311/api-keys").cookie(&browser).send().await;
    assert!(keys.text.contains("Make a key…") && !keys.text.contains("What it is for"));
    assert_eq!(test.get(&person).cookie(&browser).send().await.status, 200, "looking takes none");
    // Who opened the form in time gets to send it.
    test.advance(Duration::from_mins(14));
    let made = test.post(&forms[1]).cookie(&browser).form(&[]).send().await;
    assert_eq!(made.status, 303, "{}", made.text);

    test.advance(Duration::from_mins(1));
    let before = test.rows();
    let key = [("name", "Import"), ("days", "7"), ("permission.users.read", "on")];
    let email = [("email", "countess@example.com"), ("name", "Ada Lovelace"), ("version", "*")];
    for (form, fields) in
        [(forms[0].as_str(), &[][..]), (&forms[1], &[]), ("/ui/accounts/2311/api-keys", &key), (&forms[2], &email)]
    {
        let referer = format!("http://127.0.0.1:8080{person}");
        let away = test.post(form).cookie(&browser).header("referer", referer).form(fields).send().await;
        assert_eq!(away.status, 303, "{form}: {}", away.text);
        let back = url::form_urlencoded::byte_serialize(person.as_bytes()).collect::<String>();
        assert_eq!(away.header("location"), format!("/ui/prove?next={back}"), "{form}");
    }
    assert_eq!(test.rows(), before);
    assert_eq!(test.client(ADA, "2311").put(&format!("/users/{bob}/ownership"), json!(null)).await.status, 204);
}

#[tokio::test]
async fn a_proof_takes_the_password_and_gives_the_session_a_new_id() {
    let test = TestApp::new();
    let session = sign_in(&test, 1);
    let before = browser(&test, &session);
    test.advance(Duration::from_mins(20));
    let page = test.get("/ui/prove?next=/ui/accounts/2311/users/1/edit").cookie(&before).send().await;
    assert!(page.text.contains("autocomplete=\"current-password\""));
    let prove = async |password| {
        let form = [("password", password), ("next", "/ui/accounts/2311/users/1/edit")];
        test.post("/ui/prove").cookie(&before).form(&form).send().await
    };
    let wrong = prove("wrong wrong").await;
    assert!(wrong.status == 400 && wrong.text.contains("This is not your password."));
    assert!(is_in(&test, &before).await);
    let proved = prove(PASSWORD).await;
    assert_eq!(proved.header("location"), "/ui/accounts/2311/users/1/edit");
    assert!(!is_in(&test, &before).await, "whoever knew the old id is out");
    let after = cookie(&proved);
    assert_eq!(test.get(proved.header("location")).cookie(&after).send().await.status, 200);
    let lives_until: i64 = test.query(|r| r.value("select expires_at from tokens where kind = 'session'", []));
    assert_eq!(lives_until, session.expires_at.0, "it lives no longer for it");
    let form = [("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(test.post("/ui/prove").cookie(&after).form(&form).send().await.header("location"), "/ui");
}
