//! Users: the people. [`User`] is the row, the JSON and the page at once; no secret is ever in it, but for the first
//! `token` in the one answer to its creation.

use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::events::{self, Subject};
use super::fields::{self, AccountId, Email, EmailText, fold};
use super::memberships::{self, MembershipPatch, Place};
use super::object::only_from_objects;
use super::permissions::{Permission, Permissions};
use super::preferences::{self, NotificationPreferences};
use super::pulse::PulseEvent;
use super::tokens::Claims;
use super::{accounts, invitations, roles};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::error::{Error, Problems, Result};

pub use change::{ProfilePatch, invite, set_preferences, update, update_own};
pub(super) use change::{record as record_change, require_match};
pub use list::{COUNT_MAX, Cursor, Filter, Limit, Page, Sort, SortBy, count, list};

mod change;
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
    #[oai(validator(unique_items, max_items = 64))]
    pub roles: Option<Vec<String>>,
    /// Names of permissions they hold apart from any role
    #[oai(validator(unique_items, max_items = 64))]
    pub permissions: Option<Vec<String>>,
    /// Whether they hold every permission in the account
    pub account_admin: Option<bool>,
}

only_from_objects!(NewUser);

/// The parsed form of a new user.
#[derive(Debug, Default)]
pub struct Member {
    pub email: Email,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub img_src: Option<String>,
    pub active: bool,
    pub owner: bool,
}

/// Creates a user in the actor's account and invites them: the claims are their first token. Somebody who is in another
/// account already is asked to join this one instead, and has no new token.
pub fn create(w: &Write, new: NewUser) -> Result<(User, Option<Claims>)> {
    let account = w.actor.require(Permission::UsersCreate)?.clone();
    let preferences = new.notification_preferences.clone().unwrap_or_default();
    let asked = MembershipPatch {
        team_id: new.team_id.map_or(MaybeUndefined::Undefined, MaybeUndefined::Value),
        roles: new.roles.clone(),
        permissions: new.permissions.clone(),
        account_admin: new.account_admin,
    };
    let member = parse(new, &preferences, &account)?;
    let place = Place::parse(w, &account, &asked)?;
    let known = "select id from users where email_key = ?1";
    if let Some(id) = w.maybe(known, [member.email.key()], |row| row.get(0))? {
        require_absent(w, &account, id, &member.email)?;
        memberships::invite(w, &account, id, member.email.as_str(), &place)?;
        // Who never came to a password, and is nowhere any more, could not sign in to accept.
        let invitation = invitations::is_stranded(w, id)?.then(|| invitations::create(w, id)).transpose()?;
        return Ok((load(w, id, &account)?, invitation));
    }
    let id = insert(w, &account, &member, &place)?;
    preferences::insert(w, id, &preferences)?;
    let invitation = invitations::create(w, id)?;
    Ok((load(w, id, &account)?, Some(invitation)))
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

/// Stores a user with their first membership, which is their primary one, and records it.
pub fn insert(w: &Write, account: &AccountId, member: &Member, place: &Place) -> Result<i64> {
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
    let id = w.maybe(sql, values, |row| row.get(0))?.ok_or_else(|| taken(email))?;
    memberships::insert(w, account, id, place)?;
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
                "{email} was taken out of this account on {}, as user {id}. Restore them: DELETE /users/{id}/removal.",
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

const COLUMNS: &str = "u.id, coalesce(m.invited_email, u.email), u.name, u.active, u.owner, u.phone, u.img_src,
                       u.created_by, u.updated_by, u.created_at, u.updated_at, m.team_id, m.account_admin,
                       m.invited_by, m.joined_at, m.removed_at, m.email_key,
                       exists (select 1 from memberships o
                                where o.user_id = u.id and o.removed_at is null and o.invited_email is null)";
/// How many columns those are.
const WIDTH: usize = 18;

/// A user as their row tells it, before [`complete`] looks up what hangs on them.
struct Loaded {
    user: User,
    account_admin: bool,
    /// Whether they were new when they joined this account.
    made_here: bool,
}

fn from_row(row: &Row) -> RowResult<Loaded> {
    let mut user = User {
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
        pending: None,
        removed_at: row.get(15)?,
        owner: row.get(4)?,
    };
    let made_here = row.get::<_, Option<Timestamp>>(14)? == Some(user.created_at);
    if let Some(by) = row.get::<_, Option<String>>(13)? {
        user.become_pending(by, row.get(14)?);
    }
    if user.removed_at.is_some() && row.get(17)? {
        user.become_bygone(row.get(16)?);
    }
    Ok(Loaded { user, account_admin: row.get::<_, Option<bool>>(12)?.unwrap_or_default(), made_here })
}

impl User {
    /// Leaves of them what an account knows that only invited them.
    fn become_pending(&mut self, by: String, at: Timestamp) {
        (self.name, self.phone, self.img_src) = (None, None, None);
        (self.active, self.owner, self.pending) = (true, false, Some(true));
        (self.created_by, self.created_at) = (by.clone(), at);
        (self.updated_by, self.updated_at) = (by, at);
    }

    /// Leaves of them what an account knew when they left it, who live on in others: an e-mail.
    fn become_bygone(&mut self, email: String) {
        self.email = EmailText(email);
        (self.name, self.phone, self.img_src) = (None, None, None);
        (self.updated_by, self.updated_at) = (self.created_by.clone(), self.created_at);
    }

    /// A version of what is shown of them (RFC 9110 section 8.8.3): whatever changes in it changes this.
    pub fn etag(&self) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(serde_json::to_vec(self).unwrap_or_default());
        let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{hex}\"")
    }
}

/// A member of `account`, pending or not.
fn load(r: &Read, id: i64, account: &AccountId) -> Result<User> {
    let sql = format!(
        "select {COLUMNS} from users u
           join memberships m on m.user_id = u.id and m.account_id = ?2 and m.removed_at is null
          where u.id = ?1"
    );
    let not_found = || Error::not_found(format!("There is no user {id} in this account."));
    let loaded = r.maybe(&sql, params![id, account.as_str()], from_row)?.ok_or_else(not_found)?;
    complete(r, loaded, Some(account))
}

/// A user even where they are no member, such as an owner looking at themself.
fn load_anywhere(r: &Read, id: i64, account: Option<&AccountId>) -> Result<User> {
    let sql = format!(
        "select {COLUMNS} from users u
           left join memberships m on m.user_id = u.id and m.account_id = ?2
                                  and m.removed_at is null and m.invited_email is null
          where u.id = ?1"
    );
    let loaded = r.maybe(&sql, params![id, account.map(AccountId::as_str)], from_row)?;
    complete(r, loaded.ok_or_else(|| Error::internal("an actor who is nobody"))?, account)
}

/// Adds what hangs on a user: accounts, roles, permissions, preferences; each only as far as the actor may see it.
fn complete(r: &Read, loaded: Loaded, account: Option<&AccountId>) -> Result<User> {
    let Loaded { mut user, account_admin, made_here } = loaded;
    let pending = user.pending.is_some();
    if let Some(account) = account.filter(|_| !pending && !r.actor.owner && !r.actor.is(user.id)) {
        veil(r, &mut user, account, made_here)?;
    }
    let here = account.filter(|_| pending || user.removed_at.is_some());
    user.accounts = visible_accounts(r, &r.actor, user.id, here)?;
    let place = params![account.map(AccountId::as_str), user.id];
    let sql = "select role from membership_roles where account_id = ?1 and user_id = ?2 order by role";
    user.flat_roles_list = r.all(sql, place, |row| row.get(0))?;
    if pending {
        return Ok(user);
    }
    let admin = user.owner || account_admin;
    let mut permissions = if admin { Permissions::all() } else { Permissions::NONE };
    for role in account.iter().flat_map(|account| user.flat_roles_list.iter().map(move |role| (account, role))) {
        permissions = permissions.union(roles::permissions_of(r, role.0, role.1)?.unwrap_or_default());
    }
    let sql = "select permission from membership_permissions where account_id = ?1 and user_id = ?2";
    let direct: Vec<String> = r.all(sql, place, |row| row.get(0))?;
    permissions = permissions.union(direct.iter().filter_map(|name| Permission::find(name)).collect());
    user.flat_permissions_list = permissions.names();
    let visible = |id: &str| user.accounts.iter().any(|account| account.account_id == id);
    user.notification_preferences = preferences::list(r, user.id, visible)?;
    Ok(user)
}

/// Who made or changed somebody in another account is a stranger to this one: the person's own e-mail stands for theirs.
/// Of who has gone for good nobody knows where they were, so they are named where the person was made.
fn veil(r: &Read, user: &mut User, account: &AccountId, made_here: bool) -> Result<()> {
    let sql = "select exists (select 1 from users by where by.email_key = ?2
                                 and (by.owner or exists (select 1 from memberships
                                                           where account_id = ?1 and user_id = by.id)))
                   or ?3 and not exists (select 1 from users where email_key = ?2)";
    for by in [&mut user.created_by, &mut user.updated_by] {
        let key = fields::email_key(by);
        if key != fields::email_key(&user.email.0) && !r.value(sql, params![account.as_str(), key, made_here])? {
            by.clone_from(&user.email.0);
        }
    }
    Ok(())
}

/// Those of a user's accounts that the actor may see: the ones where they see people themself, or all for an owner or the
/// user themself. Of who is pending or removed, only the account they are so in.
fn visible_accounts(r: &Read, actor: &Actor, user_id: i64, only: Option<&AccountId>) -> Result<Vec<UserAccount>> {
    let sql = "select a.id, a.name, m.primary_account, m.account_admin
                 from memberships m join accounts a on a.id = m.account_id and a.removed_at is null
                where m.user_id = ?1
                  and iif(?4 is null, m.removed_at is null and m.invited_email is null, m.account_id = ?4)
                  and (?2 or exists (select 1 from memberships own
                                      where own.account_id = m.account_id and own.user_id = ?3
                                        and own.removed_at is null and own.invited_email is null)
                          or m.account_id = ?5)
                order by m.primary_account desc, a.id";
    let everywhere = actor.owner || actor.is(user_id) && !actor.held_back;
    let here = actor.account.as_ref().map(|account| account.id.as_str());
    let sharing = actor.user_id.filter(|_| !actor.held_back);
    let values = params![user_id, everywhere, sharing, only.map(AccountId::as_str), here];
    let mut accounts = r.all(sql, values, |row| {
        Ok(UserAccount {
            account_id: row.get(0)?,
            account_name: row.get(1)?,
            users_primary_account: row.get(2)?,
            account_admin: row.get(3)?,
        })
    })?;
    if !everywhere {
        let mut seen = Vec::new();
        for account in accounts {
            if Some(account.account_id.as_str()) == here || sees_people(r, actor, &account.account_id)? {
                seen.push(account);
            }
        }
        accounts = seen;
    }
    Ok(accounts)
}

/// Whether the actor sees the people of another account they are in.
fn sees_people(r: &Read, actor: &Actor, account: &str) -> Result<bool> {
    let standing = memberships::standing(r, &accounts::stored(account)?, actor.require_user()?)?;
    Ok(standing.is_some_and(|standing| !standing.pending && standing.permissions().contains(Permission::UsersRead)))
}
