//! What a form sent, and what was wrong with it.

use std::sync::{Arc, OnceLock};

use askama::Template;
use poem::error::ReadBodyError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};

use super::{render, status_of};
use crate::auth::unread;
use crate::error::{Error, Problem, Result};

/// The largest form accepted, in bytes: every box of the preferences ticked fits in a quarter of it.
const FORM_LIMIT: usize = 256 * 1024;

/// The most fields a form may have: a few for each of the 163 events and each of a dozen accounts. 256 KiB would hold
/// a hundred thousand, and every look for one of them goes through all.
const FIELDS_LIMIT: usize = 10_000;

/// The largest form, in bytes, that a page asks for again: with everything in it, that is several times as long.
const AGAIN_LIMIT: usize = 32 * 1024;

/// The names and values of a form (`application/x-www-form-urlencoded`), in the order they were sent.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, String)>);

/// The form of a request, once it was read: for whoever has to ask for it again.
#[derive(Clone, Default)]
pub struct Sent(Arc<OnceLock<Form>>);

impl Sent {
    /// What is asked for again in a form of hidden fields; nothing if none was read, or a secret is in it.
    pub fn again(&self) -> Option<&[(String, String)]> {
        let Form(fields) = self.0.get()?;
        let is_secret = |name: &str| name.to_ascii_lowercase().contains("password");
        let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let fits = bytes <= AGAIN_LIMIT && fields.iter().all(|(name, _)| !is_secret(name));
        fits.then_some(fields.as_slice())
    }
}

impl<'a> FromRequest<'a> for Form {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes_limit(FORM_LIMIT).await.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Error::TooLarge(FORM_LIMIT),
            error => unread(&error).unwrap_or_else(|| {
                Error::invalid("", "unreadable_body", format!("The form could not be read: {error}."))
            }),
        })?;
        let fields: Vec<_> = url::form_urlencoded::parse(&bytes).take(FIELDS_LIMIT + 1).collect();
        if fields.len() > FIELDS_LIMIT {
            return Err(Error::invalid("", "too_many_fields", "The form has more fields than any of ours.").into());
        }
        let form = Self(fields.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
        if let Some(Sent(sent)) = request.data() {
            sent.get_or_init(|| form.clone());
        }
        Ok(form)
    }
}

impl Form {
    /// Whether a request says that it has one.
    pub fn is_in(request: &Request) -> bool {
        request.content_type().is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

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
pub struct Faults {
    problems: Vec<Problem>,
    /// What the page that says so is answered with.
    status: Option<StatusCode>,
    /// Seconds after which trying again makes sense.
    retry_after: Option<u32>,
}

impl Faults {
    /// What the person can mend in the form; every other error passes.
    pub fn in_form(error: Error) -> Result<Self> {
        let status = Some(status_of(&error));
        let problems = match error {
            Error::Invalid(problems) => problems,
            Error::Conflict(code, message) => vec![Problem::new(about(code), code, message)],
            Error::Changed(message) => vec![Problem::new("", "precondition_failed", message)],
            error @ Error::Forbidden(_) => vec![Problem::new("", "forbidden", on_a_page(&error.to_string()))],
            error => return Err(error),
        };
        Ok(Self { problems, status, retry_after: None })
    }

    /// Why a try to sign in was refused, if it can be tried again from the same form.
    pub fn of_a_try(error: &Error) -> Option<Self> {
        let retry_after = error.retry_after();
        let message = match (error, retry_after) {
            (Error::Unauthenticated(..) | Error::Overloaded(_), _) => error.to_string(),
            (Error::TooManyRequests(..), Some(seconds)) => format!("{error} {}", wait(seconds)),
            _ => return None,
        };
        Some(Self { status: Some(status_of(error)), retry_after, ..Self::of_all(message) })
    }

    /// The page with the form, which says what was wrong.
    pub fn answer(&self, page: &impl Template) -> Response {
        let mut response = render(self.status.unwrap_or(StatusCode::OK), page);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// A fault of the form as a whole.
    pub fn of_all(message: impl Into<String>) -> Self {
        Self { problems: vec![Problem::new("", "refused", message)], ..Self::default() }
    }

    /// Whether this is what is wrong.
    pub fn is(&self, code: &str) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }

    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// What is wrong with one field.
    pub fn at(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

/// What programs are told, in words for people.
pub fn on_a_page(message: &str) -> String {
    let parts = message.split('`').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { format!("“{part}”") } else { part.to_owned() }).collect()
}

impl Problem {
    /// The `id` of the element on the page that the fault is about.
    pub fn anchor(&self) -> &str {
        self.field.split(['.', '[']).next().unwrap_or_default()
    }
}

/// How long to wait, as a person says it.
fn wait(seconds: u32) -> String {
    match seconds.div_ceil(60) {
        1 => "Try again in a minute, or come in with a one-time link.".into(),
        minutes => format!("Try again in {minutes} minutes, or come in with a one-time link."),
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
