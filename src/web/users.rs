//! The people of an account: the list, the form for a new one, and one person's page.

pub mod list;
pub mod new;
pub mod show;
