//! Passkeys: what signs somebody in instead of a password. A device keeps the private half and asks for a PIN, a finger
//! or a face before it uses it, so one passkey is two factors; here is the public half.
//!
//! What a browser sends is verified by [`crate::relying_party`] before it gets here.

mod link;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{AuthenticationResult, CredentialID, Passkey as Credential, Uuid};

use super::events::{self, Changes, Subject};
use super::object::only_from_objects;
use super::permissions::Permission;
use super::pulse::PulseEvent;
use super::tokens::Claims;
use super::{accounts, fields, memberships, passwords, sessions};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::error::{Error, Problem, Result};

pub use link::{LINK_LIFETIME, begin_by_link, create_by_link, find_link, send_link};

/// A device, or a password manager, that signs somebody in.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// Passkey ID: the ID of its credential (WebAuthn), in base64url
    pub id: String,
    /// What its user calls it
    pub name: String,
    pub created_at: Timestamp,
    /// When it last signed its user in; left out if never
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// Changes to a passkey.
#[derive(Clone, Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct PasskeyPatch {
    /// What to call it
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
}

only_from_objects!(PasskeyPatch);

/// The most passkeys somebody has.
pub const MOST: usize = 20;

/// Who is about to register a passkey, as their device gets to know them.
#[derive(Clone, Debug)]
pub struct Registrant {
    pub user_id: i64,
    pub handle: Uuid,
    pub email: String,
    pub name: Option<String>,
    /// What is registered already: no device registers twice.
    pub known: Vec<CredentialID>,
}

/// The actor, about to register a passkey of their own.
pub fn begin(w: &Write) -> Result<Registrant> {
    w.actor.require_self()?;
    w.actor.ask_proof()?;
    registrant(w)
}

/// Keeps a passkey of the actor's. Without a name it is called after the day.
pub fn create(w: &Write, name: &str, credential: &Credential) -> Result<Passkey> {
    w.actor.require_self()?;
    w.actor.require_proof()?;
    insert(w, name, credential)
}

/// Whether the actor must register a passkey before they may do anything else: they came in by a link from the shell, and
/// passkeys are the only way in.
pub fn require_asked(r: &Read) -> Result<()> {
    if !r.settings.passkeys_only || is_set(r, r.actor.require_user()?)? {
        return Err(Error::Conflict("not_asked", "Nobody asks you for a passkey. Add one on your own page.".into()));
    }
    Ok(())
}

/// Whose passkey it is, and its public half, if the device names its user rightly.
pub fn find_answering(r: &Read, handle: Uuid, id: &[u8]) -> Result<Option<(i64, Credential)>> {
    let sql = "select p.user_id, p.credential from passkeys p join passkey_handles h on h.user_id = p.user_id
                where p.id = ?1 and h.handle = ?2";
    let found =
        r.maybe(sql, params![encoded(id), handle.to_string()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    found.map(|(user_id, json)| Ok((user_id, parse(&json)?))).transpose()
}

/// Signs in whoever a passkey was verified for.
pub fn sign_in(w: &mut Write, user_id: i64, proof: &AuthenticationResult) -> Result<Claims> {
    sessions::acting_as(w, user_id)?;
    note_use(w, user_id, proof)?;
    sessions::start(w)
}

/// The actor has proved again who they are, with a passkey of their own; see [`sessions::prove`].
pub fn prove(w: &Write, user_id: i64, proof: &AuthenticationResult, session: &Claims) -> Result<Claims> {
    if !w.actor.is(user_id) {
        let message = "This is a passkey of somebody else. Use one of yours.";
        return Err(Error::Unauthenticated("foreign_passkey", message.into()));
    }
    note_use(w, user_id, proof)?;
    sessions::prove(w, session)
}

/// Notes that a passkey of the actor's was used, and what its device counts. One that was deleted while it was verified
/// proves nothing. That the server was asked for a challenge is told here too: only now is it known by whom, and a stranger
/// who only asks can write nothing.
fn note_use(w: &Write, user_id: i64, proof: &AuthenticationResult) -> Result<()> {
    let id = encoded(proof.cred_id());
    let sql = "select name, credential from passkeys where id = ?1 and user_id = ?2";
    let found: Option<(String, String)> = w.maybe(sql, params![id, user_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (name, json) = found.ok_or_else(unknown)?;
    let mut credential = parse(&json)?;
    credential.update_credential(proof);
    let sql = "update passkeys set credential = ?2, used_at = ?3 where id = ?1";
    w.run(sql, params![id, written(&credential)?, w.now])?;
    record(w, PulseEvent::PasskeyAuthenticationOptionsGenerated, None)?;
    record(w, PulseEvent::PasskeyAuthenticated, passkey(None, Some(&name)))
}

/// What is said of a passkey that isn't, or isn't any more.
pub fn unknown() -> Error {
    let message = "This passkey is not known here; it may have been deleted. Sign in another way.";
    Error::Unauthenticated("unknown_passkey", message.into())
}

/// One's own passkeys, for one's own page.
pub fn list_own(r: &Read) -> Result<Vec<Passkey>> {
    load(r, r.actor.require_user()?)
}

/// Somebody's passkeys: one's own, or those of a member whom the actor may suspend. That they were looked at is recorded.
pub fn list(w: &Write, user_id: i64) -> Result<Vec<Passkey>> {
    let email = require_over(w, user_id)?;
    let account = accounts::primary(w, user_id)?;
    let subject = Subject::user(user_id, &email);
    events::record(w, PulseEvent::PasskeyListViewed, account.as_ref(), subject, None)?;
    load(w, user_id)
}

/// One of somebody's passkeys, by those who may delete it.
pub fn find(r: &Read, user_id: i64, id: &str) -> Result<Passkey> {
    require_over(r, user_id)?;
    load(r, user_id)?.into_iter().find(|passkey| passkey.id == id).ok_or_else(no_such)
}

/// Renames a passkey of one's own.
pub fn rename(w: &Write, id: &str, patch: &PasskeyPatch) -> Result<Passkey> {
    let user_id = w.actor.require_self()?;
    let before = find(w, user_id, id)?;
    let name = parse_name(&patch.name)?
        .ok_or_else(|| Error::invalid("name", "name_missing", "Give it a name that tells you which device it is."))?;
    if name != before.name {
        w.run("update passkeys set name = ?2 where id = ?1", params![id, name])?;
        record(w, PulseEvent::PasskeyRenamed, passkey(Some(&before.name), Some(&name)))?;
    }
    find(w, user_id, id)
}

/// Deletes a passkey: one of one's own, or of a member whom the actor may suspend and who has lost their device.
pub fn delete(w: &Write, user_id: i64, id: &str) -> Result<()> {
    let email = require_over(w, user_id)?;
    w.actor.require_proof()?;
    let name = find(w, user_id, id)?.name;
    if w.actor.is(user_id) {
        require_other_way(w, user_id)?;
    }
    w.run("delete from passkeys where id = ?1 and user_id = ?2", params![id, user_id])?;
    let account = accounts::primary(w, user_id)?;
    let (subject, changes) = (Subject::user(user_id, &email), passkey(Some(&name), None));
    events::record(w, PulseEvent::PasskeyDeleted, account.as_ref(), subject, changes)
}

/// Whether somebody has a passkey.
pub fn is_set(r: &Read, user_id: i64) -> Result<bool> {
    r.value("select exists (select 1 from passkeys where user_id = ?1)", [user_id])
}

/// Nobody locks themself out: another passkey must be left, or a password where it is a way in.
fn require_other_way(r: &Read, user_id: i64) -> Result<()> {
    let passkeys: i64 = r.value("select count(*) from passkeys where user_id = ?1", [user_id])?;
    if passkeys > 1 || (!r.settings.passkeys_only && passwords::is_set(r, user_id)?) {
        return Ok(());
    }
    let message = match r.settings.passkeys_only {
        true => "It is all you can sign in with. Add another passkey first.",
        false => "It is all you can sign in with. Set a password or add another passkey first.",
    };
    Err(Error::Conflict("only_passkey", message.into()))
}

/// The e-mail of whose passkeys they are, if the actor may see and delete them.
fn require_over(r: &Read, user_id: i64) -> Result<String> {
    if r.actor.is(user_id) {
        r.actor.require_self()?;
        return Ok(r.actor.email.clone().unwrap_or_default());
    }
    let (_, standing) =
        memberships::require_over_at_home(r, Permission::UsersSuspend, user_id, memberships::no_such_member)?;
    Ok(standing.email)
}

/// The actor as somebody who registers a passkey; their devices get a handle to know them by.
fn registrant(w: &Write) -> Result<Registrant> {
    let user_id = w.actor.require_user()?;
    let known = load(w, user_id)?;
    require_room(known.len())?;
    let sql = "insert into passkey_handles (user_id, handle) values (?1, ?2)
               on conflict (user_id) do update set handle = handle returning handle";
    let handle: String = w.value(sql, params![user_id, Uuid::new_v4().to_string()])?;
    record(w, PulseEvent::PasskeyRegistrationOptionsGenerated, None)?;
    Ok(Registrant {
        user_id,
        handle: handle.parse().map_err(Error::internal)?,
        email: w.actor.email.clone().unwrap_or_default(),
        name: w.actor.name.clone(),
        known: known.iter().filter_map(|passkey| BASE64_URL_SAFE_NO_PAD.decode(&passkey.id).ok()).collect(),
    })
}

fn insert(w: &Write, name: &str, credential: &Credential) -> Result<Passkey> {
    let user_id = w.actor.require_user()?;
    let name = parse_name(name)?.unwrap_or_else(|| format!("Passkey of {}", w.now.day()));
    require_room(load(w, user_id)?.len())?;
    let id = encoded(credential.cred_id());
    let sql = "insert into passkeys (id, user_id, name, credential, created_at) values (?1, ?2, ?3, ?4, ?5)
               on conflict (id) do nothing";
    if w.run(sql, params![id, user_id, name, written(credential)?, w.now])? == 0 {
        return Err(Error::Conflict("passkey_exists", "This passkey is registered already.".into()));
    }
    record(w, PulseEvent::PasskeyRegistered, passkey(None, Some(&name)))?;
    Ok(Passkey { id, name, created_at: w.now, used_at: None })
}

fn require_room(passkeys: usize) -> Result<()> {
    if passkeys < MOST {
        return Ok(());
    }
    let message = format!("There are {MOST} passkeys already. Delete one that isn't used any more first.");
    Err(Error::Conflict("too_many_passkeys", message.into()))
}

fn load(r: &Read, user_id: i64) -> Result<Vec<Passkey>> {
    let sql = "select id, name, created_at, used_at from passkeys where user_id = ?1 order by created_at, id";
    r.all(sql, [user_id], from_row)
}

fn from_row(row: &Row) -> RowResult<Passkey> {
    Ok(Passkey { id: row.get(0)?, name: row.get(1)?, created_at: row.get(2)?, used_at: row.get(3)? })
}

/// Records what the actor did about a passkey of their own.
fn record(w: &Write, event: PulseEvent, changes: Option<serde_json::Value>) -> Result<()> {
    let user_id = w.actor.require_user()?;
    let account = accounts::primary(w, user_id)?;
    let subject = Subject::user(user_id, w.actor.email.as_deref().unwrap_or_default());
    events::record(w, event, account.as_ref(), subject, changes)
}

/// The name of a passkey, as events tell of it.
fn passkey(before: Option<&str>, after: Option<&str>) -> Option<serde_json::Value> {
    Changes::of("passkey", before, after)
}

fn parse_name(name: &str) -> Result<Option<String>> {
    fields::name("name", name).map_err(|problem: Problem| Error::Invalid(vec![problem]))
}

fn encoded(id: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(id)
}

fn written(credential: &Credential) -> Result<String> {
    serde_json::to_string(credential).map_err(Error::internal)
}

fn parse(credential: &str) -> Result<Credential> {
    serde_json::from_str(credential).map_err(Error::internal)
}

fn no_such() -> Error {
    Error::not_found("There is no such passkey; it may have been deleted already.")
}
