//! Passkeys: one's own under `/me`, a member's under `/users/{id}`. They are registered and used in a browser only.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::Tag;
use super::answers::{Done, Found, Issued, Link, List};
use super::caller::{Inside, Token};
use super::json::Json;
use crate::app::App;
use crate::domain::passkeys::{self, Passkey, PasskeyPatch};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Passkeys")]
impl Api {
    /// List your passkeys
    ///
    /// What signs you in without a password, the oldest first. Needs no permission, but a token that is only yours.
    #[oai(path = "/me/passkeys", method = "get", operation_id = "listMyPasskeys")]
    async fn list_own(&self, app: App, token: Token) -> Result<Found<List<Passkey>>> {
        Ok(Found::all(app.write(token.0, |w| passkeys::list(w, w.actor.require_self()?)).await?))
    }

    /// Rename a passkey of yours
    ///
    /// Needs no permission, but a token that is only yours.
    #[oai(path = "/me/passkeys/:id", method = "patch", operation_id = "updateMyPasskey")]
    async fn update_own(
        &self,
        app: App,
        token: Token,
        /// Passkey ID
        id: Path<String>,
        patch: Json<PasskeyPatch>,
    ) -> Result<Found<Passkey>> {
        Ok(Found::it(app.write(token.0, move |w| passkeys::rename(w, &id.0, &patch.0)).await?))
    }

    /// Delete a passkey of yours
    ///
    /// It signs you in no more. The last one stays while you have no password. Needs no permission, but a token that is only
    /// yours.
    #[oai(path = "/me/passkeys/:id", method = "delete", operation_id = "deleteMyPasskey")]
    async fn delete_own(
        &self,
        app: App,
        token: Token,
        /// Passkey ID
        id: Path<String>,
    ) -> Result<Done> {
        Ok(app.write(token.0, move |w| passkeys::delete(w, w.actor.require_self()?, &id.0)).await?.into())
    }

    /// List a user's passkeys
    ///
    /// The oldest first. Your own need no permission; anybody else's need `users.suspend`, in the account that is the user's
    /// primary one. That you looked is recorded.
    #[oai(path = "/users/:id/passkeys", method = "get", operation_id = "listUserPasskeys")]
    async fn list(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Found<List<Passkey>>> {
        Ok(Found::all(app.write(caller.0, move |w| passkeys::list(w, id.0)).await?))
    }

    /// Delete a user's passkey
    ///
    /// For a device that was lost: it signs them in no more. Your own need no permission; anybody else's need `users.suspend`, in
    /// the account that is the user's primary one.
    #[oai(path = "/users/:id/passkeys/:passkeyId", method = "delete", operation_id = "deleteUserPasskey")]
    async fn delete(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
        /// Passkey ID
        #[oai(name = "passkeyId")]
        passkey: Path<String>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| passkeys::delete(w, id.0, &passkey.0)).await?.into())
    }

    /// Make a passkey link
    ///
    /// A link to pass on: it works once, for 24 hours, and whoever opens it registers a passkey and is signed in as the user. The
    /// link before stops working. Needs the permission `users.suspend`, in the account that is the user's primary one; if they
    /// are in other accounts too, only an owner may.
    #[oai(path = "/users/:id/passkey-registration", method = "post", operation_id = "sendPasskeyLink")]
    async fn send_link(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Issued> {
        let origin = app.require_relying_party()?.origin().to_owned();
        let claims = app.write(caller.0, move |w| passkeys::send_link(w, id.0)).await?;
        let url = format!("{origin}/ui/passkey/{}", app.seal(&claims)?);
        Ok(Issued::It(Json(Link { url, expires_at: claims.expires_at })))
    }
}
