//! Addresses, through the endpoint: any path and query whatsoever, and the queries of the routes there are. Half of them
//! are asked by a stranger, who is told nothing.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poem::Request;
use poem::http::{Method, Uri};
use rollcall_fuzz::{OWNER, Route, choice, filled, line, operations, pages, with_server};

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let all = [operations(), pages()].concat().into_iter();
    all.filter(|(method, _)| *method == Method::GET).collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    let Some(((_, path), rest)) = choice(rest, &ROUTES) else { return };
    let (given, query) = line(rest);
    let query = String::from_utf8_lossy(query);
    with_server(|server| {
        let address = match mode & 2 {
            0 => format!("{}?{query}", filled(path, &String::from_utf8_lossy(given), "v4.local.x")),
            _ => format!("/{query}"),
        };
        let Ok(uri) = address.parse::<Uri>() else { return };
        let mut request = Request::builder().uri(uri).header("x-account-id", "2311");
        let stranger = mode & 1 == 0;
        if !stranger {
            let bearer = format!("Bearer {}", server.token);
            request = request.header("authorization", bearer).header("cookie", &server.cookie);
        }
        let answer = server.call(request.finish());
        assert!(!stranger || !answer.text.contains(OWNER), "{address} told a stranger: {}", answer.text);
    });
});
