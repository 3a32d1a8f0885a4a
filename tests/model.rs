//! A small model of who is what where, beside the real thing: after each random step both must say the same, and both must
//! have refused the same.

#![expect(clippy::print_stdout, reason = "a failing run says which seed it was")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use poem_openapi::types::MaybeUndefined;
use rollcall::Result;
use rollcall::db::Write;
use rollcall::domain::fields::{AccountId, EmailText};
use rollcall::domain::memberships::{self, KEPT, MembershipPatch};
use rollcall::domain::permissions::{Permission, Permissions, built_in};
use rollcall::domain::tokens::{self, Caller, Kind};
use rollcall::domain::users::NewUser;
use rollcall::domain::{accounts, roles, suspensions, teams, users};

use crate::calls::seeds;
use crate::support::{START, TestApp};

const ACCOUNTS: [&str; 3] = ["2311", "2312", "2313"];
const PILOT: [Permission; 3] = [Permission::UsersCreate, Permission::UsersRead, Permission::UsersSuspend];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Live,
    /// Since when.
    Removed(i64),
}

/// What somebody is in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    state: State,
    primary: bool,
    admin: bool,
    team: Option<i64>,
    roles: BTreeSet<String>,
    direct: Permissions,
    joined: i64,
}

impl Place {
    fn of(role: &str, state: State, joined: i64) -> Self {
        let (roles, direct) = ([role.to_owned()].into(), Permissions::NONE);
        Self { state, primary: false, admin: false, team: None, roles, direct, joined }
    }

    fn permissions(&self) -> Permissions {
        if self.admin {
            return Permissions::all();
        }
        self.roles.iter().fold(self.direct, |set, role| set.union(permits(role)))
    }
}

fn permits(role: &str) -> Permissions {
    built_in(role).map_or_else(|| PILOT.into_iter().collect(), |role| role.permissions())
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Person {
    email: String,
    active: bool,
    owner: bool,
}

type Account = &'static str;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    people: BTreeMap<i64, Person>,
    places: BTreeMap<(Account, i64), Place>,
    /// One team of each account.
    teams: BTreeMap<Account, i64>,
}

/// What somebody does; `i64` is whom they do it to.
#[derive(Clone, Debug)]
enum Step {
    Create(String),
    Remove(i64),
    Restore(i64),
    Suspend(i64),
    Reactivate(i64),
    Grant(i64, Grant),
    Move(i64, Account),
    Own(i64, bool),
    Accept,
    Leave,
    MakePrimary,
}

#[derive(Clone, Debug, Default)]
struct Grant {
    admin: Option<bool>,
    team: Option<Option<i64>>,
    roles: Option<Vec<String>>,
    direct: Option<Permissions>,
}

/// Why the model refuses; only that it does is compared.
type Verdict = std::result::Result<(), &'static str>;

fn check(holds: bool, why: &'static str) -> Verdict {
    if holds { Ok(()) } else { Err(why) }
}

impl Model {
    fn lives(&self, account: Account, id: i64) -> bool {
        self.places.get(&(account, id)).is_some_and(|place| place.state == State::Live)
    }

    fn places_of(&self, id: i64) -> impl Iterator<Item = (Account, &Place)> {
        self.places.iter().filter(move |((_, user), _)| *user == id).map(|((account, _), place)| (*account, place))
    }

    fn is_admin(&self, account: Account, id: i64) -> bool {
        self.people[&id].owner || self.lives(account, id) && self.places[&(account, id)].admin
    }

    fn may(&self, account: Account, id: i64) -> Permissions {
        match self.people[&id].owner {
            true => Permissions::all(),
            false if self.lives(account, id) => self.places[&(account, id)].permissions(),
            false => Permissions::NONE,
        }
    }

    fn require(&self, account: Account, actor: i64, permission: Permission) -> Verdict {
        check(self.may(account, actor).contains(permission), "no permission")
    }

    /// Nobody acts on somebody who may do more.
    fn require_over(&self, account: Account, actor: i64, id: i64, removed: bool) -> Verdict {
        let place = self.places.get(&(account, id)).ok_or("not there")?;
        check(matches!(place.state, State::Removed(_)) == removed, "removed or not")?;
        let owner = self.people[&id].owner && place.state != State::Pending;
        check(!owner || self.people[&actor].owner, "an owner")?;
        check(!place.admin || self.is_admin(account, actor), "an admin")?;
        check(owner || self.may(account, actor).includes(place.permissions()), "may more")
    }

    fn has_admin(&self, account: Account) -> bool {
        let leads = |(_, id): &&(Account, i64)| self.people[id].active && self.lives(account, *id);
        self.places.keys().filter(|(at, _)| *at == account).filter(leads).any(|key| self.places[key].admin)
    }

    /// A change to somebody must leave every account they led an admin, and the server an owner.
    fn guarded(&mut self, id: i64, change: impl FnOnce(&mut Self)) -> Verdict {
        let led: Vec<_> = self.places_of(id).filter(|(_, place)| place.admin && place.state == State::Live).collect();
        let led: Vec<_> = led.into_iter().map(|(account, _)| account).filter(|_| self.people[&id].active).collect();
        let owned = self.people[&id].owner && self.people[&id].active;
        change(self);
        check(led.into_iter().all(|account| self.has_admin(account)), "last admin")?;
        check(!owned || self.people.values().any(|person| person.owner && person.active), "last owner")
    }

    /// Everybody in an account has a primary one.
    fn settle(&mut self, id: i64) {
        if self.places_of(id).any(|(_, place)| place.primary) {
            return;
        }
        let live = self.places_of(id).filter(|(_, place)| place.state == State::Live);
        let first = live.min_by_key(|(account, place)| (place.joined, *account)).map(|(account, _)| account);
        if let Some(account) = first {
            self.places.get_mut(&(account, id)).unwrap().primary = true;
        }
    }

    fn take_out(&mut self, account: Account, id: i64, now: i64) -> Verdict {
        if self.places[&(account, id)].state == State::Pending {
            self.places.remove(&(account, id));
            self.forget_the_gone();
            return Ok(());
        }
        self.guarded(id, |model| {
            let place = model.places.get_mut(&(account, id)).unwrap();
            (place.state, place.primary) = (State::Removed(now), false);
        })?;
        self.settle(id);
        Ok(())
    }

    fn set_active(&mut self, account: Account, actor: i64, id: i64, active: bool) -> Verdict {
        self.require(account, actor, Permission::UsersSuspend)?;
        self.require_over(account, actor, id, false)?;
        let place = &self.places[&(account, id)];
        check(place.state == State::Live, "pending")?;
        check(place.primary || self.people[&actor].owner, "not at home")?;
        check(active || actor != id, "oneself")?;
        if self.people[&id].active == active {
            return Ok(());
        }
        self.guarded(id, |model| model.people.get_mut(&id).unwrap().active = active)
    }

    fn grant(&mut self, account: Account, actor: i64, id: i64, grant: &Grant) -> Verdict {
        self.require(account, actor, Permission::RolesAssign)?;
        self.require_over(account, actor, id, false)?;
        let (may, mut place) = (self.may(account, actor), self.places[&(account, id)].clone());
        let admin = grant.admin.unwrap_or(place.admin);
        check(admin == place.admin || self.is_admin(account, actor), "appoints an admin")?;
        let roles = grant.roles.clone().map_or(place.roles.clone(), |roles| roles.into_iter().collect());
        let of_roles = roles.iter().fold(Permissions::NONE, |set, role| set.union(permits(role)));
        check(roles == place.roles || may.includes(of_roles), "grants a role")?;
        let direct = grant.direct.unwrap_or(place.direct);
        check(direct == place.direct || may.includes(direct), "grants a permission")?;
        (place.admin, place.team) = (admin, grant.team.unwrap_or(place.team));
        (place.roles, place.direct) = (roles, direct);
        self.guarded(id, |model| drop(model.places.insert((account, id), place)))
    }

    fn move_to(&mut self, account: Account, actor: i64, id: i64, to: Account, now: i64) -> Verdict {
        self.require(account, actor, Permission::UsersDelete)?;
        self.require_over(account, actor, id, false)?;
        let needed = [Permission::UsersCreate, Permission::UsersRead].into_iter().collect();
        check(self.may(to, actor).includes(needed), "may not there")?;
        check(self.places[&(account, id)].state == State::Live, "pending")?;
        check(!self.places.contains_key(&(to, id)), "there already")?;
        self.guarded(id, |model| drop(model.places.remove(&(account, id))))?;
        self.places.insert((to, id), Place::of("member", State::Live, now));
        // Whoever has no primary account any more comes to the new one, which is where they were moved.
        if !self.places_of(id).any(|(_, place)| place.primary) {
            self.places.get_mut(&(to, id)).unwrap().primary = true;
        }
        Ok(())
    }

    fn create(&mut self, account: Account, actor: i64, email: &str, now: i64) -> Verdict {
        self.require(account, actor, Permission::UsersCreate)?;
        let mut place = Place::of("member", State::Live, now);
        if !self.may(account, actor).contains(Permission::UsersRead) {
            place.roles.clear();
        }
        if let Some(id) = self.people.iter().find(|(_, person)| person.email == email).map(|(id, _)| *id) {
            check(!self.places.contains_key(&(account, id)), "there already")?;
            place.state = State::Pending;
            self.places.insert((account, id), place);
        } else {
            let id = self.people.keys().max().unwrap() + 1;
            place.primary = true;
            self.people.insert(id, Person { email: email.into(), active: true, owner: false });
            self.places.insert((account, id), place);
        }
        Ok(())
    }

    /// Does a step, or says why not; then the model is to be thrown away.
    fn step(&mut self, actor: i64, account: Account, step: &Step, now: i64) -> Verdict {
        let person = &self.people[&actor];
        check(person.active, "suspended")?;
        let at_home = self.places_of(actor).any(|(_, place)| !matches!(place.state, State::Removed(_)));
        check(at_home || person.owner, "in no account")?;
        let own = (account, actor);
        match step {
            Step::Create(email) => self.create(account, actor, email, now),
            Step::Remove(id) => {
                self.require(account, actor, Permission::UsersDelete)?;
                self.require_over(account, actor, *id, false)?;
                self.take_out(account, *id, now)
            }
            Step::Restore(id) => {
                self.require(account, actor, Permission::UsersDelete)?;
                self.require_over(account, actor, *id, true)?;
                self.places.get_mut(&(account, *id)).unwrap().state = State::Live;
                self.settle(*id);
                Ok(())
            }
            Step::Suspend(id) => self.set_active(account, actor, *id, false),
            Step::Reactivate(id) => self.set_active(account, actor, *id, true),
            Step::Grant(id, grant) => self.grant(account, actor, *id, grant),
            Step::Move(id, to) => self.move_to(account, actor, *id, to, now),
            Step::Own(id, owner) => {
                check(self.people[&actor].owner, "no owner")?;
                check(!owner || self.places_of(*id).any(|(_, place)| place.primary), "in no account")?;
                self.guarded(*id, |model| model.people.get_mut(id).unwrap().owner = *owner)
            }
            Step::Accept => {
                let place = self.places.get_mut(&own).ok_or("not invited")?;
                check(!matches!(place.state, State::Removed(_)), "removed")?;
                if place.state == State::Pending {
                    (place.state, place.joined) = (State::Live, now);
                    self.settle(actor);
                }
                Ok(())
            }
            Step::Leave => {
                let place = self.places.get(&own).ok_or("not there")?;
                check(!matches!(place.state, State::Removed(_)), "removed")?;
                self.take_out(account, actor, now)
            }
            Step::MakePrimary => {
                check(self.lives(account, actor), "not there")?;
                self.places.iter_mut().filter(|((_, id), _)| *id == actor).for_each(|(_, place)| place.primary = false);
                self.places.get_mut(&own).unwrap().primary = true;
                Ok(())
            }
        }
    }

    fn purge(&mut self, now: i64) {
        let kept = i64::try_from(KEPT.as_millis()).unwrap();
        self.places.retain(|_, place| !matches!(place.state, State::Removed(at) if at <= now - kept));
        self.forget_the_gone();
    }

    /// Who is in no account at all, not even in its recycle bin, is gone for good.
    fn forget_the_gone(&mut self) {
        let there: BTreeSet<i64> = self.places.keys().map(|(_, id)| *id).collect();
        self.people.retain(|id, person| person.owner || there.contains(id));
    }

    /// Where the real thing differs.
    fn unlike(&self, real: &Self) -> String {
        let people = self.people.iter().filter(|(id, person)| real.people.get(id) != Some(person));
        let others = real.people.iter().filter(|(id, person)| self.people.get(id) != Some(person));
        let places = self.places.iter().filter(|(key, place)| real.places.get(key) != Some(place));
        let elsewhere = real.places.iter().filter(|(key, place)| self.places.get(key) != Some(place));
        let model = (people.collect::<Vec<_>>(), places.collect::<Vec<_>>());
        format!("model: {model:#?}\nreal: {:#?}", (others.collect::<Vec<_>>(), elsewhere.collect::<Vec<_>>()))
    }

    /// What must be true whatever happened.
    fn require_sound(&self) {
        assert!(self.people.values().any(|person| person.owner && person.active), "an active owner");
        for account in ACCOUNTS {
            assert!(self.has_admin(account), "{account} has an active admin");
        }
        for id in self.people.keys() {
            let live = self.places_of(*id).any(|(_, place)| place.state == State::Live);
            let primary = self.places_of(*id).filter(|(_, place)| place.primary).count();
            assert_eq!(primary, usize::from(live), "user {id} has one primary account, if they are in any");
        }
    }
}

/// The same from the database.
fn real(test: &TestApp, teams: &BTreeMap<Account, i64>) -> Model {
    test.query(|r| {
        let mut model = Model { teams: teams.clone(), ..Model::default() };
        let people = r.all("select id, email, active, owner from users", [], |row| {
            Ok((row.get(0)?, Person { email: row.get(1)?, active: row.get(2)?, owner: row.get(3)? }))
        })?;
        model.people.extend(people);
        let names = |table, column| {
            format!("(select coalesce(group_concat({column}), '') from {table} h where h.account_id = m.account_id and h.user_id = m.user_id)")
        };
        let sql = format!(
            "select m.account_id, m.user_id, invited_email is not null, removed_at, primary_account, account_admin, team_id,
                    joined_at, {}, {} from memberships m",
            names("membership_roles", "role"),
            names("membership_permissions", "permission")
        );
        let places: Vec<(String, i64, Place)> = r.all(&sql, [], |row| {
            let (roles, direct): (String, String) = (row.get(8)?, row.get(9)?);
            let state = match (row.get::<_, bool>(2)?, row.get(3)?) {
                (true, _) => State::Pending,
                (_, Some(at)) => State::Removed(at),
                _ => State::Live,
            };
            let place = Place {
                state,
                primary: row.get(4)?,
                admin: row.get(5)?,
                team: row.get(6)?,
                joined: row.get(7)?,
                roles: roles.split(',').filter(|role| !role.is_empty()).map(str::to_owned).collect(),
                direct: direct.split(',').filter_map(Permission::find).collect(),
            };
            Ok((row.get(0)?, row.get(1)?, place))
        })?;
        for (account, id, place) in places {
            let account = ACCOUNTS.into_iter().find(|known| *known == account).unwrap();
            model.places.insert((account, id), place);
        }
        Ok(model)
    })
}

/// Does the same step by the rules themselves.
fn really(test: &TestApp, actor: i64, account: Account, step: Step) -> Result<()> {
    test.app.db().write_here(move |w| {
        let claims = tokens::issue(w, Kind::ApiKey, Some(actor), Duration::from_secs(60))?;
        let here: AccountId = account.parse().unwrap();
        let own = matches!(step, Step::Accept | Step::Leave | Step::MakePrimary);
        let caller = Caller { claims: Some(claims), account: (!own).then(|| here.clone()), ..Caller::default() };
        let actor = tokens::identify(w, &caller)?;
        w.acting_as(actor);
        take(w, &here, step)
    })
}

fn take(w: &mut Write, here: &AccountId, step: Step) -> Result<()> {
    match step {
        Step::Create(email) => users::create(w, NewUser { email: EmailText(email), ..NewUser::default() }).map(drop),
        Step::Remove(id) => memberships::delete(w, id),
        Step::Restore(id) => memberships::restore(w, id).map(drop),
        Step::Suspend(id) => suspensions::create(w, id).map(drop),
        Step::Reactivate(id) => suspensions::delete(w, id).map(drop),
        Step::Grant(id, grant) => {
            let team_id = match grant.team {
                None => MaybeUndefined::Undefined,
                Some(None) => MaybeUndefined::Null,
                Some(Some(id)) => MaybeUndefined::Value(id),
            };
            let permissions = grant.direct.map(Permissions::names);
            let patch = MembershipPatch { account_admin: grant.admin, roles: grant.roles, permissions, team_id };
            memberships::update(w, id, patch).map(drop)
        }
        Step::Move(id, to) => memberships::move_to(w, id, &to.parse().unwrap()),
        Step::Own(id, owner) => suspensions::set_owner(w, id, owner),
        Step::Accept => memberships::accept(w, here).map(drop),
        Step::Leave => memberships::leave(w, here),
        Step::MakePrimary => memberships::make_primary(w, here).map(drop),
    }
}

/// Somebody who may do something there, or somebody who may do everything, or anybody.
fn any_actor(random: &mut Rng, model: &Model, account: Account) -> i64 {
    let people: Vec<_> = model.people.keys().copied().collect();
    let some = |id: &i64| model.people[id].active && (2..12).contains(&model.may(account, *id).iter().count());
    let who: Vec<_> = match random.u8(..5) {
        0 => people.clone(),
        1..4 => people.iter().copied().filter(some).collect(),
        _ => people.iter().copied().filter(|id| model.people[id].active && model.is_admin(account, *id)).collect(),
    };
    random.choice(who).unwrap_or(people[0])
}

fn any_step(random: &mut Rng, model: &Model, account: Account) -> Step {
    let people: Vec<_> = model.people.keys().copied().collect();
    let here = |removed: bool| {
        let there = |((at, _), place): &(&(Account, i64), &Place)| {
            *at == account && matches!(place.state, State::Removed(_)) == removed
        };
        model.places.iter().filter(there).map(|((_, id), _)| *id).collect::<Vec<_>>()
    };
    let anybody = *random.choice(&people).unwrap();
    let mut of = |ids: Vec<i64>| match random.choice(&ids) {
        Some(id) if random.u8(..8) > 0 => *id,
        _ => anybody,
    };
    let (id, removed) = (of(here(false)), of(here(true)));
    match random.u8(..30) {
        0 => Step::Create(format!("p{}@example.com", random.u32(..))),
        1..3 => Step::Create(model.people[&anybody].email.clone()),
        3..5 => Step::Remove(id),
        5..8 => Step::Restore(removed),
        8..10 => Step::Suspend(id),
        10..12 => Step::Reactivate(id),
        12..21 => Step::Grant(id, any_grant(random, model.teams[account])),
        21..23 => Step::Move(id, random.choice(ACCOUNTS).unwrap()),
        23..26 if random.bool() => Step::Own(*people.iter().find(|id| model.people[id].owner).unwrap(), false),
        23..26 => Step::Own(id, random.u8(..3) == 0),
        26 => Step::MakePrimary,
        27..29 => Step::Accept,
        _ => Step::Leave,
    }
}

fn any_grant(random: &mut Rng, team: i64) -> Grant {
    let roles = ["admin", "member", "pilot"].map(str::to_owned);
    Grant {
        admin: (random.u8(..4) == 0).then(|| random.bool()),
        team: (random.u8(..4) == 0).then(|| random.bool().then_some(team)),
        roles: random.bool().then(|| roles.into_iter().filter(|_| random.u8(..3) == 0).collect()),
        direct: random.bool().then(|| Permission::ALL.iter().copied().filter(|_| random.u8(..6) == 0).collect()),
    }
}

/// Ada the owner, three accounts with a team and a role each, and a few people with an admin among them.
fn begin() -> (TestApp, Model) {
    let test = TestApp::new();
    let mut teams = BTreeMap::new();
    for account in ACCOUNTS {
        let team = test.app.db().write_here(move |w| {
            let id: AccountId = account.parse().unwrap();
            if account != ACCOUNTS[0] {
                accounts::create(w, Some(id.clone()), "Other")?;
            }
            let actor = accounts::at_shell(w, Some(&id))?;
            w.acting_as(actor);
            let permissions = PILOT.iter().map(|permission| permission.name().to_owned()).collect();
            roles::create(w, roles::NewRole { name: "pilot".into(), permissions })?;
            for n in 0..4 {
                let email = EmailText(format!("p{n}.{account}@example.com"));
                let roles = (n < 2).then(|| vec!["admin".into()]);
                // Somebody who may give away some things, and only those.
                let names = ["users.create", "users.suspend", "users.delete", "roles.assign"];
                let permissions = (n == 2).then(|| names.map(str::to_owned).to_vec());
                let account_admin = Some(n == 0);
                users::create(w, NewUser { email, roles, permissions, account_admin, ..NewUser::default() })?;
            }
            teams::create(w, teams::NewTeam { name: "Crew".into() })
        });
        teams.insert(account, team.unwrap().id);
    }
    let model = real(&test, &teams);
    (test, model)
}

#[test]
fn the_rules_are_those_of_the_model() {
    let (mut done, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for seed in seeds(5) {
        println!("seed {seed}");
        let (test, mut model) = begin();
        let mut random = Rng::with_seed(seed);
        let mut now = START;
        for n in 0..300 {
            let time = Duration::from_secs(if n % 100 == 99 { 16 * 24 * 3600 } else { 1 });
            test.advance(time);
            now += i64::try_from(time.as_millis()).unwrap();
            if n % 20 == 0 {
                test.app.db().write_here(|w| memberships::purge(w, 1000)).unwrap();
                model.purge(now);
            }
            let account = random.choice(ACCOUNTS).unwrap();
            let invited = model.places.iter().find(|((at, _), place)| *at == account && place.state == State::Pending);
            let (actor, step) = match invited {
                Some(((_, id), _)) if random.u8(..8) == 0 => (*id, Step::Accept),
                _ => (any_actor(&mut random, &model, account), any_step(&mut random, &model, account)),
            };
            let mut after = model.clone();
            let verdict = after.step(actor, account, &step, now);
            let result = really(&test, actor, account, step.clone());
            let told = || format!("{n}: user {actor} in {account}: {step:?}\nmodel: {verdict:?}\nreal: {result:?}");
            assert_eq!(verdict.is_ok(), result.is_ok(), "{}", told());
            match verdict {
                Ok(()) => model = after,
                Err(why) => *refused.entry(why).or_insert(0) += 1,
            }
            let kind = format!("{step:?}").split('(').next().unwrap().to_owned();
            *done.entry(kind).or_insert(0) += i32::from(verdict.is_ok());
            let real = real(&test, &model.teams);
            assert!(model == real, "{}\n{}", told(), model.unlike(&real));
            model.require_sound();
        }
    }
    // Each step was taken, and each reason was met.
    assert_eq!(done.values().filter(|times| **times > 0).count(), 11, "{done:?}");
    for why in [
        "last admin",
        "last owner",
        "may more",
        "an admin",
        "an owner",
        "grants a role",
        "not at home",
        "in no account",
    ] {
        assert!(refused.contains_key(why), "{why} was never the reason: {refused:?}");
    }
}
