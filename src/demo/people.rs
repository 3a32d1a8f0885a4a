//! An endless, always equal stream of people.

use std::collections::HashMap;

use fastrand::Rng;

use super::names::{LANGUAGES, Language};
use crate::domain::fields::{EmailText, fold};
use crate::domain::preferences::{Delivery, NotificationPreference, NotificationPreferences};
use crate::domain::pulse::PulseEvent;
use crate::domain::users::NewUser;

pub struct People {
    /// With the given names and the family names of each.
    languages: Vec<(&'static Language, [Vec<Name>; 2])>,
    /// How many have an address that begins with the same name.
    namesakes: HashMap<String, u32>,
}

/// A name as it is written, and as an e-mail has it.
struct Name {
    written: &'static str,
    in_email: String,
}

impl Name {
    fn parse(name: &'static str) -> Self {
        let (written, latin) = name.split_once('/').unwrap_or((name, name));
        Self { written, in_email: fold(latin).matches(|c: char| c.is_ascii_lowercase()).collect() }
    }
}

impl People {
    pub fn new() -> Self {
        let names = |names: &'static str| names.split(", ").map(Name::parse).collect();
        let languages = LANGUAGES.iter().map(|language| (language, [language.given, language.family].map(names)));
        Self { languages: languages.collect(), namesakes: HashMap::new() }
    }

    /// Somebody new, before it is said what they are in their account.
    pub fn next(&mut self, random: &mut Rng, account: &str, domain: &str) -> NewUser {
        let (language, names) = &self.languages[random.usize(..self.languages.len())];
        let [given, family] = names.each_ref().map(|names| &names[random.usize(..names.len())]);
        let (first, last) = if language.family_first { (family, given) } else { (given, family) };
        let name = format!("{} {}", first.written, last.written);
        let email = Self::address(&mut self.namesakes, given, family, domain);
        let phone = (random.u8(..10) < 7).then(|| format!("{}{:03}", language.phone, random.u16(..1000)));
        NewUser {
            email: EmailText(email),
            name: Some(name),
            phone,
            notification_preferences: Some(preferences(random, account)),
            ..NewUser::default()
        }
    }

    /// `given.family@domain`, with a number where that is taken.
    fn address(namesakes: &mut HashMap<String, u32>, given: &Name, family: &Name, domain: &str) -> String {
        let name = format!("{}.{}", given.in_email, family.in_email);
        let namesakes = namesakes.entry(format!("{name}@{domain}")).or_default();
        *namesakes += 1;
        match *namesakes {
            1 => format!("{name}@{domain}"),
            n => format!("{name}{n}@{domain}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_all_the_letters_of_a_name() {
        for name in
            LANGUAGES.iter().flat_map(|language| [language.given, language.family]).flat_map(|all| all.split(", "))
        {
            let (_, latin) = name.split_once('/').unwrap_or((name, name));
            let letters = fold(latin).matches(char::is_alphabetic).count();
            assert!(letters > 0 && Name::parse(name).in_email.len() == letters, "say how an e-mail has “{name}”");
        }
    }
}
