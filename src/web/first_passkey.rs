//! The one page for somebody who has no passkey yet where passkeys are the only way in.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Redirect;
use poem::{IntoResponse, Response, handler};

use super::passkeys::New;
use super::said::Said;
use super::script::{self, Sent};
use super::{agent, render};
use crate::app::App;
use crate::auth::Visitor;
use crate::domain::passkeys;
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "passkeys/first.html")]
struct FirstPage {
    server: String,
    email: String,
    origin: String,
    device: String,
}

#[handler]
pub async fn show_form(app: App, visitor: Visitor) -> Result<Response> {
    let asked = |r: &crate::db::Read| {
        passkeys::require_asked(r)?;
        r.actor.ask_proof()?;
        Ok(r.actor.email.clone().unwrap_or_default())
    };
    let email = match app.read(visitor.to_complete(), asked).await {
        Err(Error::Conflict(..)) => return Ok(Redirect::see_other("/ui/me#passkeys").into_response()),
        asked => asked?,
    };
    let origin = app.require_relying_party()?.origin().to_owned();
    let device = agent::name(visitor.device()).unwrap_or_default();
    Ok(render(StatusCode::OK, &FirstPage { server: app.config().server_name.clone(), email, origin, device }))
}

/// What the device at hand is asked for.
#[handler]
pub async fn question(app: App, visitor: Visitor) -> Result<Response> {
    let party = app.require_relying_party()?;
    let begun = app.write(visitor.to_complete(), |w| {
        passkeys::require_asked(w)?;
        Ok((passkeys::begin(w)?, w.now))
    });
    let (registrant, now) = begun.await?;
    Ok(script::answer(&party.begin_registration(&visitor.claims.id, &registrant, now)?))
}

/// The device's answer: only to what this very session was asked.
#[handler]
pub async fn create(app: App, visitor: Visitor, sent: Sent<New>) -> Result<Response> {
    let New { name, credential } = sent.0;
    let party = app.require_relying_party()?;
    let now = app.read(visitor.to_complete(), |r| passkeys::require_asked(r).map(|()| r.now)).await?;
    let passkey = party.finish_registration(&visitor.claims.id, &credential, now)?;
    let created = app.write(visitor.to_complete(), move |w| {
        passkeys::require_asked(w)?;
        passkeys::create(w, &name, &passkey)
    });
    created.await?;
    Ok(Said::PasskeyAdded.after(script::go_on("/ui")?))
}
