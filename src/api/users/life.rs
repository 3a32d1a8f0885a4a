//! `/users/{id}/…`: the life of a user between creation and deletion, one noun a step.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};

use super::super::Tag;
use super::super::answers::{Done, FoundUser, Invitation, Invited, Issued, Link};
use super::super::caller::Inside;
use super::super::json::Json;
use crate::app::App;
use crate::domain::preferences::NotificationPreferences;
use crate::domain::{memberships, password_resets, passwords, suspensions, users};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Users")]
impl Api {
    /// Suspend a user
    ///
    /// Ends every session and token of theirs at once; they stay listed, and cannot come in anywhere. Needs the permission
    /// `users.suspend`, in the account that is the user's primary one.
    #[oai(path = "/users/:id/suspension", method = "put", operation_id = "suspendUser")]
    async fn suspend(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<FoundUser> {
        Ok(app.write(caller.0, move |w| suspensions::create(w, id.0)).await?.into())
    }

    /// Make a suspended user active again
    ///
    /// They sign in as before; the tokens they had stay ended. Needs the permission `users.suspend`, in the account that is the
    /// user's primary one.
    #[oai(path = "/users/:id/suspension", method = "delete", operation_id = "reactivateUser")]
    async fn reactivate(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<FoundUser> {
        Ok(app.write(caller.0, move |w| suspensions::delete(w, id.0)).await?.into())
    }

    /// Put a user back
    ///
    /// Takes somebody out of the recycle bin of the account, with the team, roles, permissions and preferences they had. Needs
    /// the permission `users.delete`.
    #[oai(path = "/users/:id/removal", method = "delete", operation_id = "restoreUser")]
    async fn restore(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<FoundUser> {
        Ok(app.write(caller.0, move |w| memberships::restore(w, id.0)).await?.into())
    }

    /// Issue a new first token
    ///
    /// For somebody who hasn't set a password yet; all tokens they had end. Of who is suspended, it works once they are active. Needs
    /// the permission `users.create`, in the account that is the user's only one. API keys may not.
    #[oai(path = "/users/:id/invitation", method = "post", operation_id = "inviteUser")]
    async fn invite(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Invited> {
        let claims = app.write(caller.0, move |w| users::invite(w, id.0)).await?;
        let invitation = Invitation { token: app.seal(&claims)?, expires_at: claims.expires_at };
        Ok(Invited::It(Json(invitation)))
    }

    /// Issue a link that sets a new password
    ///
    /// For somebody who has lost theirs: whoever has the link comes in as them, so pass it on to nobody else. It works once, and
    /// ends the one before. Needs the permission `users.suspend`, in the account that is the user's primary one; where they are
    /// in other accounts too, only owners may. API keys may not.
    #[oai(path = "/users/:id/password-reset", method = "post", operation_id = "resetPassword")]
    async fn reset_password(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Issued> {
        let claims = app.write(caller.0, move |w| password_resets::create(w, id.0)).await?;
        let url = format!("{}/ui/reset/{}", app.public_url(), app.seal(&claims)?);
        Ok(Issued::It(Json(Link { url, expires_at: claims.expires_at })))
    }

    /// Ask a user for a new password
    ///
    /// They are signed out everywhere, and when they sign in next they can do nothing before they have chosen another one. Their
    /// API keys stay. Needs the permission `users.suspend`, in the account that is the user's primary one.
    #[oai(path = "/users/:id/password-change", method = "put", operation_id = "askForNewPassword")]
    async fn ask_for_password(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| passwords::set_must_change(w, id.0, true)).await?.into())
    }

    /// Let a user keep their password
    ///
    /// They are not asked for a new one any more. Needs the permission `users.suspend`, in the account that is the user's primary
    /// one.
    #[oai(path = "/users/:id/password-change", method = "delete", operation_id = "letKeepPassword")]
    async fn let_keep_password(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| passwords::set_must_change(w, id.0, false)).await?.into())
    }

    /// Replace a user's notification preferences
    ///
    /// The body is the whole of them, keyed by event; what is left out is gone. Preferences for accounts you don't see stay as
    /// they are. Your own need no permission; anybody else's need `users.update`, in the account that is the user's primary one.
    #[oai(path = "/users/:id/notification-preferences", method = "put", operation_id = "setNotificationPreferences")]
    async fn set_preferences(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
        /// The `ETag` of the user as you know them: if they have changed since, nothing is done
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        preferences: Json<NotificationPreferences>,
    ) -> Result<FoundUser> {
        let Json(preferences) = preferences;
        let user = app.write(caller.0, move |w| users::set_preferences(w, id.0, &preferences, if_match.0.as_deref()));
        Ok(user.await?.into())
    }

    /// Make a user an owner
    ///
    /// An owner may do everything in every account. Only owners may do this.
    #[oai(path = "/users/:id/ownership", method = "put", operation_id = "makeOwner")]
    async fn make_owner(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| suspensions::set_owner(w, id.0, true)).await?.into())
    }

    /// Make an owner an ordinary user
    ///
    /// They stay what they are in their accounts. The last owner stays one. Only owners may do this.
    #[oai(path = "/users/:id/ownership", method = "delete", operation_id = "unmakeOwner")]
    async fn unmake_owner(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| suspensions::set_owner(w, id.0, false)).await?.into())
    }
}
