//! `tessera check-config [FILE]`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{apply, exit::Failure, say};
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// An environment file to check as well.
    file: Option<PathBuf>,
}

/// Checks without touching the database.
pub(super) fn run(config: Option<&Path>, arguments: &Arguments) -> Result<(), Failure> {
    let settings = Settings::load(config, std::env::vars())?;
    if let Some(file) = &arguments.file {
        apply::read(file)?;
    }
    say(settings.effective());
    Ok(())
}
