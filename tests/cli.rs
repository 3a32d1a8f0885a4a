//! The real binary, at the real command line.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

/// The binary, with nothing of the caller's environment that could change what it does.
pub fn rollcall(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    for name in [
        "DATA",
        "LISTEN",
        "PUBLIC_URL",
        "NAME",
        "KEY",
        "KEY_FILE",
        "LOG",
        "LOG_FORMAT",
        "METRICS_TOKEN",
        "STOP_WITHIN",
        "TLS_CERT",
        "TLS_KEY",
        "TRUSTED_PROXY",
        "RATE_LIMIT",
        "BACKUP_EVERY",
        "BACKUP_KEEP",
        "BACKUP_DIR",
    ] {
        command.env_remove(format!("ROLLCALL_{name}"));
    }
    command.env("ROLLCALL_DATA", data).env("ROLLCALL_LISTEN", "127.0.0.1:0");
    command
}

/// A running server that is killed when it goes out of scope.
pub struct Served {
    pub child: Child,
    pub url: String,
    pub greeting: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a server and waits until it says where it listens; `lines` of its greeting are read.
pub fn serve(command: &mut Command, lines: usize) -> Served {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut greeting = String::new();
    for _ in 0..lines {
        output.read_line(&mut greeting).unwrap();
    }
    // Whatever else it prints is read away, so that it never waits for us.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let url =
        greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{greeting}"));
    Served { child, url: url.trim_end_matches(',').to_owned(), greeting }
}

pub fn stop(served: &mut Served) -> i32 {
    let status = Command::new("kill").arg("-TERM").arg(served.child.id().to_string()).status().unwrap();
    assert!(status.success());
    served.child.wait().unwrap().code().unwrap_or(-1)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn init(data: &Path) -> String {
    let output = rollcall(data).args(["init", "--email", "ada@example.com", "--account-id", "2311"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let token = stdout(&output);
    assert!(token.starts_with("v4.local.") && token.lines().count() == 1, "the token alone on stdout: {token}");
    token.trim().to_owned()
}

pub fn create(url: &str, token: &str, email: &str) -> Result<Value, ureq::Error> {
    let request = ureq::post(format!("{url}/users"))
        .header("authorization", format!("Bearer {token}"))
        .header("x-account-id", "2311");
    request.send_json(json!({"email": email}))?.body_mut().read_json()
}

#[test]
fn a_newcomer_gets_a_link_then_an_owner_then_users() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = serve(&mut rollcall(folder.path()), 6);
    assert!(served.greeting.contains("/ui/set-up/v4.local."), "{}", served.greeting);
    assert!(served.greeting.contains("rollcall init --email"), "{}", served.greeting);
    let link = rollcall(folder.path()).arg("link").output().unwrap();
    assert!(stdout(&link).starts_with(&format!("{}/ui/set-up/v4.local.", served.url)), "{}", stdout(&link));

    let token = init(folder.path());
    let user = create(&served.url, &token, "bob@example.com").unwrap();
    assert_eq!(user["email"], "bob@example.com");
    let again = rollcall(folder.path()).args(["init", "--email", "eve@example.com"]).output().unwrap();
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(stdout(&again), "");
    assert_eq!(stderr(&again), "rollcall: This server has an owner already, so set-up is closed.\n");

    let token = rollcall(folder.path()).args(["token", "--email", "BOB@example.com", "--ttl", "30m"]).output().unwrap();
    let me =
        ureq::get(format!("{}/me", served.url)).header("authorization", format!("Bearer {}", stdout(&token).trim()));
    assert_eq!(me.call().unwrap().body_mut().read_json::<Value>().unwrap()["email"], "bob@example.com");
    let link = rollcall(folder.path()).args(["link", "--email", "bob@example.com"]).output().unwrap();
    assert!(stdout(&link).starts_with(&format!("{}/ui/sign-in/v4.local.", served.url)), "{}", stdout(&link));
    assert_eq!(stop(&mut served), 0);
    assert!(!folder.path().join("rollcall.db-wal").exists(), "a clean stop folds the WAL into the database");
}

#[test]
fn wrong_use_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |arguments: &[&str]| {
        let output = rollcall(folder.path()).args(arguments).output().unwrap();
        assert_eq!(stdout(&output), "");
        format!("{}: {}", output.status.code().unwrap(), stderr(&output).lines().next().unwrap_or_default())
    };
    insta::assert_snapshot!(fails(&["frobnicate"]), @"2: error: unrecognized subcommand 'frobnicate'");
    insta::assert_snapshot!(fails(&["--listen", "here"]), @"2: error: invalid value 'here' for '--listen <ADDR:PORT>': write an IP address and a port, like 127.0.0.1:8080 or [::1]:8080");
    insta::assert_snapshot!(fails(&["--public-url", "people.example.com"]), @"2: error: invalid value 'people.example.com' for '--public-url <URL>': relative URL without a base; write it like https://people.example.com");
    insta::assert_snapshot!(fails(&["init"]), @"2: error: the following required arguments were not provided:");
    insta::assert_snapshot!(fails(&["init", "--email", "ada"]), @"2: rollcall: email: This is not an e-mail address. Write it like name@example.com.");
    insta::assert_snapshot!(fails(&["init", "--email", "ada@example.com", "--account-id", "a b"]), @"2: error: invalid value 'a b' for '--account-id <ID>': An account ID has 1 to 64 letters, digits, hyphens or underscores, like 2311.");
    insta::assert_snapshot!(fails(&["token", "--email", "ada@example.com"]), @"4: rollcall: There is no user with the e-mail ada@example.com.");
    insta::assert_snapshot!(fails(&["token", "--email", "ada@example.com", "--ttl", "soon"]), @"2: error: invalid value 'soon' for '--ttl <TIME>': `soon` is not a length of time; write it like 30m, 8h or 90d");
    insta::assert_snapshot!(fails(&["--key", "k4.local.short"]), @"2: rollcall: --key: The key is not one: it is a line that starts with k4.local. (PASERK).");
    init(folder.path());
    insta::assert_snapshot!(fails(&["link", "--email", "bob@example.com"]), @"4: rollcall: There is no user with the e-mail bob@example.com.");
}

#[test]
fn a_folder_that_cannot_be_used_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let refused = || {
        let output = rollcall(&data).output().unwrap();
        (output.status.code().unwrap(), stderr(&output).replace(data.to_str().unwrap(), "DATA"))
    };
    std::fs::write(&data, "not a folder").unwrap();
    insta::assert_debug_snapshot!(refused(), @r#"
    (
        1,
        "rollcall: Cannot use the data folder DATA: File exists (os error 17).\n",
    )
    "#);
    std::fs::remove_file(&data).unwrap();

    let served = serve(&mut rollcall(&data), 1);
    let (code, sentence) = refused();
    insta::assert_debug_snapshot!((code, sentence.replace(&served.url, "URL")), @r#"
    (
        3,
        "rollcall: Another Rollcall is serving from DATA, at URL. Stop it, or choose another folder with --data.\n",
    )
    "#);
    drop(served);

    let key = std::fs::read(data.join("rollcall.key")).unwrap();
    std::fs::write(data.join("rollcall.key"), "").unwrap();
    insta::assert_debug_snapshot!(refused(), @r#"
    (
        1,
        "rollcall: Cannot use DATA/rollcall.key: There is no key to seal tokens with. Put back the one that was there. If it is lost, every token and session ends with another one: take this one away and start again\n",
    )
    "#);
    std::fs::write(data.join("rollcall.key"), key).unwrap();

    let database = rusqlite::Connection::open(data.join("rollcall.db")).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    let (code, sentence) = refused();
    let (newer, advice) = sentence.split_once(", this one knows ").unwrap();
    assert_eq!(
        (code, newer),
        (1, "rollcall: Cannot open DATA/rollcall.db: it was written by a newer Rollcall (its schema is 999")
    );
    assert!(
        advice.ends_with("; use that version. Restore a backup, or choose another folder with --data.\n"),
        "{advice}"
    );

    let database = rusqlite::Connection::open(data.join("rollcall.db")).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    drop(database);
    assert!(refused().1.contains("was made by an unreleased Rollcall"));

    let database = rusqlite::Connection::open(data.join("rollcall.db")).unwrap();
    database.pragma_update(None, "application_id", 7).unwrap();
    drop(database);
    insta::assert_debug_snapshot!(refused(), @r#"
    (
        1,
        "rollcall: Cannot open DATA/rollcall.db: it belongs to another program. Restore a backup, or choose another folder with --data.\n",
    )
    "#);

    std::fs::write(data.join("rollcall.db"), "this is not a database, it only has its name").unwrap();
    std::fs::remove_file(data.join("rollcall.db-wal")).ok();
    insta::assert_debug_snapshot!(refused(), @r#"
    (
        1,
        "rollcall: Cannot open DATA/rollcall.db: file is not a database. Restore a backup, or choose another folder with --data.\n",
    )
    "#);
}

#[cfg(unix)]
#[test]
fn the_data_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn the_document_is_printed_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let json = rollcall(&folder.path().join("data")).arg("openapi").output().unwrap();
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["paths"]["/users"]["post"]["operationId"], "createUser");
    let yaml = rollcall(&folder.path().join("data")).args(["openapi", "--yaml"]).output().unwrap();
    assert!(stdout(&yaml).starts_with("openapi: 3.0"), "{}", &stdout(&yaml)[..200]);
    assert!(!folder.path().join("data").exists(), "printing a document makes no folder");
}

#[test]
fn the_demo_is_ready_to_paste_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = serve(rollcall(folder.path()).env("TMPDIR", folder.path()).args(["demo", "--users", "100"]), 11);
    let token = served.greeting.lines().map(str::trim).find(|line| line.starts_with("v4.local.")).unwrap().to_owned();
    assert!(served.greeting.contains("/ui/sign-in/v4.local."), "{}", served.greeting);
    let get = |account: &str, path: &str| {
        let call = ureq::get(format!("{}{path}", served.url)).header("authorization", format!("Bearer {token}"));
        call.header("x-account-id", account).call().unwrap().body_mut().read_json::<Value>().unwrap()
    };
    let many = |account: &str, path: &str| get(account, path)["items"].as_array().unwrap().len();
    let all = |path: &str| ["2311", "2312", "2313", "2314"].map(|account| many(account, path));
    let pending = all("/users?limit=200&pending=true").iter().sum::<usize>();
    let here = all("/users?limit=200&pending=false");
    let removed = all("/users?limit=200&removed=true").iter().sum::<usize>();
    assert!(here.iter().all(|people| *people > 0), "{here:?}");
    assert!(here.iter().sum::<usize>() + removed > 100, "{here:?} and {removed} removed");
    assert!(pending > 0 && removed > 0 && all("/users?active=false").iter().sum::<usize>() > 0);
    assert!(all("/teams").iter().all(|teams| (4..7).contains(teams)));
    assert!(all("/roles").iter().all(|roles| *roles == 4));
    assert!(all("/users?accountAdmin=true").iter().all(|admins| *admins > 0));
    assert_eq!(many("2311", "/api-keys"), 2);
    assert!(many("2311", "/events?event=user_logged_in") > 0);
    create(&served.url, &token, "new.colleague@example.com").unwrap();
    assert_eq!(stop(&mut served), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_mistyped_folder_is_said_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for arguments in [vec!["token", "--email", "a@b.co"], vec!["user", "list"], vec!["account", "list"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_rollcall")).arg("--data").arg(&nowhere).args(&arguments).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Say where it is with --data."));
        assert!(!nowhere.exists());
    }
}

/// It may have been mistyped by no more than a space.
#[test]
fn a_secret_that_is_refused_is_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let secret = "zqsecret 0123456789abcdef";
    let output = rollcall(folder.path()).env("ROLLCALL_METRICS_TOKEN", secret).args(["user", "list"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--metrics-token: Choose 16 to 512 letters") && !said.contains("zqsecret"), "{said}");
}

/// Nothing is wrong with a database that this process can't open for want of descriptors.
#[test]
fn too_few_files_are_no_reason_to_restore_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let listed = |files: u32| {
        let list = format!("ulimit -n {files}; exec \"$0\" user list --data \"$1\"");
        let shell = ["-c", &list, env!("CARGO_BIN_EXE_rollcall")];
        Command::new("sh").args(shell).arg(folder.path()).output().unwrap()
    };
    let mut refused = 0;
    for files in 5..20 {
        let said = stderr(&listed(files));
        assert!(!said.contains("Restore a backup"), "{files}: {said}");
        refused += u32::from(said.contains("ulimit -n"));
    }
    assert!(refused > 0);
}

/// The name of the server is one thing, and that of a person another.
#[test]
fn nobody_is_called_what_the_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let rollcall = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        command.env("ROLLCALL_DATA", folder.path()).env("ROLLCALL_SERVER_NAME", "People");
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    rollcall(&["init", "--email", "ada@example.com"]);
    let added = rollcall(&["user", "add", "--email", "grace@example.com", "--json"]);
    assert!(!added.contains("\"name\""), "{added}");
    assert!(!rollcall(&["user", "show", "ada@example.com", "--json"]).contains("\"name\":\"People\""));
}
