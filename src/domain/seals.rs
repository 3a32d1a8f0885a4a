//! What the keys of the server hold up: the tokens and kept answers that were sealed with them. A row doesn't say with
//! which key, but when it was made, and a key is in use from one rotation to the next.

use std::time::Duration;

use super::accounts;
use super::events::{self, Subject};
use super::fields::AccountId;
use super::idempotency;
use super::invitations;
use super::pulse::PulseEvent;
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::Result;

/// How long a server may go on sealing with a key after another one took its place: it looks every few seconds.
const IN_FLIGHT: Duration = Duration::from_secs(60);

/// Whether something that is still honoured may have been sealed by a key that was in use between two moments.
pub fn any_between(r: &Read, since: Option<Timestamp>, until: Timestamp) -> Result<bool> {
    let (since, until) = (since.unwrap_or(Timestamp(i64::MIN)), until.after(IN_FLIGHT));
    let answers =
        Timestamp(r.now.0.saturating_sub(i64::try_from(idempotency::LIFETIME.as_millis()).unwrap_or(i64::MAX)));
    r.value(
        "select exists (select 1 from tokens where expires_at > ?3 and created_at between ?1 and ?2)
             or exists (select 1 from users where invitation_expires_at > ?3 and invitation_created_at between ?1 and ?2)
             or exists (select 1 from idempotency_keys where created_at > ?4 and created_at between ?1 and ?2)",
        params![since, until, r.now, answers],
    )
}

/// Ends every token and forgets every kept answer. Whose sessions and API keys they were stands in
/// the trail of each account.
pub fn end_all(w: &Write) -> Result<()> {
    let sql = "select distinct u.id, u.email from tokens t join users u on u.id = t.user_id where t.kind = 'session'";
    for (id, email) in w.all(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))? {
        let account = accounts::primary(w, id)?;
        events::record(w, PulseEvent::UserLoggedOut, account.as_ref(), Subject::user(id, &email), None)?;
    }
    let sql =
        "select account_id, name from tokens where kind = 'api_key' and account_id is not null and name is not null";
    for (account, name) in w.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
        let account: AccountId = accounts::stored(&account)?;
        events::record(w, PulseEvent::ApiKeyDeleted, Some(&account), Subject::named(&name), None)?;
    }
    w.run("delete from idempotency_keys", [])?;
    invitations::revoke_all(w)?;
    w.run("delete from tokens", []).map(drop)
}
