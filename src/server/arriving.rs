//! Bodies on their way to us: they have to arrive in time and find room, and those that nobody wanted are heard out for a
//! while.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use hyper::body::Bytes;
use poem::http::{Version, header};
use poem::{Body, Request};
use tokio::time::{Sleep, sleep, timeout};

use super::budget::Share;
use crate::auth::Unread;

/// How long, and for how many bytes, the rest of a body is listened to that was refused before it was there.
const HEARD_OUT: (Duration, usize) = (Duration::from_secs(2), 1024 * 1024);

type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The request, with a body that has to arrive within a time and within what there is room for. The room is taken as long
/// as the share is kept.
pub fn within(mut request: Request, within: Duration, share: &Arc<Share>) -> Request {
    let body = request.take_body();
    if body.is_empty() {
        return request;
    }
    // HTTP/2 can end one request by itself, and who expects to be asked for the body hasn't sent it.
    let hear_out = request.version() < Version::HTTP_2 && !request.headers().contains_key(header::EXPECT);
    let chunks: Chunks = Box::pin(body.into_bytes_stream());
    let due = Box::pin(sleep(within));
    let arriving = Arriving { chunks: Some(chunks), due, within, hear_out, share: share.clone() };
    request.set_body(Body::from_bytes_stream(arriving));
    request
}

struct Arriving {
    /// None once it has arrived, or will not.
    chunks: Option<Chunks>,
    due: Pin<Box<Sleep>>,
    within: Duration,
    hear_out: bool,
    share: Arc<Share>,
}

impl Stream for Arriving {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(chunks) = &mut self.chunks else { return Poll::Ready(None) };
        let next = match chunks.as_mut().poll_next(context) {
            Poll::Ready(next) => next,
            Poll::Pending if self.due.as_mut().poll(context).is_ready() => {
                Some(Err(io::Error::new(io::ErrorKind::TimedOut, Unread::TooSlow(self.within.as_secs()))))
            }
            Poll::Pending => return Poll::Pending,
        };
        if let Some(Ok(chunk)) = &next
            && !self.share.take(chunk.len())
        {
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::OutOfMemory, Unread::NoRoom))));
        }
        if !matches!(next, Some(Ok(_))) {
            self.chunks = None;
        }
        Poll::Ready(next)
    }
}

/// A connection that ends while its client still sends is reset, and the client may never read why it was refused.
impl Drop for Arriving {
    fn drop(&mut self) {
        let Some(mut chunks) = self.chunks.take().filter(|_| self.hear_out) else { return };
        let (within, mut bytes) = HEARD_OUT;
        let heard = async move {
            while let Some(Ok(chunk)) = chunks.next().await {
                bytes = bytes.saturating_sub(chunk.len());
                if bytes == 0 {
                    return;
                }
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(timeout(within, heard));
        }
    }
}
