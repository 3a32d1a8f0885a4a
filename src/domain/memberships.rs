//! Memberships: what somebody is in an account, from joining to leaving, and the guards that keep an account led.

mod guard;
mod own;

use std::collections::BTreeSet;

use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::Deserialize;
use serde_json::json;

use super::events::{self, Changes, Subject};
use super::fields::AccountId;
use super::object::{not_null, only_from_objects};
use super::permissions::{self, Granted, Permission, Permissions};
use super::pulse::PulseEvent;
use super::users::{self, Member, User};
use super::{roles, teams, tokens};
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Result, both};

pub use guard::{
    Standing, guarded, is_only_here, no_such_member, not_accepted, require_home, require_may_let_in, require_only_here,
    require_over, require_over_at_home, standing,
};
pub use own::{Acceptance, Membership, accept, find_own, join, leave, list_own, make_primary};

/// What changes about somebody's place in the account. What is left out stays as it is.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default, remote = "Self")]
pub struct MembershipPatch {
    /// ID of the team they are in from now on; `null` for none
    pub team_id: MaybeUndefined<i64>,
    /// Names of all their roles
    #[oai(validator(max_items = 64))]
    #[serde(deserialize_with = "not_null")]
    pub roles: Option<Vec<String>>,
    /// Names of all the permissions they hold apart from any role
    #[oai(validator(max_items = 64))]
    #[serde(deserialize_with = "not_null")]
    pub permissions: Option<Vec<String>>,
    /// Whether they hold every permission in the account
    #[serde(deserialize_with = "not_null")]
    pub account_admin: Option<bool>,
}

only_from_objects!(MembershipPatch);

/// The account that somebody is moved to.
#[derive(Clone, Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct AccountChoice {
    /// Account ID
    pub account_id: AccountId,
}

only_from_objects!(AccountChoice);

/// The place a new member gets: checked, and not more than whoever gives it holds.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub account_admin: bool,
    pub team_id: Option<i64>,
    pub roles: BTreeSet<String>,
    /// Held apart from any role.
    pub permissions: Permissions,
    /// What the roles permit.
    pub of_roles: Permissions,
}

impl Place {
    /// That of a built-in role.
    pub fn with_role(role: &str) -> Self {
        let of_roles = permissions::built_in(role).map(|role| role.permissions()).unwrap_or_default();
        Self { roles: [role.to_owned()].into(), of_roles, ..Self::default() }
    }

    /// All that may be done in it.
    pub fn permits(&self) -> Permissions {
        if self.account_admin { Permissions::all() } else { self.of_roles.union(self.permissions) }
    }

    /// The roles, as they are stored.
    fn roles_json(&self) -> String {
        json!(self.roles).to_string()
    }

    /// The permissions apart from roles, as they are stored: if there are any.
    fn apart(&self) -> Option<Permissions> {
        Some(self.permissions).filter(|permissions| !permissions.is_empty())
    }

    /// What it gives, for the event that tells of it.
    pub fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        changes.note("accountAdmin", false, self.account_admin);
        changes.note("teamId", None::<i64>, self.team_id);
        changes.note("roles", [""; 0], &self.roles);
        changes.note("permissions", [""; 0], self.permissions.names());
        changes
    }

    /// What was asked for a new member. Without roles they are a `member`, unless that is more than the actor is.
    pub fn parse(r: &Read, account: &AccountId, asked: &MembershipPatch) -> Result<Self> {
        let mut place = Self { account_admin: asked.account_admin.unwrap_or_default(), ..Self::default() };
        let by_default =
            permissions::built_in(permissions::MEMBER).filter(|role| r.actor.permissions.includes(role.permissions()));
        let default: Vec<_> = by_default.into_iter().map(|role| role.name.to_owned()).collect();
        let names = asked.roles.as_ref().unwrap_or(&default);
        let ((roles, of_roles), direct) = parse_values(r, account, names, asked, None)?;
        if let MaybeUndefined::Value(team) = asked.team_id {
            place.team_id = Some(team);
        }
        require_may_appoint(r, place.account_admin)?;
        roles::require_grantable(r, of_roles.union(direct))?;
        (place.roles, place.permissions, place.of_roles) = (roles, direct, of_roles);
        Ok(place)
    }

    /// Whether the actor may give what was asked for once. What is no longer there gives nothing.
    pub fn require_may_give(r: &Read, account: &AccountId, asked: &MembershipPatch) -> Result<()> {
        require_may_appoint(r, asked.account_admin.unwrap_or_default())?;
        let direct = asked.permissions.as_deref().unwrap_or_default();
        let mut given = roles::parse_permissions("permissions", direct).unwrap_or(Permissions::NONE);
        for role in asked.roles.iter().flatten() {
            given = given.union(roles::permissions_of(r, account, role)?.unwrap_or(Permissions::NONE));
        }
        roles::require_grantable(r, given)
    }
}

/// Puts somebody new into an account, their primary one.
pub fn insert(w: &Write, account: &AccountId, user_id: i64, member: &Member, place: &Place) -> Result<()> {
    // One row of values: those of a `select` go into a table first, and every page they change is kept to be put back.
    let sql =
        "insert into memberships (account_id, user_id, primary_account, account_admin, team_id, roles, permissions,
                                        joined_at, email_key, name_key, active, created_at, updated_at)
               values (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?7, ?7)";
    let (admin, team, roles, permissions) = (place.account_admin, place.team_id, place.roles_json(), place.apart());
    let (email_key, name_key, active) = (member.email.key(), member.name_key(), member.active);
    let values =
        params![account.as_str(), user_id, admin, team, roles, permissions, w.now, email_key, name_key, active];
    w.run(sql, values)?;
    if admin || !active {
        note_apart(w, account, user_id)?;
    }
    note_roles(w, account, user_id, &place.roles)
}

/// Whoever invited others and has another e-mail now still vouches for them.
pub fn rename_inviter(w: &Write, before: &str, after: &str) -> Result<()> {
    let sql = "update memberships set invited_by = ?2 where invited_email is not null and invited_by = ?1";
    w.run(sql, [before, after]).map(drop)
}

/// Asks somebody of another account to join this one. Until they accept, only the e-mail is known here.
pub fn invite(w: &Write, account: &AccountId, user_id: i64, email: &str, place: &Place) -> Result<()> {
    let sql = "insert into memberships (account_id, user_id, primary_account, account_admin, team_id, roles, permissions,
                                        joined_at, invited_email, invited_by, email_key, name_key, active, created_at, updated_at)
               values (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, '', 1, ?7, ?7)";
    // The server's own shell speaks for its owner.
    let owner = "select email from users where owner = 1 and active = 1 order by id limit 1";
    let by = match &w.actor.email {
        Some(by) => by.clone(),
        None => w.maybe(owner, [], |row| row.get(0))?.unwrap_or_else(|| email.to_owned()),
    };
    let key = super::fields::email_key(email);
    let (admin, team, roles, permissions) = (place.account_admin, place.team_id, place.roles_json(), place.apart());
    w.run(sql, params![account.as_str(), user_id, admin, team, roles, permissions, w.now, email, by, key])?;
    note_apart(w, account, user_id)?;
    note_roles(w, account, user_id, &place.roles)?;
    let mut changes = place.changes();
    changes.note("pending", false, true);
    let subject = Subject::user(user_id, email);
    events::record(w, PulseEvent::UserAddedToAccount, Some(account), subject, changes.some())
}

/// Roles with all that they permit together, and permissions apart from them; or all that is wrong with what was asked for.
fn parse_values(
    r: &Read,
    account: &AccountId,
    roles: &[String],
    asked: &MembershipPatch,
    team_before: Option<i64>,
) -> Result<((BTreeSet<String>, Permissions), Permissions)> {
    let permissions = roles::parse_permissions("permissions", asked.permissions.as_deref().unwrap_or_default());
    let team = match asked.team_id {
        MaybeUndefined::Value(team) if Some(team) != team_before => teams::check(r, account, team),
        _ => Ok(()),
    };
    let held =
        both(roles::parse(r, account, "roles", roles), permissions.map_err(|problem| Error::Invalid(vec![problem])));
    Ok(both(held, team)?.0)
}

/// Changes somebody's team, roles, direct permissions, or whether they are an admin.
pub fn update(w: &mut Write, user_id: i64, patch: MembershipPatch, if_match: Option<&str>) -> Result<User> {
    let account = w.actor.require(Permission::RolesAssign)?.clone();
    let before = require_over(w, &account, user_id)?;
    users::require_match(&users::find_changed(w, user_id)?, if_match)?;
    let names = patch.roles.as_deref().unwrap_or_default();
    let (roles, direct) = parse_values(w, &account, names, &patch, before.team_id)?;
    guarded(w, user_id, |w| {
        change_place(w, &account, user_id, &before, &patch)?;
        if patch.roles.is_some() {
            change_roles(w, &account, user_id, &before, roles)?;
        }
        if patch.permissions.is_some() {
            change_permissions(w, &account, user_id, &before, direct)?;
        }
        Ok(())
    })?;
    users::find_changed(w, user_id)
}

fn change_place(
    w: &Write,
    account: &AccountId,
    user_id: i64,
    before: &Standing,
    patch: &MembershipPatch,
) -> Result<()> {
    let admin = patch.account_admin.unwrap_or(before.account_admin);
    if admin != before.account_admin {
        require_may_appoint(w, true)?;
    }
    let team_id = match patch.team_id {
        MaybeUndefined::Undefined => before.team_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(id),
    };
    let mut changes = Changes::default();
    changes.note("accountAdmin", before.account_admin, admin);
    changes.note("teamId", before.team_id, team_id);
    let Some(changes) = changes.some() else { return Ok(()) };
    w.run(
        "update memberships set account_admin = ?3, team_id = ?4 where account_id = ?1 and user_id = ?2",
        params![account.as_str(), user_id, admin, team_id],
    )?;
    let subject = Subject::user(user_id, &before.email);
    events::record(w, PulseEvent::UserAccountSettingsUpdated, Some(account), subject, Some(changes))
}

fn change_roles(
    w: &Write,
    account: &AccountId,
    user_id: i64,
    before: &Standing,
    (after, permitted): (BTreeSet<String>, Permissions),
) -> Result<()> {
    if after == before.roles {
        return Ok(());
    }
    roles::require_grantable(w, permitted)?;
    let sql = "update memberships set roles = ?3 where account_id = ?1 and user_id = ?2";
    w.run(sql, params![account.as_str(), user_id, json!(after).to_string()])?;
    for role in before.roles.difference(&after) {
        let sql = "delete from role_holders where account_id = ?1 and role = ?2 and user_id = ?3";
        w.run(sql, params![account.as_str(), role, user_id])?;
    }
    note_roles(w, account, user_id, after.difference(&before.roles))?;
    let changes = Changes::of("roles", &before.roles, &after);
    events::record(w, PulseEvent::UserRolesUpdated, Some(account), Subject::user(user_id, &before.email), changes)
}

fn change_permissions(
    w: &Write,
    account: &AccountId,
    user_id: i64,
    before: &Standing,
    after: Permissions,
) -> Result<()> {
    if after == before.direct {
        return Ok(());
    }
    roles::require_grantable(w, after)?;
    let sql = "update memberships set permissions = ?3 where account_id = ?1 and user_id = ?2";
    w.run(sql, params![account.as_str(), user_id, Some(after).filter(|after| !after.is_empty())])?;
    let changes = Changes::of("permissions", before.direct.names(), after.names());
    let subject = Subject::user(user_id, &before.email);
    events::record(w, PulseEvent::UserPermissionsSetDirectly, Some(account), subject, changes)
}

/// Takes somebody out of the account, into its recycle bin; an invitation not yet accepted is withdrawn.
pub fn delete(w: &mut Write, user_id: i64) -> Result<()> {
    let account = w.actor.require(Permission::UsersDelete)?.clone();
    let standing = require_over(w, &account, user_id)?;
    remove(w, &account, user_id, &standing)
}

fn remove(w: &mut Write, account: &AccountId, user_id: i64, standing: &Standing) -> Result<()> {
    let place = params![account.as_str(), user_id];
    if standing.pending {
        w.run("delete from memberships where account_id = ?1 and user_id = ?2", place)?;
        forget(w, account, user_id)?;
    } else {
        guarded(w, user_id, |w| {
            let sql =
                "update memberships set removed_at = ?3, primary_account = 0 where account_id = ?1 and user_id = ?2";
            w.run(sql, params![account.as_str(), user_id, w.now]).map(drop)
        })?;
        settle(w, user_id)?;
        w.run("delete from tokens where user_id = ?2 and account_id = ?1", params![account.as_str(), user_id])?;
    }
    let changes = standing.pending.then(|| Changes::of("pending", true, false)).flatten();
    let subject = Subject::user(user_id, &standing.email);
    events::record(w, PulseEvent::UserRemovedFromAccount, Some(account), subject, changes)
}

/// After somebody has left: another account becomes their primary one, or, in none, everything they hold ends.
pub fn settle(w: &Write, user_id: i64) -> Result<()> {
    let left: bool = w.value(
        "select exists (select 1 from memberships where user_id = ?1 and removed_at is null and invited_email is null)",
        [user_id],
    )?;
    if !left {
        // An owner comes in without an account, too.
        let owner: bool = w.value("select owner from users where id = ?1", [user_id])?;
        return if owner { Ok(()) } else { tokens::revoke_user(w, user_id) };
    }
    let sql = "update memberships set primary_account = 1
                where user_id = ?1
                  and account_id = (select account_id from memberships
                                     where user_id = ?1 and removed_at is null and invited_email is null
                                     order by joined_at, account_id limit 1)
                  and not exists (select 1 from memberships where user_id = ?1 and primary_account = 1)";
    w.run(sql, [user_id]).map(drop)
}

/// Every permission of somebody in the actor's account, and why they have it.
pub fn permissions(r: &Read, user_id: i64) -> Result<Vec<Granted>> {
    let account =
        if r.actor.is(user_id) { r.actor.require_account()? } else { r.actor.require(Permission::UsersRead)? };
    let standing = standing(r, account, user_id)?.filter(|standing| !standing.pending);
    let no_such = || Error::not_found(format!("There is no user {user_id} in this account."));
    Ok(standing.ok_or_else(no_such)?.sources())
}

/// How long somebody stays in the recycle bin.
pub const KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

/// Whether somebody is in the recycle bin of the actor's account.
pub fn is_removed(r: &Read, user_id: i64) -> Result<bool> {
    let account = r.actor.require(Permission::UsersDelete)?;
    Ok(guard::removed(r, account, user_id)?.is_some())
}

/// The e-mail of somebody in the recycle bin of the actor's account.
pub fn removed_email(r: &Read, user_id: i64) -> Result<String> {
    let account = r.actor.require(Permission::UsersDelete)?;
    Ok(guard::removed(r, account, user_id)?.ok_or_else(|| not_in_bin(user_id))?.email)
}

fn not_in_bin(user_id: i64) -> Error {
    Error::not_found(format!("There is no user {user_id} in the recycle bin of this account."))
}

/// Puts somebody back who was taken out of the account, with their team, roles and permissions.
pub fn restore(w: &mut Write, user_id: i64) -> Result<User> {
    let account = w.actor.require(Permission::UsersDelete)?.clone();
    let removed = guard::removed(w, &account, user_id)?.ok_or_else(|| not_in_bin(user_id))?;
    guard::require_no_more(w, &removed)?;
    put_back(w, &account, user_id)?;
    let changes = Changes::of("removed", true, false);
    let subject = Subject::user(user_id, &removed.email);
    events::record(w, PulseEvent::UserAddedToAccount, Some(&account), subject, changes)?;
    users::find_changed(w, user_id)
}

/// Takes a membership out of the recycle bin, as it was, with its user as they are now.
pub fn put_back(w: &Write, account: &AccountId, user_id: i64) -> Result<()> {
    let sql = "update memberships
                  set removed_at = null, email_key = u.email_key, name_key = u.name_key, active = u.active,
                      created_at = u.created_at, updated_at = u.updated_at
                 from users u
                where memberships.account_id = ?1 and memberships.user_id = ?2 and u.id = ?2";
    w.run(sql, params![account.as_str(), user_id])?;
    settle(w, user_id)
}

/// Moves somebody to another account, where the actor may create users too. There they begin as a `member`.
pub fn move_to(w: &mut Write, user_id: i64, to: &AccountId) -> Result<()> {
    let from = w.actor.require(Permission::UsersDelete)?.clone();
    let before = require_over(w, &from, user_id)?;
    require_home(w, &from, user_id)?;
    let me = w.actor.require_self()?;
    let there = standing(w, to, me)?.filter(|there| !there.pending);
    let may = w.actor.owner && users::is_account(w, to)?
        || there.is_some_and(|there| {
            there.permissions().includes([Permission::UsersCreate, Permission::UsersRead].into_iter().collect())
        });
    if !may || before.pending {
        return Err(super::actor::no_such_account());
    }
    let sql = "select exists (select 1 from memberships where account_id = ?1 and user_id = ?2)";
    if w.value(sql, params![to.as_str(), user_id])? {
        return Err(Error::Conflict(
            "already_in_account",
            "They are in that account already, or in its recycle bin.".into(),
        ));
    }
    guarded(w, user_id, |w| {
        w.run("delete from memberships where account_id = ?1 and user_id = ?2", params![from.as_str(), user_id])
            .map(drop)
    })?;
    w.run("delete from tokens where user_id = ?2 and account_id = ?1", params![from.as_str(), user_id])?;
    let sql = "insert into memberships (account_id, user_id, primary_account, roles, joined_at,
                                        email_key, name_key, active, created_at, updated_at)
               select ?1, id, not exists (select 1 from memberships where user_id = ?2 and primary_account = 1), ?3, ?4,
                      email_key, name_key, active, created_at, updated_at from users where id = ?2";
    let place = Place::with_role(permissions::MEMBER);
    w.run(sql, params![to.as_str(), user_id, place.roles_json(), w.now])?;
    note_apart(w, to, user_id)?;
    note_roles(w, to, user_id, &place.roles)?;
    settle(w, user_id)?;
    let subject = || Subject::user(user_id, &before.email);
    events::record(w, PulseEvent::UserRemovedFromAccount, Some(&from), subject(), None)?;
    events::record(w, PulseEvent::UserAddedToAccount, Some(to), subject(), None)
}

/// Empties the recycle bin of what has been there for longer than [`KEPT`], and withdraws invitations that have waited for as
/// long, up to `most` of each at a time; says how many, of which there are more.
pub fn purge(w: &Write, most: i64) -> Result<usize> {
    let before = Timestamp(w.now.0 - i64::try_from(KEPT.as_millis()).map_err(Error::internal)?);
    let sql = "select account_id, user_id from memberships where removed_at <= ?1 limit ?2";
    let gone: Vec<(String, i64)> = w.all(sql, params![before, most], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (account, user_id) in &gone {
        w.run("delete from memberships where account_id = ?1 and user_id = ?2", params![account, user_id])?;
        let account = super::accounts::stored(account)?;
        forget(w, &account, *user_id)?;
    }
    let sql = "select account_id, user_id, invited_email from memberships
                where invited_email is not null and joined_at <= ?1 limit ?2";
    let lapsed: Vec<(String, i64, String)> =
        w.all(sql, params![before, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for (account, user_id, email) in &lapsed {
        w.run("delete from memberships where account_id = ?1 and user_id = ?2", params![account, user_id])?;
        let account = super::accounts::stored(account)?;
        forget(w, &account, *user_id)?;
        let (subject, changes) = (Subject::user(*user_id, email), Changes::of("pending", true, false));
        events::record(w, PulseEvent::UserRemovedFromAccount, Some(&account), subject, changes)?;
    }
    Ok(gone.len().max(lapsed.len()))
}

/// Deletes a user for good who is left in no account at all, not even in its recycle bin.
pub fn forget(w: &Write, account: &AccountId, user_id: i64) -> Result<()> {
    let sql = "delete from users where id = ?1 and not owner
                  and not exists (select 1 from memberships where user_id = ?1) returning email";
    let deleted: Option<String> = w.maybe(sql, [user_id], |row| row.get(0))?;
    let Some(email) = deleted else { return Ok(()) };
    events::record(w, PulseEvent::UserDeleted, Some(account), Subject::user(user_id, &email), None)
}

/// Has a new member stand apart, if they do.
fn note_apart(w: &Write, account: &AccountId, user_id: i64) -> Result<()> {
    let sql = "insert into memberships_apart select * from standing_apart where account_id = ?1 and user_id = ?2";
    w.run(sql, params![account.as_str(), user_id]).map(drop)
}

/// Has somebody found by roles they did not hold before.
fn note_roles<'a>(
    w: &Write,
    account: &AccountId,
    user_id: i64,
    new: impl IntoIterator<Item = &'a String>,
) -> Result<()> {
    let sql = "insert into role_holders (account_id, role, user_id) values (?1, ?2, ?3)";
    new.into_iter().try_for_each(|role| w.run(sql, params![account.as_str(), role, user_id]).map(drop))
}

/// Only an admin makes an admin, or unmakes one.
fn require_may_appoint(r: &Read, appoints: bool) -> Result<()> {
    if !appoints || r.actor.admin {
        return Ok(());
    }
    Err(Error::forbidden("Only an admin of this account, or an owner, may make or unmake its admins."))
}
