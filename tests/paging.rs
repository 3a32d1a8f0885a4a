//! Walking a list page by page while others come, change and go: whoever was there all the time is met exactly once.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use rollcall::Result;
use rollcall::db::{Read, Write};
use rollcall::domain::events::{self, NewEvent};
use rollcall::domain::fields::EmailText;
use rollcall::domain::pulse::PulseEvent;
use rollcall::domain::users::{self, Cursor, Filter, Limit, NewUser, Page, ProfilePatch, Sort, SortBy};
use rollcall::domain::{accounts, memberships};

use crate::support::TestApp;

const STEADY: usize = 40;

/// An account whose steady people are looked for while the others move.
struct Crowd {
    test: TestApp,
    random: Rng,
    steady: Vec<i64>,
    others: Vec<i64>,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let (test, random) = (TestApp::new(), Rng::with_seed(seed));
        let mut crowd = Self { test, random, steady: Vec::new(), others: Vec::new() };
        for n in 0..2 * STEADY {
            let id = crowd.somebody();
            if n % 2 == 0 { crowd.steady.push(id) } else { crowd.others.push(id) }
        }
        crowd
    }

    fn write<T: Send + 'static>(&self, f: impl FnOnce(&mut Write) -> Result<T> + Clone + Send + 'static) -> T {
        self.test.advance(Duration::from_millis(1));
        let shell = move |w: &mut Write| {
            let actor = accounts::at_shell(w, None)?;
            w.acting_as(actor);
            f(w)
        };
        self.test.app.db().write_here(shell).unwrap()
    }

    fn read<T>(&self, f: impl FnOnce(&Read) -> Result<T>) -> T {
        let shell = |r: &mut Read| {
            let actor = accounts::at_shell(r, None)?;
            r.acting_as(actor);
            f(r)
        };
        self.test.app.db().read(shell).unwrap()
    }

    /// Somebody new, at a place of the list that nobody can tell; several share a name.
    fn somebody(&mut self) -> i64 {
        let (email, name) = (format!("{:06}@example.com", self.random.u32(..1_000_000)), self.random.u8(..12));
        let new = NewUser { email: EmailText(email), name: Some(format!("Name {name}")), ..NewUser::default() };
        self.write(|w| Ok(users::create(w, new)?.0.id))
    }

    /// Some come, some go, some come back, some change; never one of the steady.
    fn move_others(&mut self) {
        for _ in 0..6 {
            let id = *self.random.choice(&self.others).unwrap();
            match self.random.u8(..4) {
                0 => {
                    let id = self.somebody();
                    self.others.push(id);
                }
                1 => self.write(move |w| memberships::delete(w, id).or(Ok(()))),
                2 => self.write(move |w| memberships::restore(w, id).map(drop).or(Ok(()))),
                _ => {
                    let name = format!("Name {}", self.random.u8(..12)).into();
                    let patch = ProfilePatch { name, ..ProfilePatch::default() };
                    self.write(move |w| users::update(w, id, &patch, None).map(drop).or(Ok(())));
                }
            }
        }
    }

    /// Walks from page to page by `turn`; who was met, how often.
    fn walk(&mut self, mut filter: Filter, turn: fn(&Page) -> Option<Cursor>) -> (BTreeMap<i64, usize>, Filter) {
        let mut met = BTreeMap::new();
        loop {
            let page = self.read(|r| users::list(r, &filter));
            page.items.iter().for_each(|user| *met.entry(user.id).or_default() += 1);
            self.move_others();
            match turn(&page) {
                Some(cursor) => filter.cursor = Some(cursor),
                None => return (met, filter),
            }
        }
    }

    fn require_all(&self, met: &BTreeMap<i64, usize>, sort: Sort) {
        for id in &self.steady {
            assert_eq!(met.get(id), Some(&1), "user {id} by {sort}");
        }
    }
}

#[test]
fn nobody_is_missed_or_met_twice_while_others_come_and_go() {
    let mut crowd = Crowd::new(7);
    for by in SortBy::ALL {
        for descending in [false, true] {
            let sort = Sort { by, descending };
            let first = Filter { sort, limit: Limit(9), ..Filter::default() };
            let (met, last) = crowd.walk(first.clone(), |page| page.next.clone());
            crowd.require_all(&met, sort);
            // Only what it is sorted by can bring somebody before the reader again: who moved, never who stayed.
            let may_move = matches!(by, SortBy::Name | SortBy::UpdatedAt);
            assert!(may_move || met.values().all(|times| *times == 1), "by {sort}: {met:?}");

            let rest = crowd.read(|r| users::list(r, &last)).items.into_iter().map(|user| (user.id, 1));
            let (mut back, _) = crowd.walk(last.clone(), |page| page.previous.clone());
            back.extend(rest);
            crowd.require_all(&back, sort);
        }
    }
}

#[test]
fn no_event_is_missed_while_more_happens() {
    let mut crowd = Crowd::new(8);
    let mut filter = events::Filter { limit: events::Limit(7), ..events::Filter::default() };
    let before: Vec<i64> = crowd.read(|r| events::export(r, &filter, 0, 10_000)).iter().map(|event| event.id).collect();
    let mut met = Vec::new();
    loop {
        let page = crowd.read(|r| events::list(r, &filter));
        met.extend(page.items.iter().map(|event| event.id));
        crowd.move_others();
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    met.reverse();
    assert_eq!(met, before);
}

/// The clock was turned back for a while: events are in the order of their time, whatever their ids.
#[test]
fn events_are_in_the_order_in_which_they_happened() {
    let crowd = Crowd::new(9);
    let record = |hour: i64| {
        crowd.write(move |w| {
            w.now.0 -= hour * 3_600_000;
            let subject = Some(format!("{hour} hours ago"));
            events::create(w, NewEvent { event: PulseEvent::LeadCreated, subject_id: None, subject, changes: None })
        })
    };
    let hours = [3, 1, 2, 5, 4];
    let ids: Vec<i64> = hours.map(record).iter().map(|event| event.id).collect();
    let filter = events::Filter { event: Some(PulseEvent::LeadCreated), limit: events::Limit(2), ..Default::default() };
    let mut told = Vec::new();
    let mut page = crowd.read(|r| events::list(r, &filter));
    while let Some(next) = page.next {
        told.append(&mut page.items);
        page = crowd.read(|r| events::list(r, &events::Filter { cursor: Some(next), ..filter.clone() }));
    }
    told.append(&mut page.items);
    let told: Vec<_> = told.iter().map(|event| event.subject.clone().unwrap()).collect();
    assert_eq!(told, [1, 2, 3, 4, 5].map(|hour| format!("{hour} hours ago")));
    let exported = crowd.read(|r| events::export(r, &filter, ids[3], 2));
    assert_eq!(exported.iter().map(|event| event.id).collect::<Vec<_>>(), [ids[4], ids[0]]);
    // Whatever has been deleted was the oldest; an export goes on with what is left.
    let left = crowd.write(move |w| events::purge(w, rollcall::clock::Timestamp(w.now.0 - 4 * 3_600_000 - 60_000), 10));
    assert_eq!(left, 1);
    let exported = crowd.read(|r| events::export(r, &filter, ids[3], 2));
    assert_eq!(exported.iter().map(|event| event.id).collect::<Vec<_>>(), [ids[4], ids[0]]);
}
