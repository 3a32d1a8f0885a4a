//! Tokens: every secret handed out is an encrypted PASETO that names a row here. Deleting the row revokes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::actor::{ActingIn, Actor, Trace};
use super::fields::AccountId;
use super::permissions;
use super::{accounts, actor};
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Result};

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
        }
    }

    /// What to call it when it isn't honoured any more.
    fn noun(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiKey | Self::Invitation => "token",
            Self::SignInLink | Self::SetUpLink => "link",
        }
    }
}

/// What a token says, once its seal was checked. Serialized, it is the PASETO's payload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    #[serde(rename = "jti")]
    pub id: String,
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    pub kind: Kind,
    #[serde(rename = "exp")]
    pub expires_at: Timestamp,
}

/// How a request says who it is from. Its seal is checked; whether it is still honoured is for [`identify`].
#[derive(Clone, Debug, Default)]
pub struct Caller {
    pub claims: Option<Claims>,
    pub account: Option<AccountId>,
    pub trace: Trace,
}

/// Issues a token. The caller seals the claims; the row makes them worth something.
pub fn issue(w: &Write, kind: Kind, user_id: Option<i64>, ttl: Duration) -> Result<Claims> {
    let claims = Claims { id: random_id()?, user_id, kind, expires_at: w.now.after(ttl) };
    w.run(
        "insert into tokens (id, kind, user_id, created_at, expires_at) values (?1, ?2, ?3, ?4, ?5)",
        params![claims.id, kind.name(), user_id, w.now, claims.expires_at],
    )?;
    Ok(claims)
}

/// Whether a token is still honoured, without using it up.
pub fn require(r: &Read, claims: &Claims) -> Result<()> {
    require_fresh(claims, r.now)?;
    match r.value("select exists (select 1 from tokens where id = ?1)", [&claims.id])? {
        true => Ok(()),
        false => Err(gone(claims.kind)),
    }
}

/// Takes a single-use token: the first to call gets through, whoever is second gets 401.
pub fn redeem(w: &Write, claims: &Claims) -> Result<()> {
    require_fresh(claims, w.now)?;
    match w.run("delete from tokens where id = ?1", [&claims.id])? {
        0 => Err(gone(claims.kind)),
        _ => Ok(()),
    }
}

/// Revokes one token.
pub fn revoke(w: &Write, id: &str) -> Result<()> {
    w.run("delete from tokens where id = ?1", [id])?;
    Ok(())
}

/// Revokes every token of one kind that a user holds.
pub fn revoke_all(w: &Write, kind: Kind, user_id: Option<i64>) -> Result<()> {
    w.run("delete from tokens where kind = ?1 and user_id is ?2", params![kind.name(), user_id])?;
    Ok(())
}

/// Removes up to `most` tokens that have expired; says how many.
pub fn purge(w: &Write, most: i64) -> Result<usize> {
    let sql = "delete from tokens where id in (select id from tokens where expires_at <= ?1 limit ?2)";
    w.run(sql, params![w.now, most])
}

/// Finds out who is calling and what they may do in the account they name, from what is true in this transaction.
pub fn identify(r: &Read, caller: &Caller) -> Result<Actor> {
    let Some(claims) = &caller.claims else {
        return Ok(Actor { trace: caller.trace.clone(), ..Actor::nobody() });
    };
    require_fresh(claims, r.now)?;
    let sql = "select u.id, u.email, u.name, u.active, u.owner, a.id, a.name, m.account_admin,
                      (select group_concat(role) from membership_roles
                        where account_id = m.account_id and user_id = m.user_id)
                 from tokens t
                 join users u on u.id = t.user_id
                 left join accounts a on a.id = ?2
                 left join memberships m on m.account_id = a.id and m.user_id = u.id
                where t.id = ?1";
    let found = r.maybe(sql, params![claims.id, caller.account.as_ref().map(AccountId::as_str)], |row| {
        let owner = row.get(4)?;
        let account_admin: Option<bool> = row.get(7)?;
        let roles: Option<String> = row.get(8)?;
        let permissions = match account_admin {
            None => permissions::effective(owner, false, []),
            Some(admin) => permissions::effective(owner, admin, roles.as_deref().unwrap_or_default().split(',')),
        };
        let account = row.get::<_, Option<String>>(5)?.filter(|_| owner || account_admin.is_some());
        let actor = Actor {
            user_id: row.get(0)?,
            email: row.get(1)?,
            name: row.get(2)?,
            owner,
            account: None,
            permissions,
            trace: caller.trace.clone(),
        };
        Ok((actor, row.get::<_, bool>(3)?, account, row.get::<_, Option<String>>(6)?))
    })?;
    let (mut actor, active, account, account_name) = found.ok_or_else(|| gone(claims.kind))?;
    if !active {
        return Err(suspended());
    }
    if let (Some(id), Some(name)) = (account, account_name) {
        actor.account = Some(ActingIn { id: accounts::stored(&id)?, name });
    } else if caller.account.is_some() {
        return Err(actor::no_such_account());
    }
    Ok(actor)
}

/// Who was suspended is told so, but only after proving who they are.
pub fn suspended() -> Error {
    Error::Unauthenticated("user_suspended", "This user is suspended. Ask an admin to make them active again.".into())
}

fn require_fresh(claims: &Claims, now: Timestamp) -> Result<()> {
    if claims.expires_at > now {
        return Ok(());
    }
    let message = format!("This {} has expired. Get a new one and try again.", claims.kind.noun());
    Err(Error::Unauthenticated("token_expired", message.into()))
}

fn gone(kind: Kind) -> Error {
    let message = match kind {
        Kind::SignInLink | Kind::SetUpLink => "This link has been used already. Ask for a new one.",
        Kind::Session => "This session has ended. Sign in again.",
        Kind::ApiKey => "This token has been revoked. Get a new one and try again.",
        Kind::Invitation => {
            "This invitation was used already, or withdrawn. Sign in with your password, or ask for a new one."
        }
    };
    Error::Unauthenticated("token_revoked", message.into())
}

/// 128 random bits, as 32 hexadecimal digits.
pub fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
