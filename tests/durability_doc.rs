//! `docs/durability.md` has a line for everything that is done to storage here, and names tests that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn tests_in(files: &[&str]) -> BTreeSet<String> {
    let text: String = files.iter().map(|file| read(file)).collect();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let tests = lines.windows(2).filter(|pair| is_test(pair[0]));
    let name = |line: &str| line.trim_start_matches("async ").strip_prefix("fn ")?.split('(').next().map(str::to_owned);
    tests.map(|pair| name(pair[1]).unwrap()).collect()
}

#[test]
fn every_fault_has_its_line_and_its_test() {
    let files =
        ["faults", "synced", "durability", "interrupted", "overload", "clock"].map(|name| format!("tests/{name}.rs"));
    let proven = tests_in(&files.each_ref().map(String::as_str));
    let others = tests_in(&[
        "src/db/writer/tests.rs",
        "src/db/mod.rs",
        "src/limits.rs",
        "src/server/context.rs",
        "tests/backup_shelf.rs",
        "tests/backups.rs",
        "tests/cli.rs",
        "tests/check.rs",
        "tests/keys.rs",
        "tests/lost.rs",
        "tests/repair.rs",
        "tests/upgrade.rs",
    ]);
    let page = read("docs/durability.md");
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = rows.map(|row| row.trim_end_matches([' ', '|']).rsplit_once(" | ").unwrap().1);
    let named: BTreeSet<String> = cells
        .flat_map(|cell| {
            let names: Vec<_> = cell.split('`').filter(|name| !name.trim().is_empty()).map(str::to_owned).collect();
            assert!(!names.is_empty() && names.iter().all(|name| !name.contains(' ')), "no test proves it: {cell}");
            names
        })
        .collect();
    let unknown: Vec<_> = named.iter().filter(|name| !proven.contains(*name) && !others.contains(*name)).collect();
    assert!(unknown.is_empty(), "these tests are not there: {unknown:?}");
    let unsaid: Vec<_> = proven.difference(&named).collect();
    assert!(unsaid.is_empty(), "the page doesn't say what these tests show: {unsaid:?}");
}
