//! Setting the server up, from the link it prints while nobody is there.

use askama::Template;
use poem::http::StatusCode;
use poem::web::cookie::CookieJar;
use poem::web::{Path, Redirect};
use poem::{IntoResponse, Response, handler};

use super::form::{Faults, Form};
use super::render;
use super::said::Said;
use crate::app::App;
use crate::auth::{self, Stranger};
use crate::domain::setup::{self, FirstOwner};
use crate::domain::tokens::Kind;
use crate::error::Result;

#[derive(Default, Template)]
#[template(path = "session/set_up.html")]
struct SetUpPage {
    server: String,
    new: FirstOwner,
    faults: Faults,
}

#[handler]
pub async fn show_form(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let link = app.open_token(&token)?.of_kind(Kind::SetUpLink)?;
    app.read(stranger.0, move |r| setup::require_link(r, &link)).await?;
    Ok(render(StatusCode::OK, &SetUpPage { server: app.config().server_name.clone(), ..SetUpPage::default() }))
}

#[handler]
pub async fn create(
    app: App,
    stranger: Stranger,
    jar: &CookieJar,
    Path(token): Path<String>,
    form: Form,
) -> Result<Response> {
    let link = app.open_token(&token)?.of_kind(Kind::SetUpLink)?;
    let mut new = FirstOwner {
        email: form.text("email").into(),
        name: form.text("name").into(),
        account_name: form.text("accountName").into(),
        ..FirstOwner::default()
    };
    let password = form.text("password").to_owned();
    if let Err(error) = setup::check(&new, &password) {
        let faults = Faults::in_form(error)?;
        return Ok(render(
            StatusCode::BAD_REQUEST,
            &SetUpPage { server: app.config().server_name.clone(), new, faults },
        ));
    }
    let checked = link.clone();
    app.read(stranger.0.clone(), move |r| setup::require_link(r, &checked)).await?;
    new.password_hash = Some(app.hash_password(password).await?);
    let session = app.write(stranger.0, move |w| setup::create_from_link(w, &link, new)).await?;
    jar.add(auth::session_cookie(&app, &session)?);
    jar.add(Said::SetUp.cookie());
    Ok(Redirect::see_other("/ui").into_response())
}
