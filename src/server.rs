//! Every route on one screen, what wraps them all, and the graceful stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::http::{HeaderValue, header};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Request, Response, Route, Server};

use crate::app::App;
use crate::domain::actor::Trace;
use crate::domain::tokens;
use crate::error::{Error, Result};
use crate::routes::{Address, Routes};
use crate::{api, docs, jobs, web};

/// How long requests in flight get to finish once the server was asked to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The whole server as one endpoint, for the listener and for the tests.
pub fn endpoint(app: App) -> impl Endpoint<Output = Response> {
    let for_programs = documents()
        .into_route()
        .nest("/static", web::files())
        .at("/<.+>", api::endpoint()) // not `/*`, which would take `/` too
        .around(api::in_json);
    Route::new()
        .nest("/ui", web::pages())
        .nest("/reference", docs::reference())
        .at("/", web::front_door().into_endpoint().around(api::in_json))
        .at("/<.+>", for_programs)
        .data(app)
        .around(in_context)
}

/// What the handlers are described by.
fn documents() -> Routes {
    Routes::new()
        .served("/docs", docs::swagger_ui())
        .served("/openapi.json", docs::json())
        .served("/openapi.yaml", docs::yaml())
        .served("/users/swagger.yaml", docs::users_yaml())
        .served("/users/route.rs", docs::route_source())
}

/// Every address that is served, but for those of the API, which its document lists.
pub fn addresses() -> Vec<Address> {
    let open = ["/", "/reference/", "/reference/:id", "/static/:file"];
    let open = open.map(|path| Address { methods: &["GET", "HEAD"], path: path.into() });
    let under_ui = |page: &Address| Address { path: format!("/ui{}", page.path), ..page.clone() };
    let pages: Vec<_> = web::routes().addresses().iter().map(under_ui).collect();
    open.into_iter().chain(documents().addresses().iter().cloned()).chain(pages).collect()
}

/// Listens, serves until `stop` resolves, finishes what is in flight, and closes the database.
pub async fn run(
    app: App,
    ready: impl FnOnce(&App) -> Result<()>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = app.config().listen;
    let cannot_listen = |error| {
        Error::Unavailable(format!("Cannot listen on {address}: {error}. Choose another address with --listen."))
    };
    let acceptor = TcpListener::bind(address).into_acceptor().await.map_err(cannot_listen)?;
    if let Some(local) = acceptor.local_addr().first().and_then(|local| local.as_socket_addr()) {
        app.listens_on(*local);
    }
    ready(&app)?;
    let jobs = tokio::spawn(jobs::run(app.clone()));
    let server = Server::new_with_acceptor(acceptor);
    let served = server.run_with_graceful_shutdown(endpoint(app.clone()), stop, Some(STOP_WITHIN)).await;
    jobs.abort();
    app.db().close();
    served.map_err(Error::internal)
}

/// Gives each request its id and notes where it came from; afterwards sets the headers every answer has, and logs.
async fn in_context<E: Endpoint>(ep: Arc<E>, mut request: Request) -> poem::Result<Response> {
    let started = Instant::now();
    let request_id = tokens::random_id()?;
    let address = request.remote_addr().as_socket_addr().map(|address| address.ip().to_string());
    let device = request.header(header::USER_AGENT).map(|agent| agent.chars().take(200).collect());
    request.set_data(Trace { request_id: request_id.clone(), address, device });
    let (method, path) = (request.method().clone(), loggable(request.uri().path()).to_owned());
    let mut response = match ep.call(request).await {
        Ok(response) => response.into_response(),
        Err(error) => api::answer(error, &request_id).await,
    };
    let status = response.status().as_u16();
    if let Some(Error::Internal(cause) | Error::Unavailable(cause)) = response.data::<Arc<Error>>().map(Arc::as_ref) {
        tracing::error!(%request_id, %method, %path, status, cause, "request failed");
    }
    tracing::debug!(%request_id, %method, %path, status, elapsed = ?started.elapsed(), "request");
    set_headers(response.headers_mut(), &request_id);
    Ok(response)
}

/// One-time links carry their secret as the last part of the path; it stays out of the log.
fn loggable(path: &str) -> &str {
    path.split_once("/v4.local.").map_or(path, |(before, _)| before)
}

/// Safe unless a handler said otherwise: nothing is framed, sniffed, cached by others or told to other sites. (Told to
/// nobody at all, browsers would send `Origin: null` with our own forms.)
fn set_headers(headers: &mut poem::http::HeaderMap, request_id: &str) {
    const DEFAULTS: [(header::HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
}
