//! Making anew what is kept besides, where it isn't as the rules say.

use std::path::Path;

use super::rules::{FUNCTIONS, RULES, Rule};
use super::{Findings, offence};
use crate::clock::Timestamp;
use crate::db::{Read, inspect};
use crate::error::{Error, Result};
use crate::progress::{Step, Told};

/// What is repaired may be what another rule goes by, so it is looked at again; there are no longer chains than this.
const ROUNDS: usize = 3;

impl Findings {
    /// The rules that don't hold and can be repaired, if the file itself is sound.
    pub fn repairable(&self) -> Vec<&'static Rule> {
        let offences = if self.damage.is_empty() { &self.offences[..] } else { &[] };
        offences.iter().map(|offence| offence.rule).filter(|rule| is_repairable(rule)).collect()
    }
}

fn is_repairable(rule: &Rule) -> bool {
    !rule.repair.is_empty()
}

/// Makes anew what the `broken` rules are about, in a database that nobody else writes to: all of it or, if a rule that can be
/// repaired doesn't hold even then, nothing. The names of those that were repaired.
///
/// # Errors
///
/// [`Error::Unavailable`] if that is so.
pub fn repair(path: &Path, mut broken: Vec<&'static Rule>, now: Timestamp, told: Told) -> Result<Vec<&'static str>> {
    let cannot = |cause: &str| {
        Error::Unavailable(format!(
            "{} can't be repaired, and nothing was changed: {cause}. Restore the last good backup: rollcall restore FILE",
            path.display()
        ))
    };
    let mended = inspect::mend(path, now, FUNCTIONS, |w| {
        let mut repaired = Vec::new();
        for _ in 0..ROUNDS {
            for rule in broken {
                told(Step { what: "Repairing", done: repaired.len() as u64, of: 0 })?;
                if rule.name == "indexes" {
                    inspect::make_indexes(w)?;
                }
                rule.repair.iter().try_for_each(|sql| w.run(sql, []).map(drop))?;
                if !repaired.contains(&rule.name) {
                    repaired.push(rule.name);
                }
            }
            broken = still_broken(w)?;
            if broken.is_empty() {
                return Ok(repaired);
            }
        }
        let names: Vec<_> = broken.iter().map(|rule| rule.name).collect();
        Err(Error::Unavailable(format!("{} still doesn't hold", names.join(", "))))
    });
    mended.map_err(|error| cannot(error.cause().trim_end_matches('.')))
}

fn still_broken(r: &Read) -> Result<Vec<&'static Rule>> {
    let mut broken = Vec::new();
    for rule in RULES.iter().filter(|rule| is_repairable(rule)) {
        broken.extend(offence(r, rule)?.map(|offence| offence.rule));
    }
    Ok(broken)
}
