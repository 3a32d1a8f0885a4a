//! `rollcall health`: asks the server that runs here whether it is ready, for container images that have nothing else to ask
//! with.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::app::seen_from_here;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::folder::Folder;

/// A server that has not answered by now is none that can be relied on.
const WITHIN: Duration = Duration::from_secs(5);
const QUESTION: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// Longer is no answer of ours.
const LONGEST: u64 = 64 * 1024;

/// Asks the server with these settings; it has to say that it is ready.
pub fn ask(config: &Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
    let address = address(config)?;
    let asked = runtime.block_on(async { timeout(WITHIN, answer(config, address)).await });
    let too_slow = || unavailable(address, format!("it did not answer within {WITHIN:?}"));
    let answer = asked.unwrap_or_else(|_| Err(too_slow()))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    if head.split(' ').nth(1) == Some("200") && said["ready"] == true {
        return Ok(());
    }
    let said = said["message"].as_str().map(str::to_owned);
    Err(unavailable(address, said.unwrap_or_else(|| "what answers there is no Rollcall".into())))
}

fn unavailable(address: SocketAddr, cause: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("Not ready at {address}: {cause}"))
}

/// Where a server with these settings listens. The one that picked a port by itself says in its folder which.
fn address(config: &Config) -> Result<SocketAddr> {
    let mut address = seen_from_here(config.listen);
    if address.port() == 0 {
        let nowhere = || {
            let folder = config.data.display();
            Error::Unavailable(format!(
                "No server is running on {folder}. Say with --listen or --data which one is meant."
            ))
        };
        super::database(config).map_err(|_| nowhere())?;
        let url = Folder::open(&config.data)?.served_at().ok_or_else(nowhere)?;
        let port = url::Url::parse(&url).ok().and_then(|url| url.port()).ok_or_else(nowhere)?;
        address.set_port(port);
    }
    Ok(address)
}

async fn answer(config: &Config, address: SocketAddr) -> Result<String> {
    let cannot = |error| unavailable(address, error);
    let socket = TcpStream::connect(address).await.map_err(cannot)?;
    match &config.tls_cert {
        None => talk(socket).await.map_err(cannot),
        Some(cert) => {
            let name = ServerName::from(address.ip());
            let socket = connector(cert)?.connect(name, socket).await.map_err(cannot)?;
            talk(socket).await.map_err(cannot)
        }
    }
}

async fn talk(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    socket.write_all(QUESTION).await?;
    let mut answer = Vec::new();
    socket.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// For a server that shows the certificate in this file and no other one. Its name and its authority don't matter here.
fn connector(cert: &Path) -> Result<TlsConnector> {
    let unreadable =
        |error| Error::Unavailable(format!("Cannot read {} as a certificate in PEM: {error}.", cert.display()));
    let certificate = CertificateDer::from_pem_file(cert).map_err(unreadable)?;
    let provider = Arc::new(ring::default_provider());
    let this_one = Arc::new(ThisOne { certificate, provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .dangerous()
        .with_custom_certificate_verifier(this_one)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

/// Believes one certificate, and whoever has its key.
#[derive(Debug)]
struct ThisOne {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ThisOne {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
