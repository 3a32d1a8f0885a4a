//! `rollcall check`: whether the database is sound and every rule holds in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::backup::lacks_its_log;
use super::output::{print, print_line, tell};
use super::{database, whole_database};
use crate::backups;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, require_whole};
use crate::domain::check::{self, Findings, RULES};
use crate::domain::words;
use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::progress::shown;

pub fn run(config: &Config, file: Option<PathBuf>) -> Result<()> {
    // What lies in the data folder has its log there, unless it has none.
    let is_a_copy = file.is_some();
    let file = file.map_or_else(|| database(config), Ok)?;
    // The log of a database is where that itself lies, and not beside a link to it.
    let itself = if file.is_symlink() { file.canonicalize().unwrap_or(file.clone()) } else { file.clone() };
    require_whole(&itself)?;
    let may_lack_its_log = is_a_copy && db::may_lack_its_log(&itself);
    let findings = shown(|told| check::file(&itself, Clock::system().now(), told))?;
    let told = tell_all(&file, &findings, "nothing was changed");
    if may_lack_its_log {
        tell(&lacks_its_log(&file));
    }
    told
}

pub fn repair(config: &Config) -> Result<()> {
    let file = whole_database(config)?;
    let folder = Folder::open(&config.data)?;
    let _lock = folder.lock()?;
    let now = Clock::system().now();
    let findings = shown(|told| check::file(&file, now, told))?;
    if findings.older.is_some() {
        return tell_all(
            &file,
            &findings,
            "a file of an older schema is repaired by its upgrade, and nothing was changed",
        );
    }
    let broken = findings.repairable();
    if broken.is_empty() {
        return tell_all(&file, &findings, "nothing can be made anew from the rest, and nothing was changed");
    }
    let kept = folder.unrepaired(now);
    let repaired = shown(|told| {
        let what = "Keeping the file as it is";
        backups::keep(&file, &kept, false, what, told).map_err(|error| not_kept(&kept, &error))?;
        // If nothing was changed, there is nothing to go back to.
        check::repair(&file, &broken, now, told).inspect_err(|_| drop(fs::remove_file(&kept)))
    })?;
    print_line(&format!("Made anew: {}.", check::names(repaired)))?;
    tell(&format!("The file until now is kept as {}. Delete it when you are sure.", kept.display()));
    let findings = shown(|told| check::file(&file, now, told))?;
    tell_all(&file, &findings, "what could be made anew was")
}

fn not_kept(kept: &Path, cause: &Error) -> Error {
    let (kept, cause) = (kept.display(), cause.cause());
    let cause = cause.trim_end_matches('.');
    Error::Unavailable(format!("The file can't be kept as {kept}, so it wasn't repaired: {cause}."))
}

/// What was found; an error if anything is wrong, which says what was done about it.
fn tell_all(file: &Path, findings: &Findings, done: &str) -> Result<()> {
    let mut lines = findings.lines();
    if findings.damage.is_empty() {
        lines.push(format!("{}: {}. {}", file.display(), findings.counts, verdict(findings)));
    }
    print(|output| lines.iter().try_for_each(|line| output.line(line)))?;
    if findings.are_good() {
        return Ok(());
    }
    let wrong = findings.damage.len() + findings.offences.len();
    let wrong = words::count(wrong as u64, "thing is", "things are");
    Err(Error::Unavailable(format!("{wrong} wrong in {}; {done}.", file.display())))
}

fn verdict(findings: &Findings) -> String {
    match (findings.older, findings.offences.len()) {
        (Some(version), 0) => {
            format!(
                "The file is sound. Its schema, {version}, is older; the rules are checked once it was brought over."
            )
        }
        (Some(version), _) => format!("Its schema, {version}, is older; the other rules are checked by its upgrade."),
        (None, 0) => format!("The file is sound, and all {} rules hold.", RULES.len()),
        (None, 1) => format!("The file is sound, but 1 of {} rules doesn't hold.", RULES.len()),
        (None, broken) => format!("The file is sound, but {broken} of {} rules don't hold.", RULES.len()),
    }
}
