//! Invitations: a new user's first token, and what they do with it.

use std::time::Duration;

use super::fields::AccountId;
use super::tokens::{self, Claims, Kind};
use super::{memberships, passwords, sessions};
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Result};

/// How long an invitation works, unless its user sets a password earlier.
pub const LIFETIME: Duration = Duration::from_secs(72 * 3600);

/// A first token from now on.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Invitation {
    pub fn new(now: Timestamp) -> Result<Self> {
        Ok(Self { id: tokens::random_id()?, created_at: now, expires_at: now.after(LIFETIME) })
    }

    /// What the token says of the user who is stored with it.
    pub fn claims(self, user_id: i64) -> Claims {
        Claims { id: self.id, user_id: Some(user_id), kind: Kind::Invitation, expires_at: self.expires_at }
    }
}

/// Issues a first token to somebody who is there already, in the place of the one they had.
pub fn create(w: &Write, user_id: i64) -> Result<Claims> {
    let new = Invitation::new(w.now)?;
    let sql =
        "update users set invitation_id = ?2, invitation_created_at = ?3, invitation_expires_at = ?4 where id = ?1";
    w.run(sql, params![user_id, new.id, new.created_at, new.expires_at])?;
    Ok(new.claims(user_id))
}

/// The same, after which all their other tokens have ended: whoever held the first one before may have made some with it.
pub fn create_anew(w: &Write, user_id: i64) -> Result<Claims> {
    tokens::revoke_user(w, user_id)?;
    create(w, user_id)
}

/// Revokes the first token of a user, if they have one.
pub fn revoke(w: &Write, user_id: i64) -> Result<()> {
    let sql = "update users set invitation_id = null, invitation_created_at = null, invitation_expires_at = null
                where id = ?1 and invitation_id is not null";
    w.run(sql, [user_id]).map(drop)
}

/// Revokes everybody's.
pub fn revoke_all(w: &Write) -> Result<()> {
    let sql = "update users set invitation_id = null, invitation_created_at = null, invitation_expires_at = null
                where invitation_id is not null";
    w.run(sql, []).map(drop)
}

/// Whether somebody has neither a password, nor a passkey, nor an account they are in: nobody's person, with nothing to
/// sign in with. Another account may still have them in its recycle bin, and then only owners let them in.
pub fn is_stranded(r: &Read, account: &AccountId, user_id: i64) -> Result<bool> {
    let sql = "select not exists (select 1 from passwords where user_id = ?1)
                  and not exists (select 1 from passkeys where user_id = ?1)
                  and not exists (select 1 from memberships where user_id = ?1 and removed_at is null and invited_email is null)
                  and not owner from users where id = ?1";
    Ok(r.value(sql, [user_id])? && (r.actor.owner || memberships::is_only_here(r, account, user_id)?))
}

/// Whom an invitation is for.
pub struct Invited {
    pub user_id: i64,
    pub email: String,
    pub name: Option<String>,
    pub account_name: String,
}

/// Looks at an invitation that still works, without using it up.
pub fn find(r: &Read, invitation: &Claims) -> Result<Invited> {
    tokens::require_fresh(invitation, r.now)?;
    let honoured = "select exists (select 1 from users where id = ?1 and invitation_id = ?2)";
    if !r.value(honoured, params![invitation.user_id, invitation.id])? {
        return Err(tokens::gone(invitation.kind));
    }
    let sql = "select u.id, u.email, u.name, a.name, u.active from users u
                 join memberships m on m.user_id = u.id and m.removed_at is null
                 join accounts a on a.id = m.account_id
                where u.id = ?1
                order by m.primary_account desc, m.joined_at desc limit 1";
    let found = r.maybe(sql, [invitation.user_id], |row| {
        let invited =
            Invited { user_id: row.get(0)?, email: row.get(1)?, name: row.get(2)?, account_name: row.get(3)? };
        Ok((invited, row.get(4)?))
    })?;
    match found {
        Some((invited, true)) => Ok(invited),
        Some((_, false)) => Err(tokens::suspended()),
        None => Err(Error::not_found("The account of this invitation is gone.")),
    }
}

/// Sets the invited person's password, ends their invitation, and signs them in.
pub fn accept(w: &mut Write, invitation: &Claims, password_hash: &str) -> Result<Claims> {
    let invited = find(w, invitation)?;
    let user_id = invited.user_id;
    // Whoever made them held their first token too: nothing of it outlives their own password.
    tokens::revoke_user(w, user_id)?;
    let session = sessions::create_by_password(w, user_id)?;
    passwords::set(w, user_id, &invited.email, password_hash)?;
    Ok(session)
}
