//! Identity connections: create, change, delete, list. They are known by their name, as exchange rules name them.
//!
//! One that an environment file looks after may be changed here as well. It stays the file's: the next `tessera apply`
//! restores what the file says.

use super::{
    Place,
    applications::replace,
    change,
    checks::{self, invalid, not_found},
    foreign::ForeignPatch,
    look_up,
    recorded::Subject,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        connection::{IdentityConnection, IdentityProvider, RESERVED_PREFIX},
        rule::ISSUER_SELF,
        user::MAX_TEXT,
    },
    operations::{
        context::Context,
        facts::{Changed, Known as _},
        mosaic_error::{MosaicCode, MosaicError},
    },
    store::{
        Conn, Origin,
        identity_connections::{self, StoredConnection},
    },
};

/// The most identity connections of an environment: all of them are in the memory of every node.
pub const MAX_CONNECTIONS: usize = 100;

/// How a connection vouches for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// A trusted service account says who the user is.
    Delegated,
    /// An ID token of a foreign issuer proves it.
    Oidc,
    /// Another JWT of a foreign issuer proves it.
    Jwt,
}

/// What a connection is made of.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Unique in the environment.
    pub name: String,
    /// For people; the name if there is none.
    pub title: Option<String>,
    /// How it vouches for users.
    pub provider: ProviderKind,
    /// Whether it vouches for anybody.
    pub enabled: bool,
    /// Its place among the others.
    pub sort_order: i64,
    /// Who the foreign issuer is; empty for a delegated connection.
    pub foreign: ForeignPatch,
}

/// What is changed of a connection; `None` stays as it is. How it vouches for users does not change: the users whom it
/// knows would get a new way in that nobody may have thought of.
#[derive(Debug, Clone, Default)]
pub struct ConnectionPatch {
    /// For people.
    pub title: Option<String>,
    /// Whether it vouches for anybody.
    pub enabled: Option<bool>,
    /// Its place among the others.
    pub sort_order: Option<i64>,
    /// Who the foreign issuer is.
    pub foreign: ForeignPatch,
}

impl Subject for StoredConnection {
    fn subject(&self) -> &str {
        &self.connection.name
    }
}

/// The connections of the environment, in their order.
///
/// # Errors
/// The database fails.
pub async fn list(context: &Context, environment: &EnvironmentSnapshot) -> Result<Vec<StoredConnection>, MosaicError> {
    look_up(context, environment, identity_connections::list).await
}

/// Makes a connection.
///
/// # Errors
/// An argument is invalid, the name is taken, there are too many, or the database fails.
pub async fn create(
    context: &Context,
    environment: &EnvironmentSnapshot,
    new: NewConnection,
) -> Result<Changed<StoredConnection>, MosaicError> {
    check_name(&new.name)?;
    checks::optional_text("title", new.title.as_deref(), MAX_TEXT)?;
    let provider = new_provider(context, new.provider, new.foreign)?;
    let title = new.title.unwrap_or_else(|| new.name.clone());
    let (sort_order, enabled) = (new.sort_order, new.enabled);
    let connection = IdentityConnection { name: new.name, title, sort_order, provider, enabled, sign_in: None };
    change(context, environment, move |conn, place| {
        let all = identity_connections::list(conn, &place.environment_id)?;
        if all.iter().any(|stored| stored.connection.name == connection.name) {
            return Err(MosaicError::new(MosaicCode::UniqueConstraintError, super::DUPLICATE));
        }
        if all.len() >= MAX_CONNECTIONS {
            let reason = format!("is one too many: there are {MAX_CONNECTIONS}");
            return Err(invalid("identityConnection", &reason));
        }
        identity_connections::upsert(conn, &place.environment_id, &connection, Origin::Command)?;
        Ok(Changed::made(StoredConnection { connection, origin: Origin::Command }))
    })
    .await
}

/// Changes a connection.
///
/// # Errors
/// An argument is invalid, there is no such connection, or the database fails.
pub async fn update(
    context: &Context,
    environment: &EnvironmentSnapshot,
    name: String,
    patch: ConnectionPatch,
) -> Result<Changed<StoredConnection>, MosaicError> {
    checks::optional_text("title", patch.title.as_deref(), MAX_TEXT)?;
    let outbound = context.outbound.clone();
    change(context, environment, move |conn, place| {
        let mut stored = stored(conn, place, &name)?;
        let before = stored.facts();
        let connection = &mut stored.connection;
        replace(&mut connection.title, patch.title);
        replace(&mut connection.enabled, patch.enabled);
        replace(&mut connection.sort_order, patch.sort_order);
        match &mut connection.provider {
            // Disabling one must not fail for what else is wrong with it.
            _ if patch.foreign == ForeignPatch::default() => {}
            IdentityProvider::Delegated => patch.foreign.refuse()?,
            IdentityProvider::Oidc(issuer) | IdentityProvider::Jwt(issuer) => patch.foreign.apply(issuer, &outbound)?,
        }
        identity_connections::upsert(conn, &place.environment_id, connection, stored.origin)?;
        Ok(Changed::edited(&before, stored))
    })
    .await
}

/// Deletes a connection, and gives what it was. The users that it vouched for stay, and are known by the same names to a
/// connection that is later made under its name.
///
/// # Errors
/// There is no such connection, or the database fails.
pub async fn delete(
    context: &Context,
    environment: &EnvironmentSnapshot,
    name: String,
) -> Result<Changed<StoredConnection>, MosaicError> {
    change(context, environment, move |conn, place| {
        let stored = stored(conn, place, &name)?;
        identity_connections::delete(conn, &place.environment_id, &name)?;
        Ok(Changed::removed(stored))
    })
    .await
}

fn check_name(name: &str) -> Result<(), MosaicError> {
    checks::text("name", name, MAX_TEXT)?;
    if name == ISSUER_SELF {
        // In an exchange rule it would be taken for this environment's own tokens, or they for its.
        return Err(invalid("name", "must be another one: \"self\" stands for this environment in exchange rules"));
    }
    if name.starts_with(RESERVED_PREFIX) {
        return Err(invalid("name", "must be another one: names with \"dev:\" are those of development"));
    }
    Ok(())
}

fn new_provider(context: &Context, kind: ProviderKind, foreign: ForeignPatch) -> Result<IdentityProvider, MosaicError> {
    let provider = match kind {
        ProviderKind::Delegated => {
            foreign.refuse()?;
            return Ok(IdentityProvider::Delegated);
        }
        ProviderKind::Oidc => IdentityProvider::Oidc,
        ProviderKind::Jwt => IdentityProvider::Jwt,
    };
    Ok(provider(foreign.into_issuer(&context.outbound)?))
}

/// The connection of this name. Compared here: a name that nobody can have need not reach the database.
fn stored(conn: &mut Conn<'_>, place: &Place, name: &str) -> Result<StoredConnection, MosaicError> {
    let all = identity_connections::list(conn, &place.environment_id)?;
    all.into_iter().find(|stored| stored.connection.name == name).ok_or_else(not_found)
}
