//! Somebody's passkeys, for an admin who may suspend them: a lost device is deleted here.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use super::show::Id;
use crate::clock::Timestamp;
use crate::db::Read;
use crate::domain::passkeys::{self, Passkey};
use crate::domain::users;
use crate::error::Result;
use crate::web::confirm::ConfirmPage;
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::said::Said;
use crate::web::visit::{Visit, done};

#[derive(Template)]
#[template(path = "users/passkeys.html")]
struct PasskeysPage {
    frame: Frame,
    person: Person,
    passkeys: Vec<Passkey>,
    now: Timestamp,
}

/// Whoever looks is recorded, so that this is a page of its own.
#[handler]
pub async fn list(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let (passkeys, user) = visit.write(move |w| Ok((passkeys::list(w, id)?, users::find_changed(w, id)?))).await?;
    let page = move |r: &Read, frame| Ok(PasskeysPage { frame, person: Person::from(&user), passkeys, now: r.now });
    visit.page_with(StatusCode::OK, Section::Users, page).await
}

#[derive(Deserialize)]
pub struct PasskeyOf {
    id: i64,
    passkey: String,
}

#[handler]
pub async fn ask(visit: Visit, Path(PasskeyOf { id, passkey }): Path<PasskeyOf>) -> Result<Response> {
    let back = visit.at(&format!("users/{id}/passkeys"));
    let page = move |r: &Read, frame| {
        r.actor.ask_proof()?;
        let (passkey, user) = (passkeys::find(r, id, &passkey)?, users::find(r, id)?);
        let who = Person::from(&user).title().to_owned();
        let sentences = vec![
            format!("It signs {who} in no more, wherever the device is. Browsers that are signed in stay so."),
            "If it was all they sign in with, send them a link for a new one.".to_owned(),
        ];
        let title = format!("Delete the passkey {}?", passkey.name);
        Ok(ConfirmPage { frame, title, sentences, button: "Delete passkey", grave: true, typed: None, back })
    };
    visit.page(Section::Users, page).await
}

#[handler]
pub async fn delete(visit: Visit, Path(PasskeyOf { id, passkey }): Path<PasskeyOf>) -> Result<Response> {
    visit.write(move |w| passkeys::delete(w, id, &passkey)).await?;
    Ok(done(Said::PasskeyDeleted, visit.at(&format!("users/{id}/passkeys"))))
}
