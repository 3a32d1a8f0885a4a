//! One binary for all tests: they speak the user's language, through HTTP, pages and command line, against real SQLite.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod authenticator;
mod calls;
mod faulty;
mod live;
mod support;
mod visitor;

mod accounts;
mod api_keys;
mod attacks;
mod cli;
mod clock;
mod docs;
mod documented_errors;
mod durability;
mod durability_doc;
mod errors;
mod escalation;
mod events;
mod every_route;
mod faults;
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
mod overload;
mod pages;
mod pages_directory;
mod paging;
mod parsers;
mod passkeys;
mod passkeys_only;
mod passwords;
mod properties;
mod roles;
mod security_doc;
mod sessions;
mod shell;
mod sign_in;
mod sign_in_storm;
mod supply;
mod synced;
mod teams;
mod tls;
mod transport;
mod users;
mod users_life;
