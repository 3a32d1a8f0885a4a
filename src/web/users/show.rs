//! One person: who they are, and everything known about them.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Request, Response, handler};

use crate::app::App;
use crate::auth::Visitor;
use crate::clock::Timestamp;
use crate::domain::fields::AccountId;
use crate::domain::memberships;
use crate::domain::permissions::Granted;
use crate::domain::preferences::{Delivery, NotificationPreference};
use crate::domain::pulse::{Group, PulseEvent};
use crate::domain::users::{self, User};
use crate::error::Result;
use crate::web::frame::{Frame, Said};
use crate::web::person::Person;
use crate::web::render;

#[derive(Template)]
#[template(path = "users/show.html")]
struct ShowPage {
    frame: Frame,
    user: User,
    person: Person,
    permissions: Vec<Granted>,
    now: Timestamp,
}

#[handler]
pub async fn page(
    app: App,
    visitor: Visitor,
    Path((account, id)): Path<(AccountId, i64)>,
    request: &Request,
) -> Result<Response> {
    let (server, said) = (app.config().name.clone(), Said::of(request));
    let person = app
        .read(visitor.within(account), move |r| {
            let permissions = memberships::permissions(r, id)?;
            ShowPage::load(Frame::load(r, &server, said)?, users::find(r, id)?, permissions, r.now)
        })
        .await?;
    Ok(render(StatusCode::OK, &person))
}

/// One's own page, wherever one is a member.
#[handler]
pub async fn my_page(app: App, visitor: Visitor, request: &Request) -> Result<Response> {
    let (server, said) = (app.config().name.clone(), Said::of(request));
    let person = app
        .read(visitor.anywhere(), move |r| {
            ShowPage::load(Frame::load(r, &server, said)?, users::me(r)?, Vec::new(), r.now)
        })
        .await?;
    Ok(render(StatusCode::OK, &person))
}

impl ShowPage {
    fn load(frame: Frame, user: User, permissions: Vec<Granted>, now: Timestamp) -> Result<Self> {
        Ok(Self { frame, person: Person::from(&user), user, permissions, now })
    }

    fn preferences(&self, event: &PulseEvent) -> &[NotificationPreference] {
        self.user.notification_preferences.get(event).map_or(&[], Vec::as_slice)
    }

    fn deliveries<'p>(&self, preference: &'p NotificationPreference) -> &'p [Delivery] {
        preference.delivery_pref.as_deref().unwrap_or_default()
    }

    /// How many of a group's events they have a preference for.
    fn chosen(&self, group: &Group) -> u64 {
        group.events().filter(|event| !self.preferences(event).is_empty()).count() as u64
    }

    fn total(&self) -> usize {
        self.user.notification_preferences.len()
    }

    fn account_name<'p>(&'p self, id: &'p str) -> &'p str {
        let account = self.user.accounts.iter().find(|account| account.account_id == id);
        account.map_or(id, |account| &account.account_name)
    }

    /// A phone number as RFC 3966 has it: what people write between the digits left out.
    fn dialled(&self, phone: &str) -> String {
        phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    }
}
