//! Pages of users: filtered, sorted, and walked by keyset, so that the last page costs what the first one did.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::User;
use super::load::{COLUMNS, Loaded, WIDTH, complete, from_row};
use crate::clock::Timestamp;
use crate::db::{Read, Value, params_from_iter};
use crate::domain::fields::{email_key, fold};
use crate::domain::paging::limit;
use crate::domain::permissions::Permission;
use crate::error::{Error, Result};

limit!(Limit, 25, 200, "users");

/// A count stops here: beyond it "more than" is all anybody needs, and it keeps the cost the same for any table.
pub const COUNT_MAX: u64 = 1_000;

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
        let numbers = matches!(sort.by, SortBy::CreatedAt | SortBy::UpdatedAt);
        self.sort == sort.to_string() && matches!(self.key, Key::Number(_)) == numbers
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

impl Filter {
    /// Whether it leaves fewer than the index that a page is walked along.
    fn is_narrow(&self) -> bool {
        let Self { query, active, role, team_id, account_admin, pending, .. } = self;
        !query.trim().is_empty()
            || role.is_some()
            || team_id.is_some()
            || [active, account_admin, pending].into_iter().any(Option::is_some)
            || self.created_since.is_some() && self.sort.by != SortBy::CreatedAt
            || self.updated_since.is_some() && self.sort.by != SortBy::UpdatedAt
    }
}

pub struct Page {
    pub items: Vec<User>,
    pub next: Option<Cursor>,
    pub previous: Option<Cursor>,
}

/// A page of the actor's account.
pub fn list(r: &Read, filter: &Filter) -> Result<Page> {
    let account =
        r.actor.require(if filter.removed { Permission::UsersDelete } else { Permission::UsersRead })?.clone();
    let limit = filter.limit.0;
    let (cursor, Sort { by, descending }) = (filter.cursor.as_ref(), filter.sort);
    if cursor.is_some_and(|cursor| !cursor.fits(filter.sort)) {
        return Err(Error::invalid("cursor", "invalid_parameter", WRONG_CURSOR));
    }
    let before = cursor.is_some_and(|cursor| cursor.before);
    let (compare, direction) = if descending == before { (">", "asc") } else { ("<", "desc") };
    let walk = Walk { column: by.column(), compare, direction, cursor };
    let mut rows = walk.rows(r, account.as_str(), filter)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    if before {
        rows.reverse();
    }
    let cursor_at = |row: Option<&(Loaded, Key)>, before| {
        row.map(|(loaded, key)| Cursor { sort: filter.sort.to_string(), key: key.clone(), id: loaded.user.id, before })
    };
    let next = cursor_at(rows.last(), false).filter(|_| more || before);
    let previous = cursor_at(rows.first(), true).filter(|_| if before { more } else { cursor.is_some() });
    let items = complete(r, rows.into_iter().map(|(loaded, _)| loaded).collect(), Some(&account))?;
    Ok(Page { items, next, previous })
}

/// The order of a list, and where its page begins.
struct Walk<'a> {
    column: &'static str,
    compare: &'static str,
    direction: &'static str,
    cursor: Option<&'a Cursor>,
}

/// Up to so many that a filter's own index finds are looked up at once.
const HANDFUL: usize = 100;
/// If there are more, so many in the order of the list are looked at next: where one in ten is meant, they fill a page.
const NEAR: usize = 300;

impl Walk<'_> {
    /// Those who are on the page, and one more if there are more.
    fn rows(&self, r: &Read, account: &str, filter: &Filter) -> Result<Vec<(Loaded, Key)>> {
        if filter.is_narrow() {
            if let Some(ids) = candidates(r, account, filter, HANDFUL)? {
                return self.rows_among(r, account, filter, &Among::These(ids));
            }
            let near = self.rows_among(r, account, filter, &Among::First(self))?;
            if near.len() > filter.limit.0 as usize || !is_larger(r, account, NEAR)? {
                return Ok(near);
            }
        }
        let among = candidates(r, account, filter, FEW)?.map_or(Among::All, Among::These);
        self.rows_among(r, account, filter, &among)
    }

    fn rows_among(&self, r: &Read, account: &str, filter: &Filter, among: &Among) -> Result<Vec<(Loaded, Key)>> {
        let Self { column, compare, direction, cursor } = self;
        // Of two lower bounds SQLite takes the first for its range: that must be the cursor.
        let bounded = if cursor.is_some() && *compare == ">" { "" } else { column };
        let mut found = Conditions::find(account, filter, among, bounded);
        self.begin(&mut found);
        let most = found.bind(Value::Integer(i64::from(filter.limit.0) + 1));
        // Only who is on the page is looked up among the users, not all who were sorted to find them.
        let sql = format!(
            "select {COLUMNS}, m.{column}
               from (select m.* {} order by m.{column} {direction}, m.user_id {direction} limit ?{most}) m
               join users u on u.id = m.user_id
              order by m.{column} {direction}, m.user_id {direction}",
            found.sql
        );
        r.all(&sql, params_from_iter(found.values), |row| {
            let key = match row.get_ref(WIDTH)?.as_i64() {
                Ok(number) => Key::Number(number),
                Err(_) => Key::Text(row.get(WIDTH)?),
            };
            Ok((from_row(row)?, key))
        })
    }

    /// Only from the cursor on.
    fn begin(&self, found: &mut Conditions) {
        let Self { column, compare, cursor: Some(cursor), .. } = self else { return };
        let key = found.bind(match &cursor.key {
            Key::Number(number) => Value::Integer(*number),
            Key::Text(text) => Value::Text(text.clone()),
        });
        let id = found.bind(Value::Integer(cursor.id));
        found.and(format!("(m.{column}, m.user_id) {compare} (?{key}, ?{id})"));
    }
}

/// How many users a filter finds in the actor's account: at most [`COUNT_MAX`] + 1, which means "more".
pub fn count(r: &Read, filter: &Filter) -> Result<u64> {
    let account = r.actor.require(Permission::UsersRead)?;
    let among = candidates(r, account.as_str(), filter, COUNT_MAX as usize)?.map_or(Among::All, Among::These);
    let found = Conditions::find(account.as_str(), filter, &among, filter.sort.by.column());
    let most = COUNT_MAX + 1;
    // Only its order leads to the few rows of the recycle bin; who is in the account can be counted in any.
    let order = if filter.removed { "order by m.email_key, m.user_id" } else { "" };
    let sql = format!("select count(*) from (select 1 {} {order} limit {most})", found.sql);
    let count: i64 = r.value(&sql, params_from_iter(found.values))?;
    Ok(count.unsigned_abs())
}

/// From where and with which conditions a list takes its memberships `m`.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

/// Up to so many members are looked up one by one and sorted; where every filter leaves more, walking along the sorted
/// index meets them often enough. Either way a page costs about the same however many users there are. What is left is a
/// search for one or two letters, which no index knows: where few have them, it reads the whole account.
const FEW: usize = 1000;

/// Where the members of a list are looked for.
enum Among<'a> {
    /// Along the sorted index, as far as it takes.
    All,
    /// The first [`NEAR`] along it.
    First(&'a Walk<'a>),
    /// Those with these ids, a JSON array.
    These(String),
}

impl Conditions {
    /// `bounded` is the column whose range may be taken from an index.
    fn find(account: &str, filter: &Filter, among: &Among, bounded: &str) -> Self {
        let mut found = Self { sql: String::new(), values: vec![Value::Text(account.to_owned())] };
        let here = format!("m.account_id = ?1 and m.removed_at is {}null", if filter.removed { "not " } else { "" });
        match among {
            Among::All => found.sql = format!("from memberships m where {here}"),
            Among::First(walk) => {
                found.sql = format!("from (select m.* from memberships m where {here}");
                walk.begin(&mut found);
                let Walk { column, direction, .. } = walk;
                found.sql +=
                    &format!(" order by m.{column} {direction}, m.user_id {direction} limit {NEAR}) m where true");
            }
            // A cross join, because SQLite doesn't turn that round: each of the few is looked up by their id.
            Among::These(ids) => {
                let ids = found.bind(Value::Text(ids.clone()));
                found.sql = format!(
                    "from json_each(?{ids}) few cross join memberships m where m.user_id = few.value and {here}"
                );
            }
        }
        // A `+` keeps a column out of the choice of an index, which the order is to decide.
        if let Some(active) = filter.active {
            let active = found.bind(Value::Integer(active.into()));
            found.and(format!("+m.active = ?{active}"));
        }
        if let Some(admin) = filter.account_admin {
            found.and(format!("+m.account_admin = {}", i64::from(admin)));
        }
        if let Some(pending) = filter.pending {
            found.and(format!("+m.invited_email is {}null", if pending { "not " } else { "" }));
        }
        if let Some(team) = filter.team_id {
            let team = found.bind(Value::Integer(team));
            found.and(format!("+m.team_id = ?{team}"));
        }
        if let Some(role) = &filter.role {
            let role = found.bind(Value::Text(role.clone()));
            found.and(format!(
                "exists (select 1 from membership_roles
                          where account_id = m.account_id and role = ?{role} and user_id = m.user_id)"
            ));
        }
        for (column, since) in [("created_at", filter.created_since), ("updated_at", filter.updated_since)] {
            if let Some(since) = since {
                let since = found.bind(Value::Integer(since.0));
                let plus = if bounded == column { "" } else { "+" };
                found.and(format!("{plus}m.{column} >= ?{since}"));
            }
        }
        let query = filter.query.trim();
        if !query.is_empty() {
            let email = found.bind(Value::Text(email_key(query)));
            let name = found.bind(Value::Text(fold(query)));
            found.and(format!("(instr(m.email_key, ?{email}) or instr(m.name_key, ?{name}))"));
        }
        found
    }

    fn bind(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len()
    }

    fn and(&mut self, condition: String) {
        self.sql += " and ";
        self.sql += &condition;
    }
}

/// Whether an account has, or had, more than so many members.
fn is_larger(r: &Read, account: &str, than: usize) -> Result<bool> {
    let sql = format!("select 1 from memberships where account_id = ?1 limit 1 offset {than}");
    Ok(r.maybe(&sql, [account], |_| Ok(()))?.is_some())
}

/// The users that one of the filters leaves, found by its own index, as a JSON array; `None` if each leaves more than
/// `few`.
fn candidates(r: &Read, account: &str, filter: &Filter, few: usize) -> Result<Option<String>> {
    for (sql, values) in narrowing(r, account, filter, few)? {
        let sql = format!("{sql} limit {}", few + 1);
        let values = std::iter::once(Value::Text(account.to_owned())).chain(values);
        let ids: Vec<i64> = r.all(&sql, params_from_iter(values), |row| row.get(0))?;
        if ids.len() <= few {
            return Ok(Some(serde_json::to_string(&ids).map_err(Error::internal)?));
        }
    }
    Ok(None)
}

/// For each filter that has an index of its own: a query for who is left by it, and its values but for ?1, the account.
fn narrowing(r: &Read, account: &str, filter: &Filter, few: usize) -> Result<Vec<(String, Vec<Value>)>> {
    let mut narrow = Vec::new();
    let mut by = |sql: &str, values: Vec<Value>| narrow.push((sql.to_owned(), values));
    let member = |condition: &str| format!("select user_id from memberships where account_id = ?1 and {condition}");
    if let Some(words) = trigrams(&filter.query) {
        // Who is pending is known here by the e-mail that was invited, whatever theirs is now. They are read in vain, so
        // there must not be too many.
        let pending = format!("{} limit 1 offset {}", member("invited_email is not null"), 10 * few);
        if r.maybe(&pending, [account], |_| Ok(()))?.is_none() {
            // Who is new waits for the index, and is looked at; see `search_progress` in the schema.
            let sql = "select rowid from user_search where user_search match ?2
                       union select id from users where id > (select indexed_to from search_progress where id = 1)
                                                        and (instr(email_key, ?3) or instr(name_key, ?4))
                       union select user_id from memberships
                                  where account_id = ?1 and invited_email is not null and instr(email_key, ?3)";
            let query = filter.query.trim();
            by(sql, vec![Value::Text(words), Value::Text(email_key(query)), Value::Text(fold(query))]);
        }
    }
    if let Some(role) = &filter.role {
        by("select user_id from membership_roles where account_id = ?1 and role = ?2", vec![Value::Text(role.clone())]);
    }
    if let Some(team) = filter.team_id {
        by(&member("team_id = ?2"), vec![Value::Integer(team)]);
    }
    for (condition, asked) in [
        ("account_admin = 1", filter.account_admin == Some(true)),
        ("invited_email is not null", filter.pending == Some(true)),
        ("active = 0", filter.active == Some(false)),
    ] {
        if asked {
            by(&member(condition), Vec::new());
        }
    }
    for (column, since) in [("created_at", filter.created_since), ("updated_at", filter.updated_since)] {
        if let Some(since) = since.filter(|_| !filter.removed) {
            by(&member(&format!("{column} >= ?2 and removed_at is null")), vec![Value::Integer(since.0)]);
        }
    }
    Ok(narrow)
}

/// A query for `user_search`; `None` for fewer than three letters, which it can't find. It finds too many rather than too
/// few: whoever is found is compared with the text itself.
fn trigrams(query: &str) -> Option<String> {
    let (email, name) = (all_of(&email_key(query.trim()))?, all_of(&fold(query.trim()))?);
    Some(if email == name { email } else { format!("({email}) OR ({name})") })
}

/// Most that are asked for of a text's threes: a few of them are rarely together by chance.
const THREES: usize = 4;

/// Three letters each from all over a text, as FTS5 quotes them.
fn all_of(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let threes: Vec<_> = letters.windows(3).collect();
    let most = threes.len().min(THREES);
    let spread = (0..most).filter_map(|n| threes.get(n * (threes.len() - 1) / (most - 1).max(1)));
    // At a NUL the query would end in the middle of its quotes; nobody's name holds one.
    let quoted =
        |three: &&[char]| format!("\"{}\"", three.iter().collect::<String>().replace('"', "\"\"").replace('\0', " "));
    let all: Vec<_> = spread.map(quoted).collect();
    (!all.is_empty()).then(|| all.join(" AND "))
}
