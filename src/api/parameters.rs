//! Query parameters that an operation doesn't have are refused by name, and so is one that comes twice: a filter that is
//! misspelt, or overlooked, would find everybody. So is a header that can't be read, which would pass for none, and one that
//! an operation doesn't go by: a version that is not looked at would let anything be overwritten.

use std::sync::LazyLock;

use poem::Request;
use poem::http::Method;
use poem_openapi::registry::{MetaParamIn, MetaPath};

use crate::domain::words::shortened;
use crate::error::{Error, Result};
use crate::routes;

/// An operation, and the names of its parameters.
struct Operation {
    method: Method,
    path: String,
    of_query: Vec<String>,
    of_headers: Vec<String>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| super::paths().flat_map(operations).collect());

fn operations(MetaPath { path, operations }: MetaPath) -> impl Iterator<Item = Operation> {
    operations.into_iter().map(move |operation| {
        let names = |place| {
            let there = operation.params.iter().filter(move |parameter| parameter.in_type == place);
            there.map(|parameter| parameter.name.clone()).collect()
        };
        let (of_query, of_headers) = (names(MetaParamIn::Query), names(MetaParamIn::Header));
        Operation { method: operation.method.clone(), path: path.clone(), of_query, of_headers }
    })
}

/// Headers that say what a request is about.
const HEADERS: [&str; 4] = ["x-account-id", "if-match", "idempotency-key", "content-type"];

/// Refuses a request with such a header that has more than visible ASCII in it, or comes twice.
pub fn require_readable(request: &Request) -> Result<()> {
    for name in HEADERS {
        let sent = request.headers().get_all(name);
        if sent.iter().nth(1).is_some() {
            return Err(repeated(name));
        }
        if sent.iter().any(|value| value.to_str().is_err()) {
            return Err(Error::invalid(
                name,
                "invalid_parameter",
                "A header holds nothing but visible ASCII characters.",
            ));
        }
    }
    Ok(())
}

/// Headers that promise something, which an operation that doesn't know them would not keep.
const PROMISES: [&str; 2] = ["If-Match", "Idempotency-Key"];

/// Refuses a request with parameters that its operation doesn't have.
pub fn require_known(request: &Request) -> Result<()> {
    let query = request.uri().query().unwrap_or_default();
    let promised = || PROMISES.into_iter().filter(|name| request.headers().contains_key(*name));
    if query.is_empty() && (request.method().is_safe() || promised().next().is_none()) {
        return Ok(());
    }
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let is_asked =
        |operation: &&Operation| operation.method == method && routes::matches(&operation.path, request.uri().path());
    let Some(Operation { of_query: parameters, of_headers, .. }) = OPERATIONS.iter().find(is_asked) else {
        return Ok(());
    };
    let is_kept = |name: &str| method.is_safe() || of_headers.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(name) = promised().find(|name| !is_kept(name)) {
        let message = format!("Nothing here goes by `{name}`. Send this without it.");
        return Err(Error::invalid(name, "unknown_parameter", message));
    }
    let mut sent = Vec::new();
    // The first is enough: an address has room for thousands.
    for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
        if !parameters.iter().any(|parameter| *parameter == name) {
            return Err(unknown(&name, parameters));
        }
        if sent.contains(&name) {
            return Err(repeated(&name));
        }
        sent.push(name);
    }
    Ok(())
}

/// The refusal of a parameter that is none of those there are.
pub fn unknown(name: &str, parameters: &[impl AsRef<str>]) -> Error {
    let names: Vec<_> = parameters.iter().map(AsRef::as_ref).collect();
    let message = match &names[..] {
        [] => "There is no such parameter: this address takes none after a `?`.".into(),
        names => format!("There is no such parameter here. There is: {}.", names.join(", ")),
    };
    Error::invalid(&shortened(name), "unknown_parameter", message)
}

/// The refusal of a parameter that was sent before.
pub fn repeated(name: &str) -> Error {
    Error::invalid(name, "repeated_parameter", "Send this once.")
}
