//! Tokens: every secret handed out is an encrypted PASETO that names a row here, or is one of [`invitations`]. Deleting the
//! row revokes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::actor::Trace;
use super::fields::AccountId;
use super::invitations;
use super::permissions::Permission;
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Result};

pub use identify::{Identified, identify};

mod identify;

/// What a token is for. One kind is never accepted in another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A browser's cookie.
    Session,
    /// A bearer token for programs.
    ApiKey,
    /// A new user's first token: bearer, and link to the welcome page.
    Invitation,
    /// Signs somebody in once.
    SignInLink,
    /// Makes the first owner.
    SetUpLink,
    /// Sets a new password, once.
    PasswordReset,
    /// Registers a passkey, once.
    PasskeyLink,
}

impl Claims {
    /// These claims, if the token is of the kind that belongs here.
    pub fn of_kind(self, kind: Kind) -> Result<Self> {
        if self.kind == kind {
            return Ok(self);
        }
        Err(Error::Unauthenticated(
            "token_invalid",
            "This link is for something else. Check that it was copied whole.".into(),
        ))
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiKey => "api_key",
            Self::Invitation => "invitation",
            Self::SignInLink => "sign_in_link",
            Self::SetUpLink => "set_up_link",
            Self::PasswordReset => "password_reset",
            Self::PasskeyLink => "passkey_link",
        }
    }

    /// What to call it when it isn't honoured any more.
    fn noun(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiKey | Self::Invitation => "token",
            Self::SignInLink | Self::SetUpLink | Self::PasswordReset | Self::PasskeyLink => "link",
        }
    }
}

/// What a token says, once its seal was checked. Serialized, it is the PASETO's payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    #[serde(rename = "jti")]
    pub id: String,
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    pub kind: Kind,
    #[serde(rename = "exp")]
    pub expires_at: Timestamp,
}

/// How a request says who it is from. Its seal is checked; whether it is still honoured is for [`identify()`].
#[derive(Clone, Debug, Default)]
pub struct Caller {
    pub claims: Option<Claims>,
    pub account: Option<AccountId>,
    pub trace: Trace,
    /// The session this browser has, where it asks to be signed in anew.
    pub former: Option<Claims>,
    /// Whether they come to set the password or the passkey that they are asked for, which is all they may do until then.
    pub to_complete: bool,
}

/// What holds an API key back.
#[derive(Clone, Debug)]
pub struct Limits {
    pub name: String,
    pub account: AccountId,
    /// What it may do, of what its user may do; everything if `None`.
    pub permissions: Option<Vec<Permission>>,
}

/// Issues a token. The caller seals the claims; the row makes them worth something.
pub fn issue(w: &Write, kind: Kind, user_id: Option<i64>, ttl: Duration) -> Result<Claims> {
    issue_until(w, kind, user_id, w.now.after(ttl), None)
}

/// Issues a token that is held back, until a given moment.
pub fn issue_until(
    w: &Write,
    kind: Kind,
    user_id: Option<i64>,
    expires_at: Timestamp,
    limits: Option<&Limits>,
) -> Result<Claims> {
    let claims = Claims { id: ordered_id(w.now)?, user_id, kind, expires_at };
    let permissions = limits.and_then(|limits| limits.permissions.as_ref());
    let permissions: Option<Vec<_>> = permissions.map(|list| list.iter().map(|p| p.name()).collect());
    let trace = Some(&w.actor.trace).filter(|_| kind == Kind::Session);
    w.run(
        "insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, address, device)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            claims.id,
            kind.name(),
            user_id,
            w.now,
            claims.expires_at,
            limits.map(|limits| limits.account.as_str()),
            limits.map(|limits| &limits.name),
            permissions.map(|list| serde_json::to_string(&list)).transpose().map_err(Error::internal)?,
            trace.and_then(|trace| trace.address.as_ref()),
            trace.and_then(|trace| trace.device.as_ref()),
        ],
    )?;
    Ok(claims)
}

/// Whether a token is still honoured, without using it up.
pub fn require(r: &Read, claims: &Claims) -> Result<()> {
    require_fresh(claims, r.now)?;
    match r
        .value("select exists (select 1 from tokens where id = ?1 and kind = ?2)", [&claims.id, claims.kind.name()])?
    {
        true => Ok(()),
        false => Err(gone(claims.kind)),
    }
}

/// Takes a single-use token: the first to call gets through, whoever is second gets 401.
pub fn redeem(w: &Write, claims: &Claims) -> Result<()> {
    require_fresh(claims, w.now)?;
    match w.run("delete from tokens where id = ?1 and kind = ?2", [&claims.id, claims.kind.name()])? {
        0 => Err(gone(claims.kind)),
        _ => Ok(()),
    }
}

/// Revokes one token.
pub fn revoke(w: &Write, id: &str) -> Result<()> {
    w.run("delete from tokens where id = ?1", [id])?;
    Ok(())
}

/// Ends a session, if it is one.
pub fn revoke_session(w: &Write, id: &str) -> Result<()> {
    w.run("delete from tokens where id = ?1 and kind = 'session'", [id])?;
    Ok(())
}

/// Revokes every token of one kind that a user holds.
pub fn revoke_all(w: &Write, kind: Kind, user_id: Option<i64>) -> Result<()> {
    w.run("delete from tokens where kind = ?1 and user_id is ?2", params![kind.name(), user_id])?;
    Ok(())
}

/// Revokes all that lets a user in as themself, but for one token: sessions, and links that would start one. API keys are
/// credentials of their own and stay.
pub fn revoke_sign_ins(w: &Write, user_id: i64, keep: Option<&str>) -> Result<()> {
    let sql = "delete from tokens where user_id = ?1 and kind <> 'api_key' and id is not ?2";
    w.run(sql, params![user_id, keep])?;
    invitations::revoke(w, user_id)
}

/// Revokes everything a user holds: sessions, keys, links.
pub fn revoke_user(w: &Write, user_id: i64) -> Result<()> {
    w.run("delete from tokens where user_id = ?1", [user_id])?;
    invitations::revoke(w, user_id)
}

/// Notes that a token was used, and so was the session that it hangs on.
pub fn touch(w: &Write, id: &str) -> Result<()> {
    let sql = "update tokens set used_at = ?2 where id in (?1, (select parent_id from tokens where id = ?1))";
    w.run(sql, params![id, w.now])?;
    Ok(())
}

/// Removes up to `most` tokens that have expired; says how many.
pub fn purge(w: &Write, most: i64) -> Result<usize> {
    let sql = "delete from tokens where id in (select id from tokens where expires_at <= ?1 limit ?2)";
    w.run(sql, params![w.now, most])
}

/// Whether somebody who proved who they are may come in: in the recycle bin nobody may, but for an owner.
pub fn require_at_home(r: &Read, user_id: i64) -> Result<()> {
    let sql = "select owner or exists (select 1 from memberships where user_id = ?1 and removed_at is null)
                 from users where id = ?1";
    if r.value(sql, [user_id])? { Ok(()) } else { Err(homeless()) }
}

fn homeless() -> Error {
    Error::Unauthenticated(
        "no_account",
        "You are in no account of this server any more. Ask an admin to put you back.".into(),
    )
}

/// Who was suspended is told so, but only after proving who they are.
pub fn suspended() -> Error {
    Error::Unauthenticated("user_suspended", "This user is suspended. Ask an admin to make them active again.".into())
}

pub(super) fn require_fresh(claims: &Claims, now: Timestamp) -> Result<()> {
    if claims.expires_at > now { Ok(()) } else { Err(expired(claims.kind)) }
}

fn expired(kind: Kind) -> Error {
    let message = match kind {
        Kind::Session => "This session has ended. Sign in again.".into(),
        kind => format!("This {} has expired. Get a new one and try again.", kind.noun()),
    };
    Error::Unauthenticated("token_expired", message.into())
}

pub(super) fn gone(kind: Kind) -> Error {
    let message = match kind {
        Kind::SignInLink | Kind::SetUpLink | Kind::PasswordReset | Kind::PasskeyLink => {
            "This link has been used already. Ask for a new one."
        }
        Kind::Session => "This session has ended. Sign in again.",
        Kind::ApiKey => "This token has been revoked. Get a new one and try again.",
        Kind::Invitation => "This invitation was used already, or withdrawn. Sign in, or ask for a new one.",
    };
    Error::Unauthenticated("token_revoked", message.into())
}

/// 128 random bits, as 32 hexadecimal digits.
pub fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The time in 12 hexadecimal digits, and a [`random_id`]: what is stored by it comes after what was stored before, as with
/// UUIDs of version 7 (RFC 9562 section 6.11), so all new ones are written to the same page.
pub fn ordered_id(now: Timestamp) -> Result<String> {
    Ok(format!("{:012x}{}", now.0, random_id()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_those_of_earlier_tokens_and_has_128_random_bits() {
        let ids = [1_795_000_000_000, 1_795_000_000_001, 1_795_000_000_001].map(|at| ordered_id(Timestamp(at)));
        let [Ok(first), Ok(second), Ok(third)] = &ids else { panic!("no random bits: {ids:?}") };
        assert!(first < second && first < third && second[..12] == third[..12]);
        assert_eq!((second[12..].len() * 4, second == third), (128, false));
    }
}
