//! How a list is looked through: along its order, or by who the index of a filter finds.

use super::conditions::{Among, Conditions};
use super::few;
use super::filter::{Cursor, Filter, Key, Sort};
use super::load::{COLUMNS, Loaded, WIDTH, from_row};
use crate::db::{Read, Value, params_from_iter};
use crate::error::{Error, Result};

/// The order of a list, and where its page begins.
pub(super) struct Walk<'a> {
    account: &'a str,
    filter: &'a Filter,
    column: &'static str,
    compare: &'static str,
    direction: &'static str,
    cursor: Option<&'a Cursor>,
}

/// A list is filled along its order, where many are meant, or from those whom a filter's own index finds, where few are.
/// Nobody knows beforehand which is shorter, so both are tried in turns, each time further: for so many whom an index
/// finds, and [`ALONG`] times as many along the order.
const TURNS: [usize; 3] = [100, 2_000, 20_000];
/// To pass somebody in an index costs less than to look them up.
const ALONG: usize = 3;

impl<'a> Walk<'a> {
    pub fn new(account: &'a str, filter: &'a Filter) -> Self {
        let (cursor, Sort { by, descending }) = (filter.cursor.as_ref(), filter.sort);
        let before = cursor.is_some_and(Cursor::is_before);
        let (compare, direction) = if descending == before { (">", "asc") } else { ("<", "desc") };
        Self { account, filter, column: by.column(), compare, direction, cursor }
    }

    /// Those who are on the page, and one more if there are more.
    pub fn rows(&self, r: &Read) -> Result<Vec<(Loaded, Key)>> {
        let limit = self.filter.limit.0 as usize;
        self.in_turns(r, usize::MAX, |among| self.rows_among(r, among), |rows| rows.len() > limit)
    }

    /// How many there are, up to one more than `most`.
    pub fn count(&self, r: &Read, most: usize) -> Result<usize> {
        self.in_turns(r, most, |among| self.count_among(r, among, most), |count| *count > most)
    }

    /// What `look` finds, which is everything or, as `full` says, enough. More than `any`, whoever they are, may be enough.
    fn in_turns<T>(
        &self,
        r: &Read,
        any: usize,
        look: impl Fn(&Among) -> Result<T>,
        full: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let sources = few::sources(self.account, self.filter);
        let turns: &[usize] = if sources.is_empty() { &[] } else { &TURNS };
        for &most in turns {
            let few = few::find(r, &sources, most)?;
            if few.all {
                return look(&Among::These(few.ids));
            }
            let far = most * ALONG;
            let found = look(&Among::First(self, far))?;
            if full(&found) || !self.is_longer(r, far)? {
                return Ok(found);
            }
            if most > any {
                let found = look(&Among::These(few.ids))?;
                if full(&found) {
                    return Ok(found);
                }
            }
        }
        look(&Among::All)
    }

    fn rows_among(&self, r: &Read, among: &Among) -> Result<Vec<(Loaded, Key)>> {
        let Self { column, direction, .. } = self;
        let mut found = self.conditions(among);
        let most = found.bind(Value::Integer(i64::from(self.filter.limit.0) + 1));
        // Only who is on the page is looked up, not all who were passed or sorted to find them.
        let sql = format!(
            "select {COLUMNS}, m.{column}
               from (select m.user_id, m.{column} {} {} limit ?{most}) page
               cross join memberships m on m.account_id = ?1 and m.user_id = page.user_id
               join users u on u.id = page.user_id
              order by page.{column} {direction}, page.user_id {direction}",
            found.sql,
            self.order()
        );
        r.all(&sql, params_from_iter(found.values), |row| {
            let key = match row.get_ref(WIDTH)?.as_i64() {
                Ok(number) => Key::Number(number),
                Err(_) => Key::Text(row.get(WIDTH)?),
            };
            Ok((from_row(row)?, key))
        })
    }

    fn count_among(&self, r: &Read, among: &Among, most: usize) -> Result<usize> {
        let found = self.conditions(among);
        // Only its order leads to the few rows of the recycle bin; who is in the account can be counted in any.
        let order = if self.filter.removed { self.order() } else { String::new() };
        let sql = format!("select count(*) from (select 1 {} {order} limit {})", found.sql, most + 1);
        let count: i64 = r.value(&sql, params_from_iter(found.values))?;
        usize::try_from(count).map_err(Error::internal)
    }

    fn conditions(&self, among: &Among) -> Conditions {
        // Of two lower bounds SQLite takes the first for its range: that must be the cursor.
        let bounded = if self.cursor.is_some() && self.compare == ">" { "" } else { self.column };
        let mut found = Conditions::find(self.account, self.filter, among, bounded);
        if !matches!(among, Among::First(..)) {
            self.begin(&mut found);
        }
        found
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

    pub fn order(&self) -> String {
        let Self { column, direction, .. } = self;
        format!("order by m.{column} {direction}, m.user_id {direction}")
    }

    /// Whether there are more than so many along the order, whatever the filter leaves of them.
    fn is_longer(&self, r: &Read, than: usize) -> Result<bool> {
        let mut all = Conditions::everybody(self.account, self.filter);
        self.begin(&mut all);
        let sql = format!("select 1 {} {} limit 1 offset {than}", all.sql, self.order());
        Ok(r.maybe(&sql, params_from_iter(all.values), |_| Ok(()))?.is_some())
    }
}
