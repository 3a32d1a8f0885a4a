//! The values people type: parsed once, at the edge, and never doubted again.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::error::Problem;

/// RFC 5321 section 4.5.3.1.3: a path is at most 256 octets, its angle brackets included.
pub const EMAIL_MAX: usize = 254;
pub const NAME_MAX: usize = 200;
pub const PHONE_MAX: usize = 40;
pub const IMG_SRC_MAX: usize = 2048;

/// Text as it is compared, searched and sorted: lower case, compatibility forms and accents folded away.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(lower_case).nfc().collect()
}

/// In lower case, where a sigma is the same at the end of a word as within it.
fn lower_case(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// An e-mail address as it was typed, with surrounding white space removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub fn parse(field: &str, text: &str) -> Result<Self, Problem> {
        let email = Self::stored(field, text)?;
        let domain = email.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        if is_domain(domain) { Ok(email) } else { Err(Self::invalid(field)) }
    }

    fn invalid(field: &str) -> Problem {
        let message = "This is not an e-mail address. Write it like name@example.com.";
        Problem::new(field, "invalid_email", message)
    }

    /// One that was accepted once, if it could be: less was asked of domains before.
    pub fn stored(field: &str, text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Problem::new(field, "email_missing", "Enter an e-mail address."));
        }
        if text.len() > EMAIL_MAX {
            let message = format!("An e-mail address has at most {EMAIL_MAX} bytes; this one has {}.", text.len());
            return Err(Problem::new(field, "email_too_long", message));
        }
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        match EmailAddress::parse_with_options(text, options) {
            Ok(_) if !text.contains(char::is_control) => Ok(Self(text.to_owned())),
            _ => Err(Self::invalid(field)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes two spellings the same address: Unicode composed, case folded. Accents stay: they are different people.
    pub fn key(&self) -> String {
        email_key(&self.0)
    }
}

/// Whether a name could be a domain's: of its ASCII characters only letters, digits and hyphens (RFC 1123 section 2.1), and no
/// network address.
fn is_domain(name: &str) -> bool {
    let is_allowed = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-' || c == '.';
    name.chars().all(is_allowed) && name.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()))
}

/// An e-mail as the API writes and reads it, before anybody has parsed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailText(pub String);

impl FromStr for EmailText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for EmailText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of an address that somebody typed to be found by, valid or not.
pub fn email_key(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(lower_case).collect()
}

/// The id of an account: `[A-Za-z0-9_-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    pub fn parse(field: &str, text: &str) -> Result<Self, Problem> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let message = "An account ID has 1 to 64 letters, digits, hyphens or underscores, like 2311.";
        Err(Problem::new(field, "invalid_account_id", message))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse("account", text).map_err(|problem| problem.message)
    }
}

/// A name or a title: one line, not blank, at most [`NAME_MAX`] characters.
pub fn name(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let name = stored_name(field, text)?;
    let text = name.as_deref().unwrap_or_default();
    if text.contains(turns_text) {
        return Err(Problem::new(field, "invalid_name", "A name is a single line, without control characters."));
    }
    if !text.is_empty() && text.chars().all(is_invisible) {
        return Err(Problem::new(field, "invalid_name", "Nothing of this name can be seen."));
    }
    Ok(name)
}

/// One that was accepted once, if it could be: less was asked of names before.
pub fn stored_name(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.chars().count() > NAME_MAX {
        return Err(Problem::new(field, "name_too_long", format!("A name has at most {NAME_MAX} characters.")));
    }
    if text.contains(char::is_control) {
        return Err(Problem::new(field, "invalid_name", "A name is a single line, without control characters."));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// What begins a line, or turns round the direction of the text that follows (UAX #9 section 2): a name with it could pass for
/// another, and so could what stands after it on a page.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What has no width, or shows as nothing. Between letters of some scripts, and in emoji, it is needed.
fn is_invisible(c: char) -> bool {
    const NOTHING: [RangeInclusive<char>; 9] = [
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{61c}'..='\u{61c}',
        '\u{115f}'..='\u{1160}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2060}'..='\u{206f}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
    ];
    let is_blank = matches!(c, '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    c.is_whitespace() || is_blank || NOTHING.iter().any(|range| range.contains(&c))
}

/// A phone number as people write it: digits, spaces, `+ - ( ) . /`, an `x` or `ext` before an extension.
pub fn phone(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let readable = |c: char| c.is_ascii_digit() || " +-().,/x#ext".contains(c);
    if text.len() > PHONE_MAX || !(3..=20).contains(&digits) || !text.chars().all(readable) {
        let message = "This is not a phone number. Write it like +49 30 901820, with 3 to 20 digits.";
        return Err(Problem::new(field, "invalid_phone", message));
    }
    Ok(Some(text.to_owned()))
}

/// The address of a picture: absolute, http or https, so that it can never run anything (`javascript:`, `data:`).
pub fn img_src(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let too_long = |text: &str| text.len() > IMG_SRC_MAX;
    let address = stored_img_src(field, text)?;
    // What is stored is longer than what was typed, where letters had to be escaped.
    if too_long(text.trim()) || address.as_deref().is_some_and(too_long) {
        let message = format!(
            "An image address has at most {IMG_SRC_MAX} bytes, and a letter beyond ASCII counts for as many as %C3%BC."
        );
        return Err(Problem::new(field, "invalid_img_src", message));
    }
    Ok(address)
}

/// One that was accepted once, if it could be: its length was that of what was typed before.
pub fn stored_img_src(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let message = match url::Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("An image address starts with https:// or http://, not {}:.", url.scheme())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "An image address must not contain a user name or password.".into()
        }
        Ok(url) => return Ok(Some(url.into())),
        Err(_) => "This is not a web address. Write it in full, like https://example.com/ada.png.".into(),
    };
    Err(Problem::new(field, "invalid_img_src", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_removes_case_and_accents_in_any_script() {
        assert_eq!(fold("Åsa ÖSTLUND"), "asa ostlund");
        assert_eq!(fold("Ｙuki"), "yuki");
        assert_eq!(fold("Łukasz"), "łukasz");
        assert_eq!(fold("ガ"), "カ");
        assert_eq!(fold("한"), "한");
    }

    #[test]
    fn addresses() {
        for good in ["a@b.co", "Ada.Lovelace+x@Example.COM", "用户@例子.广告", " spaced@example.com "] {
            assert!(Email::parse("email", good).is_ok(), "{good}");
        }
        for bad in ["", "ada", "ada@", "@b.co", "ada@b", "a b@c.de", "Ada <a@b.co>", "a@[127.0.0.1]", "a\n@b.co"] {
            assert!(Email::parse("email", bad).is_err(), "{bad}");
        }
        for domain in ["b.co?x", "b.co#x", "b.co/x", "b|c.co", "b`c.co", "b%0a.co", "b_c.co", "1.2.3.4", "b.123"] {
            assert!(Email::parse("email", &format!("a@{domain}")).is_err(), "{domain}");
        }
        assert_eq!(Email::parse("email", "ADA@Example.com").map(|e| e.key()), Ok("ada@example.com".into()));
    }

    #[test]
    fn names_are_seen_and_leave_others_alone() {
        for good in ["Ada", "Žofie O’Neill", "👩\u{200d}🚀 Ada", "می\u{200c}خواهم", "田中 太郎", "ע\u{200f}"]
        {
            assert!(name("name", good).is_ok(), "{good:?}");
        }
        for bad in ["\u{200b}", "\u{feff}", "\u{ad}\u{2060}", "\u{202e}evil", "a\u{2028}b", "a\u{2066}b", "a\nb", "ㅤ"]
        {
            assert!(name("name", bad).is_err(), "{bad:?}");
        }
    }

    /// What is stored fits, not only what was typed.
    #[test]
    fn an_image_address_has_room_for_its_escapes() {
        let address = |letter: &str, n: usize| format!("https://e.com/{}", letter.repeat(n));
        assert!(img_src("imgSrc", &address("u", 2_000)).is_ok());
        assert!(img_src("imgSrc", &address("ü", 1_000)).is_err());
        let longest = img_src("imgSrc", &address("ü", 339));
        assert!(
            longest.is_ok_and(|stored| stored.is_some_and(|stored| img_src("imgSrc", &stored) == Ok(Some(stored))))
        );
    }

    #[test]
    fn image_addresses_cannot_run_anything() {
        for bad in ["javascript:alert(1)", "data:image/svg+xml,<svg/>", "//example.com/x", "https://u:p@example.com/"] {
            assert!(img_src("imgSrc", bad).is_err(), "{bad}");
        }
        assert!(img_src("imgSrc", "https://example.com/ada.png").is_ok());
    }
}
