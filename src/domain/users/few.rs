//! Who a filter leaves, found by its own index and not along the order of a list.

use super::conditions::{FEW, apart};
use super::filter::{Filter, SortBy};
use super::search;
use crate::db::{Read, Value, params_from_iter};
use crate::error::Result;

/// Finds who is left by one of the filters, or more.
pub(super) struct Source {
    sql: String,
    values: Vec<Value>,
}

/// Those of a list's filters that have an index which leads to fewer than its order does.
pub(super) fn sources(account: &str, filter: &Filter) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut by = |sql: String, value: Option<Value>| {
        let values = std::iter::once(Value::Text(account.to_owned())).chain(value).collect();
        sources.push(Source { sql, values });
    };
    let member = |condition: &str| format!("select user_id from memberships where account_id = ?1 and {condition}");
    if let Some(role) = &filter.role {
        let sql = "select user_id from role_holders where account_id = ?1 and role = ?2";
        by(sql.to_owned(), Some(Value::Text(role.clone())));
    }
    if let Some(team) = filter.team_id {
        by(member("team_id = ?2"), Some(Value::Integer(team)));
    }
    let apart = apart(filter);
    for (few, _) in FEW.into_iter().filter(|(few, asked)| asked(filter) && Some(*few) != apart) {
        by(member(few), None);
    }
    let query = filter.query.trim();
    if !query.is_empty() {
        let (sql, values) = search::of(account, query);
        sources.push(Source { sql, values });
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
pub(super) struct Few {
    pub ids: Vec<i64>,
    /// Whether nobody else is.
    pub all: bool,
}

/// The users that one of the sources finds or, if each finds more than `most`, so many of the last one's.
pub(super) fn find(r: &Read, sources: &[Source], most: usize) -> Result<Few> {
    let mut found = Few { ids: Vec::new(), all: false };
    for source in sources {
        found = source.find(r, most)?;
        if found.all {
            break;
        }
    }
    Ok(found)
}

impl Source {
    fn find(&self, r: &Read, most: usize) -> Result<Few> {
        let sql = format!("{} limit {}", self.sql, most + 1);
        let mut ids = r.all(&sql, params_from_iter(&self.values), |row| row.get::<_, i64>(0))?;
        let all = ids.len() <= most;
        // A search may find somebody twice.
        ids.sort_unstable();
        ids.dedup();
        Ok(Few { ids, all })
    }
}
