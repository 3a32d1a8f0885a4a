//! One's own page: where one is, where one was invited, the browsers one is signed in with.

pub mod passkeys;
pub mod password;
pub mod preferences;
pub mod profile;

use askama::Template;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use super::agent;
use super::form::Form;
use super::frame::{Frame, Section};
use super::person::Person;
use super::said::Said;
use super::users::chosen::Chosen;
use super::visit::{Visit, done};
use crate::clock::Timestamp;
use crate::domain::fields::AccountId;
use crate::domain::impersonations::{self, Past};
use crate::domain::memberships::{self, Membership};
use crate::domain::passkeys::{self as own_passkeys, Passkey};
use crate::domain::sessions::{self, Session};
use crate::domain::users::{self, User};
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "me/show.html")]
struct MePage {
    frame: Frame,
    user: User,
    person: Person,
    chosen: Chosen,
    memberships: Vec<Membership>,
    passkeys: Vec<Passkey>,
    /// The one address where passkeys work, if they work anywhere.
    passkey_origin: Option<String>,
    passkeys_only: bool,
    /// What a new passkey is likely to be called.
    device: String,
    sessions: Vec<Session>,
    /// The id of the session that asks.
    current: String,
    /// Owners who acted as them.
    past: Vec<Past>,
    now: Timestamp,
}

#[handler]
pub async fn page(visit: Visit) -> Result<Response> {
    let current = visit.visitor.claims.id.clone();
    let passkey_origin = visit.app.relying_party().map(|party| party.origin().to_owned());
    let device = visit.device();
    let page = move |r: &crate::db::Read, frame| {
        let user = users::me(r)?;
        Ok(MePage {
            frame,
            person: Person::from(&user),
            chosen: Chosen::of(&user),
            memberships: memberships::list_own(r)?,
            passkeys: own_passkeys::list_own(r)?,
            passkey_origin,
            passkeys_only: r.settings.passkeys_only,
            device,
            sessions: sessions::list(r, user.id)?,
            past: impersonations::list_own(r)?,
            user,
            current,
            now: r.now,
        })
    };
    visit.page(Section::Me, page).await
}

impl MePage {
    /// Whether whoever leaves an account is still in another one, so that the recycle bin doesn't keep them.
    fn is_elsewhere(&self) -> bool {
        self.memberships.iter().filter(|membership| !membership.pending).count() > 1
    }
}

#[derive(Deserialize)]
pub struct Act {
    id: AccountId,
    act: String,
}

/// Accepts or declines an invitation, makes an account the primary one, leaves one.
#[handler]
pub async fn carry_out(visit: Visit, Path(Act { id, act }): Path<Act>, _form: Form) -> Result<Response> {
    let said = visit
        .write(move |w| {
            let name = memberships::find_own(w, &id)?.account_name;
            match act.as_str() {
                "accept" => memberships::accept(w, &id).map(|_| Said::Accepted { name }),
                "primary" => memberships::make_primary(w, &id).map(|_| Said::PrimaryChosen { name }),
                "decline" => memberships::leave(w, &id).map(|()| Said::Declined { name }),
                "leave" => memberships::leave(w, &id).map(|()| Said::Left { name }),
                _ => Err(Error::not_found("There is no page at this address.")),
            }
        })
        .await?;
    Ok(done(said, "/ui/me"))
}

#[derive(Deserialize)]
pub struct SessionId {
    session: String,
}

#[handler]
pub async fn end_session(visit: Visit, Path(SessionId { session }): Path<SessionId>) -> Result<Response> {
    visit.write(move |w| sessions::end(w, w.actor.require_user()?, &session)).await?;
    Ok(done(Said::SessionEnded, "/ui/me"))
}

#[handler]
pub async fn end_other_sessions(visit: Visit) -> Result<Response> {
    visit.write(|w| sessions::end_all_own(w)).await?;
    Ok(done(Said::SessionsEnded, "/ui/me"))
}

impl Session {
    /// The browser and the system, as far as it says: "Firefox on Linux".
    pub fn browser(&self) -> String {
        agent::name(self.device.as_deref().unwrap_or_default()).unwrap_or_else(|| "Unknown browser".into())
    }
}
