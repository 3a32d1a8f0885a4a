//! Notification preferences: which events somebody wants to hear of, for which account, and how.

use std::collections::{BTreeMap, BTreeSet};

use poem_openapi::{Enum, Object};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::fields::AccountId;
use super::object::only_from_objects;
use super::pulse::PulseEvent;
use super::words;
use crate::db::{FromSqlError, Row, RowResult, Write, params};
use crate::error::{Error, Problem, Problems, Result};

macro_rules! deliveries {
    ($($variant:ident $name:literal $title:literal)*) => {
        /// A way for a notification to reach somebody.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize)]
        #[oai(rename_all = "snake_case")]
        #[serde(rename_all = "snake_case")]
        pub enum Delivery { $($variant),* }

        impl Delivery {
            pub const ALL: &'static [Delivery] = &[$(Delivery::$variant),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

deliveries! {
    Website            "website"              "Website"
    WeeklyEmailDigest  "weekly_email_digest"  "Weekly digest"
    MonthlyEmailDigest "monthly_email_digest" "Monthly digest"
    Email              "email"                "E-mail"
    Sms                "sms"                  "SMS"
}

impl std::str::FromStr for Delivery {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|delivery| delivery.name() == name);
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|delivery| delivery.name()).collect();
            format!("unknown delivery `{}`; it is one of {}", words::shortened(name), names.join(", "))
        })
    }
}

impl<'de> Deserialize<'de> for Delivery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// User notification preference for a specific event type
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NotificationPreference {
    pub event: PulseEvent,
    /// The account id this notification should occur for, if not provided this preference will be used as a default
    /// rule for all accounts
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_length = 64, pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub account_id: Option<String>,
    /// Preferred delivery methods for notifications
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(validator(unique_items, max_items = 5))]
    pub delivery_pref: Option<Vec<Delivery>>,
}

only_from_objects!(NotificationPreference, and_back);

/// A user's preferences, keyed by the event they are about.
pub type NotificationPreferences = BTreeMap<PulseEvent, Vec<NotificationPreference>>;

/// Reads preferences from an object, in which no event may be named twice: serde would keep the last without a word.
pub fn from_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NotificationPreferences, D::Error> {
    struct Object;

    impl<'de> Visitor<'de> for Object {
        type Value = NotificationPreferences;

        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut preferences = NotificationPreferences::new();
            while let Some((event, list)) = map.next_entry::<PulseEvent, _>()? {
                if preferences.insert(event, list).is_some() {
                    return Err(serde::de::Error::custom(format!("duplicate field `{event}`")));
                }
            }
            Ok(preferences)
        }
    }

    deserializer.deserialize_map(Object)
}

/// [`from_object`] for a field that may be left out.
pub fn from_object_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NotificationPreferences>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "from_object")] NotificationPreferences);

    Ok(Option::<Given>::deserialize(deserializer)?.map(|given| given.0))
}

/// Notes what is wrong with `preferences` for somebody who is in `accounts`.
pub fn check(preferences: &NotificationPreferences, accounts: &[AccountId], problems: &mut Problems) {
    for (event, list) in preferences {
        let mut seen = BTreeSet::new();
        for (i, preference) in list.iter().enumerate() {
            let field = |name: &str| format!("notificationPreferences.{event}[{i}]{name}");
            if preference.event != *event {
                let message = format!("This preference is listed under `{event}` but is about `{}`.", preference.event);
                problems.push(Problem::new(field(".event"), "event_mismatch", message));
            }
            if !seen.insert(&preference.account_id) {
                problems.push(duplicate(field(""), *event, preference.account_id.as_deref()));
            }
            let elsewhere = |id: &String| !accounts.iter().any(|account| account.as_str() == id);
            if let Some(id) = preference.account_id.as_ref().filter(|id| elsewhere(id)) {
                let message = format!("The user is not in account {}.", words::shortened(id));
                problems.push(Problem::new(field(".accountId"), "not_in_account", message));
            }
            let kinds = preference.delivery_pref.as_deref().unwrap_or_default();
            if kinds.iter().collect::<BTreeSet<_>>().len() < kinds.len() {
                let message = "Each kind of delivery is listed at most once.";
                problems.push(Problem::new(field(".deliveryPref"), "duplicate_delivery", message));
            }
        }
    }
}

fn duplicate(field: String, event: PulseEvent, account: Option<&str>) -> Problem {
    let message = match account {
        None => format!("There can be one default for `{event}`: a preference without accountId."),
        Some(id) => format!("There can be one preference for `{event}` in account {}.", words::shortened(id)),
    };
    Problem::new(field, "duplicate_preference", message)
}

/// Stores preferences of a user who has none for the same accounts yet.
pub fn insert(w: &Write, user_id: i64, preferences: &NotificationPreferences) -> Result<()> {
    for (position, preference) in preferences.values().flatten().enumerate() {
        let delivery = preference.delivery_pref.as_ref().map(serde_json::to_string).transpose();
        w.run(
            "insert into notification_preferences (user_id, event, account_id, delivery, position)
             values (?1, ?2, ?3, ?4, ?5)",
            params![
                user_id,
                preference.event.name(),
                preference.account_id,
                delivery.map_err(Error::internal)?,
                i64::try_from(position).map_err(Error::internal)?
            ],
        )?;
    }
    Ok(())
}

/// Puts these preferences in the place of those that hold for all accounts or for one of `visible`.
pub fn replace(w: &Write, user_id: i64, preferences: &NotificationPreferences, visible: &[AccountId]) -> Result<()> {
    w.run("delete from notification_preferences where user_id = ?1 and account_id is null", [user_id])?;
    for account in visible {
        let sql = "delete from notification_preferences where user_id = ?1 and account_id = ?2";
        w.run(sql, params![user_id, account.as_str()])?;
    }
    insert(w, user_id, preferences)
}

/// One as the database has it.
pub struct Stored {
    pub position: i64,
    preference: NotificationPreference,
}

impl Stored {
    /// Whether it is for one account, and not somebody's default.
    pub fn is_of_an_account(&self) -> bool {
        self.preference.account_id.is_some()
    }
}

/// Reads one from `event`, `account_id`, `delivery` and `position`, which begin at the column `first`.
pub fn stored(row: &Row, first: usize) -> RowResult<Stored> {
    let event: String = row.get(first)?;
    let event = event.parse().map_err(|error: String| FromSqlError::Other(error.into()))?;
    let delivery: Option<String> = row.get(first + 2)?;
    let delivery_pref = delivery.map(|json| serde_json::from_str(&json)).transpose().map_err(FromSqlError::other)?;
    let preference = NotificationPreference { event, account_id: row.get(first + 1)?, delivery_pref };
    Ok(Stored { position: row.get(first + 3)?, preference })
}

/// Those that hold for all accounts or for one that is `visible`.
pub fn visible(stored: Vec<Stored>, visible: impl Fn(&str) -> bool) -> NotificationPreferences {
    let mut preferences = NotificationPreferences::new();
    for Stored { preference, .. } in stored {
        if preference.account_id.as_deref().is_none_or(&visible) {
            preferences.entry(preference.event).or_default().push(preference);
        }
    }
    preferences
}
