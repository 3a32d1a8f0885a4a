//! The one clock. Nothing else in the program asks what time it is, so tests can say.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: UTC milliseconds since 1970. Written as RFC 3339 with milliseconds, `2026-11-23T08:38:19.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long before `now` it was; nothing if it is still to come.
    pub fn until(self, now: Self) -> Duration {
        Duration::from_millis(u64::try_from(now.0.saturating_sub(self.0)).unwrap_or_default())
    }

    fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }

    /// How long ago it was, as a person says it: `just now`, `3 minutes ago`, `2 years ago`.
    pub fn ago(self, now: Self) -> String {
        const UNITS: [(i64, &str); 5] =
            [(31_557_600, "year"), (2_629_800, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
        let seconds = now.0.saturating_sub(self.0) / 1000;
        let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length);
        let Some((length, unit)) = unit else { return "just now".into() };
        let n = seconds / length;
        format!("{n} {unit}{} ago", if n == 1 { "" } else { "s" })
    }

    /// The day as a person reads it, `23 November 2026`.
    pub fn day(self) -> String {
        self.civil().strftime("%-d %B %Y").to_string()
    }

    /// The minute as a person reads it, `23 November 2026, 08:38 UTC`.
    pub fn minute(self) -> String {
        self.civil().strftime("%-d %B %Y, %H:%M UTC").to_string()
    }

    /// The second as names of files have it, `20261123T083819Z`.
    pub fn compact(self) -> String {
        self.civil().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// The moment that [`Timestamp::compact`] wrote.
    pub fn from_compact(text: &str) -> Option<Self> {
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
        let at = Self(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond());
        (at.compact() == text).then_some(at)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.civil())
    }
}

impl std::str::FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.parse::<jiff::Timestamp>();
        parsed
            .map(|at| Self(at.as_millisecond()))
            .map_err(|_| "This is not a moment. Write it like 2026-11-23T08:38:19Z.")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from: the system, or a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub fn system() -> Self {
        Self::from_fn(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}
