//! The SQL of a list: where its memberships are taken from, and what they must be.

use super::filter::Filter;
use super::walk::Walk;
use crate::db::Value;
use crate::domain::fields::{email_key, fold};

/// From where and with which conditions a list takes its memberships `m`.
pub(super) struct Conditions {
    pub sql: String,
    pub values: Vec<Value>,
}

/// Where the members of a list are looked for.
pub(super) enum Among<'a> {
    /// Along the order, as far as it takes.
    All,
    /// Along the order, but no further than so many.
    First(&'a Walk<'a>, usize),
    /// Those with these ids, a JSON array.
    These(String),
}

impl Conditions {
    /// Everybody who is in the account, or in its recycle bin.
    pub fn everybody(account: &str, filter: &Filter) -> Self {
        let here = here(filter);
        Self { sql: format!("from memberships m where {here}"), values: vec![Value::Text(account.to_owned())] }
    }

    /// `bounded` is the column whose range may be taken from an index.
    pub fn find(account: &str, filter: &Filter, among: &Among, bounded: &str) -> Self {
        let mut found = Self::everybody(account, filter);
        let here = here(filter);
        match among {
            Among::All => {}
            Among::First(walk, most) => {
                // Not `m.*`: these are in every index that sorts, so that no row has to be looked up to leave it out.
                found.sql = format!(
                    "from (select m.user_id, m.email_key, m.name_key, m.active, m.account_admin, m.team_id,
                                  m.invited_email, m.created_at, m.updated_at from memberships m where {here}"
                );
                walk.begin(&mut found);
                found.sql += &format!(" {} limit {most}) m where true", walk.order());
            }
            // A cross join, because SQLite doesn't turn that round: each of the few is looked up by their id.
            Among::These(ids) => {
                let ids = found.bind(Value::Text(ids.clone()));
                found.sql = format!(
                    "from json_each(?{ids}) few cross join memberships m where m.user_id = few.value and {here}"
                );
            }
        }
        found.filter(filter, bounded);
        found
    }

    fn filter(&mut self, filter: &Filter, bounded: &str) {
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
            let role = self.bind(Value::Text(role.clone()));
            self.and(format!(
                "exists (select 1 from membership_roles
                          where account_id = ?1 and role = ?{role} and user_id = m.user_id)"
            ));
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

    pub fn and(&mut self, condition: String) {
        self.sql += " and ";
        self.sql += &condition;
    }
}

fn here(filter: &Filter) -> String {
    format!("m.account_id = ?1 and m.removed_at is {}null", if filter.removed { "not " } else { "" })
}
