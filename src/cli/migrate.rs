//! `tessera migrate`.

use std::path::Path;

use super::{exit::Failure, opened, say, who};
use crate::{
    app,
    operations::{migrations, operator::Operator},
};

/// Runs pending migrations.
pub(super) fn run(config: Option<&Path>) -> Result<(), Failure> {
    let settings = opened::settings(config)?;
    let (sources, who) = (opened::sources(), who::runs_this());
    let operator = Operator { name: &who, random: &*sources.random, now_ms: sources.clock.now_millis() };
    let run = migrations::run(&app::open_store(&settings)?, &operator)?;
    run.iter().for_each(say);
    say(format!("{} run", run.len()));
    Ok(())
}
