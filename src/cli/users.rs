//! `rollcall user`: the people of one account, seen from the server's own shell, which may do everything.

use clap::{Args, Subcommand};

use super::base_url;
use super::output::{Output, Table, print, print_json, print_line, tell};
use crate::app::App;
use crate::db::{Read, Write};
use crate::domain::fields::{AccountId, EmailText};
use crate::domain::users::{self, Filter, Limit, NewUser, User};
use crate::domain::{accounts, invitations, memberships, passkeys, password_resets, suspensions};
use crate::error::{Error, Result};
use crate::relying_party;

#[derive(Args)]
pub struct Users {
    #[command(subcommand)]
    command: Command,
    /// ID of the account; not needed while there is only one
    #[arg(long, value_name = "ID", global = true)]
    account: Option<AccountId>,
    /// Print one JSON object per line, as the API has it
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Add somebody and invite them; prints the link that lets them in
    Add(New),
    /// List people
    List(Asked),
    /// Show all there is to know about somebody, and why they may do what they may
    Show {
        #[command(flatten)]
        person: Person,
    },
    /// Suspend somebody: they cannot come in anywhere, and all their sessions and tokens end
    Suspend {
        #[command(flatten)]
        person: Person,
    },
    /// Print a one-time link with which somebody registers a passkey and is signed in
    PasskeyLink {
        #[command(flatten)]
        person: Person,
    },
    /// Print a one-time link with which somebody chooses a new password
    ResetPassword {
        #[command(flatten)]
        person: Person,
    },
    /// Put somebody back from the recycle bin, as they were; or else make them active again
    Restore {
        #[command(flatten)]
        person: Person,
    },
}

#[derive(Args)]
struct Person {
    /// Their e-mail or user ID
    #[arg(value_name = "EMAIL|ID")]
    person: String,
}

#[derive(Args)]
struct New {
    /// Their e-mail
    #[arg(long, value_name = "EMAIL")]
    email: String,
    /// Their full name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A role they hold, as often as needed; `member` if left out
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// ID of the team they are in
    #[arg(long, value_name = "ID")]
    team: Option<i64>,
    /// Make them an admin of the account
    #[arg(long)]
    admin: bool,
}

#[derive(Args)]
struct Asked {
    /// Part of the e-mail or the name, case and accents aside
    #[arg(long, value_name = "TEXT", default_value = "")]
    query: String,
    /// Those in the recycle bin instead
    #[arg(long)]
    removed: bool,
    /// At most so many; all if left out
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
}

pub fn run(app: &App, Users { command, account, json }: Users) -> Result<()> {
    let shell = Shell { app, account, json };
    match command {
        Command::Add(new) => shell.add(new),
        Command::List(asked) => shell.list(&asked),
        Command::Show { person } => shell.show(&person.person),
        Command::Suspend { person } => shell.suspend(person.person),
        Command::PasskeyLink { person } => shell.passkey_link(person.person),
        Command::ResetPassword { person } => shell.reset_password(person.person),
        Command::Restore { person } => shell.restore(person.person),
    }
}

/// What every command about people needs to know.
struct Shell<'a> {
    app: &'a App,
    account: Option<AccountId>,
    json: bool,
}

impl Shell<'_> {
    fn read<T>(&self, f: impl FnOnce(&Read) -> Result<T>) -> Result<T> {
        self.app.db().read(|r| {
            let actor = accounts::at_shell(r, self.account.as_ref())?;
            r.acting_as(actor);
            f(r)
        })
    }

    fn write<T: Send + 'static>(&self, f: impl FnOnce(&mut Write) -> Result<T> + Clone + Send + 'static) -> Result<T> {
        let account = self.account.clone();
        self.app.db().write_here(move |w| {
            let actor = accounts::at_shell(w, account.as_ref())?;
            w.acting_as(actor);
            f(w)
        })
    }

    fn add(&self, new: New) -> Result<()> {
        let new = NewUser {
            email: EmailText(new.email),
            name: new.name,
            team_id: new.team,
            roles: (!new.roles.is_empty()).then_some(new.roles),
            account_admin: new.admin.then_some(true),
            ..NewUser::default()
        };
        let (mut user, invitation) = self.write(|w| users::create(w, new))?;
        user.token = invitation.map(|claims| self.app.seal(&claims)).transpose()?;
        if self.json {
            return print_json(&user);
        }
        let Some(token) = &user.token else {
            tell(&format!("{} is in another account already. They are asked to join this one too.", user.email));
            return Ok(());
        };
        let hours = invitations::LIFETIME.as_secs() / 3600;
        tell(&format!("Added {} as user {}. This link lets them in, for {hours} hours:", user.email, user.id));
        print_line(&format!("{}/ui/welcome/{token}", base_url(self.app)?))
    }

    fn list(&self, asked: &Asked) -> Result<()> {
        print(|output| self.list_to(output, asked))
    }

    fn list_to(&self, output: &mut Output, asked: &Asked) -> Result<()> {
        let mut filter = Filter { query: asked.query.clone(), removed: asked.removed, ..Filter::default() };
        let mut left = asked.limit;
        let mut table = Table::new(["ID", "E-MAIL", "NAME", "STATUS", "ROLES"]);
        while left > 0 && !output.closed {
            filter.limit = Limit(u32::try_from(left).unwrap_or(u32::MAX).clamp(1, Limit::MAX));
            let first = filter.cursor.is_none();
            let (page, account) = self.read(|r| Ok((users::list(r, &filter)?, r.actor.require_account()?.clone())))?;
            left = left.saturating_sub(page.items.len());
            if first && page.items.is_empty() {
                tell("There is nobody like that.");
            }
            if self.json {
                page.items.iter().try_for_each(|user| output.json(user))?;
            } else {
                table.print(output, &page.items.iter().map(|user| row(user, &account)).collect::<Vec<_>>())?;
            }
            filter.cursor = page.next;
            if filter.cursor.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn show(&self, person: &str) -> Result<()> {
        let (user, granted) = self.read(|r| {
            let user = users::find(r, users::find_id(r, person)?)?;
            let granted = if user.pending.is_some() { Vec::new() } else { memberships::permissions(r, user.id)? };
            Ok((user, granted))
        })?;
        if self.json {
            let mut json = serde_json::to_value(&user).map_err(crate::Error::internal)?;
            json["permissions"] = serde_json::to_value(&granted).map_err(crate::Error::internal)?;
            return print_json(&json);
        }
        let rows: Vec<_> = granted.into_iter().map(|g| [g.permission, g.sources.join(", ")]).collect();
        print(|output| {
            Table::new(["FIELD", "VALUE"]).print(output, &fields(&user))?;
            if !rows.is_empty() {
                output.line("")?;
            }
            Table::new(["MAY", "BECAUSE OF"]).print(output, &rows)
        })
    }

    fn suspend(&self, person: String) -> Result<()> {
        let user = self.write(move |w| suspensions::create(w, users::find_id(w, &person)?))?;
        self.changed(&user, "is suspended. Their sessions and tokens have ended.")
    }

    fn passkey_link(&self, person: String) -> Result<()> {
        let url = base_url(self.app)?;
        let origin = relying_party::origin(&url).ok_or_else(|| {
            let message =
                format!("Passkeys need a name and https, and this server is reached at {url}. Set --public-url.");
            Error::Conflict("no_passkeys", message.into())
        })?;
        let (email, claims) = self.write(move |w| {
            let id = users::find_id(w, &person)?;
            Ok((users::find_changed(w, id)?.email, passkeys::send_link(w, id)?))
        })?;
        let (origin, token) = (origin.origin().ascii_serialization(), self.app.seal(&claims)?);
        let link = format!("{origin}/ui/passkey/{token}");
        if self.json {
            return print_json(&serde_json::json!({ "url": link, "expiresAt": claims.expires_at }));
        }
        let hours = passkeys::LINK_LIFETIME.as_secs() / 3600;
        tell(&format!("With this link {email} registers a passkey, once, for {hours} hours:"));
        print_line(&link)
    }

    fn reset_password(&self, person: String) -> Result<()> {
        let (email, claims) = self.write(move |w| {
            let id = users::find_id(w, &person)?;
            Ok((users::find_changed(w, id)?.email, password_resets::create(w, id)?))
        })?;
        let link = format!("{}/ui/reset/{}", base_url(self.app)?, self.app.seal(&claims)?);
        if self.json {
            return print_json(&serde_json::json!({ "url": link, "expiresAt": claims.expires_at }));
        }
        let hours = password_resets::LIFETIME.as_secs() / 3600;
        tell(&format!("With this link {email} chooses a new password, once, for {hours} hours:"));
        print_line(&link)
    }

    fn restore(&self, person: String) -> Result<()> {
        let (user, removed) = self.write(move |w| {
            let id = users::find_id(w, &person)?;
            if memberships::is_removed(w, id)? {
                return Ok((memberships::restore(w, id)?, true));
            }
            Ok((suspensions::delete(w, id)?, false))
        })?;
        let what = match (removed, user.active) {
            (true, true) => "is back in the account, as they were.",
            (true, false) => "is back in the account, and suspended as they were. Restore them again to let them in.",
            (false, _) => "is active.",
        };
        self.changed(&user, what)
    }

    fn changed(&self, user: &User, what: &str) -> Result<()> {
        if self.json {
            return print_json(user);
        }
        tell(&format!("{} {what}", user.email));
        Ok(())
    }
}

fn row(user: &User, account: &AccountId) -> [String; 5] {
    let name = user.name.clone().unwrap_or_default();
    let mut roles = user.flat_roles_list.clone();
    if user.accounts.iter().any(|place| place.account_admin && place.account_id == account.as_str()) {
        roles.insert(0, "account admin".into());
    }
    if user.owner {
        roles.insert(0, "owner".into());
    }
    [user.id.to_string(), user.email.to_string(), name, status(user), roles.join(", ")]
}

fn status(user: &User) -> String {
    match (user.removed_at, user.pending) {
        (Some(at), _) => format!("removed {}", at.day()),
        (None, Some(true)) => "invited".into(),
        (None, _) if user.active => "active".into(),
        (None, _) => "suspended".into(),
    }
}

/// Everything about somebody that is there.
fn fields(user: &User) -> Vec<[String; 2]> {
    let accounts: Vec<_> = user.accounts.iter().map(account).collect();
    let fields = [
        ("ID", Some(user.id.to_string())),
        ("E-mail", Some(user.email.to_string())),
        ("Name", user.name.clone()),
        ("Phone", user.phone.clone()),
        ("Image", user.img_src.clone()),
        ("Status", Some(status(user))),
        ("Owner", user.owner.then(|| "of this server".into())),
        ("Accounts", Some(accounts.join(", "))),
        ("Team", user.team_id.map(|id| id.to_string())),
        ("Roles", Some(user.flat_roles_list.join(", "))),
        ("Created", Some(format!("{} by {}", user.created_at.minute(), user.created_by))),
        ("Updated", Some(format!("{} by {}", user.updated_at.minute(), user.updated_by))),
    ];
    let said = fields.into_iter().filter_map(|(title, value)| Some([title.to_owned(), value?]));
    said.filter(|[_, value]| !value.is_empty()).collect()
}

fn account(account: &users::UserAccount) -> String {
    let notes = [(account.users_primary_account, "primary"), (account.account_admin, "admin")];
    let notes: String = notes.iter().filter(|(so, _)| *so).map(|(_, note)| format!(", {note}")).collect();
    format!("{} ({}{notes})", account.account_name, account.account_id)
}
