//! Adding a person: the form, and the page that says they can sign in now.

use askama::Template;
use poem::http::{StatusCode, header};
use poem::web::Path;
use poem::{Request, Response, handler};

use crate::app::App;
use crate::auth::Visitor;
use crate::domain::fields::{AccountId, EmailText};
use crate::domain::permissions::Permission;
use crate::domain::preferences::Delivery;
use crate::domain::pulse::Group;
use crate::domain::users::{self, NewUser, User};
use crate::error::Result;
use crate::web::form::{Faults, Form};
use crate::web::frame::Frame;
use crate::web::person::Person;
use crate::web::preferences::{Grid, PRESETS};
use crate::web::{origin, render, status_of};

#[derive(Template)]
#[template(path = "users/new.html")]
struct NewPage {
    frame: Frame,
    typed: Typed,
    grid: Grid,
    faults: Faults,
}

/// What was typed, kept as it was.
#[derive(Default)]
struct Typed {
    email: String,
    name: String,
    phone: String,
    img_src: String,
    suspended: bool,
    /// Whether the preferences were in use when the form was sent.
    in_grid: bool,
}

impl Typed {
    fn from_form(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            email: text("email"),
            name: text("name"),
            phone: text("phone"),
            img_src: text("imgSrc"),
            suspended: form.text("active") == "false",
            in_grid: false,
        }
    }

    fn new_user(&self, grid: &Grid, account: &AccountId) -> NewUser {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        NewUser {
            email: EmailText(self.email.clone()),
            name: given(&self.name),
            phone: given(&self.phone),
            img_src: given(&self.img_src),
            active: Some(!self.suspended),
            notification_preferences: Some(grid.preferences(account)),
            ..NewUser::default()
        }
    }
}

impl NewPage {
    /// Whether the details are unfolded: something in them was typed or is wrong.
    fn details_open(&self) -> bool {
        let Typed { name, phone, img_src, suspended, .. } = &self.typed;
        *suspended
            || [name, phone, img_src].iter().any(|text| !text.is_empty())
            || ["name", "phone", "imgSrc"].iter().any(|field| self.faults.at(field).is_some())
    }

    fn anything_found(&self) -> bool {
        Group::ALL.iter().any(|group| self.grid.found(group) > 0)
    }

    fn grid_open(&self) -> bool {
        self.typed.in_grid || self.faults.iter().any(|fault| fault.anchor() == "notificationPreferences")
    }
}

#[handler]
pub async fn show_form(app: App, visitor: Visitor, Path(account): Path<AccountId>) -> Result<Response> {
    form_page(&app, &visitor, account, Typed::default(), Grid::default(), Faults::default(), StatusCode::OK).await
}

/// The form, for somebody who may send it.
async fn form_page(
    app: &App,
    visitor: &Visitor,
    account: AccountId,
    typed: Typed,
    grid: Grid,
    faults: Faults,
    status: StatusCode,
) -> Result<Response> {
    let server = app.config().name.clone();
    let load = move |r: &crate::db::Read| {
        r.actor.require(Permission::UsersCreate)?;
        Frame::load(r, &server, None)
    };
    let frame = app.read(visitor.within(account), load).await?;
    Ok(render(status, &NewPage { frame, typed, grid, faults }))
}

#[derive(Template)]
#[template(path = "users/created.html")]
struct CreatedPage {
    frame: Frame,
    user: User,
    person: Person,
    /// The link to their welcome page, and until when it works; none for somebody of another account.
    link: Option<(String, String)>,
}

#[handler]
pub async fn create(
    app: App,
    visitor: Visitor,
    Path(account): Path<AccountId>,
    form: Form,
    request: &Request,
) -> Result<Response> {
    let (mut typed, mut grid) = (Typed::from_form(&form), Grid::from_form(&form));
    if grid.apply(form.text("do")) {
        typed.in_grid = true;
        return form_page(&app, &visitor, account, typed, grid, Faults::default(), StatusCode::OK).await;
    }
    let (server, new) = (app.config().name.clone(), typed.new_user(&grid, &account));
    let created = app
        .write(visitor.within(account.clone()), move |w| {
            let (user, invitation) = users::create(w, new)?;
            Ok((user, invitation, Frame::load(w, &server, None)?))
        })
        .await;
    let (user, invitation, frame) = match created {
        Ok(created) => created,
        Err(error) => {
            let status = status_of(&error);
            return form_page(&app, &visitor, account, typed, grid, Faults::in_form(error)?, status).await;
        }
    };
    let origin = origin(request, &app);
    let token = invitation.as_ref().map(|claims| app.seal(claims)).transpose()?;
    let until = invitation.map(|claims| claims.expires_at.minute());
    let link = token.map(|token| format!("{origin}/ui/welcome/{token}")).zip(until);
    let location = format!("/ui/accounts/{account}/users/{}", user.id);
    let mut response = render(StatusCode::CREATED, &CreatedPage { frame, person: Person::from(&user), user, link });
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}
