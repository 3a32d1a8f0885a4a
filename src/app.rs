//! What every handler has at hand. Cheap to clone.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::attempts::Attempts;
use crate::backups::{self, Made, Shelf};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::{Db, Read, Write};
use crate::domain::tokens::{self, Caller, Claims};
use crate::domain::{check, idempotency, passwords, sessions};
use crate::error::{Error, Result};
use crate::folder::{Folder, Lock};
use crate::hashers::Hashers;
use crate::health::Health;
use crate::keyring::Keyring;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::relying_party::{self, RelyingParty};
use crate::upgrade;

#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    config: Config,
    folder: Folder,
    db: Db,
    keyring: Keyring,
    hashers: Hashers,
    attempts: Attempts,
    limits: Option<Limits>,
    backups: Shelf,
    listening: OnceLock<SocketAddr>,
    relying_party: OnceLock<Option<RelyingParty>>,
    health: Health,
    metrics: Metrics,
}

/// What a kept answer is sealed for; see [`Keys::seal_text`].
const KEPT_ANSWER: &str = "rollcall: the answer to an idempotent request";

/// The key of a request that may be sent again, and what makes another request the same one.
pub type Once = (idempotency::Key, Vec<u8>);

impl App {
    /// Opens the data folder that `config` names. Several may be open at once; only a server takes its lock.
    pub fn open(config: Config, clock: Clock) -> Result<Self> {
        Self::open_under(None, config, clock)
    }

    /// [`App::open`] for the server, which has the lock of that folder.
    pub fn open_to_serve(config: Config, clock: Clock, lock: &Lock) -> Result<Self> {
        backups::sweep(&config.data);
        Self::open_under(Some(lock), config, clock)
    }

    fn open_under(lock: Option<&Lock>, config: Config, clock: Clock) -> Result<Self> {
        config.check()?;
        let folder = Folder::open(&config.data)?;
        let backups = Shelf::new(&config);
        backups::require_not_lost(&folder, &backups)?;
        let keyring = Keyring::open(&config, &folder, clock.now())?;
        let limits = Limits::new(&clock, config.rate_limit);
        let attempts = Attempts::new(&clock);
        upgrade::run_if_due(&folder, lock, clock.now())?;
        let db = Db::open(&folder.database(), clock, config.settings())?;
        if config.passkeys_only {
            db.write_here(|w| sessions::end_by_password(w))?;
        }
        let (hashers, listening, relying_party) = (Hashers::start()?, OnceLock::new(), OnceLock::new());
        let (health, metrics) = (Health::default(), Metrics::new(db.figures(), hashers.waiting(), db.now())?);
        let inner = Inner {
            config,
            folder,
            db,
            keyring,
            hashers,
            attempts,
            limits,
            backups,
            listening,
            relying_party,
            health,
            metrics,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Whether it can do its work.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// What is counted and measured.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The same as Prometheus reads it, with what has to be looked at.
    pub fn figures(&self) -> Result<String> {
        self.db().figures().weigh(&self.0.folder.database());
        self.metrics().backups.note_last(self.backups().last(self.db().now()));
        self.metrics().text()
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// How often anybody may ask anything; nothing if there is no limit.
    pub fn limits(&self) -> Option<&Limits> {
        self.0.limits.as_ref()
    }

    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Where backups are kept.
    pub fn backups(&self) -> &Shelf {
        &self.0.backups
    }

    /// Makes a backup, off the server's own threads, for as long as it takes.
    pub async fn back_up(&self, now: Timestamp) -> Result<Made> {
        let app = self.clone();
        let make = move || {
            let made = app.backups().create(&app.0.folder, now);
            let failed = || app.metrics().backups.failed.inc();
            match &made {
                Ok(made) if made.findings.offences.is_empty() => {
                    tracing::info!(bytes = made.bytes, holds = %made.findings.counts, "a backup was made and checked");
                }
                Ok(made) => {
                    failed();
                    let rules = check::names(made.findings.offences.iter().map(|offence| offence.rule));
                    tracing::error!(rules, "a backup was made, but rules don't hold in it; `rollcall check` says more");
                }
                // One is there, or on its way.
                Err(Error::Conflict(..)) => {}
                Err(Error::Stopping) => tracing::info!("a backup was given up, since the server stops"),
                Err(error) => {
                    failed();
                    tracing::error!(cause = %error.cause(), "no backup could be made");
                }
            }
            made
        };
        tokio::task::spawn_blocking(make).await.map_err(Error::internal)?
    }

    /// Looks, as whoever `caller` turns out to be in the same snapshot.
    pub async fn read<T, F>(&self, caller: Caller, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Read) -> Result<T> + Send + 'static,
    {
        let identified = move |r: &mut Read| {
            let actor = tokens::identify(r, &caller)?;
            let stale = actor.stale_token.clone();
            r.acting_as(actor);
            Ok((f(r), stale))
        };
        let (result, stale) = self.db().read(identified)?;
        if let Some(token) = stale {
            // Nobody waits for it, and nothing hangs on it.
            let db = self.db().clone();
            tokio::spawn(async move { db.write(move |w| tokens::touch(w, &token)).await });
        }
        result
    }

    /// Changes things, as whoever `caller` turns out to be in the same transaction: a token that was revoked or a
    /// permission that was taken away a moment ago is not honoured.
    pub async fn write<T, F>(&self, caller: Caller, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write) -> Result<T> + Clone + Send + 'static,
    {
        let identified = move |w: &mut Write| {
            let actor = tokens::identify(w, &caller)?;
            if let Some(token) = &actor.stale_token {
                tokens::touch(w, token)?;
            }
            w.acting_as(actor);
            f(w)
        };
        self.db().write(identified).await
    }

    /// Changes things once, however often the same request is sent under its key: what the first one was answered is kept
    /// in the transaction of the change, sealed since it may hold a secret, and is the answer to the others too. What
    /// fails changes nothing and is not kept, so it may be tried again.
    ///
    /// `may` says whether `change` would be allowed: an answer is told again only to who could have got it anew. `answer` makes
    /// the answer from what the change returns; where none is kept, others don't wait for it with their own changes.
    pub async fn write_once<Q, T, A>(
        &self,
        caller: Caller,
        once: Option<Once>,
        asked: Q,
        may: fn(&Read, &Q) -> Result<()>,
        change: fn(&Write, Q) -> Result<T>,
        answer: impl FnOnce(T) -> Result<A> + Clone + Send + 'static,
    ) -> Result<A>
    where
        Q: Clone + Send + 'static,
        T: Send + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
    {
        let Some((key, fingerprint)) = once else {
            return self.write(caller, move |w| change(w, asked)).await.and_then(answer);
        };
        let app = self.clone();
        let change = move |w: &mut Write| {
            // An answer whose key was withdrawn is gone, and the request is as good as new.
            let kept = idempotency::find(w, &key, &fingerprint)?;
            if let Some(text) = kept.and_then(|kept| app.keys().open_text(KEPT_ANSWER, &kept).ok()) {
                may(w, &asked)?;
                return serde_json::from_str(&text).map_err(Error::internal);
            }
            let answer = answer(change(w, asked)?)?;
            let text = serde_json::to_string(&answer).map_err(Error::internal)?;
            idempotency::keep(w, &key, &fingerprint, &app.keys().seal_text(KEPT_ANSWER, &text)?)?;
            Ok(answer)
        };
        self.write(caller, change).await
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Keys {
        self.0.keyring.keys()
    }

    /// Where the keys are, to rotate them or look again.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub fn seal(&self, claims: &Claims) -> Result<String> {
        self.keys().seal(claims)
    }

    /// The claims of a token of this server, even if it was sealed a moment ago with a key that is new here, too.
    pub fn open_token(&self, token: &str) -> Result<Claims> {
        match self.keys().open(token) {
            Err(_) if self.keyring().refresh() => self.keys().open(token),
            result => result,
        }
    }

    /// How often passwords may be tried.
    pub fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }

    /// The hash of a password that somebody chooses of whom `words` are known; as [`App::hash_password`] makes it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with what is wrong with it, about `password`.
    pub async fn choose_password(&self, whose: &str, password: String, mut words: Vec<String>) -> Result<String> {
        words.push(self.config().server_name.clone());
        let check_and_hash = move |memory: &mut passwords::Memory| {
            passwords::check("password", &password, &words).map_err(|problem| Error::Invalid(vec![problem]))?;
            passwords::hash(memory, &password)
        };
        self.0.hashers.run(whose, check_and_hash).await?
    }

    /// Hashes a password off the server's own threads, a few at a time, and fewer for one person: `whose` is their e-mail or
    /// id, or the link they came by.
    pub async fn hash_password(&self, whose: &str, password: String) -> Result<String> {
        self.0.hashers.run(whose, move |memory| passwords::hash(memory, &password)).await?
    }

    /// Whether a password is the one behind the hash; takes the same time without one, and with an old one.
    pub async fn verify_password(&self, whose: &str, password: String, hash: Option<String>) -> Result<bool> {
        self.0.hashers.run(whose, move |memory| passwords::verify(memory, &password, hash.as_deref())).await
    }

    /// Notes where the server listens, once it does.
    pub fn listens_on(&self, address: SocketAddr) {
        self.0.listening.get_or_init(|| address);
    }

    /// The address people reach the server at, without a slash at the end: `http://127.0.0.1:8080`.
    pub fn public_url(&self) -> String {
        match &self.config().public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => {
                let scheme = if self.speaks_tls() { "https" } else { "http" };
                format!("{scheme}://{}", seen_from_here(*self.0.listening.get().unwrap_or(&self.config().listen)))
            }
        }
    }

    /// What passkeys are bound to; none where the address that people reach the server at can't have any.
    pub fn relying_party(&self) -> Option<&RelyingParty> {
        let new = || RelyingParty::new(&self.public_url(), &self.config().server_name);
        self.0.relying_party.get_or_init(new).as_ref()
    }

    /// The address of a page that leads to a session, for a server at `url`: where passkeys are the only way in, a session
    /// is needed where they work.
    pub fn signing_in_at(&self, url: String) -> String {
        let passkeys = relying_party::origin(&url).filter(|_| self.config().passkeys_only);
        passkeys.map_or(url, |origin| origin.origin().ascii_serialization())
    }

    /// What passkeys are bound to, or why there are none.
    pub fn require_relying_party(&self) -> Result<&RelyingParty> {
        self.relying_party().ok_or_else(|| {
            let message = "This server is reached at an address that can't have passkeys: they need a name and https. \
                           Whoever runs it can set one with --public-url.";
            Error::Conflict("no_passkeys", message.into())
        })
    }

    /// The port the server listens on.
    pub fn port(&self) -> u16 {
        self.0.listening.get().unwrap_or(&self.config().listen).port()
    }

    /// Whether people reach the server by https, which decides what its cookies promise.
    pub fn is_https(&self) -> bool {
        self.speaks_tls() || self.config().public_url.as_ref().map(Url::scheme) == Some("https")
    }

    /// Whether the server itself speaks TLS.
    pub fn speaks_tls(&self) -> bool {
        self.config().tls_cert.is_some()
    }
}

/// A server that listens on every address is reached, from its own machine, at the loopback one.
pub fn seen_from_here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}
