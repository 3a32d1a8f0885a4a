//! Passwords: which are taken, how they are kept, changed, reset with a link, and asked for anew.

use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use rollcall::domain::{permissions, sessions, suspensions, tokens};
use serde_json::json;

use crate::support::{ADA, Answer, PASSWORD, TestApp};
use crate::visitor::{Page, cookie, events, follow, set_up_link, sign_in};

const BOB: &str = "bob@example.com";
const NEW: &str = "walrus lantern biscuit";

/// Somebody comes in with an e-mail and a password, from a browser that was never here.
async fn enter(test: &TestApp, email: &str, password: &str) -> Answer {
    test.post("/ui/sign-in").form(&[("email", email), ("password", password)]).send().await
}

/// What is said of a password that the first owner would like to have; nothing if it is taken.
async fn objection(test: &TestApp, link: &str, password: &str) -> Option<String> {
    // The e-mail is no e-mail: nothing is ever set up, so one server serves for all of them.
    let form = [("email", "@"), ("name", "Ada Lovelace"), ("password", password), ("accountName", "Weavers Guild")];
    let page = test.post(link).form(&form).send().await;
    assert_eq!(page.status, 400);
    let (_, after) = page.text.split_once("id=\"password-help\">")?;
    let said = after.split_once("</p>").unwrap().0.to_owned();
    page.text
        .contains("name=\"password\" type=\"password\" value=\"\" autocomplete=\"new-password\" required aria-invalid")
        .then_some(said)
}

#[tokio::test]
async fn what_is_tried_first_is_refused_with_the_reason() {
    let test = TestApp::empty();
    let link = format!("/ui/set-up/{}", set_up_link(&test));
    let common = "password 12345678 qwertyuiop iloveyou sunshine princess football baseball trustno1 superman 1qaz2wsx \
                  password1 P@ssw0rd Passw0rd! welcome1 letmein1 starwars whatever corvette computer mercedes elephant \
                  liverpool jennifer jordan23 samantha michelle 11111111 88888888 abcd1234 qwerty123 asdfghjkl \
                  zaq12wsx blink182 midnight Summer2026 monkey12 dragon123 master12 charlie1";
    for password in common.split(' ') {
        assert!(objection(&test, &link, password).await.is_some(), "{password}");
    }
    let mut reasons = String::new();
    let others = [
        "dragonfly",
        "sdfghjkl",
        "abcabcabcabc",
        "19.04.1978",
        "adalovelace",
        "weaversguild1",
        "Rollcall1",
        "michael1",
    ];
    for password in others {
        reasons += &format!("{password}: {}\n", objection(&test, &link, password).await.unwrap_or_default());
    }
    insta::assert_snapshot!(reasons);
}

#[tokio::test]
async fn eight_to_a_hundred_and_twenty_eight_characters_of_any_kind_are_taken() {
    let test = TestApp::empty();
    let link = format!("/ui/set-up/{}", set_up_link(&test));
    let long: String = (0..128u32).filter_map(|n| char::from_u32(0x4e00 + n * 97)).collect();
    for password in [
        "a good long one",
        "xK9#mQ2z",
        "všechno jednou skončí",
        "        o        x q",
        "\u{1f9c7}\u{1fa97}\u{1f9ed}\u{1fab4}\u{1f9c1}\u{1f6f6}\u{1faa2}\u{1f9f6}",
        &long,
    ] {
        assert_eq!(objection(&test, &link, password).await, None, "{password}");
    }
    let refused = async |password: &str| objection(&test, &link, password).await.unwrap_or_default();
    assert!(refused("xK9#mQ2").await.starts_with("Use at least 8 characters."));
    assert_eq!(refused(&format!("{long}x")).await, "Use at most 128 characters.");
    assert!(!refused(&"a".repeat(128)).await.is_empty(), "long alone isn't strong");
}

/// The worst that can be sent keeps no thread busy for long.
#[test]
fn estimating_a_password_takes_bounded_time() {
    let words = vec!["a".repeat(254); 50];
    for password in ["aA1!".repeat(32), "4@8({[<3".repeat(16), "1".repeat(128), "abcdefgh12345678qwertyui".repeat(5)] {
        let started = std::time::Instant::now();
        drop(rollcall::domain::passwords::check("password", &password, &words));
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[tokio::test]
async fn a_password_is_what_was_typed_to_the_last_character() {
    let test = TestApp::new();
    // A space at both ends, and an é that is an e and an accent.
    let typed = " cafe\u{301} walrus lantern ";
    let browser = sign_in(&test, ADA).await;
    let form = [("current", PASSWORD), ("password", typed)];
    assert_eq!(test.post("/ui/me/password").cookie(&browser).form(&form).send().await.status, 303);
    for other in [typed.trim(), " caf\u{e9} walrus lantern ", &typed.to_uppercase()] {
        assert_eq!(enter(&test, ADA, other).await.status, 401, "{other:?}");
    }
    assert_eq!(enter(&test, ADA, typed).await.status, 303);
}

/// A hash as an earlier Rollcall might have stored it.
fn hash_with(password: &str, memory: u32, passes: u32) -> String {
    let params = Params::new(memory, passes, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let (salt, mut bytes) = (Salt::generate(), [0; 32]);
    argon2.hash_password_into(password.as_bytes(), &salt, &mut bytes).unwrap();
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&params).try_into().unwrap(),
        salt: Some(salt),
        hash: Some(Output::new(&bytes).unwrap()),
    }
    .to_string()
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_at_the_next_sign_in_and_not_by_a_wrong_one() {
    let test = TestApp::new();
    let old = hash_with(PASSWORD, 4096, 1);
    let stored = old.clone();
    test.app.db().write_here(move |w| w.run("update passwords set hash = ?1, changed_at = 7", [stored])).unwrap();
    let hash = || test.query(|r| r.value::<String>("select hash || ' ' || changed_at from passwords", []));
    assert_eq!(enter(&test, ADA, "wrong wrong").await.status, 401);
    assert_eq!(hash(), format!("{old} 7"));
    let before = events(&test).len();
    assert_eq!(enter(&test, ADA, PASSWORD).await.status, 303);
    let new = hash();
    assert!(new.starts_with("$argon2id$v=19$m=7784,t=5,p=1$") && new.ends_with(" 7"), "{new}");
    assert_eq!(events(&test)[before..], ["user_logged_in in 2311 by ada@example.com"], "it is the same password");
    assert_eq!(enter(&test, ADA, PASSWORD).await.status, 303);
    assert_eq!(hash(), new);
}

#[tokio::test]
async fn a_new_password_takes_the_one_before_and_ends_all_that_lets_in_but_api_keys() {
    let test = TestApp::new();
    let (desk, phone) = (sign_in(&test, ADA).await, sign_in(&test, ADA).await);
    let link = test.app.db().write_here(|w| sessions::create_link(w, None)).unwrap();
    let link = format!("/ui/sign-in/{}", test.app.seal(&link).unwrap());
    let ada = test.client(ADA, "2311");
    let change = async |form: &[(&str, &str)]| test.post("/ui/me/password").cookie(&desk).form(form).send().await;
    for current in ["", "wrong wrong"] {
        let wrong = change(&[("current", current), ("password", NEW)]).await;
        assert!(wrong.status == 400 && wrong.text.contains("This is not your password."));
    }
    let weak = change(&[("current", PASSWORD), ("password", "ada.example")]).await;
    assert!(weak.status == 400 && weak.text.contains("It is made of your name"), "{}", weak.text);
    assert_eq!(test.get("/ui/me").cookie(&phone).send().await.status, 200, "nothing has changed");

    let changed = change(&[("current", PASSWORD), ("password", NEW)]).await;
    assert_eq!(changed.status, 303);
    assert_eq!(test.get("/ui/me").cookie(&cookie(&changed)).send().await.status, 200);
    assert_eq!(test.get("/ui/me").cookie(&desk).send().await.status, 303, "the id from before is worth nothing");
    assert_eq!(test.get("/ui/me").cookie(&phone).send().await.status, 303);
    assert_eq!(test.get(&link).send().await.status, 401);
    assert_eq!(ada.get("/me").await.status, 200, "an API key is a credential of its own");
    assert_eq!(enter(&test, ADA, PASSWORD).await.status, 401);
    assert_eq!(enter(&test, ADA, NEW).await.status, 303);
}

#[tokio::test]
async fn in_a_session_a_password_is_guessed_no_more_often_than_elsewhere() {
    let test = TestApp::new();
    let browser = sign_in(&test, ADA).await;
    let form = [("current", "wrong wrong"), ("password", NEW)];
    for _ in 0..10 {
        assert_eq!(test.post("/ui/me/password").cookie(&browser).form(&form).send().await.status, 400);
    }
    let refused = test.post("/ui/me/password").cookie(&browser).form(&form).send().await;
    assert!(refused.status == 429 && refused.text.contains("Too many wrong passwords"), "{}", refused.text);
    let proof = test.post("/ui/prove").cookie(&browser).form(&[("password", PASSWORD)]).send().await;
    assert_eq!((proof.status.as_u16(), proof.header("retry-after")), (429, "90"));
}

async fn reset_link(test: &TestApp, by: &'static str, user_id: i64) -> String {
    let answer = test.client(by, "2311").post(&format!("/users/{user_id}/password-reset"), json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.json()["expiresAt"].as_str().unwrap().len(), 24);
    answer.json()["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
}

#[tokio::test]
async fn a_reset_link_sets_a_password_once_and_ends_what_was() {
    let test = TestApp::new();
    let bob = test.member("2311", BOB, permissions::MEMBER);
    test.member("2311", "admin@example.com", permissions::ADMIN);
    let (session, key) = (sign_in(&test, BOB).await, test.client(BOB, "2311"));
    let first = reset_link(&test, "admin@example.com", bob).await;
    let link = reset_link(&test, "admin@example.com", bob).await;
    assert_eq!(test.get(&first).send().await.status, 401, "the latest link is the one that works");
    for _ in 0..2 {
        let page = test.get(&link).send().await;
        assert!(page.status == 200 && page.text.contains(BOB), "looking spends nothing");
    }
    let weak = test.post(&link).form(&[("password", "bob@example")]).send().await;
    assert_eq!(weak.status, 400);
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 200, "nothing ends before it is used");

    let before = events(&test).len();
    let set = test.post(&link).form(&[("password", NEW)]).send().await;
    assert_eq!((set.status.as_u16(), set.header("location")), (303, "/ui/me"), "{}", set.text);
    assert_eq!(test.get("/ui/me").cookie(&cookie(&set)).send().await.status, 200, "they are signed in");
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 303, "and nowhere else");
    assert_eq!(key.get("/me").await.status, 200);
    assert_eq!(
        events(&test)[before..],
        ["user_logged_in in 2311 by bob@example.com", "user_password_changed in 2311 by bob@example.com"]
    );
    for again in [test.get(&link), test.post(&link).form(&[("password", "another walrus lantern")])] {
        let again = again.send().await;
        assert!(again.status == 401 && !again.text.contains(BOB), "a spent link tells nobody whose it was");
    }
    assert_eq!(enter(&test, BOB, NEW).await.status, 303);
    let mut asked = events(&test).into_iter().filter(|event| event.starts_with("user_password_reset_requested"));
    assert_eq!(asked.next_back().unwrap(), "user_password_reset_requested in 2311 by admin@example.com");
}

#[tokio::test]
async fn a_reset_link_expires_and_does_not_open_for_the_suspended() {
    let test = TestApp::new();
    let bob = test.member("2311", BOB, permissions::MEMBER);
    let link = reset_link(&test, ADA, bob).await;
    test.app.db().write_here(move |w| w.run("update users set active = 0 where id = ?1", [bob])).unwrap();
    for call in [test.get(&link), test.post(&link).form(&[("password", NEW)])] {
        assert_eq!(call.send().await.status, 401);
    }
    let refused = test.client(ADA, "2311").post(&format!("/users/{bob}/password-reset"), json!({})).await;
    insta::assert_snapshot!(refused.error(), @"409 suspended: They are suspended. Make them active first.");
    test.app.db().write_here(move |w| w.run("update users set active = 1 where id = ?1", [bob])).unwrap();
    test.advance(Duration::from_hours(8));
    assert!(test.post(&link).form(&[("password", NEW)]).send().await.text.contains("expired"));
}

#[tokio::test]
async fn nobody_resets_the_password_of_who_may_do_more_or_is_elsewhere_too() {
    let test = TestApp::new();
    test.member("2311", "admin@example.com", permissions::ADMIN);
    let bob = test.member("2311", BOB, permissions::MEMBER);
    let eve = test.account("2312", "Other", "eve@example.com");
    let admin = test.client("admin@example.com", "2311");
    assert!(admin.post("/users/1/password-reset", json!({})).await.error().starts_with("403"), "not an owner's");
    let stranger = test.client_with(&eve, "2312").post(&format!("/users/{bob}/password-reset"), json!({})).await;
    assert!(stranger.error().starts_with("404"));
    // An API key, which somebody's program holds, may not make itself at home in other people's accounts.
    let key = json!({"name": "Bot", "expiresAt": "2027-01-01T00:00:00Z"});
    let key = test.client(ADA, "2311").post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    let by_key = test.client_with(&key, "2311").post(&format!("/users/{bob}/password-reset"), json!({})).await;
    assert!(by_key.error().starts_with("403"));

    test.client_with(&eve, "2312").post("/users", json!({"email": BOB})).await.done();
    test.client(BOB, "2312").put("/me/memberships/2312", json!({})).await.done();
    let refused = admin.post(&format!("/users/{bob}/password-reset"), json!({})).await;
    assert!(refused.error().starts_with("409 in_other_accounts"), "it would open the other account too");
    reset_link(&test, ADA, bob).await;
}

#[tokio::test]
async fn who_is_asked_for_a_new_password_can_do_nothing_else_first() {
    let test = TestApp::new();
    let browser = sign_in(&test, ADA).await;
    let ada = test.client(ADA, "2311");
    let me = "/users/1/password-change";
    ada.put(me, json!(null)).await.done();
    assert_eq!(test.get("/ui/me").cookie(&browser).send().await.header("location"), "/ui/sign-in?next=%2Fui%2Fme");
    let entered = enter(&test, ADA, PASSWORD).await;
    assert_eq!(entered.status, 303);
    let browser = cookie(&entered);
    let before = test.rows();
    let pages = ["/ui", "/ui/me", "/ui/accounts/2311/users", "/ui/me/password", "/ui/accounts/2311/api-keys"];
    for page in pages {
        let away = test.get(page).cookie(&browser).send().await;
        assert_eq!((away.status.as_u16(), away.header("location")), (303, "/ui/new-password"), "{page}");
    }
    for (form, fields) in [
        ("/ui/me/edit", vec![("name", "Eve")]),
        ("/ui/me/password", vec![("current", PASSWORD), ("password", NEW)]),
        ("/ui/accounts/2311/teams", vec![("name", "Mine")]),
        ("/ui/me/sessions/end", vec![]),
    ] {
        let away = test.post(form).cookie(&browser).form(&fields).send().await;
        assert_eq!(away.header("location"), "/ui/new-password", "{form}");
    }
    assert_eq!(test.rows(), before);
    assert_eq!(ada.get("/me").await.status, 200, "API keys are credentials of their own");

    let set =
        async |password| test.post("/ui/new-password").cookie(&browser).form(&[("password", password)]).send().await;
    assert!(test.get("/ui/new-password").cookie(&browser).send().await.text.contains("An admin asks you"));
    let same = set(PASSWORD).await;
    assert!(same.status == 400 && same.text.contains("Choose another one."), "{}", same.text);
    assert_eq!(set("password1").await.status, 400);
    let done = set(NEW).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/ui/me"));
    let browser = cookie(&done);
    assert_eq!(test.get("/ui/me").cookie(&browser).send().await.status, 200);
    let again = test.post("/ui/new-password").cookie(&browser).form(&[("password", "yet another walrus")]).send().await;
    assert!(again.status == 409 || again.status == 303, "without being asked it takes the password until now");
    assert_eq!(enter(&test, ADA, NEW).await.status, 303);
    let told = test.client(ADA, "2311").get("/events?event=admin_force_set_password").await.done();
    assert_eq!(told["items"][0]["subject"], ADA);
}

#[tokio::test]
async fn a_forced_change_waits_for_a_recent_proof_and_can_be_taken_back() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.put("/users/1/password-change", json!(null)).await.done();
    let browser = cookie(&enter(&test, ADA, PASSWORD).await);
    test.advance(Duration::from_mins(31));
    let late = test.post("/ui/new-password").cookie(&browser).form(&[("password", NEW)]).send().await;
    assert!(late.header("location").starts_with("/ui/prove"), "{}", late.text);
    let page = test.get("/ui/prove?next=/ui/new-password").cookie(&browser).send().await;
    assert_eq!(page.status, 200);
    ada.delete("/users/1/password-change").await.done();
    assert_eq!(test.get("/ui/me").cookie(&browser).send().await.status, 200);
    assert_eq!(enter(&test, ADA, NEW).await.status, 401);
    let nobody = test.member("2311", "nopassword@example.com", permissions::MEMBER);
    let none = ada.put(&format!("/users/{nobody}/password-change"), json!(null)).await;
    insta::assert_snapshot!(none.error(), @"409 no_password: They have no password that they could change.");
}

#[tokio::test]
async fn a_password_changed_while_it_was_verified_lets_nobody_in() {
    let test = TestApp::new();
    let known: String = test.query(|r| r.value("select hash from passwords", []));
    let other = hash_with(NEW, 64, 1);
    test.app.db().write_here(move |w| w.run("update passwords set hash = ?1", [other])).unwrap();
    let late = test.app.db().write_here(move |w| sessions::create_with_password(w, 1, &known, None));
    assert_eq!(late.unwrap_err().code(), "wrong_password");
}

#[tokio::test]
async fn an_admin_resets_and_asks_by_page() {
    let test = TestApp::new();
    let bob = test.member("2311", BOB, permissions::MEMBER);
    test.app.db().write_here(move |w| rollcall::domain::passwords::set(w, bob, BOB, "a hash")).unwrap();
    let browser = sign_in(&test, ADA).await;
    let person = format!("/ui/accounts/2311/users/{bob}");
    let page = test.get(&person).cookie(&browser).send().await;
    assert!(page.text.contains("Ask for a new one…") && page.text.contains(&format!("{person}/reset-password")));
    assert!(test.get(&format!("{person}/reset-password")).cookie(&browser).send().await.text.contains("Make link"));
    let made = test.post(&format!("{person}/reset-password")).cookie(&browser).form(&[]).send().await;
    let made = follow(&test, &browser, &made).await;
    let link = made.text.split("/ui/reset/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(test.get(&format!("/ui/reset/{link}")).send().await.status, 200);
    let asked = test.post(&format!("{person}/ask-password")).cookie(&browser).form(&[]).send().await;
    assert_eq!(asked.header("location"), person);
    assert!(test.get(&person).cookie(&browser).send().await.text.contains("They choose a new one when they sign in"));
    assert_eq!(test.get(&format!("/ui/reset/{link}")).send().await.status, 401, "a link from before ends with it");
    test.post(&format!("{person}/keep-password")).cookie(&browser).form(&[]).send().await;
    assert!(test.get(&person).cookie(&browser).send().await.text.contains("Ask for a new one…"));
}

#[tokio::test]
async fn suspending_somebody_ends_their_links_too() {
    let test = TestApp::new();
    let bob = test.member("2311", BOB, permissions::MEMBER);
    let link = reset_link(&test, ADA, bob).await;
    test.app
        .db()
        .write_here(move |w| {
            let actor = rollcall::domain::accounts::at_shell(w, None)?;
            w.acting_as(actor);
            suspensions::create(w, bob)?;
            suspensions::delete(w, bob)
        })
        .unwrap();
    assert_eq!(test.get(&link).send().await.status, 401);
    assert_eq!(test.query(|r| tokens::require_at_home(r, bob)), ());
}

#[tokio::test]
async fn who_is_not_asked_for_another_password_cannot_try_what_theirs_is() {
    let test = TestApp::new();
    let browser = cookie(&enter(&test, ADA, PASSWORD).await);
    for guess in [PASSWORD, NEW] {
        let answer = test.post("/ui/new-password").cookie(&browser).form(&[("password", guess)]).send().await;
        assert_eq!(answer.status, 409);
        assert!(answer.text.contains("Nobody asks you for a new password"), "{}", answer.text);
    }
}

/// Right passwords are not counted, but one person's take up a few places among those that wait for a hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fills_the_queue_of_hashes_for_everybody() {
    let test = TestApp::new();
    let many = futures_util::future::join_all((0..40).map(|_| enter(&test, ADA, PASSWORD)));
    let other = enter(&test, BOB, "not the password of anybody");
    let (many, other) = futures_util::future::join(many, other).await;
    assert_eq!(other.status, 401, "{}", other.text);
    let busy = many.iter().filter(|answer| answer.status == 503).count();
    assert_eq!((busy > 0, busy + many.iter().filter(|answer| answer.status == 303).count()), (true, 40));
}
