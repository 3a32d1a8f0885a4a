//! One binary for all tests: they speak the user's language, through HTTP, pages and command line, against real SQLite.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod authenticator;
mod calls;
mod live;
mod support;
mod visitor;

mod accounts;
mod api_keys;
mod attacks;
mod backups;
mod check;
mod cli;
mod docs;
mod documented_errors;
mod durability;
mod errors;
mod escalation;
mod events;
mod every_route;
mod files;
mod guards;
mod headers;
mod idempotency;
mod impersonation;
mod isolation;
mod keys;
mod limits;
mod memberships;
mod model;
mod operations;
mod pages;
mod pages_directory;
mod paging;
mod parsers;
mod passkey_links;
mod passkeys;
mod passkeys_only;
mod passwords;
mod properties;
mod roles;
mod schemas;
mod security_doc;
mod sessions;
mod shell;
mod sign_in;
mod sign_in_storm;
mod supply;
mod teams;
mod tls;
mod transport;
mod upgrade;
mod users;
mod users_life;
