//! Which methods an address has, for the `Allow` header that a 405 must carry (RFC 9110 section 15.5.6). Told by the
//! document, so it is never behind the routes.

use std::sync::LazyLock;

use poem::http::HeaderValue;
use serde_json::Value;

/// Paths such as `/users/{id}`, and what may be done there.
static METHODS: LazyLock<Vec<(String, HeaderValue)>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&super::document()).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.filter_map(|(path, operations)| Some((path.clone(), allow(operations)?))).collect()
});

/// What may be done at an address. Those that the document doesn't have are only looked at: documents, files, how the server is.
pub fn allowed(address: &str) -> HeaderValue {
    let of_api = METHODS.iter().find(|(path, _)| matches(path, address));
    of_api.map_or(HeaderValue::from_static("GET, HEAD"), |(_, allowed)| allowed.clone())
}

fn allow(operations: &Value) -> Option<HeaderValue> {
    let methods = operations.as_object()?.keys().map(|method| method.to_uppercase());
    // Whatever answers GET answers HEAD.
    let methods = methods.flat_map(|method| if method == "GET" { vec![method, "HEAD".into()] } else { vec![method] });
    HeaderValue::try_from(methods.collect::<Vec<_>>().join(", ")).ok()
}

fn matches(path: &str, address: &str) -> bool {
    let (parts, given) = (path.split('/'), address.split('/'));
    parts.clone().count() == given.clone().count()
        && parts.zip(given).all(|(part, given)| part == given || part.starts_with('{'))
}
