//! A device with passkeys, in software (WebAuthn Level 3 sections 6 and 7): keys on P-256, attestation "none". It does as
//! it is asked, and can be told to do it wrongly.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The only origin that the server of the tests knows.
pub const ORIGIN: &str = "http://localhost:8080";

/// User present, user verified, credential data included (section 6.1).
const UP: u8 = 0x01;
const UV: u8 = 0x04;
const AT: u8 = 0x40;

pub struct Device {
    pub origin: &'static str,
    pub rp_id: &'static str,
    /// Whether it asks for a finger before it signs.
    pub verifies: bool,
    pub counter: u32,
    pub keys: BTreeMap<Vec<u8>, Held>,
}

#[derive(Clone)]
pub struct Held {
    key: SigningKey,
    pub handle: String,
}

impl Device {
    pub fn new() -> Self {
        Self { origin: ORIGIN, rp_id: "localhost", verifies: true, counter: 0, keys: BTreeMap::new() }
    }

    /// Makes a passkey, as `navigator.credentials.create` does.
    pub fn create(&mut self, question: &Value) -> Value {
        let options = &question["publicKey"];
        let (mut id, mut secret) = (vec![0; 16], [0; 32]);
        getrandom::fill(&mut id).unwrap();
        getrandom::fill(&mut secret).unwrap();
        let key = SigningKey::from_slice(&secret).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        // COSE (RFC 9053 section 7.1): an EC2 key, ES256, on P-256.
        let cose = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y].concat();
        let mut data = self.data(AT);
        data.extend([[0; 16].as_slice(), &[0, 16], &id, &cose].concat());
        let length = u8::try_from(data.len()).unwrap();
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
        let object = [
            &[0xa3, 0x63][..],
            b"fmt",
            &[0x64],
            b"none",
            &[0x67],
            b"attStmt",
            &[0xa0, 0x68],
            b"authData",
            &[0x58, length],
            &data,
        ];
        let answer = json!({
            "clientDataJSON": text(&self.client("webauthn.create", options)),
            "attestationObject": text(&object.concat()),
        });
        let handle = options["user"]["id"].as_str().unwrap().to_owned();
        self.keys.insert(id.clone(), Held { key, handle });
        json!({ "id": text(&id), "rawId": text(&id), "type": "public-key", "response": answer })
    }

    /// The passkey it has, to be written down and held by another device.
    pub fn saved(&mut self) -> String {
        let (id, held) = self.keys.iter().next_back().unwrap();
        format!("{} {} {}", text(id), text(&held.key.to_bytes()), held.handle)
    }

    pub fn with_saved(saved: &str) -> Self {
        let [id, secret, handle] = saved.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let key = SigningKey::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap()).unwrap();
        let keys = [(BASE64_URL_SAFE_NO_PAD.decode(id).unwrap(), Held { key, handle: handle.into() })].into();
        Self { keys, ..Self::new() }
    }

    /// Signs with the passkey it has, as `navigator.credentials.get` does where nobody is named.
    pub fn get(&mut self, question: &Value) -> Value {
        let (id, Held { key, handle }) =
            self.keys.iter().next_back().map(|(id, held)| (id.clone(), held.clone())).unwrap();
        let client = self.client("webauthn.get", &question["publicKey"]);
        let data = self.data(0);
        let signature: DerSignature = key.sign(&[&data[..], &Sha256::digest(&client)].concat());
        let answer = json!({
            "clientDataJSON": text(&client),
            "authenticatorData": text(&data),
            "signature": text(signature.as_bytes()),
            "userHandle": handle,
        });
        json!({ "id": text(&id), "rawId": text(&id), "type": "public-key", "response": answer })
    }

    /// What it holds, to be tampered with.
    pub fn held(&mut self) -> &mut Held {
        self.keys.values_mut().next_back().unwrap()
    }

    fn client(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let flags = flags | UP | if self.verifies { UV } else { 0 };
        [&Sha256::digest(self.rp_id)[..], &[flags], &self.counter.to_be_bytes()].concat()
    }
}

pub fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
