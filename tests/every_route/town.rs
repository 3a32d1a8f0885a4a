//! The account that is broken into, the routes that lead there, and what is brought along.

use std::time::Duration;

use poem::http::Method;
use rollcall::domain::permissions;
use rollcall::domain::tokens::{Claims, Kind};
use rollcall::keys::Keys;
use serde_json::{Value, json};

use super::{LINKS, OPEN, OWN};
use crate::support::{Answer, Call, PASSWORD, TestApp, passkey};

/// Kinds that may be sent as a bearer token.
const BEARER: [Kind; 2] = [Kind::ApiKey, Kind::Invitation];

/// A new kind doesn't compile until it is here.
pub const ALL_KINDS: [Kind; 7] = {
    match Kind::Session {
        Kind::Session | Kind::ApiKey | Kind::Invitation | Kind::SignInLink => {}
        Kind::SetUpLink | Kind::PasswordReset | Kind::PasskeyLink => {}
    }
    [
        Kind::Session,
        Kind::ApiKey,
        Kind::Invitation,
        Kind::SignInLink,
        Kind::SetUpLink,
        Kind::PasswordReset,
        Kind::PasskeyLink,
    ]
};

/// The account that is broken into; all that is in it has [`MARK`] in its name.
pub const ACCOUNT: &str = "4711";
pub const MARK: &str = "zqmark";
pub const ADMIN: &str = "zqmarkadmin@example.com";
pub const GRACE: &str = "zqmarkgrace@example.com";
const PASSKEY: &str = "laptop";
pub const EVE: &str = "eve@example.com";
pub const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A route with its names filled in by things that are there.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    /// As it is declared.
    pub template: String,
    pub path: String,
    /// An operation of the API that takes the account's header.
    pub in_account: bool,
    pub is_api: bool,
    /// What makes a whole body of it, for an operation.
    pub schema: Option<Value>,
}

impl Route {
    pub fn is_own(&self) -> bool {
        OWN.iter().any(|own| match own.strip_suffix('*') {
            Some(folder) => self.template.starts_with(folder),
            None => self.template == *own,
        })
    }

    pub fn is_open(&self) -> bool {
        !self.is_api && OPEN.contains(&self.template.as_str())
    }

    pub fn is_page(&self) -> bool {
        self.template.starts_with("/ui")
    }

    pub fn link(&self) -> Option<&'static [Kind]> {
        LINKS.iter().find(|(path, _)| *path == self.template).map(|(_, kind)| *kind)
    }

    pub fn is_unsafe(&self) -> bool {
        !self.method.is_safe()
    }
}

/// An account with something of everything in it, and Eve, who leads another.
pub struct Town {
    pub test: TestApp,
    document: Value,
    pub grace: i64,
    event: String,
    key: String,
    pub session: String,
    pub before: String,
}

impl Town {
    pub async fn new() -> Self {
        let test = TestApp::new();
        let admin = test.account(ACCOUNT, "Zqmark Ltd", ADMIN);
        test.account("4712", "Other", EVE);
        let grace = test.member(ACCOUNT, GRACE, permissions::MEMBER);
        let admin = test.client_with(&admin, ACCOUNT);
        admin.post("/teams", json!({"name": "Zqmark crew"})).await.done();
        admin.post("/roles", json!({"name": "pilot", "permissions": ["users.read"]})).await.done();
        let event = admin.post("/events", json!({"event": "lead_created", "subject": "zqmark lead"})).await.done();
        let key = json!({"name": "Zqmark key", "expiresAt": "2027-10-01T00:00:00Z"});
        let key = admin.post("/api-keys", key).await.done();
        let session = test.issue(Kind::Session, Some(grace), YEAR);
        passkey(&test, grace, PASSKEY);
        let document = serde_json::from_str(&rollcall::docs::json_text()).unwrap();
        let (event, key) = (event["id"].to_string(), key["id"].as_str().unwrap().to_owned());
        let mut town = Self { test, document, grace, event, key, session: session.id, before: String::new() };
        town.before = town.content();
        town
    }

    /// Every route of the server.
    pub fn routes(&self) -> Vec<Route> {
        let mut all = self.operations();
        for address in rollcall::server::addresses() {
            for (method, path) in address
                .methods
                .iter()
                .flat_map(|method| self.filled(&address.path).into_iter().map(move |path| (method.clone(), path)))
            {
                let template = address.path.clone();
                all.push(Route { method, template, path, in_account: false, is_api: false, schema: None });
            }
        }
        assert!(all.len() > 100, "where are all the routes?");
        all
    }

    pub fn operations(&self) -> Vec<Route> {
        let mut all = Vec::new();
        for (path, methods) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let in_account = parameters.iter().any(|parameter| {
                    parameter["$ref"] == "#/components/parameters/xAccountIdHeader"
                        || parameter["name"] == "x-account-id"
                });
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                all.push(Route {
                    method: method.to_uppercase().parse().unwrap(),
                    template: path.clone(),
                    path: self.filled(path).remove(0) + &required(&parameters),
                    in_account,
                    is_api: true,
                    schema: (!schema.is_null()).then(|| schema.clone()),
                });
            }
        }
        all
    }

    /// The addresses that a declared path stands for: `:act` may be any of several.
    fn filled(&self, template: &str) -> Vec<String> {
        let mut paths = vec![String::new()];
        for part in template.split('/').skip(1) {
            let name = part.strip_prefix(':').or_else(|| part.strip_prefix('{')?.strip_suffix('}'));
            let values = name.map_or_else(|| vec![part.to_owned()], |name| self.values(template, name));
            paths = paths.iter().flat_map(|path| values.iter().map(move |value| format!("{path}/{value}"))).collect();
        }
        paths
    }

    fn values(&self, template: &str, name: &str) -> Vec<String> {
        let one = |value: &str| vec![value.to_owned()];
        let noun = |noun: &str| template.contains(&format!("/{noun}/"));
        match name {
            "account" | "accountId" => one(ACCOUNT),
            "act" if noun("users") => variants("src/web/users/acts.rs", "Act"),
            "act" => ["accept", "primary", "decline", "leave"].map(str::to_owned).to_vec(),
            "file" => one("app.css"),
            // None that is there: what is in it couldn't be read as text.
            "backup" => one("rollcall-20200101T000000Z.db"),
            "token" => one("{token}"),
            "session" | "sessionId" => one(&self.session),
            "name" => one("pilot"),
            "passkey" | "passkeyId" => one(PASSKEY),
            "id" if noun("me/passkeys") => one(PASSKEY),
            "id" if noun("removed-accounts") || noun("me/accounts") => one(ACCOUNT),
            "id" if noun("users") => one(&self.grace.to_string()),
            "id" if noun("teams") => one("1"),
            "id" if noun("events") => one(&self.event),
            "id" if noun("api-keys") => one(&self.key),
            "id" if noun("sessions") => one(&self.session),
            "id" if noun("reference") => one("createUser"),
            _ => panic!("say here what a `{name}` of {template} is, so that strangers can ask for it"),
        }
    }

    /// A request that would do something, if it were sent by somebody who may.
    pub fn request(&self, route: &Route) -> Call<'_> {
        // Nobody is slowed down here: who comes too often is refused for that, which is another test's matter.
        self.test.advance(Duration::from_secs(1));
        let call = self.test.call(route.method.clone(), &route.path);
        let call = if route.in_account { call.account(ACCOUNT) } else { call };
        match &route.schema {
            Some(schema) => call.json(&self.example(schema)),
            None if route.is_api || !route.is_unsafe() => call,
            None => call.form(FORM),
        }
    }

    /// A body that says everything its schema requires.
    fn example(&self, schema: &Value) -> Value {
        let schema = match schema["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let value = |field: &Value| {
            let name = field.as_str().unwrap();
            (name.to_owned(), self.example_of(name, &schema["properties"][name]))
        };
        Value::Object(required.iter().map(value).collect())
    }

    fn example_of(&self, name: &str, schema: &Value) -> Value {
        match (name, schema["type"].as_str()) {
            ("email", _) => "new@example.com".into(),
            ("accountId", _) => "4712".into(),
            ("event", _) => "lead_created".into(),
            ("expiresAt", _) => "2027-10-01T00:00:00Z".into(),
            (_, Some("string")) => "new".into(),
            (_, Some("array")) => json!([]),
            (_, Some("boolean")) => true.into(),
            (_, Some("integer")) => 1.into(),
            _ => self.example(schema),
        }
    }

    /// All that is stored, but for when tokens were last used and that somebody looked.
    pub fn content(&self) -> String {
        self.test.query(|r| {
            // Events are all in one place, whether they are among the latest or not.
            let tables = "select name from sqlite_schema where name = 'all_events' or type = 'table' and sql not like '%fts5%'
                             and name not like 'sqlite_%' and name not in ('events', 'latest_events')";
            let tables: Vec<String> = r.all(tables, [], |row| row.get(0))?;
            let mut content = String::new();
            for table in tables.iter().filter(|table| !table.starts_with("user_search")) {
                let columns = format!("select group_concat('quote(' || name || ')', ' || '','' || ') from pragma_table_info('{table}') where name <> 'used_at'");
                let columns: String = r.value(&columns, [])?;
                let viewed = "where event not like '%\\_viewed' escape '\\' order by id";
                let which = if table == "all_events" { viewed } else { "" };
                let rows: Vec<String> = r.all(&format!("select {columns} from {table} {which}"), [], |row| row.get(0))?;
                content += &format!("{table}: {}\n", rows.join("\n"));
            }
            Ok(content)
        })
    }

    /// Whatever was asked on this route, nothing came of it.
    pub fn require_untouched(&self, route: &Route) {
        assert_eq!(self.content(), self.before, "{} {} stored something", route.method, route.path);
    }

    pub fn token_of(&self, kind: Kind, user_id: i64) -> String {
        let user_id = (kind != Kind::SetUpLink).then_some(user_id);
        self.test.app.seal(&self.test.issue(kind, user_id, YEAR)).unwrap()
    }

    /// What is no bearer token, or none any more: what it is called, and the code it is refused with.
    pub fn bad_tokens(&mut self) -> Vec<(String, String, &'static str)> {
        let good = self.token_of(Kind::ApiKey, 1);
        let expired = self.test.issue(Kind::ApiKey, Some(1), Duration::from_secs(1));
        let revoked = self.test.issue(Kind::ApiKey, Some(1), YEAR);
        self.test.spend(&revoked);
        self.test.advance(Duration::from_secs(1));
        let mut bad = vec![
            ("nonsense".to_owned(), "nonsense".to_owned(), "token_invalid"),
            ("cut".into(), good[..good.len() - 1].to_owned(), "token_invalid"),
            ("another server's".into(), foreign(&self.test.app.open_token(&good).unwrap()), "token_invalid"),
            ("tampered with".into(), tampered(&good), "token_invalid"),
            ("expired".into(), self.test.app.seal(&expired).unwrap(), "token_expired"),
            ("revoked".into(), self.test.app.seal(&revoked).unwrap(), "token_revoked"),
        ];
        for kind in ALL_KINDS.into_iter().filter(|kind| !BEARER.contains(kind)) {
            bad.push((format!("{kind:?}"), self.token_of(kind, 1), "token_invalid"));
        }
        self.before = self.content();
        bad
    }
}

/// Every field any form has; what a page doesn't know, it leaves alone.
const FORM: &[(&str, &str)] = &[
    ("do", "create"),
    ("name", "X"),
    ("email", "new@example.com"),
    ("current", PASSWORD),
    ("password", "another horse battery"),
    ("confirm", "Zqmark Ltd"),
    ("accountName", "X"),
    ("to", "4712"),
    ("role.admin", "on"),
    ("roles-shown", "yes"),
    ("admin-shown", "yes"),
    ("accountAdmin", "yes"),
    ("pref.lead_created", "sms"),
    ("reason", "because"),
    ("minutes", "30"),
];

/// What an operation wants in its query.
fn required(parameters: &[Value]) -> String {
    let required = parameters.iter().filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let values = required.map(|parameter| match parameter["name"].as_str().unwrap() {
        "confirm" => "confirm=Zqmark%20Ltd",
        unknown => panic!("say here what `{unknown}` may be"),
    });
    let query = values.collect::<Vec<_>>().join("&");
    if query.is_empty() { query } else { format!("?{query}") }
}

/// The same claims, sealed by somebody who doesn't have the key.
pub fn foreign(claims: &Claims) -> String {
    Keys::parse(&Keys::generate().unwrap()).unwrap().seal(claims).unwrap()
}

pub fn tampered(token: &str) -> String {
    let (head, last) = token.split_at(40);
    let flipped = if last.starts_with('A') { "B" } else { "A" };
    format!("{head}{flipped}{}", &last[1..])
}

/// What a `kebab-case` enum of the source calls its variants.
fn variants(file: &str, name: &str) -> Vec<String> {
    let source = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let body = source.split(&format!("enum {name} {{")).nth(1).unwrap().split('}').next().unwrap();
    let names = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let names = names.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let kebab = |name: &str| {
        let dashed =
            name.chars().flat_map(|c| c.is_uppercase().then_some('-').into_iter().chain([c.to_ascii_lowercase()]));
        dashed.collect::<String>().trim_start_matches('-').to_owned()
    };
    let all: Vec<_> = names.map(kebab).collect();
    assert!(!all.is_empty());
    all
}

/// Nothing of the account is in an answer.
pub fn require_silent(route: &Route, who: &str, answer: &Answer) {
    let text = format!("{:?} {}", answer.headers, answer.text).to_lowercase();
    // Sealed tokens may look like anything.
    let told = text.split("v4.local.").enumerate().any(|(n, part)| {
        let plain = if n == 0 { part } else { part.split_once(['"', '<', ' ', '&']).map_or("", |(_, plain)| plain) };
        plain.contains(MARK)
    });
    assert!(!told, "{} {} tells {who}: {}", route.method, route.path, answer.text);
}
