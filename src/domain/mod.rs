//! The rules and their SQL, one noun per file. Nothing here knows that HTTP exists.
//!
//! A rule is a function: the first argument says whether it looks ([`crate::db::Read`]) or changes ([`crate::db::Write`]),
//! carries who is asking and what time it is, and is already inside a transaction.

pub mod actor;
pub mod fields;
mod object;
mod paging;
pub mod permissions;
pub mod pulse;
pub mod settings;
pub mod words;

pub mod accounts;
pub mod api_keys;
pub mod backups;
pub mod check;
pub mod events;
pub mod idempotency;
pub mod impersonations;
pub mod invitations;
pub mod memberships;
pub mod passkeys;
pub mod password_resets;
pub mod passwords;
pub mod preferences;
pub mod roles;
pub mod seals;
pub mod sessions;
pub mod setup;
pub mod suspensions;
pub mod teams;
pub mod tokens;
pub mod users;

use crate::error::{Error, Result};

/// Most teams, roles and API keys of an account: their lists have no pages, and leave nothing out without a word.
const MOST: i64 = 1_000;

/// Refuses one more of what there is so many of already.
fn require_room(there: i64, most: i64, what: &str) -> Result<()> {
    if there < most {
        return Ok(());
    }
    let message = format!("There are {most} {what} in this account already, and no more are made. Delete some first.");
    Err(Error::Conflict("too_many", message.into()))
}
