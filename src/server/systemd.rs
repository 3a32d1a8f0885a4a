//! What systemd is told, where it started the server and wants to know (sd_notify(3)). Elsewhere nothing is.
//!
//! A message is a datagram of a few words; the crate for it can't reach sockets in the abstract namespace.

use std::io;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::app::App;

/// The server takes requests.
pub fn ready(app: &App) {
    tell(&format!("READY=1\nSTATUS=Serving at {}\n", app.public_url()));
}

/// The server finishes what is in flight.
pub fn stopping() {
    tell("STOPPING=1\nSTATUS=Finishing what is in flight\n");
}

/// Says that the server is alive, twice as often as it has to and more, as long as it is: threads answer, and the writer
/// takes on work. A disk that is full is no reason to be silent, since starting again would make no room on it.
pub async fn keep_alive(app: App) {
    let Some(within) = watchdog() else { return };
    let mut tried = 0;
    loop {
        if moves_on(&app, &mut tried, within / 4).await {
            tell("WATCHDOG=1\n");
        }
        sleep(within / 4).await;
    }
}

/// How long the server may be silent, if somebody listens for it.
fn watchdog() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|within| is_for_us && *within > 0).map(Duration::from_micros)
}

/// Whether the writer has tried a transaction since it was last looked; it is given one to try.
async fn moves_on(app: &App, tried: &mut u64, within: Duration) -> bool {
    drop(timeout(within, app.db().try_write()).await);
    let before = std::mem::replace(tried, app.db().figures().commits_tried());
    *tried > before
}

fn tell(message: &str) {
    if let Err(error) = send(message) {
        tracing::warn!(%error, "systemd can't be told how the server is");
    }
}

#[cfg(unix)]
fn send(message: &str) -> io::Result<()> {
    use std::os::unix::net::UnixDatagram;
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::unix::ffi::OsStrExt::as_bytes(name.as_os_str()).strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        return socket.send_to_addr(message.as_bytes(), &address).map(drop);
    }
    socket.send_to(message.as_bytes(), name).map(drop)
}

#[cfg(not(unix))]
fn send(_: &str) -> io::Result<()> {
    Ok(())
}
