//! The JSON API. Handlers parse, make one call into `domain`, and shape the answer; the OpenAPI document is made from
//! their signatures and doc comments.

mod error;
mod json;
mod methods;
pub mod outcomes;
mod schema;
mod users;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response};
use poem_openapi::OpenApiService;

pub use error::{answer, in_json};
pub use json::BODY_LIMIT;

fn service() -> OpenApiService<users::Api, ()> {
    OpenApiService::new(users::Api, "Rollcall", env!("CARGO_PKG_VERSION"))
}

/// The API's routes.
pub fn endpoint() -> impl Endpoint<Output = Response> {
    service().into_endpoint().map_to_response()
}

/// The document as poem-openapi generates it; `docs` completes it.
pub fn document() -> String {
    service().spec()
}

/// Swagger UI as poem-openapi makes it, with [`document`] inside; `docs` puts the complete one there.
pub fn swagger_ui() -> String {
    service().swagger_ui_html()
}

/// The source of the routes, as the documentation offers it.
pub const ROUTE_SOURCE: &str = include_str!("users.rs");
