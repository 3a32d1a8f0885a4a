//! https by the server itself, and HTTP/2 with and without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::CertifiedKey;
use rollcall::domain::sessions;
use rollcall::server::Bounds;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, crypto::ring, version};

use crate::cli::rollcall;
use crate::live::{Live, SOON};
use crate::support::{ADA, PASSWORD};

/// A certificate for `localhost` in two files, and what a client has to trust for it.
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Files {
    pub fn in_folder(folder: &Path) -> (Self, CertificateDer<'static>) {
        let files = Self { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        let trusted = files.renew();
        (files, trusted)
    }

    fn renew(&self) -> CertificateDer<'static> {
        let trusted = self.rewrite();
        allow(&self.key, 0o600);
        trusted
    }

    fn rewrite(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        fs::write(&self.cert, cert.pem()).unwrap();
        fs::write(&self.key, signing_key.serialize_pem()).unwrap();
        cert.der().clone()
    }
}

fn allow(file: &Path, mode: u32) {
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

async fn secure(bounds: Bounds, files: &Files) -> Live {
    Live::with(bounds, |config| {
        config.tls_cert = Some(files.cert.clone());
        config.tls_key = Some(files.key.clone());
    })
    .await
}

/// A TLS connection that trusts one certificate and offers these protocols.
async fn shake(
    live: &Live,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
    only: Option<&'static tokio_rustls::rustls::SupportedProtocolVersion>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let versions = only.map_or(vec![&version::TLS13, &version::TLS12], |only| vec![only]);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(live.address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket).await
}

async fn by_http2(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    requests: Vec<Request<String>>,
) -> Vec<(Response<()>, String)> {
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for request in requests {
        let (head, body) = timeout(SOON, send.send_request(request)).await.unwrap().unwrap().into_parts();
        answers.push((Response::from_parts(head, ()), text(body).await));
    }
    answers
}

async fn text(mut body: Incoming) -> String {
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        bytes.extend(frame.unwrap().into_data().unwrap_or_default());
    }
    String::from_utf8(bytes).unwrap()
}

fn header<'r>(answer: &'r Response<()>, name: &str) -> &'r str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn https_is_spoken_by_the_server_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (files, trusted) = Files::in_folder(folder.path());
    let live = secure(Bounds::default(), &files).await;
    assert!(live.test.app.public_url().starts_with("https://127.0.0.1:"));
    for (only, version) in [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = shake(&live, &trusted, &["http/1.1"], Some(only)).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version));
        stream.write_all(b"GET /ui/sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000; includeSubDomains\r\n"));
        assert!(answer.contains("referrer-policy: no-referrer\r\n"));
    }
    let plain = live.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.contains("HTTP/1.1"), "plain http gets no answer: {plain}");
}

#[tokio::test]
async fn http2_is_agreed_on_within_tls_and_keeps_its_cookie_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (files, trusted) = Files::in_folder(folder.path());
    let live = secure(Bounds::default(), &files).await;
    let stream = shake(&live, &trusted, &["h2", "http/1.1"], None).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let origin = format!("https://localhost:{}", live.address.port());
    let claims = live.test.app.db().write_here(|w| sessions::create_link(w, Some(ADA))).unwrap();
    let link = format!("/ui/sign-in/{}", live.test.app.seal(&claims).unwrap());
    let me = Request::get(format!("{origin}/me")).header("authorization", format!("Bearer {}", live.test.token(ADA)));
    // An older browser, which sends no Sec-Fetch-Site: the host is in `:authority` only.
    let form = |origin: &str| {
        Request::post(format!("https://localhost:{}{link}", live.address.port())).header("origin", origin)
    };
    let typed = |path: &str, fields: &[(&str, &str)]| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(format!("{origin}{path}")).header("origin", &origin);
        request.header("content-type", "application/x-www-form-urlencoded").body(body).unwrap()
    };
    let requests = vec![
        me.body(String::new()).unwrap(),
        form("https://evil.example").body(String::new()).unwrap(),
        form(&origin.replace("https", "http")).body(String::new()).unwrap(),
        form(&origin).body(String::new()).unwrap(),
        typed("/ui/sign-in", &[("email", ADA), ("password", PASSWORD)]),
        typed("/ui/accounts/2311/users", &[("email", "grace@example.com")]),
    ];
    let [me, foreign, plain, signed_in, by_password, signed_out] = by_http2(stream, requests).await.try_into().unwrap();
    assert_eq!(me.0.status(), 200, "{}", me.1);
    assert_eq!(foreign.0.status(), 403);
    assert_eq!(plain.0.status(), 403, "our pages are served over https only");
    assert_eq!(signed_in.0.status(), 303, "{}", signed_in.1);
    assert_eq!(by_password.0.status(), 303, "{}", by_password.1);
    let again = "<form method=\"post\" action=\"/ui/accounts/2311/users\">";
    assert!(signed_out.0.status() == 401 && signed_out.1.contains(again), "{}", signed_out.1);
    let cookies = signed_in.0.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let name = format!("__Host-rollcall-{}=", live.address.port());
    let cookie = cookies.into_iter().find(|cookie| cookie.starts_with(&name)).unwrap();
    assert!(cookie.contains("Secure") && cookie.contains("HttpOnly") && cookie.contains("Path=/;"), "{cookie}");
}

#[tokio::test]
async fn http2_works_without_tls_for_those_who_know_that_it_does() {
    let live = Live::start().await;
    let socket = TcpStream::connect(live.address).await.unwrap();
    let url = |path: &str| format!("http://localhost:{}{path}", live.address.port());
    let large = Request::get(url("/me")).header("x-large", "a".repeat(40_000)).body(String::new()).unwrap();
    let requests = vec![Request::get(url("/ui/sign-in")).body(String::new()).unwrap(), large];
    let [page, large] = by_http2(socket, requests).await.try_into().unwrap();
    assert_eq!(page.0.status(), 200);
    assert_eq!(header(&page.0, "strict-transport-security"), "");
    assert_eq!(large.0.status(), 431);
    assert!(live.stop().await < Duration::from_secs(5));
}

/// A body that begins and never ends.
struct Endless(Option<Bytes>);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// The status and `Retry-After` of forms that are begun at once on one connection, for each that is answered before its
/// end; and the connection, which holds the others.
async fn begin_forms(live: &Live, path: &str, forms: usize) -> (Vec<(u16, String)>, JoinSet<(u16, String)>) {
    let socket = TcpStream::connect(live.address).await.unwrap();
    let (send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let mut begun = JoinSet::new();
    for _ in 0..forms {
        let mut send = send.clone();
        let request = Request::post(format!("http://localhost:{}{path}", live.address.port()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Endless(Some(Bytes::from(vec![b'a'; 100 * 1024]))));
        begun.spawn(async move {
            let answer = send.send_request(request.unwrap()).await.unwrap();
            let retry = answer.headers().get("retry-after").map_or("", |value| value.to_str().unwrap());
            (answer.status().as_u16(), retry.to_owned())
        });
    }
    let mut answers = Vec::new();
    while let Ok(Some(answer)) = timeout(Duration::from_secs(1), begun.join_next()).await {
        answers.push(answer.unwrap());
    }
    (answers, begun)
}

#[tokio::test]
async fn bodies_that_never_end_take_so_much_memory_and_no_more() {
    let live = Live::with(Bounds { body_bytes: 1024 * 1024, ..Bounds::default() }, |_| {}).await;
    let (answers, held) = begin_forms(&live, "/ui/sign-in", 10).await;
    assert!(answers.is_empty(), "1000 KiB have room: {answers:?}");
    let (answers, others) = begin_forms(&live, "/ui/sign-in", 20).await;
    assert!(answers.len() >= 19, "of 2000 KiB more hardly anything has: {answers:?}");
    assert!(answers.iter().all(|answer| *answer == (503, "2".into())), "{answers:?}");
    let sign_in = async || {
        let body = "a".repeat(60_000);
        live.ask(format!(
            "POST /ui/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ))
        .await
    };
    let refused = sign_in().await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("<h1>The server is busy</h1>"), "{refused}");
    assert!(live.ask("GET /ui/sign-in HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.contains(" 200 "));
    drop((held, others));
    let has_room = async {
        while sign_in().await.starts_with("HTTP/1.1 503") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, has_room).await.expect("the room is not given back");
}

#[tokio::test]
async fn a_connection_has_32_requests_at_once() {
    let live = Live::start().await;
    let mut socket = TcpStream::connect(live.address).await.unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    timeout(SOON, socket.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(head[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(head[2])];
    timeout(SOON, socket.read_exact(&mut settings)).await.unwrap().unwrap();
    let named = |name: u8| settings.chunks(6).find(|setting| setting[..2] == [0, name]).map(|setting| &setting[2..]);
    assert_eq!(named(3), Some(&[0, 0, 0, 32][..]), "SETTINGS_MAX_CONCURRENT_STREAMS");
}

#[tokio::test]
async fn a_slow_handshake_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = Files::in_folder(folder.path());
    let live = secure(Bounds { head: Duration::from_millis(400), ..Bounds::default() }, &files).await;
    let mut wire = live.connect().await;
    wire.say([0x16, 0x03, 0x01]).await;
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn a_new_certificate_is_shown_once_it_is_there_and_a_broken_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let (files, old) = Files::in_folder(folder.path());
    let live = secure(Bounds { certificate: Duration::from_millis(100), ..Bounds::default() }, &files).await;
    assert!(shake(&live, &old, &["h2"], None).await.is_ok());
    fs::write(&files.cert, "no certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(shake(&live, &old, &["h2"], None).await.is_ok(), "the old one stays");
    let new = files.renew();
    until_shown(&live, &new).await;
    assert!(shake(&live, &old, &["h2"], None).await.is_err());
}

async fn until_shown(live: &Live, new: &CertificateDer<'static>) {
    let shown = async {
        while shake(live, new, &["h2"], None).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, shown).await.expect("the new certificate is not shown");
}

#[tokio::test]
async fn a_certificate_whose_key_everybody_could_read_is_shown_once_nobody_can() {
    let folder = tempfile::tempdir().unwrap();
    let (files, old) = Files::in_folder(folder.path());
    let live = secure(Bounds { certificate: Duration::from_millis(100), ..Bounds::default() }, &files).await;
    allow(&files.key, 0o644);
    let new = files.rewrite();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(shake(&live, &old, &["h2"], None).await.is_ok(), "the old one stays");
    allow(&files.key, 0o600);
    until_shown(&live, &new).await;
}

#[test]
fn what_is_wrong_with_the_files_is_said_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = Files::in_folder(folder.path());
    let (other, _) = {
        let second = folder.path().join("other");
        fs::create_dir(&second).unwrap();
        Files::in_folder(&second)
    };
    let data = folder.path().join("data");
    let fails = |cert: Option<&Path>, key: Option<&Path>| {
        let mut command = rollcall(&data);
        for (flag, file) in [("--tls-cert", cert), ("--tls-key", key)] {
            if let Some(file) = file {
                command.arg(flag).arg(file);
            }
        }
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
        String::from_utf8(output.stderr).unwrap().replace(&folder.path().display().to_string(), "")
    };
    let nowhere = folder.path().join("nowhere");
    let mut said = vec![
        fails(Some(&files.cert), None),
        fails(None, Some(&files.key)),
        fails(Some(&files.key), Some(&files.key)),
        fails(Some(&files.cert), Some(&files.cert)),
        fails(Some(&files.cert), Some(&other.key)),
        fails(Some(&nowhere), Some(&files.key)),
        fails(Some(&files.cert), Some(&nowhere)),
    ];
    allow(&files.key, 0o604);
    said.push(fails(Some(&files.cert), Some(&files.key)));
    insta::assert_snapshot!(said.concat(), @"
    rollcall: --tls-cert alone is not enough to speak https: give --tls-key too.
    rollcall: --tls-key alone is not enough to speak https: give --tls-cert too.
    rollcall: Cannot use /key.pem for https: there is no certificate in it.
    rollcall: Everybody on this machine can read the private key /cert.pem. Run `chmod 600 /cert.pem` first.
    rollcall: Cannot use /other/key.pem for https: it is not the key of /cert.pem (keys may not be consistent: KeyMismatch).
    rollcall: Cannot use /nowhere for https: it can't be read as a certificate in PEM (I/O error: No such file or directory (os error 2)).
    rollcall: Cannot use /nowhere for https: it can't be read as a private key in PEM (I/O error: No such file or directory (os error 2)).
    rollcall: Everybody on this machine can read the private key /key.pem. Run `chmod 600 /key.pem` first.
    ");
}
