//! Sealing claims into tokens and opening them again: PASETO v4.local, with the key's PASERK id in the footer.
//!
//! Nothing here compares a guess with a secret byte by byte: a seal's tag is compared in constant time by `pasetors`, a
//! footer is public, the id inside a token is looked up only once the seal was found to be whole, and a token that was
//! opened before is found by a hash that is keyed anew in each process. The kind of a token is sealed with it. Each server
//! makes its own key, so there is no audience to name; where two share one, a token still needs its row in the database.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use paseto::keys::{Generate, SymmetricKey};
use paseto::paserk::{FormatAsPaserk, Id};
use paseto::token::{Local, UntrustedToken};
use paseto::version4::{LocalToken, V4};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::domain::tokens::Claims;
use crate::error::{Error, Result};

/// The longest token ever handed out is well under this; longer text isn't worth decrypting.
const LONGEST: usize = 512;

/// The keys of this server: the first seals, any of them opens.
#[derive(Clone)]
pub struct Keys(Arc<Ring>);

struct Ring {
    keys: Vec<Key>,
    /// What was inside of tokens that were opened lately. Opening one tells nothing but that, and tells it the same each
    /// time, for as long as there are these keys: whether a token is still honoured is asked of the database anew.
    opened: Mutex<LruCache<String, Claims>>,
}

/// Tokens whose insides are remembered.
const REMEMBERED: usize = 1024;

#[derive(Clone)]
pub struct Key {
    key: SymmetricKey<V4>,
    /// Its public name (PASERK `k4.lid`).
    pub id: String,
    /// `{"kid":"k4.lid.…"}`
    footer: String,
    /// Since when it seals; unknown for one that was written by hand.
    pub since: Option<Timestamp>,
}

impl Keys {
    /// Reads keys in PASERK form (`k4.local.…`), one a line or separated by commas, the one in use first. After each may
    /// stand since when it is in use.
    pub fn parse(text: &str) -> Result<Self> {
        let entries = text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty());
        let keys = entries.map(Key::parse).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(Error::Unavailable("There is no key to seal tokens with.".into()));
        }
        Ok(Self::of(keys))
    }

    fn of(keys: Vec<Key>) -> Self {
        Self(Arc::new(Ring { keys, opened: Mutex::new(LruCache::new(REMEMBERED)) }))
    }

    /// A fresh key in PASERK form.
    pub fn generate() -> Result<String> {
        SymmetricKey::<V4>::generate().map_err(Error::internal).and_then(|key| Key::text(&key))
    }

    /// The keys, the one in use first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.keys.iter()
    }

    /// Each key that is no longer in use, and from when to when it was, as far as that is known.
    pub fn retired(&self) -> impl Iterator<Item = (&Key, Option<Timestamp>, Option<Timestamp>)> {
        self.0.keys.windows(2).map(|pair| (&pair[1], pair[1].since, pair[0].since))
    }

    /// One fresh key, in use from now on.
    pub fn fresh(now: Timestamp) -> Result<Self> {
        Self::parse(&format!("{} {now}", Self::generate()?))
    }

    /// A fresh key, in use from now on, before those of the present ones that are `kept`.
    pub fn rotated(&self, now: Timestamp, kept: impl Fn(&str) -> bool) -> Result<Self> {
        let fresh = Self::fresh(now)?;
        let kept = self.iter().filter(|key| kept(&key.id));
        Ok(Self::of(fresh.iter().chain(kept).cloned().collect()))
    }

    /// What [`Keys::parse`] reads: the secret of this server.
    pub fn to_text(&self) -> Result<String> {
        let mut text = String::new();
        for Key { key, since, .. } in self.iter() {
            text += &Key::text(key)?;
            if let Some(since) = since {
                text += &format!(" {since}");
            }
            text.push('\n');
        }
        Ok(text)
    }

    pub fn seal(&self, claims: &Claims) -> Result<String> {
        let message = serde_json::to_vec(claims).map_err(Error::internal)?;
        let Key { key, footer, .. } = &self.0.keys[0];
        LocalToken::encrypt(key, &message, Some(footer.as_bytes()), None).map_err(Error::internal)
    }

    /// Seals a text that is no token and can never pass for one: what it is for is part of the seal.
    pub fn seal_text(&self, purpose: &str, text: &str) -> Result<String> {
        let Key { key, footer, .. } = &self.0.keys[0];
        LocalToken::encrypt(key, text.as_bytes(), Some(footer.as_bytes()), Some(purpose.as_bytes()))
            .map_err(Error::internal)
    }

    /// A text that one of these keys sealed for the same purpose.
    pub fn open_text(&self, purpose: &str, sealed: &str) -> Result<String> {
        let text = self.decrypt_for(Some(purpose.as_bytes()), sealed);
        text.ok_or_else(|| Error::internal(format!("sealed with a key that is gone: {purpose}")))
    }

    /// [`Keys::seal_text`] for any value, as JSON.
    pub fn seal_value(&self, purpose: &str, value: &impl Serialize) -> Result<String> {
        self.seal_text(purpose, &serde_json::to_string(value).map_err(Error::internal)?)
    }

    /// A value that one of these keys sealed for the same purpose; nothing if it is anything else.
    pub fn open_value<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Option<T> {
        serde_json::from_str(&self.open_text(purpose, sealed).ok()?).ok()
    }

    /// The claims of a token that one of these keys sealed. Whether they are still honoured is for the database.
    pub fn open(&self, token: &str) -> Result<Claims> {
        self.decrypt(token).ok_or_else(|| {
            let message = "This token was not issued by this server. Check that it was copied whole.";
            Error::Unauthenticated("token_invalid", message.into())
        })
    }

    fn decrypt(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        if let Some(known) = self.opened().get(token) {
            return Some(known.clone());
        }
        let claims: Claims = serde_json::from_str(&self.decrypt_for(None, token)?).ok()?;
        self.opened().insert(token.to_owned(), claims.clone());
        Some(claims)
    }

    fn opened(&self) -> MutexGuard<'_, LruCache<String, Claims>> {
        self.0.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `purpose` is PASETO's implicit assertion; tokens have none.
    fn decrypt_for(&self, purpose: Option<&[u8]>, sealed: &str) -> Option<String> {
        let untrusted = UntrustedToken::<Local, V4>::try_from(sealed).ok()?;
        let Key { key, footer, .. } = self.iter().find(|key| key.footer.as_bytes() == untrusted.untrusted_footer())?;
        let trusted = LocalToken::decrypt(key, &untrusted, Some(footer.as_bytes()), purpose).ok()?;
        Some(trusted.payload().to_owned())
    }
}

impl Key {
    fn parse(entry: &str) -> Result<Self> {
        let (key, since) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
        let key = SymmetricKey::<V4>::try_from(key).map_err(|_| {
            Error::Unavailable("The key is not one: it is a line that starts with k4.local. (PASERK).".into())
        })?;
        let since = match since.trim() {
            "" => None,
            since => Some(since.parse().map_err(|_| {
                Error::Unavailable("After a key stands since when it is in use, like 2026-11-23T08:00:00Z.".into())
            })?),
        };
        let mut id = String::new();
        Id::from(&key).fmt(&mut id).map_err(Error::internal)?;
        Ok(Self { key, footer: format!(r#"{{"kid":"{id}"}}"#), id, since })
    }

    fn text(key: &SymmetricKey<V4>) -> Result<String> {
        let mut text = String::new();
        key.fmt(&mut text).map_err(Error::internal)?;
        Ok(text)
    }
}
