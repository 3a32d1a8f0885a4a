//! Who may have backups of the whole server: its owners, in person. The files themselves are made in [`crate::backups`].

use super::accounts;
use super::events::{self, Changes, Subject};
use super::pulse::PulseEvent;
use crate::db::{Read, Write};
use crate::error::Result;

/// Whether the actor may see which there are.
pub fn require_may(r: &Read) -> Result<()> {
    r.actor.require_owner()?;
    r.actor.require_self().map(drop)
}

/// The actor asks for a new one.
pub fn ask(w: &Write, file: &str) -> Result<()> {
    require_proved(w)?;
    record(w, file, "requested")
}

/// The actor takes one away, and with it everything that is known of everybody.
pub fn take(w: &Write, file: &str) -> Result<()> {
    require_proved(w)?;
    record(w, file, "downloaded")
}

fn require_proved(w: &Write) -> Result<()> {
    require_may(w)?;
    w.actor.require_proof()
}

/// It stands in the trail of the owner's own account, which is told nothing of the others.
fn record(w: &Write, file: &str, what: &str) -> Result<()> {
    let account = accounts::primary(w, w.actor.require_user()?)?;
    let changes = Changes::of(what, false, true);
    events::record(w, PulseEvent::FileRequested, account.as_ref(), Subject::named(file), changes)
}

/// One was made because its time had come.
pub fn note(w: &Write, file: &str) -> Result<()> {
    events::record(w, PulseEvent::CronJob, None, Subject::named(file), Changes::of("made", false, true))
}
