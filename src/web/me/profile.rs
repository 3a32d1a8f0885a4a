//! Changing one's own profile.

use poem::http::StatusCode;
use poem::{Response, handler};

use crate::domain::users;
use crate::error::Result;
use crate::web::form::{Faults, Form};
use crate::web::said::Said;
use crate::web::status_of;
use crate::web::users::edit::{Typed, own_page};
use crate::web::visit::{Visit, done};

#[handler]
pub async fn show_form(visit: Visit) -> Result<Response> {
    own_page(&visit, None, Faults::default(), StatusCode::OK).await
}

#[handler]
pub async fn update(visit: Visit, form: Form) -> Result<Response> {
    let typed = Typed::from_form(&form);
    let (patch, version) = (typed.patch(false), typed.version.clone());
    match visit.write(move |w| users::update(w, w.actor.require_user()?, &patch, Some(&version))).await {
        Ok(_) => Ok(done(Said::Saved, "/ui/me")),
        Err(error) => {
            let status = status_of(&error);
            own_page(&visit, Some(typed), Faults::in_form(error)?, status).await
        }
    }
}
