//! The keys as they are now. They come from a setting, or from a file that is read again when it changes, so that
//! `rollcall key rotate` beside a running server takes effect without a restart.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::app::App;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db;
use crate::error::{Error, Result};
use crate::folder::{Folder, KeyFile, Version};
use crate::keys::Keys;
use crate::limits::Seldom;

pub struct Keyring {
    /// None if the keys come from a setting.
    file: Option<KeyFile>,
    now: RwLock<(Keys, Option<Version>)>,
    /// The texts before and after the last rotation.
    rotated: Mutex<Option<(String, String)>>,
    /// Of a file that can't be used.
    told: Seldom,
}

/// How often the file is looked at: how long a withdrawn key may still open tokens whose rows are there.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Keyring {
    /// Reads the keys; the first time, makes one.
    pub fn open(config: &Config, folder: &Folder, now: Timestamp) -> Result<Self> {
        if let Some(key) = &config.key {
            let unusable = |error: Error| Error::invalid("--key", "invalid_setting", error.cause());
            let keys = Keys::parse(key).map_err(unusable)?;
            return Ok(Self::of(None, (keys, None)));
        }
        let file = folder.key_file(config.key_file.as_deref())?;
        let is_first = file.version().is_none() && db::size(&folder.database()) > 0;
        let (text, version) = file.read_or_make(|| Keys::fresh(now)?.to_text())?;
        if is_first {
            tracing::warn!(
                "there was no key, so there is a new one now: every token, session and link until today has ended, unless the key \
                 that sealed it is put back"
            );
        }
        let now = (parse(&file, &text)?, Some(version));
        Ok(Self::of(Some(file), now))
    }

    fn of(file: Option<KeyFile>, now: (Keys, Option<Version>)) -> Self {
        Self { file, now: RwLock::new(now), rotated: Mutex::default(), told: Seldom::every(AGAIN) }
    }

    pub fn keys(&self) -> Keys {
        self.now.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Reads the file again if it is another one than last time, and says whether there are other keys now. One that can't
    /// be used changes nothing: the keys until then stay in use, the log says why, and it is looked at again until it can.
    pub fn refresh(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let found = file.version();
        if found == self.now.read().unwrap_or_else(PoisonError::into_inner).1 {
            return false;
        }
        let read = file.read().and_then(|(text, version)| Ok((parse(file, &text)?, version)));
        match read {
            Ok((keys, version)) => {
                tracing::info!(key = keys.iter().next().map(|key| &key.id), "the keys were read anew");
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = (keys, Some(version));
                true
            }
            Err(error) => {
                if self.told.due().is_some() {
                    let cause = error.cause();
                    tracing::error!(%cause, "the key file has changed and can't be used; the keys until now stay");
                }
                false
            }
        }
    }

    /// Puts a fresh key in use, and keeps those of the others that `kept` says are still needed; returns what the file holds
    /// then. Whoever calls it sees to it that nobody else rotates at the same time.
    pub fn rotate(&self, at: Timestamp, kept: impl Fn(&Keys, &str) -> bool) -> Result<Keys> {
        let file = self.file.as_ref().ok_or_else(from_setting)?;
        let text = file.read()?.0;
        let before = parse(file, &text)?;
        let after = before.rotated(at, |id| kept(&before, id))?;
        file.replace(&after.to_text()?)?;
        *self.rotated.lock().unwrap_or_else(PoisonError::into_inner) = Some((text, after.to_text()?));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = (after.clone(), file.version());
        Ok(after)
    }

    /// Takes the last rotation back, if there was one, with the transaction that it was a part of; unless the file is another
    /// one again by now.
    pub fn take_back(&self) -> Result<()> {
        let rotated = self.rotated.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(file), Some((before, after))) = (&self.file, rotated) else { return Ok(()) };
        if file.read()?.0 == after {
            file.replace(&before)?;
        }
        self.refresh();
        Ok(())
    }
}

/// How often it is said that the file can't be used.
const AGAIN: Duration = Duration::from_mins(1);

/// The keys in a file's text.
fn parse(file: &KeyFile, text: &str) -> Result<Keys> {
    Keys::parse(text).map_err(|error| file.unusable(text, &error))
}

fn from_setting() -> Error {
    let message = "The key comes from --key or ROLLCALL_KEY, so it is changed there, and nothing was done. `rollcall key new` \
                   prints a new one: put it first, then a comma and the one until now, and start the server again. Take \
                   the old one out when what it sealed may end.";
    Error::Conflict("key_from_setting", message.into())
}

/// Looks at the file until the server stops.
pub async fn watch(app: App) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tick.tick().await;
        app.keyring().refresh();
    }
}
