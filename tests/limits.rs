//! How much, how deep and how often anything may be.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use poem::http::Method;
use serde_json::json;

use crate::cli::rollcall;
use crate::support::{ADA, TestApp};

#[tokio::test]
async fn a_token_is_told_what_it_may_still_do_and_when_it_came_too_often() {
    let test = TestApp::new_with(|config| config.rate_limit = 2);
    let (token, other) = (test.token(ADA), test.token(ADA));
    let me = async |token: &str| test.get("/me").token(token).send().await;
    let first = me(&token).await;
    assert_eq!(first.header("ratelimit-policy"), "\"token\";q=20;w=10");
    assert_eq!(first.header("ratelimit"), "\"token\";r=19;t=1");
    for _ in 0..19 {
        assert_eq!(me(&token).await.status, 200);
    }
    let refused = me(&token).await;
    assert_eq!(
        refused.error(),
        "429 too_many_requests: Too many requests with this token. Wait as long as Retry-After says, and ask less often."
    );
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"token\";r=0;t=10"));
    assert_eq!(me(&other).await.status, 200, "another token has a limit of its own");
    test.advance(Duration::from_millis(500));
    assert_eq!(me(&token).await.status, 200);
    assert_eq!(me(&token).await.status, 429);
    let page = test.get("/ui/sign-in").send().await;
    assert_eq!((page.status.as_u16(), page.header("ratelimit")), (200, ""));
}

#[tokio::test]
async fn nothing_is_changed_by_a_request_too_many() {
    let test = TestApp::new_with(|config| config.rate_limit = 1);
    let ada = test.client(ADA, "2311");
    for n in 0..10 {
        ada.post("/users", json!({ "email": format!("u{n}@example.com") })).await.done();
    }
    let before = test.rows();
    assert_eq!(ada.post("/users", json!({ "email": "one@example.com" })).await.status, 429);
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn without_a_limit_nobody_is_counted() {
    let test = TestApp::new_with(|config| config.rate_limit = 0);
    let token = test.token(ADA);
    for _ in 0..50 {
        let answer = test.get("/me").token(&token).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn json_that_is_nested_too_deep_is_refused_wherever_it_stands() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let before = test.rows();
    for (path, body) in [
        ("/users", open.clone()),
        ("/users", format!("{open}{close}")),
        ("/users", format!(r#"{{"email": {open}{close}}}"#)),
        ("/users", "{\"email\":".repeat(20_000)),
        ("/events", format!(r#"{{"event": "lead_created", "data": {open}{close}}}"#)),
        ("/roles", format!(r#"{{"name": "deep", "permissions": {open}{close}}}"#)),
    ] {
        let call = test.post(path).token(&token).account("2311").header("content-type", "application/json");
        let answer = call.body(body).send().await;
        assert!(answer.error().starts_with("400 "), "{path}: {}", answer.text);
        assert!(answer.text.len() < 1000, "{}", answer.text);
    }
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn a_form_of_a_hundred_thousand_fields_is_refused() {
    let test = TestApp::new();
    let form = |body: String| {
        let call = test.post("/ui/sign-in").header("content-type", "application/x-www-form-urlencoded");
        call.body(body).send()
    };
    let many = form("a&".repeat(100_000)).await;
    assert_eq!(many.status, 400);
    assert!(many.text.contains("The form has more fields than any of ours."), "{}", many.text);
    assert_eq!(form("a=".to_owned() + &"x".repeat(300 * 1024)).await.status, 413);
    assert_eq!(form("&".repeat(200_000)).await.status, 401);
}

#[tokio::test]
async fn a_query_of_thousands_of_parameters_is_read_or_refused_and_never_more() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let unknown = ada.get(&format!("/users?{}", "a=1&".repeat(2_000))).await;
    assert!(unknown.status == 200 || unknown.status == 400, "{}", unknown.text);
    let repeated = ada.get(&format!("/users?{}", "limit=1&".repeat(1_000))).await;
    assert!(repeated.status == 200 || repeated.status == 400, "{}", repeated.text);
    assert!(ada.get(&format!("/users?{}", "a=1&".repeat(10_000))).await.error().starts_with("414 uri_too_long"));
    let page = test.get(&format!("/ui/sign-in?{}", "next=1&".repeat(1_000))).send().await;
    assert_eq!(page.status, 200);
}

#[test]
fn the_log_names_who_was_refused_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = rollcall(&folder.path().join("data"));
    command.args(["--rate-limit", "3"]).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let mut greeting = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut greeting).unwrap();
    let url = greeting.split_whitespace().last().unwrap().to_owned();
    let agent = ureq::Agent::from(ureq::config::Config::builder().http_status_as_error(false).build());
    for _ in 0..4 {
        agent.get(format!("{url}/me?code=secret")).header("authorization", "Bearer v4.local.secret").call().unwrap();
    }
    agent.get(format!("{url}/ui/welcome/v4.local.secret")).call().unwrap();
    agent.post(format!("{url}/ui/sign-in")).header("sec-fetch-site", "cross-site").send("password=secret").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let log = fs::read_to_string(log).unwrap();
    for line in [
        "path=/me address=127.0.0.1 code=\"token_invalid\"",
        "path=/me address=127.0.0.1 code=\"too_many_requests\"",
        "path=/ui/welcome address=127.0.0.1 code=\"token_invalid\"",
        "path=/ui/sign-in address=127.0.0.1 code=\"forbidden\"",
    ] {
        assert!(log.contains(line), "{line} is not in:\n{log}");
    }
    let mut requests = log.lines().filter(|line| !line.contains("serving"));
    assert!(requests.all(|line| line.contains("request_id=")) && !log.contains("secret"), "{log}");
}

#[tokio::test]
async fn headers_have_a_size_that_they_may_have() {
    let test = TestApp::new();
    let large = "x".repeat(40_000);
    let answer = test.call(Method::GET, "/me").header("x-large", large.clone()).send().await;
    assert!(answer.error().starts_with("431 headers_too_long"), "{}", answer.text);
    let page = test.call(Method::GET, "/ui/me").header("cookie", large).send().await;
    assert!(page.status == 431 && page.text.contains("<h1>That was too much</h1>"), "{}", page.text);
    let token = test.token(ADA) + &"x".repeat(30_000);
    assert!(test.get("/me").token(&token).send().await.error().starts_with("401 token_invalid"));
}
