//! Showing that it is still the same person who sits there, before something that decides who may come in as whom.

use askama::Template;
use poem::web::cookie::CookieJar;
use poem::web::{Query, Redirect};
use poem::{IntoResponse, Request, Response, handler};
use serde::Deserialize;

use super::form::{Faults, Form};
use super::session::page_of_ours;
use crate::app::App;
use crate::auth::{self, Visitor};
use crate::domain::{passkeys, passwords, sessions};
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "session/prove.html")]
struct ProvePage {
    server: String,
    email: String,
    /// Whether they have a password to show it with.
    by_password: bool,
    passkeys_only: bool,
    /// The one address where passkeys work, if they have one to show it with.
    passkey_origin: Option<String>,
    /// The page it is asked for.
    next: String,
    faults: Faults,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[handler]
pub async fn show_form(app: App, visitor: Visitor, query: poem::Result<Query<Next>>) -> Result<Response> {
    let next = query.map(|query| query.0.next).unwrap_or_default();
    form_page(&app, &visitor, next, Faults::default()).await
}

async fn form_page(app: &App, visitor: &Visitor, next: String, faults: Faults) -> Result<Response> {
    let server = app.config().server_name.clone();
    let origin = app.relying_party().map(|party| party.origin().to_owned());
    let page = move |r: &crate::db::Read| {
        let passkeys_only = r.settings.passkeys_only;
        let by_password = !passkeys_only && passwords::own_hash(r)?.is_some();
        let has_passkey = passkeys::is_set(r, r.actor.require_user()?)?;
        let email = r.actor.email.clone().unwrap_or_default();
        let passkey_origin = origin.filter(|_| has_passkey);
        let next = page_of_ours(&next).to_owned();
        Ok(ProvePage { server, email, by_password, passkeys_only, passkey_origin, next, faults })
    };
    let page = app.read(visitor.to_complete(), page).await?;
    Ok(page.faults.answer(&page))
}

#[handler]
pub async fn create(app: App, visitor: Visitor, jar: &CookieJar, form: Form) -> Result<Response> {
    app.read(visitor.to_complete(), passwords::require_in_use).await?;
    let next = form.text("next").to_owned();
    match require_password(&app, &visitor, form.text("password")).await {
        Ok(_) => {}
        Err(error) => {
            let faults = Faults::of_a_try(&error).map_or_else(|| Faults::in_form(error), Ok)?;
            return form_page(&app, &visitor, next, faults).await;
        }
    }
    let claims = visitor.claims.clone();
    let session = app.write(visitor.to_complete(), move |w| sessions::prove(w, &claims)).await?;
    jar.add(auth::session_cookie(&app, &session)?);
    Ok(Redirect::see_other(page_of_ours(&next)).into_response())
}

/// The visitor types their own password again; it is the one behind the hash that is returned. Tries are counted.
pub async fn require_password(app: &App, visitor: &Visitor, password: &str) -> Result<String> {
    let caller = visitor.to_complete();
    let own = |r: &crate::db::Read| Ok((r.actor.require_user()?, passwords::own_hash(r)?));
    let (user_id, hash) = app.read(caller, own).await?;
    let hash =
        hash.ok_or_else(|| Error::Conflict("no_password", "You have no password. Sign in anew instead.".into()))?;
    let attempt = app.attempts().begin_proof(user_id)?;
    let verified = app.verify_password(&user_id.to_string(), password.to_owned(), Some(hash.clone())).await;
    if !verified.inspect_err(|_| app.attempts().withdraw(&attempt))? {
        return Err(Error::invalid("password", "wrong_password", "This is not your password."));
    }
    app.attempts().succeed(&attempt);
    Ok(hash)
}

/// Where to show it, to get to `next` afterwards.
pub fn address(next: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/ui/prove?{}", query.append_pair("next", page_of_ours(next)).finish())
}

/// The page of ours that a form was sent from, to come back to.
pub fn came_from(request: &Request) -> Option<String> {
    let from = url::Url::parse(request.header("referer")?).ok()?;
    let address = match from.query() {
        Some(query) => format!("{}?{query}", from.path()),
        None => from.path().to_owned(),
    };
    (page_of_ours(&address) == address).then_some(address)
}
