//! What the server counts and measures of itself, and the text Prometheus reads (its exposition format, version 0.0.4).
//!
//! Whoever is measured holds a counter and moves it: an atomic, without a lock or an allocation. What has a value by itself,
//! such as the size of a file, is looked at when somebody asks. Labels are taken from closed lists, never from a request.

mod process;
mod requests;

use std::borrow::Borrow;
use std::fs;
use std::path::Path;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::clock::Timestamp;
use crate::db::beside;
use crate::error::{Error, Result};

pub use prometheus::TEXT_FORMAT;
pub use requests::{Requests, Series};

/// Upper ends of the buckets that times are sorted into, in seconds.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// All of it, for one server.
pub struct Metrics {
    registry: Registry,
    pub requests: Requests,
    pub sign_ins: SignIns,
    pub backups: Backups,
    /// Connections that are open.
    pub connections: IntGauge,
    /// Connections that found no place.
    pub connections_refused: IntCounter,
}

/// What the database tells of itself.
#[derive(Clone)]
pub struct Database {
    /// Writes that wait for the writer.
    pub queued: IntGauge,
    /// Writes that shared a commit.
    pub batch: Histogram,
    /// Seconds from the beginning of a transaction until it was durable.
    pub commit: Histogram,
    pub commits_failed: IntCounter,
    /// Reads that wait for a connection.
    pub readers_waiting: IntGauge,
    bytes: IntGauge,
    wal_bytes: IntGauge,
}

impl Database {
    pub fn new() -> Result<Self> {
        let shared = HistogramOpts::new("rollcall_commit_writes", "Writes that shared a commit.");
        Ok(Self {
            queued: gauge("rollcall_writer_queue_length", "Writes that wait for the writer.")?,
            batch: Histogram::with_opts(shared.buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]))?,
            commit: seconds("rollcall_commit_duration_seconds", "From the beginning of a commit until it is durable.")?,
            commits_failed: counter(
                "rollcall_commits_failed_total",
                "Commits that failed; nothing of them is stored.",
            )?,
            readers_waiting: gauge("rollcall_readers_waiting", "Reads that wait for a connection to the database.")?,
            bytes: gauge("rollcall_database_size_bytes", "Size of the database file.")?,
            wal_bytes: gauge("rollcall_database_wal_size_bytes", "Size of its write-ahead log.")?,
        })
    }

    /// A transaction of so many writes took so long, whatever came of it.
    pub fn note(&self, writes: usize, took: Duration, stored: bool) {
        self.batch.observe(writes as f64);
        self.commit.observe(took.as_secs_f64());
        if !stored {
            self.commits_failed.inc();
        }
    }

    /// How many transactions the writer has tried so far.
    pub fn commits_tried(&self) -> u64 {
        self.batch.get_sample_count()
    }

    /// Notes how large the files are.
    pub fn weigh(&self, database: &Path) {
        let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| i64::try_from(file.len()).unwrap_or(i64::MAX));
        self.bytes.set(bytes(database));
        self.wal_bytes.set(bytes(&beside(database, "-wal")));
    }

    fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let gauges = [&self.queued, &self.readers_waiting, &self.bytes, &self.wal_bytes];
        let histograms = [&self.batch, &self.commit];
        let gauges = gauges.map(|gauge| Box::new(gauge.clone()) as Box<dyn Collector>);
        let histograms = histograms.map(|histogram| Box::new(histogram.clone()) as Box<dyn Collector>);
        gauges.into_iter().chain(histograms).chain([Box::new(self.commits_failed.clone()) as _]).collect()
    }
}

/// What somebody signs in with.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Password,
    Passkey,
    Link,
}

/// Ways in that were tried, and what came of it.
pub struct SignIns(IntCounterVec);

impl SignIns {
    fn new() -> Result<Self> {
        let opts = Opts::new("rollcall_sign_ins_total", "Sign-ins by the way that was tried and by what came of it.");
        let all = IntCounterVec::new(opts, &["way", "result"])?;
        // What has not happened yet is 0, so that the first failure is an increase and not a new line.
        for way in ["password", "passkey", "link"] {
            for result in ["done", "refused"] {
                all.with_label_values(&[way, result]);
            }
        }
        Ok(Self(all))
    }

    /// Notes what came of a try, and passes it on. What was no fault of whoever tried is not counted.
    pub fn note<T>(&self, way: Way, tried: Result<T>) -> Result<T> {
        let way = match way {
            Way::Password => "password",
            Way::Passkey => "passkey",
            Way::Link => "link",
        };
        match &tried {
            Ok(_) => self.0.with_label_values(&[way, "done"]).inc(),
            Err(error) if error.status() < 500 => self.0.with_label_values(&[way, "refused"]).inc(),
            Err(_) => {}
        }
        tried
    }
}

/// Backups that the server makes.
pub struct Backups {
    /// When the latest of those that are there was made.
    last: IntGauge,
    /// Those that could not be made, or in which a rule doesn't hold.
    pub failed: IntCounter,
}

impl Backups {
    fn new() -> Result<Self> {
        let last = "When the latest backup was made, in seconds since 1970; 0 if there is none.";
        let failed = "Backups that could not be made, or in which something is not as it should be.";
        Ok(Self {
            last: gauge("rollcall_last_backup_timestamp_seconds", last)?,
            failed: counter("rollcall_backups_failed_total", failed)?,
        })
    }

    pub fn note_last(&self, at: Option<Timestamp>) {
        self.last.set(at.map_or(0, |at| at.0 / 1000));
    }
}

impl Metrics {
    /// `now` is when the server started.
    pub fn new(database: &Database, hashes_waiting: &IntGauge, now: Timestamp) -> Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            requests: Requests::new()?,
            sign_ins: SignIns::new()?,
            backups: Backups::new()?,
            connections: gauge("rollcall_connections", "Connections that are open.")?,
            connections_refused: counter("rollcall_connections_refused_total", "Connections that found no place.")?,
            registry,
        };
        let about = Opts::new("rollcall_build_info", "Which Rollcall this is.");
        let build = IntGauge::with_opts(about.const_label("version", env!("CARGO_PKG_VERSION")))?;
        build.set(1);
        let own: [Box<dyn Collector>; 8] = [
            Box::new(metrics.sign_ins.0.clone()),
            Box::new(metrics.backups.last.clone()),
            Box::new(metrics.backups.failed.clone()),
            Box::new(metrics.connections.clone()),
            Box::new(metrics.connections_refused.clone()),
            Box::new(hashes_waiting.clone()),
            Box::new(build),
            Box::new(process::Process::new(now)?),
        ];
        let all = own.into_iter().chain(database.collectors()).chain(metrics.requests.collectors());
        all.into_iter().try_for_each(|collector| metrics.registry.register(collector))?;
        Ok(metrics)
    }

    /// All of it as Prometheus reads it.
    pub fn text(&self) -> Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(Error::internal)
    }
}

/// A number that goes up and down.
pub fn gauge(name: &str, help: &str) -> Result<IntGauge> {
    Ok(IntGauge::new(name, help)?)
}

fn counter(name: &str, help: &str) -> Result<IntCounter> {
    Ok(IntCounter::new(name, help)?)
}

fn seconds(name: &str, help: &str) -> Result<Histogram> {
    Ok(Histogram::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()))?)
}

/// Adds one to a gauge for as long as it is kept.
pub struct Counted<G: Borrow<IntGauge>>(G);

impl<G: Borrow<IntGauge>> Counted<G> {
    pub fn in_(gauge: G) -> Self {
        gauge.borrow().inc();
        Self(gauge)
    }
}

impl<G: Borrow<IntGauge>> Drop for Counted<G> {
    fn drop(&mut self) {
        self.0.borrow().dec();
    }
}

/// A name that is no name, or is there twice: a mistake in this file.
impl From<prometheus::Error> for Error {
    fn from(error: prometheus::Error) -> Self {
        Self::internal(error)
    }
}
