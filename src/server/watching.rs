//! What those ask who watch the server: is it alive, can it do its work, and how much of it does it do?

use std::net::IpAddr;

use poem::http::{HeaderName, header};
use poem::{Request, Response, get, handler};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::{Error, Result};
use crate::metrics::TEXT_FORMAT;
use crate::routes::Routes;

/// The addresses for it.
pub fn add_to(routes: Routes) -> Routes {
    routes.served("/health/live", get(live)).served("/health/ready", get(ready)).served("/metrics", get(metrics))
}

/// Whether somebody asks how the server is. Nobody is asked to come again later with that: a server that is watched by many
/// is not a server that is ill, and the answer costs no more than the refusal.
pub fn is_of_health(path: &str) -> bool {
    matches!(path, "/health/live" | "/health/ready")
}

/// Whoever gets this answer knows that the process answers.
#[handler]
fn live() -> Response {
    in_json(r#"{"live":true}"#)
}

/// And whoever gets this one, that it takes requests and can write.
#[handler]
async fn ready(app: App) -> Result<Response> {
    app.health().require_ready(app.db()).await?;
    Ok(in_json(r#"{"ready":true}"#))
}

fn in_json(text: &'static str) -> Response {
    Response::builder().content_type("application/json").body(text)
}

/// Figures of the whole server, for Prometheus. There is nobody's name in them, and still they are not for everybody.
#[handler]
async fn metrics(app: App, request: &Request) -> Result<Response> {
    require_watcher(&app, request)?;
    // Reading the sizes of files can take a moment.
    let text = tokio::task::spawn_blocking(move || app.figures()).await.map_err(Error::internal)??;
    Ok(Response::builder().content_type(TEXT_FORMAT).body(text))
}

/// Shown to who has the token that is set for it, and to the machine itself.
fn require_watcher(app: &App, request: &Request) -> Result<()> {
    let Some(sent) = request.header(header::AUTHORIZATION) else {
        if is_this_machine(app, request) {
            return Ok(());
        }
        let message =
            "Metrics are shown to the server's own machine, and to who sends the token that --metrics-token sets.";
        return Err(Error::Unauthenticated("token_missing", message.into()));
    };
    let sent = sent.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    match (sent, &app.config().metrics_token) {
        (Some(sent), Some(token)) if is_same(sent.trim(), token.as_str()) => Ok(()),
        _ => {
            let message = "This is not the token that --metrics-token sets.";
            Err(Error::Unauthenticated("token_invalid", message.into()))
        }
    }
}

/// Of hashes, how soon they differ tells nothing about what was hashed.
fn is_same(sent: &str, token: &str) -> bool {
    Sha256::digest(sent) == Sha256::digest(token)
}

/// What proxies add to a request that they pass on.
const PASSED_ON: [HeaderName; 6] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// Whether a request can only come from the machine itself. Behind a proxy on it everybody seems to, so where there may be
/// one, by the settings or by the request, nobody is believed to; nor who was led here under another name by a page that
/// their browser shows (DNS rebinding).
fn is_this_machine(app: &App, request: &Request) -> bool {
    let config = app.config();
    let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| peer.is_loopback())
        && config.trusted_proxy.is_empty()
        && config.public_url.is_none()
        && !PASSED_ON.iter().any(|name| request.headers().contains_key(name))
        && request.header(header::HOST).is_some_and(names_this_machine)
}

fn names_this_machine(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::names_this_machine;

    #[test]
    fn a_machine_is_told_by_its_names() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in ["", "people.example.com", "localhost.example.com", "127.0.0.1.nip.io:80", "10.0.0.1", "[::2]:80"] {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
