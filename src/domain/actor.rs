//! Who is asking, and what they may do where they ask it. Every rule starts here.

use super::fields::AccountId;
use super::permissions::{Permission, Permissions};
use crate::error::{Error, Result};

/// Where a request came from; goes into the events it causes.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub request_id: String,
    pub address: Option<String>,
    /// What the browser or program says it is (`User-Agent`).
    pub device: Option<String>,
}

/// The account somebody acts in.
#[derive(Clone, Debug)]
pub struct ActingIn {
    pub id: AccountId,
    pub name: String,
}

#[derive(Clone, Debug, Default)]
pub struct Actor {
    pub user_id: Option<i64>,
    pub email: Option<String>,
    pub name: Option<String>,
    /// May do everything in every account.
    pub owner: bool,
    /// The account of the request, when it names one this actor belongs to (or any existing one, for an owner).
    pub account: Option<ActingIn>,
    /// What they may do in that account.
    pub permissions: Permissions,
    /// Whether they are an admin of that account, or an owner, and not held back by their token.
    pub admin: bool,
    pub trace: Trace,
    /// Whether their token is an API key that may do less than they may.
    pub held_back: bool,
    /// Whether they come with their first token. Whoever made them holds it too, so it decides nothing for good.
    pub by_first_token: bool,
    /// The id of their token, when the time of its last use should be written down.
    pub stale_token: Option<String>,
}

impl Actor {
    /// Nobody in particular: may do what needs no permission.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Somebody at the server's own shell.
    pub fn shell() -> Self {
        let trace = Trace { request_id: "command-line".into(), ..Trace::default() };
        Self { owner: true, admin: true, permissions: Permissions::all(), trace, ..Self::default() }
    }

    /// The same actor in an account.
    pub fn within(self, account: ActingIn) -> Self {
        Self { account: Some(account), ..self }
    }

    /// The account of the request, if this actor holds `permission` in it.
    pub fn require(&self, permission: Permission) -> Result<&AccountId> {
        let account = self.account.as_ref().ok_or_else(no_such_account)?;
        if !self.permissions.contains(permission) {
            return Err(Error::forbidden(format!(
                "You need the permission `{}` in account {} ({}) to do this. Ask an admin of that account for it.",
                permission.name(),
                account.id,
                account.name,
            )));
        }
        Ok(&account.id)
    }

    /// The account of the request, whatever may be done there.
    pub fn require_account(&self) -> Result<&AccountId> {
        Ok(&self.account.as_ref().ok_or_else(no_such_account)?.id)
    }

    /// Only owners get through.
    pub fn require_owner(&self) -> Result<()> {
        if self.owner {
            return Ok(());
        }
        Err(Error::forbidden("Only an owner of this server may do this."))
    }

    /// The signed-in user's id.
    pub fn require_user(&self) -> Result<i64> {
        self.user_id.ok_or_else(|| Error::Unauthenticated("token_missing", "Sign in first.".into()))
    }

    /// The signed-in user's id, for what concerns them alone: not for a token that isn't only theirs, or may do
    /// less than they may.
    pub fn require_self(&self) -> Result<i64> {
        if self.held_back || self.by_first_token {
            return Err(Error::forbidden("This token may not do this. Sign in and do it yourself."));
        }
        self.require_user()
    }

    pub fn is(&self, user_id: i64) -> bool {
        self.user_id == Some(user_id)
    }
}

/// One answer for an account that is closed and one that doesn't exist, so that neither can be told from the other.
pub fn no_such_account() -> Error {
    Error::forbidden("You have no access to this account, or it does not exist. Check the account ID.")
}
