//! A server where passkeys are the only way to sign in: one factor is never enough.

use std::time::Duration;

use poem::http::Method;
use rollcall::domain::tokens::Kind;
use rollcall::domain::{password_resets, sessions};
use serde_json::{Value, json};

use crate::authenticator::{Device, ORIGIN};
use crate::support::{ADA, Answer, PASSWORD, TestApp};
use crate::visitor::{OWNER, Page, cookie, follow, set_up_link, sign_in};

const BOB: &str = "bob@example.com";

/// A server with Ada and Bob, whose passwords are from before the setting.
fn town() -> TestApp {
    let mut test = TestApp::new();
    test.member("2311", BOB, "member");
    let copy = "insert into passwords (user_id, hash, changed_at) select 2, hash, changed_at from passwords";
    test.app.db().write_here(|w| w.run(copy, [])).unwrap();
    test = test.reopened_with(|config| config.passkeys_only = true);
    test
}

async fn script(test: &TestApp, cookie: &str, path: &str, body: &Value) -> Answer {
    test.post(path).header("accept", "application/json").cookie(cookie).json(body).send().await
}

/// Asks at one page, and sends the device's answer to another.
async fn register(test: &TestApp, cookie: &str, path: &str, device: &mut Device) -> Answer {
    let question = script(test, cookie, &format!("{path}/question"), &json!({})).await;
    if !question.status.is_success() {
        return question;
    }
    let credential = device.create(&question.json());
    script(test, cookie, path, &json!({ "name": "Laptop", "credential": credential })).await
}

async fn use_passkey(test: &TestApp, cookie: &str, path: &str, device: &mut Device) -> Answer {
    let question = script(test, "", "/ui/sign-in/passkey/question", &json!({})).await.done();
    let credential = device.get(&question);
    let answer = json!({ "ceremony": question["ceremony"], "credential": credential, "next": "/ui/me" });
    script(test, cookie, path, &answer).await
}

/// Ada, signed in by a link from the shell, with a first passkey.
async fn ada(test: &TestApp) -> (String, Device) {
    let (session, mut device) = (sign_in(test, ADA).await, Device::new());
    register(test, &session, "/ui/new-passkey", &mut device).await.done();
    (session, device)
}

fn hashes(test: &TestApp) -> Vec<String> {
    test.query(|r| r.all("select hash || changed_at || must_change from passwords", [], |row| row.get(0)))
}

const NOT_USED: &str = "Passwords are not used here: people sign in with a passkey.";

fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.text);
    assert!(answer.text.contains(NOT_USED) && answer.text.contains("passkey link"), "{what}: {}", answer.text);
    assert!(answer.headers.get("set-cookie").is_none(), "{what}");
    assert!(!answer.text.contains("type=\"password\""), "{what}");
}

#[tokio::test]
async fn a_password_signs_nobody_in_and_a_passkey_does() {
    let test = town();
    let page = test.get("/ui/sign-in").send().await.text;
    assert!(!page.contains("type=\"password\"") && page.contains("Sign in with a passkey"), "{page}");
    assert!(page.contains("<noscript>") && page.contains("rollcall user passkey-link"));
    let before = test.rows();
    for (email, password) in [(ADA, PASSWORD), (ADA, "wrong"), ("nobody@example.com", PASSWORD)] {
        for _ in 0..12 {
            let form = [("email", email), ("password", password)];
            assert_refused(&test.post("/ui/sign-in").form(&form).send().await, email);
        }
    }
    assert_eq!(test.rows(), before);
    let (_, mut device) = ada(&test).await;
    let signed_in = use_passkey(&test, "", "/ui/sign-in/passkey", &mut device).await;
    signed_in.done();
    let me = test.get("/ui/me").cookie(&cookie(&signed_in)).send().await;
    assert!(me.text.contains("Laptop") && !me.text.contains("/ui/me/password"));
    // Where the setting is off, it is as it ever was.
    let usual = TestApp::new();
    let page = usual.get("/ui/sign-in").send().await.text;
    assert!(page.contains("type=\"password\"") && page.contains("Sign in with a passkey"));
    let form = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(usual.post("/ui/sign-in").form(&form).send().await.status, 303);
}

#[tokio::test]
async fn the_first_owner_registers_a_passkey_before_anything_else() {
    let test = TestApp::with(|config| config.passkeys_only = true);
    let path = format!("/ui/set-up/{}", set_up_link(&test));
    assert!(!test.get(&path).send().await.text.contains("type=\"password\""));
    // A password that is sent all the same is not kept.
    let done = test.post(&path).form(OWNER).send().await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert!(hashes(&test).is_empty());
    let session = cookie(&done);
    for page in ["/ui", "/ui/me", "/ui/accounts/2311/users", "/ui/accounts/2311/api-keys", "/ui/accounts"] {
        let away = test.get(page).cookie(&session).send().await;
        assert_eq!((away.status.as_u16(), away.header("location")), (303, "/ui/new-passkey"), "{page}");
    }
    let form = [("email", "new@example.com")];
    let away = test.post("/ui/accounts/2311/users").cookie(&session).form(&form).send().await;
    assert_eq!(away.header("location"), "/ui/new-passkey");
    assert_eq!(test.query(|r| r.value::<i64>("select count(*) from users", [])), 1);
    let asked = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.error();
    assert!(asked.starts_with("401 passkey_required"), "{asked}");
    let page = test.get("/ui/new-passkey").cookie(&session).send().await;
    assert!(page.status == 200 && page.text.contains(&format!("data-origin=\"{ORIGIN}\"")), "{}", page.text);

    let mut device = Device { verifies: false, ..Device::new() };
    let refused = register(&test, &session, "/ui/new-passkey", &mut device).await.error();
    assert!(refused.starts_with("400 passkey_refused"), "{refused}");
    let mut device = Device::new();
    register(&test, &session, "/ui/new-passkey", &mut device).await.done();
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 200);
    use_passkey(&test, "", "/ui/sign-in/passkey", &mut device).await.done();
}

#[tokio::test]
async fn the_page_for_a_first_passkey_is_for_nobody_else() {
    let test = town();
    let (session, _) = ada(&test).await;
    let page = test.get("/ui/new-passkey").cookie(&session).send().await;
    assert_eq!(page.header("location"), "/ui/me#passkeys", "who has one adds more on their own page");
    let refused = register(&test, &session, "/ui/new-passkey", &mut Device::new()).await.error();
    assert!(refused.starts_with("409 not_asked"), "{refused}");
    let nobody = register(&test, "", "/ui/new-passkey", &mut Device::new()).await.error();
    assert!(nobody.starts_with("401 token_missing"), "{nobody}");
    // Whoever takes their time with the device is not sent back.
    let slow = sign_in(&test, BOB).await;
    test.advance(Duration::from_secs(14 * 60));
    let question = script(&test, &slow, "/ui/new-passkey/question", &json!({})).await.done();
    test.advance(Duration::from_secs(2 * 60));
    let answer = json!({ "credential": Device::new().create(&question) });
    script(&test, &slow, "/ui/new-passkey", &answer).await.done();
    test.app.db().write_here(|w| w.run("delete from passkeys where user_id = 2", [])).unwrap();
    // It is too late once the link was used a while ago.
    let late = sign_in(&test, BOB).await;
    test.advance(Duration::from_secs(31 * 60));
    let refused = register(&test, &late, "/ui/new-passkey", &mut Device::new()).await.error();
    assert!(refused.starts_with("401 proof_required"), "{refused}");
    let page = test.get("/ui/new-passkey").cookie(&late).send().await;
    let prove = test.get(page.header("location")).cookie(&late).send().await;
    assert!(prove.text.contains("You have no passkey to show it with. Sign out"), "{}", prove.text);

    // With the setting off, nobody gets past an admin who asks for a new password by this page.
    let usual = TestApp::new();
    let asked = sign_in(&usual, ADA).await;
    usual.app.db().write_here(|w| w.run("update passwords set must_change = 1", [])).unwrap();
    let refused = register(&usual, &asked, "/ui/new-passkey", &mut Device::new()).await.error();
    assert!(refused.starts_with("409 not_asked"), "{refused}");
}

#[tokio::test]
async fn a_newcomer_can_only_take_a_passkey_and_their_first_token_ends_with_it() {
    let test = town();
    let made = test.client(ADA, "2311").post("/users", json!({ "email": "new@example.com" })).await.done();
    let token = made["token"].as_str().unwrap();
    test.get("/users").token(token).account("2311").send().await.done();
    let path = format!("/ui/welcome/{token}");
    let welcome = test.get(&path).send().await.text;
    assert!(!welcome.contains("type=\"password\"") && welcome.contains(&format!("{ORIGIN}/ui/passkey/{token}")));
    let before = hashes(&test);
    assert_refused(&test.post(&path).form(&[("password", "a lonely walrus sings")]).send().await, "welcome");
    assert_eq!(hashes(&test), before);
    let mut device = Device::new();
    let done = register(&test, "", &format!("/ui/passkey/{token}"), &mut device).await;
    done.done();
    assert_eq!(test.get("/ui/me").cookie(&cookie(&done)).send().await.status, 200);
    let spent = test.get("/users").token(token).account("2311").send().await.error();
    assert!(spent.starts_with("401 token_revoked"), "{spent}");
    use_passkey(&test, "", "/ui/sign-in/passkey", &mut device).await.done();
}

#[tokio::test]
async fn nobody_sets_resets_or_asks_for_a_password() {
    let test = town();
    let link = test
        .app
        .db()
        .write_here(|w| rollcall::domain::tokens::issue(w, Kind::PasswordReset, Some(2), password_resets::LIFETIME));
    let reset = format!("/ui/reset/{}", test.app.seal(&link.unwrap()).unwrap());
    let (session, _) = ada(&test).await;
    let before = hashes(&test);
    let them = "/ui/accounts/2311/users/2";
    let new = [("password", "a lonely walrus sings"), ("current", PASSWORD)];
    let acts = ["reset-password", "ask-password", "keep-password"].map(|act| format!("{them}/{act}"));
    let own = ["/ui/me/password".to_owned(), "/ui/new-password".into()];
    for path in acts.iter().chain(&own).chain([&reset]) {
        assert_refused(&test.get(path).cookie(&session).send().await, path);
        assert_refused(&test.post(path).cookie(&session).form(&new).send().await, path);
    }
    let api = test.client(ADA, "2311");
    for (method, path) in
        [(Method::POST, "password-reset"), (Method::PUT, "password-change"), (Method::DELETE, "password-change")]
    {
        let refused = api.call(method, &format!("/users/2/{path}")).send().await;
        assert!(refused.error().starts_with("403 forbidden: Passwords are not used here"), "{path}");
    }
    assert_eq!(hashes(&test), before);
    let page = test.get(them).cookie(&session).send().await.text;
    assert!(!page.contains("password") && page.contains("/passkeys"), "{page}");
    let link = test.post(&format!("{them}/passkey-link")).cookie(&session).send().await;
    let link = follow(&test, &session, &link).await;
    assert!(link.text.contains(&format!("{ORIGIN}/ui/passkey/")), "what they are offered instead: {}", link.text);
}

#[tokio::test]
async fn only_a_passkey_shows_that_it_is_still_oneself() {
    let test = town();
    let (session, mut device) = ada(&test).await;
    test.advance(Duration::from_secs(31 * 60));
    let page = test.get("/ui/prove").cookie(&session).send().await.text;
    assert!(!page.contains("type=\"password\"") && page.contains("Use a passkey"), "{page}");
    let refused = test.post("/ui/prove").cookie(&session).form(&[("password", PASSWORD)]).send().await;
    assert_refused(&refused, "prove");
    let stale = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.error();
    assert!(stale.starts_with("401 proof_required"), "{stale}");
    let proved = use_passkey(&test, &session, "/ui/prove/passkey", &mut device).await;
    proved.done();
    register(&test, &cookie(&proved), "/ui/me/passkeys", &mut Device::new()).await.done();
}

#[tokio::test]
async fn the_last_passkey_stays_though_there_is_a_password() {
    let test = town();
    let (session, _) = ada(&test).await;
    let id: String = test.query(|r| r.value("select id from passkeys", []));
    let delete = format!("/ui/me/passkeys/{id}/delete");
    let refused = test.post(&delete).cookie(&session).send().await;
    assert!(refused.status == 409 && refused.text.contains("Add another passkey first"), "{}", refused.text);
    register(&test, &session, "/ui/me/passkeys", &mut Device::new()).await.done();
    assert_eq!(test.post(&delete).cookie(&session).send().await.status, 303);
}

#[tokio::test]
async fn sessions_that_a_password_started_end_with_the_setting_and_others_stay() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    let form = [("email", ADA), ("password", PASSWORD)];
    let by_password = cookie(&test.post("/ui/sign-in").form(&form).send().await);
    let token = test.client(ADA, "2311").post("/users/2/invitation", Value::Null).await.done()["token"].clone();
    let welcome = format!("/ui/welcome/{}", token.as_str().unwrap());
    let form = [("password", "a lonely walrus sings")];
    let by_welcome = cookie(&test.post(&welcome).form(&form).send().await);
    let by_link = sign_in(&test, ADA).await;
    let mut device = Device::new();
    register(&test, &by_link, "/ui/me/passkeys", &mut device).await.done();
    let by_passkey = cookie(&use_passkey(&test, "", "/ui/sign-in/passkey", &mut device).await);
    let all = [&by_password, &by_welcome, &by_link, &by_passkey];
    for session in all {
        assert_eq!(test.get("/ui/me").cookie(session).send().await.status, 200);
    }
    let test = test.reopened_with(|config| config.passkeys_only = true);
    let mut seen = Vec::new();
    for session in all {
        seen.push(test.get("/ui/me").cookie(session).send().await.status.as_u16());
    }
    assert_eq!(seen, [303, 303, 200, 200]);
    let test = test.reopened_with(|config| config.passkeys_only = false);
    assert_eq!(test.get("/ui/me").cookie(&by_password).send().await.status, 303, "for good");
}

#[tokio::test]
async fn who_acts_as_somebody_without_a_passkey_is_not_asked_for_one() {
    let test = town();
    let (session, _) = ada(&test).await;
    let path = "/ui/accounts/2311/users/2/impersonation";
    let done =
        test.post(path).cookie(&session).form(&[("reason", "A question about roles"), ("minutes", "15")]).send().await;
    assert_eq!(done.status, 303, "{}", done.text);
    let acting = done.header("set-cookie").split(';').next().unwrap();
    let both = format!("{session}; {acting}");
    let me = test.get("/ui/me").cookie(&both).send().await;
    assert!(me.status == 200 && me.text.contains("acts as"), "{}", me.text);
    let refused = register(&test, &both, "/ui/new-passkey", &mut Device::new()).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(test.query(|r| r.value::<i64>("select count(*) from passkeys where user_id = 2", [])), 0);
}

#[test]
fn it_does_not_start_where_browsers_offer_no_passkeys() {
    let open = |listen: &str, url: Option<&str>, only| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = TestApp::empty().app.config().clone();
        config.data = folder.path().join("data");
        (config.listen, config.passkeys_only) = (listen.parse().unwrap(), only);
        config.public_url = url.map(|url| url.parse().unwrap());
        config.check().map_err(|error| error.to_string())
    };
    let (here, everywhere) = ("127.0.0.1:8080", "0.0.0.0:8080");
    let refused =
        [(everywhere, None), (here, Some("http://people.example.com")), (everywhere, Some("https://192.0.2.7"))];
    for (listen, url) in refused {
        let error = open(listen, url, true).unwrap_err();
        assert!(error.contains("--public-url"), "{error}");
        open(listen, url, false).unwrap();
    }
    for url in [None, Some("https://people.example.com"), Some("http://localhost:8080")] {
        open(here, url, true).unwrap();
    }
    open(everywhere, Some("https://people.example.com"), true).unwrap();
}

#[tokio::test]
async fn a_link_from_the_shell_lets_in_whoever_has_a_passkey_at_once() {
    let test = town();
    let (_, _) = ada(&test).await;
    let again = sign_in(&test, ADA).await;
    assert_eq!(test.get("/ui/me").cookie(&again).send().await.status, 200);
    let bob = test.app.db().write_here(|w| sessions::create_link(w, Some(BOB))).unwrap();
    let path = format!("/ui/sign-in/{}", test.app.seal(&bob).unwrap());
    let first = cookie(&test.post(&path).send().await);
    assert_eq!(test.get("/ui/me").cookie(&first).send().await.header("location"), "/ui/new-passkey");
    assert!(test.post(&path).send().await.text.contains("has been used already"));
}
