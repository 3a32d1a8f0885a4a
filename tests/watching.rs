//! What those see who watch the server: health, and figures for Prometheus.

use std::time::Duration;

use poem::http::Method;
use rollcall::error::Error;
use rollcall::server::Bounds;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::exposition::Figures;
use crate::live::{Live, refusal};
use crate::support::{ADA, PASSWORD, TestApp};

const TOKEN: &str = "a-token-for-prometheus";

/// What is shown to who has the token.
async fn figures(test: &TestApp) -> Figures {
    let answer = test.get("/metrics").token(TOKEN).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    Figures::read(&answer.text)
}

fn watched() -> TestApp {
    TestApp::new_with(|config| config.metrics_token = Some(TOKEN.to_owned().into()))
}

#[tokio::test]
async fn everybody_may_ask_whether_the_server_lives_and_is_ready() {
    let test = TestApp::empty();
    for (path, text) in [("/health/live", r#"{"live":true}"#), ("/health/ready", r#"{"ready":true}"#)] {
        let answer = test.get(path).send().await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, text));
        assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", "application/json"));
        let head = test.call(Method::HEAD, path).send().await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
        assert_eq!(test.post(path).send().await.status, 405);
    }
    assert!(test.get("/health").send().await.error().starts_with("404 not_found"));
}

#[tokio::test]
async fn who_is_ready_has_written_and_many_who_ask_cost_one_write() {
    let test = TestApp::new();
    let wal = test.app.config().data.join("rollcall.db-wal");
    let size = || std::fs::metadata(&wal).unwrap().len();
    let (before, tried) = (size(), test.app.db().figures().commits_tried());
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(test.get("/health/ready").send().await.status, 200);
    }
    let tried = test.app.db().figures().commits_tried() - tried;
    assert!(size() > before, "nothing was written");
    assert!((1..=1 + began.elapsed().as_secs()).contains(&tried), "{tried} writes");
    let rows = test.rows();
    test.get("/health/ready").send().await;
    assert_eq!(test.rows(), rows);
}

#[tokio::test]
async fn a_server_that_cannot_write_is_not_ready_until_it_can() {
    let test = TestApp::new();
    let other = rusqlite::Connection::open(test.app.config().data.join("rollcall.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let refused = test.get("/health/ready").send().await;
    assert_eq!(
        refused.error(),
        "503 storage_unavailable: Storage cannot be written at the moment. Nothing was changed; try again shortly."
    );
    assert_eq!((refused.header("retry-after"), refused.header("cache-control")), ("5", "no-store"));
    assert_eq!(test.get("/health/live").send().await.status, 200);
    other.execute_batch("rollback").unwrap();
    let began = Instant::now();
    while test.get("/health/ready").send().await.status != 200 {
        assert!(began.elapsed() < crate::live::SOON, "it goes on saying that it can't write");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_server_that_was_asked_to_stop_is_not_ready_at_once() {
    let live = Live::start().await;
    let (app, token) = (live.test.app.clone(), live.test.token(ADA));
    let mut busy = live.connect().await;
    let body = r#"{"email": "grace@example.com"}"#;
    busy.say(format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Account-Id: 2311\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{{",
        body.len()
    ))
    .await;
    app.health().require_ready(app.db()).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(live.stop());
    sleep(Duration::from_millis(200)).await;
    assert!(matches!(app.health().require_ready(app.db()).await, Err(Error::Stopping)));
    busy.say(&body[1..]).await;
    assert_eq!(refusal(&busy.rest().await), "201 ", "what was in flight is answered");
    stopping.await.unwrap();

    let test = TestApp::new();
    test.app.health().stop();
    let refused = test.get("/health/ready").send().await.error();
    assert_eq!(refused, "503 stopping: The server is stopping. Nothing was changed; try again shortly.");
    assert_eq!(test.get("/health/live").send().await.status, 200);
}

#[tokio::test]
async fn whoever_asks_about_health_is_never_told_to_come_again_later() {
    let live = Live::with(Bounds::default(), |config| config.rate_limit = 1).await;
    let ask = async |path: &str| {
        refusal(&live.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await)
    };
    for _ in 0..20 {
        assert_eq!(ask("/health/live").await, "200 ");
        assert_eq!(ask("/health/ready").await, "200 ");
    }
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(ask("/openapi.yaml").await);
    }
    assert!(others.contains(&"429 too_many_requests".into()), "{others:?}");
    assert_eq!(ask("/health/live").await, "200 ");
}

#[tokio::test]
async fn figures_are_shown_to_the_machine_itself_and_to_nobody_who_may_be_behind_a_proxy() {
    let live = Live::start().await;
    let get =
        |host: &str, more: &str| format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
    for host in ["localhost", "127.0.0.1:8080", "[::1]:80"] {
        assert_eq!(refusal(&live.ask(get(host, "")).await), "200", "{host}");
    }
    for (host, more) in [
        ("localhost", "X-Forwarded-For: 192.0.2.1\r\n"),
        ("localhost", "Forwarded: for=192.0.2.1\r\n"),
        ("localhost", "X-Forwarded-Proto: https\r\n"),
        ("localhost", "X-Real-IP: 127.0.0.1\r\n"),
        ("localhost", "Via: 1.1 proxy\r\n"),
        ("people.example.com", ""),
        ("localhost.evil.example", ""),
    ] {
        let answer = live.ask(get(host, more)).await;
        assert_eq!(refusal(&answer), "401 token_missing", "{host} {more}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    }
    let proxied = Live::with(Bounds::default(), |config| config.trusted_proxy = vec!["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(refusal(&proxied.await.ask(get("localhost", "")).await), "401 token_missing");
    let public = "https://people.example.com".parse().unwrap();
    let published = Live::with(Bounds::default(), |config| config.public_url = Some(public)).await;
    assert_eq!(refusal(&published.ask(get("localhost", "")).await), "401 token_missing");
}

#[tokio::test]
async fn figures_are_shown_to_who_has_the_token_and_to_no_other_token() {
    let test = watched();
    figures(&test).await;
    let key = test.token(ADA);
    for token in ["a-token-for-prometheuS", "a-token-for-prometheus-", "", &key] {
        let refused = test.get("/metrics").token(token).send().await;
        assert_eq!(refused.error(), "401 token_invalid: This is not the token that --metrics-token sets.", "{token}");
    }
    let basic = test.get("/metrics").header("authorization", format!("Basic {TOKEN}")).send().await;
    assert_eq!(basic.status, 401);
    assert!(test.get("/metrics").send().await.error().starts_with("401 token_missing"));
    assert!(test.get(&format!("/metrics?token={TOKEN}")).send().await.error().starts_with("401 token_missing"));
    let closed = TestApp::new();
    assert!(closed.get("/metrics").token(TOKEN).send().await.error().starts_with("401 token_invalid"));
    assert!(closed.get("/metrics").token("").send().await.error().starts_with("401 token_invalid"));
    assert_eq!(test.get("/me").token(TOKEN).send().await.status, 401, "and it opens nothing else");
}

#[tokio::test]
async fn figures_move_with_what_happens() {
    let test = watched();
    let ada = test.client(ADA, "2311");
    let before = figures(&test).await;
    for n in 0..3 {
        ada.post("/users", json!({"email": format!("p{n}@example.com")})).await.done();
    }
    ada.post("/users", json!({"email": "p1@example.com"})).await.error();
    ada.get("/users/2").await.done();
    ada.get("/users/3").await.done();
    for password in ["wrong", PASSWORD] {
        test.post("/ui/sign-in").form(&[("email", ADA), ("password", password)]).send().await;
    }
    let now = figures(&test).await;
    let since = |series: &str| now.since(&before, series);
    let requests = |route: &str, method: &str, status: &str| {
        since(&format!("rollcall_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"))
    };
    assert_eq!(requests("/users", "POST", "2xx"), 3.0);
    assert_eq!(requests("/users", "POST", "4xx"), 1.0);
    assert_eq!(requests("/users/{id}", "GET", "2xx"), 2.0);
    assert_eq!(requests("/ui/sign-in", "POST", "3xx"), 1.0);
    assert_eq!(requests("/metrics", "GET", "2xx"), 1.0);
    let took = "rollcall_http_request_duration_seconds";
    assert_eq!(since(&format!("{took}_count{{method=\"POST\",route=\"/users\"}}")), 4.0);
    assert!(since(&format!("{took}_sum{{method=\"POST\",route=\"/users\"}}")) > 0.0);
    for (result, way) in [("done", "password"), ("refused", "password")] {
        assert_eq!(since(&format!("rollcall_sign_ins_total{{result=\"{result}\",way=\"{way}\"}}")), 1.0, "{result}");
    }
    assert!(since("rollcall_commit_writes_sum") >= 5.0 && since("rollcall_commit_duration_seconds_count") >= 5.0);
    assert_eq!(now.get("rollcall_commits_failed_total"), 0.0);
    assert_eq!(now.get("rollcall_http_requests_in_flight"), 1.0, "the one that asks");
    for waiting in ["rollcall_writer_queue_length", "rollcall_readers_waiting", "rollcall_password_hashes_waiting"] {
        assert_eq!(now.get(waiting), 0.0, "{waiting}");
    }
    assert!(now.get("rollcall_database_wal_size_bytes") > before.get("rollcall_database_wal_size_bytes"));
    assert!(now.get("rollcall_database_size_bytes") >= 4096.0);
    assert_eq!(now.get(&format!("rollcall_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    assert!(since("process_cpu_seconds_total") > 0.0);
    assert!(now.get("process_start_time_seconds") > 1.7e9);
    #[cfg(target_os = "linux")]
    {
        assert!(now.get("process_resident_memory_bytes") > 1e6 && now.get("process_threads") > 1.0);
        assert!((1.0..=now.get("process_max_fds")).contains(&now.get("process_open_fds")));
    }
}

#[tokio::test]
async fn who_is_turned_away_is_counted_by_the_reason() {
    let live = Live::with(Bounds::default(), |config| {
        config.rate_limit = 1;
        config.metrics_token = Some(TOKEN.to_owned().into());
    })
    .await;
    let before = figures(&live.test).await;
    let mut refused = 0.0;
    for _ in 0..20 {
        let answer = live.ask("GET /me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        refused += f64::from(u8::from(refusal(&answer) == "429 too_many_requests"));
    }
    let _open = live.connect().await;
    live.ask("GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    live.test.app.health().stop();
    live.test.get("/health/ready").send().await;
    let now = figures(&live.test).await;
    let since = |reason| now.since(&before, &format!("rollcall_http_requests_refused_total{{reason=\"{reason}\"}}"));
    assert!(refused > 5.0 && since("too_many_requests") == refused, "{refused}");
    assert_eq!((since("stopping"), since("overloaded"), since("storage_unavailable")), (1.0, 0.0, 0.0));
    assert!(now.get("rollcall_connections") >= 1.0);
    assert_eq!(now.get("rollcall_connections_refused_total"), 0.0);
}

/// Whatever strangers ask for, there are as many lines as before, and nothing of it is in them.
#[tokio::test]
async fn strangers_make_no_new_figures_and_nobody_is_named() {
    let test = watched();
    let ada = test.client(ADA, "2311");
    let ask = async |n: usize| {
        let method = Method::from_bytes(format!("ZQ{n}").as_bytes()).unwrap();
        test.call(method, &format!("/zq{n}/{n}")).send().await;
        test.get(&format!("/users/zq{n}")).header("user-agent", "zqagent").send().await;
        test.get(&format!("/ui/zq{n}?next=zq")).send().await;
        test.get(&format!("/ui/welcome/v4.local.zq{n}")).send().await;
        ada.post("/users", json!({"email": format!("zq{n}@example.com")})).await.done();
    };
    ask(0).await;
    let before = figures(&test).await;
    for n in 1..20 {
        ask(n).await;
    }
    let now = figures(&test).await;
    assert!(now.0.keys().eq(before.0.keys()));
    assert!(now.0.contains_key("rollcall_http_requests_total{method=\"other\",route=\"other\",status=\"4xx\"}"));
    let welcome = "rollcall_http_requests_total{method=\"GET\",route=\"/ui/welcome/{token}\",status=\"4xx\"}";
    assert_eq!(now.since(&before, welcome), 19.0);
    let text = now.0.keys().cloned().collect::<String>();
    for word in ["zq", "example.com", "2311", "ada", "v4."] {
        assert!(!text.contains(word), "{word}");
    }
}

/// What `contrib/` sets and watches is there.
#[tokio::test]
async fn what_contrib_names_is_known() {
    use clap::CommandFactory;
    let read = |name: &str| {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name);
        std::fs::read_to_string(file).unwrap()
    };
    let words = |text: &str, beginning: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with(beginning) && *word != beginning).map(str::to_owned).collect()
    };
    let command = rollcall::cli::Cli::command();
    let settings: Vec<_> =
        command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned)).collect();
    for file in ["rollcall.service", "Containerfile"] {
        let set = words(&read(file), "ROLLCALL_");
        assert!(set.len() >= 3, "{file}");
        for name in set {
            assert!(settings.contains(&name), "{file} sets {name}, which is no setting");
        }
    }
    // Whatever starts with the folder gives it a mode, which is open to all if it doesn't say which.
    let named = |what: &str| read("rollcall.service").matches(what).count();
    assert_eq!((named("StateDirectory=rollcall"), named("StateDirectoryMode=0700")), (2, 2));
    let test = watched();
    figures(&test).await;
    let figures = figures(&test).await;
    let alerts = read("prometheus-alerts.yml");
    let watched = [words(&alerts, "rollcall_"), words(&alerts, "process_")].concat();
    assert!(watched.len() >= 8);
    for name in watched {
        let there = figures.0.keys().any(|series| series.split('{').next() == Some(name.as_str()));
        assert!(there, "the alerts watch {name}, which is not measured");
    }
}
