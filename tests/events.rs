//! The audit trail: who did what to whom, from where, and what changed; never a secret.

use std::collections::BTreeSet;
use std::time::Duration;

use rollcall::domain::events::purge;
use rollcall::domain::pulse::PulseEvent;
use rollcall::jobs;
use serde_json::{Value, json};

use crate::support::{ADA, Answer, Client, PASSWORD, TestApp};

const BOB: &str = "bob@example.com";

fn ids(page: &Answer) -> Vec<i64> {
    page.done()["items"].as_array().unwrap().iter().map(|event| event["id"].as_i64().unwrap()).collect()
}

async fn record(client: &Client<'_>, event: &str) -> i64 {
    client.post("/events", json!({"event": event})).await.done()["id"].as_i64().unwrap()
}

#[tokio::test]
async fn other_systems_record_any_of_the_163() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    for event in PulseEvent::ALL {
        record(&ada, event.name()).await;
    }
    assert_eq!(ids(&ada.get("/events?limit=500").await).len(), 163 + 3);
    let body = json!({"event": "lead_created", "subjectId": 1, "changes": {"source": "website"}});
    let mut event = ada.post("/events", body).await.done();
    assert_eq!(event["requestId"].as_str().unwrap().len(), 32);
    event["requestId"] = "…".into();
    insta::assert_json_snapshot!(event, @r#"
    {
      "id": 167,
      "event": "lead_created",
      "at": "2026-11-23T08:00:00.000Z",
      "actorId": 1,
      "actor": "ada@example.com",
      "subjectId": 1,
      "subject": "ada@example.com",
      "requestId": "…",
      "changes": {
        "source": "website"
      },
      "reported": true
    }
    "#);
    let error = async |body: Value| ada.post("/events", body).await.error();
    insta::assert_snapshot!(error(json!({"event": "lead_lost"})).await, @"400 unknown_event: event: Unknown event `lead_lost`; the PulseEvents schema lists all 163.");
    insta::assert_snapshot!(error(json!({"event": "lead_created", "subjectId": 99})).await, @"400 unknown_user: subjectId: There is no user 99 in this account.");
    insta::assert_snapshot!(error(json!({"event": "lead_created", "changes": [1]})).await, @"400 invalid_changes: changes: This is an object of at most 8 KiB.");
    insta::assert_snapshot!(error(json!({"event": "lead_created", "changes": {"x": "y".repeat(9000)}})).await, @"400 invalid_changes: changes: This is an object of at most 8 KiB.");
    insta::assert_snapshot!(error(json!({"event": "lead_created", "subject": "a\nb"})).await, @"400 invalid_name: subject: A name is a single line, without control characters.");
}

#[tokio::test]
async fn they_are_filtered() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let added = json!({"email": BOB, "roles": ["member"], "permissions": ["events.create", "events.read"]});
    ada.post("/users", added).await.done();
    let bob = test.client(BOB, "2311");
    test.advance(Duration::from_secs(60));
    let by_bob = record(&bob, "lead_created").await;
    test.advance(Duration::from_secs(60));
    ada.patch("/users/2", json!({"name": "Bob"})).await.done();
    let count = async |query: &str| ids(&bob.get(&format!("/events?{query}")).await).len();
    assert_eq!(ids(&bob.get("/events?actorId=2").await), [by_bob]);
    assert_eq!(count("subjectId=2").await, 2);
    assert_eq!(count("about=2").await, 3);
    assert_eq!(count("about=2&event=user_updated").await, 1);
    assert_eq!(count("event=user_created").await, 2);
    assert_eq!(ids(&bob.get("/events?from=2026-11-23T08:01:00Z&to=2026-11-23T08:02:00Z").await), [by_bob]);
    assert_eq!(ids(&bob.get("/events?from=2026-11-23T09:01:00%2B01:00&to=2026-11-23T08:01:00.001Z").await), [by_bob]);
    assert_eq!(count("from=2026-11-24T00:00:00Z").await, 0);
    let error = async |query: &str| bob.get(&format!("/events?{query}")).await.error();
    insta::assert_snapshot!(error("event=lead_lost").await, @"400 invalid_parameter: event: This is none of the values it can have; the documentation lists them.");
    insta::assert_snapshot!(error("from=yesterday").await, @"400 invalid_parameter: from: This is not a moment. Write it like 2026-11-23T08:38:19Z.");
    insta::assert_snapshot!(error("actorId=bob").await, @"400 invalid_parameter: actorId: This is a whole number.");
    insta::assert_snapshot!(error("cursor=x").await, @"400 invalid_parameter: cursor: This is not a cursor of this list. Use nextCursor as it was given.");
    insta::assert_snapshot!(error("limit=501").await, @"400 invalid_parameter: limit: A page has 1 to 500 events.");
}

/// The latest and the others, by all that they can be asked for and at a clock that goes forth and back: a page and an export
/// have exactly what was recorded.
#[tokio::test]
async fn what_is_found_is_what_happened_of_late_and_before() {
    const MINUTE: Duration = Duration::from_secs(60);
    let test = TestApp::new_with(|config| config.keep_events = Some(20 * MINUTE));
    let ada = test.client(ADA, "2311");
    let place = json!({"email": BOB, "permissions": ["events.create", "events.read"]});
    ada.post("/users", place).await.done();
    ada.post("/users", json!({"email": "eve@example.com"})).await.done();
    test.account("2312", "Other", "gus@example.com");
    let clients = [test.client(ADA, "2311"), test.client(BOB, "2311"), test.client("gus@example.com", "2312")];
    for n in 0..400_usize {
        let client = &clients[[0, 1, 0, 2, 0][n % 5]];
        let name = ["lead_created", "lead_deleted", "cron_job"][n % 3];
        let mut event = json!({ "event": name });
        if n % 5 != 3 && n % 7 < 3 {
            event["subjectId"] = json!(1 + n % 7);
        }
        client.post("/events", event).await.done();
        if n % 11 == 10 { test.set_back(9 * MINUTE) } else { test.advance(MINUTE) }
    }
    let count = |table: &str| {
        let sql = format!("select count(*) from {table}");
        test.query(move |r| r.value::<i64>(&sql, []))
    };
    let before = count("all_events");
    assert!(before > 400 && count("events") > 0 && count("latest_events") > 0);
    let same = async || {
        let times = "from=2026-11-23T08:10:00Z&to=2026-11-23T08:33:00Z";
        let meant = "at >= 1795421400000 and at < 1795422780000";
        for (query, condition) in [
            ("", "1"),
            ("event=lead_created", "event = 'lead_created'"),
            ("actorId=2", "actor_id = 2"),
            ("subjectId=3", "subject_id = 3"),
            ("about=2", "2 in (actor_id, subject_id)"),
            ("event=cron_job&actorId=1", "event = 'cron_job' and actor_id = 1"),
            (
                "event=cron_job&about=1&subjectId=2",
                "event = 'cron_job' and 1 in (actor_id, subject_id) and subject_id = 2",
            ),
            ("actorId=2&subjectId=2", "actor_id = 2 and subject_id = 2"),
            ("event=user_impersonated", "0"),
        ] {
            for (query, condition) in [
                (query.to_owned(), condition.to_owned()),
                (format!("{query}&{times}"), format!("{condition} and {meant}")),
            ] {
                let sql =
                    format!("select id from all_events where account_id = '2311' and {condition} order by at, id");
                let meant = test.query(|r| r.all(&sql, [], |row| row.get::<_, i64>(0)));
                let export = ada.get(&format!("/events/export?{query}")).await.text;
                let exported =
                    export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap());
                assert_eq!(exported.collect::<Vec<_>>(), meant, "{query}");
                let (mut paged, mut cursor) = (Vec::new(), String::new());
                loop {
                    let page = ada.get(&format!("/events?limit=37&{query}{cursor}")).await;
                    paged.extend(ids(&page));
                    let Some(next) = page.json()["nextCursor"].as_str().map(str::to_owned) else { break };
                    cursor = format!("&cursor={next}");
                }
                paged.reverse();
                assert_eq!(paged, meant, "{query}");
            }
        }
    };
    same().await;
    // The oldest go, wherever they are.
    jobs::run_once(&test.app).await;
    assert!((1..before).contains(&count("all_events")), "{} of {before}", count("all_events"));
    same().await;
    let found =
        rollcall::domain::check::file(&test.database(), rollcall::clock::Timestamp(0), &mut |_| Ok(())).unwrap();
    assert!(found.are_good(), "{:#?}", found.lines());
}

#[tokio::test]
async fn pages_and_export_have_each_event_once() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let mut all = ids(&ada.get("/events").await);
    for _ in 0..12 {
        all.insert(0, record(&ada, "lead_created").await);
    }
    for query in ["limit=5", "limit=5&about=1"] {
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ada.get(&format!("/events?{query}{cursor}")).await;
            paged.extend(ids(&page));
            // Later events don't disturb a walk that has begun.
            record(&ada, "lead_deleted").await;
            match page.json()["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        paged.retain(|id| all.contains(id));
        if query.contains("about") {
            // The account was there before she was.
            all.pop();
        }
        assert_eq!(paged, all, "{query}");
    }
    let export = ada.get("/events/export").await;
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let exported: Vec<_> = lines.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert!(exported.is_sorted(), "the oldest first");
    assert_eq!(exported.iter().collect::<BTreeSet<_>>().len(), exported.len());
    assert!(all.iter().all(|id| exported.contains(id)));
    assert_eq!(lines[0], ada.get(&format!("/events/{}", exported[0])).await.done());
    let some = ada.get("/events/export?event=lead_created").await.text;
    assert_eq!(some.lines().count(), 12);
    assert_eq!(ada.get("/events/export?from=2027-01-01T00:00:00Z").await.text, "");
}

/// More than one slice.
#[tokio::test]
async fn an_export_has_no_end_but_the_last_event() {
    let test = TestApp::new();
    test.app
        .db()
        .write_here(|w| {
            let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1700)
                       insert into latest_events (event, at, account_id) select 'cron_job', 1000, '2311' from n";
            w.run(sql, [])
        })
        .unwrap();
    let text = test.client(ADA, "2311").get("/events/export?event=cron_job").await.text;
    assert_eq!(text.lines().count(), 1700);
}

#[tokio::test]
async fn an_account_reads_its_own_alone() {
    let test = TestApp::new();
    test.account("2312", "Other", "eve@example.com");
    let ada = test.client(ADA, "2311");
    let secret = record(&ada, "lead_created").await;
    let eve = test.client("eve@example.com", "2312");
    assert!(eve.get(&format!("/events/{secret}")).await.error().starts_with("404"));
    for path in ["/events", "/events?actorId=1", "/events?about=1", "/events/export"] {
        assert!(!eve.get(path).await.text.contains(ADA), "{path}");
    }
}

#[tokio::test]
async fn no_event_holds_a_secret() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    let bob = ada.post("/users", json!({"email": BOB})).await.done();
    let invitation = ada.post("/users/2/invitation", Value::Null).await.done();
    let key = ada.post("/api-keys", json!({"name": "k", "expiresAt": "2027-01-01T00:00:00Z"})).await.done();
    let export = ada.get("/events/export").await.text;
    for secret in [&bob["token"], &invitation["token"], &key["token"], &key["id"]] {
        assert!(!export.contains(secret.as_str().unwrap()));
    }
    assert!(!export.contains("v4.local.") && !export.contains("argon2") && !export.contains(PASSWORD));
}

#[tokio::test]
async fn old_events_go_when_that_is_wanted() {
    let test = TestApp::with(|config| config.keep_events = Some(Duration::from_secs(7 * 24 * 3600)));
    let insert = |days: i64, account: Option<&'static str>| {
        test.app.db().write_here(move |w| {
            let sql = "insert into latest_events (event, at, account_id) values ('cron_job', ?1, ?2)";
            w.run(sql, rollcall::db::params![crate::support::START - days * 24 * 3600 * 1000, account])
        })
    };
    for account in [Some("2311"), Some("7"), Some("gone"), None] {
        for days in [9, 8, 6] {
            insert(days, account).unwrap();
        }
    }
    jobs::run_once(&test.app).await;
    let left = "select group_concat(coalesce(account_id, '-')) from (select account_id from all_events order by 1)";
    assert_eq!(test.query(|r| r.value::<String>(left, [])), "-,2311,7,gone");
}

/// Whoever goes on after one of the latest takes it that all before it have gone, if it has.
#[tokio::test]
async fn the_latest_events_are_the_last_to_go() {
    let test = TestApp::new();
    let count = |table: &str| {
        let sql = format!("select count(*) from {table} where event = 'cron_job'");
        test.query(move |r| r.value::<i64>(&sql, []))
    };
    let purge = || test.app.db().write_here(|w| purge(w, rollcall::clock::Timestamp(1000), 500)).unwrap();
    for (table, first, last) in [("events", 1000, 1599), ("latest_events", 1600, 1639)] {
        let sql = format!(
            "with recursive n(i) as (select {first} union all select i + 1 from n where i < {last})
             insert into {table} (id, event, at, account_id) select i, 'cron_job', 1, iif(i < 1300, '2311', '7') from n"
        );
        test.app.db().write_here(move |w| w.run(&sql, [])).unwrap();
    }
    assert_eq!((purge(), count("events"), count("latest_events")), (500, 100, 40));
    assert_eq!((purge(), count("events"), count("latest_events")), (140, 0, 0));
}

#[tokio::test]
async fn an_export_of_what_is_about_somebody_holds_only_that() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/users", json!({"email": BOB})).await.done();
    ada.post("/teams", json!({"name": "Crew"})).await.done();
    test.client(BOB, "2311").patch("/me", json!({"phone": "+49 30 901820"})).await.done();
    let lines = ada.get("/events/export?about=2").await.text;
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(told, ["user_created", "user_updated"]);
}
