//! Pages of users: filtered, sorted, and walked by keyset, so that the last page costs what the first one did.

use super::User;
use super::filter::{Cursor, Filter, Key, WRONG_CURSOR};
use super::load::{Loaded, complete};
use super::walk::{Count, Walk};
use crate::db::Read;
use crate::domain::permissions::Permission;
use crate::error::{Error, Result};

/// A count stops here: beyond it "more than" is all anybody needs, and it keeps the cost the same for any table.
pub const COUNT_MAX: usize = 1_000;

/// With more people than these on the server, nobody waits until all that may be meant were counted...
const LARGE: i64 = 20_000;
/// ... and a list of roles or teams counts no more members of each.
const COUNTED_EACH: usize = 100;

pub struct Page {
    pub items: Vec<User>,
    pub next: Option<Cursor>,
    pub previous: Option<Cursor>,
}

/// A page of the actor's account.
pub fn list(r: &Read, filter: &Filter) -> Result<Page> {
    let account =
        r.actor.require(if filter.removed { Permission::UsersDelete } else { Permission::UsersRead })?.clone();
    let limit = filter.limit.0;
    let cursor = filter.cursor.as_ref();
    if cursor.is_some_and(|cursor| !cursor.fits(filter.sort)) {
        return Err(Error::invalid("cursor", "invalid_parameter", WRONG_CURSOR));
    }
    let before = cursor.is_some_and(Cursor::is_before);
    let mut rows = Walk::new(account.as_str(), filter).rows(r)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    if before {
        rows.reverse();
    }
    let cursor_at = |row: Option<&(Loaded, Key)>, before| {
        row.map(|(loaded, key)| Cursor { sort: filter.sort.to_string(), key: key.clone(), id: loaded.user.id, before })
    };
    let next = cursor_at(rows.last(), false).filter(|_| more || before);
    let previous = cursor_at(rows.first(), true).filter(|_| if before { more } else { cursor.is_some() });
    let items = complete(r, rows.into_iter().map(|(loaded, _)| loaded).collect(), Some(&account))?;
    Ok(Page { items, next, previous })
}

/// How many users a filter finds in the actor's account: [`COUNT_MAX`] at most.
pub fn count(r: &Read, filter: &Filter) -> Result<Count> {
    let account = r.actor.require(Permission::UsersRead)?;
    let all = Filter { cursor: None, ..filter.clone() };
    Walk::new(account.as_str(), &all).count(r, COUNT_MAX, !is_large(r)?)
}

/// How far a list counts the members of each role or team.
pub fn counted(r: &Read) -> Result<usize> {
    Ok(if is_large(r)? { COUNTED_EACH } else { COUNT_MAX })
}

fn is_large(r: &Read) -> Result<bool> {
    r.value("select coalesce(max(id), 0) > ?1 from users", [LARGE])
}
