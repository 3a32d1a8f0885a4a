//! Roles: named sets of permissions. Every account has the built-in ones; its own are made here.

use std::collections::BTreeSet;

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::events::{self, Changes, Subject};
use super::fields::AccountId;
use super::object::only_from_objects;
use super::permissions::{self, BUILT_IN_ROLES, Permission, Permissions};
use super::pulse::PulseEvent;
use super::users::{self, COUNT_MAX, counted};
use super::{MOST, require_room, words};
use crate::db::{FromSql, FromSqlError, FromSqlResult, Read, ValueRef, Write, params};
use crate::error::{Error, Problem, Problems, Result};

/// A role of an account.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name, which is its ID too
    pub id: String,
    pub name: String,
    /// Whether every account has it; such a role can't be changed
    pub built_in: bool,
    /// Names of the permissions it gives, sorted
    pub permissions: Vec<String>,
    /// How many members hold it; 1000 stands for all above it too, and 100 in a list on a server of more than 20,000 people
    pub members: i64,
}

/// A new role.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NewRole {
    /// Lower-case letters, digits, hyphens and underscores
    #[oai(validator(pattern = "^[a-z0-9][a-z0-9_-]{0,39}$"))]
    pub name: String,
    /// Names of the permissions it gives, none of which you lack yourself
    #[oai(validator(max_items = 64))]
    pub permissions: Vec<String>,
}

only_from_objects!(NewRole);

/// What a role permits from now on.
#[derive(Clone, Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct RolePermissions {
    /// Names of all permissions it gives; those you lack yourself can neither be added nor taken away
    #[oai(validator(max_items = 64))]
    pub permissions: Vec<String>,
}

only_from_objects!(RolePermissions);

/// Most roles somebody holds in an account.
const MOST_HELD: usize = 64;

/// The roles somebody holds in an account, by name and sorted, as they are stored: a JSON array.
#[derive(Clone, Default)]
pub struct Held(pub Vec<String>);

impl FromSql for Held {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// Makes a role for the actor's account.
pub fn create(w: &Write, new: NewRole) -> Result<Role> {
    let account = w.actor.require(Permission::RolesManage)?.clone();
    let mut problems = Problems::default();
    let name = problems.take(parse_name(&new.name));
    let permissions = problems.take(parse_permissions("permissions", &new.permissions));
    problems.none()?;
    require_grantable(w, permissions)?;
    let taken = || Error::Conflict("role_exists", format!("There is a role {name} already.").into());
    if permissions::built_in(&name).is_some() {
        return Err(taken());
    }
    let there = w.value("select count(*) from roles where account_id = ?1", [account.as_str()])?;
    require_room(there, MOST, "roles")?;
    let sql = "insert into roles (account_id, name, created_at, updated_at) values (?1, ?2, ?3, ?3)
               on conflict (account_id, name) do nothing";
    if w.run(sql, params![account.as_str(), name, w.now])? == 0 {
        return Err(taken());
    }
    store(w, &account, &name, permissions)?;
    let changes = Changes::of("permissions", [""; 0], permissions.names());
    events::record(w, PulseEvent::RoleCreated, Some(&account), Subject::named(&name), changes)?;
    find(w, &name)
}

/// A role of the actor's account.
pub fn find(r: &Read, name: &str) -> Result<Role> {
    load(r, name, COUNT_MAX)
}

/// Every role of the actor's account: the built-in ones, then its own by name.
pub fn list(r: &Read) -> Result<Vec<Role>> {
    let counted = counted(r)?;
    names(r)?.iter().map(|name| load(r, name, counted)).collect()
}

/// A role with at most so many of those who hold it.
fn load(r: &Read, name: &str, counted: usize) -> Result<Role> {
    let account = r.actor.require(Permission::UsersRead)?;
    let permissions = permissions_of(r, account, name)?.ok_or_else(|| no_such(name))?;
    let sql = format!(
        "select count(*) from
                 (select 1 from role_holders h
                    join memberships m on m.account_id = h.account_id and m.user_id = h.user_id and m.removed_at is null
                   where h.account_id = ?1 and h.role = ?2 limit {counted})"
    );
    Ok(Role {
        id: name.to_owned(),
        name: name.to_owned(),
        built_in: permissions::built_in(name).is_some(),
        permissions: permissions.names(),
        members: r.value(&sql, params![account.as_str(), name])?,
    })
}

/// What the roles of the account are called. Nobody counts who holds them.
pub fn names(r: &Read) -> Result<Vec<String>> {
    let account = r.actor.require(Permission::UsersRead)?;
    let sql = "select name from roles where account_id = ?1 order by name";
    let own: Vec<String> = r.all(sql, [account.as_str()], |row| row.get(0))?;
    Ok(BUILT_IN_ROLES.iter().map(|role| role.name.to_owned()).chain(own).collect())
}

/// Changes what one of the account's own roles permits, for everybody who holds it. `seen` is the version the change was made of.
pub fn update(w: &Write, name: &str, new: RolePermissions, seen: Option<&str>) -> Result<Role> {
    let (account, before) = require_own(w, name)?;
    if seen.is_some_and(|seen| seen != version(before)) {
        return Err(Error::Changed("Somebody else has changed this role meanwhile.".into()));
    }
    let after = parse_permissions("permissions", &new.permissions).map_err(|problem| Error::Invalid(vec![problem]))?;
    require_grantable(w, after.without(before).union(before.without(after)))?;
    if after == before {
        return find(w, name);
    }
    store(w, &account, name, after)?;
    w.run(
        "update roles set updated_at = ?3 where account_id = ?1 and name = ?2",
        params![account.as_str(), name, w.now],
    )?;
    let changes = Changes::of("permissions", before.names(), after.names());
    events::record(w, PulseEvent::RolePermissionsUpdated, Some(&account), Subject::named(name), changes)?;
    find(w, name)
}

/// Deletes one of the account's own roles; its members hold it no more.
pub fn delete(w: &Write, name: &str) -> Result<()> {
    let (account, before) = require_own(w, name)?;
    require_grantable(w, before)?;
    let sql = "update memberships
                  set roles = (select json_group_array(value) from json_each(roles) where value <> ?2)
                where account_id = ?1
                  and user_id in (select user_id from role_holders where account_id = ?1 and role = ?2)";
    w.run(sql, params![account.as_str(), name])?;
    w.run("delete from role_holders where account_id = ?1 and role = ?2", params![account.as_str(), name])?;
    w.run("delete from roles where account_id = ?1 and name = ?2", params![account.as_str(), name])?;
    let changes = Changes::of("permissions", before.names(), [""; 0]);
    events::record(w, PulseEvent::RoleDeleted, Some(&account), Subject::named(name), changes)
}

/// What a role of an account permits; `None` if there is no such role.
pub fn permissions_of(r: &Read, account: &AccountId, name: &str) -> Result<Option<Permissions>> {
    if let Some(role) = permissions::built_in(name) {
        return Ok(Some(role.permissions()));
    }
    let sql = "select exists (select 1 from roles where account_id = ?1 and name = ?2)";
    if !r.value(sql, params![account.as_str(), name])? {
        return Ok(None);
    }
    let sql = "select permission from role_permissions where account_id = ?1 and role = ?2";
    let names: Vec<String> = r.all(sql, params![account.as_str(), name], |row| row.get(0))?;
    Ok(Some(names.iter().filter_map(|name| Permission::find(name)).collect()))
}

/// The roles of that name, each once, and all that they permit together.
pub fn parse(r: &Read, account: &AccountId, field: &str, names: &[String]) -> Result<(BTreeSet<String>, Permissions)> {
    let mut problems = Problems::default();
    if names.len() > MOST_HELD {
        return Err(Error::invalid(field, "too_many", format!("Nobody holds more than {MOST_HELD} roles.")));
    }
    let mut all = Permissions::NONE;
    for (i, name) in names.iter().enumerate() {
        match permissions_of(r, account, name)? {
            Some(permissions) => all = all.union(permissions),
            None => {
                let message = format!("There is no role {} in this account.", words::shortened(name));
                problems.push(Problem::new(format!("{field}[{i}]"), "unknown_role", message));
            }
        }
    }
    problems.none()?;
    Ok((names.iter().cloned().collect(), all))
}

/// Permissions by their names.
pub fn parse_permissions(field: &str, names: &[String]) -> Result<Permissions, Problem> {
    let mut all = Vec::new();
    for (i, name) in names.iter().enumerate() {
        all.push(Permission::find(name).ok_or_else(|| {
            let message = format!(
                "There is no permission {}; the list of permissions has all there are.",
                words::shortened(name)
            );
            Problem::new(format!("{field}[{i}]"), "unknown_permission", message)
        })?);
    }
    Ok(all.into_iter().collect())
}

/// Nobody gives, or takes away, what they don't hold themselves.
pub fn require_grantable(r: &Read, permissions: Permissions) -> Result<()> {
    let lacking = permissions.without(r.actor.permissions);
    if lacking.is_empty() {
        return Ok(());
    }
    let names = lacking.names().join("`, `");
    Err(Error::forbidden(format!("You can't give or take away what you don't hold yourself: `{names}`.")))
}

impl Role {
    /// Changes with what it permits.
    pub fn version(&self) -> String {
        version(self.permissions.iter().filter_map(|name| Permission::find(name)).collect())
    }
}

fn version(permissions: Permissions) -> String {
    users::etag(&permissions.names().join(" "))
}

fn require_own(w: &Write, name: &str) -> Result<(AccountId, Permissions)> {
    let account = w.actor.require(Permission::RolesManage)?.clone();
    if permissions::built_in(name).is_some() {
        let message = format!("The role {name} is built in: every account has it as it is. Make one of your own.");
        return Err(Error::Conflict("role_built_in", message.into()));
    }
    let before = permissions_of(w, &account, name)?.ok_or_else(|| no_such(name))?;
    Ok((account, before))
}

fn store(w: &Write, account: &AccountId, name: &str, permissions: Permissions) -> Result<()> {
    w.run("delete from role_permissions where account_id = ?1 and role = ?2", params![account.as_str(), name])?;
    for permission in permissions.iter() {
        w.run(
            "insert into role_permissions (account_id, role, permission) values (?1, ?2, ?3)",
            params![account.as_str(), name, permission.name()],
        )?;
    }
    Ok(())
}

fn parse_name(name: &str) -> Result<String, Problem> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if starts && name.len() <= 40 && name.bytes().all(allowed) {
        return Ok(name.to_owned());
    }
    let message = "A role's name has 1 to 40 lower-case letters, digits, hyphens or underscores, like lead-reader.";
    Err(Problem::new("name", "invalid_role_name", message))
}

fn no_such(name: &str) -> Error {
    Error::not_found(format!("There is no role {} in this account.", words::shortened(name)))
}
