//! Passkeys: registering, signing in with one alone, and all that must not pass for it.

use std::time::Duration;

use poem::http::Method;
use rollcall::domain::{invitations, passkeys};
use serde_json::{Value, json};

use crate::authenticator::{Device, ORIGIN};
use crate::support::{ADA, Answer, TestApp};
use crate::visitor::{Page, cookie, events, sign_in};

pub const BOB: &str = "bob@example.com";

/// What the script of a page sends.
pub async fn script(test: &TestApp, cookie: &str, path: &str, body: &Value) -> Answer {
    test.post(path).header("accept", "application/json").cookie(cookie).json(body).send().await
}

/// Adds a passkey on one's own page.
async fn register(test: &TestApp, cookie: &str, device: &mut Device, name: &str) -> Answer {
    let question = script(test, cookie, "/ui/me/passkeys/question", &json!({})).await.done();
    let credential = device.create(&question);
    script(test, cookie, "/ui/me/passkeys", &json!({ "name": name, "credential": credential })).await
}

async fn question(test: &TestApp) -> Value {
    script(test, "", "/ui/sign-in/passkey/question", &json!({})).await.done()
}

fn answer(question: &Value, credential: Value) -> Value {
    json!({ "ceremony": question["ceremony"], "credential": credential, "next": "/ui/accounts/2311/teams" })
}

pub async fn sign_in_with(test: &TestApp, device: &mut Device) -> Answer {
    let question = question(test).await;
    let answer = answer(&question, device.get(&question));
    script(test, "", "/ui/sign-in/passkey", &answer).await
}

/// Bob of 2311 with one passkey, and his session.
pub async fn bob() -> (TestApp, Device, String) {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    let session = sign_in(&test, BOB).await;
    let mut device = Device::new();
    register(&test, &session, &mut device, "Laptop").await.done();
    (test, device, session)
}

pub async fn only(test: &TestApp, email: &'static str) -> Value {
    let list = test.client(email, "2311").get("/me/passkeys").await.done();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    list["items"][0].clone()
}

#[tokio::test]
async fn a_passkey_alone_signs_in() {
    let (test, mut device, _) = bob().await;
    assert_eq!(only(&test, BOB).await.get("usedAt"), None);
    test.advance(Duration::from_secs(3600));
    let before = events(&test).len();
    let signed_in = sign_in_with(&test, &mut device).await;
    assert_eq!(signed_in.done(), json!({ "next": "/ui/accounts/2311/teams" }));
    let page = test.get("/ui/me").cookie(&cookie(&signed_in)).send().await;
    assert!(page.text.contains(BOB) && page.text.contains("Laptop"));
    assert_eq!(only(&test, BOB).await["usedAt"], "2026-11-23T09:00:00.000Z");
    test.require_sound();
    insta::assert_debug_snapshot!(&events(&test)[before..], @r#"
    [
        "passkey_authentication_options_generated in 2311 by bob@example.com",
        "passkey_authenticated in 2311 by bob@example.com",
        "user_logged_in in 2311 by bob@example.com",
        "passkey_list_viewed in 2311 by bob@example.com",
    ]
    "#);
}

#[tokio::test]
async fn the_device_is_asked_for_two_factors_and_told_no_e_mail_as_its_handle() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let mut device = Device::new();
    let first = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.done();
    let options = &first["publicKey"];
    assert_eq!(options["rp"], json!({ "name": "Rollcall", "id": "localhost" }));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["user"]["id"].as_str().unwrap().len(), 22, "a UUID");
    assert_eq!(options["attestation"], "none");
    let body = json!({ "credential": device.create(&first) });
    script(&test, &session, "/ui/me/passkeys", &body).await.done();
    let second = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.done();
    assert_eq!(second["publicKey"]["user"]["id"], options["user"]["id"], "for good");
    assert_ne!(second["publicKey"]["challenge"], options["challenge"]);
    let known = &second["publicKey"]["excludeCredentials"];
    assert_eq!(known[0]["id"], only(&test, ADA).await["id"], "no device registers twice");
    let asked = question(&test).await;
    assert_eq!(asked["publicKey"]["userVerification"], "required");
    assert_eq!(asked["publicKey"]["allowCredentials"], json!([]), "nobody is named");
    assert_eq!(asked["publicKey"]["rpId"], "localhost");
}

#[tokio::test]
async fn what_a_device_answers_wrongly_registers_nothing() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let wrong = [
        Device { origin: "http://127.0.0.1:8080", ..Device::new() },
        Device { origin: "http://localhost:8081", ..Device::new() },
        Device { origin: "https://localhost:8080", ..Device::new() },
        Device { rp_id: "example.com", ..Device::new() },
        Device { verifies: false, ..Device::new() },
    ];
    for mut device in wrong {
        let refused = register(&test, &session, &mut device, "").await.error();
        assert!(refused.starts_with("400 passkey_refused"), "{refused}");
    }
    let mut device = Device::new();
    let mut question = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.done();
    question["publicKey"]["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let body = json!({ "credential": device.create(&question) });
    let refused = script(&test, &session, "/ui/me/passkeys", &body).await.error();
    assert!(refused.starts_with("400 passkey_refused"), "a challenge of its own: {refused}");
    assert_eq!(test.query(|r| r.value::<i64>("select count(*) from passkeys", [])), 0);
}

#[tokio::test]
async fn a_question_is_answered_once_in_time_and_by_the_session_that_was_asked() {
    let test = TestApp::new();
    test.member("2311", BOB, "member");
    let (ada, bob) = (sign_in(&test, ADA).await, sign_in(&test, BOB).await);
    let mut device = Device::new();
    let asked = script(&test, &ada, "/ui/me/passkeys/question", &json!({})).await.done();
    let body = json!({ "credential": device.create(&asked) });
    let foreign = script(&test, &bob, "/ui/me/passkeys", &body).await.error();
    insta::assert_snapshot!(foreign, @"409 passkey_late: That took longer than five minutes, or was answered before. Try again.");
    script(&test, &ada, "/ui/me/passkeys", &body).await.done();
    assert!(script(&test, &ada, "/ui/me/passkeys", &body).await.error().starts_with("409 passkey_late"));

    let asked = script(&test, &ada, "/ui/me/passkeys/question", &json!({})).await.done();
    let body = json!({ "credential": device.create(&asked) });
    test.advance(Duration::from_secs(300));
    assert!(script(&test, &ada, "/ui/me/passkeys", &body).await.error().starts_with("409 passkey_late"));
    // A former question is forgotten by the next one.
    let first = script(&test, &ada, "/ui/me/passkeys/question", &json!({})).await.done();
    script(&test, &ada, "/ui/me/passkeys/question", &json!({})).await.done();
    let body = json!({ "credential": device.create(&first) });
    assert!(script(&test, &ada, "/ui/me/passkeys", &body).await.error().starts_with("400 passkey_refused"));
    only(&test, ADA).await;
}

#[tokio::test]
async fn a_replayed_sign_in_is_refused() {
    let (test, mut device, _) = bob().await;
    let asked = question(&test).await;
    let sent = answer(&asked, device.get(&asked));
    script(&test, "", "/ui/sign-in/passkey", &sent).await.done();
    let again = script(&test, "", "/ui/sign-in/passkey", &sent).await;
    assert!(again.headers.get("set-cookie").is_none());
    insta::assert_snapshot!(again.error(), @"401 passkey_late: That took longer than five minutes, or was answered before. Try again.");
    // The same signature under a question of today.
    let mut other = sent.clone();
    other["ceremony"] = question(&test).await["ceremony"].clone();
    assert!(script(&test, "", "/ui/sign-in/passkey", &other).await.error().starts_with("401 passkey_refused"));
    let late = question(&test).await;
    let sent = answer(&late, device.get(&late));
    test.advance(Duration::from_secs(300));
    assert!(script(&test, "", "/ui/sign-in/passkey", &sent).await.error().starts_with("401 passkey_late"));
    // A wrong answer uses the question up, too.
    let asked = question(&test).await;
    let mut wrong = answer(&asked, device.get(&asked));
    let right = wrong.clone();
    wrong["credential"]["response"]["signature"] = json!("AAAA");
    assert!(script(&test, "", "/ui/sign-in/passkey", &wrong).await.error().starts_with("401 passkey_refused"));
    assert!(script(&test, "", "/ui/sign-in/passkey", &right).await.error().starts_with("401 passkey_late"));
}

#[tokio::test]
async fn what_a_device_answers_wrongly_signs_nobody_in() {
    let (test, mut device, _) = bob().await;
    let mut refused = Vec::new();
    for (origin, rp_id, verifies) in [
        ("http://127.0.0.1:8080", "localhost", true),
        ("https://evil.example", "localhost", true),
        (ORIGIN, "evil.example", true),
        (ORIGIN, "localhost", false),
    ] {
        (device.origin, device.rp_id, device.verifies) = (origin, rp_id, verifies);
        refused.push(sign_in_with(&test, &mut device).await.error());
    }
    insta::assert_debug_snapshot!(refused, @r#"
    [
        "401 passkey_refused: Passkeys work at http://localhost:8080 only. Open that address and try again.",
        "401 passkey_refused: Passkeys work at http://localhost:8080 only. Open that address and try again.",
        "401 passkey_refused: Passkeys work at http://localhost:8080 only. Open that address and try again.",
        "401 passkey_refused: The device did not ask for a PIN, a finger or a face. Set one up on it, or use another device.",
    ]
    "#);
    assert_eq!(only(&test, BOB).await.get("usedAt"), None);
}

#[tokio::test]
async fn a_passkey_signs_in_its_own_user_only() {
    let (test, mut device, _) = bob().await;
    let ada = sign_in(&test, ADA).await;
    let mut adas = Device::new();
    register(&test, &ada, &mut adas, "Ada's").await.done();
    device.held().handle = adas.held().handle.clone();
    let refused = sign_in_with(&test, &mut device).await.error();
    insta::assert_snapshot!(refused, @"401 unknown_passkey: This passkey is not known here; it may have been deleted. Sign in another way.");
    let mut stranger = Device::new();
    let asked = script(&test, &ada, "/ui/me/passkeys/question", &json!({})).await.done();
    stranger.create(&asked);
    let refused = sign_in_with(&test, &mut stranger).await.error();
    assert!(refused.starts_with("401 unknown_passkey"), "never registered: {refused}");
}

#[tokio::test]
async fn a_copied_passkey_is_noticed_by_its_counter() {
    let (test, mut device, _) = bob().await;
    device.counter = 7;
    sign_in_with(&test, &mut device).await.done();
    for counter in [7, 3, 0] {
        device.counter = counter;
        let refused = sign_in_with(&test, &mut device).await.error();
        assert!(refused.contains("may have been copied"), "{refused}");
    }
    device.counter = 8;
    sign_in_with(&test, &mut device).await.done();
}

#[tokio::test]
async fn whoever_is_suspended_or_gone_does_not_come_in_by_passkey() {
    let (test, mut device, _) = bob().await;
    let ada = test.client(ADA, "2311");
    ada.put("/users/2/suspension", Value::Null).await.done();
    assert!(sign_in_with(&test, &mut device).await.error().starts_with("401 user_suspended"));
    ada.delete("/users/2/suspension").await.done();
    sign_in_with(&test, &mut device).await.done();
    ada.delete("/users/2").await.done();
    assert!(sign_in_with(&test, &mut device).await.error().starts_with("401 no_account"));
}

#[tokio::test]
async fn signing_in_ends_the_session_this_browser_had() {
    let (test, mut device, session) = bob().await;
    let question = question(&test).await;
    let sent = answer(&question, device.get(&question));
    script(&test, &session, "/ui/sign-in/passkey", &sent).await.done();
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 303);
}

#[tokio::test]
async fn ones_own_are_renamed_and_deleted_on_pages_and_by_api() {
    let (test, mut device, session) = bob().await;
    register(&test, &session, &mut Device::new(), "").await.done();
    let bob = test.client(BOB, "2311");
    let list = bob.get("/me/passkeys").await.done();
    let [first, second] = [0, 1].map(|n| list["items"][n]["id"].as_str().unwrap().to_owned());
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|passkey| passkey["name"].clone()).collect();
    assert!(names.contains(&json!("Laptop")) && names.contains(&json!("Passkey of 23 November 2026")), "{names:?}");
    let page = format!("/ui/me/passkeys/{first}");
    assert!(test.get(&page).cookie(&session).send().await.text.contains("Rename the passkey"));
    let renamed = test.post(&page).cookie(&session).form(&[("name", "Old <laptop>")]).send().await;
    assert_eq!((renamed.status.as_u16(), renamed.header("location")), (303, "/ui/me"));
    assert!(test.get("/ui/me").cookie(&session).send().await.text.contains("Old &#60;laptop&#62;"));
    let nameless = test.post(&page).cookie(&session).form(&[("name", " ")]).send().await;
    assert_eq!(nameless.status, 400);
    let renamed = bob.patch(&format!("/me/passkeys/{second}"), json!({ "name": "Phone" })).await.done();
    assert_eq!(renamed["name"], "Phone");

    let asks = test.get(&format!("{page}/delete")).cookie(&session).send().await;
    assert!(asks.text.contains("It signs you in no more."));
    let deleted = test.post(&format!("{page}/delete")).cookie(&session).send().await;
    assert_eq!(deleted.status, 303, "{}", deleted.text);
    assert!(bob.delete(&format!("/me/passkeys/{first}")).await.error().starts_with("404"));
    // Bob has no password: the last passkey stays.
    let last = bob.delete(&format!("/me/passkeys/{second}")).await.error();
    insta::assert_snapshot!(last, @"409 only_passkey: It is all you can sign in with. Set a password or add another passkey first.");
    if first == device.get(&question(&test).await)["id"] {
        assert!(sign_in_with(&test, &mut device).await.error().starts_with("401 unknown_passkey"));
    }
    let foreign = test.client(ADA, "2311").patch(&format!("/me/passkeys/{second}"), json!({ "name": "Mine" })).await;
    assert!(foreign.error().starts_with("404"));
}

#[tokio::test]
async fn a_deleted_passkey_signs_nobody_in() {
    let (test, mut device, _) = bob().await;
    let id = only(&test, BOB).await["id"].as_str().unwrap().to_owned();
    let ada = test.client(ADA, "2311");
    let asked = question(&test).await;
    let sent = answer(&asked, device.get(&asked));
    ada.delete(&format!("/users/2/passkeys/{id}")).await.done();
    assert!(script(&test, "", "/ui/sign-in/passkey", &sent).await.error().starts_with("401 unknown_passkey"));
    let told = ada.get("/events?event=passkey_deleted").await.done();
    let told = &told["items"][0];
    assert_eq!((&told["actor"], &told["subject"]), (&json!(ADA), &json!(BOB)));
    assert_eq!(told["changes"]["passkey"], json!({ "before": "Laptop", "after": null }));
}

#[tokio::test]
async fn nobody_has_more_than_twenty() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    for _ in 0..passkeys::MOST {
        register(&test, &session, &mut Device::new(), "One more").await.done();
    }
    let refused = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.error();
    assert!(refused.starts_with("409 too_many_passkeys"), "{refused}");
}

#[tokio::test]
async fn a_token_that_is_not_whole_decides_nothing_about_passkeys() {
    let (test, _, _) = bob().await;
    let bob = test.client(BOB, "2311");
    let key = json!({ "name": "All", "expiresAt": "2027-01-01T00:00:00Z" });
    let key = bob.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    let first = test.app.db().write_here(|w| invitations::create(w, 2)).unwrap();
    let id = only(&test, BOB).await["id"].as_str().unwrap().to_owned();
    for token in [key, test.app.seal(&first).unwrap()] {
        let caller = test.client_with(&token, "2311");
        for refused in [
            caller.get("/me/passkeys").await,
            caller.get("/users/2/passkeys").await,
            caller.patch(&format!("/me/passkeys/{id}"), json!({ "name": "X" })).await,
            caller.delete(&format!("/me/passkeys/{id}")).await,
            caller.delete(&format!("/users/2/passkeys/{id}")).await,
        ] {
            assert!(refused.error().starts_with("403 forbidden: This token may not"), "{}", refused.text);
        }
        // Nor does it pass for a session.
        let cookie = format!("rollcall-8080={token}");
        let refused = script(&test, &cookie, "/ui/me/passkeys/question", &json!({})).await.error();
        assert!(refused.starts_with("401 token_missing"), "{refused}");
    }
}

#[tokio::test]
async fn adding_and_deleting_take_a_fresh_proof_which_a_passkey_gives() {
    let (test, mut device, session) = bob().await;
    let id = only(&test, BOB).await["id"].as_str().unwrap().to_owned();
    test.advance(Duration::from_secs(31 * 60));
    let stale = script(&test, &session, "/ui/me/passkeys/question", &json!({})).await.error();
    assert!(stale.starts_with("401 proof_required"), "{stale}");
    let page = test.get(&format!("/ui/me/passkeys/{id}/delete")).cookie(&session).send().await;
    assert!(page.header("location").starts_with("/ui/prove?next="), "{}", page.text);
    assert!(test.get(page.header("location")).cookie(&session).send().await.text.contains("Use a passkey"));

    let ada = sign_in(&test, ADA).await;
    let mut adas = Device::new();
    register(&test, &ada, &mut adas, "").await.done();
    let asked = question(&test).await;
    let foreign = answer(&asked, adas.get(&asked));
    let refused = script(&test, &session, "/ui/prove/passkey", &foreign).await.error();
    assert!(refused.starts_with("401 foreign_passkey"), "{refused}");

    let asked = question(&test).await;
    let own = answer(&asked, device.get(&asked));
    let proved = script(&test, &session, "/ui/prove/passkey", &own).await;
    proved.done();
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 303, "the session goes on under another id");
    register(&test, &cookie(&proved), &mut Device::new(), "").await.done();
    let nobody = script(&test, "", "/ui/prove/passkey", &own).await.error();
    assert!(nobody.starts_with("401 token_missing"), "{nobody}");
}

#[tokio::test]
async fn passkeys_live_at_the_public_url_or_nowhere() {
    let at = |url: &'static str| TestApp::with(|config| config.public_url = Some(url.parse().unwrap()));
    let named = at("https://people.example.com");
    named.app.db().write_here(|w| rollcall::domain::setup::create(w, owner())).unwrap();
    let asked = question(&named).await;
    assert_eq!(asked["publicKey"]["rpId"], "people.example.com");
    assert!(named.get("/ui/sign-in").send().await.text.contains("data-origin=\"https://people.example.com\""));
    let unnamed = at("http://192.0.2.7:8080");
    unnamed.app.db().write_here(|w| rollcall::domain::setup::create(w, owner())).unwrap();
    let refused = script(&unnamed, "", "/ui/sign-in/passkey/question", &json!({})).await.error();
    assert!(refused.starts_with("409 no_passkeys") && refused.contains("--public-url"), "{refused}");
    let sign_in = unnamed.get("/ui/sign-in").send().await;
    assert!(!sign_in.text.contains("passkeys.js") && sign_in.text.contains("Password"));
}

fn owner() -> rollcall::domain::setup::FirstOwner {
    rollcall::domain::setup::FirstOwner { email: ADA.into(), account_name: "Acme".into(), ..Default::default() }
}

#[tokio::test]
async fn questions_are_sent_by_our_own_pages_only_and_in_json() {
    let (test, _, session) = bob().await;
    for path in ["/ui/me/passkeys", "/ui/sign-in/passkey", "/ui/prove/passkey"] {
        let foreign = test.post(path).header("accept", "application/json").header("sec-fetch-site", "cross-site");
        let foreign = foreign.cookie(&session).json(&json!({})).send().await.error();
        assert!(foreign.starts_with("403 forbidden: This form was not sent from"), "{foreign}");
        let call = || test.post(path).header("accept", "application/json").cookie(&session);
        let form = call().form(&[("name", "x")]).send().await.error();
        assert!(form.starts_with("415"), "{form}");
        let broken = call().header("content-type", "application/json").body("{\"credential\":").send().await.error();
        assert!(broken.starts_with("400 malformed_json"), "{broken}");
        let deep = "[".repeat(200_000);
        let deep = call().header("content-type", "application/json").body(deep).send().await.error();
        assert!(deep.starts_with("413"), "{deep}");
        let deep = call().header("content-type", "application/json").body("[".repeat(9_000)).send().await.error();
        assert!(deep.starts_with("400"), "{deep}");
    }
    for path in ["/ui/me/passkeys/question", "/ui/sign-in/passkey/question"] {
        assert_eq!(test.call(Method::GET, path).cookie(&session).send().await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn strangers_who_only_ask_write_nothing() {
    let (test, _, _) = bob().await;
    let before = test.rows();
    for _ in 0..20 {
        question(&test).await;
    }
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn no_secret_of_a_ceremony_is_in_the_events() {
    let (test, mut device, _) = bob().await;
    let asked = question(&test).await;
    let sent = answer(&asked, device.get(&asked));
    script(&test, "", "/ui/sign-in/passkey", &sent).await.done();
    let told =
        test.query(|r| r.value::<String>("select group_concat(coalesce(changes, '') || subject) from all_events", []));
    for secret in [&sent["ceremony"], &asked["publicKey"]["challenge"], &sent["credential"]["id"]] {
        assert!(!told.contains(secret.as_str().unwrap()));
    }
}
