//! Teams: the list with a form for a new one, one team's page, and deleting it.

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
use crate::domain::permissions::Permission;
use crate::domain::teams::{self, NewTeam, Team, TeamPatch};
use crate::domain::users::{self, COUNT_MAX};
use crate::domain::words;
use crate::error::Result;

#[derive(Template)]
#[template(path = "teams/list.html")]
struct ListPage {
    frame: Frame,
    teams: Vec<Team>,
    /// How far their members were counted.
    counted: usize,
    typed: String,
    faults: Faults,
}

#[handler]
pub async fn list(visit: Visit) -> Result<Response> {
    list_page(&visit, String::new(), Faults::default(), StatusCode::OK).await
}

async fn list_page(visit: &Visit, typed: String, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = |r: &crate::db::Read, frame| {
        let (teams, counted) = (teams::list(r)?, users::counted(r)?);
        Ok(ListPage { frame, teams, counted, typed, faults })
    };
    visit.page_with(status, Section::Teams, page).await
}

#[handler]
pub async fn create(visit: Visit, form: Form) -> Result<Response> {
    let name = form.text("name").to_owned();
    let new = NewTeam { name: name.clone() };
    match visit.write(|w| teams::create(w, new)).await {
        Ok(Team { name, .. }) => Ok(done(Said::TeamMade { name }, visit.at("teams"))),
        Err(error) => {
            let status = status_of(&error);
            list_page(&visit, name, Faults::in_form(error)?, status).await
        }
    }
}

#[derive(Deserialize)]
pub struct Id {
    id: i64,
}

#[derive(Template)]
#[template(path = "teams/form.html")]
struct FormPage {
    frame: Frame,
    team: Team,
    typed: Typed,
    faults: Faults,
}

/// The form of a team as it was filled in.
struct Typed {
    name: String,
    active: bool,
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
    let page = move |r: &crate::db::Read, frame| {
        let team = teams::find(r, id)?;
        let typed = typed.unwrap_or_else(|| Typed { name: team.name.clone(), active: team.active });
        Ok(FormPage { frame, typed, team, faults })
    };
    visit.page_with(status, Section::Teams, page).await
}

#[handler]
pub async fn update(visit: Visit, Path(Id { id }): Path<Id>, form: Form) -> Result<Response> {
    let typed = Typed { name: form.text("name").to_owned(), active: form.text("active") == "true" };
    let patch = TeamPatch { name: Some(typed.name.clone()), active: Some(typed.active) };
    let seen = form.text("version").to_owned();
    match visit.write(move |w| teams::update(w, id, patch, Some(&seen))).await {
        Ok(_) => Ok(done(Said::Saved, visit.at(&format!("teams/{id}")))),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, id, Some(typed), Faults::in_form(error)?, status).await
        }
    }
}

#[handler]
pub async fn ask(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let back = visit.at(&format!("teams/{id}"));
    let page = move |r: &crate::db::Read, frame| {
        r.actor.require(Permission::TeamsManage)?;
        let team = teams::find(r, id)?;
        let people = words::members(team.members.unsigned_abs(), COUNT_MAX, "member stays", "members stay");
        let mut sentences = vec!["It can't be brought back.".to_owned()];
        if team.members > 0 {
            sentences.insert(0, format!("Its {people} in the account, in no team."));
        }
        let title = format!("Delete the team {}?", team.name);
        Ok(ConfirmPage { frame, title, sentences, button: "Delete team", grave: true, typed: None, back })
    };
    visit.page(Section::Teams, page).await
}

#[handler]
pub async fn delete(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    let said = visit
        .write(move |w| {
            let Team { name, .. } = teams::find(w, id)?;
            teams::delete(w, id).map(|()| Said::TeamDeleted { name })
        })
        .await?;
    Ok(done(said, visit.at("teams")))
}
