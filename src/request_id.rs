//! The id of the request that is being answered, for lines of the log that are written far from it.

tokio::task_local! {
    static CURRENT: String;
}

/// Answers a request under its id.
pub async fn under<T>(id: String, answer: impl Future<Output = T>) -> T {
    CURRENT.scope(id, answer).await
}

/// That of the request which is answered here; none elsewhere.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}
