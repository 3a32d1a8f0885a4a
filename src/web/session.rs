//! Signing in, with a password or a one-time link, and signing out.

use askama::Template;
use poem::http::{HeaderValue, StatusCode};
use poem::web::cookie::CookieJar;
use poem::web::{Path, Query, Redirect};
use poem::{IntoResponse, Request, Response, handler};
use serde::Deserialize;

use super::device::Device;
use super::form::{Faults, Form};
use super::render;
use super::said::Said;
use crate::app::App;
use crate::auth::{self, Stranger, Visitor};
use crate::domain::fields::email_key;
use crate::domain::permissions::Permission;
use crate::domain::tokens::{Claims, Kind};
use crate::domain::{accounts, passwords, sessions, setup};
use crate::error::{Error, Result};
use crate::metrics::Way;

/// `/ui`: to the people of one's account.
#[handler]
pub async fn home(app: App, visitor: Visitor) -> Result<Redirect> {
    let primary = app.read(visitor.anywhere(), |r| accounts::primary(r, r.actor.require_user()?)).await?;
    let Some(account) = primary else { return Ok(Redirect::see_other("/ui/me")) };
    let may_read = app.read(visitor.within(account.clone()), |r| Ok(r.actor.may(Permission::UsersRead))).await?;
    Ok(if may_read {
        Redirect::see_other(format!("/ui/accounts/{account}/users"))
    } else {
        Redirect::see_other("/ui/me")
    })
}

#[derive(Template)]
#[template(path = "session/sign_in.html")]
struct SignInPage {
    server: String,
    said: Option<Said>,
    email: String,
    next: String,
    /// The one address where passkeys work, if they work anywhere.
    passkey_origin: Option<String>,
    passkeys_only: bool,
    faults: Faults,
}

/// Before set-up there is nobody to sign in as; the page says how to begin.
#[derive(Template)]
#[template(path = "session/not_set_up.html")]
struct NotSetUpPage {
    server: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[handler]
pub async fn show_form(
    app: App,
    stranger: Stranger,
    query: poem::Result<Query<Next>>,
    request: &Request,
) -> Result<Response> {
    let server = app.config().server_name.clone();
    let next = query.map(|query| query.0.next).unwrap_or_default();
    if !app.read(stranger.0, setup::is_done).await? {
        return Ok(render(StatusCode::OK, &NotSetUpPage { server }));
    }
    let passkey_origin = passkey_origin(&app);
    let (said, email, faults) = (Said::of(request), String::new(), Faults::default());
    let passkeys_only = app.config().passkeys_only;
    let page = SignInPage { server, said, email, next, passkey_origin, passkeys_only, faults };
    Ok(render(StatusCode::OK, &page))
}

#[handler]
pub async fn create(app: App, stranger: Stranger, device: Device, jar: &CookieJar, form: Form) -> Result<Response> {
    let (email, next) = (form.text("email").to_owned(), form.text("next").to_owned());
    let tried = sign_in(&app, stranger, &device, &email, form.text("password")).await;
    match app.metrics().sign_ins.note(Way::Password, tried) {
        Ok(session) => {
            device.keep(&app, jar, &session)?;
            Ok(Redirect::see_other(page_of_ours(&next)).into_response())
        }
        Err(error) => {
            let faults = Faults::of_a_try(&error).ok_or(error)?;
            let (server, passkey_origin) = (app.config().server_name.clone(), passkey_origin(&app));
            let passkeys_only = app.config().passkeys_only;
            let page = SignInPage { server, said: None, email, next, passkey_origin, passkeys_only, faults };
            Ok(page.faults.answer(&page))
        }
    }
}

fn passkey_origin(app: &App) -> Option<String> {
    app.relying_party().map(|party| party.origin().to_owned())
}

/// One answer, and after the same time, for an unknown e-mail, a user without a password and a wrong one.
async fn sign_in(
    app: &App,
    Stranger(caller): Stranger,
    device: &Device,
    email: &str,
    password: &str,
) -> Result<Claims> {
    let typed = email.to_owned();
    let found = app.read(caller.clone(), move |r| passwords::find_by_email(r, &typed)).await?;
    let (user_id, hash) = found.unzip();
    let refused = |why: &str| {
        let (request_id, address) = (&caller.trace.request_id, caller.trace.address.as_deref());
        tracing::warn!(request_id, address, user_id, "a sign-in was refused: {why}");
    };
    let own = user_id.and_then(|id| device.of(id));
    let attempt = app.attempts().begin(email, own, caller.trace.address.as_deref());
    let attempt = attempt.inspect_err(|_| refused("too many attempts"))?;
    let verified = app.verify_password(&email_key(email), password.to_owned(), hash.clone()).await;
    let verified = verified.inspect_err(|_| app.attempts().withdraw(&attempt))?;
    let Some((user_id, hash)) = user_id.zip(hash).filter(|_| verified) else {
        refused("wrong password");
        return Err(sessions::wrong_password());
    };
    app.attempts().succeed(&attempt);
    // When the hashers are busy, the next sign-in will do.
    let upgraded = match passwords::is_outdated(&hash) {
        true => app.hash_password(&email_key(email), password.to_owned()).await.ok(),
        false => None,
    };
    app.write(caller, move |w| sessions::create_with_password(w, user_id, &hash, upgraded.as_deref())).await
}

/// Asks before the link is spent, so that a preview of it in a chat doesn't.
#[derive(Template)]
#[template(path = "session/link.html")]
struct LinkPage {
    server: String,
    email: String,
}

#[handler]
pub async fn show_link(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let link = app.open_token(&token)?.of_kind(Kind::SignInLink)?;
    let email = app.read(stranger.0, move |r| Ok(sessions::find_by_link(r, &link)?.email)).await?;
    Ok(render(StatusCode::OK, &LinkPage { server: app.config().server_name.clone(), email }))
}

#[handler]
pub async fn create_from_link(
    app: App,
    stranger: Stranger,
    device: Device,
    jar: &CookieJar,
    Path(token): Path<String>,
) -> Result<Redirect> {
    let link = app.open_token(&token)?.of_kind(Kind::SignInLink)?;
    let tried = app.write(stranger.0, move |w| sessions::create_from_link(w, &link)).await;
    let session = app.metrics().sign_ins.note(Way::Link, tried)?;
    device.keep(&app, jar, &session)?;
    Ok(Redirect::see_other("/ui"))
}

/// Signing out works for a session that has ended elsewhere, too.
#[handler]
pub async fn delete(app: App, jar: &CookieJar, visitor: poem::Result<Visitor>) -> Result<Response> {
    if let Ok(visitor) = visitor {
        // Who acts as somebody else leaves as both.
        let visitor = visitor.as_oneself();
        let claims = visitor.claims.clone();
        match app.write(visitor.to_complete(), move |w| sessions::delete(w, &claims)).await {
            Ok(()) | Err(Error::Unauthenticated(..)) => {}
            Err(error) => return Err(error),
        }
    }
    jar.add(auth::no_session_cookie(&app));
    jar.add(auth::no_longer_acting_cookie(&app));
    // Not "cache": nothing about anybody is ever cached, and emptying one takes browsers seconds. Not "cookies": that
    // would end the sessions at every other server on this host.
    let forget = HeaderValue::from_static("\"storage\"");
    let signed_out = Redirect::see_other("/ui/sign-in").with_header("clear-site-data", forget);
    Ok(Said::SignedOut.after(signed_out.into_response()))
}

/// Where to sign in to get to `next`.
pub fn sign_in_address(next: &str) -> String {
    match page_of_ours(next) {
        "/ui" | "/ui/" => "/ui/sign-in".into(),
        next => format!(
            "/ui/sign-in?{}",
            url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish()
        ),
    }
}

/// `next`, if it is a page of this server; the front page otherwise.
pub fn page_of_ours(next: &str) -> &str {
    let ours = next.starts_with("/ui/") && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { next } else { "/ui" }
}
