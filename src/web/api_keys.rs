//! API keys: the list with a form for a new one, the new one's secret, and revoking.

use std::collections::BTreeSet;
use std::time::Duration;

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::confirm::ConfirmPage;
use super::form::{Faults, Form};
use super::frame::{Frame, Section};
use super::said::Said;
use super::status_of;
use super::visit::{Visit, done};
use crate::clock::Timestamp;
use crate::domain::api_keys::{self, ApiKey, NewApiKey};
use crate::domain::permissions::Permission;
use crate::error::{Error, Result};

/// How long a key can be made for, in days, and what to call it.
const LIFETIMES: &[(u64, &str)] = &[(7, "A week"), (30, "30 days"), (90, "90 days"), (365, "A year")];
const USUAL: u64 = 90;

#[derive(Template)]
#[template(path = "api_keys/list.html")]
struct ListPage {
    frame: Frame,
    keys: Vec<ApiKey>,
    typed: Typed,
    faults: Faults,
    /// Whether the visitor must show first that it is them, to make a key.
    unproved: bool,
    now: Timestamp,
}

/// The form of a new key as it was filled in.
struct Typed {
    name: String,
    days: u64,
    /// Held back to what is ticked.
    only: bool,
    ticked: BTreeSet<String>,
}

impl Typed {
    fn nothing() -> Self {
        Self { name: String::new(), days: USUAL, only: true, ticked: [Permission::UsersRead.name().to_owned()].into() }
    }

    fn from_form(form: &Form) -> Self {
        let days = form.text("days").parse().ok();
        Self {
            name: form.text("name").to_owned(),
            days: days.filter(|days| LIFETIMES.iter().any(|(known, _)| days == known)).unwrap_or(USUAL),
            only: form.text("scope") != "all",
            ticked: form.beginning_with("permission.").map(|(name, _)| name.to_owned()).collect(),
        }
    }
}

#[handler]
pub async fn list(visit: Visit) -> Result<Response> {
    list_page(&visit, Typed::nothing(), Faults::default(), StatusCode::OK).await
}

async fn list_page(visit: &Visit, typed: Typed, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = |r: &crate::db::Read, frame| {
        // What was typed already isn't taken away.
        let unproved = faults.is_empty() && r.actor.ask_proof().is_err();
        Ok(ListPage { frame, keys: api_keys::list(r)?, typed, faults, unproved, now: r.now })
    };
    visit.page_with(status, Section::ApiKeys, page).await
}

/// Shows the secret, this once.
#[derive(Template)]
#[template(path = "api_keys/made.html")]
struct MadePage {
    frame: Frame,
    key: ApiKey,
    token: String,
    origin: String,
}

#[handler]
pub async fn create(visit: Visit, form: Form) -> Result<Response> {
    let typed = Typed::from_form(&form);
    let (name, lifetime) = (typed.name.clone(), Duration::from_secs(typed.days * 24 * 3600));
    if typed.only && typed.ticked.is_empty() {
        let faults = Faults::of_all("Tick what the key may do, or let it do all that you may.");
        return list_page(&visit, typed, faults, StatusCode::BAD_REQUEST).await;
    }
    let permissions = typed.only.then(|| typed.ticked.iter().cloned().collect());
    let made = visit
        .write(move |w| {
            let expires_at = w.now.after(lifetime);
            api_keys::create(w, NewApiKey { name, expires_at, permissions })
        })
        .await;
    let (key, claims) = match made {
        Ok(made) => made,
        Err(error) => {
            let status = status_of(&error);
            return list_page(&visit, typed, Faults::in_form(error)?, status).await;
        }
    };
    visit.show_once(&Made { token: visit.app.seal(&claims)? }, &visit.at(&format!("api-keys/{}", key.id)))
}

/// The secret of a key, on its way to the page that shows it.
#[derive(Serialize, Deserialize)]
struct Made {
    token: String,
}

#[derive(Deserialize)]
pub struct Id {
    id: String,
}

#[handler]
pub async fn show_made(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let Some(Made { token }) = visit.to_show(&visit.at(&format!("api-keys/{id}"))) else {
        return visit.was_shown(&visit.at("api-keys")).await;
    };
    let origin = visit.origin.clone();
    let page = move |r: &crate::db::Read, frame| Ok(MadePage { frame, key: api_keys::find(r, &id)?, token, origin });
    Ok(visit.shown(visit.page(Section::ApiKeys, page).await?))
}

#[handler]
pub async fn ask(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let back = visit.at("api-keys");
    let page = move |r: &crate::db::Read, frame| {
        let key = api_keys::list(r)?.into_iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| Error::not_found("There is no such API key, or it is not yours."))?;
        let sentences = vec!["Whatever uses it stops working at once. It can't be brought back.".to_owned()];
        let title = format!("Revoke the key {}?", key.name);
        Ok(ConfirmPage { frame, title, sentences, button: "Revoke key", grave: true, typed: None, back })
    };
    visit.page(Section::ApiKeys, page).await
}

#[handler]
pub async fn delete(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let said = visit
        .write(move |w| {
            let ApiKey { name, .. } = api_keys::find(w, &id)?;
            api_keys::delete(w, &id).map(|()| Said::KeyRevoked { name })
        })
        .await?;
    Ok(done(said, visit.at("api-keys")))
}
