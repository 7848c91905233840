//! `tessera revoke token|session|subject|client`.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};

use super::{exit::Failure, keys::Environment, opened::Opened, say};
use crate::{
    app,
    catalog::environment::EnvironmentSnapshot,
    domain::{pasted::pasted_token, revocation::RevocationKind},
    operations::{
        lookup::EnvironmentLookup,
        revoke::{RevokeError, revoke_at},
    },
    store::Conn,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Revoke one token, and all that came of it.
    Token {
        #[command(flatten)]
        environment: Environment,
        #[command(flatten)]
        token: Token,
    },
    /// Revoke the tokens of a session.
    Session {
        #[command(flatten)]
        environment: Environment,
        /// Its id (`sid` or `sessionId` of its tokens).
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Revoke the tokens of a subject that were issued until now, those in which it acts, and all that came of them.
    Subject {
        #[command(flatten)]
        environment: Environment,
        /// Its `sub`: the id of a user, of a service account or of a workload.
        #[arg(allow_hyphen_values = true)]
        subject: String,
    },
    /// Revoke the tokens that were issued to a client until now, and all that came of them.
    Client {
        #[command(flatten)]
        environment: Environment,
        /// `client_id`.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

/// Which token.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(super) struct Token {
    /// Its `jti`. One in 64 begins with a hyphen. Of a foreign token, the `fgn-…` id of the audit record.
    #[arg(allow_hyphen_values = true)]
    jti: Option<String>,
    /// A file with the token itself; `-` for standard input. Never as an argument, which others can see.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(super) fn run(config: Option<&Path>, command: Command) -> Result<(), Failure> {
    let opened = Opened::new(config)?;
    match command {
        Command::Token { environment, token } => {
            let (jti, expires_at) = which(&opened, &environment.lookup(), token)?;
            let kind = RevocationKind::Token;
            let name = revoke(&opened, &environment.lookup(), kind, &jti, expires_at)?;
            say(format!("token {jti} of environment {name} is revoked, with all that came of it"))?;
        }
        Command::Session { environment, id } => {
            let name = revoke(&opened, &environment.lookup(), RevocationKind::Session, &id, None)?;
            say(format!("the tokens of session {id} of environment {name} are revoked"))?;
        }
        Command::Subject { environment, subject } => {
            let name = revoke(&opened, &environment.lookup(), RevocationKind::Subject, &subject, None)?;
            say(format!(
                "the tokens of subject {subject} of environment {name} that were issued until now are revoked"
            ))?;
            say("it can get new ones; a user who is to get none must be disabled")?;
        }
        Command::Client { environment, id } => {
            let name = revoke(&opened, &environment.lookup(), RevocationKind::Client, &id, None)?;
            say(format!("the tokens of client {id} of environment {name} that were issued until now are revoked"))?;
            say("it can get new ones; a client that is to get none must be disabled")?;
        }
    }
    Ok(())
}

/// Id of a token, and its expiry where that is known.
fn which(opened: &Opened, lookup: &EnvironmentLookup, token: Token) -> Result<(String, Option<i64>), Failure> {
    match token {
        Token { jti: Some(jti), .. } => Ok((jti, None)),
        Token { token_file: Some(file), .. } => {
            read_token(opened, lookup, &file).map(|(jti, expires_at)| (jti, Some(expires_at)))
        }
        Token { jti: None, token_file: None } => Err(Failure::refusal("give a jti or --token-file")),
    }
}

/// Gives the name of the environment.
fn revoke(
    opened: &Opened,
    lookup: &EnvironmentLookup,
    kind: RevocationKind,
    value: &str,
    expires_at: Option<i64>,
) -> Result<String, RevokeError> {
    revoke_at(&opened.store, &opened.operator(), lookup, kind, value, expires_at).map(|environment| environment.name)
}

/// Id and expiry of the token in a file.
fn read_token(opened: &Opened, lookup: &EnvironmentLookup, file: &Path) -> Result<(String, i64), Failure> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| Failure::refusal(format!("{}: {error}", file.display())))?;
    let environment = snapshot(opened, lookup)?;
    let verified = environment.verify(pasted_token(&text), opened.now());
    let verified = verified.map_err(|error| Failure::refusal(format!("not a token in force: {error}")))?;
    Ok((verified.jti.clone(), verified.exp))
}

/// The environment with its keys.
fn snapshot(opened: &Opened, lookup: &EnvironmentLookup) -> Result<Arc<EnvironmentSnapshot>, Failure> {
    let (settings, sources) = (&opened.settings, &opened.sources);
    let public_url = settings.server.public_url_at(settings.server.listen);
    let catalog = app::load_catalog(settings, sources, &opened.store, opened.master_key()?, public_url)?;
    let environment = opened.store.read(|conn: &mut Conn<'_>| lookup.find(conn))?;
    let found = environment.and_then(|environment| catalog.environment_by_id(&environment.id));
    found.ok_or_else(|| Failure::refusal(lookup.not_found()))
}
