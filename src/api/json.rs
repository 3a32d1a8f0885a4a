//! Bodies in JSON: bounded, read once with serde, and refused in words that say where they are wrong.

use std::marker::PhantomData;

use poem::error::ReadBodyError;
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::auth;
use crate::domain::words;
use crate::error::{Error, Result};

/// The largest body accepted, in bytes: all 163 events with a choice for several accounts fit in it.
pub const BODY_LIMIT: usize = 256 * 1024;

/// `application/json`, in or out. poem-openapi's own type documents a charset parameter that RFC 8259 doesn't know.
pub struct Json<T>(pub T);

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => Response::builder().content_type("application/json").body(body),
            Err(error) => poem::Error::from(Error::internal(error)).into_response(),
        }
    }
}

/// A `T` that was written as JSON already.
pub struct Written<T> {
    json: String,
    of: PhantomData<T>,
}

impl<T> Written<T> {
    pub fn new(json: String) -> Self {
        Self { json, of: PhantomData }
    }
}

impl<T: Type> Payload for Written<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Send> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type("application/json").body(self.json)
    }
}

impl<T: Type + Serialize> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: T::schema_ref() }];
        let response =
            MetaResponse { description: "", status: Some(200), status_range: None, content, headers: vec![] };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Json<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        require_json(request)?;
        Ok(Self(parse(&read(request, body).await?)?))
    }
}

/// A body that may be left out, which then says nothing.
pub struct Optional<T>(pub T);

impl<'a, T: Type + DeserializeOwned + Default> ApiExtractor<'a> for Optional<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { required: false, ..Json::<T>::request_meta()? })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let bytes = read(request, body).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        require_json(request)?;
        Ok(Self(parse(&bytes)?))
    }
}

/// A body, and what makes another request the same one where that matters: with an `Idempotency-Key`.
pub struct Identified<T> {
    pub value: T,
    /// SHA-256 of method, path and body, white space and the order of keys aside.
    pub fingerprint: Option<Vec<u8>>,
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Identified<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Json::<T>::request_meta()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        require_json(request)?;
        let bytes = read(request, body).await?;
        let value = parse(&bytes)?;
        let may_come_again = request.headers().contains_key("idempotency-key");
        Ok(Self { value, fingerprint: may_come_again.then(|| fingerprint(request, &bytes)) })
    }
}

fn fingerprint(request: &Request, body: &[u8]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.sort_all_objects();
    let what = format!("{} {}\n{body}", request.method(), request.original_uri().path());
    Sha256::digest(what).to_vec()
}

async fn read(request: &Request, body: &mut RequestBody) -> poem::Result<Vec<u8>> {
    // Nobody sends, or waits for, what is too much anyway.
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    if length.is_some_and(|length: u64| length > BODY_LIMIT as u64) {
        return Err(Error::TooLarge(BODY_LIMIT).into());
    }
    let bytes = body.take()?.into_bytes_limit(BODY_LIMIT).await.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => Error::TooLarge(BODY_LIMIT),
        error => auth::unread(&error)
            .unwrap_or_else(|| Error::invalid("", "unreadable_body", format!("The body could not be read: {error}."))),
    })?;
    Ok(bytes.into())
}

fn require_json(request: &Request) -> Result<()> {
    let Some(sent) = request.content_type() else {
        return Err(Error::UnsupportedMediaType("nothing in particular".into()));
    };
    if let Some(coding) = request.header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Error::UnsupportedMediaType(format!(
            "`{}`, coded as `{}`",
            words::shortened(sent),
            words::shortened(coding)
        )));
    }
    let lower = sent.to_ascii_lowercase();
    let mut parts = lower.split(';').map(str::trim);
    let is_json = parts.next() == Some("application/json");
    // RFC 8259 knows no charset, and JSON is UTF-8 whatever one says; many send that it is.
    let is_utf8 = |part: &str| part.strip_prefix("charset=").is_none_or(|name| name.trim_matches('"') == "utf-8");
    if is_json && parts.all(is_utf8) {
        return Ok(());
    }
    Err(Error::UnsupportedMediaType(format!("`{}`", words::shortened(sent))))
}

/// Words that serde or our own types begin with, and the code each gets.
const CODES: &[(&str, &str)] = &[
    ("unknown field", "unknown_field"),
    ("missing field", "missing_field"),
    ("duplicate field", "duplicate_field"),
    ("invalid type", "invalid_type"),
    ("unknown event", "unknown_event"),
    ("unknown delivery", "unknown_delivery"),
];

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if bytes.trim_ascii().is_empty() {
        return Err(Error::invalid("", "malformed_json", "The body is empty; send a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if !inner.is_data() {
            return malformed(&inner);
        }
        let text = inner.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        let reason = words::shortened_to(reason, REASON);
        let path = words::shortened_to(&path, REASON);
        let code = CODES.iter().find(|(words, _)| reason.starts_with(words)).map_or("invalid_value", |(_, code)| code);
        let reason = capitalised(&in_json_words(reason.trim_end_matches('.')));
        Error::invalid(if path == "." { "" } else { &path }, code, format!("{reason}."))
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Most characters of what serde says of a body, which may quote the body.
const REASON: usize = 300;

fn malformed(error: &serde_json::Error) -> Error {
    Error::invalid("", "malformed_json", format!("The body is not valid JSON: {error}."))
}

/// serde says "sequence" and "map" where JSON says array and object (RFC 8259 section 1).
fn in_json_words(reason: &str) -> String {
    reason
        .replace("invalid type: sequence", "invalid type: array")
        .replace("invalid type: map", "invalid type: object")
        .replace("expected i64", "expected a whole number of up to 64 bits")
        .replace("expected a sequence", "expected an array")
        .replace("expected a map", "expected an object")
}

fn capitalised(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
