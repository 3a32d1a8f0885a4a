//! The little Markdown that our descriptions use, as parts that a template can escape: paragraphs and list items,
//! `code`, **strong** and [links](/reference).

pub struct Paragraph {
    /// One of a list.
    pub is_item: bool,
    pub parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Code(String),
    Strong(String),
    Link { text: String, address: String },
}

pub fn parse(text: &str) -> Vec<Paragraph> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let item = line.strip_prefix("- ");
            Paragraph { is_item: item.is_some(), parts: parts(item.unwrap_or(line)) }
        })
        .collect()
}

fn parts(mut rest: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some(start) = rest.find(['`', '*', '[']) {
        let (text, marked) = rest.split_at(start);
        let Some((part, after)) = marked_up(marked) else {
            let (text, after) = rest.split_at(start + 1);
            parts.push(Part::Text(text.to_owned()));
            rest = after;
            continue;
        };
        parts.push(Part::Text(text.to_owned()));
        parts.push(part);
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    parts
}

/// The part that begins with a mark, and what follows it.
fn marked_up(text: &str) -> Option<(Part, &str)> {
    if let Some(rest) = text.strip_prefix('`') {
        let (code, after) = rest.split_once('`')?;
        return Some((Part::Code(code.to_owned()), after));
    }
    if let Some(rest) = text.strip_prefix("**") {
        let (strong, after) = rest.split_once("**")?;
        return Some((Part::Strong(strong.to_owned()), after));
    }
    let (text, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (address, after) = rest.split_once(')')?;
    Some((Part::Link { text: text.to_owned(), address: address.to_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_never_closed_are_text() {
        let text: String = parts("2 * 3, a[1] and `open").into_iter().map(|part| format!("{part:?}")).collect();
        assert_eq!(text, r#"Text("2 *")Text(" 3, a[")Text("1] and `")Text("open")"#);
        assert_eq!(
            parts("**A** `b` [c](/d)").into_iter().filter(|part| !matches!(part, Part::Text(_))).collect::<Vec<_>>(),
            [
                Part::Strong("A".into()),
                Part::Code("b".into()),
                Part::Link { text: "c".into(), address: "/d".into() }
            ]
        );
    }
}
