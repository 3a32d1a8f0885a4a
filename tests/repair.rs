//! `rollcall check --repair`: what is kept besides is made anew from what people have told, and nothing else is changed.

use std::collections::BTreeSet;
use std::path::Path;

use rollcall::clock::Timestamp;
use rollcall::db::TAKE_UP;
use rollcall::domain::check::{self, RULES};

use crate::check::{BREAKS, age, checked, command, copied, count, opened, town};
use crate::cli::{init, rollcall, serve};
use crate::support::START;

/// A backup is made all the same, and the server goes on.
#[tokio::test]
async fn an_index_is_made_anew() {
    let test = town().await;
    age(&test);
    let half = "drop index events_event;
                create index events_event on events (account_id, event, at, id) where id > 3;
                pragma writable_schema = on;
                update sqlite_schema set sql = replace(sql, ' where id > 3', '') where name = 'events_event'";
    for (sql, what) in [
        ("drop index memberships_team", "index memberships_team is missing"),
        (
            "drop index memberships_name; create index memberships_name on memberships (name_key)",
            "index memberships_name is not as Rollcall makes it",
        ),
        (half, "wrong # of entries in index events_event"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        copied(&test.database(), &copy);
        opened(&copy).execute_batch(sql).unwrap();
        let found = checked(&copy);
        assert_eq!(found.damage, [""; 0], "{sql}");
        let [offence] = &found.offences[..] else { panic!("{sql}: {:#?}", found.lines()) };
        assert_eq!((offence.rule.name, offence.who[0].as_str()), ("indexes", what));
        assert_eq!(repaired(&copy).unwrap(), ["indexes"]);
        assert!(checked(&copy).are_good(), "{sql}: {:#?}", checked(&copy).lines());
        assert_eq!(told(&copy), told(&test.database()));
    }
    // One that somebody made to ask something of their own is none of it.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    copied(&test.database(), &copy);
    opened(&copy).execute_batch("create index my_report on events (at)").unwrap();
    assert!(checked(&copy).are_good());
}

/// What people have told, as it is kept and as it is found.
fn told(database: &Path) -> Vec<String> {
    let conn = opened(database);
    let mut rows = Vec::new();
    for table in ["users", "memberships", "memberships_apart", "role_holders", "teams", "tokens", "all_events"] {
        let mut statement = conn.prepare(&format!("select * from {table} order by 1, 2, 3")).unwrap();
        let width = statement.column_count();
        let row =
            |row: &rusqlite::Row| (0..width).map(|n| row.get(n)).collect::<Result<Vec<rusqlite::types::Value>, _>>();
        rows.extend(statement.query_map([], row).unwrap().map(|row| format!("{table}: {:?}", row.unwrap())));
    }
    rows
}

pub fn repaired(database: &Path) -> rollcall::Result<Vec<&'static str>> {
    let repaired = check::repair(database, &checked(database).repairable(), Timestamp(START), &mut |_| Ok(()))?;
    Ok(repaired.iter().map(|rule| rule.name).collect())
}

#[tokio::test]
async fn what_is_kept_besides_is_made_anew_and_nothing_else_is_changed() {
    let test = town().await;
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    copied(&test.database(), &whole);
    let repairable = |rule: &str| RULES.iter().any(|known| known.name == rule && !known.repair.is_empty());
    let breaks = BREAKS.iter().filter(|(rule, _)| repairable(rule) && *rule != "search_apart");
    let mut rules = BTreeSet::new();
    for (rule, sql) in breaks {
        let copy = folder.path().join("copy.db");
        std::fs::copy(&whole, &copy).unwrap();
        opened(&copy).execute_batch(sql).unwrap();
        repaired(&copy).unwrap();
        assert!(checked(&copy).are_good(), "{sql}: {:#?}", checked(&copy).lines());
        assert_eq!(told(&copy), told(&whole), "{sql}");
        rules.insert(*rule);
    }
    assert_eq!(
        rules,
        BTreeSet::from(["email_keys", "memberships_apart", "name_keys", "repeated_columns", "role_holders", "search"])
    );
    // They are found in the bin by what they are known by there, from now on.
    let copy = folder.path().join("copy.db");
    opened(&copy).execute_batch("update memberships set name_key = 'x' where removed_at is not null").unwrap();
    assert_eq!(repaired(&copy).unwrap(), ["search_apart"]);
    assert!(checked(&copy).are_good());
    let invited = "select count(*) from memberships where invited_email is not null";
    let apart = "select count(*) from search_apart join memberships using (account_id, user_id)
                  where invited_email is not null";
    assert_eq!((count(&copy, invited), count(&copy, apart)), (1, 0), "nobody else is looked at by each search");
    // What is repaired of people goes into the index of the search, which has to be sound for it.
    std::fs::copy(&whole, &copy).unwrap();
    let everybody = "update search_progress set indexed_to = (select max(id) from users)";
    let breaks = "update users set name_key = 'lovelace, ada' where id = 1; update user_search_data set block = x'00' where id = 10";
    opened(&copy).execute_batch(&format!("{TAKE_UP}; {everybody}; {breaks}")).unwrap();
    assert_eq!(repaired(&copy).unwrap()[..2], ["search", "name_keys"]);
    assert!(checked(&copy).are_good(), "{:#?}", checked(&copy).lines());
    assert_eq!(told(&copy), told(&whole));
}

/// Whose e-mail somebody else has, too, can't be found by it: that is for people to say.
#[tokio::test]
async fn what_cannot_be_repaired_is_left_as_it_is() {
    let test = town().await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    copied(&test.database(), &copy);
    opened(&copy)
        .execute_batch(
            "update users set email = 'ada@example.com', email_key = 'other@example.com' where id = 2;
             delete from role_holders;",
        )
        .unwrap();
    let before = told(&copy);
    let error = repaired(&copy).unwrap_err().cause();
    let said =
        "nothing was changed: People are found by the e-mail they have. Not so for user 2: UNIQUE constraint failed";
    assert!(error.contains(said) && error.ends_with("(ς and σ), give one of them another."), "{error}");
    assert_eq!(told(&copy), before);
}

#[test]
fn the_command_repairs_only_where_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let database = opened(&folder.path().join("rollcall.db"));
    database.execute_batch("delete from role_holders; update search_progress set indexed_to = 1;").unwrap();
    drop(database);
    let repair = || command(folder.path(), &["check", "--repair"]);
    let backup = folder.path().join("backup.db");
    let (code, _, why) = command(folder.path(), &["backup", backup.to_str().unwrap()]);
    assert!(code == 0 && why.contains("role_holders: ") && why.contains("rollcall check --repair"), "{why}");
    let served = serve(&mut rollcall(folder.path()), 1);
    let (code, said, why) = repair();
    assert_eq!((code, said.as_str()), (3, ""), "{why}");
    assert!(why.contains("Another Rollcall is serving from DATA"), "{why}");
    drop(served);
    let good = format!(
        "DATA/rollcall.db: 1 user, 1 account, 2 events. The file is sound, and all {} rules hold.\n",
        RULES.len()
    );
    let before = told(&folder.path().join("rollcall.db"));
    let (code, said, why) = repair();
    assert_eq!((code, said), (0, format!("Made anew: search, role_holders.\n{good}")));
    let mut files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let kept = files.find(|file| file.extension().is_some_and(|ending| ending == "unrepaired")).unwrap();
    let name = kept.file_name().unwrap().to_str().unwrap();
    assert_eq!(why, format!("The file until now is kept as DATA/{name}. Delete it when you are sure.\n"));
    assert_eq!(checked(&kept).offences.len(), 2, "it is as it was");
    assert_eq!(told(&kept), before);
    assert_eq!(repair(), (0, good, String::new()));
    let database = opened(&folder.path().join("rollcall.db"));
    database.execute("update memberships set primary_account = 0", []).unwrap();
    drop(database);
    let (code, _, why) = repair();
    assert_eq!(code, 1);
    assert!(why.ends_with("nothing can be made anew from the rest, and nothing was changed.\n"), "{why}");
    let (code, ..) = command(folder.path(), &["check", "--repair", backup.to_str().unwrap()]);
    assert_eq!(code, 2, "only the folder's own file is repaired");
}
