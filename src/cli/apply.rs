//! `tessera apply FILE`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{exit::Failure, opened::Opened, say};
use crate::operations::{
    apply::{ApplyContext, Change, Replay, apply, dry_run, replay},
    environment_file::EnvironmentFile,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The environment file (TOML).
    file: PathBuf,
    /// Only print what would change.
    #[arg(long)]
    dry_run: bool,
    /// Delete what the file no longer has, instead of disabling it.
    #[arg(long)]
    prune: bool,
    /// Say first which exchanges of the last days the file would refuse or allow, unlike now.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3660))]
    replay: Option<u32>,
}

pub(super) fn run(config: Option<&Path>, arguments: &Arguments) -> Result<(), Failure> {
    // First: a bad file is told without a look at the database.
    let file = read(&arguments.file)?;
    let opened = Opened::new(config)?;
    if let Some(days) = arguments.replay {
        say(try_on_records(&opened, &file, days)?);
    }
    let changes = if arguments.dry_run {
        plan(&opened, &file, arguments.prune)?
    } else {
        carry_out(&opened, &file, arguments.prune)?
    };
    print(&changes, arguments.dry_run);
    Ok(())
}

/// Reads an environment file; its warnings go to the log.
pub(super) fn read(path: &Path) -> Result<EnvironmentFile, Failure> {
    let file = EnvironmentFile::load(path, &|name| std::env::var(name).ok())?;
    for warning in &file.warnings {
        eprint_warning(warning);
    }
    Ok(file)
}

#[expect(clippy::print_stderr, reason = "the log may not run yet")]
fn eprint_warning(warning: &impl std::fmt::Display) {
    eprintln!("warning: {warning}");
}

/// Makes the database match `file`.
pub(super) fn carry_out(opened: &Opened, file: &EnvironmentFile, prune: bool) -> Result<Vec<Change>, Failure> {
    let master_key = opened.master_key()?;
    let keys = opened.key_maker(&master_key);
    Ok(apply(&ApplyContext { store: &opened.store, keys, prune }, file)?)
}

fn plan(opened: &Opened, file: &EnvironmentFile, prune: bool) -> Result<Vec<Change>, Failure> {
    let master_key = opened.master_key()?;
    let keys = opened.key_maker(&master_key);
    Ok(dry_run(&ApplyContext { store: &opened.store, keys, prune }, file)?)
}

fn try_on_records(opened: &Opened, file: &EnvironmentFile, days: u32) -> Result<Replay, Failure> {
    let master_key = opened.master_key()?;
    let keys = opened.key_maker(&master_key);
    let settings = &opened.settings.server;
    let public_url = settings.public_url_at(settings.listen);
    Ok(replay(&ApplyContext { store: &opened.store, keys, prune: false }, file, &public_url, days)?)
}

fn print(changes: &[Change], is_dry_run: bool) {
    changes.iter().for_each(say);
    let count = changes.len();
    say(match (count, is_dry_run) {
        (0, _) => "nothing to change".to_owned(),
        (_, true) => format!("{count} to change; nothing was changed (dry run)"),
        (_, false) => format!("{count} changed"),
    });
}
