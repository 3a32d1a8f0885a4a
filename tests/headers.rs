//! The headers of every answer.

use poem::http::Method;
use rollcall::server;

use crate::live::{Live, refusal};
use crate::support::{ADA, Answer, TestApp, unpacked};
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
    let (kind, opener) = (answer.header("content-type"), answer.header("cross-origin-opener-policy"));
    let permissions = answer.header("permissions-policy");
    // No browser makes a document of JSON that has scripts or windows.
    if kind.starts_with("application/json") {
        if !opener.is_empty() || !permissions.is_empty() {
            faults.push(format!("for documents only: {opener} {permissions}"));
        }
    } else if opener != "same-origin" {
        faults.push(format!("cross-origin-opener-policy: {opener}"));
    } else if !permissions.contains("camera=()") || !permissions.contains("publickey-credentials-get=(self)") {
        faults.push(format!("permissions-policy: {permissions}"));
    }
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

/// RFC 9110 section 15.5.6.
#[tokio::test]
async fn a_method_that_an_address_does_not_have_is_answered_with_those_it_has() {
    let test = TestApp::new();
    for (path, allowed) in [
        ("/users", "POST, GET, HEAD"),
        ("/users/7", "GET, HEAD, PATCH, DELETE"),
        ("/ui/me", "GET, HEAD"),
        ("/ui/sign-in", "GET, HEAD, POST"),
        ("/ui/accounts/2311/users/7", "GET, HEAD"),
        ("/reference/createUser", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
        ("/health/live", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        ("/static/app.css", "GET, HEAD"),
    ] {
        let answer = test.call(Method::PUT, path).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allowed), "{path}: {}", answer.text);
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

/// What is packed for whoever takes gzip, and what never is.
#[tokio::test]
async fn pages_are_packed_for_who_takes_gzip() {
    let test = TestApp::new();
    let cookie = sign_in(&test, ADA).await;
    let ask = |path: &str, coding: &str| test.get(path).cookie(&cookie).header("accept-encoding", coding).send();
    for path in ["/ui/accounts/2311/users", "/ui/me", "/reference/"] {
        let plain = test.get(path).cookie(&cookie).send().await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"), "{path}");
        assert_eq!(plain.bytes, plain.text.len());
        for coding in ["gzip", "br, GZIP", "deflate;q=0.5, gzip;q=0.1", "identity, gzip; q=1"] {
            let packed = ask(path, coding).await;
            let headers = ["content-encoding", "vary", "content-type"].map(|name| packed.header(name));
            assert_eq!(headers, ["gzip", "accept-encoding", plain.header("content-type")], "{path} {coding}");
            assert_eq!((packed.header("content-length"), packed.header("etag")), ("", ""), "{path} {coding}");
            assert!(packed.text == plain.text && packed.bytes < plain.bytes, "{path} {coding}: {}", packed.bytes);
        }
        for coding in ["gzip;q=0", "gzip;q=0.0, br", "br", "identity", "gzipped", "gzip;q=much", ""] {
            let other = ask(path, coding).await;
            assert_eq!((other.header("content-encoding"), other.header("vary")), ("", "accept-encoding"), "{coding}");
            assert_eq!(other.text, plain.text, "{path} {coding}");
        }
    }
    let moved = ask("/ui", "gzip").await;
    assert_eq!((moved.status.as_u16(), moved.header("content-encoding")), (303, ""));
}

#[tokio::test]
async fn styles_scripts_and_pictures_are_packed_for_who_takes_gzip() {
    let live = Live::start().await;
    for (path, kind) in [
        ("/static/app.css", "text/css; charset=utf-8"),
        ("/static/app.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ] {
        let (head, plain) = file(&live, path, "").await;
        assert!(head.contains("etag: ") && head.contains("vary: accept-encoding\r\n"), "{path}: {head}");
        assert!(!head.contains("content-encoding: "), "{path}: {head}");
        let (head, packed) = file(&live, path, "Accept-Encoding: gzip\r\n").await;
        for line in ["content-encoding: gzip", "vary: accept-encoding", &format!("content-type: {kind}")] {
            assert!(head.contains(&format!("{line}\r\n")), "{path}: {line} is not in {head}");
        }
        assert!(!head.contains("etag: "), "{path}: {head}");
        assert!(packed.len() < plain.len() && unpacked(&packed) == plain, "{path}: {}", packed.len());
        let (head, refused) = file(&live, path, "Accept-Encoding: br, gzip;q=0\r\n").await;
        assert!(head.contains("vary: accept-encoding\r\n") && !head.contains("content-encoding: "), "{path}: {head}");
        assert!(refused == plain, "{path}");
    }
}

/// Head and body of a file that is asked for with some header.
async fn file(live: &Live, path: &str, header: &str) -> (String, Vec<u8>) {
    let mut wire = live.connect().await;
    wire.say(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{header}Connection: close\r\n\r\n")).await;
    let answer = wire.rest_as_it_is().await;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let (head, body) = (String::from_utf8(answer[..end + 2].to_vec()).unwrap(), answer[end + 4..].to_vec());
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains(&format!("content-length: {}\r\n", body.len())),
        "{head}"
    );
    (head, body)
}

#[tokio::test]
async fn json_and_downloads_are_never_packed() {
    let test = TestApp::new();
    let (cookie, token) = (sign_in(&test, ADA).await, test.token(ADA));
    for path in ["/users", "/roles", "/nowhere", "/health/live", "/events/export"] {
        let call = test.get(path).token(&token).account("2311").header("accept-encoding", "gzip");
        let answer = call.send().await;
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("", ""), "{path}");
        assert!(answer.bytes > 0 && !answer.header("content-type").contains("html"), "{path}");
    }
    let export = test.get("/ui/accounts/2311/activity/export").cookie(&cookie).header("accept-encoding", "gzip");
    let export = export.send().await;
    assert!(export.header("content-disposition").starts_with("attachment"), "{export:?}");
    assert_eq!((export.header("content-encoding"), export.header("vary")), ("", ""));
}
