//! Pages of users: filtered, sorted, and walked by keyset, so that the last page costs what the first one did.

use super::User;
use super::conditions::{Among, Conditions};
use super::few::candidates;
use super::filter::{Cursor, Filter, Key, Sort, WRONG_CURSOR};
use super::load::{COLUMNS, Loaded, WIDTH, complete, from_row};
use crate::db::{Read, Value, params_from_iter};
use crate::domain::permissions::Permission;
use crate::error::{Error, Result};

/// A count stops here: beyond it "more than" is all anybody needs, and it keeps the cost the same for any table.
pub const COUNT_MAX: u64 = 1_000;

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
    let (cursor, Sort { by, descending }) = (filter.cursor.as_ref(), filter.sort);
    if cursor.is_some_and(|cursor| !cursor.fits(filter.sort)) {
        return Err(Error::invalid("cursor", "invalid_parameter", WRONG_CURSOR));
    }
    let before = cursor.is_some_and(|cursor| cursor.before);
    let (compare, direction) = if descending == before { (">", "asc") } else { ("<", "desc") };
    let walk = Walk { column: by.column(), compare, direction, cursor };
    let mut rows = walk.rows(r, account.as_str(), filter)?;
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

/// The order of a list, and where its page begins.
pub(super) struct Walk<'a> {
    pub column: &'static str,
    pub compare: &'static str,
    pub direction: &'static str,
    cursor: Option<&'a Cursor>,
}

/// Up to so many that a filter's own index finds are looked up at once.
const HANDFUL: usize = 100;
/// If there are more, so many in the order of the list are looked at next: where one in ten is meant, they fill a page.
pub(super) const NEAR: usize = 300;

impl Walk<'_> {
    /// Those who are on the page, and one more if there are more.
    fn rows(&self, r: &Read, account: &str, filter: &Filter) -> Result<Vec<(Loaded, Key)>> {
        if filter.is_narrow() {
            if let Some(ids) = candidates(r, account, filter, HANDFUL)? {
                return self.rows_among(r, account, filter, &Among::These(ids));
            }
            let near = self.rows_among(r, account, filter, &Among::First(self))?;
            if near.len() > filter.limit.0 as usize || !is_larger(r, account, NEAR)? {
                return Ok(near);
            }
        }
        let among = candidates(r, account, filter, FEW)?.map_or(Among::All, Among::These);
        self.rows_among(r, account, filter, &among)
    }

    fn rows_among(&self, r: &Read, account: &str, filter: &Filter, among: &Among) -> Result<Vec<(Loaded, Key)>> {
        let Self { column, compare, direction, cursor } = self;
        // Of two lower bounds SQLite takes the first for its range: that must be the cursor.
        let bounded = if cursor.is_some() && *compare == ">" { "" } else { column };
        let mut found = Conditions::find(account, filter, among, bounded);
        self.begin(&mut found);
        let most = found.bind(Value::Integer(i64::from(filter.limit.0) + 1));
        // Only who is on the page is looked up among the users, not all who were sorted to find them.
        let sql = format!(
            "select {COLUMNS}, m.{column}
               from (select m.* {} order by m.{column} {direction}, m.user_id {direction} limit ?{most}) m
               join users u on u.id = m.user_id
              order by m.{column} {direction}, m.user_id {direction}",
            found.sql
        );
        r.all(&sql, params_from_iter(found.values), |row| {
            let key = match row.get_ref(WIDTH)?.as_i64() {
                Ok(number) => Key::Number(number),
                Err(_) => Key::Text(row.get(WIDTH)?),
            };
            Ok((from_row(row)?, key))
        })
    }

    /// Only from the cursor on.
    pub fn begin(&self, found: &mut Conditions) {
        let Self { column, compare, cursor: Some(cursor), .. } = self else { return };
        let key = found.bind(match &cursor.key {
            Key::Number(number) => Value::Integer(*number),
            Key::Text(text) => Value::Text(text.clone()),
        });
        let id = found.bind(Value::Integer(cursor.id));
        found.and(format!("(m.{column}, m.user_id) {compare} (?{key}, ?{id})"));
    }
}

/// How many users a filter finds in the actor's account: at most [`COUNT_MAX`] + 1, which means "more".
pub fn count(r: &Read, filter: &Filter) -> Result<u64> {
    let account = r.actor.require(Permission::UsersRead)?;
    let among = candidates(r, account.as_str(), filter, COUNT_MAX as usize)?.map_or(Among::All, Among::These);
    let found = Conditions::find(account.as_str(), filter, &among, filter.sort.by.column());
    let most = COUNT_MAX + 1;
    // Only its order leads to the few rows of the recycle bin; who is in the account can be counted in any.
    let order = if filter.removed { "order by m.email_key, m.user_id" } else { "" };
    let sql = format!("select count(*) from (select 1 {} {order} limit {most})", found.sql);
    let count: i64 = r.value(&sql, params_from_iter(found.values))?;
    Ok(count.unsigned_abs())
}

/// Up to so many members are looked up one by one and sorted; where every filter leaves more, walking along the sorted
/// index meets them often enough. Either way a page costs about the same however many users there are. What is left is a
/// search for one or two letters, which no index knows: where few have them, it reads the whole account.
const FEW: usize = 1000;

/// Whether an account has, or had, more than so many members.
fn is_larger(r: &Read, account: &str, than: usize) -> Result<bool> {
    let sql = format!("select 1 from memberships where account_id = ?1 limit 1 offset {than}");
    Ok(r.maybe(&sql, [account], |_| Ok(()))?.is_some())
}
