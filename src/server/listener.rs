//! Takes connections until it is time to stop, then lets those finish that are at work.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Bounds;
use super::budget::Budget;
use super::connection::Service;
use super::connections::Connections;
use super::tls::Certificate;
use crate::app::App;
use crate::limits::Seldom;
use crate::metrics::Counted;

/// Whether the server was asked to stop.
pub type Stop = watch::Receiver<bool>;

/// That the system has no connection to give is said once a minute.
static NO_ROOM: Seldom = Seldom::every(Duration::from_mins(1));
/// Waits this long when it has none, for instance because too many files are open.
const BREATH: Duration = Duration::from_millis(200);

/// Serves everybody who connects until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    app: App,
    endpoint: impl Endpoint<Output = Response> + 'static,
    bounds: Bounds,
    certificate: Option<Arc<Certificate>>,
    stop: impl Future<Output = ()>,
) {
    let (ask_to_stop, asked) = watch::channel(false);
    let connections = Connections::new(bounds.clone());
    let patience = bounds.stop;
    let budget = Budget::new(bounds.body_bytes);
    let service = Arc::new(Service { endpoint, bounds, budget, certificate, stop: asked });
    let mut tasks = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => take(&service, &connections, &app, &mut tasks, socket, peer),
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    if NO_ROOM.due().is_some() {
                        tracing::warn!(%error, "no connection can be taken at the moment");
                    }
                    connections.make_room();
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    ask_to_stop.send_replace(true);
    let mut cut_off = 0;
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            cut_off += usize::from(ended.unwrap_or(false));
        }
    };
    drop(timeout(patience + Duration::from_secs(1), all).await);
    let connections = cut_off + tasks.len();
    if connections > 0 {
        tracing::warn!(connections, "stopped before all that was asked was answered; what was answered is stored");
    }
    tasks.shutdown().await;
}

/// Serves a connection if there is a place for it. Whoever gets none hears so at once, by its end.
fn take<E: Endpoint<Output = Response> + 'static>(
    service: &Arc<Service<E>>,
    connections: &Arc<Connections>,
    app: &App,
    tasks: &mut JoinSet<bool>,
    socket: TcpStream,
    peer: SocketAddr,
) {
    let metrics = app.metrics();
    let Some(place) = connections.place(peer.ip(), is_counted(app, peer.ip())) else {
        metrics.connections_refused.inc();
        return tracing::debug!(%peer, "no place for another connection");
    };
    let (open, serving) = (Counted::in_(metrics.connections.clone()), service.clone().serve(socket, peer, place));
    tasks.spawn(async move {
        let _open = open;
        serving.await
    });
}

/// Whether a network is held to its share of the connections. A trusted proxy carries everybody's.
fn is_counted(app: &App, address: IpAddr) -> bool {
    let address = address.to_canonical();
    !address.is_loopback() && !app.config().trusted_proxy.iter().any(|network| network.contains(&address))
}

/// What went wrong concerns the client who was about to connect, and nobody else.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
