//! `/users` and `/users/{id}`. The doc comments are published: they are the reference.

pub mod life;

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{ApiResponse, OpenApi};

use super::Tag;
use super::answers::{Done, Found, FoundUser, Page};
use super::caller::Inside;
use super::json::{Identified, Json, Written};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::idempotency::Key;
use crate::domain::memberships;
use crate::domain::tokens::Claims;
use crate::domain::users::{self, Cursor, Filter, Limit, NewUser, ProfilePatch, Sort, User};
use crate::error::Result;

#[derive(ApiResponse)]
enum Created {
    /// User created successfully
    #[oai(status = 201)]
    User(
        Written<User>,
        /// Address of the new user
        #[oai(header = "Location")]
        String,
    ),
}

pub struct Api;

#[OpenApi(tag = "Tag::Users")]
impl Api {
    /// Create a new user
    ///
    /// Creates a new user in the system with the provided details
    ///
    /// The e-mail alone is enough. The new user becomes a member of the account of the request, with the role `member`
    /// unless `roles` says otherwise, and the answer holds their first `token`: it works as a bearer token and in the link
    /// to their welcome page, for 72 hours or until they set a password; of who isn't active, once they are. Needs the
    /// permission `users.create`; what you give them in `roles`, `permissions` and `accountAdmin` you must hold yourself.
    ///
    /// If the e-mail belongs to somebody of another account, they are asked to join this one: the answer says `pending`,
    /// and tells nothing of them but the e-mail until they accept, for which they have 30 days. What they are to be here
    /// (`teamId`, `roles`, `permissions`, `accountAdmin`) is kept for then; their own profile stays as it is. It holds a
    /// `token` only for somebody who has nothing else to sign in with and is in no other account's recycle bin; one they
    /// had before ends.
    ///
    /// Sent again with the same `Idempotency-Key` within 24 hours, the same request is answered as it was the first
    /// time, and creates nobody.
    #[oai(path = "/users", method = "post", operation_id = "createUser")]
    async fn create(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// A key of your choice, such as a random UUID, that makes it safe to send this request again
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<Key>>,
        body: Identified<NewUser>,
    ) -> Result<Created> {
        let Identified { value: new, fingerprint } = body;
        let sealing = app.clone();
        let answer = move |(mut user, invitation): (User, Option<Claims>)| {
            user.token = invitation.map(|claims| sealing.seal(&claims)).transpose()?;
            Ok((format!("/users/{}", user.id), user.to_json()))
        };
        let once = key.0.zip(fingerprint);
        let (location, json) =
            app.write_once(caller.0, once, new, users::require_may_create, users::create, answer).await?;
        Ok(Created::User(Written::new(json), location))
    }

    /// List users
    ///
    /// Lists the users of the account, a page at a time. To get the next page, send the same request with `cursor` set
    /// to the `nextCursor` of the answer. Needs the permission `users.read`.
    #[oai(path = "/users", method = "get", operation_id = "listUsers")]
    #[expect(clippy::too_many_arguments, reason = "each argument is a documented parameter")]
    async fn list(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Part of the e-mail or the name to look for, case and accents aside
        query: Query<Option<String>>,
        /// Only users who are active, or only those who are not
        active: Query<Option<bool>>,
        /// Only users who hold this role
        role: Query<Option<String>>,
        /// Only users in this team
        #[oai(name = "teamId")]
        team_id: Query<Option<i64>>,
        /// Only admins of the account, or only those who are not
        #[oai(name = "accountAdmin")]
        account_admin: Query<Option<bool>>,
        /// Only those who were invited and haven't accepted yet, or only those who have
        pending: Query<Option<bool>>,
        /// `true` lists the recycle bin instead: those who were taken out of the account
        removed: Query<Option<bool>>,
        /// Only users created at this moment or later
        #[oai(name = "createdSince")]
        created_since: Query<Option<Timestamp>>,
        /// Only users changed at this moment or later
        #[oai(name = "updatedSince")]
        updated_since: Query<Option<Timestamp>>,
        /// What to sort by; a hyphen in front turns the order round
        sort: Query<Option<Sort>>,
        /// How many users a page has
        limit: Query<Option<Limit>>,
        /// Where the page starts: the `nextCursor` of the page before
        cursor: Query<Option<Cursor>>,
    ) -> Result<Found<Page<User>>> {
        let filter = Filter {
            query: query.0.unwrap_or_default(),
            active: active.0,
            role: role.0,
            team_id: team_id.0,
            account_admin: account_admin.0,
            pending: pending.0,
            removed: removed.0.unwrap_or_default(),
            created_since: created_since.0,
            updated_since: updated_since.0,
            sort: sort.0.unwrap_or_default(),
            cursor: cursor.0,
            limit: limit.0.unwrap_or_default(),
        };
        let page = app.read(caller.0, move |r| users::list(r, &filter)).await?;
        Ok(Found::page(page.items, page.next))
    }

    /// Get a user
    ///
    /// Returns one user of the account. Needs the permission `users.read`.
    #[oai(path = "/users/:id", method = "get", operation_id = "getUser")]
    async fn find(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<FoundUser> {
        Ok(app.read(caller.0, move |r| users::find(r, id.0)).await?.into())
    }

    /// Change a user
    ///
    /// Changes a user's profile. What is left out stays as it is; `null` clears. Needs the permission `users.update`,
    /// in the account that is the user's primary one.
    #[oai(path = "/users/:id", method = "patch", operation_id = "updateUser")]
    async fn update(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
        /// The `ETag` of the user as you know them: if they have changed since, nothing is done
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        patch: Json<ProfilePatch>,
    ) -> Result<FoundUser> {
        let user = app.write(caller.0, move |w| users::update(w, id.0, &patch.0, if_match.0.as_deref())).await?;
        Ok(user.into())
    }

    /// Take a user out of the account
    ///
    /// They are in the account's recycle bin for 30 days, from which `DELETE /users/{id}/removal` puts them back as they
    /// were. Who is in no other account loses everything they hold at once, and is deleted for good after that time. An
    /// invitation that was not accepted yet is withdrawn. Needs the permission `users.delete`.
    #[oai(path = "/users/:id", method = "delete", operation_id = "deleteUser")]
    async fn delete(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// User ID
        id: Path<i64>,
    ) -> Result<Done> {
        Ok(app.write(caller.0, move |w| memberships::delete(w, id.0)).await?.into())
    }
}
