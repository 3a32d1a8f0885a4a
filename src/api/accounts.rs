//! `/accounts`: the tenants. Here the path says which account it is, not a header.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Tag;
use super::answers::{Done, Found, List, Made};
use super::caller::Token;
use super::json::Json;
use crate::app::App;
use crate::domain::accounts::{self, Account, AccountPatch, NewAccount};
use crate::domain::fields::AccountId;
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Accounts")]
impl Api {
    /// Create an account
    ///
    /// Without an `id` it is allotted the next number. Only owners may do this.
    #[oai(path = "/accounts", method = "post", operation_id = "createAccount")]
    async fn create(&self, app: App, token: Token, new: Json<NewAccount>) -> Result<Made<Account>> {
        let account = app.write(token.0, move |w| accounts::create_as_owner(w, new.0)).await?;
        Ok(Made::at(format!("/accounts/{}", account.id), account))
    }

    /// List accounts
    ///
    /// Those you are in, by name; an owner gets all of them. Needs no permission.
    #[oai(path = "/accounts", method = "get", operation_id = "listAccounts")]
    async fn list(&self, app: App, token: Token) -> Result<Found<List<Account>>> {
        Ok(Found::all(app.read(token.0, accounts::list).await?))
    }

    /// Get an account
    ///
    /// Returns one account you are in. Needs no permission.
    #[oai(path = "/accounts/:accountId", method = "get", operation_id = "getAccount")]
    async fn find(
        &self,
        app: App,
        token: Token,
        /// Account ID
        #[oai(name = "accountId")]
        id: Path<AccountId>,
    ) -> Result<Found<Account>> {
        Ok(Found::it(app.read(token.within(id.0), accounts::find).await?))
    }

    /// Rename an account
    ///
    /// Needs the permission `account.update`.
    #[oai(path = "/accounts/:accountId", method = "patch", operation_id = "updateAccount")]
    async fn update(
        &self,
        app: App,
        token: Token,
        /// Account ID
        #[oai(name = "accountId")]
        id: Path<AccountId>,
        patch: Json<AccountPatch>,
    ) -> Result<Found<Account>> {
        Ok(Found::it(app.write(token.within(id.0), move |w| accounts::rename(w, &patch.0)).await?))
    }

    /// Delete an account
    ///
    /// Nobody can open it any more, and its API keys end. People who are in no other account are deleted for good after 30
    /// days, unless an owner brings the account back. Its ID is never used again. Needs the permission `account.delete`.
    #[oai(path = "/accounts/:accountId", method = "delete", operation_id = "deleteAccount")]
    async fn delete(
        &self,
        app: App,
        token: Token,
        /// Account ID
        #[oai(name = "accountId")]
        id: Path<AccountId>,
        /// The name of the account, to confirm that it is the one you mean
        confirm: Query<String>,
    ) -> Result<Done> {
        Ok(app.write(token.within(id.0), move |w| accounts::delete(w, &confirm.0)).await?.into())
    }

    /// Bring a deleted account back
    ///
    /// With its teams and roles, and the people who were in it, as far as they haven't been deleted for good. Its API keys
    /// stay ended. Only owners may.
    #[oai(path = "/accounts/:accountId/removal", method = "delete", operation_id = "restoreAccount")]
    async fn restore(
        &self,
        app: App,
        token: Token,
        /// Account ID
        #[oai(name = "accountId")]
        id: Path<AccountId>,
    ) -> Result<Found<Account>> {
        Ok(Found::it(app.write(token.0, move |w| accounts::restore(w, &id.0)).await?))
    }
}
