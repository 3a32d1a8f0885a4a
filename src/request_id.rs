//! The id of the request that is being answered, for lines of the log that are written far from it.

use std::sync::Arc;

use crate::auth::Sender;

tokio::task_local! {
    static CURRENT: Arc<Sender>;
}

/// Answers a request under the id that its sender was given.
pub fn under<T>(sender: Arc<Sender>, answer: impl Future<Output = T>) -> impl Future<Output = T> {
    CURRENT.scope(sender, answer)
}

/// That of the request which is answered here; none elsewhere.
pub fn current() -> Option<String> {
    CURRENT.try_with(|sender| sender.trace.request_id.clone()).ok()
}
