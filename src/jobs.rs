//! What is due by the clock. Each job is one call into a noun.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::backups::name;
use crate::clock::Timestamp;
use crate::db::Write;
use crate::domain::{backups, events, idempotency, memberships, setup, tokens, users};
use crate::error::Result;
use crate::keyring;

const EVERY: Duration = Duration::from_mins(10);
/// What is deleted by its age is gone for good, and a machine that has just been started may not know the time yet.
const FIRST: Duration = Duration::from_mins(2);
/// Rows a job touches in one transaction, so that it never keeps others waiting.
const BATCH: i64 = 500;

/// Runs until the server stops.
pub async fn run(app: App) {
    tokio::join!(keyring::watch(app.clone()), clean_up(app.clone()), keep_backups(app));
}

async fn clean_up(app: App) {
    merge_search(&app).await;
    let mut tick = tokio::time::interval_at(Instant::now() + FIRST, EVERY);
    loop {
        tick.tick().await;
        run_once(&app).await;
    }
}

async fn merge_search(app: &App) {
    drain(app, "search", |w| Ok(if users::merge_search(w)? { BATCH as usize } else { 0 })).await;
}

/// Does all that is due now.
pub async fn run_once(app: &App) {
    let keep = app.config().keep_events;
    drain(app, "tokens", |w| tokens::purge(w, BATCH)).await;
    drain(app, "idempotency keys", |w| idempotency::purge(w, BATCH)).await;
    drain(app, "recycle bin", |w| memberships::purge(w, BATCH)).await;
    if let Some(keep) = keep {
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        drain(app, "events", move |w| events::purge(w, Timestamp(w.now.0.saturating_sub(keep)), BATCH)).await;
    }
    merge_search(app).await;
}

/// How often it is looked whether a backup is due.
const BACKUPS_EVERY: Duration = Duration::from_secs(60);

async fn keep_backups(app: App) {
    let mut tick = tokio::time::interval(BACKUPS_EVERY);
    loop {
        tick.tick().await;
        back_up_if_due(&app).await;
    }
}

/// Makes a backup, if its time has come.
pub async fn back_up_if_due(app: &App) {
    let now = app.db().now();
    // Where nobody is yet, there is nothing to keep.
    if !app.backups().is_due(now) || !app.db().read(|r| setup::is_done(r)).unwrap_or(true) {
        return;
    }
    if app.back_up(now).await.is_ok() {
        let noted = app.db().write(move |w| backups::note(w, &name(now))).await;
        if let Err(error) = noted {
            tracing::error!(cause = ?error, "a backup was made, but couldn't be recorded");
        }
    }
}

/// Calls a job until it has nothing left to do.
async fn drain(app: &App, what: &'static str, job: impl Fn(&Write) -> Result<usize> + Copy + Send + 'static) {
    loop {
        match app.db().write(move |w| job(w)).await {
            Ok(n) if n as i64 >= BATCH => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(what, cause = ?error, "a job failed; it is tried again later");
                return;
            }
        }
    }
}
