//! From a request to who is calling: the bearer token or the session cookie, and the check that a form was sent from
//! our own pages. Whether a token is still honoured is decided inside the transaction (`domain::tokens::identify`).

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use poem::error::ReadBodyError;
use poem::http::header;
use poem::web::cookie::{Cookie, SameSite};
use poem::{FromRequest, Request, RequestBody};

use crate::app::App;
use crate::domain::actor::Trace;
use crate::domain::fields::AccountId;
use crate::domain::tokens::{Caller, Claims, Kind};
use crate::error::{Error, Result};
use crate::limits::Room;

/// Kinds of token a program may send as `Authorization: Bearer`.
const BEARER: &[Kind] = &[Kind::ApiKey, Kind::Invitation];

/// The application, in a handler's arguments.
impl<'a> FromRequest<'a> for App {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(request.data::<App>().cloned().ok_or_else(|| Error::internal("a route without its application"))?)
    }
}

/// Who sent a request. [`crate::server`] puts it there before anything else looks.
#[derive(Default)]
pub struct Sender {
    pub trace: Trace,
    pub client: Client,
    /// What their token may still do, once that was counted.
    left: OnceLock<Room>,
}

/// How whoever sent a request reaches us, once proxies were asked.
#[derive(Clone, Copy, Default)]
pub struct Client {
    pub address: Option<IpAddr>,
    /// Whether they speak https with us, or with the proxy before us.
    pub https: bool,
}

impl Sender {
    pub fn new(trace: Trace, client: Client) -> Self {
        Self { trace, client, left: OnceLock::new() }
    }

    /// What their token may still do, if it was counted.
    pub fn left_for_token(&self) -> Option<Room> {
        self.left.get().copied()
    }

    fn of(request: &Request) -> Option<&Self> {
        request.data::<Arc<Self>>().map(Arc::as_ref)
    }
}

/// Where this request came from.
pub fn trace(request: &Request) -> Trace {
    Sender::of(request).map(|sender| sender.trace.clone()).unwrap_or_default()
}

/// The id of this request.
pub fn request_id(request: &Request) -> String {
    Sender::of(request).map(|sender| sender.trace.request_id.clone()).unwrap_or_default()
}

/// The caller that a bearer token names.
pub fn bearer(request: &Request, token: &str) -> Result<Caller> {
    let app: &App = request.data().ok_or_else(|| Error::internal("a route without its application"))?;
    let claims = app.open_token(token)?;
    if !BEARER.contains(&claims.kind) {
        let message = "This token signs in a browser; it cannot be sent as a bearer token.";
        return Err(Error::Unauthenticated("token_invalid", message.into()));
    }
    count(app, request, &claims)?;
    Ok(Caller { claims: Some(claims), trace: trace(request), ..Caller::default() })
}

/// Counts a request for its token, and notes what is left for the headers of the answer.
fn count(app: &App, request: &Request, claims: &Claims) -> Result<()> {
    let Some(limits) = app.limits() else { return Ok(()) };
    let counted = limits.tokens.check(&claims.id);
    if let Some(sender) = Sender::of(request) {
        sender.left.get_or_init(|| counted.as_ref().map_or_else(|_| limits.tokens.used_up(), |room| *room));
    }
    counted.map(drop)
}

/// Whether whoever sent a request speaks https.
pub fn is_https(app: &App, request: &Request) -> bool {
    app.is_https() || sent_by_https(request)
}

fn sent_by_https(request: &Request) -> bool {
    Sender::of(request).is_some_and(|sender| sender.client.https)
}

/// That a body could not be read because we stopped listening to it.
pub fn unread(error: &ReadBodyError) -> Option<Error> {
    let ReadBodyError::Io(error) = error else { return None };
    Some(match error.get_ref()?.downcast_ref::<Unread>()? {
        Unread::TooSlow(seconds) => Error::TooSlow(*seconds),
        Unread::NoRoom => Error::Overloaded(2),
    })
}

/// Why a body was not listened to any longer.
#[derive(Debug)]
pub enum Unread {
    /// It took more than so many seconds to arrive.
    TooSlow(u64),
    /// The bodies of others take all the room there is.
    NoRoom,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooSlow(seconds) => write!(f, "the body took more than {seconds} seconds"),
            Self::NoRoom => f.write_str("there is no room for the body at the moment"),
        }
    }
}

impl std::error::Error for Unread {}

/// Somebody who is signed in with a browser, in a page handler's arguments.
pub struct Visitor {
    pub claims: Claims,
    /// Their own session, while they act as somebody else.
    own: Option<Claims>,
    trace: Trace,
}

impl Visitor {
    /// The same browser, as whom it is signed in, whomever they act as.
    pub fn as_oneself(&self) -> Self {
        Self { claims: self.own.clone().unwrap_or_else(|| self.claims.clone()), own: None, trace: self.trace.clone() }
    }

    /// Who visits, if anybody does.
    pub fn of(request: &Request) -> Option<Self> {
        let (claims, own) = match SignedIn::of(request) {
            SignedIn::No => return None,
            SignedIn::AsOneself(own) | SignedIn::BesideAnother(own) => (own, None),
            SignedIn::Acting { own, whom } => (whom, Some(own)),
        };
        Some(Self { claims, own, trace: trace(request) })
    }

    /// As a caller who acts in no account in particular.
    pub fn anywhere(&self) -> Caller {
        Caller { claims: Some(self.claims.clone()), trace: self.trace.clone(), ..Caller::default() }
    }

    /// As a caller who may do nothing but set the password or the passkey that they are asked for, or leave.
    pub fn to_complete(&self) -> Caller {
        Caller { to_complete: true, ..self.anywhere() }
    }

    /// What their browser says it is.
    pub fn device(&self) -> &str {
        self.trace.device.as_deref().unwrap_or_default()
    }

    /// As a caller inside one account.
    pub fn within(&self, account: AccountId) -> Caller {
        Caller { account: Some(account), ..self.anywhere() }
    }
}

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let signed_out = || Error::Unauthenticated("token_missing", "You are signed out. Sign in to go on.".into());
        Ok(Self::of(request).ok_or_else(signed_out)?)
    }
}

/// As whom a browser is signed in, as its cookies say. They are opened once for each request, by [`SignedIn::note`].
#[derive(Clone, Debug, Default)]
pub enum SignedIn {
    #[default]
    No,
    AsOneself(Claims),
    /// As somebody else, beside one's own session.
    Acting {
        own: Claims,
        whom: Claims,
    },
    /// As oneself, beside a cookie to act as somebody else that was made for another session: somebody signed in anew
    /// meanwhile. What the browser sends was meant in that other name, and must not be done in its own.
    BesideAnother(Claims),
}

impl SignedIn {
    /// Moves it from the request's cookies to its data, where handlers find it.
    pub fn note(app: &App, request: &mut Request) -> Self {
        let signed_in = match session(app, request) {
            None => Self::No,
            Some(own) if request.cookie().get(&cookie_name(app, ACTING)).is_none() => Self::AsOneself(own),
            Some(own) => match acting(app, request, &own) {
                Some(whom) => Self::Acting { own, whom },
                None => Self::BesideAnother(own),
            },
        };
        request.set_data(signed_in.clone());
        signed_in
    }

    fn of(request: &Request) -> Self {
        request.data().cloned().unwrap_or_default()
    }

    /// The browser's own session, whomever it acts as.
    fn own(self) -> Option<Claims> {
        match self {
            Self::No => None,
            Self::AsOneself(own) | Self::BesideAnother(own) | Self::Acting { own, .. } => Some(own),
        }
    }
}

/// The session that a browser's cookie names.
fn session(app: &App, request: &Request) -> Option<Claims> {
    let cookie = request.cookie().get(&cookie_name(app, SESSION))?;
    app.open_token(cookie.value_str()).ok().filter(|claims| claims.kind == Kind::Session)
}

/// The session as somebody else that a browser has besides its own. It is sealed for that one: without it, or beside
/// another one, it opens nothing.
fn acting(app: &App, request: &Request, own: &Claims) -> Option<Claims> {
    let cookie = request.cookie().get(&cookie_name(app, ACTING))?;
    app.keys().open_value(&acting_purpose(own), cookie.value_str())
}

fn acting_purpose(own: &Claims) -> String {
    format!("rollcall: acting as somebody else, beside the session {}", own.id)
}

/// Somebody who isn't signed in, or who isn't asked: the caller of the sign-in pages. Signing in there ends the session
/// that the browser had, whosever it was.
pub struct Stranger(pub Caller);

impl<'a> FromRequest<'a> for Stranger {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(Caller { trace: trace(request), former: SignedIn::of(request).own(), ..Caller::default() }))
    }
}

/// The cookie that keeps a browser signed in.
pub fn session_cookie(app: &App, session: &Claims) -> Result<Cookie> {
    let mut cookie = cookie(app, SESSION, &app.seal(session)?);
    cookie.set_max_age(app.config().session_lifetime);
    Ok(cookie)
}

/// The cookie that makes a browser forget its session.
pub fn no_session_cookie(app: &App) -> Cookie {
    no_cookie(app, SESSION)
}

/// The cookie of somebody who acts as somebody else. It stays until the browser is closed and not until its time is over:
/// a form that was opened as one person and sent when that is over is refused, and not sent as another one.
pub fn acting_cookie(app: &App, visitor: &Visitor, claims: &Claims) -> Result<Cookie> {
    Ok(cookie(app, ACTING, &app.keys().seal_value(&acting_purpose(&visitor.as_oneself().claims), claims)?))
}

/// The cookie that makes a browser forget whom it acted as.
pub fn no_longer_acting_cookie(app: &App) -> Cookie {
    no_cookie(app, ACTING)
}

/// What the cookies are called, after "rollcall-": the session, and whom it acts as.
const SESSION: &str = "";
const ACTING: &str = "as-";

/// A cookie for all of this server and for nobody else: not for scripts, nor for forms of other sites.
pub fn cookie(app: &App, what: &str, value: &str) -> Cookie {
    let mut cookie = Cookie::new_with_str(cookie_name(app, what), value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(app.is_https());
    cookie
}

/// The same, for a browser to forget it.
pub fn no_cookie(app: &App, what: &str) -> Cookie {
    let mut cookie = cookie(app, what, "");
    cookie.make_removal();
    cookie
}

/// Under https a browser enforces what the prefix promises (RFC 6265bis). The name holds the port, because cookies don't
/// tell two servers on one machine apart by it.
pub fn cookie_name(app: &App, what: &str) -> String {
    format!("{}rollcall-{what}{}", if app.is_https() { "__Host-" } else { "" }, app.port())
}

/// Whether an unsafe request comes from our own pages, or from something that isn't a browser at all.
///
/// Browsers say so in `Sec-Fetch-Site`; over plain HTTP, and older ones, in `Origin` alone. Who sends both has to say it in
/// both, but for `Origin: null`, which is what our own forms send to be told to nobody.
///
/// The API is not asked this: nothing is done there for a cookie, and no browser sends a bearer token to another site
/// unless that site gave it one, and then only after asking us (CORS), which we never allow.
pub fn same_site(app: &App, request: &Request) -> bool {
    if request.method().is_safe() {
        return true;
    }
    let site = request.header("sec-fetch-site").map(|site| matches!(site, "same-origin" | "none"));
    match request.header(header::ORIGIN) {
        None => site.unwrap_or(true) && !request.headers().contains_key(header::ORIGIN),
        Some("null") => site == Some(true),
        Some(origin) => site != Some(false) && is_ours(app, request, origin),
    }
}

/// Whether an origin is the address that people reach the server at, or names the host that the request was sent to. Who
/// is known to speak https has pages of https only; who seems not to may be behind a proxy that we know nothing of.
fn is_ours(app: &App, request: &Request, origin: &str) -> bool {
    let speaks_https = app.speaks_tls() || sent_by_https(request);
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://").filter(|_| !speaks_https));
    host.is_some() && host == request.header(header::HOST) || origin == app.public_url()
}
