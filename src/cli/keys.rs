//! `tessera keys list|rotate|retire|revoke`.

use std::path::Path;

use clap::{Args, Subcommand};

use super::{exit::Failure, opened::Opened, say};
use crate::{
    domain::environment::SigningAlg,
    operations::{
        keys::{KeyMaker, list, retire, revoke, rotate},
        lookup::EnvironmentLookup,
    },
    store::signing_keys::StoredKey,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the keys, their states and when those change.
    List(Environment),
    /// Publish a new key; it takes over when every verifier can have seen it.
    Rotate {
        #[command(flatten)]
        environment: Environment,
        /// The algorithm (RS256, ES256, PS256, EdDSA); that of tokens.signing_alg when absent.
        #[arg(long, value_parser = alg)]
        alg: Option<SigningAlg>,
    },
    /// Stop signing with a key; its tokens stay good until they expire.
    Retire {
        #[command(flatten)]
        environment: Environment,
        /// The key. One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Remove a key at once, and with it every token signed by it. For a key that has leaked.
    Revoke {
        #[command(flatten)]
        environment: Environment,
        /// The key. One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Which environment.
#[derive(Debug, Args)]
pub(super) struct Environment {
    /// Name or id of the environment; the default one when absent.
    #[arg(long, value_name = "NAME|ID")]
    environment: Option<String>,
}

impl Environment {
    pub(super) fn lookup(&self) -> EnvironmentLookup {
        EnvironmentLookup(self.environment.clone())
    }
}

pub(super) fn run(config: Option<&Path>, command: Command) -> Result<(), Failure> {
    let opened = Opened::new(config)?;
    let master_key = opened.master_key()?;
    let maker = opened.key_maker(&master_key);
    match command {
        Command::List(environment) => {
            let (environment, keys) = list(&opened.store, &environment.lookup())?;
            say(format!("environment {} ({})", environment.name, environment.id));
            keys.iter().for_each(|key| say(describe(key, &maker)));
        }
        Command::Rotate { environment, alg } => {
            let alg = alg.unwrap_or(maker.default_alg);
            let key = rotate(&opened.store, &maker, &environment.lookup(), alg)?;
            say(describe(&key, &maker));
        }
        Command::Retire { environment, kid } => {
            let remaining = retire(&opened.store, &maker, &environment.lookup(), &kid)?;
            say(format!("{kid} signs no more"));
            if let Some(remaining) = remaining {
                say(format!("{remaining} goes on to sign"));
            }
        }
        Command::Revoke { environment, kid } => {
            let successor = revoke(&opened.store, &maker, &environment.lookup(), &kid)?;
            say(format!("{kid} is removed, and every token signed by it is refused"));
            if let Some(successor) = successor {
                say(format!("{successor} signs now"));
            }
        }
    }
    Ok(())
}

fn describe(key: &StoredKey, maker: &KeyMaker<'_>) -> String {
    let until = |moment: i64| moment - maker.now;
    let state = maker.state(key);
    let next = match (key.schedule.retires_at, key.schedule.removes_at) {
        _ if until(key.schedule.activates_at) > 0 => format!(", signs in {} s", until(key.schedule.activates_at)),
        (Some(retires_at), _) if until(retires_at) > 0 => format!(", retires in {} s", until(retires_at)),
        (_, Some(removes_at)) if until(removes_at) > 0 => format!(", is removed in {} s", until(removes_at)),
        _ => String::new(),
    };
    format!("{}  {}  {}{next}", key.kid, key.alg.as_str(), state.as_str())
}

fn alg(name: &str) -> Result<SigningAlg, String> {
    SigningAlg::from_name(name).ok_or_else(|| "use RS256, ES256, PS256 or EdDSA".to_owned())
}
