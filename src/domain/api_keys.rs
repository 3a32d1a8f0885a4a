//! API keys: tokens for programs, each for one account, with no more permissions than its maker has and often fewer.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::events::{self, Changes, Subject};
use super::fields::{self, AccountId};
use super::object::only_from_objects;
use super::pulse::PulseEvent;
use super::roles;
use super::tokens::{self, Claims, Kind, Limits};
use super::{MOST, require_room};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::error::{Error, Problem, Problems, Result};

/// An API key. Its secret is in the answer to its creation and in no other.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// API key ID
    pub id: String,
    pub name: String,
    /// Names of the permissions it is held back to; left out if it may do all that its maker may
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// ID of the user it acts as
    pub user_id: i64,
    /// Email of the user it acts as
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it was last used, to within five minutes; left out if never
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// The secret: send it as `Authorization: Bearer`. Only in the answer to its creation
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A new API key for the account of the request.
#[derive(Clone, Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NewApiKey {
    /// What it is for
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
    /// When it ends: from now to five years from now
    pub expires_at: Timestamp,
    /// Names of the permissions it is held back to; all that you have if left out
    #[oai(validator(max_items = 64))]
    pub permissions: Option<Vec<String>>,
}

only_from_objects!(NewApiKey);

/// The longest an API key lasts.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(5 * 366 * 24 * 3600);

/// Most that one person has in an account, so that nobody takes up all the room there is.
const EACH: i64 = 100;

/// Makes an API key of the actor's for the account of the request. The claims are its secret.
pub fn create(w: &Write, new: NewApiKey) -> Result<(ApiKey, Claims)> {
    let account = w.actor.require_account()?.clone();
    let user_id = w.actor.require_self()?;
    w.actor.require_proof()?;
    let mut problems = Problems::default();
    let name = problems.take(parse_name(&new.name));
    let permissions = new.permissions.as_deref().map(|names| roles::parse_permissions("permissions", names));
    let permissions = permissions.map(|parsed| problems.take(parsed));
    if new.expires_at <= w.now || new.expires_at > w.now.after(LONGEST) {
        let message = "Choose a moment between now and five years from now.";
        problems.push(Problem::new("expiresAt", "invalid_expiry", message));
    }
    problems.none()?;
    if let Some(permissions) = permissions {
        roles::require_grantable(w, permissions)?;
    }
    let there = |whose: Option<i64>| {
        let sql = "select count(*) from tokens
                    where kind = 'api_key' and account_id = ?1 and expires_at > ?2 and (?3 is null or user_id = ?3)";
        w.value(sql, params![account.as_str(), w.now, whose])
    };
    require_room(there(Some(user_id))?, EACH, "API keys of yours")?;
    require_room(there(None)?, MOST, "API keys")?;
    let limits = Limits {
        name: name.clone(),
        account: account.clone(),
        permissions: permissions.map(|set| set.iter().collect()),
    };
    let claims = tokens::issue_until(w, Kind::ApiKey, Some(user_id), new.expires_at, Some(&limits))?;
    let mut changes = Changes::default();
    changes.note("permissions", None::<()>, &new.permissions);
    changes.note("expiresAt", None::<()>, new.expires_at);
    events::record(w, PulseEvent::ApiKeyCreated, Some(&account), Subject::named(&name), changes.some())?;
    Ok((load(w, &account, &claims.id)?, claims))
}

/// The API keys of the account: the actor's own, or everybody's for an admin.
pub fn list(r: &Read) -> Result<Vec<ApiKey>> {
    let account = r.actor.require_account()?;
    let sql = format!("{SELECT} and t.expires_at > ?2 and (?3 or t.user_id = ?4) order by t.created_at desc, t.id");
    r.all(&sql, params![account.as_str(), r.now, r.actor.admin, r.actor.user_id], from_row)
}

/// An API key of the account: one of the actor's own, or anybody's for an admin.
pub fn find(r: &Read, id: &str) -> Result<ApiKey> {
    let key = load(r, r.actor.require_account()?, id)?;
    if r.actor.admin || r.actor.is(key.user_id) { Ok(key) } else { Err(no_such()) }
}

/// Revokes an API key at once.
pub fn delete(w: &Write, id: &str) -> Result<()> {
    let account = w.actor.require_account()?.clone();
    w.actor.require_self()?;
    let key = find(w, id)?;
    tokens::revoke(w, id)?;
    events::record(w, PulseEvent::ApiKeyDeleted, Some(&account), Subject::named(&key.name), None)
}

const SELECT: &str = "select t.id, t.name, t.permissions, t.user_id, u.email, t.created_at, t.expires_at, t.used_at
                        from tokens t join users u on u.id = t.user_id
                       where t.kind = 'api_key' and t.account_id = ?1";

fn from_row(row: &Row) -> RowResult<ApiKey> {
    let permissions: Option<String> = row.get(2)?;
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        permissions: permissions.and_then(|json| serde_json::from_str(&json).ok()),
        user_id: row.get(3)?,
        created_by: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        used_at: row.get(7)?,
        token: None,
    })
}

fn load(r: &Read, account: &AccountId, id: &str) -> Result<ApiKey> {
    r.maybe(&format!("{SELECT} and t.id = ?2"), params![account.as_str(), id], from_row)?.ok_or_else(no_such)
}

fn parse_name(name: &str) -> Result<String, Problem> {
    fields::name("name", name)?.ok_or_else(|| Problem::new("name", "name_missing", "Say what the key is for."))
}

fn no_such() -> Error {
    Error::not_found("There is no such API key, or it is not yours.")
}
