//! The terminal: one short arm per command, each calling the same domain functions as the server.

mod accounts;
mod backup;
mod check;
mod events;
mod health;
mod keys;
mod output;
mod signals;
mod upgrade;
mod users;

pub use keys::rotate_keys;
use output::{print, print_line, tell};

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, LogFormat, parse_time};
use crate::db::require_whole;
use crate::domain::actor::Actor;
use crate::domain::fields::AccountId;
use crate::domain::setup::FirstOwner;
use crate::domain::tokens::Kind;
use crate::domain::{sessions, setup, tokens, words};
use crate::error::{Error, Result};
use crate::folder::{self, Folder, Lock};
use crate::progress::{self, shown};
use crate::{demo, docs, request_id, server};

/// A self-contained user directory: an API, its docs, and pages, on one SQLite file
///
/// Without a command, Rollcall serves.
#[derive(Parser)]
#[command(name = "rollcall", version, args_conflicts_with_subcommands = false, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong use or a value that is not allowed; 3 the state of things forbids it (taken already, \
suspended, last admin, in use); 4 there is no such thing: user, account, file, key, snapshot, or no Rollcall in that folder.";

#[derive(Subcommand)]
pub enum Command {
    /// Serve the API, its docs and the pages (the default)
    Serve,
    /// Create the first owner and account; prints a bearer token
    Init {
        /// E-mail of the owner
        #[arg(long, value_name = "EMAIL")]
        email: String,
        /// Full name of the owner
        #[arg(long, default_value = "")]
        name: String,
        /// ID of the account; allotted if left out
        #[arg(long, value_name = "ID")]
        account_id: Option<AccountId>,
        /// Name of the account
        #[arg(long, value_name = "NAME", default_value = "Main account")]
        account_name: String,
    },
    /// Print a bearer token for a user
    Token {
        /// E-mail of the user
        #[arg(long, value_name = "EMAIL")]
        email: String,
        /// How long it works: 30m, 8h, 90d
        #[arg(long, value_name = "TIME", default_value = "8h", value_parser = parse_time)]
        ttl: Duration,
    },
    /// Print a one-time sign-in link, or the set-up link while there is no owner
    Link {
        /// E-mail of the user; the first owner if left out
        #[arg(long, value_name = "EMAIL")]
        email: Option<String>,
    },
    /// Add, list, show, suspend and restore the people of an account
    User(users::Users),
    /// Add and list accounts
    Account(accounts::Accounts),
    /// Print what happened in an account, the oldest first, as one JSON object per line
    Events(events::Events),
    /// Back up the database, beside a running server too; the copy is checked before it is called good
    Backup {
        /// Where to; in a folder, the backup is named after the time
        file: PathBuf,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Put a backup in the place of the database; refuses while a server runs
    Restore {
        /// The backup
        file: PathBuf,
        /// Replace a database that is there; it is kept under a dated name
        #[arg(long)]
        force: bool,
    },
    /// Check the database, or another file like a backup, and every rule that holds in it; changes nothing
    Check {
        /// The file; the one in the data folder if left out
        file: Option<PathBuf>,
        /// Make anew what is kept besides to find people quickly, if it isn't as it should be, and keep the file until then beside;
        /// refuses while a server runs
        #[arg(long, conflicts_with = "file")]
        repair: bool,
    },
    /// Bring the database to this program's schema, as the next start would
    Upgrade(upgrade::Upgrade),
    /// Return to the database as it was before its upgrade, for the program that ran before
    Rollback(upgrade::Rollback),
    /// Rotate and list the keys that tokens are sealed with
    Key(keys::Asked),
    /// Ask the server that runs here whether it is ready; exit code 0 says yes
    Health,
    /// Print the OpenAPI document
    Openapi {
        /// As YAML instead of JSON
        #[arg(long)]
        yaml: bool,
    },
    /// Serve a throw-away folder filled with a believable team
    Demo {
        /// How many people to make up
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        users: u32,
    },
}

/// Settings of a server that the demo has no use for, its folder being its own and gone when it stops.
const NOT_IN_A_DEMO: [&str; 3] = ["data", "backup_every", "backup_dir"];

/// The command line of what was typed; the demo refuses what it would ignore.
fn parsed(typed: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> clap::error::Result<Cli> {
    let mut command = Cli::command();
    // By now every command has the settings, and one can be without some in its help.
    command.build();
    let hidden = |arg: clap::Arg| if NOT_IN_A_DEMO.contains(&arg.get_id().as_str()) { arg.hide(true) } else { arg };
    command = command.mut_subcommand("demo", |demo| demo.mut_args(hidden));
    let matches = command.try_get_matches_from_mut(typed)?;
    if let Some(("demo", demo)) = matches.subcommand() {
        // What the environment sets is meant for a server, which may be run beside the demo.
        let is_typed = |name: &&str| demo.value_source(name) == Some(ValueSource::CommandLine);
        if let Some(name) = NOT_IN_A_DEMO.into_iter().find(is_typed) {
            let message = format!(
                "--{} is not for a demo: it has a folder of its own, which is gone when it stops",
                name.replace('_', "-")
            );
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
    }
    Cli::from_arg_matches(&matches)
}

pub fn main() -> ExitCode {
    let Cli { command, config } = parsed(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let format = config.log_format;
    log_to_stderr(config.log.into(), format);
    signals::outlive_limits();
    match run(command.unwrap_or(Command::Serve), config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match format {
                LogFormat::Human => tell(&format!("rollcall: {}", error.sentence())),
                LogFormat::Json => tracing::error!(code = error.code(), "{}", error.sentence()),
            }
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Does a command's work with the application. Where nobody else uses the database, all of it is in its one file afterwards.
fn with<T>(config: Config, work: impl FnOnce(&App) -> Result<T>) -> Result<T> {
    let app = App::open(config, Clock::system())?;
    let result = work(&app);
    app.db().close();
    result
}

/// The same on a folder that is there already: a mistyped `--data` makes no new one.
fn with_existing<T>(config: Config, work: impl FnOnce(&App) -> Result<T>) -> Result<T> {
    database(&config)?;
    with(config, work)
}

/// The file of a Rollcall that is there already.
fn database(config: &Config) -> Result<PathBuf> {
    let (database, folder) = (config.data.join(folder::DATABASE), config.data.display());
    match std::fs::metadata(&database) {
        Ok(file) if file.len() == 0 => Err(Error::not_found(format!(
            "There is nothing in {}. Say with --data where the database is, or put a backup there: rollcall restore FILE.",
            database.display()
        ))),
        Ok(_) => Ok(database),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::not_found(format!("There is no Rollcall in {folder}. Say where it is with --data.")))
        }
        Err(error) => Err(Error::Unavailable(format!(
            "Cannot look into {folder}: {error}. Run this as the user that the server runs as."
        ))),
    }
}

/// The same for who is about to look into the file, or to put another in its place: it has all that was answered.
fn whole_database(config: &Config) -> Result<PathBuf> {
    let database = database(config)?;
    require_whole(&database)?;
    Ok(database)
}

fn log_to_stderr(level: tracing::Level, format: LogFormat) {
    // What libraries have to say below a warning is of every frame of HTTP/2, with headers and all.
    let targets = Targets::new().with_default(level.min(tracing::Level::WARN)).with_target("rollcall", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Human => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal());
            registry.with(lines.with_filter(targets)).init();
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            registry.with(lines.with_filter(targets)).init();
            log_panics();
            progress::silence();
        }
    }
}

/// A panic is said in a line like all others, for whoever reads lines.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let cause = info.payload_as_str().unwrap_or_default();
        let place = info.location().map(ToString::to_string);
        tracing::error!(request_id = request_id::current(), cause, place, "a panic");
    }));
}

fn run(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Serve => {
            let lock = Folder::open(&config.data)?.lock()?;
            serve(config, lock, greet)
        }
        Command::Init { email, name, account_id, account_name } => {
            let owner = FirstOwner { email: email.clone(), name, account_id, account_name, password_hash: None };
            with(config, |app| {
                let claims = app.db().write_here(move |w| {
                    w.acting_as(Actor::shell());
                    let user_id = setup::create(w, owner)?;
                    tokens::issue(w, Kind::ApiKey, Some(user_id), TOKEN_LIFETIME)
                })?;
                print_line(&app.seal(&claims)?)
            })
        }
        Command::Token { email, ttl } => with_existing(config, |app| print_line(&bearer_token(app, email, ttl)?)),
        Command::Link { email } => {
            with_existing(config, |app| print_line(&(app.signing_in_at(base_url(app)?) + &link(app, email)?)))
        }
        Command::User(asked) => with_existing(config, |app| users::run(app, asked)),
        Command::Account(asked) => with_existing(config, |app| accounts::run(app, asked)),
        Command::Events(asked) => with_existing(config, |app| events::export(app, asked)),
        Command::Backup { file, force } => backup::create(&config, file, force),
        Command::Restore { file, force } => backup::restore(&config, &file, force),
        Command::Check { repair: true, .. } => check::repair(&config),
        Command::Check { file, .. } => check::run(&config, file),
        Command::Upgrade(asked) => upgrade::run(asked, &config),
        Command::Rollback(asked) => upgrade::roll_back(asked, &config),
        Command::Key(asked) => keys::run(config, asked),
        Command::Health => health::ask(&config),
        Command::Openapi { yaml } => {
            let text = if yaml { docs::yaml_text() } else { docs::json_text() };
            print(|output| output.text(&text))
        }
        Command::Demo { users } => demo(config, users),
    }
}

/// How long the token of `rollcall init` works.
const TOKEN_LIFETIME: Duration = Duration::from_secs(8 * 3600);

fn bearer_token(app: &App, email: String, ttl: Duration) -> Result<String> {
    let claims = app.db().write_here(move |w| {
        let user_id = sessions::find_by_email(w, &email)?;
        tokens::issue(w, Kind::ApiKey, Some(user_id), ttl)
    })?;
    app.seal(&claims)
}

/// Where people reach the server that runs beside this command, or will.
fn base_url(app: &App) -> Result<String> {
    Ok(Folder::open(&app.config().data)?.served_at().unwrap_or_else(|| app.public_url()))
}

/// The path of a fresh one-time link: set-up while there is no owner, sign-in afterwards.
fn link(app: &App, email: Option<String>) -> Result<String> {
    let claims = app.db().write_here(move |w| {
        if setup::is_done(w)? { sessions::create_link(w, email.as_deref()) } else { setup::create_link(w) }
    })?;
    let page = if claims.kind == Kind::SetUpLink { "set-up" } else { "sign-in" };
    Ok(format!("/ui/{page}/{}", app.seal(&claims)?))
}

fn serve(config: Config, lock: Lock, greet: impl FnOnce(&App) -> Result<()> + Send + 'static) -> Result<()> {
    let lock = Arc::new(lock);
    let app = App::open_to_serve(config, Clock::system(), &lock)?;
    let runtime = runtime()?;
    let served_app = app.clone();
    let announced = lock.clone();
    let ready = move |app: &App| {
        if let Err(error) = announced.announce(&app.public_url()) {
            // A full disk: whoever is there already is served all the same.
            tracing::warn!(%error, "the address can't be noted for commands that work beside this server");
        }
        greet(app)
    };
    let served = runtime.block_on(async { server::run(served_app, ready, signals::stopping()).await });
    // Somebody who still reads a long answer from the database holds nobody up, nor does a backup that is being checked.
    runtime.shutdown_timeout(Duration::from_secs(1));
    app.backups().give_up();
    served
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)
}

fn greet(app: &App) -> Result<()> {
    let url = app.public_url();
    print_line(&format!("Rollcall is listening on {url}"))?;
    if app.db().read(|r| setup::is_done(r))? {
        return Ok(());
    }
    let link = app.signing_in_at(url) + &link(app, None)?;
    print_line(&format!(
        "
Nobody is here yet. Open this link to set it up (it works once, for an hour; `rollcall link` prints a new one):
  {link}
Or without a browser:
  rollcall init --email you@example.com"
    ))
}

fn demo(config: Config, users: u32) -> Result<()> {
    let (folder, config) = demo::folder(config)?;
    let lock = Folder::open(&config.data)?.lock()?;
    if config.log_format == LogFormat::Human {
        tell(&format!("Making up {}…", words::count(users.into(), "person", "people")));
    }
    let runtime = runtime()?;
    let stopping = Arc::new(AtomicBool::new(false));
    let told_to = stopping.clone();
    runtime.spawn(async move {
        signals::next().await;
        told_to.store(true, Ordering::Relaxed);
    });
    let filled = shown(|told| {
        let go_on = |step| if stopping.load(Ordering::Relaxed) { Err(Error::Stopping) } else { told(step) };
        demo::fill(config.clone(), users, &mut { go_on })
    });
    drop(runtime);
    if !stopping.load(Ordering::Relaxed) {
        filled.and_then(|()| serve(config, lock, introduce))?;
    }
    folder.close().map_err(Error::internal)
}

/// Everything a visitor of the demo needs, ready to paste.
fn introduce(app: &App) -> Result<()> {
    let (url, token) = (app.public_url(), bearer_token(app, demo::OWNER.into(), TOKEN_LIFETIME)?);
    let (link, owner, account) = (app.signing_in_at(url.clone()) + &link(app, None)?, demo::OWNER, demo::ACCOUNT);
    print_line(&format!(
        "Rollcall is listening on {url}, with a made-up team that is gone when it stops.

Sign in as {owner} (works once, for 10 minutes):
  {link}

Bearer token, for 8 hours:
  {token}

Create a user:
  curl {url}/users -H 'authorization: Bearer {token}' \\
    -H 'x-account-id: {account}' -H 'content-type: application/json' \\
    -d '{{\"email\": \"new.colleague@example.com\"}}'"
    ))
}

/// As [`EXIT_CODES`] has it.
fn exit_code(error: &Error) -> u8 {
    match error {
        Error::Invalid(_) => 2,
        // At the shell, which may do everything, only somebody else's state can be in the way: they are suspended.
        Error::Conflict(..) | Error::Unauthenticated(..) | Error::Forbidden(_) => 3,
        Error::NotFound(_) => 4,
        _ => 1,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use super::{Cli, parsed};

    #[test]
    fn what_was_typed_and_cannot_be_meant_is_refused() {
        let said = |line: &str| parsed(line.split(' ')).map(|Cli { .. }| ()).map_err(|error| error.to_string());
        for line in ["rollcall demo --data here", "rollcall --data here demo", "rollcall demo --backup-every 1d"] {
            let refused = said(line).unwrap_err();
            assert!(refused.contains("is not for a demo: it has a folder of its own"), "{line}: {refused}");
        }
        for line in ["rollcall demo --listen 127.0.0.1:0", "rollcall serve --data here", "rollcall --backup-every 1d"] {
            assert_eq!(said(line), Ok(()), "{line}");
        }
        for (line, expected) in [
            ("rollcall --backup-every 59s", "choose at least 1m"),
            ("rollcall --public-url https://ada:secret@example.com", "holds no user name and no password"),
        ] {
            let refused = said(line).unwrap_err();
            assert!(refused.contains(expected), "{line}: {refused}");
        }
        let help = said("rollcall demo --help").unwrap_err();
        assert!(help.contains("--users") && !help.contains("--data") && !help.contains("--backup-dir"), "{help}");
        assert!(said("rollcall serve --help").unwrap_err().contains("--data"));
    }
}
