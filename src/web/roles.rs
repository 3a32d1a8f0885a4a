//! Roles: the list, and the form that says what one permits.

use std::collections::BTreeSet;

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use super::confirm::ConfirmPage;
use super::form::{Faults, Form};
use super::frame::{Frame, Section};
use super::said::Said;
use super::status_of;
use super::visit::{Visit, done};
use crate::domain::permissions::{self, Permission};
use crate::domain::roles::{self, NewRole, Role, RolePermissions};
use crate::domain::users::{self, COUNT_MAX};
use crate::domain::words;
use crate::error::Result;

#[derive(Template)]
#[template(path = "roles/list.html")]
struct ListPage {
    frame: Frame,
    roles: Vec<Role>,
    /// How far their members were counted.
    counted: usize,
}

#[handler]
pub async fn list(visit: Visit) -> Result<Response> {
    let page = |r: &crate::db::Read, frame| Ok(ListPage { frame, roles: roles::list(r)?, counted: users::counted(r)? });
    visit.page(Section::Roles, page).await
}

impl ListPage {
    /// What a built-in role is for; what the account's own permit.
    fn about(&self, role: &Role) -> String {
        match permissions::built_in(&role.name) {
            Some(built_in) => built_in.sentence.into(),
            None if role.permissions.is_empty() => "Permits nothing".into(),
            None => role.permissions.join(", "),
        }
    }
}

/// The form of a new role, or of one of the account's own; a built-in one is only shown.
#[derive(Template)]
#[template(path = "roles/form.html")]
struct FormPage {
    frame: Frame,
    /// None while it is new.
    role: Option<Role>,
    name: String,
    ticked: BTreeSet<String>,
    faults: Faults,
}

impl FormPage {
    fn may_change(&self) -> bool {
        self.frame.may("roles.manage") && self.role.as_ref().is_none_or(|role| !role.built_in)
    }

    fn is_ticked(&self, permission: &Permission) -> bool {
        self.ticked.contains(permission.name())
    }
}

#[derive(Deserialize)]
pub struct Name {
    name: String,
}

fn ticked(form: &Form) -> Vec<String> {
    form.beginning_with("permission.").map(|(name, _)| name.to_owned()).collect()
}

#[handler]
pub async fn show_new(visit: Visit) -> Result<Response> {
    let page = |r: &crate::db::Read, frame| {
        r.actor.require(Permission::RolesManage)?;
        Ok(FormPage { frame, role: None, name: String::new(), ticked: BTreeSet::new(), faults: Faults::default() })
    };
    visit.page(Section::Roles, page).await
}

#[handler]
pub async fn create(visit: Visit, form: Form) -> Result<Response> {
    let (name, permissions) = (form.text("name").to_owned(), ticked(&form));
    let new = NewRole { name: name.clone(), permissions: permissions.clone() };
    match visit.write(|w| roles::create(w, new)).await {
        Ok(Role { name, .. }) => Ok(done(Said::RoleMade { name }, visit.at("roles"))),
        Err(error) => {
            let (status, faults) = (status_of(&error), Faults::in_form(error)?);
            let ticked = permissions.into_iter().collect();
            visit
                .page_with(status, Section::Roles, move |_, frame| {
                    Ok(FormPage { frame, role: None, name, ticked, faults })
                })
                .await
        }
    }
}

#[handler]
pub async fn show_form(visit: Visit, Path(Name { name }): Path<Name>) -> Result<Response> {
    form_page(&visit, name, None, Faults::default(), StatusCode::OK).await
}

async fn form_page(
    visit: &Visit,
    name: String,
    typed: Option<Vec<String>>,
    faults: Faults,
    status: StatusCode,
) -> Result<Response> {
    let page = move |r: &crate::db::Read, frame| {
        let role = roles::find(r, &name)?;
        let ticked = typed.unwrap_or_else(|| role.permissions.clone()).into_iter().collect();
        Ok(FormPage { frame, name, ticked, role: Some(role), faults })
    };
    visit.page_with(status, Section::Roles, page).await
}

#[handler]
pub async fn update(visit: Visit, Path(Name { name }): Path<Name>, form: Form) -> Result<Response> {
    let permissions = ticked(&form);
    let (changed, new) = (name.clone(), RolePermissions { permissions: permissions.clone() });
    let seen = form.text("version").to_owned();
    match visit.write(move |w| roles::update(w, &changed, new, Some(&seen))).await {
        Ok(_) => Ok(done(Said::Saved, visit.at(&format!("roles/{name}")))),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, name, Some(permissions), Faults::in_form(error)?, status).await
        }
    }
}

#[handler]
pub async fn ask(visit: Visit, Path(Name { name }): Path<Name>) -> Result<Response> {
    let back = visit.at(&format!("roles/{name}"));
    let page = move |r: &crate::db::Read, frame| {
        r.actor.require(Permission::RolesManage)?;
        let role = roles::find(r, &name)?;
        let people = words::members(role.members.unsigned_abs(), COUNT_MAX, "member loses", "members lose");
        let mut sentences = vec!["It can't be brought back.".to_owned()];
        if role.members > 0 {
            sentences.insert(0, format!("{people} what only this role gave them."));
        }
        let title = format!("Delete the role {name}?");
        Ok(ConfirmPage { frame, title, sentences, button: "Delete role", grave: true, typed: None, back })
    };
    visit.page(Section::Roles, page).await
}

#[handler]
pub async fn delete(visit: Visit, Path(Name { name }): Path<Name>) -> Result<Response> {
    let said = Said::RoleDeleted { name: name.clone() };
    visit.write(move |w| roles::delete(w, &name)).await?;
    Ok(done(said, visit.at("roles")))
}
