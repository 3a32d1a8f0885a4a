//! One connection from its first byte to its last, watched for how long everything takes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use poem::http::uri::Scheme;
use poem::http::{Request as HttpRequest, Response as HttpResponse, Version};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::budget::Budget;
use super::connections::Place;
use super::listener::Stop;
use super::tls::Certificate;
use super::{Bounds, arriving};

/// What all connections share.
pub struct Service<E> {
    pub endpoint: E,
    pub bounds: Bounds,
    /// What bodies may take of the memory.
    pub budget: Arc<Budget>,
    pub certificate: Option<Arc<Certificate>>,
    pub stop: Stop,
}

/// How long a client gets to hear that a connection which nobody waits for will end.
const GOODBYE: Duration = Duration::from_millis(100);

impl<E: Endpoint<Output = Response> + 'static> Service<E> {
    /// Serves one connection until it ends, by either side's wish; whether it was cut off while a client still had something
    /// to lose, since the server stops.
    pub async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, place: Arc<Place>) -> bool {
        // Answers are written whole; waiting to fill a packet only delays their ends.
        drop(socket.set_nodelay(true));
        let local = socket.local_addr().ok();
        let socket = Watched { socket, place: place.clone() };
        let ends = (local, peer);
        tokio::select! {
            () = place.given_away() => {
                tracing::debug!(%peer, "a connection made room for another");
                false
            }
            cut_off = self.clone().speak(socket, ends, &place) => cut_off,
        }
    }

    async fn speak(
        self: Arc<Self>,
        socket: Watched,
        ends: (Option<SocketAddr>, SocketAddr),
        place: &Arc<Place>,
    ) -> bool {
        let Some(certificate) = self.certificate.clone() else {
            return self.speak_http(socket, Scheme::HTTP, ends, place).await;
        };
        let shaken = timeout(self.bounds.head, certificate.acceptor().accept(socket));
        let shaken = tokio::select! {
            shaken = shaken => shaken,
            () = stopped(self.stop.clone()) => return false,
        };
        match shaken {
            Ok(Ok(socket)) => return self.speak_http(socket, Scheme::HTTPS, ends, place).await,
            Ok(Err(error)) => tracing::debug!(peer = %ends.1, %error, "no TLS"),
            Err(_) => tracing::debug!(peer = %ends.1, "TLS took too long"),
        }
        false
    }

    async fn speak_http<S>(
        self: Arc<Self>,
        socket: S,
        scheme: Scheme,
        ends: (Option<SocketAddr>, SocketAddr),
        place: &Arc<Place>,
    ) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let local = LocalAddr(ends.0.map(poem::Addr::SocketAddr).unwrap_or_default());
        let remote = RemoteAddr(ends.1.into());
        let answer = |request: HttpRequest<Incoming>| {
            let under_way = UnderWay::begin(place, request.version() == Version::HTTP_2);
            let request = Request::from((request, local.clone(), remote.clone(), scheme.clone()));
            let share = self.budget.share(place.network());
            let request = arriving::within(request, self.bounds.body, &share);
            let service = self.clone();
            // In a box, since it is large: hyper moves it about, and would keep room for it in each idle connection.
            Box::pin(async move {
                let response = service.endpoint.call(request).await.unwrap_or_else(poem::Error::into_response);
                drop(share);
                Ok::<_, Infallible>(HttpResponse::from(response).map(|body| Sending { body, under_way }))
            })
        };
        let builder = builder(&self.bounds);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service_fn(answer)));
        let patience = tokio::select! {
            _ = connection.as_mut() => return false,
            answered = place.overdue() => if answered { self.bounds.stall } else { return false },
            () = stopped(self.stop.clone()) => if place.is_at_work() { self.bounds.stop } else { GOODBYE },
        };
        connection.as_mut().graceful_shutdown();
        timeout(patience, connection).await.is_err() && *self.stop.borrow() && place.is_at_work()
    }
}

/// Resolves when the server is asked to stop.
async fn stopped(mut stop: Stop) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// What clients may do on the level of HTTP. How long they may take for it is watched by [`Place`]; hyper's own deadline
/// for heads would also end connections that are merely idle.
fn builder(bounds: &Bounds) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_headers(100).max_buf_size(MOST_BUFFERED);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(32)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .max_header_list_size(64 * 1024)
        .max_send_buf_size(MOST_BUFFERED)
        .keep_alive_interval(bounds.ping)
        .keep_alive_timeout(bounds.head);
    builder
}

/// Bytes that are kept for one connection: of a head that is not complete, or of an answer that the client doesn't read.
const MOST_BUFFERED: usize = 64 * 1024;

/// A request from its head to the last of its answer.
struct UnderWay(Arc<Place>);

impl UnderWay {
    fn begin(place: &Arc<Place>, http2: bool) -> Self {
        place.begin(http2);
        Self(place.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// The body of an answer, which is under way until the last of it was taken.
struct Sending<B> {
    body: B,
    under_way: UnderWay,
}

impl<B: HttpBody + Unpin> HttpBody for Sending<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.under_way.0.go_on();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that tells how its client is getting on.
struct Watched {
    socket: TcpStream,
    place: Arc<Place>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, into);
        if into.filled().len() > before {
            self.place.heard();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.place.sent(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, bytes);
        self.place.sent(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
