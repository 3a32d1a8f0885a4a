//! The errors an operation can answer with, one entry an outcome. Which operation has which follows from its shape, so
//! a new one needs no word here; the examples are real errors, so they read as the server's answers do.

use serde_json::Value;

use super::error;
use super::json::BODY_LIMIT;
use crate::error::Error;

/// What there is to know of an operation to tell what can go wrong in it.
#[derive(Clone, Copy)]
pub struct Shape {
    /// It asks for a token.
    pub secured: bool,
    /// It takes parameters or a body.
    pub input: bool,
    /// It takes a body.
    pub body: bool,
    /// Its path names one thing, which may not be there.
    pub names_one: bool,
    /// It changes something.
    pub changes: bool,
}

pub struct Outcome {
    /// What it is called under `components/responses`.
    pub name: &'static str,
    pub description: &'static str,
    /// A header that every such answer has, and what it says.
    pub header: Option<(&'static str, &'static str)>,
    pub applies: fn(Shape) -> bool,
    /// One of each kind; all have the same status.
    pub errors: Vec<Error>,
}

impl Outcome {
    pub fn status(&self) -> u16 {
        self.errors.first().map_or(500, Error::status)
    }

    /// Code and body of each kind.
    pub fn examples(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let body = |error| serde_json::to_value(error::body(error, REQUEST_ID)).unwrap_or_default();
        self.errors.iter().map(move |error| (error.code(), body(error)))
    }
}

/// A request ID as the examples show it.
pub const REQUEST_ID: &str = "6f0d5b7e2c914a38b1e4d7f09a52c683";

/// All of them, by status.
pub fn all() -> Vec<Outcome> {
    let mut outcomes = of_the_caller();
    outcomes.extend(of_the_request());
    outcomes.extend(of_the_server());
    outcomes.sort_by_key(Outcome::status);
    outcomes
}

fn of_the_caller() -> Vec<Outcome> {
    let token = |code, message: &'static str| Error::Unauthenticated(code, message.into());
    vec![
        Outcome {
            name: "Unauthorized",
            description: "The token is missing or not honoured. Send one that is",
            header: Some(("WWW-Authenticate", "Names the scheme, Bearer, and what is wrong with the token (RFC 6750)")),
            applies: |shape| shape.secured,
            errors: vec![
                token("token_missing", "Send a token in the header `Authorization: Bearer {token}`."),
                token("token_invalid", "This token was not issued by this server. Check that it was copied whole."),
                token("token_expired", "This token has expired. Get a new one and try again."),
                token("token_revoked", "This token has been revoked. Get a new one and try again."),
                token("user_suspended", "This user is suspended. Ask an admin to make them active again."),
            ],
        },
        Outcome {
            name: "Forbidden",
            description: "Not allowed in this account. An account that does not exist gets the same answer",
            header: None,
            applies: |shape| shape.secured,
            errors: vec![Error::forbidden(
                "You have no access to this account, or it does not exist. Check the account ID.",
            )],
        },
    ]
}

fn of_the_request() -> Vec<Outcome> {
    let account = "An account ID has 1 to 64 letters, digits, hyphens or underscores, like 2311.";
    let invalid = || Error::invalid("x-account-id", "invalid_parameter", account);
    let missing = || Error::invalid("x-account-id", "missing_parameter", "This is required and was not sent.");
    let malformed = "The body is not valid JSON: EOF while parsing an object at line 1 column 1.";
    let email = "This is not an e-mail address. Write it like name@example.com.";
    vec![
        Outcome {
            name: "BadParameter",
            description: "A parameter can't be read or is not allowed",
            header: None,
            applies: |shape| shape.input && !shape.body,
            errors: vec![invalid(), missing()],
        },
        Outcome {
            name: "BadRequest",
            description: "A parameter or the body can't be read, or a value in it is not allowed. All that is wrong with \
                          the values is told at once, each with its field",
            header: None,
            applies: |shape| shape.body,
            errors: vec![
                Error::invalid("email", "invalid_email", email),
                Error::invalid("", "missing_field", "Missing field `email`."),
                Error::invalid("", "malformed_json", malformed),
                invalid(),
                missing(),
            ],
        },
        Outcome {
            name: "NotFound",
            description: "There is nothing with this ID in the account, or nothing you may see",
            header: None,
            applies: |shape| shape.names_one,
            errors: vec![Error::not_found("There is no user 42 in this account.")],
        },
        Outcome {
            name: "Conflict",
            description: "It collides with something that is there already, which the message names",
            header: None,
            applies: |shape| shape.changes,
            errors: vec![Error::Conflict(
                "email_taken",
                "grace@example.com is in this account already, as user 2.".into(),
            )],
        },
        Outcome {
            name: "PayloadTooLarge",
            description: "The body is larger than is accepted",
            header: None,
            applies: |shape| shape.body,
            errors: vec![Error::TooLarge(BODY_LIMIT)],
        },
        Outcome {
            name: "UnsupportedMediaType",
            description: "The body is not sent as JSON",
            header: None,
            applies: |shape| shape.body,
            errors: vec![Error::UnsupportedMediaType("`text/plain`".into())],
        },
    ]
}

fn of_the_server() -> Vec<Outcome> {
    vec![
        Outcome {
            name: "InternalError",
            description: "A fault of the server. Nothing was changed",
            header: None,
            applies: |_| true,
            errors: vec![Error::internal("")],
        },
        Outcome {
            name: "StorageUnavailable",
            description: "The server can't store anything just now, or has too much to do. Nothing was changed",
            header: Some(("Retry-After", "Seconds after which trying again makes sense")),
            applies: |_| true,
            errors: vec![Error::Unavailable(String::new()), Error::Overloaded(1)],
        },
    ]
}
