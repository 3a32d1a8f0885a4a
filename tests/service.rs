//! The real binary as a service: its log, its stop, what it tells systemd, and `rollcall health`.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rollcall::clock::Timestamp;
use serde_json::Value;

use crate::cli::{Served, init, rollcall, serve};
#[cfg(target_os = "linux")]
use crate::faulty::by_shell;
use crate::keys::serve_logging;
use crate::live::SOON;
use crate::tls::Files;

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

/// Its exit code, and how long that took.
fn ended(child: &mut Child) -> (Option<i32>, Duration) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it goes on");
}

/// A request that never ends by itself.
fn half_a_request(served: &Served, token: &str) -> TcpStream {
    let address = served.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /users HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nx-account-id: 2311\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    )
    .unwrap();
    // It is in flight once it was read, which a later request's answer shows well enough.
    assert_eq!(ureq::get(format!("{}/health/live", served.url)).call().unwrap().status(), 200);
    std::thread::sleep(Duration::from_millis(200));
    stream
}

/// Until the server takes no more connections.
fn wait_until_it_stops_listening(served: &Served) {
    let (address, began) = (served.url.strip_prefix("http://").unwrap(), Instant::now());
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < SOON, "it goes on listening");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_line_of_the_log_is_an_object_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    init(&data);
    let mut command = rollcall(&data);
    let command = command.args(["--log", "debug", "--log-format", "json", "--stop-within", "1s"]);
    let mut served = serve_logging(command, File::create(&log).unwrap());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let id = |path: &str| {
        let answer = agent.get(format!("{}{path}", served.url)).header("authorization", "Bearer zqsecret").call();
        answer.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    let (refused, answered) = (id("/me"), id("/openapi.yaml"));
    let form = [("email", "ada@example.com"), ("password", "zqsecret")];
    agent.post(format!("{}/ui/sign-in", served.url)).send_form(form).unwrap();
    let question = agent.post(format!("{}/ui/sign-in/passkey/question", served.url)).send_json(serde_json::json!({}));
    let question: Value = question.unwrap().body_mut().read_json().unwrap();
    let nobodys = serde_json::json!({
        "id": "enE", "rawId": "enE", "type": "public-key",
        "response": {"clientDataJSON": "enE", "authenticatorData": "enE", "signature": "enE"},
    });
    let nobodys = serde_json::json!({"ceremony": question["ceremony"], "credential": nobodys});
    let passkey = agent.post(format!("{}/ui/sign-in/passkey", served.url)).header("content-type", "application/json");
    let passkey = passkey.send(nobodys.to_string()).unwrap();
    let passkey = passkey.headers()["x-request-id"].to_str().unwrap().to_owned();
    let second = rollcall(&data).args(["serve", "--log-format", "json"]).output().unwrap();
    signal(&served.child, "-TERM");
    assert_eq!(ended(&mut served.child).0, Some(0));

    let text = fs::read_to_string(log).unwrap();
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let lines: Vec<Value> = text.lines().map(read).collect();
    for line in &lines {
        line["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert!(["DEBUG", "INFO", "WARN", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["message"].is_string(), "{line}");
        let of_request = line.get("path").is_some() || line["message"].as_str().unwrap().contains("sign-in");
        assert!(!of_request || line["request_id"].is_string(), "{line}");
    }
    let said = |id: &str| lines.iter().find(|line| line["request_id"] == id).unwrap_or_else(|| panic!("{id}: {text}"));
    assert_eq!((&said(&refused)["path"], &said(&refused)["code"]), (&"/me".into(), &"token_invalid".into()));
    assert_eq!((&said(&answered)["status"], &said(&answered)["level"]), (&200.into(), &"DEBUG".into()));
    let refused = lines.iter().find(|line| line["message"] == "a passkey was refused").unwrap();
    assert_eq!(refused["request_id"], passkey.as_str());
    for message in ["serving", "stopping; a second signal ends it at once", "stopped"] {
        assert!(lines.iter().any(|line| line["message"] == message), "{message}: {text}");
    }
    assert!(!text.contains("zqsecret"), "{text}");

    assert_eq!(second.status.code(), Some(3));
    let line = read(String::from_utf8(second.stderr).unwrap().trim());
    assert_eq!((&line["level"], &line["code"]), (&"ERROR".into(), &"folder_in_use".into()));
}

#[test]
fn a_stop_waits_for_what_is_in_flight_as_long_as_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let token = init(&data);
    let mut served = serve_logging(rollcall(&data).args(["--stop-within", "1s"]), File::create(&log).unwrap());
    let mut half = half_a_request(&served, &token);
    signal(&served.child, "-TERM");
    let (code, took) = ended(&mut served.child);
    assert_eq!(code, Some(0));
    assert!((Duration::from_millis(700)..Duration::from_secs(6)).contains(&took), "{took:?}");
    let mut rest = String::new();
    drop(half.read_to_string(&mut rest));
    assert_eq!(rest, "", "who was not answered is not told that it was done");
    let said = fs::read_to_string(log).unwrap();
    assert!(said.contains("stopped before all that was asked was answered; what was answered is stored"), "{said}");

    for wrong in ["0s", "11m", "soon"] {
        let refused = rollcall(folder.path()).args(["--stop-within", wrong]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_gone_stops_it_gently_unless_it_was_to_outlive_that() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    // Whoever runs the tests by nohup has all they start ignore it.
    let mut gone = serve(&mut by_shell("exec env --default-signal=HUP \"$0\"", folder.path()), 1);
    signal(&gone.child, "-HUP");
    assert_eq!(ended(&mut gone.child).0, Some(0));
    let mut outlives = serve(&mut by_shell("trap '' HUP; exec \"$0\"", folder.path()), 1);
    signal(&outlives.child, "-HUP");
    assert_eq!(ureq::get(format!("{}/health/live", outlives.url)).call().unwrap().status(), 200);
    signal(&outlives.child, "-TERM");
    assert_eq!(ended(&mut outlives.child).0, Some(0));
}

#[test]
fn a_second_signal_ends_a_stop_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let token = init(&data);
    for name in ["-TERM", "-INT"] {
        let mut served = serve_logging(rollcall(&data).args(["--stop-within", "5m"]), File::create(&log).unwrap());
        let _half = half_a_request(&served, &token);
        signal(&served.child, name);
        wait_until_it_stops_listening(&served);
        // Those that come at once are one.
        std::thread::sleep(Duration::from_millis(100));
        assert!(served.child.try_wait().unwrap().is_none(), "it waits for the request");
        signal(&served.child, name);
        let (code, took) = ended(&mut served.child);
        assert_eq!(code, Some(1), "{name}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        let said = fs::read_to_string(&log).unwrap();
        assert!(said.contains("rollcall: Stopped at once, before all that was in flight was answered."), "{said}");
    }
}

/// What arrives at a socket like systemd's.
fn told(socket: &UnixDatagram) -> String {
    let mut message = [0; 512];
    let length = socket.recv(&mut message).expect("systemd is told nothing");
    String::from_utf8(message[..length].to_vec()).unwrap()
}

fn require_told(socket: &UnixDatagram, name: &str) {
    socket.set_read_timeout(Some(SOON)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let mut command = rollcall(folder.path());
    let mut served = serve(command.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "800000"), 1);
    let ready = told(socket);
    assert!(ready.starts_with("READY=1\n") && ready.contains(&format!("STATUS=Serving at {}", served.url)), "{ready}");
    for _ in 0..3 {
        assert_eq!(told(socket).trim(), "WATCHDOG=1");
    }
    signal(&served.child, "-TERM");
    let stopping = std::iter::repeat_with(|| told(socket)).find(|message| message.trim() != "WATCHDOG=1").unwrap();
    assert!(stopping.starts_with("STOPPING=1\n"), "{stopping}");
    assert_eq!(ended(&mut served.child).0, Some(0));
}

#[test]
fn systemd_hears_when_the_server_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    require_told(&UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap());
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("rollcall-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        require_told(&UnixDatagram::bind_addr(&address).unwrap(), &format!("@{name}"));
    }
}

/// A writer that is held up for good is what starting again could help with: the watchdog hears nothing any more.
#[test]
fn systemd_hears_nothing_while_the_writer_does_not_move_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data, path) = (folder.path().join("data"), folder.path().join("notify"));
    init(&data);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut command = rollcall(&data);
    let _served = serve(command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000"), 1);
    assert!(told(&socket).starts_with("READY=1"));
    assert_eq!(told(&socket).trim(), "WATCHDOG=1");
    let other = rusqlite::Connection::open(data.join("rollcall.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    // One may be on its way.
    socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    let mut message = [0; 512];
    let heard = std::iter::repeat_with(|| socket.recv(&mut message)).take_while(Result::is_ok).take(5).count();
    assert!(heard < 5, "it says that it is alive");
    other.execute_batch("rollback").unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(told(&socket).trim(), "WATCHDOG=1");
}

fn health(command: &mut Command) -> (Option<i32>, String) {
    let output = command.arg("health").output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn health_is_asked_at_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let (code, said) = health(&mut rollcall(folder.path()));
    assert!(code == Some(1) && said.contains("No server is running on"), "{said}");
    let nowhere = folder.path().join("nowhere");
    let (code, said) = health(&mut rollcall(&nowhere));
    assert!(code == Some(1) && said.contains("No server is running on") && !nowhere.exists(), "{said}");
    let mut served = serve(&mut rollcall(folder.path()), 1);
    assert_eq!(health(&mut rollcall(folder.path())), (Some(0), String::new()));
    let port = served.url.rsplit(':').next().unwrap().to_owned();
    let everywhere = format!("0.0.0.0:{port}");
    assert_eq!(health(rollcall(folder.path()).args(["--listen", &everywhere])), (Some(0), String::new()));
    let other = rusqlite::Connection::open(folder.path().join("rollcall.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let (code, said) = health(&mut rollcall(folder.path()));
    assert!(code == Some(1) && said.contains("Storage cannot be written at the moment."), "{said}");
    drop(other);
    assert_eq!(crate::cli::stop(&mut served), 0);
    let (code, said) = health(rollcall(folder.path()).args(["--listen", &format!("127.0.0.1:{port}")]));
    assert!(code == Some(1) && said.starts_with("rollcall: Not ready at 127.0.0.1:"), "{said}");
}

/// Some other server that took the port, and finds all in order.
#[test]
fn what_answers_but_is_no_rollcall_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    for answer in
        ["HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.1 200 OK\r\n\r\n{\"ready\":1}", "HTTP/1.1 503 No\r\n\r\n{}", ""]
    {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap().to_string();
        let answering = std::thread::spawn(move || {
            let (mut asked, _) = other.accept().unwrap();
            std::io::Read::read(&mut asked, &mut [0; 1024]).unwrap();
            std::io::Write::write_all(&mut asked, answer.as_bytes()).unwrap();
        });
        let said = health(rollcall(folder.path()).args(["--listen", &address]));
        answering.join().unwrap();
        let expected = format!("rollcall: Not ready at {address}: what answers there is no Rollcall\n");
        assert_eq!(said, (Some(1), expected), "{answer}");
    }
}

#[test]
fn health_is_asked_over_https_of_the_server_that_has_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    let (files, _) = Files::in_folder(folder.path());
    let mut command = rollcall(&data);
    command.arg("--tls-cert").arg(&files.cert).arg("--tls-key").arg(&files.key);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut greeting = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut greeting).unwrap();
    let asked = health(rollcall(&data).arg("--tls-cert").arg(&files.cert).arg("--tls-key").arg(&files.key));
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let (others, _) = Files::in_folder(&elsewhere);
    let (code, said) = health(rollcall(&data).arg("--tls-cert").arg(&others.cert).arg("--tls-key").arg(&others.key));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(asked, (Some(0), String::new()), "{greeting}");
    assert!(code == Some(1) && said.contains("Not ready at"), "{said}");
}
