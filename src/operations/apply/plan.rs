//! Compares a file with the database.

use std::collections::BTreeSet;

use super::{ApplyContext, ApplyError, Change, blocks::Block};
use crate::{
    domain::{
        client::{Client, ClientSecret},
        environment::{Application, Environment},
        random::{random_id, random_uuid},
        secret::SecretHash,
    },
    operations::environment_file::{ApplicationBlock, EnvironmentBlock, EnvironmentFile},
    store::{
        Conn, StoreError, applications,
        client_secrets::{self, SecretOrigin},
        clients::{self, ClientOrigin},
        environments, exchange_rules,
        exchange_rules::StoredRule,
        identity_connections, resource_servers, signing_keys,
        tenants::{self, Tenant},
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
    fn add<F>(&mut self, change: Change, step: F)
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
    let stored = applications::list(conn, &id)?;
    let wanted = wanted_applications(context, file, &stored)?;
    plan_blocks(&mut planned, context, stored, wanted);
    let stored = identity_connections::list(conn, &id)?;
    plan_blocks(&mut planned, context, stored, file.identity_connections.clone());
    let stored = exchange_rules::list(conn, &id)?;
    plan_blocks(&mut planned, context, stored, wanted_rules(file));
    plan_keys(conn, &mut planned, context, file)?;
    Ok(planned)
}

fn plan_environment(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
) -> Result<Planned, ApplyError> {
    let all: Vec<Environment> = environments::all(conn)?.into_iter().map(|stored| stored.environment).collect();
    let tenant = find_tenant(conn, block)?;
    // Without a word on the tenant it is the default environment's; a tenant that is named but not there has none.
    let unnamed = block.tenant_id.is_none() && block.tenant.is_none();
    let default = all.iter().find(|environment| environment.is_default).filter(|_| unnamed);
    let tenant_id = tenant.as_ref().map(|tenant| &tenant.id).or(default.map(|default| &default.tenant_id));
    let known = match &block.id {
        Some(id) => all.iter().find(|environment| environment.id == *id),
        None => {
            all.iter().find(|environment| Some(&environment.tenant_id) == tenant_id && environment.name == block.name)
        }
    };
    match known {
        Some(known) => plan_known_environment(context, block, known, tenant),
        None => plan_new_environment(context, block, &all, tenant),
    }
}

/// The tenant that the block names, if it names one and it is there.
fn find_tenant(conn: &mut Conn<'_>, block: &EnvironmentBlock) -> Result<Option<Tenant>, ApplyError> {
    Ok(match (&block.tenant_id, &block.tenant) {
        (Some(id), _) => tenants::find(conn, id)?,
        (None, Some(name)) => tenants::named(conn, name)?,
        (None, None) => None,
    })
}

fn plan_known_environment(
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
    known: &Environment,
    tenant: Option<Tenant>,
) -> Result<Planned, ApplyError> {
    let names_a_tenant = block.tenant_id.is_some() || block.tenant.is_some();
    if names_a_tenant && tenant.is_none_or(|tenant| tenant.id != known.tenant_id) {
        return Err(ApplyError::Contradiction(format!(
            "environment {} belongs to another tenant than the file says; an environment cannot move",
            known.id
        )));
    }
    let wanted = Environment {
        name: block.name.clone(),
        enabled: block.enabled,
        access_token_lifetime: block.access_token_lifetime,
        ..known.clone()
    };
    let mut planned = Planned { environment: wanted.clone(), changes: Vec::new(), steps: Vec::new() };
    let details = differences(&facts(known), &facts(&wanted));
    if !details.is_empty() {
        let longer = wanted.access_token_lifetime > known.access_token_lifetime;
        let now = context.keys.now;
        let change = Change { sign: '~', what: format!("environment {}", wanted.name), details };
        planned.add(change, move |conn| {
            environments::update(conn, &wanted)?;
            if longer {
                // Tokens issued until a key retires live longer now, and so must the key.
                extend_retiring_keys(conn, &wanted, now)?;
            }
            Ok(())
        });
    }
    Ok(planned)
}

fn extend_retiring_keys(conn: &mut Conn<'_>, environment: &Environment, now: i64) -> Result<(), StoreError> {
    for key in signing_keys::list(conn, &environment.id)? {
        if let Some(retires_at) = key.schedule.retires_at.filter(|retires_at| *retires_at > now) {
            let schedule = key.schedule.retiring_at(retires_at, environment.access_token_lifetime);
            signing_keys::update_schedule(conn, &environment.id, &key.kid, &schedule)?;
        }
    }
    Ok(())
}

fn plan_new_environment(
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
    all: &[Environment],
    tenant: Option<Tenant>,
) -> Result<Planned, ApplyError> {
    let now = context.keys.now;
    let id = block.id.clone().map_or_else(|| random_uuid(context.keys.random), Ok)?;
    let default = all.iter().find(|environment| environment.is_default);
    let named = block.tenant_id.is_some() || block.tenant.is_some();
    // Without a word on the tenant, a further environment joins the default one's.
    let (tenant_id, new_tenant) = match (tenant, default) {
        (Some(tenant), _) => (tenant.id, None),
        (None, Some(default)) if !named => (default.tenant_id.clone(), None),
        (None, _) => {
            let id = block.tenant_id.clone().map_or_else(|| random_uuid(context.keys.random), Ok)?;
            let name = block.tenant.clone().unwrap_or_else(|| block.name.clone());
            (id.clone(), Some(Tenant { id, name, created_at: now }))
        }
    };
    let environment = Environment {
        id,
        tenant_id,
        name: block.name.clone(),
        is_default: default.is_none(),
        enabled: block.enabled,
        access_token_lifetime: block.access_token_lifetime,
    };
    let mut planned = Planned { environment: environment.clone(), changes: Vec::new(), steps: Vec::new() };
    if let Some(tenant) = new_tenant {
        let change = Change { sign: '+', what: format!("tenant {}", tenant.name), details: Vec::new() };
        planned.add(change, move |conn| Ok(tenants::insert(conn, &tenant)?));
    }
    let change = Change { sign: '+', what: format!("environment {}", environment.name), details: Vec::new() };
    planned.add(change, move |conn| Ok(environments::insert(conn, &environment, now)?));
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
        .filter(|stored| stored.origin == ClientOrigin::File || in_file(&stored.client))
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

/// Applications without an id in the file keep the one they have, or get a new one.
fn wanted_applications(
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
    stored: &[Application],
) -> Result<Vec<Application>, ApplyError> {
    file.applications
        .iter()
        .map(|block| {
            let known = stored.iter().find(|known| known.name == block.name).map(|known| known.id.clone());
            check_application_id(file, block, known.as_deref())?;
            let id = block.id.clone().or(known).map_or_else(|| random_uuid(context.keys.random), Ok)?;
            let (name, platform) = (block.name.clone(), block.platform.clone());
            Ok(Application { id, name, platform, enabled: block.enabled })
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
        .chain([context.keys.default_alg])
        .collect();
    for alg in algs.into_iter().filter(|alg| !context.keys.can_sign(&stored, *alg)) {
        let key = context.keys.make(&planned.environment.id, alg, context.keys.now, &stored)?;
        let change = Change { sign: '+', what: format!("signing key {} ({})", key.kid, alg.as_str()), details: vec![] };
        planned.add(change, move |conn| Ok(signing_keys::insert(conn, &key)?));
    }
    Ok(())
}

type Facts = serde_json::Map<String, serde_json::Value>;

fn facts(environment: &Environment) -> Facts {
    Facts::from_iter([
        ("name".to_owned(), environment.name.clone().into()),
        ("enabled".to_owned(), environment.enabled.into()),
        ("access_token_lifetime".to_owned(), environment.access_token_lifetime.into()),
    ])
}

/// `field: old -> new` for each that differs.
fn differences(old: &Facts, new: &Facts) -> Vec<String> {
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let shown = |facts: &Facts, field: &str| facts.get(field).map_or_else(|| "none".to_owned(), ToString::to_string);
    fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field))
        .map(|field| format!("{field}: {} -> {}", shown(old, field), shown(new, field)))
        .collect()
}
