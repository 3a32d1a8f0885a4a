//! The invited person's first page, where they choose their password, or go on to register a passkey.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::web::cookie::CookieJar;
use poem::{Response, handler};

use super::device::Device;
use super::form::{Faults, Form};
use super::person::Person;
use super::render;
use super::said::Said;
use super::visit::done;
use crate::app::App;
use crate::auth::Stranger;
use crate::domain::invitations::{self, Invited};
use crate::domain::passwords;
use crate::domain::tokens::Kind;
use crate::error::Result;

#[derive(Template)]
#[template(path = "session/welcome.html")]
struct WelcomePage {
    server: String,
    invited: Invited,
    /// Where to register a passkey instead; none where they don't work.
    passkey_link: Option<String>,
    passkeys_only: bool,
    faults: Faults,
}

impl WelcomePage {
    fn new(app: &App, token: &str, invited: Invited, faults: Faults) -> Self {
        let passkey_link = app.relying_party().map(|party| format!("{}/ui/passkey/{token}", party.origin()));
        let (server, passkeys_only) = (app.config().server_name.clone(), app.config().passkeys_only);
        Self { server, invited, passkey_link, passkeys_only, faults }
    }

    fn person(&self) -> Person {
        let Invited { user_id, email, name, .. } = &self.invited;
        Person { id: *user_id, email: email.clone(), name: name.clone(), img_src: None }
    }
}

#[handler]
pub async fn show_form(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let invitation = app.open_token(&token)?.of_kind(Kind::Invitation)?;
    let invited = app.read(stranger.0, move |r| invitations::find(r, &invitation)).await?;
    Ok(render(StatusCode::OK, &WelcomePage::new(&app, &token, invited, Faults::default())))
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
    let invitation = app.open_token(&token)?.of_kind(Kind::Invitation)?;
    let looked_at = invitation.clone();
    let find = move |r: &crate::db::Read| {
        passwords::require_in_use(r)?;
        let invited = invitations::find(r, &looked_at)?;
        Ok((passwords::words(r, invited.user_id)?, invited))
    };
    let (words, invited) = app.read(stranger.0.clone(), find).await?;
    let password = form.text("password").to_owned();
    let hash = match app.choose_password(&invitation.id, password, words).await {
        Ok(hash) => hash,
        Err(error) => {
            let page = WelcomePage::new(&app, &token, invited, Faults::in_form(error)?);
            return Ok(page.faults.answer(&page));
        }
    };
    let session = app.write(stranger.0, move |w| invitations::accept(w, &invitation, &hash)).await?;
    device.keep(&app, jar, &session)?;
    Ok(done(Said::PasswordSet, "/ui/me"))
}
