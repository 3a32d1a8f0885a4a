//! Bringing the file to this program's schema, so that nobody has to fear it: a snapshot first, then all of it on a copy,
//! which is checked, and only then the file itself, in one transaction. Whatever fails, the file stays as it was.

mod rollback;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::backups::{self, partial::Partial};
use crate::clock::Timestamp;
use crate::db::inspect::{self, Age};
use crate::db::migrations::{self, Migrating, Migration, SCHEMA_VERSION};
use crate::db::{self, copy, require_whole};
use crate::domain::check::{self, Counts, FUNCTIONS, Offence, Rule, Stuck};
use crate::domain::words;
use crate::error::{Error, Result};
use crate::folder::{Folder, Lock};
use crate::progress::{Step, Told, shown};

pub use rollback::{RolledBack, roll_back};

/// Snapshots that are kept: of this upgrade, and of the one before it.
const SNAPSHOTS: usize = 2;

/// An upgrade that was made.
#[derive(Debug)]
pub struct Upgraded {
    pub from: i64,
    pub to: i64,
    /// The file as it was.
    pub snapshot: PathBuf,
    pub counts: Counts,
    /// The rules of which it made anew what they are about: it wasn't as they say before.
    pub made_anew: Vec<&'static Rule>,
}

/// An upgrade that could be made.
#[derive(Debug)]
pub struct Plan {
    pub from: i64,
    pub steps: &'static [Migration],
    /// Bytes of the file, and of what waits in its log.
    pub size: u64,
    /// Bytes that may still be written beside it, where that can be told.
    pub free: Option<u64>,
}

/// How an upgrade went on a copy.
#[derive(Debug)]
pub struct Rehearsed {
    pub counts: Counts,
    pub repairs: Repairs,
    pub took: Duration,
}

/// The rules that did not hold, and do since what they are about was made anew.
#[derive(Debug, Default)]
pub struct Repairs {
    /// In the older file, whose steps go by it.
    first: Vec<&'static Rule>,
    /// In the upgraded one.
    last: Vec<&'static Rule>,
}

impl Repairs {
    pub fn rules(&self) -> Vec<&'static Rule> {
        let mut rules = self.first.clone();
        rules.extend(self.last.iter().filter(|rule| self.first.iter().all(|first| first.name != rule.name)));
        rules
    }
}

/// What is in the way of an upgrade, and what to do about it.
struct Obstacle {
    what: String,
    cure: String,
}

/// The upgrade that the file of a folder is due, if it is older than this program. Whether that is whole was looked at
/// before: this look takes away what would tell.
///
/// # Errors
///
/// [`Error::Unavailable`] if it isn't ours, is newer, or can't be read.
pub fn plan(folder: &Folder, now: Timestamp) -> Result<Option<Plan>> {
    let path = folder.database();
    let from = match inspect::look(&path, now, &[], inspect::age) {
        Ok(Age::Current) => return Ok(None),
        Ok(Age::Older(from)) if from >= migrations::FIRST => Ok(from),
        Ok(Age::Older(_)) => Err("it was made by an unreleased Rollcall".into()),
        Err(error) => Err(error.cause()),
    };
    let from = from.map_err(|why| Error::Unavailable(format!("Cannot upgrade {}: {why}.", path.display())))?;
    Ok(Some(Plan { from, steps: migrations::after(from), size: db::size(&path), free: folder.free() }))
}

/// Brings the file of a folder to this program's schema, if it is older; the lock says that no server runs on it.
///
/// # Errors
///
/// [`Error::Unavailable`] with what failed and what to do. The file is then as it was.
pub fn run(folder: &Folder, _: &Lock, now: Timestamp, told: Told) -> Result<Option<Upgraded>> {
    let Some(plan) = plan(folder, now)? else { return Ok(None) };
    let done = plan.carry_out(folder, now, told).map_err(|obstacle| plan.refused(folder, &obstacle))?;
    if let Err(error) = folder.keep_snapshots(SNAPSHOTS) {
        tracing::warn!(%error, "an old snapshot can't be deleted");
    }
    Ok(Some(done))
}

/// [`run`] for who is about to open the file, and may be its server, with the lock, or not. A file that can't be upgraded
/// at all is refused, with a reason, when it is opened.
///
/// # Errors
///
/// Also those of [`require_whole`].
pub fn run_if_due(folder: &Folder, lock: Option<&Lock>, now: Timestamp) -> Result<()> {
    require_whole(&folder.database())?;
    let Ok(Some(_)) = plan(folder, now) else { return Ok(()) };
    let done = shown(|told| match lock {
        Some(lock) => run(folder, lock, now, told),
        None => run(folder, &folder.lock()?, now, told),
    })?;
    if let Some(Upgraded { from, to, snapshot, made_anew, .. }) = done {
        tracing::info!(from, to, snapshot = %snapshot.display(), "upgraded the database");
        if !made_anew.is_empty() {
            let rules = check::names(made_anew);
            tracing::warn!(rules, "what these rules are about was not as they say, and was made anew");
        }
    }
    Ok(())
}

/// Tries an upgrade on a copy of the file, which may be in use, and changes nothing.
///
/// # Errors
///
/// As [`run`] would fail.
pub fn rehearse(folder: &Folder, plan: &Plan, now: Timestamp, told: Told) -> Result<Rehearsed> {
    let tried = plan.require_room().and_then(|()| plan.try_on_a_copy(folder, &folder.database(), now, told));
    tried.map_err(|obstacle| plan.refused(folder, &obstacle))
}

impl Plan {
    /// Bytes that must be free: for the snapshot, and for the copy and then for what is written anew.
    pub fn room(&self) -> u64 {
        self.size.saturating_mul(2)
    }

    fn carry_out(&self, folder: &Folder, now: Timestamp, told: Told) -> Result<Upgraded, Obstacle> {
        self.require_room()?;
        // Commands work beside a server and take no lock: nobody writes from here on, so the snapshot misses nothing.
        let held = Migrating::open(&folder.database()).map_err(Obstacle::elsewhere)?;
        if held.schema().map_err(Obstacle::elsewhere)? != self.from {
            return Err(Obstacle { what: "another Rollcall was quicker".into(), cure: "Start again.".into() });
        }
        let snapshot = self.keep_snapshot(folder, told).map_err(|error| Obstacle::snapshot(&error))?;
        let Rehearsed { counts, repairs, .. } = self.try_on_a_copy(folder, &snapshot, now, told)?;
        held.mend(now, FUNCTIONS, |w| check::make_usable(w, &repairs.first))?;
        self.take_steps(&held, "Upgrading", told)?;
        held.mend(now, FUNCTIONS, |w| check::make_anew(w, &repairs.last, told))?;
        held.arrive(self.from, now).and_then(|()| held.commit()).map_err(Obstacle::elsewhere)?;
        Ok(Upgraded { from: self.from, to: SCHEMA_VERSION, snapshot, counts, made_anew: repairs.rules() })
    }

    fn require_room(&self) -> Result<(), Obstacle> {
        match self.free {
            Some(free) if free < self.room() => Err(Obstacle {
                what: format!(
                    "it takes {} of room beside it, and {} are free",
                    words::bytes(self.room()),
                    words::bytes(free)
                ),
                cure: "Make room, then start again.".into(),
            }),
            _ => Ok(()),
        }
    }

    fn keep_snapshot(&self, folder: &Folder, told: Told) -> Result<PathBuf> {
        let snapshot = folder.snapshot(SCHEMA_VERSION);
        // One of an earlier try gives way.
        backups::keep(&folder.database(), &snapshot, true, "Keeping a snapshot", told).map(|()| snapshot)
    }

    /// All of it on a copy of `source`, which is gone afterwards.
    fn try_on_a_copy(&self, folder: &Folder, source: &Path, now: Timestamp, told: Told) -> Result<Rehearsed, Obstacle> {
        let begun = Instant::now();
        let failed = |error: Error| Obstacle::rehearsal(&error);
        let partial = Partial::begin(&folder.rehearsal()).map_err(failed)?;
        copy::copy(source, partial.path(), "Copying", told).map_err(failed)?;
        // Steps that go by an index that lacks rows would lose them.
        let found = check::file(partial.path(), now, told).map_err(failed)?;
        let first = found.repairable();
        if first.is_empty() && !found.are_good() {
            return Err(Obstacle::findings(&found));
        }
        let rehearsal = Migrating::open_copy(partial.path()).map_err(failed)?;
        rehearsal.mend(now, FUNCTIONS, |w| check::make_usable(w, &first))?;
        let before = rehearsal.rows().map_err(failed)?;
        self.take_steps(&rehearsal, "Rehearsing", told)?;
        self.require_all_rows(&before, &rehearsal.rows().map_err(failed)?)?;
        rehearsal.arrive(self.from, now).and_then(|()| rehearsal.commit()).map_err(failed)?;
        let (counts, last) = prove(partial.path(), now, told)?;
        Ok(Rehearsed { counts, repairs: Repairs { first, last }, took: begun.elapsed() })
    }

    fn take_steps(&self, held: &Migrating, what: &'static str, told: Told) -> Result<(), Obstacle> {
        let of = self.steps.len() as u64;
        for (done, step) in (0..).zip(self.steps) {
            let taken = told(Step { what, done, of }).and_then(|()| held.step(step));
            taken.map_err(|error| Obstacle::step(step, &error))?;
        }
        Ok(())
    }

    /// Nothing got lost, or came from nowhere, but where a step says so.
    fn require_all_rows(&self, before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> Result<(), Obstacle> {
        let may_change = |table: &str| self.steps.iter().any(|step| step.recounts.contains(&table));
        let wrong = before.iter().find(|(table, rows)| !may_change(table) && after.get(*table) != Some(*rows));
        let Some((table, rows)) = wrong else { return Ok(()) };
        let now = after.get(table).copied().unwrap_or_default();
        Err(Obstacle {
            what: format!("{table} had {rows} rows and has {now} after the rehearsal"),
            cure: REPORT.into(),
        })
    }

    fn refused(&self, folder: &Folder, Obstacle { what, cure }: &Obstacle) -> Error {
        let (path, snapshot) = (folder.database(), folder.snapshot(SCHEMA_VERSION));
        let kept =
            if snapshot.exists() { format!(" A copy of it is in {}.", snapshot.display()) } else { String::new() };
        let cure = cure.trim_end_matches('.');
        Error::Unavailable(format!(
            "Cannot upgrade {} from schema {} to {SCHEMA_VERSION}: {what}. {cure}. Nothing was changed: the Rollcall that you \
             ran before goes on with the file.{kept}",
            path.display(),
            self.from,
        ))
    }
}

/// Checks an upgraded copy; makes anew what isn't as a rule says and can be made from the rest, and checks it again.
fn prove(copy: &Path, now: Timestamp, told: Told) -> Result<(Counts, Vec<&'static Rule>), Obstacle> {
    let mut made_anew: Vec<&'static Rule> = Vec::new();
    loop {
        let found = check::file(copy, now, told).map_err(|error| Obstacle::rehearsal(&error))?;
        if found.are_good() {
            return Ok((found.counts, made_anew));
        }
        let broken = found.repairable();
        let helps = |rule: &&Rule| made_anew.iter().all(|made| made.name != rule.name);
        if broken.is_empty() || broken.len() < found.offences.len() || !broken.iter().all(helps) {
            return Err(Obstacle::findings(&found));
        }
        let mending = Migrating::open_copy(copy).map_err(|error| Obstacle::rehearsal(&error))?;
        made_anew.extend(mending.mend(now, FUNCTIONS, |w| check::make_anew(w, &broken, told))?);
        mending.commit().map_err(|error| Obstacle::rehearsal(&error))?;
    }
}

const REPORT: &str = "Stay with the Rollcall that you ran before, and report this.";
const BROKE: &str = "the rehearsal on a copy broke a rule";
const DAMAGED: &str = "Restore the last good backup: rollcall restore FILE.";

impl Obstacle {
    fn new(what: &str, cause: &Error, cure: &str) -> Self {
        Self { what: format!("{what}: {}", cause.cause().trim_end_matches('.')), cure: cure.into() }
    }

    /// The file itself can't be had, or be written.
    fn elsewhere(cause: Error) -> Self {
        Self::new(
            "the file can't be written",
            &cause,
            "Stop what else uses it, see that there is room, then start again.",
        )
    }

    fn snapshot(cause: &Error) -> Self {
        Self::new("no snapshot can be made", cause, "See to that, then start again.")
    }

    fn rehearsal(cause: &Error) -> Self {
        Self::new(
            "the rehearsal on a copy failed",
            cause,
            "See to that, then start again; `rollcall check` looks for damage.",
        )
    }

    fn step(step: &Migration, cause: &Error) -> Self {
        Self::new(&format!("step {} ({}) failed", step.number, step.name), cause, REPORT)
    }

    /// What the rehearsal led to isn't as it should be; mostly it wasn't before, either.
    fn findings(found: &check::Findings) -> Self {
        if let Some(damage) = found.damage.first() {
            return Self { what: format!("the file is damaged: {damage}"), cure: DAMAGED.into() };
        }
        let offence = found.offences.iter().find(|offence| !offence.rule.is_repairable()).or(found.offences.first());
        let told =
            |offence: &Offence| (format!("{} Not so for {}", offence.rule.sentence, offence.whom()), offence.rule.cure);
        let (what, cure) = offence.map(told).unwrap_or_default();
        Self { what: format!("{BROKE}: {what}"), cure: cure.into() }
    }
}

impl From<Stuck> for Obstacle {
    fn from(Stuck { of_a_rule, what, cure }: Stuck) -> Self {
        Self { what: if of_a_rule { format!("{BROKE}: {what}") } else { what }, cure: cure.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_fit_is_not_begun() {
        let plan = |free| Plan { from: migrations::FIRST, steps: migrations::MIGRATIONS, size: 2048, free };
        assert!(plan(Some(4096)).require_room().is_ok() && plan(None).require_room().is_ok());
        let obstacle = plan(Some(4095)).require_room().err().map(|obstacle| obstacle.what);
        assert_eq!(obstacle.as_deref(), Some("it takes 4.0 KiB of room beside it, and 3.9 KiB are free"));
    }

    #[test]
    fn no_table_loses_rows_unless_its_step_says_so() {
        let plan = Plan { from: migrations::FIRST, steps: migrations::MIGRATIONS, size: 0, free: None };
        let rows = |users| BTreeMap::from([("accounts".to_owned(), 1), ("users".to_owned(), users)]);
        assert!(plan.require_all_rows(&rows(3), &rows(3)).is_ok());
        let obstacle = plan.require_all_rows(&rows(3), &rows(2)).err().map(|obstacle| obstacle.what);
        assert_eq!(obstacle.as_deref(), Some("users had 3 rows and has 2 after the rehearsal"));
        let gone = plan.require_all_rows(&rows(3), &BTreeMap::from([("accounts".to_owned(), 1)]));
        assert_eq!(
            gone.err().map(|obstacle| obstacle.what).as_deref(),
            Some("users had 3 rows and has 0 after the rehearsal")
        );
    }
}
