//! People, accounts and the audit trail from the server's own shell, by the real binary.

use std::path::Path;

use serde_json::Value;

use crate::cli::{create, init, rollcall, serve};

/// What a command says: `code`, then standard output, then standard error; ids of tokens and moments left out.
fn says(data: &Path, arguments: &[&str]) -> String {
    let output = rollcall(data).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}\n{}{}", output.status.code().unwrap(), text(&output.stdout), text(&output.stderr));
    let plain = |line: &str| {
        let words: Vec<_> = line.split(' ').map(|word| word.split("v4.local.").next().unwrap_or(word)).collect();
        let line = words.join(" ");
        match line.split_once(" UTC by ") {
            Some((title, by)) => format!("{} … by {by}", title.split_whitespace().next().unwrap_or_default()),
            None => line,
        }
    };
    said.lines().map(plain).collect::<Vec<_>>().join("\n")
}

fn json(data: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = rollcall(data).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn people_are_added_listed_shown_suspended_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    init(data);
    insta::assert_snapshot!(says(data, &["user", "add", "--email", "grace@example.com", "--name", "Grace Hopper", "--role", "admin"]), @"
    0
    http://127.0.0.1:0/ui/welcome/
    Added grace@example.com as user 2. This link lets them in, for 72 hours:
    ");
    insta::assert_snapshot!(says(data, &["user", "add", "--email", "hanako@example.com", "--name", "小林 花子", "--admin"]), @"
    0
    http://127.0.0.1:0/ui/welcome/
    Added hanako@example.com as user 3. This link lets them in, for 72 hours:
    ");
    insta::assert_snapshot!(says(data, &["user", "add", "--email", "GRACE@example.com"]), @"
    3
    rollcall: GRACE@example.com is in this account already, as user 2.
    ");
    insta::assert_snapshot!(says(data, &["user", "add", "--email", "x@example.com", "--role", "pilot", "--team", "7"]), @"
    2
    rollcall: roles[0]: There is no role pilot in this account. teamId: There is no team 7 in this account.
    ");
    insta::assert_snapshot!(says(data, &["user", "suspend", "hanako@example.com"]), @"
    0
    hanako@example.com is suspended. Their sessions and tokens have ended.
    ");
    insta::assert_snapshot!(says(data, &["user", "reset-password", "grace@example.com"]), @"
    0
    http://127.0.0.1:0/ui/reset/
    With this link grace@example.com chooses a new password, once, for 8 hours:
    ");
    insta::assert_snapshot!(says(data, &["user", "reset-password", "hanako@example.com"]), @"
    3
    rollcall: They are suspended. Make them active first.
    ");
    insta::assert_snapshot!(says(data, &["user", "suspend", "ada@example.com"]), @"
    3
    rollcall: They are the last admin of account 2311. Make somebody else its admin first.
    ");
    insta::assert_snapshot!(says(data, &["user", "list"]), @"
    0
    ID  E-MAIL              NAME          STATUS     ROLES
    1   ada@example.com                   active     owner, account admin, admin
    2   grace@example.com   Grace Hopper  active     admin
    3   hanako@example.com  小林 花子     suspended  account admin, member
    ");
    insta::assert_snapshot!(says(data, &["user", "list", "--query", "hopp"]), @"
    0
    ID  E-MAIL             NAME          STATUS  ROLES
    2   grace@example.com  Grace Hopper  active  admin
    ");
    insta::assert_snapshot!(says(data, &["user", "list", "--query", "nobody"]), @"
    0
    There is nobody like that.
    ");
    insta::assert_snapshot!(says(data, &["user", "restore", "3"]), @"
    0
    hanako@example.com is active.
    ");
    insta::assert_snapshot!(says(data, &["user", "show", "Grace@Example.com"]), @"
    0
    FIELD     VALUE
    ID        2
    E-mail    grace@example.com
    Name      Grace Hopper
    Status    active
    Accounts  Main account (2311, primary)
    Roles     admin
    Created … by grace@example.com
    Updated … by grace@example.com

    MAY             BECAUSE OF
    users.create    role:admin
    users.read      role:admin
    users.update    role:admin
    users.suspend   role:admin
    users.delete    role:admin
    roles.assign    role:admin
    roles.manage    role:admin
    teams.manage    role:admin
    events.read     role:admin
    events.create   role:admin
    account.update  role:admin
    ");
    insta::assert_snapshot!(says(data, &["user", "show", "99"]), @"
    4
    rollcall: There is no user 99 in this account.
    ");
    insta::assert_snapshot!(says(data, &["user", "show", "nobody@example.com"]), @"
    4
    rollcall: There is no user nobody@example.com in this account.
    ");

    let users = json(data, &["user", "list", "--json", "--limit", "2"]);
    assert_eq!(
        users.iter().map(|user| user["email"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ada@example.com", "grace@example.com"]
    );
    let added = &json(data, &["user", "add", "--email", "bob@example.com", "--json"])[0];
    assert!(added["token"].as_str().unwrap().starts_with("v4.local."));
    let shown = &json(data, &["user", "show", "bob@example.com", "--json"])[0];
    assert_eq!((&shown["token"], &shown["permissions"][0]["sources"][0]), (&Value::Null, &"role:member".into()));
}

#[test]
fn several_accounts_have_to_be_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let told = says(data, &["user", "list"]).replace(&data.display().to_string(), "DATA");
    insta::assert_snapshot!(told, @"
    4
    rollcall: There is no Rollcall in DATA. Say where it is with --data.
    ");
    init(data);
    insta::assert_snapshot!(says(data, &["account", "add", "--name", "Other", "--id", "other"]), @"
    0
    other
    Created the account Other. `rollcall user add --account other` puts people in.
    ");
    insta::assert_snapshot!(says(data, &["account", "add", "--name", "Other", "--id", "other"]), @"
    3
    rollcall: There is an account other already.
    ");
    insta::assert_snapshot!(says(data, &["account", "list"]), @"
    0
    ID     NAME
    2311   Main account
    other  Other
    ");
    insta::assert_snapshot!(says(data, &["user", "list"]), @"
    2
    rollcall: --account: There are several: 2311 (Main account), other (Other). Say which you mean.
    ");
    insta::assert_snapshot!(says(data, &["user", "list", "--account", "77"]), @"
    4
    rollcall: There is no account 77.
    ");
    insta::assert_snapshot!(says(data, &["user", "add", "--account", "other", "--email", "ada@example.com"]), @"
    0
    ada@example.com is in another account already. They are asked to join this one too.
    ");
    insta::assert_snapshot!(says(data, &["user", "list", "--account", "other"]), @"
    0
    ID  E-MAIL           NAME  STATUS   ROLES
    1   ada@example.com        invited  member
    ");
    insta::assert_snapshot!(says(data, &["user", "suspend", "--account", "other", "ada@example.com"]), @"
    3
    rollcall: They haven't accepted the invitation to this account yet.
    ");
    assert_eq!(json(data, &["account", "list", "--json"])[1]["id"], "other");
}

#[test]
fn commands_work_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let ada = init(data);
    let served = serve(&mut rollcall(data), 1);
    let said = says(data, &["user", "add", "--email", "grace@example.com", "--role", "admin"]);
    assert!(said.contains(&format!("\n{}/ui/welcome/", served.url)), "{said}");
    let grace = rollcall(data).args(["token", "--email", "grace@example.com"]).output().unwrap();
    let grace = String::from_utf8(grace.stdout).unwrap();
    create(&served.url, grace.trim(), "one@example.com").unwrap();
    says(data, &["user", "suspend", "grace@example.com"]);
    assert!(create(&served.url, grace.trim(), "two@example.com").is_err(), "a suspended user's token has ended");
    create(&served.url, &ada, "three@example.com").unwrap();
    says(data, &["account", "add", "--name", "Other", "--id", "other"]);
    says(data, &["user", "add", "--account", "other", "--email", "three@example.com", "--admin"]);
    let three = rollcall(data).args(["token", "--email", "three@example.com"]).output().unwrap();
    let three = format!("Bearer {}", String::from_utf8(three.stdout).unwrap().trim());
    let join = ureq::put(format!("{}/me/memberships/other", served.url)).header("authorization", three);
    assert_eq!(join.send_json(serde_json::json!({})).unwrap().status(), 200, "the shell's invitation holds");

    let events = json(data, &["events", "--account", "2311"]);
    let told: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        ["account_created", "user_created", "user_created", "user_created", "user_updated", "user_created"]
    );
    assert_eq!(events[4]["changes"]["active"]["after"], false);
    assert_eq!(events[4]["requestId"], "command-line");
    assert_eq!(
        json(data, &["events", "--account", "2311", "--event", "user_updated", "--from", "2020-01-01"]).len(),
        1
    );
    assert_eq!(json(data, &["events", "--account", "2311", "--to", "2020-01-01T00:00:00Z"]).len(), 0);
    insta::assert_snapshot!(says(data, &["events", "--from", "yesterday"]), @"
    2
    error: invalid value 'yesterday' for '--from <TIME>': `yesterday` is not a moment; write it like 2026-11-23 or 2026-11-23T08:30:00Z

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(says(data, &["events", "--event", "tea_served"]), @"
    2
    error: invalid value 'tea_served' for '--event <NAME>': unknown event `tea_served`; the PulseEvents schema lists all 163

    For more information, try '--help'.
    ");
}

/// `rollcall user list | head` ends quietly when `head` has had enough.
#[test]
fn nobody_has_to_read_to_the_end() {
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    for arguments in [&["events"][..], &["openapi"], &["link"], &["user", "list"]] {
        let mut child =
            rollcall(folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// `rollcall key new > key` on a full disk must not leave an empty file as if all were well.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let data = folder.path().join("data");
    init(&data);
    for arguments in [
        "key new",
        "key list",
        "key rotate",
        "link",
        "token --email ada@example.com",
        "account list",
        "account list --json",
        "account add --name Other",
        "account add --name Another --json",
        "user list --account 2311",
        "user list --account 2311 --json",
        "user show 1 --account 2311",
        "user show 1 --account 2311 --json",
        "user add --account 2311 --email grace@example.com",
        "user add --account 2311 --email hanako@example.com --json",
        "user suspend 2 --account 2311 --json",
        "user restore 2 --account 2311 --json",
        "user reset-password 2 --account 2311",
        "events --account 2311",
        "check",
        "upgrade",
        "openapi",
        "openapi --yaml",
        &format!("backup {}", copy.display()),
        &format!("restore --force {}", copy.display()),
        "serve",
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = rollcall(&data).args(arguments.split(' ')).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let end = "rollcall: Cannot print: No space left on device (os error 28).\n";
        assert!(output.status.code() == Some(1) && said.ends_with(end), "{arguments}: {:?} {said}", output.status);
    }
}
