//! An endless, always equal stream of people.

use std::collections::HashMap;

use fastrand::Rng;

use super::names::LANGUAGES;
use crate::domain::fields::EmailText;
use crate::domain::preferences::{Delivery, NotificationPreference, NotificationPreferences};
use crate::domain::pulse::PulseEvent;
use crate::domain::users::NewUser;

#[derive(Default)]
pub struct People {
    /// How many have an address that begins with the same name.
    namesakes: HashMap<String, u32>,
}

impl People {
    /// Somebody new, before it is said what they are in their account.
    pub fn next(&mut self, random: &mut Rng, account: &str, domain: &str) -> NewUser {
        let language = &LANGUAGES[random.usize(..LANGUAGES.len())];
        let given = language.given[random.usize(..language.given.len())];
        let family = language.family[random.usize(..language.family.len())];
        let name = if language.family_first {
            format!("{}{}", family.0, given.0)
        } else {
            format!("{} {}", given.0, family.0)
        };
        let phone = (random.u8(..10) < 7).then(|| format!("{}{:03}", language.phone, random.u16(..1000)));
        NewUser {
            email: EmailText(self.address(given.1, family.1, domain)),
            name: Some(name),
            phone,
            notification_preferences: Some(preferences(random, account)),
            ..NewUser::default()
        }
    }

    /// `given.family@domain`, with a number where that is taken.
    fn address(&mut self, given: &str, family: &str, domain: &str) -> String {
        let namesakes = self.namesakes.entry(format!("{given}.{family}@{domain}")).or_default();
        *namesakes += 1;
        match *namesakes {
            1 => format!("{given}.{family}@{domain}"),
            n => format!("{given}.{family}{n}@{domain}"),
        }
    }
}

/// Most people leave things as they are; some choose a few events, a few choose for one account.
fn preferences(random: &mut Rng, account: &str) -> NotificationPreferences {
    let mut preferences = NotificationPreferences::new();
    for _ in 0..random.usize(..8).saturating_sub(3) {
        let event = PulseEvent::ALL[random.usize(..PulseEvent::ALL.len())];
        let account_id = (random.u8(..3) == 0).then(|| account.to_owned());
        let delivery_pref = Some(vec![Delivery::ALL[random.usize(..Delivery::ALL.len())]]);
        preferences.insert(event, vec![NotificationPreference { event, account_id, delivery_pref }]);
    }
    preferences
}
