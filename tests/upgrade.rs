//! Upgrades by the real binary: what is tried before, what is kept, and what is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;

use crate::cli::{create, rollcall, serve};
use crate::schemas::{KEY, dump, file_of, today};

pub const OLD: i64 = 4;

/// A data folder with a file of schema 4, and somewhere to say where it is.
pub struct Old {
    _folder: tempfile::TempDir,
    pub data: PathBuf,
}

impl Old {
    pub fn new() -> Self {
        Self::with("")
    }

    /// With more in it, by SQL.
    fn with(sql: &str) -> Self {
        let old = Self::of(OLD);
        old.open().execute_batch(sql).unwrap();
        old
    }

    /// A file of another schema.
    pub fn of(schema: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = file_of(schema, &folder);
        Self { _folder: folder, data }
    }

    pub fn path(&self) -> PathBuf {
        self.data.join("rollcall.db")
    }

    pub fn open(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rollcall(&self.data);
        command.env("ROLLCALL_KEY", KEY).args(arguments);
        command
    }

    /// Exit code, and what was said, without what differs from run to run.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        self.said(&self.command(arguments).output().unwrap())
    }

    pub fn said(&self, output: &Output) -> (i32, String) {
        let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
        let mut text = text.replace(self.data.to_str().unwrap(), "DATA").replace(env!("CARGO_PKG_VERSION"), "VERSION");
        for words in ["before-", "after-", "schema ", " to "] {
            text = text.replace(&format!("{words}{}", today()), &format!("{words}NEW"));
        }
        (output.status.code().unwrap_or(-1), text)
    }

    pub fn refused(&self, arguments: &[&str], with: &[&str]) {
        let before = (self.bytes(), self.names());
        let (code, said) = self.run(arguments);
        assert_ne!(code, 0, "{said}");
        for words in with {
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        assert!(before.0 == self.bytes(), "{arguments:?} changed the file");
        let new: Vec<_> = self.names().into_iter().filter(|name| !before.1.contains(name)).collect();
        assert!(new.iter().all(|name| **name == snapshot() || *name == "rollcall.lock"), "{new:?} is left");
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn rows(&self) -> BTreeMap<String, i64> {
        crate::schemas::rows(&self.open())
    }

    pub fn schema(&self) -> i64 {
        schema(&self.path())
    }
}

/// What a file is kept as when it is brought to this program's schema.
pub fn snapshot() -> String {
    format!("rollcall.db.before-{}", today())
}

pub fn schema(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("pragma user_version", [], |row| row.get(0)).unwrap()
}

/// `45 GiB are free`.
fn free(said: &str) -> String {
    said.split_once("room, and ").unwrap().1.split_once('.').unwrap().0.to_owned()
}

/// Without what differs from run to run: how long it took.
fn plain(said: &str) -> String {
    match (said.split_once("it took "), said.split_once(" s, and all")) {
        (Some((before, _)), Some((_, after))) => format!("{before}it took N s, and all{after}"),
        _ => said.to_owned(),
    }
}

#[test]
fn a_check_says_what_would_happen_and_changes_nothing() {
    let old = Old::new();
    let (before, content) = ((old.bytes(), old.names()), dump(&old.open()));
    let (code, said) = old.run(&["upgrade", "--check"]);
    assert_eq!(code, 0, "{said}");
    let said = said.replace(&free(&said), "N are free");
    insta::assert_snapshot!(plain(&said), @"
    DATA/rollcall.db has schema 4; this is Rollcall VERSION with schema NEW.
      step 5: upgrades_and_search
      step 6: places_in_one_row
      step 7: search_by_email
      step 8: small_merges_and_sigmas
      step 9: latest_events
      step 10: members_apart
      step 11: small_pages_of_the_search
    It has 272 KiB; an upgrade takes 544 KiB of room, and N are free.
    On a copy it took N s, and all is well there: 6 users, 2 accounts, 21 events.
    Nothing was changed. `rollcall upgrade` does it, and so does the next start.
    ");
    assert!(before.0 == old.bytes());
    assert_eq!(old.names(), [before.1, vec!["rollcall.lock".into()]].concat());

    let (code, said) = old.run(&["upgrade"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @"
    Upgraded DATA/rollcall.db from schema 4 to NEW: 6 users, 2 accounts, 21 events.
    As it was, it is kept in DATA/rollcall.db.before-NEW; `rollcall rollback` returns to that.
    ");
    assert_eq!(old.names(), ["rollcall.db", &snapshot(), "rollcall.lock"]);
    let snapshot = Connection::open(old.data.join(snapshot())).unwrap();
    assert_eq!(dump(&snapshot), content, "the snapshot is the file as it was");
    drop(snapshot);
    for arguments in [&["upgrade"][..], &["upgrade", "--check"]] {
        let (code, said) = old.run(arguments);
        assert_eq!((code, said.contains("There is nothing to do.")), (0, true), "{said}");
    }
}

/// The check works beside the old server; the upgrade waits until that has stopped.
#[test]
fn nothing_is_upgraded_under_a_running_server() {
    let old = Old::new();
    let lock = fs::File::create(old.data.join("rollcall.lock")).unwrap();
    private(&old.data.join("rollcall.lock"));
    lock.lock().unwrap();
    fs::write(old.data.join("rollcall.lock"), "http://127.0.0.1:8080").unwrap();
    for arguments in [&["upgrade"][..], &["serve"], &["rollback"], &["user", "list"]] {
        old.refused(arguments, &["Another Rollcall is serving from DATA, at http://127.0.0.1:8080."]);
    }
    assert_eq!(old.run(&["upgrade", "--check"]).0, 0);
    assert_eq!(old.schema(), OLD);
}

#[cfg(unix)]
pub fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn somebody_who_writes_meanwhile_is_not_overrun() {
    let old = Old::new();
    let other = old.open();
    other.execute_batch("pragma journal_mode = wal; begin immediate").unwrap();
    let (code, said) = old.run(&["upgrade"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(said, @"rollcall: Cannot upgrade DATA/rollcall.db from schema 4 to NEW: the file can't be written: database is locked: another program keeps the database locked; end it. Stop what else uses it, see that there is room, then start again. Nothing was changed: the Rollcall that you ran before goes on with the file.");
    other.execute_batch("rollback").unwrap();
    drop(other);
    assert_eq!((old.run(&["upgrade"]).0, old.schema()), (0, today()));
}

#[test]
fn any_command_and_a_server_upgrade_what_they_open() {
    let old = Old::new();
    let (code, said) = old.run(&["user", "list", "--account", "2311"]);
    assert!(code == 0 && said.contains("grace@example.com"), "{said}");
    assert_eq!(old.schema(), today());

    let old = Old::new();
    let token = old.command(&["token", "--email", "ada@example.com"]).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap();
    assert_eq!(old.run(&["rollback", "--force"]).0, 0);
    assert_eq!(old.schema(), OLD);
    let served = serve(&mut old.command(&["serve"]), 1);
    // That token was made after the upgrade, so it went with it.
    let gone = create(&served.url, token.trim(), "new@example.com").unwrap_err();
    assert!(gone.to_string().contains("401"), "{gone}");
    assert_eq!(old.schema(), today());
}

#[test]
fn data_that_breaks_a_rule_stays_as_it_is() {
    let old = Old::with("update users set email = 'no e-mail' where id = 2");
    old.refused(&["upgrade", "--check"], &["Nothing was changed"]);
    old.refused(
        &["upgrade"],
        &["from schema 4 to NEW: the rehearsal on a copy broke a rule:", "Nothing was changed", "user 2"],
    );
    let served = old.command(&["serve"]).output().unwrap();
    let (code, said) = old.said(&served);
    assert!(code == 1 && said.contains("the Rollcall that you ran before goes on with the file"), "{said}");
    assert!(said.contains("A copy of it is in DATA/rollcall.db.before-NEW."), "{said}");
    assert!(said.contains("Change the e-mail on the person's page."), "{said}");
    assert_eq!(old.schema(), OLD);
}

/// Whatever is made from the rest, an upgrade makes anew where something else spoilt it.
#[test]
fn what_is_kept_besides_costs_nobody_the_upgrade() {
    let stale_index = "drop index events_event;
                       create index events_event on events (account_id, event, at, id) where id > 3;
                       pragma writable_schema = on;
                       update sqlite_schema set sql = replace(sql, ' where id > 3', '') where name = 'events_event';";
    let missing_index = "drop index events_event;";
    let other_key = "update users set email_key = 'somebody else' where id = 2;";
    let broken_search = "delete from user_search_config;";
    for (sql, made_anew) in [
        (stale_index.to_owned(), "indexes"),
        (missing_index.to_owned(), "indexes"),
        (broken_search.to_owned(), "search"),
        (other_key.to_owned(), "email_keys"),
        (format!("{other_key}{stale_index}"), "indexes, email_keys"),
    ] {
        let old = Old::with(&sql);
        if sql.contains("where id > 3") {
            let (code, said) = old.run(&["check"]);
            assert!(code == 1 && said.contains("An upgrade makes it anew from the rest: rollcall upgrade"), "{said}");
        }
        let (code, said) = old.run(&["upgrade", "--check"]);
        assert!(code == 0 && said.contains("That is not so, and is made anew."), "{said}");
        assert_eq!(old.schema(), OLD);
        let (code, said) = old.run(&["upgrade"]);
        assert!(code == 0 && said.contains(&format!("Made anew: {made_anew}.")), "{said}");
        let (code, said) = old.run(&["check"]);
        assert_eq!(code, 0, "{said}");
    }
}

/// Steps read along indexes, and would lose what one of them lacks; and what a row refers to is looked up along one.
#[test]
fn no_row_is_lost_to_an_index_that_lacks_it() {
    for schema in OLD..today() {
        let sound = Old::of(schema);
        let sql = "select s.name, s.tbl_name, (select group_concat(name) from pragma_index_info(s.name)) from sqlite_schema s
                    where type = 'index' and (name like '%auto%' or name glob '*_user' or name glob '*_role' or name glob '*_at')
                      and not exists (select 1 from pragma_index_info(s.name) where name is null)";
        let database = sound.open();
        let mut indexes = database.prepare(sql).unwrap();
        let names = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let indexes: Vec<(String, String, String)> =
            indexes.query_map([], names).unwrap().map(Result::unwrap).collect();
        assert_eq!(sound.run(&["upgrade"]).0, 0);
        for (index, table, columns) in indexes {
            let old = Old::of(schema);
            // The tree of an empty index takes its place.
            let sql = format!(
                "create index other on {table} ({columns}) where 0; pragma writable_schema = on;
                 update sqlite_schema as s set rootpage = o.rootpage from sqlite_schema o
                  where (s.name = 'other' and o.name = '{index}') or (s.name = '{index}' and o.name = 'other');"
            );
            old.open().execute_batch(&sql).unwrap();
            let (code, said) = old.run(&["upgrade"]);
            assert!(code == 0 && said.contains("Made anew: indexes."), "{schema} {index}: {said}");
            assert_eq!(old.rows(), sound.rows(), "{schema} {index}");
        }
    }
}

/// One that is not there at all is no reason to stay behind, either.
#[test]
fn an_index_that_is_not_there_is_made() {
    let old = Old::with("drop index memberships_email");
    let (code, said) = old.run(&["upgrade"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(old.run(&["check"]).0, 0);
}

/// Versions before schema 8 took a sigma at the end of a word for another letter.
#[test]
fn two_who_have_the_same_email_now_are_told_apart_by_who_knows_them() {
    let old = Old::with(
        "update users set email = 'νίκος@example.com', email_key = 'νίκος@example.com' where id = 1;
         update users set email = 'νίκοσ@example.com', email_key = 'νίκοσ@example.com' where id = 2;
         update memberships set email_key = (select email_key from users where id = user_id)
          where invited_email is null and removed_at is null;",
    );
    old.refused(
        &["upgrade"],
        &[
            "People are found by the e-mail they have. Not so for user 1: UNIQUE",
            "give one of them another. Nothing was changed",
        ],
    );
}

#[test]
fn rows_that_refer_to_nothing_stay_as_they_are() {
    let old = Old::with("pragma foreign_keys = off; update passwords set user_id = 99");
    old.refused(&["upgrade"], &["the file is damaged: row", "passwords", "Nothing was changed", "rollcall restore"]);
}

#[test]
fn a_damaged_file_stays_as_it_is() {
    let old = Old::with("vacuum");
    let page = |name: &str| {
        let sql = "select rootpage from sqlite_schema where name = ?1";
        old.open().query_row(sql, [name], |row| row.get::<_, u32>(0)).unwrap() as usize
    };
    let at = (page("events_event") - 1) * 4096;
    let mut bytes = old.bytes();
    bytes[at..at + 4096].fill(0xa5);
    fs::write(old.path(), bytes).unwrap();
    old.refused(&["upgrade"], &["Nothing was changed: the Rollcall that you ran before goes on with the file."]);
    old.refused(&["serve"], &["Nothing was changed"]);
    old.refused(&["upgrade", "--check"], &["Nothing was changed"]);
}

/// A file may not grow beyond so much, as on a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_it_before_anything_changes() {
    let old = Old::new();
    let before = (old.bytes(), old.names());
    let script = "ulimit -f 200; exec \"$0\" upgrade";
    let mut shell = Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_rollcall")]).env("ROLLCALL_DATA", &old.data).env("ROLLCALL_KEY", KEY);
    let (code, said) = old.said(&shell.output().unwrap());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no snapshot can be made") && said.contains("Nothing was changed"), "{said}");
    assert!(before.0 == old.bytes());
    assert_eq!(old.names(), [before.1, vec!["rollcall.lock".into()]].concat(), "no half of a copy is left");
}

/// Once there could be several.
#[test]
fn of_two_first_tokens_the_latest_is_kept() {
    let old = Old::with(
        "insert into tokens (id, kind, user_id, created_at, expires_at)
           select iif(later < 0, 'earlier', 'later'), kind, user_id, created_at + later, expires_at + later
             from tokens, (select -1000 as later union all select 1000) where kind = 'invitation'",
    );
    let (code, said) = old.run(&["upgrade"]);
    assert_eq!(code, 0, "{said}");
    let sql = "select group_concat(invitation_id) from users";
    assert_eq!(old.open().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap(), "later");
}

/// Some thousand people, so that an upgrade takes a while.
const MORE: &str = "
    begin;
    create temporary table n as with recursive n(i) as (select 1000 union all select i + 1 from n where i < 3000) select i from n;
    insert into users (id, email, email_key, created_by, updated_by, created_at, updated_at)
      select i, 'p' || i || '@example.com', 'p' || i || '@example.com', 'ada@example.com', 'ada@example.com', 1795421400000, 1795421400000 from n;
    insert into memberships (account_id, user_id, primary_account, joined_at, email_key, name_key, active, created_at, updated_at)
      select '2311', i, 1, created_at, email_key, name_key, 1, created_at, updated_at from n join users on id = i;
    insert into events (event, at, account_id, actor_id, actor, subject_id, subject)
      select 'user_created', 1795421400000, '2311', 1, 'ada@example.com', i, 'p' || i || '@example.com' from n;
    commit;";

/// Killed at moments all over it, whatever is there is sound, and the next start makes it the new one. `ROUNDS=100` tries more.
#[test]
fn sigkill_during_an_upgrade_leaves_the_old_file_or_the_new_one() {
    let old = Old::with(MORE);
    let (bytes, rows) = (old.bytes(), old.rows());
    let took = {
        let begun = std::time::Instant::now();
        let (code, said) = old.run(&["upgrade"]);
        assert_eq!(code, 0, "{said}");
        begun.elapsed()
    };
    let mut all = rows.clone();
    let apart: i64 = old.open().query_row("select count(*) from standing_apart", [], |row| row.get(0)).unwrap();
    assert!(apart > 0, "nobody stands apart");
    let new = [
        ("upgrades", 1),
        ("search_progress", 1),
        ("search_apart", 0),
        ("role_holders", rows["membership_roles"]),
        ("tokens", rows["tokens"] - 1),
        ("latest_events", 0),
        ("memberships_apart", apart),
    ];
    all.extend(new.map(|(table, n)| (table.to_owned(), n)));
    all.retain(|table, _| !["membership_roles", "membership_permissions"].contains(&table.as_str()));
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8_u32);
    let (mut unfinished, mut drafts) = (0, 0);
    for round in 0..rounds {
        for name in old.names().into_iter().filter(|name| name.starts_with("rollcall.db")) {
            fs::remove_file(old.data.join(name)).unwrap();
        }
        fs::write(old.path(), &bytes).unwrap();
        private(&old.path());
        let mut child = old.command(&["upgrade"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(took.mul_f64(f64::from(round) / f64::from(rounds)));
        child.kill().unwrap();
        child.wait().unwrap();
        drafts += u32::from(old.names().iter().any(|name| name.ends_with(".partial")));
        let conn = old.open();
        let sound: String = conn.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "round {round}");
        drop(conn);
        match old.schema() {
            OLD => {
                unfinished += 1;
                assert_eq!(old.rows(), rows, "round {round}");
            }
            new => assert_eq!((new, old.rows()), (today(), all.clone()), "round {round}"),
        }
        // The next start finishes, whatever was left.
        let (code, said) = old.run(&["account", "list"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!((old.schema(), old.rows()), (today(), all.clone()), "round {round}");
        let left: Vec<_> = old.names().into_iter().filter(|name| name.starts_with("rollcall.db.")).collect();
        assert_eq!(left, [snapshot()], "round {round}");
    }
    assert!(unfinished > 0 && drafts > 0, "the kills came too late: {unfinished}, {drafts}");
}

#[test]
fn two_snapshots_are_kept() {
    let old = Old::new();
    for schema in [1, 2, 3] {
        let path = old.data.join(format!("rollcall.db.before-{schema}"));
        fs::write(&path, "").unwrap();
        private(&path);
    }
    fs::write(old.data.join("rollcall.db.before-christmas"), "mine").unwrap();
    private(&old.data.join("rollcall.db.before-christmas"));
    assert_eq!(old.run(&["upgrade"]).0, 0);
    let kept: Vec<_> = old.names().into_iter().filter(|name| name.contains("before")).collect();
    let mut expected = ["rollcall.db.before-3".to_owned(), snapshot(), "rollcall.db.before-christmas".into()];
    expected.sort();
    assert_eq!(kept, expected);
}

#[cfg(unix)]
#[test]
fn what_an_upgrade_leaves_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let old = Old::new();
    assert_eq!(old.run(&["upgrade"]).0, 0);
    let snapshot = old.data.join(snapshot());
    assert_eq!(fs::metadata(&snapshot).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&snapshot, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = old.run(&["user", "list"]);
    assert!(code == 1 && said.contains("chmod 600 DATA/rollcall.db.before-NEW"), "{said}");
}

/// A backup from before an upgrade is good for ever: what is restored is upgraded like any other file.
#[test]
fn an_older_backup_is_restored_and_upgraded() {
    let old = Old::new();
    let backup = old.data.join("../older.db");
    fs::copy(old.path(), &backup).unwrap();
    assert_eq!(old.run(&["upgrade"]).0, 0);
    fs::remove_file(old.data.join(snapshot())).unwrap();
    let (code, said) = old.run(&["restore", "--force", backup.to_str().unwrap()]);
    assert_eq!((code, old.schema()), (0, OLD), "{said}");
    assert_eq!(old.run(&["account", "list"]).0, 0);
    assert_eq!(old.schema(), today());
    assert!(old.data.join(snapshot()).exists());
}

#[test]
fn an_unreleased_file_and_a_newer_one_are_refused() {
    let old = Old::with("pragma user_version = 3");
    old.refused(&["upgrade"], &["Cannot upgrade DATA/rollcall.db: it was made by an unreleased Rollcall."]);
    let old = Old::with("pragma user_version = 999");
    old.refused(&["upgrade", "--check"], &["it was written by a newer Rollcall (its schema is 999"]);
    let nobody = tempfile::tempdir().unwrap();
    let missing = rollcall(&nobody.path().join("data")).arg("upgrade").output().unwrap();
    assert_eq!(missing.status.code(), Some(4));
}
