//! Passwords: which ones may be chosen, how they are hashed, and setting one.
//!
//! [`check`], [`hash`] and [`verify`] are slow and touch no database: never call them inside a closure for the writer.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use zxcvbn::feedback::Warning;

use super::accounts;
use super::events::{self, Changes, Subject};
use super::fields::{AccountId, email_key};
use super::memberships::{self, Standing};
use super::permissions::Permission;
use super::pulse::PulseEvent;
use super::tokens::{self, Claims};
use crate::clock::Timestamp;
use crate::db::{Read, Write, params};
use crate::error::{Error, Problem, Result};

pub const MIN: usize = 8;
pub const MAX: usize = 128;

/// What is verified when there is no hash: nobody's, with the same parameters.
const NOBODY: &str = "$argon2id$v=19$m=7784,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Argon2id with 7.6 MiB, five passes, one lane: a little more than the least memory that OWASP's Password Storage Cheat Sheet
/// lists (7 MiB, five passes), so that it is as much work as two passes over 19 MiB, with which older hashes were made.
fn argon2() -> Argon2<'static> {
    let params = Params::new(7784, 5, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What passwords are hashed in. Whoever hashes one after the other keeps it: the allocator gives back what one took later than the
/// next one would ask for more.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// So many blocks of a KiB, whatever is in them.
    fn of(&mut self, blocks: usize) -> Result<&mut [Block]> {
        if self.0.len() != blocks {
            self.0 = Vec::new();
            self.0.try_reserve_exact(blocks).map_err(Error::internal)?;
            self.0.resize(blocks, Block::new());
        }
        Ok(&mut self.0)
    }
}

/// Guesses that a password must withstand. Eight characters picked at random are worth as many, so [`MIN`] holds.
const GUESSES: u64 = 100_000_000;

/// A password somebody chose, exactly as they typed it: any characters, [`MIN`] to [`MAX`] of them, and not one that a
/// guesser would try early. `words` are what is known of them and of this server.
pub fn check(field: &str, password: &str, words: &[String]) -> Result<(), Problem> {
    match password.chars().count() {
        n if n < MIN => {
            let message = format!("Use at least {MIN} characters. A few words in a row are easy to remember.");
            Err(Problem::new(field, "password_too_short", message))
        }
        n if n > MAX => Err(Problem::new(field, "password_too_long", format!("Use at most {MAX} characters."))),
        _ => check_strength(field, password, words),
    }
}

/// zxcvbn knows the thirty thousand passwords that are used most, names, words, keyboard rows and dates, and how people
/// bend them. It looks at no more than a hundred characters.
fn check_strength(field: &str, password: &str, words: &[String]) -> Result<(), Problem> {
    let words = parts(words);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(password, &words);
    if estimate.guesses() >= GUESSES {
        return Ok(());
    }
    let known = estimate.sequence().iter().any(|found| words.contains(&found.token.to_lowercase().as_str()));
    let why = match estimate.feedback().and_then(|feedback| feedback.warning()) {
        _ if known => "It is made of your name, your e-mail or what this place is called, which are tried first.",
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => "Many people use this one or one like it, so it is tried first.",
        Some(Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess) => {
            "Keys beside each other are tried first."
        }
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess
            | Warning::SequencesLikeAbcAreEasyToGuess,
        ) => "What repeats itself or counts up is tried first.",
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => "Dates are tried first.",
        Some(Warning::NamesAndSurnamesByThemselvesAreEasyToGuess | Warning::CommonNamesAndSurnamesAreEasyToGuess) => {
            "Names are tried first."
        }
        _ => "It is too easy to guess.",
    };
    let message = format!("{why} Add a few words that have nothing to do with each other.");
    Err(Problem::new(field, "password_too_weak", message))
}

/// The words and what they are made of: `ada.lovelace@example.com` is also `ada`, `lovelace`, `example` and `adalovelace`.
fn parts(words: &[String]) -> Vec<String> {
    let mut parts = vec!["rollcall".to_owned()];
    for word in words {
        let word = word.to_lowercase();
        let local = word.split('@').next().unwrap_or_default();
        parts.push(local.chars().filter(|c| c.is_alphanumeric()).collect());
        parts
            .extend(word.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2).map(Into::into));
        parts.push(word);
    }
    parts
}

/// What is known of somebody, for [`check`]: their e-mail, their name, and what their accounts are called.
pub fn words(r: &Read, user_id: i64) -> Result<Vec<String>> {
    let sql =
        "select email from users where id = ?1 union all select name from users where id = ?1 and name is not null
               union all select a.name from accounts a join memberships m on m.account_id = a.id where m.user_id = ?1
               limit 50";
    r.all(sql, [user_id], |row| row.get(0))
}

/// Hashes a password; takes tens of milliseconds and 7.6 MiB.
pub fn hash(memory: &mut Memory, password: &str) -> Result<String> {
    let (argon2, salt) = (argon2(), Salt::generate());
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into().map_err(Error::internal)?,
        hash: Some(output(memory, &argon2, password, &salt)?),
        salt: Some(salt),
    };
    Ok(hash.to_string())
}

/// Whether `password` is the one behind `stored`. Without a stored hash it takes as long and answers no, and so it does
/// with one that was cheaper to compute: time doesn't tell who exists.
pub fn verify(memory: &mut Memory, password: &str, stored: Option<&str>) -> bool {
    let Ok(known) = PasswordHash::new(stored.unwrap_or(NOBODY)) else { return false };
    let (Ok(params), Some(salt), Some(hash)) = (Params::try_from(&known), &known.salt, &known.hash) else {
        return false;
    };
    if let Some(missing) = missing(&params) {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, missing);
        drop(output(memory, &argon2, password, salt));
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    // `Output` compares in constant time.
    output(memory, &argon2, password, salt).is_ok_and(|output| output == *hash) && stored.is_some()
}

/// How many blocks are filled.
fn work(params: &Params) -> u32 {
    params.m_cost().saturating_mul(params.t_cost())
}

/// What it takes, after parameters that are weaker than today's, to have done as much as today's ask for.
fn missing(params: &Params) -> Option<Params> {
    let memory = work(argon2().params()).saturating_sub(work(params)) / 4;
    (memory >= Params::MIN_M_COST).then(|| Params::new(memory, 4, 1, None).ok()).flatten()
}

/// Whether a hash was computed with other parameters than today's, so that it should be replaced while the password is at
/// hand.
pub fn is_outdated(stored: &str) -> bool {
    let params = PasswordHash::new(stored).ok().and_then(|known| Params::try_from(&known).ok());
    let today = argon2();
    let today = today.params();
    params.is_none_or(|known| {
        (known.m_cost(), known.t_cost(), known.p_cost()) != (today.m_cost(), today.t_cost(), today.p_cost())
    })
}

fn output(memory: &mut Memory, argon2: &Argon2, password: &str, salt: &Salt) -> Result<Output> {
    let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
    let memory = memory.of(argon2.params().block_count())?;
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut bytes, memory).map_err(Error::internal)?;
    Output::new(&bytes).map_err(Error::internal)
}

/// Whether passwords are a way in here. Asked first, so that the answer is the same for everybody and nothing is hashed.
pub fn require_in_use(r: &Read) -> Result<()> {
    if r.settings.passkeys_only { Err(Error::forbidden(NOT_IN_USE)) } else { Ok(()) }
}

const NOT_IN_USE: &str = "Passwords are not used here: people sign in with a passkey. Who has none asks an admin for a \
                          passkey link.";

/// The user with that e-mail and the hash of their password, for signing in.
pub fn find_by_email(r: &Read, email: &str) -> Result<Option<(i64, String)>> {
    require_in_use(r)?;
    let sql = "select u.id, p.hash from users u join passwords p on p.user_id = u.id where u.email_key = ?1";
    r.maybe(sql, [email_key(email)], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Whether somebody has a password, since when, and whether an admin asks for another one.
#[derive(Clone, Copy, Debug)]
pub struct Password {
    pub changed_at: Timestamp,
    pub must_change: bool,
}

/// What may be known of the actor's own password; none if they have none.
pub fn find_own(r: &Read) -> Result<Option<Password>> {
    load(r, r.actor.require_user()?)
}

/// The hash of the actor's own password, for having them type it again.
pub fn own_hash(r: &Read) -> Result<Option<String>> {
    require_in_use(r)?;
    r.maybe("select hash from passwords where user_id = ?1", [r.actor.require_self()?], |row| row.get(0))
}

/// What an admin may know of somebody's password.
pub fn find(r: &Read, user_id: i64) -> Result<Option<Password>> {
    require_may_ask(r, user_id)?;
    load(r, user_id)
}

fn load(r: &Read, user_id: i64) -> Result<Option<Password>> {
    r.maybe("select changed_at, must_change from passwords where user_id = ?1", [user_id], |row| {
        Ok(Password { changed_at: row.get(0)?, must_change: row.get(1)? })
    })
}

pub fn is_set(r: &Read, user_id: i64) -> Result<bool> {
    r.value("select exists (select 1 from passwords where user_id = ?1)", [user_id])
}

/// Stores a hash as the user's password.
pub fn set(w: &Write, user_id: i64, email: &str, hash: &str) -> Result<()> {
    require_in_use(w)?;
    w.run(
        "insert into passwords (user_id, hash, changed_at) values (?1, ?2, ?3)
         on conflict (user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at, must_change = 0",
        params![user_id, hash, w.now],
    )?;
    let account = accounts::primary(w, user_id)?;
    events::record(w, PulseEvent::UserPasswordChanged, account.as_ref(), Subject::user(user_id, email), None)
}

/// Puts a hash with today's parameters in the place of an outdated one of the same password.
pub fn upgrade(w: &Write, user_id: i64, outdated: &str, hash: &str) -> Result<()> {
    let sql = "update passwords set hash = ?3 where user_id = ?1 and hash = ?2";
    w.run(sql, params![user_id, outdated, hash]).map(drop)
}

/// The actor's new password, in the place of the one behind `known`, which they have just typed; without one, they have
/// proved who they are lately. Every other browser of theirs is signed out, and every link that lets them in ends.
pub fn change(w: &Write, known: Option<&str>, hash: &str, session: &Claims) -> Result<Claims> {
    let user_id = w.actor.require_self()?;
    if own_hash(w)?.as_deref() != known {
        let message = "Your password was changed in the meantime. Nothing was done.";
        return Err(Error::Conflict("password_changed", message.into()));
    }
    if known.is_none() {
        w.actor.require_proof()?;
    }
    replace(w, user_id, hash, session)
}

/// The password that an admin asked the actor for. They have signed in for nothing else, and only just.
pub fn renew(w: &Write, hash: &str, session: &Claims) -> Result<Claims> {
    require_in_use(w)?;
    let user_id = w.actor.require_self()?;
    require_asked(w)?;
    w.actor.require_proof()?;
    replace(w, user_id, hash, session)
}

/// Whether the actor is asked for another password.
pub fn require_asked(r: &Read) -> Result<()> {
    match load(r, r.actor.require_self()?)? {
        Some(password) if password.must_change => Ok(()),
        _ => Err(Error::Conflict("not_asked", "Nobody asks you for a new password any more.".into())),
    }
}

fn replace(w: &Write, user_id: i64, hash: &str, session: &Claims) -> Result<Claims> {
    let email = w.actor.email.clone().unwrap_or_default();
    set(w, user_id, &email, hash)?;
    tokens::revoke_sign_ins(w, user_id, Some(&session.id))?;
    super::sessions::prove(w, session)
}

/// Asks somebody to choose another password when they sign in next, and signs them out everywhere; or lets them keep the
/// one they have.
pub fn set_must_change(w: &Write, user_id: i64, must_change: bool) -> Result<()> {
    w.actor.require_in_person()?;
    let (account, standing) = require_may_ask(w, user_id)?;
    let sql = "update passwords set must_change = ?2 where user_id = ?1 and (?2 or must_change)";
    match (w.run(sql, params![user_id, must_change])?, must_change) {
        (0, true) => {
            let message = "They have no password that they could change.";
            return Err(Error::Conflict("no_password", message.into()));
        }
        (0, false) => return Ok(()),
        (_, true) => tokens::revoke_sign_ins(w, user_id, None)?,
        (_, false) => {}
    }
    let (subject, changes) =
        (Subject::user(user_id, &standing.email), Changes::of("mustChange", !must_change, must_change));
    events::record(w, PulseEvent::AdminForceSetPassword, Some(&account), subject, changes)
}

/// Who may ask for another password: whoever may suspend that person.
fn require_may_ask(r: &Read, user_id: i64) -> Result<(AccountId, Standing)> {
    require_in_use(r)?;
    memberships::require_over_at_home(r, Permission::UsersSuspend, user_id, memberships::not_accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_verified_against_its_own_hash_only() {
        // In the same memory, which is not empty any more.
        let mut memory = Memory::default();
        let stored = hash(&mut memory, "correct horse");
        assert!(stored.as_ref().is_ok_and(|stored| stored.starts_with("$argon2id$v=19$m=7784,t=5,p=1$")));
        assert!(verify(&mut memory, "correct horse", stored.as_deref().ok()));
        assert!(!verify(&mut memory, "correct horse ", stored.as_deref().ok()));
        assert!(!verify(&mut memory, "", None));
    }

    #[test]
    fn weaker_parameters_are_made_up_for() {
        for (memory, passes) in [(8, 1), (4096, 1), (4096, 3), (9 * 1024, 4), (19 * 1024, 1), (19 * 1024, 2)] {
            let old = Params::new(memory, passes, 1, None).unwrap_or_default();
            let made_up = missing(&old).map_or(0, |missing| work(&missing));
            assert!(work(argon2().params()) - work(&old) - made_up < 4 * Params::MIN_M_COST, "{memory} {passes}");
        }
        assert!(missing(argon2().params()).is_none());
    }

    #[test]
    fn nobody_has_a_hash_that_takes_as_long_as_anybodys() {
        assert!(
            PasswordHash::new(NOBODY).is_ok_and(|hash| hash.to_string().starts_with("$argon2id$v=19$m=7784,t=5,p=1$"))
        );
    }
}
