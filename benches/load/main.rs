//! How fast Rollcall is: `cargo bench --bench load`.
//!
//! Starts the release binary on a temporary folder and drives it over loopback with wrk, 32 connections in a closed loop.
//! Each figure is a ratio to the same request at a bare poem-openapi endpoint, measured in turns of a second: times say more of
//! the machine than of the program, and machines are not the same from one moment to the next. What is printed is the median
//! turn. `-- --sizes 1000,10000 --seconds 7` are the numbers of users that are measured one after the other, and the turns of
//! each figure.

#![expect(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, reason = "a program that prints a table")]

mod bare;
mod layout;
mod process;
mod raw;
mod town;
mod wrk;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use process::Server;
use town::Town;
use wrk::{Load, Outcome};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--bare") {
        return bare::serve(serde_json::from_str(&std::fs::read_to_string(&arguments[at + 1]).unwrap()).unwrap());
    }
    if arguments.iter().any(|argument| argument == "--layout") {
        return layout::record();
    }
    let after = |name: &str| arguments.iter().position(|argument| argument == name).map(|at| arguments[at + 1].clone());
    let seconds = after("--seconds").map_or(7, |text| text.parse().expect("--seconds is a number"));
    let sizes = after("--sizes").unwrap_or("1000,10000".into());
    println!("{}", machine());
    println!(
        "SQLite alone, durable rows/s: {:.0} with 64 a commit\n",
        raw::rows_per_second(64, Duration::from_secs(3))
    );
    let mut smallest = BTreeMap::new();
    for size in sizes.split(',') {
        measure(size.trim().parse().expect("--sizes are numbers"), seconds, &mut smallest);
    }
}

/// Everything about a server with so many users. `smallest` has what the first of them took, by load.
fn measure(users: u32, seconds: u32, smallest: &mut BTreeMap<&str, f64>) {
    let town = Town::fill(users);
    let mut starts: Vec<_> = (0..9).map(|_| town.serve().started_in).collect();
    starts.sort_unstable();
    let ours = town.serve();
    let answers = town.answers(&ours);
    println!(
        "{users} users: first answer after {:.1} ms, {:.0} MiB then; a user is {} bytes, a list {}, a page {}",
        starts[starts.len() / 2].as_secs_f64() * 1e3,
        ours.memory("VmRSS"),
        answers.user.len(),
        answers.list.len(),
        answers.page.len(),
    );
    let kept = town.folder.path().join("answers.json");
    std::fs::write(&kept, serde_json::to_string(&answers).unwrap()).unwrap();
    let mut bare = Command::new(std::env::current_exe().unwrap());
    bare.arg("--bare").arg(&kept);
    let bare = Server::start(bare, "/users/1");
    println!(
        "{:<26} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8} {:>9}",
        "", "req/s", "p50 ms", "p99 ms", "CPU µs", "bare req/s", "of bare", "to small"
    );
    let mut before_sign_ins = (0.0, 0.0);
    for (load, same) in town.loads(&ours) {
        if load.name == "sign-in" {
            before_sign_ins = (ours.memory("VmHWM"), ours.memory("RssAnon"));
        }
        // Passwords that are still hashed when a turn ends would be in the way of the next one.
        let (turns, each) = if load.name == "sign-in" { (1, seconds) } else { (seconds, 1) };
        let turns: Vec<_> = (0..turns).map(|_| (same.run(&bare, each, users), load.run(&ours, each, users))).collect();
        let small = *smallest.entry(load.name).or_insert_with(|| median(&turns, |(_, ours)| ours.per_second));
        row(&load, &turns, small);
        if load.name == "create" {
            let turn = |_| (raw::rows_per_second(1, Duration::from_secs(1)), load.run(&ours, 1, users).per_second);
            let turns: Vec<_> = (0..seconds).map(turn).collect();
            let (alone, times) = (median(&turns, |(alone, _)| *alone), median(&turns, |(alone, ours)| ours / alone));
            println!(
                "{:<26} {times:>9.1} times one durable row per commit, of which SQLite alone does {alone:.0}/s",
                ""
            );
        }
    }
    let (highest, of_its_own) = before_sign_ins;
    println!(
        "at its highest {:.0} MiB; before anybody signed in {highest:.0}, of which {of_its_own:.0} were no files it has mapped\n",
        ours.memory("VmHWM")
    );
}

/// The median of each figure of the turns, first the bare endpoint's and then ours. `small` is how many requests a second were
/// answered over the smallest table.
fn row(load: &Load, turns: &[(Outcome, Outcome)], small: f64) {
    let ours = |figure: fn(&Outcome) -> f64| median(turns, |(_, ours)| figure(ours));
    let (per_second, cpu) = (ours(|outcome| outcome.per_second), ours(|outcome| outcome.cpu));
    let (p50, p99) = (ours(|outcome| outcome.p50 / 1e3), ours(|outcome| outcome.p99 / 1e3));
    let bare = median(turns, |(bare, _)| bare.per_second);
    let of_bare = median(turns, |(bare, ours)| ours.per_second / bare.per_second);
    let longer = small / per_second;
    let failed: u64 = turns.iter().map(|(_, ours)| ours.failed).sum();
    let failed = if failed > 0 { format!("  {failed} failed") } else { String::new() };
    println!(
        "{:<26} {per_second:>9.0} {p50:>9.2} {p99:>9.2} {cpu:>9.0} {bare:>10.0} {of_bare:>8.2} {longer:>8.2}x{failed}",
        load.name
    );
}

/// The one in the middle.
fn median<T>(turns: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut figures: Vec<_> = turns.iter().map(figure).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, shared with the load; {} {}", std::env::consts::OS, std::env::consts::ARCH)
}
