//! What surrounds every request: its id, who sent it, the limits it is held to, the headers of its answer, and the log.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use poem::http::{HeaderValue, Method, StatusCode, Version, header, uri::Scheme};
use poem::{Endpoint, IntoResponse, Request, Response};

use super::{headers, proxies, watching};
use crate::app::App;
use crate::auth::{Client, LeftForToken};
use crate::domain::actor::Trace;
use crate::error::{Error, Result};
use crate::limits::{self, Room, Seldom};
use crate::metrics::Counted;
use crate::{api, request_id, web};

/// The longest address that is read, in bytes: every filter and cursor of ours fits in it many times.
const ADDRESS_LIMIT: usize = 8 * 1024;
/// The longest headers together, in bytes. Beyond twice as much the connection ends before there is a request.
const HEADERS_LIMIT: usize = 32 * 1024;

/// A request, as the log may know it.
struct About {
    id: String,
    method: Method,
    path: String,
    client: Option<IpAddr>,
    started: Instant,
}

/// Gives each request its id and notes where it came from; afterwards sets the headers every answer has, and logs.
pub async fn in_context<E: Endpoint>(ep: Arc<E>, mut request: Request) -> poem::Result<Response> {
    let app = request.data::<App>().cloned().ok_or_else(|| Error::internal("a request without its application"))?;
    let mut about = About {
        // To be told apart from others in the log is all it is for.
        id: format!("{:032x}", fastrand::u128(..)),
        method: request.method().clone(),
        path: loggable(request.uri().path()).to_owned(),
        client: None,
        started: Instant::now(),
    };
    let requests = &app.metrics().requests;
    let series = requests.at(about.method.as_str(), request.uri().path());
    let _in_flight = Counted::in_(&requests.in_flight);
    let left_for_token = LeftForToken::default();
    request.set_data(left_for_token.clone());
    let client = identify(&app, &mut request, &about.id);
    about.client = client.as_ref().ok().and_then(|client| client.address);
    let https = client.as_ref().map_or_else(|_| app.is_https(), |client| client.https || app.is_https());
    let admitted = client.and_then(|client| admit(&app, client, &request));
    let left = admitted.as_ref().ok().copied().flatten();
    let mut response = match admitted {
        Ok(_) => answer(ep, request, &about).await,
        Err(error) => refuse(&app, error, &about).await,
    };
    if response.status() == StatusCode::UNAUTHORIZED && !about.is_of_a_page() {
        response = count_stranger(&app, response, &about).await;
    }
    series.answered(response.status().as_u16(), about.started.elapsed());
    if let Some(error) = error_of(&response) {
        requests.refuse(error.code());
    }
    log(&about, &response);
    headers::set(response.headers_mut(), &about.id, https);
    if let Some((name, room)) = tightest(left_for_token.get(), left).filter(|_| !about.is_of_a_page()) {
        headers::set_limit(response.headers_mut(), name, &room);
    }
    Ok(response)
}

/// Notes who sent the request, for whoever asks later.
fn identify(app: &App, request: &mut Request, id: &str) -> Result<Client> {
    let https = *request.scheme() == Scheme::HTTPS;
    let device = request.header(header::USER_AGENT).map(|agent| agent.chars().take(200).collect());
    request.set_data(Trace { request_id: id.to_owned(), address: None, device: device.clone() });
    let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip());
    let client = match peer {
        Some(peer) => proxies::client(&app.config().trusted_proxy, peer, https, request.headers())?,
        None => Client { address: None, https },
    };
    let address = client.address.map(|address| address.to_string());
    request.set_data(Trace { request_id: id.to_owned(), address, device });
    request.set_data(client);
    if peer.is_some() {
        settle_host(request)?;
    }
    Ok(client)
}

/// Which server is meant stands in one place afterwards, in `Host`: HTTP/2 has it in `:authority`, and of a request with
/// an absolute address and another `Host` the address counts (RFC 9112 section 3.2).
fn settle_host(request: &mut Request) -> Result<()> {
    let sent = request.headers().get_all(header::HOST).iter().count();
    if sent > 1 || (sent == 0 && request.version() == Version::HTTP_11) {
        return Err(Error::invalid("Host", "invalid_request", "Send this header once."));
    }
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(Error::internal)?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// Whether the request may be looked at more closely; what is left for its address, if that is counted.
fn admit(app: &App, client: Client, request: &Request) -> Result<Option<Room>> {
    let target = request.uri();
    if target.path_and_query().map_or(0, |target| target.as_str().len()) > ADDRESS_LIMIT {
        return Err(Error::AddressTooLong(ADDRESS_LIMIT));
    }
    let sizes = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if sizes.sum::<usize>() > HEADERS_LIMIT {
        return Err(Error::HeadersTooLong(HEADERS_LIMIT));
    }
    if request.method() == Method::CONNECT {
        return Err(Error::MethodNotAllowed);
    }
    match (app.limits(), client.address) {
        _ if watching::is_of_health(target.path()) => Ok(None),
        (Some(limits), Some(address)) => limits.addresses.check(&limits::network(address)).map(Some),
        _ => Ok(None),
    }
}

/// What the handlers say. One that panics loses its own request only.
async fn answer<E: Endpoint>(ep: Arc<E>, request: Request, about: &About) -> Response {
    match AssertUnwindSafe(request_id::under(about.id.clone(), ep.call(request))).catch_unwind().await {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(error)) => api::answer(error, &about.id).await,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            api::answer(Error::internal(format!("a handler panicked: {said}")).into(), &about.id).await
        }
    }
}

/// A refusal in the shape that whoever asked expects.
async fn refuse(app: &App, error: Error, about: &About) -> Response {
    if about.is_of_a_page() {
        return web::error_page(app, &about.path, Arc::new(error), about.id.clone());
    }
    api::answer(error.into(), &about.id).await
}

/// Counts a request whose token was not honoured; who sends too many of them is told that instead.
async fn count_stranger(app: &App, response: Response, about: &About) -> Response {
    let (Some(limits), Some(address)) = (app.limits(), about.client) else { return response };
    match limits.strangers.check(&limits::network(address)) {
        Ok(_) => response,
        Err(error) => refuse(app, error, about).await,
    }
}

/// What an answer says went wrong.
fn error_of(response: &Response) -> Option<&Error> {
    response.data::<Arc<Error>>().map(Arc::as_ref)
}

/// The limit that whoever asked will reach first.
fn tightest(token: Option<Room>, address: Option<Room>) -> Option<(&'static str, Room)> {
    let named = [token.map(|room| ("token", room)), address.map(|room| ("address", room))];
    named.into_iter().flatten().min_by_key(|(_, room)| room.left)
}

static UNAVAILABLE: Seldom = Seldom::new();

/// One line for what failed, and for what somebody who attacks would cause; one for each request at `debug`. Neither
/// secrets nor anything from bodies and headers is in it.
fn log(about: &About, response: &Response) {
    let About { id: request_id, method, path, client, started } = about;
    let status = response.status().as_u16();
    let address = client.map(tracing::field::display);
    let error = error_of(response);
    let code = error.map_or("", Error::code);
    if let Some(Error::Internal(cause)) = error {
        tracing::error!(%request_id, %method, %path, status, cause, "request failed");
    }
    match status {
        401 => tracing::info!(%request_id, %method, %path, address, code, "not signed in"),
        403 => tracing::warn!(%request_id, %method, %path, address, code, "not allowed"),
        429 => tracing::warn!(%request_id, %method, %path, address, code, "too many requests"),
        408 | 413 | 414 | 431 => tracing::warn!(%request_id, %method, %path, address, code, "beyond a limit"),
        // All that is asked fails at once: a line for each would be one more load.
        503 => {
            let cause = error.map(Error::cause).unwrap_or_default();
            if let Some(left_out) = UNAVAILABLE.due() {
                tracing::warn!(%request_id, %method, %path, address, code, cause, left_out, "not now");
            }
        }
        _ => tracing::debug!(%request_id, %method, %path, address, status, elapsed = ?started.elapsed(), "request"),
    }
}

impl About {
    fn is_of_a_page(&self) -> bool {
        self.path == "/ui" || self.path.starts_with("/ui/")
    }
}

/// One-time links carry their secret as the last part of the path; it stays out of the log.
fn loggable(path: &str) -> &str {
    path.split_once("/v4.local.").map_or(path, |(before, _)| before)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use clap::Parser;
    use poem::EndpointExt;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;

    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        config: Config,
    }

    #[tokio::test]
    async fn a_handler_that_panics_loses_its_own_request_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Settings::parse_from(["rollcall"]).config;
        config.data = folder.path().to_owned();
        let app = App::open(config, Clock::system()).unwrap();
        let panics = poem::endpoint::make_sync(|request: Request| {
            assert!(request.uri().path() != "/panic", "as asked");
            "fine"
        });
        let server = panics.around(in_context).data(app);
        let ask = |path: &'static str| server.call(Request::builder().uri_str(path).finish());
        let broken = ask("/panic").await.unwrap();
        assert_eq!(broken.status(), 500);
        let id = broken.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = broken.into_body().into_string().await.unwrap();
        assert!(body.contains(&id) && body.contains("internal_error") && !body.contains("as asked"), "{body}");
        assert_eq!(ask("/fine").await.unwrap().into_body().into_string().await.unwrap(), "fine");
    }
}
