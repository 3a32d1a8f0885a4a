//! Headers, through the endpoint, to every route there is. Each line is one: its first byte says which, `{token}` and
//! `{cookie}` stand for ones that are honoured.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poem::Request;
use poem::http::HeaderValue;
use rollcall_fuzz::{OWNER, Route, choice, filled, operations, pages, with_server};

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| [operations(), pages()].concat());

const NAMES: [&str; 20] = [
    "authorization",
    "cookie",
    "x-account-id",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "content-type",
    "origin",
    "host",
    "sec-fetch-site",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
    "accept-encoding",
    "user-agent",
    "accept",
    "range",
    "content-length",
    "x-http-method-override",
];

fuzz_target!(|data: &[u8]| {
    let Some(((method, path), rest)) = choice(data, &ROUTES) else { return };
    with_server(|server| {
        let mut request = Request::builder().method(method.clone()).uri_str(filled(path, "", "v4.local.x"));
        let mut known = false;
        for line in rest.split(|byte| *byte == b'\n') {
            let Some((name, value)) = choice(line, &NAMES) else { continue };
            let text = String::from_utf8_lossy(value);
            known |= text.contains("{token}") || text.contains("{cookie}");
            let value = match text.contains('{') {
                true => text.replace("{token}", &server.token).replace("{cookie}", &server.cookie).into_bytes(),
                false => value.to_vec(),
            };
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request = request.header(*name, value);
            }
        }
        let answer = server.call(request.body("{}"));
        assert!(known || !answer.text.contains(OWNER), "{method} {path} told a stranger: {}", answer.text);
    });
});
