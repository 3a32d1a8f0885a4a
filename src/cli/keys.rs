//! `rollcall key`: the keys that tokens are sealed with. None of it ever shows a key that is in use.

use clap::{Args, Subcommand};

use super::output::{Table, print, print_line, tell};
use super::with_existing;
use crate::app::App;
use crate::config::Config;
use crate::db::{Read, Write};
use crate::domain::actor::Actor;
use crate::domain::seals;
use crate::error::Result;
use crate::keys::{Key, Keys};

#[derive(Args)]
pub struct Asked {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put a fresh key in use; what older ones sealed stays valid until it expires
    Rotate {
        /// End every token and session at once, and throw the older keys away
        #[arg(long)]
        revoke: bool,
    },
    /// List the IDs of the keys, the one in use first, and since when it is
    List,
    /// Print a new key, for --key-file or --key
    New,
}

pub fn run(config: Config, asked: Asked) -> Result<()> {
    match asked.command {
        Command::Rotate { revoke } => with_existing(config, |app| rotate(app, revoke)),
        Command::List => with_existing(config, list),
        Command::New => print_line(&Keys::generate()?),
    }
}

fn rotate(app: &App, revoke: bool) -> Result<()> {
    let ring = app.clone();
    let rotated = app.db().write_here(move |w| {
        w.acting_as(Actor::shell());
        rotate_keys(&ring, w, revoke)
    });
    // They may have been replaced before it turned out that nothing can be stored: the tokens stay, so they have to, too.
    let keys = rotated.inspect_err(|_| take_back(app))?;
    tell(match revoke {
        true => "The older keys are gone, and every token and session with them: everybody signs in again.",
        false => "What the older keys sealed stays valid until it expires.",
    });
    show(&keys)
}

fn take_back(app: &App) {
    if let Err(error) = app.keyring().take_back() {
        let cause = error.cause();
        tell(&format!("The keys are new ones all the same, and those before can't be put back: {cause}"));
    }
}

/// Puts a fresh key in use and drops those that nothing needs; with `revoke`, all others and every token. The file is
/// replaced inside the transaction: that keeps others from rotating at the same time, and the tokens stay if the file can't
/// be written.
pub fn rotate_keys(app: &App, w: &Write, revoke: bool) -> Result<Keys> {
    if revoke {
        seals::end_all(w)?;
    }
    app.keyring().rotate(w.now, |keys, id| !revoke && is_needed(w, keys, id))
}

/// A retired key goes once nothing is left that it may have sealed. If that can't be told, it stays.
fn is_needed(r: &Read, keys: &Keys, id: &str) -> bool {
    match keys.retired().find(|(key, ..)| key.id == id) {
        Some((_, since, Some(until))) => seals::any_between(r, since, until).unwrap_or(true),
        _ => true,
    }
}

fn list(app: &App) -> Result<()> {
    show(&app.keys())
}

fn show(keys: &Keys) -> Result<()> {
    let since = |key: &Key| key.since.map_or_else(|| "unknown".into(), |since| since.minute());
    let rows: Vec<_> = keys.iter().map(|key| [key.id.clone(), since(key)]).collect();
    print(|output| Table::new(["ID", "IN USE SINCE"]).print(output, &rows))
}
