//! `rollcall check`: every rule of its table, broken once, is named; and whatever the program itself does breaks none.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rollcall::clock::Timestamp;
use rollcall::db::{TAKE_UP, search};
use rollcall::domain::check::{self, Findings, RULES};
use rollcall::domain::permissions;
use serde_json::json;

use crate::cli::{init, rollcall, serve};
use crate::repair::repaired;
use crate::support::{ADA, START, TestApp};
use crate::visitor::{self, Page};

/// For each rule, what breaks it in [`town`]. Another program wrote it: one that knows none of our constraints.
pub const BREAKS: &[(&str, &str)] = &[
    ("emails", "update users set email = ' ada@example.com' where id = 1"),
    ("email_keys", "update users set email_key = 'somebody@example.com' where id = 1"),
    ("name_keys", "update users set name_key = 'lovelace, ada' where id = 1"),
    ("profiles", "update users set phone = 'on the roof' where id = 1"),
    ("profiles", "update users set img_src = 'javascript:alert(1)' where id = 1"),
    ("profiles", "update users set name = '' where id = 2"),
    ("makers", "update users set updated_by = '' where id = 1"),
    ("owner", "update users set active = 0 where owner = 1"),
    ("accounts", "update accounts set name = ' ' where id = '2311'"),
    ("accounts", "update accounts set id = 'a b' where id = '2314'"),
    ("primary_account", "update memberships set primary_account = 0 where user_id = 1"),
    ("nowhere", "delete from memberships where user_id = 2"),
    ("repeated_columns", "update memberships set name_key = 'x' where user_id = 1"),
    ("repeated_columns", "update memberships set active = 0 where user_id = 1"),
    ("search", "update search_progress set indexed_to = 1"),
    ("search", "delete from search_progress"),
    ("search_apart", "update memberships set name_key = 'x' where removed_at is not null"),
    ("invitations", "update memberships set name_key = 'eve' where invited_email is not null"),
    ("invitations", "update memberships set removed_at = joined_at where invited_email is not null"),
    ("deleted_accounts", "update memberships set removed_at = null where account_id = '2313'"),
    ("teams", "update teams set name_key = 'Crew'"),
    ("own_roles", "insert into roles values ('2311', 'member', 1795420800000, 1795420800000)"),
    ("role_permissions", "update role_permissions set permission = 'users.eat'"),
    ("held_roles", "update memberships set roles = '[\"pirate\"]' where user_id = 2"),
    ("role_holders", "update role_holders set role = 'admin' where role = 'pilot'"),
    ("role_holders", "delete from role_holders where user_id = 1"),
    ("held_permissions", "update memberships set permissions = '[\"users.eat\"]' where user_id = 2"),
    ("preferences", "update notification_preferences set event = 'lunch_served'"),
    ("preferences", "update notification_preferences set delivery = '[\"pigeon\"]'"),
    ("preferences", "update notification_preferences set delivery = '[\"sms\", \"sms\"]'"),
    ("passwords", "update passwords set hash = 'correct horse battery'"),
    ("passkeys", "insert into passkeys values ('laptop', 1, 'Laptop', 'null', 1795420800000, null)"),
    ("tokens", "update tokens set expires_at = created_at - 1"),
    ("api_keys", "update tokens set name = null where name = 'Deploy'"),
    ("api_keys", "update tokens set permissions = '[\"users.eat\"]' where name = 'Deploy'"),
    ("impersonations", "update tokens set impersonator_id = 3 where impersonator_id is not null"),
    ("kept_answers", "update idempotency_keys set answer = '{\"token\": \"v4.local.…\"}'"),
    ("events", "update latest_events set event = 'lunch_served' where id = 1"),
    ("events", "update latest_events set changes = '[]' where id = 1"),
    ("latest_events", "insert into events select * from latest_events where id = 1"),
    ("memberships_apart", "delete from memberships_apart where kind = 'removed'"),
    ("memberships_apart", "update memberships_apart set name_key = 'x' where kind = 'admin'"),
    ("memberships_apart", "update memberships_apart set user_id = user_id + 100 where kind = 'admin'"),
    ("ids", "update sqlite_sequence set seq = 1 where name = 'latest_events'"),
    ("times", "update latest_events set at = -1 where id = 1"),
    ("times", "update tokens set created_at = 9000000000000"),
];

/// A server with something of everything in it.
pub async fn town() -> TestApp {
    let test = TestApp::new();
    let bob = test.member("2311", "bob@example.com", permissions::MEMBER);
    test.account("2312", "Elsewhere", "eve@example.com");
    test.account("2313", "Gone", "gus@example.com");
    let ada = test.client(ADA, "2311");
    let team = ada.post("/teams", json!({"name": "Crew ÄÖ"})).await.done();
    ada.post("/accounts", json!({"id": "2314", "name": "Empty"})).await.done();
    ada.post("/roles", json!({"name": "pilot", "permissions": ["users.read"]})).await.done();
    let place = json!({"roles": ["member", "pilot"], "permissions": ["events.read"], "teamId": team["id"]});
    ada.patch(&format!("/users/{bob}/membership"), place).await.done();
    ada.post("/users", json!({"email": "eve@example.com"})).await.done();
    let preferences = json!({"lead_created": [{"event": "lead_created", "deliveryPref": ["sms", "email"]}]});
    let full = json!({"email": "Grace@Example.com", "name": "Gräce Höpper", "phone": "+49 30 901820",
                      "imgSrc": "https://example.com/grace.png", "notificationPreferences": preferences});
    let key = "a-key-for-idempotency";
    let call = ada.call(poem::http::Method::POST, "/users").header("idempotency-key", key);
    let grace = call.json(&full).send().await.done();
    ada.delete(&format!("/users/{}", grace["id"])).await.done();
    let key = json!({"name": "Deploy", "expiresAt": "2027-01-01T00:00:00Z", "permissions": ["users.read"]});
    ada.post("/api-keys", key).await.done();
    test.client(ADA, "2313").delete("/accounts/2313?confirm=Gone").await.done();
    let browser = visitor::sign_in(&test, ADA).await;
    let form = [("reason", "They ask for help"), ("minutes", "30")];
    let page = format!("/ui/accounts/2311/users/{bob}/impersonation");
    let begun = test.post(&page).cookie(&browser).form(&form).send().await;
    assert_eq!(begun.status, 303, "{}", begun.text);
    test
}

/// Has its events stand where they do once they are no longer the latest.
pub fn age(test: &TestApp) {
    for sql in ["insert into events select * from latest_events", "delete from latest_events"] {
        test.app.db().write_here(move |w| w.run(sql, [])).unwrap();
    }
}

/// All of a database that is in use, in one file.
pub fn copied(database: &Path, copy: &Path) {
    rusqlite::Connection::open(database).unwrap().execute("vacuum into ?1", [copy.to_str().unwrap()]).unwrap();
}

/// Also to write to what is searched.
pub fn opened(database: &Path) -> rusqlite::Connection {
    let conn = rusqlite::Connection::open(database).unwrap();
    search::register(&conn).unwrap();
    conn
}

/// What a command on a data folder ends with, prints, and says besides.
pub fn command(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = rollcall(folder).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(folder.to_str().unwrap(), "DATA");
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

pub fn checked(database: &Path) -> Findings {
    check::file(database, Timestamp(START), &mut |_| Ok(())).unwrap()
}

#[tokio::test]
async fn every_rule_is_named_where_it_is_broken() {
    let test = town().await;
    let whole = test.database();
    let found = checked(&whole);
    assert!(found.are_good(), "{:#?}", found.lines());
    assert_eq!((found.counts.users, found.counts.accounts), (5, 3));
    for (rule, sql) in BREAKS {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        copied(&whole, &copy);
        let database = opened(&copy);
        database.execute_batch("pragma ignore_check_constraints = on;").unwrap();
        let changed = database.execute(sql, []).unwrap();
        assert!(changed > 0, "{sql} changes nothing");
        drop(database);
        let found = checked(&copy);
        let offence = found.offences.iter().find(|offence| offence.rule.name == *rule);
        let offence = offence.unwrap_or_else(|| panic!("{sql} goes unseen: {:#?}", found.lines()));
        assert!(offence.count > 0 && !offence.who.is_empty());
    }
    // What SQLite itself tells of is a test of its own.
    let broken: BTreeSet<_> = BREAKS.iter().map(|(rule, _)| *rule).chain(["indexes"]).collect();
    let rules: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(broken, rules, "say in BREAKS what breaks each rule");
}

/// Everybody is taken up into the index first, as the 256th who waits has all of them taken up.
#[tokio::test]
async fn the_index_of_the_search_is_compared_with_who_is_in_it() {
    let test = town().await;
    let index = format!("{TAKE_UP}; update search_progress set indexed_to = (select max(id) from users);");
    let unseen = "update search_progress set indexed_to = 0; update users set name_key = 'xob' where id = 2;
                  update search_progress set indexed_to = (select max(id) from users);";
    for (sql, who) in [
        (
            "insert into user_search (user_search, rowid, terms) select 'delete', place, terms from searched where id = 1",
            "user 1",
        ),
        ("insert into user_search (rowid, terms) select place, 'too many' from searched where id = 3", "user 3"),
        ("insert into user_search (rowid, terms) values (99, 'who')", "user 99"),
        (
            "delete from user_search_data where id = (select max(id) from user_search_data)",
            "fts5: corruption found reading blob 137438953474 from table \"user_search\"",
        ),
        (unseen, "user 2"),
        ("delete from search_progress", "this server, user 1, user 2, user 3, user 4, user 5"),
        ("delete from user_search_config", "invalid fts5 file format (found 0, expected 4 or 5) - run 'rebuild'"),
        (
            "update user_search_config set v = 99 where k = 'version'",
            "invalid fts5 file format (found 99, expected 4 or 5) - run 'rebuild'",
        ),
        (
            "update user_search_data set block = x'00ff17aa0102030405060708090a0b0cff' where id = 10",
            "fts5: corrupt structure record for table \"user_search\"",
        ),
        // Beside another index, which all else is looked up by.
        (
            "delete from user_search_data where id = (select max(id) from user_search_data); drop index memberships_team",
            "fts5: corruption found reading blob 137438953474 from table \"user_search\"",
        ),
        (
            "delete from user_search_config; delete from user_search_idx",
            "invalid fts5 file format (found 0, expected 4 or 5) - run 'rebuild'",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        copied(&test.database(), &copy);
        let database = opened(&copy);
        database.execute_batch(&index).unwrap();
        assert!(checked(&copy).are_good(), "{:#?}", checked(&copy).lines());
        database.execute_batch(sql).unwrap();
        drop(database);
        let found = checked(&copy);
        let found = found.offences.iter().find(|offence| offence.rule.name == "search").map(|offence| offence.whom());
        assert_eq!(found.as_deref(), Some(who), "{sql}");
        repaired(&copy).unwrap();
        assert!(checked(&copy).are_good(), "{sql}: {:#?}", checked(&copy).lines());
        assert!(count(&copy, "select count(*) from user_search where user_search match '\"ada\"'") > 0, "{sql}");
        let asked = "select k, v from user_search_config where k <> 'version' order by k";
        let of = |file: &Path| -> Vec<(String, i64)> {
            let conn = opened(file);
            let mut statement = conn.prepare(asked).unwrap();
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(of(&copy), of(&test.database()), "{sql}");
    }
}

/// The terms are all there then, and lead to nobody.
#[tokio::test]
async fn a_search_that_finds_nobody_is_told() {
    let test = town().await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    copied(&test.database(), &copy);
    let many = "insert into users (email, email_key, created_by, updated_by, created_at, updated_at)
                  with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
                  select e, e, 'ada@example.com', 'ada@example.com', 0, 0
                    from (select printf('%x.p%d@example.com', i * 7919, i) as e from n)";
    let everybody = "update search_progress set indexed_to = (select max(id) from users)";
    opened(&copy).execute_batch(&format!("{many}; {TAKE_UP}; {everybody};")).unwrap();
    let search = |found: Findings| found.offences.into_iter().find(|offence| offence.rule.name == "search");
    assert!(search(checked(&copy)).is_none());
    opened(&copy).execute_batch("delete from user_search_idx").unwrap();
    let found = search(checked(&copy)).unwrap();
    check::repair(&copy, &[found.rule], Timestamp(START), &mut |_| Ok(())).unwrap();
    assert!(search(checked(&copy)).is_none());
}

/// What the rows were is in the indexes, which must not be made anew from the rest then.
#[tokio::test]
async fn a_table_that_has_lost_rows_is_damaged_and_its_indexes_are_not() {
    let test = town().await;
    age(&test);
    for table in ["events", "tokens", "teams"] {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        copied(&test.database(), &copy);
        let database = opened(&copy);
        let made: String =
            database.query_row("select sql from sqlite_schema where name = ?1", [table], |row| row.get(0)).unwrap();
        let other = made.replacen(table, "other", 1);
        database
            .execute_batch(&format!(
                "{other}; insert into other select * from {table} limit (select count(*) - 1 from {table});
                 pragma writable_schema = on;
                 update sqlite_schema as s set rootpage = o.rootpage from sqlite_schema o
                  where s.type = 'table' and o.type = 'table'
                    and ((s.name = 'other' and o.name = '{table}') or (s.name = '{table}' and o.name = 'other'));"
            ))
            .unwrap();
        drop(database);
        opened(&copy).execute_batch("pragma foreign_keys = off; drop table other").unwrap();
        let found = checked(&copy);
        let said = found.damage.iter().any(|what| what.starts_with(&format!("{table} has ")));
        assert!(said && found.repairable().is_empty(), "{table}: {:#?}", found.lines());
    }
}

pub fn count(database: &Path, sql: &str) -> i64 {
    opened(database).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What SQLite itself sees to, if it is asked: pages, references, the schema.
#[tokio::test]
async fn damage_is_found_in_the_file_itself() {
    let test = town().await;
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    copied(&test.database(), &whole);
    for (sql, said) in [
        ("delete from users where id = 2", "refers to a row of users that is not there"),
        ("create unique index one_name on users (name)", "index one_name is not Rollcall's"),
        ("drop trigger users_to_search_delete", "trigger users_to_search_delete is missing"),
        ("create table notes (body text)", "table notes is not Rollcall's"),
        ("alter table users add column shoe_size integer", "table users is not as Rollcall makes it"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        std::fs::copy(&whole, &copy).unwrap();
        let database = opened(&copy);
        database.execute_batch(&format!("pragma foreign_keys = off; {sql}")).unwrap();
        drop(database);
        let found = checked(&copy).damage;
        assert!(found.iter().any(|damage| damage.contains(said)), "{sql}: {found:#?}");
    }
    // What a tool that replicates the file keeps in it is none of it.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(&whole, &copy).unwrap();
    let database = opened(&copy);
    database.execute_batch("create table _litestream_seq (id integer primary key, seq integer)").unwrap();
    drop(database);
    assert!(checked(&copy).are_good());
    // A page of zeros, in none of those that SQLite has to read to open it.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let mut bytes = std::fs::read(&whole).unwrap();
    let root = count(&whole, "select rootpage from sqlite_schema where name = 'memberships_name'");
    let begin = (usize::try_from(root).unwrap() - 1) * 4096;
    bytes[begin..begin + 4096].fill(0);
    std::fs::write(&copy, bytes).unwrap();
    assert!(!checked(&copy).damage.is_empty());
}

#[test]
fn the_command_says_what_is_wrong_and_what_to_do_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str]| command(folder.path(), &[&["check"], arguments].concat());
    let (code, said, why) = check(&[]);
    assert_eq!((code, said.as_str()), (4, ""));
    assert!(why.contains("Say where it is with --data."), "{why}");

    init(folder.path());
    let served = serve(&mut rollcall(folder.path()), 1);
    let before = std::fs::read(folder.path().join("rollcall.db")).unwrap();
    let rules = RULES.len();
    let expected =
        format!("DATA/rollcall.db: 1 user, 1 account, 2 events. The file is sound, and all {rules} rules hold.\n");
    assert_eq!(check(&[]), (0, expected, String::new()));
    assert_eq!(std::fs::read(folder.path().join("rollcall.db")).unwrap(), before, "looking changes nothing");

    let database = rusqlite::Connection::open(folder.path().join("rollcall.db")).unwrap();
    database.execute("update memberships set primary_account = 0", []).unwrap();
    drop(database);
    let (code, said, why) = check(&[]);
    assert_eq!(code, 1);
    assert!(said.contains("primary_account: Who is in an account has one that is their primary one."), "{said}");
    assert!(said.contains("Not so for user 1."), "{said}");
    assert!(said.contains("They choose it on their own page"), "{said}");
    assert_eq!(why, "rollcall: 1 thing is wrong in DATA/rollcall.db; nothing was changed.\n");
    drop(served);

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("create table notes (text)").unwrap();
    let (code, _, why) = check(&[other.to_str().unwrap()]);
    assert_eq!((code, why.as_str()), (1, "rollcall: DATA/other.db can't be checked: it is no database of Rollcall.\n"));
    std::fs::write(&other, "no database at all, it only has its name").unwrap();
    let (code, _, why) = check(&[other.to_str().unwrap()]);
    assert_eq!((code, why.as_str()), (1, "rollcall: DATA/other.db can't be checked: file is not a database.\n"));
}

/// The demo does nearly everything that can be done, by the same rules as anybody.
#[test]
fn a_year_of_a_team_breaks_no_rule() {
    let test = TestApp::empty();
    let config = test.app.config().clone();
    test.app.db().close();
    rollcall::demo::fill(config, 400, &mut |_| Ok(())).unwrap();
    let found = checked(&test.database());
    assert!(found.are_good(), "{:#?}", found.lines());
    assert!(found.counts.users > 300 && found.counts.events > 500, "{}", found.counts);
    test.advance(Duration::from_secs(1));
}
