//! A user's life after creation: changes, suspension, the recycle bin and back, or for good.

use std::time::Duration;

use poem::http::Method;
use rollcall::jobs;
use serde_json::{Value, json};

use crate::support::{ADA, TestApp};

const BOB: &str = "bob@example.com";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A server where Ada has added Bob, as user 2.
async fn with_bob() -> (TestApp, String) {
    let test = TestApp::new();
    let bob =
        test.client(ADA, "2311").post("/users", json!({"email": BOB, "name": "Bob", "phone": "030 901820"})).await;
    (test, bob.done()["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_profile_changes_field_by_field() {
    let (test, _) = with_bob().await;
    test.member("2311", "admin@example.com", "admin");
    test.advance(Duration::from_secs(60));
    let admin = test.client("admin@example.com", "2311");
    let before = admin.get("/users/2").await.json();
    let user = admin.patch("/users/2", json!({"name": "Robert", "phone": null})).await.done();
    assert_eq!((&user["name"], user.get("phone"), &user["email"]), (&json!("Robert"), None, &before["email"]));
    assert_eq!((&user["createdBy"], &user["updatedBy"]), (&json!(ADA), &json!("admin@example.com")));
    assert_eq!((&user["createdAt"], &user["updatedAt"]), (&before["createdAt"], &json!("2026-11-23T08:01:00.000Z")));
    let events = test.rows();
    let again = admin.patch("/users/2", json!({"name": "Robert"})).await.done();
    assert_eq!(again, user, "what is as it was moves nothing");
    assert_eq!(test.rows(), events);
    assert_eq!(admin.patch("/users/2", json!({})).await.done(), user);
    let found = admin.get("/users?query=robert").await.json();
    assert_eq!(found["items"][0]["id"], 2);
    let refused = admin.patch("/users/2", json!({"email": "x", "phone": "?"})).await;
    insta::assert_snapshot!(refused.error(), @"400 invalid_email: email: This is not an e-mail address. Write it like name@example.com. phone: This is not a phone number. Write it like +49 30 901820, with 3 to 20 digits.");
}

#[tokio::test]
async fn nobody_overwrites_what_they_have_not_seen() {
    let (test, _) = with_bob().await;
    let ada = test.client(ADA, "2311");
    let patch = |tag: &str, name: &str| {
        let call = ada.call(Method::PATCH, "/users/2").header("if-match", tag);
        call.json(&json!({"name": name})).send()
    };
    let tag = ada.get("/users/2").await.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10);
    let changed = patch(&tag, "Robert").await;
    changed.done();
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(changed.header("etag"), ada.get("/users/2").await.header("etag"));
    let late = patch(&tag, "Bobby").await;
    insta::assert_snapshot!(late.error(), @"412 precondition_failed: That is not the current version of this user, which was changed last by ada@example.com. Get it again, and decide anew.");
    patch("*", "Rob").await.done();
    let current = ada.get("/users/2").await.header("etag").to_owned();
    patch(&format!("\"other\", {current}"), "Robin").await.done();
    let preferences = ada.call(Method::PUT, "/users/2/notification-preferences").header("if-match", &current);
    assert_eq!(preferences.json(&json!({})).send().await.status, 412);
    assert_eq!(ada.get("/users/2").await.json()["name"], "Robin");
}

#[tokio::test]
async fn one_of_two_who_change_the_same_version_at_once_is_told() {
    let (test, _) = with_bob().await;
    let ada = test.client(ADA, "2311");
    let tag = ada.get("/users/2").await.header("etag").to_owned();
    let patch = |name: &str| {
        let call = ada.call(Method::PATCH, "/users/2").header("if-match", &tag);
        call.json(&json!({"name": name})).send()
    };
    let (a, b) = tokio::join!(patch("Rob"), patch("Robin"));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn one_changes_oneself_but_not_the_email_one_signs_in_with() {
    let (test, token) = with_bob().await;
    let me = test.call(Method::PATCH, "/me").token(&token).json(&json!({"name": "Bobby"})).send().await;
    assert_eq!(me.done()["name"], "Bobby");
    assert_eq!(me.json()["updatedBy"], BOB);
    assert_eq!(me.header("etag"), test.get("/me").token(&token).send().await.header("etag"));
    let email = test.call(Method::PATCH, "/me").token(&token).json(&json!({"email": "b@example.com"})).send().await;
    insta::assert_snapshot!(email.error(), @"403 forbidden: Ask an admin to change your e-mail: it is what you sign in with.");
    let ada = test.call(Method::PATCH, "/me").token(&test.token(ADA)).account("2311");
    let ada = ada.json(&json!({"email": "countess@example.com"})).send().await;
    assert_eq!(ada.done()["email"], "countess@example.com");
    assert_eq!(test.client("countess@example.com", "2311").get("/users/1").await.json()["updatedBy"], ADA);
}

#[tokio::test]
async fn a_suspension_ends_every_token_at_once() {
    let (test, invitation) = with_bob().await;
    let ada = test.client(ADA, "2311");
    let bob = test.token(BOB);
    let key = json!({"name": "Import", "expiresAt": "2027-01-01T00:00:00Z"});
    let key = test.client_with(&bob, "2311").post("/api-keys", key).await.done()["token"].as_str().unwrap().to_owned();
    test.app.db().write_here(|w| rollcall::domain::sessions::create(w, 2)).unwrap();
    let suspended = ada.put("/users/2/suspension", Value::Null).await.done();
    assert_eq!((&suspended["active"], &suspended["updatedBy"]), (&json!(false), &json!(ADA)));
    for token in [&invitation, &bob, &key] {
        let refused = test.get("/me").token(token).send().await.error();
        assert!(refused.starts_with("401 token_revoked"), "{refused}");
    }
    assert_eq!(ada.get("/users/2/sessions").await.json()["items"], json!([]));
    assert_eq!(ada.put("/users/2/suspension", Value::Null).await.done(), suspended, "twice is once");
    let back = ada.delete("/users/2/suspension").await.done();
    assert_eq!(back["active"], true);
    assert_eq!(test.get("/me").token(&bob).send().await.status, 401, "what was ended stays ended");
    assert_eq!(test.get("/me").token(&test.token(BOB)).send().await.status, 200);
}

#[tokio::test]
async fn nobody_suspends_themself_or_whoever_may_do_more() {
    let (test, _) = with_bob().await;
    test.member("2311", "admin@example.com", "admin");
    let admin = test.client("admin@example.com", "2311");
    let refused = admin.put("/users/3/suspension", Value::Null).await.error();
    insta::assert_snapshot!(refused, @"409 yourself: You can't suspend yourself.");
    for path in ["/users/1/suspension", "/users/1/ownership"] {
        assert!(admin.put(path, Value::Null).await.error().starts_with("403"), "{path}");
    }
    let refused = admin.delete("/users/1").await.error();
    insta::assert_snapshot!(refused, @"403 forbidden: They may do more in this account than you may, so you can't change them.");
    assert!(admin.patch("/users/1", json!({"email": "mine@example.com"})).await.error().starts_with("403"));
    assert!(admin.patch("/users/1/membership", json!({"roles": []})).await.error().starts_with("403"));
}

#[tokio::test]
async fn who_is_taken_out_comes_back_as_they_were() {
    let (test, _) = with_bob().await;
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({"name": "Support"})).await.done();
    ada.post("/roles", json!({"name": "lead-reader", "permissions": ["events.read"]})).await.done();
    let place = json!({"teamId": 1, "roles": ["lead-reader", "member"], "permissions": ["users.create"]});
    ada.patch("/users/2/membership", place).await.done();
    let preferences =
        json!({"lead_created": [{"event": "lead_created", "accountId": "2311", "deliveryPref": ["sms"]}]});
    let before = ada.put("/users/2/notification-preferences", preferences).await.done();
    let bob = test.token(BOB);
    test.advance(DAY);
    let ada = test.client(ADA, "2311");
    assert_eq!(ada.delete("/users/2").await.status, 204);
    assert_eq!(test.get("/me").token(&bob).send().await.status, 401, "what they held has ended");
    assert!(ada.get("/users/2").await.error().starts_with("404"));
    assert!(ada.delete("/users/2").await.error().starts_with("404"));
    assert_eq!(ada.get("/users").await.json()["items"].as_array().unwrap().len(), 1);
    let bin = ada.get("/users?removed=true").await.json();
    assert_eq!(
        (&bin["items"][0]["id"], &bin["items"][0]["removedAt"]),
        (&json!(2), &json!("2026-11-24T08:00:00.000Z"))
    );
    let again = ada.post("/users", json!({"email": "BOB@example.com"})).await;
    insta::assert_snapshot!(again.error(), @"409 in_recycle_bin: BOB@example.com was taken out of this account on 24 November 2026, as user 2. Put them back from its recycle bin.");
    test.advance(29 * DAY);
    jobs::run_once(&test.app).await;
    let ada = test.client(ADA, "2311");
    let restored = ada.delete("/users/2/removal").await.done();
    assert_eq!(restored, before, "team, roles, permissions and preferences included");
    assert!(ada.delete("/users/2/removal").await.error().starts_with("404 not_found"));
    assert_eq!(test.get("/me").token(&test.token(BOB)).send().await.status, 200);
}

#[tokio::test]
async fn after_thirty_days_the_bin_is_emptied_and_the_email_is_free() {
    let (test, _) = with_bob().await;
    test.client(ADA, "2311").delete("/users/2").await.done();
    test.advance(30 * DAY);
    jobs::run_once(&test.app).await;
    let ada = test.client(ADA, "2311");
    assert_eq!(ada.get("/users?removed=true").await.json()["items"], json!([]));
    assert!(ada.delete("/users/2/removal").await.error().starts_with("404"));
    let left: i64 = test.query(|r| r.value("select count(*) from users", []));
    assert_eq!(left, 1);
    let anew = ada.post("/users", json!({"email": BOB})).await.done();
    assert_eq!(anew["createdAt"], "2026-12-23T08:00:00.000Z");
    let told = ada.get("/events?event=user_deleted").await.json();
    assert_eq!((&told["items"][0]["subject"], told["items"][0].get("actor")), (&json!(BOB), None));
}

#[tokio::test]
async fn who_is_in_another_account_too_stays_there() {
    let (test, _) = with_bob().await;
    let ada = test.client(ADA, "2311");
    ada.post("/accounts", json!({"id": "2312", "name": "Other"})).await.done();
    test.client(ADA, "2312").post("/users", json!({"email": BOB})).await.done();
    let bob = test.token(BOB);
    test.call(Method::PUT, "/me/memberships/2312").token(&bob).send().await.done();
    ada.delete("/users/2").await.done();
    let me = test.get("/me").token(&bob).send().await.done();
    let accounts =
        json!([{"accountId": "2312", "accountName": "Other", "usersPrimaryAccount": true, "accountAdmin": false}]);
    assert_eq!(me["accounts"], accounts, "the other one became the primary one");
    let back = ada.delete("/users/2/removal").await.done();
    let primary: Vec<_> = back["accounts"].as_array().unwrap().iter().map(|a| &a["usersPrimaryAccount"]).collect();
    assert_eq!(primary, [true, false], "and stays it");
}

#[tokio::test]
async fn a_new_invitation_ends_the_one_before() {
    let (test, first) = with_bob().await;
    let ada = test.client(ADA, "2311");
    let second = ada.post("/users/2/invitation", Value::Null).await.done();
    assert_eq!(second["expiresAt"], "2026-11-26T08:00:00.000Z");
    let second = second["token"].as_str().unwrap();
    assert!(test.get("/me").token(&first).send().await.error().starts_with("401 token_revoked"));
    assert_eq!(test.get("/me").token(second).send().await.done()["email"], BOB);
}

/// Whoever is in no account any more nor in its recycle bin, and never came to a password, is given a first token by whoever
/// invited them; and then the one before is worth nothing.
#[tokio::test]
async fn nobody_has_two_first_tokens() {
    let (test, first) = with_bob().await;
    test.client(ADA, "2311").delete("/users/2").await.done();
    let day = Duration::from_hours(24);
    test.advance(10 * day);
    for (id, name, admin) in [("4711", "Second", "carol@example.com"), ("4712", "Third", "dan@example.com")] {
        let token = test.account(id, name, admin);
        let invited = test.client_with(&token, id).post("/users", json!({"email": BOB})).await.done();
        assert_eq!((&invited["pending"], &invited["token"]), (&json!(true), &Value::Null));
    }
    test.advance(21 * day);
    jobs::run_once(&test.app).await;
    let invite = async |id, admin| {
        let invited = test.client(admin, id).post("/users/2/invitation", Value::Null).await.done();
        invited["token"].as_str().unwrap().to_owned()
    };
    let second = invite("4711", "carol@example.com").await;
    let third = invite("4712", "dan@example.com").await;
    let me = async |token: &str| test.get("/me").token(token).send().await.status.as_u16();
    assert_eq!((me(&first).await, me(&second).await, me(&third).await), (401, 401, 200));
    let fourth = invite("4712", "dan@example.com").await;
    assert_eq!((me(&third).await, me(&fourth).await), (401, 200));
    // Nobody accepts them in time: then they are withdrawn, which is said.
    test.advance(10 * day);
    jobs::run_once(&test.app).await;
    let gone = test.client("dan@example.com", "4712").get("/events?event=user_removed_from_account").await.done();
    assert_eq!(gone["items"][0]["subject"], BOB, "{gone}");
}

/// A first token is its user: whoever may issue one must not become more than they are.
#[tokio::test]
async fn nobody_invites_somebody_who_may_do_more() {
    let (test, _) = with_bob().await;
    let ada = test.client(ADA, "2311");
    ada.patch("/users/2/membership", json!({"accountAdmin": true})).await.done();
    test.member("2311", "admin@example.com", "admin");
    let refused = test.client("admin@example.com", "2311").post("/users/2/invitation", Value::Null).await.error();
    insta::assert_snapshot!(refused, @"403 forbidden: They may do more in this account than you may, so you can't change them.");
}

#[tokio::test]
async fn preferences_are_replaced_as_a_whole() {
    let (test, token) = with_bob().await;
    let ada = test.client(ADA, "2311");
    let path = "/users/2/notification-preferences";
    ada.put(path, json!({"lead_created": [{"event": "lead_created"}]})).await.done();
    let own = test.client_with(&token, "2311");
    let after =
        own.put(path, json!({"user_created": [{"event": "user_created", "deliveryPref": ["email"]}]})).await.done();
    assert_eq!(
        after["notificationPreferences"],
        json!({"user_created": [{"event": "user_created", "deliveryPref": ["email"]}]})
    );
    let refused = own.put(path, json!({"lead_created": [{"event": "lead_created", "accountId": "77"}]})).await.error();
    assert!(refused.starts_with("400 not_in_account"), "{refused}");
    assert!(own.put("/users/1/notification-preferences", json!({})).await.error().starts_with("403"));
    assert_eq!(ada.get("/users/2").await.json()["notificationPreferences"], after["notificationPreferences"]);
}

#[tokio::test]
async fn a_life_is_told_by_its_events() {
    let (test, _) = with_bob().await;
    let ada = test.client(ADA, "2311");
    ada.patch("/users/2", json!({"name": "Robert"})).await.done();
    ada.put("/users/2/suspension", Value::Null).await.done();
    ada.delete("/users/2").await.done();
    ada.delete("/users/2/removal").await.done();
    let events = ada.get("/events?subjectId=2").await.done();
    let told: Vec<_> = events["items"].as_array().unwrap().iter().rev().collect();
    let names: Vec<_> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["user_created", "user_updated", "user_updated", "user_removed_from_account", "user_added_to_account"]
    );
    assert_eq!(told[1]["changes"], json!({"name": {"before": "Bob", "after": "Robert"}}));
    assert_eq!(told[2]["changes"], json!({"active": {"before": true, "after": false}}));
    for event in told {
        assert_eq!((&event["actor"], &event["subject"]), (&json!(ADA), &json!(BOB)));
        assert_eq!(event["requestId"].as_str().unwrap().len(), 32);
    }
}

/// Less was asked of people once. Whatever is changed of them, the rest stays as it is, and no backup complains.
#[tokio::test]
async fn what_was_accepted_once_stays_until_it_is_changed_itself() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/users", json!({"email": "bob@example.com", "name": "Bob"})).await.done();
    let picture = format!("https://e.com/{}", "%C3%BC".repeat(1_000));
    let before = picture.clone();
    let old = move |w: &mut rollcall::db::Write| {
        let sql = "update users set email = 'bob@b_c.example', email_key = 'bob@b_c.example', name = 'Bob ' || char(8238) || 'x',
                                    name_key = 'bob ' || char(8238) || 'x', img_src = ?1 where id = 2";
        w.run(sql, [&before]).map(drop)
    };
    test.app.db().write_here(old).unwrap();
    let changed = ada.patch("/users/2", json!({"phone": "+1 555 0199"})).await.done();
    assert_eq!((&changed["email"], &changed["imgSrc"]), (&json!("bob@b_c.example"), &json!(picture)));
    let same = json!({"email": "bob@b_c.example", "name": changed["name"], "imgSrc": picture, "phone": null});
    ada.patch("/users/2", same).await.done();
    for wrong in [json!({"email": "bob@c_d.example"}), json!({"name": "\u{202e}x"})] {
        assert_eq!(ada.patch("/users/2", wrong).await.status, 400);
    }
    test.require_sound();
}
