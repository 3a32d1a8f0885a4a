//! Who a filter leaves, found by its own index and not along the order of a list.

use super::conditions::{APART, Place, apart};
use super::filter::{Filter, Key, SortBy};
use super::search::{Along, Search};
use crate::db::{Read, Value, params_from_iter};
use crate::error::Result;

/// Finds everybody whom one of the filters leaves, and perhaps some whom it doesn't.
pub(super) enum Source {
    Index { sql: String, values: Vec<Value> },
    Search(Search),
}

/// Those of a list's filters that have an index which leads to fewer than its order does, the search last.
pub(super) fn sources(account: &str, filter: &Filter, ascending: bool) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut by = |sql: String, value: Option<Value>| {
        let values = std::iter::once(Value::Text(account.to_owned())).chain(value).collect();
        sources.push(Source::Index { sql, values });
    };
    if let Some(role) = &filter.role {
        let sql = "select user_id from role_holders where account_id = ?1 and role = ?2";
        by(sql.to_owned(), Some(Value::Text(role.clone())));
    }
    if let Some(team) = filter.team_id {
        let sql = "select user_id from memberships where account_id = ?1 and team_id = ?2";
        by(sql.to_owned(), Some(Value::Integer(team)));
    }
    // Who is in the recycle bin is of no other kind.
    let apart = apart(filter);
    for (kind, _) in APART.into_iter().filter(|(kind, asked)| asked(filter) && Some(*kind) != apart && !filter.removed)
    {
        by(format!("select user_id from memberships_apart where account_id = ?1 and kind = '{kind}'"), None);
    }
    let query = filter.query.trim();
    if !query.is_empty() {
        let begin = filter.cursor.as_ref().and_then(|cursor| match cursor.place() {
            (Key::Text(email), _) => Some(email),
            (Key::Number(_), _) => None,
        });
        let along = (filter.sort.by == SortBy::Email).then_some(Along { ascending, begin });
        sources.push(Source::Search(Search::new(account, query, along)));
    }
    sources
}

/// The orders by time in which a filter leaves those of late, other than the list's own.
pub(super) fn late(filter: &Filter) -> Vec<SortBy> {
    let times = [(SortBy::CreatedAt, filter.created_since), (SortBy::UpdatedAt, filter.updated_since)];
    let asked = times.into_iter().filter(|(by, since)| since.is_some() && filter.sort.by != *by && !filter.removed);
    asked.map(|(by, _)| by).collect()
}

/// Users who may be meant.
#[derive(Default)]
pub(super) struct Few<'s> {
    pub ids: Vec<i64>,
    /// Whether nobody else is.
    pub all: bool,
    /// The places that a search has found so far, if it finds more.
    begun: Option<(&'s Search, Vec<i64>)>,
}

/// How a list begins that is in the order of the index it is found by.
pub(super) struct Front {
    /// Nobody else comes before any of these, nor any of one part before one of an earlier part.
    pub ids: Vec<Vec<i64>>,
    /// All of them come before this, and nobody is between, if it is further than where the list begins anyway.
    pub from: Option<Place>,
}

/// The users that one of the sources finds or, if each finds more than `most`, so many of the last one's. `begun` is what was
/// found when they were asked for fewer.
pub(super) fn find<'s>(r: &Read, sources: &'s [Source], most: usize, begun: &Few) -> Result<Few<'s>> {
    let begun = begun.begun.as_ref().map_or(&[][..], |(_, places)| places);
    let mut found = Few::default();
    for source in sources {
        found = source.find(r, most, begun)?;
        if found.all {
            break;
        }
    }
    Ok(found)
}

impl<'s> Few<'s> {
    pub fn all(ids: Vec<i64>) -> Self {
        Self { ids, all: true, begun: None }
    }

    /// Some of those whom a search finds.
    pub fn begun(ids: Vec<i64>, search: &'s Search, places: Vec<i64>) -> Self {
        Self { ids, all: false, begun: Some((search, places)) }
    }

    /// Codes of the e-mails of whom a search has found first, and after `passed` others, in a list by e-mail.
    pub fn codes(&self, passed: usize) -> Option<(i64, i64)> {
        let (search, places) = self.begun.as_ref()?;
        Some((search.code(*places.first()?)?, search.code(*places.get(passed)?)?))
    }

    /// Who comes first, in a list by e-mail.
    pub fn front(&self, r: &Read) -> Result<Option<Front>> {
        self.begun.as_ref().map_or(Ok(None), |(search, places)| search.front(r, places))
    }
}

impl Source {
    fn find(&self, r: &Read, most: usize, begun: &[i64]) -> Result<Few<'_>> {
        let (sql, values) = match self {
            Self::Index { sql, values } => (format!("{sql} limit {}", most + 1), values),
            Self::Search(search) => return search.find(r, most, begun),
        };
        let mut ids = r.all(&sql, params_from_iter(values), |row| row.get::<_, i64>(0))?;
        ids.sort_unstable();
        Ok(Few { all: ids.len() <= most, ids, begun: None })
    }
}
