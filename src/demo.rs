//! A believable team in a throw-away folder: several accounts, people with names from several languages.

use crate::app::App;
use crate::config::Config;
use crate::domain::fields::AccountId;
use crate::domain::tokens::Claims;
use crate::error::Result;

/// What somebody needs to look around.
pub struct Demo {
    pub owner: String,
    pub account: AccountId,
    pub token: Claims,
}

/// A folder that is deleted with the returned guard, and a configuration that serves from it.
pub fn folder(mut config: Config) -> Result<(tempfile::TempDir, Config)> {
    let folder = tempfile::Builder::new().prefix("rollcall-demo-").tempdir().map_err(crate::Error::internal)?;
    config.data = folder.path().to_owned();
    Ok((folder, config))
}

pub fn fill(_: &App, _: u32) -> Result<Demo> {
    Err(crate::Error::internal("later"))
}
