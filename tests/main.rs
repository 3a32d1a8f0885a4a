//! One binary for all tests: they speak the user's language, through HTTP, pages and command line, against real SQLite.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod calls;
mod support;

mod cli;
mod docs;
mod documented_errors;
mod durability;
mod errors;
mod guards;
mod isolation;
mod pages;
mod properties;
mod shell;
mod users;
