//! What is sent as a token, a cookie or a link: only what these keys sealed is opened, and as what it was sealed for.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rollcall::clock::Timestamp;
use rollcall::domain::tokens::{Claims, Kind};
use rollcall::keys::Keys;

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::parse(&Keys::generate().expect("a key")).expect("a key"));
static SEALED: LazyLock<String> = LazyLock::new(|| {
    let claims = Claims { id: "0".repeat(32), user_id: Some(1), kind: Kind::Session, expires_at: Timestamp(0) };
    KEYS.seal(&claims).expect("a token")
});

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    assert!(KEYS.open(&text).is_err(), "opened what nobody sealed: {text}");
    assert!(KEYS.open_text("fuzz", &text).is_err());
    // A token that was tampered with: each three bytes say where, how, and with what.
    let mut token = SEALED.clone().into_bytes();
    for edit in data.chunks_exact(3) {
        let at = usize::from(edit[0]) % token.len().max(1);
        match edit[1] % 3 {
            0 if !token.is_empty() => token[at] = edit[2],
            1 => token.insert(at, edit[2]),
            _ => token.truncate(at),
        }
    }
    let token = String::from_utf8_lossy(&token);
    assert_eq!(KEYS.open(&token).is_ok(), token == *SEALED, "{token}");
    assert!(KEYS.open_text("fuzz", &token).is_err(), "a token passed for something else");
    drop(Keys::parse(&text));
});
