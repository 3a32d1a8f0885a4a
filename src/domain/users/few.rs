//! Who a filter leaves, found by its own index and not along the order of a list.

use super::filter::{Filter, SortBy};
use super::search;
use crate::db::{Read, Value, params_from_iter};
use crate::error::{Error, Result};

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
        let sql = "select user_id from membership_roles where account_id = ?1 and role = ?2";
        by(sql.to_owned(), Some(Value::Text(role.clone())));
    }
    if let Some(team) = filter.team_id {
        by(member("team_id = ?2"), Some(Value::Integer(team)));
    }
    for (condition, asked) in [
        ("account_admin = 1", filter.account_admin == Some(true)),
        ("invited_email is not null", filter.pending == Some(true)),
        ("active = 0", filter.active == Some(false)),
    ] {
        if asked {
            by(member(condition), None);
        }
    }
    for (sort, since) in [(SortBy::CreatedAt, filter.created_since), (SortBy::UpdatedAt, filter.updated_since)] {
        if let Some(since) = since.filter(|_| !filter.removed && filter.sort.by != sort) {
            let condition = format!("{} >= ?2 and removed_at is null", sort.column());
            by(member(&condition), Some(Value::Integer(since.0)));
        }
    }
    let query = filter.query.trim();
    if !query.is_empty() {
        let (sql, values) = search::of(account, query);
        sources.push(Source { sql, values });
    }
    sources
}

/// Users who may be meant.
pub(super) struct Few {
    /// As a JSON array.
    pub ids: String,
    /// Whether nobody else is.
    pub all: bool,
}

/// The users that one of the sources finds or, if each finds more than `most`, so many of the last one's.
pub(super) fn find(r: &Read, sources: &[Source], most: usize) -> Result<Few> {
    let (mut ids, mut all) = (Vec::new(), false);
    for Source { sql, values } in sources {
        let sql = format!("{sql} limit {}", most + 1);
        ids = r.all(&sql, params_from_iter(values), |row| row.get::<_, i64>(0))?;
        all = ids.len() <= most;
        if all {
            break;
        }
    }
    // A search may find somebody twice.
    ids.sort_unstable();
    ids.dedup();
    Ok(Few { ids: serde_json::to_string(&ids).map_err(Error::internal)?, all })
}
