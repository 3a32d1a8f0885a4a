//! Names of the program turned into words for people.

/// `lead_status_changed` → "Lead status changed", `api_key_created` → "API key created".
pub fn sentence(name: &str) -> String {
    const ACRONYMS: [&str; 2] = ["api", "mid"];
    let spell = |word: &str| if ACRONYMS.contains(&word) { word.to_ascii_uppercase() } else { word.to_owned() };
    let mut words = name.split(['_', '.']).map(spell).collect::<Vec<_>>().join(" ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Somebody else's text, short enough to be quoted back at them.
pub fn shortened(text: &str) -> String {
    shortened_to(text, 60)
}

/// At most so many characters of a text.
pub fn shortened_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `1 person`, `2 people`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The same of a count that ends at `most`: `1,000 or more people`.
pub fn members(n: u64, most: usize, one: &str, many: &str) -> String {
    let most = most as u64;
    if n < most { count(n, one, many) } else { format!("{} or more {many}", number(most)) }
}

/// `12345` → `12,345`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A length of time as a person reads it: `day`, `6 hours`, `90 minutes`.
pub fn time(time: std::time::Duration) -> String {
    const UNITS: [(u64, &str, &str); 4] =
        [(86_400, "day", "days"), (3_600, "hour", "hours"), (60, "minute", "minutes"), (1, "second", "seconds")];
    let seconds = time.as_secs().max(1);
    let whole = UNITS.into_iter().find(|(length, ..)| seconds.is_multiple_of(*length));
    let (length, one, many) = whole.unwrap_or(UNITS[3]);
    if seconds == length { one.to_owned() } else { count(seconds / length, one, many) }
}

/// A size as a person reads it: `512 bytes`, `140 KiB`, `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let unit = (n.max(1).ilog2() / 10).min(4);
    match unit.checked_sub(1).and_then(|unit| UNITS.get(unit as usize)) {
        None => count(n, "byte", "bytes"),
        Some(name) => {
            let tenths = (n >> (unit * 10 - 10)) * 10 / 1024;
            if tenths >= 100 {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, time};

    #[test]
    fn times_are_read_by_people() {
        let times = [90, 60, 7200, 86_400, 7 * 86_400, 90 * 60].map(|seconds| time(Duration::from_secs(seconds)));
        assert_eq!(times, ["90 seconds", "minute", "2 hours", "day", "7 days", "90 minutes"]);
    }

    #[test]
    fn sizes_are_read_by_people() {
        let sizes = [0, 1, 1023, 1024, 1536, 143_360, 1_048_576, 1_610_612_736, u64::MAX].map(bytes);
        let expected =
            ["0 bytes", "1 byte", "1023 bytes", "1.0 KiB", "1.5 KiB", "140 KiB", "1.0 MiB", "1.5 GiB", "16777215 TiB"];
        assert_eq!(sizes, expected);
    }
}
