//! Password resets: a one-time link that an admin passes on to somebody who has lost their password.

use std::time::Duration;

use super::events::{self, Subject};
use super::pulse::PulseEvent;
use super::sessions::{self, Holder};
use super::tokens::{self, Claims, Kind};
use super::{memberships, passwords};
use crate::db::{Read, Write};
use crate::error::Result;

/// How long a link works: a working day, since somebody has to pass it on.
pub const LIFETIME: Duration = Duration::from_hours(8);

/// Issues a link for somebody whom the actor may let in (see [`memberships::require_may_let_in`]); the one before stops
/// working.
pub fn create(w: &Write, user_id: i64) -> Result<Claims> {
    passwords::require_in_use(w)?;
    let (account, standing) = memberships::require_may_let_in(w, user_id, memberships::not_accepted)?;
    tokens::revoke_all(w, Kind::PasswordReset, Some(user_id))?;
    let subject = Subject::user(user_id, &standing.email);
    events::record(w, PulseEvent::UserPasswordResetRequested, Some(&account), subject, None)?;
    tokens::issue(w, Kind::PasswordReset, Some(user_id), LIFETIME)
}

/// Whom a link is for that still works. It is not used up.
pub fn find(r: &Read, link: &Claims) -> Result<Holder> {
    passwords::require_in_use(r)?;
    sessions::find_by_link(r, link)
}

/// Sets the password, which ends every session and link of its user, and signs them in.
pub fn accept(w: &mut Write, link: &Claims, password_hash: &str) -> Result<Claims> {
    let Holder { user_id, email, .. } = find(w, link)?;
    tokens::redeem(w, link)?;
    tokens::revoke_sign_ins(w, user_id, None)?;
    let session = sessions::create_by_password(w, user_id)?;
    passwords::set(w, user_id, &email, password_hash)?;
    Ok(session)
}
