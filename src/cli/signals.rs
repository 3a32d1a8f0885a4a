//! The signals that ask the process to stop.

#[cfg(unix)]
use std::sync::{Arc, atomic::AtomicBool};
use std::time::Duration;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::server::Stopping;

/// The first Ctrl-C or, where there is such a thing, SIGTERM or SIGHUP stops gently, and the second one at once.
pub fn stopping() -> Stopping<impl Future<Output = ()>, impl Future<Output = ()>> {
    let (count, counted) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            next().await;
            count.send_modify(|n| *n += 1);
            // Some send the same to the process and to its group: those that come together are one.
            tokio::time::sleep(TOGETHER).await;
        }
    });
    let after = |n: u32| {
        let mut counted = counted.clone();
        async move { drop(counted.wait_for(|count| *count >= n).await) }
    };
    Stopping { gently: after(1), at_once: after(2) }
}

/// A file that may not grow any further is an error of whatever writes it, as a full disk is, and no reason to die.
#[cfg(unix)]
pub fn outlive_limits() {
    let noted = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), noted) {
        tracing::warn!(%error, "a file that reaches the limit of its size will end the process");
    }
}

#[cfg(not(unix))]
pub fn outlive_limits() {}

const TOGETHER: Duration = Duration::from_millis(50);

/// Waits for the next Ctrl-C, SIGTERM or, of a terminal that is gone, SIGHUP.
#[cfg(unix)]
pub async fn next() {
    let (mut terminate, mut hang_up) = (listen(SignalKind::terminate()), listen(SignalKind::hangup()));
    tokio::select! {
        () = received(&mut terminate) => {}
        () = received(&mut hang_up) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Waits for the next Ctrl-C.
#[cfg(not(unix))]
pub async fn next() {
    drop(tokio::signal::ctrl_c().await);
}

/// Nothing for a signal that whoever started the process has it ignore, as `nohup` does.
#[cfg(unix)]
fn listen(kind: SignalKind) -> Option<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    if ignored & 1 << (kind.as_raw_value() - 1) == 0 { signal(kind).ok() } else { None }
}

#[cfg(unix)]
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
