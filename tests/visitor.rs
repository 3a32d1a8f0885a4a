//! What the tests of the pages have in common: being set up, signed in, and the cookies of that.

use rollcall::domain::{sessions, setup};

use crate::support::{Answer, Call, PASSWORD, TestApp};

/// The line that sets the session cookie, with its flags.
pub fn session_cookie(answer: &Answer) -> &str {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    cookies.find(|cookie| cookie.contains("rollcall-8080=")).expect("no session cookie")
}

/// A browser that is signed in, as its cookie.
pub fn cookie(answer: &Answer) -> String {
    session_cookie(answer).split(';').next().unwrap().to_owned()
}

/// Everything an answer sets, as the browser would send it back.
pub fn cookies(answer: &Answer) -> String {
    let all = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    all.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// The page that an answer leads a browser to.
pub async fn follow(test: &TestApp, browser: &str, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.text);
    test.get(answer.header("location")).cookie(&format!("{browser}; {}", cookies(answer))).send().await
}

pub async fn sign_in(test: &TestApp, email: &'static str) -> String {
    let claims = test.app.db().write_here(move |w| sessions::create_link(w, Some(email))).unwrap();
    let link = test.app.seal(&claims).unwrap();
    let answer = test.post(&format!("/ui/sign-in/{link}")).send().await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    cookie(&answer)
}

pub fn set_up_link(test: &TestApp) -> String {
    test.app.seal(&test.app.db().write_here(|w| setup::create_link(w)).unwrap()).unwrap()
}

pub trait Page {
    fn cookie(self, cookie: &str) -> Self;
}

impl Page for Call<'_> {
    fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }
}

pub const OWNER: &[(&str, &str)] =
    &[("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD), ("accountName", "Acme")];

pub fn events(test: &TestApp) -> Vec<String> {
    test.query(|r| {
        r.all("select event, coalesce(account_id, '-'), coalesce(actor, '-') from all_events order by id", [], |row| {
            Ok(format!("{} in {} by {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })
    })
}

/// The version a form was made of.
pub fn version(page: &str) -> String {
    let rest = page.split("name=\"version\" value=\"").nth(1).unwrap();
    rest.split("\">").next().unwrap().replace("&#34;", "\"")
}

/// Where the pages of users are.
pub const USERS: &str = "/ui/accounts/2311/users";

/// A browser that somebody is signed in with.
pub struct Browser<'a> {
    pub test: &'a TestApp,
    pub cookie: String,
}

impl<'a> Browser<'a> {
    pub async fn of(test: &'a TestApp, email: &'static str) -> Self {
        let claims = test.app.db().write_here(move |w| sessions::create_link(w, Some(email))).unwrap();
        let link = test.app.seal(&claims).unwrap();
        let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
        let answer = test.post(&format!("/ui/sign-in/{link}")).header("user-agent", agent).send().await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        Self { test, cookie: cookie(&answer) }
    }

    pub async fn try_get(&self, path: &str) -> Answer {
        self.test.get(path).header("cookie", &self.cookie).send().await
    }

    pub async fn get(&self, path: &str) -> String {
        let page = self.try_get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        page.text
    }

    pub async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.test.post(path).header("cookie", &self.cookie).form(form).send().await
    }

    /// Sends a form that is taken; where it leads.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> String {
        let answer = self.try_post(path, form).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        answer.header("location").to_owned()
    }
}
