//! What somebody is in an account: `/users/{id}/membership` and what belongs to it, and one's own under `/me`.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};

use super::Tag;
use super::answers::{Done, Found, FoundUser, List};
use super::caller::{Inside, Token};
use super::json::{Json, Optional};
use crate::app::App;
use crate::domain::fields::AccountId;
use crate::domain::memberships::{self, Acceptance, AccountChoice, Membership, MembershipPatch};
use crate::domain::permissions::Granted;
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Memberships")]
impl Api {
    /// Change a user's place in the account
    ///
    /// Their team, roles, direct permissions, and whether they are an admin of the account. What is left out stays as it is.
    /// Needs the permission `roles.assign`; you can give only what you hold yourself, and change nobody who may do more than
    /// you. Only admins make admins.
    #[oai(path = "/users/:id/membership", method = "patch", operation_id = "updateMembership")]
    async fn update(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
        /// The `ETag` of the user as you know them: if they have changed since, nothing is done
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        patch: Json<MembershipPatch>,
    ) -> Result<FoundUser> {
        let user = app.write(caller.0, move |w| memberships::update(w, id.0, patch.0, if_match.0.as_deref())).await?;
        Ok(user.into())
    }

    /// Explain a user's permissions
    ///
    /// Every permission they have in the account, with all it comes from: owner, account admin, a role by its name, or given
    /// directly. Your own need no permission; anybody else's need `users.read`.
    #[oai(path = "/users/:id/permissions", method = "get", operation_id = "getUserPermissions")]
    async fn permissions(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Found<List<Granted>>> {
        Ok(Found::all(app.read(caller.0, move |r| memberships::permissions(r, id.0)).await?))
    }

    /// Move a user to another account
    ///
    /// They leave the account of the request and begin as a `member` in the other one. Needs the permission `users.delete` here,
    /// and `users.create` and `users.read` there.
    #[oai(path = "/users/:id/account", method = "put", operation_id = "moveUser")]
    async fn move_to(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
        to: Json<AccountChoice>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| memberships::move_to(w, id.0, &to.0.account_id)).await?.into())
    }

    /// List your memberships
    ///
    /// Every account you are in or were invited to, the primary one first. Needs no permission, but a token that is only
    /// yours.
    #[oai(path = "/me/memberships", method = "get", operation_id = "listMyMemberships")]
    async fn list_own(&self, app: App, token: Token) -> Result<Found<List<Membership>>> {
        Ok(Found::all(app.read(token.0, memberships::list_own).await?))
    }

    /// Join an account
    ///
    /// Accepts an invitation to an account. With `usersPrimaryAccount` it becomes your primary one, whether you have just
    /// joined it or were in it before. Needs no permission, but a token that is only yours.
    #[oai(path = "/me/memberships/:accountId", method = "put", operation_id = "joinAccount")]
    async fn join(
        &self,
        app: App,
        token: Token,
        /// Account ID
        #[oai(name = "accountId")]
        id: Path<AccountId>,
        how: Optional<Acceptance>,
    ) -> Result<Found<Membership>> {
        Ok(Found::it(app.write(token.0, move |w| memberships::join(w, &id.0, &how.0)).await?))
    }

    /// Leave an account
    ///
    /// Or decline an invitation to it. An account's last admin cannot leave it. Needs no permission, but a token that is
    /// only yours.
    #[oai(path = "/me/memberships/:accountId", method = "delete", operation_id = "leaveAccount")]
    async fn leave(
        &self,
        app: App,
        token: Token,
        /// Account ID
        #[oai(name = "accountId")]
        id: Path<AccountId>,
    ) -> Result<Done> {
        Ok(app.write(token.0, move |w| memberships::leave(w, &id.0)).await?.into())
    }
}
