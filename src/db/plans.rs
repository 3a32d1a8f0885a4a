//! What the lists cost: SQLite is asked for the plan of every statement that they really run, and how many steps it took
//! over ten thousand people and over twice as many.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod directory;
mod writes;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};

use directory::{directory, email};

use super::{Read, Write};
use crate::clock::Timestamp;
use crate::domain::actor::{ActingIn, Actor};
use crate::domain::events::{self, NewEvent};
use crate::domain::fields::EmailText;
use crate::domain::pulse::PulseEvent;
use crate::domain::settings::Settings;
use crate::domain::tokens::{Caller, Claims, Kind};
use crate::domain::users::{self, Cursor, Filter, Limit, NewUser, SortBy};
use crate::domain::{
    accounts, api_keys, idempotency, impersonations, memberships, roles, sessions, setup, suspensions, teams, tokens,
};
use crate::error::Result;

type Looks = Box<dyn Fn(&mut Write) -> Result<()>>;

thread_local! {
    /// The statements that have run on this thread, each with the steps it took.
    static RUN: RefCell<Vec<(String, i32)>> = const { RefCell::new(Vec::new()) };
}

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Profile(statement, _) = event {
        let sql = statement.sql().into_owned();
        RUN.with_borrow_mut(|run| run.push((sql, statement.get_status(StatementStatus::VmStep))));
    }
}

/// Runs something in an account as somebody who may do everything; what SQLite did for it.
fn watch<T>(conn: &Connection, f: impl FnOnce(&mut Write) -> Result<T>) -> Vec<(String, i32)> {
    // A statement from the cache would go on counting where its last use ended.
    conn.set_prepared_statement_cache_capacity(0);
    conn.execute_batch("savepoint watched").unwrap();
    let mut write = Write(reader(conn));
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note));
    let result = f(&mut write);
    conn.trace_v2(TraceEventCodes::empty(), None);
    conn.execute_batch("rollback to watched; release watched").unwrap();
    if let Err(error) = result {
        panic!("{error}");
    }
    RUN.take().into_iter().filter(|(sql, _)| !sql.starts_with("--")).collect()
}

/// Somebody who may do everything.
fn reader(conn: &Connection) -> Read<'_> {
    let actor = Actor::shell().within(ActingIn { id: "here".parse().unwrap(), name: "Here".into() });
    let actor = Actor { user_id: Some(2), email: Some(email(2).0), ..actor };
    Read { actor, ..Read::new(conn, Timestamp(1000), Settings::default()) }
}

/// Who comes with a token of some kind, whose name is their user's.
fn caller(id: i64, kind: Kind, account: Option<&str>) -> Caller {
    Caller {
        claims: Some(Claims { id: id.to_string(), user_id: Some(id), kind, expires_at: Timestamp(i64::MAX) }),
        account: account.map(|id| id.parse().unwrap()),
        ..Caller::default()
    }
}

fn plan(conn: &Connection, sql: &str) -> Vec<String> {
    explain(conn, &format!("query plan {sql}"), 3)
}

/// A column of what SQLite says it would do.
fn explain(conn: &Connection, sql: &str, column: usize) -> Vec<String> {
    let mut statement = conn.prepare(&format!("explain {sql}")).unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    let rows = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get(column)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// Statements inside the full-text index count on from use to use; the ones above them are limited.
fn steps(run: &[(String, i32)]) -> i32 {
    run.iter()
        .filter(|(sql, _)| !sql.contains("user_search_") && !sql.starts_with("PRAGMA"))
        .map(|(_, steps)| steps)
        .sum()
}

/// An owner's list of accounts is the first thousand in the order of its index; owners are few, and so are the latest events.
const SHORT: [&str; 3] =
    ["accounts USING INDEX accounts_name", "users USING COVERING INDEX users_owner", "latest_events"];

/// What is read whole, from one end to the other; the inside of the full-text index and rows made on the way aside.
fn scans(plan: &[String]) -> Vec<&String> {
    let made: BTreeSet<_> =
        plan.iter().filter_map(|line| line.strip_prefix("CO-ROUTINE ").or(line.strip_prefix("MATERIALIZE "))).collect();
    let whole = |line: &&String| {
        let Some(what) = line.strip_prefix("SCAN ") else { return false };
        let name = what.split(' ').next().unwrap_or_default();
        !(SHORT.contains(&what)
            || made.contains(name)
            || what.contains("VIRTUAL TABLE")
            || name == "CONSTANT"
            || name.starts_with("main.user_search")
            || name.starts_with('('))
    };
    plan.iter().filter(whole).collect()
}

fn filters(people: i64) -> Vec<(&'static str, Filter)> {
    let mut filters: Vec<(&str, Filter)> = Vec::new();
    let mut filter = |name, set: &dyn Fn(&mut Filter)| {
        let mut filter = Filter { limit: Limit(5), ..Filter::default() };
        set(&mut filter);
        filters.push((name, filter));
    };
    filter("all", &|_| {});
    filter("active", &|f| f.active = Some(true));
    filter("suspended", &|f| f.active = Some(false));
    filter("a role of many", &|f| f.role = Some("member".into()));
    filter("a role of few", &|f| f.role = Some("pilot".into()));
    filter("a role of nobody", &|f| f.role = Some("admin".into()));
    filter("a big team", &|f| f.team_id = Some(1));
    filter("a small team", &|f| f.team_id = Some(2));
    filter("admins", &|f| f.account_admin = Some(true));
    filter("no admins", &|f| f.account_admin = Some(false));
    filter("pending", &|f| f.pending = Some(true));
    filter("not pending", &|f| f.pending = Some(false));
    filter("a rare name", &|f| f.query = "ZEBÉDEE".into());
    filter("everybody's name", &|f| f.query = "example".into());
    filter("nobody's name", &|f| f.query = "ghost".into());
    filter("a common letter", &|f| f.query = "p".into());
    filter("created of late", &|f| f.created_since = Some(Timestamp(people - 100)));
    filter("created long ago", &|f| f.created_since = Some(Timestamp(1)));
    filter("updated of late", &|f| f.updated_since = Some(Timestamp(people - 100)));
    filter("removed", &|f| f.removed = true);
    filter("suspended of the big team", &|f| (f.active, f.team_id) = (Some(false), Some(1)));
    filter("updated of late and active", &|f| {
        (f.updated_since, f.active) = (Some(Timestamp(people - 100)), Some(true))
    });
    filter("removed from a small team", &|f| (f.removed, f.team_id) = (true, Some(2)));
    filter("pilots of the big team", &|f| (f.role, f.team_id) = (Some("pilot".into()), Some(1)));
    filter("suspended admins by name", &|f| {
        (f.active, f.account_admin, f.query) = (Some(false), Some(true), "zeb".into());
    });
    filters
}

/// Every page of users worth a plan of its own: each filter and sort, both ways, from the start, forwards and backwards.
fn pages_of_users(conn: &Connection, people: i64) -> Vec<(String, Filter)> {
    let mut pages = Vec::new();
    for (name, filter) in filters(people) {
        for (by, descending) in SortBy::ALL.into_iter().flat_map(|by| [(by, false), (by, true)]) {
            let sort = users::Sort { by, descending };
            let first = Filter { sort, ..filter.clone() };
            let at = |cursor: Option<Cursor>| cursor.is_some().then(|| Filter { cursor, ..first.clone() });
            pages.push((format!("{name}, {sort}"), first.clone()));
            // A text like the e-mail, and a number like the time of creation: from a cursor the others are the same.
            if matches!(by, SortBy::Email | SortBy::CreatedAt) {
                let second = at(users::list(&reader(conn), &first).unwrap().next);
                let back = second.as_ref().and_then(|second| at(users::list(&reader(conn), second).unwrap().previous));
                pages.extend(second.map(|second| (format!("{name}, {sort}, next page"), second)));
                pages.extend(back.map(|back| (format!("{name}, {sort}, back"), back)));
            }
        }
    }
    pages
}

/// Everything else that is asked of the database, and most of what is done to it.
fn the_rest(people: i64) -> Vec<(&'static str, Looks)> {
    let mut all: Vec<(&'static str, Looks)> = Vec::new();
    let mut ask = |name, f: fn(&mut Write) -> Result<()>| all.push((name, Box::new(f)));
    let (session, key) = (caller(4, Kind::Session, Some("here")), caller(5, Kind::ApiKey, None));
    let invited = caller(6, Kind::Invitation, Some("here"));
    ask("a user", |w| users::find(w, 2).map(drop));
    ask("a user by e-mail", |w| users::find_id(w, &email(3).0).map(drop));
    ask("oneself", |w| users::me(w).map(drop));
    ask("why", |w| memberships::permissions(w, 3).map(drop));
    ask("who acted as oneself", |w| impersonations::list_own(w).map(drop));
    ask("own memberships", |w| memberships::list_own(w).map(drop));
    ask("accounts of an owner", |w| accounts::list(w).map(drop));
    ask("own accounts", |w| {
        w.actor.owner = false;
        accounts::list(w).map(drop)
    });
    ask("the primary account", |w| accounts::primary(w, 2).map(drop));
    ask("the account at the shell", |w| accounts::at_shell(w, Some(&"here".parse().unwrap())).map(drop));
    ask("API keys of all", |w| api_keys::list(w).map(drop));
    ask("own API keys", |w| {
        w.actor.admin = false;
        api_keys::list(w).map(drop)
    });
    ask("sessions", |w| sessions::list(w, 2).map(drop));
    ask("whether set-up is done", |w| setup::is_done(w).map(drop));
    ask("a link for the first owner", |w| sessions::create_link(w, None).map(drop));
    ask("a password", |w| crate::domain::passwords::find_by_email(w, &email(3).0).map(drop));
    ask("a new user", |w| {
        users::create(w, NewUser { email: EmailText("new@example.com".into()), ..NewUser::default() }).map(drop)
    });
    ask("somebody from elsewhere", |w| {
        w.run("delete from memberships where user_id = 13 and account_id = 'here'", [])?;
        users::create(w, NewUser { email: email(13), ..NewUser::default() }).map(drop)
    });
    ask("a suspension", |w| suspensions::create(w, 3).map(drop));
    ask("a suspension of an admin, of whom one other is left", |w| {
        let last: i64 = w.value(
            "select user_id from memberships where account_id = 'here' and active = 1 and removed_at is null
                and invited_email is null order by created_at desc limit 1",
            [],
        )?;
        w.run("update memberships set account_admin = 1 where account_id = 'here' and user_id in (3, ?1)", [last])?;
        suspensions::create(w, 3).map(drop)
    });
    ask("an owner", |w| suspensions::set_owner(w, 3, true));
    ask("a removal and a restoration", |w| {
        memberships::delete(w, 3)?;
        memberships::restore(w, 3).map(drop)
    });
    ask("a new account", |w| accounts::create(w, Some("new".parse().unwrap()), "New").map(drop));
    ask("a new team", |w| teams::create(w, teams::NewTeam { name: "New".into() }).map(drop));
    ask("an event of another system", |w| {
        let new = NewEvent { event: PulseEvent::LeadCreated, subject_id: Some(3), subject: None, changes: None };
        events::create(w, new).map(drop)
    });
    ask("purges", |w| {
        events::purge(w, Timestamp(100), 50)?;
        tokens::purge(w, 50)?;
        idempotency::purge(w, 50)?;
        w.now = Timestamp(100 + i64::try_from(memberships::KEPT.as_millis()).unwrap());
        memberships::purge(w, 10).map(drop)
    });
    for (name, caller) in [("who has a session", session), ("who has an API key", key), ("who is new", invited)] {
        all.push((name, Box::new(move |w| tokens::identify(w, &caller).map(drop))));
    }
    let since = Some(Timestamp(people - 100));
    let kinds = [
        ("events", events::Filter::default()),
        ("events of one kind", events::Filter { event: Some(PulseEvent::TeamCreated), ..Default::default() }),
        ("events by one person", events::Filter { actor_id: Some(2), ..Default::default() }),
        ("events to one person", events::Filter { subject_id: Some(2), ..Default::default() }),
        ("events about one person", events::Filter { about: Some(2), ..Default::default() }),
        ("events of late", events::Filter { from: since, ..Default::default() }),
        ("events of long ago", events::Filter { to: Some(Timestamp(100)), ..Default::default() }),
        (
            "events of late, from their middle",
            events::Filter { from: since, cursor: Some(people - 50), ..Default::default() },
        ),
        (
            "events of long ago, from their middle",
            events::Filter { to: Some(Timestamp(people)), cursor: Some(50), ..Default::default() },
        ),
        ("later events", events::Filter { cursor: Some(people / 2), ..Default::default() }),
    ];
    for (name, filter) in kinds {
        let (same, again) = (filter.clone(), filter.clone());
        all.push((name, Box::new(move |w| events::list(w, &filter).map(drop))));
        all.push((name, Box::new(move |w| events::export(w, &same, 0, 100).map(drop))));
        all.push((name, Box::new(move |w| events::export(w, &again, people - 50, 100).map(drop))));
    }
    all
}

#[test]
fn no_list_costs_more_over_twice_as_many() {
    let mut wrong = Vec::new();
    // Both are groups of 256 as a whole, so that the next user is none with whom the index of the search takes up others.
    let [once, twice] = [7_680, 15_360].map(|people| costs(people, &mut wrong));
    for (name, steps) in &once {
        let more = twice[name];
        if more > steps + steps / 10 + 50 {
            wrong.push(format!("{name}: {steps} steps become {more} over twice as many"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(once.len() > 300);
}

/// The steps that everything takes; whatever reads a table whole goes to `wrong`.
fn costs(people: usize, wrong: &mut Vec<String>) -> BTreeMap<String, i32> {
    let conn = directory(people);
    let people = i64::try_from(people).unwrap();
    let (mut cost, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let mut take = |name: String, run: Vec<(String, i32)>| {
        *cost.entry(name.clone()).or_insert(0) += steps(&run);
        for (sql, _) in run {
            let plan = if seen.insert(sql.clone()) { plan(&conn, &sql) } else { Vec::new() };
            if !scans(&plan).is_empty() {
                wrong.push(format!("{name} reads a table whole: {sql}\n{plan:#?}"));
            }
        }
    };
    for (name, filter) in pages_of_users(&conn, people) {
        take(name, watch(&conn, |w| users::list(w, &filter)));
    }
    for (name, f) in the_rest(people) {
        take(name.to_owned(), watch(&conn, f));
    }
    cost
}

/// The few who have orders of their own are met at once, however many they are and wherever they stand among the others.
#[test]
fn those_who_stand_apart_cost_no_more_than_everybody() {
    let conn = directory(10_000);
    conn.execute_batch(
        "update users set active = 0 where id > 9500;
         update memberships set account_admin = 1 where account_id = 'here' and user_id > 9500;",
    )
    .unwrap();
    let all = steps(&watch(&conn, |w| users::list(w, &Filter::default())));
    type Set = fn(&mut Filter);
    let late: [(&str, Set); 3] = [
        ("suspended", |filter| filter.active = Some(false)),
        ("admins", |filter| filter.account_admin = Some(true)),
        ("pending", |filter| filter.pending = Some(true)),
    ];
    for (name, set) in late {
        for by in SortBy::ALL {
            let mut filter = Filter { sort: users::Sort { by, descending: false }, ..Filter::default() };
            set(&mut filter);
            let taken = steps(&watch(&conn, |w| users::list(w, &filter)));
            assert!(taken < all + all / 4, "{name} by {}: {taken} steps, and everybody {all}", by.name());
        }
    }
}

/// Where two things are asked, each of half of the people, and nobody is both: half of them are passed, once.
#[test]
fn those_who_stand_apart_are_passed_and_not_looked_up() {
    let half = 15_000;
    let conn = directory(2 * half);
    conn.execute_batch(&format!(
        "update users set active = (id > {half});
         update memberships set account_admin = (user_id > {half}) where account_id = 'here';",
    ))
    .unwrap();
    for by in SortBy::ALL {
        let sort = users::Sort { by, descending: false };
        let filter = Filter { active: Some(false), account_admin: Some(true), sort, ..Filter::default() };
        let taken = steps(&watch(&conn, |w| users::list(w, &filter)));
        assert!(taken < 6 * i32::try_from(half).unwrap(), "by {}: {taken} steps", by.name());
    }
}

/// A count reads the first thousand that it finds, or looks at the first thousand that may be meant.
#[test]
fn a_count_ends_after_a_thousand() {
    let conn = directory(11_000);
    for (name, filter) in filters(11_000) {
        let count = steps(&watch(&conn, |w| users::count(w, &filter)));
        assert!(count < 40 * 1_100, "{name}: counting takes {count} steps");
    }
    let members = [watch(&conn, |w| roles::list(w).map(drop)), watch(&conn, |w| teams::list(w).map(drop))];
    for run in members {
        assert!(steps(&run) < 12_000, "counting a hundred members each takes {} steps", steps(&run));
        assert!(run.iter().all(|(sql, _)| scans(&plan(&conn, sql)).is_empty()));
    }
}

/// "137+" is for a server of very many people.
#[test]
fn where_people_are_few_they_are_counted_to_the_end() {
    let conn = directory(900);
    for (name, filter) in filters(900) {
        let mut counted = None;
        watch(&conn, |w| users::count(w, &filter).map(|count| counted = Some(count)));
        assert!(!counted.unwrap().more, "{name}");
    }
}

/// However far along its order, or into an index, a list has to look, and whichever it gives up on the way.
#[test]
fn each_page_holds_who_is_meant_and_nobody_else() {
    let people = 24_000;
    let conn = directory(people);
    let late = |ago| Some(Timestamp(people as i64 - ago));
    let all = Filter::default();
    let asked = [
        (Filter { query: "p9".into(), ..all.clone() }, "instr(email_key, 'p9')".to_owned()),
        // More than are looked up, and behind more than are passed in turns where the order goes down.
        (Filter { query: "p1".into(), ..all.clone() }, "instr(email_key, 'p1')".into()),
        (Filter { created_since: late(150), ..all.clone() }, format!("created_at >= {}", people - 150)),
        (Filter { updated_since: late(2_000), ..all.clone() }, format!("updated_at >= {}", people - 2_000)),
        (Filter { created_since: late(20_000), ..all.clone() }, format!("created_at >= {}", people - 20_000)),
        (
            Filter { created_since: late(12_000), query: "p2".into(), ..all.clone() },
            format!("created_at >= {} and instr(email_key, 'p2')", people - 12_000),
        ),
        (
            Filter { created_since: late(4_000), active: Some(false), ..all.clone() },
            format!("created_at >= {} and active = 0", people - 4_000),
        ),
        (
            Filter { team_id: Some(1), role: Some("member".into()), query: "p9".into(), ..all.clone() },
            "team_id = 1 and instr(email_key, 'p9')".into(),
        ),
    ];
    for (filter, condition) in asked {
        for (by, descending) in SortBy::ALL.into_iter().flat_map(|by| [(by, false), (by, true)]) {
            let column = [("email", "email_key"), ("name", "name_key"), ("createdAt", "created_at")];
            let column = column.iter().find(|(name, _)| *name == by.name()).map_or("updated_at", |(_, column)| column);
            let direction = if descending { "desc" } else { "asc" };
            let sql = format!(
                "select user_id from memberships not indexed
                  where account_id = 'here' and removed_at is null and {condition}
                  order by {column} {direction}, user_id {direction} limit 60"
            );
            let mut meant = conn.prepare(&sql).unwrap();
            let meant: Vec<i64> =
                meant.query_map([], |row| row.get(0)).unwrap().map(rusqlite::Result::unwrap).collect();
            let mut filter = Filter { sort: users::Sort { by, descending }, limit: Limit(20), ..filter.clone() };
            let mut found = Vec::new();
            for _ in 0..3 {
                let page = users::list(&reader(&conn), &filter).unwrap();
                found.extend(page.items.iter().map(|user| user.id));
                let Some(next) = page.next else { break };
                filter.cursor = Some(next);
            }
            assert_eq!(found, meant, "{condition}, {}", filter.sort);
        }
    }
}

/// The index that leads through each page; where there are few, the order is made.
#[test]
fn each_page_goes_along_its_index() {
    let conn = directory(3_000);
    let mut told = String::new();
    for (name, filter) in pages_of_users(&conn, 3_000) {
        if filter.sort.descending || filter.cursor.is_some() {
            continue;
        }
        let run = watch(&conn, |w| users::list(w, &filter));
        let page = run.iter().rfind(|(sql, _)| sql.contains("join users u on u.id = page.user_id")).unwrap();
        let through: Vec<_> =
            plan(&conn, &page.0).into_iter().filter(|line| line.contains(" m ") || line.contains("ORDER")).collect();
        told += &format!("{name}: {}\n", through.join("; "));
    }
    insta::assert_snapshot!(told);
}
