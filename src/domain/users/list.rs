//! Pages of users: filtered, sorted, and walked by keyset, so that the last page costs what the first one did.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{COLUMNS, User, complete, from_row};
use crate::db::{Read, Value, params_from_iter};
use crate::domain::fields::{email_key, fold};
use crate::domain::permissions::Permission;
use crate::error::{Error, Result};

/// How many users a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u32);

impl Limit {
    pub const MAX: u32 = 200;
}

impl Default for Limit {
    fn default() -> Self {
        Self(25)
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit = text.parse().ok().filter(|limit| (1..=Self::MAX).contains(limit));
        limit.map(Self).ok_or_else(|| format!("A page has 1 to {} users.", Self::MAX))
    }
}

/// A count stops here: beyond it "more than" is all anybody needs, and it keeps the cost the same for any table.
pub const COUNT_MAX: u64 = 10_000;

/// What a page is sorted by. Each is an index of `memberships`.
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

    fn column(self) -> &'static str {
        match self {
            Self::Email => "email_key",
            Self::Name => "name_key",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
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
    sort: String,
    #[serde(rename = "k")]
    key: Key,
    #[serde(rename = "i")]
    id: i64,
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    before: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

impl Cursor {
    /// Whether it is a place in a list that is sorted like this.
    pub fn fits(&self, sort: Sort) -> bool {
        self.sort == sort.to_string()
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

const WRONG_CURSOR: &str = "This is not a cursor of this list. Use nextCursor as it was given, with the same sort.";

/// Which users, in which order, from where.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of an e-mail or a name, case and accents aside.
    pub query: String,
    pub active: Option<bool>,
    pub sort: Sort,
    pub cursor: Option<Cursor>,
    pub limit: Limit,
}

pub struct Page {
    pub items: Vec<User>,
    pub next: Option<Cursor>,
    pub previous: Option<Cursor>,
}

/// A page of the actor's account.
pub fn list(r: &Read, filter: &Filter) -> Result<Page> {
    let account = r.actor.require(Permission::UsersRead)?.clone();
    let limit = filter.limit.0;
    let (cursor, Sort { by, descending }) = (filter.cursor.as_ref(), filter.sort);
    if cursor.is_some_and(|cursor| !cursor.fits(filter.sort)) {
        return Err(Error::invalid("cursor", "invalid_parameter", WRONG_CURSOR));
    }
    let before = cursor.is_some_and(|cursor| cursor.before);
    let (compare, direction) = if descending == before { (">", "asc") } else { ("<", "desc") };
    let column = by.column();
    let (mut conditions, mut values) = conditions(account.as_str(), filter);
    if let Some(cursor) = cursor {
        values.push(match &cursor.key {
            Key::Number(number) => Value::Integer(*number),
            Key::Text(text) => Value::Text(text.clone()),
        });
        values.push(Value::Integer(cursor.id));
        let n = values.len();
        conditions += &format!(" and (m.{column}, m.user_id) {compare} (?{}, ?{n})", n - 1);
    }
    values.push(Value::Integer(i64::from(limit) + 1));
    let sql = format!(
        "select {COLUMNS}, m.{column} from memberships m join users u on u.id = m.user_id
          where {conditions} order by m.{column} {direction}, m.user_id {direction} limit ?{}",
        values.len()
    );
    let mut rows = r.all(&sql, params_from_iter(values), |row| {
        let key = match row.get_ref(13)?.as_i64() {
            Ok(number) => Key::Number(number),
            Err(_) => Key::Text(row.get(13)?),
        };
        Ok((from_row(row)?, key))
    })?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    if before {
        rows.reverse();
    }
    let cursor_at = |row: Option<&(super::Loaded, Key)>, before| {
        row.map(|(loaded, key)| Cursor { sort: filter.sort.to_string(), key: key.clone(), id: loaded.user.id, before })
    };
    let next = cursor_at(rows.last(), false).filter(|_| more || before);
    let previous = cursor_at(rows.first(), true).filter(|_| if before { more } else { cursor.is_some() });
    let items = rows.into_iter().map(|(loaded, _)| complete(r, loaded, Some(&account))).collect::<Result<_>>()?;
    Ok(Page { items, next, previous })
}

/// How many users a filter finds in the actor's account: at most [`COUNT_MAX`] + 1, which means "more".
pub fn count(r: &Read, filter: &Filter) -> Result<u64> {
    let account = r.actor.require(Permission::UsersRead)?;
    let (conditions, values) = conditions(account.as_str(), filter);
    let most = COUNT_MAX + 1;
    let sql = format!("select count(*) from (select 1 from memberships m where {conditions} limit {most})");
    let count: i64 = r.value(&sql, params_from_iter(values))?;
    Ok(count.unsigned_abs())
}

fn conditions(account: &str, filter: &Filter) -> (String, Vec<Value>) {
    let mut conditions = "m.account_id = ?1".to_owned();
    let mut values = vec![Value::Text(account.to_owned())];
    if let Some(active) = filter.active {
        values.push(Value::Integer(active.into()));
        conditions += &format!(" and m.active = ?{}", values.len());
    }
    let query = filter.query.trim();
    if !query.is_empty() {
        values.push(Value::Text(email_key(query)));
        values.push(Value::Text(fold(query)));
        let n = values.len();
        conditions += &format!(" and (instr(m.email_key, ?{}) or instr(m.name_key, ?{n}))", n - 1);
    }
    (conditions, values)
}
