//! Something that was just achieved, said once on the next page. It travels in a cookie that only holds its name.

use poem::http::header;
use poem::{Request, Response};

use crate::app::App;
use crate::auth;

/// What its cookie is called.
const NAME: &str = "said-";

macro_rules! said {
    ($($variant:ident $sentence:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Said { $($variant),* }

        impl Said {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),* }
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
    Removed          "They were taken out of the account. For 30 days they can be put back from the recycle bin."
    Withdrawn        "The invitation was withdrawn."
    Restored         "They are back, with their team, roles and permissions."
    MadeOwner        "They own this server now, as you do."
    NoLongerOwner    "They are no owner any more."
    Moved            "They were moved to the other account."
    NotActingNow     "You are yourself again."
    PasskeyAdded     "The passkey is ready. You can sign in with it from now on."
    PasskeyDeleted   "The passkey was deleted. It signs nobody in any more."
    SessionEnded     "The session has ended."
    SessionsEnded    "All of those sessions have ended."
    PasswordAsked    "They are signed out, and choose a new password when they sign in next."
    PasswordKept     "They may keep the password they have."
    TeamMade         "The team was made."
    TeamDeleted      "The team was deleted. Its members stay in the account."
    RoleMade         "The role was made."
    RoleDeleted      "The role was deleted."
    KeyRevoked       "The key was revoked. It stopped working at once."
    AccountMade      "The account was made."
    AccountRestored  "The account is back, with the people who were in it."
    AccountDeleted   "The account was deleted."
    Accepted         "You joined the account."
    Declined         "The invitation was declined."
    Left             "You left the account."
    BackedUp         "The backup is there, and was checked."
    BackingUp        "The backup is being made. Look again in a moment."
    PrimaryChosen    "That is your primary account now."
}

impl Said {
    /// A response after which this is said on the next page.
    pub fn after(self, mut response: Response) -> Response {
        response.set_data(self);
        response
    }

    /// Takes what a response leaves to be said along in a cookie; once it `was_said` on a page, the browser forgets it.
    pub fn send(app: &App, response: &mut Response, was_said: bool) {
        let cookie = match response.data::<Self>() {
            Some(said) => auth::cookie(app, NAME, &format!("{said:?}")),
            None if was_said && response.status().is_success() => auth::no_cookie(app, NAME),
            None => return,
        };
        if let Ok(cookie) = cookie.to_string().parse() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    /// Moves it from the request's cookies to its data; whether there was one.
    pub fn take(app: &App, request: &mut Request) -> bool {
        let said = request.cookie().get(&auth::cookie_name(app, NAME));
        let said =
            said.and_then(|cookie| Self::ALL.iter().copied().find(|said| format!("{said:?}") == cookie.value_str()));
        request.set_data(said);
        said.is_some()
    }

    /// What is to be said on this page.
    pub fn of(request: &Request) -> Option<Self> {
        request.data::<Option<Self>>().copied().flatten()
    }
}
