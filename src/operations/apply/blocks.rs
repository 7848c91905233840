//! The kinds of blocks of an environment file, and how each is kept.

use serde::Serialize;

use super::{
    ApplyError,
    plan::{Facts, Step},
};
use crate::{
    domain::{
        application::Application, client::Client, connection::IdentityConnection, environment::ResourceServer,
        permission::ManagedService,
    },
    oauth::resource::is_same_target,
    operations::facts::{members_of, members_of_application, members_of_connection},
    store::{
        Conn, Origin, StoreError, applications, clients, exchange_rules, exchange_rules::StoredRule,
        identity_connections, managed_services, resource_servers,
    },
};

/// Something that a file lists by name and the database keeps.
pub(super) trait Block: Serialize + Clone + 'static {
    /// What people call it.
    const KIND: &'static str;

    /// Tells it from others of its kind.
    fn key(&self) -> &str;

    /// The name that people know it by.
    fn name(&self) -> &str {
        self.key()
    }

    /// Whether it is in force.
    fn enabled(&self) -> bool;

    /// Takes it out of force.
    fn disable(&mut self);

    /// Writes it.
    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, now: i64) -> Result<(), StoreError>;

    /// The writing of many.
    fn upserts(blocks: Vec<Self>, environment_id: String, now: i64) -> Result<Step, ApplyError> {
        Ok(Box::new(move |conn| Ok(blocks.iter().try_for_each(|block| block.upsert(conn, &environment_id, now))?)))
    }

    /// Deletes it.
    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError>;

    /// Whether it is `other` under another key.
    fn is_other_spelling_of(&self, _other: &Self) -> bool {
        false
    }

    /// Everything that is kept of it, for comparing and for showing. Taken from `Serialize`, so that no field is missed.
    fn facts(&self) -> Facts {
        members_of(self)
    }
}

impl Block for ResourceServer {
    const KIND: &'static str = "resource server";

    fn key(&self) -> &str {
        &self.audience
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, _now: i64) -> Result<(), StoreError> {
        resource_servers::upsert(conn, environment_id, self)
    }

    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError> {
        resource_servers::delete(conn, environment_id, &self.audience).map(drop)
    }

    fn is_other_spelling_of(&self, other: &Self) -> bool {
        self.audience != other.audience && is_same_target(&self.audience, &other.audience)
    }
}

impl Block for Client {
    const KIND: &'static str = "client";

    fn key(&self) -> &str {
        &self.id
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, now: i64) -> Result<(), StoreError> {
        clients::upsert(conn, environment_id, self, Origin::File, now)
    }

    fn upserts(blocks: Vec<Self>, environment_id: String, now: i64) -> Result<Step, ApplyError> {
        let upsert = clients::upserting(environment_id, blocks, Origin::File, now)?;
        Ok(Box::new(move |conn| Ok(upsert(conn)?)))
    }

    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError> {
        clients::delete(conn, environment_id, &self.id).map(drop)
    }
}

impl Block for Application {
    const KIND: &'static str = "application";

    fn key(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, _now: i64) -> Result<(), StoreError> {
        applications::upsert(conn, environment_id, self, Origin::File)
    }

    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError> {
        applications::delete(conn, environment_id, &self.id).map(drop)
    }

    /// Without the hash of the webhook's secret: what shows it could be tried out at leisure.
    fn facts(&self) -> Facts {
        members_of_application(self)
    }
}

impl Block for IdentityConnection {
    const KIND: &'static str = "identity connection";

    fn key(&self) -> &str {
        &self.name
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, _now: i64) -> Result<(), StoreError> {
        identity_connections::upsert(conn, environment_id, self, Origin::File)
    }

    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError> {
        identity_connections::delete(conn, environment_id, &self.name).map(drop)
    }

    /// Without the hash of the secret, as with webhooks.
    fn facts(&self) -> Facts {
        members_of_connection(self)
    }
}

impl Block for ManagedService {
    const KIND: &'static str = "managed service";

    fn key(&self) -> &str {
        &self.service_id
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, _now: i64) -> Result<(), StoreError> {
        managed_services::upsert(conn, environment_id, self)
    }

    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError> {
        managed_services::delete(conn, environment_id, &self.service_id).map(drop)
    }
}

impl Block for StoredRule {
    const KIND: &'static str = "exchange rule";

    fn key(&self) -> &str {
        &self.rule.name
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    fn upsert(&self, conn: &mut Conn<'_>, environment_id: &str, _now: i64) -> Result<(), StoreError> {
        exchange_rules::upsert(conn, environment_id, self)
    }

    fn delete(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<(), StoreError> {
        exchange_rules::delete(conn, environment_id, &self.rule.name).map(drop)
    }
}
