//! Forms, through the endpoint, to every page that takes one, and what the pages' scripts send, which is JSON. The first
//! line is for what varies in the page's address.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poem::Request;
use poem::http::Method;
use rollcall_fuzz::{Route, choice, filled, line, pages, with_server};

static ROUTES: LazyLock<Vec<Route>> =
    LazyLock::new(|| pages().into_iter().filter(|(method, _)| *method == Method::POST).collect());

fuzz_target!(|data: &[u8]| {
    let Some(((method, path), rest)) = choice(data, &ROUTES) else { return };
    let (given, form) = line(rest);
    with_server(|server| {
        let request = Request::builder()
            .method(method.clone())
            .uri_str(filled(path, &String::from_utf8_lossy(given), &server.link))
            .header("cookie", &server.cookie)
            .header("sec-fetch-site", "same-origin")
            .content_type(if form.starts_with(b"{") { "application/json" } else { "application/x-www-form-urlencoded" })
            .body(form.to_vec());
        server.call(request);
    });
});
