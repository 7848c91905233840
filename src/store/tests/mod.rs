//! The store against both engines.

mod authorization;
mod bulk;
mod connections;
mod failures;
mod leases;
mod passwords;
mod revocations;
mod samples;
mod schema;
mod secret_uses;
mod sessions;
mod sign_in_samples;
mod tables;
mod totp;
mod watch;
mod webauthn;

use super::{Conn, environments, tenants};
use crate::domain::environment::Environment;

pub(super) fn an_environment(id: &str) -> Environment {
    Environment {
        id: id.to_owned(),
        tenant_id: "tenant".to_owned(),
        name: format!("environment {id}"),
        is_default: false,
        enabled: true,
        tenant_enabled: true,
        access_token_lifetime: 3600,
    }
}

/// A tenant and one environment, `one`, in it.
pub(super) fn with_environment(conn: &mut Conn<'_>) {
    let tenant = tenants::Tenant { id: "tenant".to_owned(), name: "Tenant".to_owned(), created_at: 1, enabled: true };
    tenants::insert(conn, &tenant).expect("tenant");
    environments::insert(conn, &an_environment("one"), 1).expect("environment");
}
