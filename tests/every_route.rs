//! Every route of the server, called by all who may not: without a token, with one that is wrong, over, taken back, of
//! another kind, of another account, or too weak.
//!
//! The routes are read off the API's document and off the pages' own list, so a new one is here without anybody remembering
//! it. What is expected of it follows from rules; whoever adds a route that strangers may call, or a placeholder of a new
//! name, says so in the short lists below.

mod town;

use std::time::Duration;

use poem::http::Method;
use rollcall::domain::memberships::Place;
use rollcall::domain::tokens::Kind;
use rollcall::domain::users::{self, Member};
use rollcall::domain::{fields, permissions};
use serde_json::{Value, json};

use crate::support::{ADA, Answer};
use crate::visitor::{self, Page};
pub use town::{ACCOUNT, Route, Town};
use town::{ALL_KINDS, EVE, YEAR, foreign, require_silent, tampered};

/// What a stranger may look at, besides the links below.
const OPEN: &[&str] = &[
    "/",
    "/health/live",
    "/health/ready",
    "/docs",
    "/openapi.json",
    "/openapi.yaml",
    "/users/swagger.yaml",
    "/users/route.rs",
    "/reference/",
    "/reference/:id",
    "/static/:file",
    "/ui/sign-in",
    "/ui/sign-in/passkey",
    "/ui/sign-in/passkey/question",
    "/ui/sign-out",
];

/// Pages whose address is the proof, and of which kinds it may be.
const LINKS: &[(&str, &[Kind])] = &[
    ("/ui/set-up/:token", &[Kind::SetUpLink]),
    ("/ui/sign-in/:token", &[Kind::SignInLink]),
    ("/ui/welcome/:token", &[Kind::Invitation]),
    ("/ui/reset/:token", &[Kind::PasswordReset]),
    // Whoever is new may begin with a passkey.
    ("/ui/passkey/:token", &[Kind::PasskeyLink, Kind::Invitation]),
    ("/ui/passkey/:token/question", &[Kind::PasskeyLink, Kind::Invitation]),
];

/// Where everybody who is signed in finds their own things.
const OWN: &[&str] = &[
    "/me",
    "/me/*",
    "/sessions",
    "/sessions/*",
    "/accounts",
    "/permissions",
    "/ui/",
    "/ui/me",
    "/ui/me/*",
    "/ui/accounts",
    "/ui/prove",
    "/ui/prove/*",
    "/ui/new-password",
    "/ui/new-passkey",
    "/ui/new-passkey/*",
    "/ui/impersonation/end",
];

/// What every member of an account may, whatever else they may not: see what it is called, and have keys of their own.
const OF_MEMBERS: &[&str] = &["/accounts/{accountId}", "/api-keys"];

#[tokio::test]
async fn no_operation_is_done_without_a_token_that_is_honoured() {
    let mut town = Town::new().await;
    let bad = town.bad_tokens();
    let (cookie, key) = (town.token_of(Kind::Session, 1), town.token_of(Kind::ApiKey, 1));
    town.before = town.content();
    for route in town.operations() {
        let refused = |who: &str, answer: Answer, code: &str| {
            let told = format!("{} {} by {who}: {}", route.method, route.path, answer.text);
            assert!(answer.error().starts_with(&format!("401 {code}")), "{told}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{told}");
            require_silent(&route, who, &answer);
        };
        refused("nobody", town.request(&route).send().await, "token_missing");
        for (who, token, code) in &bad {
            refused(who, town.request(&route).token(token).send().await, code);
        }
        let basic = town.request(&route).header("authorization", "Basic YWRhOnNlY3JldA==").send().await;
        refused("a password", basic, "token_");
        let cookie = town.request(&route).cookie(&format!("rollcall-8080={cookie}")).send().await;
        refused("a browser's cookie", cookie, "token_missing");
        let mut in_query = route.clone();
        in_query.path += &format!("{}access_token={key}&token={key}", if route.path.contains('?') { '&' } else { '?' });
        refused("a key in the address", town.request(&in_query).send().await, "token_missing");
        town.require_untouched(&route);
    }
}

#[tokio::test]
async fn no_operation_is_done_for_somebody_who_is_suspended_or_gone() {
    let mut town = Town::new().await;
    let suspended = town.token_of(Kind::ApiKey, town.grace);
    let gone = town.test.member(ACCOUNT, "zqmarkgone@example.com", permissions::ADMIN);
    let removed = town.token_of(Kind::ApiKey, gone);
    let grace = town.grace;
    let end = town.test.app.db().write_here(move |w| {
        w.run("update users set active = 0 where id = ?1", [grace])?;
        let now = w.now;
        w.run("update memberships set removed_at = ?2, primary_account = 0 where user_id = ?1", (gone, now.0))
    });
    end.unwrap();
    town.before = town.content();
    for route in town.operations() {
        for (token, code) in [(&suspended, "401 user_suspended"), (&removed, "401 no_account")] {
            let answer = town.request(&route).token(token).send().await;
            assert!(answer.error().starts_with(code), "{} {}: {}", route.method, route.path, answer.text);
        }
        town.require_untouched(&route);
    }
}

/// Eve, who may do everything in her own account, a key of an owner that is for another account, one that may do nothing,
/// and a member who was given no permission.
#[tokio::test]
async fn no_operation_is_done_for_somebody_of_another_account_or_with_too_weak_a_token() {
    let mut town = Town::new().await;
    let eve = town.test.token(EVE);
    let elsewhere = api_key(&town, ADA, "4712", &json!({"name": "Elsewhere"})).await;
    let nothing = api_key(&town, ADA, ACCOUNT, &json!({"name": "Weak", "permissions": []})).await;
    let powerless = powerless(&town);
    town.before = town.content();
    for route in town.operations() {
        for (who, token, is_inside) in [
            ("Eve", &eve, false),
            ("a key of another account", &elsewhere, false),
            ("a key for nothing", &nothing, true),
            ("a member", &powerless, true),
        ] {
            let answer = town.request(&route).token(token).send().await;
            let told = format!("{} {} by {who}: {} {}", route.method, route.path, answer.status, answer.text);
            assert!(answer.status.is_client_error() || answer.status.is_success(), "{told}");
            if route.in_account && !is_inside && !route.template.starts_with("/me") {
                assert_eq!(answer.status, 403, "{told}");
            }
            if answer.status.is_success() {
                let of_members = OF_MEMBERS.contains(&route.template.as_str());
                assert!(route.is_own() || is_inside && of_members, "{told}");
            }
            if who.starts_with("a key") && route.is_unsafe() {
                assert!(answer.status.is_client_error(), "a key that may do nothing did it: {told}");
            }
            if !is_inside {
                require_silent(&route, who, &answer);
            }
            if answer.status.is_success() && route.is_unsafe() {
                // They did something to themself, as they may.
                town.before = town.content();
            }
        }
        town.require_untouched(&route);
    }
}

async fn api_key(town: &Town, email: &'static str, account: &'static str, body: &Value) -> String {
    let mut body = body.clone();
    body["expiresAt"] = "2027-10-01T00:00:00Z".into();
    town.test.client(email, account).post("/api-keys", body).await.done()["token"].as_str().unwrap().to_owned()
}

/// Somebody of the account who may do nothing there.
fn powerless(town: &Town) -> String {
    let made = town.test.app.db().write_here(|w| {
        let email = fields::Email::parse("email", "weak@example.com").unwrap();
        let member = Member { email, active: true, ..Member::default() };
        users::insert(w, &ACCOUNT.parse().unwrap(), &member, &Place::default())
    });
    made.unwrap();
    town.test.token("weak@example.com")
}

/// Without a cookie, or with one that is no session, every page leads to the sign-in page and every form is refused.
#[tokio::test]
async fn no_page_opens_without_a_session_that_is_honoured() {
    let mut town = Town::new().await;
    let mut cookies: Vec<_> = bad_cookies(&mut town).await;
    cookies.push(("nobody", String::new()));
    town.before = town.content();
    for route in town.routes().iter().filter(|route| !route.is_api && route.link().is_none()) {
        for (who, cookie) in &cookies {
            let answer = town.request(route).cookie(&format!("rollcall-8080={cookie}")).send().await;
            let told = format!("{} {} by {who}: {} {}", route.method, route.path, answer.status, answer.text);
            require_silent(route, who, &answer);
            if route.is_open() {
                assert!(answer.status.as_u16() < 500, "{told}");
            } else if route.is_unsafe() || !route.is_page() {
                // What a script is to send can't be read as a form; and a program is led to no page.
                assert!(matches!(answer.status.as_u16(), 401 | 415), "{told}");
            } else {
                assert_eq!(answer.status, 303, "{told}");
                assert!(answer.header("location").starts_with("/ui/sign-in"), "{told}");
            }
        }
        town.require_untouched(route);
    }
}

async fn bad_cookies(town: &mut Town) -> Vec<(&'static str, String)> {
    let good = town.token_of(Kind::Session, 1);
    let expired = town.test.issue(Kind::Session, Some(1), Duration::from_secs(1));
    let signed_out = visitor::sign_in(&town.test, ADA).await;
    assert_eq!(town.test.post("/ui/sign-out").cookie(&signed_out).send().await.status, 303);
    let suspended = town.token_of(Kind::Session, town.grace);
    let grace = town.grace;
    town.test.app.db().write_here(move |w| w.run("update users set active = 0 where id = ?1", [grace])).unwrap();
    let mut bad = vec![
        ("nonsense", "nonsense".to_owned()),
        ("another server", foreign(&town.test.app.open_token(&good).unwrap())),
        ("somebody who tampered", tampered(&good)),
        ("an expired session", town.test.app.seal(&expired).unwrap()),
        ("a signed-out session", signed_out.split_once('=').unwrap().1.to_owned()),
        ("somebody suspended", suspended),
    ];
    let others = ALL_KINDS.into_iter().filter(|kind| *kind != Kind::Session);
    bad.extend(others.map(|kind| ("another kind of token", town.token_of(kind, 1))));
    bad
}

/// A link opens with what it is made of, which works until it is spent or too old; whatever else is in its place does not.
#[tokio::test]
async fn no_link_opens_with_anything_but_its_own_kind() {
    let mut town = Town::new().await;
    let every = town.routes();
    for (path, _) in LINKS {
        assert!(every.iter().any(|route| route.template == *path), "{path} is not a page");
    }
    for route in every.iter().filter(|route| route.path.contains("{token}")) {
        let kinds = route.link().unwrap_or_else(|| panic!("say in LINKS what opens {}", route.template));
        let kind = kinds[0];
        let expired = town.test.issue(kind, (kind != Kind::SetUpLink).then_some(1), Duration::from_secs(1));
        let spent = town.test.issue(kind, (kind != Kind::SetUpLink).then_some(1), YEAR);
        town.test.spend(&spent);
        town.test.advance(Duration::from_secs(1));
        let mut wrong = vec![
            ("nonsense", "v4.local.nonsense".to_owned()),
            ("expired", town.test.app.seal(&expired).unwrap()),
            ("spent", town.test.app.seal(&spent).unwrap()),
            ("another server's", foreign(&spent)),
        ];
        let others = ALL_KINDS.into_iter().filter(|other| !kinds.contains(other));
        wrong.extend(others.map(|other| ("another kind", town.token_of(other, 1))));
        town.before = town.content();
        for (who, token) in wrong {
            let filled = Route { path: route.path.replace("{token}", &token), ..route.clone() };
            let answer = town.request(&filled).send().await;
            // Set-up has an owner already, which is said to whoever has a link for it.
            let closed = kind == Kind::SetUpLink && answer.status == 409;
            // What a script is to send can't be read as a form.
            let unread = answer.status == 415 && route.is_unsafe();
            assert!(
                answer.status == 401 || closed || unread,
                "{} {who}: {} {}",
                filled.path,
                answer.status,
                answer.text
            );
            require_silent(&filled, who, &answer);
        }
        town.require_untouched(route);
    }
}

/// Eve with her browser, at the pages of an account that isn't hers.
#[tokio::test]
async fn no_page_of_an_account_opens_for_somebody_of_another() {
    let mut town = Town::new().await;
    for route in town.routes().iter().filter(|route| !route.is_api && !route.is_open() && route.link().is_none()) {
        // Anew each time: what she may do to herself ends sessions.
        let eve = visitor::sign_in(&town.test, EVE).await;
        town.before = town.content();
        let answer = town.request(route).cookie(&eve).send().await;
        let told = format!("{} {} by Eve: {} {}", route.method, route.path, answer.status, answer.text);
        require_silent(route, "Eve", &answer);
        let about_them = route.path.contains(ACCOUNT) || route.path.contains(&town.session);
        if about_them || route.is_unsafe() && !route.is_own() {
            assert!(matches!(answer.status.as_u16(), 403 | 404), "{told}");
        }
        assert!(route.is_own() || answer.status.is_client_error(), "{told}");
        if route.is_own() && route.is_unsafe() {
            town.before = town.content();
        }
        town.require_untouched(route);
    }
}

/// A member without any permission sends every form there is.
#[tokio::test]
async fn no_form_does_anything_for_a_member_without_permissions() {
    let mut town = Town::new().await;
    powerless(&town);
    let weak = visitor::sign_in(&town.test, "weak@example.com").await;
    town.before = town.content();
    let forms = town.routes();
    let about_others = |route: &&Route| route.is_unsafe() && !route.is_api && !route.is_own() && !route.is_open();
    for route in forms.iter().filter(about_others).filter(|route| route.link().is_none()) {
        let answer = town.request(route).cookie(&weak).send().await;
        let told = format!("{} {}: {} {}", route.method, route.path, answer.status, answer.text);
        // Whoever is a member has keys of their own, though they can do no more than their maker.
        if !route.template.ends_with("/api-keys") {
            assert!(matches!(answer.status.as_u16(), 403 | 404), "{told}");
        } else {
            town.before = town.content();
        }
        town.require_untouched(route);
    }
}

/// An owner's browser is made to send every form there is by a page of somebody else.
#[tokio::test]
async fn no_form_is_taken_from_a_page_of_another_site() {
    let mut town = Town::new().await;
    let owner = visitor::sign_in(&town.test, ADA).await;
    town.before = town.content();
    for route in town.routes().iter().filter(|route| route.is_unsafe() && !route.is_api) {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:8080.evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let call = town.request(route).cookie(&owner).header("host", "localhost:8080");
            let answer = call.header(name, value).send().await;
            assert_eq!(answer.status, 403, "{} from {value}: {}", route.path, answer.text);
            assert!(answer.header("set-cookie").is_empty(), "{} from {value}", route.path);
        }
        town.require_untouched(route);
    }
}

/// What is not declared isn't there, whoever asks.
#[tokio::test]
async fn no_route_answers_to_a_method_it_was_not_declared_with() {
    let mut town = Town::new().await;
    let owner = visitor::sign_in(&town.test, ADA).await;
    let token = town.token_of(Kind::ApiKey, 1);
    town.before = town.content();
    let routes = town.routes();
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"];
    for route in &routes {
        let same = |known: &&Route| known.template == route.template && known.is_api == route.is_api;
        let declared: Vec<_> = routes.iter().filter(same).map(|known| known.method.clone()).collect();
        for method in methods.map(|method| method.parse::<Method>().unwrap()) {
            if declared.contains(&method) {
                continue;
            }
            let other = Route { method, ..route.clone() };
            let answer = town.request(&other).token(&token).cookie(&owner).send().await;
            let status = answer.status.as_u16();
            assert!(matches!(status, 404 | 405), "{} {}: {status} {}", other.method, other.path, answer.text);
        }
        town.require_untouched(route);
    }
}

/// Each route is one of those that strangers may call, or refuses them: a route that is neither was forgotten.
#[tokio::test]
async fn whoever_is_not_let_in_learns_nothing_from_any_answer() {
    let town = Town::new().await;
    for route in town.routes().iter().filter(|route| route.link().is_none()) {
        let answer = town.request(route).send().await;
        require_silent(route, "a stranger", &answer);
        let open = answer.status.is_success();
        assert!(!open || route.is_open(), "{} {} answers a stranger: {}", route.method, route.path, answer.text);
    }
    for path in OPEN {
        assert!(town.routes().iter().any(|route| route.template == *path), "{path} is no route any more");
    }
}

/// An owner looks at everything there is, as a browser does and as a program does.
#[tokio::test]
async fn looking_changes_nothing() {
    let town = Town::new().await;
    let owner = visitor::sign_in(&town.test, ADA).await;
    let token = town.token_of(Kind::ApiKey, 1);
    let (before, mut seen) = (town.content(), 0);
    for route in town.routes().iter().filter(|route| !route.is_unsafe()) {
        let answer = town.request(route).token(&token).cookie(&owner).send().await;
        assert!(answer.status.as_u16() < 500, "{} {}: {}", route.method, route.path, answer.text);
        assert_eq!(town.content(), before, "{} {} stored something", route.method, route.path);
        seen += usize::from(answer.status.is_success());
    }
    assert!(seen > 60, "{seen} of all routes could be looked at");
}

#[tokio::test]
async fn every_page_of_a_session_offers_to_end_it() {
    let town = Town::new().await;
    let owner = visitor::sign_in(&town.test, ADA).await;
    let mut pages = 0;
    for route in town.routes().iter().filter(|route| route.method == Method::GET && !route.is_open()) {
        let answer = town.request(route).cookie(&owner).send().await;
        if answer.status.is_success() && answer.header("content-type").starts_with("text/html") {
            assert!(answer.text.contains("action=\"/ui/sign-out\""), "{}", route.path);
            pages += 1;
        }
    }
    assert!(pages > 20, "{pages}");
}

#[tokio::test]
async fn password_fields_hide_what_is_typed_and_help_password_managers() {
    let town = Town::new().await;
    let owner = visitor::sign_in(&town.test, ADA).await;
    let link = town.token_of(Kind::Invitation, town.grace);
    let mut fields = 0;
    for route in town.routes().iter().filter(|route| route.method == Method::GET && !route.is_api) {
        let route = Route { path: route.path.replace("{token}", &link), ..route.clone() };
        let answer = town.request(&route).cookie(&owner).send().await;
        let is_page = answer.header("content-type").starts_with("text/html") && route.template.starts_with("/ui");
        for input in answer.text.split("<input ").skip(1).filter(|_| is_page) {
            let input = input.split('>').next().unwrap();
            if !input.contains("name=\"password\"") && !input.contains("name=\"current\"") {
                continue;
            }
            assert!(input.contains("type=\"password\""), "{}: {input}", route.path);
            let helped =
                input.contains("autocomplete=\"new-password\"") || input.contains("autocomplete=\"current-password\"");
            assert!(helped && !input.contains("onpaste") && !input.contains("maxlength"), "{}: {input}", route.path);
            fields += 1;
        }
    }
    assert!(fields >= 4, "{fields}");
}
