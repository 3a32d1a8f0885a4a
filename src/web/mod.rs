//! The pages: parse a form, make one call into `domain`, render a template.

mod accounts;
mod activity;
mod api_keys;
mod confirm;
mod form;
mod frame;
mod me;
mod person;
mod preferences;
mod roles;
mod said;
mod session;
mod setup;
mod teams;
mod users;
mod visit;
mod welcome;

use std::sync::Arc;

use askama::Template;
use poem::http::{HeaderValue, StatusCode, header};
use poem::middleware::{Compression, CookieJarManager, SetHeader};
use poem::web::Redirect;
use poem::{Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Request, Response, Route, get, handler, post};
use rust_embed::RustEmbed;

use crate::app::App;
use crate::auth;
use crate::error::Error;
use said::Said;

/// Every page, under `/ui`.
pub fn pages() -> impl Endpoint<Output = Response> {
    Route::new()
        .at("/", get(session::home))
        .at("/set-up/:token", get(setup::show_form).post(setup::create))
        .at("/sign-in", get(session::show_form).post(session::create))
        .at("/sign-in/:token", get(session::show_link).post(session::create_from_link))
        .at("/sign-out", post(session::delete))
        .at("/welcome/:token", get(welcome::show_form).post(welcome::create))
        .at("/me", get(me::page))
        .at("/me/edit", get(me::profile::show_form).post(me::profile::update))
        .at("/me/preferences", get(me::preferences::show_form).post(me::preferences::update))
        .at("/me/password", get(me::password::show_form).post(me::password::update))
        .at("/me/accounts/:id/:act", post(me::carry_out))
        .at("/me/sessions/:session/end", post(me::end_session))
        .at("/removed-accounts/:id/restore", post(accounts::restore))
        .at("/accounts", get(accounts::list).post(accounts::create))
        .at("/accounts/:account/users", get(users::list::page).post(users::new::create))
        .at("/accounts/:account/users/new", get(users::new::show_form))
        .at("/accounts/:account/users/:id", get(users::show::page))
        .at("/accounts/:account/users/:id/edit", get(users::edit::show_form).post(users::edit::update))
        .at("/accounts/:account/users/:id/place", get(users::place::show_form).post(users::place::update))
        .at("/accounts/:account/users/:id/preferences", get(users::grid::show_form).post(users::grid::update))
        .at("/accounts/:account/users/:id/sessions/:session/end", post(users::show::end_session))
        .at("/accounts/:account/users/:id/:act", get(users::acts::ask).post(users::acts::carry_out))
        .at("/accounts/:account/teams", get(teams::list).post(teams::create))
        .at("/accounts/:account/teams/:id", get(teams::show_form).post(teams::update))
        .at("/accounts/:account/teams/:id/delete", get(teams::ask).post(teams::delete))
        .at("/accounts/:account/roles", get(roles::list))
        .at("/accounts/:account/roles/new", get(roles::show_new).post(roles::create))
        .at("/accounts/:account/roles/:name", get(roles::show_form).post(roles::update))
        .at("/accounts/:account/roles/:name/delete", get(roles::ask).post(roles::delete))
        .at("/accounts/:account/activity", get(activity::page))
        .at("/accounts/:account/activity/export", get(activity::export))
        .at("/accounts/:account/api-keys", get(api_keys::list).post(api_keys::create))
        .at("/accounts/:account/api-keys/:id/delete", get(api_keys::ask).post(api_keys::delete))
        .at("/accounts/:account/account", get(accounts::show_form).post(accounts::rename))
        .at("/accounts/:account/account/delete", get(accounts::ask).post(accounts::delete))
        .around(in_pages)
        .with(CookieJarManager::new())
        .with(Compression::new())
        .map_to_response()
}

/// `/` leads to the pages.
pub fn front_door() -> impl IntoEndpoint {
    get(to_pages)
}

#[handler]
fn to_pages() -> Redirect {
    Redirect::see_other("/ui")
}

#[derive(RustEmbed)]
#[folder = "static"]
struct Files;

/// Everything in `static/`, from inside the binary. Its addresses carry a version (see [`asset`]), so it may be kept.
pub fn files() -> impl Endpoint<Output = Response> {
    poem::endpoint::EmbeddedFilesEndpoint::<Files>::new()
        .with(
            SetHeader::new()
                .overriding(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
                .appending(header::VARY, "accept-encoding"),
        )
        .with(Compression::new())
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

/// The server's address as the visitor knows it: the one that was set, else the one they used. It ends up in links they
/// pass on and in command lines they paste.
pub fn origin(request: &Request, app: &App) -> String {
    let plain = |host: &&str| {
        (1..=255).contains(&host.len()) && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).filter(plain);
    match host {
        Some(host) if app.config().public_url.is_none() => format!("http://{host}"),
        _ => app.public_url(),
    }
}

/// Wraps the pages: forms come from our own pages only, and what goes wrong becomes a page too.
async fn in_pages<E: Endpoint>(pages: Arc<E>, mut request: Request) -> poem::Result<Response> {
    let app = request.data::<App>().cloned().ok_or_else(|| Error::internal("a page without its application"))?;
    let (method, address) = (request.method().clone(), format!("/ui{}", request.uri()));
    let request_id = auth::trace(&request).request_id;
    let said = Said::take(&mut request);
    let response = if auth::same_site(&app, &method, request.headers()) {
        pages.call(request).await.map(IntoResponse::into_response)
    } else {
        Err(Error::forbidden(FOREIGN_FORM).into())
    };
    let error = match response {
        Ok(mut response) => {
            if said && response.status().is_success() {
                let forget = HeaderValue::from_static(Said::FORGET);
                response.headers_mut().append(header::SET_COOKIE, forget);
            }
            return Ok(response);
        }
        Err(error) => explain(error),
    };
    if matches!(*error, Error::Unauthenticated(..)) && method.is_safe() && !is_link(&address) {
        return Ok(Redirect::see_other(session::sign_in_address(&address)).into_response());
    }
    let mut response = render(
        status_of(&error),
        &ErrorPage { is_link: is_link(&address), server: app.config().server_name.clone(), error: &error, request_id },
    );
    response.set_data(error);
    Ok(response)
}

const FOREIGN_FORM: &str = "This form was not sent from a page of this server, so nothing was done. \
                            Open the page here and send it again.";

/// The pages that carry their proof in their address: signing in would not help there.
fn is_link(address: &str) -> bool {
    ["/ui/set-up/", "/ui/sign-in/", "/ui/welcome/"].iter().any(|page| address.starts_with(page))
}

/// The error behind what a handler, or poem itself, refused with.
fn explain(error: poem::Error) -> Arc<Error> {
    if let Some(error) = error.data::<Arc<Error>>() {
        return error.clone();
    }
    Arc::new(match error.status() {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => Error::not_found("There is no page at this address."),
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
        _ => Error::internal(error),
    })
}

fn status_of(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    server: String,
    error: &'a Error,
    request_id: String,
    /// Whether the address is a link with a secret in it.
    is_link: bool,
}

impl ErrorPage<'_> {
    fn title(&self) -> &'static str {
        match self.error {
            Error::Invalid(_) | Error::UnsupportedMediaType(_) => "That could not be read",
            Error::Unauthenticated("user_suspended", _) => "You cannot sign in",
            Error::Unauthenticated("token_invalid", _) if self.is_link => "This link is not complete",
            Error::Unauthenticated(..) if self.is_link => "This link does not work any more",
            Error::Unauthenticated(..) => "You are signed out",
            Error::Forbidden(_) => "You may not do this",
            Error::NotFound(_) => "There is nothing here",
            Error::MethodNotAllowed => "That does not work here",
            Error::Conflict(..) => "That cannot be done",
            Error::Changed(_) => "Somebody else was faster",
            Error::KeyReused => "That was sent before",
            Error::TooLarge(_) => "That was too much",
            Error::Overloaded(_) => "The server is busy",
            Error::Unavailable(_) => "Nothing can be saved at the moment",
            Error::Internal(_) => "Something went wrong",
        }
    }
}
