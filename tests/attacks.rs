//! What an outsider, or a member who wants more, would try first.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use poem::http::Method;
use rollcall::domain::tokens::Kind;
use rollcall::domain::{permissions, sessions};
use serde_json::json;

use crate::cli::{init, rollcall};
use crate::support::{ADA, PASSWORD, TestApp};
use crate::visitor::{self, OWNER, Page};

/// Markup, as it would be typed into any field that takes a line of text.
const MARKUP: &str = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{7*7}}${7*7}<!--";

/// Pages that show what is called so.
const SHOWN: [&str; 9] = [
    "users",
    "users?query=script",
    "users/2",
    "users/2/edit",
    "users/2/place",
    "users/2/remove",
    "teams",
    "teams/1",
    "activity",
];

#[tokio::test]
async fn markup_in_any_field_is_text_on_every_page() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let img = "https://example.com/\"onload=alert(3)//<script>";
    let grace = json!({"email": "grace@example.com", "name": MARKUP, "imgSrc": img});
    ada.post("/users", grace).await.done();
    ada.post("/teams", json!({"name": MARKUP})).await.done();
    ada.patch("/users/2/membership", json!({"teamId": 1})).await.done();
    ada.patch("/accounts/2311", json!({"name": MARKUP})).await.done();
    ada.post("/events", json!({"event": "lead_created", "subject": MARKUP, "changes": {MARKUP: MARKUP}})).await.done();
    let key = json!({"name": MARKUP, "expiresAt": "2027-10-01T00:00:00Z"});
    ada.post("/api-keys", key).await.done();
    let link = test.app.db().write_here(|w| sessions::create_link(w, None)).unwrap();
    let link = format!("/ui/sign-in/{}", test.app.seal(&link).unwrap());
    let browser = visitor::cookie(&test.post(&link).header("user-agent", MARKUP).send().await);
    let pages = SHOWN.into_iter().chain(["api-keys", "account", "account/delete", "teams/1/delete"]);
    let pages = pages.map(|page| format!("/ui/accounts/2311/{page}")).chain(["/ui/me".into(), "/ui/accounts".into()]);
    let mut shown = 0;
    for page in pages {
        let answer = test.get(&page).cookie(&browser).send().await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text);
        for markup in ["<script>alert", "<img src=x", "\"onload=", "\" onload", "onerror=alert(2)>'"] {
            assert!(!answer.text.contains(markup), "{page} holds {markup}");
        }
        assert!(!answer.text.contains("{{49}}") && !answer.text.contains("$49"), "{page}");
        shown += usize::from(answer.text.contains("alert(1)"));
    }
    assert!(shown >= 10, "only {shown} pages show it at all");
    // What was typed wrongly is shown again, and what was asked for in an address.
    let typed = [("email", MARKUP), ("name", MARKUP), ("phone", MARKUP), ("imgSrc", MARKUP)];
    let again = test.post("/ui/accounts/2311/users").cookie(&browser).form(&typed).send().await;
    let failed = test.post("/ui/sign-in").form(&[("email", MARKUP), ("next", MARKUP)]).send().await;
    let asked = test.get("/ui/sign-in?next=%22%3E%3Cscript%3Ealert(1)").send().await;
    for answer in [again, failed, asked] {
        assert!(!answer.text.contains("<script>alert") && !answer.text.contains("<img src=x"), "{}", answer.text);
    }
}

#[tokio::test]
async fn sql_in_any_field_is_text() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let sql = "x'); drop table users; --";
    ada.post("/users", json!({"email": "grace@example.com", "name": sql})).await.done();
    ada.post("/teams", json!({"name": sql})).await.done();
    ada.post("/events", json!({"event": "lead_created", "subject": sql, "changes": {sql: sql}})).await.done();
    assert_eq!(ada.get("/users/2").await.done()["name"], sql);
    assert_eq!(ada.get("/teams/1").await.done()["name"], sql);
    // The index of words has a language of its own; none of it is spoken from outside.
    for query in [
        "\"",
        "\"\"\"",
        "a OR b",
        "email_key:ada",
        "name_key : ada",
        "NEAR(a b)",
        "ada*",
        "^ada",
        "{a b}",
        "-ada",
        "(",
        "+",
        "%",
        "_",
        "ad_",
    ] {
        let path: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let found = ada.get(&format!("/users?query={path}")).await.done();
        assert_eq!(found["items"], json!([]), "{query} is a text that nobody's name holds");
    }
    // SQLite ends a text there, in the middle of its quotes.
    for query in ["ada%00lovelace", "%00%00%00%00", "ad%00a%22*"] {
        let found = ada.get(&format!("/users?query={query}")).await.done();
        assert_eq!(found["items"], json!([]), "{query}");
    }
    for path in [
        "/users?sort=email;--",
        "/users?role='%20or%20'1'='1",
        "/roles/x'%20or%20'1'='1",
        "/users/1%20or%201=1",
        "/events?from='",
    ] {
        let answer = ada.get(path).await;
        let nothing = answer.status == 200 && answer.json()["items"] == json!([]);
        assert!(nothing || answer.status.is_client_error(), "{path}: {}", answer.text);
    }
    let in_sign_in = test.post("/ui/sign-in").form(&[("email", "' or 1=1 --"), ("password", PASSWORD)]).send().await;
    assert_eq!(in_sign_in.status, 401);
    assert_eq!(test.rows()[1], ("users", 2));
}

/// A path is decoded once, by the router, and leads where it says or nowhere.
#[tokio::test]
async fn a_path_is_what_it_looks_like() {
    let test = TestApp::new();
    let ada = visitor::sign_in(&test, ADA).await;
    for path in [
        "/static/../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/..%2fCargo.toml",
        "/static/..%5cCargo.toml",
        "/static/%2fetc/passwd",
        "/static//etc/passwd",
        "/static/app.css%00.html",
        "/static/",
        "/static",
        "/.git/config",
        "/rollcall.db",
        "/rollcall-data/rollcall.key",
        "//ui/me",
        "/ui//me",
        "/ui/me/",
        "/ui/me;a=b",
        "/ui/me%2f",
        "/ui/%6de%00",
        "/ui/../ui/me",
        "/ui/sign-in/../me",
        "/UI/me",
        "/ui/accounts/2311%2fusers",
        "/ui/accounts/2311/users/1%2fedit",
        "/users/1/../1",
        "/users/%2e%2e/me",
        "/users//1",
        "/users/1;x=1",
        "/users/1%00",
        "/users/+1%20",
        "/users/0x1",
        "/users/1e0",
        "/openapi.json/",
        "/openapi.json%00",
        "/docs/..;/me",
    ] {
        let call = test.get(path).cookie(&ada).token(&test.token(ADA)).account("2311");
        let answer = call.send().await;
        assert_eq!(answer.status, 404, "{path}: {} {}", answer.status, answer.text);
        let stranger = test.get(path).account("2311").send().await;
        let status = stranger.status.as_u16();
        assert!(
            matches!(status, 401 | 404) || stranger.header("location").starts_with("/ui/sign-in"),
            "{path}: {status}"
        );
    }
}

#[tokio::test]
async fn no_other_origin_may_read() {
    let test = TestApp::new();
    for (method, path) in
        [(Method::GET, "/users"), (Method::OPTIONS, "/users"), (Method::GET, "/ui/me"), (Method::GET, "/openapi.json")]
    {
        let call = test.call(method.clone(), path).header("origin", "https://evil.example");
        let answer = call.header("access-control-request-method", "POST").send().await;
        let told: Vec<_> = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
        assert!(told.is_empty(), "{method} {path}: {told:?}");
    }
}

/// A small body that would be a large one is taken for what it is: no JSON.
#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let test = TestApp::new();
    let (token, before) = (test.token(ADA), test.rows());
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".repeat(10);
    let call = test.post("/users").token(&token).account("2311").header("content-type", "application/json");
    let answer = call.header("content-encoding", "gzip").body(gzip).send().await;
    assert!(answer.error().starts_with("400 malformed_json") || answer.status == 415, "{}", answer.text);
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn what_is_not_ones_to_set_is_refused_by_name() {
    let test = TestApp::new();
    test.member("2311", "grace@example.com", permissions::MEMBER);
    let grace = test.client("grace@example.com", "2311");
    let before = test.rows();
    for field in [
        "id",
        "owner",
        "accountAdmin",
        "roles",
        "permissions",
        "flatRolesList",
        "flatPermissionsList",
        "accounts",
        "createdBy",
        "updatedBy",
        "createdAt",
        "token",
        "active",
        "pending",
        "__proto__",
        "constructor",
        "email_key",
        "password",
    ] {
        let answer = grace.patch("/me", json!({field: ["admin"]})).await;
        assert!(answer.error().starts_with("400 unknown_field"), "{field}: {}", answer.text);
    }
    let ada = test.client(ADA, "2311");
    for field in ["id", "owner", "createdBy", "token", "flatPermissionsList", "usersPrimaryAccount", "password"] {
        let answer = ada.post("/users", json!({"email": "new@example.com", field: true})).await;
        assert!(answer.error().starts_with("400 unknown_field"), "{field}: {}", answer.text);
    }
    let browser = visitor::sign_in(&test, "grace@example.com").await;
    let form = [
        ("name", "Grace"),
        ("owner", "1"),
        ("role.admin", "on"),
        ("accountAdmin", "yes"),
        ("email", ADA),
        ("active", "0"),
        ("id", "1"),
    ];
    let answer = test.post("/ui/me/edit").cookie(&browser).form(&form).send().await;
    assert!(answer.status.as_u16() < 500);
    let (token, path) = (test.token(ADA), "/users/2");
    let user = test.get(path).token(&token).account("2311").send().await.done();
    assert_eq!((&user["email"], &user["flatRolesList"]), (&json!("grace@example.com"), &json!(["member"])));
    assert_eq!(test.rows()[1], before[1]);
}

/// What is said twice is refused, or the first counts, and never one for the check and the other for the deed.
#[tokio::test]
async fn what_is_said_twice_is_not_taken_two_ways() {
    let test = TestApp::new();
    let eve = test.account("2312", "Other", "eve@example.com");
    let before = test.rows();
    for (first, second) in [("2312", "2311"), ("2311", "2312")] {
        let call = test.get("/users").token(&eve).account(first).account(second);
        let answer = call.send().await;
        assert!(!answer.text.contains(ADA), "{first} {second}: {}", answer.text);
    }
    let ada = test.token(ADA);
    let both = test.get("/me").token(&eve).token(&ada).send().await;
    assert!(both.status == 401 || both.json()["email"] == "eve@example.com", "{}", both.text);
    let twice = test.get("/users?limit=1&limit=200").token(&eve).account("2312").send().await;
    assert_eq!(twice.error(), "400 repeated_parameter: limit: Send this once.");
    let mine = visitor::sign_in(&test, "eve@example.com").await;
    let cookies = format!("{mine}; rollcall-8080=v4.local.x");
    for cookies in [cookies, format!("rollcall-8080=v4.local.x; {mine}")] {
        let page = test.get("/ui/me").cookie(&cookies).send().await;
        assert!(page.status == 303 || page.text.contains("eve@example.com"), "{}", page.text);
    }
    assert_eq!(test.rows()[1], before[1]);
}

/// Twenty at once, each with the same link: set-up, welcome, sign-in.
#[tokio::test]
async fn of_many_who_spend_one_link_at_once_one_gets_through() {
    let test = TestApp::new();
    test.member("2311", "grace@example.com", permissions::MEMBER);
    for (kind, page, user) in [(Kind::SignInLink, "sign-in", 1), (Kind::Invitation, "welcome", 2)] {
        let claims = test.issue(kind, Some(user), std::time::Duration::from_secs(60));
        let path = format!("/ui/{page}/{}", test.app.seal(&claims).unwrap());
        let form = [("password", "a long row of plain words")];
        let answers = all((0..20).map(|_| test.post(&path).form(&form).send())).await;
        let through: Vec<_> = answers.iter().filter(|answer| answer.status == 303).collect();
        assert_eq!(through.len(), 1, "{page}: {:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        // Whoever comes while others of the same link have their passwords hashed is asked to come again.
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 303 | 401 | 503)), "{page}");
    }
    let fresh = TestApp::empty();
    let link = format!("/ui/set-up/{}", visitor::set_up_link(&fresh));
    let answers = all((0..20).map(|_| fresh.post(&link).form(OWNER).send())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1);
    assert_eq!(fresh.rows()[1], ("users", 1));
}

/// All of them at the same time, on this thread.
async fn all<F: Future>(calls: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(calls).await
}

/// A session that was planted in a browser is not the one its owner signs in with.
#[tokio::test]
async fn a_planted_session_stays_the_attackers() {
    let test = TestApp::new();
    test.member("2311", "eve@example.com", permissions::MEMBER);
    let planted = visitor::sign_in(&test, "eve@example.com").await;
    let link = test.app.db().write_here(|w| sessions::create_link(w, None)).unwrap();
    let link = format!("/ui/sign-in/{}", test.app.seal(&link).unwrap());
    let answer = test.post(&link).cookie(&planted).send().await;
    let mine = visitor::cookie(&answer);
    assert_ne!(mine, planted);
    let seen = test.get("/ui/me").cookie(&planted).send().await;
    assert!(seen.status == 303 || !seen.text.contains(ADA), "the planted one became somebody else");
    assert!(test.get("/ui/me").cookie(&mine).send().await.text.contains(ADA));
}

/// What could begin a formula in a spreadsheet, or a second line, is JSON in the export, one event a line.
#[tokio::test]
async fn an_export_has_one_line_for_an_event_whatever_is_in_it() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let changes = json!({"a\nb\r\n{}": "=cmd|' /C calc'!A0\n{\"id\":1}\u{2028}"});
    ada.post("/events", json!({"event": "lead_created", "subject": "=1+1", "changes": changes})).await.done();
    let export = ada.get("/events/export").await.text;
    let lines: Vec<serde_json::Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["changes"]), (&json!("lead_created"), &changes));
}

/// What the real server logs when it is sent these requests, as they are.
fn log_of(level: &str, requests: &[String]) -> String {
    let folder = tempfile::tempdir().unwrap();
    init(&folder.path().join("data"));
    let log = folder.path().join("log");
    let mut command = rollcall(&folder.path().join("data"));
    let command = command.args(["--log", level]).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    let address = greeting.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
    for request in requests {
        let mut stream = TcpStream::connect(address).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let length = body.len();
        let mut whole =
            format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        if head.starts_with("PRI ") {
            whole = request.clone();
        }
        // Who is refused may find the connection closed before all was sent.
        drop(stream.write_all(whole.as_bytes()));
        if head.starts_with("PRI ") {
            drop(stream.shutdown(std::net::Shutdown::Write));
        }
        drop(stream.read_to_end(&mut Vec::new()));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::read_to_string(log).unwrap()
}

/// Without TLS a client may begin with HTTP/2 at once. The library that speaks it describes every frame, with its headers.
#[test]
fn what_the_log_says_of_http2_is_ours() {
    let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x06\0\0\0\0\0zqsecret".to_owned();
    let log = log_of("debug", &[http2, "GET /nowhere HTTP/1.1".to_owned()]);
    assert!(log.contains("path=/nowhere"), "{log}");
    for theirs in ["frame", "Settings", "Connection{", "h2", "hyper", "zqsecret"] {
        assert!(!log.contains(theirs), "{theirs} is in:\n{log}");
    }
}

/// At its most talkative each request is one line, whatever was sent.
#[test]
fn a_line_break_makes_no_second_line_in_the_log() {
    let fake = "\x1b[2J2026-11-23T08:00:00.000Z  INFO rollcall: FAKE";
    let requests = [
        "GET /%0d%0a2026%20INFO%20FAKE HTTP/1.1".to_owned(),
        format!("GET /nowhere HTTP/1.1\r\nuser-agent: x\r\n {fake}"),
        "GET /nowhere HTTP/1.1\r\nauthorization: Bearer \u{85}FAKE".to_owned(),
        format!("GET /nowhere\n{fake} HTTP/1.1"),
        format!("GET /nowhere\r{fake} HTTP/1.1"),
        format!("FAKE\r\n{fake} / HTTP/1.1"),
    ];
    let log = log_of("debug", &requests);
    assert!(log.contains("/%0d%0a2026%20INFO%20FAKE"), "{log}");
    for line in log.lines() {
        let shown = line.replace("/%0d%0a2026%20INFO%20FAKE", "");
        assert!(!shown.contains("FAKE") && !shown.contains("\x1b[2J"), "{line}");
        assert!(line.get(..4).is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit())), "half a line: {line}");
    }
}

/// Who was turned away, from where and at what, without what they came with.
#[test]
fn refusals_are_in_the_log() {
    let form = "content-type: application/x-www-form-urlencoded";
    let sign_in = |email| format!("POST /ui/sign-in HTTP/1.1\r\n{form}\r\n\r\nemail={email}&password=zqsecret");
    let requests = [
        "GET /users HTTP/1.1\r\nx-account-id: 2311\r\nauthorization: Bearer zqsecret".to_owned(),
        format!("POST /ui/sign-out HTTP/1.1\r\norigin: https://evil.example\r\n{form}"),
        sign_in("ada%40example.com"),
        sign_in("zqsecret"),
    ];
    let log = log_of("info", &requests);
    let line = |words: &[&str]| {
        let found = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
        let line = found.unwrap_or_else(|| panic!("no line with {words:?} in:\n{log}"));
        assert!(line.contains("request_id") && line.contains("127.0.0.1"), "{line}");
    };
    line(&["/users", "token_invalid"]);
    line(&["WARN", "/ui/sign-out", "forbidden"]);
    line(&["WARN", "sign-in was refused"]);
    assert!(!log.contains("zqsecret"), "{log}");
}
