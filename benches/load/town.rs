//! What is measured: people in a folder, and the requests about them.

use std::process::Command;
use std::time::Duration;

use clap::Parser;
use rollcall::app::App;
use rollcall::clock::Clock;
use rollcall::config::Config;
use rollcall::db::Write;
use rollcall::domain::fields::EmailText;
use rollcall::domain::setup::{self, FirstOwner};
use rollcall::domain::tokens::{self, Caller, Kind};
use rollcall::domain::users::NewUser;
use rollcall::domain::{passwords, sessions};

use crate::bare::Answers;
use crate::process::Server;
use crate::wrk::Load;

const OWNER: &str = "ada@example.com";
const ACCOUNT: &str = "2311";
const LIFETIME: Duration = Duration::from_hours(8);
const PASSWORD: &str = "a password nobody has, but this one";

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// A folder full of people, and what its owner shows to get in.
pub struct Town {
    pub folder: tempfile::TempDir,
    config: Config,
    token: String,
    cookie: String,
}

impl Town {
    /// One account, whose people were created by the rule behind `POST /users`.
    pub fn fill(users: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let config = Settings::parse_from(["rollcall", "--data", data.to_str().unwrap()]).config;
        let app = App::open(config.clone(), Clock::system()).unwrap();
        let hash = passwords::hash(&mut passwords::Memory::default(), PASSWORD).unwrap();
        let new = FirstOwner {
            email: OWNER.into(),
            name: "Ada Lovelace".into(),
            account_id: Some(ACCOUNT.parse().unwrap()),
            account_name: "Northwind Trading".into(),
            password_hash: Some(hash),
        };
        let (token, session) = app
            .db()
            .write_here(move |w| {
                let owner = setup::create(w, new)?;
                Ok((tokens::issue(w, Kind::ApiKey, Some(owner), LIFETIME)?, sessions::create_by_password(w, owner)?))
            })
            .unwrap();
        let account = Some(ACCOUNT.parse().unwrap());
        let caller = Caller { claims: Some(token.clone()), account, ..Caller::default() };
        for first in (2..=users).step_by(50) {
            let caller = caller.clone();
            let join = move |w: &mut Write| {
                let owner = tokens::identify(w, &caller)?;
                w.acting_as(owner);
                (first..(first + 50).min(users + 1))
                    .try_for_each(|n| rollcall::domain::users::create(w, person(n)).map(drop))
            };
            app.db().write_here(join).unwrap();
        }
        let (token, cookie) = (app.seal(&token).unwrap(), app.seal(&session).unwrap());
        app.db().close();
        Self { folder, config, token, cookie }
    }

    pub fn serve(&self) -> Server {
        self.serve_by(Command::new(env!("CARGO_BIN_EXE_rollcall")))
    }

    /// Has `command` serve, whoever asks how often.
    pub fn serve_by(&self, mut command: Command) -> Server {
        command.arg("--data").arg(&self.config.data);
        command.args(["--listen", "127.0.0.1:0", "--log", "error", "--rate-limit", "0"]);
        Server::start(command, "/health/live")
    }

    fn headers(&self) -> Vec<String> {
        vec![format!("Authorization: Bearer {}", self.token), format!("X-Account-Id: {}", ACCOUNT)]
    }

    fn get(&self, server: &Server, path: &str) -> String {
        let request = ureq::get(&format!("{}{path}", server.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-account-id", ACCOUNT)
            .header("cookie", self.cookie(server));
        request.call().unwrap().body_mut().read_to_string().unwrap()
    }

    fn cookie(&self, server: &Server) -> String {
        let port = server.url.rsplit(':').next().unwrap_or_default();
        format!("rollcall-{port}={}", self.cookie)
    }

    pub fn answers(&self, server: &Server) -> Answers {
        Answers {
            user: self.get(server, "/users/7"),
            list: self.get(server, "/users"),
            page: self.get(server, &format!("/ui/accounts/{}/users", ACCOUNT)),
        }
    }

    /// Each load, and the one that asks as much of the bare endpoint.
    pub fn loads(&self, server: &Server) -> Vec<(Load, Load)> {
        let deep = self.deep_cursor(server);
        let json = || [self.headers(), vec!["Content-Type: application/json".into()]].concat();
        let form =
            vec!["Content-Type: application/x-www-form-urlencoded".to_owned(), "Sec-Fetch-Site: same-origin".into()];
        let get = |name, path: &str| Load {
            name,
            method: "GET",
            path: path.to_owned(),
            body: String::new(),
            headers: self.headers(),
            connections: 32,
        };
        let list = |name, question: &str| {
            let path = format!("/users?{question}");
            (get(name, &path), get("", &path))
        };
        let new = r#"{"email": "new-{n}@example.com", "name": "Grace Hopper"}"#;
        let create = |name, connections| Load {
            method: "POST",
            body: new.into(),
            headers: json(),
            connections,
            ..get(name, "/users")
        };
        let sign_in = Load {
            method: "POST",
            body: format!("email={}&password={}", OWNER.replace('@', "%40"), PASSWORD.replace(' ', "+")),
            headers: form,
            connections: 4,
            ..get("sign-in", "/ui/sign-in")
        };
        let cookie = vec![format!("Cookie: {}", self.cookie(server))];
        let page = format!("/ui/accounts/{}/users", ACCOUNT);
        vec![
            (get("get", "/users/{random}"), get("", "/users/{random}")),
            (get("list, first page of 25", "/users"), get("", "/users")),
            list("list, deep page", &format!("cursor={deep}")),
            list("list by name", "sort=name"),
            list("list, newest first", "sort=-createdAt"),
            list("list, changed last", "sort=-updatedAt"),
            list("list of suspended people", "active=false"),
            (get("search, one person", "/users?query=.{random}@"), get("", "/users/{random}")),
            list("search, one in ten", "query=opper"),
            list("the same, newest first", "query=opper&sort=-createdAt"),
            list("search, one in a hundred", "query=Grace%20Hopper"),
            (
                Load { headers: cookie.clone(), ..get("page of users", &page) },
                Load { headers: cookie, ..get("", "/page") },
            ),
            (create("create, one connection", 1), create("", 1)),
            (create("create", 32), create("", 32)),
            (sign_in, create("", 4)),
        ]
    }

    /// Where a page far into the list begins.
    fn deep_cursor(&self, server: &Server) -> String {
        let mut cursor = String::new();
        for _ in 0..50 {
            let page: serde_json::Value =
                serde_json::from_str(&self.get(server, &format!("/users?limit=200{cursor}"))).unwrap();
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        cursor.trim_start_matches("&cursor=").to_owned()
    }
}

/// Somebody of whom there is only one, with a name that others share. One in fifty is suspended.
fn person(n: u32) -> NewUser {
    let first = ["Grace", "Edsger", "Barbara", "Alan", "Radia", "Donald", "Frances", "John", "Adele", "Ken"];
    let last =
        ["Hopper", "Dijkstra", "Liskov", "Turing", "Perlman", "Knuth", "Allen", "Backus", "Goldberg", "Thompson"];
    let pick = |names: [&'static str; 10], n: u32| names[n as usize % names.len()];
    let (first, last) = (pick(first, n), pick(last, n / 10));
    let email = format!("{}.{}.{n}@example.com", first.to_lowercase(), last.to_lowercase());
    NewUser {
        email: EmailText(email),
        name: Some(format!("{first} {last}")),
        active: Some(!n.is_multiple_of(50)),
        ..NewUser::default()
    }
}
