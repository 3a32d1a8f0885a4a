//! One person: who they are, what can be done now, and everything known about them.

use std::collections::HashSet;

use askama::Template;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use super::chosen::Chosen;
use crate::clock::Timestamp;
use crate::db::Read;
use crate::domain::events::{self, Event};
use crate::domain::impersonations;
use crate::domain::memberships::{self, Standing};
use crate::domain::passkeys;
use crate::domain::passwords::{self, Password};
use crate::domain::permissions::{Granted, Permission};
use crate::domain::sessions::{self, Session};
use crate::domain::teams::{self, Team};
use crate::domain::users::{self, User};
use crate::error::{Error, Result};
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::said::Said;
use crate::web::visit::{Visit, done};

#[derive(Deserialize)]
pub struct Id {
    pub id: i64,
}

#[derive(Template)]
#[template(path = "users/show.html")]
struct ShowPage {
    frame: Frame,
    user: User,
    person: Person,
    standing: Standing,
    team: Option<Team>,
    chosen: Chosen,
    /// None where the visitor may not know of it.
    password: Option<Option<Password>>,
    /// None where the visitor may not see them.
    sessions: Option<Vec<Session>>,
    /// What happened to and by them, the latest first; none where the visitor may not see it.
    events: Option<Vec<Event>>,
    /// Who else in them has a page.
    people: HashSet<i64>,
    teams: Vec<(i64, String)>,
    may: May,
    now: Timestamp,
}

/// What the visitor may do with this person.
struct May {
    /// Change their place in the account.
    assign: bool,
    /// Change their profile and preferences.
    update: bool,
    suspend: bool,
    /// Make a link with which they choose a new password.
    reset: bool,
    remove: bool,
    /// Make a new welcome link: they have neither a password nor a passkey yet.
    invite: bool,
    own: bool,
    /// Act as them.
    act_as: bool,
}

/// Events on the page.
const EVENTS: u32 = 8;

#[handler]
pub async fn page(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    visit.page(Section::Users, move |r, frame| ShowPage::load(r, frame, id)).await
}

impl ShowPage {
    fn load(r: &Read, frame: Frame, id: i64) -> Result<Self> {
        let account = r.actor.require(Permission::UsersRead)?.clone();
        let user = users::find(r, id)?;
        let gone = || Error::not_found(format!("There is no user {id} in this account."));
        let standing = memberships::standing(r, &account, id)?.ok_or_else(gone)?;
        let filter = events::Filter { about: Some(id), limit: events::Limit(EVENTS), ..events::Filter::default() };
        let events = events::list(r, &filter).ok().map(|latest| latest.items);
        Ok(Self {
            person: Person::from(&user),
            team: user.team_id.map(|team| teams::find(r, team)).transpose()?,
            chosen: Chosen::of(&user),
            password: passwords::find(r, id).ok(),
            sessions: sessions::list(r, id).ok(),
            people: users::present(r, events.iter().flatten().flat_map(Event::people).filter(|other| *other != id))?,
            events,
            teams: teams::names(r)?,
            may: May::find(r, &user, &standing)?,
            now: r.now,
            frame,
            user,
            standing,
        })
    }

    /// Every permission, with all it comes from in words.
    fn permissions(&self) -> Vec<Granted> {
        let in_words = |source: String| match source.as_str() {
            "owner" => "Owner".to_owned(),
            "accountAdmin" => "Account admin".into(),
            "direct" => "Given directly".into(),
            role => format!("Role {}", role.trim_start_matches("role:")),
        };
        let granted = self.standing.sources().into_iter();
        granted.map(|g| Granted { sources: g.sources.into_iter().map(in_words).collect(), ..g }).collect()
    }

    /// What is done to somebody less often: where it is asked for, and what it is called.
    fn further(&self) -> Vec<(&'static str, String)> {
        let (may, frame) = (&self.may, &self.frame);
        let movable = may.remove && !self.standing.pending && frame.accounts.len() > 1;
        let ownership = if self.user.owner {
            ("unmake-owner", "Take ownership away…".to_owned())
        } else {
            ("make-owner", "Make owner…".to_owned())
        };
        let all = [
            (may.suspend && self.user.active, ("passkeys", "Passkeys".to_owned())),
            (movable, ("move", "Move to another account…".to_owned())),
            (may.act_as, ("impersonation", format!("Act as {}…", self.person.title()))),
            (may.own, ownership),
        ];
        all.into_iter().filter_map(|(may, act)| may.then_some(act)).collect()
    }

    fn at(&self, rest: &str) -> String {
        self.frame.at(&format!("users/{}/{rest}", self.user.id))
    }
}

impl May {
    fn find(r: &Read, user: &User, standing: &Standing) -> Result<Self> {
        let account = r.actor.require_account()?;
        let over = memberships::require_over(r, account, user.id).is_ok();
        let home = over && !standing.pending && memberships::require_home(r, account, user.id).is_ok();
        let may = |permission| r.actor.may(permission);
        Ok(Self {
            assign: over && may(Permission::RolesAssign),
            update: home && may(Permission::UsersUpdate),
            suspend: home && may(Permission::UsersSuspend) && !r.actor.is(user.id),
            reset: home
                && may(Permission::UsersSuspend)
                && user.active
                && (r.actor.owner || memberships::require_only_here(r, account, user.id).is_ok()),
            remove: over && may(Permission::UsersDelete),
            invite: home
                && may(Permission::UsersCreate)
                && memberships::require_only_here(r, account, user.id).is_ok()
                && !passwords::is_set(r, user.id)?
                && !passkeys::is_set(r, user.id)?,
            own: r.actor.owner && !standing.pending,
            act_as: !standing.pending && impersonations::require_may(r, user.id).is_ok(),
        })
    }
}

#[derive(Deserialize)]
pub struct SessionOf {
    id: i64,
    session: String,
}

#[handler]
pub async fn end_session(visit: Visit, Path(SessionOf { id, session }): Path<SessionOf>) -> Result<Response> {
    visit.write(move |w| sessions::end(w, id, &session)).await?;
    Ok(done(Said::SessionEnded, visit.at(&format!("users/{id}"))))
}

#[handler]
pub async fn end_sessions(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    visit.write(move |w| sessions::end_all(w, id)).await?;
    Ok(done(Said::SessionsEnded, visit.at(&format!("users/{id}"))))
}
