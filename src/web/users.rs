//! The people of an account: the list, the form for a new one, one person's page and what can be done with them.

pub mod acts;
pub mod chosen;
pub mod edit;
pub mod grid;
pub mod link;
pub mod list;
pub mod new;
pub mod passkeys;
pub mod place;
mod questions;
pub mod show;
