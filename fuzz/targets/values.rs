//! The values that stand in queries, headers and fields, each by its own parser; what one accepts it writes so that it is
//! read as the same again.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use rollcall::clock::Timestamp;
use rollcall::config::parse_time;
use rollcall::domain::events;
use rollcall::domain::fields::{self, AccountId, Email, email_key, fold};
use rollcall::domain::idempotency;
use rollcall::domain::preferences::Delivery;
use rollcall::domain::pulse::PulseEvent;
use rollcall::domain::users;

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let text = &*String::from_utf8_lossy(rest);
    match which % 12 {
        0 => same_again::<users::Cursor>(text),
        1 => same_again::<users::Sort>(text),
        2 => same_again::<users::Limit>(text),
        3 => same_again::<events::Limit>(text),
        4 => same_again::<AccountId>(text),
        5 => drop(text.parse::<Timestamp>().map(|at| same_again::<Timestamp>(&at.to_string()))),
        6 => drop(text.parse::<idempotency::Key>().map(|key| assert!((1..=255).contains(&key.to_string().len())))),
        7 => drop((text.parse::<PulseEvent>(), text.parse::<Delivery>())),
        8 => email(text),
        9 => line(fields::name("name", text), fields::NAME_MAX),
        10 => line(fields::phone("phone", text), fields::PHONE_MAX),
        _ => {
            if let Ok(Some(url)) = fields::img_src("imgSrc", text) {
                assert!(url.starts_with("https://") || url.starts_with("http://"), "{url}");
            }
            drop(parse_time(text));
            assert_eq!(fold(&fold(text)), fold(text), "folding twice is folding once");
        }
    }
});

fn same_again<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().expect("what was written is read"), value);
    }
}

fn email(text: &str) {
    let Ok(email) = Email::parse("email", text) else { return };
    assert!(email.as_str().len() <= fields::EMAIL_MAX && email.as_str().contains('@'), "{email:?}");
    assert!(!email.as_str().contains(char::is_control), "{email:?}");
    assert_eq!(email_key(email.as_str()), email.key());
}

fn line<E>(parsed: Result<Option<String>, E>, most: usize) {
    if let Ok(Some(value)) = parsed {
        assert!((1..=most).contains(&value.chars().count()) && !value.contains(char::is_control), "{value:?}");
    }
}
