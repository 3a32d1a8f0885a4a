//! Who a filter leaves, found by its own index and not along the order of a list.

use super::conditions::{Among, FEW, apart};
use super::filter::{Filter, SortBy};
use super::search;
use crate::db::{Read, Value, params_from_iter};
use crate::error::{Error, Result};

/// Finds who is left by one of the filters, or more.
pub(super) struct Source {
    sql: String,
    values: Vec<Value>,
    /// If it is a part of another order: which.
    part_of: Option<SortBy>,
}

/// To read a part of another order costs a third of looking up so many by their ids.
const IN_ORDER: usize = 3;

/// Those of a list's filters that have an index which leads to fewer than its order does.
pub(super) fn sources(account: &str, filter: &Filter) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut by = |part_of: Option<SortBy>, sql: String, value: Option<Value>| {
        let values = std::iter::once(Value::Text(account.to_owned())).chain(value).collect();
        sources.push(Source { sql, values, part_of });
    };
    let member = |condition: &str| format!("select user_id from memberships where account_id = ?1 and {condition}");
    for (sort, since) in [(SortBy::CreatedAt, filter.created_since), (SortBy::UpdatedAt, filter.updated_since)] {
        if let Some(since) = since.filter(|_| !filter.removed && filter.sort.by != sort) {
            let condition = format!("{} >= ?2 and removed_at is null", sort.column());
            by(Some(sort), member(&condition), Some(Value::Integer(since.0)));
        }
    }
    if let Some(role) = &filter.role {
        let sql = "select user_id from membership_roles where account_id = ?1 and role = ?2";
        by(None, sql.to_owned(), Some(Value::Text(role.clone())));
    }
    if let Some(team) = filter.team_id {
        by(None, member("team_id = ?2"), Some(Value::Integer(team)));
    }
    let apart = apart(filter);
    for (few, _) in FEW.into_iter().filter(|(few, asked)| asked(filter) && Some(*few) != apart) {
        by(None, member(few), None);
    }
    let query = filter.query.trim();
    if !query.is_empty() {
        let (sql, values) = search::of(account, query);
        sources.push(Source { sql, values, part_of: None });
    }
    sources
}

/// Where users are who may be meant.
pub(super) struct Few {
    pub among: Among,
    /// Whether nobody else is.
    pub all: bool,
}

/// The users that one of the sources finds or, if each finds more than `most`, so many of the last one's.
pub(super) fn find(r: &Read, sources: &[Source], most: usize) -> Result<Few> {
    let mut found = Few { among: Among::Order(None), all: false };
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
        if let Some(order) = self.part_of {
            let most = most * IN_ORDER;
            let sql = format!("select count(*) from ({} limit {})", self.sql, most + 1);
            let count: usize =
                r.value::<i64>(&sql, params_from_iter(&self.values))?.try_into().map_err(Error::internal)?;
            return Ok(Few { among: Among::Since(order), all: count <= most });
        }
        let sql = format!("{} limit {}", self.sql, most + 1);
        let mut ids = r.all(&sql, params_from_iter(&self.values), |row| row.get::<_, i64>(0))?;
        let all = ids.len() <= most;
        // A search may find somebody twice.
        ids.sort_unstable();
        ids.dedup();
        Ok(Few { among: Among::These(serde_json::to_string(&ids).map_err(Error::internal)?), all })
    }
}
