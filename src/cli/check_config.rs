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
    let settings = Settings::load(config, std::env::vars());
    let file = arguments.file.as_deref().map(apply::read).transpose();
    match (settings, file) {
        (Ok(settings), Ok(_)) => {
            say(settings.effective())?;
            Ok(())
        }
        (Ok(_), Err(failure)) => Err(failure),
        (Err(errors), Ok(_)) => Err(errors.into()),
        // Both, so that nobody mends one to be told of the other.
        (Err(errors), Err(failure)) => Err(failure.after(errors)),
    }
}
