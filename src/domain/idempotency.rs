//! Idempotency keys: the same request sent twice is done once and answered twice (the IETF draft "The Idempotency-Key
//! HTTP Header Field"). A key belongs to its user and account, and is kept for a day.

use std::time::Duration;

use super::fields::AccountId;
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Result};

/// How long an answer is kept.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A key as a client chose it: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug)]
pub struct Key(String);

impl std::str::FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The draft has the key as a quoted string (RFC 8941); most clients send it bare.
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        if (1..=255).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Self(bare.to_owned()));
        }
        Err("A key has 1 to 255 visible ASCII characters; a random UUID is a good one.")
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer that was given under this key, if there was one; to another request it is an error.
pub fn find(r: &Read, key: &Key, fingerprint: &[u8]) -> Result<Option<String>> {
    let (user_id, account) = belongs_to(r)?;
    let sql = "select fingerprint, answer from idempotency_keys
                where user_id = ?1 and account_id = ?2 and key = ?3 and created_at > ?4";
    let found: Option<(Vec<u8>, String)> =
        r.maybe(sql, params![user_id, account.as_str(), key.0, oldest(r)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match found {
        Some((known, _)) if known != fingerprint => Err(Error::KeyReused),
        Some((_, answer)) => Ok(Some(answer)),
        None => Ok(None),
    }
}

/// Keeps the answer that is given under a key, in the transaction of what it tells of.
pub fn keep(w: &Write, key: &Key, fingerprint: &[u8], answer: &str) -> Result<()> {
    let (user_id, account) = belongs_to(w)?;
    let sql = "insert into idempotency_keys (user_id, account_id, key, fingerprint, answer, created_at)
               values (?1, ?2, ?3, ?4, ?5, ?6)
               on conflict (user_id, account_id, key) do update
                  set fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at";
    w.run(sql, params![user_id, account.as_str(), key.0, fingerprint, answer, w.now]).map(drop)
}

/// Forgets up to `most` keys that are too old; says how many.
pub fn purge(w: &Write, most: i64) -> Result<usize> {
    let sql = "delete from idempotency_keys
                where (user_id, account_id, key) in
                      (select user_id, account_id, key from idempotency_keys where created_at <= ?1 limit ?2)";
    w.run(sql, params![oldest(w)?, most])
}

fn belongs_to<'r>(r: &'r Read) -> Result<(i64, &'r AccountId)> {
    Ok((r.actor.require_user()?, r.actor.require_account()?))
}

fn oldest(r: &Read) -> Result<Timestamp> {
    Ok(Timestamp(r.now.0 - i64::try_from(LIFETIME.as_millis()).map_err(Error::internal)?))
}
