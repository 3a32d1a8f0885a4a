//! From rows to [`User`]s, as far as the actor may see them. A user is one row: what hangs on them comes along as JSON, so
//! that a page of a list is one question to the database and not five for each of its people.

use std::collections::HashMap;

use super::{User, UserAccount};
use crate::clock::Timestamp;
use crate::db::{Json, Read, Row, RowResult, params};
use crate::domain::fields::{self, AccountId, EmailText};
use crate::domain::permissions::{self, Permission, Permissions};
use crate::domain::preferences::{self, NotificationPreferences};
use crate::domain::{accounts, memberships};
use crate::error::{Error, Result};

/// Of a user `u` and their membership `m`, which may be missing.
pub(super) const COLUMNS: &str = "
    u.id, coalesce(m.invited_email, u.email), u.name, u.active, u.owner, u.phone, u.img_src,
    u.created_by, u.updated_by, u.created_at, u.updated_at, m.team_id, m.account_admin,
    m.invited_by, m.joined_at, m.removed_at, m.email_key,
    m.removed_at is not null and exists (select 1 from memberships o
                                          where o.user_id = u.id and o.removed_at is null and o.invited_email is null),
    (select json_group_array(json_array(a.id, a.name, o.primary_account, o.account_admin,
                                        o.removed_at is null and o.invited_email is null)
                             order by o.primary_account desc, a.id)
       from memberships o join accounts a on a.id = o.account_id and a.removed_at is null where o.user_id = u.id),
    (select json_group_array(role order by role) from membership_roles
      where account_id = m.account_id and user_id = u.id),
    (select group_concat(p.permission) from membership_roles h
       join role_permissions p on p.account_id = h.account_id and p.role = h.role
      where h.account_id = m.account_id and h.user_id = u.id),
    (select group_concat(permission) from membership_permissions where account_id = m.account_id and user_id = u.id),
    (select json_group_array(json_array(event, account_id, json(delivery)) order by position)
       from notification_preferences where user_id = u.id)";
/// How many columns those are.
pub(super) const WIDTH: usize = 23;

/// A user as their row tells it, before [`complete`] leaves out what the actor may not see.
pub(super) struct Loaded {
    pub user: User,
    account_admin: bool,
    /// Whether they were new when they joined this account.
    made_here: bool,
    memberships: Vec<(UserAccount, bool)>,
    permissions: Permissions,
    preferences: Vec<preferences::Stored>,
}

pub(super) fn from_row(row: &Row) -> RowResult<Loaded> {
    let mut user = User {
        id: row.get(0)?,
        email: EmailText(row.get(1)?),
        name: row.get(2)?,
        active: row.get(3)?,
        team_id: row.get(11)?,
        phone: row.get(5)?,
        img_src: row.get(6)?,
        notification_preferences: NotificationPreferences::new(),
        created_by: row.get(7)?,
        updated_by: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        accounts: Vec::new(),
        flat_roles_list: row.get::<_, Json<_>>(19)?.0,
        flat_permissions_list: Vec::new(),
        token: None,
        pending: None,
        removed_at: row.get(15)?,
        owner: row.get(4)?,
    };
    let made_here = row.get::<_, Option<Timestamp>>(14)? == Some(user.created_at);
    if let Some(by) = row.get::<_, Option<String>>(13)? {
        user.become_pending(by, row.get(14)?);
    }
    if user.removed_at.is_some() && row.get(17)? {
        user.become_bygone(row.get(16)?);
    }
    let of_built_in = user.flat_roles_list.iter().filter_map(|role| permissions::built_in(role));
    let mut permissions = of_built_in.fold(Permissions::NONE, |set, role| set.union(role.permissions()));
    for column in [20, 21] {
        permissions = permissions.union(row.get::<_, Option<Permissions>>(column)?.unwrap_or_default());
    }
    let account = |(account_id, account_name, primary, admin, live): (String, String, u8, u8, u8)| {
        let (users_primary_account, account_admin) = (primary == 1, admin == 1);
        (UserAccount { account_id, account_name, users_primary_account, account_admin }, live == 1)
    };
    Ok(Loaded {
        user,
        account_admin: row.get::<_, Option<bool>>(12)?.unwrap_or_default(),
        made_here,
        memberships: row.get::<_, Json<Vec<_>>>(18)?.0.into_iter().map(account).collect(),
        permissions,
        preferences: row.get::<_, Json<_>>(22)?.0,
    })
}

impl User {
    /// Leaves of them what an account knows that only invited them.
    fn become_pending(&mut self, by: String, at: Timestamp) {
        (self.name, self.phone, self.img_src) = (None, None, None);
        (self.active, self.owner, self.pending) = (true, false, Some(true));
        (self.created_by, self.created_at) = (by.clone(), at);
        (self.updated_by, self.updated_at) = (by, at);
    }

    /// Leaves of them what an account knew when they left it, who live on in others: an e-mail.
    fn become_bygone(&mut self, email: String) {
        self.email = EmailText(email);
        (self.name, self.phone, self.img_src) = (None, None, None);
        (self.updated_by, self.updated_at) = (self.created_by.clone(), self.created_at);
    }
}

/// A member of `account`, pending or not.
pub(super) fn load(r: &Read, id: i64, account: &AccountId) -> Result<User> {
    let sql = format!(
        "select {COLUMNS} from users u
           join memberships m on m.user_id = u.id and m.account_id = ?2 and m.removed_at is null
          where u.id = ?1"
    );
    let not_found = || Error::not_found(format!("There is no user {id} in this account."));
    let loaded = r.maybe(&sql, params![id, account.as_str()], from_row)?.ok_or_else(not_found)?;
    View::of(r, Some(account)).complete(loaded)
}

/// A user even where they are no member, such as an owner looking at themself.
pub(super) fn load_anywhere(r: &Read, id: i64, account: Option<&AccountId>) -> Result<User> {
    let sql = format!(
        "select {COLUMNS} from users u
           left join memberships m on m.user_id = u.id and m.account_id = ?2
                                  and m.removed_at is null and m.invited_email is null
          where u.id = ?1"
    );
    let loaded = r.maybe(&sql, params![id, account.map(AccountId::as_str)], from_row)?;
    View::of(r, account).complete(loaded.ok_or_else(|| Error::internal("an actor who is nobody"))?)
}

/// What the actor may see from an account. What it finds out for one user it remembers for the others of a page.
pub(super) struct View<'r> {
    r: &'r Read<'r>,
    account: Option<&'r AccountId>,
    /// Whether the actor sees the people of another account.
    sees_people: HashMap<String, bool>,
    /// Of who made or changed somebody, by e-mail: whether the account knows them, and whether there still is one.
    known: HashMap<String, (bool, bool)>,
}

impl<'r> View<'r> {
    pub fn of(r: &'r Read<'r>, account: Option<&'r AccountId>) -> Self {
        Self { r, account, sees_people: HashMap::new(), known: HashMap::new() }
    }

    /// Adds what hangs on a user: accounts, permissions, preferences; each only as far as the actor may see it.
    pub fn complete(&mut self, loaded: Loaded) -> Result<User> {
        let Loaded { mut user, account_admin, made_here, memberships, permissions, preferences } = loaded;
        let pending = user.pending.is_some();
        let own = self.r.actor.is(user.id);
        if let Some(account) = self.account.filter(|_| !pending && !self.r.actor.owner && !own) {
            self.veil(&mut user, account, made_here)?;
        }
        // Of who is pending or removed, only the account they are so in.
        let only = self.account.filter(|_| pending || user.removed_at.is_some());
        for (account, live) in memberships {
            let shown = match only {
                Some(only) => account.account_id == only.as_str(),
                None => live,
            };
            if shown && self.shows(&account.account_id, own)? {
                user.accounts.push(account);
            }
        }
        if pending {
            return Ok(user);
        }
        let admin = user.owner || account_admin;
        user.flat_permissions_list = if admin { Permissions::all() } else { permissions }.names();
        let visible = |id: &str| user.accounts.iter().any(|account| account.account_id == id);
        user.notification_preferences = preferences::visible(preferences, visible);
        Ok(user)
    }

    /// Whether the actor may see that a user is in an account: where they see people themself, or everywhere for an owner
    /// or the user themself.
    fn shows(&mut self, account: &str, own: bool) -> Result<bool> {
        let actor = &self.r.actor;
        if actor.owner || own && !actor.held_back {
            return Ok(true);
        }
        if actor.account.as_ref().is_some_and(|here| here.id.as_str() == account) {
            return Ok(true);
        }
        let Some(user_id) = actor.user_id.filter(|_| !actor.held_back) else { return Ok(false) };
        if let Some(sees) = self.sees_people.get(account) {
            return Ok(*sees);
        }
        let standing = memberships::standing(self.r, &accounts::stored(account)?, user_id)?;
        let sees = standing.is_some_and(|s| !s.pending && s.permissions().contains(Permission::UsersRead));
        self.sees_people.insert(account.to_owned(), sees);
        Ok(sees)
    }

    /// Who made or changed somebody in another account is a stranger to this one: the person's own e-mail stands for
    /// theirs. Of who has gone for good nobody knows where they were, so they are named where the person was made.
    fn veil(&mut self, user: &mut User, account: &AccountId, made_here: bool) -> Result<()> {
        let own = fields::email_key(&user.email.0);
        for by in [&mut user.created_by, &mut user.updated_by] {
            let key = fields::email_key(by);
            if key == own {
                continue;
            }
            let (known, exists) = self.knows(account, key)?;
            if !known && !(made_here && !exists) {
                by.clone_from(&user.email.0);
            }
        }
        Ok(())
    }

    fn knows(&mut self, account: &AccountId, key: String) -> Result<(bool, bool)> {
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let sql = "select owner or exists (select 1 from memberships where account_id = ?1 and user_id = by.id)
                     from users by where email_key = ?2";
        let found: Option<bool> = self.r.maybe(sql, params![account.as_str(), key], |row| row.get(0))?;
        let known = (found == Some(true), found.is_some());
        self.known.insert(key, known);
        Ok(known)
    }
}
