//! Impersonations: an owner acts as somebody else for a while and for a reason given, to see what they see. They may do
//! what that person may, but for anything about how people sign in, and both names stand on all that is done.
//!
//! It is a session of that person's that hangs on the owner's own one and ends with it. Only pages start one: no bearer
//! token can, so none ever stands for two people.

use std::time::Duration;

use super::accounts;
use super::events::{self, Changes, Subject};
use super::fields::{self, AccountId};
use super::pulse::PulseEvent;
use super::tokens::{self, Claims, Kind};
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Problem, Problems, Result};

/// The lengths an owner can choose from, in minutes; the last one is the most.
pub const MINUTES: [u32; 3] = [15, 30, 60];
/// What is chosen until they do.
pub const USUAL: u32 = 30;

/// Why, and for how long.
#[derive(Clone, Debug)]
pub struct Terms {
    reason: String,
    time: Duration,
}

impl Terms {
    /// From what a form sent.
    pub fn parse(reason: &str, minutes: &str) -> Result<Self> {
        let mut problems = Problems::default();
        let reason = problems.take(parse_reason(reason));
        let minutes = minutes.parse().ok().filter(|minutes| MINUTES.contains(minutes));
        if minutes.is_none() {
            problems.push(Problem::new("minutes", "invalid_time", "Choose 15, 30 or 60 minutes."));
        }
        problems.none()?;
        Ok(Self { reason, time: Duration::from_secs(60 * u64::from(minutes.unwrap_or_default())) })
    }
}

fn parse_reason(reason: &str) -> Result<String, Problem> {
    let said = |message| Problem::new("reason", "invalid_reason", message);
    match fields::name("reason", reason) {
        Ok(Some(reason)) => Ok(reason),
        Ok(None) => Err(said("Say why: it is kept with all that you do.")),
        Err(_) => Err(said("Say why in one line of at most 200 characters.")),
    }
}

/// The e-mail of somebody whom the actor may act as: an owner, and only as somebody who isn't one, who can come in, and
/// who isn't themself.
pub fn require_may(r: &Read, user_id: i64) -> Result<String> {
    r.actor.require_owner()?;
    r.actor.require_in_person()?;
    let sql = "select email, owner, active from users where id = ?1";
    let found = r.maybe(sql, [user_id], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?;
    let (email, owner, active) = found.ok_or_else(|| Error::not_found(format!("There is no user {user_id}.")))?;
    let refused = match (owner, active) {
        _ if r.actor.is(user_id) => "You are yourself already.",
        (true, _) => "Nobody acts as an owner of this server, not even another one.",
        (_, false) => "They are suspended, so nobody acts as them.",
        _ if accounts_of(r, user_id)?.is_empty() => "They are in no account, so there is nothing to see as them.",
        _ => return Ok(email),
    };
    Err(Error::Conflict("not_to_be_acted_as", refused.into()))
}

/// Begins to act as somebody. The claims are for the browser that the actor is signed in with, and for no other.
pub fn create(w: &mut Write, user_id: i64, terms: &Terms) -> Result<Claims> {
    let email = require_may(w, user_id)?;
    w.actor.require_proof()?;
    let by_browser = || Error::forbidden("Only somebody who is signed in with a browser may act as somebody else.");
    let own = w.actor.session.clone().ok_or_else(by_browser)?;
    let ends: Timestamp = w.value("select expires_at from tokens where id = ?1", [&own])?;
    let until = w.now.after(terms.time).min(ends);
    w.run("delete from tokens where parent_id = ?1", [&own])?;
    let claims = tokens::issue_until(w, Kind::Session, Some(user_id), until, None)?;
    let sql = "update tokens set parent_id = ?2, impersonator_id = ?3, reason = ?4 where id = ?1";
    w.run(sql, params![claims.id, own, w.actor.require_user()?, terms.reason])?;
    let mut changes = Changes::default();
    changes.note("reason", None::<()>, &terms.reason);
    changes.note("until", None::<()>, until);
    record(w, user_id, &email, changes)?;
    Ok(claims)
}

/// Stops acting as somebody: the actor is the owner again. Returns whom they acted as, and an account of theirs; nothing
/// if it was over already.
pub fn delete(w: &Write, acting: &Claims) -> Result<Option<(AccountId, i64)>> {
    let sql = "delete from tokens where id = ?1 and impersonator_id = ?2 returning user_id, expires_at";
    let ended = w.maybe(sql, params![acting.id, w.actor.require_user()?], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some((user_id, until)): Option<(i64, Timestamp)> = ended else { return Ok(None) };
    let email: String = w.value("select email from users where id = ?1", [user_id])?;
    let mut changes = Changes::default();
    changes.note("until", until, w.now.min(until));
    record(w, user_id, &email, changes)?;
    Ok(accounts_of(w, user_id)?.into_iter().next().map(|account| (account, user_id)))
}

/// Recorded in every account they are in: in each of them something can be done in their name.
fn record(w: &Write, user_id: i64, email: &str, changes: Changes) -> Result<()> {
    let changes = changes.some();
    for account in accounts_of(w, user_id)? {
        let subject = Subject::user(user_id, email);
        events::record(w, PulseEvent::UserImpersonated, Some(&account), subject, changes.clone())?;
    }
    Ok(())
}

/// The accounts somebody is in, the primary one first.
fn accounts_of(r: &Read, user_id: i64) -> Result<Vec<AccountId>> {
    let sql = "select m.account_id from memberships m join accounts a on a.id = m.account_id and a.removed_at is null
                where m.user_id = ?1 and m.removed_at is null and m.invited_email is null
                order by m.primary_account desc, m.account_id";
    let ids = r.all(sql, [user_id], |row| row.get::<_, String>(0))?;
    ids.iter().map(|id| accounts::stored(id)).collect()
}

/// Somebody acted as oneself.
pub struct Past {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// Who acted as the actor, the latest first, as far as their primary account remembers.
pub fn list_own(r: &Read) -> Result<Vec<Past>> {
    let user_id = r.actor.require_user()?;
    let Some(account) = accounts::primary(r, user_id)? else { return Ok(Vec::new()) };
    // Both indexes are walked in their order only where it is selected, too.
    let sql = "select actor, json_extract(changes, '$.reason.after'), at, id from all_events
                where account_id = ?1 and event = ?2 and subject_id = ?3 and reported = 0
                  and json_extract(changes, '$.reason.after') is not null
                order by at desc, id desc limit 10";
    r.all(sql, params![account.as_str(), PulseEvent::UserImpersonated.name(), user_id], |row| {
        Ok(Past { by: row.get::<_, Option<String>>(0)?.unwrap_or_default(), reason: row.get(1)?, at: row.get(2)? })
    })
}
