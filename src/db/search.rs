//! What the index of the search keeps of each user, made by functions that the schema calls: a place, and terms.
//!
//! A place is a number, and the higher, the later its user comes by their e-mail: 35 bits tell how that begins, and the other 28
//! are the user's ID. Terms are whatever a part of an e-mail or a name may lead to.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error};

use super::RowResult;

/// `rollcall check` says `0xfffffff`.
const ID_BITS: u32 = 28;
const LETTER_BITS: u32 = 5;
const LETTERS: usize = 7;
const CODE_BITS: u32 = LETTER_BITS * LETTERS as u32;

/// Lets a connection use the schema, which calls the first two, and compare the index with it. They do nothing but tell what they
/// are told in another way, whoever calls them: that is innocuous.
pub fn register(conn: &Connection) -> RowResult<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("search_place", 2, flags, |context| place(text(context, 0)?, context.get(1)?))?;
    conn.create_scalar_function("search_terms", 2, flags, |context| Ok(terms([text(context, 0)?, text(context, 1)?])))?;
    conn.create_scalar_function("search_marks", 2, flags, |context| Ok(marks(text(context, 0)?, context.get(1)?)))
}

fn text<'c>(context: &'c Context<'_>, argument: usize) -> RowResult<&'c str> {
    Ok(context.get_raw(argument).as_str()?)
}

fn place(email_key: &str, id: i64) -> RowResult<i64> {
    if !(0..1 << ID_BITS).contains(&id) {
        return Err(Error::UserFunctionError(format!("there are no users beyond {}", (1 << ID_BITS) - 1).into()));
    }
    Ok(first_place(code(email_key)) | id)
}

/// The ID of who stands at a place.
pub fn id(place: i64) -> i64 {
    place & ((1 << ID_BITS) - 1)
}

/// How the e-mail begins of who stands there.
pub fn code_of(place: i64) -> i64 {
    place >> ID_BITS
}

/// What no place of a code is before.
pub fn first_place(code: i64) -> i64 {
    code << ID_BITS
}

/// What no place of a code is after.
pub fn last_place(code: i64) -> i64 {
    first_place(code) | ((1 << ID_BITS) - 1)
}

/// How an e-mail's key begins: the code of one that comes before another, byte by byte, is less than its code, or the same.
/// Letters and dots take five bits each; from anything else on, five tell its kind and the others are its bytes.
pub fn code(email_key: &str) -> i64 {
    let (mut code, mut room) = (0, CODE_BITS);
    let mut push = |value: i64, width: u32| {
        let taken = width.min(room);
        code = code << taken | value >> (width - taken);
        room -= taken;
    };
    let bytes = email_key.as_bytes();
    for (n, byte) in bytes.iter().enumerate().take(LETTERS) {
        let (kind, is_all) = kind(*byte);
        push(kind, LETTER_BITS);
        if !is_all {
            bytes.iter().skip(n).take(LETTERS).for_each(|byte| push((*byte).into(), 8));
            break;
        }
    }
    code << room
}

/// What sorts as a byte does, and whether it tells the byte. Nothing is 0.
fn kind(byte: u8) -> (i64, bool) {
    match byte {
        ..b'.' => (1, false),
        b'.' => (2, true),
        b'/'..=b'9' => (3, false),
        b':'..=b'`' => (4, false),
        b'a'..=b'z' => (5 + i64::from(byte - b'a'), true),
        _ => (31, false),
    }
}

/// What all e-mails of a code begin with.
pub fn beginning(code: i64) -> String {
    let mut bytes = Vec::new();
    let mut room = CODE_BITS;
    let mut pull = |width: u32| {
        room = room.checked_sub(width)?;
        u8::try_from(code >> room & ((1 << width) - 1)).ok().filter(|found| *found > 0)
    };
    while let Some(kind) = pull(LETTER_BITS) {
        match kind {
            2 => bytes.push(b'.'),
            5..=30 => bytes.push(b'a' + kind - 5),
            _ => {
                bytes.extend(std::iter::from_fn(|| pull(8)));
                break;
            }
        }
    }
    // A letter of several bytes may be cut off.
    bytes.utf8_chunks().next().map(|chunk| chunk.valid().to_owned()).unwrap_or_default()
}

/// The letters of a text as terms have them: an underscore says where it ends, and what FTS5 takes for no part of a term, like a
/// dot, is moved to where Unicode has its wide forms.
pub fn letters(text: &str) -> impl Iterator<Item = char> {
    const WIDE: u32 = 0xfee0;
    let wide = |c| char::from_u32(u32::from(c) + WIDE).unwrap_or(c);
    text.chars().map(move |c| if is_in_a_word(c) { c } else { wide(c) })
}

/// What is usual in an e-mail or a name besides ASCII's letters and digits.
const MARKS: &str = ".@- ";

/// The letters that a term may end with after any two that follow one another; after those with another it ends with `_`, too.
pub fn usual() -> impl Iterator<Item = char> {
    letters("abcdefghijklmnopqrstuvwxyz0123456789").chain(letters(MARKS)).chain(['_'])
}

/// Whether a word goes on with it.
pub fn is_in_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// The words of a text that have a term for themselves, those with a digit: who share a name are told apart by a number.
pub fn numbered(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_in_a_word(c)).filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
}

/// The terms of an e-mail and a name, by their keys: each three letters of them, where two of `_` follow the last one, and any
/// that is not ASCII, which may be a word; and each of their [`numbered`] words between two of `_`.
fn terms(keys: [&str; 2]) -> String {
    let room = keys.iter().map(|key| key.len() + 2).sum();
    let (mut threes, mut terms) = (Vec::with_capacity(room), String::with_capacity(6 * room));
    for key in keys {
        let (mut first, mut second) = (None, None);
        for third in letters(key).chain(['_', '_']) {
            if let (Some(first), Some(second)) = (first, second) {
                threes.push([first, second, third]);
                if !(third.is_ascii() || letters(MARKS).any(|mark| mark == third)) {
                    threes.push([first, second, '_']);
                }
            }
            (first, second) = (second, Some(third));
        }
        threes.extend(key.chars().filter(|letter| !letter.is_ascii()).map(|letter| [letter, '_', '_']));
    }
    let mut words: Vec<_> = keys.into_iter().flat_map(numbered).collect();
    words.sort_unstable();
    words.dedup();
    for word in words {
        terms.extend(["_", word, "_ "]);
    }
    // No letter has more than 21 bits, and one comparison is less than three.
    threes.sort_unstable_by_key(|three| three.iter().fold(0, |all, letter| all << 21 | u64::from(*letter)));
    threes.dedup();
    for [first, second, third] in threes {
        for letter in [first, second, third, ' '] {
            terms.push(letter);
        }
    }
    terms
}

/// A number that tells an index from one that has other terms of a place: the marks of all of its terms, added.
fn marks(terms: &str, place: i64) -> i64 {
    let mark =
        |term: &str| i64::from((BuildHasherDefault::<DefaultHasher>::default().hash_one((term, place)) >> 32) as u32);
    terms.split_ascii_whitespace().map(mark).sum()
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn key(random: &mut Rng) -> String {
        const LETTERS: [&str; 14] = ["a", "b", "z", "adele", ".", "-", "+", "@", "_", "0", "7", "ß", "田", "🦊"];
        (0..random.usize(..9)).map(|_| *random.choice(&LETTERS).unwrap_or(&"")).collect()
    }

    #[test]
    fn places_are_in_the_order_of_emails() {
        let mut random = Rng::with_seed(7);
        for _ in 0..100_000 {
            let (one, other) = (key(&mut random), key(&mut random));
            if one < other {
                assert!(code(&one) <= code(&other), "“{one}” and “{other}”");
            }
            assert!(one.starts_with(&beginning(code(&one))), "“{one}” begins with “{}”", beginning(code(&one)));
        }
        let beginnings = ["adele.hopper@", "ada@example.com", "p4711@", "", "žofie@"].map(|key| beginning(code(key)));
        assert_eq!(beginnings, ["adele.h", "ada@", "p471", "", "žo"]);
    }

    #[test]
    fn a_place_tells_whose_it_is() {
        let last = (1 << ID_BITS) - 1;
        for (email, id) in [("ada@example.com", 1), ("", 0), ("\u{10ffff}\u{10ffff}", last)] {
            let place = place(email, id).unwrap_or(-1);
            assert_eq!((super::id(place), code_of(place)), (id, code(email)));
            assert!((first_place(code(email))..=last_place(code(email))).contains(&place));
        }
        assert!(place("ada@example.com", last + 1).is_err() && place("ada@example.com", -1).is_err());
    }

    #[test]
    fn terms_are_threes_and_words_with_digits() {
        let of = |email, name| terms([email, name]).trim_end().to_owned();
        assert_eq!(of("a@b", "ab"), "ab_ a＠b b__ ＠b_");
        assert_eq!(of("x.p42@b", "p42"), "_p42_ 2__ 2＠b 42_ 42＠ b__ p42 x．p ．p4 ＠b_");
        assert_eq!(of("", "田中太+"), "中__ 中太_ 中太＋ 太__ 太＋_ 田__ 田中_ 田中太 ＋__");
        assert_eq!(of("", ""), "");
    }
}
