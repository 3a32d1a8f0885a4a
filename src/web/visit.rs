//! A request for a page by somebody who is signed in: who, in which account, and the ways to answer them.

use askama::Template;
use poem::http::StatusCode;
use poem::web::Redirect;
use poem::web::cookie::CookieJar;
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};

use super::frame::{Frame, Section};
use super::said::Said;
use super::{origin, render};
use crate::app::App;
use crate::auth::Visitor;
use crate::db::{Read, Write};
use crate::domain::fields::AccountId;
use crate::domain::tokens::Caller;
use crate::error::{Error, Result};

pub struct Visit {
    pub app: App,
    pub visitor: Visitor,
    /// The account in the page's address; none on one's own page.
    account: Option<AccountId>,
    said: Option<Said>,
    pub(super) jar: CookieJar,
    /// The server's address as the visitor knows it.
    pub origin: String,
}

impl<'a> FromRequest<'a> for Visit {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let app = App::from_request(request, body).await?;
        let visitor = Visitor::from_request(request, body).await?;
        let account = match request.raw_path_param("account") {
            Some(account) => Some(AccountId::parse("account", account).map_err(|_| nowhere())?),
            None => None,
        };
        let (origin, jar) = (origin(request, &app), request.cookie().clone());
        Ok(Self { app, visitor, account, said: Said::of(request), jar, origin })
    }
}

fn nowhere() -> Error {
    Error::not_found("There is no page at this address.")
}

impl Visit {
    fn caller(&self) -> Caller {
        match &self.account {
            Some(account) => self.visitor.within(account.clone()),
            None => self.visitor.anywhere(),
        }
    }

    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Read) -> Result<T> + Send + 'static,
    {
        self.app.read(self.caller(), f).await
    }

    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write) -> Result<T> + Clone + Send + 'static,
    {
        self.app.write(self.caller(), f).await
    }

    /// A page made from one moment of the database.
    pub async fn page<P, F>(&self, section: Section, f: F) -> Result<Response>
    where
        P: Template + Send + 'static,
        F: FnOnce(&Read, Frame) -> Result<P> + Send + 'static,
    {
        self.page_with(StatusCode::OK, section, f).await
    }

    pub async fn page_with<P, F>(&self, status: StatusCode, section: Section, f: F) -> Result<Response>
    where
        P: Template + Send + 'static,
        F: FnOnce(&Read, Frame) -> Result<P> + Send + 'static,
    {
        let (server, said) = (self.app.config().server_name.clone(), self.said.clone());
        let page = self.read(move |r| f(r, Frame::load(r, &server, section, said)?)).await?;
        Ok(render(status, &page))
    }

    /// The browser and the system, as far as it says; empty if it doesn't.
    pub fn device(&self) -> String {
        super::agent::name(self.visitor.device()).unwrap_or_default()
    }

    /// The account in the page's address.
    pub fn account_id(&self) -> Result<&AccountId> {
        self.account.as_ref().ok_or_else(|| Error::internal("a page of no account"))
    }

    /// The address of a page of the account.
    pub fn at(&self, rest: &str) -> String {
        match &self.account {
            Some(account) => format!("/ui/accounts/{account}/{rest}"),
            None => format!("/ui/{rest}"),
        }
    }
}

/// On to another page, where it is said what was achieved.
pub fn done(said: Said, address: impl std::fmt::Display) -> Response {
    said.after(Redirect::see_other(address).into_response())
}
