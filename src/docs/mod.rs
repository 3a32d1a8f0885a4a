//! The documentation, all of it from the handlers' own document.

mod document;
mod examples;
mod fixed;
mod links;
mod operations;
mod reference;
mod swagger;

use std::sync::LazyLock;

use poem::{IntoEndpoint, endpoint::make_sync};

use crate::api;
use fixed::Fixed;

static JSON: LazyLock<Fixed> = LazyLock::new(|| Fixed::new("application/json", json_text()));
static YAML: LazyLock<Fixed> = LazyLock::new(|| Fixed::new("application/yaml", yaml_text()));
static USERS_YAML: LazyLock<Fixed> =
    LazyLock::new(|| Fixed::new("application/yaml", to_yaml(&links::only_path(document::complete(), "/users"))));
static ROUTE_SOURCE: LazyLock<Fixed> =
    LazyLock::new(|| Fixed::new("text/plain; charset=utf-8", api::ROUTE_SOURCE.into()));
static SWAGGER_UI: LazyLock<Fixed> = LazyLock::new(|| {
    let page = swagger::page(&json_text());
    let policy = swagger::policy(&page);
    Fixed::new("text/html; charset=utf-8", page).with_policy(policy)
});

/// The whole document, as `/openapi.json` and `rollcall openapi` give it.
pub fn json_text() -> String {
    format!("{:#}\n", document::complete())
}

pub fn yaml_text() -> String {
    to_yaml(document::complete())
}

fn to_yaml(value: &serde_json::Value) -> String {
    let text = serde_yaml::to_string(value).unwrap_or_default();
    text.lines().map(|line| quote_time(line) + "\n").collect()
}

/// serde_yaml leaves times bare, which readers of YAML 1.1 then take for something other than text.
fn quote_time(line: &str) -> String {
    let is_time = |value: &str| value.len() == 24 && value.ends_with('Z') && value.as_bytes()[10] == b'T';
    match line.rsplit_once(": ") {
        Some((key, value)) if is_time(value) => format!("{key}: '{value}'"),
        _ => line.to_owned(),
    }
}

/// The plain pages, one an operation.
pub fn reference() -> impl IntoEndpoint {
    reference::pages()
}

pub fn swagger_ui() -> impl IntoEndpoint {
    fixed(&SWAGGER_UI)
}

pub fn json() -> impl IntoEndpoint {
    fixed(&JSON)
}

pub fn yaml() -> impl IntoEndpoint {
    fixed(&YAML)
}

/// The part of the document that is about `/users`.
pub fn users_yaml() -> impl IntoEndpoint {
    fixed(&USERS_YAML)
}

pub fn route_source() -> impl IntoEndpoint {
    fixed(&ROUTE_SOURCE)
}

fn fixed(text: &'static LazyLock<Fixed>) -> impl IntoEndpoint {
    poem::get(make_sync(|request| text.answer(request.headers())))
}
