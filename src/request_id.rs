//! The id of the request that is being answered, for lines of the log that are written far from it.

tokio::task_local! {
    static CURRENT: String;
}

/// Answers a request under its id.
pub fn under<T>(id: String, answer: impl Future<Output = T>) -> impl Future<Output = T> {
    CURRENT.scope(id, answer)
}

/// That of the request which is answered here; none elsewhere.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}
