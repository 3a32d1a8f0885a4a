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
