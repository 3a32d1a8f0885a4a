//! `POST /users`, `GET /users`, `GET /users/{id}` and `GET /me`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ADA, TestApp};

async fn create(test: &TestApp, token: &str, body: Value) -> Value {
    let answer = test.post("/users").token(token).account("2311").json(&body).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn an_email_alone_is_enough() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let answer =
        test.post("/users").token(&token).account("2311").json(&json!({"email": "bob@example.com"})).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), "/users/2");
    let mut user = answer.json();
    assert!(user["token"].as_str().unwrap().starts_with("v4.local."));
    user["token"] = "…".into();
    insta::assert_json_snapshot!(user, @r#"
    {
      "id": 2,
      "email": "bob@example.com",
      "active": true,
      "notificationPreferences": {},
      "createdBy": "ada@example.com",
      "updatedBy": "ada@example.com",
      "createdAt": "2026-11-23T08:00:00.000Z",
      "updatedAt": "2026-11-23T08:00:00.000Z",
      "accounts": [
        {
          "accountId": "2311",
          "accountName": "Acme",
          "usersPrimaryAccount": true,
          "accountAdmin": false
        }
      ],
      "flatRolesList": [
        "member"
      ],
      "flatPermissionsList": [
        "users.read"
      ],
      "token": "…"
    }
    "#);
}

#[tokio::test]
async fn every_writable_field_is_kept_and_answered_in_documented_order() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let mut user = create(
        &test,
        &token,
        json!({
            "email": " Grace.Hopper@Example.com ",
            "name": "  Grace Hopper ",
            "phone": "+1 (212) 555-0100",
            "imgSrc": "https://example.com/grace.png",
            "active": false,
            "notificationPreferences": {
                "lead_created": [
                    {"event": "lead_created", "accountId": "2311", "deliveryPref": ["sms", "email"]},
                    {"event": "lead_created", "deliveryPref": []},
                ],
                "user_created": [{"event": "user_created"}],
            },
        }),
    )
    .await;
    user["token"] = "…".into();
    insta::assert_json_snapshot!(user, @r#"
    {
      "id": 2,
      "email": "Grace.Hopper@Example.com",
      "name": "Grace Hopper",
      "active": false,
      "phone": "+1 (212) 555-0100",
      "imgSrc": "https://example.com/grace.png",
      "notificationPreferences": {
        "lead_created": [
          {
            "event": "lead_created",
            "accountId": "2311",
            "deliveryPref": [
              "sms",
              "email"
            ]
          },
          {
            "event": "lead_created",
            "deliveryPref": []
          }
        ],
        "user_created": [
          {
            "event": "user_created"
          }
        ]
      },
      "createdBy": "ada@example.com",
      "updatedBy": "ada@example.com",
      "createdAt": "2026-11-23T08:00:00.000Z",
      "updatedAt": "2026-11-23T08:00:00.000Z",
      "accounts": [
        {
          "accountId": "2311",
          "accountName": "Acme",
          "usersPrimaryAccount": true,
          "accountAdmin": false
        }
      ],
      "flatRolesList": [
        "member"
      ],
      "flatPermissionsList": [
        "users.read"
      ],
      "token": "…"
    }
    "#);
    let found = test.get("/users/2").token(&token).account("2311").send().await.json();
    let mut without_token = user;
    without_token.as_object_mut().unwrap().shift_remove("token");
    assert_eq!(found.to_string(), without_token.to_string(), "the same user, byte for byte, but without a token");
}

/// What a creation answers was not looked up, and must be what is.
#[tokio::test]
async fn whoever_creates_somebody_is_answered_what_they_find_then() {
    let test = TestApp::new();
    let owner = test.client(ADA, "2311");
    let team = owner.post("/teams", json!({"name": "Crew"})).await.done()["id"].clone();
    let role = json!({"name": "pilot", "permissions": ["users.read", "users.create", "events.read"]});
    owner.post("/roles", role).await.done();
    let people = [
        json!({"email": "admin@example.com", "accountAdmin": true, "roles": []}),
        json!({"email": "pilot@example.com", "roles": ["pilot", "member"], "teamId": team}),
    ];
    let mut tokens = vec![test.token(ADA)];
    for person in people {
        tokens.push(create(&test, &tokens[0], person).await["token"].as_str().unwrap().to_owned());
    }
    let key =
        json!({"name": "Import", "expiresAt": "2026-12-23T08:00:00Z", "permissions": ["users.read", "users.create"]});
    tokens.push(owner.post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned());
    for (n, token) in tokens.iter().enumerate() {
        let bodies = [
            json!({"email": format!("a{n}@example.com")}),
            json!({"email": format!("b{n}@example.com"), "teamId": team, "roles": ["member"], "permissions": ["users.read"],
                   "notificationPreferences": {"lead_created": [], "user_created": [{"event": "user_created"}]}}),
        ];
        for body in bodies {
            let mut made = create(&test, token, body).await;
            made.as_object_mut().unwrap().shift_remove("token");
            let path = format!("/users/{}", made["id"]);
            let found = test.get(&path).token(token).account("2311").send().await.json();
            assert_eq!(found.to_string(), made.to_string(), "by actor {n}");
        }
    }
}

#[tokio::test]
async fn a_preference_for_each_of_the_163_events_is_accepted() {
    let test = TestApp::new();
    let events: Vec<_> = rollcall::domain::pulse::PulseEvent::ALL.iter().map(|event| event.name()).collect();
    assert_eq!(events.len(), 163);
    let preferences: serde_json::Map<_, _> =
        events.iter().map(|event| ((*event).into(), json!([{"event": event, "deliveryPref": ["website"]}]))).collect();
    let body = json!({"email": "all@example.com", "notificationPreferences": preferences});
    let user = create(&test, &test.token(ADA), body).await;
    assert_eq!(user["notificationPreferences"], Value::Object(preferences));
}

#[tokio::test]
async fn the_first_token_is_the_new_users_own_and_expires() {
    let test = TestApp::new();
    let user = create(&test, &test.token(ADA), json!({"email": "bob@example.com"})).await;
    let first = user["token"].as_str().unwrap();
    let me = test.get("/me").token(first).send().await;
    assert_eq!(me.status, 200);
    assert_eq!(me.json()["email"], "bob@example.com");
    assert_eq!(me.json().get("token"), None);

    test.advance(Duration::from_secs(72 * 3600 - 1));
    assert_eq!(test.get("/me").token(first).send().await.status, 200);
    test.advance(Duration::from_secs(1));
    let answer = test.get("/me").token(first).send().await;
    insta::assert_snapshot!(answer.error(), @"401 token_expired: This token has expired. Get a new one and try again.");
}

#[tokio::test]
async fn a_user_who_is_not_active_cannot_use_a_token() {
    let test = TestApp::new();
    let user = create(&test, &test.token(ADA), json!({"email": "bob@example.com", "active": false})).await;
    let answer = test.get("/me").token(user["token"].as_str().unwrap()).send().await;
    insta::assert_snapshot!(answer.error(), @"401 user_suspended: This user is suspended. Ask an admin to make them active again.");
}

#[tokio::test]
async fn an_email_is_one_person_whatever_its_case() {
    let test = TestApp::new();
    let token = test.token(ADA);
    create(&test, &token, json!({"email": "Bob@Example.com"})).await;
    let before = test.rows();
    let again =
        test.post("/users").token(&token).account("2311").json(&json!({"email": "bOB@eXAMPLE.COM"})).send().await;
    insta::assert_snapshot!(again.error(), @"409 email_taken: bOB@eXAMPLE.COM is in this account already, as user 2.");
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn creating_a_user_records_who_did_it_in_the_same_transaction() {
    let test = TestApp::new();
    create(&test, &test.token(ADA), json!({"email": "bob@example.com"})).await;
    let event: (String, i64, String, String, String) = test.query(|r| {
        let sql = "select event, at, account_id, actor, subject from all_events where subject_id = 2";
        Ok(r.maybe(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?.unwrap())
    });
    assert_eq!(
        event,
        ("user_created".into(), crate::support::START, "2311".into(), ADA.into(), "bob@example.com".into())
    );
}

#[tokio::test]
async fn two_requests_for_one_email_at_once_create_one_user() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let body = json!({"email": "bob@example.com"});
    let post = || test.post("/users").token(&token).account("2311").json(&body).send();
    let answers = tokio::join!(post(), post(), post(), post(), post(), post(), post(), post());
    let statuses: [_; 8] = <[_; 8]>::from(answers).map(|answer| answer.status.as_u16());
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
}

#[tokio::test]
async fn pages_are_complete_in_every_order() {
    let test = TestApp::new();
    let token = test.token(ADA);
    for i in 0..23 {
        // Every third has no name and pairs share a moment, so that ties are broken by id.
        let name = if i % 3 == 0 { Value::Null } else { format!("Person {}", (i * 7) % 5).into() };
        create(&test, &token, json!({"email": format!("p{:02}@example.com", (i * 11) % 23), "name": name})).await;
        if i % 2 == 0 {
            test.advance(Duration::from_millis(10));
        }
    }
    for sort in ["email", "-email", "name", "-name", "createdAt", "-createdAt", "updatedAt", "-updatedAt"] {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/users?sort={sort}&limit=5{cursor}");
            let page = test.get(&path).token(&token).account("2311").send().await.json();
            ids.extend(page["items"].as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(ids.len(), 24, "{sort}: {ids:?}");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 24, "{sort}: {ids:?}");
        let whole =
            test.get(&format!("/users?sort={sort}&limit=200")).token(&token).account("2311").send().await.json();
        let keys: Vec<_> = whole["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|u| u[sort.trim_start_matches('-')].to_string().replace("null", ""))
            .collect();
        let mut sorted = keys.clone();
        sorted.sort();
        if sort.starts_with('-') {
            sorted.reverse();
        }
        assert_eq!(keys, sorted, "{sort}");
    }
}

#[tokio::test]
async fn lists_are_searched_and_filtered() {
    let test = TestApp::new();
    let token = test.token(ADA);
    for (email, name, active) in [
        ("juergen@example.com", "Jürgen Müller", true),
        ("taro@example.jp", "山田 太郎", true),
        ("zoe@example.com", "Zoë O’Brien", false),
    ] {
        create(&test, &token, json!({"email": email, "name": name, "active": active})).await;
    }
    let emails = async |query: &str| {
        let page = test.get(&format!("/users?{query}")).token(&token).account("2311").send().await.json();
        let emails: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|u| u["email"].as_str().unwrap().to_owned()).collect();
        emails.join(" ")
    };
    assert_eq!(emails("query=muller").await, "juergen@example.com");
    assert_eq!(emails("query=M%C3%9CLL").await, "juergen@example.com");
    assert_eq!(emails("query=%E5%A4%AA%E9%83%8E").await, "taro@example.jp");
    assert_eq!(emails("query=EXAMPLE.COM").await, "ada@example.com juergen@example.com zoe@example.com");
    assert_eq!(emails("query=%25").await, "");
    assert_eq!(emails("active=false").await, "zoe@example.com");
    assert_eq!(emails("active=true&query=zo").await, "");
}

#[tokio::test]
async fn lists_are_filtered_by_place_and_time() {
    let test = TestApp::new();
    test.account("2312", "Other", "eve@example.com");
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({"name": "Support"})).await.done();
    ada.post("/users", json!({"email": "bob@example.com", "teamId": 1, "roles": ["admin"]})).await.done();
    test.advance(Duration::from_secs(3600));
    ada.post("/users", json!({"email": "carol@example.com", "accountAdmin": true})).await.done();
    ada.post("/users", json!({"email": "eve@example.com"})).await.done();
    ada.post("/users", json!({"email": "dan@example.com"})).await.done();
    test.advance(Duration::from_secs(3600));
    ada.delete("/users/5").await.done();
    ada.patch("/users/3", json!({"name": "Bob"})).await.done();
    let names = async |query: &str| {
        let page = ada.get(&format!("/users?{query}")).await.done();
        let names = page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap());
        names.map(|email| email.split('@').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("").await, "ada bob carol eve");
    assert_eq!(names("role=admin").await, "ada bob");
    assert_eq!(names("role=member").await, "carol eve");
    assert_eq!(names("role=nothing").await, "");
    assert_eq!(names("teamId=1").await, "bob");
    assert_eq!(names("accountAdmin=true").await, "ada carol");
    assert_eq!(names("accountAdmin=false").await, "bob eve");
    assert_eq!(names("pending=true").await, "eve");
    assert_eq!(names("pending=false").await, "ada bob carol");
    assert_eq!(names("removed=true").await, "dan");
    assert_eq!(names("removed=false&query=dan").await, "");
    assert_eq!(names("createdSince=2026-11-23T09:00:00Z").await, "carol eve");
    assert_eq!(names("updatedSince=2026-11-23T10:00:00Z").await, "bob");
    assert_eq!(names("role=admin&accountAdmin=false&updatedSince=2026-11-23T10:00:00Z&query=BO").await, "bob");
    assert_eq!(names("updatedSince=2026-11-23T12:00:00%2B02:00").await, "bob");
}

#[tokio::test]
async fn bad_parameters_are_refused_in_words() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let error = async |path: &str| test.get(path).token(&token).account("2311").send().await.error();
    insta::assert_snapshot!(error("/users?limit=0").await, @"400 invalid_parameter: limit: A page has 1 to 200 users.");
    insta::assert_snapshot!(error("/users?limit=201").await, @"400 invalid_parameter: limit: A page has 1 to 200 users.");
    insta::assert_snapshot!(error("/users?sort=phone").await, @"400 invalid_parameter: sort: Sort by email, name, createdAt or updatedAt; a hyphen in front turns it round.");
    insta::assert_snapshot!(error("/users?cursor=abc").await, @"400 invalid_parameter: cursor: This is not a cursor of this list. Use nextCursor as it was given, with the same sort.");
    insta::assert_snapshot!(error("/users?active=perhaps").await, @"400 invalid_parameter: active: This is `true` or `false`.");
    let next = test.get("/users?limit=1").token(&token).account("2311").send().await.json();
    assert_eq!(next.get("nextCursor"), None, "one user fits on one page");
    insta::assert_snapshot!(error("/users/99").await, @"404 not_found: There is no user 99 in this account.");
    insta::assert_snapshot!(error("/users/ada").await, @"404 not_found: There is nothing at this address: its ID is a whole number.");
}
