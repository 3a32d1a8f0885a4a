//! Tokens: every secret handed out is an encrypted PASETO that names a row here, or is one of [`invitations`]. Deleting the
//! row revokes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::actor::{ActingIn, Actor, Impersonator, Trace};
use super::fields::AccountId;
use super::permissions::{Permission, Permissions};
use super::roles::{self, Held};
use super::{accounts, actor, invitations};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
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

/// How often the time of a token's last use is written down.
const TOUCH_EVERY: Duration = Duration::from_secs(300);

/// Finds out who is calling and what they may do in the account they name, from what is true in this transaction. An API
/// key acts in its own account, named or not.
pub fn identify(r: &Read, caller: &Caller) -> Result<Actor> {
    let Some(claims) = &caller.claims else {
        let former_session = caller.former.as_ref().map(|former| former.id.clone());
        return Ok(Actor { trace: caller.trace.clone(), former_session, ..Actor::nobody() });
    };
    require_fresh(claims, r.now)?;
    let named = caller.account.as_ref().map(AccountId::as_str);
    let sql = match claims.kind {
        Kind::Session => IDENTIFY_SESSION,
        Kind::Invitation => IDENTIFY_INVITED,
        _ => IDENTIFY_KEY,
    };
    let asked = params![claims.id, named, claims.kind.name(), r.settings.passkeys_only, claims.user_id];
    let Identified { mut actor, roles, active, only_in, account, limit, at_home, times, lacks, lapsed } =
        r.maybe(sql, asked, |row| identified(row, caller))?.ok_or_else(|| gone(claims.kind))?;
    if lapsed {
        return Err(gone(claims.kind));
    }
    if !active {
        return Err(suspended());
    }
    if !at_home {
        return Err(homeless());
    }
    if let Some(own) = &only_in {
        if named.is_some_and(|named| named != own) {
            return Err(actor::no_such_account());
        }
        (actor.owner, actor.held_back) = (false, true);
    }
    if times.expires_at <= r.now {
        return Err(expired(claims.kind));
    }
    if claims.kind == Kind::Session {
        require_in_use(r, &times)?;
        (actor.session, actor.proved) = (Some(claims.id.clone()), Some(times.proved(r.now)));
        if lacks && !caller.to_complete {
            return Err(incomplete(r));
        }
    }
    actor.by_first_token = claims.kind == Kind::Invitation;
    match account {
        Some((id, name)) => {
            let id = accounts::stored(&id)?;
            if !actor.admin {
                actor.permissions = actor.permissions.union(permitted(r, &id, &roles)?);
            }
            actor.account = Some(ActingIn { id, name });
        }
        None if named.is_some() => return Err(actor::no_such_account()),
        None => (actor.permissions, actor.admin) = (Permissions::NONE, actor.owner),
    }
    if let Some(most) = limit {
        (actor.permissions, actor.admin) = (actor.permissions.intersection(most), false);
    }
    let stale = times.used_at.is_none_or(|used_at| used_at.after(TOUCH_EVERY) <= r.now);
    actor.stale_token = (stale && matches!(claims.kind, Kind::Session | Kind::ApiKey)).then(|| claims.id.clone());
    Ok(actor)
}

/// Asks `tokens` for ?1, a token of the kind ?3 and the user ?5; ?2 is the account that the request names. Whether somebody is
/// in any account is not looked up for who is in this one. `only` are the columns that only sessions have.
macro_rules! identify {
    ($only:literal from $tokens:literal) => {
        concat!(
            "select u.id, u.email, u.name, u.active, u.owner, t.account_id, t.permissions, t.used_at, a.id, a.name,
                    m.account_admin, m.roles, m.permissions,
                    iif(u.owner or m.user_id, 1,
                        exists (select 1 from memberships where user_id = u.id and removed_at is null)),
                    t.created_at, t.expires_at, ",
            $only,
            " from ",
            $tokens,
            " join users u on u.id = t.user_id
               left join accounts a on a.id = coalesce(?2, t.account_id) and a.removed_at is null
               left join memberships m on m.account_id = a.id and m.user_id = u.id
                                      and m.removed_at is null and m.invited_email is null
              where t.id = ?1 and t.kind = ?3 and t.user_id = ?5"
        )
    };
    (program from $tokens:literal) => {
        identify!("null, 0, null, null, null, null, 0" from $tokens)
    };
}

/// ?4 is whether passkeys are the only way in.
const IDENTIFY_SESSION: &str = identify!(
    "t.proved_at,
     case when t.impersonator_id is not null then 0
          when ?4 then not exists (select 1 from passkeys where user_id = u.id)
          else exists (select 1 from passwords where user_id = u.id and must_change = 1) end,
     i.id, i.email, i.name, t.reason,
     t.impersonator_id is not null and (u.owner or i.owner is not 1 or i.active is not 1)"
    from "tokens t left join users i on i.id = t.impersonator_id"
);

const IDENTIFY_KEY: &str = identify!(program from "tokens t");

const IDENTIFY_INVITED: &str = identify!(program from
    "(select invitation_id as id, 'invitation' as kind, id as user_id, invitation_created_at as created_at,
             invitation_expires_at as expires_at, null as account_id, null as permissions, null as used_at from users) t"
);

/// A token's row, and what hangs on it.
struct Identified {
    /// With what they may do apart from their roles.
    actor: Actor,
    roles: Held,
    active: bool,
    /// The one account an API key is for.
    only_in: Option<String>,
    /// The account that is acted in, if they may.
    account: Option<(String, String)>,
    /// What an API key is held back to.
    limit: Option<Permissions>,
    /// Whether they are in any account, or need none.
    at_home: bool,
    times: Times,
    /// Whether they are signed in, and asked for a new password or for the passkey that everybody must have. Programs
    /// aren't asked, so for their tokens it isn't looked up.
    lacks: bool,
    /// Whether an owner acts as them who may not any more.
    lapsed: bool,
}

/// The moments in the life of a token.
struct Times {
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
    proved_at: Option<Timestamp>,
}

impl Times {
    /// How long ago its user proved who they are: when it began, if not since.
    fn proved(&self, now: Timestamp) -> Duration {
        self.proved_at.unwrap_or(self.created_at).until(now)
    }
}

/// What somebody is asked for before they may do anything else.
fn incomplete(r: &Read) -> Error {
    if r.settings.passkeys_only {
        let message = "Everybody has a passkey here. Register one before you go on.";
        return Error::Unauthenticated("passkey_required", message.into());
    }
    let message = "An admin asks you to choose a new password before you go on.";
    Error::Unauthenticated("password_change_required", message.into())
}

/// Whether a session was used lately and isn't too old, as the settings have it today.
fn require_in_use(r: &Read, times: &Times) -> Result<()> {
    let last = times.used_at.unwrap_or(times.created_at);
    if last.after(r.settings.session_idle) <= r.now || times.created_at.after(r.settings.session_lifetime) <= r.now {
        return Err(expired(Kind::Session));
    }
    Ok(())
}

/// What roles of an account permit together.
fn permitted(r: &Read, account: &AccountId, roles: &Held) -> Result<Permissions> {
    let mut all = Permissions::NONE;
    for role in &roles.0 {
        all = all.union(roles::permissions_of(r, account, role)?.unwrap_or_default());
    }
    Ok(all)
}

fn identified(row: &Row, caller: &Caller) -> RowResult<Identified> {
    let (owner, account_admin): (bool, Option<bool>) = (row.get(4)?, row.get(10)?);
    let admin = owner || account_admin == Some(true);
    let permissions = match admin {
        true => Permissions::all(),
        false => row.get::<_, Option<_>>(12)?.unwrap_or_default(),
    };
    let actor = Actor {
        user_id: row.get(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        owner,
        permissions,
        admin,
        trace: caller.trace.clone(),
        impersonator: impersonator(row)?,
        ..Actor::nobody()
    };
    let may_enter = owner || account_admin.is_some();
    Ok(Identified {
        actor,
        roles: if admin { Held::default() } else { row.get::<_, Option<_>>(11)?.unwrap_or_default() },
        active: row.get(3)?,
        only_in: row.get(5)?,
        limit: row.get(6)?,
        times: Times {
            created_at: row.get(14)?,
            expires_at: row.get(15)?,
            used_at: row.get(7)?,
            proved_at: row.get(16)?,
        },
        lacks: row.get(17)?,
        lapsed: row.get(22)?,
        account: row.get::<_, Option<String>>(8)?.zip(row.get(9)?).filter(|_| may_enter),
        at_home: row.get(13)?,
    })
}

/// The owner who acts as the token's user, if one does.
fn impersonator(row: &Row) -> RowResult<Option<Impersonator>> {
    let Some(id) = row.get(18)? else { return Ok(None) };
    let (email, name, reason, until) = (row.get(19)?, row.get(20)?, row.get(21)?, row.get(15)?);
    Ok(Some(Impersonator { id, email, name, reason, until }))
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
