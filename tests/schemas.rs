//! A file of every released schema is brought to today's and used. `tests/schemas/N.sql` is a file of schema N as that
//! version wrote it, with a row in every table and a value in every column.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use poem::http::Method;
use rollcall::clock::Timestamp;
use rollcall::db::TAKE_UP;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::authenticator::Device;
use crate::support::{ADA, PASSWORD, START, TestApp};
use crate::visitor::{Page, sign_in};

/// What the tokens of all fixtures are sealed with.
pub const KEY: &str = "k4.local.IXxul8cjpIOg6e9vT4cxmMRfpnLEXZsg8niGeFWpQwQ";
const GRACE: &str = "grace@example.com";

fn fixture(schema: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{schema}.sql"))
}

/// A directory in which everything was used once, and what is needed to use it again: `-- token: …` and the like.
async fn lived_in() -> (TestApp, Vec<(&'static str, String)>) {
    let test = TestApp::new_with(|config| config.key = Some(KEY.into()));
    let token = test.token(ADA);
    let ada = test.client_with(&token, "2311");
    ada.post("/teams", json!({"name": "Crew"})).await.done();
    ada.post("/roles", json!({"name": "pilot", "permissions": ["users.read", "teams.manage"]})).await.done();
    let preferences = json!({"lead_created": [
        {"event": "lead_created", "deliveryPref": ["email"]},
        {"event": "lead_created", "accountId": "2311", "deliveryPref": ["sms"]},
    ]});
    let grace = json!({
        "email": GRACE, "name": "Grace Hopper", "phone": "+1 (212) 555-0100", "imgSrc": "https://example.com/grace.png",
        "teamId": 1, "roles": ["member", "pilot"], "permissions": ["events.create"], "notificationPreferences": preferences,
    });
    let create = ada.call(Method::POST, "/users").header("idempotency-key", "once").header("x-request-id", "first");
    create.json(&grace).send().await.done();
    for email in ["linus@example.com", "margaret@example.com"] {
        ada.post("/users", json!({"email": email})).await.done();
    }
    ada.delete("/users/4").await.done();
    ada.patch("/users/3/membership", json!({"teamId": 1})).await.done();
    ada.put("/users/3/suspension", json!(null)).await.done();
    let key = json!({"name": "Import", "permissions": ["users.read"], "expiresAt": "2027-10-01T00:00:00Z"});
    let key = ada.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    test.advance(Duration::from_secs(600));
    test.client_with(&key, "2311").get("/users").await.done();

    test.account("4712", "Closed", "eve@example.com");
    let eve = test.client("eve@example.com", "4712");
    eve.post("/users", json!({"email": GRACE})).await.done();
    ada.patch("/users/2", json!({"name": "Grace Brewster Hopper"})).await.done();
    let mut device = Device::new();
    let session = sign_in(&test, ADA).await;
    let script = |path, body| test.post(path).header("accept", "application/json").cookie(&session).json(body).send();
    let nothing = json!({});
    let question = script("/ui/me/passkeys/question", &nothing).await.done();
    let passkey = json!({"name": "Laptop", "credential": device.create(&question)});
    script("/ui/me/passkeys", &passkey).await.done();
    let reason = [("reason", "Ticket 4711"), ("minutes", "30")];
    let acting = test.post("/ui/accounts/2311/users/2/impersonation").cookie(&session).form(&reason).send().await;
    assert_eq!(acting.status, 303, "{}", acting.text);
    let mut cookies = acting.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let other = cookies.find(|cookie| cookie.starts_with("rollcall-as-8080=")).unwrap().split(';').next().unwrap();
    let both = format!("{session}; {other}");
    let team = test.post("/ui/accounts/2311/teams").cookie(&both).form(&[("name", "Compilers")]).send().await;
    assert_eq!(team.status, 303, "{}", team.text);
    // What takes a real connection.
    let rest = [
        "update passkeys set used_at = ?1",
        "update tokens set device = 'Firefox on Linux' where kind = 'session' and ?1 > 0",
        "update tokens set proved_at = ?1 where kind = 'session'",
        "update upgrades set from_schema = schema - 1 where ?1 > 0",
    ];
    test.account("4713", "Gone", "mallory@example.com");
    test.client(ADA, "4713").delete("/accounts/4713?confirm=Gone").await.done();
    for sql in rest {
        test.app.db().write_here(move |w| w.run(sql, [w.now])).unwrap();
    }
    // The last event has everything, and the others stand where they are once they are no longer the latest.
    for sql in [
        "update tokens set address = '192.0.2.1'",
        "update latest_events set address = '192.0.2.1'",
        "update latest_events set (impersonator_id, impersonator, subject_id, changes) = (1, actor, 2, '{}')
          where id = (select max(id) from latest_events)",
        "insert into events select * from latest_events where id < (select max(id) from latest_events)",
        "delete from latest_events where id in (select id from events)",
    ] {
        test.app.db().write_here(move |w| w.run(sql, [])).unwrap();
    }
    let words = vec![("token", token), ("key", key), ("passkey", device.saved())];
    (test, words)
}

/// Text from which SQLite makes the same file again.
pub fn dump(conn: &Connection) -> String {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    // A row may come before one that it refers to.
    let mut text = String::from("pragma foreign_keys = off;\n");
    for pragma in ["application_id", "user_version"] {
        writeln!(text, "pragma {pragma} = {};", number(&format!("pragma {pragma}"))).unwrap();
    }
    let schema = "select sql from sqlite_schema where sql is not null and name not like 'sqlite_%'
                    and name not in (select name from pragma_table_list where type = 'shadow') order by rowid";
    for sql in column(conn, schema) {
        writeln!(text, "{sql};").unwrap();
    }
    for setting in column(conn, "select format('(''%s'', %s)', k, v) from user_search_config where k <> 'version'") {
        writeln!(text, "insert into user_search (user_search, rank) values {setting};").unwrap();
    }
    for table in tables(conn) {
        let columns = column(conn, &format!("select name from pragma_table_info('{table}')")).join(", ");
        let quoted = columns.split(", ").map(|name| format!("quote({name})")).collect::<Vec<_>>().join(" || ', ' || ");
        for values in column(conn, &format!("select {quoted} from {table}")) {
            writeln!(text, "insert into {table} ({columns}) values ({values});").unwrap();
        }
    }
    text
}

fn column(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn tables(conn: &Connection) -> Vec<String> {
    let sql = "select name from pragma_table_list join sqlite_schema using (name)
                where schema = 'main' and pragma_table_list.type = 'table' and name not like 'sqlite_%'
                order by sqlite_schema.rowid";
    column(conn, sql)
}

/// A data folder in `folder` with the file that a fixture is of.
pub fn file_of(schema: i64, folder: &TempDir) -> PathBuf {
    file_from(&fs::read_to_string(fixture(schema)).unwrap(), folder)
}

fn file_from(sql: &str, folder: &TempDir) -> PathBuf {
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let path = data.join("rollcall.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    #[cfg(unix)]
    for (path, mode) in [(data.clone(), 0o700), (path, 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    data
}

/// The schema of this program.
pub fn today() -> i64 {
    rollcall::db::SCHEMA_VERSION
}

/// How many rows each table has.
pub fn rows(conn: &Connection) -> BTreeMap<String, i64> {
    let count =
        |table: &String| conn.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).unwrap();
    tables(conn).into_iter().map(|table| (table.clone(), count(&table))).collect()
}

/// All there is to a schema but its comments, spaces, and the order in which things were made.
fn structure(conn: &Connection) -> Vec<String> {
    let plain = |sql: String| {
        let code = sql.lines().map(|line| line.split("--").next().unwrap()).collect::<Vec<_>>().join(" ");
        code.replace(['(', ')', ','], " ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut all: Vec<_> =
        column(conn, "select coalesce(sql, type || ' ' || name) from sqlite_schema").into_iter().map(plain).collect();
    for table in tables(conn) {
        for what in ["table_xinfo", "index_list", "foreign_key_list"] {
            let columns =
                column(conn, &format!("select name from pragma_table_xinfo('pragma_{what}') where hidden = 0"));
            let quoted =
                columns.iter().map(|name| format!("quote(\"{name}\")")).collect::<Vec<_>>().join(" || ' ' || ");
            all.extend(column(conn, &format!("select '{table} {what} ' || {quoted} from pragma_{what}('{table}')")));
        }
    }
    all.extend(column(conn, "select 'search ' || k || ' ' || v from user_search_config"));
    all.sort();
    all
}

/// `-- token: …` of a fixture.
fn word(schema: i64, name: &str) -> String {
    let text = fs::read_to_string(fixture(schema)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("-- {name}: ")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("{name} is not in {}", fixture(schema).display()))
}

pub fn released() -> impl Iterator<Item = i64> {
    rollcall::db::migrations::FIRST..today()
}

/// A file of that schema, opened by the server of today.
fn opened(schema: i64) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    file_of(schema, &folder);
    TestApp::on(folder, |config| config.key = Some(KEY.into()))
}

#[test]
fn there_is_a_file_of_every_released_schema_with_something_in_every_column() {
    assert!(released().count() > 0);
    for schema in released() {
        let help = "write it with the version before: cargo test --test main fixture -- --ignored";
        assert!(fixture(schema).exists(), "{} is missing; {help}", fixture(schema).display());
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(&fs::read_to_string(fixture(schema)).unwrap()).unwrap();
        assert_eq!(conn.query_row("pragma user_version", [], |row| row.get::<_, i64>(0)).unwrap(), schema);
        assert_eq!(empty(&conn), Vec::<String>::new(), "schema {schema}");
    }
}

#[tokio::test]
async fn an_upgraded_file_is_as_a_fresh_one_and_lost_nothing() {
    let fresh = structure(&Connection::open(TestApp::new().app.config().data.join("rollcall.db")).unwrap());
    for schema in released() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_of(schema, &folder).join("rollcall.db");
        let before = rows(&Connection::open(&path).unwrap());
        let test = TestApp::on(folder, |config| config.key = Some(KEY.into()));
        let conn = Connection::open(&path).unwrap();
        assert_eq!(structure(&conn), fresh, "schema {schema}");
        let mut after = rows(&conn);
        // What had a table of its own once, or was counted among others.
        let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let invitations = count("select count(*) from users where invitation_id is not null");
        assert!(invitations > 0, "nobody is new");
        match schema < 5 {
            true => *after.get_mut("tokens").unwrap() += invitations,
            false => drop(after.insert("invitations".into(), invitations)),
        }
        after.insert("membership_roles".into(), after["role_holders"]);
        let apart = count("select coalesce(sum(json_array_length(permissions)), 0) from memberships");
        after.insert("membership_permissions".into(), apart);
        *after.get_mut("upgrades").unwrap() -= 1;
        after.retain(|table, _| before.contains_key(table));
        assert_eq!(after, before, "schema {schema}");
        let found = rollcall::domain::check::file(&path, Timestamp(START), &mut |_| Ok(())).unwrap();
        assert!(found.are_good(), "{:#?}", found.lines());
        let log: Vec<(i64, Option<i64>, i64, String)> = test.query(|r| {
            r.all("select schema, from_schema, at, program from upgrades", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        });
        let last = (today(), Some(schema), START, env!("CARGO_PKG_VERSION").to_owned());
        assert_eq!(log.last(), Some(&last));
    }
    let made: (i64, Option<i64>) = TestApp::new().query(|r| {
        Ok(r.maybe("select schema, from_schema from upgrades", [], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap())
    });
    assert_eq!(made, (today(), None));
}

#[tokio::test]
async fn people_go_on_in_an_upgraded_file_with_what_they_had() {
    for schema in released() {
        let test = opened(schema);
        let ada = test.client_with(&word(schema, "token"), "2311");
        let list = ada.get("/users").await.done();
        assert_eq!(list["items"].as_array().unwrap().len(), 3, "{list}");
        let grace = &ada.get("/users?query=hopp").await.done()["items"][0];
        assert_eq!(grace["email"], GRACE);
        assert_eq!(grace["notificationPreferences"]["lead_created"][1]["deliveryPref"], json!(["sms"]));
        let key = word(schema, "key");
        assert_eq!(test.client_with(&key, "2311").get("/users/2").await.done()["email"], GRACE);
        assert_eq!(test.client_with(&key, "2311").get("/teams").await.status, 200);
        ada.post("/users", json!({"email": "new@example.com"})).await.done();
        assert_eq!(ada.get("/users?query=new").await.done()["items"][0]["email"], "new@example.com");
        ada.delete("/users/4/removal").await.done();

        let form = [("email", ADA), ("password", PASSWORD)];
        assert_eq!(test.post("/ui/sign-in").form(&form).send().await.status, 303, "her password");
        let mut device = Device::with_saved(&word(schema, "passkey"));
        let nothing = json!({});
        let script = |path, body| test.post(path).header("accept", "application/json").json(body).send();
        let question = script("/ui/sign-in/passkey/question", &nothing).await.done();
        let answer = json!({"ceremony": question["ceremony"], "credential": device.get(&question), "next": "/ui"});
        script("/ui/sign-in/passkey", &answer).await.done();
    }
}

/// Versions before schema 8 took the sigma that ends a word for another letter.
#[tokio::test]
async fn who_has_a_sigma_at_the_end_of_their_name_is_found_after_an_upgrade() {
    let sql = fs::read_to_string(fixture(7)).unwrap();
    let sql = sql.replace("Grace Brewster Hopper", "Γρέις Χόπερς").replace("grace brewster hopper", "γρεις χοπερς");
    let folder = tempfile::tempdir().unwrap();
    let path = file_from(&sql, &folder).join("rollcall.db");
    let conn = Connection::open(&path).unwrap();
    rollcall::db::search::register(&conn).unwrap();
    let everybody = "update search_progress set indexed_to = (select max(id) from users)";
    conn.execute_batch(&format!("{TAKE_UP}; {everybody}")).unwrap();
    drop(conn);
    let test = TestApp::on(folder, |config| config.key = Some(KEY.into()));
    let ada = test.client_with(&word(7, "token"), "2311");
    for query in ["ΧΟΠΕΡΣ", "χόπερς", "γρεισ"] {
        assert_eq!(ada.get(&format!("/users?query={query}")).await.done()["items"][0]["email"], GRACE, "{query}");
    }
    let found = rollcall::domain::check::file(&path, Timestamp(START), &mut |_| Ok(())).unwrap();
    assert!(found.are_good(), "{:#?}", found.lines());
}

/// Columns in which no row has a value.
fn empty(conn: &Connection) -> Vec<String> {
    let columns = |table: &String| column(conn, &format!("select name from pragma_table_info('{table}')"));
    let all =
        tables(conn).into_iter().flat_map(|table| columns(&table).into_iter().map(move |name| (table.clone(), name)));
    let is_empty = |(table, name): &(String, String)| {
        conn.query_row(&format!("select count({name}) = 0 from {table}"), [], |row| row.get(0)).unwrap()
    };
    all.filter(is_empty).map(|(table, name)| format!("{table}.{name}")).collect()
}

/// Writes the fixture of the schema that this program has now: to be run once, before that schema is released, and
/// never again for it.
#[tokio::test]
#[ignore = "writes a file of the repository: cargo test --test main fixture -- --ignored"]
async fn write_the_fixture_of_this_schema() {
    let (test, words) = lived_in().await;
    let conn = Connection::open(test.app.config().data.join("rollcall.db")).unwrap();
    let schema = conn.query_row("pragma user_version", [], |row| row.get(0)).unwrap();
    let mut text = format!("-- A file of schema {schema}, as `tests/schemas.rs` had it written. Not to be changed.\n");
    for (name, value) in words {
        writeln!(text, "-- {name}: {value}").unwrap();
    }
    text += &dump(&conn);
    assert_eq!(empty(&conn), Vec::<String>::new());
    assert!(!fixture(schema).exists(), "{} is there already", fixture(schema).display());
    fs::write(fixture(schema), text).unwrap();
}
