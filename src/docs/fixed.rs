//! A text that stays the same while the server runs: compressed once, and sent only to those who haven't got it yet.

use flate2::Compression;
use poem::Response;
use poem::http::{HeaderMap, HeaderName, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::gzip;

pub struct Fixed {
    content_type: &'static str,
    plain: Vec<u8>,
    /// Empty if it could not be compressed.
    zipped: Vec<u8>,
    hash: String,
    policy: Option<String>,
}

impl Fixed {
    pub fn new(content_type: &'static str, text: String) -> Self {
        let hash = Sha256::digest(&text)[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        let plain = text.into_bytes();
        Self {
            content_type,
            zipped: gzip::pack(&plain, Compression::best()).unwrap_or_default(),
            plain,
            hash,
            policy: None,
        }
    }

    /// With a content security policy of its own.
    pub fn with_policy(self, policy: String) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The answer to a request with these headers: the text as it suits the client, or that it hasn't changed.
    pub fn answer(&'static self, headers: &HeaderMap) -> Response {
        let zipped = gzip::is_accepted(headers) && !self.zipped.is_empty();
        // A strong tag names the very bytes, so each form has its own (RFC 9110 section 8.8.3.3).
        let tag = format!("\"{}{}\"", self.hash, if zipped { "-gzip" } else { "" });
        let mut response = Response::builder()
            .header(header::ETAG, &tag)
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::VARY, "accept-encoding");
        if let Some(policy) = &self.policy {
            response = response.header(header::CONTENT_SECURITY_POLICY, policy);
        }
        if has_already(headers, &tag) {
            return response.status(StatusCode::NOT_MODIFIED).finish();
        }
        response = response.content_type(self.content_type);
        if zipped {
            return response.header(header::CONTENT_ENCODING, "gzip").body(self.zipped.as_slice());
        }
        response.body(self.plain.as_slice())
    }
}

/// Whether the client has it: `If-None-Match` names the tag, or any.
fn has_already(headers: &HeaderMap, tag: &str) -> bool {
    list(headers, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}
