//! What the scripts of our pages send and are answered: JSON, bounded, and what goes wrong as a sentence that they show.

use std::sync::Arc;

use poem::error::ReadBodyError;
use poem::http::{StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::status_of;
use crate::auth::unread;
use crate::error::{Error, Result};

/// The largest body accepted, in bytes: a device's answer is a few hundred, with an attestation a few thousand.
const LIMIT: usize = 64 * 1024;

/// What a script sent.
pub struct Sent<T>(pub T);

impl<'a, T: DeserializeOwned> FromRequest<'a> for Sent<T> {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        if request.content_type() != Some("application/json") {
            let got = request.content_type().map_or("nothing".into(), |kind| format!("`{kind}`"));
            return Err(Error::UnsupportedMediaType(got).into());
        }
        let bytes = body.take()?.into_bytes_limit(LIMIT).await.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Error::TooLarge(LIMIT),
            error => unread(&error).unwrap_or_else(|| {
                Error::invalid("", "unreadable_body", format!("The body could not be read: {error}."))
            }),
        })?;
        // serde_json nests no deeper than 128.
        let sent = serde_json::from_slice(&bytes);
        Ok(Self(sent.map_err(|error| Error::invalid("", "malformed_json", format!("This can't be read: {error}.")))?))
    }
}

/// Whether a script asks, which then wants no page.
pub fn asks(request: &Request) -> bool {
    request.header(header::ACCEPT) == Some("application/json")
}

pub fn answer(body: &Value) -> Response {
    Response::builder().content_type("application/json").body(body.to_string())
}

/// What went wrong, as the API has it.
pub fn refuse(error: Arc<Error>, request_id: &str) -> Response {
    let status: StatusCode = status_of(&error);
    let message = match &*error {
        Error::Internal(_) => format!("{error} The request ID is {request_id}."),
        error => error.to_string(),
    };
    let body = json!({ "error": error.code(), "status": status.as_u16(), "message": message });
    let mut response = answer(&body);
    response.set_status(status);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response.set_data(error);
    response
}

/// Where the script goes on to.
pub fn go_on(address: &str) -> Result<Response> {
    Ok(answer(&json!({ "next": address })))
}
