//! What would be gone if a database gave way to an earlier one.

use std::path::Path;

use super::copy::Held;
use crate::error::Result;

/// How much came to a database after an earlier one of it was put aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Later {
    pub users: u64,
    pub tokens: u64,
    pub events: u64,
}

impl Later {
    /// Compares a database that nobody else can change with an earlier one.
    pub fn than(earlier: &Path, held: &Held) -> Result<Self> {
        let conn = &held.0;
        conn.execute("attach ?1 as earlier", [earlier.to_string_lossy()])?;
        let count = |sql: &str| {
            let rows = conn.query_row(sql, [], |row| row.get::<_, i64>(0))?;
            Ok::<_, crate::Error>(u64::try_from(rows).unwrap_or_default())
        };
        // First tokens are with their users, stood apart once, and among the others before that.
        let has = |table, column| {
            count(&format!("select count(*) from pragma_table_info('{table}', 'earlier') where name = '{column}'"))
        };
        let first_tokens = if has("users", "invitation_id")? > 0 {
            "union all select invitation_id from earlier.users where invitation_id is not null"
        } else if has("invitations", "token_id")? > 0 {
            "union all select token_id from earlier.invitations"
        } else {
            ""
        };
        // Numbers are never used again, so all that are above the last one of then came later.
        let after = |table, counted| {
            format!(
                "select count(*) from main.{table} where id >
                   (select coalesce(max(seq), 0) from earlier.sqlite_sequence where name in ({counted}))"
            )
        };
        Ok(Self {
            users: count(&after("users", "'users'"))?,
            tokens: count(&format!(
                "select count(*) from (select id from main.tokens union all
                                       select invitation_id from main.users where invitation_id is not null)
                  where id not in (select id from earlier.tokens {first_tokens})"
            ))?,
            events: count(&after("all_events", "'events', 'latest_events'"))?,
        })
    }
}
