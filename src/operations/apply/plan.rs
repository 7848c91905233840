//! Compares a file with the database.

use std::collections::BTreeSet;

use super::{ApplyContext, ApplyError, Change, blocks::Block, environment::plan_environment};
use crate::{
    domain::{
        application::Application,
        client::{Client, ClientSecret},
        environment::Environment,
        random::{random_id, random_uuid},
        secret::SecretHash,
    },
    operations::environment_file::{ApplicationBlock, EnvironmentFile},
    store::{
        Conn, Origin, applications,
        client_secrets::{self, SecretOrigin},
        clients, exchange_rules,
        exchange_rules::StoredRule,
        identity_connections, resource_servers, signing_keys,
    },
};

/// One write.
pub(super) type Step = Box<dyn FnOnce(&mut Conn<'_>) -> Result<(), ApplyError>>;

/// What has to change.
pub(super) struct Planned {
    /// The environment that the file is about, as it will be.
    pub environment: Environment,
    /// For people.
    pub changes: Vec<Change>,
    /// For the database, in order.
    pub steps: Vec<Step>,
}

impl Planned {
    pub(super) fn add<F>(&mut self, change: Change, step: F)
    where
        F: FnOnce(&mut Conn<'_>) -> Result<(), ApplyError> + 'static,
    {
        self.changes.push(change);
        self.steps.push(Box::new(step));
    }
}

/// Compares `file` with the database.
pub(super) fn plan(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<Planned, ApplyError> {
    let mut planned = plan_environment(conn, context, &file.environment)?;
    let id = planned.environment.id.clone();

    let stored = resource_servers::list(conn, &id)?;
    plan_blocks(&mut planned, context, stored, file.resource_servers.clone());
    plan_clients(conn, &mut planned, context, file)?;
    plan_applications(conn, &mut planned, context, file)?;
    let in_file = |name: &str| file.identity_connections.iter().any(|block| block.name == name);
    let stored = identity_connections::list(conn, &id)?
        .into_iter()
        .filter(|stored| stored.origin == Origin::File || in_file(&stored.connection.name))
        .map(|stored| stored.connection)
        .collect();
    plan_blocks(&mut planned, context, stored, file.identity_connections.clone());
    let stored = exchange_rules::list(conn, &id)?;
    plan_blocks(&mut planned, context, stored, wanted_rules(file));
    plan_keys(conn, &mut planned, context, file)?;
    Ok(planned)
}

/// Compares the blocks of one kind.
fn plan_blocks<B: Block>(planned: &mut Planned, context: &ApplyContext<'_>, stored: Vec<B>, wanted: Vec<B>) {
    let environment_id = planned.environment.id.clone();
    let now = context.keys.now;
    let upsert =
        |block: B, environment_id: String| move |conn: &mut Conn<'_>| Ok(block.upsert(conn, &environment_id, now)?);
    // First what goes: a name that it had may be wanted again.
    for known in stored.iter().filter(|known| !wanted.iter().any(|block| block.key() == known.key())).cloned() {
        let what = format!("{} {}", B::KIND, known.name());
        let environment_id = environment_id.clone();
        if context.prune {
            let change = Change { sign: '-', what, details: Vec::new() };
            planned.add(change, move |conn| Ok(known.delete(conn, &environment_id)?));
        } else if known.enabled() {
            let mut disabled = known;
            disabled.disable();
            let details = vec!["enabled: true -> false (no longer in the file)".to_owned()];
            planned.add(Change { sign: '~', what, details }, upsert(disabled, environment_id));
        }
    }
    for block in &wanted {
        let known = stored.iter().find(|known| known.key() == block.key());
        let what = format!("{} {}", B::KIND, block.name());
        let change = match known {
            None => Change { sign: '+', what, details: Vec::new() },
            Some(known) => Change { sign: '~', what, details: differences(&known.facts(), &block.facts()) },
        };
        if known.is_none() || !change.details.is_empty() {
            planned.add(change, upsert(block.clone(), environment_id.clone()));
        }
    }
}

fn plan_clients(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<(), ApplyError> {
    let id = planned.environment.id.clone();
    let in_file = |client: &Client| file.clients.iter().any(|block| block.client.id == client.id);
    let stored: Vec<Client> = clients::list(conn, &id)?
        .into_iter()
        .filter(|stored| stored.origin == Origin::File || in_file(&stored.client))
        .map(|stored| stored.client)
        .collect();
    let wanted = file.clients.iter().map(|block| block.client.clone()).collect();
    plan_blocks(planned, context, stored.clone(), wanted);
    for block in &file.clients {
        let known = stored.iter().find(|client| client.id == block.client.id);
        if let Some(hash) = block.secret.filter(|hash| !has_secret(known, hash)) {
            plan_secret(planned, context, &block.client.id, hash, known)?;
        }
    }
    Ok(())
}

fn has_secret(client: Option<&Client>, hash: &SecretHash) -> bool {
    // Also one that has expired since: after a reset by command, the secret that was replaced (because it leaked?) must not
    // come back with the next run of an unchanged file.
    client.is_some_and(|client| client.secrets.iter().any(|secret| secret.hash.equals(hash)))
}

/// The file's secret takes the place of all others at once: if it was changed because the old one leaked, the old one
/// must not live on.
fn plan_secret(
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    client_id: &str,
    hash: SecretHash,
    known: Option<&Client>,
) -> Result<(), ApplyError> {
    let now = context.keys.now;
    let secret = ClientSecret { id: random_id(context.keys.random)?, hash, expires_at: None };
    let sign = if known.is_some_and(|client| !client.secrets.is_empty()) { '~' } else { '+' };
    let change = Change { sign, what: format!("secret of client {client_id}"), details: Vec::new() };
    let (environment_id, client_id) = (planned.environment.id.clone(), client_id.to_owned());
    planned.add(change, move |conn| {
        let origin = SecretOrigin::File;
        Ok(client_secrets::replace(conn, &environment_id, &client_id, &secret, origin, now, now)?)
    });
    Ok(())
}

fn plan_applications(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<(), ApplyError> {
    let in_file = |name: &str| file.applications.iter().any(|block| block.name == name);
    let stored: Vec<Application> = applications::list(conn, &planned.environment.id)?
        .into_iter()
        .filter(|stored| stored.origin == Origin::File || in_file(&stored.application.name))
        .map(|stored| stored.application)
        .collect();
    let wanted = wanted_applications(context, file, &stored)?;
    plan_blocks(planned, context, stored, wanted);
    Ok(())
}

/// Applications without an id in the file keep the one they have, or get a new one.
fn wanted_applications(
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
    stored: &[Application],
) -> Result<Vec<Application>, ApplyError> {
    file.applications
        .iter()
        .map(|block| {
            let known = stored.iter().find(|known| known.name == block.name);
            let known_id = known.map(|known| known.id.clone());
            check_application_id(file, block, known_id.as_deref())?;
            let id = block.id.clone().or(known_id).map_or_else(|| random_uuid(context.keys.random), Ok)?;
            let (name, platform) = (block.name.clone(), block.platform.clone());
            Ok(Application {
                id,
                name,
                platform,
                enabled: block.enabled,
                allowed_origins: Vec::new(),
                allowed_proxy_urls: Vec::new(),
                key: known.and_then(|known| known.key),
                webhook: known.and_then(|known| known.webhook.clone()),
            })
        })
        .collect()
}

/// Tokens carry the id of their application, and that of the client beside it: it can neither change nor be both.
fn check_application_id(
    file: &EnvironmentFile,
    block: &ApplicationBlock,
    known: Option<&str>,
) -> Result<(), ApplyError> {
    let id = block.id.as_deref();
    if let (Some(given), Some(known)) = (id, known)
        && given != known
    {
        let name = &block.name;
        return Err(ApplyError::Contradiction(format!(
            "application {name:?} has the id {known}; it cannot become {given}"
        )));
    }
    if file.clients.iter().any(|client| Some(client.client.id.as_str()) == id.or(known)) {
        return Err(ApplyError::Contradiction(format!("application {:?} and a client have the same id", block.name)));
    }
    Ok(())
}

fn wanted_rules(file: &EnvironmentFile) -> Vec<StoredRule> {
    (0..)
        .zip(&file.exchange_rules)
        .map(|(position, block)| StoredRule { rule: block.rule.clone(), position, enabled: block.enabled })
        .collect()
}

/// Every algorithm that tokens will be signed with needs a key that signs.
fn plan_keys(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<(), ApplyError> {
    let stored = signing_keys::list(conn, &planned.environment.id)?;
    let algs: BTreeSet<_> = file
        .resource_servers
        .iter()
        .filter_map(|server| server.signing_alg)
        .chain(context.keys.needed_algs())
        .collect();
    for alg in algs.into_iter().filter(|alg| !context.keys.can_sign(&stored, *alg)) {
        let key = context.keys.make(&planned.environment.id, alg, context.keys.at_once(), &stored)?;
        let change = Change { sign: '+', what: format!("signing key {} ({})", key.kid, alg.as_str()), details: vec![] };
        planned.add(change, move |conn| Ok(signing_keys::insert(conn, &key)?));
    }
    Ok(())
}

pub(super) type Facts = serde_json::Map<String, serde_json::Value>;

/// `field: old -> new` for each that differs.
pub(super) fn differences(old: &Facts, new: &Facts) -> Vec<String> {
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let shown = |facts: &Facts, field: &str| facts.get(field).map_or_else(|| "none".to_owned(), ToString::to_string);
    fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field))
        .map(|field| format!("{field}: {} -> {}", shown(old, field), shown(new, field)))
        .collect()
}
