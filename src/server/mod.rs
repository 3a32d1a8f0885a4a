//! Every route on one screen, and what a server is made of.

mod arriving;
mod bounds;
mod budget;
mod connection;
mod connections;
mod context;
mod headers;
mod listener;
mod methods;
mod proxies;
mod systemd;
mod tls;
mod watching;

use std::net::SocketAddr;
use std::time::Duration;

use poem::{Endpoint, IntoEndpoint, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app::App;
use crate::error::{Error, Result};
use crate::routes::{Address, LOOKED_AT, Later, Routes};
use crate::{api, docs, jobs, web};
pub use bounds::Bounds;
use context::InContext;
use tls::Certificate;

/// The whole server as one endpoint, for the listener and for the tests.
pub fn endpoint(app: App) -> impl Endpoint<Output = Response> {
    app.metrics().requests.know(paths);
    let at_once = watching::add_to(Routes::new())
        .served("/", web::front_door())
        .below("/ui", Later::new(web::pages))
        .below("/reference", Later::new(|| docs::reference().into_endpoint()));
    let documents = documents().below("/static", web::files());
    InContext::new(app, at_once.or(documents.or(Later::new(api::endpoint))).made())
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
    let open = open.map(|path| Address { methods: LOOKED_AT.to_vec(), path: path.into() });
    let under_ui = |page: &Address| Address { path: format!("/ui{}", page.path), ..page.clone() };
    let pages: Vec<_> = web::routes().addresses().iter().map(under_ui).collect();
    let others = watching::add_to(documents());
    open.into_iter().chain(others.addresses().iter().cloned()).chain(pages).collect()
}

/// Every path that is served.
fn paths() -> Vec<String> {
    addresses().into_iter().chain(api::addresses()).map(|address| address.path).collect()
}

/// How a server is asked to stop: `gently` resolves when it is to finish what is in flight, and `at_once` when it is not.
pub struct Stopping<G, O> {
    pub gently: G,
    pub at_once: O,
}

/// Listens, serves until it is asked to stop, finishes what is in flight, and closes the database. `ready` is called beside
/// that, as soon as it listens.
///
/// # Errors
///
/// Says what keeps it from serving, or that it was asked to stop at once.
pub async fn run(
    app: App,
    ready: impl FnOnce(&App) -> Result<()> + Send + 'static,
    stopping: Stopping<impl Future<Output = ()>, impl Future<Output = ()>>,
) -> Result<()> {
    let bounds = Bounds { stop: app.config().stop_within, ..Bounds::default() };
    run_within(app, bounds, ready, stopping).await
}

/// The same with other bounds.
pub async fn run_within(
    app: App,
    bounds: Bounds,
    ready: impl FnOnce(&App) -> Result<()> + Send + 'static,
    stopping: Stopping<impl Future<Output = ()>, impl Future<Output = ()>>,
) -> Result<()> {
    let address = app.config().listen;
    let cannot_listen = |error| {
        Error::Unavailable(format!("Cannot listen on {address}: {error}. Choose another address with --listen."))
    };
    let certificate = Certificate::open(app.config())?;
    let listener = listen(address).map_err(cannot_listen)?;
    app.listens_on(listener.local_addr().map_err(cannot_listen)?);
    let unready = tell(app.clone(), ready);
    let mut beside = JoinSet::new();
    beside.spawn(jobs::run(app.clone()));
    if let Some(certificate) = &certificate {
        beside.spawn(certificate.clone().watch(bounds.certificate));
    }
    let patience = bounds.stop;
    let Stopping { gently, at_once } = stopping;
    let gently = async {
        gently.await;
        app.health().stop();
        systemd::stopping();
        tracing::info!(within = ?patience, "stopping; a second signal ends it at once");
    };
    let finish = async {
        listener::serve(listener, app.clone(), endpoint(app.clone()), bounds, certificate, gently).await;
        app.backups().stop();
        beside.shutdown().await;
        close(&app, patience).await;
    };
    tokio::select! {
        () = finish => tracing::info!("stopped"),
        () = at_once => {
            let cause = "Stopped at once, before all that was in flight was answered. What was answered is stored.";
            return Err(Error::Unavailable(cause.into()));
        }
        error = unready => return Err(error),
    }
    Ok(())
}

/// Tells everybody that it serves, on a thread beside, since that may have to wait for the disk; then that it still does.
/// Resolves only to what failed.
fn tell(app: App, ready: impl FnOnce(&App) -> Result<()> + Send + 'static) -> impl Future<Output = Error> {
    let beside = app.clone();
    let told = tokio::task::spawn_blocking(move || {
        ready(&beside)?;
        let (version, url) = (env!("CARGO_PKG_VERSION"), beside.public_url());
        tracing::info!(version, url, "serving");
        systemd::ready(&beside);
        Ok(())
    });
    async {
        match told.await {
            Ok(Ok(())) => systemd::keep_alive(app).await,
            Ok(Err(error)) => return error,
            Err(panic) => return Error::internal(panic),
        }
        std::future::pending().await
    }
}

/// Lets the last writes reach the disk. One that no longer takes them holds nobody up.
async fn close(app: &App, patience: Duration) {
    let db = app.db().clone();
    let closing = tokio::task::spawn_blocking(move || db.close());
    if timeout(patience, closing).await.is_err() {
        tracing::error!("the disk did not take the last writes in time; nobody was told that they were stored");
    }
}

/// Connections that the system keeps for us until we take them. Whoever comes when they are too many tries again after
/// seconds that double each time, up to a minute.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port that was just in use may be used again; elsewhere that would let others take it away.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
