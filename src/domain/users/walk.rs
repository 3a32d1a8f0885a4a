//! How a list is looked through: along its order, or by who the index of a filter finds.

use super::conditions::{Among, Conditions, Place, apart};
use super::few::{self, Few, Front, Source};
use super::filter::{Cursor, Filter, Key, Sort, SortBy};
use super::load::{self, COLUMNS, Loaded, WIDTH};
use crate::db::search::code;
use crate::db::{Read, Row, RowResult, Value, params_from_iter};
use crate::error::{Error, Result};

/// The order of a list, and where its page begins.
pub(super) struct Walk<'a> {
    account: &'a str,
    filter: &'a Filter,
    column: &'static str,
    ascending: bool,
    begin: Option<Place>,
    /// Those of the filter's indexes that may lead to fewer than the order does.
    sources: Vec<Source>,
    /// Other orders, of which the filter leaves the end.
    late: Vec<SortBy>,
}

/// A count of people, and whether there are more than it says.
#[derive(Debug, PartialEq, Eq)]
pub struct Count {
    pub people: usize,
    pub more: bool,
}

/// A list is filled along its order, where many are meant, or from those whom a filter's own index finds, where few are.
/// Nobody knows beforehand which is shorter, so both are tried in turns: for so many whom an index finds, or two pages of them,
/// and so many steps along each order.
const TURNS: [(usize, i32); 3] = [(40, 10_000), (200, 30_000), (1_000, 100_000)];
/// The order of those who stand apart is sooner at its end than hundreds are looked up, and tried before orders of everybody.
const TURNS_APART: [(usize, i32); 2] = [(40, 300_000), (1_000, 1_000_000)];
/// It takes about so many to pass somebody there, and a tenth of what it costs to look them up.
const STEPS: usize = 10;
/// If they are no more than that, it is better to look each of them up than to go along all of the order.
const FEW: usize = 10_000;
/// So many steps may be spent on a count, or else [`FEW`] be looked up for it, where it is to be exact.
const COUNTING: i32 = 1_000_000;
/// Otherwise those are counted of whom a filter leaves among so many along the order, or among [`SAMPLE`] it finds.
const COUNTED: usize = 1_000;
const SAMPLE: usize = 100;

impl<'a> Walk<'a> {
    pub fn new(account: &'a str, filter: &'a Filter) -> Self {
        let Sort { by, descending } = filter.sort;
        let before = filter.cursor.as_ref().is_some_and(Cursor::is_before);
        let begin = filter.cursor.as_ref().map(Cursor::place);
        let ascending = descending == before;
        let (sources, late) = (few::sources(account, filter, ascending), few::late(filter));
        Self { account, filter, column: by.column(), ascending, begin, sources, late }
    }

    /// Those who are on the page, and one more if there are more.
    pub fn rows(&self, r: &Read) -> Result<Vec<(Loaded, Key)>> {
        let most = self.filter.limit.0 as usize + 1;
        let along_the_order = || self.rows_among(r, &Among::everybody(), most);
        if self.sources.is_empty() && self.late.is_empty() {
            return along_the_order();
        }
        let is_apart = apart(self.filter).is_some();
        let turns = if is_apart { &TURNS_APART[..] } else { &TURNS };
        let mut few = Few::default();
        for &(people, steps) in turns {
            few = few::find(r, &self.sources, people.max(2 * most), &few)?;
            if few.all {
                return self.rows_among(r, &Among::These(few.ids), most);
            }
            if is_apart && let Some(rows) = r.within(steps, along_the_order)? {
                return Ok(rows);
            }
            for by in &self.late {
                if let Some(rows) = r.within(steps, || self.rows_among(r, &Among::Since(*by), most))? {
                    return Ok(rows);
                }
            }
            if !is_apart
                && self.is_near(r, &few, steps)?
                && let Some(rows) = r.within(steps, along_the_order)?
            {
                return Ok(rows);
            }
            if let Some(front) = few.front(r)?
                && let Some(rows) = self.rows_from(r, front, most, Some(steps))?
            {
                return Ok(rows);
            }
        }
        few = few::find(r, &self.sources, FEW, &few)?;
        if few.all {
            return self.rows_among(r, &Among::These(few.ids), most);
        }
        let rows = few.front(r)?.map(|front| self.rows_from(r, front, most, None)).transpose()?;
        rows.flatten().map_or_else(along_the_order, Ok)
    }

    /// Whether whom a search has found first, as many as fill a page, are likely to be passed by a walk of so many steps; where
    /// nobody knows, they are. If they begin alike, only a walk from there tells who comes first, and begins with them at best.
    fn is_near(&self, r: &Read, few: &Few, steps: i32) -> Result<bool> {
        let passed = steps as usize / STEPS;
        let Some((first, last)) = few.codes(self.filter.limit.0 as usize) else { return Ok(true) };
        // IDs count people, and those found may well reach to the last: where they are no more than that, all are passed.
        if few.ids.last().is_some_and(|id| *id <= passed as i64) {
            return Ok(true);
        }
        let Some((Key::Text(reached), _)) = self.place(r, if first == last { 0 } else { passed / 2 })? else {
            return Ok(true);
        };
        let reached = code(&reached);
        Ok(if self.ascending { last <= reached } else { reached <= last })
    }

    /// The page, where it is known who comes first: those are looked up, and the others found along the order, if that takes no
    /// more than so many steps.
    fn rows_from(&self, r: &Read, front: Front, most: usize, steps: Option<i32>) -> Result<Option<Vec<(Loaded, Key)>>> {
        let mut rows = Vec::new();
        for ids in front.ids {
            rows.extend(self.rows_among(r, &Among::These(ids), most - rows.len())?);
            if rows.len() == most {
                return Ok(Some(rows));
            }
        }
        let further = Among::Order { from: front.from, to: None };
        let rest = || self.rows_among(r, &further, most - rows.len());
        let Some(rest) = steps.map_or_else(|| rest().map(Some), |steps| r.within(steps, rest))? else {
            return Ok(None);
        };
        rows.extend(rest);
        Ok(Some(rows))
    }

    /// How many there are, up to `most`; if not exactly, as far as that is quickly told.
    pub fn count(&self, r: &Read, most: usize, exact: bool) -> Result<Count> {
        let exactly = |among| {
            let count = self.count_among(r, &among, most)?;
            Ok(Count { people: count.min(most), more: count > most })
        };
        if self.sources.is_empty() && self.late.is_empty() {
            return exactly(Among::everybody());
        }
        let few = few::find(r, &self.sources, if exact { FEW } else { SAMPLE }, &Few::default())?;
        if few.all {
            return exactly(Among::These(few.ids));
        }
        for by in &self.late {
            let steps = if exact { COUNTING } else { TURNS[0].1 };
            if let Some(count) = r.within(steps, || exactly(Among::Since(*by)))? {
                return Ok(count);
            }
        }
        let to = if exact { None } else { self.place(r, COUNTED)? };
        let Some(to) = to else { return exactly(Among::everybody()) };
        let along = self.count_among(r, &Among::Order { from: None, to: Some(to) }, most)?;
        let found = self.count_among(r, &Among::These(few.ids), most)?;
        Ok(Count { people: along.max(found), more: true })
    }

    fn rows_among(&self, r: &Read, among: &Among, most: usize) -> Result<Vec<(Loaded, Key)>> {
        let column = self.column;
        let mut found = self.conditions(among);
        let most = found.bind(Value::Integer(most as i64));
        // Only who is on the page is looked up, not all who were passed or sorted to find them.
        let sql = format!(
            "select {COLUMNS}, page.{column}
               from (select m.user_id, m.{column} {} {} limit ?{most}) page
               cross join users u on u.id = page.user_id
               cross join memberships m on m.user_id = page.user_id",
            found.sql,
            self.order()
        );
        let mut rows = load::find(r, &sql, params_from_iter(found.values), Some(self.account), |row| key(row, WIDTH))?;
        // SQLite doesn't promise that they still are in their order, though they are, and would sort all columns of them.
        rows.sort_by(|(one, key), (other, other_key)| {
            let order = (key, one.user.id).cmp(&(other_key, other.user.id));
            if self.ascending { order } else { order.reverse() }
        });
        Ok(rows)
    }

    fn count_among(&self, r: &Read, among: &Among, most: usize) -> Result<usize> {
        let found = self.conditions(among);
        // Its order says which index a list goes along; the few by their ids are counted as they come.
        let order = if matches!(among, Among::Order { .. }) { self.order() } else { String::new() };
        let sql = format!("select count(*) from (select 1 {} {order} limit {})", found.sql, most + 1);
        let count: i64 = r.value(&sql, params_from_iter(found.values))?;
        usize::try_from(count).map_err(Error::internal)
    }

    fn conditions(&self, among: &Among) -> Conditions {
        let Self { account, filter, column, .. } = *self;
        let (mut found, from, to) = match among {
            Among::Order { from, to } => (Conditions::everybody(account, filter), from.as_ref(), to.as_ref()),
            Among::These(ids) => (Conditions::these(account, filter, ids), None, None),
            Among::Since(by) => (Conditions::since(account, filter, *by), None, None),
        };
        let begin = from.or(self.begin.as_ref());
        self.go_on(&mut found, begin);
        if let Some(to) = to {
            found.range(column, if self.ascending { "<=" } else { ">=" }, to);
        }
        // Of two lower bounds SQLite takes one for its range: that must be the place.
        let least = if self.ascending { begin } else { to };
        let bounded = match among {
            Among::Since(by) => by.column(),
            _ if least.is_some() => "",
            _ => column,
        };
        found.filter(filter, bounded);
        found
    }

    /// Only from there on.
    fn go_on(&self, found: &mut Conditions, begin: Option<&Place>) {
        if let Some(begin) = begin {
            found.range(self.column, if self.ascending { ">" } else { "<" }, begin);
        }
    }

    /// The order of the memberships `m`.
    fn order(&self) -> String {
        let (column, direction) = (self.column, if self.ascending { "asc" } else { "desc" });
        format!("order by m.{column} {direction}, m.user_id {direction}")
    }

    /// Where so many along the order have been passed, whatever the filter leaves of them; nothing if there are no more.
    fn place(&self, r: &Read, passed: usize) -> Result<Option<Place>> {
        let mut all = Conditions::everybody(self.account, self.filter);
        self.go_on(&mut all, self.begin.as_ref());
        let sql = format!("select m.user_id, m.{} {} {} limit 1 offset {passed}", self.column, all.sql, self.order());
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
