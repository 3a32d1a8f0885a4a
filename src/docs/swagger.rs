//! Swagger UI as poem-openapi brings it along, with our document in it and a policy that lets in nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::api;

/// The page, with `document` in place of the one that poem-openapi generated. A test holds that the places are found.
pub fn page(document: &str) -> String {
    let generated = format!("let spec = {};", api::document());
    // Inside a script, `</script` or `<!--` in a text would end or change it.
    let document = format!("let spec = {};", document.trim_end().replace('<', "\\u003c"));
    let head = head();
    let places = [
        ("<html charset=\"UTF-8\">", "<!doctype html>\n<html lang=\"en\">"),
        ("<title>Swagger UI</title>", head.as_str()),
        ("<div id=\"ui\">", WITHOUT_SCRIPTS),
        (generated.as_str(), document.as_str()),
    ];
    // It has two megabytes: none of the places is replaced in a copy of its own.
    let original = api::swagger_ui();
    let (mut page, mut rest) = (String::with_capacity(original.len() + document.len()), original.trim_start());
    for (place, text) in places {
        if let Some((before, after)) = rest.split_once(place) {
            page += before;
            page += text;
            rest = after;
        }
    }
    page + rest
}

/// It has no dark colours, so they are its light ones turned round, but for what is dark already.
const STYLE: &str = "noscript { font: 1rem/1.5 system-ui, sans-serif; display: block; margin: 2rem; } \
                     @media (prefers-color-scheme: dark) { \
                    html { background: #fff; filter: invert(.9) hue-rotate(180deg); } \
                    .swagger-ui .microlight { filter: invert(1) hue-rotate(180deg); } \
                    html .swagger-ui .dialog-ux .backdrop-ux { background: rgb(255 255 255 / .7); } }";

const WITHOUT_SCRIPTS: &str = "<noscript><p>Swagger UI is made by \
                               scripts, which are off here. <a href=\"/reference\">The reference</a> says the same without \
                               them.</p></noscript>\n<div id=\"ui\">";

fn head() -> String {
    let icon = crate::web::asset("icon.svg");
    format!(
        "<title>Rollcall API</title>\n    \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n    \
         <link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\n    \
         <style>{STYLE}</style>"
    )
}

/// Only the page's own scripts and styles count, by their hashes; it talks to this server and loads nothing from elsewhere.
pub fn policy(page: &str) -> String {
    let hash = |text| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let hashes = |tag| inside(page, tag).map(hash).collect::<Vec<_>>().join(" ");
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data: 'self'; connect-src 'self'; form-action 'none'; \
         object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        hashes("script"),
        hashes("style"),
    )
}

/// The texts between `<script …>` and `</script>`, or those of another tag, as a browser finds them.
fn inside<'p>(page: &'p str, tag: &str) -> impl Iterator<Item = &'p str> {
    let (begin, end) = (format!("<{tag}"), format!("</{tag}>"));
    let mut rest = page;
    std::iter::from_fn(move || {
        let (_, opened) = rest.split_once(&begin)?;
        let (_, text) = opened.split_once('>')?;
        let (inner, after) = text.split_once(&end)?;
        rest = after;
        Some(inner)
    })
}
