//! The SQL of a list: where its memberships are taken from, and what they must be.

use super::filter::Filter;
use super::list::{NEAR, Walk};
use crate::db::Value;
use crate::domain::fields::{email_key, fold};

/// From where and with which conditions a list takes its memberships `m`.
pub(super) struct Conditions {
    pub sql: String,
    pub values: Vec<Value>,
}

/// Where the members of a list are looked for.
pub(super) enum Among<'a> {
    /// Along the sorted index, as far as it takes.
    All,
    /// The first [`NEAR`] along it.
    First(&'a Walk<'a>),
    /// Those with these ids, a JSON array.
    These(String),
}

impl Conditions {
    /// `bounded` is the column whose range may be taken from an index.
    pub fn find(account: &str, filter: &Filter, among: &Among, bounded: &str) -> Self {
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

    pub fn bind(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len()
    }

    pub fn and(&mut self, condition: String) {
        self.sql += " and ";
        self.sql += &condition;
    }
}
