//! From a request to who is calling: the bearer token or the session cookie, and the check that a form was sent from
//! our own pages. Whether a token is still honoured is decided inside the transaction (`domain::tokens::identify`).

use poem::http::{HeaderMap, Method, header};
use poem::{FromRequest, Request, RequestBody};

use crate::app::App;
use crate::domain::actor::Trace;
use crate::domain::tokens::{Caller, Claims, Kind};
use crate::error::{Error, Result};

/// Kinds of token a program may send as `Authorization: Bearer`.
const BEARER: &[Kind] = &[Kind::ApiKey, Kind::Invitation];

/// The application, in a handler's arguments.
impl<'a> FromRequest<'a> for App {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(request.data::<App>().cloned().ok_or_else(|| Error::internal("a route without its application"))?)
    }
}

/// Where this request came from. [`crate::server`] puts it there before anything else looks.
pub fn trace(request: &Request) -> Trace {
    request.data::<Trace>().cloned().unwrap_or_default()
}

/// The caller that a bearer token names.
pub fn bearer(request: &Request, token: &str) -> Result<Caller> {
    let app: &App = request.data().ok_or_else(|| Error::internal("a route without its application"))?;
    let claims = app.open_token(token)?;
    if !BEARER.contains(&claims.kind) {
        let message = "This token signs in a browser; it cannot be sent as a bearer token.";
        return Err(Error::Unauthenticated("token_invalid", message.into()));
    }
    Ok(Caller { claims: Some(claims), account: None, trace: trace(request) })
}

/// The name of the session cookie; under https a browser enforces what its prefix promises (RFC 6265bis).
pub fn cookie_name(app: &App) -> &'static str {
    if app.is_https() { "__Host-rollcall" } else { "rollcall" }
}

/// The claims of the session cookie, if there is one that this server sealed.
pub fn session(request: &Request, app: &App) -> Option<Claims> {
    let token = request.cookie().get(cookie_name(app))?.value_str().to_owned();
    app.open_token(&token).ok().filter(|claims| claims.kind == Kind::Session)
}

/// Whether an unsafe request comes from our own pages, or from something that isn't a browser at all.
///
/// Browsers say so in `Sec-Fetch-Site`; older ones in `Origin`, which must then name the host the request was sent to.
pub fn same_site(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match text(header::ORIGIN) {
        None => true,
        Some(origin) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }
    }
}
