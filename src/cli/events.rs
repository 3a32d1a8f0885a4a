//! `rollcall events`: the audit trail as NDJSON, in slices, so that its length takes no memory.

use std::io::{IsTerminal, stdout};

use clap::Args;

use super::output::{Output, print};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::accounts;
use crate::domain::events::{self, Filter};
use crate::domain::fields::AccountId;
use crate::domain::pulse::PulseEvent;
use crate::error::Result;
use crate::progress::{Progress, Step};

#[derive(Args)]
pub struct Events {
    /// ID of the account; not needed while there is only one
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Only events of this name, like user_created
    #[arg(long, value_name = "NAME")]
    event: Option<PulseEvent>,
    /// From this moment on: 2026-11-23, or 2026-11-23T08:30:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    from: Option<Timestamp>,
    /// Up to this moment, which is not included
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    to: Option<Timestamp>,
}

/// Events read in one transaction.
const SLICE: usize = 1000;

/// Prints every event that `asked` finds, the oldest first.
pub fn export(app: &App, asked: Events) -> Result<()> {
    print(|output| export_to(output, app, asked))
}

fn export_to(output: &mut Output, app: &App, asked: Events) -> Result<()> {
    let filter = Filter { event: asked.event, from: asked.from, to: asked.to, ..Filter::default() };
    let (mut after, mut done) = (0, 0);
    // On a terminal, the events themselves show how far it is.
    let mut progress = (!stdout().is_terminal()).then(Progress::begin);
    loop {
        let slice = app.db().read(|r| {
            let actor = accounts::at_shell(r, asked.account.as_ref())?;
            r.acting_as(actor);
            events::export(r, &filter, after, SLICE)
        })?;
        slice.iter().try_for_each(|event| output.json(event))?;
        done += slice.len() as u64;
        if let Some(progress) = &mut progress {
            progress.tell(Step { what: "Exporting", done, of: 0 })?;
        }
        match slice.last() {
            Some(last) if slice.len() == SLICE && !output.closed => after = last.id,
            _ => return Ok(()),
        }
    }
}

/// A moment, or the beginning of a day in UTC.
fn parse_moment(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    moment.map_err(|_| format!("`{text}` is not a moment; write it like 2026-11-23 or 2026-11-23T08:30:00Z"))
}
