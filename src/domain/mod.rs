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
