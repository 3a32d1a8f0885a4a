//! `docs/security.md` has a row for every requirement of ASVS 5.0.0, levels 1 and 2, and what it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each section of the standard, and the numbers in it that are of level 1 or 2.
#[rustfmt::skip]
const REQUIREMENTS: &[(&str, &str)] = &[
    ("V1.1", "1 2"),
    ("V1.2", "1 2 3 4 5 6 7 8 9"),
    ("V1.3", "1 2 3 4 5 6 7 8 9 10 11"),
    ("V1.4", "1 2 3"),
    ("V1.5", "1 2"),
    ("V2.1", "1 2 3"),
    ("V2.2", "1 2 3"),
    ("V2.3", "1 2 3 4"),
    ("V2.4", "1"),
    ("V3.2", "1 2"),
    ("V3.3", "1 2 3 4"),
    ("V3.4", "1 2 3 4 5 6"),
    ("V3.5", "1 2 3 4 5"),
    ("V3.7", "1 2"),
    ("V4.1", "1 2 3"),
    ("V4.2", "1"),
    ("V4.3", "1 2"),
    ("V4.4", "1 2 3 4"),
    ("V5.1", "1"),
    ("V5.2", "1 2 3"),
    ("V5.3", "1 2"),
    ("V5.4", "1 2 3"),
    ("V6.1", "1 2 3"),
    ("V6.2", "1 2 3 4 5 6 7 8 9 10 11 12"),
    ("V6.3", "1 2 3 4"),
    ("V6.4", "1 2 3 4"),
    ("V6.5", "1 2 3 4 5"),
    ("V6.6", "1 2 3"),
    ("V6.8", "1 2 3 4"),
    ("V7.1", "1 2 3"),
    ("V7.2", "1 2 3 4"),
    ("V7.3", "1 2"),
    ("V7.4", "1 2 3 4 5"),
    ("V7.5", "1 2"),
    ("V7.6", "1 2"),
    ("V8.1", "1 2"),
    ("V8.2", "1 2 3"),
    ("V8.3", "1"),
    ("V8.4", "1"),
    ("V9.1", "1 2 3"),
    ("V9.2", "1 2 3 4"),
    ("V10.1", "1 2"),
    ("V10.2", "1 2"),
    ("V10.3", "1 2 3 4"),
    ("V10.4", "1 2 3 4 5 6 7 8 9 10 11"),
    ("V10.5", "1 2 3 4 5"),
    ("V10.6", "1 2"),
    ("V10.7", "1 2 3"),
    ("V11.1", "1 2"),
    ("V11.2", "1 2 3"),
    ("V11.3", "1 2 3"),
    ("V11.4", "1 2 3 4"),
    ("V11.5", "1"),
    ("V11.6", "1"),
    ("V12.1", "1 2 3"),
    ("V12.2", "1 2"),
    ("V12.3", "1 2 3 4"),
    ("V13.1", "1"),
    ("V13.2", "1 2 3 4 5"),
    ("V13.3", "1 2"),
    ("V13.4", "1 2 3 4 5"),
    ("V14.1", "1 2"),
    ("V14.2", "1 2 3 4"),
    ("V14.3", "1 2 3"),
    ("V15.1", "1 2 3"),
    ("V15.2", "1 2 3"),
    ("V15.3", "1 2 3 4 5 6 7"),
    ("V16.1", "1"),
    ("V16.2", "1 2 3 4 5"),
    ("V16.3", "1 2 3 4"),
    ("V16.4", "1 2 3"),
    ("V16.5", "1 2 3"),
    ("V17.1", "1"),
    ("V17.2", "1 2 3 4"),
    ("V17.3", "1 2"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    fs::read_to_string(root().join("docs/security.md")).unwrap()
}

/// The rows about requirements: number, how it is met, where that is shown.
fn rows(document: &str) -> Vec<[&str; 3]> {
    let cells = document.lines().filter(|line| line.starts_with("| V")).map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("three cells: {cells:?}"))
    });
    cells.collect()
}

/// What stands between backticks.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of all tests there are, in `tests/` and beside the code.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = ["tests", "src"].map(|folder| root().join(folder)).to_vec();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.extend(tests_in(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

fn tests_in(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let line = line.trim_start_matches("async ");
        if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
            if is_test {
                names.push(name.to_owned());
            }
            is_test = false;
        }
    }
    names
}

#[test]
fn every_requirement_has_its_row() {
    let wanted: Vec<String> = REQUIREMENTS
        .iter()
        .flat_map(|(section, numbers)| numbers.split(' ').map(move |number| format!("{section}.{number}")))
        .collect();
    assert_eq!(wanted.len(), 253);
    let document = document();
    let here: Vec<_> = rows(&document).iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(here, wanted);
}

#[test]
fn what_the_rows_name_is_there() {
    let (document, tests) = (document(), tests());
    for [requirement, how, shown] in rows(&document) {
        assert!(how.len() > 5, "{requirement} says nothing");
        assert!(shown == "—" || named(shown).next().is_some(), "{requirement} is shown nowhere");
        assert!(shown != "—" || how.starts_with("Does not apply"), "{requirement} is met, but where?");
        assert!(!shown.contains("TODO"), "{requirement} is not finished");
        for name in named(shown) {
            let is_path = name.contains(['/', '.']);
            let there = if is_path { root().join(name).exists() } else { tests.contains(name) };
            assert!(there, "{requirement} names `{name}`, which is not there");
        }
    }
}

#[test]
fn its_links_lead_to_its_headings() {
    let document = document();
    let anchor = |heading: &str| {
        let plain = heading.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != ' ' && c != '-', "");
        plain.replace(' ', "-")
    };
    let headings: BTreeSet<_> =
        document.lines().filter_map(|line| line.split_once("# ")).map(|(_, heading)| anchor(heading)).collect();
    for target in document.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(headings.contains(target), "#{target} leads nowhere");
    }
}
