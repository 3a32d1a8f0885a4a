//! The rules of memberships once more, as plainly as they can be said: what must be, without how.

use std::collections::{BTreeMap, BTreeSet};

use rollcall::domain::memberships::KEPT;
use rollcall::domain::permissions::{Permission, Permissions, built_in};

pub const ACCOUNTS: [&str; 3] = ["2311", "2312", "2313"];
/// What the role `pilot` of each account permits.
pub const PILOT: [Permission; 3] = [Permission::UsersCreate, Permission::UsersRead, Permission::UsersSuspend];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Live,
    /// Since when.
    Removed(i64),
}

/// What somebody is in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub state: State,
    pub primary: bool,
    pub admin: bool,
    pub team: Option<i64>,
    pub roles: BTreeSet<String>,
    pub direct: Permissions,
    pub joined: i64,
    /// Who asked them to join, while they are pending.
    pub invited_by: Option<String>,
}

impl Place {
    fn of(role: &str, state: State, joined: i64) -> Self {
        let (roles, direct) = ([role.to_owned()].into(), Permissions::NONE);
        Self { state, primary: false, admin: false, team: None, roles, direct, joined, invited_by: None }
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
pub struct Person {
    pub email: String,
    pub active: bool,
    pub owner: bool,
}

pub type Account = &'static str;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub people: BTreeMap<i64, Person>,
    pub places: BTreeMap<(Account, i64), Place>,
    /// The largest id a person ever had: none is used again.
    pub last: i64,
    /// One team of each account.
    pub teams: BTreeMap<Account, i64>,
}

/// What somebody does; `i64` is whom they do it to.
#[derive(Clone, Debug)]
pub enum Step {
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
pub struct Grant {
    pub admin: Option<bool>,
    pub team: Option<Option<i64>>,
    pub roles: Option<Vec<String>>,
    pub direct: Option<Permissions>,
}

/// Why the model refuses; only that it does is compared.
pub type Verdict = std::result::Result<(), &'static str>;

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

    pub fn is_admin(&self, account: Account, id: i64) -> bool {
        self.people[&id].owner || self.lives(account, id) && self.places[&(account, id)].admin
    }

    pub fn may(&self, account: Account, id: i64) -> Permissions {
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
        check(roles == place.roles || may.includes(of_roles), "grants more than they hold")?;
        let direct = grant.direct.unwrap_or(place.direct);
        check(direct == place.direct || may.includes(direct), "grants more than they hold")?;
        (place.admin, place.team) = (admin, grant.team.unwrap_or(place.team));
        (place.roles, place.direct) = (roles, direct);
        self.guarded(id, |model| drop(model.places.insert((account, id), place)))
    }

    fn move_to(&mut self, account: Account, actor: i64, id: i64, to: Account, now: i64) -> Verdict {
        self.require(account, actor, Permission::UsersDelete)?;
        self.require_over(account, actor, id, false)?;
        check(self.places[&(account, id)].primary || self.people[&actor].owner, "not at home")?;
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
            (place.state, place.invited_by) = (State::Pending, Some(self.people[&actor].email.clone()));
            self.places.insert((account, id), place);
        } else {
            self.last += 1;
            let id = self.last;
            place.primary = true;
            self.people.insert(id, Person { email: email.into(), active: true, owner: false });
            self.places.insert((account, id), place);
        }
        Ok(())
    }

    /// Does a step, or says why not; then the model is to be thrown away.
    pub fn step(&mut self, actor: i64, account: Account, step: &Step, now: i64) -> Verdict {
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
                self.guarded(*id, |model| model.people.get_mut(id).unwrap().owner = *owner)?;
                self.forget_the_gone();
                Ok(())
            }
            Step::Accept => {
                let place = self.places.get(&own).ok_or("not invited")?.clone();
                check(!matches!(place.state, State::Removed(_)), "removed")?;
                if place.state == State::Pending {
                    check(self.still_given(account, &place), "outdated")?;
                    let joined = Place { state: State::Live, joined: now, invited_by: None, ..place };
                    self.places.insert(own, joined);
                    self.settle(actor);
                }
                Ok(())
            }
            Step::Leave => {
                let place = self.places.get(&own).ok_or("not there")?;
                check(!matches!(place.state, State::Removed(_)), "removed")?;
                self.take_out(account, actor, now)?;
                if self.places_of(actor).any(|(_, place)| place.primary) {
                    self.places.remove(&own);
                }
                Ok(())
            }
            Step::MakePrimary => {
                check(self.lives(account, actor), "not there")?;
                self.places.iter_mut().filter(|((_, id), _)| *id == actor).for_each(|(_, place)| place.primary = false);
                self.places.get_mut(&own).unwrap().primary = true;
                Ok(())
            }
        }
    }

    /// Whether who invited somebody could give them as much now.
    fn still_given(&self, account: Account, place: &Place) -> bool {
        let inviter = self.people.iter().find(|(_, person)| Some(&person.email) == place.invited_by.as_ref());
        let Some((id, person)) = inviter.filter(|(_, person)| person.active) else { return false };
        person.owner
            || self.lives(account, *id) && {
                let theirs = &self.places[&(account, *id)];
                theirs.admin || !place.admin && theirs.permissions().includes(place.permissions())
            }
    }

    pub fn purge(&mut self, now: i64) {
        let kept = i64::try_from(KEPT.as_millis()).unwrap();
        self.places.retain(|_, place| !matches!(place.state, State::Removed(at) if at <= now - kept));
        self.places.retain(|_, place| place.state != State::Pending || place.joined > now - kept);
        self.forget_the_gone();
    }

    /// Who is in no account at all, not even in its recycle bin, is gone for good.
    fn forget_the_gone(&mut self) {
        let there: BTreeSet<i64> = self.places.keys().map(|(_, id)| *id).collect();
        self.people.retain(|id, person| person.owner || there.contains(id));
    }

    /// Where the real thing differs.
    pub fn unlike(&self, real: &Self) -> String {
        let people = self.people.iter().filter(|(id, person)| real.people.get(id) != Some(person));
        let others = real.people.iter().filter(|(id, person)| self.people.get(id) != Some(person));
        let places = self.places.iter().filter(|(key, place)| real.places.get(key) != Some(place));
        let elsewhere = real.places.iter().filter(|(key, place)| self.places.get(key) != Some(place));
        let model = (people.collect::<Vec<_>>(), places.collect::<Vec<_>>());
        format!("model: {model:#?}\nreal: {:#?}", (others.collect::<Vec<_>>(), elsewhere.collect::<Vec<_>>()))
    }

    /// What must be true whatever happened.
    pub fn require_sound(&self) {
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
