//! Acting as somebody else: an owner says why and for how long, and stops.

use askama::Template;
use poem::http::StatusCode;
use poem::web::cookie::CookieJar;
use poem::web::{Path, Redirect};
use poem::{IntoResponse, Response, handler};

use super::form::{Faults, Form};
use super::frame::{Frame, Section};
use super::person::Person;
use super::said::Said;
use super::users::show::Id;
use super::visit::{Visit, done};
use super::{ErrorPage, render, status_of};
use crate::app::App;
use crate::auth::{self, Visitor};
use crate::db::Read;
use crate::domain::impersonations::{self, Terms};
use crate::domain::users;
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "users/impersonation.html")]
struct FormPage {
    frame: Frame,
    person: Person,
    /// As they were typed.
    reason: String,
    minutes: String,
    faults: Faults,
    back: String,
}

impl FormPage {
    fn is_chosen(&self, minutes: &u32) -> bool {
        self.minutes == minutes.to_string()
    }
}

#[handler]
pub async fn show_form(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    form_page(&visit, id, Form::default(), Faults::default(), StatusCode::OK).await
}

async fn form_page(visit: &Visit, id: i64, form: Form, faults: Faults, status: StatusCode) -> Result<Response> {
    let back = visit.at(&format!("users/{id}"));
    let page = move |r: &Read, frame| {
        impersonations::require_may(r, id)?;
        r.actor.ask_proof()?;
        let minutes = Some(form.text("minutes").to_owned()).filter(|minutes| !minutes.is_empty());
        Ok(FormPage {
            frame,
            person: Person::from(&users::find(r, id)?),
            reason: form.text("reason").to_owned(),
            minutes: minutes.unwrap_or_else(|| impersonations::USUAL.to_string()),
            faults,
            back,
        })
    };
    visit.page_with(status, Section::Users, page).await
}

#[handler]
pub async fn create(visit: Visit, jar: &CookieJar, Path(Id { id }): Path<Id>, form: Form) -> Result<Response> {
    let begun = match Terms::parse(form.text("reason"), form.text("minutes")) {
        Ok(terms) => visit.write(move |w| impersonations::create(w, id, &terms)).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(claims) => {
            jar.add(auth::acting_cookie(&visit.app, &visit.visitor, &claims)?);
            Ok(Redirect::see_other("/ui").into_response())
        }
        Err(error @ Error::Invalid(_)) => {
            let status = status_of(&error);
            form_page(&visit, id, form, Faults::in_form(error)?, status).await
        }
        Err(error) => Err(error),
    }
}

/// Stopping works when the time is over, too.
#[handler]
pub async fn delete(app: App, jar: &CookieJar, visitor: Visitor) -> Result<Response> {
    let acting = visitor.claims.clone();
    let whom = app.write(visitor.as_oneself().anywhere(), move |w| impersonations::delete(w, &acting)).await?;
    jar.add(auth::no_longer_acting_cookie(&app));
    Ok(match whom {
        Some((account, id)) => done(Said::NotActingNow, format_args!("/ui/accounts/{account}/users/{id}")),
        None => done(Said::NotActingNow, "/ui"),
    })
}

/// The answer to whoever still thinks they act as somebody else: never in their own name instead.
pub fn is_over(app: &App, safe: bool, request_id: String) -> poem::Result<Response> {
    let mut response = if safe {
        done(Said::NotActingNow, "/ui")
    } else {
        let message =
            "You don't act as somebody else any more: the time is over, or it was ended. Nothing was changed.";
        let error = Error::Conflict("not_acting", message.into());
        let server = app.config().server_name.clone();
        render(
            status_of(&error),
            &ErrorPage { server, error: &error, is_link: false, acting: None, request_id, again: None },
        )
    };
    let cookie = auth::no_longer_acting_cookie(app).to_string().parse().map_err(Error::internal)?;
    response.headers_mut().append(poem::http::header::SET_COOKIE, cookie);
    Ok(response)
}
