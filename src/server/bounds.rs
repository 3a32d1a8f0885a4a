//! How long clients may take, and how many there may be.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Bounds {
    /// The head of a request has to arrive within this: a few hundred bytes, by any line. TLS has as long to begin.
    pub head: Duration,
    /// Its body has to arrive within this: 256 KiB by a slow telephone.
    pub body: Duration,
    /// Bytes of all bodies that arrive or are worked on at the same time. One network may have an eighth of them; the
    /// machine itself and trusted proxies may have all.
    pub body_bytes: usize,
    /// A connection that nobody asks anything on is closed after this.
    pub idle: Duration,
    /// One on which an answer makes no headway is closed after this.
    pub stall: Duration,
    /// Over HTTP/2, clients are asked this often whether they are still there.
    pub ping: Duration,
    /// Requests in flight get this long to finish once the server was asked to stop; then the last writes as long again.
    pub stop: Duration,
    /// How often it is looked whether the certificate's files have changed.
    pub certificate: Duration,
    /// Connections at the same time. One that sends its head slowly takes some 26 KiB, so all of them take about 256 MiB.
    pub connections: usize,
    /// Of which one network (an IPv4 address, 64 bits of an IPv6 one) may have so many: a large office behind one address.
    /// The machine itself and trusted proxies may have all of them.
    pub per_network: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let connections = MOST.min(open_files().saturating_sub(KEPT_BACK)).max(64);
        Self {
            head: seconds(10),
            body: seconds(30),
            body_bytes: 32 * 1024 * 1024,
            idle: seconds(60),
            stall: seconds(60),
            ping: seconds(30),
            stop: seconds(10),
            certificate: seconds(5),
            connections,
            per_network: (connections / 8).max(64),
        }
    }
}

/// However many files may be open.
const MOST: usize = 10_000;
/// Files the database and everything else may need.
const KEPT_BACK: usize = 200;

/// How many files, and so connections, this process may have open, after asking for all that it may ask for: the usual
/// soft limit of 1024 is for programs that use `select`.
#[cfg(unix)]
fn open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(u64::MAX).min((MOST + KEPT_BACK) as u64).max(current.unwrap_or(0));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    let allowed = if raised.is_ok() { Some(wanted) } else { current };
    allowed.and_then(|allowed| usize::try_from(allowed).ok()).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn open_files() -> usize {
    usize::MAX
}
