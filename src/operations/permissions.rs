//! Permissions that services define: synchronised, taken away. Taking one away takes it from everybody who has it, in the
//! same transaction: a service that drops a key and later gives the name a new meaning must not find old holders.
//!
//! Callers have called `environments::touch` first, so that two changes at once wait for each other.

use std::collections::BTreeSet;

use crate::{
    domain::{client::Permissions, permission::PermissionDefinition},
    store::{Conn, Origin, StoreError, clients, managed_services, permissions},
};

/// What [`synchronize`] changed: keys, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synchronized {
    /// Those that were not there.
    pub added: Vec<String>,
    /// Those that are gone, with their assignments.
    pub removed: Vec<String>,
}

/// Makes `definitions` the permissions of a service. Keys that are not among them are removed, with their assignments; who
/// looks after those that stay does not change.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn synchronize(
    conn: &mut Conn<'_>,
    environment_id: &str,
    service_id: &str,
    definitions: &[PermissionDefinition],
    now: i64,
) -> Result<Synchronized, StoreError> {
    let stored = of_service(conn, environment_id, service_id)?;
    let mut added = BTreeSet::new();
    for definition in definitions {
        let known = stored.iter().find(|stored| stored.definition.key == definition.key);
        if known.is_none() {
            added.insert(definition.key.clone());
        }
        let definition = PermissionDefinition { service_id: service_id.to_owned(), ..definition.clone() };
        if known.is_none_or(|known| known.definition != definition) {
            let origin = known.map_or(Origin::Command, |known| known.origin);
            permissions::upsert(conn, environment_id, &definition, origin)?;
        }
    }
    let removed: Vec<String> = stored
        .into_iter()
        .map(|stored| stored.definition.key)
        .filter(|key| !definitions.iter().any(|definition| definition.key == *key))
        .collect();
    remove(conn, environment_id, service_id, &removed, now)?;
    Ok(Synchronized { added: added.into_iter().collect(), removed })
}

/// Removes all permissions of a service with their assignments, and says how many there were.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn purge(conn: &mut Conn<'_>, environment_id: &str, service_id: &str, now: i64) -> Result<u64, StoreError> {
    let stored = of_service(conn, environment_id, service_id)?;
    let keys: Vec<String> = stored.into_iter().map(|stored| stored.definition.key).collect();
    remove(conn, environment_id, service_id, &keys, now)?;
    Ok(keys.len() as u64)
}

/// Removes permissions of a service, and takes them from every client and every managed service of the environment.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn remove(
    conn: &mut Conn<'_>,
    environment_id: &str,
    service_id: &str,
    keys: &[String],
    now: i64,
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    for key in keys {
        permissions::delete(conn, environment_id, service_id, key)?;
    }
    for mut stored in clients::list(conn, environment_id)? {
        if take(&mut stored.client.permissions, service_id, keys) {
            clients::upsert(conn, environment_id, &stored.client, stored.origin, now)?;
        }
    }
    for mut service in managed_services::list(conn, environment_id)? {
        if take(&mut service.permissions, service_id, keys) {
            managed_services::upsert(conn, environment_id, &service)?;
        }
    }
    Ok(())
}

/// Takes keys of a service out of what somebody has; `false` when none was there.
pub(super) fn take(held: &mut Permissions, service_id: &str, keys: &[String]) -> bool {
    let Some(held_keys) = held.get_mut(service_id) else { return false };
    let before = held_keys.len();
    held_keys.retain(|key| !keys.contains(key));
    let taken = held_keys.len() < before;
    if held_keys.is_empty() {
        held.remove(service_id);
    }
    taken
}

fn of_service(
    conn: &mut Conn<'_>,
    environment_id: &str,
    service_id: &str,
) -> Result<Vec<permissions::StoredPermission>, StoreError> {
    let mut all = permissions::list(conn, environment_id)?;
    all.retain(|stored| stored.definition.service_id == service_id);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            client::{Client, ClientKind, ClientSignIn, ExchangeError},
            environment::Environment,
            permission::ManagedService,
        },
        store::{
            environments,
            tenants::{self, Tenant},
            testing::on_both_engines,
        },
    };

    const ENVIRONMENT: &str = "e1";
    const OTHER: &str = "e2";

    fn definition(service_id: &str, key: &str, title: &str) -> PermissionDefinition {
        PermissionDefinition {
            service_id: service_id.into(),
            key: key.into(),
            title: title.into(),
            gql_operations: vec!["op".into()],
        }
    }

    fn held(entries: &[(&str, &[&str])]) -> Permissions {
        entries
            .iter()
            .map(|(service, keys)| ((*service).to_owned(), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect()
    }

    fn client(permissions: Permissions) -> Client {
        Client {
            id: "nightly".into(),
            name: "Nightly".into(),
            kind: ClientKind::ServiceAccount,
            enabled: true,
            grants: vec![],
            access: vec![],
            permissions,
            exchange_error: ExchangeError::default(),
            sign_in: ClientSignIn::default(),
            secrets: vec![],
        }
    }

    /// Two environments, with a client in each that holds keys of two services, and one managed service.
    fn prepare(conn: &mut Conn<'_>) -> Result<(), StoreError> {
        tenants::insert(conn, &Tenant { id: "t".into(), name: "t".into(), created_at: 0, enabled: true })?;
        let all = held(&[("mailer", &["SEND", "READ"]), ("other", &["SEND"])]);
        for (id, is_default) in [(ENVIRONMENT, true), (OTHER, false)] {
            let environment = Environment {
                id: id.into(),
                tenant_id: "t".into(),
                name: id.into(),
                is_default,
                enabled: true,
                tenant_enabled: true,
                access_token_lifetime: 3600,
            };
            environments::insert(conn, &environment, 0)?;
            clients::upsert(conn, id, &client(all.clone()), Origin::Command, 0)?;
            for key in ["SEND", "READ"] {
                permissions::upsert(conn, id, &definition("mailer", key, key), Origin::File)?;
            }
        }
        permissions::upsert(conn, ENVIRONMENT, &definition("other", "SEND", "SEND"), Origin::Command)?;
        let service = ManagedService {
            service_id: "reports".into(),
            name: "Reports".into(),
            home_environment_id: OTHER.into(),
            client_id: "nightly".into(),
            permissions: held(&[("mailer", &["SEND"])]),
            enabled: true,
        };
        managed_services::upsert(conn, ENVIRONMENT, &service)
    }

    fn of_client(conn: &mut Conn<'_>, environment_id: &str) -> Permissions {
        clients::find(conn, environment_id, "nightly").expect("database").expect("the client").permissions
    }

    fn defined(conn: &mut Conn<'_>, environment_id: &str) -> Vec<(String, String, Origin)> {
        let all = permissions::list(conn, environment_id).expect("database");
        let shown = |stored: permissions::StoredPermission| {
            let definition = stored.definition;
            (format!("{}:{}", definition.service_id, definition.key), definition.title, stored.origin)
        };
        all.into_iter().map(shown).collect()
    }

    #[test]
    fn synchronizing_adds_changes_and_removes_with_all_assignments() {
        on_both_engines(|database| {
            let work = |conn: &mut Conn<'_>| {
                prepare(conn)?;
                let wanted = [definition("mailer", "READ", "Read mail"), definition("mailer", "NEW", "New")];
                let changed = synchronize(conn, ENVIRONMENT, "mailer", &wanted, 1)?;
                assert_eq!(changed, Synchronized { added: vec!["NEW".into()], removed: vec!["SEND".into()] });
                let expected = [
                    ("mailer:NEW".to_owned(), "New".to_owned(), Origin::Command),
                    ("mailer:READ".to_owned(), "Read mail".to_owned(), Origin::File),
                    ("other:SEND".to_owned(), "SEND".to_owned(), Origin::Command),
                ];
                assert_eq!(defined(conn, ENVIRONMENT), expected);
                assert_eq!(of_client(conn, ENVIRONMENT), held(&[("mailer", &["READ"]), ("other", &["SEND"])]));
                assert_eq!(managed_services::list(conn, ENVIRONMENT)?[0].permissions, Permissions::new());
                assert_eq!(
                    clients::list(conn, ENVIRONMENT)?[0].origin,
                    Origin::Command,
                    "whoever looks after it stays"
                );

                assert_eq!(defined(conn, OTHER).len(), 2, "another environment keeps its own");
                assert_eq!(of_client(conn, OTHER), held(&[("mailer", &["SEND", "READ"]), ("other", &["SEND"])]));
                let again = synchronize(conn, ENVIRONMENT, "mailer", &wanted, 2)?;
                assert_eq!(again, Synchronized::default(), "a second time there is nothing to do");
                Ok::<_, StoreError>(())
            };
            database.store.transact(work).expect("the work");
        });
    }

    #[test]
    fn a_key_that_is_listed_twice_is_added_once() {
        on_both_engines(|database| {
            let work = |conn: &mut Conn<'_>| {
                prepare(conn)?;
                let wanted = [definition("new", "A", "first"), definition("new", "A", "second")];
                let changed = synchronize(conn, ENVIRONMENT, "new", &wanted, 1)?;
                assert_eq!(changed.added, ["A"]);
                Ok::<_, StoreError>(())
            };
            database.store.transact(work).expect("the work");
        });
    }

    #[test]
    fn purging_a_service_leaves_others_alone_and_says_how_many() {
        on_both_engines(|database| {
            let work = |conn: &mut Conn<'_>| {
                prepare(conn)?;
                assert_eq!(purge(conn, ENVIRONMENT, "mailer", 1)?, 2);
                assert_eq!(purge(conn, ENVIRONMENT, "mailer", 1)?, 0);
                assert_eq!(of_client(conn, ENVIRONMENT), held(&[("other", &["SEND"])]));
                assert_eq!(defined(conn, ENVIRONMENT).len(), 1);
                assert_eq!(defined(conn, OTHER).len(), 2);
                Ok::<_, StoreError>(())
            };
            database.store.transact(work).expect("the work");
        });
    }
}
