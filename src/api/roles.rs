//! `/roles` and `/permissions`: what may be done, and named sets of it.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::Tag;
use super::answers::{Done, Found, List, Made};
use super::caller::{Inside, Token};
use super::json::Json;
use crate::app::App;
use crate::domain::permissions::{self, Explained};
use crate::domain::roles::{self, NewRole, Role, RolePermissions};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Roles")]
impl Api {
    /// Create a role
    ///
    /// Makes a role of the account's own. Needs the permission `roles.manage`, and every permission you put into it.
    #[oai(path = "/roles", method = "post", operation_id = "createRole")]
    async fn create(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        new: Json<NewRole>,
    ) -> Result<Made<Role>> {
        let role = app.write(caller.0, move |w| roles::create(w, new.0)).await?;
        Ok(Made::at(format!("/roles/{}", role.id), role))
    }

    /// List roles
    ///
    /// The roles that every account has, then the account's own by name. Needs the permission `users.read`.
    #[oai(path = "/roles", method = "get", operation_id = "listRoles")]
    async fn list(&self, app: App, #[oai(name = "x-account-id")] caller: Inside) -> Result<Found<List<Role>>> {
        Ok(Found::all(app.read(caller.0, roles::list).await?))
    }

    /// Get a role
    ///
    /// Returns one role; `GET /users?role=` lists who holds it. Needs the permission `users.read`.
    #[oai(path = "/roles/:name", method = "get", operation_id = "getRole")]
    async fn find(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Name of the role
        name: Path<String>,
    ) -> Result<Found<Role>> {
        Ok(Found::it(app.read(caller.0, move |r| roles::find(r, &name.0)).await?))
    }

    /// Change a role
    ///
    /// Says anew what one of the account's own roles permits, to everybody who holds it. Needs the permission `roles.manage`;
    /// you can add and take away only what you hold yourself.
    #[oai(path = "/roles/:name", method = "patch", operation_id = "updateRole")]
    async fn update(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Name of the role
        name: Path<String>,
        permissions: Json<RolePermissions>,
    ) -> Result<Found<Role>> {
        Ok(Found::it(app.write(caller.0, move |w| roles::update(w, &name.0, permissions.0, None)).await?))
    }

    /// Delete a role
    ///
    /// Those who hold it hold it no more. Needs the permission `roles.manage`, and every permission that is in it.
    #[oai(path = "/roles/:name", method = "delete", operation_id = "deleteRole")]
    async fn delete(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Name of the role
        name: Path<String>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| roles::delete(w, &name.0)).await?.into())
    }

    /// List permissions
    ///
    /// Everything that may be allowed in an account, with a sentence each. Needs no permission.
    #[oai(path = "/permissions", method = "get", operation_id = "listPermissions")]
    async fn permissions(&self, app: App, token: Token) -> Result<Found<List<Explained>>> {
        Ok(Found::all(app.read(token.0, permissions::list).await?))
    }
}
