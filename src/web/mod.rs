//! The pages: parse a form, make one call into `domain`, render a template.

mod accounts;
mod activity;
mod agent;
mod api_keys;
mod backups;
mod confirm;
mod device;
mod first_passkey;
mod form;
mod frame;
mod impersonation;
mod me;
mod once;
mod passkeys;
mod person;
mod preferences;
mod prove;
mod renew;
mod reset;
mod roles;
mod said;
mod script;
mod session;
mod setup;
mod teams;
mod users;
mod visit;
mod welcome;

use std::sync::Arc;

use askama::Template;
use poem::http::{StatusCode, header};
use poem::middleware::{CookieJarManager, SetHeader};
use poem::web::Redirect;
use poem::{
    Endpoint, EndpointExt, FromRequest, IntoEndpoint, IntoResponse, Request, RequestBody, Response, get, handler,
};
use rust_embed::RustEmbed;

use crate::app::App;
use crate::auth::{self, SignedIn, Visitor};
use crate::error::Error;
use crate::gzip;
use crate::request_id;
use crate::routes::Routes;
use form::{Form, Sent};
use frame::Acting;
use said::Said;

/// Every page, under `/ui`.
pub fn routes() -> Routes {
    Routes::new()
        .page("/", session::home)
        .form("/set-up/:token", setup::show_form, setup::create)
        .form("/sign-in", session::show_form, session::create)
        .form("/sign-in/:token", session::show_link, session::create_from_link)
        .act("/sign-in/passkey/question", passkeys::ask_to_sign_in)
        .act("/sign-in/passkey", passkeys::sign_in)
        .act("/sign-out", session::delete)
        .act("/impersonation/end", impersonation::delete)
        .form("/prove", prove::show_form, prove::create)
        .act("/prove/passkey", passkeys::prove)
        .form("/new-password", renew::show_form, renew::update)
        .form("/new-passkey", first_passkey::show_form, first_passkey::create)
        .act("/new-passkey/question", first_passkey::question)
        .form("/reset/:token", reset::show_form, reset::create)
        .form("/welcome/:token", welcome::show_form, welcome::create)
        .form("/passkey/:token", passkeys::show_link, passkeys::create_by_link)
        .act("/passkey/:token/question", passkeys::ask_by_link)
        .page("/me", me::page)
        .form("/me/edit", me::profile::show_form, me::profile::update)
        .form("/me/preferences", me::preferences::show_form, me::preferences::update)
        .form("/me/password", me::password::show_form, me::password::update)
        .act("/me/passkeys", me::passkeys::create)
        .act("/me/passkeys/question", me::passkeys::question)
        .form("/me/passkeys/:id", me::passkeys::show_form, me::passkeys::update)
        .form("/me/passkeys/:id/delete", me::passkeys::ask, me::passkeys::delete)
        .act("/me/accounts/:id/:act", me::carry_out)
        .act("/me/sessions/:session/end", me::end_session)
        .act("/me/sessions/end", me::end_other_sessions)
        .act("/removed-accounts/:id/restore", accounts::restore)
        .form("/backups", backups::list, backups::create)
        .act("/backups/:backup", backups::download)
        .form("/accounts", accounts::list, accounts::create)
        .form("/accounts/:account/users", users::list::page, users::new::create)
        .page("/accounts/:account/users/new", users::new::show_form)
        .page("/accounts/:account/users/:id", users::show::page)
        .form("/accounts/:account/users/:id/edit", users::edit::show_form, users::edit::update)
        .form("/accounts/:account/users/:id/place", users::place::show_form, users::place::update)
        .form("/accounts/:account/users/:id/preferences", users::grid::show_form, users::grid::update)
        .act("/accounts/:account/users/:id/sessions/:session/end", users::show::end_session)
        .form("/accounts/:account/users/:id/impersonation", impersonation::show_form, impersonation::create)
        .page("/accounts/:account/users/:id/link", users::link::page)
        .page("/accounts/:account/users/:id/passkeys", users::passkeys::list)
        .form("/accounts/:account/users/:id/passkeys/:passkey/delete", users::passkeys::ask, users::passkeys::delete)
        .act("/accounts/:account/users/:id/sessions/end", users::show::end_sessions)
        .form("/accounts/:account/users/:id/:act", users::acts::ask, users::acts::carry_out)
        .form("/accounts/:account/teams", teams::list, teams::create)
        .form("/accounts/:account/teams/:id", teams::show_form, teams::update)
        .form("/accounts/:account/teams/:id/delete", teams::ask, teams::delete)
        .page("/accounts/:account/roles", roles::list)
        .form("/accounts/:account/roles/new", roles::show_new, roles::create)
        .form("/accounts/:account/roles/:name", roles::show_form, roles::update)
        .form("/accounts/:account/roles/:name/delete", roles::ask, roles::delete)
        .page("/accounts/:account/activity", activity::page)
        .page("/accounts/:account/activity/export", activity::export)
        .form("/accounts/:account/api-keys", api_keys::list, api_keys::create)
        .page("/accounts/:account/api-keys/:id", api_keys::show_made)
        .form("/accounts/:account/api-keys/:id/delete", api_keys::ask, api_keys::delete)
        .form("/accounts/:account/account", accounts::show_form, accounts::rename)
        .form("/accounts/:account/account/delete", accounts::ask, accounts::delete)
}

/// The pages, as they are served.
pub fn pages() -> impl Endpoint<Output = Response> {
    routes().into_route().around(in_pages).with(CookieJarManager::new()).around(gzip::where_accepted).map_to_response()
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
    get(poem::endpoint::EmbeddedFilesEndpoint::<Files>::new())
        .with(SetHeader::new().overriding(header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .around(gzip::where_accepted)
        .map_to_response()
}

/// The address of a static file, with a version that changes when the file does.
pub fn asset(name: &str) -> String {
    let hash = Files::get(name).map(|file| file.metadata.sha256_hash()).unwrap_or_default();
    format!("/static/{name}?v={:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3])
}

/// What our pages may load: their own files, and the pictures of people. No inline script or style ever runs.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http:; \
                           connect-src 'self'; form-action 'self'; object-src 'none'; base-uri 'none'; \
                           frame-ancestors 'none'";

/// A page from its template.
pub fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Response::builder()
            .status(status)
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
            .body(html),
        Err(error) => {
            tracing::error!(request_id = request_id::current(), %error, "a template failed");
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
        Some(host) if app.config().public_url.is_none() => {
            format!("{}://{host}", if auth::is_https(app, request) { "https" } else { "http" })
        }
        _ => app.public_url(),
    }
}

/// Wraps the pages: forms come from our own pages only, and what goes wrong becomes a page too.
async fn in_pages<E: Endpoint>(pages: Arc<E>, mut request: Request) -> poem::Result<Response> {
    let app = request.data::<App>().cloned().ok_or_else(|| Error::internal("a page without its application"))?;
    let (method, address) = (request.method().clone(), format!("/ui{}", path(&request)));
    let request_id = auth::request_id(&request);
    let by_script = script::asks(&request);
    let said = Said::take(&app, &mut request);
    let signed_in = SignedIn::note(&app, &mut request);
    let acting = Visitor::of(&request).filter(|_| matches!(signed_in, SignedIn::Acting { .. }));
    let came_from = prove::came_from(&request);
    let sent = Sent::default();
    request.set_data(sent.clone());
    if !is_in_no_name(&address) && matches!(signed_in, SignedIn::BesideAnother(_)) {
        return impersonation::is_over(&app, method.is_safe(), request_id);
    }
    let response = if auth::same_site(&app, &request) {
        if !method.is_safe() && Visitor::of(&request).is_none() && !is_in_no_name(&address) && Form::is_in(&request) {
            // It is refused before it is read, and asked for again.
            let mut body = RequestBody::new(request.take_body());
            drop(Form::from_request(&request, &mut body).await);
        }
        pages.call(request).await.map(IntoResponse::into_response)
    } else {
        Err(Error::forbidden(FOREIGN_FORM).into())
    };
    let error = match response {
        Ok(mut response) => {
            Said::send(&app, &mut response, said);
            return Ok(response);
        }
        Err(error) => explain(error),
    };
    if matches!(*error, Error::Unauthenticated(..)) && acting.is_some() && !is_link(&address) {
        return impersonation::is_over(&app, method.is_safe(), request_id);
    }
    if by_script {
        return Ok(script::refuse(error, &request_id));
    }
    let elsewhere = match &*error {
        Error::Unauthenticated("password_change_required", _) => Some("/ui/new-password".to_owned()),
        Error::Unauthenticated("passkey_required", _) => Some("/ui/new-passkey".to_owned()),
        Error::Unauthenticated("proof_required", _) if method.is_safe() => Some(prove::address(&address)),
        Error::Unauthenticated("proof_required", _) => Some(prove::address(&came_from.unwrap_or_default())),
        Error::Unauthenticated(..) if method.is_safe() && !is_link(&address) => {
            Some(session::sign_in_address(&address))
        }
        _ => None,
    };
    if let Some(address) = elsewhere {
        return Ok(Redirect::see_other(address).into_response());
    }
    let acting = match acting {
        Some(visitor) => app.read(visitor.anywhere(), |r| Ok(Acting::of(r))).await.unwrap_or_default(),
        None => None,
    };
    Ok(acting_error_page(&app, &address, error, request_id, acting, &sent))
}

/// Where in the pages a request goes. Over HTTP/2 its target names scheme and host, too.
fn path(request: &Request) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// An error as a page.
pub fn error_page(app: &App, address: &str, error: Arc<Error>, request_id: String) -> Response {
    acting_error_page(app, address, error, request_id, None, &Sent::default())
}

fn acting_error_page(
    app: &App,
    address: &str,
    error: Arc<Error>,
    request_id: String,
    acting: Option<Acting>,
    sent: &Sent,
) -> Response {
    let server = app.config().server_name.clone();
    let again = sent.again().filter(|_| error.status() == 401 && !is_link(address)).map(|fields| (address, fields));
    let page = ErrorPage { is_link: is_link(address), server, error: &error, acting, request_id, again };
    let mut response = render(status_of(&error), &page);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response.set_data(error);
    response
}

const FOREIGN_FORM: &str = "This form was not sent from a page of this server, so nothing was done. \
                            Open the page here and send it again.";

/// The pages that carry their proof in their address: signing in would not help there.
fn is_link(address: &str) -> bool {
    const LINKS: [&str; 5] = ["/ui/set-up/", "/ui/sign-in/", "/ui/welcome/", "/ui/reset/", "/ui/passkey/"];
    LINKS.iter().any(|page| address.starts_with(page))
}

/// What is asked for by nobody in particular, or ends what the browser had: right in whosever name it was meant.
fn is_in_no_name(address: &str) -> bool {
    let path = address.split_once('?').map_or(address, |(path, _)| path);
    matches!(path, "/ui/sign-in" | "/ui/sign-out" | "/ui/impersonation/end") || is_link(path)
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
    acting: Option<Acting>,
    /// Where a form was sent by somebody who is signed out, and what was in it.
    again: Option<(&'a str, &'a [(String, String)])>,
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
            Error::TooLarge(_) | Error::AddressTooLong(_) | Error::HeadersTooLong(_) => "That was too much",
            Error::TooSlow(_) => "That took too long",
            Error::TooManyRequests(..) => "Too often",
            Error::Overloaded(_) => "The server is busy",
            Error::Unavailable(_) | Error::Damaged(_) => "Nothing can be saved at the moment",
            Error::Stopping => "The server is stopping",
            Error::Internal(_) => "Something went wrong",
        }
    }
}
