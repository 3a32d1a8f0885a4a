//! What must hold whatever is called in whatever order: accounts keep to themselves, and nobody comes to more than they
//! were given.

#![expect(clippy::print_stdout, reason = "a failing run says which seed it was")]

use std::collections::{BTreeMap, BTreeSet};

use rollcall::domain::memberships::Place;
use rollcall::domain::permissions::{Permission, Permissions};

use crate::calls::{ACCOUNTS, Called, Caller, World, permissions_of, seeds};

/// Every mark in a text; a sealed token may look like anything.
fn marks(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    let plain = words.filter(|word| !word.starts_with("v4.local.")).flat_map(|word| word.split(['.', '_', '-']));
    plain
        .filter(|word| word.ends_with('x') && (word.starts_with("zp") || word.starts_with("zq")))
        .map(str::to_owned)
        .collect()
}

/// What may be known where, as far as it has come.
#[derive(Default)]
struct Known {
    /// Whose mark it is or was.
    owners: BTreeMap<String, BTreeSet<i64>>,
    /// Who was ever in an account.
    people: BTreeMap<String, BTreeSet<i64>>,
}

impl Known {
    fn update(&mut self, world: &World) {
        let emails: Vec<(i64, String)> =
            world.test.query(|r| r.all("select id, email from users", [], |row| Ok((row.get(0)?, row.get(1)?))));
        for (id, email) in emails {
            for mark in marks(&email) {
                self.owners.entry(mark).or_default().insert(id);
            }
        }
        let places: Vec<(String, i64)> = world
            .test
            .query(|r| r.all("select account_id, user_id from memberships", [], |row| Ok((row.get(0)?, row.get(1)?))));
        for (account, id) in places {
            self.people.entry(account).or_default().insert(id);
        }
    }

    /// Whether a caller who is in these accounts, and was invited by those people, may come across a mark.
    fn may(
        &self,
        mark: &str,
        caller: &Caller,
        accounts: &BTreeSet<String>,
        inside: &BTreeSet<String>,
        inviters: &str,
    ) -> bool {
        if mark.starts_with("zq") {
            return accounts.contains(mark);
        }
        let nobody = BTreeSet::new();
        let owners = self.owners.get(mark).unwrap_or(&nobody);
        let met = |account: &String| self.people.get(account).is_some_and(|people| !people.is_disjoint(owners));
        owners.contains(&caller.user_id) || inviters.contains(mark) || inside.iter().any(met)
    }
}

/// The accounts a caller is in, and who invited them to others.
fn inside(world: &World, caller: &Caller) -> (BTreeSet<String>, String) {
    let sql = "select account_id, invited_by from memberships where user_id = ?1 and removed_at is null";
    let rows: Vec<(String, Option<String>)> =
        world.test.query(|r| r.all(sql, [caller.user_id], |row| Ok((row.get(0)?, row.get(1)?))));
    let mut inviters: String = rows.iter().filter_map(|(_, by)| by.clone()).collect();
    // Everybody may know who made and changed their own profile.
    let sql = "select created_by || ' ' || updated_by from users where id = ?1";
    inviters +=
        &world.test.query(|r| r.maybe(sql, [caller.user_id], |row| row.get::<_, String>(0))).unwrap_or_default();
    let here = |account: &String| caller.only_in.as_ref().is_none_or(|only| only == account);
    (rows.into_iter().filter(|(_, by)| by.is_none()).map(|(account, _)| account).filter(here).collect(), inviters)
}

async fn step(world: &mut World, known: &mut Known) {
    if world.random.u8(..4) == 0 {
        // Somebody comes back with a token, whatever became of them.
        let people: Vec<_> = ACCOUNTS.iter().flat_map(|account| &known.people[*account]).copied().collect();
        let id = world.random.choice(people).unwrap();
        world.call_as(id);
    }
    // Now and then all of them are gone for good.
    let Some(caller) = world.random.choice(&world.callers.clone()).cloned() else { return };
    let mut accounts: BTreeSet<_> = world.accounts_of(&caller).into_iter().collect();
    let (mut members_of, mut inviters) = inside(world, &caller);
    let Called { operation, sent, answer } = world.call(&caller).await;
    known.update(world);
    accounts.extend(world.accounts_of(&caller));
    let (after, invited) = inside(world, &caller);
    members_of.extend(after);
    inviters += &invited;
    if answer.status == 401 {
        world.callers.retain(|known| known.token != caller.token);
    }
    let said = marks(&sent);
    for mark in marks(&answer.text).difference(&said) {
        assert!(
            known.may(mark, &caller, &accounts, &members_of, &inviters),
            "{mark} is told to user {} of {accounts:?} by {operation} {sent}: {}",
            caller.user_id,
            answer.text
        );
    }
}

/// Goes on until everything was done at least once, which takes a few seeds more if chance will have it so.
#[tokio::test]
async fn nothing_of_one_account_shows_in_another() {
    let only_owners = ["createAccount", "makeOwner", "restoreAccount", "unmakeOwner"];
    let seeds = seeds(5);
    let mut done = BTreeSet::new();
    let mut never = BTreeSet::new();
    for seed in 1..=seeds.end() + 20 {
        if !seeds.contains(&seed) && never.iter().eq(&only_owners) {
            break;
        }
        println!("seed {seed}");
        let mut world = World::new(seed).await;
        let mut known = Known::default();
        known.update(&world);
        for _ in 0..550 {
            step(&mut world, &mut known).await;
        }
        done.append(&mut world.done);
        never = world.operations.into_iter().map(|operation| operation.id).filter(|id| !done.contains(id)).collect();
    }
    assert!(never.iter().eq(&only_owners), "operations that nobody managed to call: {never:?}");
}

/// People who are no admins help each other as they can: with everything they are given and whatever token they get.
#[tokio::test]
async fn nobody_comes_to_more_than_they_were_given() {
    for seed in seeds(6) {
        println!("seed {seed}");
        let mut world = World::new(seed).await;
        let account = ACCOUNTS[0];
        let admins: Vec<i64> = world.callers.iter().take(2).map(|caller| caller.user_id).collect();
        world.callers.clear();
        let mut given = Permissions::NONE;
        for _ in 0..3 {
            let direct: Permissions = Permission::ALL.iter().copied().filter(|_| world.random.bool()).collect();
            // What an admin has and nobody of them: they must never get it.
            let direct = direct.without([Permission::AccountDelete, Permission::EventsRead].into_iter().collect());
            world.member(account, Place { permissions: direct, ..Place::default() });
            given = given.union(direct);
        }
        for _ in 0..250 {
            let caller = world.random.choice(&world.callers.clone()).unwrap().clone();
            let Called { operation, sent, answer } = world.call(&caller).await;
            let who = |id| format!("user {id} after {operation} {sent} by {}: {}", caller.user_id, answer.text);
            let helpers: BTreeSet<i64> = world.callers.iter().map(|caller| caller.user_id).collect();
            for id in helpers {
                assert!(given.includes(permissions_of(&world.test, account, id)), "{}", who(id));
                for elsewhere in &ACCOUNTS[1..] {
                    assert!(permissions_of(&world.test, elsewhere, id).is_empty(), "{}", who(id));
                }
            }
            for id in &admins {
                assert_eq!(
                    permissions_of(&world.test, account, *id).iter().count(),
                    11 + usize::from(*id == admins[0]),
                    "{}",
                    who(*id)
                );
            }
            let sql = "select count(*) from users where owner or not active and id in (?1, ?2)";
            let owners: i64 = world.test.query(|r| r.value(sql, [admins[0], admins[1]]));
            assert_eq!(owners, 1, "{}", who(0));
        }
    }
}
