//! Every way a request can be wrong has an answer of its own, in the one shape, and changes nothing.

use std::time::Duration;

use poem::http::Method;
use serde_json::json;

use crate::support::{ADA, TestApp};

/// Sends a body to `POST /users` as Ada and describes the refusal; checks that nothing was stored.
async fn refused(test: &TestApp, body: impl Into<Vec<u8>>) -> String {
    let token = test.token(ADA);
    let before = test.rows();
    let call = test.post("/users").token(&token).account("2311");
    let answer = call.header("content-type", "application/json").body(body).send().await;
    assert_eq!(test.rows(), before, "a refused request stored something");
    answer.error()
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let test = TestApp::new();
    insta::assert_snapshot!(refused(&test, "").await, @"400 malformed_json: The body is empty; send a JSON object.");
    insta::assert_snapshot!(refused(&test, "{").await, @"400 malformed_json: The body is not valid JSON: EOF while parsing an object at line 1 column 1.");
    insta::assert_snapshot!(refused(&test, r#"{"email":"bob@example.com"} x"#).await, @"400 malformed_json: The body is not valid JSON: trailing characters at line 1 column 29.");
    insta::assert_snapshot!(refused(&test, b"\xff\xfe".as_slice()).await, @"400 malformed_json: The body is not valid JSON: expected value at line 1 column 1.");
    insta::assert_snapshot!(refused(&test, "[]").await, @"400 invalid_type: Invalid type: array, expected an object.");
    insta::assert_snapshot!(refused(&test, "null").await, @"400 invalid_type: Invalid type: null, expected an object.");
    insta::assert_snapshot!(refused(&test, "{}").await, @"400 missing_field: Missing field `email`.");
    insta::assert_snapshot!(refused(&test, r#"{"email":3}"#).await, @"400 invalid_type: email: Invalid type: integer `3`, expected a string.");
    insta::assert_snapshot!(refused(&test, r#"{"email":null}"#).await, @"400 invalid_type: email: Invalid type: null, expected a string.");
    insta::assert_snapshot!(refused(&test, r#"{"email":"bob@example.com","active":"yes"}"#).await, @r#"400 invalid_type: active: Invalid type: string "yes", expected a boolean."#);
    insta::assert_snapshot!(refused(&test, r#"{"email":"bob@example.com","token":"x"}"#).await, @"400 unknown_field: token: Unknown field `token`, expected one of `email`, `name`, `phone`, `imgSrc`, `active`, `notificationPreferences`, `teamId`, `roles`, `permissions`, `accountAdmin`.");
    insta::assert_snapshot!(refused(&test, r#"{"email":"a@example.com","email":"b@example.com"}"#).await, @"400 duplicate_field: Duplicate field `email`.");
    insta::assert_snapshot!(refused(&test, "[".repeat(100_000)).await, @"400 invalid_type: Invalid type: array, expected an object.");
    insta::assert_snapshot!(refused(&test, format!(r#"{{"email":"bob@example.com","name":{}"#, "[".repeat(5_000))).await, @"400 invalid_type: name: Invalid type: array, expected a string.");
}

#[tokio::test]
async fn values_that_are_not_allowed() {
    let test = TestApp::new();
    let error = async |field: &str, value: serde_json::Value| {
        let mut body = json!({"email": "bob@example.com"});
        body[field] = value;
        refused(&test, body.to_string()).await
    };
    insta::assert_snapshot!(error("email", "".into()).await, @"400 email_missing: email: Enter an e-mail address.");
    insta::assert_snapshot!(error("email", "bob".into()).await, @"400 invalid_email: email: This is not an e-mail address. Write it like name@example.com.");
    insta::assert_snapshot!(error("email", "bob@localhost".into()).await, @"400 invalid_email: email: This is not an e-mail address. Write it like name@example.com.");
    insta::assert_snapshot!(error("email", "bob@example.com\r\nBcc: eve@example.com".into()).await, @"400 invalid_email: email: This is not an e-mail address. Write it like name@example.com.");
    insta::assert_snapshot!(error("email", format!("{}@example.com", "b".repeat(250)).into()).await, @"400 email_too_long: email: An e-mail address has at most 254 bytes; this one has 262.");
    insta::assert_snapshot!(error("name", "x".repeat(201).into()).await, @"400 name_too_long: name: A name has at most 200 characters.");
    insta::assert_snapshot!(error("name", "two\nlines".into()).await, @"400 invalid_name: name: A name is a single line, without control characters.");
    insta::assert_snapshot!(error("phone", "call me".into()).await, @"400 invalid_phone: phone: This is not a phone number. Write it like +49 30 901820, with 3 to 20 digits.");
    insta::assert_snapshot!(error("imgSrc", "javascript:alert(1)".into()).await, @"400 invalid_img_src: imgSrc: An image address starts with https:// or http://, not javascript:.");
    insta::assert_snapshot!(error("imgSrc", "/ada.png".into()).await, @"400 invalid_img_src: imgSrc: This is not a web address. Write it in full, like https://example.com/ada.png.");
}

#[tokio::test]
async fn preferences_that_contradict_themselves() {
    let test = TestApp::new();
    let error = async |preferences: serde_json::Value| {
        refused(&test, json!({"email": "bob@example.com", "notificationPreferences": preferences}).to_string()).await
    };
    insta::assert_snapshot!(error(json!({"lead_lost": []})).await, @"400 unknown_event: notificationPreferences.lead_lost: Unknown event `lead_lost`; the PulseEvents schema lists all 163.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_lost"}]})).await, @"400 unknown_event: notificationPreferences.lead_created[0].event: Unknown event `lead_lost`; the PulseEvents schema lists all 163.");
    insta::assert_snapshot!(error(json!({"lead_created": [{}]})).await, @"400 missing_field: notificationPreferences.lead_created[0]: Missing field `event`.");
    insta::assert_snapshot!(error(json!({"lead_created": {"event": "lead_created"}})).await, @"400 invalid_type: notificationPreferences.lead_created: Invalid type: object, expected an array.");
    insta::assert_snapshot!(error(json!({"lead_created": ["lead_created"]})).await, @r#"400 invalid_type: notificationPreferences.lead_created[0]: Invalid type: string "lead_created", expected an object."#);
    insta::assert_snapshot!(error(json!({"lead_created": [["lead_created", null, null]]})).await, @"400 invalid_type: notificationPreferences.lead_created[0]: Invalid type: array, expected an object.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_created", "how": 1}]})).await, @"400 unknown_field: notificationPreferences.lead_created[0].how: Unknown field `how`, expected one of `event`, `accountId`, `deliveryPref`.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_created", "deliveryPref": ["pigeon"]}]})).await, @"400 unknown_delivery: notificationPreferences.lead_created[0].deliveryPref[0]: Unknown delivery `pigeon`; it is one of website, weekly_email_digest, monthly_email_digest, email, sms.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_created", "deliveryPref": ["sms", "sms"]}]})).await, @"400 duplicate_delivery: notificationPreferences.lead_created[0].deliveryPref: Each kind of delivery is listed at most once.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_deleted"}]})).await, @"400 event_mismatch: notificationPreferences.lead_created[0].event: This preference is listed under `lead_created` but is about `lead_deleted`.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_created"}, {"event": "lead_created"}]})).await, @"400 duplicate_preference: notificationPreferences.lead_created[1]: There can be one default for `lead_created`: a preference without accountId.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_created", "accountId": "2311"}, {"event": "lead_created", "accountId": "2311"}]})).await, @"400 duplicate_preference: notificationPreferences.lead_created[1]: There can be one preference for `lead_created` in account 2311.");
    insta::assert_snapshot!(error(json!({"lead_created": [{"event": "lead_created", "accountId": "9999"}]})).await, @"400 not_in_account: notificationPreferences.lead_created[0].accountId: The user is not in account 9999.");
}

#[tokio::test]
async fn several_mistakes_are_told_at_once() {
    let test = TestApp::new();
    let body = json!({"email": "bob", "phone": "?", "imgSrc": "data:,x"});
    insta::assert_snapshot!(refused(&test, body.to_string()).await, @"400 invalid_email: email: This is not an e-mail address. Write it like name@example.com. phone: This is not a phone number. Write it like +49 30 901820, with 3 to 20 digits. imgSrc: An image address starts with https:// or http://, not data:.");
}

#[tokio::test]
async fn what_only_the_database_knows_is_told_with_the_rest() {
    let test = TestApp::new();
    let body = json!({"email": "x", "name": "a\nb", "roles": ["nobody"], "permissions": ["fly"], "teamId": 7});
    insta::assert_snapshot!(refused(&test, body.to_string()).await, @"400 invalid_email: email: This is not an e-mail address. Write it like name@example.com. name: A name is a single line, without control characters. roles[0]: There is no role nobody in this account. permissions[0]: There is no permission fly; the list of permissions has all there are. teamId: There is no team 7 in this account.");
    test.member("2311", "grace@example.com", "member");
    let ada = test.client(ADA, "2311");
    let patch = json!({"roles": ["nobody"], "permissions": ["fly"], "teamId": 7});
    let refused = ada.call(Method::PATCH, "/users/2/membership").json(&patch).send().await;
    insta::assert_snapshot!(refused.error(), @"400 unknown_role: roles[0]: There is no role nobody in this account. permissions[0]: There is no permission fly; the list of permissions has all there are. teamId: There is no team 7 in this account.");
}

#[tokio::test]
async fn null_is_no_value_where_nothing_is_cleared() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({"name": "Compilers"})).await.done();
    let before = test.rows();
    for (path, field) in [
        ("/me", "email"),
        ("/users/1", "email"),
        ("/users/1/membership", "roles"),
        ("/users/1/membership", "permissions"),
        ("/users/1/membership", "accountAdmin"),
        ("/teams/1", "name"),
        ("/teams/1", "active"),
    ] {
        let answer = ada.call(Method::PATCH, path).json(&json!({ field: null })).send().await;
        assert!(answer.error().starts_with(&format!("400 invalid_type: {field}: ")), "{path}: {}", answer.error());
    }
    assert_eq!(test.rows(), before);
}

#[tokio::test]
async fn a_promise_that_an_operation_does_not_keep_is_refused() {
    let test = TestApp::new();
    test.member("2311", "grace@example.com", "member");
    let ada = test.client(ADA, "2311");
    let before = test.rows();
    for (method, path, header) in [
        (Method::DELETE, "/users/2", "If-Match"),
        (Method::PUT, "/users/2/suspension", "If-Match"),
        (Method::PUT, "/users/2/ownership", "If-Match"),
        (Method::POST, "/teams", "Idempotency-Key"),
        (Method::PATCH, "/users/2", "Idempotency-Key"),
    ] {
        let answer = ada.call(method, path).header(header, "\"a\"").json(&json!({"name": "x"})).send().await;
        let told = format!("400 unknown_parameter: {header}: Nothing here goes by `{header}`. Send this without it.");
        assert_eq!(answer.error(), told, "{path}");
    }
    assert_eq!(test.rows(), before);
    let looked_at = ada.call(Method::GET, "/users/2").header("If-Match", "\"a\"").send().await;
    assert_eq!(looked_at.status, 200, "where nothing changes, nothing is promised");
}

#[tokio::test]
async fn bodies_too_large_or_of_another_type() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let before = test.rows();
    let call = || test.post("/users").token(&token).account("2311");
    let large = json!({"email": "bob@example.com", "name": "x".repeat(300 * 1024)});
    insta::assert_snapshot!(call().json(&large).send().await.error(), @"413 body_too_large: The body is larger than the 256 KiB that are accepted.");
    let body = json!({"email": "bob@example.com"}).to_string();
    insta::assert_snapshot!(call().body(body.clone()).send().await.error(), @"415 unsupported_media_type: The body must be sent as `Content-Type: application/json`; this one was sent as nothing in particular.");
    let coded = call().header("content-type", "application/json").header("content-encoding", "gzip").body(body.clone());
    insta::assert_snapshot!(coded.send().await.error(), @"415 unsupported_media_type: The body must be sent as `Content-Type: application/json`; this one was sent as `application/json`, coded as `gzip`.");
    for kind in ["application/json-patch+json", "application/json; charset=latin1"] {
        let other = call().header("content-type", kind).body(body.clone()).send().await;
        assert!(other.error().starts_with("415 unsupported_media_type"), "{kind}: {}", other.error());
    }
    insta::assert_snapshot!(call().header("content-type", "text/plain").body(body.clone()).send().await.error(), @"415 unsupported_media_type: The body must be sent as `Content-Type: application/json`; this one was sent as `text/plain`.");
    insta::assert_snapshot!(call().header("content-type", "application/x-www-form-urlencoded").body("email=bob").send().await.error(), @"415 unsupported_media_type: The body must be sent as `Content-Type: application/json`; this one was sent as `application/x-www-form-urlencoded`.");
    assert_eq!(test.rows(), before);
    let typed = call().header("content-type", "Application/JSON; charset=utf-8").body(body).send().await;
    assert_eq!(typed.status, 201);
}

#[tokio::test]
async fn tokens_that_are_not_honoured() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let with = async |authorization: &str| {
        let answer = test.get("/users").header("authorization", authorization).account("2311").send().await;
        format!("{} [{}]", answer.error(), answer.header("www-authenticate"))
    };
    let without = test.get("/users").account("2311").send().await;
    insta::assert_snapshot!(without.error(), @"401 token_missing: Send a token in the header `Authorization: Bearer {token}`.");
    assert_eq!(without.header("www-authenticate"), r#"Bearer realm="rollcall""#);
    insta::assert_snapshot!(with("Basic YWRhOnB3").await, @r#"401 token_missing: Send a token in the header `Authorization: Bearer {token}`. [Bearer realm="rollcall"]"#);
    insta::assert_snapshot!(with("Bearer nonsense").await, @r#"401 token_invalid: This token was not issued by this server. Check that it was copied whole. [Bearer realm="rollcall", error="invalid_token"]"#);
    let mut forged = token.clone().into_bytes();
    forged[40] ^= 1;
    insta::assert_snapshot!(with(&format!("Bearer {}", String::from_utf8_lossy(&forged))).await, @r#"401 token_invalid: This token was not issued by this server. Check that it was copied whole. [Bearer realm="rollcall", error="invalid_token"]"#);
    insta::assert_snapshot!(with(&format!("Bearer {}", "x".repeat(5000))).await, @r#"401 token_invalid: This token was not issued by this server. Check that it was copied whole. [Bearer realm="rollcall", error="invalid_token"]"#);
    let elsewhere = TestApp::new().token(ADA);
    insta::assert_snapshot!(with(&format!("Bearer {elsewhere}")).await, @r#"401 token_invalid: This token was not issued by this server. Check that it was copied whole. [Bearer realm="rollcall", error="invalid_token"]"#);
    let claims = test.app.open_token(&token).unwrap();
    test.app.db().write_here(move |w| rollcall::domain::tokens::revoke(w, &claims.id)).unwrap();
    insta::assert_snapshot!(with(&format!("Bearer {token}")).await, @r#"401 token_revoked: This token has been revoked. Get a new one and try again. [Bearer realm="rollcall", error="invalid_token"]"#);
    let short = test.token(ADA);
    test.advance(Duration::from_secs(8 * 3600));
    insta::assert_snapshot!(with(&format!("Bearer {short}")).await, @r#"401 token_expired: This token has expired. Get a new one and try again. [Bearer realm="rollcall", error="invalid_token"]"#);
}

#[tokio::test]
async fn a_token_of_another_kind_is_no_bearer_token() {
    use rollcall::domain::tokens::{Kind, issue};
    let test = TestApp::new();
    for kind in [Kind::Session, Kind::SignInLink] {
        let claims = test.app.db().write_here(move |w| issue(w, kind, Some(1), Duration::from_secs(60))).unwrap();
        let answer = test.get("/me").token(&test.app.seal(&claims).unwrap()).send().await;
        assert!(answer.error().starts_with("401 token_invalid"), "{kind:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_account_is_required_and_checked() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let missing = test.get("/users").token(&token).send().await;
    insta::assert_snapshot!(missing.error(), @"400 missing_parameter: x-account-id: This is required and was not sent.");
    let malformed = test.get("/users").token(&token).account("a b").send().await;
    insta::assert_snapshot!(malformed.error(), @"400 invalid_parameter: x-account-id: An account ID has 1 to 64 letters, digits, hyphens or underscores, like 2311.");
    let unknown = test.get("/users").token(&token).account("77").send().await;
    insta::assert_snapshot!(unknown.error(), @"403 forbidden: You have no access to this account, or it does not exist. Check the account ID.");
}

/// A filter that is misspelt would find everybody.
#[tokio::test]
async fn a_parameter_that_there_is_not_is_refused_by_name() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let error = async |method, path: &str| test.call(method, path).token(&token).account("2311").send().await.error();
    insta::assert_snapshot!(error(Method::GET, "/users?rolle=auditor").await, @"400 unknown_parameter: rolle: There is no such parameter here. There is: query, active, role, teamId, accountAdmin, pending, removed, createdSince, updatedSince, sort, limit, cursor.");
    insta::assert_snapshot!(error(Method::GET, "/users?role=auditor&role=member").await, @"400 repeated_parameter: role: Send this once.");
    insta::assert_snapshot!(error(Method::GET, "/users/1?a%20b=c").await, @"400 unknown_parameter: a b: There is no such parameter: this address takes none after a `?`.");
    insta::assert_snapshot!(error(Method::DELETE, "/users/1?dryRun=true").await, @"400 unknown_parameter: dryRun: There is no such parameter: this address takes none after a `?`.");
    insta::assert_snapshot!(error(Method::GET, "/nowhere?a=b").await, @"404 not_found: There is nothing at this address. The API is described at /docs.");
    let long = error(Method::GET, &format!("/users/1?{}", "a".repeat(7_000))).await;
    assert!(long.len() < 200 && long.contains("aaa…: There is no such"), "{long}");
    assert_eq!(test.call(Method::HEAD, "/users?sort=email&").token(&token).account("2311").send().await.status, 200);
    assert_eq!(test.get("/users?").token(&token).account("2311").send().await.status, 200);
    assert_eq!(test.get("/users/1").token(&token).account("2311").send().await.status, 200, "nobody was deleted");
}

#[tokio::test]
async fn addresses_and_methods_that_do_not_exist() {
    let test = TestApp::new();
    insta::assert_snapshot!(test.get("/nowhere").send().await.error(), @"404 not_found: There is nothing at this address. The API is described at /docs.");
    insta::assert_snapshot!(test.call(Method::DELETE, "/users").send().await.error(), @"405 method_not_allowed: This address exists, but not with that method.");
    insta::assert_snapshot!(test.call(Method::PUT, "/me").send().await.error(), @"405 method_not_allowed: This address exists, but not with that method.");
}

#[tokio::test]
async fn every_answer_is_safe_by_default() {
    let test = TestApp::new();
    let answer = test.get("/nowhere").send().await;
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "same-origin");
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn an_event_named_twice_is_refused_rather_than_half_kept() {
    let test = TestApp::new();
    let (token, before) = (test.token(ADA), test.rows());
    let body = r#"{"email": "a@example.com", "notificationPreferences": {
        "lead_created": [{"event": "lead_created", "deliveryPref": ["sms"]}],
        "lead_created": [{"event": "lead_created", "deliveryPref": ["email"]}]}}"#;
    let call = test.post("/users").token(&token).account("2311").header("content-type", "application/json");
    let answer = call.body(body).send().await;
    insta::assert_snapshot!(answer.error(), @"400 duplicate_field: notificationPreferences: Duplicate field `lead_created`.");
    assert_eq!(test.rows(), before);
}

/// However large the nonsense, the answer to it is small.
#[tokio::test]
async fn an_error_is_bounded() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let long = "x".repeat(200_000);
    let defaults = vec![serde_json::json!({"event": "lead_created"}); 5000];
    for body in [
        serde_json::json!({"email": "a@example.com", long.clone(): 1}),
        serde_json::json!({"email": "a@example.com", "active": long}),
        serde_json::json!({"email": "a@example.com", "notificationPreferences": {"lead_created": defaults}}),
    ] {
        let answer = test.post("/users").token(&token).account("2311").json(&body).send().await;
        assert_eq!(answer.status, 400);
        assert!(answer.error().len() < 4000, "{}", answer.text.len());
    }
}

#[tokio::test]
async fn whatever_is_no_page_answers_as_the_api_does() {
    let test = TestApp::new();
    for path in ["/static/nowhere", "/users/%ff", "/ui/%ff"] {
        let answer = test.get(path).send().await;
        assert!(answer.error().starts_with("40"), "{path}: {}", answer.text);
    }
    for path in ["/docs", "/openapi.json", "/users/route.rs", "/"] {
        assert!(test.call(poem::http::Method::DELETE, path).send().await.error().starts_with("405 "), "{path}");
    }
}

/// A header that passes for none is worse than one that is refused: whatever it was to guard is done without it.
#[tokio::test]
async fn a_header_that_cannot_be_read_is_refused() {
    let test = TestApp::new();
    let token = test.token(ADA);
    let body = json!({"name": "Other"});
    let change = || test.call(Method::PATCH, "/users/1").token(&token).account("2311").json(&body);
    let refused = change().header("if-match", "\"nopeü\"").send().await.error();
    insta::assert_snapshot!(refused, @"400 invalid_parameter: if-match: A header holds nothing but visible ASCII characters.");
    let current = test.get("/users/1").token(&token).account("2311").send().await.header("etag").to_owned();
    let twice = change().header("if-match", current).header("if-match", "\"another\"").send().await.error();
    insta::assert_snapshot!(twice, @"400 repeated_parameter: if-match: Send this once.");
    let create = || test.post("/users").token(&token).account("2311").json(&json!({"email": "bob@example.com"}));
    for call in [
        create().header("idempotency-key", "ü"),
        create().header("idempotency-key", "a").header("idempotency-key", "b"),
        create().account("ü"),
        create().account("2311"),
        create().header("content-type", "application/json"),
    ] {
        let refused = call.send().await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    let names: i64 = test.query(|r| r.value("select count(*) from users where name = 'Other' or id > 1", []));
    assert_eq!(names, 0);
}

#[tokio::test]
async fn what_is_asked_for_has_bounds_that_are_told() {
    let test = TestApp::new();
    let roles: Vec<_> = (0..65).map(|n| format!("role-{n}")).collect();
    let body = json!({"email": "bob@example.com", "roles": roles}).to_string();
    insta::assert_snapshot!(refused(&test, body).await, @"400 too_many: roles: Nobody holds more than 64 roles.");
    let body = json!({"email": "bob@example.com", "teamId": 1.5}).to_string();
    insta::assert_snapshot!(refused(&test, body).await, @"400 invalid_type: teamId: Invalid type: floating point `1.5`, expected a whole number of up to 64 bits.");
}
