//! What whoever runs the server has decided, as far as rules depend on it.

use std::time::Duration;

/// The settings behind the rules; [`crate::config::Config`] is where they are given.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a session lives without being used.
    pub session_idle: Duration,
    /// How long a session lives, however much it is used.
    pub session_lifetime: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { session_idle: Duration::from_hours(24), session_lifetime: Duration::from_hours(7 * 24) }
    }
}
