//! Sessions: being signed in with a browser, from sign-in to sign-out.

use std::time::Duration;

use super::accounts;
use super::actor::Actor;
use super::events::{self, Subject};
use super::fields::email_key;
use super::pulse::PulseEvent;
use super::tokens::{self, Claims, Kind};
use crate::db::{Read, Write};
use crate::error::{Error, Result};

/// How long a browser stays signed in.
pub const LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long a one-time sign-in link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Starts a session for somebody who has just proved who they are.
pub fn create(w: &mut Write, user_id: i64) -> Result<Claims> {
    let sql = "select email, name, active from users where id = ?1";
    let found = w.maybe(sql, [user_id], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?)))?;
    let (email, name, active): (String, Option<String>, bool) =
        found.ok_or_else(|| Error::internal("a sign-in for a user who is gone"))?;
    if !active {
        return Err(tokens::suspended());
    }
    let trace = w.actor.trace.clone();
    w.acting_as(Actor { user_id: Some(user_id), email: Some(email.clone()), name, trace, ..Actor::nobody() });
    let account = accounts::primary(w, user_id)?;
    events::record(w, PulseEvent::UserLoggedIn, account.as_ref(), Subject::user(user_id, &email), None)?;
    tokens::issue(w, Kind::Session, Some(user_id), LIFETIME)
}

/// The e-mail of whom a one-time link that still works signs in.
pub fn find_by_link(r: &Read, link: &Claims) -> Result<String> {
    tokens::require(r, link)?;
    r.value("select email from users where id = ?1", [link.user_id])
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
            let first: Option<i64> = w.value("select min(id) from users where owner and active", [])?;
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
