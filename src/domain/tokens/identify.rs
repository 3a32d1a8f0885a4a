//! Who is calling, by what is true in this transaction.

use std::time::Duration;

use super::{Caller, Claims, Kind, expired, gone, homeless, require_fresh, suspended};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, params};
use crate::domain::accounts;
use crate::domain::actor::{self, ActingIn, Actor, Impersonator};
use crate::domain::fields::AccountId;
use crate::domain::permissions::Permissions;
use crate::domain::roles::{self, Held};
use crate::error::{Error, Result};

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
    let named = caller.account.as_ref();
    let found = r.known(claims, named).map_or_else(|| look_up(r, claims, named), Ok)?;
    let Identified { mut actor, roles, active, only_in, account, limit, at_home, times, lacks, lapsed } = found;
    actor.trace = caller.trace.clone();
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
        if named.is_some_and(|named| named.as_str() != own) {
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
#[derive(Clone)]
pub struct Identified {
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
#[derive(Clone)]
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

/// Who a token's row says it is of, told to who asks next in this transaction, too.
fn look_up(r: &Read, claims: &Claims, named: Option<&AccountId>) -> Result<Identified> {
    let sql = match claims.kind {
        Kind::Session => IDENTIFY_SESSION,
        Kind::Invitation => IDENTIFY_INVITED,
        _ => IDENTIFY_KEY,
    };
    let account = named.map(AccountId::as_str);
    let asked = params![claims.id, account, claims.kind.name(), r.settings.passkeys_only, claims.user_id];
    let found = r.maybe(sql, asked, identified)?.ok_or_else(|| gone(claims.kind))?;
    r.note(claims, named, &found);
    Ok(found)
}

fn identified(row: &Row) -> RowResult<Identified> {
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
