//! What the repository promises about itself.

use std::fs;
use std::path::{Path, PathBuf};

pub fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Who may use whom; the README's map says the same.
#[test]
fn layers_use_only_what_is_below_them() {
    let forbidden: &[(&str, &[&str])] = &[
        (
            "src/domain",
            &["poem::", "askama", "crate::app", "crate::api", "crate::web", "crate::auth", "rusqlite", "r2d2"],
        ),
        ("src/db", &["poem", "crate::api", "crate::web", "crate::app"]),
        ("src/api", &["crate::web", "crate::docs", "rusqlite", "crate::db"]),
        ("src/web", &["crate::api", "crate::docs", "rusqlite", "db::Write", "db::params", "select "]),
    ];
    for (folder, words) in forbidden {
        for (path, text) in sources(folder) {
            for word in *words {
                let used =
                    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| line.contains(word));
                assert!(!used, "{} uses {word}", path.display());
            }
        }
    }
}

/// Only the writer's module writes, and nobody but the clock asks for the time.
#[test]
fn time_comes_from_the_one_clock() {
    for (path, text) in sources("src") {
        if path.ends_with("src/clock.rs") {
            continue;
        }
        for word in ["SystemTime::now", "Timestamp::now", "datetime('now')", "current_timestamp", "unixepoch("] {
            assert!(!text.contains(word), "{} asks {word}", path.display());
        }
    }
}

/// The README's table is `--help`, setting by setting.
#[test]
fn the_readme_lists_every_setting_as_help_does() {
    use clap::CommandFactory;
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let command = rollcall::cli::Cli::command();
    let settings = command.get_arguments().filter(|argument| argument.get_env().is_some());
    let rows: Vec<String> = settings
        .map(|argument| {
            let default =
                argument.get_default_values().first().map_or("–".into(), |value| format!("`{}`", value.display()));
            format!(
                "| `--{}` | `{}` | {default} | {} |",
                argument.get_long().unwrap(),
                argument.get_env().unwrap().display(),
                argument.get_help().unwrap(),
            )
        })
        .collect();
    assert!(rows.len() >= 6);
    for row in rows {
        assert!(readme.contains(&row), "the README lacks this row:\n{row}");
    }
    for command in command.get_subcommands() {
        assert!(
            readme.contains(&format!("`rollcall {}", command.get_name())),
            "the README lacks {}",
            command.get_name()
        );
    }
}

#[test]
fn code_that_is_unsafe_is_in_one_file_and_denied_elsewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(fs::read_to_string(root.join("Cargo.toml")).unwrap().contains(concat!("\nunsafe", "_code = \"deny\"\n")));
    let said = concat!("unsafe", "_code");
    let mut files: Vec<_> = ["src", "tests", "benches"].into_iter().flat_map(sources).collect();
    files.retain(|(_, text)| text.contains(said));
    assert_eq!(files.iter().map(|(path, _)| path.as_path()).collect::<Vec<_>>(), [root.join("src/db/log.rs")]);
    assert!(!fs::read_to_string(root.join("build.rs")).unwrap().contains(said));
}
