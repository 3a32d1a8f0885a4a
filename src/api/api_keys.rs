//! `/api-keys`: tokens for programs, each for one account.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::Tag;
use super::answers::{Done, Found, List, Made};
use super::caller::Inside;
use super::json::Json;
use crate::app::App;
use crate::domain::api_keys::{self, ApiKey, NewApiKey};
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::ApiKeys")]
impl Api {
    /// Create an API key
    ///
    /// Makes a token for a program that acts as you, in this account alone, with your permissions or with fewer. The answer
    /// holds the `token`; it is shown this once. Needs no permission, but a token that is only yours: an API key cannot
    /// make another.
    #[oai(path = "/api-keys", method = "post", operation_id = "createApiKey")]
    async fn create(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        new: Json<NewApiKey>,
    ) -> Result<Made<ApiKey>> {
        let (mut key, claims) = app.write(caller.0, move |w| api_keys::create(w, new.0)).await?;
        key.token = Some(app.seal(&claims)?);
        Ok(Made::at(format!("/api-keys/{}", key.id), key))
    }

    /// List API keys
    ///
    /// Your own keys for this account, the latest first; an admin gets everybody's. Needs no permission.
    #[oai(path = "/api-keys", method = "get", operation_id = "listApiKeys")]
    async fn list(&self, app: App, #[oai(name = "x-account-id")] caller: Inside) -> Result<Found<List<ApiKey>>> {
        Ok(Found::all(app.read(caller.0, api_keys::list).await?))
    }

    /// Get an API key
    ///
    /// Returns one of your own keys; an admin gets anybody's. Needs no permission.
    #[oai(path = "/api-keys/:id", method = "get", operation_id = "getApiKey")]
    async fn find(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// API key ID
        id: Path<String>,
    ) -> Result<Found<ApiKey>> {
        Ok(Found::it(app.read(caller.0, move |r| api_keys::find(r, &id.0)).await?))
    }

    /// Revoke an API key
    ///
    /// It ends at once. One of your own, or as an admin anybody's. Needs no permission, but a token that is only yours.
    #[oai(path = "/api-keys/:id", method = "delete", operation_id = "deleteApiKey")]
    async fn delete(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// API key ID
        id: Path<String>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| api_keys::delete(w, &id.0)).await?.into())
    }
}
