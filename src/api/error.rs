//! The one JSON error body. Everything that goes wrong under the API leaves through [`in_json`]: our own errors, what
//! poem-openapi says of a request it can't read, and addresses or methods that don't exist.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::{ApiResponse, Object, types::Type};
use serde::Serialize;
use std::sync::Arc;

use super::json::Json;
use crate::error::Error;

/// Error response object
// The contract's words. What it doesn't say: `error` is a stable code in snake_case, `message` a sentence for people.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Error")]
pub struct ErrorBody {
    /// Error message
    pub error: String,
    /// HTTP status code
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: i32,
    /// Detailed error message
    pub message: String,
}

/// Carries the error itself past poem, to whoever renders it: `in_json` here, a page in `web`.
impl From<Error> for poem::Error {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut carrier = poem::Error::from_status(status);
        carrier.set_data(Arc::new(error));
        carrier
    }
}

/// Lets handlers return our error. Which errors an operation can answer with is told by [`super::outcomes`].
impl ApiResponse for Error {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: "application/json", schema: ErrorBody::schema_ref() }];
        let any = MetaResponse { description: "Error", status: None, status_range: None, content, headers: vec![] };
        MetaResponses { responses: vec![any] }
    }

    fn register(registry: &mut Registry) {
        ErrorBody::register(registry);
    }
}

/// An answer that says something went wrong, in the one shape that such have; any other as it is.
pub async fn in_json(response: Response, request_id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = match response.data::<Arc<Error>>() {
        Some(error) => error.clone(),
        None => Arc::new(explain(status, &response.into_body().into_string().await.unwrap_or_default())),
    };
    render(error, request_id)
}

/// Our error, as the answer that leaves.
fn render(error: Arc<Error>, request_id: &str) -> Response {
    let mut response = Json(body(&error, request_id)).into_response();
    response.set_status(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    let headers = response.headers_mut();
    if let Error::Unauthenticated(code, _) = &*error {
        // RFC 6750 section 3: without a token only the scheme is named.
        let challenge = match *code {
            "token_missing" => r#"Bearer realm="rollcall""#,
            _ => r#"Bearer realm="rollcall", error="invalid_token""#,
        };
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response.set_data(error);
    response
}

/// Our error, as the body of an answer.
pub fn body(error: &Error, request_id: &str) -> ErrorBody {
    let message = match error {
        Error::Internal(_) => {
            format!("{error} If it happens again, give the server's operator this request ID: {request_id}.")
        }
        _ => error.to_string(),
    };
    ErrorBody { error: error.code().into(), status: error.status().into(), message }
}

/// What poem and poem-openapi say in their own words, as one of our errors.
fn explain(status: StatusCode, text: &str) -> Error {
    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthenticated(
            "token_missing",
            "Send a token in the header `Authorization: Bearer {token}`.".into(),
        ),
        StatusCode::NOT_FOUND => Error::not_found("There is nothing at this address. The API is described at /docs."),
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
        StatusCode::BAD_REQUEST => unreadable(text),
        _ => Error::Internal(format!("{status}: {text}")),
    }
}

fn unreadable(text: &str) -> Error {
    if text.starts_with("failed to parse path") {
        let kind = if text.contains("\"AccountId\"") {
            "an account ID has letters, digits, - and _"
        } else {
            "its ID is a whole number"
        };
        return Error::not_found(format!("There is nothing at this address: {kind}."));
    }
    let parameter = text.strip_prefix("failed to parse parameter `").and_then(|rest| rest.split_once("`: "));
    let Some((name, reason)) = parameter else {
        return Error::invalid("", "invalid_request", text);
    };
    if reason.contains("expects an input value") {
        return Error::invalid(name, "missing_parameter", "This is required and was not sent.");
    }
    // poem-openapi wraps what our types say: `failed to parse "Limit": … (occurred while parsing "optional_Limit")`.
    let reason = reason.split_once("\": ").map_or(reason, |(_, own)| own);
    let reason = reason.split_once(" (occurred while").map_or(reason, |(own, _)| own);
    Error::invalid(name, "invalid_parameter", in_our_words(reason))
}

/// What poem-openapi and the standard library say of a value of the wrong kind.
fn in_our_words(reason: &str) -> &str {
    const WORDS: [(&str, &str); 5] = [
        ("invalid digit", "This is a whole number."),
        ("number too", "This is a whole number."),
        ("empty string", "This is a whole number."),
        ("was not `true` or `false`", "This is `true` or `false`."),
        ("valid enumeration value", "This is none of the values it can have; the documentation lists them."),
    ];
    WORDS.into_iter().find(|(theirs, _)| reason.contains(theirs)).map_or(reason, |(_, ours)| ours)
}
