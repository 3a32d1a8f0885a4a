//! Prometheus' text format, version 0.0.4, read as strictly as its description allows.

use std::collections::{BTreeMap, BTreeSet};

/// Every sample by its name and labels, as they are written.
pub struct Figures(pub BTreeMap<String, f64>);

impl Figures {
    /// # Panics
    ///
    /// If a line is not what the format, or the conventions for names, say.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let (mut samples, mut families, mut family) =
            (BTreeMap::new(), BTreeSet::new(), (String::new(), String::new()));
        let mut helped = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, sentence) = help.split_once(' ').unwrap();
                assert!(sentence.ends_with('.'), "{line}");
                helped = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, helped, "a family says first what it is");
                assert!(is_name(name) && families.insert(name.to_owned()), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                family = (name.to_owned(), kind.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = labels(series);
                require_of_family(&name, &labels, &family);
                let value: f64 = value.parse().unwrap();
                assert!(value >= 0.0, "{line}");
                assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        let figures = Self(samples);
        figures.require_whole_histograms();
        figures
    }

    pub fn get(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.0.keys()))
    }

    /// By how much a figure is more than it was; what wasn't there was nothing.
    pub fn since(&self, before: &Self, series: &str) -> f64 {
        self.get(series) - before.0.get(series).copied().unwrap_or_default()
    }

    /// Buckets hold those before them, and the last one all.
    fn require_whole_histograms(&self) {
        for (series, count) in &self.0 {
            let Some((name, labels)) = series.split_once("_count").filter(|(name, _)| !name.contains('{')) else {
                continue;
            };
            let labels = labels.trim_matches(['{', '}']);
            let own = |series: &str| {
                let inner = series.strip_prefix(&format!("{name}_bucket{{"))?.strip_suffix('}')?;
                let (rest, bound) = inner.rsplit_once("le=\"")?;
                (rest.trim_end_matches(',') == labels).then(|| bound.trim_end_matches('"').parse::<f64>().unwrap())
            };
            let mut buckets: Vec<_> = self.0.iter().filter_map(|(series, n)| Some((own(series)?, *n))).collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(
                buckets.len() > 3 && buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1),
                "{series}: {buckets:?}"
            );
            assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, *count), "{series}");
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A sample belongs to the family above it, and has a name that its kind allows.
fn require_of_family(name: &str, labels: &[(String, String)], (family, kind): &(String, String)) {
    let ending = name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{name} stands under {family}"));
    let bounded = labels.iter().any(|(name, _)| name == "le");
    match kind.as_str() {
        "counter" | "gauge" => assert!(ending.is_empty() && !bounded, "{name}"),
        "histogram" => match ending {
            "_bucket" => assert!(bounded, "{name}"),
            "_sum" | "_count" => assert!(!bounded, "{name}"),
            _ => panic!("{name} in a histogram"),
        },
        _ => panic!("{family} is a {kind}"),
    }
}

/// `name{label="value",…}`, with `\\`, `\"` and `\n` in values.
fn labels(series: &str) -> (String, Vec<(String, String)>) {
    let Some((name, rest)) = series.split_once('{') else {
        assert!(is_name(series), "{series}");
        return (series.to_owned(), Vec::new());
    };
    let mut rest = rest.strip_suffix('}').unwrap();
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").unwrap();
        assert!(is_name(label), "{series}");
        let (mut value, mut escaped, mut end) = (String::new(), false, None);
        for (at, c) in after.char_indices() {
            match c {
                '\\' | '"' | 'n' if escaped => value.push(c),
                _ if escaped => panic!("\\{c} in {series}"),
                '\\' => {}
                '"' => {
                    end = Some(at);
                    break;
                }
                c => value.push(c),
            }
            escaped = c == '\\' && !escaped;
        }
        labels.push((label.to_owned(), value));
        rest = &after[end.unwrap() + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    (name.to_owned(), labels)
}
