//! Swagger UI as poem-openapi brings it along, with our document in it and a policy that lets in nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::api;

/// The page, with `document` in place of the one that poem-openapi generated. A test holds that the places are found.
pub fn page(document: &str) -> String {
    let generated = format!("let spec = {};", api::document());
    // Inside a script, `</script` or `<!--` in a text would end or change it.
    let document = document.trim_end().replace('<', "\\u003c");
    api::swagger_ui()
        .trim_start()
        .replacen(&generated, &format!("let spec = {document};"), 1)
        .replacen("<html charset=\"UTF-8\">", "<!doctype html>\n<html lang=\"en\">", 1)
        .replacen("<title>Swagger UI</title>", &head(), 1)
}

fn head() -> String {
    let icon = crate::web::asset("icon.svg");
    format!(
        "<title>Rollcall API</title>\n    \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n    \
         <link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">"
    )
}

/// Only the page's own scripts run, by their hashes; it talks to this server and loads nothing from elsewhere.
pub fn policy(page: &str) -> String {
    let hash = |script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
    let hashes: Vec<_> = scripts(page).map(hash).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline' 'self'; img-src data: 'self'; connect-src 'self'; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        hashes.join(" ")
    )
}

/// The texts between `<script …>` and `</script>`, as a browser finds them.
fn scripts(page: &str) -> impl Iterator<Item = &str> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let (_, tag) = rest.split_once("<script")?;
        let (_, text) = tag.split_once('>')?;
        let (script, after) = text.split_once("</script>")?;
        rest = after;
        Some(script)
    })
}
