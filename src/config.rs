//! Every setting, once: flag, environment variable and sentence. The doc comments are `--help`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use url::Url;

use crate::domain::settings::Settings;
use crate::error::Error;
use crate::relying_party;

#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Folder for the database and the key; made if it isn't there
    #[arg(long, global = true, env = "ROLLCALL_DATA", value_name = "DIR", default_value = "rollcall-data")]
    pub data: PathBuf,

    /// Address to listen on; port 0 picks a free one
    #[arg(long, global = true, env = "ROLLCALL_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = parse_listen)]
    pub listen: SocketAddr,

    /// Address people reach the server at, if it isn't the one it listens on
    #[arg(long, global = true, env = "ROLLCALL_PUBLIC_URL", value_name = "URL", value_parser = parse_public_url)]
    pub public_url: Option<Url>,

    /// Certificate chain to speak https with, as PEM; read again whenever the file changes
    #[arg(long, global = true, env = "ROLLCALL_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate, as PEM; only its owner may read the file
    #[arg(long, global = true, env = "ROLLCALL_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Proxies whose word on where a request came from counts, like 10.0.0.0/8,::1; nobody's if left out
    #[arg(long, global = true, env = "ROLLCALL_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',', value_parser = parse_network)]
    pub trusted_proxy: Vec<IpNet>,

    /// Requests a second that one token or one address may make, ten times as many at once; 0 for any number
    #[arg(long, global = true, env = "ROLLCALL_RATE_LIMIT", value_name = "N", default_value_t = 1000)]
    pub rate_limit: u32,

    /// What this server is called on its pages
    #[arg(long, global = true, env = "ROLLCALL_SERVER_NAME", value_name = "NAME", default_value = "Rollcall")]
    pub server_name: String,

    /// Key that tokens are sealed with (PASERK k4.local), instead of the one in the data folder
    #[arg(long, global = true, env = "ROLLCALL_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,

    /// File with that key, to keep it apart from the database
    #[arg(long, global = true, env = "ROLLCALL_KEY_FILE", value_name = "FILE", conflicts_with = "key")]
    pub key_file: Option<PathBuf>,

    /// How long a browser stays signed in without being used
    #[arg(long, global = true, env = "ROLLCALL_SESSION_IDLE", value_name = "TIME", default_value = "24h", value_parser = parse_session_time)]
    pub session_idle: Duration,

    /// How long a browser stays signed in, however much it is used
    #[arg(long, global = true, env = "ROLLCALL_SESSION_LIFETIME", value_name = "TIME", default_value = "7d", value_parser = parse_session_time)]
    pub session_lifetime: Duration,

    /// People sign in with passkeys alone, which are two factors each; passwords are no way in
    #[arg(long, global = true, env = "ROLLCALL_PASSKEYS_ONLY")]
    pub passkeys_only: bool,

    /// How long events are kept, like 90d; for ever if left out
    #[arg(long, global = true, env = "ROLLCALL_KEEP_EVENTS", value_name = "TIME", value_parser = parse_time)]
    pub keep_events: Option<Duration>,

    /// How often to back up by itself, like 6h or 1d; never if left out
    #[arg(long, global = true, env = "ROLLCALL_BACKUP_EVERY", value_name = "TIME", value_parser = parse_backup_every)]
    pub backup_every: Option<Duration>,

    /// How many backups to keep; older ones are deleted once a new one was made and found good
    #[arg(long, global = true, env = "ROLLCALL_BACKUP_KEEP", value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub backup_keep: u32,

    /// Folder for those backups; backups inside the data folder if left out
    #[arg(long, global = true, env = "ROLLCALL_BACKUP_DIR", value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,

    /// How much to log on standard error; debug has a line for each request
    #[arg(long, global = true, env = "ROLLCALL_LOG", value_name = "LEVEL", default_value = "info")]
    pub log: LogLevel,

    /// How lines of the log are written: for people, or as one JSON object each
    #[arg(long, global = true, env = "ROLLCALL_LOG_FORMAT", value_name = "FORMAT", default_value = "human")]
    pub log_format: LogFormat,

    /// Token that shows /metrics to other machines too, 16 characters or more; without one only this machine sees them
    #[arg(long, global = true, env = "ROLLCALL_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub metrics_token: Option<MetricsToken>,

    /// How long a stop waits for what is in flight, at most 10m; a second signal ends it at once
    #[arg(long, global = true, env = "ROLLCALL_STOP_WITHIN", value_name = "TIME", default_value = "10s", value_parser = parse_stop_within)]
    pub stop_within: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}

impl Config {
    /// Those that rules depend on.
    pub fn settings(&self) -> Settings {
        let Self { session_idle, session_lifetime, passkeys_only, .. } = *self;
        Settings { session_idle, session_lifetime, passkeys_only }
    }

    /// What clap doesn't see, or must not print. Whether people can come in at all: where passkeys are the only way, browsers must
    /// offer them here.
    pub fn check(&self) -> Result<(), Error> {
        self.metrics_token.as_ref().map_or(Ok(()), MetricsToken::require_fit)?;
        let offered = match &self.public_url {
            Some(url) => relying_party::origin(url.as_str()).is_some(),
            None => self.listen.ip().is_loopback(),
        };
        if offered || !self.passkeys_only {
            return Ok(());
        }
        let message = "nobody could sign in: browsers offer passkeys only over https, to a name. Set --public-url to the \
                       https address that people use, or --listen to 127.0.0.1.";
        Err(Error::invalid("--passkeys-only", "no_passkeys", message))
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port, like 127.0.0.1:8080 or [::1]:8080".to_owned())
}

fn parse_public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write it like https://people.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it starts with https:// or http:// and names a host".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it is shown to everybody, so it holds no user name and no password".into());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("give only scheme, host and port: the pages expect to live at the root".into());
    }
    Ok(url)
}

/// How long a session lives: from fifteen minutes, since its last use is known to within five, to a year.
fn parse_session_time(text: &str) -> Result<Duration, String> {
    let allowed = Duration::from_mins(15)..=Duration::from_hours(366 * 24);
    parse_time(text).and_then(
        |time| {
            if allowed.contains(&time) { Ok(time) } else { Err("choose from 15m to 366d".into()) }
        },
    )
}

/// It is looked once a minute whether one is due.
fn parse_backup_every(text: &str) -> Result<Duration, String> {
    let seldom = |time: &Duration| *time >= Duration::from_mins(1);
    parse_time(text).and_then(|time| Some(time).filter(seldom).ok_or_else(|| "choose at least 1m".into()))
}

/// A stop that takes longer is none, and whoever waits for it kills the process.
fn parse_stop_within(text: &str) -> Result<Duration, String> {
    let short = |time: &Duration| *time <= Duration::from_mins(10);
    parse_time(text).and_then(|time| Some(time).filter(short).ok_or_else(|| "choose at most 10m".into()))
}

/// What can be sent in a header, and is not guessed.
#[derive(Clone, Debug)]
pub struct MetricsToken(String);

impl From<String> for MetricsToken {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl MetricsToken {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Not left to clap, which would print the secret that it refuses.
    fn require_fit(&self) -> Result<(), Error> {
        if (16..=512).contains(&self.0.len()) && self.0.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(());
        }
        let help = "Choose 16 to 512 letters, digits and signs, without spaces; `openssl rand -hex 32` makes one.";
        Err(Error::invalid("--metrics-token", "invalid_setting", help))
    }
}

/// A network, or one address.
fn parse_network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "write an address or a network, like 10.0.0.5 or 10.0.0.0/8".to_owned())
}

/// A length of time such as `30m`, `8h` or `90d`.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let help = || format!("`{text}` is not a length of time; write it like 30m, 8h or 90d");
    // jiff counts no days in an absolute duration; a day is 24 hours here.
    let text = match text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => format!("{}h", u64::from(days) * 24),
        None => text.to_owned(),
    };
    let time: jiff::SignedDuration = text.parse().map_err(|_| help())?;
    Duration::try_from(time).ok().filter(|time| !time.is_zero()).ok_or_else(help)
}
