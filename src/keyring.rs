//! The keys as they are now. They come from a setting, or from a file that is read again when it changes, so that
//! `rollcall key rotate` beside a running server takes effect without a restart.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::app::App;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db;
use crate::error::{Error, Result};
use crate::folder::{Folder, KeyFile, Version};
use crate::keys::Keys;

pub struct Keyring {
    /// None if the keys come from a setting.
    file: Option<KeyFile>,
    now: RwLock<(Keys, Option<Version>)>,
}

/// How often the file is looked at: how long a withdrawn key may still open tokens whose rows are there.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Keyring {
    /// Reads the keys; the first time, makes one.
    pub fn open(config: &Config, folder: &Folder, now: Timestamp) -> Result<Self> {
        if let Some(key) = &config.key {
            return Ok(Self { file: None, now: RwLock::new((Keys::parse(key)?, None)) });
        }
        let file = folder.key_file(config.key_file.as_deref())?;
        if file.version().is_none() && db::size(&folder.database()) > 0 {
            tracing::warn!(
                "there was no key, so there is a new one now: every token, session and link until today has ended, unless the key \
                 that sealed it is put back"
            );
        }
        let (text, version) = file.read_or_make(|| Keys::fresh(now)?.to_text())?;
        Ok(Self { now: RwLock::new((parse(&file, &text)?, Some(version))), file: Some(file) })
    }

    pub fn keys(&self) -> Keys {
        self.now.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Reads the file again if it is another one than last time, and says whether there are other keys now. One that can't
    /// be read changes nothing: the keys until then stay in use, and the log says why.
    pub fn refresh(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let found = file.version();
        if found == self.now.read().unwrap_or_else(PoisonError::into_inner).1 {
            return false;
        }
        let read = file.read().and_then(|(text, version)| Ok((parse(file, &text)?, version)));
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok((keys, version)) => {
                tracing::info!(key = keys.iter().next().map(|key| &key.id), "the keys were read anew");
                *now = (keys, Some(version));
                true
            }
            Err(error) => {
                tracing::error!(cause = ?error, "the key file has changed and can't be used; the keys until now stay");
                now.1 = found;
                false
            }
        }
    }

    /// Puts a fresh key in use, and keeps those of the others that `kept` says are still needed; returns what the file holds
    /// then. Whoever calls it sees to it that nobody else rotates at the same time.
    pub fn rotate(&self, at: Timestamp, kept: impl Fn(&Keys, &str) -> bool) -> Result<Keys> {
        let file = self.file.as_ref().ok_or_else(from_setting)?;
        let before = parse(file, &file.read()?.0)?;
        let after = before.rotated(at, |id| kept(&before, id))?;
        file.replace(&after.to_text()?)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = (after.clone(), file.version());
        Ok(after)
    }
}

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
