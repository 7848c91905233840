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

use std::{collections::BTreeSet, fmt};

pub use self::replay::{Difference, Outcome, Replay, replay};
use super::{
    environment_file::EnvironmentFile,
    keys::{KeyError, KeyMaker},
};
use crate::{
    domain::random::RandomError,
    jose::error::JoseError,
    store::{Conn, Store, StoreError, environments},
};

/// What it takes to apply a file.
pub struct ApplyContext<'a> {
    /// The database.
    pub store: &'a Store,
    /// Makes the signing keys that the file calls for.
    pub keys: KeyMaker<'a>,
    /// Deletes what the file no longer has, instead of disabling it.
    pub prune: bool,
}

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
    /// What it is about.
    pub what: String,
    /// The fields that change.
    pub details: Vec<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign, self.what)?;
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
/// # Errors
/// The database fails, or the file contradicts it. Nothing was changed then.
pub fn apply(context: &ApplyContext<'_>, file: &EnvironmentFile) -> Result<Vec<Change>, ApplyError> {
    context.keys.operator.change(context.store, "apply", |conn| {
        let mut planned = plan::plan(conn, context, file)?;
        if planned.changes.is_empty() {
            return Ok((planned.changes, Vec::new()));
        }
        // The new versions tell every node to look. They also lock the environments' rows, in one order for all: whoever
        // applied something in between is done now, and the plan is made again on what they left. Where there is no row
        // yet there is nobody to wait for.
        if touch(conn, &planned.touched, context)? {
            let touched = planned.touched;
            planned = plan::plan(conn, context, file)?;
            touch(conn, &(&planned.touched - &touched), context)?;
        }
        let done = planned.done();
        for step in planned.steps {
            step(conn)?;
        }
        Ok((planned.changes, done))
    })
}

/// Whether one of them was there.
fn touch(conn: &mut Conn<'_>, ids: &BTreeSet<String>, context: &ApplyContext<'_>) -> Result<bool, StoreError> {
    let mut found = false;
    for id in ids {
        found |= environments::touch(conn, id, context.keys.now)?;
    }
    Ok(found)
}
