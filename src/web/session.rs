//! Signing in, with a password or a one-time link, and signing out.

use askama::Template;
use poem::http::{HeaderValue, StatusCode};
use poem::web::cookie::CookieJar;
use poem::web::{Path, Query, Redirect};
use poem::{IntoResponse, Request, Response, handler};
use serde::Deserialize;

use super::form::{Faults, Form};
use super::said::Said;
use super::{render, status_of};
use crate::app::App;
use crate::auth::{self, Stranger, Visitor};
use crate::domain::permissions::Permission;
use crate::domain::tokens::{Claims, Kind};
use crate::domain::{accounts, passwords, sessions, setup};
use crate::error::{Error, Result};

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
    let page = SignInPage { server, said: Said::of(request), email: String::new(), next, faults: Faults::default() };
    Ok(render(StatusCode::OK, &page))
}

#[handler]
pub async fn create(app: App, stranger: Stranger, jar: &CookieJar, form: Form) -> Result<Response> {
    let (email, next) = (form.text("email").to_owned(), form.text("next").to_owned());
    match sign_in(&app, stranger, email.clone(), form.text("password").to_owned()).await {
        Ok(session) => {
            jar.add(auth::session_cookie(&app, &session)?);
            Ok(Redirect::see_other(page_of_ours(&next)).into_response())
        }
        Err(error @ Error::Unauthenticated(..)) => {
            let faults = Faults::of_all(error.to_string());
            let page = SignInPage { server: app.config().server_name.clone(), said: None, email, next, faults };
            Ok(render(status_of(&error), &page))
        }
        Err(error) => Err(error),
    }
}

/// One answer for an unknown e-mail, a user without a password and a wrong one.
async fn sign_in(app: &App, stranger: Stranger, email: String, password: String) -> Result<Claims> {
    let found = app.read(stranger.0.clone(), move |r| passwords::find_by_email(r, &email)).await?;
    let (user_id, hash) = found.unzip();
    let verified = app.verify_password(password, hash).await?;
    let Some(user_id) = user_id.filter(|_| verified) else {
        let message = "The e-mail or the password is not right. Check both, or ask for a sign-in link.";
        return Err(Error::Unauthenticated("wrong_password", message.into()));
    };
    app.write(stranger.0, move |w| sessions::create(w, user_id)).await
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
    let email = app.read(stranger.0, move |r| sessions::find_by_link(r, &link)).await?;
    Ok(render(StatusCode::OK, &LinkPage { server: app.config().server_name.clone(), email }))
}

#[handler]
pub async fn create_from_link(
    app: App,
    stranger: Stranger,
    jar: &CookieJar,
    Path(token): Path<String>,
) -> Result<Redirect> {
    let link = app.open_token(&token)?.of_kind(Kind::SignInLink)?;
    let session = app.write(stranger.0, move |w| sessions::create_from_link(w, &link)).await?;
    jar.add(auth::session_cookie(&app, &session)?);
    Ok(Redirect::see_other("/ui"))
}

/// Signing out works for a session that has ended elsewhere, too.
#[handler]
pub async fn delete(app: App, jar: &CookieJar, visitor: poem::Result<Visitor>) -> Result<Response> {
    if let Ok(visitor) = visitor {
        let claims = visitor.claims.clone();
        match app.write(visitor.anywhere(), move |w| sessions::delete(w, &claims)).await {
            Ok(()) | Err(Error::Unauthenticated(..)) => {}
            Err(error) => return Err(error),
        }
    }
    jar.add(auth::no_session_cookie(&app));
    jar.add(Said::SignedOut.cookie());
    // Not "cache": nothing about anybody is ever cached, and emptying one takes browsers seconds. Not "cookies": that
    // would end the sessions at every other server on this host.
    let forget = HeaderValue::from_static("\"storage\"");
    Ok(Redirect::see_other("/ui/sign-in").with_header("clear-site-data", forget).into_response())
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
fn page_of_ours(next: &str) -> &str {
    let ours = next.starts_with("/ui/") && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { next } else { "/ui" }
}
