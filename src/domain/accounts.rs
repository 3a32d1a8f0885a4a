//! Accounts: the tenants. Everything but a user's own profile lives inside one.

use super::events;
use super::fields::{self, AccountId};
use super::pulse::PulseEvent;
use crate::db::{Read, Write, params};
use crate::error::{Error, Problem, Result};

/// An account as the account switcher shows it.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
}

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
    events::record(w, PulseEvent::AccountCreated, Some(&id), events::Subject::named(&name), None)?;
    Ok(Account { id, name })
}

/// Where somebody lands after signing in: their primary account.
pub fn primary(r: &Read, user_id: i64) -> Result<Option<AccountId>> {
    let sql = "select account_id from memberships where user_id = ?1 and primary_account = 1";
    let id = r.maybe(sql, [user_id], |row| row.get::<_, String>(0))?;
    id.map(|id| stored(&id)).transpose()
}

/// The accounts the actor can switch to, by name: their own, or all for an owner.
pub fn list(r: &Read) -> Result<Vec<Account>> {
    let sql = "select id, name from accounts
                where ?1 or id in (select account_id from memberships where user_id = ?2)
                order by name, id limit 1000";
    let rows =
        r.all(sql, params![r.actor.owner, r.actor.user_id], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.into_iter().map(|(id, name)| Ok(Account { id: stored(&id)?, name })).collect()
}

/// An account's name: required, one line.
pub fn parse_name(field: &str, text: &str) -> Result<String, Problem> {
    fields::name(field, text)?.ok_or_else(|| Problem::new(field, "name_missing", "Enter a name for the account."))
}

/// An id that the database already holds.
pub fn stored(id: &str) -> Result<AccountId> {
    AccountId::parse("accountId", id).map_err(|_| Error::internal(format!("account id {id:?} is not valid")))
}

fn next_id(r: &Read) -> Result<AccountId> {
    let sql = "select max(cast(id as integer)) from accounts where id not glob '*[^0-9]*' and length(id) < 16";
    let last: Option<i64> = r.value(sql, [])?;
    stored(&last.map_or(FIRST_ID, |last| last + 1).to_string())
}
