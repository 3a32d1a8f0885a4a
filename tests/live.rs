//! The server as it really runs, on a socket of its own, and clients that speak to it byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use rollcall::config::Config;
use rollcall::server::{self, Bounds, Stopping};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::support::TestApp;

/// Longer than anything may take here, and shorter than what the server's own bounds are.
pub const SOON: Duration = Duration::from_secs(8);

pub struct Live {
    pub test: TestApp,
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<rollcall::Result<()>>,
}

impl Live {
    /// A server that is set up, with Ada its owner.
    pub async fn start() -> Self {
        Self::with(Bounds::default(), |_| {}).await
    }

    pub async fn with(bounds: Bounds, configure: impl FnOnce(&mut Config)) -> Self {
        let test = TestApp::new_with(|config| {
            config.listen = "127.0.0.1:0".parse().unwrap();
            configure(config);
        });
        let (say_ready, ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = test.app.clone();
        let run = server::run_within(
            app,
            bounds,
            |app| {
                say_ready.send(app.port()).unwrap();
                Ok(())
            },
            Stopping { gently: async { drop(stopped.await) }, at_once: std::future::pending() },
        );
        let running = tokio::spawn(run);
        let address = SocketAddr::from(([127, 0, 0, 1], ready.await.unwrap()));
        Self { test, address, stop, running }
    }

    pub async fn connect(&self) -> Wire {
        Wire(TcpStream::connect(self.address).await.unwrap())
    }

    /// What is answered until the server ends the connection, or has nothing more to say.
    pub async fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut wire = self.connect().await;
        wire.say(request).await;
        wire.rest().await
    }

    /// Asks it to stop; how long that took.
    pub async fn stop(self) -> Duration {
        let asked = Instant::now();
        self.stop.send(()).unwrap();
        timeout(Duration::from_secs(30), self.running).await.unwrap().unwrap().unwrap();
        asked.elapsed()
    }
}

/// One connection.
pub struct Wire(pub TcpStream);

impl Wire {
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have ended the connection already: what it said then is what is looked at.
        drop(self.0.write_all(bytes.as_ref()).await);
    }

    /// Everything until the end of the connection.
    pub async fn rest(&mut self) -> String {
        String::from_utf8_lossy(&self.rest_as_it_is().await).into_owned()
    }

    pub async fn rest_as_it_is(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let ended = timeout(SOON, self.0.read_to_end(&mut bytes)).await;
        assert!(ended.is_ok(), "still open after {SOON:?}: {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    /// One answer whose length is told in its head.
    pub async fn answer(&mut self) -> String {
        let mut text = String::new();
        let whole = async {
            while !is_whole(&text) {
                let mut bytes = [0; 4096];
                let n = self.0.read(&mut bytes).await.unwrap();
                assert!(n > 0, "ended after: {text}");
                text += &String::from_utf8_lossy(&bytes[..n]);
            }
        };
        timeout(SOON, whole).await.expect("no answer");
        text
    }

    /// Whether the server has ended the connection, within what is soon.
    pub async fn is_closed(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let closed = async { while self.0.read(&mut bytes).await.is_ok_and(|n| n > 0) {} };
        timeout(SOON, closed).await.is_ok()
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

/// `413 body_too_large`, from an answer in JSON.
pub fn refusal(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("no answer");
    match serde_json::from_str::<Value>(body) {
        Ok(body) => format!("{status} {}", body["error"].as_str().unwrap_or_default()),
        Err(_) => status.to_owned(),
    }
}
