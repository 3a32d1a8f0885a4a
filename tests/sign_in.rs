//! Set-up, signing in and out, and what keeps a browser signed in.

use std::time::Duration;

use rollcall::domain::tokens::Kind;
use rollcall::domain::{permissions, sessions, setup};

use crate::support::{ADA, PASSWORD, TestApp};
use crate::visitor::{OWNER, Page, cookie, cookies, events, session_cookie, set_up_link, sign_in};

#[tokio::test]
async fn the_front_door_leads_to_the_pages() {
    let test = TestApp::new();
    assert_eq!(test.get("/").send().await.header("location"), "/ui");
    assert_eq!(test.get("/ui").send().await.header("location"), "/ui/sign-in");
}

#[tokio::test]
async fn the_set_up_link_makes_the_owner_once_and_signs_them_in() {
    let test = TestApp::empty();
    assert!(test.get("/ui/sign-in").send().await.text.contains("rollcall link"));
    let (link, other) = (set_up_link(&test), set_up_link(&test));
    let page = test.get(&format!("/ui/set-up/{link}")).send().await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.header("content-security-policy").contains("unsafe"));

    let done = test.post(&format!("/ui/set-up/{link}")).form(OWNER).send().await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/ui"));
    let session = cookie(&done);
    assert_eq!(test.get("/ui").cookie(&session).send().await.header("location"), "/ui/accounts/2311/users");
    let list = test.get("/ui/accounts/2311/users").cookie(&session).send().await;
    assert!(list.text.contains("ada@example.com") && list.text.contains("Acme"));

    for link in [&link, &other] {
        for again in [test.get(&format!("/ui/set-up/{link}")), test.post(&format!("/ui/set-up/{link}")).form(OWNER)] {
            let again = again.send().await;
            assert_eq!(again.status, 409, "{}", again.text);
            assert!(again.text.contains("set-up is closed"));
        }
    }
    insta::assert_debug_snapshot!(events(&test), @r#"
    [
        "account_created in 2311 by ada@example.com",
        "user_created in 2311 by ada@example.com",
        "user_password_changed in 2311 by ada@example.com",
        "user_logged_in in 2311 by ada@example.com",
    ]
    "#);
}

#[tokio::test]
async fn set_up_says_all_that_is_wrong_and_keeps_what_was_typed() {
    let test = TestApp::empty();
    let link = set_up_link(&test);
    let typed = [("email", "ada"), ("name", "<b>Ada</b>"), ("password", "short"), ("accountName", "")];
    let page = test.post(&format!("/ui/set-up/{link}")).form(&typed).send().await;
    assert_eq!(page.status, 400);
    for said in ["This is not an e-mail address", "Use at least 8 characters", "Enter a name for the account"] {
        assert!(page.text.contains(said), "{said}");
    }
    assert!(page.text.contains("value=\"&#60;b&#62;Ada&#60;/b&#62;\""));
    assert!(!page.text.contains("short\""), "a password is never sent back");
    assert_eq!(test.post(&format!("/ui/set-up/{link}")).form(OWNER).send().await.status, 303);
}

#[tokio::test]
async fn of_two_people_with_the_set_up_link_one_gets_through() {
    let test = TestApp::empty();
    let link = format!("/ui/set-up/{}", set_up_link(&test));
    let (one, two) = tokio::join!(test.post(&link).form(OWNER).send(), test.post(&link).form(OWNER).send());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(test.query(|r| r.value::<i64>("select count(*) from users", [])), 1);
}

#[tokio::test]
async fn a_set_up_link_expires() {
    let test = TestApp::empty();
    let link = set_up_link(&test);
    test.advance(setup::LINK_LIFETIME);
    let page = test.post(&format!("/ui/set-up/{link}")).form(OWNER).send().await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("expired"));
}

#[tokio::test]
async fn signing_in_with_a_password_and_out_again() {
    let test = TestApp::new();
    let before = events(&test).len();
    let wanted = "/ui/accounts/2311/users?query=ada";
    let away = test.get(wanted).send().await;
    assert_eq!(away.header("location"), "/ui/sign-in?next=%2Fui%2Faccounts%2F2311%2Fusers%3Fquery%3Dada");
    let form = [("email", "ADA@example.com"), ("password", PASSWORD), ("next", wanted)];
    let answer = test.post("/ui/sign-in").form(&form).send().await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, wanted));
    let flags = session_cookie(&answer);
    assert!(flags.contains("HttpOnly") && flags.contains("SameSite=Lax") && flags.contains("Path=/"), "{flags}");
    assert!(!flags.contains("Secure"));

    let session = cookie(&answer);
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 200);
    let out = test.post("/ui/sign-out").cookie(&session).send().await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/ui/sign-in"));
    assert_eq!(cookie(&out), "rollcall-8080=");
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 303, "the session has ended on the server");
    assert_eq!(
        events(&test)[before..],
        ["user_logged_in in 2311 by ada@example.com", "user_logged_out in 2311 by ada@example.com",]
    );
}

#[tokio::test]
async fn signing_in_fails_the_same_way_for_whoever_it_is() {
    let test = TestApp::new();
    test.member("2311", "nopassword@example.com", permissions::MEMBER);
    let mut pages = Vec::new();
    for (email, password) in [(ADA, "wrong wrong"), ("nobody@example.com", PASSWORD), ("nopassword@example.com", "")] {
        let answer = test.post("/ui/sign-in").form(&[("email", email), ("password", password)]).send().await;
        assert_eq!(answer.status, 401);
        assert!(answer.headers.get("set-cookie").is_none());
        pages.push(answer.text.replace(email, ""));
    }
    assert!(pages[0].contains("The e-mail or the password is not right."));
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[tokio::test]
async fn after_sign_in_nobody_is_sent_elsewhere() {
    let test = TestApp::new();
    for next in ["https://evil.example/", "//evil.example", "/ui/\\evil.example", "/\t/evil.example", "javascript:x"] {
        let form = [("email", ADA), ("password", PASSWORD), ("next", next)];
        assert_eq!(test.post("/ui/sign-in").form(&form).send().await.header("location"), "/ui", "{next}");
    }
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_not_by_being_looked_at() {
    let test = TestApp::new();
    let claims = test.app.db().write_here(|w| sessions::create_link(w, None)).unwrap();
    let link = format!("/ui/sign-in/{}", test.app.seal(&claims).unwrap());
    for _ in 0..2 {
        let page = test.get(&link).send().await;
        assert!(page.status == 200 && page.text.contains(ADA));
    }
    assert_eq!(test.post(&link).send().await.status, 303);
    let again = test.post(&link).send().await;
    assert_eq!(again.status, 401);
    assert!(again.text.contains("has been used already"));
}

#[tokio::test]
async fn one_kind_of_token_is_no_other() {
    let test = TestApp::new();
    let seal = |kind| test.app.seal(&test.issue(kind, Some(1), Duration::from_secs(60))).unwrap();
    for kind in [Kind::Session, Kind::ApiKey, Kind::Invitation] {
        assert_eq!(test.post(&format!("/ui/sign-in/{}", seal(kind))).send().await.status, 401);
    }
    for kind in [Kind::ApiKey, Kind::SignInLink, Kind::Invitation] {
        let page = test.get("/ui/me").cookie(&format!("rollcall-8080={}", seal(kind))).send().await;
        assert_eq!(page.header("location"), "/ui/sign-in?next=%2Fui%2Fme");
    }
    for kind in [Kind::Session, Kind::ApiKey, Kind::SignInLink] {
        let form = [("password", PASSWORD)];
        assert_eq!(test.post(&format!("/ui/welcome/{}", seal(kind))).form(&form).send().await.status, 401);
    }
    assert_eq!(test.get("/me").token(&seal(Kind::Session)).send().await.status, 401);
}

#[tokio::test]
async fn a_suspended_user_is_told_so_only_after_proving_who_they_are() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    test.app.db().write_here(|w| w.run("update users set active = 0", [])).unwrap();
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 303);
    let wrong = test.post("/ui/sign-in").form(&[("email", ADA), ("password", "wrong wrong")]).send().await;
    assert!(!wrong.text.contains("suspended"));
    let right = test.post("/ui/sign-in").form(&[("email", ADA), ("password", PASSWORD)]).send().await;
    assert!(right.status == 401 && right.text.contains("suspended"));
}

#[tokio::test]
async fn who_may_not_come_in_is_told_when_they_open_a_link() {
    let test = TestApp::new();
    for email in ["bob@example.com", "eve@example.com"] {
        test.member("2311", email, "member");
    }
    let links = [("sign-in", Kind::SignInLink), ("reset", Kind::PasswordReset), ("passkey", Kind::PasskeyLink)];
    let open = async |page, kind, user_id| {
        let claims = test.issue(kind, Some(user_id), Duration::from_secs(60));
        test.get(&format!("/ui/{page}/{}", test.app.seal(&claims).unwrap())).send().await
    };
    for (page, kind) in links {
        assert_eq!(open(page, kind, 2).await.status, 200, "{page}");
    }
    let ada = test.client(ADA, "2311");
    ada.put("/users/2/suspension", serde_json::Value::Null).await.done();
    ada.delete("/users/3").await.done();
    for (page, kind) in links {
        for (user_id, told) in [(2, "This user is suspended."), (3, "You are in no account of this server any more.")] {
            let refused = open(page, kind, user_id).await;
            assert_eq!(refused.status, 401, "{page}");
            assert!(refused.text.contains(told), "{page}: {}", refused.text);
        }
    }
}

#[tokio::test]
async fn under_https_the_cookie_promises_more() {
    let test = TestApp::with(|config| config.public_url = Some("https://people.example.com".parse().unwrap()));
    let link = set_up_link(&test);
    let done = test.post(&format!("/ui/set-up/{link}")).form(OWNER).send().await;
    let flags = session_cookie(&done);
    assert!(
        flags.starts_with("__Host-rollcall-8080=") && flags.contains("Secure") && flags.contains("Path=/"),
        "{flags}"
    );
}

#[tokio::test]
async fn a_success_is_said_once() {
    let test = TestApp::new();
    let out = test.post("/ui/sign-out").send().await;
    let cookies: Vec<_> = out.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let said =
        cookies.iter().find(|cookie| cookie.starts_with("rollcall-said-8080=")).unwrap().split(';').next().unwrap();
    let page = test.get("/ui/sign-in").cookie(said).send().await;
    assert!(page.text.contains("You are signed out."));
    assert!(
        page.header("set-cookie").starts_with("rollcall-said-8080=; ")
            && page.header("set-cookie").contains("Max-Age=0")
    );
    for foreign in ["SignedOut", "\"SignedOut\"", &said["rollcall-said-8080=".len()..said.len() - 9]] {
        let page = test.get("/ui/sign-in").cookie(&format!("rollcall-said-8080={foreign}")).send().await;
        assert!(page.status == 200 && !page.text.contains("You are signed out."), "{foreign}");
    }
}

async fn try_from(test: &TestApp, browser: &str, email: &str, password: &str) -> crate::support::Answer {
    let form = [("email", email), ("password", password), ("next", "/ui/me")];
    test.post("/ui/sign-in").cookie(browser).form(&form).send().await
}

#[tokio::test]
async fn guessing_is_slowed_down_alike_for_who_exists_and_who_does_not() {
    let test = TestApp::new();
    let mut pages = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        for _ in 0..10 {
            assert_eq!(try_from(&test, "", email, "wrong wrong").await.status, 401);
        }
        let typed = email.to_uppercase();
        let refused = try_from(&test, "", &typed, PASSWORD).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "90"), "even the right one");
        assert!(refused.text.contains(&format!("value=\"{typed}\"")) && refused.text.contains("value=\"/ui/me\""));
        pages.push(refused.text.replace(&typed, ""));
    }
    assert_eq!(pages[0], pages[1]);
    assert!(pages[0].contains("Too many wrong passwords were tried for this e-mail. Try again in 2 minutes"));
    test.advance(Duration::from_secs(90));
    assert_eq!(try_from(&test, "", ADA, PASSWORD).await.status, 303);
    assert_eq!(try_from(&test, "", ADA, PASSWORD).await.status, 303, "the right one costs nothing");
}

#[tokio::test]
async fn a_strangers_guessing_locks_nobody_out() {
    let test = TestApp::new();
    let known = cookies(&try_from(&test, "", ADA, PASSWORD).await);
    let device = known.split("; ").find(|cookie| cookie.starts_with("rollcall-device-8080=")).unwrap();
    for _ in 0..10 {
        try_from(&test, "", ADA, "wrong wrong").await;
    }
    assert_eq!(try_from(&test, "", ADA, PASSWORD).await.status, 429);
    assert_eq!(try_from(&test, device, ADA, PASSWORD).await.status, 303, "where she was before, she comes in");
    let link = test.app.db().write_here(|w| sessions::create_link(w, None)).unwrap();
    let link = format!("/ui/sign-in/{}", test.app.seal(&link).unwrap());
    assert_eq!(test.post(&link).send().await.status, 303, "a link isn't guessed, so it isn't counted");

    // Her own browser is no better for guessing, neither for her nor for anybody else.
    for _ in 0..10 {
        assert_eq!(try_from(&test, device, ADA, "wrong wrong").await.status, 401);
    }
    assert_eq!(try_from(&test, device, ADA, PASSWORD).await.status, 429);
    for _ in 0..10 {
        assert_eq!(try_from(&test, device, "other@example.com", "wrong wrong").await.status, 401);
    }
    assert_eq!(try_from(&test, "", "other@example.com", "wrong wrong").await.status, 429, "it counts as a stranger");
}

#[tokio::test]
async fn a_browser_is_known_by_a_sealed_cookie_that_opens_nothing() {
    let test = TestApp::new();
    let answer = try_from(&test, "", ADA, PASSWORD).await;
    let all: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let device = all.iter().find(|cookie| cookie.starts_with("rollcall-device-8080=")).unwrap();
    assert!(device.contains("HttpOnly") && device.contains("SameSite=Lax") && device.contains("Path=/"), "{device}");
    let sealed = device.split(['=', ';']).nth(1).unwrap();
    assert_eq!(test.get("/ui/me").cookie(&format!("rollcall-8080={sealed}")).send().await.status, 303);
    assert_eq!(test.get("/me").token(sealed).send().await.status, 401);
    // A made-up one, and a session in its place, are no browser at all.
    for made_up in ["x:1", &cookie(&answer).replace("rollcall-8080=", "")] {
        let browser = format!("rollcall-device-8080={made_up}");
        assert_eq!(try_from(&test, &browser, ADA, PASSWORD).await.status, 303);
    }
}

#[tokio::test]
async fn signing_in_ends_the_session_the_browser_had() {
    let test = TestApp::new();
    test.member("2311", "mallory@example.com", permissions::MEMBER);
    // Whoever planted a session in a browser is not in the one that is signed in to there.
    let planted = sign_in(&test, "mallory@example.com").await;
    let entered = try_from(&test, &planted, ADA, PASSWORD).await;
    assert_ne!(cookie(&entered), planted);
    assert_eq!(test.get("/ui/me").cookie(&planted).send().await.status, 303, "it has ended");
    let first = cookie(&entered);
    assert_eq!(try_from(&test, &first, ADA, "wrong wrong").await.status, 401);
    assert_eq!(test.get("/ui/me").cookie(&first).send().await.status, 200, "a failed try ends nothing");
    let second = cookie(&try_from(&test, &first, ADA, PASSWORD).await);
    assert_eq!(test.get("/ui/me").cookie(&first).send().await.status, 303);
    assert_eq!(test.get("/ui/me").cookie(&second).send().await.status, 200);
}
