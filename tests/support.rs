//! A whole server in a temporary folder, with a clock that only moves when told, and clients for it.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use poem::Endpoint;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderMap, Method, StatusCode};
use poem::test::TestClient;
use rollcall::clock::{Clock, Timestamp};
use rollcall::config::{Config, LogFormat, LogLevel};
use rollcall::domain::fields::{AccountId, Email};
use rollcall::domain::memberships::Place;
use rollcall::domain::setup::FirstOwner;
use rollcall::domain::tokens::{Claims, Kind};
use rollcall::domain::users::Member;
use rollcall::domain::{accounts, invitations, passwords, permissions, sessions, setup, tokens, users};
use rollcall::{App, server};
use serde_json::Value;

/// Monday, 23 November 2026, 08:00 UTC.
pub const START: i64 = 1_795_420_800_000;
pub const ADA: &str = "ada@example.com";
pub const PASSWORD: &str = "correct horse battery";

pub struct TestApp {
    pub app: App,
    client: TestClient<BoxEndpoint<'static, poem::Response>>,
    time: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

impl TestApp {
    /// A server that nobody has set up.
    pub fn empty() -> Self {
        Self::with(|_| {})
    }

    pub fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), configure)
    }

    /// A server whose data folder is `data` in `folder`; what is there already is opened.
    pub fn on(folder: tempfile::TempDir, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            data: folder.path().join("data"),
            listen: "127.0.0.1:8080".parse().unwrap(),
            public_url: None,
            tls_cert: None,
            tls_key: None,
            trusted_proxy: Vec::new(),
            rate_limit: 1000,
            server_name: "Rollcall".into(),
            key: None,
            key_file: None,
            session_idle: Duration::from_hours(24),
            session_lifetime: Duration::from_hours(7 * 24),
            passkeys_only: false,
            keep_events: None,
            backup_every: None,
            backup_keep: 7,
            backup_dir: None,
            log: LogLevel::Error,
            log_format: LogFormat::Human,
            metrics_token: None,
            stop_within: Duration::from_secs(10),
        };
        configure(&mut config);
        let time = Arc::new(AtomicI64::new(START));
        let hands = time.clone();
        let app = App::open(config, Clock::from_fn(move || Timestamp(hands.load(Ordering::SeqCst)))).unwrap();
        let client = TestClient::new(poem::endpoint::EndpointExt::boxed(server::endpoint(app.clone())));
        Self { app, client, time, _folder: folder }
    }

    /// A server with the owner Ada (who has a password) and her account 2311, Acme.
    pub fn new() -> Self {
        Self::new_with(|_| {})
    }

    /// The same, with other settings.
    pub fn new_with(configure: impl FnOnce(&mut Config)) -> Self {
        let test = Self::with(configure);
        let hash = cheap_hash();
        test.app
            .db()
            .write_here(move |w| {
                let owner = FirstOwner {
                    email: ADA.into(),
                    name: "Ada Lovelace".into(),
                    account_id: Some("2311".parse().unwrap()),
                    account_name: "Acme".into(),
                    password_hash: Some(hash),
                };
                setup::create(w, owner)
            })
            .unwrap();
        test
    }

    /// Another account, with an admin of its own whose bearer token is returned.
    pub fn account(&self, id: &'static str, name: &'static str, admin: &'static str) -> String {
        self.app.db().write_here(move |w| accounts::create(w, Some(id.parse().unwrap()), name).map(drop)).unwrap();
        self.member(id, admin, permissions::ADMIN);
        self.token(admin)
    }

    /// Somebody in an account, with one role.
    pub fn member(&self, account: &'static str, email: &'static str, role: &'static str) -> i64 {
        self.app
            .db()
            .write_here(move |w| {
                let account: AccountId = account.parse().unwrap();
                let email = Email::parse("email", email).unwrap();
                let member = Member { email, active: true, ..Member::default() };
                users::insert(w, &account, &member, &Place::with_role(role))
            })
            .unwrap()
    }

    /// A token of any kind; an invitation takes the place of the one before.
    pub fn issue(&self, kind: Kind, user_id: Option<i64>, ttl: Duration) -> Claims {
        let issued = self.app.db().write_here(move |w| {
            if kind != Kind::Invitation {
                return tokens::issue(w, kind, user_id, ttl);
            }
            Ok(Claims { expires_at: w.now.after(ttl), ..invitations::create(w, user_id.unwrap())? })
        });
        issued.unwrap()
    }

    /// Takes a token away again.
    pub fn spend(&self, claims: &Claims) {
        let claims = claims.clone();
        let spend = move |w: &mut rollcall::db::Write| match claims.kind {
            Kind::Invitation => invitations::revoke(w, claims.user_id.unwrap()),
            _ => tokens::revoke(w, &claims.id),
        };
        self.app.db().write_here(spend).unwrap();
    }

    /// What `rollcall token` prints.
    pub fn token(&self, email: &'static str) -> String {
        let claims = self.app.db().write_here(move |w| {
            let user_id = sessions::find_by_email(w, email)?;
            tokens::issue(w, Kind::ApiKey, Some(user_id), Duration::from_secs(8 * 3600))
        });
        self.app.seal(&claims.unwrap()).unwrap()
    }

    /// The same folder, opened by a server that was just started.
    pub fn reopened(self) -> Self {
        self.reopened_with(|_| {})
    }

    /// The same, with other settings.
    pub fn reopened_with(self, configure: impl FnOnce(&mut Config)) -> Self {
        let Self { app, time, _folder, .. } = self;
        let mut config = app.config().clone();
        configure(&mut config);
        app.db().close();
        let hands = time.clone();
        let app = App::open(config, Clock::from_fn(move || Timestamp(hands.load(Ordering::SeqCst)))).unwrap();
        let client = TestClient::new(poem::endpoint::EndpointExt::boxed(server::endpoint(app.clone())));
        Self { app, client, time, _folder }
    }

    /// Somebody who calls the API, always inside the same account.
    pub fn client(&self, email: &'static str, account: &'static str) -> Client<'_> {
        self.client_with(&self.token(email), account)
    }

    pub fn client_with(&self, token: &str, account: &'static str) -> Client<'_> {
        Client { test: self, token: token.to_owned(), account }
    }

    pub fn advance(&self, time: Duration) {
        self.time.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn database(&self) -> std::path::PathBuf {
        self.app.config().data.join("rollcall.db")
    }

    /// Nothing that was done broke a rule.
    pub fn require_sound(&self) {
        let found = rollcall::domain::check::file(&self.database(), Timestamp(START), &mut |_| Ok(())).unwrap();
        assert!(found.are_good(), "{:#?}", found.lines());
    }

    pub fn set_back(&self, time: Duration) {
        self.time.fetch_sub(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// How many rows of each kind there are: equal before and after whatever was refused.
    pub fn rows(&self) -> Vec<(&'static str, i64)> {
        let tables =
            ["accounts", "users", "memberships", "role_holders", "notification_preferences", "tokens", "all_events"];
        let count = |table| self.app.db().read(|r| r.value(&format!("select count(*) from {table}"), [])).unwrap();
        tables.into_iter().map(|table| (table, count(table))).collect()
    }

    pub fn query<T>(&self, f: impl FnOnce(&rollcall::db::Read) -> rollcall::Result<T>) -> T {
        self.app.db().read(|r| f(r)).unwrap()
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    /// A file that a form answers with: status, `content-disposition`, and what is in it.
    pub async fn download(&self, path: &str, cookie: &str) -> (u16, String, Vec<u8>) {
        let response = self.client.post(path).header("cookie", cookie).send().await.0;
        let called = response.header("content-disposition").unwrap_or_default().to_owned();
        (response.status().as_u16(), called, response.into_body().into_vec().await.unwrap())
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let path = path.to_owned();
        Call { test: self, method, path, headers: Vec::new(), body: Vec::new() }
    }
}

/// A token and an account, and the calls that are made with them.
pub struct Client<'a> {
    test: &'a TestApp,
    pub token: String,
    account: &'static str,
}

impl Client<'_> {
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        self.test.call(method, path).token(&self.token).account(self.account)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path).json(&body).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path).json(&body).send().await
    }

    /// `PUT`; `null` stands for no body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        let call = self.call(Method::PUT, path);
        if body.is_null() { call.send().await } else { call.json(&body).send().await }
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }
}

/// One password hash for all tests: what is tested isn't the hashing.
fn cheap_hash() -> String {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| passwords::hash(&mut passwords::Memory::default(), PASSWORD).unwrap()).clone()
}

/// A passkey that is listed, and signs nobody in.
pub fn passkey(test: &TestApp, user_id: i64, id: &str) {
    let id = id.to_owned();
    let sql = "insert into passkeys (id, user_id, name, credential, created_at) values (?1, ?2, ?1, 'null', ?3)";
    let insert = move |w: &mut rollcall::db::Write| w.run(sql, rollcall::db::params![id, user_id, w.now]);
    test.app.db().write_here(insert).unwrap();
}

/// A request in the making.
pub struct Call<'a> {
    test: &'a TestApp,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub fn account(self, id: &str) -> Self {
        self.header("x-account-id", id)
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let mut request = self.test.client.request(self.method, self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = request.body(self.body).send().await.0;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = response.into_body().into_vec().await.unwrap();
        let bytes = body.len();
        if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
            body = unpacked(&body);
        }
        Answer { status, headers, text: String::from_utf8(body).unwrap(), bytes }
    }
}

pub fn unpacked(gzip: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut plain).unwrap();
    plain
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// How long the text was on its way.
    pub bytes: usize,
}

impl Answer {
    /// The body of an answer that must be no error.
    pub fn done(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text))
    }

    /// `400 invalid_email: email: This is not …`, after checking that it has the shape every error has.
    pub fn error(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body.as_object().unwrap().len(), 3);
        format!("{} {}: {}", self.status.as_u16(), body["error"].as_str().unwrap(), body["message"].as_str().unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// Keeps `Endpoint` in scope for `TestClient` in every test.
#[expect(dead_code, reason = "only its bound matters")]
fn is_endpoint(_: impl Endpoint) {}
