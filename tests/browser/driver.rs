//! A real server and a real Chromium, both ended when the test is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

/// How long something may take to show up on a page.
const PATIENCE: Duration = Duration::from_secs(30);

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub struct Browser {
    pub client: Client,
    pub url: String,
    data: tempfile::TempDir,
    _server: Ended,
    _driver: Ended,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A server on an empty folder, and a browser that has never seen it.
    pub async fn start() -> Self {
        let (data, profile) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (server, line) = started(rollcall(data.path()).args(["--listen", "127.0.0.1:0"]), "listening on ");
        let url = line.split_once("listening on ").unwrap().1.trim().to_owned();
        let (driver, line) = started(Command::new("chromedriver").arg("--port=0"), "successfully on port ");
        let port = line.rsplit_once("on port ").unwrap().1.trim().trim_end_matches('.').to_owned();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
            // A name that isn't this machine's own to the browser: it then treats plain HTTP as any other.
            "--host-resolver-rules=MAP people.test 127.0.0.1",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        // A window that nobody has in front of them has no focus, and some versions say so of one that is nowhere to be seen.
        let in_front = json!({"cmd": "Emulation.setFocusEmulationEnabled", "params": {"enabled": true}});
        client.issue_cmd(Asked("goog/cdp/execute", in_front)).await.unwrap();
        Self { client, url, data, _server: server, _driver: driver, _profile: profile }
    }

    /// What a command prints on its one line.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = rollcall(self.data.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub async fn open(&self, path: &str) {
        let address = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.client.goto(&address).await.unwrap();
    }

    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Waits for an element; a test that waits in vain says for what.
    pub async fn find(&self, css: &str) -> Element {
        match self.wait_for(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("{css} at {}: {error}\n{}", self.path().await, self.text("body").await),
        }
    }

    /// Asks until it is there. While one page gives way to another ChromeDriver answers with errors of many kinds, so
    /// that only the last one, after the time is up, counts.
    async fn wait_for(&self, what: Locator<'_>) -> Result<Element, CmdError> {
        let asked = Instant::now();
        loop {
            match self.client.wait().for_element(what).await {
                Err(_) if asked.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
                found => return found,
            }
        }
    }

    pub async fn fill(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap();
    }

    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        // Into the middle first, as a person would: at the edge a bar of buttons may lie over it.
        let script = "document.querySelector(arguments[0]).scrollIntoView({block: 'center'})";
        self.client.execute(script, vec![css.into()]).await.unwrap();
        element.click().await.unwrap();
    }

    pub async fn text(&self, css: &str) -> String {
        self.client.find(Locator::Css(css)).await.unwrap().text().await.unwrap()
    }

    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Waits until the page says `text` somewhere.
    pub async fn says(&self, text: &str) {
        let xpath = format!("//body[contains(normalize-space(.), \"{text}\")]");
        if let Err(error) = self.wait_for(Locator::XPath(&xpath)).await {
            panic!("{} doesn't say {text:?}: {error}\n{}", self.path().await, self.text("body").await);
        }
    }

    /// Presses one key after the other, wherever the focus is by then. To send them to an element instead would give it the
    /// focus anew each time, and nobody gets past a date of three parts that way.
    pub async fn keys(&self, text: &str) {
        let pressed = text.chars().map(|key| match key {
            '\t' => Key::Tab.into(),
            '\n' => Key::Enter.into(),
            key => key,
        });
        let press = |keys: KeyActions, value| keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        let keys = pressed.fold(KeyActions::new("keyboard".into()), press);
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Types over what a field holds.
    pub async fn replace(&self, css: &str, text: &str) {
        self.click(css).await;
        let all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
        self.client.active_element().await.unwrap().send_keys(&all).await.unwrap();
        self.keys(text).await;
    }

    /// Lets a form be sent with what the browser itself would refuse, to see what the server says.
    pub async fn without_validation(&self, form: &str) {
        let script = "document.querySelector(arguments[0]).noValidate = true";
        self.client.execute(script, vec![form.into()]).await.unwrap();
    }

    /// What the browser complained of on its console, a page's refused script or style included.
    pub async fn console_errors(&self) -> Vec<String> {
        let entries = self.client.issue_cmd(Asked("se/log", json!({"type": "browser"}))).await.unwrap();
        let entries = entries.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        entries.map(|entry| entry["message"].to_string()).collect()
    }

    /// Moves the focus on with Tab until it is on an element that matches.
    pub async fn tab_to(&self, css: &str) {
        for _ in 0..60 {
            self.keys("\t").await;
            let script = "return document.activeElement.matches(arguments[0])";
            if self.client.execute(script, vec![css.into()]).await.unwrap() == json!(true) {
                return;
            }
        }
        panic!("Tab never reaches {css} at {}", self.path().await);
    }

    pub async fn close(self) {
        self.client.close().await.unwrap();
    }
}

impl Browser {
    /// Gives the browser a device with a finger on it (WebAuthn Level 3 section 11): it keeps passkeys and consents.
    pub async fn with_authenticator(&self) {
        let device = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "isUserConsenting": true,
        });
        self.client.issue_cmd(Asked("webauthn/authenticator", device)).await.unwrap();
    }

    /// The server's address by name: what passkeys are bound to is never an IP address.
    pub fn named(&self, path: &str) -> String {
        format!("{}{path}", self.url.replace("127.0.0.1", "localhost"))
    }
}

/// What is sent to one of ChromeDriver's addresses below a session.
#[derive(Debug)]
struct Asked(&'static str, serde_json::Value);

impl WebDriverCompatibleCommand for Asked {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (poem::http::Method, Option<String>) {
        (poem::http::Method::POST, Some(self.1.to_string()))
    }
}

fn rollcall(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.env("ROLLCALL_DATA", data);
    command
}

/// Starts a program and reads its output up to the line that says it is ready.
fn started(command: &mut Command, ready: &str) -> (Ended, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let child = Ended(child);
    let mut line = String::new();
    while !line.contains(ready) {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended before it said {ready:?}");
    }
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    (child, line)
}
