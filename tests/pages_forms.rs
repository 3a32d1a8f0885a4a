//! What a form leads to: what it achieved is said, what it made is shown once, and nothing is undone that somebody else did.

use rollcall::domain::permissions;

use crate::support::{ADA, TestApp};
use crate::visitor::{Browser, Page, USERS, cookies, follow, version};

#[tokio::test]
async fn what_was_done_is_said_of_whom_and_with_the_way_back() {
    let test = TestApp::new();
    test.account("7", "Other", "admin@other.example");
    test.member("2311", "grace@example.com", permissions::MEMBER);
    test.member("2311", "alan@example.com", permissions::MEMBER);
    let browser = Browser::of(&test, ADA).await;
    let confirm = [("confirm", "Other <i>7</i>"), ("to", "7"), ("name", "Other <i>7</i>")];
    for (path, said) in [
        ("accounts/2311/teams", "The team Other &#60;i&#62;7&#60;/i&#62; was made."),
        ("accounts/2311/teams/1/delete", "The team Other &#60;i&#62;7&#60;/i&#62; was deleted."),
        ("accounts/2311/users/3/remove", "grace@example.com was taken out of the account."),
        ("accounts/2311/users/4/move", "alan@example.com was moved to the other account."),
        ("me/accounts/2311/primary", "Your primary account is Acme now."),
        ("accounts/7/account", "Saved."),
        ("accounts/7/account/delete", "The account Other &#60;i&#62;7&#60;/i&#62; was deleted."),
        ("removed-accounts/7/restore", "The account Other &#60;i&#62;7&#60;/i&#62; is back"),
    ] {
        let done = browser.try_post(&format!("/ui/{path}"), &confirm).await;
        let next = follow(&test, &browser.cookie, &done).await.text;
        assert!(next.contains(said), "{path}: {next}");
        let back = next.contains(&format!("<a href=\"{USERS}/3/restore\">Put back…</a>"));
        assert_eq!(back, path.ends_with("/remove"), "{path}");
    }
}

#[tokio::test]
async fn whoever_was_slower_is_told_and_keeps_what_they_typed() {
    let test = TestApp::new();
    let id = test.member("2311", "grace@example.com", permissions::MEMBER);
    let browser = Browser::of(&test, ADA).await;
    let edit = format!("{USERS}/{id}/edit");
    let seen = version(&browser.get(&edit).await);
    let form = |name: &'static str| [("email", "grace@example.com".to_owned()), ("name", name.to_owned())];
    let send = async |name, version: &str| {
        let form = form(name);
        let mut form: Vec<_> = form.iter().map(|(field, value)| (*field, value.as_str())).collect();
        form.push(("version", version));
        browser.try_post(&edit, &form).await
    };
    assert_eq!(send("Grace Hopper", &seen).await.status, 303);
    let late = send("Amazing Grace", &seen).await;
    assert_eq!(late.status, 412);
    assert!(late.text.contains("which was changed last by ada@example.com"));
    assert!(late.text.contains("value=\"Amazing Grace\"") && late.text.contains("Grace Hopper"));
    assert_eq!(send("Amazing Grace", &version(&late.text)).await.status, 303);
    assert!(browser.get(&format!("{USERS}/{id}")).await.contains("Amazing Grace"));
}

#[tokio::test]
async fn no_form_undoes_what_somebody_else_did_meanwhile() {
    let test = TestApp::new();
    test.member("2311", "grace@example.com", permissions::MEMBER);
    let browser = Browser::of(&test, ADA).await;
    browser.post("/ui/accounts/2311/roles/new", &[("name", "reader"), ("permission.users.read", "on")]).await;
    browser.post("/ui/accounts/2311/teams", &[("name", "Compilers")]).await;
    for (path, first, second, says_now) in [
        (
            "roles/reader",
            &[("permission.users.read", "on"), ("permission.events.read", "on")][..],
            &[("permission.users.read", "on")][..],
            "It permits now: events.read, users.read.",
        ),
        (
            "teams/1",
            &[("name", "Compilers"), ("active", "false")],
            &[("name", "Linkers"), ("active", "true")],
            "inactive",
        ),
        (
            "users/2/place",
            &[("teamId", ""), ("role.reader", "on")],
            &[("role.member", "on")],
            "<dt>Roles</dt><dd>reader</dd>",
        ),
    ] {
        let path = format!("/ui/accounts/2311/{path}");
        let seen = version(&browser.get(&path).await);
        browser.post(&path, &[first, &[("version", &seen)]].concat()).await;
        let before = test.rows();
        let late = browser.try_post(&path, &[second, &[("version", &seen)]].concat()).await;
        assert_eq!((late.status.as_u16(), test.rows()), (412, before), "{path}");
        assert!(late.text.contains(says_now) && late.text.contains("Saving it replaces this"), "{path}: {}", late.text);
        browser.post(&path, &[second, &[("version", &version(&late.text))]].concat()).await;
    }
}

#[tokio::test]
async fn what_is_shown_once_is_made_once_and_shown_to_nobody_else() {
    let test = TestApp::new();
    test.member("2311", "grace@example.com", permissions::MEMBER);
    test.member("2311", "admin@example.com", permissions::ADMIN);
    let (ada, admin) = (Browser::of(&test, ADA).await, Browser::of(&test, "admin@example.com").await);
    let key = [("name", "Nightly"), ("days", "30"), ("scope", "all")];
    let new = [("do", "create"), ("email", "new@example.com")];
    for (path, form, back) in [
        ("/ui/accounts/2311/api-keys", &key[..], "/ui/accounts/2311/api-keys"),
        (USERS, &new, "/ui/accounts/2311/users/4"),
        ("/ui/accounts/2311/users/2/invite", &[], "/ui/accounts/2311/users/2"),
    ] {
        let done = ada.try_post(path, form).await;
        let others = follow(&test, &admin.cookie, &done).await;
        assert_eq!((others.status.as_u16(), others.header("location")), (303, back), "another's browser: {path}");
        let made = test.rows();
        let shown = follow(&test, &ada.cookie, &done).await;
        assert!(shown.status == 200 && shown.text.contains("v4.local."), "{path}: {}", shown.text);
        assert!(shown.header("set-cookie").starts_with("rollcall-once-8080=; "), "the browser forgets it: {path}");
        let address = done.header("location");
        let again = ada.try_get(address).await;
        assert_eq!((again.status.as_u16(), again.header("location")), (303, back), "loaded again: {path}");
        assert_eq!(test.rows(), made, "{path}");
        let elsewhere = address.replace("/2311/", "/2312/").replace("/users/4/", "/users/2/");
        let moved = test.get(&elsewhere).cookie(&format!("{}; {}", ada.cookie, cookies(&done))).send().await;
        assert!(elsewhere == address || moved.status != 200, "at another address: {path}");
    }
}
