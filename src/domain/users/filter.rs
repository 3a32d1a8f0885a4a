//! Which users a list is asked for, in which order, and from where: parsed, and not yet looked up.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::paging::limit;
use crate::error::Result;

limit!(Limit, 25, 200, "users");

/// What a page is sorted by. Each is an index of `memberships`, and of `memberships_apart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    Email,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortBy {
    pub const ALL: [Self; 4] = [Self::Email, Self::Name, Self::CreatedAt, Self::UpdatedAt];

    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Name => "name",
            Self::CreatedAt => "createdAt",
            Self::UpdatedAt => "updatedAt",
        }
    }

    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Email => "email_key",
            Self::Name => "name_key",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }

    /// The index of everybody in this order.
    pub(super) fn index(self) -> &'static str {
        match self {
            Self::Email => "memberships_email",
            Self::Name => "memberships_name",
            Self::CreatedAt => "memberships_created",
            Self::UpdatedAt => "memberships_updated",
        }
    }
}

/// `email`, or `-createdAt` for the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub by: SortBy,
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: SortBy::Email, descending: false }
    }
}

impl std::fmt::Display for Sort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.by.name())
    }
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let by = SortBy::ALL.into_iter().find(|by| by.name() == name);
        by.map(|by| Self { by, descending })
            .ok_or("Sort by email, name, createdAt or updatedAt; a hyphen in front turns it round.")
    }
}

/// Where a page begins: just after, or just before, a user who may be gone by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    #[serde(rename = "s")]
    pub(super) sort: String,
    #[serde(rename = "k")]
    pub(super) key: Key,
    #[serde(rename = "i")]
    pub(super) id: i64,
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) before: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Key {
    Number(i64),
    Text(String),
}

impl Cursor {
    /// Whether it is a place in a list that is sorted like this.
    pub fn fits(&self, sort: Sort) -> bool {
        let numbers = matches!(sort.by, SortBy::CreatedAt | SortBy::UpdatedAt);
        self.sort == sort.to_string() && matches!(self.key, Key::Number(_)) == numbers
    }

    /// Whether the page ends there, and doesn't begin.
    pub(super) fn is_before(&self) -> bool {
        self.before
    }

    /// What they are sorted by there, and their ID.
    pub(super) fn place(&self) -> (Key, i64) {
        (self.key.clone(), self.id)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default()))
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(WRONG_CURSOR)
    }
}

pub(super) const WRONG_CURSOR: &str =
    "This is not a cursor of this list. Use nextCursor as it was given, with the same sort.";

/// Which users, in which order, from where.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of an e-mail or a name, case and accents aside.
    pub query: String,
    pub active: Option<bool>,
    /// Holding this role.
    pub role: Option<String>,
    pub team_id: Option<i64>,
    pub account_admin: Option<bool>,
    /// Not having accepted yet.
    pub pending: Option<bool>,
    /// In the recycle bin, instead of in the account.
    pub removed: bool,
    pub created_since: Option<Timestamp>,
    pub updated_since: Option<Timestamp>,
    pub sort: Sort,
    pub cursor: Option<Cursor>,
    pub limit: Limit,
}
