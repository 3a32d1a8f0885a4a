//! What people do, in a real browser. Needs Chromium and ChromeDriver on the path.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod driver;
mod passkeys;

use driver::Browser;

const PASSWORD: &str = "correct horse battery";

/// From the printed link to an owner who is signed in.
async fn set_up(browser: &Browser) {
    browser.open(&browser.run(&["link"])).await;
    browser.fill("[name=email]", "ada@example.com").await;
    browser.fill("[name=name]", "Ada Lovelace").await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.fill("[name=accountName]", "Acme").await;
    browser.click("main button[type=submit]").await;
    browser.says("Everything is set up").await;
}

#[tokio::test]
async fn from_the_set_up_link_to_a_user_who_chooses_a_password_and_signs_in() {
    let browser = Browser::start().await;
    set_up(&browser).await;

    browser.click("main a[href$='/users/new']").await;
    browser.fill("[name=email]", "grace@example.com").await;
    browser.click("details.section summary").await;
    browser.fill("[name=name]", "Grace Hopper").await;
    browser.click("details:has(> #notificationPreferences) > summary").await;
    browser.fill("[data-filter]", "ticket assigned").await;
    browser.click("[name='pref.ticket_assigned'][value=sms]").await;
    browser.says("1 of 163 events").await;
    browser.click(".actions .primary").await;
    browser.says("Grace Hopper can sign in now").await;
    let link = browser.value("#link").await;
    browser.click(".actions a[href$='/users/2']").await;
    browser.says("Ticket assigned").await;

    browser.click(".side form button").await;
    browser.says("You are signed out.").await;
    browser.open(&link).await;
    browser.says("Welcome, Grace Hopper").await;
    browser.fill("[name=password]", "a good long one").await;
    browser.click("main button[type=submit]").await;
    browser.says("Your password is set").await;

    browser.click(".side form button").await;
    browser.fill("[name=email]", "grace@example.com").await;
    browser.fill("[name=password]", "a good long one").await;
    browser.click("main button[type=submit]").await;
    browser.says("Grace Hopper").await;
    assert!(browser.path().await.ends_with("/users"));
    browser.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_said_and_a_printed_link_lets_in() {
    let browser = Browser::start().await;
    browser.run(&["init", "--email", "ada@example.com"]);
    browser.open("/").await;
    browser.fill("[name=email]", "ada@example.com").await;
    assert_eq!(browser.path().await, "/ui/sign-in");
    browser.fill("[name=password]", "not the one").await;
    browser.click("main button[type=submit]").await;
    browser.says("The e-mail or the password is not right.").await;
    assert_eq!(browser.value("[name=email]").await, "ada@example.com");

    let link = browser.run(&["link", "--email", "ada@example.com"]);
    browser.open(&link).await;
    browser.click("main button[type=submit]").await;
    browser.find(".list").await;
    browser.open(&link).await;
    browser.says("This link has been used already").await;
    browser.close().await;
}

/// From another machine, over plain HTTP, browsers say less about where a form comes from.
#[tokio::test]
async fn forms_work_under_a_name_of_the_network() {
    let browser = Browser::start().await;
    browser.run(&["init", "--email", "ada@example.com"]);
    let link = browser.run(&["link"]).replace("127.0.0.1", "people.test");
    browser.open(&link).await;
    browser.click("main button[type=submit]").await;
    browser.find(".list").await;
    browser.click(".side form button").await;
    browser.says("You are signed out.").await;
    browser.close().await;
}

/// Set-up, a new user and sign-out without a pointer: only Tab, Enter, Space and letters.
#[tokio::test]
async fn by_keyboard_alone() {
    let browser = Browser::start().await;
    browser.open(&browser.run(&["link"])).await;
    browser.find("[name=email]:focus").await;
    browser.keys("ada@example.com\tAda\t").await;
    browser.keys(&format!("{PASSWORD}\tAcme\n")).await;
    browser.says("Everything is set up").await;

    browser.tab_to("main a[href$='/users/new']").await;
    browser.keys("\n").await;
    browser.find("[name=email]:focus").await;
    browser.keys("grace@").await;
    browser.tab_to("details.section summary").await;
    browser.keys("\n").await;
    browser.tab_to("[name=name]").await;
    browser.keys("Grace Hopper").await;
    browser.tab_to("details:has(> #notificationPreferences) > summary").await;
    browser.keys(" ").await;
    browser.tab_to("[data-group] summary").await;
    browser.keys(" ").await;
    browser.tab_to("[name='pref.user_created'][value=email]").await;
    browser.keys(" ").await;
    browser.says("1 of 163 events").await;
    browser.without_validation("form[data-guard]").await;
    browser.keys("\n").await;

    browser.says("This is not an e-mail address").await;
    browser.find(".summary:focus").await;
    browser.tab_to(".summary a").await;
    browser.keys("\n").await;
    browser.tab_to("[name=email]").await;
    browser.keys("grace@example.com").await;
    browser.keys("\n").await;
    browser.says("Grace Hopper can sign in now").await;
    browser.tab_to("[data-copy]").await;
    browser.keys(" ").await;
    browser.says("Copied").await;
    browser.tab_to(".actions a[href$='/users/2']").await;
    browser.keys("\n").await;
    browser.says("User created").await;
    browser.close().await;
}

/// The list follows what is typed, and `/` goes to the search.
#[tokio::test]
async fn the_search_follows_the_keys() {
    let browser = Browser::start().await;
    set_up(&browser).await;
    browser.open("/ui").await;
    browser.keys("/").await;
    browser.find("[data-search]:focus").await;
    browser.keys("nobody").await;
    browser.says("Nobody found").await;
    browser.find("[data-search]:focus").await;
    assert_eq!(browser.value("[data-search]").await, "nobody");
    browser.close().await;
}

/// Swagger UI, served from the binary: Authorize, then *Try it out* makes a user who is in the list.
#[tokio::test]
async fn swagger_ui_creates_a_user() {
    let browser = Browser::start().await;
    let token = browser.run(&["init", "--email", "ada@example.com", "--account-id", "2311"]);
    browser.open("/docs").await;
    browser.click(".btn.authorize").await;
    browser.fill(".auth-container input", &token).await;
    browser.click(".auth-btn-wrapper .authorize").await;
    browser.click(".auth-btn-wrapper .btn-done").await;
    browser.click("#operations-Users-createUser button.opblock-summary-control").await;
    browser.click("#operations-Users-createUser .try-out__btn").await;
    browser
        .replace("#operations-Users-createUser textarea.body-param__text", r#"{"email": "swagger@example.com"}"#)
        .await;
    browser.click("#operations-Users-createUser button.execute").await;
    let status = "#operations-Users-createUser .live-responses-table tbody .response-col_status";
    browser.find(status).await;
    let status = browser.text(status).await;
    assert!(status.contains("201"), "{status}");

    browser.open(&browser.run(&["link"])).await;
    browser.click("main button[type=submit]").await;
    browser.says("swagger@example.com").await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}

/// The main act of each page of the directory, without a pointer.
#[tokio::test]
async fn the_directory_by_keyboard() {
    let browser = Browser::start().await;
    set_up(&browser).await;
    let base = "/ui/accounts/2311";

    browser.open(&format!("{base}/teams")).await;
    browser.tab_to("[name=name]").await;
    browser.keys("Compilers\n").await;
    browser.says("The team Compilers was made.").await;

    browser.open(&format!("{base}/roles/new")).await;
    browser.find("[name=name]:focus").await;
    browser.keys("lead-reader").await;
    browser.tab_to("[name='permission.users.read']").await;
    browser.keys(" ").await;
    browser.tab_to(".actions .primary").await;
    browser.keys("\n").await;
    browser.says("The role lead-reader was made.").await;

    browser.open(&format!("{base}/users/new")).await;
    browser.find("[name=email]:focus").await;
    browser.keys("grace@example.com\n").await;
    browser.says("grace@example.com can sign in now").await;
    browser.open(&format!("{base}/users/2/place")).await;
    browser.tab_to("[name=teamId]").await;
    browser.keys("Comp").await;
    browser.tab_to("[name='role.lead-reader']").await;
    browser.keys(" ").await;
    browser.tab_to(".actions .primary").await;
    browser.keys("\n").await;
    browser.says("Role lead-reader").await;

    browser.tab_to("a[href$='/users/2/suspend']").await;
    browser.keys("\n").await;
    browser.says("Suspend grace@example.com?").await;
    browser.tab_to("main button[type=submit]").await;
    browser.keys("\n").await;
    browser.says("They are suspended").await;

    browser.open(&format!("{base}/users/2/remove")).await;
    browser.tab_to("main button[type=submit]").await;
    browser.keys("\n").await;
    browser.says("grace@example.com was taken out of the account").await;
    browser.tab_to(".said a").await;
    browser.keys("\n").await;
    browser.tab_to("main button[type=submit]").await;
    browser.keys("\n").await;
    browser.says("They are back").await;
    browser.says("Compilers").await;

    browser.open(&format!("{base}/users/2/edit")).await;
    browser.tab_to("[name=name]").await;
    browser.keys("Grace Hopper\n").await;
    browser.says("Saved.").await;
    browser.open(&format!("{base}/users/2/preferences")).await;
    browser.tab_to("[data-group] summary").await;
    browser.keys(" ").await;
    browser.tab_to("[name='pref.user_created'][value=email]").await;
    browser.keys(" ").await;
    browser.keys("\n").await;
    browser.says("Saved.").await;
    browser.says("User created").await;
    browser.open("/ui/me/edit").await;
    browser.tab_to("[name=phone]").await;
    browser.keys("+49 30 901820\n").await;
    browser.says("+49 30 901820").await;
    browser.open("/ui/accounts").await;
    browser.tab_to("[name=name]").await;
    browser.keys("Second\n").await;
    browser.says("The account was made.").await;

    browser.open(&format!("{base}/activity")).await;
    browser.says("suspended grace@example.com").await;
    browser.tab_to("[name=event]").await;
    browser.keys("Team created").await;
    browser.tab_to("form .button").await;
    browser.keys("\n").await;
    browser.says("made the team Compilers").await;

    browser.open(&format!("{base}/api-keys")).await;
    browser.tab_to("[name=name]").await;
    browser.keys("Nightly import\n").await;
    browser.says("The key Nightly import is ready").await;
    browser.open(&format!("{base}/account")).await;
    browser.tab_to("[name=name]").await;
    browser.keys(" Ltd\n").await;
    browser.says("Saved.").await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}
