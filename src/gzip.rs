//! Texts are sent compressed to whoever takes gzip, which every browser does (RFC 9110 sections 8.4.1.3 and 12.5.3).

use std::io::Write;
use std::sync::Arc;

use flate2::{Compression, write::GzEncoder};
use poem::http::{HeaderMap, HeaderValue, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::error::Error;

pub fn pack(text: &[u8], level: Compression) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(text)?;
    encoder.finish()
}

/// Whether `Accept-Encoding` names gzip, and not in order to refuse it.
pub fn is_accepted(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse::<f32>();
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// Wraps what answers with pages, styles and scripts. Downloads go through as they are: nobody wants them in memory whole.
pub async fn where_accepted<E: Endpoint>(inner: Arc<E>, request: Request) -> poem::Result<Response> {
    let accepted = is_accepted(request.headers());
    let mut response = inner.call(request).await?.into_response();
    if !is_page(&response) {
        return Ok(response);
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if accepted {
        let plain = response.take_body().into_bytes().await.map_err(Error::internal)?;
        let packed =
            if plain.is_empty() { plain.into() } else { pack(&plain, Compression::fast()).map_err(Error::internal)? };
        if !packed.is_empty() {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response.headers_mut().remove(header::CONTENT_LENGTH);
            // It names the bytes of the other form.
            response.headers_mut().remove(header::ETAG);
        }
        response.set_body(packed);
    }
    Ok(response)
}

fn is_page(response: &Response) -> bool {
    let kind = response.content_type().unwrap_or_default();
    let is_file = response.headers().contains_key(header::CONTENT_DISPOSITION);
    !is_file && ["text/html", "text/css", "text/javascript", "image/svg+xml"].iter().any(|text| kind.starts_with(text))
}
