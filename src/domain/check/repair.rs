//! Making anew what is kept besides, where it isn't as the rules say.

use std::path::Path;

use super::rules::{FUNCTIONS, RULES, Rule};
use super::{Findings, INDEXES, offence};
use crate::clock::Timestamp;
use crate::db::{Read, Write, inspect};
use crate::error::{Error, Result};
use crate::progress::{Step, Told};

/// What is repaired may be what another rule goes by, so it is looked at again; there are no longer chains than this.
const ROUNDS: usize = 3;

impl Rule {
    pub fn is_repairable(&self) -> bool {
        !self.repair.is_empty()
    }
}

impl Findings {
    /// The rules that don't hold and can be repaired, if the file itself is sound.
    pub fn repairable(&self) -> Vec<&'static Rule> {
        let offences = if self.damage.is_empty() { &self.offences[..] } else { &[] };
        offences.iter().map(|offence| offence.rule).filter(|rule| rule.is_repairable()).collect()
    }
}

/// Why something can't be made anew, and what to do about it.
#[derive(Debug)]
pub struct Stuck {
    /// Whether that is a rule's matter, and not the disk's.
    pub of_a_rule: bool,
    pub what: String,
    pub cure: &'static str,
}

impl Stuck {
    fn at(r: &Read, rule: &'static Rule, error: Error) -> Self {
        if let Error::Unavailable(_) = error {
            return error.into();
        }
        let whom = offence(r, rule).ok().flatten().map(|offence| format!(" for {}", offence.whom()));
        let (whom, cause) = (whom.unwrap_or_default(), error.cause());
        let what = format!("{} Not so{whom}: {}", rule.sentence, cause.trim_end_matches('.'));
        Self { of_a_rule: true, what, cure: rule.cure }
    }
}

impl From<Error> for Stuck {
    fn from(error: Error) -> Self {
        let cure = match error {
            Error::Damaged(_) => "Restore the last good backup: rollcall restore FILE",
            _ => "See to that, and try again.",
        };
        Self { of_a_rule: false, what: error.cause().trim_end_matches('.').to_owned(), cure }
    }
}

/// What makes a file of any schema usable again, by the rule that doesn't hold. FTS5 keeps in its row 10 how its index is made
/// up; without it, that is empty.
const USABLE: [(&str, &[&str]); 2] = [
    (INDEXES, &["reindex"]),
    (
        "search",
        &[
            "insert or replace into user_search_config values ('version', 4)",
            "delete from user_search_data where id = 10",
            "insert into user_search (user_search) values ('rebuild')",
        ],
    ),
];

/// Makes anew what the steps of an upgrade go by, in a file of an older schema, inside of a transaction.
pub fn make_usable(w: &Write, broken: &[&'static Rule]) -> Result<(), Stuck> {
    for rule in broken {
        let sql = USABLE.iter().filter(|(name, _)| *name == rule.name).flat_map(|(_, sql)| *sql);
        run(w, rule, sql)?;
    }
    Ok(())
}

fn run<'s>(w: &Write, rule: &'static Rule, mut sql: impl Iterator<Item = &'s &'s str>) -> Result<(), Stuck> {
    sql.try_for_each(|sql| w.run(sql, []).map(drop)).map_err(|error| Stuck::at(w, rule, error))
}

/// Makes anew what the `broken` rules are about, in a database that nobody else writes to: all of it or, if a rule that can be
/// repaired doesn't hold even then, nothing. The rules that were repaired.
///
/// # Errors
///
/// [`Error::Unavailable`] if that is so.
pub fn repair(path: &Path, broken: &[&'static Rule], now: Timestamp, told: Told) -> Result<Vec<&'static Rule>> {
    let repaired = inspect::mend(path, now, FUNCTIONS, |w| {
        let repaired = make_anew(w, broken, told)?;
        // What rows refer to was looked up along indexes that may have hidden it.
        match inspect::orphans(w).into_iter().next() {
            Some(lost) => Err(Error::Damaged(lost).into()),
            None => Ok(repaired),
        }
    });
    repaired.map_err(|Stuck { what, cure, .. }| {
        let path = path.display();
        Error::Unavailable(format!("{path} can't be repaired, and nothing was changed: {what}. {cure}"))
    })
}

/// [`repair`] inside of a transaction, which is not to be committed if this fails; whether all rows refer to something then is
/// for who checks the file.
pub fn make_anew(w: &Write, broken: &[&'static Rule], told: Told) -> Result<Vec<&'static Rule>, Stuck> {
    let (mut broken, mut repaired) = (broken.to_vec(), Vec::<&'static Rule>::new());
    for _ in 0..ROUNDS {
        if broken.is_empty() {
            break;
        }
        for rule in &broken {
            told(Step { what: "Repairing", done: repaired.len() as u64, of: 0 })?;
            if rule.name == INDEXES {
                inspect::make_indexes(w).map_err(|error| Stuck::at(w, rule, error))?;
            }
            run(w, rule, rule.repair.iter())?;
            if repaired.iter().all(|known| known.name != rule.name) {
                repaired.push(rule);
            }
        }
        broken = still_broken(w)?;
    }
    match broken.first() {
        Some(rule) => Err(Stuck::at(w, rule, Error::internal("making it anew did not help"))),
        None => Ok(repaired),
    }
}

fn still_broken(r: &Read) -> Result<Vec<&'static Rule>> {
    let mut broken = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.is_repairable()) {
        broken.extend(offence(r, rule)?.map(|offence| offence.rule));
    }
    Ok(broken)
}
