//! The JSON API. Handlers parse, make one call into `domain`, and shape the answer; the OpenAPI document is made from
//! their signatures and doc comments.

mod answers;
mod caller;
mod error;
mod export;
mod json;
pub mod outcomes;
mod parameters;
mod schema;

mod accounts;
mod api_keys;
mod events;
mod me;
mod memberships;
mod passkeys;
mod roles;
mod sessions;
mod teams;
mod users;

use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Response};
use poem_openapi::registry::{MetaApi, MetaPath};
use poem_openapi::{OpenApi, OpenApiService, Tags};

use crate::routes::Address;

pub use error::in_json;
pub use json::BODY_LIMIT;

#[derive(Tags)]
enum Tag {
    /// The people of an account
    Users,
    /// What somebody is in an account
    Memberships,
    /// The caller themself
    Me,
    /// The tenants
    Accounts,
    /// Groups of people inside an account
    Teams,
    /// Named sets of permissions
    Roles,
    /// What happened in an account
    Events,
    /// Tokens for programs
    #[oai(rename = "API keys")]
    ApiKeys,
    /// The browsers somebody is signed in with
    Sessions,
    /// What somebody signs in with instead of a password
    Passkeys,
}

/// Every operation, in the order of the document.
fn operations() -> impl OpenApi {
    (
        users::Api,
        users::life::Api,
        memberships::Api,
        me::Api,
        accounts::Api,
        teams::Api,
        roles::Api,
        events::Api,
        api_keys::Api,
        sessions::Api,
        passkeys::Api,
    )
}

fn service() -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(operations(), "Rollcall", env!("CARGO_PKG_VERSION"))
}

/// The API's routes.
pub fn endpoint() -> impl Endpoint<Output = Response> {
    service().into_endpoint()
}

/// All paths of the document, with what it says of them.
fn paths() -> impl Iterator<Item = MetaPath> {
    fn of<T: OpenApi>(_: &T) -> Vec<MetaApi> {
        T::meta()
    }
    of(&operations()).into_iter().flat_map(|api| api.paths)
}

/// The addresses of all operations.
pub fn addresses() -> Vec<Address> {
    paths().map(address).collect()
}

fn address(MetaPath { path, operations }: MetaPath) -> Address {
    // Whatever answers GET answers HEAD.
    let and_head = |method: Method| {
        let head = (method == Method::GET).then_some(Method::HEAD);
        std::iter::once(method).chain(head)
    };
    let methods = operations.into_iter().flat_map(|operation| and_head(operation.method)).collect();
    Address { methods, path }
}

/// The document as poem-openapi generates it; `docs` completes it.
pub fn document() -> String {
    service().spec()
}

/// Swagger UI as poem-openapi makes it, with [`document`] inside; `docs` puts the complete one there.
pub fn swagger_ui() -> String {
    service().swagger_ui_html()
}

/// The source of the routes, as the documentation offers it.
pub const ROUTE_SOURCE: &str = include_str!("users.rs");
