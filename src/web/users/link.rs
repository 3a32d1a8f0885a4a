//! A link that lets somebody in, shown to whoever made it.

use askama::Template;
use poem::web::Path;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::show::Id;
use crate::db::Read;
use crate::domain::tokens::Claims;
use crate::domain::users::{self, User};
use crate::error::Result;
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::visit::Visit;

/// What somebody was given to come in with.
#[derive(Clone, Serialize, Deserialize)]
pub enum Given {
    Welcome(Link),
    /// Somebody of another account is invited to this one, and comes in with what they have.
    Invitation,
    Passkey(Link),
    Password(Link),
}

/// An address that lets somebody in.
#[derive(Clone, Serialize, Deserialize)]
pub struct Link {
    address: String,
    until: String,
}

impl Link {
    /// `opens` is the address of the page it leads to, up to the token.
    pub fn of(visit: &Visit, opens: &str, claims: &Claims) -> Result<Self> {
        Ok(Self { address: format!("{opens}/{}", visit.app.seal(claims)?), until: claims.expires_at.minute() })
    }
}

/// On to the page that shows what a user was given.
pub fn show(visit: &Visit, id: i64, given: Given) -> Result<Response> {
    visit.show_once(&given, &visit.at(&format!("users/{id}/link")))
}

#[derive(Template)]
#[template(path = "users/link.html")]
struct LinkPage {
    frame: Frame,
    user: User,
    person: Person,
    given: Given,
}

impl LinkPage {
    /// Whether they are new here, and others may follow.
    fn is_new(&self) -> bool {
        matches!(self.given, Given::Welcome(_) | Given::Invitation) && self.frame.may("users.create")
    }
}

#[handler]
pub async fn page(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let Some(given) = visit.to_show(&visit.at(&format!("users/{id}/link"))) else {
        return visit.was_shown(&visit.at(&format!("users/{id}"))).await;
    };
    let page = move |r: &Read, frame| {
        let user = users::find_changed(r, id)?;
        Ok(LinkPage { frame, person: Person::from(&user), user, given })
    };
    Ok(visit.shown(visit.page(Section::Users, page).await?))
}
