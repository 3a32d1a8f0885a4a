//! Setting the server up, from the link it prints while nobody is there.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::web::cookie::CookieJar;
use poem::{Response, handler};

use super::device::Device;
use super::form::{Faults, Form};
use super::render;
use super::said::Said;
use super::visit::done;
use crate::app::App;
use crate::auth::Stranger;
use crate::domain::setup::{self, FirstOwner};
use crate::domain::tokens::Kind;
use crate::error::Result;

#[derive(Default, Template)]
#[template(path = "session/set_up.html")]
struct SetUpPage {
    server: String,
    new: FirstOwner,
    /// Whether a passkey is what they will sign in with, and they register one next.
    passkeys_only: bool,
    faults: Faults,
}

#[handler]
pub async fn show_form(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let link = app.open_token(&token)?.of_kind(Kind::SetUpLink)?;
    app.read(stranger.0, move |r| setup::require_link(r, &link)).await?;
    let (server, passkeys_only) = (app.config().server_name.clone(), app.config().passkeys_only);
    Ok(render(StatusCode::OK, &SetUpPage { server, passkeys_only, ..SetUpPage::default() }))
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
    let link = app.open_token(&token)?.of_kind(Kind::SetUpLink)?;
    let mut new = FirstOwner {
        email: form.text("email").into(),
        name: form.text("name").into(),
        account_name: form.text("accountName").into(),
        ..FirstOwner::default()
    };
    let password = form.text("password").to_owned();
    let looked_at = link.clone();
    app.read(stranger.0.clone(), move |r| setup::require_link(r, &looked_at)).await?;
    let passkeys_only = app.config().passkeys_only;
    let hash = match passkeys_only {
        true => Ok(None),
        false => app.choose_password(&link.id, password, setup::words(&new)).await.map(Some),
    };
    match setup::check(&new, hash) {
        Ok(hash) => new.password_hash = hash,
        Err(error) => {
            let faults = Faults::in_form(error)?;
            let page = SetUpPage { server: app.config().server_name.clone(), new, passkeys_only, faults };
            return Ok(page.faults.answer(&page));
        }
    }
    let session = app.write(stranger.0, move |w| setup::create_from_link(w, &link, new)).await?;
    device.keep(&app, jar, &session)?;
    Ok(done(Said::SetUp, "/ui"))
}
