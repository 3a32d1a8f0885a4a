//! From rows to [`User`]s, as far as the actor may see them. What hangs on them is asked for all of a page at once: a
//! question of each kind, however many they are.

use std::collections::HashMap;

use super::{Member, User, UserAccount};
use crate::clock::Timestamp;
use crate::db::{Params, Read, Row, RowResult, Write, params};
use crate::domain::fields::{self, AccountId, EmailText};
use crate::domain::memberships::Place;
use crate::domain::permissions::{Permission, Permissions};
use crate::domain::preferences::{self, NotificationPreferences};
use crate::domain::roles::{self, Held};
use crate::domain::{accounts, memberships};
use crate::error::{Error, Result};

/// [`COLUMNS`] for statements that are put together beforehand.
macro_rules! columns {
    () => {
        "u.id, u.email, u.name, u.active, u.owner, u.phone, u.img_src, u.created_by, u.updated_by, u.created_at, u.updated_at,
         m.account_id, m.primary_account, m.account_admin, m.invited_email, m.removed_at,
         m.team_id, m.roles, m.permissions, m.invited_by, m.joined_at, m.email_key, m.active"
    };
}

/// Of a user `u` and each of their memberships `m`, if there are any: a row for each.
pub(super) const COLUMNS: &str = columns!();
/// How many columns those are.
pub(super) const WIDTH: usize = 23;

/// A user as their rows tell it, before [`complete`] looks up what hangs on them.
pub(super) struct Loaded {
    pub user: User,
    memberships: Vec<Membership>,
    /// What they are in the account that they were loaded from, if they are.
    here: Option<Here>,
    /// Whether they were new when they joined that account.
    made_here: bool,
    /// Of who was taken out of that account: the e-mail it knew, and whether they were active.
    bygone: Option<(String, bool)>,
}

struct Membership {
    account_id: String,
    primary: bool,
    admin: bool,
    /// Neither pending nor removed.
    live: bool,
}

/// What somebody is in the account that they were loaded from.
struct Here {
    admin: bool,
    /// By name, sorted.
    roles: Vec<String>,
    /// Held apart from any role.
    permissions: Permissions,
}

/// The users whom a statement finds, with what else it says of each. Its first columns are [`COLUMNS`], and the rows of a user
/// come one after the other.
pub(super) fn find<T>(
    r: &Read,
    sql: &str,
    params: impl Params,
    here: Option<&str>,
    more: impl Fn(&Row) -> RowResult<T>,
) -> Result<Vec<(Loaded, T)>> {
    let mut users: Vec<(Loaded, T)> = Vec::new();
    r.all(sql, params, |row| {
        let id: i64 = row.get(0)?;
        if users.last().is_none_or(|(user, _)| user.user.id != id) {
            users.push((Loaded::from_row(row)?, more(row)?));
        }
        users.last_mut().map_or(Ok(()), |(user, _)| user.join(row, here))
    })?;
    Ok(users)
}

impl Loaded {
    /// Somebody who is nowhere yet.
    fn from_row(row: &Row) -> RowResult<Self> {
        let user = User {
            id: row.get(0)?,
            email: EmailText(row.get(1)?),
            name: row.get(2)?,
            active: row.get(3)?,
            team_id: None,
            phone: row.get(5)?,
            img_src: row.get(6)?,
            notification_preferences: NotificationPreferences::new(),
            created_by: row.get(7)?,
            updated_by: row.get(8)?,
            created_at: row.get(9)?,
            updated_at: row.get(10)?,
            accounts: Vec::new(),
            flat_roles_list: Vec::new(),
            flat_permissions_list: Vec::new(),
            token: None,
            pending: None,
            removed_at: None,
            owner: row.get(4)?,
        };
        Ok(Self { user, memberships: Vec::new(), here: None, made_here: false, bygone: None })
    }

    /// Adds a membership; if it is that in the account they are loaded from, they are shown as it knows them.
    fn join(&mut self, row: &Row, here: Option<&str>) -> RowResult<()> {
        let Some(account_id) = row.get::<_, Option<String>>(11)? else { return Ok(()) };
        let (invited, removed_at): (Option<String>, Option<Timestamp>) = (row.get(14)?, row.get(15)?);
        let (primary, admin, live) = (row.get(12)?, row.get(13)?, invited.is_none() && removed_at.is_none());
        if here == Some(&account_id) {
            let user = &mut self.user;
            self.here = Some(Here {
                admin,
                roles: row.get::<_, Held>(17)?.0,
                permissions: row.get::<_, Option<_>>(18)?.unwrap_or_default(),
            });
            let joined_at: Timestamp = row.get(20)?;
            self.made_here = joined_at == user.created_at;
            (user.team_id, user.removed_at) = (row.get(16)?, removed_at);
            if let Some(email) = invited {
                user.become_pending(email, row.get(19)?, joined_at);
            }
            self.bygone = if removed_at.is_some() { Some((row.get(21)?, row.get(22)?)) } else { None };
        }
        self.memberships.push(Membership { account_id, primary, admin, live });
        Ok(())
    }
}

impl User {
    /// Leaves of them what an account knows that only invited them.
    fn become_pending(&mut self, email: String, by: String, at: Timestamp) {
        self.email = EmailText(email);
        (self.name, self.phone, self.img_src) = (None, None, None);
        (self.active, self.owner, self.pending) = (true, false, Some(true));
        (self.created_by, self.created_at) = (by.clone(), at);
        (self.updated_by, self.updated_at) = (by, at);
    }

    /// Leaves of them what an account knew when they left it, who live on in others: an e-mail, and whether they were active.
    fn become_bygone(&mut self, email: String, active: bool) {
        (self.email, self.active) = (EmailText(email), active);
        (self.name, self.phone, self.img_src) = (None, None, None);
        (self.updated_by, self.updated_at) = (self.created_by.clone(), self.created_at);
    }
}

/// A member of `account`, pending or not.
pub(super) fn load(r: &Read, id: i64, account: &AccountId) -> Result<User> {
    const SQL: &str =
        concat!("select ", columns!(), " from users u join memberships m on m.user_id = u.id where u.id = ?1");
    let loaded = load_one(r, SQL, id, Some(account))?;
    let member = loaded.filter(|loaded| loaded.here.is_some() && loaded.user.removed_at.is_none());
    let not_found = || Error::not_found(format!("There is no user {id} in this account."));
    complete_one(r, member.ok_or_else(not_found)?, Some(account))
}

/// Somebody whom the actor has just made in their account, as [`load`] would find them: all of it was stored a moment ago, so
/// nothing has to be looked up.
pub(super) fn made(
    w: &Write,
    id: i64,
    member: Member,
    place: Place,
    mut preferences: NotificationPreferences,
) -> Result<User> {
    let here = w.actor.account.as_ref().ok_or_else(|| Error::internal("somebody made in no account"))?;
    let by = w.actor.email.as_deref().unwrap_or(member.email.as_str()).to_owned();
    preferences.retain(|_, list| !list.is_empty());
    Ok(User {
        id,
        email: EmailText(member.email.as_str().to_owned()),
        name: member.name,
        active: member.active,
        team_id: place.team_id,
        phone: member.phone,
        img_src: member.img_src,
        notification_preferences: preferences,
        created_by: by.clone(),
        updated_by: by,
        created_at: w.now,
        updated_at: w.now,
        accounts: vec![UserAccount {
            account_id: here.id.as_str().to_owned(),
            account_name: here.name.clone(),
            users_primary_account: true,
            account_admin: place.account_admin,
        }],
        flat_permissions_list: place.permits().names(),
        flat_roles_list: place.roles.into_iter().collect(),
        token: None,
        pending: None,
        removed_at: None,
        owner: member.owner,
    })
}

/// A user even where they are no member, such as an owner looking at themself.
pub(super) fn load_anywhere(r: &Read, id: i64, account: Option<&AccountId>) -> Result<User> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from users u
           left join memberships m on m.user_id = u.id and m.removed_at is null and m.invited_email is null
          where u.id = ?1"
    );
    let loaded = load_one(r, SQL, id, account)?;
    complete_one(r, loaded.ok_or_else(|| Error::internal("an actor who is nobody"))?, account)
}

fn load_one(r: &Read, sql: &str, id: i64, account: Option<&AccountId>) -> Result<Option<Loaded>> {
    let found = find(r, sql, [id], account.map(AccountId::as_str), |_| Ok(()))?;
    Ok(found.into_iter().next().map(|(loaded, ())| loaded))
}

fn complete_one(r: &Read, loaded: Loaded, account: Option<&AccountId>) -> Result<User> {
    complete(r, vec![loaded], account)?.pop().ok_or_else(|| Error::internal("a user who was lost on the way"))
}

/// Adds what hangs on users: accounts, roles, permissions, preferences; each only as far as the actor may see it.
pub(super) fn complete(r: &Read, loaded: Vec<Loaded>, account: Option<&AccountId>) -> Result<Vec<User>> {
    let preferences = preferences_of(r, &loaded)?;
    let mut view = View::of(r, account);
    loaded.into_iter().zip(preferences).map(|(loaded, preferences)| view.complete(loaded, preferences)).collect()
}

/// The preferences of each of them, in their order. Often there are none on a server: that is asked once for all.
fn preferences_of(r: &Read, users: &[Loaded]) -> Result<Vec<Vec<preferences::Stored>>> {
    let mut found: Vec<Vec<_>> = users.iter().map(|_| Vec::new()).collect();
    if let ([one], [preferences]) = (users, &mut found[..]) {
        let sql = "select event, account_id, delivery, position from notification_preferences where user_id = ?1";
        *preferences = r.all(sql, [one.user.id], |row| preferences::stored(row, 0))?;
    } else if r.value("select exists (select 1 from notification_preferences where user_id > 0)", [])? {
        let ids: Vec<i64> = users.iter().map(|loaded| loaded.user.id).collect();
        // A cross join, because SQLite doesn't turn that round.
        let sql = "select key, event, account_id, delivery, position
                     from json_each(?1) cross join notification_preferences where user_id = value";
        r.all(sql, [serde_json::to_string(&ids).map_err(Error::internal)?], |row| {
            found[usize::from(row.get::<_, u16>(0)?)].push(preferences::stored(row, 1)?);
            Ok(())
        })?;
    }
    // In an order of our own, whatever index they came along.
    found.iter_mut().for_each(|stored| stored.sort_unstable_by_key(|stored| stored.position));
    Ok(found)
}

/// What the actor may see from an account. What it finds out for one user it remembers for the others of a page.
struct View<'r> {
    r: &'r Read<'r>,
    account: Option<&'r AccountId>,
    /// What other accounts are called, by their id; none for one that was deleted.
    names: HashMap<String, Option<String>>,
    /// What roles of the account permit, by name.
    roles: HashMap<String, Permissions>,
    /// Whether the actor sees the people of another account.
    sees_people: HashMap<String, bool>,
    /// Of who made or changed somebody, by e-mail: whether the account knows them, and whether there still is one.
    known: HashMap<String, (bool, bool)>,
}

impl<'r> View<'r> {
    fn of(r: &'r Read<'r>, account: Option<&'r AccountId>) -> Self {
        let (names, roles) = (HashMap::new(), HashMap::new());
        Self { r, account, names, roles, sees_people: HashMap::new(), known: HashMap::new() }
    }

    fn complete(&mut self, loaded: Loaded, mut preferences: Vec<preferences::Stored>) -> Result<User> {
        let Loaded { mut user, mut memberships, here, made_here, bygone } = loaded;
        let pending = user.pending.is_some();
        let own = self.r.actor.is(user.id);
        if let Some((email, active)) = bygone.filter(|_| memberships.iter().any(|membership| membership.live)) {
            user.become_bygone(email, active);
            preferences.retain(preferences::Stored::is_of_an_account);
        }
        if let Some(account) = self.account.filter(|_| !pending && !self.r.actor.owner && !own) {
            self.veil(&mut user, account, made_here)?;
        }
        // Of who is pending or removed, only the account they are so in.
        let only = self.account.filter(|_| pending || user.removed_at.is_some());
        memberships.sort_unstable_by(|a, b| (b.primary, &a.account_id).cmp(&(a.primary, &b.account_id)));
        for membership in memberships {
            let shown = only.map_or(membership.live, |only| membership.account_id == only.as_str());
            if shown && self.shows(&membership.account_id, own)? {
                user.accounts.extend(self.account_of(membership)?);
            }
        }
        let (admin, apart) = here.as_ref().map(|here| (here.admin, here.permissions)).unwrap_or_default();
        user.flat_roles_list = here.map(|here| here.roles).unwrap_or_default();
        if pending {
            return Ok(user);
        }
        let permissions = match user.owner || admin {
            true => Permissions::all(),
            false => self.permissions_of(&user.flat_roles_list)?.union(apart),
        };
        user.flat_permissions_list = permissions.names();
        let visible = |id: &str| user.accounts.iter().any(|account| account.account_id == id);
        user.notification_preferences = preferences::visible(preferences, visible);
        Ok(user)
    }

    /// A membership by the name of its account, unless that was deleted.
    fn account_of(&mut self, Membership { account_id, primary, admin, .. }: Membership) -> Result<Option<UserAccount>> {
        let here = self.r.actor.account.as_ref().filter(|here| here.id.as_str() == account_id);
        let name = match here {
            Some(here) => Some(here.name.clone()),
            None => self.name_of(&account_id)?,
        };
        Ok(name.map(|account_name| UserAccount {
            account_id,
            account_name,
            users_primary_account: primary,
            account_admin: admin,
        }))
    }

    fn name_of(&mut self, account: &str) -> Result<Option<String>> {
        if let Some(name) = self.names.get(account) {
            return Ok(name.clone());
        }
        let sql = "select name from accounts where id = ?1 and removed_at is null";
        let name: Option<String> = self.r.maybe(sql, [account], |row| row.get(0))?;
        self.names.insert(account.to_owned(), name.clone());
        Ok(name)
    }

    /// What roles permit together.
    fn permissions_of(&mut self, roles: &[String]) -> Result<Permissions> {
        let mut all = Permissions::NONE;
        for (account, role) in self.account.iter().flat_map(|account| roles.iter().map(move |role| (account, role))) {
            if !self.roles.contains_key(role) {
                let permissions = roles::permissions_of(self.r, account, role)?.unwrap_or_default();
                self.roles.insert(role.clone(), permissions);
            }
            all = all.union(self.roles.get(role).copied().unwrap_or_default());
        }
        Ok(all)
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
            if !known && (!made_here || exists) {
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
