//! Rollcall: a user directory in one binary and one SQLite file.
//!
//! A guided tour, in reading order.

/// JSON: every noun of the directory, and the OpenAPI document that is made from their handlers.
pub mod api;
/// What every handler has at hand: configuration, database, keys, clock.
pub mod app;
/// How often passwords may be tried, before any is hashed.
pub mod attempts;
/// From a request to who is calling: bearer token or cookie, and the cross-site checks.
pub mod auth;
/// Backups: making them while the server serves, keeping the last few, and putting one back.
pub mod backups;
/// The terminal: one short arm per command.
pub mod cli;
/// The one clock and its milliseconds.
pub mod clock;
/// Every setting, once; the doc comments are `--help` and the README's table.
pub mod config;
/// The database: connections lent to closures, and the single writer thread.
pub mod db;
/// A believable team, for `rollcall demo`.
pub mod demo;
/// The documentation: the document as JSON and YAML, Swagger UI, and the `/reference` pages, all from the handlers.
pub mod docs;
/// The rules and their SQL, one noun per file. Knows nothing of HTTP.
pub mod domain;
/// Errors by outcome, and the table outcome → status and code.
pub mod error;
/// Of files what the standard library leaves to its users: their folder, making it durable, the room in it.
mod files;
/// The data folder: its files, who may read them, and the lock that one server holds.
pub mod folder;
/// Pages are sent compressed to whoever takes that.
mod gzip;
/// Threads for password hashes.
pub mod hashers;
/// Whether the server can do its work.
pub mod health;
/// What is due by the clock.
pub mod jobs;
/// The keys as they are now: where they come from, rotating them, noticing that somebody else did.
pub mod keyring;
/// Sealing and opening tokens (PASETO v4.local).
pub mod keys;
/// How often something may be done.
pub mod limits;
/// What the server counts and measures of itself, as Prometheus reads it.
pub mod metrics;
/// How far long work is, for whoever waits.
pub mod progress;
/// The server as browsers' passkeys know it: its name, and what it asked them and they haven't answered yet (WebAuthn).
pub mod relying_party;
/// The id of the request that is being answered, for the log.
pub mod request_id;
/// Routes that are known by name as well as served.
pub mod routes;
/// Every route on one screen; connections and their bounds, TLS, proxies, and the graceful stop.
pub mod server;
/// To this program's schema and back: snapshot, rehearsal, migration, rollback.
pub mod upgrade;
/// HTML: the pages under `/ui`.
pub mod web;

pub use app::App;
pub use error::{Error, Result};
