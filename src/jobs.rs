//! What is due by the clock. Each job is one call into a noun.

use std::time::Duration;

use crate::app::App;
use crate::domain::tokens;

const EVERY: Duration = Duration::from_secs(600);
/// Rows a job touches in one transaction, so that it never keeps others waiting.
const BATCH: i64 = 500;

/// Runs until the server stops.
pub async fn run(app: App) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        while let Ok(BATCH..) = app.db().write(|w| tokens::purge(w, BATCH).map(|n| n as i64)).await {}
    }
}
