//! Accounts: the tenants. Everything but a user's own profile lives inside one.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::actor::{ActingIn, Actor, no_such_account};
use super::events::{self, Changes, Subject};
use super::fields::{self, AccountId};
use super::memberships;
use super::object::only_from_objects;
use super::permissions::Permission;
use super::pulse::PulseEvent;
use crate::clock::Timestamp;
use crate::db::{Read, Row, Write, params};
use crate::error::{Error, Problem, Result};

/// An account.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Account ID
    pub id: AccountId,
    pub name: String,
}

/// A new account.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NewAccount {
    /// Its ID: letters, digits, hyphens and underscores; allotted if left out
    pub id: Option<AccountId>,
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
}

only_from_objects!(NewAccount);

/// What changes about an account.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct AccountPatch {
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
}

only_from_objects!(AccountPatch);

/// Where the server starts to count when it allots ids itself; the examples in the documentation are about this one.
const FIRST_ID: i64 = 2311;

/// Creates an account; without an id the server allots the next decimal one.
pub fn create(w: &Write, id: Option<AccountId>, name: &str) -> Result<Account> {
    let name = parse_name("accountName", name).map_err(|problem| Error::Invalid(vec![problem]))?;
    let id = match id {
        Some(id) => id,
        None => next_id(w)?,
    };
    let inserted = w.run(
        "insert into accounts (id, name, created_at, updated_at) values (?1, ?2, ?3, ?3) on conflict (id) do nothing",
        params![id.as_str(), name, w.now],
    )?;
    if inserted == 0 {
        return Err(Error::Conflict("account_exists", format!("There is an account {id} already.").into()));
    }
    events::record(w, PulseEvent::AccountCreated, Some(&id), Subject::named(&name), None)?;
    Ok(Account { id, name })
}

/// Creates an account in an owner's name. The owner becomes its admin only by joining it.
pub fn create_as_owner(w: &Write, new: NewAccount) -> Result<Account> {
    w.actor.require_owner()?;
    let name = parse_name("name", &new.name).map_err(|problem| Error::Invalid(vec![problem]))?;
    create(w, new.id, &name)
}

/// The account of the request, by the id in the path.
pub fn find(r: &Read) -> Result<Account> {
    let account = r.actor.account.clone().ok_or_else(no_such_account)?;
    Ok(Account { id: account.id, name: account.name })
}

/// Renames the actor's account.
pub fn rename(w: &Write, patch: &AccountPatch) -> Result<Account> {
    let id = w.actor.require(Permission::AccountUpdate)?.clone();
    let before = find(w)?.name;
    let name = parse_name("name", &patch.name).map_err(|problem| Error::Invalid(vec![problem]))?;
    if name != before {
        w.run("update accounts set name = ?2, updated_at = ?3 where id = ?1", params![id.as_str(), name, w.now])?;
        let changes = Changes::of("name", &before, &name);
        events::record(w, PulseEvent::AccountUpdated, Some(&id), Subject::named(&name), changes)?;
    }
    Ok(Account { id, name })
}

/// Deletes the actor's account, if `confirm` is its name. Who is in no other account goes to the recycle bin, and is
/// deleted for good after [`super::memberships::KEPT`].
pub fn delete(w: &Write, confirm: &str) -> Result<()> {
    let id = w.actor.require(Permission::AccountDelete)?.clone();
    let name = find(w)?.name;
    if confirm != name {
        let message = format!("To delete this account, confirm it with its name: {name}.");
        return Err(Error::invalid("confirm", "not_confirmed", message));
    }
    let sql = "select user_id from memberships where account_id = ?1 and removed_at is null and invited_email is null";
    let members: Vec<i64> = w.all(sql, [id.as_str()], |row| row.get(0))?;
    w.run("update accounts set removed_at = ?2 where id = ?1", params![id.as_str(), w.now])?;
    let sql = "delete from memberships where account_id = ?1
                  and user_id in (select user_id from memberships_apart where account_id = ?1 and kind = 'pending')
               returning user_id";
    for invited in w.all(sql, [id.as_str()], |row| row.get(0))? {
        super::memberships::forget(w, &id, invited)?;
    }
    w.run("delete from tokens where account_id = ?1", [id.as_str()])?;
    let sql =
        "update memberships set removed_at = ?2, primary_account = 0 where account_id = ?1 and removed_at is null";
    w.run(sql, params![id.as_str(), w.now])?;
    for user_id in &members {
        super::memberships::settle(w, *user_id)?;
    }
    let changes = Changes::of("members", members.len(), 0);
    events::record(w, PulseEvent::AccountDeleted, Some(&id), Subject::named(&name), changes)
}

/// Brings a deleted account back with its teams and roles, and with the people who were in it, as far as they haven't been
/// deleted for good. Only owners may.
pub fn restore(w: &Write, id: &AccountId) -> Result<Account> {
    w.actor.require_owner()?;
    let sql = "select name, removed_at from accounts where id = ?1 and removed_at is not null";
    let found: Option<(String, Timestamp)> = w.maybe(sql, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (name, at) = found.ok_or_else(|| Error::not_found(format!("There is no deleted account {id}.")))?;
    w.run("update accounts set removed_at = null, updated_at = ?2 where id = ?1", params![id.as_str(), w.now])?;
    let sql = "select user_id from memberships where account_id = ?1 and removed_at = ?2";
    for user_id in w.all(sql, params![id.as_str(), at], |row| row.get::<_, i64>(0))? {
        memberships::put_back(w, id, user_id)?;
    }
    let changes = Changes::of("removed", true, false);
    events::record(w, PulseEvent::AccountUpdated, Some(id), Subject::named(&name), changes)?;
    Ok(Account { id: id.clone(), name })
}

/// The deleted accounts, by name. Only owners may see them.
pub fn list_removed(r: &Read) -> Result<Vec<Account>> {
    r.actor.require_owner()?;
    let sql = "select id, name from accounts where removed_at is not null order by name, id limit 1000";
    let rows = r.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.into_iter().map(|(id, name)| Ok(Account { id: stored(&id)?, name })).collect()
}

/// Where somebody lands after signing in: their primary account.
pub fn primary(r: &Read, user_id: i64) -> Result<Option<AccountId>> {
    let sql = "select account_id from memberships where user_id = ?1 and primary_account = 1";
    let id = r.maybe(sql, [user_id], |row| row.get::<_, String>(0))?;
    id.map(|id| stored(&id)).transpose()
}

/// The accounts the actor can switch to, by name: their own, or all for an owner, or the one of an API key.
pub fn list(r: &Read) -> Result<Vec<Account>> {
    let columns = |row: &Row| Ok((row.get::<_, String>(0)?, row.get(1)?));
    let rows: Vec<(String, String)> = if r.actor.owner {
        r.all("select id, name from accounts where removed_at is null order by name, id limit 1000", [], columns)?
    } else {
        let sql =
            "select a.id, a.name from memberships m join accounts a on a.id = m.account_id and a.removed_at is null
              where m.user_id = ?1 and m.removed_at is null and m.invited_email is null and (?2 is null or a.id = ?2)
              order by a.name, a.id limit 1000";
        let only = r.actor.account.as_ref().filter(|_| r.actor.held_back).map(|account| account.id.as_str());
        r.all(sql, params![r.actor.user_id, only], columns)?
    };
    rows.into_iter().map(|(id, name)| Ok(Account { id: stored(&id)?, name })).collect()
}

/// Somebody at the server's own shell, in the account they name, or else in the only one.
pub fn at_shell(r: &Read, id: Option<&AccountId>) -> Result<Actor> {
    const NAMED: usize = 20;
    let columns = |row: &Row| Ok((row.get(0)?, row.get(1)?));
    let found: Vec<(String, String)> = match id {
        Some(id) => {
            r.all("select id, name from accounts where removed_at is null and id = ?1", [id.as_str()], columns)?
        }
        None => r.all("select id, name from accounts where removed_at is null order by id limit 21", [], columns)?,
    };
    match (found.as_slice(), id) {
        ([(id, name)], _) => Ok(Actor::shell().within(ActingIn { id: stored(id)?, name: name.clone() })),
        ([], Some(id)) => Err(Error::not_found(format!("There is no account {id}."))),
        ([], None) => Err(Error::Conflict("not_set_up", "There is no account yet; `rollcall init` makes one.".into())),
        (several, _) => {
            let mut names: Vec<_> = several.iter().map(|(id, name)| format!("{id} ({name})")).collect();
            if names.len() > NAMED {
                names[NAMED] = "…".into();
            }
            let message = format!("There are several: {}. Say which you mean.", names.join(", "));
            Err(Error::invalid("--account", "account_missing", message))
        }
    }
}

/// An account's name: required, one line.
pub fn parse_name(field: &str, text: &str) -> Result<String, Problem> {
    fields::name(field, text)?.ok_or_else(|| Problem::new(field, "name_missing", "Enter a name for the account."))
}

/// An id that the database already holds.
pub fn stored(id: &str) -> Result<AccountId> {
    AccountId::parse("accountId", id).map_err(|_| Error::internal(format!("account id {id:?} is not valid")))
}

/// One after the highest number that is an ID and has a free one after it: somebody may have chosen the last there is.
fn next_id(r: &Read) -> Result<AccountId> {
    let sql = "select max(cast(id as integer)) from accounts a where id not glob '*[^0-9]*' and length(id) < 16
                  and not exists (select 1 from accounts where id = cast(cast(a.id as integer) + 1 as text))";
    let last: Option<i64> = r.value(sql, [])?;
    stored(&last.map_or(FIRST_ID, |last| last + 1).to_string())
}
