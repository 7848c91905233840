//! `tessera migrate`.

use std::path::Path;

use super::{exit::Failure, opened, say, tell, who};
use crate::{
    app,
    operations::{migrations, operator::Operator},
};

/// Runs pending migrations.
pub(super) fn run(config: Option<&Path>) -> Result<(), Failure> {
    let settings = opened::settings(config)?;
    let (sources, who) = (opened::sources(), who::runs_this());
    let operator = Operator { name: &who, random: &*sources.random, now_ms: sources.clock.now_millis() };
    tell(format_args!("database: {}", opened::name_of(&settings)));
    let missing = opened::missing_file(&settings);
    let store = app::create_store(&settings)?;
    if let Some(file) = missing {
        tell(format_args!("made the SQLite database {}", opened::shown_path(&file)));
    }
    app::not_newer(&store)?;
    let run = migrations::run(&store, &operator)?;
    run.iter().try_for_each(say)?;
    say(format!("{} run", run.len()))
}
