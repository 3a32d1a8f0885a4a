//! A small model of who is what where, beside the real thing: after each random step both must say the same, and both must
//! have refused the same.

#![expect(clippy::print_stdout, reason = "a failing run says which seed it was")]

mod rules;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use poem_openapi::types::MaybeUndefined;
use rollcall::Result;
use rollcall::db::Write;
use rollcall::domain::fields::{AccountId, EmailText};
use rollcall::domain::memberships::{self, MembershipPatch};
use rollcall::domain::permissions::{Permission, Permissions};
use rollcall::domain::tokens::{self, Caller, Kind};
use rollcall::domain::users::NewUser;
use rollcall::domain::{accounts, roles, suspensions, teams, users};

use crate::calls::seeds;
use crate::support::{START, TestApp};
use rules::{ACCOUNTS, Account, Grant, Model, PILOT, Person, Place, State, Step};

/// The same from the database.
fn real(test: &TestApp, teams: &BTreeMap<Account, i64>) -> Model {
    test.query(|r| {
        let last = r.value("select seq from sqlite_sequence where name = 'users'", [])?;
        let mut model = Model { teams: teams.clone(), last, ..Model::default() };
        let people = r.all("select id, email, active, owner from users", [], |row| {
            Ok((row.get(0)?, Person { email: row.get(1)?, active: row.get(2)?, owner: row.get(3)? }))
        })?;
        model.people.extend(people);
        let sql = "select account_id, user_id, invited_email is not null, removed_at, primary_account, account_admin, team_id,
                          joined_at, roles, permissions, invited_by,
                          (select json_group_array(role) from
                             (select role from role_holders h
                               where h.account_id = m.account_id and h.user_id = m.user_id order by role))
                     from memberships m";
        let places: Vec<(String, i64, Place)> = r.all(sql, [], |row| {
            let (roles, found_by): (String, String) = (row.get(8)?, row.get(11)?);
            assert_eq!(roles, found_by, "who holds a role is found by it");
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
                roles: serde_json::from_str(&roles).unwrap(),
                direct: row.get::<_, Option<_>>(9)?.unwrap_or_default(),
                invited_by: row.get(10)?,
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
            memberships::update(w, id, patch, None).map(drop)
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
        test.require_sound();
    }
    // Each step was taken, and each reason was met.
    assert_eq!(done.values().filter(|times| **times > 0).count(), 11, "{done:?}");
    for why in [
        "last admin",
        "last owner",
        "may more",
        "an admin",
        "an owner",
        "grants more than they hold",
        "not at home",
        "in no account",
    ] {
        assert!(refused.contains_key(why), "{why} was never the reason: {refused:?}");
    }
}
