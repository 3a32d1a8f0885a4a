//! Changing one's own password, with the one before; who has none yet just sets one.

use askama::Template;
use poem::http::StatusCode;
use poem::{Response, handler};

use crate::domain::passwords;
use crate::error::{Error, Result};
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
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
    form_page(&visit, Faults::default(), StatusCode::OK).await
}

async fn form_page(visit: &Visit, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = move |r: &crate::db::Read, frame| {
        let is_set = passwords::is_set(r, r.actor.require_user()?)?;
        Ok(PasswordPage { frame, is_set, faults })
    };
    visit.page_with(status, Section::Me, page).await
}

#[handler]
pub async fn update(visit: Visit, form: Form) -> Result<Response> {
    match change(&visit, form.text("current").to_owned(), form.text("password").to_owned()).await {
        Ok(()) => Ok(done(Said::PasswordSet, "/ui/me")),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, Faults::in_form(error)?, status).await
        }
    }
}

async fn change(visit: &Visit, current: String, new: String) -> Result<()> {
    let own = |r: &crate::db::Read| passwords::find_by_email(r, r.actor.email.as_deref().unwrap_or_default());
    let known = visit.read(own).await?.map(|(_, hash)| hash);
    if let Some(hash) = known
        && !visit.app.verify_password(current, Some(hash)).await?
    {
        return Err(Error::invalid("current", "wrong_password", "This is not your password."));
    }
    passwords::check("password", &new).map_err(|problem| Error::Invalid(vec![problem]))?;
    let hash = visit.app.hash_password(new).await?;
    let keep = visit.visitor.claims.id.clone();
    visit.write(move |w| passwords::change(w, &hash, &keep)).await
}
