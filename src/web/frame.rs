//! What surrounds the page of somebody who is signed in: the menu, the account switcher, what was just achieved.

use super::person::Person;
use super::said::Said;
use crate::clock::Timestamp;
use crate::db::Read;
use crate::domain::accounts::{self, Account};
use crate::domain::actor::Impersonator;
use crate::domain::memberships;
use crate::domain::permissions::{Permission, Permissions};
use crate::error::Result;

/// A place in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Users,
    Teams,
    Roles,
    Activity,
    ApiKeys,
    Account,
    Backups,
    Me,
}

/// An entry of the menu.
pub struct Entry {
    pub section: Section,
    pub title: &'static str,
    pub icon: &'static str,
    /// What its address ends with.
    pub path: &'static str,
    /// What it takes to see it; nothing if empty.
    needs: &'static str,
}

const MENU: &[Entry] = &[
    Entry { section: Section::Users, title: "Users", icon: "people", path: "users", needs: "users.read" },
    Entry { section: Section::Teams, title: "Teams", icon: "team", path: "teams", needs: "users.read" },
    Entry { section: Section::Roles, title: "Roles", icon: "shield", path: "roles", needs: "users.read" },
    Entry { section: Section::Activity, title: "Activity", icon: "pulse", path: "activity", needs: "events.read" },
    Entry { section: Section::ApiKeys, title: "API keys", icon: "key", path: "api-keys", needs: "" },
    Entry { section: Section::Account, title: "Account", icon: "house", path: "account", needs: "" },
];

/// What is said on every page while an owner acts as somebody else.
pub struct Acting {
    /// The owner, by name or e-mail.
    pub by: String,
    pub whom: String,
    pub reason: String,
    pub until: Timestamp,
    pub minutes_left: i64,
}

impl Acting {
    pub fn of(r: &Read) -> Option<Self> {
        let Impersonator { email, name, reason, until, .. } = r.actor.impersonator.clone()?;
        let whom = r.actor.name.clone().or(r.actor.email.clone()).unwrap_or_default();
        // Begun minutes count: nobody is told that none is left.
        let minutes_left = (until.0 - r.now.0 + 59_999) / 60_000;
        Some(Self { by: name.unwrap_or(email), whom, reason, until, minutes_left })
    }
}

pub struct Frame {
    /// What the server is called.
    pub server: String,
    pub me: Person,
    /// May do everything on the server.
    pub owner: bool,
    /// An admin of the shown account, or an owner.
    pub admin: bool,
    permissions: Permissions,
    /// The account that is shown, or else the primary one; an owner may be in none.
    pub account: Option<Account>,
    /// Those one can switch to, the shown one included.
    pub accounts: Vec<Account>,
    pub said: Option<Said>,
    /// Whether, and as whom, an owner is here.
    pub acting: Option<Acting>,
    pub section: Section,
}

impl Frame {
    pub fn load(r: &Read, server: &str, section: Section, said: Option<Said>) -> Result<Self> {
        let actor = &r.actor;
        let id = actor.require_user()?;
        let accounts = accounts::list(r)?;
        let account = match &actor.account {
            Some(account) => Some(Account { id: account.id.clone(), name: account.name.clone() }),
            None => {
                let primary = accounts::primary(r, id)?;
                accounts.iter().find(|account| Some(&account.id) == primary.as_ref()).or(accounts.first()).cloned()
            }
        };
        let email = actor.email.clone().unwrap_or_default();
        Ok(Self {
            server: server.to_owned(),
            me: Person { id, email, name: actor.name.clone(), img_src: None },
            owner: actor.owner,
            admin: actor.admin,
            permissions: match (&actor.account, &account) {
                (None, Some(shown)) if !actor.owner => memberships::standing(r, &shown.id, id)?
                    .filter(|standing| !standing.pending)
                    .map(|standing| standing.permissions())
                    .unwrap_or_default(),
                (None, _) if actor.owner => Permissions::all(),
                _ => actor.permissions,
            },
            account,
            accounts,
            said,
            acting: Acting::of(r),
            section,
        })
    }

    /// What the shown account is called.
    pub fn place(&self) -> &str {
        self.account.as_ref().map_or(&self.server, |account| &account.name)
    }

    /// The address of a page of the shown account.
    pub fn at(&self, rest: &str) -> String {
        match &self.account {
            Some(account) => format!("/ui/accounts/{}/{rest}", account.id),
            None => "/ui/me".into(),
        }
    }

    /// The entries of the menu that lead somewhere.
    pub fn menu(&self) -> impl Iterator<Item = &'static Entry> {
        let open = move |entry: &&Entry| entry.needs.is_empty() || self.may(entry.needs);
        MENU.iter().filter(|_| self.account.is_some()).filter(open)
    }

    /// Whether the visitor holds a permission in the shown account.
    pub fn may(&self, permission: &str) -> bool {
        Permission::find(permission).is_some_and(|permission| self.permissions.contains(permission))
    }

    pub fn holds(&self, permission: &Permission) -> bool {
        self.permissions.contains(*permission)
    }

    /// The other accounts, for the switcher.
    pub fn others(&self) -> impl Iterator<Item = &Account> {
        let shown = self.account.as_ref().map(|account| &account.id);
        self.accounts.iter().filter(move |account| Some(&account.id) != shown)
    }
}
