//! Which functions stand together in the program: `RUSTFLAGS="-Cstrip=none -Clinker=cc" cargo bench --bench load -- --layout`
//! writes `.cargo/hot.ld` anew, by which `build.rs` has the linker order them. The flags leave the program its symbols, and
//! the linker its own order.
//!
//! A system that reads one page of a program maps the sixteen around it, too. What a server runs is a fifth of the program,
//! and the linker strews it over all of it. Valgrind says what ran.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::process::Server;
use crate::town::Town;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rollcall");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/hot.ld");
const ABOUT: &str = "\
/* Functions that run while a server waits, and then those that requests run, next to each other, so that the rest of the
   program need not be in memory. Made by `cargo bench --bench load -- --layout`: see benches/load/layout.rs. A name that
   isn't there any more does no harm, and a function that isn't named stands where the linker puts it. */
";

/// A function: its bytes, and all symbols it goes by.
type Function = (u64, Vec<String>);

/// Functions of one name, of which generic ones have many: their bytes, and those of the ones that ran.
#[derive(Default)]
struct Namesakes {
    bytes: u64,
    ran: u64,
}

/// What a new server does until somebody asks for something, and then what is asked of one that is used. What the compiler
/// holds for unlikely has sections of another name, little of which runs, and stands together in the end.
pub fn record() {
    let functions = functions();
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile");
    let mut waits = traced(&profile);
    waits.arg("--data").arg(folder.path().join("data")).args(["--listen", "127.0.0.1:0"]);
    Server::start(waits, "/ui/sign-in").stop();
    let waiting = names(&functions, &ran(&profile));
    let town = Town::fill(1000);
    let used = town.serve_by(traced(&profile));
    for (load, _) in town.loads(&used) {
        println!("{}: {:.0} a second", load.name, load.run(&used, 2, 1000).per_second);
    }
    used.stop();
    let asked = names(&functions, &ran(&profile));
    let mut script = format!("{ABOUT}SECTIONS\n{{\n  .text.hot :\n  {{\n");
    let mut named = HashSet::new();
    for name in waiting.iter().chain(&asked) {
        if named.insert(name) {
            writeln!(script, "    *(.text.{name})").unwrap();
        }
    }
    script += "    *(.text.unlikely.*)\n  }\n}\nINSERT BEFORE .text\n";
    std::fs::write(SCRIPT, script).unwrap();
    println!("{} names in {SCRIPT}", named.len());
}

/// The server under Valgrind, which writes to `profile` what it ran.
fn traced(profile: &Path) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", "--demangle=no", "--compress-strings=no"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display())).arg(PROGRAM);
    valgrind
}

fn functions() -> Vec<Function> {
    let output = Command::new("nm").args(["--print-size", "--defined-only", PROGRAM]).output().expect("nm runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut functions: BTreeMap<&str, Function> = BTreeMap::new();
    for line in text.lines() {
        if let [address, bytes, "t" | "T" | "w" | "W", symbol] = line.split(' ').collect::<Vec<_>>()[..] {
            let function = functions.entry(address).or_default();
            function.0 = u64::from_str_radix(bytes, 16).unwrap();
            function.1.push(symbol.to_owned());
        }
    }
    assert!(!functions.is_empty(), "the program has no symbols; RUSTFLAGS=-Cstrip=none leaves them to it");
    functions.into_values().collect()
}

/// The symbols of the program's functions that ran.
fn ran(profile: &Path) -> HashSet<String> {
    let text = std::fs::read_to_string(profile).unwrap();
    let mut ours = false;
    let mut symbols = HashSet::new();
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            ours = object == PROGRAM;
        } else if let Some(symbol) = line.strip_prefix("fn=").filter(|_| ours) {
            symbols.insert(symbol.to_owned());
        }
    }
    // Valgrind knows the names of what is in `.text` alone.
    assert!(symbols.contains("main"), "the program is in order already; RUSTFLAGS=-Clinker=cc leaves it as it was");
    symbols
}

/// The names of those that ran: first of which most bytes did, then what shares its name with many that didn't.
fn names(functions: &[Function], ran: &HashSet<String>) -> Vec<String> {
    let mut names: BTreeMap<String, Namesakes> = BTreeMap::new();
    for (bytes, symbols) in functions {
        let ran = symbols.iter().any(|symbol| ran.contains(symbol));
        for name in symbols.iter().map(|symbol| name(symbol)).collect::<BTreeSet<_>>() {
            let namesakes = names.entry(name).or_default();
            namesakes.bytes += bytes;
            namesakes.ran += if ran { *bytes } else { 0 };
        }
    }
    names.retain(|_, namesakes| namesakes.ran > 0);
    let (most, few): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|(_, namesakes)| namesakes.ran * 2 >= namesakes.bytes);
    most.into_iter().chain(few).map(|(name, _)| name).collect()
}

/// What a function is called whatever compiler made it of which version of its crate: the hashes of those are left open, and
/// so are the numbers that the optimiser appends.
fn name(symbol: &str) -> String {
    if let Some((name, _hash)) = symbol.strip_prefix("_ZN").and_then(|_| symbol.rsplit_once("17h")) {
        return format!("{name}17h*");
    }
    if !symbol.starts_with("_R") {
        return symbol.to_owned();
    }
    let symbol = symbol.split('.').next().unwrap_or_default();
    let mut crates = symbol.split("Cs");
    let mut name = crates.next().unwrap_or_default().to_owned();
    for part in crates {
        name += &part.split_once('_').map_or_else(|| format!("Cs{part}"), |(_hash, rest)| format!("Cs*_{rest}"));
    }
    name + "*"
}
