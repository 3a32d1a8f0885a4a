//! Sealing claims into tokens and opening them again: PASETO v4.local, with the key's PASERK id in the footer.

use std::sync::Arc;

use paseto::keys::{Generate, SymmetricKey};
use paseto::paserk::{FormatAsPaserk, Id};
use paseto::token::{Local, UntrustedToken};
use paseto::version4::{LocalToken, V4};

use crate::domain::tokens::Claims;
use crate::error::{Error, Result};

/// The longest token ever handed out is well under this; longer text isn't worth decrypting.
const LONGEST: usize = 512;

/// The keys of this server: the first seals, any of them opens.
#[derive(Clone)]
pub struct Keys(Arc<[Key]>);

struct Key {
    key: SymmetricKey<V4>,
    /// `{"kid":"k4.lid.…"}`
    footer: String,
}

impl Keys {
    /// Reads keys in PASERK form (`k4.local.…`), one a line, the one in use first.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines.map(Key::parse).collect::<Result<Arc<[_]>>>()?;
        if keys.is_empty() {
            return Err(Error::Unavailable("There is no key to seal tokens with.".into()));
        }
        Ok(Self(keys))
    }

    /// A fresh key in PASERK form.
    pub fn generate() -> Result<String> {
        let key = SymmetricKey::<V4>::generate().map_err(Error::internal)?;
        let mut text = String::new();
        key.fmt(&mut text).map_err(Error::internal)?;
        Ok(text)
    }

    pub fn seal(&self, claims: &Claims) -> Result<String> {
        let message = serde_json::to_vec(claims).map_err(Error::internal)?;
        let Key { key, footer } = &self.0[0];
        LocalToken::encrypt(key, &message, Some(footer.as_bytes()), None).map_err(Error::internal)
    }

    /// Seals a text that is no token and can never pass for one: what it is for is part of the seal.
    pub fn seal_text(&self, purpose: &str, text: &str) -> Result<String> {
        let Key { key, footer } = &self.0[0];
        LocalToken::encrypt(key, text.as_bytes(), Some(footer.as_bytes()), Some(purpose.as_bytes()))
            .map_err(Error::internal)
    }

    /// A text that one of these keys sealed for the same purpose.
    pub fn open_text(&self, purpose: &str, sealed: &str) -> Result<String> {
        let text = self.decrypt_for(Some(purpose.as_bytes()), sealed);
        text.ok_or_else(|| Error::internal(format!("sealed with a key that is gone: {purpose}")))
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
        serde_json::from_str(&self.decrypt_for(None, token)?).ok()
    }

    /// `purpose` is PASETO's implicit assertion; tokens have none.
    fn decrypt_for(&self, purpose: Option<&[u8]>, sealed: &str) -> Option<String> {
        let untrusted = UntrustedToken::<Local, V4>::try_from(sealed).ok()?;
        let Key { key, footer } = self.0.iter().find(|key| key.footer.as_bytes() == untrusted.untrusted_footer())?;
        let trusted = LocalToken::decrypt(key, &untrusted, Some(footer.as_bytes()), purpose).ok()?;
        Some(trusted.payload().to_owned())
    }
}

impl Key {
    fn parse(line: &str) -> Result<Self> {
        let key = SymmetricKey::<V4>::try_from(line).map_err(|_| {
            Error::Unavailable("The key is not one: it is a line that starts with k4.local. (PASERK).".into())
        })?;
        let mut id = String::new();
        Id::from(&key).fmt(&mut id).map_err(Error::internal)?;
        Ok(Self { key, footer: format!(r#"{{"kid":"{id}"}}"#) })
    }
}
