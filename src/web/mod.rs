//! The pages: parse a form, make one call into `domain`, render a template.

use askama::Template;
use poem::http::{StatusCode, header};
use poem::web::Redirect;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route, handler};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static"]
struct Files;

/// Everything in `static/`, from inside the binary. Its addresses carry a version (see [`asset`]), so it may be kept.
pub fn files() -> impl Endpoint<Output = Response> {
    poem::endpoint::EmbeddedFilesEndpoint::<Files>::new()
        .map_to_response()
        .with(
            poem::middleware::SetHeader::new().overriding(header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        )
        .map_to_response()
}

/// The address of a static file, with a version that changes when the file does.
pub fn asset(name: &str) -> String {
    let hash = Files::get(name).map(|file| file.metadata.sha256_hash()).unwrap_or_default();
    format!("/static/{name}?v={:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3])
}

/// What our pages may load: their own files, and the pictures of people. No inline script or style ever runs.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http:; \
                           connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page from its template.
pub fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Response::builder()
            .status(status)
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a template failed");
            Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body("This page could not be made.")
        }
    }
}

/// Every page under `/ui`.
pub fn pages() -> Route {
    Route::new()
}

/// `/` leads to the pages.
pub fn front_door() -> impl IntoEndpoint {
    poem::get(to_pages)
}

#[handler]
fn to_pages() -> Redirect {
    Redirect::see_other("/ui")
}
