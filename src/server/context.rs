//! What surrounds every request: its id, who sent it, the limits it is held to, the headers of its answer, and the log.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use poem::http::{HeaderValue, Method, StatusCode, Version, header, uri::Scheme};
use poem::{Endpoint, Request, Response};

use super::{headers, methods, proxies, watching};
use crate::app::App;
use crate::auth::{Client, Sender};
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
    sender: Arc<Sender>,
    method: Method,
    path: String,
    started: Instant,
}

/// Gives each request its id and notes where it came from; afterwards sets the headers every answer has, and logs.
pub struct InContext<E> {
    app: App,
    endpoint: E,
}

impl<E> InContext<E> {
    pub fn new(app: App, endpoint: E) -> Self {
        Self { app, endpoint }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for InContext<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let app = &self.app;
        let started = Instant::now();
        let requests = &app.metrics().requests;
        let series = requests.at(request.method().as_str(), request.uri().path());
        let _in_flight = Counted::in_(&requests.in_flight);
        let client = client_of(app, &request);
        let sender = Arc::new(sender(&request, client.as_ref().ok()));
        request.set_data(app.clone());
        request.set_data(sender.clone());
        let (method, path) = (request.method().clone(), loggable(request.uri().path()).to_owned());
        let about = About { sender, method, path, started };
        let admitted = client.and_then(|client| admit(app, client, &mut request));
        let left = match &admitted {
            Ok(left) => *left,
            Err(Error::TooManyRequests(..)) => app.limits().map(|limits| limits.addresses.used_up()),
            Err(_) => None,
        };
        let mut response = match admitted {
            Ok(_) => {
                let answer = request_id::under(about.sender.clone(), self.endpoint.call(request));
                shape(app, AssertUnwindSafe(answer).catch_unwind().await, &about).await
            }
            Err(error) => refuse(app, error, &about).await,
        };
        if response.status() == StatusCode::UNAUTHORIZED && !about.is_of_a_page() {
            response = count_stranger(app, response, &about).await;
        }
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            methods::tell(response.headers_mut(), &about.path);
        }
        series.answered(response.status().as_u16(), about.started.elapsed());
        if let Some(error) = error_of(&response) {
            requests.refuse(error.code());
        }
        log(&about, &response);
        headers::set(response.headers_mut(), about.id(), about.sender.client.https || app.is_https());
        let left_for_token = about.sender.left_for_token();
        if let Some((name, room)) = tightest(left_for_token, left).filter(|_| !about.is_of_a_page()) {
            headers::set_limit(response.headers_mut(), name, &room);
        }
        Ok(response)
    }
}

/// How the request got here. Tests that have no socket come from nowhere.
fn client_of(app: &App, request: &Request) -> Result<Client> {
    let https = *request.scheme() == Scheme::HTTPS;
    match request.remote_addr().as_socket_addr() {
        Some(peer) => proxies::client(&app.config().trusted_proxy, peer.ip(), https, request.headers()),
        None => Ok(Client { address: None, https }),
    }
}

/// Who sent the request, for whoever asks later. Its id is there to tell it apart from others in the log.
fn sender(request: &Request, client: Option<&Client>) -> Sender {
    let client = client.copied().unwrap_or_default();
    let device = request.header(header::USER_AGENT).map(|agent| agent.chars().take(200).collect());
    let address = client.address.map(|address| address.to_string());
    Sender::new(Trace { request_id: format!("{:032x}", fastrand::u128(..)), address, device }, client)
}

/// Which server is meant stands in one place afterwards, in `Host`: HTTP/2 has it in `:authority`, and of a request with
/// an absolute address and another `Host` the address counts (RFC 9112 section 3.2).
fn settle_host(request: &mut Request) -> Result<()> {
    let sent = request.headers().get_all(header::HOST).iter().count();
    if sent > 1 || (sent == 0 && request.version() == Version::HTTP_11) {
        return Err(Error::invalid("Host", "invalid_request", "Send the name of this server as `Host`, once."));
    }
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(Error::internal)?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// Whether the request may be looked at more closely; what is left for its address, if that is counted.
fn admit(app: &App, client: Client, request: &mut Request) -> Result<Option<Room>> {
    if client.address.is_some() {
        settle_host(request)?;
    }
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

/// What the handlers said, in the shape that whoever asked expects. One that panics loses its own request only.
async fn shape(app: &App, said: std::thread::Result<poem::Result<Response>>, about: &About) -> Response {
    match said {
        Ok(Ok(response)) if about.is_of_a_page() || is_html(&response) => response,
        Ok(response) => api::in_json(response.unwrap_or_else(poem::Error::into_response), about.id()).await,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            refuse(app, Error::internal(format!("a handler panicked: {said}")), about).await
        }
    }
}

fn is_html(response: &Response) -> bool {
    response.content_type().is_some_and(|kind| kind.starts_with("text/html"))
}

/// A refusal in that shape.
async fn refuse(app: &App, error: Error, about: &About) -> Response {
    if about.is_of_a_page() {
        return web::error_page(app, &about.path, Arc::new(error), about.id().to_owned());
    }
    api::in_json(poem::Error::from(error).into_response(), about.id()).await
}

/// Counts a request whose token was not honoured; who sends too many of them is told that instead.
async fn count_stranger(app: &App, response: Response, about: &About) -> Response {
    let (Some(limits), Some(address)) = (app.limits(), about.sender.client.address) else { return response };
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

static UNAVAILABLE: Seldom = Seldom::every(Duration::from_secs(1));

/// One line for what failed, and for what somebody who attacks would cause; one for each request at `debug`. Neither
/// secrets nor anything from bodies and headers is in it.
fn log(about: &About, response: &Response) {
    let About { sender, method, path, started } = about;
    let request_id = about.id();
    let status = response.status().as_u16();
    let address = sender.client.address.map(tracing::field::display);
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
    fn id(&self) -> &str {
        &self.sender.trace.request_id
    }

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
            assert!(!request.uri().path().ends_with("/panic"), "as asked");
            "fine"
        });
        let server = InContext::new(app, panics.map_to_response());
        let ask = |path: &'static str| server.call(Request::builder().uri_str(path).finish());
        let broken = ask("/panic").await.unwrap();
        assert_eq!(broken.status(), 500);
        let id = broken.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = broken.into_body().into_string().await.unwrap();
        assert!(body.contains(&id) && body.contains("internal_error") && !body.contains("as asked"), "{body}");
        let page = ask("/ui/panic").await.unwrap();
        assert_eq!((page.status().as_u16(), page.content_type()), (500, Some("text/html; charset=utf-8")));
        assert_eq!(ask("/fine").await.unwrap().into_body().into_string().await.unwrap(), "fine");
    }
}
