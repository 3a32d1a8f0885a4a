//! What people do, in a real browser. Needs Chromium and ChromeDriver on the path.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod driver;

use driver::Browser;

const PASSWORD: &str = "correct horse battery";

/// From the printed link to an owner who is signed in.
async fn set_up(browser: &Browser) {
    browser.open(&browser.run(&["link"])).await;
    browser.fill("[name=email]", "ada@example.com").await;
    browser.fill("[name=name]", "Ada Lovelace").await;
    browser.fill("[name=accountName]", "Acme").await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.click("main button[type=submit]").await;
    browser.find("h1").await;
    browser.says("Ada Lovelace").await;
}

#[tokio::test]
async fn from_the_set_up_link_to_a_user_who_signs_in() {
    let browser = Browser::start().await;
    set_up(&browser).await;
    browser.close().await;
}
