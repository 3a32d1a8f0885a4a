//! How often passwords may be tried: in an address, for a person, and in a browser that the person has signed in with
//! before. All of it is decided before a hash is computed, in the same way for people who don't exist.
//!
//! A stranger's guesses use up the person's quota among strangers, never that of the person's own browser (OWASP calls
//! the cookie it holds a device cookie), and neither passkeys nor one-time links are counted: whatever strangers do, there
//! is a way in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::domain::fields::email_key;
use crate::error::Result;
use crate::limits::{self, Limiter};

/// Wrong passwords for one person within [`WITHIN`] from one network, in browsers they never used; and as many in one that
/// they did.
pub const PER_PERSON: u32 = 10;
/// Wrong passwords for one person from all networks together, so that it takes several to keep new browsers out.
pub const PER_PERSON_IN_ALL: u32 = 50;
/// Wrong passwords from one address within [`WITHIN`]: an office shares one.
pub const PER_ADDRESS: u32 = 50;
pub const WITHIN: Duration = Duration::from_mins(15);

/// What is counted. An e-mail is hashed: somebody may have typed their password there, and it isn't to be kept.
type Key = [u8; 32];

pub struct Attempts {
    person: Limiter<Key>,
    person_here: Limiter<Key>,
    device: Limiter<Key>,
    network: Limiter<IpAddr>,
}

/// One try that was allowed, and counted until it turns out to be right.
pub struct Attempt {
    /// Its person's quota among strangers, or that of their own browser.
    key: Key,
    /// Its person's quota among strangers of one network.
    here: Key,
    in_own_browser: bool,
    network: Option<IpAddr>,
}

impl Attempts {
    pub fn new(clock: &Clock) -> Self {
        const PERSON: &str = "Too many wrong passwords were tried for this e-mail.";
        const DEVICE: &str = "Too many wrong passwords were tried here.";
        const ADDRESS: &str = "Too many wrong passwords were tried from your network.";
        let times = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            person: Limiter::new(clock.clone(), times(PER_PERSON_IN_ALL), WITHIN, PERSON),
            person_here: Limiter::new(clock.clone(), times(PER_PERSON), WITHIN, PERSON),
            device: Limiter::new(clock.clone(), times(PER_PERSON), WITHIN, DEVICE),
            network: Limiter::new(clock.clone(), times(PER_ADDRESS), WITHIN, ADDRESS),
        }
    }

    /// Somebody tries a password for an e-mail. `device` is what their browser was given when the person signed in with it
    /// before.
    ///
    /// # Errors
    ///
    /// [`crate::Error::TooManyRequests`], and nothing is counted.
    pub fn begin(&self, email: &str, device: Option<&str>, address: Option<&str>) -> Result<Attempt> {
        self.count(hash(&[device.unwrap_or_default(), &email_key(email)]), device.is_some(), address)
    }

    /// Somebody who is signed in shows that it is them.
    pub fn begin_proof(&self, user_id: i64) -> Result<Attempt> {
        self.count(hash(&["signed in", &user_id.to_string()]), true, None)
    }

    fn count(&self, key: Key, in_own_browser: bool, address: Option<&str>) -> Result<Attempt> {
        // Where one has signed in before, the neighbours' guesses are nobody's business either.
        let network = address.filter(|_| !in_own_browser).and_then(limits::network_of);
        let here = hash(&[key.as_slice(), network.map(|network| network.to_string()).unwrap_or_default().as_bytes()]);
        let attempt = Attempt { key, here, in_own_browser, network };
        if in_own_browser {
            self.device.check(&attempt.key)?;
            return Ok(attempt);
        }
        self.person_here.check(&attempt.here)?;
        let others = self.person.check(&attempt.key).inspect_err(|_| self.person_here.give_back(&attempt.here));
        others?;
        if let Some(network) = &attempt.network {
            self.network.check(network).inspect_err(|_| {
                self.person_here.give_back(&attempt.here);
                self.person.give_back(&attempt.key);
            })?;
        }
        Ok(attempt)
    }

    /// Nobody knows whether the password was right: the try is not counted.
    pub fn withdraw(&self, attempt: &Attempt) {
        if let Some(network) = &attempt.network {
            self.network.give_back(network);
        }
        if attempt.in_own_browser {
            return self.device.give_back(&attempt.key);
        }
        self.person.give_back(&attempt.key);
        self.person_here.give_back(&attempt.here);
    }

    /// The password was right: the try is not counted, nor are the ones before it in the same browser.
    pub fn succeed(&self, attempt: &Attempt) {
        self.withdraw(attempt);
        if attempt.in_own_browser {
            self.device.forget(&attempt.key);
        }
    }
}

fn hash(parts: &[impl AsRef<[u8]>]) -> Key {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_ref().len().to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn attempts() -> Attempts {
        Attempts::new(&Clock::from_fn(|| Timestamp(1_000_000)))
    }

    #[test]
    fn guesses_from_one_network_keep_nobody_of_another_out() {
        let attempts = attempts();
        let from = |address: &str| attempts.begin("ada@example.com", None, Some(address)).is_ok();
        assert_eq!((0..20).filter(|_| from("192.0.2.1")).count(), 10);
        assert!(from("192.0.2.2"));
        let many = (0..200).filter(|n| from(&format!("198.51.100.{n}"))).count();
        assert_eq!(many, 39, "the person is guessed at fifty times in all, wherever from");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let attempts = attempts();
        let tried =
            (0..20).filter(|n| attempts.begin("ada@example.com", None, Some(&format!("2001:db8::{n}"))).is_ok());
        assert_eq!(tried.count(), 10);
        assert!(attempts.begin("ada@example.com", None, Some("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn what_is_refused_for_the_person_is_not_counted_for_the_network() {
        let attempts = attempts();
        for _ in 0..100 {
            drop(attempts.begin("ada@example.com", None, Some("192.0.2.1")));
        }
        assert!(attempts.begin("grace@example.com", None, Some("192.0.2.1")).is_ok());
    }
}
