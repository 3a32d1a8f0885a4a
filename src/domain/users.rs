//! Users: the people. [`User`] is the row, the JSON and the page at once; no secret is ever in it, but for the first
//! `token` in the one answer to its creation.

use std::collections::HashSet;

use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::accounts;
use super::events::{self, Subject};
use super::fields::{self, AccountId, Email, EmailText, fold};
use super::invitations::{self, Invitation};
use super::memberships::{self, MembershipPatch, Place};
use super::object::only_from_objects;
use super::permissions::Permission;
use super::preferences::{self, NotificationPreferences};
use super::pulse::PulseEvent;
use super::tokens::Claims;
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Problems, Result, both};

pub use change::{ProfilePatch, invite, set_preferences, update, update_own};
pub(super) use change::{record as record_change, require_match};
pub use filter::{Cursor, Filter, Limit, Sort, SortBy};
pub use list::{COUNT_MAX, Page, count, counted, list};
pub use search::merge as merge_search;
pub use walk::Count;

mod change;
mod conditions;
mod few;
mod filter;
mod list;
mod load;
mod search;
mod walk;

use load::{load, load_anywhere, made};

/// A user of the directory, as seen from one account.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// User ID
    pub id: i64,
    /// User's email address
    pub email: EmailText,
    /// Full name of the user
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the user is active
    pub active: bool,
    /// ID of the team the user belongs to
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<i64>,
    /// User's phone number
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// URL to the user's profile image
    #[serde(skip_serializing_if = "Option::is_none")]
    pub img_src: Option<String>,
    /// User's notification preferences
    pub notification_preferences: NotificationPreferences,
    /// Email of the user who created this user
    pub created_by: String,
    /// Email of the user who last updated this user
    pub updated_by: String,
    /// Creation timestamp
    pub created_at: Timestamp,
    /// Last update timestamp
    pub updated_at: Timestamp,
    /// List of accounts the user has access to
    pub accounts: Vec<UserAccount>,
    /// List of user roles
    pub flat_roles_list: Vec<String>,
    /// List of user permissions
    pub flat_permissions_list: Vec<String>,
    /// Authentication token (only included in certain responses)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// `true` while they haven't accepted the invitation to this account: of them, only the email is known here
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<bool>,
    /// When they were taken out of this account; they are in its recycle bin
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
    /// May do everything in every account; shown on pages, no part of the API
    #[oai(skip)]
    #[serde(skip)]
    pub owner: bool,
}

/// An account that a user has access to.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct UserAccount {
    pub account_id: String,
    pub account_name: String,
    pub users_primary_account: bool,
    pub account_admin: bool,
}

/// A new user. The e-mail alone is enough.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NewUser {
    /// User's email address; unique on the whole server, without regard to case
    pub email: EmailText,
    /// Full name of the user
    #[oai(validator(max_length = 200))]
    pub name: Option<String>,
    /// User's phone number
    #[oai(validator(max_length = 40))]
    pub phone: Option<String>,
    /// URL to the user's profile image, http or https
    #[oai(validator(max_length = 2048))]
    pub img_src: Option<String>,
    /// Whether the user is active; `true` if left out. A user who isn't cannot sign in
    pub active: Option<bool>,
    /// User's notification preferences, keyed by event
    #[serde(default, deserialize_with = "preferences::from_object_or_null")]
    pub notification_preferences: Option<NotificationPreferences>,
    /// ID of the team they are in
    pub team_id: Option<i64>,
    /// Names of their roles; `member` if left out
    #[oai(validator(max_items = 64))]
    pub roles: Option<Vec<String>>,
    /// Names of permissions they hold apart from any role
    #[oai(validator(max_items = 64))]
    pub permissions: Option<Vec<String>>,
    /// Whether they hold every permission in the account
    pub account_admin: Option<bool>,
}

only_from_objects!(NewUser);

impl NewUser {
    /// What they are to be in the account.
    fn membership(&self) -> MembershipPatch {
        MembershipPatch {
            team_id: self.team_id.map_or(MaybeUndefined::Undefined, MaybeUndefined::Value),
            roles: self.roles.clone(),
            permissions: self.permissions.clone(),
            account_admin: self.account_admin,
        }
    }
}

/// The parsed form of a new user.
#[derive(Debug, Default)]
pub struct Member {
    pub email: Email,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub img_src: Option<String>,
    pub active: bool,
    pub owner: bool,
    /// Their first token, if they get one.
    pub invitation: Option<Invitation>,
}

impl Member {
    /// What their name is compared and sorted by.
    pub fn name_key(&self) -> String {
        fold(self.name.as_deref().unwrap_or_default())
    }
}

/// Creates a user in the actor's account and invites them: the claims are their first token. Somebody who is in another
/// account already is asked to join this one instead, and has no new token, unless there is nothing else they could come in
/// with to accept, and no other account they could be put back into.
pub fn create(w: &Write, new: NewUser) -> Result<(User, Option<Claims>)> {
    let account = w.actor.require(Permission::UsersCreate)?.clone();
    let preferences = new.notification_preferences.clone().unwrap_or_default();
    let asked = new.membership();
    let (mut member, place) = both(parse(new, &preferences, &account), Place::parse(w, &account, &asked))?;
    let known = "select id from users where email_key = ?1";
    if let Some(id) = w.maybe(known, [member.email.key()], |row| row.get(0))? {
        require_absent(w, &account, id, &member.email)?;
        memberships::invite(w, &account, id, member.email.as_str(), &place)?;
        let invitation =
            invitations::is_stranded(w, &account, id)?.then(|| invitations::create_anew(w, id)).transpose()?;
        return Ok((load(w, id, &account)?, invitation));
    }
    let invitation = Invitation::new(w.now)?;
    member.invitation = Some(invitation.clone());
    let id = w.aside(|| {
        let id = insert(w, &account, &member, &place)?;
        preferences::insert(w, id, &preferences).map(|()| id)
    })?;
    Ok((made(w, id, member, place, preferences)?, Some(invitation.claims(id))))
}

/// Whether the actor may make somebody what a new user is to be in their account.
pub fn require_may_create(r: &Read, new: &NewUser) -> Result<()> {
    let account = r.actor.require(Permission::UsersCreate)?;
    Place::require_may_give(r, account, &new.membership())
}

/// A user of the actor's account.
pub fn find(r: &Read, id: i64) -> Result<User> {
    let account = r.actor.require(Permission::UsersRead)?;
    load(r, id, account)
}

/// The id behind what somebody calls a user of the actor's account: their e-mail, or the id itself. Whether the actor may
/// see them is for what is done next.
pub fn find_id(r: &Read, person: &str) -> Result<i64> {
    if let Ok(id) = person.parse() {
        return Ok(id);
    }
    // Who is pending is known here by the e-mail that was invited.
    let sql = "select user_id from memberships where account_id = ?1 and email_key = ?2 and removed_at is null
               union all select id from users where email_key = ?2 limit 1";
    let found =
        r.maybe(sql, params![r.actor.require_account()?.as_str(), fields::email_key(person)], |row| row.get(0))?;
    let shortened = super::words::shortened(person);
    found.ok_or_else(|| Error::not_found(format!("There is no user {shortened} in this account.")))
}

/// Those of some IDs whose users the actor may see in their account.
pub fn present(r: &Read, ids: impl IntoIterator<Item = i64>) -> Result<HashSet<i64>> {
    let Ok(account) = r.actor.require(Permission::UsersRead) else { return Ok(HashSet::new()) };
    let ids: HashSet<i64> = ids.into_iter().collect();
    // A cross join, because SQLite doesn't turn that round.
    let sql = "select user_id from json_each(?2) cross join memberships
                where user_id = value and account_id = ?1 and removed_at is null";
    let ids = serde_json::to_string(&ids).map_err(Error::internal)?;
    Ok(r.all(sql, params![account.as_str(), ids], |row| row.get(0))?.into_iter().collect())
}

/// A user that the actor has just changed, which they may see whatever else they may.
pub fn find_changed(r: &Read, id: i64) -> Result<User> {
    load(r, id, r.actor.require_account()?)
}

/// The actor themself, as seen from the account of the request or else from their primary one.
pub fn me(r: &Read) -> Result<User> {
    let id = r.actor.require_user()?;
    match &r.actor.account {
        Some(account) => load_anywhere(r, id, Some(&account.id)),
        None => load_anywhere(r, id, accounts::primary(r, id)?.as_ref()),
    }
}

/// The e-mail of a user of an account, pending or not.
pub(super) fn find_email(r: &Read, account: &AccountId, id: i64) -> Result<String> {
    let no_such = || Error::invalid("subjectId", "unknown_user", format!("There is no user {id} in this account."));
    memberships::standing(r, account, id)?.map(|standing| standing.email).ok_or_else(no_such)
}

/// Stores a user with their first membership, which is their primary one, and their first token, and records it.
pub fn insert(w: &Write, account: &AccountId, member: &Member, place: &Place) -> Result<i64> {
    let (email, invitation) = (member.email.as_str(), member.invitation.as_ref());
    let by = w.actor.email.as_deref().unwrap_or(email);
    let sql = "insert into users (email, email_key, name, name_key, phone, img_src, active, owner,
                                  created_by, updated_by, created_at, updated_at,
                                  invitation_id, invitation_created_at, invitation_expires_at)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10, ?11, ?12, ?13)
               on conflict (email_key) do nothing";
    let values = params![
        email,
        member.email.key(),
        member.name,
        member.name_key(),
        member.phone,
        member.img_src,
        member.active,
        member.owner,
        by,
        w.now,
        invitation.map(|invitation| &invitation.id),
        invitation.map(|invitation| invitation.created_at),
        invitation.map(|invitation| invitation.expires_at),
    ];
    let id = w.insert(sql, values)?.ok_or_else(|| taken(email))?;
    search::take_up(w, id)?;
    memberships::insert(w, account, id, member, place)?;
    let changes = place.changes().some();
    events::record(w, PulseEvent::UserCreated, Some(account), Subject::user(id, email), changes)?;
    Ok(id)
}

/// Everything that is wrong with a new user, or the parsed values.
fn parse(new: NewUser, preferences: &NotificationPreferences, account: &AccountId) -> Result<Member> {
    let mut problems = Problems::default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let member = Member {
        email: problems.take(Email::parse("email", &new.email.0)),
        name: problems.take(fields::name("name", &text(&new.name))),
        phone: problems.take(fields::phone("phone", &text(&new.phone))),
        img_src: problems.take(fields::img_src("imgSrc", &text(&new.img_src))),
        active: new.active.unwrap_or(true),
        owner: false,
        invitation: None,
    };
    preferences::check(preferences, std::slice::from_ref(account), &mut problems);
    problems.none().map(|()| member)
}

/// Whoever is in the account already, was invited to it, or is in its recycle bin is in the way, and named.
fn require_absent(r: &Read, account: &AccountId, id: i64, email: &Email) -> Result<()> {
    let sql = "select invited_email is not null, removed_at from memberships where account_id = ?1 and user_id = ?2";
    let found: Option<(bool, Option<Timestamp>)> =
        r.maybe(sql, params![account.as_str(), id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let email = email.as_str();
    let (code, message) = match found {
        None => return Ok(()),
        Some((_, Some(at))) => (
            "in_recycle_bin",
            format!(
                "{email} was taken out of this account on {}, as user {id}. Put them back from its recycle bin.",
                at.day()
            ),
        ),
        Some((true, _)) => ("already_invited", format!("{email} was invited to this account already, as user {id}.")),
        Some((false, _)) => ("email_taken", format!("{email} is in this account already, as user {id}.")),
    };
    Err(Error::Conflict(code, message.into()))
}

fn taken(email: &str) -> Error {
    Error::Conflict("email_taken", format!("The e-mail {email} is in use on this server.").into())
}

/// Whether there is such an account.
pub(super) fn is_account(r: &Read, id: &AccountId) -> Result<bool> {
    r.value("select exists (select 1 from accounts where id = ?1 and removed_at is null)", [id.as_str()])
}

impl User {
    /// What is shown of them.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn etag(&self) -> String {
        etag(&self.to_json())
    }
}

/// A version of what is shown of a user (RFC 9110 section 8.8.3): whatever changes in it changes this.
pub fn etag(json: &str) -> String {
    let digest = Sha256::digest(json);
    let start = digest.iter().take(12).fold(0u128, |start, byte| start << 8 | u128::from(*byte));
    format!("\"{start:024x}\"")
}
