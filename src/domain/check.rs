//! Whether a database is as the rules leave it: the file itself, and every rule that its schema alone does not hold.

mod repair;
mod rules;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::words;
use crate::clock::Timestamp;
use crate::db::inspect::{self, Age};
use crate::db::{Read, Row};
use crate::error::{Error, Result};
use crate::progress::{Step, Told};

pub use repair::{Stuck, make_anew, make_usable, repair};
pub use rules::{FUNCTIONS, RULES, Rule};

/// What was found in a database.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How old its schema is, if it isn't this program's.
    pub older: Option<i64>,
    pub counts: Counts,
    /// What is wrong with the file, in SQLite's words. Nothing it says can be relied on then.
    pub damage: Vec<String>,
    /// The rules that do not hold. They are of this program's schema, so an older one isn't measured by them, but for what
    /// SQLite's own check tells.
    pub offences: Vec<Offence>,
}

/// How much there is, whatever the indexes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub users: u64,
    pub accounts: u64,
    pub events: u64,
}

/// A rule that does not hold.
#[derive(Clone, Debug)]
pub struct Offence {
    pub rule: &'static Rule,
    /// For whom or what, the first few of them.
    pub who: Vec<String>,
    /// For how many.
    pub count: u64,
}

/// The rule that all others rely on.
const INDEXES: &str = "indexes";

/// `indexes, search`.
pub fn names<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> String {
    rules.into_iter().map(|rule| rule.name).collect::<Vec<_>>().join(", ")
}

/// How many offenders against one rule are named.
const NAMED: usize = 10;

/// Checks the file at `path`, which may be in use, and changes nothing. `told` hears how far it is.
///
/// # Errors
///
/// [`Error::Unavailable`] if it is not ours, too new, or so damaged that nothing can be read. What is merely wrong in it is
/// in the findings.
pub fn file(path: &Path, now: Timestamp, told: Told) -> Result<Findings> {
    let cannot = |error: Error| match error {
        Error::Stopping => error,
        _ => {
            let cause = error.cause();
            Error::Unavailable(format!("{} can't be checked: {}.", path.display(), cause.trim_end_matches('.')))
        }
    };
    match std::fs::metadata(path) {
        Ok(file) if file.is_file() => {}
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(cannot(Error::Unavailable(error.to_string())));
        }
        Ok(_) => return Err(Error::invalid("FILE", "no_file", format!("{} is no file.", path.display()))),
        Err(_) => return Err(Error::not_found(format!("There is no file {}.", path.display()))),
    }
    inspect::look(path, now, FUNCTIONS, |r| all(r, told)).map_err(cannot)
}

fn all(r: &Read, told: Told) -> Result<Findings> {
    let steps = RULES.len() as u64 + 1;
    let step = |done| Step { what: "Checking", done, of: steps };
    told(step(0))?;
    let (older, strange) = match inspect::age(r)? {
        Age::Older(version) => (Some(version), Vec::new()),
        Age::Current => (None, inspect::strange_schema(r)?),
    };
    let mut said = [inspect::damage(r), strange].concat();
    let along_indexes = said.iter().all(|what| makes_anew(what) != Some(INDEXES));
    said.extend(if along_indexes { inspect::orphans(r) } else { inspect::shrunken(r)? });
    let mut heard = BTreeSet::new();
    said.retain(|what| heard.insert(what.clone()));
    let (made_anew, damage): (Vec<_>, _) = said.into_iter().partition(|what| makes_anew(what).is_some());
    let mut findings = Findings { older, damage, ..Findings::default() };
    told(step(1))?;
    if findings.damage.is_empty() {
        findings.counts = count(r, older)?;
    }
    let rules: &[Rule] = if findings.damage.is_empty() { RULES } else { &[] };
    for (n, rule) in (2..).zip(rules) {
        let said: Vec<_> = made_anew.iter().filter(|what| makes_anew(what) == Some(rule.name)).cloned().collect();
        findings.offences.extend(match said.len() as u64 {
            // What is looked up by them may be wrong.
            0 if older.is_some() || !along_indexes => None,
            0 => offence(r, rule)?,
            count => Some(Offence { rule, count, who: said.into_iter().take(NAMED).collect() }),
        });
        told(step(n))?;
    }
    told(step(steps))?;
    Ok(findings)
}

/// The rule whose repair makes anew what is damaged, where that is made from the rest: the index of the search, by what FTS5
/// says of it, or another one.
fn makes_anew(damage: &str) -> Option<&'static str> {
    let begins = |with: &[&str]| with.iter().any(|with| damage.starts_with(with));
    if begins(&["fts5: corrupt", "malformed inverted index for FTS5"]) && damage.contains("user_search")
        || begins(&["invalid fts5 file format"])
    {
        return Some("search");
    }
    let of_index = damage.contains(" missing from index ")
        || begins(&["wrong # of entries in index "])
        || begins(&["index "]) && !damage.ends_with(" is not Rollcall's");
    of_index.then_some(INDEXES)
}

/// People, accounts that aren't deleted, and events, of which the latest stand apart since schema 9.
fn count(r: &Read, older: Option<i64>) -> Result<Counts> {
    let number = |sql| r.value::<i64>(sql, []).map(|n| u64::try_from(n).unwrap_or_default());
    let latest = if older.is_none_or(|schema| schema >= 9) { number("select count(*) from latest_events")? } else { 0 };
    Ok(Counts {
        users: number("select count(*) from users not indexed")?,
        accounts: number("select count(*) from accounts not indexed where removed_at is null")?,
        events: number("select count(*) from events not indexed")? + latest,
    })
}

/// What can't even be asked about is no better than what doesn't hold, where it can be made anew.
fn offence(r: &Read, rule: &'static Rule) -> Result<Option<Offence>> {
    let sql = format!("select offender, count(*) over () from ({}) limit {NAMED}", rule.sql);
    let row = |row: &Row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
    let found: Vec<(String, i64)> = match r.all(&sql, [], row) {
        Err(Error::Damaged(cause)) if rule.is_repairable() => vec![(cause, 1)],
        found => found?,
    };
    let Some(&(_, count)) = found.first() else { return Ok(None) };
    let who = found.into_iter().map(|(who, _)| who).collect();
    Ok(Some(Offence { rule, who, count: u64::try_from(count).unwrap_or_default() }))
}

impl Findings {
    /// Whether nothing is wrong at all.
    pub fn are_good(&self) -> bool {
        self.damage.is_empty() && self.offences.is_empty()
    }

    /// Everything that is wrong, with what to do about it.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.damage.iter().map(|what| format!("damage: {what}")).collect();
        if !lines.is_empty() {
            lines.push("  The file is damaged. Restore the last good backup: rollcall restore FILE".into());
        }
        for offence in &self.offences {
            lines.push(format!("{}: {}", offence.rule.name, offence.rule.sentence));
            lines.push(format!("  Not so for {}.", offence.whom()));
            lines.push(format!("  {}", self.cure(offence.rule)));
        }
        lines
    }

    fn cure(&self, rule: &Rule) -> &'static str {
        match self.older {
            _ if !rule.is_repairable() => rule.cure,
            Some(_) => "An upgrade makes it anew from the rest: rollcall upgrade",
            None => "Stop the server, and it is made anew from the rest: rollcall check --repair",
        }
    }
}

impl Offence {
    /// `user 3, user 9 and 12 more`.
    pub fn whom(&self) -> String {
        let named = self.who.join(", ");
        match self.count.saturating_sub(self.who.len() as u64) {
            0 => named,
            more => format!("{named} and {} more", words::number(more)),
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |n, one, many| format!("{} {}", words::number(n), if n == 1 { one } else { many });
        let (users, accounts) = (count(self.users, "user", "users"), count(self.accounts, "account", "accounts"));
        write!(f, "{users}, {accounts}, {}", count(self.events, "event", "events"))
    }
}
