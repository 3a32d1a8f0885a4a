//! Registering a passkey without being signed in: by a link that an admin passes on, or by the invitation of somebody new.

use std::time::Duration;

use super::{insert, record, registrant};
use crate::db::{Read, Write};
use crate::domain::events::{self, Subject};
use crate::domain::passkeys::Registrant;
use crate::domain::permissions::Permission;
use crate::domain::pulse::PulseEvent;
use crate::domain::sessions::{self, Holder};
use crate::domain::tokens::{self, Claims, Kind};
use crate::domain::{invitations, memberships};
use crate::error::{Error, Result};
use webauthn_rs::prelude::Passkey as Credential;

/// How long a link to register a passkey works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Issues a link with which somebody registers a passkey and is signed in; the one before stops working. For members whom
/// the actor may let in (see [`memberships::require_may_let_in`]).
pub fn send_link(w: &Write, user_id: i64) -> Result<Claims> {
    w.actor.require(Permission::UsersSuspend)?;
    if w.actor.is(user_id) {
        return Err(Error::Conflict("yourself", "Add a passkey of your own on your own page.".into()));
    }
    let (account, standing) = memberships::require_may_let_in(w, user_id, memberships::no_such_member)?;
    tokens::revoke_all(w, Kind::PasskeyLink, Some(user_id))?;
    let subject = Subject::user(user_id, &standing.email);
    events::record(w, PulseEvent::AdminSendPasskeyRegistration, Some(&account), subject, None)?;
    tokens::issue(w, Kind::PasskeyLink, Some(user_id), LINK_LIFETIME)
}

/// Looks at a link that still works, or at an invitation, without using it up.
pub fn find_link(r: &Read, link: &Claims) -> Result<Holder> {
    if link.kind == Kind::Invitation {
        let invitations::Invited { user_id, email, name, .. } = invitations::find(r, link)?;
        return Ok(Holder { user_id, email, name });
    }
    sessions::find_by_link(r, link)
}

/// Whom the link is for, about to register a passkey. The link still works afterwards.
pub fn begin_by_link(w: &mut Write, link: &Claims) -> Result<Registrant> {
    let holder = find_link(w, link)?;
    sessions::acting_as(w, holder.user_id)?;
    record(w, PulseEvent::PasskeyRegistrationTokenValidated, None)?;
    registrant(w)
}

/// Keeps the passkey of whom the link is for and signs them in; the link is spent.
pub fn create_by_link(w: &mut Write, link: &Claims, name: &str, credential: &Credential) -> Result<Claims> {
    let holder = find_link(w, link)?;
    if link.kind == Kind::Invitation {
        // Whoever made them held their first token too: nothing of it outlives their own passkey.
        tokens::revoke_user(w, holder.user_id)?;
    } else {
        tokens::redeem(w, link)?;
        tokens::revoke_all(w, Kind::PasskeyLink, Some(holder.user_id))?;
    }
    sessions::acting_as(w, holder.user_id)?;
    insert(w, name, credential)?;
    sessions::start(w)
}
