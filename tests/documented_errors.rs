//! Every error in the document is one that the server really gives: code, status, message and headers.

use std::collections::BTreeSet;
use std::time::Duration;

use poem::http::Method;
use rollcall::domain::setup::{self, FirstOwner};
use serde_json::{Value, json};

use crate::support::{ADA, Answer, TestApp, passkey};

/// Where an error is documented, and an answer that is one.
type Seen = (&'static str, Answer);

const GRACE: &str = "grace@example.com";

struct Errors {
    test: TestApp,
    ada: String,
    seen: Vec<Seen>,
}

impl Errors {
    fn new() -> Self {
        let test = TestApp::new();
        let ada = test.token(ADA);
        Self { test, ada, seen: Vec::new() }
    }

    /// Grace, who is user 2 and in account 2311 as a member.
    fn with_grace() -> Self {
        let errors = Self::new();
        errors.test.member("2311", GRACE, "member");
        errors
    }

    /// Calls something as Ada in 2311.
    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let call = self.test.call(method, path).token(&self.ada).account("2311");
        if body.is_null() { call.send().await } else { call.json(&body).send().await }
    }

    async fn done(&self, method: Method, path: &str, body: Value) {
        let answer = self.call(method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }

    async fn see(&mut self, name: &'static str, method: Method, path: &str, body: Value) {
        let answer = self.call(method, path, body).await;
        self.seen.push((name, answer));
    }
}

#[tokio::test]
async fn every_documented_error_is_one_of_the_server() {
    let mut seen = Vec::new();
    seen.extend(of_the_request().await);
    seen.extend(of_the_token().await);
    seen.extend(of_versions_and_keys().await);
    seen.extend(of_people().await);
    seen.extend(of_pending_people().await);
    seen.extend(of_guards().await);
    seen.push(of_haste().await);
    seen.extend(of_passkeys().await);
    seen.extend(of_nouns().await);
    let document = TestApp::empty().get("/openapi.json").send().await.json();
    let responses = document["components"]["responses"].as_object().unwrap();
    let mut reached = BTreeSet::new();
    for (name, answer) in seen {
        let body = answer.json();
        let code = body["error"].as_str().unwrap_or_else(|| panic!("{name}: {}", answer.text)).to_owned();
        let documented = &responses[name]["content"]["application/json"]["examples"][&code]["value"];
        assert_eq!(*documented, body, "{name} {code}");
        for header in responses[name]["headers"].as_object().unwrap().keys() {
            assert!(!answer.header(header).is_empty(), "{name} has no {header}");
        }
        reached.insert((name.to_owned(), code));
    }
    for (name, response) in responses {
        for code in response["content"]["application/json"]["examples"].as_object().unwrap().keys() {
            // Disks that are full are for `faults`; faults of the server are, with luck, for nobody.
            let beyond = matches!(name.as_str(), "InternalError" | "StorageUnavailable");
            assert!(beyond || reached.contains(&(name.clone(), code.clone())), "{name} {code} was not reached");
        }
    }
}

async fn of_the_request() -> Vec<Seen> {
    let Errors { test, ada: token, .. } = Errors::new();
    let create = || test.post("/users").token(&token).account("2311");
    vec![
        ("BadRequest", create().json(&json!({ "email": "bob" })).send().await),
        ("BadRequest", create().json(&json!({})).send().await),
        ("BadRequest", create().header("content-type", "application/json").body("{").send().await),
        ("BadRequest", test.post("/users").token(&token).json(&json!({ "email": GRACE })).send().await),
        ("BadRequest", test.post("/users").token(&token).account("a b").json(&json!({ "email": GRACE })).send().await),
        ("BadParameter", test.get("/me").token(&token).account("a b").send().await),
        ("BadRequest", test.post("/users?dryRun=true").token(&token).send().await),
        ("BadParameter", test.get("/users").token(&token).send().await),
        ("BadParameter", test.get("/me?expand=teams").token(&token).send().await),
        ("BadParameter", test.get("/users?role=member&role=auditor").token(&token).send().await),
        ("Forbidden", test.get("/users").token(&token).account("77").send().await),
        ("NotFound", test.get("/users/42").token(&token).account("2311").send().await),
        ("PayloadTooLarge", create().json(&json!({ "name": "x".repeat(300 * 1024) })).send().await),
        ("UnsupportedMediaType", create().header("content-type", "text/plain").body("x").send().await),
    ]
}

async fn of_the_token() -> Vec<Seen> {
    let errors = Errors::with_grace();
    let me = async |token: &str| ("Unauthorized", errors.test.get("/me").token(token).send().await);
    let mut seen = vec![("Unauthorized", errors.test.get("/me").send().await), me("nonsense").await];
    let grace = errors.test.token(GRACE);
    errors.done(Method::PUT, "/users/2/suspension", Value::Null).await;
    seen.push(me(&grace).await);
    // Suspending ends every token, so only one that was issued afterwards is told of it.
    errors.done(Method::DELETE, "/users/2/suspension", Value::Null).await;
    let created = errors.call(Method::POST, "/users", json!({ "email": "x@example.com", "active": false })).await;
    seen.push(me(created.json()["token"].as_str().unwrap()).await);
    let grace = errors.test.token(GRACE);
    errors.done(Method::PUT, "/users/2/ownership", Value::Null).await;
    errors.done(Method::DELETE, "/users/2", Value::Null).await;
    let homeless = errors.test.token(GRACE);
    errors.done(Method::DELETE, "/users/2/ownership", Value::Null).await;
    seen.push(me(&homeless).await);
    errors.test.advance(Duration::from_secs(8 * 3600));
    seen.push(me(&grace).await);
    seen
}

async fn of_haste() -> Seen {
    let test = TestApp::new_with(|config| config.rate_limit = 1);
    let token = test.token(ADA);
    for _ in 0..10 {
        assert_eq!(test.get("/me").token(&token).send().await.status, 200);
    }
    ("TooManyRequests", test.get("/me").token(&token).send().await)
}

async fn of_versions_and_keys() -> Vec<Seen> {
    let errors = Errors::with_grace();
    let patch = |tag: &str| {
        let call = errors.test.call(Method::PATCH, "/users/2").token(&errors.ada).account("2311");
        call.header("if-match", tag).json(&json!({ "name": "Grace" })).send()
    };
    errors.done(Method::PATCH, "/users/2", json!({ "name": "Grace Hopper" })).await;
    let changed = patch("\"another\"").await;
    let create = |email: &str| {
        let call = errors.test.post("/users").token(&errors.ada).account("2311");
        call.header("idempotency-key", "k").json(&json!({ "email": email })).send()
    };
    assert_eq!(create("a@example.com").await.status, 201);
    vec![("PreconditionFailed", changed), ("KeyReused", create("b@example.com").await)]
}

async fn of_people() -> Vec<Seen> {
    let mut errors = Errors::with_grace();
    errors.see("CreateUserConflict", Method::POST, "/users", json!({ "email": GRACE })).await;
    errors.see("UpdateUserConflict", Method::PATCH, "/users/1", json!({ "email": GRACE })).await;
    errors.see("UpdateMeConflict", Method::PATCH, "/me", json!({ "email": GRACE })).await;
    errors.see("SuspendUserConflict", Method::PUT, "/users/1/suspension", Value::Null).await;
    errors.see("InviteUserConflict", Method::POST, "/users/1/invitation", Value::Null).await;
    errors.see("AskForNewPasswordConflict", Method::PUT, "/users/2/password-change", Value::Null).await;
    let made = errors.call(Method::POST, "/users", json!({ "email": "carol@example.com" })).await.done();
    let welcome = format!("/ui/welcome/{}", made["token"].as_str().unwrap());
    let set = errors.test.post(&welcome).form(&[("password", "a good long one")]).send().await;
    assert_eq!(set.status, 303, "{}", set.text);
    errors.see("InviteUserConflict", Method::POST, "/users/3/invitation", Value::Null).await;
    errors.done(Method::POST, "/accounts", json!({ "id": "2312", "name": "Other" })).await;
    let there = errors.test.post("/users").token(&errors.ada).account("2312").json(&json!({ "email": GRACE }));
    assert_eq!(there.send().await.status, 201);
    let session = errors.test.token(GRACE);
    let accepted = errors.test.call(Method::PUT, "/me/memberships/2312").token(&session).send().await;
    assert_eq!(accepted.status, 200, "{}", accepted.text);
    errors.see("InviteUserConflict", Method::POST, "/users/2/invitation", Value::Null).await;
    errors.see("MoveUserConflict", Method::PUT, "/users/2/account", json!({ "accountId": "2312" })).await;
    errors.done(Method::DELETE, "/users/2", Value::Null).await;
    errors.see("CreateUserConflict", Method::POST, "/users", json!({ "email": GRACE })).await;
    let there = errors.test.call(Method::DELETE, "/users/2").token(&errors.ada).account("2312").send().await;
    assert_eq!(there.status, 204, "{}", there.text);
    errors.see("MakeOwnerConflict", Method::PUT, "/users/2/ownership", Value::Null).await;
    errors.seen
}

/// Grace is of another account here, and was invited to 2311.
async fn of_pending_people() -> Vec<Seen> {
    let mut errors = Errors::new();
    errors.done(Method::POST, "/accounts", json!({ "id": "2312", "name": "Other" })).await;
    errors.test.member("2312", GRACE, "member");
    errors.done(Method::POST, "/users", json!({ "email": GRACE })).await;
    errors.see("CreateUserConflict", Method::POST, "/users", json!({ "email": GRACE })).await;
    errors.see("UpdateUserConflict", Method::PATCH, "/users/2", json!({ "name": "Grace" })).await;
    errors.see("SuspendUserConflict", Method::PUT, "/users/2/suspension", Value::Null).await;
    errors.see("ReactivateUserConflict", Method::DELETE, "/users/2/suspension", Value::Null).await;
    errors.see("InviteUserConflict", Method::POST, "/users/2/invitation", Value::Null).await;
    errors.see("ResetPasswordConflict", Method::POST, "/users/2/password-reset", Value::Null).await;
    errors.see("AskForNewPasswordConflict", Method::PUT, "/users/2/password-change", Value::Null).await;
    errors.see("LetKeepPasswordConflict", Method::DELETE, "/users/2/password-change", Value::Null).await;
    let path = "/users/2/notification-preferences";
    errors.see("SetNotificationPreferencesConflict", Method::PUT, path, json!({})).await;
    errors.seen
}

/// The last admin of 2311 is Grace; Ada is no more than an owner.
async fn of_guards() -> Vec<Seen> {
    let mut errors = Errors::with_grace();
    errors.see("UnmakeOwnerConflict", Method::DELETE, "/users/1/ownership", Value::Null).await;
    errors.done(Method::POST, "/accounts", json!({ "id": "2312", "name": "Other" })).await;
    errors.done(Method::PATCH, "/users/2/membership", json!({ "accountAdmin": true })).await;
    errors.done(Method::PATCH, "/users/1/membership", json!({ "accountAdmin": false })).await;
    errors.see("DeleteUserConflict", Method::DELETE, "/users/2", Value::Null).await;
    errors.see("SuspendUserConflict", Method::PUT, "/users/2/suspension", Value::Null).await;
    errors
        .see("UpdateMembershipConflict", Method::PATCH, "/users/2/membership", json!({ "accountAdmin": false }))
        .await;
    errors.see("MoveUserConflict", Method::PUT, "/users/2/account", json!({ "accountId": "2312" })).await;
    let leave = errors.test.call(Method::DELETE, "/me/memberships/2311").token(&errors.test.token(GRACE));
    let left = leave.send().await;
    errors.seen.push(("LeaveAccountConflict", left));
    errors.seen
}

async fn of_passkeys() -> Vec<Seen> {
    let mut errors = Errors::with_grace();
    let link = "/users/2/passkey-registration";
    errors.see("SendPasskeyLinkConflict", Method::POST, "/users/1/passkey-registration", Value::Null).await;
    passkey(&errors.test, 2, "laptop");
    errors.see("InviteUserConflict", Method::POST, "/users/2/invitation", Value::Null).await;
    let grace = errors.test.token(GRACE);
    let own = ["/me/passkeys/laptop", "/users/2/passkeys/laptop"];
    for (path, name) in own.into_iter().zip(["DeleteMyPasskeyConflict", "DeleteUserPasskeyConflict"]) {
        let delete = errors.test.call(Method::DELETE, path).token(&grace).account("2311").send().await;
        errors.seen.push((name, delete));
    }
    errors.test.member("2311", "admin@example.com", "admin");
    errors.done(Method::POST, "/accounts", json!({ "id": "2312", "name": "Other" })).await;
    let there = errors.test.post("/users").token(&errors.ada).account("2312").json(&json!({ "email": GRACE }));
    assert_eq!(there.send().await.status, 201);
    let accepted = errors.test.call(Method::PUT, "/me/memberships/2312").token(&grace).send().await;
    assert_eq!(accepted.status, 200, "{}", accepted.text);
    let reset = "/users/2/password-reset";
    let links = [("SendPasskeyLinkConflict", link), ("ResetPasswordConflict", reset)];
    for (name, path) in links {
        let admin = errors.test.client("admin@example.com", "2311").post(path, Value::Null).await;
        errors.seen.push((name, admin));
    }
    errors.done(Method::PUT, "/users/2/suspension", Value::Null).await;
    for (name, path) in links {
        errors.see(name, Method::POST, path, Value::Null).await;
    }
    let nameless = TestApp::with(|config| config.public_url = Some("http://192.0.2.7".parse().unwrap()));
    let owner = FirstOwner { email: ADA.into(), account_name: "Acme".into(), ..FirstOwner::default() };
    nameless.app.db().write_here(|w| setup::create(w, owner)).unwrap();
    let refused = nameless.client(ADA, "1").post(link, Value::Null).await;
    errors.seen.push(("SendPasskeyLinkConflict", refused));
    errors.seen
}

async fn of_nouns() -> Vec<Seen> {
    let mut errors = Errors::new();
    errors.see("CreateAccountConflict", Method::POST, "/accounts", json!({ "id": "2311", "name": "Acme" })).await;
    errors.done(Method::POST, "/teams", json!({ "name": "Support" })).await;
    errors.done(Method::POST, "/teams", json!({ "name": "Sales" })).await;
    errors.see("CreateTeamConflict", Method::POST, "/teams", json!({ "name": "Support" })).await;
    errors.see("UpdateTeamConflict", Method::PATCH, "/teams/2", json!({ "name": "Support" })).await;
    let role = json!({ "name": "lead-reader", "permissions": [] });
    errors.done(Method::POST, "/roles", role.clone()).await;
    errors.see("CreateRoleConflict", Method::POST, "/roles", role).await;
    for (path, most) in [("teams", 998), ("roles", 999), ("api-keys", 100)] {
        for n in 0..most {
            errors.done(Method::POST, &format!("/{path}"), one(path, n)).await;
        }
    }
    errors.see("CreateTeamConflict", Method::POST, "/teams", one("teams", 998)).await;
    errors.see("CreateRoleConflict", Method::POST, "/roles", one("roles", 999)).await;
    errors.see("CreateApiKeyConflict", Method::POST, "/api-keys", one("api-keys", 100)).await;
    errors.see("UpdateRoleConflict", Method::PATCH, "/roles/member", json!({ "permissions": [] })).await;
    errors.see("DeleteRoleConflict", Method::DELETE, "/roles/member", Value::Null).await;
    errors.seen
}

/// One of many teams, roles or keys.
fn one(path: &str, n: u32) -> Value {
    let name = format!("{}-{n}", path.trim_end_matches('s'));
    match path {
        "teams" => json!({ "name": name }),
        "roles" => json!({ "name": name, "permissions": [] }),
        _ => json!({ "name": name, "expiresAt": "2026-12-23T08:00:00Z" }),
    }
}
