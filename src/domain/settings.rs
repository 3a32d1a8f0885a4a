//! What whoever runs the server has decided, as far as rules depend on it.

use std::time::Duration;

/// The settings behind the rules; [`crate::config::Config`] is where they are given.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a session lives without being used.
    pub session_idle: Duration,
    /// How long a session lives, however much it is used.
    pub session_lifetime: Duration,
    /// Whether a passkey is the only way to sign in.
    pub passkeys_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let (session_idle, session_lifetime) = (Duration::from_hours(24), Duration::from_hours(7 * 24));
        Self { session_idle, session_lifetime, passkeys_only: false }
    }
}
