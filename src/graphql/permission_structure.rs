//! Permissions as arguments and results: a list of services with their keys.

use std::collections::HashSet;

use async_graphql::{InputObject, SimpleObject};

use crate::domain::client::Permissions;

/// The permissions at one service.
#[derive(InputObject)]
pub(super) struct PermissionStructureInput {
    /// The service.
    service_id: String,
    /// Their keys.
    permissions: Vec<String>,
}

/// The permissions at one service.
#[derive(SimpleObject)]
pub(super) struct PermissionStructure {
    /// The service.
    service_id: String,
    /// Their keys.
    permissions: Vec<String>,
}

/// All of them by service; a service or a key that is listed twice counts once.
pub(super) fn from_input(structure: Option<Vec<PermissionStructureInput>>) -> Permissions {
    // Read before anybody has asked who calls: the time must not grow with the square of what a stranger sends.
    let mut seen = HashSet::new();
    let mut permissions = Permissions::new();
    for service in structure.unwrap_or_default() {
        for key in service.permissions {
            if seen.insert((service.service_id.clone(), key.clone())) {
                permissions.entry(service.service_id.clone()).or_default().push(key);
            }
        }
    }
    permissions
}

/// As a list, by service.
pub(super) fn shown(permissions: Permissions) -> Vec<PermissionStructure> {
    let one = |(service_id, permissions)| PermissionStructure { service_id, permissions };
    permissions.into_iter().map(one).collect()
}
