//! Who is asking, and what they may do where they ask it. Every rule starts here.

use std::time::Duration;

use super::fields::AccountId;
use super::permissions::{Permission, Permissions};
use crate::clock::Timestamp;
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
    /// The id of their session, if they are signed in with a browser.
    pub session: Option<String>,
    /// The session that this browser had before it signs in anew; it ends then.
    pub former_session: Option<String>,
    /// How long ago they proved who they are, if they are signed in with a browser.
    pub proved: Option<Duration>,
    /// The owner who acts as them.
    pub impersonator: Option<Impersonator>,
    /// The id of their token, when the time of its last use should be written down.
    pub stale_token: Option<String>,
}

/// An owner who acts as somebody else: who, why, and until when.
#[derive(Clone, Debug)]
pub struct Impersonator {
    pub id: i64,
    pub email: String,
    pub name: Option<String>,
    pub reason: String,
    pub until: Timestamp,
}

/// How recent a proof must be where a form is opened that changes who may come in as whom.
pub const PROOF_ASKED: Duration = Duration::from_mins(15);
/// How recent it must be where such a form is sent: longer, so that nobody loses what they typed.
pub const PROOF_TAKEN: Duration = Duration::from_mins(30);

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
            let (permission, ActingIn { id, name }) = (permission.name(), account);
            return Err(Error::forbidden(match self.held_back {
                true => format!(
                    "This API key needs the permission `{permission}` in account {id} ({name}) to do this, and so do you. \
                     Make a key that has it, or ask an admin of that account for it."
                ),
                false => format!(
                    "You need the permission `{permission}` in account {id} ({name}) to do this. Ask an admin of that \
                     account for it."
                ),
            }));
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
    /// less than they may, and not for who acts as them.
    pub fn require_self(&self) -> Result<i64> {
        self.require_in_person()?;
        self.require_own_token()
    }

    /// [`Actor::require_self`] for what is only looked at, which who acts as somebody may.
    pub fn require_own_token(&self) -> Result<i64> {
        self.require_whole()?;
        self.require_user()
    }

    /// Not for a token that is held back, or isn't its user's alone: it decides nothing about who comes in as whom.
    pub fn require_whole(&self) -> Result<()> {
        if self.held_back || self.by_first_token {
            return Err(Error::forbidden("This token may not do this. Sign in and do it yourself."));
        }
        Ok(())
    }

    /// Somebody at a browser must have proved within [`PROOF_TAKEN`] who they are: an unlocked screen isn't them. Programs
    /// aren't asked, since a bearer token decides nothing about credentials.
    pub fn require_proof(&self) -> Result<()> {
        self.require_proof_within(PROOF_TAKEN)
    }

    /// [`Actor::require_proof`] for the form that leads there, within [`PROOF_ASKED`].
    pub fn ask_proof(&self) -> Result<()> {
        self.require_proof_within(PROOF_ASKED)
    }

    fn require_proof_within(&self, most: Duration) -> Result<()> {
        self.require_in_person()?;
        match self.proved {
            Some(ago) if ago >= most => {
                let message = "Show that it is you first: it is a while since you signed in. Nothing was changed.";
                Err(Error::Unauthenticated("proof_required", message.into()))
            }
            _ => Ok(()),
        }
    }

    /// Whoever acts as somebody else never touches how anybody signs in, nor where that person belongs.
    pub fn require_in_person(&self) -> Result<()> {
        match &self.impersonator {
            None => Ok(()),
            Some(_) => Err(Error::forbidden(IN_PERSON)),
        }
    }

    pub fn is(&self, user_id: i64) -> bool {
        self.user_id == Some(user_id)
    }
}

const IN_PERSON: &str = "You act as somebody else, and this is theirs alone to do: passwords, passkeys, e-mails, keys, \
                         sessions and accounts stay as they are. Stop, and do it as yourself.";

/// One answer for an account that is closed and one that doesn't exist, so that neither can be told from the other.
pub fn no_such_account() -> Error {
    Error::forbidden("You have no access to this account, or it does not exist. Check the account ID.")
}
