//! Real sockets: clients that are slow, many, or not what they say they are, and a server that stops.

use std::time::Duration;

use rollcall::server::Bounds;
use tokio::time::{Instant, sleep};

use crate::live::{Live, Wire, refusal};
use crate::support::ADA;

const QUICK: Duration = Duration::from_millis(400);

const FRONT: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn hasty() -> Bounds {
    Bounds { head: QUICK, body: QUICK, idle: QUICK, stall: QUICK, ..Bounds::default() }
}

/// Sends a byte now and then until the server has had enough.
async fn trickle(wire: &mut Wire, byte: &str) {
    let began = Instant::now();
    let mut heard = [0; 16];
    while began.elapsed() < crate::live::SOON {
        wire.say(byte).await;
        sleep(Duration::from_millis(50)).await;
        match wire.0.try_read(&mut heard) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
    panic!("the server goes on listening");
}

#[tokio::test]
async fn who_sends_a_head_slowly_or_nothing_is_sent_away() {
    let live = Live::with(Bounds { idle: Duration::from_secs(60), ..hasty() }, |_| {}).await;
    assert!(live.connect().await.is_closed().await, "who says nothing");
    let mut slow = live.connect().await;
    slow.say("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
    trickle(&mut slow, "a").await;
    let mut preface = live.connect().await;
    preface.say("PRI * HT").await;
    assert!(preface.is_closed().await, "who begins HTTP/2 and stops");
    let mut second = live.connect().await;
    second.say(FRONT).await;
    assert!(second.answer().await.starts_with("HTTP/1.1 303"));
    second.say("GET / HT").await;
    trickle(&mut second, "T").await;
}

#[tokio::test]
async fn a_connection_is_kept_for_a_while_and_not_for_ever() {
    let live = Live::with(Bounds { idle: Duration::from_secs(1), head: QUICK, ..Bounds::default() }, |_| {}).await;
    let mut wire = live.connect().await;
    for _ in 0..3 {
        wire.say(FRONT).await;
        assert!(wire.answer().await.starts_with("HTTP/1.1 303"));
        sleep(QUICK + Duration::from_millis(100)).await;
    }
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_said_so() {
    let live = Live::with(Bounds { body: QUICK, ..Bounds::default() }, |_| {}).await;
    let token = live.test.token(ADA);
    let before = live.test.rows();
    let head = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Account-Id: 2311\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    assert_eq!(refusal(&live.ask(&head).await), "408 request_timeout");
    let form = "POST /ui/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Transfer-Encoding: chunked\r\n\r\n4\r\nemai\r\n";
    let page = live.ask(form).await;
    assert!(page.starts_with("HTTP/1.1 408") && page.contains("<h1>That took too long</h1>"), "{page}");
    let stranger = "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    assert_eq!(refusal(&live.ask(stranger).await), "401 token_missing");
    assert_eq!(live.test.rows(), before);
}

#[tokio::test]
async fn who_is_refused_before_the_body_is_there_hears_why() {
    let live = Live::start().await;
    let mut wire = live.connect().await;
    for _ in 0..3 {
        wire.say("POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000\r\n\r\n").await;
        assert_eq!(refusal(&wire.answer().await), "401 token_missing");
        wire.say("x".repeat(600_000)).await;
    }
    let token = live.test.token(ADA);
    wire.say(format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Account-Id: 2311\r\n\
         Content-Type: application/json\r\nContent-Length: 600000\r\n\r\n"
    ))
    .await;
    assert_eq!(refusal(&wire.answer().await), "413 body_too_large", "before any of it came");
    wire.say(" ".repeat(600_000)).await;
    wire.say(FRONT).await;
    assert!(wire.answer().await.starts_with("HTTP/1.1 303"), "the connection is as good as before");
}

#[tokio::test]
async fn two_thousand_slow_clients_keep_nobody_out() {
    let live = Live::with(Bounds { connections: 500, ..Bounds::default() }, |_| {}).await;
    let mut slow = Vec::new();
    for n in 0..2_000 {
        let mut wire = live.connect().await;
        wire.say(if n % 2 == 0 { "GET / HTTP/1.1\r\nX-Slow: " } else { "" }).await;
        slow.push(wire);
    }
    let asked = Instant::now();
    for _ in 0..20 {
        let mut wire = live.connect().await;
        wire.say(FRONT).await;
        assert!(wire.answer().await.starts_with("HTTP/1.1 303"));
    }
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert!(slow[0].is_closed().await, "the first made room");
    assert!(live.stop().await < Duration::from_secs(5), "and they don't hold up a stop");
}

#[tokio::test]
async fn a_stop_waits_for_requests_and_for_nothing_else() {
    let live = Live::start().await;
    let token = live.test.token(ADA);
    let mut half = live.connect().await;
    half.say("GET / HTTP/1.1\r\nHost: loc").await;
    let mut idle = live.connect().await;
    idle.say(FRONT).await;
    idle.answer().await;
    sleep(QUICK).await;
    assert!(live.stop().await < Duration::from_secs(4), "a half-sent head and an idle connection");

    let live = Live::start().await;
    let mut busy = live.connect().await;
    let token_of_this = live.test.token(ADA);
    assert_ne!(token, token_of_this);
    let body = r#"{"email": "grace@example.com"}"#;
    let head = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token_of_this}\r\nX-Account-Id: 2311\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{{",
        body.len()
    );
    busy.say(head).await;
    sleep(QUICK).await;
    let address = live.address;
    let stopping = tokio::spawn(live.stop());
    sleep(QUICK).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody new is let in");
    busy.say(&body[1..]).await;
    assert_eq!(refusal(&busy.rest().await), "201 ");
    assert!(stopping.await.unwrap() < Duration::from_secs(9));
}

#[tokio::test]
async fn what_one_proxy_could_read_in_two_ways_is_refused_and_ends_the_connection() {
    let live = Live::start().await;
    let smuggled = "GET /me HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (what, head) in [
        ("a length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        ("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
        ("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n"),
        ("a list of lengths", "Content-Length: 4, 5\r\n"),
        ("a length with a sign", "Content-Length: +4\r\n"),
        ("a length that is none", "Content-Length: 0x4\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("chunks that are not last", "Transfer-Encoding: chunked, identity\r\n"),
        ("a space before the colon", "Transfer-Encoding : chunked\r\n"),
        ("a folded line", "X-A: b\r\n Transfer-Encoding: chunked\r\n"),
        ("a bare return", "X-A: b\rTransfer-Encoding: chunked\r\n"),
        ("a zero byte", "X-A: b\0c\r\n"),
    ] {
        let request = format!("POST /users HTTP/1.1\r\nHost: localhost\r\n{head}\r\n0\r\n\r\n{smuggled}");
        let mut wire = live.connect().await;
        wire.say(request).await;
        drop(tokio::io::AsyncWriteExt::shutdown(&mut wire.0).await);
        let answers = wire.rest().await;
        assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{what}: {answers}");
        let status = refusal(&answers);
        assert!(status.starts_with("400") || status.starts_with("401") || status == "no answer", "{what}: {answers}");
    }
}

#[tokio::test]
async fn chunks_are_read_strictly() {
    let live = Live::start().await;
    let token = live.test.token(ADA);
    let head = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Account-Id: 2311\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let before = live.test.rows();
    for chunks in
        ["-1\r\n{}\r\n0\r\n\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n", "2\r\n{}XX0\r\n\r\n", "zz\r\n{}\r\n"]
    {
        assert_eq!(refusal(&live.ask(format!("{head}{chunks}")).await), "400 unreadable_body", "{chunks:?}");
    }
    let large = format!("{head}{}", format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(5));
    assert_eq!(refusal(&live.ask(large).await), "413 body_too_large");
    assert_eq!(live.test.rows(), before);
}

#[tokio::test]
async fn a_length_that_lies_gets_nobody_anywhere() {
    let live = Live::start().await;
    let token = live.test.token(ADA);
    let before = live.test.rows();
    let body = r#"{"email": "grace@example.com"}"#;
    let post = |length: usize| {
        format!(
            "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Account-Id: 2311\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let mut long = live.connect().await;
    long.say(post(1000)).await;
    drop(tokio::io::AsyncWriteExt::shutdown(&mut long.0).await);
    assert!(["400 unreadable_body", "no answer"].contains(&refusal(&long.rest().await).as_str()));
    // What comes after as much as was promised is another request, and no request at all.
    let mut short = live.connect().await;
    short.say(post(10)).await;
    let answers = short.rest().await;
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["400", "400"], "{answers}");
    assert_eq!(live.test.rows(), before);
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let live = Live::start().await;
    let mut wire = live.connect().await;
    wire.say("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let answers = wire.rest().await;
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["303", "401"]);
}

#[tokio::test]
async fn odd_requests_are_answered_and_wrong_ones_refused() {
    let live = Live::start().await;
    for (request, expected) in [
        ("GET / HTTP/1.0\r\n\r\n", "303"),
        ("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "303"),
        ("GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "303"),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400 invalid_request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "400 invalid_request"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404 not_found"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\n", "405 method_not_allowed"),
        ("TRACE /me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405 method_not_allowed"),
        ("BREW /me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405 method_not_allowed"),
        ("GET /\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/3.7\r\nHost: a\r\n\r\n", "400"),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ] {
        assert_eq!(refusal(&live.ask(request).await), expected, "{request}");
    }
}

#[tokio::test]
async fn an_address_or_headers_that_are_too_long_are_told_so() {
    let live = Live::start().await;
    let get =
        |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    let ask = async |path: &str, headers: &str| refusal(&live.ask(get(path, headers)).await);
    assert_eq!(ask(&format!("/{}", "a".repeat(10_000)), "").await, "414 uri_too_long");
    assert_eq!(ask(&format!("/{}", "a".repeat(70_000)), "").await, "431");
    assert_eq!(ask("/me", &format!("X-A: {}\r\n", "a".repeat(40_000))).await, "431 headers_too_long");
    assert_eq!(ask("/me", &format!("X-A: {}\r\n", "a".repeat(200_000))).await, "431");
    assert_eq!(ask("/me", &"X-A: a\r\n".repeat(200)).await, "431");
    let page = live.ask(get(&format!("/ui/{}", "a".repeat(10_000)), "")).await;
    assert!(page.starts_with("HTTP/1.1 414") && page.contains("<h1>That was too much</h1>"), "{page}");
}

/// The address that the event of a creation names, when it was asked for with these headers.
async fn address_of_event(live: &Live, email: &str, headers: &str) -> String {
    let token = live.test.token(ADA);
    let body = format!(r#"{{"email": "{email}"}}"#);
    let request = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Account-Id: 2311\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
    let answer = live.ask(request).await;
    assert_eq!(refusal(&answer), "201 ", "{answer}");
    live.test.query(|r| r.value("select address from all_events order by id desc limit 1", []))
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_request_came_from() {
    let said = "X-Forwarded-For: 203.0.113.7\r\nForwarded: for=203.0.113.7;proto=https\r\nX-Forwarded-Proto: https\r\n";
    let alone = Live::start().await;
    assert_eq!(address_of_event(&alone, "a@example.com", said).await, "127.0.0.1");
    let plain = alone.ask(format!("GET /me HTTP/1.1\r\nHost: a\r\n{said}Connection: close\r\n\r\n")).await;
    assert!(!plain.contains("strict-transport-security"));

    let behind =
        Live::with(Bounds::default(), |config| config.trusted_proxy = vec!["127.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(address_of_event(&behind, "a@example.com", said).await, "203.0.113.7");
    let chain = "X-Forwarded-For: 1.2.3.4, 203.0.113.7, 127.0.0.9\r\n";
    assert_eq!(address_of_event(&behind, "b@example.com", chain).await, "203.0.113.7");
    let secure = behind.ask(format!("GET /me HTTP/1.1\r\nHost: a\r\n{said}Connection: close\r\n\r\n")).await;
    assert!(secure.contains("strict-transport-security: max-age=31536000; includeSubDomains"));
    let made_up = "GET /me HTTP/1.1\r\nHost: a\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n";
    assert_eq!(refusal(&behind.ask(made_up).await), "400 invalid_request");
}

#[tokio::test]
async fn each_address_has_its_limit_and_those_without_a_token_a_tighter_one() {
    let live = Live::with(Bounds::default(), |config| {
        config.rate_limit = 5;
        config.trusted_proxy = vec!["127.0.0.1".parse::<std::net::IpAddr>().unwrap().into()];
    })
    .await;
    let ask = async |from: &str, path: &str, token: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {from}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        live.ask(request).await
    };
    for n in 0..5 {
        assert_eq!(refusal(&ask("2001:db8::1", "/me", "wrong").await), "401 token_invalid", "{n}");
    }
    let refused = ask("2001:db8::2", "/me", "wrong").await;
    assert_eq!(refusal(&refused), "429 too_many_requests", "the same 64 bits are the same network");
    assert!(refused.contains("retry-after: 2\r\n"), "{refused}");
    let token = live.test.token(ADA);
    let fine = ask("2001:db8::1", "/me", &token).await;
    assert!(fine.starts_with("HTTP/1.1 200"), "a token that works goes on working: {fine}");
    assert!(fine.contains("ratelimit-policy: \"address\";q=50;w=10\r\n"), "{fine}");
    assert!(fine.contains("ratelimit: \"address\";r=43;t=2\r\n"), "{fine}");
    assert_eq!(refusal(&ask("2001:db8:0:1::1", "/me", "wrong").await), "401 token_invalid");
    for _ in 0..50 {
        ask("192.0.2.1", "/", "").await;
    }
    let refused = ask("192.0.2.1", "/", "").await;
    assert_eq!(refusal(&refused), "429 too_many_requests");
    assert!(refused.contains("ratelimit: \"address\";r=0;t=10\r\n"), "{refused}");
    let page = ask("192.0.2.1", "/ui/sign-in", "").await;
    assert!(page.contains("<h1>Too often</h1>") && page.contains("retry-after: 1\r\n"), "{page}");
    live.test.advance(Duration::from_secs(10));
    assert!(ask("192.0.2.1", "/ui/sign-in", "").await.starts_with("HTTP/1.1 200"));
}
