//! The notification preferences somebody has, as they are read.

use crate::domain::preferences::{Delivery, NotificationPreference, NotificationPreferences};
use crate::domain::pulse::{Group, PulseEvent};
use crate::domain::users::{User, UserAccount};

pub struct Chosen {
    preferences: NotificationPreferences,
    accounts: Vec<UserAccount>,
}

impl Chosen {
    pub fn of(user: &User) -> Self {
        Self { preferences: user.notification_preferences.clone(), accounts: user.accounts.clone() }
    }

    pub fn preferences(&self, event: &PulseEvent) -> &[NotificationPreference] {
        self.preferences.get(event).map_or(&[], Vec::as_slice)
    }

    pub fn deliveries<'p>(&self, preference: &'p NotificationPreference) -> &'p [Delivery] {
        preference.delivery_pref.as_deref().unwrap_or_default()
    }

    /// How many of a group's events they have a preference for.
    pub fn count(&self, group: &Group) -> u64 {
        group.events().filter(|event| !self.preferences(event).is_empty()).count() as u64
    }

    pub fn total(&self) -> usize {
        self.preferences.len()
    }

    pub fn account_name<'p>(&'p self, id: &'p str) -> &'p str {
        self.accounts.iter().find(|account| account.account_id == id).map_or(id, |account| &account.account_name)
    }
}
