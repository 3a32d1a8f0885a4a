//! The SQL of a list: where its memberships are taken from, and what they must be.

use serde_json::json;

use super::filter::{Filter, Key, SortBy};
use crate::db::Value;
use crate::domain::fields::{email_key, fold};

/// From where and with which conditions a list takes its memberships `m`.
pub(super) struct Conditions {
    pub sql: String,
    pub values: Vec<Value>,
}

/// Where the members of a list are looked for.
pub(super) enum Among {
    /// Along the order: from a place in it, or from where the list begins; up to one, or as far as it takes.
    Order { from: Option<Place>, to: Option<Place> },
    /// Those with these ids.
    These(Vec<i64>),
    /// Who was created, or changed, since the time that the filter asks for.
    Since(SortBy),
}

impl Among {
    pub fn everybody() -> Self {
        Self::Order { from: None, to: None }
    }
}

/// A place in the order of a list: what a member is sorted by, and their ID.
pub(super) type Place = (Key, i64);

impl Conditions {
    /// Everybody who is in the account; or those of them who stand [`apart`], where they have orders of their own.
    pub fn everybody(account: &str, filter: &Filter) -> Self {
        let sql = match apart(filter) {
            Some(kind) => format!("from memberships_apart m where m.account_id = ?1 and m.kind = '{kind}'"),
            None => format!("from memberships m where {}", here(filter)),
        };
        Self { sql, values: vec![Value::Text(account.to_owned())] }
    }

    /// Everybody who was created, or changed, of late: all that is asked of them is in the index of that order.
    pub fn since(account: &str, filter: &Filter, by: SortBy) -> Self {
        let sql = format!("from memberships m indexed by {} where {}", by.index(), here(filter));
        Self { sql, values: vec![Value::Text(account.to_owned())] }
    }

    /// Those with these ids.
    pub fn these(account: &str, filter: &Filter, ids: &[i64]) -> Self {
        let ids = serde_json::to_string(ids).unwrap_or_default();
        let values = vec![Value::Text(account.to_owned()), Value::Text(ids)];
        // A cross join, because SQLite doesn't turn that round: each of the few is looked up by their id.
        let from = "from json_each(?2) few cross join memberships m where m.user_id = few.value";
        Self { sql: format!("{from} and {}", here(filter)), values }
    }

    /// Only from a place on, or up to it, as `compare` says.
    pub fn range(&mut self, column: &str, compare: &str, (key, id): &Place) {
        let key = self.bind(match key {
            Key::Number(number) => Value::Integer(*number),
            Key::Text(text) => Value::Text(text.clone()),
        });
        let id = self.bind(Value::Integer(*id));
        self.and(format!("(m.{column}, m.user_id) {compare} (?{key}, ?{id})"));
    }

    /// What the filter asks. `bounded` is the column whose range may be taken from an index.
    pub fn filter(&mut self, filter: &Filter, bounded: &str) {
        // A `+` keeps a column out of the choice of an index, which the order is to decide.
        if let Some(active) = filter.active {
            let active = self.bind(Value::Integer(active.into()));
            self.and(format!("+m.active = ?{active}"));
        }
        if let Some(admin) = filter.account_admin {
            self.and(format!("+m.account_admin = {}", i64::from(admin)));
        }
        if let Some(pending) = filter.pending {
            self.and(format!("+m.invited_email is {}null", if pending { "not " } else { "" }));
        }
        if let Some(team) = filter.team_id {
            let team = self.bind(Value::Integer(team));
            self.and(format!("+m.team_id = ?{team}"));
        }
        if let Some(role) = &filter.role {
            // As it stands in a JSON array. Nobody's role has anything in its name that would have to be escaped.
            let role = self.bind(Value::Text(json!(role).to_string()));
            self.and(format!("instr(m.roles, ?{role})"));
        }
        for (column, since) in [("created_at", filter.created_since), ("updated_at", filter.updated_since)] {
            if let Some(since) = since {
                let since = self.bind(Value::Integer(since.0));
                let plus = if bounded == column { "" } else { "+" };
                self.and(format!("{plus}m.{column} >= ?{since}"));
            }
        }
        let query = filter.query.trim();
        if !query.is_empty() {
            let email = self.bind(Value::Text(email_key(query)));
            let name = self.bind(Value::Text(fold(query)));
            self.and(format!("(instr(m.email_key, ?{email}) or instr(m.name_key, ?{name}))"));
        }
    }

    pub fn bind(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len()
    }

    fn and(&mut self, condition: String) {
        self.sql += " and ";
        self.sql += &condition;
    }
}

/// What those have in common who are asked for and stand apart from the others, being few. Of several that are asked for
/// together, one.
pub(super) fn apart(filter: &Filter) -> Option<&'static str> {
    APART.into_iter().find(|(_, asked)| asked(filter)).map(|(kind, _)| kind)
}

type Asked = fn(&Filter) -> bool;

/// What `memberships_apart` says of those in it, and whether a filter asks for them.
pub(super) const APART: [(&str, Asked); 4] = [
    ("removed", |filter| filter.removed),
    ("suspended", |filter| filter.active == Some(false)),
    ("admin", |filter| filter.account_admin == Some(true)),
    ("pending", |filter| filter.pending == Some(true)),
];

fn here(filter: &Filter) -> String {
    format!("m.account_id = ?1 and m.removed_at is {}null", if filter.removed { "not " } else { "" })
}
