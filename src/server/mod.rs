//! Every route on one screen, and what a server is made of.

mod arriving;
mod bounds;
mod budget;
mod connection;
mod connections;
mod context;
mod headers;
mod listener;
mod proxies;
mod tls;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::{Error, Result};
use crate::routes::{Address, Routes};
use crate::{api, docs, jobs, web};
pub use bounds::Bounds;
use tls::Certificate;

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
        .around(context::in_context)
        .data(app)
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
    run_within(app, Bounds::default(), ready, stop).await
}

/// The same with other bounds.
pub async fn run_within(
    app: App,
    bounds: Bounds,
    ready: impl FnOnce(&App) -> Result<()>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = app.config().listen;
    let cannot_listen = |error| {
        Error::Unavailable(format!("Cannot listen on {address}: {error}. Choose another address with --listen."))
    };
    let certificate = Certificate::open(app.config())?;
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    app.listens_on(listener.local_addr().map_err(cannot_listen)?);
    ready(&app)?;
    let mut beside = JoinSet::new();
    beside.spawn(jobs::run(app.clone()));
    if let Some(certificate) = &certificate {
        beside.spawn(certificate.clone().watch(bounds.certificate));
    }
    listener::serve(listener, app.clone(), endpoint(app.clone()), bounds, certificate, stop).await;
    app.backups().stop();
    beside.shutdown().await;
    app.db().close();
    Ok(())
}
