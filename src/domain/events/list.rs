//! Pages of events, the latest first, and all of them for an export.

use super::{COLUMNS, Event, from_row};
use crate::clock::Timestamp;
use crate::db::{Read, Value, params, params_from_iter};
use crate::domain::paging::limit;
use crate::domain::permissions::Permission;
use crate::domain::pulse::PulseEvent;
use crate::error::Result;

limit!(Limit, 50, 500, "events");

/// Where a page begins: just before the event of that id. Events are in the order in which they happened.
pub type Cursor = i64;

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub event: Option<PulseEvent>,
    pub actor_id: Option<i64>,
    pub subject_id: Option<i64>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to this moment, which is not included.
    pub to: Option<Timestamp>,
    /// Done by or to this user.
    pub about: Option<i64>,
    pub cursor: Option<Cursor>,
    pub limit: Limit,
}

pub struct Page {
    pub items: Vec<Event>,
    pub next: Option<Cursor>,
}

/// A page of what happened in the actor's account.
pub fn list(r: &Read, filter: &Filter) -> Result<Page> {
    let account = r.actor.require(Permission::EventsRead)?;
    let limit = filter.limit.0 as usize;
    let mut found = Conditions::of(account.as_str(), filter, "", if filter.cursor.is_some() { "+" } else { "" });
    if let Some(cursor) = filter.cursor {
        // What is no longer there was older than all that is: only the oldest events are ever deleted.
        let at = time_of(r, account.as_str(), cursor)?.unwrap_or(Timestamp(i64::MIN));
        found.and("(at, id) <", &[Value::Integer(at.0), Value::Integer(cursor)]);
    }
    let mut items = select(r, found, filter.about, "order by at desc, id desc", limit + 1)?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(|event| event.id).filter(|_| more);
    Ok(Page { items, next })
}

/// Up to `most` events of the actor's account after the one that `after` names, or from the first on: one slice of an
/// export, the oldest first.
pub fn export(r: &Read, filter: &Filter, after: Cursor, most: usize) -> Result<Vec<Event>> {
    let account = r.actor.require(Permission::EventsRead)?.as_str();
    let start = time_of(r, account, after)?;
    let mut found = Conditions::of(account, filter, if start.is_some() { "+" } else { "" }, "");
    if let Some(at) = start {
        found.and("(at, id) >", &[Value::Integer(at.0), Value::Integer(after)]);
    }
    select(r, found, filter.about, "order by at, id", most)
}

/// Rows in an order that is the one of every index, or its reverse.
fn select(r: &Read, found: Conditions, about: Option<i64>, order: &str, most: usize) -> Result<Vec<Event>> {
    let conditions = found.sql;
    let sql = match about {
        None => format!("select {COLUMNS} from all_events where {conditions} {order} limit {most}"),
        Some(user) => {
            // Two walks along two indexes, merged: an `or` would scan.
            let walk = |column: &str| {
                let one = format!("select {COLUMNS} from all_events where {conditions} and {column} = {user}");
                format!("select * from ({one} {order} limit {most})")
            };
            format!("{} union {} {order} limit {most}", walk("actor_id"), walk("subject_id"))
        }
    };
    r.all(&sql, params_from_iter(found.values), from_row)
}

/// When the event happened that a page begins at.
fn time_of(r: &Read, account: &str, cursor: Cursor) -> Result<Option<Timestamp>> {
    r.maybe("select at from all_events where id = ?2 and account_id = ?1", params![account, cursor], |row| row.get(0))
}

/// The `where` of a list.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Of two bounds on the same side SQLite takes the first for its range: that must be the cursor, so the other one is kept
    /// out of it by a `+`.
    fn of(account: &str, filter: &Filter, from: &str, to: &str) -> Self {
        let mut found = Self { sql: "account_id = ?1".to_owned(), values: vec![Value::Text(account.to_owned())] };
        let mut add = |condition: &str, value: Option<Value>| {
            if let Some(value) = value {
                found.and(condition, &[value]);
            }
        };
        add("event =", filter.event.map(|event| Value::Text(event.name().into())));
        add("actor_id =", filter.actor_id.map(Value::Integer));
        add("subject_id =", filter.subject_id.map(Value::Integer));
        add(&format!("{from}at >="), filter.from.map(|at| Value::Integer(at.0)));
        add(&format!("{to}at <"), filter.to.map(|at| Value::Integer(at.0)));
        found
    }

    /// Adds a comparison with one value, or with several as a row.
    fn and(&mut self, condition: &str, values: &[Value]) {
        self.values.extend_from_slice(values);
        let first = self.values.len() + 1 - values.len();
        let names: Vec<_> = (first..=self.values.len()).map(|n| format!("?{n}")).collect();
        self.sql += &format!(" and {condition} ({})", names.join(", "));
    }
}
