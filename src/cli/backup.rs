//! `rollcall backup` and `rollcall restore`.

use std::path::{Path, PathBuf};

use super::output::{print_line, tell};
use super::whole_database;
use crate::backups::{self, Restored};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, beside, require_whole};
use crate::domain::check::Findings;
use crate::domain::words;
use crate::error::Result;
use crate::folder::Folder;
use crate::progress::shown;

pub fn create(config: &Config, target: PathBuf, force: bool) -> Result<()> {
    whole_database(config)?;
    let now = Clock::system().now();
    let target = if target.is_dir() { target.join(backups::name(now)) } else { target };
    let folder = Folder::open(&config.data)?;
    let made = shown(|told| backups::create(&folder, &target, force, now, told))?;
    let (file, size) = (target.display(), words::bytes(made.bytes));
    print_line(&format!("{file}: {}; {size}, checked.", made.findings.counts))?;
    warn(&made.findings);
    tell(
        "The key isn't in it: without rollcall.key, people sign in anew and API keys are made anew. Keep a copy apart.",
    );
    Ok(())
}

pub fn restore(config: &Config, file: &Path, force: bool) -> Result<()> {
    require_whole(file)?;
    let may_lack_its_log = db::may_lack_its_log(file);
    let restored = shown(|told| backups::restore(config, file, force, &Clock::system(), told))?;
    let Restored { findings, replaced, has_key } = restored;
    print_line(&format!("{}: {}; restored and checked.", config.data.display(), findings.counts))?;
    warn(&findings);
    if may_lack_its_log {
        tell(&lacks_its_log(file));
    }
    if let Some(replaced) = replaced {
        let with_log = if beside(&replaced, "-wal").exists() {
            ", with its log as it lay there, in which more may be that was answered"
        } else {
            ""
        };
        let replaced = replaced.display();
        tell(&format!("The database until now is kept as {replaced}{with_log}. Delete it when you are sure."));
    }
    if has_key {
        tell(
            "What was revoked since the backup works again: `rollcall key rotate --revoke` ends every token and session.",
        );
    } else {
        tell(
            "There is no rollcall.key here, so every token and session ends, unless you put back the one it was sealed with.",
        );
    }
    Ok(())
}

/// Of a database that was copied as a file, and not by `rollcall backup`.
pub fn lacks_its_log(file: &Path) -> String {
    format!(
        "{0} is the file of a database, and no backup. If a server was running when it was copied, what was written last is \
         missing: that was in its log, {1}.",
        file.display(),
        beside(file, "-wal").display()
    )
}

fn warn(findings: &Findings) {
    for line in findings.lines() {
        tell(&line);
    }
}
