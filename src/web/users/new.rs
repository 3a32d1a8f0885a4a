//! Adding a person.

use std::collections::BTreeSet;

use askama::Template;
use poem::http::StatusCode;
use poem::{Response, handler};

use super::link::{self, Given, Link};
use crate::db::Read;
use crate::domain::fields::{AccountId, EmailText};
use crate::domain::permissions::{self, Permission};
use crate::domain::preferences::Delivery;
use crate::domain::pulse::Group;
use crate::domain::roles::{self, Role};
use crate::domain::teams::{self, Team};
use crate::domain::users::{self, NewUser};
use crate::error::Result;
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::preferences::{Grid, PRESETS};
use crate::web::status_of;
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "users/new.html")]
struct NewPage {
    frame: Frame,
    teams: Vec<Team>,
    roles: Vec<Role>,
    typed: Typed,
    grid: Grid,
    faults: Faults,
}

/// What was typed, kept as it was.
struct Typed {
    email: String,
    name: String,
    phone: String,
    img_src: String,
    suspended: bool,
    team_id: Option<i64>,
    roles: BTreeSet<String>,
    /// Whether the roles could be chosen.
    chose_roles: bool,
    account_admin: bool,
    /// Whether the preferences were in use when the form was sent.
    in_grid: bool,
}

impl Typed {
    fn nothing() -> Self {
        let mut typed = Self::from_form(&Form::default());
        typed.roles.insert(permissions::MEMBER.into());
        typed
    }

    fn from_form(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            email: text("email"),
            name: text("name"),
            phone: text("phone"),
            img_src: text("imgSrc"),
            suspended: form.text("active") == "false",
            team_id: form.text("teamId").parse().ok(),
            roles: form.beginning_with("role.").map(|(name, _)| name.to_owned()).collect(),
            chose_roles: form.text("roles-shown") == "yes",
            account_admin: !form.text("accountAdmin").is_empty(),
            in_grid: false,
        }
    }

    fn new_user(&self, grid: &Grid, account: &AccountId) -> NewUser {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        NewUser {
            email: EmailText(self.email.clone()),
            name: given(&self.name),
            phone: given(&self.phone),
            img_src: given(&self.img_src),
            active: Some(!self.suspended),
            notification_preferences: Some(grid.preferences(account)),
            team_id: self.team_id,
            roles: self.chose_roles.then(|| self.roles.iter().cloned().collect()),
            permissions: None,
            account_admin: self.account_admin.then_some(true),
        }
    }
}

impl NewPage {
    /// Whether the details are unfolded: something in them was typed or is wrong.
    fn details_open(&self) -> bool {
        let Typed { name, phone, img_src, suspended, team_id, .. } = &self.typed;
        *suspended
            || team_id.is_some()
            || [name, phone, img_src].iter().any(|text| !text.is_empty())
            || ["name", "phone", "imgSrc", "teamId", "roles"].iter().any(|field| self.faults.at(field).is_some())
    }

    fn grid_open(&self) -> bool {
        self.typed.in_grid || self.faults.iter().any(|fault| fault.anchor() == "notificationPreferences")
    }

    /// Whether the visitor holds all that a role permits, and so may give it.
    fn may_give(&self, role: &Role) -> bool {
        role.permissions.iter().all(|name| self.frame.may(name))
    }
}

#[handler]
pub async fn show_form(visit: Visit) -> Result<Response> {
    form_page(&visit, Typed::nothing(), Grid::default(), Faults::default(), StatusCode::OK).await
}

/// The form, for somebody who may send it.
async fn form_page(visit: &Visit, typed: Typed, grid: Grid, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = |r: &Read, frame: Frame| {
        r.actor.require(Permission::UsersCreate)?;
        let sees = frame.may("users.read");
        let (teams, roles) = if sees { (teams::list(r)?, roles::list(r)?) } else { (Vec::new(), Vec::new()) };
        Ok(NewPage { frame, teams, roles, typed, grid, faults })
    };
    visit.page_with(status, Section::Users, page).await
}

#[handler]
pub async fn create(visit: Visit, form: Form) -> Result<Response> {
    let (mut typed, mut grid) = (Typed::from_form(&form), Grid::from_form(&form));
    if grid.apply(form.text("do")) {
        typed.in_grid = true;
        return form_page(&visit, typed, grid, Faults::default(), StatusCode::OK).await;
    }
    let new = typed.new_user(&grid, visit.account_id()?);
    let (user, invitation) = match visit.write(move |w| users::create(w, new)).await {
        Ok(created) => created,
        Err(error) => {
            let status = status_of(&error);
            return form_page(&visit, typed, grid, Faults::in_form(error)?, status).await;
        }
    };
    let page = format!("{}/ui/welcome", visit.origin);
    let given = match invitation {
        Some(claims) => Given::Welcome(Link::of(&visit, &page, &claims)?),
        None => Given::Invitation,
    };
    link::show(&visit, user.id, given)
}
