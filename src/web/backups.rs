//! The owners' page of backups: which there are, making one now, and taking one away.

use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;
use std::time::Duration;

use askama::Template;
use poem::web::Path;
use poem::{Body, Response, handler};
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::said::Said;
use super::visit::{Visit, done};
use crate::backups::{self, Backup, State};
use crate::clock::Timestamp;
use crate::domain::backups as rules;
use crate::domain::words;
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "backups/list.html")]
struct ListPage {
    frame: Frame,
    backups: Vec<Backup>,
    state: State,
    /// Where they are, on the server's disk.
    folder: String,
    /// How often one is made by the clock, `24h`.
    every: Option<String>,
    keep: u32,
    now: Timestamp,
}

impl Backup {
    pub fn size(&self) -> String {
        words::bytes(self.bytes)
    }
}

#[handler]
pub async fn list(visit: Visit) -> Result<Response> {
    visit.read(rules::require_may).await?;
    let app = visit.app.clone();
    let listed = blocking(move || app.backups().list()).await;
    let app = visit.app.clone();
    let page = move |r: &crate::db::Read, frame| {
        let (config, shelf, mut state) = (app.config(), app.backups(), app.backups().state());
        let backups = listed.unwrap_or_else(|error| {
            state.failed.get_or_insert((r.now, error.cause()));
            Vec::new()
        });
        let every = config.backup_every.map(words::time);
        let folder = shelf.folder().display().to_string();
        Ok(ListPage { frame, backups, state, folder, every, keep: config.backup_keep, now: r.now })
    };
    visit.page(Section::Backups, page).await
}

/// How long somebody is kept waiting for a backup. One that takes longer is shown on the page as it goes on.
const PATIENCE: Duration = Duration::from_secs(10);

#[handler]
pub async fn create(visit: Visit) -> Result<Response> {
    let now = visit.app.db().now();
    visit.write(move |w| rules::ask(w, &backups::name(now))).await?;
    let app = visit.app.clone();
    let making = tokio::spawn(async move { app.back_up(now).await });
    let back = visit.at("backups");
    Ok(match tokio::time::timeout(PATIENCE, making).await {
        Ok(made) => match made.map_err(Error::internal)? {
            Ok(_) => done(Said::BackedUp, back),
            Err(error @ Error::Conflict(..)) => return Err(error),
            // The page says why.
            Err(_) => done(Said::NothingChanged, back),
        },
        Err(_) => done(Said::BackingUp, back),
    })
}

#[derive(Deserialize)]
pub struct Name {
    backup: String,
}

/// Sends the file, a piece at a time.
#[handler]
pub async fn download(visit: Visit, Path(Name { backup }): Path<Name>) -> Result<Response> {
    visit.read(rules::require_may).await?;
    let app = visit.app.clone();
    let (backup, path) = blocking(move || app.backups().find(&backup)).await?;
    let name = backup.name.clone();
    visit.write(move |w| rules::take(w, &name)).await?;
    let file = blocking(move || File::open(&path).map_err(|error| unreadable(&path, &error))).await?;
    let pieces = futures_util::stream::try_unfold(file, |file| async move {
        blocking(move || piece(file)).await.map_err(std::io::Error::other)
    });
    Ok(Response::builder()
        .content_type("application/vnd.sqlite3")
        .header("content-disposition", format!("attachment; filename=\"{}\"", backup.name))
        .body(Body::from_bytes_stream(pieces)))
}

fn unreadable(path: &FilePath, error: &std::io::Error) -> Error {
    let message = format!("{} can't be read: {error}. Give it to the user that the server runs as.", path.display());
    Error::Conflict("unreadable", message.into())
}

/// Bytes that are read and sent at a time.
const PIECE: u64 = 128 * 1024;

fn piece(file: File) -> Result<Option<(Vec<u8>, File)>> {
    let mut bytes = Vec::new();
    (&file).take(PIECE).read_to_end(&mut bytes).map_err(Error::internal)?;
    Ok((!bytes.is_empty()).then_some((bytes, file)))
}

/// Looks at the disk, off the server's own threads.
async fn blocking<T: Send + 'static>(look: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(look).await.map_err(Error::internal)?
}
