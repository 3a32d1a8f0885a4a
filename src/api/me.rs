//! `/me`: the caller themself.

use poem_openapi::OpenApi;
use poem_openapi::param::Header;

use super::Tag;
use super::answers::FoundUser;
use super::caller::Token;
use super::json::Json;
use crate::app::App;
use crate::domain::fields::AccountId;
use crate::domain::users::{self, ProfilePatch};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Me")]
impl Api {
    /// Get yourself
    ///
    /// Returns the user the token belongs to, as seen from the account of the request or, without one, from their primary
    /// account. Needs no permission.
    #[oai(path = "/me", method = "get", operation_id = "getMe")]
    async fn find(
        &self,
        app: App,
        token: Token,
        /// Account ID for the request
        #[oai(name = "x-account-id")]
        account: Header<Option<AccountId>>,
    ) -> Result<FoundUser> {
        Ok(app.read(token.perhaps_within(account.0), users::me).await?.into())
    }

    /// Change yourself
    ///
    /// Changes your own profile. What is left out stays as it is; `null` clears. Needs no permission, but for the e-mail, which
    /// you sign in with: to change that needs `users.update`.
    #[oai(path = "/me", method = "patch", operation_id = "updateMe")]
    async fn update(
        &self,
        app: App,
        token: Token,
        /// Account ID for the request
        #[oai(name = "x-account-id")]
        account: Header<Option<AccountId>>,
        /// The `ETag` of the user as you know them: if they have changed since, nothing is done
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        patch: Json<ProfilePatch>,
    ) -> Result<FoundUser> {
        let caller = token.perhaps_within(account.0);
        let user = app.write(caller, move |w| users::update_own(w, &patch.0, if_match.0.as_deref())).await?;
        Ok(user.into())
    }
}
