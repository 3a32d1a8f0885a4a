//! Which methods an address has, for the `Allow` header that a 405 must carry (RFC 9110 section 15.5.6). Told by the routes
//! themselves, so it is never behind them.

use std::sync::LazyLock;

use poem::http::{HeaderMap, HeaderValue, Method, header};

use crate::api;
use crate::routes::{self, Address};

/// Paths such as `/users/{id}` or `/static/:file`, and what may be done there.
static METHODS: LazyLock<Vec<(String, HeaderValue)>> = LazyLock::new(|| {
    let all = super::addresses().into_iter().chain(api::addresses());
    all.filter_map(|Address { methods, path }| Some((path, allow(&methods)?))).collect()
});

/// Tells what may be done at an address.
pub fn tell(headers: &mut HeaderMap, address: &str) {
    if let Some((_, allowed)) = METHODS.iter().find(|(path, _)| routes::matches(path, address)) {
        headers.insert(header::ALLOW, allowed.clone());
    }
}

fn allow(methods: &[Method]) -> Option<HeaderValue> {
    HeaderValue::try_from(methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")).ok()
}
