//! What the program is made of: each dependency for a reason, and from where and under which terms.

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of one table of Cargo.toml, each with whether a comment stands at the head of its group.
fn table(manifest: &str, title: &str) -> Vec<(String, bool)> {
    let lines = manifest.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.starts_with('['));
    let mut reasoned = false;
    let mut found = Vec::new();
    for line in lines {
        match line {
            "" => reasoned = false,
            comment if comment.starts_with('#') => reasoned = true,
            dependency => found.push((dependency.to_owned(), reasoned)),
        }
    }
    found
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = read("Cargo.toml");
    for title in ["[dependencies]", "[dev-dependencies]", "[profile.dev.package]"] {
        let lines = table(&manifest, title);
        assert!(!lines.is_empty(), "{title}");
        for (line, reasoned) in lines {
            assert!(reasoned || title.starts_with("[profile"), "no comment says why: {line}");
            assert!(!line.contains('*') && !line.contains("git ="), "{line}");
        }
    }
}

/// `cargo deny` decides; here it is only held that it is asked about all of it.
#[test]
fn the_supply_chain_is_checked_before_a_change_lands() {
    let (rules, steps) = (read("deny.toml"), read(".ci/run"));
    for part in ["[licenses]", "[bans]", "[sources]", "[advisories]"] {
        assert!(rules.contains(part), "{part}");
    }
    assert!(rules.contains("unknown-registry = \"deny\"") && rules.contains("unknown-git = \"deny\""));
    assert!(steps.contains("cargo deny --locked check licenses sources bans"));
    assert!(steps.contains("check advisories"));
}
