//! The headers of every answer.

use poem::http::Method;
use rollcall::server;

use crate::live::{Live, refusal};
use crate::support::{ADA, Answer, TestApp};
use crate::visitor::{Page, sign_in};

/// Every address that is served, with something in place of each part that varies.
fn addresses() -> Vec<String> {
    let filled = |part: &str| match part {
        ":file" => "app.css".to_owned(),
        part if part.starts_with(':') => "1".to_owned(),
        part => part.to_owned(),
    };
    let paths = server::addresses().into_iter().map(|address| address.path);
    let mut paths: Vec<_> = paths.map(|path| path.split('/').map(filled).collect::<Vec<_>>().join("/")).collect();
    paths.extend(["/me", "/users", "/nowhere", "/ui/nowhere", "/static/nowhere"].map(str::to_owned));
    paths
}

/// What is wrong with the headers of an answer.
fn faults(answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        if answer.header(name) != value {
            faults.push(format!("{name}: {}", answer.header(name)));
        }
    }
    let policy = answer.header("content-security-policy");
    for part in
        ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action '"]
    {
        if !policy.contains(part) {
            faults.push(format!("no {part} in {policy}"));
        }
    }
    if policy.contains("unsafe") || policy.contains("*") {
        faults.push(format!("content-security-policy: {policy}"));
    }
    let permissions = answer.header("permissions-policy");
    if !permissions.contains("camera=()") || !permissions.contains("publickey-credentials-get=(self)") {
        faults.push(format!("permissions-policy: {permissions}"));
    }
    let kind = answer.header("content-type");
    if kind.starts_with("text/") && !kind.ends_with("charset=utf-8") {
        faults.push(format!("content-type: {kind}"));
    }
    faults
}

#[tokio::test]
async fn every_answer_is_framed_by_nobody_and_runs_nothing_it_should_not() {
    let test = TestApp::new();
    let cookie = sign_in(&test, ADA).await;
    for path in addresses() {
        for method in [Method::GET, Method::POST, Method::TRACE] {
            let answer = test.call(method.clone(), &path).cookie(&cookie).send().await;
            assert_eq!(faults(&answer), Vec::<String>::new(), "{method} {path}");
            assert_eq!(answer.header("strict-transport-security"), "", "{method} {path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{method} {path}");
            assert!(method != Method::TRACE || !answer.status.is_success(), "{path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn under_https_nothing_is_told_to_others_and_cookies_stay_there() {
    let test = TestApp::new_with(|config| config.public_url = Some("https://people.example.com".parse().unwrap()));
    for path in addresses() {
        let answer = test.get(&path).send().await;
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    let out = test.post("/ui/sign-out").send().await;
    let cookies: Vec<_> = out.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(cookies.len() >= 2, "{cookies:?}");
    for cookie in cookies {
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
}

#[tokio::test]
async fn who_signs_out_leaves_nothing_in_the_browser() {
    let test = TestApp::new();
    let cookie = sign_in(&test, ADA).await;
    let out = test.post("/ui/sign-out").cookie(&cookie).send().await;
    assert_eq!(out.header("clear-site-data"), "\"storage\"");
    let cookies: Vec<_> = out.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("rollcall-8080=;")), "{cookies:?}");
    let page = test.get("/ui/me").cookie(&cookie).send().await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (303, "no-store"));
}

#[tokio::test]
async fn a_file_can_be_asked_about_without_being_sent() {
    let live = Live::start().await;
    let head = live.ask("HEAD /static/app.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("content-type: text/css; charset=utf-8\r\n"), "{head}");
    let post = live.ask("POST /static/app.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(refusal(&post), "405 method_not_allowed");
}
