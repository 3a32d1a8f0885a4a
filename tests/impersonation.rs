//! An owner acts as somebody else: who may, what they may meanwhile, what is told of it, and what ends it.

use std::time::Duration;

use poem::http::Method;
use rollcall::domain::{permissions, sessions};
use serde_json::{Value, json};

use crate::authenticator::Device;
use crate::support::{ADA, Answer, PASSWORD, TestApp};
use crate::visitor::{Page, sign_in};

const GRACE: &str = "grace@example.com";
const FORM: &str = "/ui/accounts/2311/users/2/impersonation";
const REASON: &[(&str, &str)] = &[("reason", "Ticket 4711: the list stays empty"), ("minutes", "30")];
const STOP: &str = "/ui/impersonation/end";

/// The value that an answer gives the cookie of whoever acts as somebody else.
pub fn acting_cookie(answer: &Answer) -> Option<String> {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    cookies
        .find(|cookie| cookie.starts_with("rollcall-as-8080="))
        .map(|cookie| cookie.split(';').next().unwrap().into())
}

/// Ada's own session, and the cookies of her browser while she acts as user 2.
async fn acting(test: &TestApp) -> (String, String) {
    let own = sign_in(test, ADA).await;
    let begun = test.post(FORM).cookie(&own).form(REASON).send().await;
    assert_eq!((begun.status.as_u16(), begun.header("location")), (303, "/ui"), "{}", begun.text);
    let both = format!("{own}; {}", acting_cookie(&begun).unwrap());
    (own, both)
}

/// Ada's server with Grace, who is user 2, in Acme.
fn with_grace(role: &'static str) -> TestApp {
    let test = TestApp::new();
    test.member("2311", GRACE, role);
    test
}

#[tokio::test]
async fn an_owner_sees_what_somebody_sees_and_is_reminded_of_it_on_every_page() {
    let test = with_grace(permissions::MEMBER);
    let own = sign_in(&test, ADA).await;
    let person = test.get("/ui/accounts/2311/users/2").cookie(&own).send().await;
    assert!(person.text.contains("Act as grace@example.com…"));
    let form = test.get(FORM).cookie(&own).send().await;
    assert!(form.text.contains("name=\"reason\"") && form.text.contains("value=\"30\" checked"), "{}", form.text);
    let (own, both) = acting(&test).await;
    let users = test.get("/ui/accounts/2311/users").cookie(&both).send().await;
    assert!(!users.text.contains("/ui/accounts/2311/users/new"), "a member adds nobody");
    for (path, status) in [
        ("/ui/me", 200),
        ("/ui/accounts/2311/users", 200),
        ("/ui/accounts/2311/teams", 200),
        ("/ui/nowhere", 404),
        ("/ui/accounts/2311/activity", 403),
    ] {
        let page = test.get(path).cookie(&both).send().await;
        assert_eq!(page.status, status, "{path}");
        for said in [
            "<strong>Ada Lovelace</strong> acts as <strong>grace@example.com</strong>",
            "Ticket 4711",
            "30 more minutes",
            STOP,
        ] {
            assert!(page.text.contains(said), "{path} lacks {said}");
        }
    }
    test.advance(Duration::from_secs(29 * 60 + 30));
    assert!(test.get("/ui/me").cookie(&both).send().await.text.contains("for another minute"));
    assert!(!test.get("/ui/me").cookie(&own).send().await.text.contains("acts as"));
}

#[tokio::test]
async fn stopping_leads_back_without_signing_in_again() {
    let test = with_grace(permissions::MEMBER);
    let (own, both) = acting(&test).await;
    let stopped = test.post(STOP).cookie(&both).send().await;
    assert_eq!((stopped.status.as_u16(), stopped.header("location")), (303, "/ui/accounts/2311/users/2"));
    assert_eq!(acting_cookie(&stopped).as_deref(), Some("rollcall-as-8080="));
    assert!(test.get("/ui/accounts/2311/users/new").cookie(&own).send().await.text.contains("Ada Lovelace"));
    // The cookie is worth nothing any more, and is never taken for its owner's.
    let late = test.post("/ui/me/edit").cookie(&both).form(&[("name", "X")]).send().await;
    assert_eq!(late.status, 409);
    assert!(late.text.contains("act as somebody else any more") && acting_cookie(&late).is_some());
    assert_eq!(test.get("/ui/me").cookie(&both).send().await.header("location"), "/ui");
    assert_eq!(test.query(|r| r.value::<String>("select name from users where id = 1", [])), "Ada Lovelace");
    assert_eq!(test.post(STOP).cookie(&both).send().await.status, 303, "stopping twice is no fault");
}

#[tokio::test]
async fn both_names_are_on_every_event_and_the_person_is_told() {
    let test = with_grace(permissions::ADMIN);
    test.account("2312", "Other", "eve@example.com");
    let eve = test.client("eve@example.com", "2312");
    eve.call(Method::POST, "/users").json(&serde_json::json!({"email": GRACE})).send().await.done();
    let grace = sign_in(&test, GRACE).await;
    assert_eq!(test.post("/ui/me/accounts/2312/accept").cookie(&grace).send().await.status, 303);
    let before = test.query(|r| r.value::<i64>("select max(id) from all_events", []));
    let (_, both) = acting(&test).await;
    let team = test.post("/ui/accounts/2311/teams").cookie(&both).form(&[("name", "Compilers")]).send().await;
    assert_eq!(team.status, 303, "{}", team.text);
    let mine = test.get("/ui/me").cookie(&grace).send().await;
    assert!(mine.text.contains("ada@example.com acts as you: Ticket 4711"));
    assert_eq!(test.post(STOP).cookie(&both).send().await.status, 303);
    let mine = test.get("/ui/me").cookie(&grace).send().await;
    assert!(
        mine.text.contains("Who acted as you") && mine.text.contains("<strong>ada@example.com</strong>: Ticket 4711")
    );

    let told = test.query(|r| {
        let sql = "select event || ' in ' || account_id || ' by ' || actor || coalesce(' (' || impersonator_id || ', ' ||
                   impersonator || ')', '') || ' to ' || subject || ' ' || coalesce(changes, '') from all_events where id > ?1";
        r.all(sql, [before], |row| row.get::<_, String>(0))
    });
    insta::assert_debug_snapshot!(told, @r#"
    [
        "user_logged_in in 2311 by ada@example.com to ada@example.com ",
        "user_impersonated in 2311 by ada@example.com to grace@example.com {\"reason\":{\"before\":null,\"after\":\"Ticket 4711: the list stays empty\"},\"until\":{\"before\":null,\"after\":\"2026-11-23T08:30:00.000Z\"}}",
        "user_impersonated in 2312 by ada@example.com to grace@example.com {\"reason\":{\"before\":null,\"after\":\"Ticket 4711: the list stays empty\"},\"until\":{\"before\":null,\"after\":\"2026-11-23T08:30:00.000Z\"}}",
        "team_created in 2311 by grace@example.com (1, ada@example.com) to Compilers ",
        "user_impersonated in 2311 by ada@example.com to grace@example.com {\"until\":{\"before\":\"2026-11-23T08:30:00.000Z\",\"after\":\"2026-11-23T08:00:00.000Z\"}}",
        "user_impersonated in 2312 by ada@example.com to grace@example.com {\"until\":{\"before\":\"2026-11-23T08:30:00.000Z\",\"after\":\"2026-11-23T08:00:00.000Z\"}}",
    ]
    "#);
    let ada = test.client(ADA, "2311");
    let made = &ada.get("/events?event=team_created").await.done()["items"][0];
    assert_eq!(
        (&made["actor"], &made["impersonator"], &made["impersonatorId"]),
        (&GRACE.into(), &ADA.into(), &1.into())
    );
    let own = sign_in(&test, ADA).await;
    let page = test.get("/ui/accounts/2311/activity").cookie(&own).send().await;
    assert!(page.text.contains(">ada@example.com as grace@example.com</a></strong> made the team Compilers"));
    assert!(page.text.contains("began to act as <a") && page.text.contains("stopped acting as"));
    let export = test.get("/ui/accounts/2311/activity/export").cookie(&own).send().await;
    assert!(export.text.contains(r#""actor":"grace@example.com","impersonatorId":1,"impersonator":"ada@example.com""#));
    let sessions = test.client(GRACE, "2311").get("/sessions").await.done();
    assert!(sessions["items"].as_array().unwrap().iter().all(|session| session["impersonator"].is_null()), "over");
}

#[tokio::test]
async fn a_reason_and_a_time_of_at_most_an_hour_are_asked_for() {
    let test = with_grace(permissions::MEMBER);
    let own = sign_in(&test, ADA).await;
    let long = "x".repeat(201);
    for (reason, minutes, said) in [
        ("", "30", "Say why"),
        ("   ", "30", "Say why"),
        (long.as_str(), "30", "at most 200"),
        ("two\nlines", "30", "one line"),
        ("because", "61", "15, 30 or 60"),
        ("because", "0", "15, 30 or 60"),
        ("because", "", "15, 30 or 60"),
        ("because", "-15", "15, 30 or 60"),
    ] {
        let form = [("reason", reason), ("minutes", minutes)];
        let answer = test.post(FORM).cookie(&own).form(&form).send().await;
        assert!(answer.status == 400 && answer.text.contains(said), "{reason:?} {minutes:?}: {}", answer.text);
        assert!(acting_cookie(&answer).is_none());
    }
    let sessions = "select count(*) from tokens where impersonator_id is not null";
    assert_eq!(test.query(|r| r.value::<i64>(sessions, [])), 0);
}

#[tokio::test]
async fn only_an_owner_may_and_not_as_just_anybody() {
    let test = with_grace(permissions::ADMIN);
    test.member("2311", "bob@example.com", permissions::MEMBER);
    test.member("2311", "own@example.com", permissions::MEMBER);
    test.member("2311", "off@example.com", permissions::MEMBER);
    test.member("2311", "gone@example.com", permissions::MEMBER);
    let sql = "update users set owner = 1 where id = 4; ";
    test.app.db().write_here(move |w| w.run(sql, [])).unwrap();
    test.app.db().write_here(|w| w.run("update users set active = 0 where id = 5", [])).unwrap();
    test.client(ADA, "2311").delete("/users/6").await.done();
    let to = |id: i64| format!("/ui/accounts/2311/users/{id}/impersonation");
    let ada = sign_in(&test, ADA).await;
    for (id, status) in [(1, 409), (4, 409), (5, 409), (6, 409), (99, 404)] {
        for call in [test.get(&to(id)), test.post(&to(id)).form(REASON)] {
            let answer = call.cookie(&ada).send().await;
            assert_eq!(answer.status, status, "as user {id}: {}", answer.text);
            assert!(acting_cookie(&answer).is_none());
        }
    }
    let grace = sign_in(&test, GRACE).await;
    for call in [test.get(&to(3)), test.post(&to(3)).form(REASON)] {
        assert_eq!(call.cookie(&grace).send().await.status, 403, "an admin is no owner");
    }
    assert!(!test.get("/ui/accounts/2311/users/3").cookie(&grace).send().await.text.contains("Act as"));
    let by_token = test.post(&to(3)).token(&test.token(ADA)).form(REASON).send().await;
    assert_eq!(by_token.status, 401, "a bearer token starts nothing");
}

#[tokio::test]
async fn a_proof_is_asked_for_that_is_not_old() {
    let test = with_grace(permissions::MEMBER);
    let own = sign_in(&test, ADA).await;
    test.advance(Duration::from_secs(31 * 60));
    let answer = test.post(FORM).cookie(&own).form(REASON).send().await;
    assert!(answer.status != 200 && acting_cookie(&answer).is_none(), "{}", answer.status);
    let sessions = "select count(*) from tokens where impersonator_id is not null";
    assert_eq!(test.query(|r| r.value::<i64>(sessions, [])), 0);
}

#[tokio::test]
async fn nothing_about_how_people_sign_in_is_touched_meanwhile() {
    let test = with_grace(permissions::ADMIN);
    test.member("2311", "bob@example.com", permissions::MEMBER);
    test.account("2312", "Other", "eve@example.com");
    let eve = test.client("eve@example.com", "2312");
    eve.call(Method::POST, "/users").json(&serde_json::json!({"email": GRACE})).send().await.done();
    let graces = test.app.db().write_here(|w| sessions::create(w, 2)).unwrap().id;
    let bobs = test.app.db().write_here(|w| sessions::create(w, 3)).unwrap().id;
    let grace = test.client(GRACE, "2311");
    let key = grace.call(Method::POST, "/api-keys");
    let key = key.json(&serde_json::json!({"name": "k", "expiresAt": "2026-12-24T00:00:00Z"})).send().await.done();
    let (_, both) = acting(&test).await;
    let version = |id: i64| test.query(move |r| r.value::<i64>("select updated_at from users where id = ?1", [id]));
    let before = (test.rows(), version(2), version(3));
    let mail: &[(&str, &str)] = &[("email", "ada+grace@example.com"), ("name", "Grace")];
    let password: &[(&str, &str)] = &[("current", PASSWORD), ("password", "another horse battery")];
    let new_key: &[(&str, &str)] = &[("name", "mine"), ("expires", "2026-12-24"), ("scope", "all"), ("days", "30")];
    let nothing: &[(&str, &str)] = &[];
    let paths = [
        ("/ui/me/password".to_owned(), password),
        ("/ui/accounts/2311/users/2/edit".into(), mail),
        ("/ui/accounts/2311/users/3/edit".into(), mail),
        ("/ui/accounts/2311/users/3/invite".into(), nothing),
        ("/ui/accounts/2311/users/3/reset-password".into(), nothing),
        ("/ui/accounts/2311/users/3/ask-password".into(), nothing),
        ("/ui/accounts/2311/users/3/keep-password".into(), nothing),
        ("/ui/accounts/2311/users/3/sessions/end".into(), nothing),
        ("/ui/me/sessions/end".into(), nothing),
        ("/ui/prove".into(), password),
        ("/ui/new-password".into(), password),
        ("/ui/accounts/2311/users/3/make-owner".into(), nothing),
        ("/ui/accounts/2311/users/3/impersonation".into(), REASON),
        ("/ui/accounts/2311/api-keys".into(), new_key),
        (format!("/ui/accounts/2311/api-keys/{}/delete", key["id"].as_str().unwrap()), nothing),
        (format!("/ui/me/sessions/{graces}/end"), nothing),
        (format!("/ui/accounts/2311/users/3/sessions/{bobs}/end"), nothing),
        ("/ui/me/accounts/2312/accept".into(), nothing),
        ("/ui/me/accounts/2312/decline".into(), nothing),
        ("/ui/me/accounts/2311/leave".into(), nothing),
        ("/ui/me/accounts/2311/primary".into(), nothing),
    ];
    for (path, form) in &paths {
        let answer = test.post(path).cookie(&both).form(form).send().await;
        assert!(answer.status == 403 || answer.status == 400, "{path}: {} {}", answer.status, answer.text);
        let said =
            answer.text.contains("this is theirs alone to do") || answer.text.contains("Only an owner of this server");
        assert!(said, "{path}: {}", answer.text);
    }
    assert_eq!((test.rows(), version(2), version(3)), before, "nothing happened");
    for page in ["/ui/me", "/ui/accounts/2311/api-keys"] {
        let page = test.get(page).cookie(&both).send().await.text;
        for (path, _) in paths.iter().filter(|(path, _)| path.starts_with("/ui/me/") || path.contains("/api-keys")) {
            let leads =
                ["href", "action", "data-question"].iter().any(|name| page.contains(&format!("{name}=\"{path}\"")));
            assert!(!leads || path == "/ui/accounts/2311/api-keys", "leads where it is refused: {path}");
        }
        assert!(!page.contains("Make key") && !page.contains("Sign out everywhere"));
    }
    // As herself, Grace may.
    let own = sign_in(&test, GRACE).await;
    assert_eq!(test.post("/ui/me/accounts/2312/accept").cookie(&own).send().await.status, 303);
}

#[tokio::test]
async fn it_gives_no_more_than_the_person_has() {
    let test = with_grace(permissions::MEMBER);
    test.account("2312", "Other", "eve@example.com");
    let (_, both) = acting(&test).await;
    assert_eq!(test.get("/ui/accounts/2312/users").cookie(&both).send().await.status, 403, "an account of others");
    assert_eq!(test.get("/ui/accounts/2311/activity").cookie(&both).send().await.status, 403);
    let new = test.post("/ui/accounts/2311/users").cookie(&both).form(&[("email", "x@example.com")]).send().await;
    assert_eq!(new.status, 403);
    assert_eq!(test.post("/ui/accounts").cookie(&both).form(&[("name", "Mine")]).send().await.status, 403);
}

#[tokio::test]
async fn it_ends_with_its_time_its_owner_and_its_person() {
    for (what, sql) in [
        ("the owner is one no more", "update users set owner = 0 where id = 1"),
        ("the owner is suspended", "update users set active = 0 where id = 1"),
        ("the owner's session ended", "delete from tokens where user_id = 1 and kind = 'session'"),
        ("the person is suspended", "update users set active = 0 where id = 2"),
        ("the person became an owner", "update users set owner = 1 where id = 2"),
        ("the person ended it", "delete from tokens where user_id = 2 and kind = 'session'"),
    ] {
        let test = with_grace(permissions::MEMBER);
        let (_, both) = acting(&test).await;
        assert_eq!(test.get("/ui/accounts/2311/users").cookie(&both).send().await.status, 200);
        test.app.db().write_here(move |w| w.run(sql, [])).unwrap();
        let looked = test.get("/ui/accounts/2311/users").cookie(&both).send().await;
        assert_eq!((looked.status.as_u16(), looked.header("location")), (303, "/ui"), "{what}");
        assert_eq!(acting_cookie(&looked).as_deref(), Some("rollcall-as-8080="), "{what}");
        let sent = test.post("/ui/me/edit").cookie(&both).form(&[("name", "X")]).send().await;
        assert_eq!(sent.status, 409, "{what}");
    }
    let test = with_grace(permissions::MEMBER);
    let (own, both) = acting(&test).await;
    test.advance(Duration::from_secs(30 * 60));
    assert_eq!(test.get("/ui/me").cookie(&both).send().await.header("location"), "/ui");
    assert_eq!(test.get("/ui/me").cookie(&own).send().await.status, 200, "the owner's own session lives on");
}

#[tokio::test]
async fn its_cookie_is_nothing_without_the_owners_own_session() {
    let test = with_grace(permissions::MEMBER);
    let (_, both) = acting(&test).await;
    let alone = both.split("; ").nth(1).unwrap();
    assert_eq!(test.get("/ui/me").cookie(alone).send().await.header("location"), "/ui/sign-in?next=%2Fui%2Fme");
    let value = alone.split_once('=').unwrap().1;
    let moved = format!("rollcall-8080={value}");
    assert_eq!(test.get("/ui/me").cookie(&moved).send().await.status, 303, "it is no session cookie");
    assert_eq!(test.get("/me").token(value).send().await.status, 401, "and no bearer token");
}

#[tokio::test]
async fn beside_another_session_nothing_is_done_in_its_name_instead() {
    let test = with_grace(permissions::MEMBER);
    test.member("2311", "bob@example.com", permissions::MEMBER);
    let (_, both) = acting(&test).await;
    let alone = both.split("; ").nth(1).unwrap();
    let names =
        || test.query(|r| r.all("select name from users order by id", [], |row| row.get::<_, Option<String>>(0)));
    for email in [ADA, "bob@example.com"] {
        let other = sign_in(&test, email).await;
        let mixed = format!("{other}; {alone}");
        let before = (test.rows(), names());
        let sent = test.post("/ui/me/edit").cookie(&mixed).form(&[("name", "X")]).send().await;
        assert_eq!(sent.status, 409, "{email}");
        assert!(sent.text.contains("Nothing was changed."), "{email}: {}", sent.text);
        assert_eq!((test.rows(), names()), before, "{email}");
        let looked = test.get("/ui/me").cookie(&mixed).send().await;
        assert_eq!((looked.status.as_u16(), looked.header("location")), (303, "/ui"), "{email}");
        for answer in [&sent, &looked] {
            assert_eq!(acting_cookie(answer).as_deref(), Some("rollcall-as-8080="), "{email}");
        }
        assert_eq!(test.get("/ui/sign-in?next=%2Fui").cookie(&mixed).send().await.status, 200, "{email}");
        assert_eq!(test.post(STOP).cookie(&mixed).send().await.status, 303, "{email}: stopping is no fault");
        let out = test.post("/ui/sign-out").cookie(&mixed).send().await;
        assert_eq!(out.header("location"), "/ui/sign-in", "{email}");
        assert_eq!(test.get("/ui/me").cookie(&other).send().await.status, 303, "{email} is signed out");
    }
}

/// What the script of a page sends.
async fn script(test: &TestApp, cookie: &str, path: &str, body: &Value) -> Answer {
    test.post(path).header("accept", "application/json").cookie(cookie).json(body).send().await
}

#[tokio::test]
async fn passkeys_are_not_touched_meanwhile() {
    let test = with_grace(permissions::ADMIN);
    let grace = sign_in(&test, GRACE).await;
    let mut device = Device::new();
    let asked = script(&test, &grace, "/ui/me/passkeys/question", &json!({})).await.done();
    let first = json!({ "name": "Laptop", "credential": device.create(&asked) });
    script(&test, &grace, "/ui/me/passkeys", &first).await.done();
    let list = test.client(GRACE, "2311").get("/me/passkeys").await.done();
    let own = format!("/ui/me/passkeys/{}", list["items"][0]["id"].as_str().unwrap());
    let from_above = own.replace("/me/", "/accounts/2311/users/2/");
    // A credential that Grace herself could add.
    let asked = script(&test, &grace, "/ui/me/passkeys/question", &json!({})).await.done();
    let second = json!({ "name": "Mine", "credential": Device::new().create(&asked) });
    let (_, both) = acting(&test).await;
    let keys = || test.query(|r| r.all("select name from passkeys", [], |row| row.get::<_, String>(0)));
    let before = test.rows();
    let theirs_alone = "this is theirs alone to do";
    for (path, body) in [("/ui/me/passkeys/question", &json!({})), ("/ui/me/passkeys", &second)] {
        let refused = script(&test, &both, path, body).await;
        assert!(refused.status == 403 && refused.text.contains(theirs_alone), "{path}: {}", refused.text);
    }
    for path in [own.clone(), format!("{own}/delete"), format!("{from_above}/delete")] {
        let refused = test.post(&path).cookie(&both).form(&[("name", "Mine")]).send().await;
        assert!(refused.status == 403 && refused.text.contains(theirs_alone), "{path}: {}", refused.text);
    }
    assert_eq!((test.rows(), keys()), (before, vec!["Laptop".to_owned()]), "nothing happened");
    script(&test, &grace, "/ui/me/passkeys", &second).await.done();
}

#[tokio::test]
async fn signing_out_meanwhile_signs_out_of_both() {
    let test = with_grace(permissions::MEMBER);
    let (own, both) = acting(&test).await;
    let out = test.post("/ui/sign-out").cookie(&both).send().await;
    assert_eq!(out.header("location"), "/ui/sign-in");
    assert_eq!(acting_cookie(&out).as_deref(), Some("rollcall-as-8080="));
    for cookie in [&own, &both] {
        assert_eq!(test.get("/ui/me").cookie(cookie).send().await.status, 303);
    }
    assert_eq!(test.query(|r| r.value::<i64>("select count(*) from tokens where kind = 'session'", [])), 0);
}

#[tokio::test]
async fn under_https_its_cookie_promises_as_much_as_the_other() {
    let test = TestApp::with(|config| config.public_url = Some("https://people.example.com".parse().unwrap()));
    let link = crate::visitor::set_up_link(&test);
    let done = test.post(&format!("/ui/set-up/{link}")).form(crate::visitor::OWNER).send().await;
    let own = crate::visitor::cookie(&done);
    test.member("2311", GRACE, permissions::MEMBER);
    let begun = test.post(FORM).cookie(&own).form(REASON).send().await;
    let mut cookies = begun.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let flags = cookies.find(|cookie| cookie.starts_with("__Host-rollcall-as-8080=")).unwrap();
    for flag in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(flags.contains(flag), "{flags}");
    }
    assert!(!flags.contains("Max-Age") && !flags.contains("Domain"), "{flags}");
}
