//! The headers of every answer: safe unless a handler said otherwise.

use poem::http::header::Entry;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::limits::Room;

/// Nothing is framed, sniffed, cached by others, or told to other sites.
const DEFAULTS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING)),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// What a browser heeds only of what it makes a document of, with scripts and windows: any answer but JSON might be one.
const OF_DOCUMENTS: [(HeaderName, HeaderValue); 2] = [
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
];

/// For what is no page: it loads nothing, sends nothing, and is shown in nothing.
const NOTHING: &str =
    "default-src 'none'; object-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Of what a browser can do, passkeys are all that our pages ask for.
const PERMISSIONS: &str = "publickey-credentials-create=(self), publickey-credentials-get=(self), accelerometer=(), \
                           autoplay=(), browsing-topics=(), camera=(), display-capture=(), \
                           encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), \
                           magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
                           screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";

/// For a year this name is reached by https only (RFC 6797), and so are the names below it.
const HTTPS_ONLY: &str = "max-age=31536000; includeSubDomains";

/// Adds what is missing. `https` is whether the client speaks it, with us or with the proxy before us.
pub fn set(headers: &mut HeaderMap, request_id: &str, https: bool) {
    let of_documents = if is_json(headers) { None } else { Some(OF_DOCUMENTS) };
    for (name, value) in DEFAULTS.into_iter().chain(of_documents.into_iter().flatten()) {
        headers.entry(name).or_insert(value);
    }
    // Told to nobody at all, browsers send `Origin: null` with our own forms. Over plain http, where they leave
    // `Sec-Fetch-Site` out, that would be refused.
    let referrer = if https { "no-referrer" } else { "same-origin" };
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static(referrer));
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
        secure_cookies(headers);
    }
    name_charset(headers);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// A cookie that was given over https comes back over https only.
fn secure_cookies(headers: &mut HeaderMap) {
    let is_secure = |cookie: &str| cookie.split(';').any(|part| part.trim().eq_ignore_ascii_case("secure"));
    let Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) else { return };
    for cookie in cookies.iter_mut() {
        let secured = cookie.to_str().ok().filter(|text| !is_secure(text)).map(|text| format!("{text}; Secure"));
        if let Some(secured) = secured.and_then(|text| HeaderValue::from_str(&text).ok()) {
            *cookie = secured;
        }
    }
}

/// Text is UTF-8, and nobody has to guess it.
fn name_charset(headers: &mut HeaderMap) {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let bare = named.filter(|kind| kind.starts_with("text/") && !kind.contains("charset"));
    if let Some(value) = bare.and_then(|kind| HeaderValue::from_str(&format!("{kind}; charset=utf-8")).ok()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
}

/// What whoever asked may still do, as draft-ietf-httpapi-ratelimit-headers has it.
pub fn set_limit(headers: &mut HeaderMap, name: &'static str, room: &Room) {
    let Room { quota, left, full_in, window } = room;
    let policy = format!("\"{name}\";q={quota};w={window}");
    let now = format!("\"{name}\";r={left};t={full_in}");
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", now)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}
