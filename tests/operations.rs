//! Every operation of the document, one line each: who may, who may not, strangers, and nonsense instead of input.

use poem::http::Method;
use rollcall::domain::fields::Email;
use rollcall::domain::memberships::{self, Place};
use rollcall::domain::permissions::Permission;
use rollcall::domain::users::{self, Member};
use serde_json::{Value, json};

use crate::support::{ADA, Answer, TestApp, passkey};

const GRACE: &str = "grace@example.com";
const EVE: &str = "eve@example.com";

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    /// A token.
    Nothing,
    /// This permission, in 2311.
    Permission(&'static str),
    /// To own the server.
    Ownership,
    /// To be Grace, whose thing it is.
    Grace,
}
use Needs::{Grace, Nothing, Ownership, Permission as Needed};

/// Operation, what it needs, method, path with things of 2311 in it, body, and the status of success.
type Operation = (&'static str, Needs, &'static str, &'static str, Value, u16);

#[rustfmt::skip]
fn operations() -> Vec<Operation> {
    vec![
        ("createUser", Needed("users.create"), "POST", "/users", json!({"email": "new@example.com"}), 201),
        ("listUsers", Needed("users.read"), "GET", "/users", Value::Null, 200),
        ("getUser", Needed("users.read"), "GET", "/users/2", Value::Null, 200),
        ("updateUser", Needed("users.update"), "PATCH", "/users/2", json!({"name": "Grace"}), 200),
        ("deleteUser", Needed("users.delete"), "DELETE", "/users/2", Value::Null, 204),
        ("suspendUser", Needed("users.suspend"), "PUT", "/users/2/suspension", Value::Null, 200),
        ("reactivateUser", Needed("users.suspend"), "DELETE", "/users/2/suspension", Value::Null, 200),
        ("restoreUser", Needed("users.delete"), "DELETE", "/users/3/removal", Value::Null, 200),
        ("inviteUser", Needed("users.create"), "POST", "/users/4/invitation", Value::Null, 201),
        ("setNotificationPreferences", Needed("users.update"), "PUT", "/users/2/notification-preferences", json!({"lead_created": [{"event": "lead_created"}]}), 200),
        ("resetPassword", Needed("users.suspend"), "POST", "/users/2/password-reset", Value::Null, 201),
        ("askForNewPassword", Needed("users.suspend"), "PUT", "/users/2/password-change", Value::Null, 204),
        ("letKeepPassword", Needed("users.suspend"), "DELETE", "/users/2/password-change", Value::Null, 204),
        ("makeOwner", Ownership, "PUT", "/users/2/ownership", Value::Null, 204),
        ("unmakeOwner", Ownership, "DELETE", "/users/2/ownership", Value::Null, 204),
        ("updateMembership", Needed("roles.assign"), "PATCH", "/users/2/membership", json!({"teamId": 1}), 200),
        ("getUserPermissions", Needed("users.read"), "GET", "/users/2/permissions", Value::Null, 200),
        ("moveUser", Needed("users.delete"), "PUT", "/users/4/account", json!({"accountId": "2313"}), 204),
        ("listMyMemberships", Nothing, "GET", "/me/memberships", Value::Null, 200),
        ("joinAccount", Grace, "PUT", "/me/memberships/2312", Value::Null, 200),
        ("leaveAccount", Grace, "DELETE", "/me/memberships/2312", Value::Null, 204),
        ("getMe", Nothing, "GET", "/me", Value::Null, 200),
        ("updateMe", Nothing, "PATCH", "/me", json!({"name": "Me"}), 200),
        ("createAccount", Ownership, "POST", "/accounts", json!({"name": "New"}), 201),
        ("listAccounts", Nothing, "GET", "/accounts", Value::Null, 200),
        ("getAccount", Nothing, "GET", "/accounts/2311", Value::Null, 200),
        ("updateAccount", Needed("account.update"), "PATCH", "/accounts/2311", json!({"name": "New"}), 200),
        ("deleteAccount", Needed("account.delete"), "DELETE", "/accounts/2311?confirm=Acme", Value::Null, 204),
        ("restoreAccount", Ownership, "DELETE", "/accounts/gone/removal", Value::Null, 200),
        ("createTeam", Needed("teams.manage"), "POST", "/teams", json!({"name": "New"}), 201),
        ("listTeams", Needed("users.read"), "GET", "/teams", Value::Null, 200),
        ("getTeam", Needed("users.read"), "GET", "/teams/1", Value::Null, 200),
        ("updateTeam", Needed("teams.manage"), "PATCH", "/teams/1", json!({"active": false}), 200),
        ("deleteTeam", Needed("teams.manage"), "DELETE", "/teams/1", Value::Null, 204),
        ("createRole", Needed("roles.manage"), "POST", "/roles", json!({"name": "new", "permissions": ["users.read"]}), 201),
        ("listRoles", Needed("users.read"), "GET", "/roles", Value::Null, 200),
        ("getRole", Needed("users.read"), "GET", "/roles/lead-reader", Value::Null, 200),
        ("updateRole", Needed("roles.manage"), "PATCH", "/roles/lead-reader", json!({"permissions": []}), 200),
        ("deleteRole", Needed("roles.manage"), "DELETE", "/roles/lead-reader", Value::Null, 204),
        ("listPermissions", Nothing, "GET", "/permissions", Value::Null, 200),
        ("createEvent", Needed("events.create"), "POST", "/events", json!({"event": "lead_created"}), 201),
        ("listEvents", Needed("events.read"), "GET", "/events", Value::Null, 200),
        ("exportEvents", Needed("events.read"), "GET", "/events/export", Value::Null, 200),
        ("getEvent", Needed("events.read"), "GET", "/events/{event}", Value::Null, 200),
        ("createApiKey", Nothing, "POST", "/api-keys", json!({"name": "New", "expiresAt": "2027-01-01T00:00:00Z"}), 201),
        ("listApiKeys", Nothing, "GET", "/api-keys", Value::Null, 200),
        ("getApiKey", Grace, "GET", "/api-keys/{key}", Value::Null, 200),
        ("deleteApiKey", Grace, "DELETE", "/api-keys/{key}", Value::Null, 204),
        ("listMyPasskeys", Nothing, "GET", "/me/passkeys", Value::Null, 200),
        ("updateMyPasskey", Grace, "PATCH", "/me/passkeys/laptop", json!({"name": "New"}), 200),
        ("deleteMyPasskey", Grace, "DELETE", "/me/passkeys/laptop", Value::Null, 204),
        ("listUserPasskeys", Needed("users.suspend"), "GET", "/users/2/passkeys", Value::Null, 200),
        ("deleteUserPasskey", Needed("users.suspend"), "DELETE", "/users/2/passkeys/laptop", Value::Null, 204),
        ("sendPasskeyLink", Needed("users.suspend"), "POST", "/users/2/passkey-registration", Value::Null, 201),
        ("listSessions", Nothing, "GET", "/sessions", Value::Null, 200),
        ("endSession", Grace, "DELETE", "/sessions/{session}", Value::Null, 204),
        ("endSessions", Nothing, "DELETE", "/sessions", Value::Null, 204),
        ("listUserSessions", Needed("users.suspend"), "GET", "/users/2/sessions", Value::Null, 200),
        ("endUserSessions", Needed("users.suspend"), "DELETE", "/users/2/sessions", Value::Null, 204),
        ("endUserSession", Needed("users.suspend"), "DELETE", "/users/2/sessions/{session}", Value::Null, 204),
    ]
}

/// Acme (2311) with something of everything, and Eve, who leads another account.
struct Town {
    test: TestApp,
    eve: String,
    grace: String,
    event: String,
    key: String,
    session: String,
}

impl Town {
    async fn new() -> Self {
        let test = TestApp::new();
        test.member("2311", GRACE, "member");
        test.member("2311", "rita@example.com", "member");
        test.member("2311", "newcomer@example.com", "member");
        let eve = test.account("2312", "Other", EVE);
        test.account("2313", "Third", "nobody@example.com");
        let (ada, grace) = (test.token(ADA), test.token(GRACE));
        let call = async |method: &str, token: &str, account: &str, path: &str, body: Value| {
            let call = test.call(method.parse().unwrap(), path).token(token).account(account);
            let answer = if body.is_null() { call.send().await } else { call.json(&body).send().await };
            assert!(answer.status.is_success(), "{path}: {}", answer.text);
            answer
        };
        call("POST", &ada, "2311", "/teams", json!({"name": "Support"})).await;
        call("POST", &ada, "2311", "/roles", json!({"name": "lead-reader", "permissions": ["users.read"]})).await;
        call("DELETE", &ada, "2311", "/users/3", Value::Null).await;
        call("POST", &ada, "2311", "/accounts", json!({"id": "gone", "name": "Gone"})).await;
        call("DELETE", &ada, "2311", "/accounts/gone?confirm=Gone", Value::Null).await;
        call("POST", &eve, "2312", "/users", json!({"email": GRACE})).await;
        let event =
            call("POST", &ada, "2311", "/events", json!({"event": "lead_created"})).await.json()["id"].to_string();
        let key = json!({"name": "Import", "expiresAt": "2027-01-01T00:00:00Z"});
        let key = call("POST", &grace, "2311", "/api-keys", key).await.json()["id"].as_str().unwrap().to_owned();
        test.app.db().write_here(|w| rollcall::domain::passwords::set(w, 2, GRACE, "a hash")).unwrap();
        let session = test.app.db().write_here(|w| rollcall::domain::sessions::create(w, 2)).unwrap().id;
        passkey(&test, 2, "laptop");
        passkey(&test, 2, "phone");
        Self { test, eve, grace, event, key, session }
    }

    /// Somebody of 2311 who holds just these permissions, none of them by a role or as an admin.
    fn holder(&self, permissions: impl Iterator<Item = Permission>) -> String {
        let permissions = permissions.collect();
        self.test
            .app
            .db()
            .write_here(move |w| {
                let email = Email::parse("email", "holder@example.com").unwrap();
                let member = Member { email, active: true, ..Member::default() };
                let id =
                    users::insert(w, &"2311".parse().unwrap(), &member, &Place { permissions, ..Place::default() })?;
                // Moving somebody needs permissions in the other account too.
                let there = Place::with_role("admin");
                memberships::invite(w, &"2313".parse().unwrap(), id, member.email.as_str(), &there)?;
                w.run("update memberships set invited_email = null, invited_by = null where user_id = ?1", [id])
                    .map(drop)
            })
            .unwrap();
        self.test.token("holder@example.com")
    }

    async fn call(&self, operation: &Operation, token: Option<&str>, account: &str) -> Answer {
        let (_, _, _, path, body, _) = operation;
        self.send(operation, token, account, path, body).await
    }

    async fn send(
        &self,
        operation: &Operation,
        token: Option<&str>,
        account: &str,
        path: &str,
        body: &Value,
    ) -> Answer {
        let path = path.replace("{event}", &self.event).replace("{key}", &self.key).replace("{session}", &self.session);
        let mut call = self.test.call(operation.2.parse().unwrap(), &path).account(account);
        if let Some(token) = token {
            call = call.token(token);
        }
        if body.is_null() { call.send().await } else { call.json(body).send().await }
    }

    /// A call that must be refused, and store nothing.
    async fn refused(&self, operation: &Operation, token: Option<&str>, account: &str) -> String {
        let before = self.test.rows();
        let answer = self.call(operation, token, account).await;
        assert_eq!(self.test.rows(), before, "{} was refused and stored something", operation.0);
        answer.error()
    }
}

fn all() -> impl Iterator<Item = Permission> {
    Permission::ALL.iter().copied()
}

#[tokio::test]
async fn the_table_has_every_operation_of_the_document() {
    let document = TestApp::empty().get("/openapi.json").send().await.json();
    let paths = document["paths"].as_object().unwrap().values();
    let documented = paths.flat_map(|methods| methods.as_object().unwrap().values());
    let documented: Vec<_> = documented.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let mut here: Vec<_> = operations().iter().map(|operation| operation.0).collect();
    let mut documented = documented;
    here.sort_unstable();
    documented.sort_unstable();
    assert_eq!(here, documented);
}

#[tokio::test]
async fn whoever_may_does() {
    for operation in operations() {
        let town = Town::new().await;
        let token = match operation.1 {
            Nothing => town.holder(std::iter::empty()),
            // Whoever acts on people must not have less than they have, which is `users.read`.
            Needed(name) => town.holder(all().filter(|p| p.name() == name || *p == Permission::UsersRead)),
            Ownership => town.test.token(ADA),
            Grace => town.grace.clone(),
        };
        let answer = town.call(&operation, Some(&token), "2311").await;
        assert_eq!(answer.status, operation.5, "{}: {}", operation.0, answer.text);
        if operation.5 == 201 && !matches!(operation.0, "inviteUser" | "resetPassword" | "sendPasskeyLink") {
            let body = answer.json();
            let id = body["id"].as_str().map_or_else(|| body["id"].to_string(), str::to_owned);
            assert_eq!(answer.header("location"), format!("{}/{id}", operation.3), "{}", operation.0);
            let found =
                town.test.get(answer.header("location")).token(&town.test.token(ADA)).account("2311").send().await;
            assert_eq!(found.status, 200, "{} leads to {}", operation.0, found.text);
            assert_eq!(found.json().get("token"), None, "a secret is told once");
        }
    }
}

#[tokio::test]
async fn without_a_token_nobody_may() {
    let town = Town::new().await;
    for operation in operations() {
        let refused = town.refused(&operation, None, "2311").await;
        assert!(refused.starts_with("401 token_missing"), "{}: {refused}", operation.0);
    }
}

#[tokio::test]
async fn whoever_lacks_just_what_is_needed_may_not() {
    for operation in operations() {
        let town = Town::new().await;
        let (token, code) = match operation.1 {
            Nothing => continue,
            Needed(name) => (town.holder(all().filter(|p| p.name() != name)), "403 forbidden"),
            Ownership => (town.holder(all()), "403 forbidden"),
            Grace => (town.holder(all()), "404 not_found"),
        };
        let refused = town.refused(&operation, Some(&token), "2311").await;
        assert!(refused.starts_with(code), "{}: {refused}", operation.0);
    }
}

/// Names of 2311 itself in the account header: a closed account and none at all look the same.
#[tokio::test]
async fn strangers_cannot_tell_a_closed_account_from_none() {
    let town = Town::new().await;
    for operation in operations() {
        if matches!(operation.3.split('/').nth(1), Some("accounts" | "permissions" | "sessions")) {
            continue;
        }
        // One's own memberships are nobody's account.
        if operation.3.starts_with("/me/") {
            continue;
        }
        let closed = town.refused(&operation, Some(&town.eve), "2311").await;
        let nowhere = town.refused(&operation, Some(&town.eve), "77").await;
        assert_eq!(closed, nowhere, "{}", operation.0);
        assert!(closed.starts_with("403 forbidden"), "{}: {closed}", operation.0);
    }
}

/// Things of 2311, asked for from 2312 where Eve may everything: they look as if they weren't there.
#[tokio::test]
async fn strangers_cannot_tell_what_is_closed_from_what_is_not_there() {
    let mut checked = 0;
    for operation in operations() {
        let nowhere = operation.3.replace("/3/", "/2/").replace("/4/", "/2/").replace("/2/", "/99/");
        let nowhere = nowhere.replace("users/2", "users/99").replace("teams/1", "teams/99").replace("2311", "77");
        let nowhere = nowhere.replace("{event}", "99").replace("{key}", "99").replace("{session}", "99");
        let nowhere = nowhere.replace("lead-reader", "lead-writer");
        // Where Eve can name nothing of 2311; and Grace was invited to 2312, so as a person Eve knows her.
        if nowhere == operation.3 || operation.3.starts_with("/me/") {
            continue;
        }
        let town = Town::new().await;
        let withdrawn = town.test.call(Method::DELETE, "/users/2").token(&town.eve).account("2312").send().await;
        assert_eq!(withdrawn.status, 204);
        let closed = town.refused(&operation, Some(&town.eve), "2312").await;
        let absent = town.send(&operation, Some(&town.eve), "2312", &nowhere, &operation.4).await.error();
        let plain = |text: &str| {
            let words = text.replace("lead-writer", "lead-reader");
            words.replace(|c: char| c.is_ascii_digit(), "").replace(&town.event, "")
        };
        assert_eq!(plain(&closed), plain(&absent), "{}", operation.0);
        assert!(closed.starts_with("40"), "{}: {closed}", operation.0);
        checked += 1;
    }
    assert!(checked >= 25, "{checked}");
}

#[tokio::test]
async fn nonsense_is_refused_before_anything_is_done() {
    let town = Town::new().await;
    let ada = town.test.token(ADA);
    let document = town.test.get("/openapi.json").send().await.json();
    let paths = document["paths"].as_object().unwrap().values();
    let documented: Vec<_> = paths.flat_map(|methods| methods.as_object().unwrap().values()).collect();
    for operation in operations() {
        let described = documented.iter().find(|known| known["operationId"] == operation.0).unwrap();
        let before = town.test.rows();
        let send = async |account: &str, path: &str, body: Value| {
            town.send(&operation, Some(&ada), account, path, &body).await.error()
        };
        let is = |refused: String, code: &str| assert!(refused.starts_with(code), "{}: {refused}", operation.0);
        if described["requestBody"].is_object() {
            is(send("2311", operation.3, json!({"nonsense": 1})).await, "400 unknown_");
            is(send("2311", operation.3, json!([])).await, "400 invalid_type");
            is(send("2311", operation.3, json!("x")).await, "400 invalid_type");
        }
        let parameters = described["parameters"].as_array().into_iter().flatten();
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap_or("x-account-id");
            let (kind, place) = (&parameter["schema"]["type"], &parameter["in"]);
            if name == "x-account-id" {
                is(send("a b", operation.3, operation.4.clone()).await, "400 invalid_parameter: x-account-id");
            } else if place == "query" && (kind != "string" || parameter["schema"]["format"] == "date-time") {
                let path = format!("{}?{name}=nonsense", operation.3.split('?').next().unwrap());
                is(send("2311", &path, Value::Null).await, &format!("400 invalid_parameter: {name}"));
            } else if place == "path" && kind == "integer" {
                let path: Vec<_> = operation.3.split('/').collect();
                let path = [&["", path[1], "nonsense"], &path[3..]].concat().join("/");
                is(send("2311", &path, operation.4.clone()).await, "404 not_found");
            }
        }
        assert_eq!(town.test.rows(), before, "{}", operation.0);
    }
}
