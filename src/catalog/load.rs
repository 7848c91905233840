//! From the database into a snapshot.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Catalog, Environments,
    environment::{EnvironmentParts, EnvironmentSnapshot, OpenedWebhook},
};
use crate::{
    domain::{application::Application, secret::Secret},
    jose::{
        error::JoseError,
        keyring::{KeyEntry, Keyring},
        master_key::{private_key_aad, webhook_secret_aad},
    },
    store::{
        StoreError, applications, environments, environments::StoredEnvironment, exchange_rules, identity_connections,
        managed_services, permissions, resource_servers, signing_keys, signing_keys::StoredKey,
    },
};

/// Why an environment cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key cannot be used.
    #[error("signing key {kid} cannot be opened: {cause}; is keys.master_key the one it was sealed with?")]
    Key {
        /// Which key.
        kid: String,
        /// Why.
        cause: JoseError,
    },
}

impl Catalog {
    /// Loads what changed in the database since the last call. Snapshots that did not change stay, with their caches.
    ///
    /// # Errors
    /// The database fails, or an environment cannot be loaded. That one stays as it was, for the next call to try again;
    /// the others are loaded all the same.
    pub fn refresh(&self) -> Result<(), LoadError> {
        // One at a time: of two, the slower could put back what it read before the other's change, and a client that was
        // just disabled would be served again.
        let turn = self.refreshing.take(|thread| self.store.hangs(thread));
        let current = self.environments.load_full();
        let looked = self.millis();
        let stored = self.store.read(environments::all)?;
        let mut outcome = Ok(());
        for stored in &stored {
            if let Some(known) = current.by_id.get(&stored.environment.id) {
                known.forget_users_before(stored.users_version);
                let (id, version) = (&stored.environment.id, stored.revocations_version);
                match self.follow_revocations(id, &known.revocations, version) {
                    Err(error) if error.is_unavailable() => return Err(error.into()),
                    followed => outcome = outcome.and(followed.map_err(LoadError::from)),
                }
            }
        }
        let unchanged = stored.len() == current.by_id.len()
            && stored.iter().all(|stored| {
                current.by_id.get(&stored.environment.id).is_some_and(|known| known.version == stored.version)
            });
        if unchanged {
            return outcome.inspect(|()| self.has_looked(looked));
        }
        let mut by_id = HashMap::new();
        for StoredEnvironment { environment, version, .. } in stored {
            let id = environment.id.clone();
            let snapshot = match current.by_id.get(&id) {
                Some(known) if known.version == version => Arc::clone(known),
                known => match self.load_environment(&id, known.map(|known| &**known)) {
                    Ok(snapshot) => Arc::new(snapshot),
                    Err(LoadError::Store(error)) if error.is_unavailable() => return Err(error.into()),
                    Err(error) => {
                        outcome = outcome.and(Err(error));
                        let Some(known) = known else { continue };
                        Arc::clone(known)
                    }
                },
            };
            by_id.insert(id, snapshot);
        }
        let default = by_id.values().find(|snapshot| snapshot.environment.is_default).cloned();
        turn.finish(|| self.environments.store(Arc::new(Environments { by_id, default })));
        outcome.inspect(|()| self.has_looked(looked))
    }

    /// Never back: what hung in the database for a while says nothing of now.
    fn has_looked(&self, at: u64) {
        self.last_look.fetch_max(at, Ordering::Relaxed);
    }

    /// One environment, all of it as of one moment: a rule never meets the resource servers of another version.
    fn load_environment(
        &self,
        id: &str,
        previous: Option<&EnvironmentSnapshot>,
    ) -> Result<EnvironmentSnapshot, LoadError> {
        let (stored, keys, rules, applications, parts) = self.store.snapshot(|conn| {
            // Deleted since it was listed: the next look will not list it.
            let stored =
                environments::find(conn, id)?.ok_or_else(|| StoreError::unavailable("an environment is gone"))?;
            Ok::<_, StoreError>((
                stored,
                signing_keys::list(conn, id)?,
                exchange_rules::list(conn, id)?,
                applications::list(conn, id)?,
                (
                    resource_servers::list(conn, id)?,
                    identity_connections::list(conn, id)?,
                    permissions::list(conn, id)?,
                    managed_services::list(conn, id)?,
                ),
            ))
        })?;
        let (resource_servers, connections, permissions, managed_services) = parts;
        let applications: Vec<Application> = applications.into_iter().map(|stored| stored.application).collect();
        let entries = keys.into_iter().map(|key| self.open_key(key)).collect::<Result<Vec<_>, _>>()?;
        let keyring = Keyring::new(&entries, previous.map(|previous| &previous.keyring))
            .map_err(|cause| LoadError::Key { kid: format!("of environment {id}"), cause })?;
        let parts = EnvironmentParts {
            issuer: stored.environment.issuer(&self.public_url),
            environment: stored.environment,
            version: stored.version,
            users_version: stored.users_version,
            keyring,
            resource_servers,
            rules: rules.into_iter().filter(|rule| rule.enabled).map(|rule| rule.rule).collect(),
            webhooks: self.open_webhooks(id, &applications),
            applications,
            identity_connections: connections.into_iter().map(|stored| stored.connection).collect(),
            permissions: permissions.into_iter().map(|stored| stored.definition).collect(),
            managed_services,
            counts: Arc::clone(&self.counts),
        };
        let snapshot = EnvironmentSnapshot::new(parts, &self.limits, previous);
        // Before anybody can see it: the first request must not find a revoked token good.
        self.follow_revocations(id, &snapshot.revocations, stored.revocations_version)?;
        Ok(snapshot)
    }

    /// A secret that cannot be opened makes its webhook useless, and nothing else of the environment: that would keep nodes
    /// from following whatever else changes in it.
    fn open_webhooks(&self, environment_id: &str, applications: &[Application]) -> HashMap<String, Arc<OpenedWebhook>> {
        let mut opened = HashMap::new();
        for application in applications {
            let Some(webhook) = &application.webhook else { continue };
            let aad = webhook_secret_aad(environment_id, &application.id);
            let secret = self.master_key.open(&webhook.sealed_secret, &aad);
            let secret = secret.and_then(|secret| String::from_utf8(secret).map_err(|_| JoseError::Unseal));
            let secret = secret.inspect_err(|error| {
                log::error!("the webhook secret of application {} cannot be used: {error}", application.id);
            });
            let hook = OpenedWebhook {
                url: webhook.url.clone(),
                secret: secret.ok().map(Secret::new),
                on_failure: webhook.on_failure,
            };
            opened.insert(application.id.clone(), Arc::new(hook));
        }
        opened
    }

    fn open_key(&self, key: StoredKey) -> Result<KeyEntry, LoadError> {
        let aad = private_key_aad(&key.environment_id, &key.kid);
        let private_key_der = self
            .master_key
            .open(&key.sealed_private_key, &aad)
            .map_err(|cause| LoadError::Key { kid: key.kid.clone(), cause })?;
        Ok(KeyEntry { kid: key.kid, alg: key.alg, schedule: key.schedule, private_key_der, public_jwk: key.public_jwk })
    }
}
