//! One error type for the whole program, named by outcome. The API renders it as JSON, the pages as a page, the
//! command line as a sentence; this file decides what each outcome is called and which status it has.

use std::borrow::Cow;
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something wrong with one value that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a path such as `notificationPreferences.lead_created[0].accountId`.
    pub field: String,
    /// A stable snake_case code for programs.
    pub code: &'static str,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
}

impl Problem {
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

#[derive(Clone, Debug)]
pub enum Error {
    /// The request can't be read or its values are not allowed.
    Invalid(Vec<Problem>),
    /// No token, or one that is not honoured. The code says which.
    Unauthenticated(&'static str, Cow<'static, str>),
    /// Known, but not allowed here. An account that doesn't exist gets the same answer as one that is closed to you.
    Forbidden(Cow<'static, str>),
    /// There is nothing at this address, or nothing you may see.
    NotFound(Cow<'static, str>),
    MethodNotAllowed,
    /// It collides with something that is there already.
    Conflict(&'static str, Cow<'static, str>),
    /// Somebody else was faster (RFC 9110 section 15.5.13).
    Changed(String),
    TooLarge(usize),
    /// The body did not arrive within so many seconds (RFC 9110 section 15.5.9).
    TooSlow(u64),
    /// The address is longer than so many bytes (RFC 9110 section 15.5.15).
    AddressTooLong(usize),
    /// The headers are longer than so many bytes together (RFC 6585 section 5).
    HeadersTooLong(usize),
    UnsupportedMediaType(String),
    /// An `Idempotency-Key` that was sent with another request before.
    KeyReused,
    /// Too many requests from one address, or with one token, or for one person; the sentence says which. Try again after
    /// so many seconds (RFC 6585 section 4).
    TooManyRequests(u32, Cow<'static, str>),
    /// The server has more to do than it can; try again after so many seconds.
    Overloaded(u32),
    /// The server was asked to stop.
    Stopping,
    /// Storage can't be written just now: full, read-only, gone.
    Unavailable(String),
    /// The database file is not what SQLite wrote. Nothing more is written to it.
    Damaged(String),
    /// A fault of ours. The text goes to the log and never to the client.
    Internal(String),
}

impl Error {
    pub fn invalid(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::new(field, code, message)])
    }

    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(message.into())
    }

    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::NotFound(message.into())
    }

    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// The table: outcome → HTTP status and code. The code of `Error.error` in every answer comes from here.
    pub fn outcome(&self) -> (u16, &'static str) {
        match self {
            Self::Invalid(problems) => (400, problems.first().map_or("invalid_request", |p| p.code)),
            Self::Unauthenticated(code, _) => (401, code),
            Self::Forbidden(_) => (403, "forbidden"),
            Self::NotFound(_) => (404, "not_found"),
            Self::MethodNotAllowed => (405, "method_not_allowed"),
            Self::Conflict(code, _) => (409, code),
            Self::Changed(_) => (412, "precondition_failed"),
            Self::TooSlow(_) => (408, "request_timeout"),
            Self::TooLarge(_) => (413, "body_too_large"),
            Self::AddressTooLong(_) => (414, "uri_too_long"),
            Self::UnsupportedMediaType(_) => (415, "unsupported_media_type"),
            Self::KeyReused => (422, "idempotency_key_reused"),
            Self::TooManyRequests(..) => (429, "too_many_requests"),
            Self::HeadersTooLong(_) => (431, "headers_too_long"),
            Self::Overloaded(_) => (503, "overloaded"),
            Self::Stopping => (503, "stopping"),
            Self::Unavailable(_) => (503, "storage_unavailable"),
            Self::Damaged(_) => (503, "storage_damaged"),
            Self::Internal(_) => (500, "internal_error"),
        }
    }

    pub fn status(&self) -> u16 {
        self.outcome().0
    }

    pub fn code(&self) -> &'static str {
        self.outcome().1
    }

    /// What went wrong, for whoever runs the server, who may know causes that a client may not.
    pub fn cause(&self) -> String {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) | Self::Damaged(cause) => cause.clone(),
            error => error.to_string(),
        }
    }

    /// The same as a sentence, with what to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::Damaged(cause) => {
                format!(
                    "The database is damaged ({cause}). Stop the server and restore a backup: rollcall restore FILE"
                )
            }
            error => error.cause(),
        }
    }

    /// Seconds after which trying again makes sense.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyRequests(seconds, _) | Self::Overloaded(seconds) => Some(*seconds),
            Self::Stopping | Self::Unavailable(_) => Some(5),
            Self::Damaged(_) => Some(300),
            _ => None,
        }
    }
}

/// How many problems are said at once.
const SAID: usize = 20;

/// The sentence the outside world may read.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problems) => {
                for (i, problem) in problems.iter().take(SAID).enumerate() {
                    let space = if i > 0 { " " } else { "" };
                    match problem.field.as_str() {
                        "" => write!(f, "{space}{}", problem.message)?,
                        field => write!(f, "{space}{field}: {}", problem.message)?,
                    }
                }
                match problems.len().saturating_sub(SAID) {
                    0 => Ok(()),
                    more => write!(f, " And {more} more."),
                }
            }
            Self::Unauthenticated(_, message) | Self::Conflict(_, message) => f.write_str(message),
            Self::Forbidden(message) | Self::NotFound(message) | Self::TooManyRequests(_, message) => {
                f.write_str(message)
            }
            Self::MethodNotAllowed => f.write_str("This address exists, but not with that method."),
            Self::Changed(message) => write!(f, "{message} Get it again, and decide anew."),
            Self::KeyReused => f.write_str(
                "This Idempotency-Key was sent with another request before. Use a new key for a new request.",
            ),
            Self::TooLarge(limit) => write!(f, "The body is larger than the {} KiB that are accepted.", limit / 1024),
            Self::TooSlow(seconds) => write!(f, "The body did not arrive within {seconds} seconds. Send it again."),
            Self::AddressTooLong(limit) => {
                write!(
                    f,
                    "The address is longer than the {} KiB that are accepted. Ask for less at once.",
                    limit / 1024
                )
            }
            Self::HeadersTooLong(limit) => {
                write!(f, "The headers are longer than the {} KiB that are accepted.", limit / 1024)
            }
            Self::UnsupportedMediaType(got) => {
                write!(f, "The body must be sent as `Content-Type: application/json`; this one was sent as {got}.")
            }
            Self::Overloaded(_) => f.write_str("The server is busy. Nothing was changed; try again in a moment."),
            Self::Stopping => f.write_str("The server is stopping. Nothing was changed; try again shortly."),
            Self::Unavailable(_) => {
                f.write_str("Storage cannot be written at the moment. Nothing was changed; try again shortly.")
            }
            Self::Damaged(_) => f.write_str(
                "The server's database is damaged. Nothing was changed; whoever runs the server has to restore a backup.",
            ),
            Self::Internal(_) => f.write_str("Something went wrong on the server. Nothing was changed."),
        }
    }
}

impl std::error::Error for Error {}

/// Collects what is wrong with several values, so that all of it is said at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

/// Both values, or all that is wrong with either.
pub fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Error::Invalid(mut problems)), Err(Error::Invalid(more))) => {
            problems.extend(more);
            Err(Error::Invalid(problems))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

impl Problems {
    /// The value, or nothing and its problem noted.
    pub fn take<T: Default>(&mut self, parsed: Result<T, Problem>) -> T {
        parsed.unwrap_or_else(|problem| {
            self.0.push(problem);
            T::default()
        })
    }

    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// `Ok` if nothing was wrong. What [`Problems::take`] returned is only meant to be used after this.
    pub fn none(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}
