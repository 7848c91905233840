//! Compares applications with the database, with their keys and webhooks.

use std::collections::BTreeSet;

use super::{
    ApplyContext, ApplyError, Change,
    blocks::Block as _,
    plan::{Planned, plan_blocks},
    sealing::kept_secret,
};
use crate::{
    domain::{
        application::{Application, Webhook},
        random::random_uuid,
        secret::SecretHash,
    },
    jose::master_key::webhook_secret_aad,
    operations::environment_file::{ApplicationBlock, EnvironmentFile, WebhookBlock},
    store::{Conn, applications, clients},
};

pub(super) fn plan_applications(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<(), ApplyError> {
    let environment_id = planned.environment.id.clone();
    let now = context.keys.now;
    let stored = applications::list(conn, &environment_id)?;
    let stored: Vec<_> = stored.into_iter().map(|stored| (stored.application, stored.origin)).collect();
    let known: Vec<&Application> = stored.iter().map(|(application, _)| application).collect();
    let mut wanted = Vec::new();
    let mut secrets = Vec::new();
    for block in &file.applications {
        let known = known.iter().copied().find(|known| known.name == block.name);
        let application = wanted_application(conn, context, &environment_id, block, known)?;
        secrets.extend(secret_changes(&application, known).into_iter().map(|change| (change, application.clone())));
        wanted.push(application);
    }
    check_ids_apart(conn, &environment_id, file, known.iter().copied().chain(&wanted))?;
    plan_blocks(planned, context, stored, wanted)?;
    for (change, application) in secrets {
        let environment_id = environment_id.clone();
        planned.add(change, move |conn| Ok(application.upsert(conn, &environment_id, now)?));
    }
    Ok(())
}

/// An application without an id in the file keeps the one it has, or gets a new one.
fn wanted_application(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    environment_id: &str,
    block: &ApplicationBlock,
    known: Option<&Application>,
) -> Result<Application, ApplyError> {
    let known_id = known.map(|known| known.id.clone());
    check_same_id(block, known_id.as_deref())?;
    let id = block.id.clone().or(known_id).map_or_else(|| random_uuid(context.keys.random), Ok)?;
    let known_webhook = known.and_then(|known| known.webhook.as_ref());
    let webhook = match &block.webhook {
        Some(wanted) => Some(wanted_webhook(conn, context, [environment_id, &id], wanted, known_webhook)?),
        // One that was set by command is none of the file's business until it names one.
        None => known_webhook.filter(|known| !known.managed_by_file).cloned(),
    };
    Ok(Application {
        id,
        name: block.name.clone(),
        platform: block.platform.clone(),
        enabled: block.enabled,
        allowed_origins: block.allowed_origins.clone(),
        allowed_proxy_urls: block.allowed_proxy_urls.clone(),
        key: block.key.or(known.and_then(|known| known.key)),
        webhook,
        // Like the key: what the file says nothing of is left as it is.
        login: block.login.as_ref().or(known.map(|known| &known.login)).cloned().unwrap_or_default(),
        users_join: block.users_join,
    })
}

fn wanted_webhook(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    [environment_id, application_id]: [&str; 2],
    wanted: &WebhookBlock,
    known: Option<&Webhook>,
) -> Result<Webhook, ApplyError> {
    let known = known.map(|known| (&known.secret_sha256, known.sealed_secret.as_slice()));
    let aad = webhook_secret_aad(environment_id, application_id);
    let (secret_sha256, sealed_secret) = kept_secret(conn, context, environment_id, &wanted.secret, known, &aad)?;
    let (url, on_failure) = (wanted.url.clone(), wanted.on_failure);
    Ok(Webhook { url, on_failure, secret_sha256, managed_by_file: true, sealed_secret })
}

/// A changed key or secret is a change of its own, because a plan shows neither it nor its hash.
fn secret_changes(wanted: &Application, known: Option<&Application>) -> Vec<Change> {
    let name = &wanted.name;
    let secret = |application: &Application| application.webhook.as_ref().map(|webhook| webhook.secret_sha256);
    let pairs = [
        ("key of application", wanted.key, known.and_then(|known| known.key)),
        ("webhook secret of application", secret(wanted), known.and_then(secret)),
    ];
    let differs = |wanted: &SecretHash, known: Option<SecretHash>| known.is_none_or(|known| !known.equals(wanted));
    pairs
        .into_iter()
        .filter(|(_, wanted, known)| wanted.is_some_and(|wanted| differs(&wanted, *known)))
        .map(|(kind, _, known)| Change::of(if known.is_some() { '~' } else { '+' }, kind, name))
        .collect()
}

/// Tokens carry the id of their application: it cannot change.
fn check_same_id(block: &ApplicationBlock, known: Option<&str>) -> Result<(), ApplyError> {
    if let (Some(given), Some(known)) = (block.id.as_deref(), known)
        && given != known
    {
        let name = &block.name;
        return Err(ApplyError::Contradiction(format!(
            "application {name:?} has the id {known}; it cannot become {given}"
        )));
    }
    Ok(())
}

/// Tokens name clients and applications in the same place, so that no id may be both, whoever made either.
fn check_ids_apart<'a>(
    conn: &mut Conn<'_>,
    environment_id: &str,
    file: &EnvironmentFile,
    mut applications: impl Iterator<Item = &'a Application>,
) -> Result<(), ApplyError> {
    let in_file = file.clients.iter().map(|block| block.client.id.clone());
    let stored = clients::list(conn, environment_id)?.into_iter().map(|stored| stored.client.id);
    let clients: BTreeSet<String> = in_file.chain(stored).collect();
    match applications.find(|application| clients.contains(&application.id)) {
        None => Ok(()),
        Some(application) => {
            let name = &application.name;
            Err(ApplyError::Contradiction(format!("application {name:?} and a client have the same id")))
        }
    }
}
