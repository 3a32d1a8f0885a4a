//! What happened. Every change records its event here, in its own transaction: the audit log.

mod list;

use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fields::{self, AccountId};
use super::object::only_from_objects;
use super::permissions::Permission;
use super::pulse::PulseEvent;
use super::users;
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::error::{Error, Problem, Result};

pub use list::{Cursor, Filter, Limit, Page, export, list};

/// Something that happened.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Event ID; later events have larger ones
    pub id: i64,
    pub event: PulseEvent,
    /// When it happened
    pub at: Timestamp,
    /// ID of the user who did it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<i64>,
    /// Email of the user who did it, as it was then
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// ID of the owner who acted as that user
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator_id: Option<i64>,
    /// Email of the owner who acted as that user, as it was then
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator: Option<String>,
    /// ID of the user it was done to
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<i64>,
    /// What it was done to: the email of a user, the name of anything else
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// ID of the request it was part of
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// IP address the request came from
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What changed: field by field, `before` and `after`; or what another system said
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Value>,
    /// `true` if another system reported it by `POST /events`; left out if it happened here
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported: Option<bool>,
}

/// An event that another system of the team's records.
#[derive(Clone, Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NewEvent {
    pub event: PulseEvent,
    /// ID of the user it was done to
    pub subject_id: Option<i64>,
    /// What it was done to, for people to read
    #[oai(validator(max_length = 200))]
    pub subject: Option<String>,
    /// Whatever belongs to it: an object of at most 8 KiB
    pub changes: Option<Value>,
}

only_from_objects!(NewEvent);

/// Most bytes of JSON that another system can put into `changes`.
const CHANGES_MAX: usize = 8 * 1024;

/// Whom or what an event is about, by value: it must still be true when they are gone.
pub struct Subject<'a> {
    user_id: Option<i64>,
    label: &'a str,
}

impl<'a> Subject<'a> {
    pub fn user(id: i64, email: &'a str) -> Self {
        Self { user_id: Some(id), label: email }
    }

    pub fn named(label: &'a str) -> Self {
        Self { user_id: None, label }
    }
}

/// What changed, field by field. Never a secret.
#[derive(Default)]
pub struct Changes(Map<String, Value>);

impl Changes {
    /// Notes a field, if it did change.
    pub fn note(&mut self, field: &str, before: impl Serialize, after: impl Serialize) {
        let (before, after) = (json!(before), json!(after));
        if before != after {
            self.0.insert(field.to_owned(), json!({"before": before, "after": after}));
        }
    }

    pub fn of(field: &str, before: impl Serialize, after: impl Serialize) -> Option<Value> {
        let mut changes = Self::default();
        changes.note(field, before, after);
        changes.some()
    }

    /// All of it; `None` if nothing changed.
    pub fn some(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}

/// Records one event as done by `w.actor`. `changes` never holds a secret.
pub fn record(
    w: &Write,
    event: PulseEvent,
    account: Option<&AccountId>,
    subject: Subject,
    changes: Option<Value>,
) -> Result<()> {
    insert(w, event, account, subject.user_id, Some(subject.label), changes, false).map(drop)
}

/// Records an event of another system in the actor's account.
pub fn create(w: &Write, new: NewEvent) -> Result<Event> {
    let account = w.actor.require(Permission::EventsCreate)?.clone();
    let invalid = |problem: Problem| Error::Invalid(vec![problem]);
    let mut subject = fields::name("subject", new.subject.as_deref().unwrap_or_default()).map_err(invalid)?;
    if let Some(id) = new.subject_id {
        let email = users::find_email(w, &account, id)?;
        subject = subject.or(Some(email));
    }
    let fits = |changes: &Value| changes.is_object() && changes.to_string().len() <= CHANGES_MAX;
    if !new.changes.as_ref().is_none_or(fits) {
        return Err(Error::invalid("changes", "invalid_changes", "This is an object of at most 8 KiB."));
    }
    let id = insert(w, new.event, Some(&account), new.subject_id, subject.as_deref(), new.changes, true)?;
    load(w, &account, id)
}

/// An event of the actor's account.
pub fn find(r: &Read, id: i64) -> Result<Event> {
    load(r, r.actor.require(Permission::EventsRead)?, id)
}

fn load(r: &Read, account: &AccountId, id: i64) -> Result<Event> {
    let sql = format!("select {COLUMNS} from all_events where id = ?1 and account_id = ?2");
    let found = r.maybe(&sql, params![id, account.as_str()], from_row)?;
    found.ok_or_else(|| Error::not_found(format!("There is no event {id} in this account.")))
}

/// Removes up to `most` events from before a moment, account by account and the oldest first, and at last the latest; says how
/// many.
pub fn purge(w: &Write, before: Timestamp, most: i64) -> Result<usize> {
    // From one account to the next along their index, and at last to what belongs to none.
    let sql = "with recursive a (id) as (
                 select min(account_id) from events union all
                 select (select min(account_id) from events where account_id > a.id) from a where a.id is not null)
               delete from events where id in (
                 select e.id from a cross join events e on e.account_id is a.id and e.at < ?1 limit ?2)";
    let gone = w.run(sql, params![before, most])?;
    // A page or an export that goes on after one of the latest takes it that all before have gone with it.
    let left = most.saturating_sub(i64::try_from(gone).map_err(Error::internal)?);
    let sql =
        "delete from latest_events where id in (select id from latest_events where at < ?1 order by at, id limit ?2)";
    Ok(gone + if left > 0 { w.run(sql, params![before, left])? } else { 0 })
}

/// So many of the latest events are moved to the others together.
const TOGETHER: i64 = 128;

/// Moves the latest events to where they are in indexes.
fn move_latest(w: &Write) -> Result<()> {
    w.run("insert into events select * from latest_events order by id", [])?;
    w.run("delete from latest_events", []).map(drop)
}

fn insert(
    w: &Write,
    event: PulseEvent,
    account: Option<&AccountId>,
    subject_id: Option<i64>,
    subject: Option<&str>,
    changes: Option<Value>,
    reported: bool,
) -> Result<i64> {
    let actor = &w.actor;
    let owner = actor.impersonator.as_ref();
    let sql =
        "insert into latest_events (event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id,
                                          subject, request_id, address, changes, reported)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let id = w.insert(
        sql,
        params![
            event.name(),
            w.now,
            account.map(AccountId::as_str),
            actor.user_id,
            actor.email,
            owner.map(|owner| owner.id),
            owner.map(|owner| &owner.email),
            subject_id,
            subject,
            Some(&actor.trace.request_id).filter(|id| !id.is_empty()),
            actor.trace.address,
            changes.map(|changes| changes.to_string()),
            reported,
        ],
    )?;
    let id = id.ok_or_else(|| Error::internal("an event that was not recorded"))?;
    if id % TOGETHER == 0 {
        move_latest(w)?;
    }
    Ok(id)
}

const COLUMNS: &str = "id, event, at, actor_id, actor, subject_id, subject, request_id, address, changes, reported,
                       impersonator_id, impersonator";

fn from_row(row: &Row) -> RowResult<Event> {
    let event: String = row.get(1)?;
    let changes: Option<String> = row.get(9)?;
    Ok(Event {
        id: row.get(0)?,
        event: event.parse().unwrap_or(PulseEvent::NoEventName),
        at: row.get(2)?,
        actor_id: row.get(3)?,
        actor: row.get(4)?,
        impersonator_id: row.get(11)?,
        impersonator: row.get(12)?,
        subject_id: row.get(5)?,
        subject: row.get(6)?,
        request_id: row.get(7)?,
        address: row.get(8)?,
        changes: changes.and_then(|json| serde_json::from_str(&json).ok()),
        reported: row.get::<_, bool>(10)?.then_some(true),
    })
}

impl Event {
    /// What happened, as a person would say it: "created grace@example.com". Who did it stands before it.
    pub fn sentence(&self) -> String {
        let subject = self.subject.as_deref().unwrap_or("somebody");
        // The first owner had no ID yet when they set everything up.
        let by_name = self.actor_id.is_none() && self.actor.is_some() && self.actor == self.subject;
        let own = self.subject_id.is_some() && (self.subject_id == self.actor_id || by_name);
        if self.reported.is_some() {
            return format!("reported: {}", self.title());
        }
        let whose = if own { "their".to_owned() } else { format!("{subject}’s") };
        use PulseEvent as E;
        match self.event {
            E::UserLoggedIn => "signed in".into(),
            E::UserLoggedOut if own => "signed out".into(),
            E::UserLoggedOut => format!("ended a session of {subject}"),
            E::UserCreated => format!("created {subject}"),
            E::UserUpdated => match (self.became("active"), self.became("owner")) {
                (Some(true), _) => format!("made {subject} active again"),
                (Some(false), _) => format!("suspended {subject}"),
                (_, Some(true)) => format!("made {subject} an owner of the server"),
                (_, Some(false)) => format!("ended {whose} ownership of the server"),
                (None, None) => format!("changed {whose} profile"),
            },
            // The second as earlier versions recorded it.
            E::FileRequested if self.became("requested").or(self.became("made")) == Some(true) => {
                format!("asked for the backup {subject}")
            }
            E::FileRequested if self.became("downloaded") == Some(true) => format!("downloaded the backup {subject}"),
            E::UserDeleted => format!("{subject} was deleted for good"),
            E::UserPasswordChanged => format!("set {whose} password"),
            E::UserPasswordResetRequested if self.became("invited") == Some(true) => {
                format!("made a new welcome link for {subject}")
            }
            // Earlier versions recorded welcome links without a mark, and they set a password, too.
            E::UserPasswordResetRequested => format!("made a link that sets {whose} password"),
            E::AdminSendPasskeyRegistration => format!("made a passkey link for {subject}"),
            E::PasskeyRegistrationTokenValidated => format!("opened {whose} passkey link"),
            E::PasskeyRegistrationOptionsGenerated => format!("began to add a passkey of {subject}"),
            E::PasskeyRegistered => format!("added the passkey {}", self.passkey()),
            E::PasskeyAuthenticationOptionsGenerated => "was asked for a passkey".into(),
            E::PasskeyAuthenticated => format!("used the passkey {}", self.passkey()),
            E::PasskeyListViewed => format!("looked at {whose} passkeys"),
            E::PasskeyRenamed => format!("renamed a passkey to {}", self.passkey()),
            E::PasskeyDeleted => format!("deleted {whose} passkey {}", self.passkey()),
            E::UserAddedToAccount if own => "joined the account".into(),
            E::UserAddedToAccount if self.became("pending") == Some(true) => {
                format!("invited {subject} to the account")
            }
            E::UserAddedToAccount if self.became("removed") == Some(false) => {
                format!("put {subject} back into the account")
            }
            E::UserAddedToAccount => format!("added {subject} to the account"),
            E::UserRemovedFromAccount if self.became("pending") == Some(false) => match own {
                true => "declined the invitation to the account".into(),
                false => format!("withdrew the invitation of {subject}"),
            },
            E::UserRemovedFromAccount if own => "left the account".into(),
            E::UserRemovedFromAccount => format!("took {subject} out of the account"),
            E::UserImpersonated if self.changes.as_ref().is_some_and(|changes| changes.get("reason").is_none()) => {
                format!("stopped acting as {subject}")
            }
            E::UserImpersonated => format!("began to act as {subject}"),
            E::UserRolesUpdated => format!("changed {whose} roles"),
            E::UserPermissionsSetDirectly => format!("changed {whose} direct permissions"),
            E::UserAccountSettingsUpdated => format!("changed {whose} place in the account"),
            E::AccountCreated => format!("created the account {subject}"),
            E::AccountUpdated if self.became("removed") == Some(false) => format!("brought back the account {subject}"),
            E::AccountUpdated => format!("renamed the account to {subject}"),
            E::AccountDeleted => format!("deleted the account {subject}"),
            E::TeamCreated => format!("made the team {subject}"),
            E::TeamUpdated => format!("renamed a team to {subject}"),
            E::TeamDeleted => format!("deleted the team {subject}"),
            E::TeamActivated => format!("activated the team {subject}"),
            E::TeamDeactivated => format!("deactivated the team {subject}"),
            E::RoleCreated => format!("made the role {subject}"),
            E::RoleDeleted => format!("deleted the role {subject}"),
            E::RolePermissionsUpdated => format!("changed what the role {subject} permits"),
            E::ApiKeyCreated => format!("made the API key {subject}"),
            E::ApiKeyDeleted => format!("revoked the API key {subject}"),
            _ => self.title(),
        }
    }

    /// The name of the passkey it is about.
    fn passkey(&self) -> &str {
        let names = self.changes.as_ref().and_then(|changes| changes.get("passkey"));
        let name = names.and_then(|names| names["after"].as_str().or(names["before"].as_str()));
        name.unwrap_or_default()
    }

    /// What an event is called, and whom it is about.
    fn title(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{}: {subject}", self.event.title()),
            None => self.event.title(),
        }
    }

    /// What a field that says yes or no was changed to, if it was.
    fn became(&self, field: &str) -> Option<bool> {
        self.changes.as_ref()?.get(field)?.get("after")?.as_bool()
    }
}
