//! The process as the system sees it, under the names that all of Prometheus' clients give it.

use std::sync::{Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge};

use super::gauge;
use crate::clock::Timestamp;
use crate::error::Result;

/// Looked at anew whenever somebody asks.
pub struct Process {
    cpu: Counter,
    started: Gauge,
    /// Who looks at the same time waits, so that nothing is counted twice.
    looking: Mutex<()>,
    #[cfg(target_os = "linux")]
    linux: Linux,
}

/// What `/proc` tells (proc(5)).
#[cfg(target_os = "linux")]
struct Linux {
    resident: IntGauge,
    open: IntGauge,
    most: IntGauge,
    threads: IntGauge,
}

impl Process {
    pub fn new(now: Timestamp) -> Result<Self> {
        let started = Gauge::new("process_start_time_seconds", "When the server started, in seconds since 1970.")?;
        started.set(now.0 as f64 / 1000.0);
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", "Processor time that was used.")?,
            started,
            looking: Mutex::default(),
            #[cfg(target_os = "linux")]
            linux: Linux {
                resident: gauge("process_resident_memory_bytes", "Memory in use.")?,
                open: gauge("process_open_fds", "Files, sockets and the like that are open.")?,
                most: gauge("process_max_fds", "As many may be open.")?,
                threads: gauge("process_threads", "Threads of the process.")?,
            },
        })
    }

    fn parts(&self) -> Vec<&dyn Collector> {
        let mut parts: Vec<&dyn Collector> = vec![&self.cpu, &self.started];
        #[cfg(target_os = "linux")]
        parts.extend::<[&dyn Collector; 4]>([
            &self.linux.resident,
            &self.linux.open,
            &self.linux.most,
            &self.linux.threads,
        ]);
        parts
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _alone = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(unix)]
        {
            let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
            let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
            self.cpu.inc_by((used - self.cpu.get()).max(0.0));
        }
        #[cfg(target_os = "linux")]
        self.linux.look();
        self.parts().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(target_os = "linux")]
impl Linux {
    fn look(&self) {
        use rustix::process::{Resource, getrlimit};
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok()).unwrap_or_default()
        };
        self.resident.set(field("VmRSS:") * 1024);
        self.threads.set(field("Threads:"));
        // One of them is the folder that is being read.
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count).saturating_sub(1);
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        let most = getrlimit(Resource::Nofile).current.and_then(|most| i64::try_from(most).ok());
        self.most.set(most.unwrap_or(i64::MAX));
    }
}
