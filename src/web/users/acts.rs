//! What is done to somebody after asking once: suspending, taking out, putting back, inviting anew, owning, moving.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use super::link::{self, Given, Link};
use super::questions::{self, Question, WITHDRAW};
use crate::db::Read;
use crate::domain::fields::AccountId;
use crate::domain::permissions::Permission;
use crate::domain::users::{self, User};
use crate::domain::{memberships, passkeys, password_resets, passwords, suspensions};
use crate::error::{Error, Result};
use crate::web::confirm::ConfirmPage;
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::said::Said;
use crate::web::status_of;
use crate::web::visit::{Visit, done};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    Suspend,
    Activate,
    Remove,
    Restore,
    Invite,
    PasskeyLink,
    ResetPassword,
    AskPassword,
    KeepPassword,
    MakeOwner,
    UnmakeOwner,
    Move,
}

#[derive(Deserialize)]
pub struct Target {
    id: i64,
    act: Act,
}

impl Act {
    fn is_about_passwords(self) -> bool {
        matches!(self, Self::ResetPassword | Self::AskPassword | Self::KeepPassword)
    }

    /// What it takes in the account; whoever lacks it isn't asked either. Owners are asked for by themselves.
    fn permission(self) -> Option<Permission> {
        match self {
            Self::Suspend
            | Self::Activate
            | Self::PasskeyLink
            | Self::ResetPassword
            | Self::AskPassword
            | Self::KeepPassword => Some(Permission::UsersSuspend),
            Self::Remove | Self::Restore => Some(Permission::UsersDelete),
            Self::Invite => Some(Permission::UsersCreate),
            Self::MakeOwner | Self::UnmakeOwner | Self::Move => None,
        }
    }

    /// Whether it takes a fresh proof of who the visitor is.
    fn decides_who_comes_in(self) -> bool {
        matches!(self, Self::ResetPassword | Self::PasskeyLink | Self::MakeOwner | Self::UnmakeOwner)
    }
}

/// The question; for a move, with the accounts there are.
#[handler]
pub async fn ask(visit: Visit, Path(Target { id, act }): Path<Target>) -> Result<Response> {
    let Some(question) = questions::before(act) else {
        return move_page(&visit, id, Faults::default(), StatusCode::OK).await;
    };
    let back = visit.at(&format!("users/{id}"));
    let page = move |r: &Read, frame: Frame| {
        if act.is_about_passwords() {
            passwords::require_in_use(r)?;
        }
        if let Some(permission) = act.permission() {
            r.actor.require(permission)?;
        }
        if act.decides_who_comes_in() {
            r.actor.ask_proof()?;
        }
        let (who, pending) = match act {
            Act::Restore => (memberships::removed_email(r, id)?, false),
            Act::MakeOwner | Act::UnmakeOwner if !r.actor.owner => {
                r.actor.require_owner().map(|()| Default::default())?
            }
            _ => users::find(r, id).map(|user| (Person::from(&user).title().to_owned(), user.pending.is_some()))?,
        };
        let question = if pending && act == Act::Remove { &WITHDRAW } else { question };
        let Question { title, sentences, button, grave } = question;
        let yours = r.actor.is(id).then_some(&"That is you.");
        let sentences = yours.into_iter().chain(*sentences).map(|sentence| (*sentence).to_owned()).collect();
        let title = title(&who, frame.place());
        Ok(ConfirmPage { frame, title, sentences, button, grave: *grave, typed: None, back })
    };
    visit.page(Section::Users, page).await
}

#[derive(Template)]
#[template(path = "users/move.html")]
struct MovePage {
    frame: Frame,
    user: User,
    person: Person,
    faults: Faults,
}

async fn move_page(visit: &Visit, id: i64, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = move |r: &Read, frame| {
        let user = users::find(r, id)?;
        Ok(MovePage { frame, person: Person::from(&user), user, faults })
    };
    visit.page_with(status, Section::Users, page).await
}

#[handler]
pub async fn carry_out(visit: Visit, Path(Target { id, act }): Path<Target>, form: Form) -> Result<Response> {
    let (them, all) = (visit.at(&format!("users/{id}")), visit.at("users"));
    match act {
        Act::Suspend => visit.write(move |w| suspensions::create(w, id)).await.map(|_| done(Said::Suspended, them)),
        Act::Activate => visit.write(move |w| suspensions::delete(w, id)).await.map(|_| done(Said::Activated, them)),
        Act::Remove => remove(&visit, id).await.map(|said| done(said, all)),
        Act::Restore => visit.write(move |w| memberships::restore(w, id)).await.map(|_| done(Said::Restored, them)),
        Act::MakeOwner => {
            visit.write(move |w| suspensions::set_owner(w, id, true)).await.map(|()| done(Said::MadeOwner, them))
        }
        Act::UnmakeOwner => {
            visit.write(move |w| suspensions::set_owner(w, id, false)).await.map(|()| done(Said::NoLongerOwner, them))
        }
        Act::Invite => invite(&visit, id).await,
        Act::PasskeyLink => passkey_link(&visit, id).await,
        Act::ResetPassword => reset_password(&visit, id).await,
        Act::AskPassword => visit
            .write(move |w| passwords::set_must_change(w, id, true))
            .await
            .map(|()| done(Said::PasswordAsked, them)),
        Act::KeepPassword => visit
            .write(move |w| passwords::set_must_change(w, id, false))
            .await
            .map(|()| done(Said::PasswordKept, them)),
        Act::Move => move_to(&visit, id, &form).await,
    }
}

async fn remove(visit: &Visit, id: i64) -> Result<Said> {
    visit
        .write(move |w| {
            let (whom, pending) = who_leaves(w, id)?;
            memberships::delete(w, id)?;
            Ok(if pending { Said::Withdrawn { whom } } else { Said::Removed { id, whom } })
        })
        .await
}

/// What somebody is called whom the actor may take out of the account, and whether they are pending there.
fn who_leaves(r: &Read, id: i64) -> Result<(String, bool)> {
    r.actor.require(Permission::UsersDelete)?;
    let user = users::find_changed(r, id)?;
    Ok((Person::from(&user).title().to_owned(), user.pending.is_some()))
}

async fn invite(visit: &Visit, id: i64) -> Result<Response> {
    let claims = visit.write(move |w| users::invite(w, id)).await?;
    let page = format!("{}/ui/welcome", visit.origin);
    link::show(visit, id, Given::Welcome(Link::of(visit, &page, &claims)?))
}

async fn passkey_link(visit: &Visit, id: i64) -> Result<Response> {
    let page = format!("{}/ui/passkey", visit.app.require_relying_party()?.origin());
    let claims = visit.write(move |w| passkeys::send_link(w, id)).await?;
    link::show(visit, id, Given::Passkey(Link::of(visit, &page, &claims)?))
}

async fn reset_password(visit: &Visit, id: i64) -> Result<Response> {
    let claims = visit.write(move |w| password_resets::create(w, id)).await?;
    let page = format!("{}/ui/reset", visit.origin);
    link::show(visit, id, Given::Password(Link::of(visit, &page, &claims)?))
}

async fn move_to(visit: &Visit, id: i64, form: &Form) -> Result<Response> {
    let to = AccountId::parse("to", form.text("to")).map_err(|problem| Error::Invalid(vec![problem]));
    let moved = match to {
        Ok(to) => {
            visit
                .write(move |w| {
                    let (whom, _) = who_leaves(w, id)?;
                    memberships::move_to(w, id, &to).map(|()| Said::Moved { whom })
                })
                .await
        }
        Err(error) => Err(error),
    };
    match moved {
        Ok(said) => Ok(done(said, visit.at("users"))),
        Err(error) => {
            let status = status_of(&error);
            move_page(visit, id, Faults::in_form(error)?, status).await
        }
    }
}
