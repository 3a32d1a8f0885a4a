//! Sessions: the browsers somebody is signed in with; one's own under `/sessions`, a member's under `/users/{id}`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::Tag;
use super::answers::{Done, Found, List};
use super::caller::{Inside, Token};
use crate::app::App;
use crate::domain::sessions::{self, Session};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Sessions")]
impl Api {
    /// List your sessions
    ///
    /// The browsers you are signed in with, the latest first. Needs no permission, but a token that is only yours.
    #[oai(path = "/sessions", method = "get", operation_id = "listSessions")]
    async fn list_own(&self, app: App, token: Token) -> Result<Found<List<Session>>> {
        Ok(Found::all(app.read(token.0, sessions::list_own).await?))
    }

    /// End a session of yours
    ///
    /// That browser is signed out at once. Needs no permission, but a token that is only yours.
    #[oai(path = "/sessions/:id", method = "delete", operation_id = "endSession")]
    async fn end_own(
        &self,
        app: App,
        token: Token,
        /// Session ID
        id: Path<String>,
    ) -> Result<Done> {
        Ok(app.write(token.0, move |w| sessions::end_own(w, &id.0)).await?.into())
    }

    /// End all sessions of yours
    ///
    /// Every browser is signed out at once. Needs no permission, but a token that is only yours.
    #[oai(path = "/sessions", method = "delete", operation_id = "endSessions")]
    async fn end_all_own(&self, app: App, token: Token) -> Result<Done> {
        Ok(app.write(token.0, |w| sessions::end_all_own(w)).await?.into())
    }

    /// List a user's sessions
    ///
    /// The browsers they are signed in with, the latest first. Your own need no permission; anybody else's need `users.suspend`,
    /// in the account that is the user's primary one.
    #[oai(path = "/users/:id/sessions", method = "get", operation_id = "listUserSessions")]
    async fn list(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Found<List<Session>>> {
        Ok(Found::all(app.read(caller.0, move |r| sessions::list(r, id.0)).await?))
    }

    /// End all sessions of a user
    ///
    /// Every browser of theirs is signed out at once. Your own need no permission; anybody else's need `users.suspend`, in the
    /// account that is the user's primary one.
    #[oai(path = "/users/:id/sessions", method = "delete", operation_id = "endUserSessions")]
    async fn end_all(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| sessions::end_all(w, id.0)).await?.into())
    }

    /// End a user's session
    ///
    /// That browser is signed out at once. Your own need no permission; anybody else's need `users.suspend`, in the account that
    /// is the user's primary one.
    #[oai(path = "/users/:id/sessions/:sessionId", method = "delete", operation_id = "endUserSession")]
    async fn end(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
        /// Session ID
        #[oai(name = "sessionId")]
        session: Path<String>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| sessions::end(w, id.0, &session.0)).await?.into())
    }
}
