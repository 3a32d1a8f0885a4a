//! `/users` and `/me`. The doc comments are published: they are the reference.

use poem::Request;
use poem_openapi::auth::Bearer;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{ApiResponse, Object, OpenApi, SecurityScheme, Tags};
use serde::Serialize;

use super::json::Json;
use crate::app::App;
use crate::auth;
use crate::domain::fields::AccountId;
use crate::domain::tokens::Caller;
use crate::domain::users::{self, Cursor, Filter, Limit, NewUser, Sort, User};
use crate::error::Result;

#[derive(Tags)]
enum Tag {
    /// The people of an account
    Users,
    /// The caller themself
    Me,
}

/// A token from `rollcall token`, `rollcall init` or the answer to `POST /users`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearerAuth", bearer_format = "PASETO", checker = "check")]
pub struct Token(Caller);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    Ok(auth::bearer(request, &bearer.token)?)
}

impl Token {
    /// The caller, inside the account of the request.
    fn within(self, account: AccountId) -> Caller {
        Caller { account: Some(account), ..self.0 }
    }
}

/// One page of a list.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
struct UserPage {
    /// The users of this page
    items: Vec<User>,
    /// Send it as `cursor` to get the next page; left out on the last one
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum Created {
    /// User created successfully
    #[oai(status = 201)]
    User(
        Json<User>,
        /// Address of the new user
        #[oai(header = "Location")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Found {
    /// The user
    #[oai(status = 200)]
    User(Json<User>),
}

#[derive(ApiResponse)]
enum Listed {
    /// A page of users
    #[oai(status = 200)]
    Users(Json<UserPage>),
}

pub struct Api;

#[OpenApi]
impl Api {
    /// Create a new user
    ///
    /// Creates a new user in the system with the provided details
    ///
    /// The e-mail alone is enough. The new user becomes a member of the account of the request, with the role
    /// `member`, and the answer holds their first `token`: it works as a bearer token and in the link to their welcome
    /// page, for 72 hours or until they set a password. Needs the permission `users.create`.
    #[oai(path = "/users", method = "post", operation_id = "createUser", tag = "Tag::Users")]
    async fn create(
        &self,
        app: App,
        token: Token,
        /// Account ID for the request
        #[oai(name = "x-account-id")]
        account: Header<AccountId>,
        body: Json<NewUser>,
    ) -> Result<Created> {
        let (mut user, invitation) = app.write(token.within(account.0), |w| users::create(w, body.0)).await?;
        user.token = invitation.map(|claims| app.seal(&claims)).transpose()?;
        let location = format!("/users/{}", user.id);
        Ok(Created::User(Json(user), location))
    }

    /// List users
    ///
    /// Lists the users of the account, a page at a time. To get the next page, send the same request with `cursor` set
    /// to the `nextCursor` of the answer. Needs the permission `users.read`.
    #[oai(path = "/users", method = "get", operation_id = "listUsers", tag = "Tag::Users")]
    #[expect(clippy::too_many_arguments, reason = "each argument is a documented parameter")]
    async fn list(
        &self,
        app: App,
        token: Token,
        /// Account ID for the request
        #[oai(name = "x-account-id")]
        account: Header<AccountId>,
        /// Part of the e-mail or the name to look for, in any case
        query: Query<Option<String>>,
        /// Only users who are active, or only those who are not
        active: Query<Option<bool>>,
        /// What to sort by; a hyphen in front turns the order round
        sort: Query<Option<Sort>>,
        /// How many users a page has
        limit: Query<Option<Limit>>,
        /// Where the page starts: the `nextCursor` of the page before
        cursor: Query<Option<Cursor>>,
    ) -> Result<Listed> {
        let filter = Filter {
            query: query.0.unwrap_or_default(),
            active: active.0,
            sort: sort.0.unwrap_or_default(),
            cursor: cursor.0,
            limit: limit.0.unwrap_or_default(),
            ..Filter::default()
        };
        let page = app.read(token.within(account.0), move |r| users::list(r, &filter)).await?;
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Ok(Listed::Users(Json(UserPage { items: page.items, next_cursor })))
    }

    /// Get a user
    ///
    /// Returns one user of the account. Needs the permission `users.read`.
    #[oai(path = "/users/:id", method = "get", operation_id = "getUser", tag = "Tag::Users")]
    async fn find(
        &self,
        app: App,
        token: Token,
        /// Account ID for the request
        #[oai(name = "x-account-id")]
        account: Header<AccountId>,
        /// User ID
        id: Path<i64>,
    ) -> Result<Found> {
        let user = app.read(token.within(account.0), move |r| users::find(r, id.0)).await?;
        Ok(Found::User(Json(user)))
    }

    /// Get yourself
    ///
    /// Returns the user the token belongs to, as seen from the account of the request or, without one, from their
    /// primary account. Needs no permission.
    #[oai(path = "/me", method = "get", operation_id = "getMe", tag = "Tag::Me")]
    async fn me(
        &self,
        app: App,
        token: Token,
        /// Account ID for the request
        #[oai(name = "x-account-id")]
        account: Header<Option<AccountId>>,
    ) -> Result<Found> {
        let caller = Caller { account: account.0, ..token.0 };
        let user = app.read(caller, users::me).await?;
        Ok(Found::User(Json(user)))
    }
}
