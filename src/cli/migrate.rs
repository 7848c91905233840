//! `tessera migrate`.

use std::path::Path;

use super::{exit::Failure, opened, say};
use crate::app;

/// Runs pending migrations.
pub(super) fn run(config: Option<&Path>) -> Result<(), Failure> {
    let settings = opened::settings(config)?;
    let run = app::open_store(&settings)?.migrate()?;
    run.iter().for_each(say);
    say(format!("{} run", run.len()));
    Ok(())
}
