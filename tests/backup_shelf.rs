//! The backups that a server keeps: made by the clock and by its owners on a page, rotated, downloaded.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use poem::http::Method;
use rollcall::domain::permissions;
use rollcall::jobs;

use crate::backups::names;
use crate::impersonation::acting_cookie;
use crate::support::{ADA, START, TestApp};
use crate::visitor::{Page, sign_in};

#[tokio::test]
async fn backups_are_made_by_the_clock_and_the_oldest_go() {
    let test = TestApp::new_with(|config| {
        config.backup_every = Some(Duration::from_hours(24));
        config.backup_keep = 2;
    });
    let shelf = test.app.backups().folder().to_owned();
    jobs::back_up_if_due(&test.app).await;
    assert_eq!(names(&shelf), ["rollcall-20261123T080000Z.db"], "the first is due at once");
    assert_eq!(fs::metadata(&shelf).unwrap().permissions().mode() & 0o777, 0o700);
    test.advance(Duration::from_hours(23));
    jobs::back_up_if_due(&test.app).await;
    assert_eq!(names(&shelf).len(), 1, "the next is not due yet");
    fs::write(shelf.join("mine.db"), "").unwrap();
    fs::write(shelf.join("rollcall-20261124T000000Z.db.partial"), "a killed process left it").unwrap();
    for _ in 0..3 {
        test.advance(Duration::from_hours(24));
        jobs::back_up_if_due(&test.app).await;
    }
    assert_eq!(names(&shelf), ["mine.db", "rollcall-20261126T070000Z.db", "rollcall-20261127T070000Z.db"]);
    let sql = "select count(*) from all_events where event = 'cron_job' and subject like 'rollcall-2026%'";
    assert_eq!(test.query(|r| r.value::<i64>(sql, [])), 4);
    // A clock that was ahead and is right again keeps nothing from being made.
    fs::copy(shelf.join("rollcall-20261127T070000Z.db"), shelf.join("rollcall-20990101T000000Z.db")).unwrap();
    test.advance(Duration::from_hours(24));
    jobs::back_up_if_due(&test.app).await;
    assert!(shelf.join("rollcall-20261128T070000Z.db").exists(), "{:?}", names(&shelf));
}

/// A folder made in its place would keep it from being moved back, and be begun anew by the next start.
#[tokio::test]
async fn no_backup_makes_a_folder_in_the_place_of_one_that_was_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let at = data.clone();
    let test = TestApp::new_with(move |config| config.data = at);
    let away = folder.path().join("away");
    fs::rename(&data, &away).unwrap();
    let refused = test.app.back_up(test.app.db().now()).await.unwrap_err();
    assert!(refused.cause().contains("See whether the data folder was moved away"), "{}", refused.cause());
    assert!(!data.exists());
    fs::rename(&away, &data).unwrap();
    test.app.back_up(test.app.db().now()).await.unwrap();
}

#[tokio::test]
async fn no_backup_makes_the_folder_that_its_folder_is_to_be_in() {
    let disk = tempfile::tempdir().unwrap();
    let shelf = disk.path().join("not-mounted").join("backups");
    let at = shelf.clone();
    let test = TestApp::new_with(move |config| config.backup_dir = Some(at));
    let refused = test.app.back_up(test.app.db().now()).await.unwrap_err();
    assert!(refused.cause().contains(&shelf.display().to_string()), "{}", refused.cause());
    fs::create_dir(disk.path().join("not-mounted")).unwrap();
    test.app.back_up(test.app.db().now()).await.unwrap();
    assert_eq!(names(&shelf).len(), 1);
}

/// Whose disk isn't mounted has a server with nobody in it, which may go unnoticed for a while.
#[tokio::test]
async fn a_backup_that_holds_nobody_pushes_none_out() {
    let test = TestApp::on(tempfile::tempdir().unwrap(), |config| {
        config.backup_every = Some(Duration::from_hours(24));
        config.backup_keep = 1;
    });
    let shelf = test.app.backups().folder().to_owned();
    fs::create_dir(&shelf).unwrap();
    fs::write(shelf.join("rollcall-20261101T000000Z.db"), "of people").unwrap();
    jobs::back_up_if_due(&test.app).await;
    assert_eq!(names(&shelf), ["rollcall-20261101T000000Z.db"], "by the clock none is made");
    test.app.back_up(test.app.db().now()).await.unwrap();
    assert_eq!(names(&shelf), ["rollcall-20261101T000000Z.db", "rollcall-20261123T080000Z.db"]);
}

#[tokio::test]
async fn without_the_setting_none_is_made_by_itself() {
    let test = TestApp::new();
    jobs::back_up_if_due(&test.app).await;
    assert!(!test.app.backups().folder().exists());
}

#[tokio::test]
async fn a_backup_that_fails_is_said_and_tried_again() {
    let elsewhere = tempfile::tempdir().unwrap();
    let blocked = elsewhere.path().join("blocked");
    fs::write(&blocked, "a file where a folder should be").unwrap();
    let folder = blocked.clone();
    let test = TestApp::new_with(move |config| {
        config.backup_every = Some(Duration::from_hours(24));
        config.backup_dir = Some(folder);
    });
    jobs::back_up_if_due(&test.app).await;
    let browser = sign_in(&test, ADA).await;
    let page = test.get("/ui/backups").cookie(&browser).send().await;
    assert!(
        page.text.contains("The last backup failed") && page.text.contains("Cannot keep backups in"),
        "{}",
        page.text
    );
    let counted = |line: &str| test.app.figures().unwrap().lines().any(|told| told == line);
    assert!(counted("rollcall_backups_failed_total 1") && counted("rollcall_last_backup_timestamp_seconds 0"));
    fs::remove_file(&blocked).unwrap();
    test.advance(Duration::from_mins(5));
    jobs::back_up_if_due(&test.app).await;
    assert!(!blocked.exists(), "not at once");
    test.advance(Duration::from_mins(5));
    jobs::back_up_if_due(&test.app).await;
    assert_eq!(names(&blocked).len(), 1);
    let made = START / 1000 + 600;
    assert!(counted("rollcall_backups_failed_total 1"));
    assert!(counted(&format!("rollcall_last_backup_timestamp_seconds {made}")));
    let page = test.get("/ui/backups").cookie(&browser).send().await;
    assert!(!page.text.contains("The last backup failed") && page.text.contains("checked"), "{}", page.text);
}

/// What breaks a rule is backed up all the same, but must not push out what didn't.
/// Nobody is woken for it: the next start makes one.
#[tokio::test]
async fn a_backup_that_a_stop_ends_is_no_failure_and_leaves_nothing_behind() {
    let test = TestApp::new_with(|config| config.backup_every = Some(Duration::from_hours(24)));
    test.app.backups().stop();
    jobs::back_up_if_due(&test.app).await;
    assert!(names(test.app.backups().folder()).is_empty());
    assert!(test.app.figures().unwrap().contains("rollcall_backups_failed_total 0"));
}

#[tokio::test]
async fn a_backup_in_which_a_rule_does_not_hold_takes_no_other_away() {
    let test = TestApp::new_with(|config| {
        config.backup_every = Some(Duration::from_hours(1));
        config.backup_keep = 1;
    });
    jobs::back_up_if_due(&test.app).await;
    test.app.db().write_here(|w| w.run("update memberships set primary_account = 0", [])).unwrap();
    test.advance(Duration::from_hours(1));
    jobs::back_up_if_due(&test.app).await;
    assert_eq!(names(test.app.backups().folder()).len(), 2);
    let browser = sign_in(&test, ADA).await;
    let page = test.get("/ui/backups").cookie(&browser).send().await;
    assert!(page.text.contains("not everything in it is as it should be"), "{}", page.text);
}

#[tokio::test]
async fn backups_of_a_clock_that_was_ahead_push_none_out() {
    let test = TestApp::new_with(|config| {
        config.backup_every = Some(Duration::from_hours(24));
        config.backup_keep = 2;
    });
    let shelf = test.app.backups().folder().to_owned();
    jobs::back_up_if_due(&test.app).await;
    fs::write(shelf.join("rollcall-20971123T080000Z.db"), "").unwrap();
    fs::write(shelf.join("rollcall-20981123T080000Z.db"), "").unwrap();
    test.advance(Duration::from_hours(24));
    jobs::back_up_if_due(&test.app).await;
    assert_eq!(names(&shelf).len(), 4);
    test.advance(Duration::from_hours(24));
    jobs::back_up_if_due(&test.app).await;
    let left = names(&shelf);
    assert_eq!(left[..2], ["rollcall-20261124T080000Z.db", "rollcall-20261125T080000Z.db"]);
}

#[tokio::test]
async fn an_owner_backs_up_and_downloads_on_a_page() {
    let test = TestApp::new();
    let browser = sign_in(&test, ADA).await;
    let page = test.get("/ui/backups").cookie(&browser).send().await;
    assert!(page.text.contains("No backup yet") && page.text.contains("--backup-every 1d"), "{}", page.text);
    let made = test.post("/ui/backups").cookie(&browser).send().await;
    assert_eq!((made.status.as_u16(), made.header("location")), (303, "/ui/backups"), "{}", made.text);
    let again = test.post("/ui/backups").cookie(&browser).send().await;
    assert_eq!(again.status, 409, "{}", again.text);
    assert!(again.text.contains("A backup was made this very second."), "{}", again.text);
    let page = test.get("/ui/backups").cookie(&browser).send().await;
    assert!(!page.text.contains("The last backup failed"), "{}", page.text);
    let name = "rollcall-20261123T080000Z.db";
    assert!(page.text.contains(&format!("action=\"/ui/backups/{name}\"")), "{}", page.text);

    let path = test.app.backups().folder().join(name);
    let file = test.download(&format!("/ui/backups/{name}"), &browser).await;
    assert_eq!(file.0, 200);
    assert!(file.1.contains(&format!("attachment; filename=\"{name}\"")), "{}", file.1);
    assert!(file.2 == fs::read(path).unwrap(), "it is another file");
    let sql = "select group_concat(subject || ' ' || changes, '; ') from all_events where event = 'file_requested' and actor = ?1 and account_id = '2311'";
    insta::assert_snapshot!(test.query(|r| r.value::<String>(sql, [ADA])), @r#"rollcall-20261123T080000Z.db {"requested":{"before":false,"after":true}}; rollcall-20261123T080000Z.db {"requested":{"before":false,"after":true}}; rollcall-20261123T080000Z.db {"downloaded":{"before":false,"after":true}}"#);
    let missing = test.post("/ui/backups/rollcall-20200101T000000Z.db").cookie(&browser).send().await;
    assert_eq!(missing.status, 404);
    for odd in ["..%2Frollcall.db", "rollcall.db", "rollcall-20261123T080000Z.db%00"] {
        let answer = test.post(&format!("/ui/backups/{odd}")).cookie(&browser).send().await;
        assert_eq!(answer.status, 404, "{odd}");
    }
}

#[tokio::test]
async fn nobody_but_an_owner_in_person_who_proved_it_gets_a_backup() {
    let test = TestApp::new();
    let bob = test.member("2311", "bob@example.com", permissions::ADMIN);
    let owner = sign_in(&test, ADA).await;
    assert_eq!(test.post("/ui/backups").cookie(&owner).send().await.status, 303);
    let admin = sign_in(&test, "bob@example.com").await;
    let download = "/ui/backups/rollcall-20261123T080000Z.db";
    for (method, path) in [(Method::GET, "/ui/backups"), (Method::POST, "/ui/backups"), (Method::POST, download)] {
        let answer = test.call(method.clone(), path).cookie(&admin).send().await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        assert!(!answer.text.contains("rollcall-2026"), "{}", answer.text);
    }
    let menu = |text: &str| text.contains("href=\"/ui/backups\"");
    assert!(menu(&test.get("/ui/me").cookie(&owner).send().await.text));
    assert!(!menu(&test.get("/ui/me").cookie(&admin).send().await.text));
    // Acting as somebody, even as one of her people, she is nobody's owner.
    let form = [("reason", "They ask for help"), ("minutes", "30")];
    let acting =
        test.post(&format!("/ui/accounts/2311/users/{bob}/impersonation")).cookie(&owner).form(&form).send().await;
    let acting = format!("{owner}; {}", acting_cookie(&acting).unwrap());
    assert_eq!(test.post("/ui/backups").cookie(&acting).send().await.status, 403);
    // An unlocked screen isn't her.
    test.advance(Duration::from_mins(31));
    for path in ["/ui/backups", download] {
        let answer = test.post(path).cookie(&owner).send().await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert!(answer.header("location").starts_with("/ui/prove"), "{path}: {}", answer.header("location"));
    }
    assert_eq!(names(test.app.backups().folder()).len(), 1);
}
