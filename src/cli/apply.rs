//! `tessera apply FILE`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    exit::Failure,
    opened::{self, Opened},
    say, tell,
};
use crate::{
    operations::{
        apply::{ApplyContext, Change, Progress, Replay, apply, dry_run, replay},
        environment_file::EnvironmentFile,
    },
    store::environments,
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
    let settings = opened::settings(config)?;
    if let Some(database) = opened::missing_file(&settings).filter(|_| arguments.dry_run) {
        let database = opened::shown_path(&database);
        return say(format_args!(
            "there is no SQLite database at {database} yet: `tessera apply` would make it, with all that the file has; nothing was \
             changed (dry run)"
        ));
    }
    let opened = Opened::or_new(settings)?;
    warn_of_another_name(&opened, &file)?;
    if let Some(days) = arguments.replay {
        say(try_on_records(&opened, &file, days)?)?;
    }
    let changes = if arguments.dry_run {
        plan(&opened, &file, arguments.prune)?
    } else {
        carry_out(&opened, &file, arguments.prune)?
    };
    print(&changes, arguments.dry_run)
}

/// Reads an environment file; its warnings go to the log.
pub(super) fn read(path: &Path) -> Result<EnvironmentFile, Failure> {
    let file = EnvironmentFile::load(path, &|name| std::env::var(name).ok())?;
    for warning in &file.warnings {
        tell(format_args!("warning: {warning}"));
    }
    Ok(file)
}

/// An environment without an `id` is found by its name: another name is another environment, and the one before it goes on to serve.
fn warn_of_another_name(opened: &Opened, file: &EnvironmentFile) -> Result<(), Failure> {
    let wanted = &file.environment;
    let stored = opened.store.read(environments::all)?;
    let is_there = stored.iter().any(|stored| stored.environment.name == wanted.name);
    if wanted.id.is_none() && !is_there && !stored.is_empty() {
        let names: Vec<String> = stored.iter().map(|stored| format!("{:?}", stored.environment.name)).collect();
        tell(format_args!(
            "warning: environment {:?} is a new one beside {}; to rename one, give its id in [environment]",
            wanted.name,
            names.join(", ")
        ));
    }
    Ok(())
}

/// Makes the database match `file`.
pub(super) fn carry_out(opened: &Opened, file: &EnvironmentFile, prune: bool) -> Result<Vec<Change>, Failure> {
    let master_key = opened.master_key()?;
    let keys = opened.key_maker(&master_key);
    Ok(apply(&ApplyContext { store: &opened.store, keys, prune, progress: &progress }, file)?)
}

fn plan(opened: &Opened, file: &EnvironmentFile, prune: bool) -> Result<Vec<Change>, Failure> {
    let master_key = opened.passing_master_key()?;
    let keys = opened.key_maker(&master_key);
    Ok(dry_run(&ApplyContext { store: &opened.store, keys, prune, progress: &progress }, file)?)
}

fn try_on_records(opened: &Opened, file: &EnvironmentFile, days: u32) -> Result<Replay, Failure> {
    let master_key = opened.passing_master_key()?;
    let keys = opened.key_maker(&master_key);
    let settings = &opened.settings.server;
    let public_url = settings.public_url_at(settings.listen);
    let context = ApplyContext { store: &opened.store, keys, prune: false, progress: &progress };
    Ok(replay(&context, file, &public_url, days)?)
}

fn progress(so_far: Progress) {
    tell(so_far);
}

/// How many changes of one kind are listed one by one. Of more, a reader wants to know how many; the audit log has each.
const LISTED: usize = 100;

fn print(changes: &[Change], is_dry_run: bool) -> Result<(), Failure> {
    let mut kinds: BTreeMap<(&str, char), usize> = BTreeMap::new();
    changes.iter().for_each(|change| *kinds.entry((change.kind, change.sign)).or_default() += 1);
    // A dry run is there to be read, whole.
    let is_listed = |count: &usize| is_dry_run || *count <= LISTED;
    for change in changes.iter().filter(|change| kinds.get(&(change.kind, change.sign)).is_none_or(is_listed)) {
        say(change)?;
    }
    for ((kind, sign), count) in kinds.iter().filter(|(_, count)| **count > LISTED) {
        say(format_args!("{sign} {count} times: {kind}"))?;
    }
    let count = changes.len();
    say(match (count, is_dry_run) {
        (0, _) => "nothing to change".to_owned(),
        (_, true) => format!("{count} to change; nothing was changed (dry run)"),
        (_, false) => format!("{count} changed"),
    })
}
