//! `tessera session list|revoke`.

use std::path::Path;

use clap::{Args, Subcommand};

use super::{exit::Failure, keys::Environment, opened::Opened, say};
use crate::{
    domain::timestamp::iso_8601_seconds,
    operations::backend::kept_sessions::{KeptSession, Which, end_at, list_at},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the sessions of a user that are not over, oldest first.
    List {
        #[command(flatten)]
        environment: Environment,
        /// The id of the user.
        #[arg(long, value_name = "ID")]
        user: String,
    },
    /// End a session, or all of a user, with every token that came of them.
    Revoke {
        #[command(flatten)]
        environment: Environment,
        #[command(flatten)]
        named: Named,
    },
}

/// Which sessions.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(super) struct Named {
    /// The id of the session (`sid` of its tokens).
    id: Option<String>,
    /// All of this user.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
}

pub(super) fn run(config: Option<&Path>, command: Command) -> Result<(), Failure> {
    let opened = Opened::new(config)?;
    match command {
        Command::List { environment, user } => {
            let sessions = list_at(&opened.store, &environment.lookup(), &user, opened.now())?;
            sessions.iter().try_for_each(|session| say(describe(session)))?;
        }
        Command::Revoke { environment, named } => {
            let which = match named {
                Named { id: Some(id), .. } => Which::One(id),
                Named { user: Some(user), .. } => Which::AllOf(user),
                Named { id: None, user: None } => return Err(Failure::refusal("give an id or --user")),
            };
            let (environment, ended) = end_at(&opened.store, &opened.operator(), &environment.lookup(), &which)?;
            say(format!("sessions ended in environment {}: {ended}", environment.name))?;
        }
    }
    Ok(())
}

fn describe(KeptSession { session, clients }: &KeptSession) -> String {
    let (begun, until) = (iso_8601_seconds(session.created_at), session.idle_expires_at.min(session.expires_at));
    let (amr, until) = (session.amr().join(","), iso_8601_seconds(until));
    format!("{}  since {begun}  until {until}  by {amr}  clients {}", session.id, clients.join(","))
}
