//! `tessera service-account create|reset-secret|add-secret|secrets|expire-secret|list`.

use std::{
    io::{self, Write as _},
    path::Path,
};

use clap::Subcommand;

use super::{exit::Failure, keys::Environment, opened::Opened, say};
use crate::{
    domain::{
        client::{Access, Client, ClientKind, ClientSignIn, ExchangeError, Permissions},
        secret::Secret,
        timestamp::iso_8601_seconds,
    },
    oauth::{grant_type::GrantType, scope::Scope},
    operations::service_accounts::{add_secret, create, expire_secret, list, reset_secret, secrets},
    store::{client_secrets::StoredSecret, clients::StoredClient},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a service account and print its secret, once. One that an environment file made gets its secret so.
    Create {
        #[command(flatten)]
        environment: Environment,
        /// `client_id`.
        id: String,
        /// A name for people; the id when absent.
        #[arg(long)]
        name: Option<String>,
        /// What it may get: a target, and the scopes there. May be repeated.
        #[arg(long, value_name = "AUDIENCE=SCOPE,…", value_parser = access)]
        access: Vec<Access>,
        /// A permission for its tokens. May be repeated.
        #[arg(long, value_name = "SERVICE:KEY", value_parser = permission)]
        permission: Vec<(String, String)>,
    },
    /// Give a service account a new secret and print it, once.
    ResetSecret {
        #[command(flatten)]
        environment: Environment,
        /// `client_id`.
        id: String,
        /// How many seconds the present secret stays good beside the new one.
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=31_536_000))]
        keep_old: i64,
    },
    /// Give a service account a second secret and print it, once. The one it has stays good.
    AddSecret {
        #[command(flatten)]
        environment: Environment,
        /// `client_id`.
        id: String,
        /// After how many seconds the new secret expires; never when absent.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=315_360_000))]
        expires_in: Option<i64>,
    },
    /// Show the secrets of a service account: their ids, when they were made, when they expire and were last used.
    Secrets {
        #[command(flatten)]
        environment: Environment,
        /// `client_id`.
        id: String,
    },
    /// Let a secret of a service account expire.
    ExpireSecret {
        #[command(flatten)]
        environment: Environment,
        /// `client_id`.
        id: String,
        /// The id of the secret, as `secrets` shows it. One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        secret: String,
        /// How many seconds it stays good.
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=31_536_000))]
        keep: i64,
    },
    /// Show all service accounts.
    List(Environment),
}

pub(super) fn run(config: Option<&Path>, command: Command) -> Result<(), Failure> {
    let opened = Opened::new(config)?;
    let operator = opened.operator();
    match command {
        Command::Create { environment, id, name, access, permission } => {
            let client = client(id, name, access, permission)?;
            let show = |secret: &Secret| print_credentials(&client.id, secret);
            create(&opened.store, &operator, &environment.lookup(), &client, &show)?;
        }
        Command::ResetSecret { environment, id, keep_old } => {
            let show = |secret: &Secret| print_credentials(&id, secret);
            reset_secret(&opened.store, &operator, &environment.lookup(), &id, keep_old, &show)?;
        }
        Command::AddSecret { environment, id, expires_in } => {
            let expires_at = expires_in.map(|seconds| operator.now().saturating_add(seconds));
            let show = |secret: &Secret| print_credentials(&id, secret);
            add_secret(&opened.store, &operator, &environment.lookup(), &id, expires_at, &show)?;
        }
        Command::Secrets { environment, id } => {
            let all = secrets(&opened.store, &environment.lookup(), &id)?;
            all.iter().try_for_each(|stored| say(describe_secret(stored, opened.now())))?;
        }
        Command::ExpireSecret { environment, id, secret, keep } => {
            let now = opened.now();
            // Long ago, so that it is dead on nodes whose clocks are behind this one's too.
            let at = if keep == 0 { 0 } else { now.saturating_add(keep) };
            let all = expire_secret(&opened.store, &operator, &environment.lookup(), &id, &secret, at)?;
            all.iter().try_for_each(|stored| say(describe_secret(stored, now)))?;
        }
        Command::List(environment) => {
            let all = list(&opened.store, &environment.lookup())?;
            all.iter().try_for_each(|stored| say(describe(stored, opened.now())))?;
        }
    }
    Ok(())
}

/// A reader that has gone is a mistake here, unlike with [`say`]: the secret is shown once.
fn print_credentials(id: &str, secret: &Secret) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // In one piece, so that no half of it is printed.
    out.write_all(format!("client_id={id}\nclient_secret={}\n", secret.reveal()).as_bytes())?;
    out.flush()
}

fn client(
    id: String,
    name: Option<String>,
    access: Vec<Access>,
    permission: Vec<(String, String)>,
) -> Result<Client, Failure> {
    if !Client::is_id(&id) {
        return Err(Failure::refusal("a client id is 1 to 255 visible ASCII characters, without spaces"));
    }
    let mut permissions = Permissions::new();
    for (service, key) in permission {
        permissions.entry(service).or_default().push(key);
    }
    Ok(Client {
        name: name.unwrap_or_else(|| id.clone()),
        id,
        kind: ClientKind::ServiceAccount,
        enabled: true,
        grants: vec![GrantType::ClientCredentials],
        access,
        permissions,
        exchange_error: ExchangeError::default(),
        sign_in: ClientSignIn::default(),
        secrets: Vec::new(),
    })
}

fn describe(stored: &StoredClient, now: i64) -> String {
    let client = &stored.client;
    let active = client.secrets.iter().filter(|secret| secret.is_active(now)).count();
    let state = if client.enabled { "enabled" } else { "disabled" };
    let secrets = match active {
        0 => "no active secret".to_owned(),
        1 => "1 active secret".to_owned(),
        several => format!("{several} active secrets"),
    };
    format!("{}  {state}  {secrets}  {}", client.id, client.name)
}

/// Id, state, and when it was made, expires and was last used. Of the secret itself nothing is known.
fn describe_secret(stored: &StoredSecret, now: i64) -> String {
    let expires = match stored.secret.expires_at {
        // Ended by hand: when, nobody has written down.
        Some(0) => "expired".to_owned(),
        Some(at) if at <= now => format!("expired {}", iso_8601_seconds(at)),
        Some(at) => format!("active until {}", iso_8601_seconds(at)),
        None => "active".to_owned(),
    };
    let last_used = stored.last_used_at.map_or_else(|| "never".to_owned(), iso_8601_seconds);
    format!("{}  {expires}  created {}  last used {last_used}", stored.secret.id, iso_8601_seconds(stored.created_at))
}

fn access(text: &str) -> Result<Access, String> {
    let (audience, scopes) = text.split_once('=').unwrap_or((text, ""));
    let scopes = Scope::from_tokens(scopes.split(',').filter(|scope| !scope.is_empty())).map_err(|e| e.to_string())?;
    Ok(Access { audience: audience.to_owned(), scopes, default_scopes: None })
}

fn permission(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((service, key)) if !service.is_empty() && !key.is_empty() => Ok((service.to_owned(), key.to_owned())),
        _ => Err("write it as SERVICE:KEY".to_owned()),
    }
}
