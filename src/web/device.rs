//! What a browser is given once somebody has signed in with it, so that it is known when they come again: the attempts of
//! strangers elsewhere then don't keep them out. It opens nothing, and outlives the session.

use std::time::Duration;

use poem::web::cookie::CookieJar;
use poem::{FromRequest, Request, RequestBody};

use crate::app::App;
use crate::auth;
use crate::domain::tokens::{self, Claims};
use crate::error::Result;

/// A browser, as its cookie names it; a fresh name if it has none.
pub struct Device {
    id: String,
    /// Who signed in with it, the latest first.
    people: Vec<i64>,
}

/// What its cookie is called.
const NAME: &str = "device-";
/// What the cookie is sealed for.
const PURPOSE: &str = "rollcall: a browser that people have signed in with";
const LIFETIME: Duration = Duration::from_hours(180 * 24);
/// The most people one browser is remembered for.
const MOST: usize = 8;

impl<'a> FromRequest<'a> for Device {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let app = App::from_request(request, body).await?;
        let cookie = request.cookie().get(&auth::cookie_name(&app, NAME));
        let text = cookie.and_then(|cookie| app.keys().open_text(PURPOSE, cookie.value_str()).ok());
        Ok(match text.as_deref().and_then(Self::parse) {
            Some(device) => device,
            None => Self { id: tokens::random_id()?, people: Vec::new() },
        })
    }
}

impl Device {
    /// The browser's name, if that person has signed in with it before.
    pub fn of(&self, user_id: i64) -> Option<&str> {
        self.people.contains(&user_id).then_some(self.id.as_str())
    }

    /// Keeps this browser signed in, and remembers who it is that signed in with it.
    pub fn keep(mut self, app: &App, jar: &CookieJar, session: &Claims) -> Result<()> {
        jar.add(auth::session_cookie(app, session)?);
        self.people.retain(|person| Some(*person) != session.user_id);
        self.people.splice(0..0, session.user_id);
        self.people.truncate(MOST);
        let mut cookie = auth::cookie(app, NAME, &app.keys().seal_text(PURPOSE, &self.text())?);
        cookie.set_max_age(LIFETIME);
        jar.add(cookie);
        Ok(())
    }

    fn text(&self) -> String {
        let people: Vec<_> = self.people.iter().map(i64::to_string).collect();
        format!("{}:{}", self.id, people.join(","))
    }

    fn parse(text: &str) -> Option<Self> {
        let (id, people) = text.split_once(':')?;
        let people = people.split(',').filter_map(|person| person.parse().ok()).collect();
        Some(Self { id: id.to_owned(), people })
    }
}
