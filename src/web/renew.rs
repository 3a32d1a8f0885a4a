//! The one page for somebody whom an admin asks for another password.

use askama::Template;
use poem::web::Redirect;
use poem::web::cookie::CookieJar;
use poem::{IntoResponse, Response, handler};

use super::form::{Faults, Form};
use super::said::Said;
use super::visit::done;
use crate::app::App;
use crate::auth::{self, Visitor};
use crate::db::Read;
use crate::domain::passwords;
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "session/renew.html")]
struct RenewPage {
    server: String,
    email: String,
    faults: Faults,
}

#[handler]
pub async fn show_form(app: App, visitor: Visitor) -> Result<Response> {
    let asked = |r: &Read| {
        r.actor.ask_proof()?;
        passwords::require_in_use(r)?;
        Ok(passwords::find_own(r)?.is_some_and(|password| password.must_change))
    };
    if !app.read(visitor.to_complete(), asked).await? {
        return Ok(Redirect::see_other("/ui/me/password").into_response());
    }
    form_page(&app, &visitor, Faults::default()).await
}

async fn form_page(app: &App, visitor: &Visitor, faults: Faults) -> Result<Response> {
    let server = app.config().server_name.clone();
    let page = |r: &Read| {
        passwords::require_in_use(r)?;
        Ok(RenewPage { server, email: r.actor.email.clone().unwrap_or_default(), faults })
    };
    let page = app.read(visitor.to_complete(), page).await?;
    Ok(page.faults.answer(&page))
}

#[handler]
pub async fn update(app: App, visitor: Visitor, jar: &CookieJar, form: Form) -> Result<Response> {
    let hash = match another(&app, &visitor, form.text("password")).await {
        Ok(hash) => hash,
        Err(error) => return form_page(&app, &visitor, Faults::in_form(error)?).await,
    };
    let claims = visitor.claims.clone();
    let session = app.write(visitor.to_complete(), move |w| passwords::renew(w, &hash, &claims)).await?;
    jar.add(auth::session_cookie(&app, &session)?);
    Ok(done(Said::PasswordSet, "/ui/me"))
}

/// The hash of a new password, which isn't the one they have.
async fn another(app: &App, visitor: &Visitor, password: &str) -> Result<String> {
    let known = |r: &Read| {
        // Before anything is compared: who isn't asked could try what the password is as often as they like.
        passwords::require_asked(r)?;
        r.actor.require_proof()?;
        let whose = r.actor.require_user()?.to_string();
        Ok((whose, passwords::words(r, r.actor.require_user()?)?, passwords::own_hash(r)?))
    };
    let (whose, words, known) = app.read(visitor.to_complete(), known).await?;
    let hash = app.choose_password(&whose, password.to_owned(), words).await?;
    if app.verify_password(&whose, password.to_owned(), known).await? {
        let message = "This is the password you have. Choose another one.";
        return Err(Error::invalid("password", "password_unchanged", message));
    }
    Ok(hash)
}
