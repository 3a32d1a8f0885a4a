//! Random calls of every operation in the document, over a few accounts whose things carry marks that say whose they are.
//!
//! Whatever belongs to an account has its mark `zq…x` in its name; each person has one of their own, `zp…x`, in their
//! e-mail. So it can be read off any answer of whom it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use poem::http::Method;
use rollcall::domain::actor::Actor;
use rollcall::domain::fields::{AccountId, Email};
use rollcall::domain::memberships::{self, Place};
use rollcall::domain::permissions::{Permission, Permissions};
use rollcall::domain::tokens::{Claims, Kind};
use rollcall::domain::users::Member;
use rollcall::domain::{accounts, passwords, roles, sessions, teams, tokens, users};
use serde_json::{Map, Value, json};

use crate::support::{Answer, START, TestApp, passkey};

pub const ACCOUNTS: [&str; 3] = ["zqax", "zqbx", "zqcx"];

/// The seeds to try: a few, or as many as `SEEDS=100 cargo test properties` says.
pub fn seeds(few: u64) -> std::ops::RangeInclusive<u64> {
    1..=std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(few)
}

/// An operation of the document.
#[derive(Clone, Debug)]
pub struct Operation {
    pub id: String,
    method: Method,
    path: String,
    /// The name of the schema of its body; empty for preferences, which have none.
    body: Option<String>,
    parameters: Vec<(String, String)>,
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub token: String,
    pub user_id: i64,
    /// The one account of an API key.
    pub only_in: Option<String>,
}

/// A call as it was sent, and what came of it.
pub struct Called {
    pub operation: String,
    /// All that the caller said, and so knew before.
    pub sent: String,
    pub answer: Answer,
}

pub struct World {
    pub test: TestApp,
    pub random: Rng,
    pub operations: Vec<Operation>,
    pub callers: Vec<Caller>,
    pub done: BTreeSet<String>,
    people: u32,
    emails: Vec<String>,
    ids: BTreeMap<&'static str, Vec<String>>,
    /// The first person of each account, who made the others.
    first: BTreeMap<&'static str, String>,
    /// The accounts of whoever calls.
    own: Vec<String>,
}

impl World {
    /// Three accounts with an admin, three others, a team and a role each.
    pub async fn new(seed: u64) -> Self {
        let test = TestApp::new();
        let document = test.get("/openapi.json").send().await.json();
        let mut world = Self {
            test,
            random: Rng::with_seed(seed),
            operations: operations(&document),
            callers: Vec::new(),
            done: BTreeSet::new(),
            own: Vec::new(),
            people: 0,
            emails: Vec::new(),
            ids: BTreeMap::new(),
            first: BTreeMap::new(),
        };
        for account in ACCOUNTS {
            world.found(account);
        }
        for (home, other) in [(0, 1), (1, 2), (2, 0), (0, 2)] {
            world.shared(ACCOUNTS[home], ACCOUNTS[other]);
        }
        world
    }

    /// Somebody who looks after the people of two accounts.
    fn shared(&mut self, home: &'static str, other: &'static str) {
        let id = self.member(home, Place::with_role("admin"));
        let email = self.emails.last().unwrap().clone();
        self.test.advance(Duration::from_secs(1));
        self.test
            .app
            .db()
            .write_here(move |w| {
                let account: AccountId = other.parse().unwrap();
                let place = Place { account_admin: true, ..Place::with_role("admin") };
                // By an owner, whom nobody takes their rights.
                let owner = w.value("select email from users where owner and active order by id limit 1", [])?;
                w.acting_as(Actor { email: Some(owner), ..Actor::nobody() });
                memberships::invite(w, &account, id, &email, &place)?;
                w.acting_as(Actor { user_id: Some(id), email: Some(email), ..Actor::nobody() });
                memberships::accept(w, &account)
            })
            .unwrap();
    }

    fn found(&mut self, account: &'static str) {
        let id: AccountId = account.parse().unwrap();
        let acting = id.clone();
        let team = self.test.app.db().write_here(move |w| {
            accounts::create(w, Some(acting.clone()), &format!("{acting} Ltd"))?;
            let actor = accounts::at_shell(w, Some(&acting))?;
            w.acting_as(actor);
            let permissions = vec!["users.create".into(), "users.read".into(), "users.update".into()];
            roles::create(w, roles::NewRole { name: format!("{acting}-pilot"), permissions })?;
            teams::create(w, teams::NewTeam { name: format!("{acting} crew") })
        });
        self.know("team", team.unwrap().id.to_string());
        self.know("role", format!("{account}-pilot"));
        self.member(account, Place { account_admin: true, ..Place::with_role("admin") });
        for place in
            [Place::with_role("admin"), Place::with_role(&format!("{account}-pilot")), Place::with_role("member")]
        {
            self.member(account, place);
        }
    }

    /// A new person in an account, who calls from then on.
    pub fn member(&mut self, account: &'static str, place: Place) -> i64 {
        let email = self.new_email();
        let by = self.first.entry(account).or_insert_with(|| email.clone()).clone();
        let id = self.test.app.db().write_here(move |w| {
            w.acting_as(Actor { email: Some(by), ..Actor::nobody() });
            let member = Member { email: Email::parse("email", &email).unwrap(), active: true, ..Member::default() };
            let id = users::insert(w, &account.parse().unwrap(), &member, &place)?;
            sessions::create(w, id)?;
            if id % 2 == 0 {
                passwords::set(w, id, &email, "a hash")?;
            }
            Ok(id)
        });
        let id = id.unwrap();
        // Who has one is not invited anew.
        let devices: &[_] = if id % 3 == 0 { &[] } else { &["laptop", "phone"] };
        for device in devices {
            passkey(&self.test, id, &format!("{device}-{id}"));
        }
        self.know("user", id.to_string());
        self.call_as(id);
        id
    }

    /// Gives somebody a token for everything they may do; whether it is honoured is for the server.
    pub fn call_as(&mut self, user_id: i64) {
        let ttl = Duration::from_secs(3600);
        let claims = self.test.app.db().write_here(move |w| tokens::issue(w, Kind::ApiKey, Some(user_id), ttl));
        let token = self.test.app.seal(&claims.unwrap()).unwrap();
        self.callers.push(Caller { token, user_id, only_in: None });
    }

    fn new_email(&mut self) -> String {
        self.people += 1;
        let email = format!("zp{}x@example.com", self.people);
        self.emails.push(email.clone());
        email
    }

    fn know(&mut self, kind: &'static str, id: String) {
        let known = self.ids.entry(kind).or_default();
        if !known.contains(&id) {
            known.push(id);
        }
    }

    fn any(&mut self, kind: &'static str) -> String {
        let known = self.ids.entry(kind).or_default();
        // Rather one of the latest: they are more likely to be there still.
        let from = if self.random.bool() { known.len().saturating_sub(8) } else { 0 };
        if known.len() > from { known[self.random.usize(from..known.len())].clone() } else { "77".into() }
    }

    /// Calls anything at all as somebody, rather in an account they are in.
    pub async fn call(&mut self, caller: &Caller) -> Called {
        self.test.advance(Duration::from_secs(1));
        let operation = self.operation();
        self.own = self.accounts_of(caller);
        let account = match self.random.choice(&self.own) {
            Some(own) if self.random.u8(..10) < 8 => own.clone(),
            _ => (*self.random.choice(&ACCOUNTS).unwrap()).to_owned(),
        };
        let mut path = self.path(&operation, &account);
        if operation.path == "/me/passkeys/{id}" {
            let passkey = if self.random.bool() { "laptop" } else { "phone" };
            path = format!("/me/passkeys/{passkey}-{}", caller.user_id);
        }
        let body = operation.body.as_deref().map(|schema| self.body(schema, &account));
        let mut call = self.test.call(operation.method.clone(), &path).token(&caller.token);
        if operation.parameters.iter().any(|(_, name)| name == "x-account-id") {
            call = call.account(&account);
        }
        if let Some(body) = &body {
            call = call.json(body);
        }
        let answer = call.send().await;
        assert!(answer.status.as_u16() < 500, "{} {path} {body:?}: {}", operation.id, answer.text);
        if answer.status.is_success() {
            self.done.insert(operation.id.clone());
            self.learn(&operation, &account, &answer);
        }
        Called { sent: format!("{path} {account} {}", body.unwrap_or_default()), operation: operation.id, answer }
    }

    /// Any operation, rather one that hasn't worked yet.
    fn operation(&mut self) -> Operation {
        let rather_new = self.random.u8(..3) == 0;
        let new: Vec<_> = self.operations.iter().filter(|operation| !self.done.contains(&operation.id)).collect();
        match self.random.choice(&new) {
            Some(new) if rather_new => (*new).clone(),
            _ => self.operations[self.random.usize(..self.operations.len())].clone(),
        }
    }

    /// Where somebody is a member or was invited.
    pub fn accounts_of(&self, caller: &Caller) -> Vec<String> {
        let sql = "select account_id from memberships where user_id = ?1 and removed_at is null";
        let all: Vec<String> = self.test.query(|r| r.all(sql, [caller.user_id], |row| row.get(0)));
        all.into_iter().filter(|account| caller.only_in.as_ref().is_none_or(|only| only == account)).collect()
    }

    fn path(&mut self, operation: &Operation, account: &str) -> String {
        let mut path = operation.path.clone();
        if path.contains("{sessionId}") {
            let sql = "select user_id, id from tokens where kind = 'session'";
            let all: Vec<(i64, String)> = self.test.query(|r| r.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?))));
            let (user, session) = self.random.choice(all).unwrap_or_default();
            return format!("/users/{user}/sessions/{session}");
        }
        if path.contains("{passkeyId}") {
            let sql = "select p.user_id, p.id from passkeys p join memberships m on m.user_id = p.user_id
                        where m.account_id = ?1";
            let all: Vec<(i64, String)> =
                self.test.query(|r| r.all(sql, [account], |row| Ok((row.get(0)?, row.get(1)?))));
            let (user, passkey) = self.random.choice(all).unwrap_or_default();
            return format!("/users/{user}/passkeys/{passkey}");
        }
        let noun = path.split('/').nth(1).unwrap_or_default().to_owned();
        for (place, name) in operation.parameters.clone() {
            let value = match (place.as_str(), name.as_str()) {
                ("path", "accountId") => account.to_owned(),
                ("path", "name") => self.any("role"),
                ("path", _) if noun == "users" && self.random.u8(..3) > 0 => {
                    let sql = "select user_id from memberships where account_id = ?1";
                    let people: Vec<i64> = self.test.query(|r| r.all(sql, [account], |row| row.get(0)));
                    self.random.choice(people).unwrap_or_default().to_string()
                }
                ("path", _) => self.any(kind(&noun)),
                ("query", "confirm") if self.random.u8(..3) > 0 => "no".into(),
                ("query", "confirm") => {
                    let sql = "select name from accounts where id = ?1";
                    self.test.query(|r| r.value::<String>(sql, [account])).replace(' ', "%20")
                }
                ("query", "query") => (*self.random.choice(&["zp", "example", "zq", "1"]).unwrap()).to_owned(),
                ("query", "role") => self.any("role"),
                ("query", "teamId") => self.any("team"),
                ("query", "about" | "actorId" | "subjectId") => self.any("user"),
                ("query", "active" | "accountAdmin" | "pending" | "removed") => self.random.bool().to_string(),
                ("query", "limit") => self.random.u8(1..60).to_string(),
                _ => continue,
            };
            if place == "path" {
                path = path.replace(&format!("{{{name}}}"), &value);
            } else if name == "confirm" || self.random.u8(..5) == 0 {
                path += &format!("{}{name}={value}", if path.contains('?') { '&' } else { '?' });
            }
        }
        path
    }

    fn body(&mut self, schema: &str, account: &str) -> Value {
        let fields: &[&str] = match schema {
            "NewUser" => &["email", "name?", "phone?", "active?", "teamId?", "roles?", "permissions?", "accountAdmin?"],
            "ProfilePatch" => &["email?", "name?", "phone?"],
            "MembershipPatch" => &["teamId?", "roles?", "permissions?", "accountAdmin?"],
            "AccountChoice" => &["accountId"],
            "Acceptance" => &["usersPrimaryAccount?"],
            "NewAccount" | "AccountPatch" | "NewTeam" => &["mark"],
            // It is its owner's, wherever they are.
            "PasskeyPatch" => &["name"],
            "TeamPatch" => &["mark?", "active?"],
            "NewRole" => &["role", "permissions"],
            "RolePermissions" => &["permissions"],
            "NewApiKey" => &["mark", "expiresAt", "permissions?"],
            "NewEvent" => &["event", "subjectId?", "subject?"],
            "" => {
                return json!({"lead_created": [{"event": "lead_created", "accountId": account, "deliveryPref": ["sms"]}]});
            }
            unknown => panic!("say here how to make a {unknown}"),
        };
        let mut body = Map::new();
        for field in fields {
            let name = field.trim_end_matches('?');
            if name == *field || self.random.u8(..3) == 0 {
                let key = if matches!(name, "mark" | "role") { "name" } else { name };
                body.insert(key.into(), self.value(name, account));
            }
        }
        Value::Object(body)
    }

    fn value(&mut self, name: &str, account: &str) -> Value {
        let n = self.random.u16(..);
        match name {
            "email" if self.random.u8(..3) > 0 => self.new_email().into(),
            "email" => self.random.choice(&self.emails.clone()).unwrap().clone().into(),
            "name" => format!("Person {n}").into(),
            "phone" => format!("+44 20 {n:05}").into(),
            "mark" if n.is_multiple_of(3) => format!("{account} Ltd").into(),
            "mark" => format!("{account} {}", n % 50).into(),
            "role" => format!("{account}-{}", n % 9).into(),
            "subject" => format!("something of {account}").into(),
            "teamId" => self.any("team").parse::<i64>().unwrap().into(),
            "subjectId" => self.any("user").parse::<i64>().unwrap().into(),
            // Somebody is moved rather to where the caller may be at home, too.
            "accountId" if self.random.bool() && !self.own.is_empty() => {
                self.random.choice(&self.own).unwrap().clone().into()
            }
            "accountId" => (*self.random.choice(&ACCOUNTS).unwrap()).into(),
            "event" => "lead_created".into(),
            "expiresAt" => rollcall::clock::Timestamp(START + 86_400_000).to_string().into(),
            "roles" if self.random.bool() => json!(["member"]),
            "roles" => json!([self.any("role")]),
            "permissions" => {
                let some = Permission::ALL.iter().filter(|_| self.random.u8(..4) == 0);
                some.map(|permission| permission.name()).collect()
            }
            "active" => (self.random.u8(..5) > 0).into(),
            _ => self.random.bool().into(),
        }
    }

    /// Remembers the ids in an answer, and the token of whoever was let in.
    fn learn(&mut self, operation: &Operation, account: &str, answer: &Answer) {
        let Ok(body) = serde_json::from_str::<Value>(&answer.text) else { return };
        let nouns: Vec<_> = operation.path.split('/').skip(1).collect();
        let below = ["sessions", "passkeys"].into_iter().find(|noun| nouns.contains(noun));
        let noun = below.unwrap_or(nouns[0]);
        let things = body["items"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        for id in things.iter().map(|thing| &thing["id"]).filter(|id| !id.is_null()) {
            self.know(kind(noun), id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        }
        if let Some(token) = body["token"].as_str() {
            let claims: Claims = self.test.app.open_token(token).unwrap();
            let only_in = (operation.id == "createApiKey").then(|| account.to_owned());
            self.callers.push(Caller { token: token.into(), user_id: claims.user_id.unwrap(), only_in });
        }
    }
}

/// What there are ids of under `/{noun}`.
fn kind(noun: &str) -> &'static str {
    match noun {
        "users" | "me" => "user",
        "teams" => "team",
        "roles" => "role",
        "events" => "event",
        "api-keys" => "key",
        "sessions" => "session",
        _ => "other",
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let parameter = |parameter: &Value| {
                let parameter = match parameter["$ref"].as_str() {
                    Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
                    None => parameter,
                };
                (parameter["in"].as_str().unwrap().to_owned(), parameter["name"].as_str().unwrap().to_owned())
            };
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema =
                |body: &Value| body["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap().to_owned();
            all.push(Operation {
                id: operation["operationId"].as_str().unwrap().into(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                body: (!body.is_null()).then(|| schema(body)),
                parameters: parameters.iter().map(parameter).collect(),
            });
        }
    }
    all
}

/// What somebody may do in an account, by what the database says.
pub fn permissions_of(test: &TestApp, account: &str, user_id: i64) -> Permissions {
    let account: AccountId = account.parse().unwrap();
    let standing = test.query(|r| memberships::standing(r, &account, user_id));
    standing.filter(|standing| !standing.pending).map_or(Permissions::NONE, |standing| standing.permissions())
}
