//! Pages of events, the latest first, and all of them for an export.

use super::{COLUMNS, Event, from_row};
use crate::clock::Timestamp;
use crate::db::{Read, Value, params_from_iter};
use crate::domain::paging::limit;
use crate::domain::permissions::Permission;
use crate::domain::pulse::PulseEvent;
use crate::error::Result;

limit!(Limit, 50, 500, "events");

/// Where a page begins: just below an event's id.
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
    let mut items = select(r, account.as_str(), filter, limit + 1)?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(|event| event.id).filter(|_| more);
    Ok(Page { items, next })
}

/// Up to `most` events of the actor's account after `filter.cursor`, the oldest first: one slice of an export.
pub fn export(r: &Read, filter: &Filter, after: i64, most: usize) -> Result<Vec<Event>> {
    let account = r.actor.require(Permission::EventsRead)?;
    let (conditions, mut values) = conditions(account.as_str(), filter);
    values.push(Value::Integer(after));
    let n = values.len();
    let sql = format!("select {COLUMNS} from events where {conditions} and id > ?{n} order by id limit {most}");
    r.all(&sql, params_from_iter(values), from_row)
}

fn select(r: &Read, account: &str, filter: &Filter, most: usize) -> Result<Vec<Event>> {
    let (mut conditions, mut values) = conditions(account, filter);
    if let Some(cursor) = filter.cursor {
        values.push(Value::Integer(cursor));
        conditions += &format!(" and id < ?{}", values.len());
    }
    let Some(user) = filter.about else {
        let sql = format!("select {COLUMNS} from events where {conditions} order by id desc limit {most}");
        return r.all(&sql, params_from_iter(values), from_row);
    };
    // Two walks along two indexes, merged: an `or` would scan.
    values.push(Value::Integer(user));
    let n = values.len();
    let walk = |column: &str| {
        format!(
            "select * from (select {COLUMNS} from events where {conditions} and {column} = ?{n} order by id desc limit {most})"
        )
    };
    let sql = format!("{} union {} order by id desc limit {most}", walk("actor_id"), walk("subject_id"));
    r.all(&sql, params_from_iter(values), from_row)
}

fn conditions(account: &str, filter: &Filter) -> (String, Vec<Value>) {
    let mut conditions = "account_id = ?1".to_owned();
    let mut values = vec![Value::Text(account.to_owned())];
    let mut add = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            conditions += &format!(" and {condition} ?{}", values.len());
        }
    };
    add("event =", filter.event.map(|event| Value::Text(event.name().into())));
    add("actor_id =", filter.actor_id.map(Value::Integer));
    add("subject_id =", filter.subject_id.map(Value::Integer));
    add("at >=", filter.from.map(|at| Value::Integer(at.0)));
    add("at <", filter.to.map(|at| Value::Integer(at.0)));
    (conditions, values)
}
