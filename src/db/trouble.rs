//! What is wrong with storage: said when it begins, once in a while as long as it lasts, and when it is over. A line for
//! each write would fill the rest of a full disk.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How often the log says again that nothing can be stored.
const REPEATED: Duration = Duration::from_secs(60);

/// Whether the database was found damaged, by a reader or by the writer. It stays so until the program ends: a file that
/// somebody has to mend is better left as it is.
#[derive(Clone, Default)]
pub struct Damage(Arc<OnceLock<String>>);

impl Damage {
    /// Remembers what an error says of the file.
    pub fn heed(&self, error: &Error) {
        if let Error::Damaged(cause) = error
            && self.0.set(cause.clone()).is_ok()
        {
            tracing::error!(
                cause,
                "the database is damaged, and nothing more is written to it; stop the server, and do what `rollcall check` says"
            );
        }
    }

    pub fn check(&self) -> Result<()> {
        self.0.get().map_or(Ok(()), |cause| Err(Error::Damaged(cause.clone())))
    }
}

/// The log's side of it.
#[derive(Default)]
pub struct Trouble(Option<Lasting>);

struct Lasting {
    since: Instant,
    said: Instant,
    refused: usize,
}

impl Trouble {
    /// Notes what became of so many writes.
    pub fn note(&mut self, fate: &Result<()>, writes: usize) {
        match (fate, &mut self.0) {
            (Ok(()), None) => {}
            (Ok(()), Some(trouble)) => {
                let (seconds, refused) = (trouble.since.elapsed().as_secs(), trouble.refused);
                tracing::info!(refused, seconds, "storing works again");
                self.0 = None;
            }
            (Err(error), None) => {
                tracing::error!(
                    cause = error.cause(),
                    "nothing can be stored; writes are answered with 503 until it can"
                );
                let now = Instant::now();
                self.0 = Some(Lasting { since: now, said: now, refused: writes });
            }
            (Err(error), Some(trouble)) => {
                trouble.refused += writes;
                if trouble.said.elapsed() >= REPEATED {
                    trouble.said = Instant::now();
                    tracing::error!(cause = error.cause(), refused = trouble.refused, "still nothing can be stored");
                }
            }
        }
    }
}
