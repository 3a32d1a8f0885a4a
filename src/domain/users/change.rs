//! Changing a user: their profile, their preferences, a new first token.

use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::Deserialize;

use super::{User, find_changed, taken};
use crate::db::{Read, Write, params};
use crate::domain::events::{self, Changes, Subject};
use crate::domain::fields::{self, Email, EmailText, fold};
use crate::domain::memberships::{self, require_home, require_over};
use crate::domain::object::{not_null, only_from_objects};
use crate::domain::permissions::Permission;
use crate::domain::preferences::{self, NotificationPreferences};
use crate::domain::pulse::PulseEvent;
use crate::domain::tokens::Claims;
use crate::domain::{invitations, passkeys, passwords};
use crate::error::{Error, Problem, Problems, Result};

/// What changes about a user's profile. What is left out stays as it is; `null` clears.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default, remote = "Self")]
pub struct ProfilePatch {
    /// User's email address; unique on the whole server, without regard to case
    #[serde(deserialize_with = "not_null")]
    pub email: Option<EmailText>,
    /// Full name of the user
    #[oai(validator(max_length = 200))]
    pub name: MaybeUndefined<String>,
    /// User's phone number
    #[oai(validator(max_length = 40))]
    pub phone: MaybeUndefined<String>,
    /// URL to the user's profile image, http or https
    #[oai(validator(max_length = 2048))]
    pub img_src: MaybeUndefined<String>,
}

only_from_objects!(ProfilePatch);

/// Changes a profile, if it is still the one that `if_match` names.
pub fn update(w: &Write, id: i64, patch: &ProfilePatch, if_match: Option<&str>) -> Result<User> {
    let before = changeable(w, id)?;
    if patch.email.as_ref().is_some_and(|email| email.0 != before.email.0) {
        w.actor.require_in_person()?;
    }
    require_match(&before, if_match)?;
    if patch.email.is_some() && w.actor.is(id) && !may_rename_self(w, id)? {
        return Err(Error::forbidden("Ask an admin to change your e-mail: it is what you sign in with."));
    }
    if w.actor.is(id) && patch.email.as_ref().is_some_and(|email| email.0 != before.email.0) {
        w.actor.require_proof()?;
    }
    let mut problems = Problems::default();
    // What stays as it is may be of a time when less was asked of it.
    let email = match patch.email.as_ref().filter(|email| email.0 != before.email.0) {
        Some(email) => problems.take(Email::parse("email", &email.0)),
        None => Email::stored("email", &before.email.0).map_err(|_| Error::internal("a stored e-mail is none"))?,
    };
    type Parse = fn(&str, &str) -> Result<Option<String>, Problem>;
    let mut changed = |patch: &MaybeUndefined<String>, before: &Option<String>, field, parse: Parse| match patch {
        MaybeUndefined::Undefined => before.clone(),
        MaybeUndefined::Value(text) if before.as_ref() == Some(text) => before.clone(),
        MaybeUndefined::Value(text) => problems.take(parse(field, text)),
        MaybeUndefined::Null => None,
    };
    let name = changed(&patch.name, &before.name, "name", fields::name);
    let phone = changed(&patch.phone, &before.phone, "phone", fields::phone);
    let img_src = changed(&patch.img_src, &before.img_src, "imgSrc", fields::img_src);
    problems.none()?;
    let mut changes = Changes::default();
    changes.note("email", &before.email, email.as_str());
    changes.note("name", &before.name, &name);
    changes.note("phone", &before.phone, &phone);
    changes.note("imgSrc", &before.img_src, &img_src);
    let Some(changes) = changes.some() else { return Ok(before) };
    let sql =
        "update or ignore users set email = ?2, email_key = ?3, name = ?4, name_key = ?5, phone = ?6, img_src = ?7
                where id = ?1";
    let name_key = fold(name.as_deref().unwrap_or_default());
    if w.run(sql, params![id, email.as_str(), email.key(), name, name_key, phone, img_src])? == 0 {
        return Err(taken(email.as_str()));
    }
    if before.email.0 != email.as_str() {
        memberships::rename_inviter(w, &before.email.0, email.as_str())?;
    }
    record(w, id, email.as_str(), Some(changes))?;
    seen_by_actor(w, id)
}

/// Changes one's own profile.
pub fn update_own(w: &Write, patch: &ProfilePatch, if_match: Option<&str>) -> Result<User> {
    update(w, w.actor.require_user()?, patch, if_match)
}

/// Replaces a user's notification preferences; those for accounts the actor doesn't see stay as they are.
pub fn set_preferences(w: &Write, id: i64, new: &NotificationPreferences, if_match: Option<&str>) -> Result<User> {
    let before = changeable(w, id)?;
    require_match(&before, if_match)?;
    let visible: Vec<_> = before.accounts.iter().filter_map(|account| account.account_id.parse().ok()).collect();
    let mut problems = Problems::default();
    preferences::check(new, &visible, &mut problems);
    problems.none()?;
    if before.notification_preferences == *new {
        return Ok(before);
    }
    preferences::replace(w, id, new, &visible)?;
    // The account's own trail tells nothing of what was chosen for another.
    let here = w.actor.account.as_ref().map(|account| account.id.as_str());
    let told = |all: &NotificationPreferences| {
        let mut all = all.clone();
        let ours = |id: &Option<String>| id.is_none() || id.as_deref() == here;
        all.values_mut().for_each(|list| list.retain(|preference| ours(&preference.account_id)));
        all.retain(|_, list| !list.is_empty());
        all
    };
    let changes = Changes::of("notificationPreferences", told(&before.notification_preferences), told(new));
    record(w, id, &before.email.0, changes)?;
    seen_by_actor(w, id)
}

/// Issues a new first token and ends the one before: for somebody who has neither a password nor a passkey yet and is in no
/// other account, nor in its recycle bin.
pub fn invite(w: &Write, id: i64) -> Result<Claims> {
    let account = w.actor.require(Permission::UsersCreate)?.clone();
    w.actor.require_in_person()?;
    // It lets somebody in who is there already, whatever they use today.
    w.actor.require_whole()?;
    if w.actor.is(id) {
        return Err(Error::Conflict(
            "yourself",
            "You are in already. `rollcall link --email` signs you in anew.".into(),
        ));
    }
    let standing = require_over(w, &account, id)?;
    if !(standing.pending && invitations::is_stranded(w, &account, id)?) {
        if standing.pending {
            return Err(Error::Conflict("pending", "They sign in with what they have, and accept then.".into()));
        }
        require_home(w, &account, id)?;
        memberships::require_only_here(w, &account, id)?;
    }
    if passwords::is_set(w, id)? {
        let message = "They have a password already. `rollcall link --email` lets in who has lost it.";
        return Err(Error::Conflict("password_set", message.into()));
    }
    if passkeys::is_set(w, id)? {
        let message = "They have a passkey already. A passkey link lets in who has lost it.";
        return Err(Error::Conflict("passkey_set", message.into()));
    }
    let (subject, changes) = (Subject::user(id, &standing.email), Changes::of("invited", false, true));
    events::record(w, PulseEvent::UserPasswordResetRequested, Some(&account), subject, changes)?;
    invitations::create_anew(w, id)
}

/// One's own e-mail is a matter of one's primary account, whichever one acts in.
fn may_rename_self(r: &Read, id: i64) -> Result<bool> {
    let Some(account) = &r.actor.account else { return Ok(r.actor.owner) };
    Ok(r.actor.owner || r.actor.may(Permission::UsersUpdate) && require_home(r, &account.id, id).is_ok())
}

/// Moves `updatedBy` and `updatedAt`, and records the change.
pub(in crate::domain) fn record(w: &Write, id: i64, email: &str, changes: Option<serde_json::Value>) -> Result<()> {
    let by = w.actor.email.as_deref().unwrap_or(email);
    w.run("update users set updated_by = ?2, updated_at = ?3 where id = ?1", params![id, by, w.now])?;
    let account = match &w.actor.account {
        Some(account) => Some(account.id.clone()),
        None => crate::domain::accounts::primary(w, id)?,
    };
    events::record(w, PulseEvent::UserUpdated, account.as_ref(), Subject::user(id, email), changes)
}

/// A user whose profile the actor may change: themself, or somebody whose primary account is the actor's.
fn changeable(r: &Read, id: i64) -> Result<User> {
    if r.actor.is(id) && !r.actor.held_back {
        return super::me(r);
    }
    memberships::require_over_at_home(r, Permission::UsersUpdate, id, memberships::not_accepted)?;
    find_changed(r, id)
}

fn seen_by_actor(r: &Read, id: i64) -> Result<User> {
    if r.actor.is(id) { super::me(r) } else { find_changed(r, id) }
}

/// `If-Match` (RFC 9110 section 13.1.1): nobody overwrites what they haven't seen.
pub(in crate::domain) fn require_match(user: &User, if_match: Option<&str>) -> Result<()> {
    let Some(wanted) = if_match else { return Ok(()) };
    let current = user.etag();
    if wanted.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == current) {
        return Ok(());
    }
    Err(Error::Changed(format!(
        "That is not the current version of this user, which was changed last by {}.",
        user.updated_by
    )))
}
