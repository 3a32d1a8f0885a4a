//! One's own passkeys: adding one from the device at hand, renaming and deleting.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use crate::db::Read;
use crate::domain::passkeys::{self, Passkey, PasskeyPatch};
use crate::error::Result;
use crate::web::confirm::ConfirmPage;
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::passkeys::New;
use crate::web::said::Said;
use crate::web::script::{self, Sent};
use crate::web::status_of;
use crate::web::visit::{Visit, done};

/// What the device at hand is asked for.
#[handler]
pub async fn question(visit: Visit) -> Result<Response> {
    let party = visit.app.require_relying_party()?;
    let (registrant, now) = visit.write(|w| Ok((passkeys::begin(w)?, w.now))).await?;
    Ok(script::answer(&party.begin_registration(&visit.visitor.claims.id, &registrant, now)?))
}

/// The device's answer: only to what this very session was asked.
#[handler]
pub async fn create(visit: Visit, sent: Sent<New>) -> Result<Response> {
    let New { name, credential } = sent.0;
    let party = visit.app.require_relying_party()?;
    let now = visit.read(|r| r.actor.require_self().map(|_| r.now)).await?;
    let passkey = party.finish_registration(&visit.visitor.claims.id, &credential, now)?;
    visit.write(move |w| passkeys::create(w, &name, &passkey)).await?;
    Ok(Said::PasskeyAdded.after(script::go_on("/ui/me")?))
}

#[derive(Deserialize)]
pub struct Id {
    id: String,
}

#[derive(Template)]
#[template(path = "passkeys/rename.html")]
struct RenamePage {
    frame: Frame,
    passkey: Passkey,
    typed: String,
    faults: Faults,
}

#[handler]
pub async fn show_form(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    form_page(&visit, id, None, Faults::default(), StatusCode::OK).await
}

async fn form_page(
    visit: &Visit,
    id: String,
    typed: Option<String>,
    faults: Faults,
    status: StatusCode,
) -> Result<Response> {
    let page = move |r: &Read, frame| {
        let passkey = passkeys::find(r, r.actor.require_self()?, &id)?;
        let typed = typed.unwrap_or_else(|| passkey.name.clone());
        Ok(RenamePage { frame, passkey, typed, faults })
    };
    visit.page_with(status, Section::Me, page).await
}

#[handler]
pub async fn update(visit: Visit, Path(Id { id }): Path<Id>, form: Form) -> Result<Response> {
    let typed = form.text("name").to_owned();
    let (passkey, patch) = (id.clone(), PasskeyPatch { name: typed.clone() });
    match visit.write(move |w| passkeys::rename(w, &passkey, &patch)).await {
        Ok(_) => Ok(done(Said::Saved, "/ui/me")),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, id, Some(typed), Faults::in_form(error)?, status).await
        }
    }
}

#[handler]
pub async fn ask(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let page = move |r: &Read, frame| {
        r.actor.ask_proof()?;
        let passkey = passkeys::find(r, r.actor.require_self()?, &id)?;
        let sentences = vec![
            "It signs you in no more. Browsers that are signed in stay so.".to_owned(),
            "Afterwards delete it on the device or in the password manager that holds it, too.".into(),
        ];
        let (title, back) = (format!("Delete the passkey {}?", passkey.name), "/ui/me#passkeys".into());
        Ok(ConfirmPage { frame, title, sentences, button: "Delete passkey", grave: true, typed: None, back })
    };
    visit.page(Section::Me, page).await
}

#[handler]
pub async fn delete(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    visit.write(move |w| passkeys::delete(w, w.actor.require_self()?, &id)).await?;
    Ok(done(Said::PasskeyDeleted, "/ui/me"))
}
