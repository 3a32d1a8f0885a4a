//! Changing one's own password, with the one before; who has none yet just sets one.

use askama::Template;
use poem::http::StatusCode;
use poem::web::cookie::CookieJar;
use poem::{Response, handler};

use crate::auth;
use crate::db::Read;
use crate::domain::passwords;
use crate::domain::tokens::Claims;
use crate::error::{Error, Problem, Result};
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::prove::require_password;
use crate::web::said::Said;
use crate::web::status_of;
use crate::web::visit::{Visit, done};

#[derive(Template)]
#[template(path = "me/password.html")]
struct PasswordPage {
    frame: Frame,
    is_set: bool,
    faults: Faults,
}

#[handler]
pub async fn show_form(visit: Visit) -> Result<Response> {
    let ask = |r: &Read| if passwords::own_hash(r)?.is_some() { Ok(()) } else { r.actor.ask_proof() };
    visit.read(ask).await?;
    form_page(&visit, Faults::default(), StatusCode::OK).await
}

async fn form_page(visit: &Visit, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = move |r: &Read, frame| {
        passwords::require_in_use(r)?;
        let is_set = passwords::is_set(r, r.actor.require_user()?)?;
        Ok(PasswordPage { frame, is_set, faults })
    };
    visit.page_with(status, Section::Me, page).await
}

#[handler]
pub async fn update(visit: Visit, jar: &CookieJar, form: Form) -> Result<Response> {
    match change(&visit, form.text("current"), form.text("password").to_owned()).await {
        Ok(session) => {
            jar.add(auth::session_cookie(&visit.app, &session)?);
            Ok(done(Said::PasswordSet, "/ui/me"))
        }
        Err(error) => {
            let status = status_of(&error);
            let faults = match Faults::of_a_try(&error) {
                Some(faults) if status == StatusCode::TOO_MANY_REQUESTS => faults,
                _ => Faults::in_form(error)?,
            };
            form_page(&visit, faults, status).await
        }
    }
}

async fn change(visit: &Visit, current: &str, new: String) -> Result<Claims> {
    let own = |r: &Read| {
        let is_set = passwords::own_hash(r)?.is_some();
        if !is_set {
            r.actor.require_proof()?;
        }
        let user_id = r.actor.require_user()?;
        Ok((is_set, passwords::words(r, user_id)?, user_id.to_string()))
    };
    let (is_set, words, whose) = visit.read(own).await?;
    let known = match is_set {
        true => Some(require_password(&visit.app, &visit.visitor, current).await.map_err(about_current)?),
        false => None,
    };
    let (hash, session) = (visit.app.choose_password(&whose, new, words).await?, visit.visitor.claims.clone());
    visit.write(move |w| passwords::change(w, known.as_deref(), &hash, &session)).await
}

/// What was wrong with the password until now is said beside that field.
fn about_current(error: Error) -> Error {
    match error {
        Error::Invalid(problems) => {
            let about = |problem: Problem| Problem { field: "current".into(), ..problem };
            Error::Invalid(problems.into_iter().map(about).collect())
        }
        error => error,
    }
}
