//! The account's own page, deleting it, and for owners the list of all accounts.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};
use serde::Deserialize;

use super::confirm::ConfirmPage;
use super::form::{Faults, Form};
use super::frame::{Frame, Section};
use super::said::Said;
use super::status_of;
use super::visit::{Visit, done};
use crate::domain::accounts::{self, Account, AccountPatch, NewAccount};
use crate::domain::fields::AccountId;
use crate::domain::permissions::Permission;
use crate::error::Result;

#[derive(Template)]
#[template(path = "accounts/form.html")]
struct FormPage {
    frame: Frame,
    account: Account,
    typed: String,
    faults: Faults,
}

#[handler]
pub async fn show_form(visit: Visit) -> Result<Response> {
    form_page(&visit, None, Faults::default(), StatusCode::OK).await
}

async fn form_page(visit: &Visit, typed: Option<String>, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = move |r: &crate::db::Read, frame| {
        let account = accounts::find(r)?;
        Ok(FormPage { frame, typed: typed.unwrap_or_else(|| account.name.clone()), account, faults })
    };
    visit.page_with(status, Section::Account, page).await
}

#[handler]
pub async fn rename(visit: Visit, form: Form) -> Result<Response> {
    let name = form.text("name").to_owned();
    let patch = AccountPatch { name: name.clone() };
    match visit.write(move |w| accounts::rename(w, &patch)).await {
        Ok(_) => Ok(done(Said::Saved, visit.at("account"))),
        Err(error) => {
            let status = status_of(&error);
            form_page(&visit, Some(name), Faults::in_form(error)?, status).await
        }
    }
}

#[handler]
pub async fn ask(visit: Visit) -> Result<Response> {
    confirm_page(&visit, String::new(), Faults::default(), StatusCode::OK).await
}

async fn confirm_page(visit: &Visit, last: String, faults: Faults, status: StatusCode) -> Result<Response> {
    let back = visit.at("account");
    let page = move |r: &crate::db::Read, frame| {
        r.actor.require(Permission::AccountDelete)?;
        let name = accounts::find(r)?.name;
        let sentences = vec![
            "Nobody can open it any more, its API keys end at once, and people who are in no other account can't sign in."
                .to_owned(),
            "For 30 days an owner can bring it back, with the people who were in it: under Account, at the end of the page. \
             After that they are deleted for good."
                .to_owned(),
        ];
        let title = format!("Delete the account {name}?");
        let typed = Some((name, last, faults));
        Ok(ConfirmPage { frame, title, sentences, button: "Delete account", grave: true, typed, back })
    };
    visit.page_with(status, Section::Account, page).await
}

#[handler]
pub async fn delete(visit: Visit, form: Form) -> Result<Response> {
    let confirm = form.text("confirm").to_owned();
    let name = confirm.clone();
    match visit.write(move |w| accounts::delete(w, &confirm)).await {
        Ok(()) => Ok(done(Said::AccountDeleted { name }, "/ui/me")),
        Err(error) => {
            let status = status_of(&error);
            confirm_page(&visit, name, Faults::in_form(error)?, status).await
        }
    }
}

#[derive(Template)]
#[template(path = "accounts/list.html")]
struct ListPage {
    frame: Frame,
    /// The deleted ones, which an owner can bring back.
    removed: Vec<Account>,
    name: String,
    id: String,
    faults: Faults,
}

#[handler]
pub async fn list(visit: Visit) -> Result<Response> {
    list_page(&visit, String::new(), String::new(), Faults::default(), StatusCode::OK).await
}

async fn list_page(visit: &Visit, name: String, id: String, faults: Faults, status: StatusCode) -> Result<Response> {
    let page = move |r: &crate::db::Read, frame: Frame| {
        let removed = if frame.owner { accounts::list_removed(r)? } else { Vec::new() };
        Ok(ListPage { frame, removed, name, id, faults })
    };
    visit.page_with(status, Section::Me, page).await
}

#[derive(Deserialize)]
pub struct Id {
    id: AccountId,
}

#[handler]
pub async fn restore(visit: Visit, Path(Id { id }): Path<Id>, _form: Form) -> Result<Response> {
    let Account { name, .. } = visit.write(move |w| accounts::restore(w, &id)).await?;
    Ok(done(Said::AccountRestored { name }, "/ui/accounts"))
}

#[handler]
pub async fn create(visit: Visit, form: Form) -> Result<Response> {
    let (name, id) = (form.text("name").to_owned(), form.text("id").trim().to_owned());
    let parsed = match id.as_str() {
        "" => Ok(None),
        id => AccountId::parse("id", id).map(Some).map_err(|problem| crate::Error::Invalid(vec![problem])),
    };
    let made = match parsed {
        Ok(id) => {
            let new = NewAccount { id, name: name.clone() };
            visit.write(move |w| accounts::create_as_owner(w, new)).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(account) => Ok(done(Said::AccountMade, format!("/ui/accounts/{}/users", account.id))),
        Err(error) => {
            let status = status_of(&error);
            list_page(&visit, name, id, Faults::in_form(error)?, status).await
        }
    }
}
