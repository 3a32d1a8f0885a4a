//! The load generator: wrk, a bounded closed loop in C that leaves most of two cores to what it measures.

use std::process::Command;

use crate::process::Server;

/// Requests of one kind, and where they go.
pub struct Load {
    pub name: &'static str,
    pub method: &'static str,
    pub path: String,
    pub body: String,
    pub headers: Vec<String>,
    pub connections: u32,
}

/// What came of it. Times in microseconds.
pub struct Outcome {
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
    /// Processor time the server took for each request.
    pub cpu: f64,
    pub failed: u64,
}

impl Load {
    /// Sends it for so many seconds.
    pub fn run(&self, server: &Server, seconds: u32, users: u32) -> Outcome {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load/request.lua");
        let mut wrk = Command::new("wrk");
        wrk.args(["-t1", "-s", script, "--timeout", "10s"]);
        wrk.arg(format!("-c{}", self.connections)).arg(format!("-d{seconds}s")).arg(&server.url);
        wrk.args(["--", self.method, &self.path, &self.body, &users.to_string()]).args(&self.headers);
        let before = server.cpu_micros();
        let output = wrk.output().expect("wrk must be installed: apt-get install wrk, or brew install wrk");
        let cpu = server.cpu_micros() - before;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let result = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let result = result.unwrap_or_else(|| panic!("wrk said: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let numbers: Vec<f64> = result.split(' ').map(|number| number.parse().unwrap_or_default()).collect();
        let [requests, micros, p50, p99, failed] = numbers[..] else { panic!("wrk said: {result}") };
        Outcome { per_second: requests / micros * 1e6, p50, p99, cpu: cpu / requests, failed: failed as u64 }
    }
}
