//! The pages of teams, roles, activity, keys, accounts and of a person's life, as a browser without JavaScript sees them.

use rollcall::domain::{memberships, permissions};
use serde_json::json;

use crate::support::{ADA, PASSWORD, TestApp};
use crate::visitor::{Browser, USERS, cookie, follow, version};

#[tokio::test]
async fn every_page_opens_for_an_owner_and_has_one_heading() {
    let test = TestApp::new();
    test.account("7", "Other", "admin@other.example");
    let id = test.member("2311", "grace@example.com", permissions::MEMBER);
    let browser = Browser::of(&test, ADA).await;
    browser.post("/ui/accounts/2311/teams", &[("name", "Compilers")]).await;
    let person = format!("{USERS}/{id}");
    let mut pages: Vec<String> =
        ["edit", "place", "preferences", "suspend", "activate", "remove", "invite", "make-owner"]
            .iter()
            .map(|act| format!("{person}/{act}"))
            .collect();
    pages.extend(["", "/new", "?status=bin", "?status=invited"].map(|rest| format!("{USERS}{rest}")));
    let rest = [
        "teams",
        "teams/1",
        "teams/1/delete",
        "roles",
        "roles/new",
        "roles/admin",
        "activity",
        "api-keys",
        "account",
        "account/delete",
    ];
    pages.extend(rest.map(|rest| format!("/ui/accounts/2311/{rest}")));
    pages.extend(["/ui/me", "/ui/me/edit", "/ui/me/preferences", "/ui/me/password", "/ui/accounts"].map(Into::into));
    pages.extend([person.clone(), format!("{person}/move")]);
    for path in pages {
        let page = browser.get(&path).await;
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        assert_eq!(page.matches("<title>").count(), 1, "{path}");
        assert!(!page.contains(" style=") && !page.contains("onclick"), "{path} has no inline code");
        let ids: Vec<_> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "{path} repeats an id: {ids:?}");
    }
}

/// Whatever a member without permissions, or an admin of another account, opens or sends, nothing comes of it.
#[tokio::test]
async fn nobody_gets_further_by_pages_than_by_the_api() {
    let test = TestApp::new();
    test.account("7", "Other", "admin@other.example");
    test.member("2311", "member@example.com", permissions::MEMBER);
    let id = test.member("2311", "grace@example.com", permissions::MEMBER);
    let owner = Browser::of(&test, ADA).await;
    owner.post("/ui/accounts/2311/teams", &[("name", "Compilers")]).await;
    owner.post("/ui/accounts/2311/roles/new", &[("name", "reader"), ("permission.users.read", "on")]).await;
    let (member, stranger) =
        (Browser::of(&test, "member@example.com").await, Browser::of(&test, "admin@other.example").await);
    let person = format!("{USERS}/{id}");
    let posts = [
        (format!("{person}/edit"), vec![("name", "X"), ("email", "x@example.com")]),
        (format!("{person}/place"), vec![("role.admin", "on"), ("admin-shown", "yes"), ("accountAdmin", "yes")]),
        (format!("{person}/preferences"), vec![("do", "save"), ("pref.lead_created", "sms")]),
        (format!("{person}/suspend"), vec![]),
        (format!("{person}/remove"), vec![]),
        (format!("{person}/invite"), vec![]),
        (format!("{person}/make-owner"), vec![]),
        (format!("{person}/move"), vec![("to", "7")]),
        ("/ui/accounts/2311/teams".into(), vec![("name", "X")]),
        ("/ui/accounts/2311/teams/1".into(), vec![("name", "X")]),
        ("/ui/accounts/2311/teams/1/delete".into(), vec![]),
        ("/ui/accounts/2311/roles/new".into(), vec![("name", "x")]),
        ("/ui/accounts/2311/roles/reader".into(), vec![]),
        ("/ui/accounts/2311/roles/reader/delete".into(), vec![]),
        ("/ui/accounts/2311/account".into(), vec![("name", "X")]),
        ("/ui/accounts/2311/account/delete".into(), vec![("confirm", "Acme")]),
        ("/ui/accounts".into(), vec![("name", "X")]),
    ];
    let before = (
        test.rows(),
        format!(
            "{:?}",
            test.query(|r| r.all("select name, email, active from users", [], |row| {
                Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
            }))
        ),
    );
    for (path, form) in &posts {
        for browser in [&member, &stranger] {
            let answer = browser.try_post(path, form).await;
            assert!(matches!(answer.status.as_u16(), 403 | 404), "{path}: {} {}", answer.status, answer.text);
        }
        let anonymous = test.post(path).form(form).send().await;
        assert_eq!(anonymous.status, 401, "{path}");
        assert!(anonymous.text.contains("You are signed out"));
    }
    for path in ["activity", "activity/export", "account/delete", "roles/new"] {
        assert_eq!(member.try_get(&format!("/ui/accounts/2311/{path}")).await.status, 403, "{path}");
    }
    for path in ["users", "users/1", "teams", "teams/1", "roles", "roles/reader", "activity", "api-keys", "account"] {
        let page = stranger.try_get(&format!("/ui/accounts/2311/{path}")).await;
        assert_eq!(page.status, 403, "{path}");
        assert!(!page.text.contains("Acme") && !page.text.contains("Compilers"), "{path}");
    }
    let after = format!(
        "{:?}",
        test.query(|r| r.all("select name, email, active from users", [], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
        }))
    );
    assert_eq!((test.rows(), after), before);
}

#[tokio::test]
async fn a_persons_life_by_pages() {
    let test = TestApp::new();
    let browser = Browser::of(&test, ADA).await;
    browser.post("/ui/accounts/2311/teams", &[("name", "Compilers")]).await;
    let form = [
        ("do", "create"),
        ("email", "grace@example.com"),
        ("teamId", "1"),
        ("roles-shown", "yes"),
        ("role.admin", "on"),
    ];
    browser.post(USERS, &form).await;
    let person = format!("{USERS}/2");
    let page = browser.get(&person).await;
    for known in ["Compilers", "Role admin", "New welcome link", "created grace@example.com"] {
        assert!(page.contains(known), "{known}");
    }
    let seen = version(&browser.get(&format!("{person}/place")).await);
    let place = [
        ("version", seen.as_str()),
        ("teamId", ""),
        ("role.member", "on"),
        ("permission.events.read", "on"),
        ("admin-shown", "yes"),
    ];
    browser.post(&format!("{person}/place"), &place).await;
    let late = browser.try_post(&format!("{person}/place"), &place).await;
    assert_eq!(late.status, 412, "an old form gives back nothing that was taken away");
    let page = browser.get(&person).await;
    assert!(page.contains("Given directly") && page.contains("Role member") && !page.contains("Role admin"));

    let invited = browser.try_post(&format!("{person}/invite"), &[]).await;
    let shown = follow(&test, &browser.cookie, &invited).await;
    assert!(shown.status == 200 && shown.text.contains("/ui/welcome/v4.local."), "{}", shown.text);

    browser.post(&format!("{person}/suspend"), &[]).await;
    assert!(browser.get(&person).await.contains("Suspended"));
    browser.post(&format!("{person}/activate"), &[]).await;
    assert!(browser.get(&format!("{person}/remove")).await.contains("Take grace@example.com out of Acme?"));
    assert_eq!(browser.post(&format!("{person}/remove"), &[]).await, USERS);
    assert_eq!(browser.try_get(&person).await.status, 404);
    assert!(browser.get(&format!("{USERS}?status=bin")).await.contains("grace@example.com"));
    let again = browser.try_post(USERS, &[("do", "create"), ("email", "grace@example.com")]).await;
    assert!(again.status == 409 && again.text.contains("was taken out of this account"), "{}", again.text);
    browser.post(&format!("{person}/restore"), &[]).await;
    let page = browser.get(&person).await;
    assert!(page.contains("Given directly"), "what they had is back");
    let activity = browser.get("/ui/accounts/2311/activity?about=2").await;
    let her = "<a href=\"/ui/accounts/2311/users/2\">grace@example.com</a>";
    let deeds = [
        format!("took {her} out of the account"),
        format!("put {her} back into the account"),
        format!("made a new welcome link for {her}"),
        format!("suspended {her}"),
        format!("made {her} active again"),
        format!("changed {her}’s roles"),
    ];
    for sentence in &deeds {
        assert!(activity.contains(sentence), "{sentence}");
    }
    for told in ["Roles: admin → member", "Team: Compilers", "Team: Compilers → nothing", "About grace@example.com"]
    {
        assert!(activity.contains(told), "{told}");
    }

    browser.post("/ui/accounts/2311/roles/new", &[("name", "auditor"), ("permission.events.read", "on")]).await;
    test.member("2311", "auditor@example.com", "auditor");
    let auditor = Browser::of(&test, "auditor@example.com").await;
    let unlinked = auditor.get("/ui/accounts/2311/activity?about=2").await;
    browser.post(&format!("{person}/remove"), &[]).await;
    let gone = browser.get("/ui/accounts/2311/activity?about=2").await;
    for sentence in deeds.map(|sentence| sentence.replace(her, "grace@example.com")) {
        assert!(unlinked.contains(&sentence), "to who may see no people: {sentence}");
        assert!(gone.contains(&sentence), "of who has no page: {sentence}");
    }
}

#[tokio::test]
async fn preferences_for_one_account_leave_those_for_all_alone() {
    let test = TestApp::new();
    let browser = Browser::of(&test, ADA).await;
    for (account, delivery) in [("", "email"), ("2311", "sms")] {
        let seen = version(&browser.get(&format!("/ui/me/preferences?account={account}")).await);
        let form = [("do", "save"), ("account", account), ("version", &seen), ("pref.lead_created", delivery)];
        assert_eq!(browser.post("/ui/me/preferences", &form).await, "/ui/me");
    }
    let me = test.get("/me").token(&test.token(ADA)).send().await.json();
    assert_eq!(
        me["notificationPreferences"],
        json!({"lead_created": [
            {"event": "lead_created", "deliveryPref": ["email"]},
            {"event": "lead_created", "accountId": "2311", "deliveryPref": ["sms"]},
        ]})
    );
    let page = browser.get("/ui/me/preferences?account=2311").await;
    assert!(page.contains("value=\"sms\" aria-label=\"Lead created: SMS\" checked"));
    assert!(!page.contains("value=\"email\" aria-label=\"Lead created: E-mail\" checked"));
}

#[tokio::test]
async fn an_invitation_to_another_account_is_accepted_or_declined_on_ones_own_page() {
    let test = TestApp::new();
    test.account("7", "Other", "admin@other.example");
    test.member("7", "grace@example.com", permissions::MEMBER);
    let (ada, grace) = (Browser::of(&test, ADA).await, Browser::of(&test, "grace@example.com").await);
    let invite = async || {
        let form = [("do", "create"), ("email", "grace@example.com"), ("name", "A guess")];
        let invited = follow(&test, &ada.cookie, &ada.try_post(USERS, &form).await).await;
        assert!(invited.text.contains("was invited") && !invited.text.contains("/ui/welcome/"), "{}", invited.text);
    };
    invite().await;
    let list = ada.get(&format!("{USERS}?status=invited")).await;
    assert!(list.contains("grace@example.com") && list.contains("Invited"));
    assert!(grace.get("/ui/me").await.contains("ada@example.com invited you"));
    assert_eq!(grace.try_get("/ui/accounts/2311/users").await.status, 403, "not before they accept");
    grace.post("/ui/me/accounts/2311/decline", &[]).await;
    let activity = ada.get("/ui/accounts/2311/activity").await;
    assert!(activity.contains("declined the invitation to the account") && !activity.contains("Pending: "));
    let page = grace.get("/ui/me").await;
    assert!(!page.contains("Acme") && page.contains("An admin there can put you back"));
    invite().await;
    grace.post("/ui/me/accounts/2311/accept", &[]).await;
    grace.get("/ui/accounts/2311/users").await;
    let page = grace.get("/ui/me").await;
    assert!(!page.contains("put you back for 30 days") && page.contains("Nobody can put you back"));
    grace.post("/ui/me/accounts/2311/primary", &[]).await;
    grace.post("/ui/me/accounts/7/leave", &[]).await;
    assert_eq!(grace.try_get("/ui/accounts/7/users").await.status, 403);
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_does_no_more_than_was_ticked() {
    let test = TestApp::new();
    let browser = Browser::of(&test, ADA).await;
    let keys = "/ui/accounts/2311/api-keys";
    let form = [("name", "Nightly import"), ("days", "30"), ("scope", "only"), ("permission.users.read", "on")];
    let made = follow(&test, &browser.cookie, &browser.try_post(keys, &form).await).await;
    let key = made.text.split("value=\"v4.local.").nth(1).unwrap().split('"').next().unwrap();
    let key = format!("v4.local.{key}");
    let list = browser.get(keys).await;
    assert!(list.contains("Nightly import") && !list.contains("v4.local."));
    assert_eq!(test.get("/users").token(&key).account("2311").send().await.status, 200);
    let body = json!({"email": "x@example.com"});
    assert_eq!(test.post("/users").token(&key).account("2311").json(&body).send().await.status, 403);
    let id = list.split("/api-keys/").nth(1).unwrap().split('/').next().unwrap();
    browser.post(&format!("{keys}/{id}/delete"), &[]).await;
    assert_eq!(test.get("/users").token(&key).account("2311").send().await.status, 401);
}

#[tokio::test]
async fn sessions_and_passwords_are_ended_and_changed_on_ones_own_page() {
    let test = TestApp::new();
    let (desk, phone) = (Browser::of(&test, ADA).await, Browser::of(&test, ADA).await);
    let page = desk.get("/ui/me").await;
    assert!(page.contains("Firefox on Linux") && page.contains("This browser"));
    let id = page.split("/ui/me/sessions/").nth(2).unwrap().split('/').next().unwrap();
    desk.post(&format!("/ui/me/sessions/{id}/end"), &[]).await;
    assert_eq!(phone.try_get("/ui/me").await.status, 303);

    let phone = Browser::of(&test, ADA).await;
    let wrong = desk.try_post("/ui/me/password", &[("current", "not it at all"), ("password", "a new long one")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("This is not your password"));
    let set = desk.try_post("/ui/me/password", &[("current", PASSWORD), ("password", "a new long one")]).await;
    assert_eq!(desk.try_get("/ui/me").await.status, 303, "the session goes on under a new id");
    let desk = Browser { test: &test, cookie: cookie(&set) };
    assert_eq!(desk.try_get("/ui/me").await.status, 200, "this browser stays");
    assert_eq!(phone.try_get("/ui/me").await.status, 303, "the others are signed out");
    let sign_in = |password| test.post("/ui/sign-in").form(&[("email", ADA), ("password", password)]).send();
    assert_eq!(sign_in(PASSWORD).await.status, 401);
    assert_eq!(sign_in("a new long one").await.status, 303);
}

#[tokio::test]
async fn an_account_is_made_renamed_and_deleted() {
    let test = TestApp::new();
    let browser = Browser::of(&test, ADA).await;
    assert_eq!(browser.post("/ui/accounts", &[("name", "Second"), ("id", "")]).await, "/ui/accounts/2312/users");
    let taken = browser.try_post("/ui/accounts", &[("name", "Third"), ("id", "2311")]).await;
    assert!(taken.status == 409 && taken.text.contains("href=\"#id\""));
    browser.post("/ui/accounts/2312/account", &[("name", "Zweite")]).await;
    let delete = "/ui/accounts/2312/account/delete";
    let wrong = browser.try_post(delete, &[("confirm", "Second")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("confirm it with its name: Zweite"));
    assert_eq!(browser.post(delete, &[("confirm", "Zweite")]).await, "/ui/me");
    assert_eq!(browser.try_get("/ui/accounts/2312/users").await.status, 403);
    assert!(browser.get("/ui/accounts").await.contains("Deleted accounts"));
    browser.post("/ui/removed-accounts/2312/restore", &[]).await;
    browser.get("/ui/accounts/2312/users").await;
}

#[tokio::test]
async fn the_last_admin_stays_whatever_is_clicked() {
    let test = TestApp::new();
    let browser = Browser::of(&test, ADA).await;
    for (path, said) in [
        ("/ui/accounts/2311/users/1/remove", "last admin"),
        ("/ui/me/accounts/2311/leave", "last admin"),
        ("/ui/accounts/2311/users/1/unmake-owner", "last owner"),
        ("/ui/accounts/2311/users/1/suspend", "suspend yourself"),
    ] {
        let refused = browser.try_post(path, &[]).await;
        assert!(refused.status == 409 && refused.text.contains(said), "{path}: {}", refused.text);
    }
    let seen = version(&browser.get("/ui/accounts/2311/users/1/place").await);
    let place = [("version", seen.as_str()), ("role.admin", "on"), ("admin-shown", "yes")];
    let refused = browser.try_post("/ui/accounts/2311/users/1/place", &place).await;
    assert!(refused.status == 409 && refused.text.contains("last admin"), "{}", refused.text);
    let standing = test.query(|r| memberships::standing(r, &"2311".parse().unwrap(), 1));
    assert!(standing.unwrap().account_admin);
}

#[tokio::test]
async fn what_happened_can_be_taken_along() {
    let test = TestApp::new();
    let browser = Browser::of(&test, ADA).await;
    test.member("2311", "grace@example.com", permissions::MEMBER);
    let export = browser.try_get("/ui/accounts/2311/activity/export?event=user_created").await;
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    assert_eq!(export.header("content-disposition"), "attachment; filename=\"events-2311.ndjson\"");
    let lines: Vec<serde_json::Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|event| event["event"] == "user_created"));
    let page = browser.get("/ui/accounts/2311/activity?from=2026-11-23&to=2026-11-23").await;
    assert!(page.contains("signed in"));
    assert!(browser.get("/ui/accounts/2311/activity?to=2026-11-22").await.contains("Nothing found"));
}
