//! Changing somebody's notification preferences, or one's own, in the grid: for all their accounts, or for one.

use askama::Template;
use poem::http::StatusCode;
use poem::web::{Path, Query};
use poem::{Response, handler};
use serde::Deserialize;

use super::show::Id;
use crate::db::Read;
use crate::domain::permissions::Permission;
use crate::domain::preferences::{Delivery, NotificationPreferences};
use crate::domain::pulse::Group;
use crate::domain::users::{self, User};
use crate::error::Result;
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::preferences::{Grid, PRESETS};
use crate::web::said::Said;
use crate::web::status_of;
use crate::web::visit::{Visit, done};

#[derive(Template)]
#[template(path = "users/preferences.html")]
struct PreferencesPage {
    frame: Frame,
    user: User,
    person: Person,
    grid: Grid,
    /// The account the choices are for; all of them if empty.
    scope: String,
    version: String,
    action: String,
    back: String,
    faults: Faults,
}

/// Which of somebody's preferences are shown: those for an account, or for all.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Scope {
    pub account: String,
}

#[handler]
pub async fn show_form(visit: Visit, Path(Id { id }): Path<Id>, query: poem::Result<Query<Scope>>) -> Result<Response> {
    let scope = query.map(|query| query.0).unwrap_or_default();
    form_page(&visit, Some(id), scope, move |r| find(r, id)).await
}

#[handler]
pub async fn update(visit: Visit, Path(Id { id }): Path<Id>, form: Form) -> Result<Response> {
    save(&visit, Some(id), &form, move |r| find(r, id)).await
}

fn find(r: &Read, id: i64) -> Result<User> {
    r.actor.require(Permission::UsersUpdate)?;
    users::find(r, id)
}

/// The form as it stands, for somebody (by id) or for oneself.
pub async fn form_page<F>(visit: &Visit, id: Option<i64>, scope: Scope, find: F) -> Result<Response>
where
    F: FnOnce(&Read) -> Result<User> + Send + 'static,
{
    show(visit, id, scope.account, None, None, Faults::default(), StatusCode::OK, find).await
}

#[expect(clippy::too_many_arguments, reason = "each is one thing the page shows")]
async fn show<F>(
    visit: &Visit,
    id: Option<i64>,
    scope: String,
    grid: Option<Grid>,
    version: Option<String>,
    faults: Faults,
    status: StatusCode,
    find: F,
) -> Result<Response>
where
    F: FnOnce(&Read) -> Result<User> + Send + 'static,
{
    let (action, back) = addresses(visit, id);
    let section = if id.is_some() { Section::Users } else { Section::Me };
    let page = move |r: &Read, frame| {
        let user = find(r)?;
        let grid = grid.unwrap_or_else(|| Grid::of(&user.notification_preferences, &scope));
        let version = version.unwrap_or_else(|| user.etag());
        Ok(PreferencesPage { frame, person: Person::from(&user), user, grid, scope, version, action, back, faults })
    };
    visit.page_with(status, section, page).await
}

fn addresses(visit: &Visit, id: Option<i64>) -> (String, String) {
    match id {
        Some(id) => (visit.at(&format!("users/{id}/preferences")), visit.at(&format!("users/{id}"))),
        None => ("/ui/me/preferences".into(), "/ui/me".into()),
    }
}

/// Does what a button of the grid asks, or saves.
pub async fn save<F>(visit: &Visit, id: Option<i64>, form: &Form, find: F) -> Result<Response>
where
    F: FnOnce(&Read) -> Result<User> + Clone + Send + 'static,
{
    let (mut grid, scope, version) =
        (Grid::from_form(form), form.text("account").to_owned(), form.text("version").to_owned());
    if grid.apply(form.text("do")) {
        return show(visit, id, scope, Some(grid), Some(version), Faults::default(), StatusCode::OK, find).await;
    }
    let (chosen, seen, looked_up) = (grid.clone(), version.clone(), find.clone());
    let scoped = scope.clone();
    let saved = visit
        .write(move |w| {
            let user = looked_up(w)?;
            let new = with_choices(user.notification_preferences, &chosen, &scoped);
            users::set_preferences(w, user.id, &new, Some(&seen))
        })
        .await;
    match saved {
        Ok(_) => Ok(done(Said::Saved, addresses(visit, id).1)),
        Err(error) => {
            let status = status_of(&error);
            // What is true now is the version that the next try is about.
            show(visit, id, scope, Some(grid), None, Faults::in_form(error)?, status, find).await
        }
    }
}

/// The preferences with those for one account, or for all, replaced by what is ticked.
fn with_choices(mut all: NotificationPreferences, grid: &Grid, scope: &str) -> NotificationPreferences {
    let account = Some(scope.to_owned()).filter(|scope| !scope.is_empty());
    for list in all.values_mut() {
        list.retain(|preference| preference.account_id != account);
    }
    for (event, preference) in grid.chosen_for(account.as_deref()) {
        all.entry(event).or_default().push(preference);
    }
    all.retain(|_, list| !list.is_empty());
    all
}
