//! `rollcall check`: whether the database is sound and every rule holds in it.

use std::path::PathBuf;

use super::database;
use super::output::print;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::require_whole;
use crate::domain::check::{self, Findings, RULES};
use crate::domain::words;
use crate::error::{Error, Result};
use crate::progress::shown;

pub fn run(config: &Config, file: Option<PathBuf>) -> Result<()> {
    let file = file.map_or_else(|| database(config), Ok)?;
    require_whole(&file)?;
    let findings = shown(|told| check::file(&file, Clock::system().now(), told))?;
    let mut lines = findings.lines();
    if findings.damage.is_empty() {
        lines.push(format!("{}: {}. {}", file.display(), findings.counts, verdict(&findings)));
    }
    print(|output| lines.iter().try_for_each(|line| output.line(line)))?;
    if findings.are_good() {
        return Ok(());
    }
    let wrong = findings.damage.len() + findings.offences.len();
    let wrong = words::count(wrong as u64, "thing is", "things are");
    Err(Error::Unavailable(format!("{wrong} wrong in {}; nothing was changed.", file.display())))
}

fn verdict(findings: &Findings) -> String {
    match (findings.older, findings.offences.len()) {
        (Some(version), _) => {
            format!(
                "The file is sound. Its schema, {version}, is older; the rules are checked once it was brought over."
            )
        }
        (None, 0) => format!("The file is sound, and all {} rules hold.", RULES.len()),
        (None, broken) => format!("The file is sound, but {broken} of {} rules don't hold.", RULES.len()),
    }
}
