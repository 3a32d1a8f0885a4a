//! The pages: parse a form, make one call into `domain`, render a template.

use poem::web::Redirect;
use poem::{Endpoint, IntoEndpoint, Route, handler};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static"]
struct Files;

/// Everything in `static/`, from inside the binary.
pub fn files() -> impl Endpoint {
    poem::endpoint::EmbeddedFilesEndpoint::<Files>::new()
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
