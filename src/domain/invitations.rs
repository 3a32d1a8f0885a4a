//! Invitations: a new user's first token, and what they do with it.

use std::time::Duration;

use super::tokens::{self, Claims, Kind};
use super::{passwords, sessions};
use crate::db::Write;
use crate::error::{Error, Result};

/// How long an invitation works, unless its user sets a password earlier.
pub const LIFETIME: Duration = Duration::from_secs(72 * 3600);

/// Issues the first token of a user.
pub fn create(w: &Write, user_id: i64) -> Result<Claims> {
    tokens::issue(w, Kind::Invitation, Some(user_id), LIFETIME)
}

/// Sets the invited person's password, ends every invitation they hold, and signs them in.
pub fn accept(w: &mut Write, invitation: &Claims, password_hash: &str) -> Result<Claims> {
    tokens::redeem(w, invitation)?;
    let user_id = w.actor.require_user()?;
    let email = w.actor.email.clone().ok_or_else(|| Error::internal("an invitation for nobody"))?;
    passwords::set(w, user_id, &email, password_hash)?;
    tokens::revoke_all(w, Kind::Invitation, Some(user_id))?;
    sessions::create(w, user_id)
}
