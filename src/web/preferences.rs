//! The grid of notification preferences: 163 events by five kinds of delivery, in groups, with presets and a filter.
//!
//! Every button works without JavaScript: it sends the form, which comes back with the boxes changed.

use std::collections::{BTreeMap, BTreeSet};

use super::form::Form;
use crate::domain::fields::{AccountId, fold};
use crate::domain::preferences::{Delivery, NotificationPreference, NotificationPreferences};
use crate::domain::pulse::{Group, PulseEvent};

/// Sets of boxes that many people want, by name.
pub struct Preset {
    pub name: &'static str,
    pub title: &'static str,
    events: &'static [PulseEvent],
    deliveries: &'static [Delivery],
}

use PulseEvent as E;

/// What happens to oneself, or is put on one's own desk.
const CONCERNS_ME: &[PulseEvent] = &[
    E::LeadAssigned,
    E::TicketAssigned,
    E::TicketCommentAdded,
    E::MidAssigned,
    E::UnderwritingApplicationAssigned,
    E::UserUpdated,
    E::UserPasswordChanged,
    E::UserPasswordResetRequested,
    E::UserImpersonated,
    E::UserRolesUpdated,
    E::UserPermissionsSetDirectly,
    E::UserAddedToAccount,
    E::UserRemovedFromAccount,
    E::UserAccountSettingsUpdated,
    E::AdminForceSetPassword,
    E::AdminSendPasskeyRegistration,
    E::PasskeyRegistered,
    E::PasskeyDeleted,
    E::ApiKeyCreated,
    E::ApiKeyDeleted,
];

pub const PRESETS: &[Preset] = &[
    Preset { name: "nothing", title: "Nothing", events: &[], deliveries: &[] },
    Preset {
        name: "concerns-me",
        title: "What concerns them",
        events: CONCERNS_ME,
        deliveries: &[Delivery::Website, Delivery::Email],
    },
    Preset {
        name: "weekly-digest",
        title: "Weekly digest",
        events: PulseEvent::ALL,
        deliveries: &[Delivery::WeeklyEmailDigest],
    },
    Preset {
        name: "website",
        title: "Everything on the website",
        events: PulseEvent::ALL,
        deliveries: &[Delivery::Website],
    },
];

/// The grid as it stands on a page.
#[derive(Clone, Default)]
pub struct Grid {
    ticked: BTreeMap<PulseEvent, BTreeSet<Delivery>>,
    /// Whether the choices are for one account only, instead of all.
    pub only_here: bool,
    /// What the events are filtered by.
    pub filter: String,
    /// What the filter was when the page was made; Enter in the filter's field changes it.
    shown: String,
}

impl Grid {
    pub fn from_form(form: &Form) -> Self {
        let mut ticked = BTreeMap::<_, BTreeSet<_>>::new();
        for (event, delivery) in form.beginning_with("pref.") {
            if let (Ok(event), Ok(delivery)) = (event.parse(), delivery.parse()) {
                ticked.entry(event).or_default().insert(delivery);
            }
        }
        Self {
            ticked,
            only_here: form.text("scope") == "account",
            filter: form.text("filter").trim().to_owned(),
            shown: form.text("shown").to_owned(),
        }
    }

    /// What somebody chose for one account, or, without one, for all.
    pub fn of(preferences: &NotificationPreferences, account: &str) -> Self {
        let chosen = preferences.values().flatten().filter(|p| p.account_id.as_deref().unwrap_or_default() == account);
        let deliveries = |p: &NotificationPreference| p.delivery_pref.iter().flatten().copied().collect();
        Self { ticked: chosen.map(|p| (p.event, deliveries(p))).collect(), ..Self::default() }
    }

    /// Does what a button of the grid asks; `false` if it is none of the grid's.
    pub fn apply(&mut self, button: &str) -> bool {
        if let Some(name) = button.strip_prefix("preset.") {
            if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
                let deliveries: BTreeSet<_> = preset.deliveries.iter().copied().collect();
                self.ticked = preset.events.iter().map(|event| (*event, deliveries.clone())).collect();
            }
            return true;
        }
        if let Some((group, delivery)) = button.strip_prefix("column.").and_then(|column| column.split_once('.')) {
            let group = group.parse().ok().and_then(|n: usize| Group::ALL.get(n));
            if let (Some(group), Ok(delivery)) = (group, delivery.parse()) {
                self.toggle(*group, delivery);
            }
            return true;
        }
        button == "filter" || button == "enter" && self.filter != self.shown
    }

    /// Ticks a group's whole column, or clears it when all of it was ticked.
    fn toggle(&mut self, group: Group, delivery: Delivery) {
        let all = group.events().all(|event| self.has(&event, &delivery));
        for event in group.events() {
            let ticked = self.ticked.entry(event).or_default();
            if all {
                ticked.remove(&delivery)
            } else {
                ticked.insert(delivery)
            };
        }
    }

    pub fn has(&self, event: &PulseEvent, delivery: &Delivery) -> bool {
        self.ticked.get(event).is_some_and(|ticked| ticked.contains(delivery))
    }

    /// How many of a group's events have a box ticked.
    pub fn chosen(&self, group: &Group) -> usize {
        group.events().filter(|event| self.ticked.get(event).is_some_and(|ticked| !ticked.is_empty())).count()
    }

    /// How many events have a box ticked.
    pub fn total(&self) -> usize {
        Group::ALL.iter().map(|group| self.chosen(group)).sum()
    }

    pub fn matches(&self, event: &PulseEvent) -> bool {
        let words = fold(&self.filter).replace(' ', "_");
        words.is_empty() || event.name().contains(&words) || fold(event.group().title()).contains(&fold(&self.filter))
    }

    /// How many of a group's events the filter leaves.
    pub fn found(&self, group: &Group) -> usize {
        group.events().filter(|event| self.matches(event)).count()
    }

    /// Whether a group is unfolded: when a filter leads to it, or when something in it is ticked.
    pub fn is_open(&self, group: &Group) -> bool {
        if self.filter.is_empty() { self.chosen(group) > 0 && self.total() < 40 } else { self.found(group) > 0 }
    }

    /// The preferences, for all accounts or only for `account`.
    pub fn preferences(&self, account: &AccountId) -> NotificationPreferences {
        let account = self.only_here.then(|| account.as_str());
        self.chosen_for(account).map(|(event, preference)| (event, vec![preference])).collect()
    }

    /// What is ticked, as preferences for one account or for all.
    pub fn chosen_for<'g>(
        &'g self,
        account: Option<&'g str>,
    ) -> impl Iterator<Item = (PulseEvent, NotificationPreference)> + 'g {
        let ticked = self.ticked.iter().filter(|(_, deliveries)| !deliveries.is_empty());
        ticked.map(move |(&event, deliveries)| {
            let delivery_pref = Some(deliveries.iter().copied().collect());
            (event, NotificationPreference { event, account_id: account.map(Into::into), delivery_pref })
        })
    }

    /// How many events have a box ticked, in words.
    pub fn summary(&self) -> String {
        match self.total() {
            0 => "None chosen".into(),
            n => format!("{n} of {} events", PulseEvent::ALL.len()),
        }
    }

    /// Whether the filter leaves anything.
    pub fn finds_any(&self) -> bool {
        Group::ALL.iter().any(|group| self.found(group) > 0)
    }
}
