//! Sessions: being signed in with a browser, from sign-in to sign-out.

use std::time::Duration;

use poem_openapi::Object;
use serde::Serialize;

use super::actor::Actor;
use super::events::{self, Subject};
use super::fields::email_key;
use super::permissions::Permission;
use super::pulse::PulseEvent;
use super::tokens::{self, Claims, Kind};
use super::{accounts, memberships, passwords};
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Result};

/// A browser that is signed in.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Session ID
    pub id: String,
    pub created_at: Timestamp,
    /// When it ends if it isn't used before; however much it is used, it ends some days after it was started
    pub expires_at: Timestamp,
    /// When it was last used, to within five minutes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// IP address it was started from
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the browser said it was
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Email of the owner who acts as the user in it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator: Option<String>,
    /// Why they do
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Somebody who may come in: whom a link is for, or who has proved who they are.
#[derive(Clone, Debug)]
pub struct Holder {
    pub user_id: i64,
    pub email: String,
    pub name: Option<String>,
}

/// The most browsers one person is signed in with; one more, and the oldest is signed out.
pub const MOST: i64 = 50;
/// How long a one-time sign-in link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Starts a session for somebody who has just proved who they are.
pub fn create(w: &mut Write, user_id: i64) -> Result<Claims> {
    acting_as(w, user_id)?;
    start(w)
}

/// The rest of a change is done by somebody who has just proved who they are, if they may come in.
pub fn acting_as(w: &mut Write, user_id: i64) -> Result<()> {
    let Holder { email, name, .. } = find_holder(w, user_id)?;
    let Actor { trace, former_session, .. } = w.actor.clone();
    w.acting_as(Actor { user_id: Some(user_id), email: Some(email), name, trace, former_session, ..Actor::nobody() });
    Ok(())
}

/// Starts a session for the actor, whom [`acting_as`] let in. The one this browser had before ends, so an id that was known
/// before the sign-in is worth nothing after it.
pub fn start(w: &Write) -> Result<Claims> {
    let (user_id, email) = (w.actor.require_user()?, w.actor.email.as_deref().unwrap_or_default());
    if let Some(former) = &w.actor.former_session {
        tokens::revoke_session(w, former)?;
    }
    let account = accounts::primary(w, user_id)?;
    events::record(w, PulseEvent::UserLoggedIn, account.as_ref(), Subject::user(user_id, email), None)?;
    let session = tokens::issue(w, Kind::Session, Some(user_id), w.settings.session_lifetime)?;
    let sql = "delete from tokens where id in (select id from tokens where user_id = ?1 and kind = 'session'
                                                order by created_at desc, id <> ?3 limit -1 offset ?2)";
    w.run(sql, params![user_id, MOST, session.id])?;
    Ok(session)
}

/// Starts a session for somebody whose password was found right: the one behind `known`. If that was changed while it was
/// being verified, it is wrong by now. An outdated hash is replaced.
pub fn create_with_password(w: &mut Write, user_id: i64, known: &str, upgraded: Option<&str>) -> Result<Claims> {
    let still = "select exists (select 1 from passwords where user_id = ?1 and hash = ?2)";
    if !w.value(still, params![user_id, known])? {
        return Err(wrong_password());
    }
    if let Some(hash) = upgraded {
        passwords::upgrade(w, user_id, known, hash)?;
    }
    create_by_password(w, user_id)
}

/// Starts a session for somebody who has just typed, or set, their password.
pub fn create_by_password(w: &mut Write, user_id: i64) -> Result<Claims> {
    let session = create(w, user_id)?;
    w.run("update tokens set by_password = 1 where id = ?1", [&session.id])?;
    Ok(session)
}

/// Ends all sessions that were started with a password, once passwords are no way in any more.
pub fn end_by_password(w: &Write) -> Result<()> {
    w.run("delete from tokens where by_password = 1", []).map(drop)
}

/// One answer for an unknown e-mail, a user without a password and a wrong one.
pub fn wrong_password() -> Error {
    let message = "The e-mail or the password is not right. Check both, or ask an admin for a link.";
    Error::Unauthenticated("wrong_password", message.into())
}

/// Notes that the actor has proved again who they are. Their session goes on under a new id, until the moment it would
/// have ended anyway: whoever knew the old one is out.
pub fn prove(w: &Write, session: &Claims) -> Result<Claims> {
    w.actor.require_self()?;
    let renewed = Claims { id: tokens::ordered_id(w.now)?, ..session.clone() };
    let sql = "update tokens set id = ?2, proved_at = ?3, used_at = ?3 where id = ?1 and kind = 'session'";
    match w.run(sql, params![session.id, renewed.id, w.now])? {
        0 => Err(Error::internal("a proof without its session")),
        _ => Ok(renewed),
    }
}

/// Whom a one-time link that still works is for. It is not used up.
pub fn find_by_link(r: &Read, link: &Claims) -> Result<Holder> {
    tokens::require(r, link)?;
    find_holder(r, link.user_id.ok_or_else(|| Error::internal("a link for nobody"))?)
}

/// Somebody by id, if they may come in: nobody does who is suspended, or in no account any more.
fn find_holder(r: &Read, user_id: i64) -> Result<Holder> {
    let found = r.maybe("select email, name, active from users where id = ?1", [user_id], |row| {
        Ok((Holder { user_id, email: row.get(0)?, name: row.get(1)? }, row.get::<_, bool>(2)?))
    })?;
    let (holder, active) = found.ok_or_else(|| Error::internal("a sign-in for a user who is gone"))?;
    if !active {
        return Err(tokens::suspended());
    }
    tokens::require_at_home(r, user_id)?;
    Ok(holder)
}

/// Starts a session from a one-time link; the link is spent.
pub fn create_from_link(w: &mut Write, link: &Claims) -> Result<Claims> {
    tokens::redeem(w, link)?;
    let user_id = link.user_id.ok_or_else(|| Error::internal("a sign-in link for nobody"))?;
    create(w, user_id)
}

/// Issues a one-time link for the user with that e-mail, or for the first owner.
pub fn create_link(w: &Write, email: Option<&str>) -> Result<Claims> {
    let user_id = match email {
        Some(email) => find_by_email(w, email)?,
        None => {
            let first: Option<i64> = w.value("select min(id) from users where owner = 1 and active = 1", [])?;
            first.ok_or_else(|| Error::not_found("There is no owner yet."))?
        }
    };
    tokens::issue(w, Kind::SignInLink, Some(user_id), LINK_LIFETIME)
}

/// The id of the active user with that e-mail.
pub fn find_by_email(r: &Read, email: &str) -> Result<i64> {
    let found = r.maybe("select id, active from users where email_key = ?1", [email_key(email)], |row| {
        Ok((row.get(0)?, row.get::<_, bool>(1)?))
    })?;
    match found {
        Some((id, true)) => Ok(id),
        Some((_, false)) => Err(tokens::suspended()),
        None => Err(Error::not_found(format!("There is no user with the e-mail {email}."))),
    }
}

/// Signs the actor out of the session that `claims` names.
pub fn delete(w: &Write, claims: &Claims) -> Result<()> {
    let user_id = w.actor.require_user()?;
    tokens::revoke(w, &claims.id)?;
    let (account, email) = (accounts::primary(w, user_id)?, w.actor.email.as_deref().unwrap_or_default());
    events::record(w, PulseEvent::UserLoggedOut, account.as_ref(), Subject::user(user_id, email), None)
}

/// One's own sessions.
pub fn list_own(r: &Read) -> Result<Vec<Session>> {
    list(r, r.actor.require_own_token()?)
}

/// Ends one of one's own sessions.
pub fn end_own(w: &Write, id: &str) -> Result<()> {
    end(w, w.actor.require_self()?, id)
}

/// Ends all of one's own sessions, but for the one that asks, if it is one.
pub fn end_all_own(w: &Write) -> Result<()> {
    end_all(w, w.actor.require_self()?)
}

/// One's own sessions, or those of a member whom the actor may suspend; the latest first.
pub fn list(r: &Read, user_id: i64) -> Result<Vec<Session>> {
    require_may_end(r, user_id)?;
    let sql = "select t.id, t.created_at, t.expires_at, t.used_at, t.address, t.device, i.email, t.reason
                 from tokens t left join users i on i.id = t.impersonator_id
                where t.user_id = ?1 and t.kind = 'session' and t.expires_at > ?2
                order by t.created_at desc, t.id limit 1000";
    let mut sessions = r.all(sql, params![user_id, r.now], |row| {
        Ok(Session {
            id: row.get(0)?,
            created_at: row.get(1)?,
            expires_at: row.get(2)?,
            used_at: row.get(3)?,
            address: row.get(4)?,
            device: row.get(5)?,
            impersonator: row.get(6)?,
            reason: row.get(7)?,
        })
    })?;
    for session in &mut sessions {
        let idle = session.used_at.unwrap_or(session.created_at).after(r.settings.session_idle);
        let oldest = session.created_at.after(r.settings.session_lifetime);
        session.expires_at = session.expires_at.min(idle).min(oldest);
    }
    sessions.retain(|session| session.expires_at > r.now);
    Ok(sessions)
}

/// Ends one session of one's own, or of a member whom the actor may suspend.
pub fn end(w: &Write, user_id: i64, id: &str) -> Result<()> {
    w.actor.require_in_person()?;
    let email = require_may_end(w, user_id)?;
    let sql = "delete from tokens where id = ?1 and user_id = ?2 and kind = 'session'";
    if w.run(sql, params![id, user_id])? == 0 {
        return Err(Error::not_found("There is no such session; it may have ended already."));
    }
    let account = accounts::primary(w, user_id)?;
    events::record(w, PulseEvent::UserLoggedOut, account.as_ref(), Subject::user(user_id, &email), None)
}

/// Ends all sessions of one's own, but for the one that asks, or all of a member whom the actor may suspend.
pub fn end_all(w: &Write, user_id: i64) -> Result<()> {
    w.actor.require_in_person()?;
    let email = require_may_end(w, user_id)?;
    let sql = "delete from tokens where user_id = ?1 and kind = 'session' and id is not ?2";
    if w.run(sql, params![user_id, w.actor.session])? == 0 {
        return Ok(());
    }
    let account = accounts::primary(w, user_id)?;
    events::record(w, PulseEvent::UserLoggedOut, account.as_ref(), Subject::user(user_id, &email), None)
}

/// Whose sessions they are, if the actor may see and end them.
fn require_may_end(r: &Read, user_id: i64) -> Result<String> {
    if r.actor.is(user_id) && !r.actor.held_back {
        return Ok(r.actor.email.clone().unwrap_or_default());
    }
    let (_, standing) =
        memberships::require_over_at_home(r, Permission::UsersSuspend, user_id, memberships::no_such_member)?;
    Ok(standing.email)
}
