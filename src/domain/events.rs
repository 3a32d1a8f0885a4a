//! What happened. Every change records its event here, in its own transaction: the audit log.

use serde_json::Value;

use super::fields::AccountId;
use super::pulse::PulseEvent;
use crate::db::{Write, params};
use crate::error::Result;

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

/// Records one event as done by `w.actor`. `changes` never holds a secret.
pub fn record(
    w: &Write,
    event: PulseEvent,
    account: Option<&AccountId>,
    subject: Subject,
    changes: Option<Value>,
) -> Result<()> {
    let actor = &w.actor;
    w.run(
        "insert into events (event, at, account_id, actor_id, actor, subject_id, subject, request_id, address, changes)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            event.name(),
            w.now,
            account.map(AccountId::as_str),
            actor.user_id,
            actor.email,
            subject.user_id,
            subject.label,
            actor.trace.request_id,
            actor.trace.address,
            changes.map(|changes| changes.to_string()),
        ],
    )?;
    Ok(())
}
