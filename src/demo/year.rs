//! What happens in the demo, in the order of its time: people join, and now and then something happens to one of them.

use std::collections::BTreeMap;

use fastrand::Rng;
use poem_openapi::types::MaybeUndefined;

use super::OWNER;
use super::names::{FIRMS, Firm, ROLES};
use super::people::People;
use crate::clock::Timestamp;
use crate::db::{Read, Write};
use crate::domain::accounts;
use crate::domain::actor::{ActingIn, Actor, Trace};
use crate::domain::api_keys::{self, NewApiKey};
use crate::domain::fields::EmailText;
use crate::domain::memberships::{self, MembershipPatch};
use crate::domain::permissions::Permissions;
use crate::domain::roles::{self, NewRole};
use crate::domain::setup::{self, FirstOwner};
use crate::domain::teams::{self, NewTeam, TeamPatch};
use crate::domain::users::{self, NewUser, ProfilePatch};
use crate::domain::{sessions, suspensions};
use crate::error::{Error, Result};

const DAY: i64 = 24 * 3600 * 1000;
/// How far back the first person joined.
const SPAN: i64 = 400 * DAY;

/// Somebody by whom, or to whom, things are done.
#[derive(Clone)]
struct Someone {
    id: i64,
    email: String,
    name: Option<String>,
}

impl Someone {
    fn find(r: &Read, id: i64) -> Result<Self> {
        let sql = "select email, name from users where id = ?1";
        let found = r.maybe(sql, [id], |row| Ok(Self { id, email: row.get(0)?, name: row.get(1)? }))?;
        found.ok_or_else(|| Error::internal("somebody of the demo who is gone"))
    }
}

/// An account and those who look after it.
struct Place {
    firm: &'static Firm,
    account: ActingIn,
    teams: Vec<i64>,
    admins: Vec<Someone>,
}

/// Something that is yet to happen to somebody.
enum Act {
    Suspend,
    Reactivate,
    Remove,
    /// To the account of that index.
    Invite(usize),
    Accept(usize),
    NewPhone,
    Promote,
    ChangeTeam,
    SignIn,
}

pub struct Year {
    random: Rng,
    people: People,
    owner: Someone,
    places: Vec<Place>,
    /// To whom, by their ID, and in which place; by time, then by number. There are many, so they are small.
    later: BTreeMap<(i64, u32), (i64, usize, Act)>,
    count: u32,
    joined: u32,
    end: i64,
}

impl Year {
    /// Makes the accounts, as long ago as it all began.
    pub fn begin(w: &mut Write, count: u32) -> Result<Self> {
        let end = w.now.0;
        w.now = Timestamp(end - SPAN);
        let owner = FirstOwner {
            email: OWNER.into(),
            name: "Ada Lovelace".into(),
            account_id: Some(FIRMS[0].id.parse().map_err(Error::Internal)?),
            account_name: FIRMS[0].name.into(),
            password_hash: None,
        };
        let id = setup::create(w, owner)?;
        let owner = Someone { id, email: OWNER.into(), name: Some("Ada Lovelace".into()) };
        let mut year = Self {
            random: Rng::with_seed(2311),
            people: People::new(),
            owner,
            places: Vec::new(),
            later: BTreeMap::new(),
            count,
            joined: 0,
            end,
        };
        for firm in FIRMS {
            let place = year.found(w, firm)?;
            year.places.push(place);
        }
        Ok(year)
    }

    fn found(&mut self, w: &mut Write, firm: &'static Firm) -> Result<Place> {
        let account = ActingIn { id: firm.id.parse().map_err(Error::Internal)?, name: firm.name.into() };
        let actor = self.actor(None, &account);
        w.acting_as(actor);
        if firm.id != FIRMS[0].id {
            accounts::create(w, Some(account.id.clone()), firm.name)?;
        }
        let made = firm.teams.iter().map(|name| Ok(teams::create(w, NewTeam { name: (*name).into() })?.id));
        let teams = made.collect::<Result<_>>()?;
        for (name, permissions) in ROLES {
            let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
            roles::create(w, NewRole { name: (*name).into(), permissions })?;
        }
        Ok(Place { firm, account, teams, admins: Vec::new() })
    }

    /// Up to `most` people join, and what is due between them happens.
    pub fn go_on(&mut self, w: &mut Write, most: u32) -> Result<()> {
        for _ in 0..most.min(self.count - self.joined) {
            let now = self.end - SPAN + SPAN / i64::from(self.count) * i64::from(self.joined);
            self.catch_up(w, now)?;
            w.now = Timestamp(now);
            self.join(w)?;
            self.joined += 1;
        }
        Ok(())
    }

    /// What is left to happen, and what the owner did of late.
    pub fn end(&mut self, w: &mut Write) -> Result<()> {
        self.catch_up(w, self.end - DAY)?;
        w.now = Timestamp(self.end - DAY);
        let actor = self.actor(None, &self.places[0].account.clone());
        w.acting_as(actor);
        if let [.., last] = self.places[0].teams[..] {
            teams::update(w, last, TeamPatch { active: Some(false), ..TeamPatch::default() }, None)?;
        }
        let keys: [(&str, Option<&[&str]>); 2] = [("Payroll export", Some(&["users.read"])), ("Website sign-up", None)];
        for (name, permissions) in keys {
            let permissions = permissions.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            api_keys::create(
                w,
                NewApiKey { name: name.into(), expires_at: Timestamp(self.end + 365 * DAY), permissions },
            )?;
        }
        self.catch_up(w, self.end)
    }

    /// Somebody's place to act in an account, or the owner's.
    fn actor(&mut self, someone: Option<&Someone>, account: &ActingIn) -> Actor {
        let owner = someone.is_none();
        let Someone { id, email, name } = someone.unwrap_or(&self.owner).clone();
        let trace = Trace {
            request_id: format!("{:032x}", self.random.u128(..)),
            address: Some(format!("198.51.100.{}", 1 + id % 250)),
            device: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into()),
        };
        let (user_id, email) = (Some(id), Some(email));
        let nobody = Actor { user_id, email, name, owner, trace, ..Actor::nobody() };
        Actor { permissions: Permissions::all(), admin: true, ..nobody }.within(account.clone())
    }

    /// One of those who look after an account, or the owner as long as there is nobody.
    fn admin_of(&mut self, place: usize) -> Actor {
        let Place { admins, account, .. } = &self.places[place];
        let (admin, account) = (self.random.choice(admins).cloned(), account.clone());
        self.actor(admin.as_ref(), &account)
    }

    fn join(&mut self, w: &mut Write) -> Result<()> {
        let random = &mut self.random;
        let at = if random.bool() { 0 } else { random.usize(1..self.places.len()) };
        let Place { firm, teams, admins, .. } = &self.places[at];
        let first = admins.is_empty();
        let mut new = self.people.next(random, firm.id, firm.domain);
        new.team_id = (random.u8(..10) < 8).then(|| teams[random.usize(..teams.len())]);
        (new.roles, new.permissions) = self.roles();
        if first || self.joined % 60 == 59 {
            (new.account_admin, new.roles) = (Some(true), Some(vec!["admin".into()]));
        }
        let name = new.name.clone();
        let actor = self.admin_of(at);
        w.acting_as(actor);
        let admin = new.account_admin == Some(true);
        let (user, _) = users::create(w, new)?;
        if admin {
            self.places[at].admins.push(Someone { id: user.id, email: user.email.0, name });
        } else {
            self.foresee(user.id, at, w.now.0);
        }
        Ok(())
    }

    /// Most are members; some look after people, some read what happened, a few may a little more than their role says.
    fn roles(&self) -> (Option<Vec<String>>, Option<Vec<String>>) {
        let named = |roles: &[&str]| Some(roles.iter().map(|role| (*role).to_owned()).collect());
        match self.joined % 30 {
            3 => (named(&["admin"]), None),
            9 => (named(&["member", "people-partner"]), None),
            12 | 27 => (named(&["member", "lead-reader"]), None),
            22 => (None, named(&["events.read"])),
            _ => (None, None),
        }
    }

    /// What will happen to somebody who has just joined.
    fn foresee(&mut self, id: i64, at: usize, joined: i64) {
        let elsewhere = (at + 1 + self.random.usize(..self.places.len() - 1)) % self.places.len();
        let (end, number) = (self.end, self.joined);
        let mut some_time = |from: i64| self.random.i64(joined.max(from) + 1..end - 1);
        let (any, late) = (some_time(0), some_time(end - 20 * DAY));
        let acts = match number % 24 {
            5 => vec![(any, Act::Suspend)],
            17 => vec![(any, Act::Suspend), (any + (end - any) / 20, Act::Reactivate)],
            7 | 19 => vec![(late, Act::Remove)],
            4 => vec![(any, Act::Invite(elsewhere)), (any + (end - any) / 30, Act::Accept(elsewhere))],
            13 => vec![(late, Act::Invite(elsewhere))],
            2 | 14 => vec![(any, Act::NewPhone)],
            6 => vec![(any, Act::Promote)],
            10 => vec![(any, Act::ChangeTeam)],
            0 | 8 | 16 | 20 => vec![(some_time(end - 13 * DAY), Act::SignIn)],
            _ => Vec::new(),
        };
        for (time, act) in acts {
            self.later.insert((time, number), (id, at, act));
        }
    }

    fn catch_up(&mut self, w: &mut Write, now: i64) -> Result<()> {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((time, _), (id, at, act)) = entry.remove_entry();
            w.now = Timestamp(time);
            let actor = self.admin_of(at);
            w.acting_as(actor);
            self.happen(w, id, at, act)?;
        }
        Ok(())
    }

    fn happen(&mut self, w: &mut Write, id: i64, at: usize, act: Act) -> Result<()> {
        match act {
            Act::Suspend => suspensions::create(w, id).map(drop),
            Act::Reactivate => suspensions::delete(w, id).map(drop),
            Act::Remove => memberships::delete(w, id),
            Act::Invite(to) => {
                let actor = self.admin_of(to);
                w.acting_as(actor);
                let new = NewUser { email: EmailText(Someone::find(w, id)?.email), ..NewUser::default() };
                users::create(w, new).map(drop)
            }
            Act::Accept(to) => {
                let account = self.places[to].account.clone();
                let actor = self.actor(Some(&Someone::find(w, id)?), &account);
                w.acting_as(actor);
                memberships::accept(w, &account.id).map(drop)
            }
            Act::NewPhone => {
                let phone = MaybeUndefined::Value(format!("+44 20 7946 0{:03}", self.random.u16(..1000)));
                users::update(w, id, &ProfilePatch { phone, ..ProfilePatch::default() }, None).map(drop)
            }
            Act::Promote => {
                let roles = Some(vec!["member".into(), "people-partner".into()]);
                memberships::update(w, id, MembershipPatch { roles, ..MembershipPatch::default() }, None).map(drop)
            }
            Act::ChangeTeam => {
                let team_id = MaybeUndefined::Value(self.places[at].teams[self.random.usize(..4)]);
                memberships::update(w, id, MembershipPatch { team_id, ..MembershipPatch::default() }, None).map(drop)
            }
            Act::SignIn => {
                let account = self.places[at].account.clone();
                let trace = self.actor(Some(&Someone::find(w, id)?), &account).trace;
                w.acting_as(Actor { trace, ..Actor::nobody() });
                sessions::create(w, id).map(drop)
            }
        }
    }
}
