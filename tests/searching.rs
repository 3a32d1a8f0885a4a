//! Searches and filters, however they are looked up: exactly those of the whole list whom they mean, in its order.

use std::collections::BTreeSet;

use fastrand::Rng;
use rollcall::db::{Read, Write};
use rollcall::domain::fields::{EmailText, email_key, fold};
use rollcall::domain::users::{self, Count, Filter, Limit, NewUser, ProfilePatch, Sort, SortBy};
use rollcall::domain::{accounts, memberships, suspensions};
use serde_json::json;

use crate::support::{ADA, TestApp};

/// More than a filter's index is asked for at once, and more than are passed along the order before it is asked.
const PEOPLE: usize = 760;
const OTHER: &str = "4712";

fn write<T: Send + 'static>(
    test: &TestApp,
    account: &'static str,
    f: impl FnOnce(&mut Write) -> rollcall::Result<T> + Clone + Send + 'static,
) -> T {
    let shell = move |w: &mut Write| {
        let actor = accounts::at_shell(w, Some(&account.parse().unwrap()))?;
        w.acting_as(actor);
        f(w)
    };
    test.app.db().write_here(shell).unwrap()
}

fn read<T>(test: &TestApp, f: impl Fn(&Read) -> rollcall::Result<T>) -> T {
    let shell = |r: &mut Read| {
        let actor = accounts::at_shell(r, Some(&"2311".parse().unwrap()))?;
        r.acting_as(actor);
        f(r)
    };
    test.app.db().read(shell).unwrap()
}

/// A few letters, so that many share some, of three scripts.
fn word(random: &mut Rng, letters: usize) -> String {
    const LETTERS: [char; 12] = ['a', 'b', 'é', 'ß', 'n', 'o', 'x', '田', '中', '太', '7', '3'];
    (0..letters).map(|_| *random.choice(&LETTERS).unwrap()).collect()
}

fn somebody(random: &mut Rng, n: usize) -> NewUser {
    let length = random.usize(1..4);
    let name = format!("{} {}", word(random, length), word(random, 2));
    const FIRST: [&str; 8] = ["ada", "adele", "adele", "adele", "adele", "zoe-ann", "žofie", "7up"];
    let local = match random.usize(..3) {
        0 => format!("u{}.{n}", random.usize(..40)),
        // Many who begin with the same seven letters, and whom others come between.
        _ => {
            format!(
                "{}{}{n}",
                random.choice(FIRST).unwrap(),
                random.choice([".hopper", ".hart", "-hart", ".ng"]).unwrap()
            )
        }
    };
    let email = format!("{local}@{}.example", ["north", "south"][n % 2]);
    let admin = (n.is_multiple_of(9)).then_some(true);
    NewUser { email: EmailText(email), name: Some(name), account_admin: admin, ..NewUser::default() }
}

/// At the beginning, in the middle and at the end of all by e-mail, and there before all others: more than a list passes
/// before it begins with whom an index finds.
fn others() -> impl Iterator<Item = EmailText> {
    ["aa", "ii", "zz"].iter().flat_map(|letters| (0..600).map(move |n| EmailText(format!("{letters}{n}@qq.zz"))))
}

/// An account of many: some suspended, removed, invited from elsewhere, and renamed since.
fn crowd() -> TestApp {
    let (test, mut random) = (TestApp::new(), Rng::with_seed(11));
    test.account(OTHER, "Other", "eve@example.com");
    let all: Vec<NewUser> = (0..PEOPLE).map(|n| somebody(&mut random, n)).collect();
    let guests: Vec<NewUser> = (PEOPLE..PEOPLE + 200).map(|n| somebody(&mut random, n)).collect();
    let emails: Vec<EmailText> = guests.iter().map(|guest| guest.email.clone()).collect();
    let invite = |w: &mut Write, email| users::create(w, NewUser { email, ..NewUser::default() }).map(drop);
    write(&test, "2311", move |w| others().try_for_each(|email| invite(w, email)));
    let guests = write(&test, OTHER, move |w| {
        guests.into_iter().map(|guest| Ok(users::create(w, guest)?.0.id)).collect::<rollcall::Result<Vec<_>>>()
    });
    write(&test, "2311", move |w| {
        for (n, new) in all.into_iter().enumerate() {
            let id = users::create(w, new)?.0.id;
            match n % 40 {
                1 => drop(suspensions::create(w, id)?),
                2 => memberships::delete(w, id)?,
                _ => {}
            }
        }
        emails.into_iter().try_for_each(|email| invite(w, email))
    });
    // They are others now where they live, and to the account that invited them they stay who they were.
    let renamed: Vec<_> =
        guests.into_iter().step_by(2).map(|id| (id, somebody(&mut random, id as usize + 5000))).collect();
    write(&test, OTHER, move |w| {
        renamed.into_iter().try_for_each(|(id, new)| {
            let patch = ProfilePatch { email: Some(new.email), name: Some(new.name).into(), ..ProfilePatch::default() };
            users::update(w, id, &patch, None).map(drop)
        })
    });
    test
}

/// Everybody in the account or its bin whom a condition leaves, with what they are known by there.
fn known(test: &TestApp, condition: &str) -> Vec<(i64, String, String)> {
    let sql = format!("select user_id, email_key, name_key from memberships where account_id = '2311' and {condition}");
    read(test, |r| r.all(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
}

/// All pages of a list.
fn listed(test: &TestApp, mut filter: Filter) -> Vec<i64> {
    let mut ids = Vec::new();
    loop {
        let page = read(test, |r| users::list(r, &filter));
        ids.extend(page.items.iter().map(|user| user.id));
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => return ids,
        }
    }
}

#[test]
fn a_search_finds_whom_it_means_and_nobody_else() {
    let (test, mut random) = (crowd(), Rng::with_seed(3));
    type Set = fn(&mut Filter);
    let filters: [(&str, Set); 5] = [
        ("removed_at is null", |_| {}),
        ("removed_at is not null", |filter| filter.removed = true),
        ("removed_at is null and invited_email is not null", |filter| filter.pending = Some(true)),
        ("removed_at is null and active = 0", |filter| filter.active = Some(false)),
        ("removed_at is null and account_admin = 1", |filter| filter.account_admin = Some(true)),
    ];
    const FIXED: [&str; 14] = [
        "north",
        "e.example",
        "le",
        "u1",
        "example",
        "7 ",
        "hop",
        "ele.h",
        "ng",
        "-ha",
        "zoe-",
        "ad",
        "er1",
        "North.Example",
    ];
    let mut found = 0;
    for round in 0..250 {
        let (condition, set) = filters[round % filters.len()];
        let query = match round % 6 {
            0 => format!("u{}.", random.usize(..40)),
            1 => random.choice(FIXED).unwrap().to_owned(),
            2 => String::new(),
            _ => {
                let length = random.usize(1..5);
                word(&mut random, length)
            }
        };
        let sort = Sort { by: SortBy::ALL[random.usize(..4)], descending: random.bool() };
        let mut filter = Filter { query: query.clone(), sort, limit: Limit(random.u32(20..120)), ..Filter::default() };
        set(&mut filter);
        let (email, name) = (email_key(query.trim()), fold(query.trim()));
        let meant = known(&test, condition).into_iter().filter(|(_, e, n)| e.contains(&email) || n.contains(&name));
        let meant: BTreeSet<i64> = meant.map(|(id, ..)| id).collect();
        let ids = listed(&test, filter.clone());
        assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), meant, "“{query}” of those with {condition}");
        assert_eq!(ids.len(), meant.len(), "“{query}” of those with {condition}");
        let whole: Vec<i64> = listed(&test, Filter { query: String::new(), ..filter.clone() });
        let in_order: Vec<i64> = whole.into_iter().filter(|id| meant.contains(id)).collect();
        assert_eq!(ids, in_order, "“{query}” of those with {condition}, by {sort}");
        if !filter.removed {
            let count = Count { people: meant.len().min(1_000), more: meant.len() > 1_000 };
            assert_eq!(read(&test, |r| users::count(r, &filter)), count, "“{query}” of those with {condition}");
        }
        found += meant.len();
    }
    assert!(found > 10_000, "the searches find somebody: {found}");
}

/// Whom the index finds first is not asked for, if enough come before them: whether they begin with the same letters or not.
#[test]
fn a_search_by_email_is_in_its_order_wherever_its_pages_end() {
    let test = crowd();
    for query in ["hop", "har", ".ng", "example", "north", "adele", "ele.h", "er1", "u1", "-", "he", "e"] {
        let mut meant: Vec<_> = known(&test, "removed_at is null");
        meant.retain(|(_, email, name)| email.contains(query) || name.contains(query));
        meant.sort_by(|(one, a, _), (other, b, _)| (a, one).cmp(&(b, other)));
        for descending in [false, true] {
            let ids: Vec<i64> = meant.iter().map(|(id, ..)| *id).collect();
            for limit in [20, 33, 60, 90, 150] {
                let sort = Sort { by: SortBy::Email, descending };
                let filter = Filter { query: query.into(), sort, limit: Limit(limit), ..Filter::default() };
                assert_eq!(listed(&test, filter), ids, "“{query}” by {sort}, {limit} at once");
            }
            meant.reverse();
        }
    }
}

/// Of a digit, and of what follows it, the index keeps no more than a part; and half of those it finds are in another account.
#[test]
fn a_page_repeats_nobody_whose_email_begins_nearly_like_that_of_others() {
    let test = TestApp::new();
    test.account(OTHER, "Other", "eve@example.com");
    let smiths = |beginning: &'static str, people: std::ops::Range<usize>| {
        people.map(move |n| NewUser {
            email: EmailText(format!("{beginning}{n}@corp.example")),
            name: Some("Smith".into()),
            ..NewUser::default()
        })
    };
    const BEGINNINGS: [&str; 7] = ["emp", "martin", "martin-", "martin_", "martin.", "ada", "jo.k"];
    for (account, people) in [("2311", 0..60), (OTHER, 60..120), ("2311", 120..180), (OTHER, 180..240)] {
        let people = move || BEGINNINGS.iter().flat_map(move |beginning| smiths(beginning, people.clone()));
        write(&test, account, move |w| people().try_for_each(|new| users::create(w, new).map(drop)));
    }
    let others = || others().map(|email| NewUser { email, ..NewUser::default() });
    write(&test, "2311", move |w| others().try_for_each(|new| users::create(w, new).map(drop)));
    let mut meant: Vec<_> = known(&test, "name_key = 'smith'");
    assert_eq!(meant.len(), 840);
    meant.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
    for descending in [false, true] {
        let ids: Vec<i64> = meant.iter().map(|(id, ..)| *id).collect();
        for limit in [1, 7, 20, 26, 60, 100] {
            let sort = Sort { by: SortBy::Email, descending };
            let filter = Filter { query: "smith".into(), sort, limit: Limit(limit), ..Filter::default() };
            assert_eq!(listed(&test, filter), ids, "by {sort}, {limit} at once");
        }
        meant.reverse();
    }
}

/// Their e-mails are told apart by a digit, of which the index keeps no more than a part.
#[test]
fn a_page_goes_on_behind_its_cursor_even_if_whoever_stands_there_is_not_found() {
    let test = TestApp::new();
    let people = (0..110).flat_map(|n| [format!("adele-{n}@north.example"), format!("adele9{n}@north.example")]);
    // With these, there are so many that nobody waits for the index.
    let others = (0..1_059).map(|n| format!("{}{n}@south.example", if n < 900 { "adele1" } else { "zoe" }));
    let all: Vec<_> =
        others.chain(people).map(EmailText).map(|email| NewUser { email, ..NewUser::default() }).collect();
    write(&test, "2311", move |w| all.into_iter().try_for_each(|new| users::create(w, new).map(drop)));
    for (descending, passed, next) in [(false, 1 + 110 + 1, "adele9"), (true, 159 + 110 + 1, "adele-")] {
        let sort = Sort { by: SortBy::Email, descending };
        let first = Filter { sort, limit: Limit(passed), ..Filter::default() };
        let first = read(&test, |r| users::list(r, &first));
        assert!(first.items.last().unwrap().email.0.starts_with("adele1"), "by {sort}");
        let filter = Filter { query: "north".into(), sort, limit: Limit(100), cursor: first.next, ..Filter::default() };
        let page = read(&test, |r| users::list(r, &filter));
        assert!(page.items.len() == 100 && page.items.iter().all(|user| user.email.0.starts_with(next)), "by {sort}");
    }
}

#[test]
fn who_was_renamed_since_is_found_by_what_the_account_knows() {
    let test = TestApp::new();
    test.account(OTHER, "Other", "eve@example.com");
    let rename = |id: i64, email: &str| {
        let patch = ProfilePatch { email: Some(EmailText(email.into())), ..ProfilePatch::default() };
        write(&test, OTHER, move |w| users::update(w, id, &patch, None).map(drop));
    };
    let guest = |email: &str| NewUser { email: EmailText(email.into()), ..NewUser::default() };
    let search = |query: &str, removed| {
        let filter = Filter { query: query.into(), removed, ..Filter::default() };
        read(&test, |r| users::list(r, &filter)).items.len()
    };
    let (there, here) = (guest("grace@example.com"), guest("grace@example.com"));
    write(&test, OTHER, move |w| users::create(w, there).map(drop));
    write(&test, "2311", move |w| users::create(w, here).map(drop));
    // As many as have the index of the search take up who waits for it.
    write(&test, OTHER, move |w| {
        (0..200).try_for_each(|n| {
            let new = NewUser { email: EmailText(format!("n{n}@other.example")), ..NewUser::default() };
            users::create(w, new).map(drop)
        })
    });
    let id: i64 = read(&test, |r| r.value("select id from users where email = 'grace@example.com'", []));
    rename(id, "hopper@navy.example");
    assert_eq!((search("grace", false), search("hopper", false)), (1, 0), "while pending");
    let accept = move |w: &mut Write| {
        w.actor.user_id = Some(id);
        memberships::accept(w, &"2311".parse().unwrap()).map(drop)
    };
    write(&test, "2311", accept);
    assert_eq!((search("grace", false), search("hopper", false)), (0, 1), "as a member");
    write(&test, "2311", move |w| memberships::delete(w, id));
    rename(id, "murray@navy.example");
    assert_eq!((search("hopper", true), search("murray", true)), (1, 0), "in the bin");
    write(&test, "2311", move |w| memberships::restore(w, id).map(drop));
    assert_eq!((search("hopper", false), search("murray", false)), (0, 1), "and back");
}

/// Greek has two small sigmas and one capital.
#[tokio::test]
async fn a_sigma_is_the_same_wherever_it_stands_in_a_word() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let new = json!({"email": "παπαδόπουλος@example.com", "name": "Γιώργος Παπαδόπουλος"});
    ada.post("/users", new).await.done();
    for query in ["Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπαδοπουλοσ", "ΓΙΏΡΓΟΣ+ΠΑΠ", "ώργος", "παπαδόπουλοσ@"]
    {
        let found = ada.get(&format!("/users?query={query}")).await.done();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{query}");
    }
    let again = ada.post("/users", json!({"email": "ΠΑΠΑΔΌΠΟΥΛΟΣ@example.com"})).await;
    assert_eq!((again.status.as_u16(), &again.json()["error"]), (409, &json!("email_taken")));
}
