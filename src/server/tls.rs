//! TLS 1.2 and 1.3 from a certificate and a key in files, which are read again whenever they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Config;
use crate::error::{Error, Result};

/// The certificate that the server shows at present.
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    now: Mutex<Arc<ServerConfig>>,
}

/// When a file was changed, and how long it is: enough to tell that it has changed.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// What the settings name, if they name anything.
    ///
    /// # Errors
    ///
    /// Says in a sentence what is wrong with the files.
    pub fn open(config: &Config) -> Result<Option<Arc<Self>>> {
        let (cert, key) = match (&config.tls_cert, &config.tls_key) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (Some(_), None) => return Err(missing("--tls-cert", "--tls-key")),
            (None, Some(_)) => return Err(missing("--tls-key", "--tls-cert")),
        };
        let now = Mutex::new(load(&cert, &key)?);
        Ok(Some(Arc::new(Self { cert, key, now })))
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone().into()
    }

    /// Looks every so often whether the files have changed, and shows the new certificate from then on. One that can't be
    /// used changes nothing but the log, which says so once, and is tried again: what is wrong may be who can read the key.
    pub async fn watch(self: Arc<Self>, every: Duration) {
        let mut seen = self.stamp();
        let mut said = String::new();
        loop {
            tokio::time::sleep(every).await;
            let stamp = self.stamp();
            if stamp == seen {
                said.clear();
                continue;
            }
            match load(&self.cert, &self.key) {
                Ok(new) => {
                    *self.now.lock().unwrap_or_else(PoisonError::into_inner) = new;
                    seen = stamp;
                    tracing::info!(file = %self.cert.display(), "the certificate was read again");
                }
                Err(error) if error.to_string() == said => {}
                Err(error) => {
                    tracing::error!(%error, "the old certificate stays, because the new one can't be used");
                    said = error.to_string();
                }
            }
        }
    }

    fn stamp(&self) -> Stamp {
        [&self.cert, &self.key].map(|file| {
            let about = fs::metadata(file).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }
}

fn missing(given: &str, other: &str) -> Error {
    Error::invalid("", "invalid_setting", format!("{given} alone is not enough to speak https: give {other} too."))
}

fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let bad = |file: &Path, what: String| {
        Error::invalid("", "invalid_setting", format!("Cannot use {} for https: {what}.", file.display()))
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| bad(cert, format!("it can't be read as a certificate in PEM ({error})")))?;
    if chain.is_empty() {
        return Err(bad(cert, "there is no certificate in it".into()));
    }
    refuse_open_key(key)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| bad(key, format!("it can't be read as a private key in PEM ({error})")))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| bad(key, format!("it is not the key of {} ({error})", cert.display())))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A key that everybody on the machine can read is no secret. Its group may read it, as is usual for certificates.
fn refuse_open_key(key: &Path) -> Result<()> {
    #[cfg(unix)]
    if let Ok(about) = fs::metadata(key)
        && std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o007 != 0
    {
        let key = key.display();
        let sentence =
            format!("Everybody on this machine can read the private key {key}. Run `chmod 600 {key}` first.");
        return Err(Error::invalid("", "invalid_setting", sentence));
    }
    Ok(())
}
