//! Compares a file with the database.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    ApplyContext, ApplyError, Change,
    applications::plan_applications,
    blocks::Block,
    connections::plan_connections,
    environment::plan_environment,
    permissions::{Removed, plan_managed_services, plan_permissions, take_all},
};
use crate::{
    domain::{
        client::{Client, ClientSecret},
        environment::Environment,
        random::random_id,
        secret::SecretHash,
    },
    operations::{
        environment_file::EnvironmentFile,
        facts::{self as known, Differences},
        operator::Done,
    },
    store::{
        Conn, Origin, StoreError,
        client_secrets::{self, SecretOrigin},
        clients, environments, exchange_rules,
        exchange_rules::StoredRule,
        resource_servers, signing_keys,
    },
};

/// One write.
pub(super) type Step = Box<dyn FnOnce(&mut Conn<'_>) -> Result<(), ApplyError>>;

/// What has to change.
pub(super) struct Planned {
    /// The environment that the file is about, as it will be.
    pub environment: Environment,
    /// The environments that nodes have to load again: this one, and with its tenant all others of that.
    pub touched: BTreeSet<String>,
    /// The versions of all environments when they were looked at.
    versions: BTreeMap<String, i64>,
    /// For people.
    pub changes: Vec<Change>,
    /// For the database, in order.
    pub steps: Vec<Step>,
    /// For the audit log: one for each of `changes`.
    differences: Vec<Differences>,
}

impl Planned {
    /// Nothing, so far.
    pub(super) fn new(environment: Environment) -> Self {
        let touched = BTreeSet::from([environment.id.clone()]);
        let versions = BTreeMap::new();
        Self { environment, touched, versions, changes: Vec::new(), steps: Vec::new(), differences: Vec::new() }
    }

    /// The versions of all environments after those of this plan were touched, if nobody else changed one since it was made.
    pub(super) fn versions_when_touched(&self) -> BTreeMap<String, i64> {
        let touched = |(id, version): (&String, &i64)| (id.clone(), version + i64::from(self.touched.contains(id)));
        self.versions.iter().map(touched).collect()
    }

    pub(super) fn add<F>(&mut self, change: Change, step: F)
    where
        F: FnOnce(&mut Conn<'_>) -> Result<(), ApplyError> + 'static,
    {
        self.add_known(change, Differences::default(), step);
    }

    /// The same where it is known what the thing was and will be.
    pub(super) fn add_known<F>(&mut self, change: Change, differences: Differences, step: F)
    where
        F: FnOnce(&mut Conn<'_>) -> Result<(), ApplyError> + 'static,
    {
        self.note(change, differences);
        self.steps.push(Box::new(step));
    }

    /// Says what changes; the step is another one's, or added apart.
    fn note(&mut self, change: Change, differences: Differences) {
        self.changes.push(change);
        self.differences.push(differences);
    }

    /// What the audit log says of it.
    pub(super) fn done(&self) -> Vec<Done> {
        let done = |(change, differences): (&Change, &Differences)| Done {
            // Other fields are in `differences`, and what people read may be long.
            detail: (*differences == Differences::default()).then(|| change.to_string()),
            ..Done::to(&self.environment.id, change.what(), differences.clone())
        };
        self.changes.iter().zip(&self.differences).map(done).collect()
    }
}

/// What differs between the members of a thing as it was and as it will be.
pub(super) fn between(before: Option<&Facts>, after: Option<&Facts>) -> Differences {
    let [before, after] = [before, after].map(|members| members.cloned().map(known::Facts::new));
    Differences::between(before.as_ref(), after.as_ref())
}

/// Compares `file` with the database.
pub(super) fn plan(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<Planned, ApplyError> {
    let mut planned = plan_environment(conn, context, &file.environment)?;
    planned.versions = versions(conn)?;
    let id = planned.environment.id.clone();

    let removed = plan_permissions(conn, &mut planned, context, file)?;
    let stored = of_files(resource_servers::list(conn, &id)?);
    plan_blocks(&mut planned, context, stored, file.resource_servers.clone())?;
    plan_clients(conn, &mut planned, context, file, &removed)?;
    plan_managed_services(conn, &mut planned, context, file, &removed)?;
    plan_applications(conn, &mut planned, context, file)?;
    plan_connections(conn, &mut planned, context, file)?;
    let stored = of_files(exchange_rules::list(conn, &id)?);
    plan_blocks(&mut planned, context, stored, wanted_rules(file))?;
    plan_keys(conn, &mut planned, context, file)?;
    Ok(planned)
}

/// The versions of all environments. A change of anything that a plan looks at raises one.
pub(super) fn versions(conn: &mut Conn<'_>) -> Result<BTreeMap<String, i64>, StoreError> {
    Ok(environments::all(conn)?.into_iter().map(|stored| (stored.environment.id, stored.version)).collect())
}

/// Of the kinds that only files look after.
pub(super) fn of_files<B>(stored: Vec<B>) -> Vec<(B, Origin)> {
    stored.into_iter().map(|block| (block, Origin::File)).collect()
}

/// Compares the blocks of one kind. Those that a command or the management API made are left alone until the file names
/// them; from then on it looks after them.
pub(super) fn plan_blocks<B: Block>(
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    stored: Vec<(B, Origin)>,
    wanted: Vec<B>,
) -> Result<(), ApplyError> {
    let environment_id = planned.environment.id.clone();
    let now = context.keys.now;
    let upsert =
        |block: B, environment_id: String| move |conn: &mut Conn<'_>| Ok(block.upsert(conn, &environment_id, now)?);
    let in_file: HashSet<&str> = wanted.iter().map(Block::key).collect();
    let is_gone = |known: &B, origin: Origin| origin == Origin::File && !in_file.contains(known.key());
    // First what goes: a name that it had may be wanted again.
    for (known, _) in stored.iter().filter(|(known, origin)| is_gone(known, *origin)).cloned() {
        let name = known.name().to_owned();
        let environment_id = environment_id.clone();
        let before = known.facts();
        // One that were left behind disabled would be what the old spelling means, and take the tokens for it out of force.
        if context.prune || wanted.iter().any(|block| block.is_other_spelling_of(&known)) {
            let change = Change::of('-', B::KIND, name);
            let differences = between(Some(&before), None);
            planned.add_known(change, differences, move |conn| Ok(known.delete(conn, &environment_id)?));
        } else if known.enabled() {
            let mut disabled = known;
            disabled.disable();
            let differences = between(Some(&before), Some(&disabled.facts()));
            let details = vec!["enabled: true -> false (no longer in the file)".to_owned()];
            let change = Change { details, ..Change::of('~', B::KIND, name) };
            planned.add_known(change, differences, upsert(disabled, environment_id));
        }
    }
    let by_key: HashMap<&str, &(B, Origin)> = stored.iter().map(|known| (known.0.key(), known)).collect();
    let mut upserts = Vec::new();
    for block in &wanted {
        let known = by_key.get(block.key()).map(|(known, origin)| (known.facts(), *origin));
        let differences = between(known.as_ref().map(|(known, _)| known), Some(&block.facts()));
        if let Some(change) = change(B::KIND, block.name(), known, &block.facts()) {
            planned.note(change, differences);
            upserts.push(block.clone());
        }
    }
    if !upserts.is_empty() {
        planned.steps.push(B::upserts(upserts, environment_id, now)?);
    }
    Ok(())
}

/// What the change of something that the file names looks like; `None` when there is none. That a file looks after it from
/// now on is a change as well.
pub(super) fn change(kind: &'static str, name: &str, known: Option<(Facts, Origin)>, wanted: &Facts) -> Option<Change> {
    let Some((known, origin)) = known else { return Some(Change::of('+', kind, name)) };
    let mut details = differences(&known, wanted);
    if origin == Origin::Command {
        details.push("looked after by: command -> file".to_owned());
    }
    (!details.is_empty()).then(|| Change { details, ..Change::of('~', kind, name) })
}

/// What a client's secret is called.
const SECRET: &str = "secret of client";

fn plan_clients(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
    removed: &[Removed],
) -> Result<(), ApplyError> {
    let mut stored = clients::list(conn, &planned.environment.id)?;
    stored.iter_mut().for_each(|stored| take_all(removed, &mut stored.client.permissions));
    let stored: Vec<(Client, Origin)> = stored.into_iter().map(|stored| (stored.client, stored.origin)).collect();
    let wanted = file.clients.iter().map(|block| block.client.clone()).collect();
    plan_blocks(planned, context, stored.clone(), wanted)?;
    let by_id: HashMap<&str, &Client> = stored.iter().map(|(client, _)| (client.id.as_str(), client)).collect();
    let mut first = Vec::new();
    for block in &file.clients {
        let known = by_id.get(block.client.id.as_str()).copied();
        if let Some(hash) = block.secret.filter(|hash| !has_secret(known, hash)) {
            let secret = ClientSecret::new(random_id(context.keys.random)?, hash, None);
            match known {
                Some(known) => plan_secret(planned, context, known, secret),
                None => {
                    planned.note(Change::of('+', SECRET, &block.client.id), Differences::default());
                    first.push((block.client.id.clone(), secret));
                }
            }
        }
    }
    if !first.is_empty() {
        let id = planned.environment.id.clone();
        let insert = client_secrets::inserting(id, first, SecretOrigin::File, context.keys.now)?;
        planned.steps.push(Box::new(move |conn| Ok(insert(conn)?)));
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
fn plan_secret(planned: &mut Planned, context: &ApplyContext<'_>, known: &Client, secret: ClientSecret) {
    let now = context.keys.now;
    let change = Change::of(if known.secrets.is_empty() { '+' } else { '~' }, SECRET, &known.id);
    let (environment_id, client_id) = (planned.environment.id.clone(), known.id.clone());
    planned.add(change, move |conn| {
        let origin = SecretOrigin::File;
        Ok(client_secrets::replace(conn, &environment_id, &client_id, &secret, origin, now, now)?)
    });
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
        let key = context.keys.make(conn, &planned.environment.id, alg, context.keys.at_once(), &stored)?;
        let change = Change::of('+', "signing key", format!("{} ({})", key.kid, alg.as_str()));
        planned.add(change, move |conn| Ok(signing_keys::insert(conn, &key)?));
    }
    Ok(())
}

pub(super) type Facts = known::Members;

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
