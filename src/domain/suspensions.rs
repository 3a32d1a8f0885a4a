//! Suspensions: somebody who is listed, but may not come in anywhere; and who owns the server.

use super::events::Changes;
use super::memberships::{forget, guarded, not_accepted, require_over_at_home};
use super::permissions::Permission;
use super::users::{self, User};
use super::{accounts, tokens};
use crate::db::{Write, params};
use crate::error::{Error, Result};

/// Suspends a user: ends every session and token of theirs at once.
pub fn create(w: &mut Write, user_id: i64) -> Result<User> {
    set_active(w, user_id, false)
}

/// Makes a user active again.
pub fn delete(w: &mut Write, user_id: i64) -> Result<User> {
    set_active(w, user_id, true)
}

fn set_active(w: &mut Write, user_id: i64, active: bool) -> Result<User> {
    let (_, standing) = require_over_at_home(w, Permission::UsersSuspend, user_id, not_accepted)?;
    if !active && w.actor.is(user_id) {
        return Err(Error::Conflict("yourself", "You can't suspend yourself.".into()));
    }
    let before: bool = w.value("select active from users where id = ?1", [user_id])?;
    if before == active {
        return users::find_changed(w, user_id);
    }
    guarded(w, user_id, |w| w.run("update users set active = ?2 where id = ?1", params![user_id, active]))?;
    if !active {
        tokens::revoke_user(w, user_id)?;
    }
    users::record_change(w, user_id, &standing.email, Changes::of("active", before, active))?;
    users::find_changed(w, user_id)
}

/// Makes a user an owner, or one no more. Only owners may.
pub fn set_owner(w: &mut Write, user_id: i64, owner: bool) -> Result<()> {
    w.actor.require_owner()?;
    w.actor.require_proof()?;
    let sql = "select email, owner from users where id = ?1";
    let found: Option<(String, bool)> = w.maybe(sql, [user_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (email, before) = found.ok_or_else(|| Error::not_found(format!("There is no user {user_id}.")))?;
    if owner && accounts::primary(w, user_id)?.is_none() {
        return Err(Error::Conflict("in_no_account", "They are in no account.".into()));
    }
    if before == owner {
        return Ok(());
    }
    guarded(w, user_id, |w| w.run("update users set owner = ?2 where id = ?1", params![user_id, owner]))?;
    users::record_change(w, user_id, &email, Changes::of("owner", before, owner))?;
    // Only owning the server kept somebody who is in no account at all.
    match w.actor.account.clone() {
        Some(account) => forget(w, &account.id, user_id),
        None => Ok(()),
    }
}
