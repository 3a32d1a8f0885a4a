//! What a form sent, and what was wrong with it.

use poem::error::ReadBodyError;
use poem::{FromRequest, Request, RequestBody};

use crate::auth::too_slow;
use crate::error::{Error, Problem, Result};

/// The largest form accepted, in bytes: every box of the preferences ticked fits in a quarter of it.
const FORM_LIMIT: usize = 256 * 1024;

/// The most fields a form may have: a few for each of the 163 events and each of a dozen accounts. 256 KiB would hold
/// a hundred thousand, and every look for one of them goes through all.
const FIELDS_LIMIT: usize = 10_000;

/// The names and values of a form (`application/x-www-form-urlencoded`), in the order they were sent.
#[derive(Default)]
pub struct Form(Vec<(String, String)>);

impl<'a> FromRequest<'a> for Form {
    async fn from_request(_: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes_limit(FORM_LIMIT).await.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Error::TooLarge(FORM_LIMIT),
            error => too_slow(&error).unwrap_or_else(|| {
                Error::invalid("", "unreadable_body", format!("The form could not be read: {error}."))
            }),
        })?;
        let fields: Vec<_> = url::form_urlencoded::parse(&bytes).take(FIELDS_LIMIT + 1).collect();
        if fields.len() > FIELDS_LIMIT {
            return Err(Error::invalid("", "too_many_fields", "The form has more fields than any of ours.").into());
        }
        Ok(Self(fields.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }
}

impl Form {
    /// The first value of that name; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The values of all names that begin with `prefix`, with the rest of their names.
    pub fn beginning_with<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }
}

/// What was wrong with a form: said at its top, and beside each field.
#[derive(Default)]
pub struct Faults(Vec<Problem>);

impl Faults {
    /// What the person can mend in the form; every other error passes.
    pub fn in_form(error: Error) -> Result<Self> {
        match error {
            Error::Invalid(problems) => Ok(Self(problems)),
            Error::Conflict(code, message) => Ok(Self(vec![Problem::new(about(code), code, message)])),
            Error::Changed(message) => Ok(Self(vec![Problem::new("", "precondition_failed", message)])),
            error @ Error::Forbidden(_) => Ok(Self(vec![Problem::new("", "forbidden", error.to_string())])),
            error => Err(error),
        }
    }

    /// A fault of the form as a whole.
    pub fn of_all(message: impl Into<String>) -> Self {
        Self(vec![Problem::new("", "refused", message)])
    }

    /// Whether this is what is wrong.
    pub fn is(&self, code: &str) -> bool {
        self.0.iter().any(|problem| problem.code == code)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// What is wrong with one field.
    pub fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

impl Problem {
    /// The `id` of the element on the page that the fault is about.
    pub fn anchor(&self) -> &str {
        self.field.split(['.', '[']).next().unwrap_or_default()
    }
}

/// The field that is in the way in a conflict.
fn about(code: &str) -> &'static str {
    match code {
        "email_taken" | "already_invited" | "in_recycle_bin" => "email",
        "account_exists" => "id",
        "team_exists" | "role_exists" => "name",
        _ => "",
    }
}
