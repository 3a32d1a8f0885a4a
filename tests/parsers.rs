//! Whatever arrives from outside is read or refused: texts nobody would think of, in each place a text can be in. The
//! fuzz targets under `fuzz/` try the same for hours; `SEEDS=100` tries more of it here.

#![expect(clippy::print_stdout, reason = "a failing run says which seed it was")]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use fastrand::Rng;
use poem::http::HeaderValue;
use rollcall::clock::Timestamp;
use rollcall::config::parse_time;
use rollcall::domain::fields::{self, AccountId, Email, email_key, fold};
use rollcall::domain::idempotency::Key;
use rollcall::domain::permissions;
use rollcall::domain::tokens::{Claims, Kind};
use rollcall::domain::{events, users};
use rollcall::keys::Keys;
use serde_json::{Map, Value, json};

use crate::calls::seeds;
use crate::every_route::{ACCOUNT, Route, Town};
use crate::support::{ADA, Answer};
use crate::visitor::{self, Page};

/// What tends to be misread somewhere.
const PIECES: &[&str] = &[
    "",
    " ",
    "\t",
    "\r\n",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "\u{202e}",
    "\u{2028}",
    "a",
    "Z",
    "0",
    "9",
    "-1",
    ".",
    "..",
    "/",
    "//",
    "\\",
    "%",
    "%00",
    "%2e%2e%2f",
    "%ff",
    "+",
    "&",
    "=",
    "?",
    "#",
    ";",
    ":",
    ",",
    "'",
    "\"",
    "`",
    "<script>",
    "]]>",
    "{{7*7}}",
    "${7}",
    "%s%n",
    "--",
    "' or 1=1 --",
    "*",
    "\"*",
    "NEAR(",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ﬃ",
    "\u{1f9d1}\u{200d}\u{1f4bb}",
    "\u{10ffff}",
    "null",
    "true",
    "NaN",
    "1e999",
    "9223372036854775808",
    "-9223372036854775808",
    "2026-11-23T08:00:00Z",
    "-009999-01-01T00:00:00Z",
    "ada@example.com",
    "@",
    "\"a b\"@example.com",
    "v4.local.",
    "v4.public.",
    "k4.local.",
    "Bearer ",
    "eyJzIjoiZW1haWwiLCJrIjoieCIsImkiOjF9",
    "https://",
    "javascript:",
    "data:",
    "rollcall-8080=",
    "__Host-",
    "lead_created",
    "email",
    "users.read",
    "[",
    "]",
    "{",
    "}",
    "((((((((",
    "[[[[[[[[",
    "x-account-id",
    "W/\"",
    "for=\"[::1]:1\"",
    "::ffff:127.0.0.1",
];

/// A few pieces in a row; now and then a great many of one.
fn text(random: &mut Rng) -> String {
    if random.u8(..40) == 0 {
        return random.choice(PIECES).unwrap().repeat(random.usize(..5000));
    }
    let pieces = random.usize(..6);
    (0..pieces).map(|_| *random.choice(PIECES).unwrap()).collect()
}

/// What a value is written as is read as the same value.
fn same_again<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().unwrap(), value);
    }
}

#[test]
fn any_value_is_read_or_refused() {
    for seed in seeds(3) {
        println!("seed {seed}");
        let mut random = Rng::with_seed(seed);
        for _ in 0..3000 {
            let text = text(&mut random);
            same_again::<users::Cursor>(&text);
            same_again::<users::Sort>(&text);
            same_again::<users::Limit>(&text);
            same_again::<events::Limit>(&text);
            same_again::<AccountId>(&text);
            if let Ok(at) = text.parse::<Timestamp>() {
                same_again::<Timestamp>(&at.to_string());
            }
            if let Ok(key) = text.parse::<Key>() {
                assert!((1..=255).contains(&key.to_string().len()));
            }
            if let Ok(email) = Email::parse("email", &text) {
                assert!(email.as_str().len() <= fields::EMAIL_MAX && !email.as_str().contains(char::is_control));
                assert_eq!(email_key(&email.key()), email.key(), "{email:?}");
            }
            if let Ok(Some(name)) = fields::name("name", &text) {
                assert!(name.chars().count() <= fields::NAME_MAX && !name.contains(char::is_control), "{name:?}");
            }
            if let Ok(Some(url)) = fields::img_src("imgSrc", &text) {
                assert!(url.starts_with("https://") || url.starts_with("http://"), "{url}");
            }
            drop((fields::phone("phone", &text), parse_time(&text)));
            assert_eq!(fold(&fold(&text)), fold(&text), "{text:?}");
        }
    }
}

#[test]
fn any_text_in_the_place_of_a_token_is_refused() {
    let keys = Keys::parse(&Keys::generate().unwrap()).unwrap();
    let claims = Claims { id: "0".repeat(32), user_id: Some(1), kind: Kind::Session, expires_at: Timestamp(0) };
    let token = keys.seal(&claims).unwrap();
    assert!(keys.open(&token).is_ok());
    assert!(keys.open_text("rollcall: something else", &token).is_err(), "a token passes for nothing else");
    let sealed = keys.seal_text("rollcall: something else", &serde_json::to_string(&claims).unwrap()).unwrap();
    assert!(keys.open(&sealed).is_err(), "and nothing else for a token");
    for seed in seeds(3) {
        println!("seed {seed}");
        let mut random = Rng::with_seed(seed);
        for _ in 0..1500 {
            assert!(keys.open(&text(&mut random)).is_err());
            let mut edited = token.clone();
            let at = random.usize(..edited.len());
            match random.u8(..3) {
                0 => edited.truncate(at),
                1 => edited.insert_str(at, random.choice(PIECES).unwrap()),
                _ => edited.replace_range(at..=at, &random.alphanumeric().to_string()),
            }
            assert_eq!(keys.open(&edited).is_ok(), edited == token, "{edited}");
        }
    }
}

/// What must hold of every answer.
fn check(what: &str, answer: &Answer) {
    assert!(answer.status.as_u16() < 500, "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
    let location = answer.header("location");
    assert!(
        location.is_empty() || location.starts_with('/') && !location.starts_with("//"),
        "{what} leads to {location}"
    );
    assert!(answer.text.is_empty() || !answer.header("content-type").is_empty(), "{what}");
    let kind = answer.header("content-type");
    assert!(!kind.starts_with("text/") || kind.to_ascii_lowercase().contains("charset=utf-8"), "{what}: {kind}");
    if answer.status.as_u16() >= 400 && !answer.text.is_empty() {
        let is_page = kind.starts_with("text/html") && answer.text.contains("<h1");
        assert!(is_page || answer.json()["message"].is_string(), "{what}: {}", answer.text);
    }
}

/// A town, who may do everything in it, and what they come with.
struct Tried {
    town: Town,
    token: String,
    cookie: String,
    random: Rng,
}

impl Tried {
    async fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let town = Town::new().await;
        town.test.member("2311", "rita@example.com", permissions::ADMIN);
        let (token, cookie) = (town.test.token(ADA), visitor::sign_in(&town.test, ADA).await);
        Self { town, token, cookie, random: Rng::with_seed(seed) }
    }

    fn routes(&mut self, which: impl Fn(&Route) -> bool) -> Vec<Route> {
        let mut routes: Vec<_> = self.town.routes().into_iter().filter(|route| which(route)).collect();
        self.random.shuffle(&mut routes);
        routes
    }

    fn json(&mut self, depth: u8) -> Value {
        match self.random.u8(..if depth > 3 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => self.random.bool().into(),
            2 => json!(self.random.i64(..)),
            3 => json!(self.random.f64()),
            4 => text(&mut self.random).into(),
            5 => (0..self.random.u8(..4)).map(|_| self.json(depth + 1)).collect(),
            _ => Value::Object(self.object(depth)),
        }
    }

    fn object(&mut self, depth: u8) -> Map<String, Value> {
        const NAMES: [&str; 14] = [
            "email",
            "name",
            "phone",
            "imgSrc",
            "active",
            "notificationPreferences",
            "lead_created",
            "event",
            "accountId",
            "deliveryPref",
            "roles",
            "permissions",
            "teamId",
            "changes",
        ];
        let mut object = Map::new();
        for _ in 0..self.random.u8(..5) {
            let name = if self.random.u8(..6) == 0 {
                text(&mut self.random)
            } else {
                (*self.random.choice(NAMES.iter()).unwrap()).to_owned()
            };
            object.insert(name, self.json(depth + 1));
        }
        object
    }
}

#[tokio::test]
async fn any_json_gets_an_answer() {
    for seed in seeds(2) {
        let mut tried = Tried::new(seed).await;
        for route in
            tried.routes(|route| route.is_api && !route.method.is_safe() && !route.template.ends_with("/{accountId}"))
        {
            for _ in 0..3 {
                let body = Value::Object(tried.object(0));
                let call = tried.town.test.call(route.method.clone(), &route.path).token(&tried.token).account(ACCOUNT);
                let answer = call.json(&body).send().await;
                check(&format!("{} {} {body}", route.method, route.path), &answer);
            }
        }
    }
}

#[tokio::test]
async fn any_form_gets_an_answer() {
    const NAMES: [&str; 12] = [
        "do",
        "name",
        "email",
        "phone",
        "password",
        "version",
        "teamId",
        "role.admin",
        "permission.x",
        "pref.lead_created",
        "to",
        "confirm",
    ];
    for seed in seeds(2) {
        let mut tried = Tried::new(seed).await;
        // Hashing is what takes the time; it reads nothing.
        let forms = |route: &Route| !route.is_api && !route.method.is_safe() && !route.template.contains("password");
        for route in tried
            .routes(|route| forms(route) && !route.template.ends_with("/sign-out") && route.template != "/ui/sign-in")
        {
            let mut form = String::new();
            for _ in 0..tried.random.u8(..6) {
                let name = *tried.random.choice(NAMES.iter()).unwrap();
                form += &format!("{name}={}&{}", text(&mut tried.random), text(&mut tried.random));
            }
            let call = tried.town.test.call(route.method.clone(), &route.path).cookie(&tried.cookie);
            let answer =
                call.header("content-type", "application/x-www-form-urlencoded").body(form.clone()).send().await;
            check(&format!("{} {form}", route.path), &answer);
        }
    }
}

#[tokio::test]
async fn any_header_gets_an_answer() {
    const NAMES: [&str; 15] = [
        "authorization",
        "cookie",
        "x-account-id",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "content-type",
        "origin",
        "host",
        "sec-fetch-site",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-proto",
        "user-agent",
        "range",
    ];
    for seed in seeds(2) {
        let mut tried = Tried::new(seed).await;
        for route in tried.routes(|_| true) {
            let mut call = tried.town.request(&route);
            let mut said = String::new();
            for _ in 0..3 {
                let (name, value) = (*tried.random.choice(NAMES.iter()).unwrap(), text(&mut tried.random));
                if HeaderValue::from_str(&value).is_ok() {
                    said += &format!("{name}: {value}\n");
                    call = call.header(name, value);
                }
            }
            let answer = call.send().await;
            check(&format!("{} {} {said}", route.method, route.path), &answer);
            assert!(!answer.text.contains("zqmark"), "{} {said}: {}", route.path, answer.text);
        }
    }
}

#[tokio::test]
async fn any_address_gets_an_answer() {
    for seed in seeds(2) {
        let mut tried = Tried::new(seed).await;
        for route in tried.routes(|route| route.method.is_safe()) {
            let names = [
                "cursor", "limit", "sort", "query", "active", "teamId", "role", "from", "to", "event", "next",
                "status", "page",
            ];
            let mut path = route.path.clone();
            if tried.random.u8(..3) == 0 {
                path += &format!("/{}", escaped(&text(&mut tried.random)));
            }
            for n in 0..3 {
                let name = *tried.random.choice(names.iter()).unwrap();
                let separator = if n == 0 && !path.contains('?') { '?' } else { '&' };
                path += &format!("{separator}{name}={}", escaped(&text(&mut tried.random)));
            }
            let call = tried.town.test.call(route.method.clone(), &path).account(ACCOUNT);
            let answer = call.token(&tried.token).cookie(&tried.cookie).send().await;
            check(&path, &answer);
        }
    }
}

/// Everything that an address cannot hold as it is, and now and then what it could.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'%' | b'/' | b'@' | b'=' | b'&' | b'+' | b';' | b'\'' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02x}"),
    };
    text.bytes().take(2000).map(escape).collect()
}
