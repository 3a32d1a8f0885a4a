//! A believable team in a throw-away folder: several accounts, people with names from several languages, and a year in
//! which they came, changed and went.
//!
//! Everything is done by the same rules as anybody's, in the order of its time; only the clock is turned back.

mod names;
mod people;
mod year;

use std::sync::{Arc, Mutex};

use crate::app::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::Write;
use crate::error::{Error, Result};
use crate::progress::{Step, Told};

/// Who the visitor is.
pub const OWNER: &str = "ada@northwind.example";
/// The account the visitor lands in.
pub const ACCOUNT: &str = names::FIRMS[0].id;

/// Points a configuration at a folder that is deleted together with the returned guard.
pub fn folder(config: Config) -> Result<(tempfile::TempDir, Config)> {
    let folder = tempfile::Builder::new().prefix("rollcall-demo-").tempdir().map_err(Error::internal)?;
    let data = folder.path().to_owned();
    // Made-up backups would push out real ones.
    Ok((folder, Config { data, backup_every: None, backup_dir: None, ..config }))
}

/// People who join in one transaction. What SQLite keeps to undo one is a chain in memory, which it goes through from the
/// start with every statement: among ten times as many, that takes longer than all the rest.
const BATCH: u32 = 50;

/// Makes the accounts and `count` people in the folder of `config`, by its own application, which it closes.
pub fn fill(config: Config, count: u32, told: Told) -> Result<()> {
    let end = Clock::system().now();
    let app = App::open(config, Clock::from_fn(move || Timestamp(end.0)))?;
    let year = app.db().write_here(move |w| year::Year::begin(w, count))?;
    let year = Arc::new(Mutex::new(year));
    // An error ends it all, so it does no harm that the writer may go on from one before it says so.
    let go_on = |by: fn(&mut year::Year, &mut Write) -> Result<()>| {
        let year = year.clone();
        app.db().write_here(move |w| by(&mut *year.lock().map_err(|_| Error::internal("the year broke off"))?, w))
    };
    for done in (0..count).step_by(BATCH as usize) {
        told(Step { what: "Making up", done: done.into(), of: count.into() })?;
        go_on(|year, w| year.go_on(w, BATCH))?;
    }
    go_on(year::Year::end)?;
    app.db().close();
    Ok(())
}
