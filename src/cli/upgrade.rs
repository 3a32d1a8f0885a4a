//! `rollcall upgrade` and `rollcall rollback`: to this program's schema, and back.

use clap::Args;

use super::output::{Output, print, print_line};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::migrations::SCHEMA_VERSION;
use crate::domain::check::names;
use crate::domain::words;
use crate::error::Result;
use crate::folder::Folder;
use crate::progress::shown;
use crate::upgrade::{self, Plan};

#[derive(Args)]
pub struct Upgrade {
    /// Say what would happen and try it on a copy, beside a running server too; changes nothing
    #[arg(long)]
    check: bool,
}

#[derive(Args)]
pub struct Rollback {
    /// Leave behind what came since the upgrade
    #[arg(long)]
    force: bool,
}

pub fn run(asked: Upgrade, config: &Config) -> Result<()> {
    super::whole_database(config)?;
    let folder = Folder::open(&config.data)?;
    let now = Clock::system().now();
    let Some(plan) = upgrade::plan(&folder, now)? else { return nothing_to_do(&folder) };
    if asked.check { check(&folder, &plan, now) } else { upgrade(&folder, now) }
}

fn nothing_to_do(folder: &Folder) -> Result<()> {
    print_line(&format!(
        "{} has schema {SCHEMA_VERSION}, as this Rollcall does. There is nothing to do.",
        folder.database().display()
    ))
}

fn upgrade(folder: &Folder, now: Timestamp) -> Result<()> {
    let lock = folder.lock()?;
    let Some(done) = shown(|told| upgrade::run(folder, &lock, now, told))? else { return nothing_to_do(folder) };
    let (path, snapshot) = (folder.database(), done.snapshot.display());
    print(|output| {
        output.line(&format!(
            "Upgraded {} from schema {} to {}: {}.",
            path.display(),
            done.from,
            done.to,
            done.counts
        ))?;
        if !done.made_anew.is_empty() {
            output.line(&format!("Made anew: {}.", names(done.made_anew)))?;
        }
        output.line(&format!("As it was, it is kept in {snapshot}; `rollcall rollback` returns to that."))
    })
}

fn check(folder: &Folder, plan: &Plan, now: Timestamp) -> Result<()> {
    print(|output| describe(folder, plan, output))?;
    let tried = shown(|told| upgrade::rehearse(folder, plan, now, told))?;
    print(|output| {
        let (seconds, counts) = (tried.took.as_secs_f64(), tried.counts);
        for rule in tried.repairs.rules() {
            output.line(&format!("{}: {} That is not so, and is made anew.", rule.name, rule.sentence))?;
        }
        output.line(&format!("On a copy it took {seconds:.1} s, and all is well there: {counts}."))?;
        output.line("Nothing was changed. `rollcall upgrade` does it, and so does the next start.")
    })
}

fn describe(folder: &Folder, plan: &Plan, output: &mut Output) -> Result<()> {
    output.line(&format!(
        "{} has schema {}; this is Rollcall {} with schema {SCHEMA_VERSION}.",
        folder.database().display(),
        plan.from,
        env!("CARGO_PKG_VERSION")
    ))?;
    for step in plan.steps {
        output.line(&format!("  step {}: {}", step.number, step.name))?;
    }
    let free = plan.free.map(|free| format!(", and {} are free", words::bytes(free))).unwrap_or_default();
    let (size, room) = (words::bytes(plan.size), words::bytes(plan.room()));
    output.line(&format!("It has {size}; an upgrade takes {room} of room{free}."))
}

pub fn roll_back(asked: Rollback, config: &Config) -> Result<()> {
    super::whole_database(config)?;
    let folder = Folder::open(&config.data)?;
    let lock = folder.lock()?;
    let done = shown(|told| upgrade::roll_back(&folder, &lock, Clock::system().now(), asked.force, told))?;
    let (path, at) = (folder.database(), done.upgraded_at.minute());
    print(|output| {
        output.line(&format!(
            "{} is again as it was before the upgrade of {at}, with schema {}.",
            path.display(),
            done.to
        ))?;
        output.line(&format!("The newer file is kept in {}, with {}.", done.kept.display(), done.later))?;
        output.line("Start the Rollcall that you ran before. This one would upgrade the file again.")
    })
}
