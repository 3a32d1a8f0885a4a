//! A file of every released schema is brought to today's and used. `tests/schemas/N.sql` is a file of schema N as that
//! version wrote it, with a row in every table and a value in every column.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use poem::http::Method;
use rusqlite::Connection;
use serde_json::json;

use crate::authenticator::Device;
use crate::support::{ADA, TestApp};
use crate::visitor::{Page, sign_in};

/// What the tokens of all fixtures are sealed with.
const KEY: &str = "k4.local.IXxul8cjpIOg6e9vT4cxmMRfpnLEXZsg8niGeFWpQwQ";
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
    ada.put("/users/3/suspension", json!(null)).await.done();
    let key = json!({"name": "Import", "permissions": ["users.read"], "expiresAt": "2027-10-01T00:00:00Z"});
    let key = ada.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    test.advance(Duration::from_secs(600));
    test.client_with(&key, "2311").get("/users").await.done();

    test.account("4712", "Closed", "eve@example.com");
    let eve = test.client("eve@example.com", "4712");
    eve.post("/users", json!({"email": GRACE})).await.done();
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
    // What takes a real connection, or a deleted account.
    let rest = [
        "update passkeys set used_at = ?1",
        "update accounts set removed_at = ?1 where id = '4713'",
        "update tokens set device = 'Firefox on Linux' where kind = 'session' and ?1 > 0",
    ];
    test.account("4713", "Gone", "mallory@example.com");
    for sql in rest {
        test.app.db().write_here(move |w| w.run(sql, [w.now])).unwrap();
    }
    for table in ["events", "tokens"] {
        let sql = format!("update {table} set address = '192.0.2.1'");
        test.app.db().write_here(move |w| w.run(&sql, [])).unwrap();
    }
    let words = vec![("token", token), ("key", key), ("passkey", device.saved())];
    (test, words)
}

/// Text from which SQLite makes the same file again.
fn dump(conn: &Connection) -> String {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let mut text = String::new();
    for pragma in ["application_id", "user_version"] {
        writeln!(text, "pragma {pragma} = {};", number(&format!("pragma {pragma}"))).unwrap();
    }
    let schema = "select sql from sqlite_schema where sql is not null and name not like 'sqlite_%'
                    and name not in (select name from pragma_table_list where type = 'shadow') order by rowid";
    for sql in column(conn, schema) {
        writeln!(text, "{sql};").unwrap();
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

/// Columns in which no row has a value.
fn empty(conn: &Connection) -> Vec<String> {
    let columns = |table: &String| column(conn, &format!("select name from pragma_table_info('{table}')"));
    let all = tables(conn).into_iter().flat_map(|table| columns(&table).into_iter().map(move |name| (table.clone(), name)));
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
