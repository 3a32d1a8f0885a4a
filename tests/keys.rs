//! The keys that tokens are sealed with: rotating them, which token opens what, and where no secret is ever written.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use rollcall::domain::tokens::Kind;
use rollcall::keys::Keys;
use serde_json::{Value, json};

use crate::authenticator::Device;
use crate::cli::{Served, create, init, rollcall, serve};
use crate::support::{ADA, PASSWORD, TestApp};
use crate::visitor::{Page, sign_in};

fn says(data: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = rollcall(data).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn key_lines(data: &Path) -> Vec<String> {
    fs::read_to_string(data.join("rollcall.key")).unwrap().lines().map(str::to_owned).collect()
}

/// The outcome of `GET /me`.
fn me(url: &str, token: &str) -> u16 {
    let call = ureq::get(format!("{url}/me")).header("authorization", format!("Bearer {token}")).call();
    match call {
        Ok(answer) => answer.status().as_u16(),
        Err(ureq::Error::StatusCode(status)) => status,
        Err(error) => panic!("{error}"),
    }
}

/// What is asked for comes true within a few seconds.
fn soon(what: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

#[test]
fn a_rotated_key_takes_effect_beside_a_running_server_and_older_tokens_stay() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let older = init(data);
    let served = serve(&mut rollcall(data), 1);
    let before = key_lines(data);
    let (code, listed, _) = says(data, &["key", "rotate"]);
    assert_eq!((code, listed.lines().count()), (0, 3), "two keys under a title: {listed}");
    let after = key_lines(data);
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[0], "the one until now stands second");
    assert_ne!(after[0], before[0]);
    assert!(!listed.contains("k4.local.") && listed.contains("k4.lid."), "never the key: {listed}");
    assert_eq!(says(data, &["key", "list"]).1, listed);

    // Sealed by another process with a key that the server hasn't seen yet.
    let newer = says(data, &["token", "--email", ADA]).1;
    assert_eq!(me(&served.url, newer.trim()), 200);
    assert_eq!(me(&served.url, &older), 200);
    // What the server itself seals from now on, the old key doesn't open.
    let first = create(&served.url, newer.trim(), "bob@example.com").unwrap();
    let old_keys = Keys::parse(&before[0]).unwrap();
    assert!(old_keys.open(first["token"].as_str().unwrap()).is_err());
    assert!(old_keys.open(&older).is_ok());
    #[cfg(unix)]
    assert_eq!(mode(&data.join("rollcall.key")), 0o600);
    assert_eq!(
        fs::read_dir(data).unwrap().filter(|f| f.as_ref().unwrap().path().to_string_lossy().contains("key")).count(),
        1
    );
}

#[test]
fn revoking_ends_every_token_at_once_and_leaves_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let older = init(data);
    let served = serve(&mut rollcall(data), 1);
    let once = |token: &str| {
        let call = ureq::post(format!("{}/users", served.url)).header("authorization", format!("Bearer {token}"));
        let call = call.header("x-account-id", "2311").header("idempotency-key", "one");
        match call.send_json(json!({"email": "bob@example.com"})) {
            Ok(answer) => answer.status().as_u16(),
            Err(ureq::Error::StatusCode(status)) => status,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!((once(&older), once(&older)), (201, 201));
    says(data, &["key", "rotate"]);
    let (code, _, said) = says(data, &["key", "rotate", "--revoke"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("everybody signs in again"), "{said}");
    assert_eq!(key_lines(data).len(), 1);
    assert_eq!(me(&served.url, &older), 401, "at once");
    assert!(soon(|| me(&served.url, &older) == 401));
    let fresh = says(data, &["token", "--email", ADA]).1;
    assert_eq!(me(&served.url, fresh.trim()), 200);
    assert_eq!(once(fresh.trim()), 409, "the kept answer is gone, and is no fault of the server");
}

#[tokio::test]
async fn an_answer_sealed_with_a_lost_key_is_given_anew() {
    let test = TestApp::new();
    let ask = |token: String| {
        let call = test.post("/users").token(&token).account("2311").header("idempotency-key", "k");
        call.json(&json!({"email": "bob@example.com"})).send()
    };
    let user = ask(test.token(ADA)).await.done();
    assert_eq!(ask(test.token(ADA)).await.done(), user, "kept");
    let path = test.app.config().data.join("rollcall.key");
    fs::write(&path, format!("{}\n", Keys::generate().unwrap())).unwrap();
    assert!(test.app.keyring().refresh());
    assert!(ask(test.token(ADA)).await.error().starts_with("409 email_taken"));
}

#[test]
fn a_key_that_nothing_needs_any_more_goes_at_the_next_rotation() {
    let test = TestApp::new();
    let ids = |keys: &Keys| keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
    let rotate = || {
        let app = test.app.clone();
        let rotated = test.app.db().write_here(move |w| rollcall::cli::rotate_keys(&app, w, false));
        ids(&rotated.unwrap())
    };
    test.token(ADA); // for eight hours
    let first = ids(&test.app.keys());
    let second = rotate();
    assert_eq!(second[1..], first[..]);
    test.advance(Duration::from_secs(3600));
    let third = rotate();
    assert_eq!(third[1..], second[..], "the token is alive, and so is its key");
    test.advance(Duration::from_secs(8 * 3600));
    let fourth = rotate();
    assert_eq!(fourth[1..], third[..1], "only the one in use until now: the others sealed nothing that is honoured");
}

#[test]
fn a_broken_key_file_changes_nothing_for_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let token = init(data);
    let log = File::create(data.join("log")).unwrap();
    let mut command = rollcall(data);
    let served = serve_logging(command.arg("serve"), log);
    fs::write(data.join("rollcall.key"), "this is no key\n").unwrap();
    let told = || fs::read_to_string(data.join("log")).unwrap().contains("the key file has changed and can't be used");
    assert!(soon(told), "it says so");
    assert_eq!(me(&served.url, &token), 200);
    assert!(!fs::read_to_string(data.join("log")).unwrap().contains("this is no key"), "not what it holds");
}

#[tokio::test]
async fn a_key_file_that_can_be_used_again_is_used() {
    let test = TestApp::new();
    let (file, old) = (test.app.config().data.join("rollcall.key"), test.app.keys());
    let mode = |mode| fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let other = Keys::generate().unwrap();
    fs::write(&file, &other).unwrap();
    mode(0o644);
    assert!(!test.app.keyring().refresh() && !test.app.keyring().refresh(), "others can read it");
    assert_eq!(test.app.keys().to_text().unwrap(), old.to_text().unwrap());
    // What the log says to do changes neither its text nor its time.
    mode(0o600);
    assert!(test.app.keyring().refresh());
    assert_eq!(test.app.keys().to_text().unwrap().trim(), other);
}

/// What was to end the tokens can't be stored, so they live on, and their keys with them.
#[test]
fn a_rotation_that_fails_leaves_the_keys_and_the_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let token = init(data);
    let many = "insert into tokens (id, kind, user_id, created_at, expires_at)
                with recursive n (i) as (select 1 union all select i + 1 from n where i < 2000)
                select 'zq' || i, 'session', 1, 0, 9999999999999 from n";
    rusqlite::Connection::open(data.join("rollcall.db")).unwrap().execute_batch(many).unwrap();
    let before = key_lines(data);
    // Room for the index of the log, and for a draft of the keys, and none for the log.
    let rotate = "ulimit -f 64; exec \"$0\" key rotate --revoke --data \"$1\"";
    let shell = ["-c", rotate, env!("CARGO_BIN_EXE_rollcall")];
    let failed = std::process::Command::new("sh").args(shell).arg(data).output().unwrap();
    let said = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("disk") && !said.contains("are gone"), "{said}");
    assert_eq!(key_lines(data), before);
    let served = serve(&mut rollcall(data), 1);
    assert_eq!(me(&served.url, &token), 200);
}

#[test]
fn a_key_file_that_is_missing_is_no_new_key() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let (code, _, said) = says(folder.path(), &["user", "list", "--key-file", "nowhere"]);
    assert!(code == 4 && said.contains("There is no key in nowhere") && !said.contains("a new one now"), "{said}");
}

/// A rotation that was killed leaves one, with all keys in it.
#[test]
fn a_draft_of_the_key_file_that_was_left_is_gone_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let [left, written] = ["rollcall.key.4711.draft", "rollcall.key.4712.draft"].map(|name| folder.path().join(name));
    for draft in [&left, &written] {
        fs::write(draft, "k4.local.").unwrap();
    }
    let copy = folder.path().join("rollcall.key.20260901");
    fs::write(&copy, "k4.local.").unwrap();
    let before = SystemTime::now() - Duration::from_mins(2);
    for old in [&left, &copy] {
        File::options().write(true).open(old).unwrap().set_modified(before).unwrap();
    }
    drop(serve(&mut rollcall(folder.path()), 1));
    assert!(!left.exists());
    assert!(written.exists(), "somebody may be writing it just now");
    assert!(copy.exists(), "somebody made it to keep it");
}

#[test]
fn keys_from_a_setting_are_rotated_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (_, old, _) = says(data, &["key", "new"]);
    let (_, new, _) = says(data, &["key", "new"]);
    assert!(old.starts_with("k4.local.") && old != new);
    let old_token = |keys: &str, arguments: &[&str]| {
        let output = rollcall(data).env("ROLLCALL_KEY", keys).args(arguments).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let token = old_token(old.trim(), &["init", "--email", ADA]).1;
    let (code, _, said) = old_token(old.trim(), &["key", "rotate"]);
    insta::assert_snapshot!(format!("{code}: {said}"), @"3: rollcall: The key comes from --key or ROLLCALL_KEY, so it is changed there, and nothing was done. `rollcall key new` prints a new one: put it first, then a comma and the one until now, and start the server again. Take the old one out when what it sealed may end.");
    let both = format!("{},{}", new.trim(), old.trim());
    let served = serve(rollcall(data).env("ROLLCALL_KEY", &both), 1);
    assert_eq!(me(&served.url, token.trim()), 200);
    drop(served);
    let served = serve(rollcall(data).env("ROLLCALL_KEY", new.trim()), 1);
    assert_eq!(me(&served.url, token.trim()), 401);
    assert!(!data.join("rollcall.key").exists());
}

/// Every kind of token in every place where one is taken.
#[tokio::test]
async fn one_kind_of_token_opens_what_it_is_for_and_nothing_else() {
    let test = TestApp::new();
    let kinds = [
        Kind::Session,
        Kind::ApiKey,
        Kind::Invitation,
        Kind::SignInLink,
        Kind::SetUpLink,
        Kind::PasswordReset,
        Kind::PasskeyLink,
    ];
    let seal = |kind| {
        let user = (kind != Kind::SetUpLink).then_some(1);
        test.app.seal(&test.issue(kind, user, Duration::from_secs(600))).unwrap()
    };
    for kind in kinds {
        let bearer = test.get("/me").token(&seal(kind)).send().await.status == 200;
        assert_eq!(bearer, matches!(kind, Kind::ApiKey | Kind::Invitation), "{kind:?} as a bearer token");
        let cookie = test.get("/ui/me").cookie(&format!("rollcall-8080={}", seal(kind))).send().await.status == 200;
        assert_eq!(cookie, kind == Kind::Session, "{kind:?} as a session cookie");
        for (page, own) in [("sign-in", Kind::SignInLink), ("welcome", Kind::Invitation), ("set-up", Kind::SetUpLink)] {
            if own == kind {
                continue;
            }
            let before = test.rows();
            let call = test.post(&format!("/ui/{page}/{}", seal(kind))).form(&[("password", PASSWORD)]);
            let answer = call.send().await;
            assert!(matches!(answer.status.as_u16(), 401 | 409), "{kind:?} at {page}: {}", answer.status);
            assert!(answer.headers.get("set-cookie").is_none(), "{kind:?} at {page}");
            assert_eq!(test.rows().len(), before.len());
        }
    }
}

/// A row of one kind is not opened by a token that says it is of another, even one sealed with the right key.
#[tokio::test]
async fn a_tokens_kind_is_the_one_of_its_row() {
    let test = TestApp::new();
    let mut claims = test.issue(Kind::SignInLink, Some(1), Duration::from_secs(600));
    claims.kind = Kind::ApiKey;
    assert!(
        test.get("/me").token(&test.app.seal(&claims).unwrap()).send().await.error().starts_with("401 token_revoked")
    );
    claims.kind = Kind::Session;
    let cookie = format!("rollcall-8080={}", test.app.seal(&claims).unwrap());
    assert_ne!(test.get("/ui/me").cookie(&cookie).send().await.status, 200);
}

#[tokio::test]
async fn what_is_sealed_for_one_purpose_is_nothing_for_another() {
    let test = TestApp::new();
    let keys = test.app.keys();
    let sealed = keys.seal_text("one", "text").unwrap();
    assert_eq!(keys.open_text("one", &sealed).unwrap(), "text");
    assert!(keys.open_text("other", &sealed).is_err());
    assert!(keys.open(&sealed).is_err());
    let token = test.token(ADA);
    assert!(keys.open_text("one", &token).is_err());
}

#[cfg(unix)]
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// [`serve`], with its log in a file.
pub fn serve_logging(command: &mut std::process::Command, log: File) -> Served {
    use std::io::{BufRead, BufReader};
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut greeting = String::new();
    output.read_line(&mut greeting).unwrap();
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    Served { child, url, greeting }
}

fn cookies(answer: &ureq::http::Response<ureq::Body>) -> Vec<String> {
    let all = answer.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    all.map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect()
}

/// A link that the shell prints for Grace: its page here, and the token it ends with.
fn link_from_shell(data: &Path, url: &str, command: &str, page: &str) -> (String, String) {
    let (code, link, said) = says(data, &["user", command, "grace@example.com"]);
    assert_eq!(code, 0, "{said}");
    let token = link.trim().rsplit('/').next().unwrap().to_owned();
    assert!(token.starts_with("v4.local."), "{link}");
    (format!("{url}/ui/{page}/{token}"), token)
}

/// Opens a reset link, tries a password that is not taken, sets one, and comes again; the secrets of it.
fn spend_reset_link(data: &Path, agent: &ureq::Agent, url: &str) -> Vec<String> {
    let (page, token) = link_from_shell(data, url, "reset-password", "reset");
    assert_eq!(agent.get(&page).call().unwrap().status(), 200);
    let mut secrets = vec![token];
    for (password, status) in [("grace12345", 400), ("another horse battery", 303), ("a third horse battery", 401)] {
        let answer = agent.post(&page).send_form([("password", password)]).unwrap();
        assert_eq!(answer.status(), status);
        secrets.push(password.to_owned());
        secrets.extend(cookies(&answer).iter().filter_map(|cookie| cookie.split_once('=')).map(|(_, v)| v.to_owned()));
    }
    secrets
}

/// Opens a passkey link, answers its question wrongly and rightly, and comes again; the secrets of it.
fn spend_passkey_link(data: &Path, agent: &ureq::Agent, url: &str) -> Vec<String> {
    let (page, token) = link_from_shell(data, url, "passkey-link", "passkey");
    assert_eq!(agent.get(&page).call().unwrap().status(), 200);
    let post = |path: &str, body: Value| {
        let call = agent.post(format!("{page}{path}")).header("accept", "application/json");
        call.content_type("application/json").send(body.to_string()).unwrap()
    };
    let origin = url.replace("127.0.0.1", "localhost").leak();
    let mut secrets = vec![token];
    for (origin, status) in [("https://evil.example", 400), (origin, 200)] {
        let question: Value = post("/question", json!({})).body_mut().read_json().unwrap();
        let credential = Device { origin, ..Device::new() }.create(&question);
        for secret in [&question["publicKey"]["challenge"], &credential["response"]["clientDataJSON"]] {
            secrets.push(secret.as_str().unwrap().to_owned());
        }
        let answer = post("", json!({ "name": "By link", "credential": credential }));
        assert_eq!(answer.status(), status);
        secrets.extend(cookies(&answer).iter().filter_map(|cookie| cookie.split_once('=')).map(|(_, v)| v.to_owned()));
    }
    assert_eq!(post("/question", json!({})).status(), 401);
    secrets
}

/// The most talkative log, and the events: neither holds a password, a token, a key or a link.
#[test]
fn no_secret_is_in_the_log_or_in_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let token = init(&data);
    let mut command = rollcall(&data);
    let served = serve_logging(command.args(["serve", "--log", "debug"]), File::create(&log).unwrap());
    let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
    let url = &served.url;
    let mut secrets = vec![token.clone(), "correct horse battery".into(), "wrong horse battery".into()];

    let created = create(url, &token, "grace@example.com").unwrap();
    let welcome = created["token"].as_str().unwrap().to_owned();
    let page = format!("{url}/ui/welcome/{welcome}");
    assert_eq!(agent.get(&page).call().unwrap().status(), 200);
    let set = agent.post(&page).send_form([("password", "correct horse battery")]).unwrap();
    assert_eq!(set.status(), 303);
    let mut cookie = cookies(&set);
    for password in ["wrong horse battery", "correct horse battery"] {
        let form = [("email", "grace@example.com"), ("password", password)];
        cookie.extend(cookies(&agent.post(format!("{url}/ui/sign-in")).send_form(form).unwrap()));
    }
    let session = cookie.iter().rfind(|cookie| cookie.contains("=v4.local.") && !cookie.contains("device")).unwrap();
    assert_eq!(agent.get(format!("{url}/ui/me")).header("cookie", session).call().unwrap().status(), 200);
    let (_, link, _) = says(&data, &["link", "--email", "grace@example.com"]);
    assert_eq!(agent.post(link.trim()).send_empty().unwrap().status(), 303);
    assert_eq!(agent.post(link.trim()).send_empty().unwrap().status(), 401);
    assert_eq!(agent.get(link.trim().replace("sign-in/v4.local", "nowhere/v4.local")).call().unwrap().status(), 404);
    let key = agent.post(format!("{url}/api-keys")).header("authorization", format!("Bearer {token}"));
    let key = key.header("x-account-id", "2311").send_json(json!({"name": "k", "expiresAt": "2199-01-01T00:00:00Z"}));
    let key = key.unwrap().body_mut().read_json::<serde_json::Value>().unwrap();
    secrets.extend(key["token"].as_str().map(str::to_owned));
    assert_eq!(agent.get(format!("{url}/me?access_token={token}")).call().unwrap().status(), 401);
    assert_eq!(me(url, "v4.local.nonsense"), 401);
    secrets.extend(spend_reset_link(&data, &agent, url));
    secrets.extend(spend_passkey_link(&data, &agent, url));
    // A fault of ours: a table that is gone.
    let database = rusqlite::Connection::open(data.join("rollcall.db")).unwrap();
    rollcall::db::search::register(&database).unwrap();
    database.execute_batch("alter table teams rename to gone").unwrap();
    let broken = agent.get(format!("{url}/teams")).header("authorization", format!("Bearer {token}"));
    assert_eq!(broken.header("x-account-id", "2311").call().unwrap().status(), 500);
    database.execute_batch("alter table gone rename to teams").unwrap();

    secrets.push(welcome);
    secrets.extend(cookie.iter().filter_map(|cookie| cookie.split_once('=')).map(|(_, value)| value.to_owned()));
    secrets.push(link.trim().rsplit('/').next().unwrap().to_owned());
    secrets.extend(key_lines(&data).iter().flat_map(|line| line.split(' ').next().map(str::to_owned)));
    let hashes = "select group_concat(hash) from passwords";
    secrets.push(database.query_row(hashes, [], |row| row.get::<_, String>(0)).unwrap());
    let sql =
        "select coalesce(group_concat(json_array(actor, subject, request_id, address, changes)), '') from all_events";
    let events: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
    let log = fs::read_to_string(&log).unwrap();
    for told in ["/ui/welcome", "/ui/sign-in", "/ui/reset", "/ui/passkey", "status=500"] {
        assert!(log.contains(told), "{told} is not in the log:\n{log}");
    }
    assert!(events.contains("grace@example.com") && events.contains("By link"));
    for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log:\n{log}");
        assert!(!events.contains(secret.as_str()), "{secret} is in the events");
    }
    assert!(!log.contains("v4.local.") && !events.contains("v4.local."));
}

/// As its owner would by hand.
#[tokio::test]
async fn a_session_ends_when_its_key_is_withdrawn() {
    let test = TestApp::new();
    let session = sign_in(&test, ADA).await;
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 200);
    let app = test.app.clone();
    test.app.db().write_here(move |w| rollcall::cli::rotate_keys(&app, w, true)).unwrap();
    assert_eq!(test.get("/ui/me").cookie(&session).send().await.status, 303);
    let told = test.client(ADA, "2311").get("/events?event=user_logged_out").await.done();
    assert_eq!(told["items"][0]["subject"], ADA);
}
