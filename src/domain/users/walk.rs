//! How a list is looked through: along its order, or by who the index of a filter finds.

use super::conditions::{Among, Conditions, Place};
use super::few;
use super::filter::{Cursor, Filter, Key, Sort};
use super::load::{COLUMNS, Loaded, WIDTH, from_row};
use crate::db::{Read, Row, RowResult, Value, params_from_iter};
use crate::error::{Error, Result};

/// The order of a list, and where its page begins.
pub(super) struct Walk<'a> {
    account: &'a str,
    filter: &'a Filter,
    column: &'static str,
    ascending: bool,
    begin: Option<Place>,
}

/// A list is filled along its order, where many are meant, or from those whom a filter's own index finds, where few are.
/// Nobody knows beforehand which is shorter, so both are tried in turns, each time further: for so many whom an index
/// finds, and [`ALONG`] times as many along the order.
const TURNS: [usize; 3] = [100, 1_000, 10_000];
/// To pass somebody in an index costs a tenth of looking them up.
const ALONG: usize = 10;

impl<'a> Walk<'a> {
    pub fn new(account: &'a str, filter: &'a Filter) -> Self {
        let Sort { by, descending } = filter.sort;
        let before = filter.cursor.as_ref().is_some_and(Cursor::is_before);
        let begin = filter.cursor.as_ref().map(Cursor::place);
        Self { account, filter, column: by.column(), ascending: descending == before, begin }
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

    /// What `look` finds, which is everything or, as `full` says, enough. More than `any`, whoever they are, are enough.
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
            let to = self.place(r, most * ALONG)?;
            let all = to.is_none();
            let found = look(&Among::Order(to))?;
            if all || full(&found) {
                return Ok(found);
            }
            if most >= any {
                let found = look(&Among::These(few.ids))?;
                if full(&found) {
                    return Ok(found);
                }
            }
        }
        look(&Among::Order(None))
    }

    fn rows_among(&self, r: &Read, among: &Among) -> Result<Vec<(Loaded, Key)>> {
        let column = self.column;
        let mut found = self.conditions(among);
        let most = found.bind(Value::Integer(i64::from(self.filter.limit.0) + 1));
        // Only who is on the page is looked up, not all who were passed or sorted to find them.
        let sql = format!(
            "select {COLUMNS}, m.{column}
               from (select m.user_id, m.{column} {} {} limit ?{most}) page
               cross join memberships m on m.account_id = ?1 and m.user_id = page.user_id
               join users u on u.id = page.user_id
              {}",
            found.sql,
            self.order("m"),
            self.order("page")
        );
        r.all(&sql, params_from_iter(found.values), |row| Ok((from_row(row)?, key(row, WIDTH)?)))
    }

    fn count_among(&self, r: &Read, among: &Among, most: usize) -> Result<usize> {
        let found = self.conditions(among);
        // Only the order leads to the few rows of a recycle bin; the few by their ids are counted as they come.
        let order = if matches!(among, Among::Order(_)) { self.order("m") } else { String::new() };
        let sql = format!("select count(*) from (select 1 {} {order} limit {})", found.sql, most + 1);
        let count: i64 = r.value(&sql, params_from_iter(found.values))?;
        usize::try_from(count).map_err(Error::internal)
    }

    fn conditions(&self, among: &Among) -> Conditions {
        let (mut found, to) = match among {
            Among::Order(to) => (Conditions::everybody(self.account, self.filter), to.as_ref()),
            Among::These(ids) => (Conditions::these(self.account, self.filter, ids), None),
        };
        self.begin(&mut found);
        if let Some(to) = to {
            found.range(self.column, if self.ascending { "<=" } else { ">=" }, to);
        }
        // Of two lower bounds SQLite takes one for its range: that must be the place.
        let least = if self.ascending { self.begin.as_ref() } else { to };
        found.filter(self.filter, if least.is_some() { "" } else { self.column });
        found
    }

    /// Only from where the page begins.
    fn begin(&self, found: &mut Conditions) {
        if let Some(begin) = &self.begin {
            found.range(self.column, if self.ascending { ">" } else { "<" }, begin);
        }
    }

    /// The order of the members that are called `m`.
    fn order(&self, m: &str) -> String {
        let (column, direction) = (self.column, if self.ascending { "asc" } else { "desc" });
        format!("order by {m}.{column} {direction}, {m}.user_id {direction}")
    }

    /// Where so many along the order have been passed, whatever the filter leaves of them; nothing if there are no more.
    fn place(&self, r: &Read, passed: usize) -> Result<Option<Place>> {
        let mut all = Conditions::everybody(self.account, self.filter);
        self.begin(&mut all);
        let sql =
            format!("select m.user_id, m.{} {} {} limit 1 offset {passed}", self.column, all.sql, self.order("m"));
        r.maybe(&sql, params_from_iter(all.values), |row| Ok((key(row, 1)?, row.get(0)?)))
    }
}

/// What a row is sorted by.
fn key(row: &Row, column: usize) -> RowResult<Key> {
    Ok(match row.get_ref(column)?.as_i64() {
        Ok(number) => Key::Number(number),
        Err(_) => Key::Text(row.get(column)?),
    })
}
