//! Two hundred browsers that guess passwords at once, each from an address of its own: what it costs everybody else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::cli::{init, rollcall, serve};

const GUESSERS: u8 = 200;
const GUESSES: usize = 5;

/// Sends a request from one of the loopback addresses; the status, and how long it took.
async fn send(to: SocketAddr, from: u8, request: String) -> (u16, Duration) {
    let started = Instant::now();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 1, from], 0))).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), started.elapsed())
}

fn look(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nx-account-id: 2311\r\nconnection: close\r\n\r\n"
    )
}

fn guess(guesser: u8) -> String {
    let body = format!("email=somebody{guesser}%40example.com&password=wrong+wrong");
    let kind = "content-type: application/x-www-form-urlencoded";
    let length = body.len();
    format!(
        "POST /ui/sign-in HTTP/1.1\r\nhost: localhost\r\n{kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// The median and the 99th percentile of a page's and of a list's latency, until `done`.
async fn watch(to: SocketAddr, token: &str, done: impl Fn() -> bool) -> [(&'static str, Duration, Duration); 2] {
    let mut times = [Vec::new(), Vec::new()];
    while !done() || times[0].len() < 20 {
        for (times, path) in times.iter_mut().zip(["/ui/sign-in", "/users"]) {
            let (status, took) = send(to, 1, look(path, token)).await;
            assert_eq!(status, 200, "{path}");
            times.push(took);
        }
    }
    let [pages, lists] = times.map(|mut times| {
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    });
    [("GET /ui/sign-in", pages.0, pages.1), ("GET /users", lists.0, lists.1)]
}

/// Resident memory in KiB that is no file: now, and at most, as near as that can be told.
fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let number = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    (number("RssAnon:"), number("VmHWM:").saturating_sub(number("RssFile:")))
}

/// However many sign in one after the other, it takes what two hashes do at a time; and that is given back when nobody signs in
/// any more, although nothing else is asked of the server.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_password_hashes_take_is_bounded_and_given_back() {
    /// By one of the two that are computed at a time.
    const TAKEN: u64 = 7784;
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let served = serve(&mut rollcall(folder.path()), 1);
    let to: SocketAddr = served.url.trim_start_matches("http://").parse().unwrap();
    assert_eq!(send(to, 1, look("/ui/sign-in", "none")).await.0, 200);
    let before = memory(served.child.id()).0;
    for first in [2, 10, 18, 26] {
        let guesses: Vec<_> =
            (first..first + 8).map(|guesser| tokio::spawn(send(to, guesser, guess(guesser)))).collect();
        for guessed in guesses {
            assert_eq!(guessed.await.unwrap().0, 401);
        }
    }
    let (_, most) = memory(served.child.id());
    assert!(most > before + 2 * TAKEN, "the hashes took too little to see it");
    assert!(most < before + 2 * TAKEN + TAKEN / 2, "{before} KiB before, and {most} meanwhile");
    let given_back = async {
        // What both took, but for a bit that others have taken since.
        while memory(served.child.id()).0 > most - 2 * TAKEN + TAKEN / 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), given_back).await;
    assert!(in_time.is_ok(), "{before} KiB before, at most {most}, {} still", memory(served.child.id()).0);
}

/// `cargo test --test main sign_in_storm -- --ignored --nocapture` prints the figures.
#[expect(clippy::print_stdout, reason = "figures are what it is for")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what it measures depends on the machine, and on nothing else running there"]
async fn sign_in_storm() {
    let folder = tempfile::tempdir().unwrap();
    let token = init(folder.path());
    let served = serve(&mut rollcall(folder.path()), 1);
    let to: SocketAddr = served.url.trim_start_matches("http://").parse().unwrap();
    let calm = watch(to, &token, || true).await;
    let before = memory(served.child.id()).0;

    let guessers = (2..GUESSERS + 2).map(|guesser| {
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..GUESSES {
                statuses.push(send(to, guesser, guess(guesser)).await.0);
            }
            statuses
        })
    });
    let (started, storm) = (Instant::now(), guessers.collect::<Vec<_>>());
    let during = watch(to, &token, || storm.iter().all(tokio::task::JoinHandle::is_finished)).await;
    let took = started.elapsed();
    let mut statuses = BTreeMap::new();
    for guesser in storm {
        for status in guesser.await.unwrap() {
            *statuses.entry(status).or_insert(0) += 1;
        }
    }
    let (_, most) = memory(served.child.id());
    println!("{GUESSERS} browsers guessed {GUESSES} times each within {took:.1?}; answers: {statuses:?}");
    for ((what, calm_median, calm_p99), (_, median, p99)) in calm.into_iter().zip(during) {
        println!("{what}: median {calm_median:.1?}, p99 {calm_p99:.1?}; in the storm {median:.1?}, {p99:.1?}");
        assert!(p99 < Duration::from_secs(3), "{what}: {p99:?}");
    }
    println!("memory: {before} KiB before, at most {most} KiB");
    assert!(statuses.keys().all(|status| [401, 503].contains(status)), "{statuses:?}");
    assert!(most < before + 60 * 1024, "two hashes at a time take 19 MiB");
}
