//! What systemd is told, where it started the server and wants to know (sd_notify(3)). Elsewhere nothing is.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{sleep, timeout};

use crate::app::App;

/// The server takes requests.
pub fn ready(app: &App) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("Serving at {}", app.public_url()))]);
}

/// The server finishes what is in flight.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Finishing what is in flight")]);
}

/// Says that the server is alive, twice as often as it has to, as long as it is: threads answer, and the writer takes on
/// work. A disk that is full is no reason to be silent, since starting again would make no room on it.
pub async fn keep_alive(app: App) {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    let mut tried = 0;
    loop {
        if moves_on(&app, &mut tried, within / 4).await {
            tell(&[NotifyState::Watchdog]);
        }
        sleep(within / 4).await;
    }
}

/// Whether the writer has tried a transaction since it was last looked; it is given one to try.
async fn moves_on(app: &App, tried: &mut u64, within: Duration) -> bool {
    drop(timeout(within, app.db().try_write()).await);
    let before = std::mem::replace(tried, app.db().figures().commits_tried());
    *tried > before
}

fn tell(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd can't be told how the server is");
    }
}
