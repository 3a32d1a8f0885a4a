//! Something that was just achieved, said once on the next page. It travels in a cookie, sealed, so that nobody else can have
//! anything said.

use poem::http::header;
use poem::{Request, Response};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth;

/// What its cookie is called, and sealed for.
const NAME: &str = "said-";
const PURPOSE: &str = "rollcall: what was just achieved";

macro_rules! said {
    ($($variant:ident $({ $($field:ident: $type:ty),* })? $sentence:literal)*) => {
        /// What was achieved; and to whom or what, if that isn't on the page that says it.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Said { $($variant $({ $($field: $type),* })?),* }

        impl Said {
            #[expect(unused_variables, reason = "not all that is known is said")]
            pub fn sentence(&self) -> String {
                match self { $(Self::$variant $({ $($field),* })? => format!($sentence)),* }
            }
        }
    };
}

said! {
    SetUp            "Everything is set up, and you are the owner. Add the first person when you like."
    PasswordSet      "Your password is set, and you are signed in."
    SignedOut        "You are signed out."
    Saved            "Saved."
    NothingChanged   "Nothing was changed."
    Suspended        "They are suspended, and signed out everywhere."
    Activated        "They are active again."
    Removed { id: i64, whom: String } "{whom} was taken out of the account. For 30 days they can be put back."
    Withdrawn { whom: String } "The invitation of {whom} was withdrawn."
    Restored         "They are back, with their team, roles and permissions."
    MadeOwner        "They own this server now, as you do."
    NoLongerOwner    "They are no owner any more."
    Moved { whom: String } "{whom} was moved to the other account."
    NotActingNow     "You are yourself again."
    PasskeyAdded     "The passkey is ready. You can sign in with it from now on."
    PasskeyDeleted   "The passkey was deleted. It signs nobody in any more."
    SessionEnded     "The session has ended."
    SessionsEnded    "All of those sessions have ended."
    PasswordAsked    "They are signed out, and choose a new password when they sign in next."
    PasswordKept     "They may keep the password they have."
    TeamMade { name: String } "The team {name} was made."
    TeamDeleted { name: String } "The team {name} was deleted. Its members stay in the account."
    RoleMade { name: String } "The role {name} was made."
    RoleDeleted { name: String } "The role {name} was deleted."
    KeyRevoked { name: String } "The key {name} was revoked. It stopped working at once."
    AccountMade      "The account was made."
    AccountRestored { name: String } "The account {name} is back, with the people who were in it."
    AccountDeleted { name: String } "The account {name} was deleted. For 30 days an owner can bring it back."
    Accepted { name: String } "You joined {name}."
    Declined { name: String } "The invitation to {name} was declined."
    Left { name: String } "You left {name}."
    BackedUp         "The backup is there, and was checked."
    BackingUp        "The backup is being made. Look again in a moment."
    PrimaryChosen { name: String } "Your primary account is {name} now."
}

impl Said {
    /// What takes it back: what that is called, and where in the account it is asked for.
    pub fn undo(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Removed { id, .. } => Some(("Put back…", format!("users/{id}/restore"))),
            _ => None,
        }
    }

    /// A response after which this is said on the next page.
    pub fn after(self, mut response: Response) -> Response {
        response.set_data(self);
        response
    }

    /// Takes what a response leaves to be said along in a cookie; once it `was_said` on a page, the browser forgets it.
    pub fn send(app: &App, response: &mut Response, was_said: bool) {
        let cookie = match response.data::<Self>().map(|said| app.keys().seal_value(PURPOSE, said)) {
            Some(Ok(sealed)) => auth::cookie(app, NAME, &sealed),
            Some(Err(error)) => return tracing::error!(%error, "what was achieved can't be said"),
            None if was_said && response.status().is_success() => auth::no_cookie(app, NAME),
            None => return,
        };
        if let Ok(cookie) = cookie.to_string().parse() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    /// Moves it from the request's cookies to its data; whether there was one.
    pub fn take(app: &App, request: &mut Request) -> bool {
        let cookie = request.cookie().get(&auth::cookie_name(app, NAME));
        let said: Option<Self> = cookie.and_then(|cookie| app.keys().open_value(PURPOSE, cookie.value_str()));
        let was_said = said.is_some();
        request.set_data(said);
        was_said
    }

    /// What is to be said on this page.
    pub fn of(request: &Request) -> Option<Self> {
        request.data::<Option<Self>>().cloned().flatten()
    }
}
