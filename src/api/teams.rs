//! `/teams`: groups of people inside one account.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::Tag;
use super::answers::{Done, Found, List, Made};
use super::caller::Inside;
use super::json::Json;
use crate::app::App;
use crate::domain::teams::{self, NewTeam, Team, TeamPatch};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Teams")]
impl Api {
    /// Create a team
    ///
    /// Needs the permission `teams.manage`. People are put into it by `PATCH /users/{id}/membership`.
    #[oai(path = "/teams", method = "post", operation_id = "createTeam")]
    async fn create(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        new: Json<NewTeam>,
    ) -> Result<Made<Team>> {
        let team = app.write(caller.0, move |w| teams::create(w, new.0)).await?;
        Ok(Made::at(format!("/teams/{}", team.id), team))
    }

    /// List teams
    ///
    /// Every team of the account, by name. Needs the permission `users.read`.
    #[oai(path = "/teams", method = "get", operation_id = "listTeams")]
    async fn list(&self, app: App, #[oai(name = "x-account-id")] caller: Inside) -> Result<Found<List<Team>>> {
        Ok(Found::all(app.read(caller.0, teams::list).await?))
    }

    /// Get a team
    ///
    /// Returns one team of the account; `GET /users?teamId=` lists who is in it. Needs the permission `users.read`.
    #[oai(path = "/teams/:id", method = "get", operation_id = "getTeam")]
    async fn find(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Team ID
        id: Path<i64>,
    ) -> Result<Found<Team>> {
        Ok(Found::it(app.read(caller.0, move |r| teams::find(r, id.0)).await?))
    }

    /// Change a team
    ///
    /// Renames it, activates it or deactivates it: nobody is put into a team that isn't active, and those who are in it stay.
    /// Needs the permission `teams.manage`.
    #[oai(path = "/teams/:id", method = "patch", operation_id = "updateTeam")]
    async fn update(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Team ID
        id: Path<i64>,
        patch: Json<TeamPatch>,
    ) -> Result<Found<Team>> {
        Ok(Found::it(app.write(caller.0, move |w| teams::update(w, id.0, patch.0, None)).await?))
    }

    /// Delete a team
    ///
    /// Its members stay in the account, in no team. Needs the permission `teams.manage`.
    #[oai(path = "/teams/:id", method = "delete", operation_id = "deleteTeam")]
    async fn delete(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Team ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| teams::delete(w, id.0)).await?.into())
    }
}
