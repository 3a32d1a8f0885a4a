//! JSON bodies, through the endpoint, to every operation that takes one.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poem::Request;
use poem::http::Method;
use rollcall_fuzz::{Route, choice, filled, operations, with_server};

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let all = operations().into_iter();
    all.filter(|(method, _)| matches!(*method, Method::POST | Method::PUT | Method::PATCH)).collect()
});

fuzz_target!(|data: &[u8]| {
    let Some(((method, path), body)) = choice(data, &ROUTES) else { return };
    with_server(|server| {
        let request = Request::builder()
            .method(method.clone())
            .uri_str(filled(path, "", &server.link))
            .header("authorization", format!("Bearer {}", server.token))
            .header("x-account-id", "2311")
            .content_type("application/json")
            .body(body.to_vec());
        server.call(request);
    });
});
