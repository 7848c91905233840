//! `tessera keys list|rotate|retire|revoke|rewrap`.

use std::{path::Path, time::Duration};

use clap::{Args, Subcommand};

use super::{exit::Failure, opened::Opened, say};
use crate::{
    domain::{
        environment::{self, SigningAlg},
        signing_key::KeyState,
        timestamp::iso_8601_seconds,
    },
    operations::{
        keys::{KeyMaker, list, retire, revoke, rewrap, rotate},
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
    /// Seal every private key and webhook secret of every environment under keys.master_key that is sealed under
    /// keys.previous_master_key.
    Rewrap,
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
            say(format!("environment {} ({})", environment.name, environment.id))?;
            let interval = opened.settings.keys.rotation_interval;
            keys.iter().try_for_each(|key| say(describe(key, &environment, &maker, interval)))?;
        }
        Command::Rotate { environment, alg } => {
            let alg = alg.unwrap_or(maker.default_alg);
            let lookup = environment.lookup();
            let key = rotate(&opened.store, &maker, &lookup, alg)?;
            let (environment, _) = list(&opened.store, &lookup)?;
            say(describe(&key, &environment, &maker, None))?;
        }
        Command::Retire { environment, kid } => {
            let remaining = retire(&opened.store, &maker, &environment.lookup(), &kid)?;
            say(format!("{kid} signs no more"))?;
            if let Some(remaining) = remaining {
                say(format!("{remaining} goes on to sign"))?;
            }
        }
        Command::Revoke { environment, kid } => {
            let successor = revoke(&opened.store, &maker, &environment.lookup(), &kid)?;
            say(format!("{kid} is removed, and every token signed by it is refused"))?;
            if let Some(successor) = successor {
                say(format!("{successor} signs now"))?;
            }
        }
        Command::Rewrap => {
            if !master_key.has_previous() {
                return Err(Failure::refusal(
                    "there is nothing to do without keys.previous_master_key: give the new key as keys.master_key, the one \
                     before it as keys.previous_master_key, and restart all nodes with both",
                ));
            }
            let done = rewrap(&opened.store, &maker)?;
            say(format!("{done} sealed under keys.master_key"))?;
            if done.is_nothing() {
                say(
                    "nothing is sealed under keys.previous_master_key any more: take it out of the settings of all nodes",
                )?;
            }
        }
    }
    Ok(())
}

/// Id, algorithm, state and how soon it changes; when that is; and when the last token under the key will have expired.
fn describe(
    key: &StoredKey,
    environment: &environment::Environment,
    maker: &KeyMaker<'_>,
    interval: Option<Duration>,
) -> String {
    let schedule = &key.schedule;
    let rotates_at = interval
        .and_then(|interval| i64::try_from(interval.as_secs()).ok())
        .filter(|_| maker.state(key) == KeyState::Active && schedule.retires_at.is_none())
        .map(|interval| schedule.created_at.saturating_add(interval));
    let changes = [
        ("signs", Some(schedule.activates_at)),
        ("retires", schedule.retires_at),
        ("is removed", schedule.removes_at),
        ("rotates", rotates_at),
    ];
    let next = changes.into_iter().find_map(|(what, at)| Some((what, at.filter(|at| *at > maker.now)?)));
    let (soon, at) = match next {
        Some((what, at)) => (format!(", {what} in {} s", at - maker.now), iso_8601_seconds(at)),
        None => (String::new(), "-".to_owned()),
    };
    let tokens = match schedule.last_expiry(environment.access_token_lifetime, maker.now) {
        Some(expiry) => format!("tokens until {}", iso_8601_seconds(expiry)),
        None => "no tokens".to_owned(),
    };
    format!("{}  {}  {}{soon}  {at}  {tokens}", key.kid, key.alg.as_str(), maker.state(key).as_str())
}

fn alg(name: &str) -> Result<SigningAlg, String> {
    SigningAlg::from_name(name).ok_or_else(|| "use RS256, ES256, PS256 or EdDSA".to_owned())
}
