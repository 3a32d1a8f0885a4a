//! One's own memberships: accepting or declining an invitation, choosing the primary one, leaving.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::{guarded, remove, settle, standing};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::domain::events::{self, Changes, Subject};
use crate::domain::fields::AccountId;
use crate::domain::object::only_from_objects;
use crate::domain::pulse::PulseEvent;
use crate::error::{Error, Result};

/// One of one's own memberships.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    pub account_id: String,
    pub account_name: String,
    pub users_primary_account: bool,
    pub account_admin: bool,
    /// Whether it waits for you to accept it
    pub pending: bool,
    /// Email of who invited you, while it is pending
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<String>,
    /// When you joined, or were invited
    pub joined_at: Timestamp,
}

/// How somebody joins an account.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default, remote = "Self")]
pub struct Acceptance {
    /// `true` makes it their primary account; otherwise that stays as it is
    pub users_primary_account: Option<bool>,
}

only_from_objects!(Acceptance);

const SELECT: &str =
    "select a.id, a.name, m.primary_account, m.account_admin, m.invited_email is not null, m.invited_by,
                             m.joined_at
                        from memberships m join accounts a on a.id = m.account_id
                       where m.user_id = ?1 and m.removed_at is null";

/// Every account one is in or was invited to, the primary one first.
pub fn list_own(r: &Read) -> Result<Vec<Membership>> {
    let sql = format!("{SELECT} order by m.primary_account desc, a.name, a.id");
    r.all(&sql, [r.actor.require_own_token()?], from_row)
}

/// Accepts an invitation to an account and, if that is wanted, makes it one's primary one.
pub fn join(w: &Write, account: &AccountId, how: &Acceptance) -> Result<Membership> {
    let accepted = accept(w, account)?;
    if how.users_primary_account == Some(true) { make_primary(w, account) } else { Ok(accepted) }
}

/// Accepts an invitation to an account. Accepting what is accepted changes nothing.
pub fn accept(w: &Write, account: &AccountId) -> Result<Membership> {
    let user_id = w.actor.require_self()?;
    let membership = find(w, user_id, account)?;
    if !membership.pending {
        return Ok(membership);
    }
    require_still_given(w, user_id, account, &membership)?;
    let sql = "update memberships
                  set invited_email = null, invited_by = null, joined_at = ?3, email_key = u.email_key, name_key = u.name_key,
                      active = u.active, created_at = u.created_at, updated_at = u.updated_at
                 from users u
                where memberships.account_id = ?1 and memberships.user_id = ?2 and u.id = ?2";
    w.run(sql, params![account.as_str(), user_id, w.now])?;
    settle(w, user_id)?;
    let email = w.actor.email.as_deref().unwrap_or_default();
    let changes = Changes::of("pending", true, false);
    events::record(w, PulseEvent::UserAddedToAccount, Some(account), Subject::user(user_id, email), changes)?;
    find(w, user_id, account)
}

/// An invitation gives no more than who sent it could give now.
fn require_still_given(r: &Read, user_id: i64, account: &AccountId, membership: &Membership) -> Result<()> {
    let by = membership.invited_by.as_deref().unwrap_or_default();
    let sql = "select id, owner from users where email_key = ?1 and active = 1";
    let inviter: Option<(i64, bool)> =
        r.maybe(sql, [crate::domain::fields::email_key(by)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let given = standing(r, account, user_id)?.ok_or_else(not_in)?;
    let holds = match inviter {
        Some((_, true)) => true,
        Some((id, false)) => standing(r, account, id)?.filter(|by| !by.pending).is_some_and(|by| {
            by.account_admin || !given.account_admin && by.permissions().includes(given.permissions_here())
        }),
        None => false,
    };
    if holds {
        return Ok(());
    }
    let message = "Who invited you may not give you this any more. Ask for a new invitation.";
    Err(Error::Conflict("invitation_outdated", message.into()))
}

/// Makes an account one's primary one.
pub fn make_primary(w: &Write, account: &AccountId) -> Result<Membership> {
    let user_id = w.actor.require_self()?;
    let membership = find(w, user_id, account)?;
    if membership.pending {
        return Err(Error::Conflict("pending", "Accept the invitation to this account first.".into()));
    }
    if membership.users_primary_account {
        return Ok(membership);
    }
    w.run("update memberships set primary_account = 0 where user_id = ?1 and primary_account = 1", [user_id])?;
    let sql = "update memberships set primary_account = 1 where account_id = ?1 and user_id = ?2";
    w.run(sql, params![account.as_str(), user_id])?;
    let email = w.actor.email.as_deref().unwrap_or_default();
    let changes = Changes::of("usersPrimaryAccount", false, true);
    let subject = Subject::user(user_id, email);
    events::record(w, PulseEvent::UserAccountSettingsUpdated, Some(account), subject, changes)?;
    find(w, user_id, account)
}

/// Leaves an account, or declines an invitation to it.
pub fn leave(w: &mut Write, account: &AccountId) -> Result<()> {
    let user_id = w.actor.require_self()?;
    let standing = standing(w, account, user_id)?.ok_or_else(not_in)?;
    guarded(w, user_id, |w| remove(w, account, user_id, &standing))?;
    // Who is elsewhere and left of their own will isn't put back without being asked.
    let sql = "delete from memberships where account_id = ?1 and user_id = ?2
                  and exists (select 1 from memberships where user_id = ?2 and primary_account = 1)";
    w.run(sql, params![account.as_str(), user_id]).map(drop)
}

/// What the actor is in an account, or was invited to be.
pub fn find_own(r: &Read, account: &AccountId) -> Result<Membership> {
    find(r, r.actor.require_self()?, account)
}

fn find(r: &Read, user_id: i64, account: &AccountId) -> Result<Membership> {
    let sql = format!("{SELECT} and a.id = ?2");
    r.maybe(&sql, params![user_id, account.as_str()], from_row)?.ok_or_else(not_in)
}

fn not_in() -> Error {
    Error::not_found("You are neither in this account nor invited to it.")
}

fn from_row(row: &Row) -> RowResult<Membership> {
    Ok(Membership {
        account_id: row.get(0)?,
        account_name: row.get(1)?,
        users_primary_account: row.get(2)?,
        account_admin: row.get(3)?,
        pending: row.get(4)?,
        invited_by: row.get(5)?,
        joined_at: row.get(6)?,
    })
}
