//! What is shown only once, such as a secret that was just made. It travels to the page that shows it in a sealed cookie, which
//! ends with that page: to load it again, or to go back to it, makes nothing anew.

use poem::web::Redirect;
use poem::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::visit::Visit;
use crate::auth;
use crate::error::Result;

/// What its cookie is called.
const NAME: &str = "once-";

impl Visit {
    /// On to the page that shows it.
    pub fn show_once(&self, what: &impl Serialize, address: &str) -> Result<Response> {
        let sealed = self.app.keys().seal_value(&self.purpose(address), what)?;
        self.jar.add(auth::cookie(&self.app, NAME, &sealed));
        Ok(Redirect::see_other(address).into_response())
    }

    /// What the page at this address is to show, if it wasn't shown yet.
    pub fn to_show<T: DeserializeOwned>(&self, address: &str) -> Option<T> {
        let cookie = self.jar.get(&auth::cookie_name(&self.app, NAME))?;
        self.app.keys().open_value(&self.purpose(address), cookie.value_str())
    }

    /// Away from a page that has nothing to show, for who is in its account.
    pub async fn was_shown(&self, address: &str) -> Result<Response> {
        self.read(|r| r.actor.require_account().map(drop)).await?;
        Ok(Redirect::see_other(address).into_response())
    }

    /// The page that has shown it.
    pub fn shown(&self, page: Response) -> Response {
        self.jar.add(auth::no_cookie(&self.app, NAME));
        page
    }

    /// Nobody else who signs in with that browser sees it.
    fn purpose(&self, address: &str) -> String {
        format!("rollcall: shown once at {address}, to the session {}", self.visitor.claims.id)
    }
}
