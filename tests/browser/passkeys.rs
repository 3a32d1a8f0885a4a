//! Passkeys, with the virtual authenticator of ChromeDriver as the device.

use crate::driver::Browser;

/// Signs in with a printed link, at the name that passkeys are bound to.
async fn enter(browser: &Browser) {
    let link = browser.run(&["link"]).replace("127.0.0.1", "localhost");
    browser.open(&link).await;
    browser.click("main button[type=submit]").await;
    browser.find(".list").await;
}

async fn sign_out(browser: &Browser) {
    browser.click(".side form button").await;
    browser.says("You are signed out.").await;
}

#[tokio::test]
async fn a_passkey_is_added_on_ones_own_page_and_signs_in_alone() {
    let browser = Browser::start().await;
    browser.run(&["init", "--email", "ada@example.com"]);
    enter(&browser).await;
    browser.with_authenticator().await;
    browser.open(&browser.named("/ui/me")).await;
    browser.replace("#passkey-name", "Work laptop").await;
    browser.click("form[data-passkey] button").await;
    browser.says("The passkey is ready.").await;
    browser.says("Work laptop").await;
    browser.says("never used").await;
    browser.click("form[data-passkey] button").await;
    browser.says("This device has a passkey here already.").await;

    browser.client.delete_all_cookies().await.unwrap();
    browser.open(&browser.named("/ui/sign-in?next=%2Fui%2Fme")).await;
    // The device consents at once, to what is offered beside the e-mail as well as to the button.
    if browser.path().await == "/ui/sign-in" {
        drop(browser.client.execute("document.querySelector('form[data-passkey] button')?.click()", vec![]).await);
    }
    browser.says("Work laptop").await;
    browser.says("used just now").await;
    assert_eq!(browser.path().await, "/ui/me");

    browser.click("a[href$='/delete']").await;
    browser.says("Delete the passkey Work laptop?").await;
    browser.click("main button[type=submit]").await;
    browser.says("It is all you can sign in with.").await;
    assert_eq!(browser.console_errors().await.iter().filter(|error| !error.contains("409")).count(), 0);
    browser.close().await;
}

#[tokio::test]
async fn an_admins_link_registers_a_passkey_and_signs_in() {
    let browser = Browser::start().await;
    browser.run(&["init", "--email", "ada@example.com"]);
    browser.run(&["user", "add", "--email", "grace@example.com"]);
    enter(&browser).await;
    let page = browser.client.current_url().await.unwrap().path().to_owned();
    browser.open(&browser.named(&format!("{page}/2/passkey-link"))).await;
    browser.click("main button[type=submit]").await;
    browser.says("The passkey link for grace@example.com is ready").await;
    let link = browser.value("#link").await;
    assert!(link.starts_with(&browser.named("/ui/passkey/")), "{link}");
    sign_out(&browser).await;

    browser.with_authenticator().await;
    browser.open(&link).await;
    browser.click("form[data-passkey] button").await;
    browser.says("The passkey is ready.").await;
    browser.says("grace@example.com").await;
    browser.open(&link).await;
    browser.says("This link has been used already").await;
    browser.close().await;
}

/// At an IP address browsers offer no passkeys; the page says where they work.
#[tokio::test]
async fn at_an_ip_address_the_page_leads_to_the_name() {
    let browser = Browser::start().await;
    browser.run(&["init", "--email", "ada@example.com"]);
    browser.open("/ui/sign-in").await;
    browser.says(&format!("Open {} and sign in there", browser.named(""))).await;
    browser.find("form[data-passkey][hidden]").await;
    browser.fill("[name=email]", "ada@example.com").await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}
