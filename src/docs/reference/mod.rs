//! `/reference`: the document as plain pages, an index and one page an operation, for those who would rather read.

mod call;
mod operation;
mod prose;
mod yaml;

use std::sync::{Arc, LazyLock};

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{EndpointExt, IntoEndpoint, Request, Response, Route, get, handler};
use serde_json::Value;

use super::document;
use crate::app::App;
use crate::error::Error;
use crate::gzip;
use crate::web;
use operation::Operation;
use prose::{Paragraph, Part};
use yaml::Block;

pub fn pages() -> impl IntoEndpoint {
    Route::new().at("/", get(index)).at("/:id", get(show)).catch_all_error(missing).around(gzip::where_accepted)
}

/// Every operation of the document, read once.
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| operation::all(document::complete()));

#[derive(Template)]
#[template(path = "reference/index.html")]
struct IndexPage {
    version: String,
    about: Vec<Paragraph>,
    groups: Vec<Group>,
}

/// The operations that share a tag.
struct Group {
    name: String,
    about: Vec<Paragraph>,
    operations: Vec<&'static Operation>,
}

#[handler]
fn index() -> Response {
    let document = document::complete();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = |tag: &Value| Group {
        name: text(&tag["name"]),
        about: prose::parse(&text(&tag["description"])),
        operations: OPERATIONS.iter().filter(|operation| tag["name"] == operation.tag.as_str()).collect(),
    };
    let page = IndexPage {
        version: text(&document["info"]["version"]),
        about: prose::parse(&text(&document["info"]["description"])),
        groups: document["tags"].as_array().into_iter().flatten().map(group).collect(),
    };
    web::render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "reference/operation.html")]
struct OperationPage {
    operation: &'static Operation,
    /// The line to paste into a terminal.
    curl: String,
}

#[handler]
fn show(request: &Request, app: App, Path(id): Path<String>) -> poem::Result<Response> {
    let operation = OPERATIONS.iter().find(|operation| operation.id == id);
    let operation =
        operation.ok_or_else(|| Error::not_found("There is no such operation; it may have been renamed."))?;
    let page = OperationPage { operation, curl: call::curl(operation, &web::origin(request, &app)) };
    Ok(web::render(StatusCode::OK, &page))
}

#[derive(Template)]
#[template(path = "reference/missing.html")]
struct MissingPage {
    message: String,
}

async fn missing(error: poem::Error) -> Response {
    let message =
        error.data::<Arc<Error>>().map_or("There is no page at this address.".into(), |error| error.to_string());
    web::render(error.status(), &MissingPage { message })
}
