//! The real binary, on storage that something is done to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{init, rollcall};

/// A server on a folder of its own, and what its log said so far.
pub struct Faulty {
    pub child: Child,
    pub url: String,
    pub token: String,
    pub folder: Arc<tempfile::TempDir>,
    log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

/// An answer that is a refusal.
#[derive(Debug)]
pub struct Refused {
    /// `503 storage_unavailable`
    pub code: String,
    pub message: String,
    pub retry_after: Option<u32>,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Faulty {
    /// A server that is set up, with Ada its owner.
    pub fn start() -> Self {
        Stopped::new().start()
    }

    /// The same on a database that was restored: SQLite has no log of it before somebody reads.
    pub fn start_restored() -> Self {
        Stopped::new().restored().start()
    }

    /// A command that serves; what it said instead, if it doesn't.
    pub fn run(folder: Arc<tempfile::TempDir>, token: String, mut command: Command) -> Result<Self, String> {
        command.env("ROLLCALL_RATE_LIMIT", "0").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (heard, stderr) = (log.clone(), BufReader::new(child.stderr.take().unwrap()));
        let listener = std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| *heard.lock().unwrap() += &(line + "\n"));
        });
        let mut greeting = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut greeting).unwrap();
        let Some(url) = greeting.split_whitespace().find(|word| word.starts_with("http://")) else {
            child.wait().unwrap();
            listener.join().unwrap();
            return Err(log.lock().unwrap().replace(folder.path().to_str().unwrap(), "FOLDER"));
        };
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(30))).build().into();
        Ok(Self { child, url: url.to_owned(), token, folder, log, agent })
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn database(&self) -> PathBuf {
        self.data().join("rollcall.db")
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log, which comes through a pipe, says something.
    pub fn logs(&self, text: &str) -> bool {
        (0..250).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            self.log().contains(text)
        })
    }

    pub fn get(&self, path: &str) -> Result<Value, Refused> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token)).header("x-account-id", "2311");
        refused(request.call().unwrap())
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token)).header("x-account-id", "2311");
        refused(request.send_json(body).unwrap())
    }

    pub fn create(&self, name: &str) -> Result<String, Refused> {
        let email = format!("{name}@example.com");
        self.post("/users", &json!({ "email": email })).map(|_| email)
    }

    /// Creates so many people; each has to be answered.
    pub fn create_all(&self, name: &str, count: usize) -> Vec<String> {
        (0..count).map(|n| self.create(&format!("{name}{n}")).unwrap()).collect()
    }

    /// Everybody who is listed, each as often as they are.
    pub fn listed(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/users?limit=200{cursor}")).unwrap();
            found.extend(
                page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()),
            );
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    }

    /// Ends it with SIGKILL.
    pub fn crash(mut self) -> Stopped {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Stopped { folder: self.folder.clone(), token: self.token.clone() }
    }

    /// Ends it with SIGTERM, as one should.
    pub fn stop(mut self) -> Stopped {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        Stopped { folder: self.folder.clone(), token: self.token.clone() }
    }
}

/// A folder that nobody serves.
pub struct Stopped {
    pub folder: Arc<tempfile::TempDir>,
    token: String,
}

impl Stopped {
    /// A folder that is set up, with Ada its owner.
    pub fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let token = init(&folder.path().join("data"));
        Self { folder, token }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file that SQLite wrote: `""` is the database, `"-wal"` its log.
    pub fn file(&self, ending: &str) -> PathBuf {
        self.data().join(format!("rollcall.db{ending}"))
    }

    /// The same, with a backup in the place of what it was made of.
    pub fn restored(self) -> Self {
        let backup = self.folder.path().join("backup.db");
        for arguments in [&["backup"][..], &["restore", "--force"]] {
            let output = rollcall(&self.data()).args(arguments).arg(&backup).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        self
    }

    pub fn try_start(&self) -> Result<Faulty, String> {
        Faulty::run(self.folder.clone(), self.token.clone(), rollcall(&self.data()))
    }

    pub fn start(&self) -> Faulty {
        self.try_start().unwrap_or_else(|said| panic!("it doesn't start: {said}"))
    }

    /// Started by a line of shell that ends in `exec "$0"`.
    pub fn start_by(&self, shell: &str) -> Faulty {
        let command = by_shell(shell, self.folder.path());
        Faulty::run(self.folder.clone(), self.token.clone(), command).unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same folder once more, to do something else to.
    pub fn copy(&self) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let copied = Self { folder, token: self.token.clone() };
        fs::create_dir(copied.data()).unwrap();
        fs::set_permissions(copied.data(), fs::metadata(self.data()).unwrap().permissions()).unwrap();
        for file in fs::read_dir(self.data()).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, copied.data().join(path.file_name().unwrap())).unwrap();
        }
        copied
    }

    /// What SQLite itself says of the file, and that whoever is there is there whole: with a place in the account, the
    /// event and the first token.
    pub fn require_sound(&self) {
        let conn = rusqlite::Connection::open(self.file("")).unwrap();
        let value = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(value("pragma integrity_check"), "ok");
        assert_eq!(value("select count(*) || '' from pragma_foreign_key_check"), "0");
        let halves = "select coalesce(group_concat(email), '') from users u where u.id > 1 and (
            (select count(*) from memberships m where m.user_id = u.id and m.primary_account = 1) <> 1
            or (select count(*) from all_events e where e.subject_id = u.id and e.event = 'user_created') <> 1
            or u.invitation_id is null)";
        assert_eq!(value(halves), "", "somebody is there by half");
        let strays = "select count(*) || '' from all_events e where e.event = 'user_created'
            and not exists (select 1 from users u where u.id = e.subject_id)";
        assert_eq!(value(strays), "0", "somebody is only in the events");
    }
}

/// The binary, run by a line of shell.
pub fn by_shell(shell: &str, folder: &Path) -> Command {
    let usual = rollcall(&folder.join("data"));
    let mut command = Command::new("sh");
    command.args(["-c", shell]).arg(usual.get_program());
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn refused(mut response: ureq::http::Response<ureq::Body>) -> Result<Value, Refused> {
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    let status = response.status();
    let body: Value = response.body_mut().read_json().unwrap();
    if status.is_success() {
        return Ok(body);
    }
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    Err(Refused { code: format!("{} {}", status.as_u16(), text("error")), message: text("message"), retry_after })
}
