//! Choosing a new password with a one-time link from an admin.

use askama::Template;
use poem::web::Path;
use poem::web::cookie::CookieJar;
use poem::{Response, handler};

use super::device::Device;
use super::form::{Faults, Form};
use super::said::Said;
use super::visit::done;
use crate::app::App;
use crate::auth::Stranger;
use crate::domain::tokens::Kind;
use crate::domain::{password_resets, passwords};
use crate::error::Result;

#[derive(Template)]
#[template(path = "session/reset.html")]
struct ResetPage {
    server: String,
    email: String,
    faults: Faults,
}

#[handler]
pub async fn show_form(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let link = app.open_token(&token)?.of_kind(Kind::PasswordReset)?;
    let email = app.read(stranger.0, move |r| Ok(password_resets::find(r, &link)?.email)).await?;
    let page = ResetPage { server: app.config().server_name.clone(), email, faults: Faults::default() };
    Ok(page.faults.answer(&page))
}

#[handler]
pub async fn create(
    app: App,
    stranger: Stranger,
    device: Device,
    jar: &CookieJar,
    Path(token): Path<String>,
    form: Form,
) -> Result<Response> {
    let link = app.open_token(&token)?.of_kind(Kind::PasswordReset)?;
    let looked_at = link.clone();
    let find = move |r: &crate::db::Read| {
        let holder = password_resets::find(r, &looked_at)?;
        Ok((passwords::words(r, holder.user_id)?, holder.email))
    };
    let (words, email) = app.read(stranger.0.clone(), find).await?;
    let password = form.text("password").to_owned();
    let hash = match app.choose_password(&link.id, password, words).await {
        Ok(hash) => hash,
        Err(error) => {
            let page = ResetPage { server: app.config().server_name.clone(), email, faults: Faults::in_form(error)? };
            return Ok(page.faults.answer(&page));
        }
    };
    let session = app.write(stranger.0, move |w| password_resets::accept(w, &link, &hash)).await?;
    device.keep(&app, jar, &session)?;
    Ok(done(Said::PasswordSet, "/ui/me"))
}
