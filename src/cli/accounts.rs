//! `rollcall account`: the tenants, seen from the server's own shell.

use clap::{Args, Subcommand};

use super::output::{Table, print, print_json, print_line, tell};
use crate::app::App;
use crate::domain::accounts::{self, NewAccount};
use crate::domain::actor::Actor;
use crate::domain::fields::AccountId;
use crate::error::Result;

#[derive(Args)]
pub struct Accounts {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object per line, as the API has it
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Create an account; prints its ID
    Add {
        /// What it is called
        #[arg(long, value_name = "NAME")]
        name: String,
        /// ID of the account; allotted if left out
        #[arg(long, value_name = "ID")]
        id: Option<AccountId>,
    },
    /// List all accounts
    List,
}

pub fn run(app: &App, Accounts { command, json }: Accounts) -> Result<()> {
    match command {
        Command::Add { name, id } => add(app, NewAccount { id, name }, json),
        Command::List => list(app, json),
    }
}

fn add(app: &App, new: NewAccount, json: bool) -> Result<()> {
    let account = app.db().write_here(move |w| {
        w.acting_as(Actor::shell());
        accounts::create_as_owner(w, new)
    })?;
    if json {
        return print_json(&account);
    }
    tell(&format!(
        "Created the account {}. `rollcall user add --account {}` puts people in.",
        account.name, account.id
    ));
    print_line(account.id.as_str())
}

fn list(app: &App, json: bool) -> Result<()> {
    let accounts = app.db().read(|r| {
        r.acting_as(Actor::shell());
        accounts::list(r)
    })?;
    if json {
        return print(|output| accounts.iter().try_for_each(|account| output.json(account)));
    }
    if accounts.is_empty() {
        tell("There is no account yet; `rollcall init` makes the first.");
    }
    let rows: Vec<_> = accounts.into_iter().map(|account| [account.id.to_string(), account.name]).collect();
    print(|output| Table::new(["ID", "NAME"]).print(output, &rows))
}
