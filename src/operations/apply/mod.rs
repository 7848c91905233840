//! Makes the database match an environment file.
//!
//! [`plan`](plan::plan) compares the two and lists what has to change; [`apply`] carries the list out in one transaction.
//! A second run finds nothing to do. What a file no longer has is disabled, or deleted with `prune`; what was made by
//! command or through the management API is none of its business until it names it.

mod applications;
mod blocks;
mod connections;
mod environment;
mod permissions;
mod plan;
mod policies;
mod replay;
mod sealing;

use std::fmt;

pub use self::replay::{Difference, Outcome, Replay, replay};
use super::{
    environment_file::EnvironmentFile,
    keys::{KeyError, KeyMaker},
};
use crate::{
    domain::random::RandomError,
    jose::error::JoseError,
    store::{Store, StoreError, environments},
};

/// What it takes to apply a file.
pub struct ApplyContext<'a> {
    /// The database.
    pub store: &'a Store,
    /// Makes the signing keys that the file calls for.
    pub keys: KeyMaker<'a>,
    /// Deletes what the file no longer has, instead of disabling it.
    pub prune: bool,
    /// Hears how a large file gets on. Never called while the database is locked: what it writes to may stand still.
    pub progress: &'a dyn Fn(Progress),
}

/// How far a large file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many blocks are about to be compared with the database.
    Comparing(usize),
    /// So many changes are about to be written.
    Writing(usize),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Comparing(count) => write!(f, "comparing {count} blocks with the database"),
            Progress::Writing(count) => write!(f, "writing {count} changes"),
        }
    }
}

/// From how many blocks or changes on a file takes long enough to say how it gets on.
const MANY: usize = 1000;

/// Why a file cannot be applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No id can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The secret of a webhook or of a sign-in cannot be sealed.
    #[error("a secret cannot be sealed: {0}")]
    Seal(JoseError),
    /// The file contradicts the database.
    #[error("{0}")]
    Contradiction(String),
}

/// What changes, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `+`, `~` or `-`.
    pub sign: char,
    /// The kind of the thing that it is about, such as `secret of client`.
    pub kind: &'static str,
    /// The name of the thing.
    pub name: String,
    /// The fields that change.
    pub details: Vec<String>,
}

impl Change {
    /// Without fields: the thing as a whole.
    fn of(sign: char, kind: &'static str, name: impl Into<String>) -> Self {
        Self { sign, kind, name: name.into(), details: Vec::new() }
    }

    /// The thing that it is about.
    pub fn what(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign, self.what())?;
        self.details.iter().try_for_each(|detail| write!(f, "\n    {detail}"))
    }
}

/// What would change.
///
/// # Errors
/// The database fails, or the file contradicts it.
pub fn dry_run(context: &ApplyContext<'_>, file: &EnvironmentFile) -> Result<Vec<Change>, ApplyError> {
    context.store.snapshot(|conn| Ok(plan::plan(conn, context, file)?.changes))
}

/// Carries out what has to change, in one transaction, and says what it was. Each change has an audit record, in the same one.
///
/// SQLite has one writer. While this command is it, a server beside it can record nothing, and so issue nothing: all that takes
/// long comes before the transaction, which only writes.
///
/// # Errors
/// The database fails, or the file contradicts it. Nothing was changed then.
pub fn apply(context: &ApplyContext<'_>, file: &EnvironmentFile) -> Result<Vec<Change>, ApplyError> {
    tell(context, file.blocks(), Progress::Comparing);
    context.keys.operator.change_as_planned(
        context.store,
        "apply",
        |conn| {
            let planned = plan::plan(conn, context, file)?;
            let done = planned.done();
            Ok((planned, done))
        },
        |planned| {
            tell(context, planned.changes.len(), Progress::Writing);
            !planned.changes.is_empty()
        },
        |conn, planned| {
            // The new versions tell every node to look. They also lock the environments' rows, in one order for all: whoever
            // applied something in between is done now. Where there is no row yet there is nobody to wait for.
            for id in &planned.touched {
                environments::touch(conn, id, context.keys.now)?;
            }
            Ok(plan::versions(conn)? == planned.versions_when_touched())
        },
        |conn, planned| {
            for step in planned.steps {
                step(conn)?;
            }
            Ok(planned.changes)
        },
    )
}

fn tell(context: &ApplyContext<'_>, count: usize, progress: impl Fn(usize) -> Progress) {
    if count >= MANY {
        (context.progress)(progress(count));
    }
}
