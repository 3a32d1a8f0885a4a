//! Passwords: how long they are, how they are hashed, and setting one.
//!
//! [`hash`] and [`verify`] are slow on purpose and touch no database: never call them inside a closure for the writer.

use std::cell::RefCell;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::accounts;
use super::events::{self, Subject};
use super::fields::email_key;
use super::pulse::PulseEvent;
use crate::db::{Read, Write, params};
use crate::error::{Error, Problem, Result};

pub const MIN: usize = 8;
pub const MAX: usize = 128;

/// What is verified when there is no hash: nobody's, with the same parameters.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// OWASP's Password Storage Cheat Sheet: argon2id with 19 MiB of memory, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A password somebody chose: any characters, [`MIN`] to [`MAX`] of them.
pub fn check(field: &str, password: &str) -> Result<(), Problem> {
    match password.chars().count() {
        n if n < MIN => {
            let message = format!("Use at least {MIN} characters. A few words in a row are easy to remember.");
            Err(Problem::new(field, "password_too_short", message))
        }
        n if n > MAX => Err(Problem::new(field, "password_too_long", format!("Use at most {MAX} characters."))),
        _ => Ok(()),
    }
}

/// Hashes a password; takes tens of milliseconds and 19 MiB.
pub fn hash(password: &str) -> Result<String> {
    let (argon2, salt) = (argon2(), Salt::generate());
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into().map_err(Error::internal)?,
        hash: Some(output(&argon2, password, &salt)?),
        salt: Some(salt),
    };
    Ok(hash.to_string())
}

/// Whether `password` is the one behind `stored`. Without a stored hash it takes as long and answers no, so that time
/// doesn't tell who exists.
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let Ok(known) = PasswordHash::new(stored.unwrap_or(NOBODY)) else { return false };
    let (Ok(params), Some(salt), Some(hash)) = (Params::try_from(&known), &known.salt, &known.hash) else {
        return false;
    };
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    // `Output` compares in constant time.
    output(&argon2, password, salt).is_ok_and(|output| output == *hash) && stored.is_some()
}

thread_local! {
    /// What argon2 fills: kept by each thread that hashes, because the allocator would keep far more of it.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

fn output(argon2: &Argon2, password: &str, salt: &Salt) -> Result<Output> {
    let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(argon2.params().block_count(), Block::default());
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut bytes, memory).map_err(Error::internal)
    })?;
    Output::new(&bytes).map_err(Error::internal)
}

/// The user with that e-mail and the hash of their password, for signing in.
pub fn find_by_email(r: &Read, email: &str) -> Result<Option<(i64, String)>> {
    let sql = "select u.id, p.hash from users u join passwords p on p.user_id = u.id where u.email_key = ?1";
    r.maybe(sql, [email_key(email)], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn is_set(r: &Read, user_id: i64) -> Result<bool> {
    r.value("select exists (select 1 from passwords where user_id = ?1)", [user_id])
}

/// Stores a hash as the user's password.
pub fn set(w: &Write, user_id: i64, email: &str, hash: &str) -> Result<()> {
    w.run(
        "insert into passwords (user_id, hash, changed_at) values (?1, ?2, ?3)
         on conflict (user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at",
        params![user_id, hash, w.now],
    )?;
    let account = accounts::primary(w, user_id)?;
    events::record(w, PulseEvent::UserPasswordChanged, account.as_ref(), Subject::user(user_id, email), None)
}

/// The actor's new password; every other browser of theirs is signed out.
pub fn change(w: &Write, hash: &str, keep: &str) -> Result<()> {
    let user_id = w.actor.require_self()?;
    let email = w.actor.email.clone().unwrap_or_default();
    set(w, user_id, &email, hash)?;
    let sql =
        "delete from tokens where user_id = ?1 and kind in ('session', 'invitation', 'sign_in_link') and id <> ?2";
    w.run(sql, params![user_id, keep]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_verified_against_its_own_hash_only() {
        let stored = hash("correct horse");
        assert!(stored.as_ref().is_ok_and(|stored| stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")));
        assert!(verify("correct horse", stored.as_deref().ok()));
        assert!(!verify("correct horse ", stored.as_deref().ok()));
        assert!(!verify("", None));
    }

    #[test]
    fn nobody_has_a_hash_that_takes_as_long_as_anybodys() {
        assert!(
            PasswordHash::new(NOBODY).is_ok_and(|hash| hash.to_string().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"))
        );
    }
}
