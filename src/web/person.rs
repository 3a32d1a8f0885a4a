//! How a person is shown: their picture, or initials on a colour that is always theirs.

use crate::domain::users::User;

pub struct Person {
    pub id: i64,
    pub email: String,
    pub name: Option<String>,
    pub img_src: Option<String>,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self { id: user.id, email: user.email.0.clone(), name: user.name.clone(), img_src: user.img_src.clone() }
    }
}

/// Colours there are in `app.css`: `avatar-0` to `avatar-11`.
const COLOURS: i64 = 12;

impl Person {
    /// The name, or the e-mail of somebody who has none.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.email)
    }

    /// The e-mail as the path of a `mailto:` (RFC 6068): nothing in it adds a header.
    pub fn mail_to(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+~".contains(c);
        self.email.chars().map(|c| if plain(c) { c.to_string() } else { encoded(c) }).collect()
    }

    /// A phone number as RFC 3966 has it: what people write between the digits left out.
    pub fn dialled(&self, phone: &str) -> String {
        phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    }

    pub fn colour(&self) -> i64 {
        self.id.rem_euclid(COLOURS)
    }

    /// The first letters of the first and the last name; one character where a name isn't written with letters of an
    /// alphabet (山田 太郎 is 山).
    pub fn initials(&self) -> String {
        let local = self.email.split('@').next().unwrap_or_default();
        let words = self.name.as_deref().unwrap_or(local).split([' ', '.', '-', '_', '+']);
        let mut letters = words.filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
        let first = letters.next().unwrap_or('?');
        let last = letters.next_back().filter(|_| first.is_uppercase() || first.is_lowercase());
        first.to_uppercase().chain(last.into_iter().flat_map(char::to_uppercase)).collect()
    }
}

fn encoded(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_in_any_script() {
        let initials = |name: Option<&str>, email: &str| {
            Person { id: 1, email: email.into(), name: name.map(Into::into), img_src: None }.initials()
        };
        assert_eq!(initials(Some("Ada Lovelace"), ""), "AL");
        assert_eq!(initials(Some("Freifrau von Hohenstein-Lüdinghausen"), ""), "FL");
        assert_eq!(initials(Some("山田 太郎"), ""), "山");
        assert_eq!(initials(Some("Ганна Мельник"), ""), "ГМ");
        assert_eq!(initials(None, "grace.hopper@example.com"), "GH");
        assert_eq!(initials(None, "bob@example.com"), "B");
        assert_eq!(initials(Some("???"), ""), "?");
    }
}
