//! Compares permissions and managed services with the database.

use super::{
    ApplyContext, ApplyError, Change,
    plan::{Planned, between, change, of_files, plan_blocks},
};
use crate::{
    domain::{
        client::Permissions,
        permission::{ManagedService, has},
    },
    operations::{
        environment_file::{EnvironmentFile, ManagedServiceBlock},
        facts::members_of,
        permissions::{remove, take},
    },
    store::{Conn, Origin, clients, environments, managed_services, permissions},
};

/// A permission that goes: its service and its key.
#[derive(Debug, Clone)]
pub(super) struct Removed {
    service_id: String,
    key: String,
}

/// What somebody still has when these are gone.
pub(super) fn take_all(removed: &[Removed], held: &mut Permissions) {
    for gone in removed {
        take(held, &gone.service_id, std::slice::from_ref(&gone.key));
    }
}

/// Says which permissions go, so that whoever has them is compared as they will be. A permission is not disabled: who
/// would see that a key in a token no longer counts?
pub(super) fn plan_permissions(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
) -> Result<Vec<Removed>, ApplyError> {
    let environment_id = planned.environment.id.clone();
    let now = context.keys.now;
    let stored = permissions::list(conn, &environment_id)?;
    let mut all_removed = Vec::new();
    for known in stored.iter().filter(|known| known.origin == Origin::File) {
        let (service_id, key) = (&known.definition.service_id, &known.definition.key);
        if file.permissions.iter().any(|wanted| wanted.service_id == *service_id && wanted.key == *key) {
            continue;
        }
        let gone = Removed { service_id: service_id.clone(), key: key.clone() };
        all_removed.push(gone.clone());
        let details = holders(conn, &environment_id, &gone, file)?;
        let change = Change { details, ..Change::of('-', "permission", format!("{service_id}:{key}")) };
        let environment_id = environment_id.clone();
        let differences = between(Some(&members_of(&known.definition)), None);
        planned.add_known(change, differences, move |conn| {
            Ok(remove(conn, &environment_id, &gone.service_id, &[gone.key], now)?)
        });
    }
    for wanted in &file.permissions {
        let is_same = |known: &&permissions::StoredPermission| {
            known.definition.service_id == wanted.service_id && known.definition.key == wanted.key
        };
        let known = stored.iter().find(is_same).map(|known| (members_of(&known.definition), known.origin));
        let name = format!("{}:{}", wanted.service_id, wanted.key);
        let differences = between(known.as_ref().map(|(known, _)| known), Some(&members_of(wanted)));
        if let Some(change) = change("permission", &name, known, &members_of(wanted)) {
            let (environment_id, wanted) = (environment_id.clone(), wanted.clone());
            planned.add_known(change, differences, move |conn| {
                Ok(permissions::upsert(conn, &environment_id, &wanted, Origin::File)?)
            });
        }
    }
    Ok(all_removed)
}

/// Who loses it, for people; without those to whom the file gives it all the same.
fn holders(
    conn: &mut Conn<'_>,
    environment_id: &str,
    gone: &Removed,
    file: &EnvironmentFile,
) -> Result<Vec<String>, ApplyError> {
    let holds = |held: &Permissions| has(held, &gone.service_id, &gone.key);
    let clients = clients::list(conn, environment_id)?.into_iter().map(|stored| stored.client);
    let keeps = |id: &str| file.clients.iter().any(|block| block.client.id == id && holds(&block.client.permissions));
    let clients = clients
        .filter(|client| holds(&client.permissions) && !keeps(&client.id))
        .map(|client| format!("taken from client {}", client.id));
    let services = managed_services::list(conn, environment_id)?.into_iter();
    let keeps =
        |id: &str| file.managed_services.iter().any(|block| block.service_id == id && holds(&block.permissions));
    let services = services
        .filter(|service| holds(&service.permissions) && !keeps(&service.service_id))
        .map(|service| format!("taken from managed service {}", service.service_id));
    Ok(clients.chain(services).collect())
}

pub(super) fn plan_managed_services(
    conn: &mut Conn<'_>,
    planned: &mut Planned,
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
    removed: &[Removed],
) -> Result<(), ApplyError> {
    let environment_id = planned.environment.id.clone();
    let mut stored = managed_services::list(conn, &environment_id)?;
    stored.iter_mut().for_each(|service| take_all(removed, &mut service.permissions));
    let wanted: Result<Vec<ManagedService>, ApplyError> =
        file.managed_services.iter().map(|block| wanted_service(conn, &environment_id, block)).collect();
    plan_blocks(planned, context, of_files(stored), wanted?)
}

fn wanted_service(
    conn: &mut Conn<'_>,
    environment_id: &str,
    block: &ManagedServiceBlock,
) -> Result<ManagedService, ApplyError> {
    let home = block.home_environment_id.as_deref().unwrap_or(environment_id);
    if home != environment_id && environments::find(conn, home)?.is_none() {
        return Err(ApplyError::Contradiction(format!(
            "managed service {:?} is at home in environment {home}, which is not there; apply its file first",
            block.service_id
        )));
    }
    Ok(ManagedService {
        service_id: block.service_id.clone(),
        name: block.name.clone(),
        home_environment_id: home.to_owned(),
        client_id: block.client_id.clone(),
        permissions: block.permissions.clone(),
        enabled: block.enabled,
    })
}
