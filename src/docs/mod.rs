//! The documentation, all of it from the handlers' own document.

use poem::{IntoEndpoint, Response, Route, endpoint::make_sync};

use crate::api;

pub fn json_text() -> String {
    api::document()
}

pub fn yaml_text() -> String {
    api::document()
}

/// The light pages, one an operation.
pub fn reference() -> Route {
    Route::new()
}

pub fn swagger_ui() -> impl IntoEndpoint {
    text("text/html; charset=utf-8", String::new())
}

pub fn json() -> impl IntoEndpoint {
    text("application/json", json_text())
}

pub fn yaml() -> impl IntoEndpoint {
    text("application/yaml", yaml_text())
}

pub fn users_yaml() -> impl IntoEndpoint {
    text("application/yaml", yaml_text())
}

pub fn route_source() -> impl IntoEndpoint {
    text("text/plain; charset=utf-8", api::ROUTE_SOURCE.to_owned())
}

fn text(content_type: &'static str, body: String) -> impl IntoEndpoint {
    poem::get(make_sync(move |_| Response::builder().content_type(content_type).body(body.clone())))
}
