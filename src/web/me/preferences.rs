//! Changing one's own notification preferences.

use poem::{Response, handler};

use crate::domain::users;
use crate::error::Result;
use crate::web::form::Form;
use crate::web::users::grid;
use crate::web::visit::Visit;

#[handler]
pub async fn show_form(visit: Visit, query: poem::Result<poem::web::Query<grid::Scope>>) -> Result<Response> {
    let scope = query.map(|query| query.0).unwrap_or_default();
    grid::form_page(&visit, None, scope, users::me).await
}

#[handler]
pub async fn update(visit: Visit, form: Form) -> Result<Response> {
    grid::save(&visit, None, &form, users::me).await
}
