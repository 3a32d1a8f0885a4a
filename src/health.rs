//! Whether the server can do its work, for whoever asks it again and again: balancers, container and service managers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::db::Db;
use crate::error::{Error, Result};

/// Whoever asks within this time hears what was found out before: however many ask, the disk is bothered once.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// A write that takes longer than this is none that can be relied on.
const PATIENCE: Duration = Duration::from_secs(2);
/// When the queue of writes is full, a place is asked for again after this.
const BREATH: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Health {
    stopping: AtomicBool,
    /// When it was last tried to write, and what came of it.
    found: Mutex<Option<(Instant, Result<()>)>>,
}

impl Health {
    /// From now on nothing new is begun.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether requests that change something can be answered: a page is really written.
    ///
    /// # Errors
    ///
    /// [`Error::Stopping`] once the server was asked to stop; otherwise what keeps it from writing.
    pub async fn require_ready(&self, db: &Db) -> Result<()> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(Error::Stopping);
        }
        let mut found = self.found.lock().await;
        let known = found.take().filter(|(at, _)| at.elapsed() < KNOWN_FOR);
        let known = match known {
            Some(known) => known,
            None => (Instant::now(), try_write(db).await),
        };
        let (_, outcome) = found.insert(known);
        outcome.clone()
    }
}

/// A queue that is full moves on, so a place in it is waited for: who has more to do than they can is ready all the same.
async fn try_write(db: &Db) -> Result<()> {
    let written = async {
        loop {
            match db.try_write().await {
                Err(Error::Overloaded(_)) => sleep(BREATH).await,
                outcome => return outcome,
            }
        }
    };
    let too_slow = || Error::Unavailable(format!("no write was done within {PATIENCE:?}"));
    timeout(PATIENCE, written).await.unwrap_or_else(|_| Err(too_slow()))
}
