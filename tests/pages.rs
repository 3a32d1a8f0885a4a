//! The list, the form of a new user, and what goes wrong, as a browser without JavaScript sees them.

use rollcall::domain::permissions;
use serde_json::json;

use crate::support::{ADA, PASSWORD, TestApp};
use crate::visitor::{OWNER, Page, cookie, events, follow, set_up_link, sign_in};

#[tokio::test]
async fn a_user_made_in_the_browser_is_welcomed_and_signs_in() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let form = [
        ("do", "create"),
        ("email", "grace@example.com"),
        ("name", "Grace Hopper"),
        ("phone", "+1 212 555 0100"),
        ("imgSrc", "https://example.com/grace.png"),
        ("active", "true"),
        ("scope", "account"),
        ("pref.lead_created", "email"),
        ("pref.lead_created", "sms"),
        ("pref.ticket_assigned", "website"),
    ];
    let created = test
        .post("/ui/accounts/2311/users")
        .cookie(&session)
        .header("host", "people.local:8080")
        .form(&form)
        .send()
        .await;
    let created = follow(&test, &session, &created).await;
    assert!(created.text.contains("Grace Hopper can sign in now"));
    let link = created.text.split("http://people.local:8080").nth(1).unwrap().split('"').next().unwrap();

    let user = test.get("/users/2").token(&test.token(ADA)).account("2311").send().await.json();
    assert_eq!(user["createdBy"], ADA);
    assert_eq!(
        user["notificationPreferences"],
        json!({
            "lead_created": [{"event": "lead_created", "accountId": "2311", "deliveryPref": ["email", "sms"]}],
            "ticket_assigned": [{"event": "ticket_assigned", "accountId": "2311", "deliveryPref": ["website"]}],
        })
    );

    let welcome = test.get(link).send().await;
    assert!(welcome.status == 200 && welcome.text.contains("Welcome, Grace Hopper") && welcome.text.contains("Acme"));
    let short = test.post(link).form(&[("password", "short")]).send().await;
    assert!(short.status == 400 && short.text.contains("Use at least 8 characters"));
    let accepted = test.post(link).form(&[("password", "a good long one")]).send().await;
    assert_eq!((accepted.status.as_u16(), accepted.header("location")), (303, "/ui/me"));
    let page = test.get("/ui/me").cookie(&cookie(&accepted)).send().await;
    for known in ["Grace Hopper", "+1 212 555 0100", "https://example.com/grace.png", "Lead created", "in Acme only"] {
        assert!(page.text.contains(known), "{known}");
    }
    let again = test.post(link).form(&[("password", "another long one")]).send().await;
    assert_eq!(again.status, 401, "an invitation is over once there is a password");
    let form = [("email", "grace@example.com"), ("password", "a good long one")];
    assert_eq!(test.post("/ui/sign-in").form(&form).send().await.status, 303);
    insta::assert_debug_snapshot!(events(&test)[3..], @r#"
    [
        "user_logged_in in 2311 by ada@example.com",
        "user_created in 2311 by ada@example.com",
        "user_logged_in in 2311 by grace@example.com",
        "user_password_changed in 2311 by grace@example.com",
        "user_logged_in in 2311 by grace@example.com",
    ]
    "#);
}

#[tokio::test]
async fn the_form_says_what_is_wrong_and_keeps_what_was_typed() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let before = test.rows();
    let form = [
        ("do", "create"),
        ("email", "grace"),
        ("name", "Grace \"Amazing\" Hopper"),
        ("imgSrc", "javascript:alert(1)"),
        ("active", "false"),
        ("pref.lead_created", "sms"),
    ];
    let page = test.post("/ui/accounts/2311/users").cookie(&session).form(&form).send().await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("A few things are in the way"));
    assert!(page.text.contains("href=\"#email\"") && page.text.contains("href=\"#imgSrc\""));
    assert!(page.text.contains("value=\"Grace &#34;Amazing&#34; Hopper\""));
    assert!(page.text.contains("name=\"active\" value=\"false\" checked"));
    let sms = "name=\"pref.lead_created\" value=\"sms\" aria-label=\"Lead created: SMS\" checked";
    assert!(page.text.contains(sms));
    assert_eq!(test.rows(), before);

    let form = [("do", "create"), ("email", ADA)];
    let taken = test.post("/ui/accounts/2311/users").cookie(&session).form(&form).send().await;
    assert_eq!(taken.status, 409);
    assert!(taken.text.contains("is in this account already, as user 1"));
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn the_grid_works_without_javascript() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let before = test.rows();
    let press = async |fields: &[(&str, &str)]| {
        let page = test.post("/ui/accounts/2311/users").cookie(&session).form(fields).send().await;
        assert_eq!(page.status, 200);
        page.text
    };
    let ticked = |page: &str| page.matches(" checked></label></td>").count();
    assert_eq!(ticked(&press(&[("do", "preset.website")]).await), 163);
    assert_eq!(ticked(&press(&[("do", "preset.nothing"), ("pref.lead_created", "sms")]).await), 0);
    let page = press(&[("do", "column.5.email"), ("pref.lead_created", "email"), ("email", "kept@example.com")]).await;
    assert!(ticked(&page) > 10 && page.contains("value=\"kept@example.com\""));
    let all: Vec<_> = page.match_indices("aria-label=\"Lead ").collect();
    assert_eq!(ticked(&page) * 5, all.len(), "the column of one group");
    let found = press(&[("do", "filter"), ("filter", "ticket assigned")]).await;
    assert_eq!(found.matches("<tr><th scope=\"row\">").count(), 1, "one row is left");
    let entered = press(&[("do", "enter"), ("filter", "passkey"), ("shown", ""), ("email", "x@example.com")]).await;
    assert!(entered.contains("Passkey renamed"), "Enter in the filter's field filters");
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn the_list_searches_filters_sorts_and_pages() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let token = test.token(ADA);
    for n in 10..70 {
        let body = json!({"email": format!("person{n}@example.com"), "name": format!("Åsa {n}"), "active": n % 3 != 0});
        assert_eq!(test.post("/users").token(&token).account("2311").json(&body).send().await.status, 201);
    }
    let open = async |path: &str| {
        let page = test.get(path).cookie(&session).send().await;
        assert_eq!(page.status, 200, "{path}");
        page.text
    };
    let base = "/ui/accounts/2311/users";
    let rows = |page: &str| page.matches("<td class=\"who\">").count();
    let link = |page: &str, rel: &str| {
        let tag = page.split(&format!("rel=\"{rel}\" href=\"")).nth(1)?;
        Some(tag.split('"').next()?.replace("&#38;", "&"))
    };
    let first = open(base).await;
    assert!(first.contains("Users <span class=\"count\">61</span>"));
    assert_eq!((rows(&first), link(&first, "prev")), (25, None));
    let second = open(&link(&first, "next").unwrap()).await;
    let third = open(&link(&second, "next").unwrap()).await;
    assert_eq!((rows(&second), rows(&third), link(&third, "next")), (25, 11, None));
    assert_eq!(open(&link(&third, "prev").unwrap()).await, second);

    let found = open(&format!("{base}?query=ASA+1")).await;
    assert_eq!(rows(&found), 10);
    assert!(found.contains("“ASA 1”"));
    let suspended = open(&format!("{base}?status=suspended&query=person1")).await;
    assert_eq!(rows(&suspended), 3);
    assert!(open(&format!("{base}?query=zzz")).await.contains("Nobody found"));
    let newest = open(&format!("{base}?sort=-createdAt")).await;
    assert!(newest.contains("aria-sort=\"descending\""));
    assert!(newest.find("person69").unwrap() < newest.find("person68").unwrap());
    assert_eq!(rows(&open(&format!("{base}?sort=nonsense&cursor=nonsense&status=maybe")).await), 25);
}

#[tokio::test]
async fn what_people_are_called_is_shown_and_never_run() {
    let test = TestApp::new();
    let (session, token) = (sign_in(&test, ADA).await, test.token(ADA));
    let evil = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let body = json!({"email": "\"<script>\"@example.com", "name": evil, "imgSrc": "https://example.com/\"><script>"});
    let made = test.post("/users").token(&token).account("2311").json(&body).send().await;
    assert!(made.status == 201 || made.status == 400);
    let body = json!({"email": "evil@example.com", "name": evil, "imgSrc": "https://example.com/\"><script>"});
    let id = test.post("/users").token(&token).account("2311").json(&body).send().await.json()["id"].clone();
    let query = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        "/ui/accounts/2311/users".to_owned(),
        format!("/ui/accounts/2311/users/{id}"),
        format!("/ui/accounts/2311/users?query={query}"),
        format!("/ui/sign-in?next={query}"),
        format!("/ui/{query}"),
    ] {
        let page = test.get(&path).cookie(&session).send().await;
        let ours = page.text.matches("<script src=\"/static/").count();
        assert!(ours > 0);
        assert_eq!(page.text.matches("<script").count(), ours, "{path}: only our own");
        assert!(!page.text.contains("<img src=x"), "{path}");
        assert!(page.header("content-security-policy").contains("script-src 'self';"));
    }
}

#[tokio::test]
async fn forms_are_only_taken_from_our_own_pages() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    let before = test.rows();
    let form = [("do", "create"), ("email", "grace@example.com")];
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for path in ["/ui/accounts/2311/users", "/ui/sign-in", "/ui/sign-out"] {
            let refused = test
                .post(path)
                .cookie(&session)
                .header("host", "127.0.0.1:8080")
                .header(name, value)
                .form(&form)
                .send()
                .await;
            assert_eq!(refused.status, 403, "{path} {name}: {value}");
            assert!(refused.text.contains("not sent from a page of this server"));
        }
    }
    assert_eq!(test.rows(), before);
}

/// Over plain HTTP browsers send no `Sec-Fetch-Site`, and behind a proxy the host may be another one.
#[tokio::test]
async fn our_own_pages_are_known_by_their_origin() {
    let test = TestApp::new();
    let form = [("email", ADA), ("password", PASSWORD)];
    let own = test.post("/ui/sign-in").header("host", "people.local:8080").header("origin", "http://people.local:8080");
    assert_eq!(own.form(&form).send().await.status, 303);
    let page = test.get("/ui/sign-in").send().await;
    assert_eq!(page.header("referrer-policy"), "same-origin", "with no-referrer the origin would be null");

    let test = TestApp::with(|config| config.public_url = Some("https://people.example.com".parse().unwrap()));
    let link = format!("/ui/set-up/{}", set_up_link(&test));
    let proxied = test.post(&link).header("host", "10.0.0.7:8080").header("origin", "https://people.example.com");
    assert_eq!(proxied.form(OWNER).send().await.status, 303);
}

#[tokio::test]
async fn who_says_two_things_about_where_a_form_is_from_is_believed_neither() {
    let test = TestApp::new();
    let send = async |origin: &str, site: &str| {
        let call = test.post("/ui/sign-in").header("host", "people.local:8080").header("origin", origin);
        call.header("sec-fetch-site", site).form(&[("email", ADA), ("password", PASSWORD)]).send().await.status
    };
    for site in ["same-origin", "none"] {
        for foreign in ["https://evil.example", "http://people.local", "ftp://people.local:8080", "people.local:8080"] {
            assert_eq!(send(foreign, site).await, 403, "{foreign}, {site}");
        }
        assert_eq!(send("http://people.local:8080", site).await, 303, "{site}");
        assert_eq!(send("null", site).await, 303, "what our own forms say when the origin is told to nobody: {site}");
    }
    for site in ["cross-site", "same-site", "anything"] {
        for origin in ["null", "http://people.local:8080"] {
            assert_eq!(send(origin, site).await, 403, "{origin}, {site}");
        }
    }
}

#[tokio::test]
async fn who_may_not_is_told_so_on_a_page() {
    let test = TestApp::new();
    test.account("7", "Other", "admin@other.example");
    test.member("2311", "member@example.com", permissions::MEMBER);
    let member = sign_in(&test, "member@example.com").await;
    let list = test.get("/ui/accounts/2311/users").cookie(&member).send().await;
    assert!(list.status == 200 && !list.text.contains("New user"));
    let before = test.rows();
    let form = [("do", "create"), ("email", "x@example.com")];
    for refused in [
        test.get("/ui/accounts/2311/users/new"),
        test.post("/ui/accounts/2311/users").form(&form),
        test.post("/ui/accounts/2311/users").form(&[("do", "preset.website")]),
        test.get("/ui/accounts/7/users"),
        test.get("/ui/accounts/nowhere/users"),
        test.post("/ui/accounts/7/users").form(&form),
    ] {
        let page = refused.cookie(&member).send().await;
        assert_eq!(page.status, 403, "{}", page.text);
        assert!(page.text.contains("You may not do this"));
        assert!(page.text.contains(page.header("x-request-id")));
        assert!(!page.text.contains("admin@other.example"));
    }
    let closed = test.get("/ui/accounts/7/users").cookie(&member).send().await.text;
    let missing = test.get("/ui/accounts/8/users").cookie(&member).send().await.text;
    let without_id = |page: &str| page.split("request ID").next().unwrap().to_owned();
    assert_eq!(without_id(&closed), without_id(&missing), "a closed account looks like none");
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    for path in ["/ui/nowhere", "/ui/accounts/2311/users/99", "/ui/accounts/2311/users/abc"] {
        let page = test.get(path).cookie(&session).send().await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("There is nothing here"));
    }
    assert_eq!(test.post("/ui/me").cookie(&session).send().await.status, 405);
    let page = test.get("/ui/welcome/v4.local.nonsense").send().await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("This link is not complete"));
}

#[tokio::test]
async fn a_fault_of_ours_is_a_page_with_its_request_id_and_nothing_else() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    test.app.db().write_here(|w| w.run("alter table memberships rename to gone", [])).unwrap();
    let page = test.get("/ui/accounts/2311/users").cookie(&session).send().await;
    assert_eq!(page.status, 500);
    assert!(page.text.contains("Something went wrong") && page.text.contains(page.header("x-request-id")));
    assert!(!page.text.contains("memberships") && !page.text.contains("SQL"));
}

#[tokio::test]
async fn a_form_has_a_limit() {
    let test = TestApp::new();
    let page = test.post("/ui/sign-in").form(&[("email", &"a".repeat(300 * 1024))]).send().await;
    assert_eq!(page.status, 413);
}

/// Signed out in the meantime: the form is sent again as it was, but for secrets, which no page repeats.
#[tokio::test]
async fn what_was_typed_outlives_the_session_it_was_typed_in() {
    let test = TestApp::new();
    let users = "/ui/accounts/2311/users";
    let form = [("email", "grace@example.com"), ("name", "Grace \"Amazing\" Hopper"), ("do", "create")];
    let page = test.post(users).form(&form).send().await;
    assert_eq!(page.status, 401, "{}", page.text);
    assert!(page.text.contains(&format!("<form method=\"post\" action=\"{users}\">")), "{}", page.text);
    assert!(page.text.contains("name=\"name\" value=\"Grace &#34;Amazing&#34; Hopper\""), "{}", page.text);
    let secret = [("password", "a good long one"), ("current", "another one")];
    let page = test.post("/ui/me/password").form(&secret).send().await;
    assert!(page.status == 401 && !page.text.contains("a good long") && !page.text.contains("another one"));
    assert!(page.text.contains("href=\"/ui/sign-in\""));
}
