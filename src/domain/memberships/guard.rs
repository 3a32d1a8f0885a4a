//! Who may act on whom, and what must never happen: an account without its last admin, a server without an owner.

use std::collections::BTreeSet;

use crate::db::{Read, Write, params};
use crate::domain::fields::AccountId;
use crate::domain::permissions::{Granted, Permission, Permissions};
use crate::domain::roles::{self, Held};
use crate::error::{Error, Result};

/// What somebody is in an account, and why.
#[derive(Clone, Debug)]
pub struct Standing {
    pub email: String,
    pub owner: bool,
    pub account_admin: bool,
    pub team_id: Option<i64>,
    pub pending: bool,
    pub roles: BTreeSet<String>,
    /// What each role permits.
    of_roles: Vec<(String, Permissions)>,
    /// Held apart from any role.
    pub direct: Permissions,
}

impl Standing {
    /// What they may do there.
    pub fn permissions(&self) -> Permissions {
        if self.owner || self.account_admin {
            return Permissions::all();
        }
        self.of_roles.iter().fold(self.direct, |set, (_, permissions)| set.union(*permissions))
    }

    /// What they may do there, each with all it comes from.
    pub fn sources(&self) -> Vec<Granted> {
        let granted = |permission: &Permission| {
            let mut sources = Vec::new();
            sources.extend(self.owner.then(|| "owner".to_owned()));
            sources.extend(self.account_admin.then(|| "accountAdmin".to_owned()));
            let holding = self.of_roles.iter().filter(|(_, permissions)| permissions.contains(*permission));
            sources.extend(holding.map(|(name, _)| format!("role:{name}")));
            sources.extend(self.direct.contains(*permission).then(|| "direct".to_owned()));
            (!sources.is_empty()).then(|| Granted::new(*permission, sources))
        };
        Permission::ALL.iter().filter_map(granted).collect()
    }
}

/// What a user is in an account, pending or not; `None` if they aren't in it.
pub fn standing(r: &Read, account: &AccountId, user_id: i64) -> Result<Option<Standing>> {
    load(r, account, user_id, "m.removed_at is null")
}

/// What a user was in an account, from its recycle bin.
pub fn removed(r: &Read, account: &AccountId, user_id: i64) -> Result<Option<Standing>> {
    load(r, account, user_id, "m.removed_at is not null")
}

fn load(r: &Read, account: &AccountId, user_id: i64, condition: &str) -> Result<Option<Standing>> {
    let sql = format!(
        "select coalesce(m.invited_email, u.email), u.owner, m.account_admin, m.team_id, m.invited_email is not null,
                m.roles, m.permissions
           from memberships m join users u on u.id = m.user_id
          where m.account_id = ?1 and m.user_id = ?2 and {condition}"
    );
    let found = r.maybe(&sql, params![account.as_str(), user_id], |row| {
        Ok(Standing {
            email: row.get(0)?,
            owner: row.get(1)?,
            account_admin: row.get(2)?,
            team_id: row.get(3)?,
            pending: row.get(4)?,
            roles: row.get::<_, Held>(5)?.0.into_iter().collect(),
            of_roles: Vec::new(),
            direct: row.get::<_, Option<_>>(6)?.unwrap_or_default(),
        })
    })?;
    let Some(mut standing) = found else { return Ok(None) };
    for name in &standing.roles {
        let permissions = roles::permissions_of(r, account, name)?.unwrap_or_default();
        standing.of_roles.push((name.clone(), permissions));
    }
    Ok(Some(standing))
}

/// The standing of somebody in the account whom the actor may act on: nobody who may do more than they may.
pub fn require_over(r: &Read, account: &AccountId, user_id: i64) -> Result<Standing> {
    let standing = standing(r, account, user_id)?;
    let standing = standing.ok_or_else(|| no_such_member(user_id))?;
    require_no_more(r, &standing)?;
    Ok(standing)
}

/// The account of the request, if the actor holds `permission` in it, and the standing there of somebody whose primary
/// account it is and who may do no more than they. Whoever hasn't accepted the invitation yet is refused as `pending` says.
pub fn require_over_at_home(
    r: &Read,
    permission: Permission,
    user_id: i64,
    pending: fn(i64) -> Error,
) -> Result<(AccountId, Standing)> {
    let account = r.actor.require(permission)?.clone();
    let standing = require_over(r, &account, user_id)?;
    if standing.pending {
        return Err(pending(user_id));
    }
    require_home(r, &account, user_id)?;
    Ok((account, standing))
}

/// [`require_over_at_home`] for a link that lets somebody in. It opens every account they are in, so it takes an owner where
/// they are in others too, and a token that is held back makes none.
pub fn require_may_let_in(r: &Read, user_id: i64, pending: fn(i64) -> Error) -> Result<(AccountId, Standing)> {
    r.actor.require_whole()?;
    r.actor.require_proof()?;
    let (account, standing) = require_over_at_home(r, Permission::UsersSuspend, user_id, pending)?;
    if !r.actor.owner {
        require_only_here(r, &account, user_id)?;
    }
    if !r.value("select active from users where id = ?1", [user_id])? {
        return Err(Error::Conflict("suspended", "They are suspended. Make them active first.".into()));
    }
    Ok((account, standing))
}

/// Of somebody who isn't in the account, or must pass for it.
pub fn no_such_member(user_id: i64) -> Error {
    Error::not_found(format!("There is no user {user_id} in this account."))
}

/// Of somebody who is known to be invited.
pub fn not_accepted(_: i64) -> Error {
    Error::Conflict("pending", "They haven't accepted the invitation to this account yet.".into())
}

pub fn require_no_more(r: &Read, standing: &Standing) -> Result<()> {
    // What a pending member's person is elsewhere is nobody's business here.
    let owner = standing.owner && !standing.pending;
    let above = owner && !r.actor.owner
        || standing.account_admin && !r.actor.admin
        || !owner && !r.actor.permissions.includes(standing.permissions_here());
    if above {
        return Err(Error::forbidden("They may do more in this account than you may, so you can't change them."));
    }
    Ok(())
}

impl Standing {
    /// What the account itself gave them.
    pub(super) fn permissions_here(&self) -> Permissions {
        Self { owner: false, ..self.clone() }.permissions()
    }
}

/// A person's profile, status and first token are the business of their primary account, and of owners.
pub fn require_home(r: &Read, account: &AccountId, user_id: i64) -> Result<()> {
    let sql =
        "select exists (select 1 from memberships where account_id = ?1 and user_id = ?2 and primary_account = 1)";
    if r.actor.owner || r.value(sql, params![account.as_str(), user_id])? {
        return Ok(());
    }
    Err(Error::forbidden(
        "Another account is this person's primary one; only its admins and they themselves may do this.",
    ))
}

/// What lets somebody in opens every account they are in, or may be put back into from its recycle bin as they were there: so
/// there must be no other.
pub fn require_only_here(r: &Read, account: &AccountId, user_id: i64) -> Result<()> {
    if is_only_here(r, account, user_id)? {
        return Ok(());
    }
    Err(Error::Conflict(
        "in_other_accounts",
        "They sign in with what they have: they are in other accounts too, or can be put back into one.".into(),
    ))
}

pub fn is_only_here(r: &Read, account: &AccountId, user_id: i64) -> Result<bool> {
    let sql = "select not exists (select 1 from memberships
                                   where user_id = ?2 and account_id <> ?1 and invited_email is null)";
    r.value(sql, params![account.as_str(), user_id])
}

/// Makes a change to somebody that could lock out: afterwards every account they led must still have an active admin, and
/// the server an active owner. The writer runs one closure at a time, so two of them can't remove each other.
pub fn guarded<T>(w: &mut Write, user_id: i64, change: impl FnOnce(&mut Write) -> Result<T>) -> Result<T> {
    let led = "select m.account_id from memberships m join accounts a on a.id = m.account_id and a.removed_at is null
                where m.user_id = ?1 and m.account_admin = 1 and m.active = 1
                  and m.removed_at is null and m.invited_email is null";
    let led: Vec<String> = w.all(led, [user_id], |row| row.get(0))?;
    let owned: bool = w.value("select exists (select 1 from users where id = ?1 and owner and active)", [user_id])?;
    let they = if w.actor.is(user_id) { "You are" } else { "They are" };
    let changed = change(w)?;
    for account in led {
        // A cross join, so that SQLite passes the admins and not everybody.
        let admin = "select exists (select 1 from memberships_apart a
                              cross join memberships m on m.account_id = a.account_id and m.user_id = a.user_id
                             where a.account_id = ?1 and a.kind = 'admin' and m.account_admin = 1 and m.active = 1
                               and m.removed_at is null and m.invited_email is null)";
        if !w.value(admin, [&account])? {
            // Somebody of one account isn't told the name of another.
            let here = w.actor.owner
                || w.actor.is(user_id)
                || w.actor.account.as_ref().is_some_and(|a| a.id.as_str() == account);
            let which = if here { format!("account {account}") } else { "another account".into() };
            let message = format!("{they} the last admin of {which}. Make somebody else its admin first.");
            return Err(Error::Conflict("last_admin", message.into()));
        }
    }
    if owned && !w.value("select exists (select 1 from users where owner = 1 and active = 1)", [])? {
        let message = format!("{they} the last owner of this server. Make somebody else an owner first.");
        return Err(Error::Conflict("last_owner", message.into()));
    }
    Ok(changed)
}
