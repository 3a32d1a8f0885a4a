//! What surrounds the page of somebody who is signed in: the menu, the account switcher, what was just achieved.

use poem::Request;
use poem::web::cookie::{Cookie, SameSite};

use super::person::Person;
use crate::db::Read;
use crate::domain::accounts::{self, Account};
use crate::domain::actor::Actor;
use crate::error::Result;

pub struct Frame {
    /// What the server is called.
    pub server: String,
    pub me: Person,
    /// The account that is shown; on one's own page, the primary one.
    pub account: Account,
    /// Those one can switch to, the shown one included.
    pub accounts: Vec<Account>,
    pub said: Option<Said>,
    pub on_my_page: bool,
}

impl Frame {
    pub fn load(r: &Read, server: &str, said: Option<Said>) -> Result<Self> {
        let Actor { user_id, email, name, account, .. } = r.actor.clone();
        let id = r.actor.require_user()?;
        let accounts = accounts::list(r)?;
        let (account, on_my_page) = match account {
            Some(account) => (Account { id: account.id, name: account.name }, false),
            None => {
                let primary = accounts::primary(r, id)?;
                let shown = accounts.iter().find(|account| Some(&account.id) == primary.as_ref());
                (shown.cloned().ok_or_else(crate::domain::actor::no_such_account)?, true)
            }
        };
        let me = Person { id: user_id.unwrap_or_default(), email: email.unwrap_or_default(), name, img_src: None };
        Ok(Self { server: server.to_owned(), me, account, accounts, said, on_my_page })
    }

    /// The other accounts, for the switcher.
    pub fn others(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(|account| account.id != self.account.id)
    }
}

/// Something that was just achieved, said once on the next page. It travels in a cookie that only holds its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    SetUp,
    PasswordSet,
    SignedOut,
}

impl Said {
    const ALL: [Self; 3] = [Self::SetUp, Self::PasswordSet, Self::SignedOut];
    const COOKIE: &str = "rollcall-said";
    pub const FORGET: &str = "rollcall-said=; Path=/ui; Max-Age=0";

    fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::PasswordSet => "password-set",
            Self::SignedOut => "signed-out",
        }
    }

    pub fn sentence(self) -> &'static str {
        match self {
            Self::SetUp => "Everything is set up, and you are the owner. Add the first person when you like.",
            Self::PasswordSet => "Your password is set, and you are signed in.",
            Self::SignedOut => "You are signed out.",
        }
    }

    pub fn cookie(self) -> Cookie {
        let mut cookie = Cookie::new_with_str(Self::COOKIE, self.name());
        cookie.set_path("/ui");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie
    }

    /// Moves it from the request's cookies to its data; whether there was one.
    pub fn take(request: &mut Request) -> bool {
        let said = request.cookie().get(Self::COOKIE);
        let said = said.and_then(|cookie| Self::ALL.into_iter().find(|said| said.name() == cookie.value_str()));
        request.set_data(said);
        said.is_some()
    }

    /// What is to be said on this page.
    pub fn of(request: &Request) -> Option<Self> {
        request.data::<Option<Self>>().copied().flatten()
    }
}
