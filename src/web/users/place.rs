//! Changing somebody's place in the account: team, roles, direct permissions, whether they are an admin.

use std::collections::BTreeSet;

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use poem_openapi::types::MaybeUndefined;

use super::show::Id;
use crate::db::Read;
use crate::domain::memberships::{self, MembershipPatch, Standing};
use crate::domain::permissions::Permission;
use crate::domain::roles::{self, Role};
use crate::domain::teams::{self, Team};
use crate::domain::users::{self, User};
use crate::error::Result;
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::said::Said;
use crate::web::status_of;
use crate::web::visit::{Visit, done};

#[derive(Template)]
#[template(path = "users/place.html")]
struct PlacePage {
    frame: Frame,
    user: User,
    person: Person,
    teams: Vec<Team>,
    roles: Vec<Role>,
    /// What they are now.
    standing: Standing,
    typed: Typed,
    faults: Faults,
}

struct Typed {
    team_id: Option<i64>,
    roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
    account_admin: bool,
}

impl Typed {
    fn from_form(form: &Form) -> Self {
        let named = |prefix| form.beginning_with(prefix).map(|(name, _)| name.to_owned()).collect();
        Self {
            team_id: form.text("teamId").parse().ok(),
            roles: named("role."),
            permissions: named("permission."),
            account_admin: !form.text("accountAdmin").is_empty(),
        }
    }

    fn patch(&self, admin_too: bool) -> MembershipPatch {
        MembershipPatch {
            team_id: self.team_id.map_or(MaybeUndefined::Null, MaybeUndefined::Value),
            roles: Some(self.roles.iter().cloned().collect()),
            permissions: Some(self.permissions.iter().cloned().collect()),
            account_admin: admin_too.then_some(self.account_admin),
        }
    }
}

impl PlacePage {
    /// What the team is called that they are in now.
    fn team_now(&self) -> Option<&str> {
        self.teams.iter().find(|team| Some(team.id) == self.standing.team_id).map(|team| team.name.as_str())
    }

    /// Whether the visitor holds all that a role permits, and so may give it.
    fn may_give(&self, role: &Role) -> bool {
        role.permissions.iter().all(|name| self.frame.may(name))
    }
}

#[handler]
pub async fn show_form(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    form_page(&visit, id, None, Faults::default(), StatusCode::OK).await
}

async fn form_page(
    visit: &Visit,
    id: i64,
    typed: Option<Typed>,
    faults: Faults,
    status: StatusCode,
) -> Result<Response> {
    let page = move |r: &Read, frame| {
        let account = r.actor.require(Permission::RolesAssign)?;
        let standing = memberships::require_over(r, account, id)?;
        let typed = typed.unwrap_or_else(|| Typed {
            team_id: standing.team_id,
            roles: standing.roles.clone(),
            permissions: standing.direct.names().into_iter().collect(),
            account_admin: standing.account_admin,
        });
        let user = users::find(r, id)?;
        let (teams, roles) = (teams::list(r)?, roles::list(r)?);
        Ok(PlacePage { frame, person: Person::from(&user), user, teams, roles, standing, typed, faults })
    };
    visit.page_with(status, Section::Users, page).await
}

#[handler]
pub async fn update(visit: Visit, Path(Id { id }): Path<Id>, form: Form) -> Result<Response> {
    let typed = Typed::from_form(&form);
    // The box is only there for who may tick it.
    let patch = typed.patch(form.text("admin-shown") == "yes");
    let version = form.text("version").to_owned();
    match visit.write(move |w| memberships::update(w, id, patch, Some(&version))).await {
        Ok(_) => Ok(done(Said::Saved, visit.at(&format!("users/{id}")))),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, id, Some(typed), Faults::in_form(error)?, status).await
        }
    }
}
