//! Changing a profile: somebody's, or one's own. Whoever was slower is told, and keeps what they typed.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use poem_openapi::types::MaybeUndefined;

use super::show::Id;
use crate::db::Read;
use crate::domain::fields::EmailText;
use crate::domain::permissions::Permission;
use crate::domain::users::{self, ProfilePatch, User};
use crate::error::Result;
use crate::web::form::{Faults, Form};
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::said::Said;
use crate::web::status_of;
use crate::web::visit::{Visit, done};

#[derive(Template)]
#[template(path = "users/edit.html")]
struct EditPage {
    frame: Frame,
    user: User,
    person: Person,
    typed: Typed,
    /// Whether the e-mail can be changed here.
    email_too: bool,
    /// Where it leads when it is done, or given up.
    back: String,
    faults: Faults,
}

/// What was typed, and the version of the profile it was typed over.
#[derive(Clone)]
pub struct Typed {
    email: String,
    name: String,
    phone: String,
    img_src: String,
    pub version: String,
}

impl Typed {
    pub fn from_form(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            email: text("email"),
            name: text("name"),
            phone: text("phone"),
            img_src: text("imgSrc"),
            version: text("version"),
        }
    }

    fn of(user: &User) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            email: user.email.0.clone(),
            name: text(&user.name),
            phone: text(&user.phone),
            img_src: text(&user.img_src),
            version: user.etag(),
        }
    }

    pub fn patch(&self, email_too: bool) -> ProfilePatch {
        ProfilePatch {
            email: email_too.then(|| EmailText(self.email.clone())),
            name: MaybeUndefined::Value(self.name.clone()),
            phone: MaybeUndefined::Value(self.phone.clone()),
            img_src: MaybeUndefined::Value(self.img_src.clone()),
        }
    }
}

impl EditPage {
    fn load(frame: Frame, user: User, typed: Option<Typed>, email_too: bool, back: String, faults: Faults) -> Self {
        // After a refusal the form is about what is true now: sending it again is a decision.
        let current = Typed::of(&user);
        let typed = typed.map_or(current.clone(), |typed| Typed { version: current.version, ..typed });
        Self { frame, person: Person::from(&user), user, typed, email_too, back, faults }
    }
}

/// The form for one's own profile.
pub async fn own_page(visit: &Visit, typed: Option<Typed>, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = |r: &Read, frame| Ok(EditPage::load(frame, users::me(r)?, typed, false, "/ui/me".into(), faults));
    visit.page_with(status, Section::Me, page).await
}

#[handler]
pub async fn show_form(visit: Visit, Path(Id { id }): Path<Id>) -> Result<Response> {
    form_page(&visit, id, None, Faults::default(), StatusCode::OK).await
}

async fn form_page(
    visit: &Visit,
    id: i64,
    typed: Option<Typed>,
    faults: Faults,
    status: StatusCode,
) -> Result<Response> {
    let back = visit.at(&format!("users/{id}"));
    let page = move |r: &Read, frame| {
        r.actor.require(Permission::UsersUpdate)?;
        if r.actor.is(id) && typed.is_none() {
            r.actor.ask_proof()?;
        }
        Ok(EditPage::load(frame, users::find(r, id)?, typed, true, back, faults))
    };
    visit.page_with(status, Section::Users, page).await
}

#[handler]
pub async fn update(visit: Visit, Path(Id { id }): Path<Id>, form: Form) -> Result<Response> {
    let typed = Typed::from_form(&form);
    let (patch, version) = (typed.patch(true), typed.version.clone());
    match visit.write(move |w| users::update(w, id, &patch, Some(&version))).await {
        Ok(_) => Ok(done(Said::Saved, visit.at(&format!("users/{id}")))),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, id, Some(typed), Faults::in_form(error)?, status).await
        }
    }
}
