//! Users: the people. [`User`] is the row, the JSON and the page at once; no secret is ever in it, but for the first
//! `token` in the one answer to its creation.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::events::{self, Subject};
use super::fields::{self, AccountId, Email, EmailText, fold};
use super::object::only_from_objects;
use super::permissions::{self, MEMBER, Permission};
use super::preferences::{self, NotificationPreferences};
use super::pulse::PulseEvent;
use super::tokens::Claims;
use super::{accounts, invitations};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::error::{Error, Problems, Result};

pub use list::{COUNT_MAX, Cursor, Filter, Limit, Page, Sort, SortBy, count, list};

mod list;

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
}

only_from_objects!(NewUser);

/// The parsed form of a new user, as it is stored together with its first membership.
#[derive(Debug, Default)]
pub struct Member {
    pub email: Email,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub img_src: Option<String>,
    pub active: bool,
    pub owner: bool,
    pub account_admin: bool,
    pub role: &'static str,
}

/// Creates a user in the actor's account and invites them. The claims are their first token.
pub fn create(w: &Write, new: NewUser) -> Result<(User, Claims)> {
    let account = w.actor.require(Permission::UsersCreate)?.clone();
    let preferences = new.notification_preferences.clone().unwrap_or_default();
    let member = parse(new, &preferences, &account)?;
    let id = insert(w, &account, &member)?;
    preferences::insert(w, id, &preferences)?;
    let invitation = invitations::create(w, id)?;
    Ok((load(w, id, Some(&account))?, invitation))
}

/// A user of the actor's account.
pub fn find(r: &Read, id: i64) -> Result<User> {
    let account = r.actor.require(Permission::UsersRead)?;
    load(r, id, Some(account))
}

/// The actor themself, as seen from the account of the request or else from their primary one.
pub fn me(r: &Read) -> Result<User> {
    let id = r.actor.require_user()?;
    match &r.actor.account {
        Some(account) => load_anywhere(r, id, Some(&account.id)),
        None => load_anywhere(r, id, accounts::primary(r, id)?.as_ref()),
    }
}

/// Stores a user with their first membership, which is their primary one, and records it.
pub fn insert(w: &Write, account: &AccountId, member: &Member) -> Result<i64> {
    let email = member.email.as_str();
    let by = w.actor.email.as_deref().unwrap_or(email);
    let sql = "insert into users (email, email_key, name, name_key, phone, img_src, active, owner,
                                  created_by, updated_by, created_at, updated_at)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10)
               on conflict (email_key) do nothing returning id";
    let name_key = fold(member.name.as_deref().unwrap_or_default());
    let values = params![
        email,
        member.email.key(),
        member.name,
        name_key,
        member.phone,
        member.img_src,
        member.active,
        member.owner,
        by,
        w.now
    ];
    let id = w.maybe(sql, values, |row| row.get(0))?.ok_or_else(|| taken(w, account, &member.email))?;
    w.run(
        "insert into memberships (account_id, user_id, primary_account, account_admin, joined_at,
                                  email_key, name_key, active, created_at, updated_at)
         select ?1, id, 1, ?3, ?4, email_key, name_key, active, created_at, updated_at from users where id = ?2",
        params![account.as_str(), id, member.account_admin, w.now],
    )?;
    w.run(
        "insert into membership_roles (account_id, user_id, role) values (?1, ?2, ?3)",
        params![account.as_str(), id, member.role],
    )?;
    events::record(w, PulseEvent::UserCreated, Some(account), Subject::user(id, email), None)?;
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
        role: MEMBER,
        ..Member::default()
    };
    preferences::check(preferences, std::slice::from_ref(account), &mut problems);
    problems.none().map(|()| member)
}

/// The conflict names the user that is in the way, if the actor may see them.
fn taken(w: &Write, account: &AccountId, email: &Email) -> Error {
    let sql = "select user_id from memberships where account_id = ?1 and email_key = ?2";
    let message = match w.maybe(sql, params![account.as_str(), email.key()], |row| row.get::<_, i64>(0)) {
        Ok(Some(id)) => format!("{} is in this account already, as user {id}.", email.as_str()),
        Ok(None) => format!("The e-mail {} is in use on this server.", email.as_str()),
        Err(error) => return error,
    };
    Error::Conflict("email_taken", message.into())
}

const COLUMNS: &str = "u.id, u.email, u.name, u.active, u.owner, u.phone, u.img_src, u.created_by, u.updated_by,
                       u.created_at, u.updated_at, m.team_id, m.account_admin";

/// A user as their row tells it, before [`complete`] looks up what hangs on them.
struct Loaded {
    user: User,
    account_admin: bool,
}

fn from_row(row: &Row) -> RowResult<Loaded> {
    let user = User {
        id: row.get(0)?,
        email: EmailText(row.get(1)?),
        name: row.get(2)?,
        active: row.get(3)?,
        team_id: row.get(11)?,
        phone: row.get(5)?,
        img_src: row.get(6)?,
        notification_preferences: NotificationPreferences::new(),
        created_by: row.get(7)?,
        updated_by: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        accounts: Vec::new(),
        flat_roles_list: Vec::new(),
        flat_permissions_list: Vec::new(),
        token: None,
        owner: row.get(4)?,
    };
    Ok(Loaded { user, account_admin: row.get::<_, Option<bool>>(12)?.unwrap_or_default() })
}

/// A member of `account`.
fn load(r: &Read, id: i64, account: Option<&AccountId>) -> Result<User> {
    load_where(r, "m.user_id is not null", id, account)
}

/// A user even where they are no member, such as an owner looking at themself.
fn load_anywhere(r: &Read, id: i64, account: Option<&AccountId>) -> Result<User> {
    load_where(r, "true", id, account)
}

fn load_where(r: &Read, condition: &str, id: i64, account: Option<&AccountId>) -> Result<User> {
    let sql = format!(
        "select {COLUMNS} from users u left join memberships m on m.user_id = u.id and m.account_id = ?2
          where u.id = ?1 and {condition}"
    );
    let loaded = r.maybe(&sql, params![id, account.map(AccountId::as_str)], from_row)?;
    let not_found = || Error::not_found(format!("There is no user {id} in this account."));
    complete(r, loaded.ok_or_else(not_found)?, account)
}

/// Adds what hangs on a user: accounts, roles, permissions, preferences; each only as far as the actor may see it.
fn complete(r: &Read, loaded: Loaded, account: Option<&AccountId>) -> Result<User> {
    let Loaded { mut user, account_admin } = loaded;
    user.accounts = visible_accounts(r, &r.actor, user.id)?;
    let sql = "select role from membership_roles where account_id = ?1 and user_id = ?2 order by role";
    user.flat_roles_list = r.all(sql, params![account.map(AccountId::as_str), user.id], |row| row.get(0))?;
    let roles = user.flat_roles_list.iter().map(String::as_str);
    user.flat_permissions_list = permissions::effective(user.owner, account_admin, roles).names();
    let visible = |id: &str| user.accounts.iter().any(|account| account.account_id == id);
    user.notification_preferences = preferences::list(r, user.id, visible)?;
    Ok(user)
}

/// Those of a user's accounts that the actor may see: the ones they share, or all for an owner or the user themself.
fn visible_accounts(r: &Read, actor: &Actor, user_id: i64) -> Result<Vec<UserAccount>> {
    let sql = "select a.id, a.name, m.primary_account, m.account_admin
                 from memberships m join accounts a on a.id = m.account_id
                where m.user_id = ?1
                  and (?2 or exists (select 1 from memberships own
                                      where own.account_id = m.account_id and own.user_id = ?3))
                order by m.primary_account desc, a.id";
    r.all(sql, params![user_id, actor.owner || actor.is(user_id), actor.user_id], |row| {
        Ok(UserAccount {
            account_id: row.get(0)?,
            account_name: row.get(1)?,
            users_primary_account: row.get(2)?,
            account_admin: row.get(3)?,
        })
    })
}
