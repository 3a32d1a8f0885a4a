//! A server in a process of its own, and what the system knows of it (Linux's `/proc`).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub struct Server {
    process: Child,
    pub url: String,
    /// From its start to its first answer.
    pub started_in: Duration,
}

impl Server {
    /// Starts it and waits until it has said its address and answered `path`.
    pub fn start(mut command: Command, path: &str) -> Self {
        let begun = Instant::now();
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("it has an output")).lines();
        let url = lines.find_map(|line| line.ok()?.strip_prefix("Rollcall is listening on ").map(str::to_owned));
        let url = url.expect("it says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        ureq::get(&format!("{url}{path}")).call().expect("it answers");
        Self { process, url, started_in: begun.elapsed() }
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process has an ID");
        kill_process(id, Signal::TERM).expect("it runs");
        self.process.wait().expect("it stops");
    }

    /// Processor time so far, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        // The second field is the name, which may hold spaces; user and system time are the 14th and 15th, in hundredths.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: f64 = fields[11..13].iter().filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        ticks * 10_000.0
    }

    /// Resident memory in MiB: now (`VmRSS`), what of it is no file (`RssAnon`), or at its highest (`VmHWM`).
    pub fn memory(&self, which: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
