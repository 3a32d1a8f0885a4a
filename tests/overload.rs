//! More than the real binary can do, on real sockets: what is too much is said at once, reads go on, memory is bounded,
//! and afterwards everything is as before.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::faulty::Faulty;

/// Half as many again as may wait.
const CLIENTS: usize = 1536;

/// What one client was answered, and after how long.
struct Heard {
    status: String,
    retry_after: bool,
    waited: Duration,
}

async fn create(address: String, token: String, n: usize) -> Heard {
    let body = format!("{{\"email\": \"crowd{n}@example.com\"}}");
    let request = format!(
        "POST /users HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         x-account-id: 2311\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    ask(address, request).await
}

async fn ask(address: String, request: String) -> Heard {
    let asked = Instant::now();
    let mut wire = TcpStream::connect(address).await.unwrap();
    wire.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(100), wire.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    let code = ["overloaded", "storage_unavailable"].into_iter().find(|code| body.contains(code)).unwrap_or_default();
    let retry_after = head.lines().any(|line| line.starts_with("retry-after: "));
    Heard { status: format!("{status} {code}").trim().to_owned(), retry_after, waited: asked.elapsed() }
}

/// How long the same crowd takes when it only looks: what this machine can do just now.
async fn pace(address: &str) -> Duration {
    let begun = Instant::now();
    let look = "GET /openapi.yaml HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nif-none-match: *\r\n\r\n";
    let crowd: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(ask(address.to_owned(), look.to_owned()))).collect();
    for client in crowd {
        client.await.unwrap();
    }
    begun.elapsed()
}

/// The most memory that a process has had, in KiB.
fn peak(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Another program holds the database for two seconds, as a disk that stalls would, while a crowd comes that no queue has
/// room for; or for longer, where the crowd takes longer to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_answered_or_sent_away_at_once_and_leaves_no_trace() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum.or(Some(4096)), maximum }).unwrap();
    let server = Faulty::start();
    let before = peak(server.child.id());
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let pace = pace(&address).await;
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let sent_away = Arc::new(AtomicBool::new(false));
    let client = |n| {
        let (asked, sent_away) = (create(address.clone(), server.token.clone(), n), sent_away.clone());
        tokio::spawn(async move {
            let heard = asked.await;
            sent_away.fetch_or(heard.status.starts_with("503"), Ordering::Relaxed);
            heard
        })
    };
    let crowd: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    let comes = || !sent_away.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_millis(4_500);
    while begun.elapsed() < Duration::from_secs(2) || comes() {
        let asked = Instant::now();
        tokio::task::block_in_place(|| server.get("/me")).unwrap();
        slowest = slowest.max(asked.elapsed());
    }
    other.execute_batch("rollback").unwrap();
    let mut counts = BTreeMap::<String, (usize, Duration)>::new();
    for client in crowd {
        let Heard { status, retry_after, waited } = client.await.unwrap();
        assert!(status == "201" || (retry_after && status.starts_with("503 ")), "{status}");
        let (count, longest) = counts.entry(status).or_default();
        (*count, *longest) = (*count + 1, waited.max(*longest));
    }
    let lone = Instant::now();
    tokio::task::block_in_place(|| server.create("lone")).unwrap();
    let (lone, grown) = (lone.elapsed(), peak(server.child.id()) - before);
    let figures =
        format!("{counts:?}, slowest read {slowest:?}, a lone create {lone:?}, {grown} KiB more; pace {pace:?}");
    assert!(counts.contains_key("201") && counts.contains_key("503 overloaded"), "{figures}");
    assert!(counts.values().all(|(_, longest)| *longest < Duration::from_secs(10) + 8 * pace), "{figures}");
    assert!(slowest < Duration::from_secs(4) + 2 * pace && lone < Duration::from_secs(1) + pace / 4, "{figures}");
    assert!(grown < 120_000, "{figures}");
    let listed = tokio::task::block_in_place(|| server.listed());
    assert_eq!(listed.len(), counts["201"].0 + 2, "Ada, the lone one, and everybody who was told so: {figures}");
}
