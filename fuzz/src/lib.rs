//! A whole server in memory for the fuzz targets, and what must hold of every answer it gives.

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clap::Parser;
use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::http::{Method, header};
use poem::{Endpoint, Request, Response};
use rollcall::clock::{Clock, Timestamp};
use rollcall::config::Config;
use rollcall::domain::fields::{AccountId, Email};
use rollcall::domain::memberships::Place;
use rollcall::domain::setup::{self, FirstOwner};
use rollcall::domain::tokens::{self, Kind};
use rollcall::domain::users::{self, Member};
use rollcall::{App, server};
use tokio::runtime::Runtime;

/// Requests after which a server is looked over and a fresh one takes its place, since what was sent piles up in it.
const REQUESTS: u32 = 1000;

/// The e-mail of the owner: nobody without a token may ever read it.
pub const OWNER: &str = "ada@fuzz.example";

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// Lends a server that has been asked less than [`REQUESTS`] things.
pub fn with_server<T>(f: impl FnOnce(&mut Server) -> T) -> T {
    SERVER.with_borrow_mut(|server| {
        if server.as_ref().is_some_and(|server| server.requests >= REQUESTS) {
            server.take().into_iter().for_each(Server::close);
        }
        f(server.get_or_insert_with(Server::open))
    })
}

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// A route: its method, and its path with `{name}` or `:name` for what varies.
pub type Route = (Method, String);

pub struct Server {
    app: App,
    endpoint: BoxEndpoint<'static, Response>,
    runtime: Runtime,
    requests: u32,
    /// The owner's, for the API.
    pub token: String,
    /// The owner's browser.
    pub cookie: String,
    /// An invitation, which is a link of its own.
    pub link: String,
    _folder: tempfile::TempDir,
}

impl Server {
    /// With an owner, a member and somebody of another account.
    fn open() -> Self {
        let shared = std::path::Path::new("/dev/shm");
        let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let data = folder.path().join("data");
        let config = Settings::parse_from(["fuzz".as_ref(), "--data".as_ref(), data.as_os_str()]).config;
        // Time goes on by itself: nothing is refused for coming too fast.
        let time = AtomicI64::new(1_795_420_800_000);
        let clock = Clock::from_fn(move || Timestamp(time.fetch_add(20, Ordering::Relaxed)));
        let app = App::open(config, clock).expect("a server");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let endpoint = server::endpoint(app.clone()).boxed();
        let (token, link) = people(&app);
        let cookie = String::new();
        let mut server = Self { app, endpoint, runtime, requests: 0, token, cookie, link, _folder: folder };
        server.cookie = server.sign_in();
        server
    }

    fn sign_in(&mut self) -> String {
        let link = seal(&self.app, Kind::SignInLink, 1);
        let answer = self.call(Request::builder().method(Method::POST).uri_str(format!("/ui/sign-in/{link}")).finish());
        answer.cookie.expect("a session")
    }

    /// Answers a request, after checking all that must hold of any answer.
    pub fn call(&mut self, request: Request) -> Answer {
        self.requests += 1;
        let what = format!("{} {}", request.method(), request.uri());
        let is_page = request.uri().path().starts_with("/ui") || request.uri().path().starts_with("/reference");
        let is_head = request.method() == Method::HEAD;
        let (endpoint, runtime) = (&self.endpoint, &self.runtime);
        let answer = runtime.block_on(async {
            let response = endpoint.get_response(request).await;
            let (parts, body) = response.into_parts();
            let body = body.into_vec().await.expect("a body");
            Answer::new(parts, body)
        });
        answer.check(&what, is_page, is_head);
        answer
    }

    fn close(self) {
        let sound: String =
            self.app.db().read(|r| r.value("pragma integrity_check(1)", [])).expect("the database can be read");
        assert_eq!(sound, "ok");
        let orphans: i64 = self
            .app
            .db()
            .read(|r| r.value("select count(*) from pragma_foreign_key_check", []))
            .expect("the database can be read");
        assert_eq!(orphans, 0);
        self.app.db().close();
    }
}

fn people(app: &App) -> (String, String) {
    let made = app.db().write_here(|w| {
        let owner = FirstOwner {
            email: OWNER.into(),
            name: "Ada Lovelace".into(),
            account_id: Some("2311".parse().expect("an id")),
            account_name: "Acme".into(),
            password_hash: None,
        };
        setup::create(w, owner)?;
        for (email, roles) in [("grace@fuzz.example", "member"), ("rita@fuzz.example", "admin")] {
            let account: AccountId = "2311".parse().expect("an id");
            let email = Email::parse("email", email).expect("an e-mail");
            users::insert(w, &account, &Member { email, active: true, ..Member::default() }, &Place::with_role(roles))?;
        }
        Ok(())
    });
    made.expect("people");
    (seal(app, Kind::ApiKey, 1), seal(app, Kind::Invitation, 2))
}

fn seal(app: &App, kind: Kind, user_id: i64) -> String {
    let ttl = Duration::from_secs(365 * 24 * 3600);
    let claims = app.db().write_here(move |w| tokens::issue(w, kind, Some(user_id), ttl)).expect("a token");
    app.seal(&claims).expect("a token")
}

pub struct Answer {
    pub status: u16,
    pub text: String,
    pub location: String,
    cookie: Option<String>,
    parts: poem::ResponseParts,
}

impl Answer {
    fn new(parts: poem::ResponseParts, body: Vec<u8>) -> Self {
        let text = |value: &poem::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter().map(text);
        let session = cookies.filter_map(|cookie| cookie.split(';').next().map(str::to_owned));
        let cookie = session.into_iter().find(|cookie| cookie.starts_with("rollcall-8080="));
        let location = parts.headers.get(header::LOCATION).map(text).unwrap_or_default();
        let text = String::from_utf8_lossy(&body).into_owned();
        Self { status: parts.status.as_u16(), text, location, cookie, parts }
    }

    fn check(&self, what: &str, is_page: bool, is_head: bool) {
        let header =
            |name: &str| self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(self.status < 500, "{what}: {} {}", self.status, self.text);
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
        assert!(!header("x-request-id").is_empty(), "{what}");
        assert!(self.location.is_empty() || self.location.starts_with('/'), "{what} leads to {}", self.location);
        let is_packed = !header("content-encoding").is_empty();
        if self.status < 400 || is_head || is_packed {
            return;
        }
        if is_page && header("content-type").starts_with("text/html") {
            assert!(self.text.contains("<h1"), "{what}: {}", self.text);
            return;
        }
        let error: serde_json::Value =
            serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{what}: {error}: {}", self.text));
        assert_eq!(error["status"], self.status, "{what}");
        assert!(error["error"].is_string() && error["message"].is_string(), "{what}: {}", self.text);
        assert!(self.text.len() < 16_000, "{what}: an error of {} bytes", self.text.len());
    }
}

/// The operations of the API's document.
pub fn operations() -> Vec<Route> {
    let document: serde_json::Value = serde_json::from_str(&rollcall::docs::json_text()).expect("the document");
    let paths = document["paths"].as_object().expect("paths");
    let routes = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flat_map(|methods| methods.keys());
        methods.map(move |method| (method.to_uppercase().parse().expect("a method"), path.clone()))
    });
    routes.collect()
}

/// Everything else that is served.
pub fn pages() -> Vec<Route> {
    let of = |address: &rollcall::routes::Address| {
        let path = address.path.clone();
        address.methods.iter().map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
    };
    server::addresses().iter().flat_map(of).collect()
}

/// A path with things in the place of its names: those in `given` first, one after the other, then ones that are there.
pub fn filled(path: &str, given: &str, link: &str) -> String {
    let mut given = given.split('/').filter(|part| !part.is_empty());
    let part = |part: &str| {
        let name = part.strip_prefix(':').or_else(|| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')));
        let Some(name) = name else { return part.to_owned() };
        given.next().map(escaped).unwrap_or_else(|| match name {
            "account" | "accountId" => "2311".into(),
            "token" => link.to_owned(),
            "name" => "member".into(),
            "act" => "suspend".into(),
            _ => "2".into(),
        })
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What a path may hold as it is; everything else as `%XX`.
pub fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(escape).collect()
}

/// The first byte chooses; the rest is what is tried.
pub fn choice<'d, T>(data: &'d [u8], all: &'d [T]) -> Option<(&'d T, &'d [u8])> {
    let (first, rest) = data.split_first()?;
    Some((&all[usize::from(*first) % all.len()], rest))
}

/// The first line, and what follows it.
pub fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&[], data),
    }
}
