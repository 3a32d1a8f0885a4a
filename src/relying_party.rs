//! The server as a relying party of WebAuthn Level 3 (W3C): the name that passkeys are bound to, and the ceremonies under
//! way. What a browser was asked stays in memory, is honoured once and for five minutes, and never leaves the server.

mod pending;

use serde_json::{Value, json};
use url::{Host, Url};
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::clock::Timestamp;
use crate::domain::passkeys::Registrant;
use crate::domain::tokens;
use crate::error::{Error, Result};
use crate::request_id;
use pending::Pending;

pub struct RelyingParty {
    webauthn: Webauthn,
    origin: String,
    /// By the session or the link they were begun with.
    registrations: Pending<PasskeyRegistration>,
    /// By the random ID that the browser was given with the question.
    sign_ins: Pending<DiscoverableAuthentication>,
}

/// Registrations that one person may have under way.
const EACH_PERSON: usize = 8;
/// Sign-ins that one network may have under way: a browser begins one with each look at the sign-in page, and a whole
/// office may share one.
const EACH_NETWORK: usize = 500;

impl RelyingParty {
    /// Where passkeys work, if people reach the server at `url`; none if they work nowhere.
    pub fn new(url: &str, server_name: &str) -> Option<Self> {
        let origin = origin(url)?;
        let webauthn = WebauthnBuilder::new(origin.domain()?, &origin).ok()?.rp_name(server_name).build().ok()?;
        let origin = origin.origin().ascii_serialization();
        Some(Self { webauthn, origin, registrations: Pending::default(), sign_ins: Pending::default() })
    }

    /// The one address where passkeys work, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What to ask a browser, so that its user registers a passkey that needs no name to sign in with. `key` says who may
    /// answer; what it was asked before is forgotten.
    pub fn begin_registration(&self, key: &str, who: &Registrant, now: Timestamp) -> Result<Value> {
        let name = who.name.as_deref().unwrap_or(&who.email);
        let known = Some(who.known.clone());
        let begun = self.webauthn.start_passkey_registration(who.handle, &who.email, name, known);
        let (question, state) = begun.map_err(Error::internal)?;
        self.registrations.put(key, &who.user_id.to_string(), EACH_PERSON, state, now);
        let mut question = serde_json::to_value(question).map_err(Error::internal)?;
        // The library leaves it to the device; nobody is named at our sign-in, so the device must know whom it is for.
        question["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
        question["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
        Ok(question)
    }

    /// The passkey in a browser's answer.
    pub fn finish_registration(
        &self,
        key: &str,
        answer: &RegisterPublicKeyCredential,
        now: Timestamp,
    ) -> Result<Passkey> {
        let state = self.registrations.take(key, now).ok_or_else(|| Error::Conflict("passkey_late", LATE.into()))?;
        self.webauthn.finish_passkey_registration(answer, &state).map_err(|error| {
            tracing::debug!(request_id = request_id::current(), %error, "a passkey was not registered");
            Error::invalid("", "passkey_refused", self.explain(&error))
        })
    }

    /// What to ask any browser for, whoever its user is; and the ID under which it answers.
    pub fn begin_sign_in(&self, network: &str, now: Timestamp) -> Result<Value> {
        let (question, state) = self.webauthn.start_discoverable_authentication().map_err(Error::internal)?;
        let ceremony = tokens::random_id()?;
        self.sign_ins.put(&ceremony, network, EACH_NETWORK, state, now);
        Ok(json!({ "ceremony": ceremony, "publicKey": question.public_key }))
    }

    /// Whom a browser's answer says it is from, and with which passkey. Nothing is proved by it.
    pub fn identify<'a>(&self, answer: &'a PublicKeyCredential) -> Result<(Uuid, &'a [u8])> {
        self.webauthn.identify_discoverable_authentication(answer).map_err(|error| self.refuse(&error))
    }

    /// What was asked under this ID, for the one time it may be answered.
    pub fn take_sign_in(&self, ceremony: &str, now: Timestamp) -> Result<DiscoverableAuthentication> {
        let late = || Error::Unauthenticated("passkey_late", LATE.into());
        self.sign_ins.take(ceremony, now).ok_or_else(late)
    }

    /// Proof that the passkey's user is there, and was asked for a PIN, a finger or a face.
    pub fn verify(
        &self,
        answer: &PublicKeyCredential,
        asked: DiscoverableAuthentication,
        passkey: Passkey,
    ) -> Result<AuthenticationResult> {
        let key = DiscoverableKey::from(passkey);
        let verified = self.webauthn.finish_discoverable_authentication_v2(answer, asked, &key);
        verified.map_err(|error| self.refuse(&error))
    }

    fn refuse(&self, error: &WebauthnError) -> Error {
        tracing::warn!(request_id = request_id::current(), %error, "a passkey was refused");
        Error::Unauthenticated("passkey_refused", self.explain(error).into())
    }

    fn explain(&self, error: &WebauthnError) -> String {
        match error {
            WebauthnError::InvalidRPOrigin | WebauthnError::InvalidRPIDHash => {
                format!("Passkeys work at {} only. Open that address and try again.", self.origin)
            }
            WebauthnError::UserNotVerified => {
                "The device did not ask for a PIN, a finger or a face. Set one up on it, or use another device.".into()
            }
            WebauthnError::CredentialPossibleCompromise => {
                "This passkey may have been copied, so it is not honoured. Sign in another way, delete it and add a new one."
                    .into()
            }
            _ => "What the device answered could not be verified. Try again, or use another device.".into(),
        }
    }
}

const LATE: &str = "That took longer than five minutes, or was answered before. Try again.";

/// The address of passkeys for a server that is reached at `url`. They are bound to a name, never to an IP address, and
/// need a secure context: https, or the machine itself, whose loopback address is `localhost` to them.
pub fn origin(url: &str) -> Option<Url> {
    let mut origin = Url::parse(url).ok()?;
    let loopback = match origin.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
    };
    if loopback && origin.domain().is_none() {
        origin.set_host(Some("localhost")).ok()?;
    }
    let secure = origin.scheme() == "https" || loopback;
    (secure && origin.domain().is_some()).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_live_at_a_name_that_is_secure() {
        let lives = |url: &str| origin(url).map(|origin| origin.origin().ascii_serialization());
        let at = |origin: &str| Some(origin.to_owned());
        assert_eq!(lives("http://127.0.0.1:8080"), at("http://localhost:8080"));
        assert_eq!(lives("http://[::1]:8080"), at("http://localhost:8080"));
        assert_eq!(lives("http://localhost:9"), at("http://localhost:9"));
        assert_eq!(lives("https://127.0.0.1:8443"), at("https://localhost:8443"));
        assert_eq!(lives("https://people.example.com/"), at("https://people.example.com"));
        assert_eq!(lives("http://people.example.com"), None, "browsers offer no passkeys over plain HTTP");
        assert_eq!(lives("https://192.0.2.7"), None, "nor for an IP address");
        assert_eq!(lives("http://192.168.1.5:8080"), None);
    }
}
