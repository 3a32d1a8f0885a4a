//! Making anew what is kept besides, where it isn't as the rules say.

use std::path::Path;

use super::rules::{FUNCTIONS, RULES, Rule};
use super::{Findings, offence};
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
    /// The rules that don't hold and can be repaired, if the file itself is sound and of this program's schema.
    pub fn repairable(&self) -> Vec<&'static Rule> {
        let offences = if self.damage.is_empty() && self.older.is_none() { &self.offences[..] } else { &[] };
        offences.iter().map(|offence| offence.rule).filter(|rule| rule.is_repairable()).collect()
    }
}

/// Why what a rule is about can't be made anew, and what to do about it.
#[derive(Debug)]
pub struct Stuck {
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
        Self { what: format!("{} Not so{whom}: {}", rule.sentence, cause.trim_end_matches('.')), cure: rule.cure }
    }
}

impl From<Error> for Stuck {
    fn from(error: Error) -> Self {
        let cure = match error {
            Error::Unavailable(_) => "See to that, and try again.",
            _ => "Restore the last good backup: rollcall restore FILE",
        };
        Self { what: error.cause().trim_end_matches('.').to_owned(), cure }
    }
}

/// Makes anew what the `broken` rules are about, in a database that nobody else writes to: all of it or, if a rule that can be
/// repaired doesn't hold even then, nothing. The names of those that were repaired.
///
/// # Errors
///
/// [`Error::Unavailable`] if that is so.
pub fn repair(path: &Path, broken: &[&'static Rule], now: Timestamp, told: Told) -> Result<Vec<&'static str>> {
    inspect::mend(path, now, FUNCTIONS, |w| make_anew(w, broken, told)).map_err(|Stuck { what, cure }| {
        let path = path.display();
        Error::Unavailable(format!("{path} can't be repaired, and nothing was changed: {what}. {cure}"))
    })
}

/// [`repair`] inside of a transaction, which is not to be committed if this fails.
pub fn make_anew(w: &Write, broken: &[&'static Rule], told: Told) -> Result<Vec<&'static str>, Stuck> {
    let (mut broken, mut repaired) = (broken.to_vec(), Vec::new());
    for _ in 0..ROUNDS {
        if broken.is_empty() {
            break;
        }
        for rule in &broken {
            told(Step { what: "Repairing", done: repaired.len() as u64, of: 0 })?;
            if rule.name == "indexes" {
                inspect::make_indexes(w)?;
            }
            let run = |sql: &&str| w.run(sql, []).map(drop);
            rule.repair.iter().try_for_each(run).map_err(|error| Stuck::at(w, rule, error))?;
            if !repaired.contains(&rule.name) {
                repaired.push(rule.name);
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
