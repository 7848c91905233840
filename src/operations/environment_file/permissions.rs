//! `[[permission]]`, `[[managed_service]]`, and the `permissions` of whoever has some.

use super::{
    EnvironmentFile, ManagedServiceBlock,
    blocks::check_names,
    findings::{Findings, hint},
    table::{MAX_NAME, Table, item_path, texts_of},
};
use crate::domain::{
    client::Permissions,
    permission::{OWN_PERMISSIONS, PermissionDefinition, is_permission_name},
    user::is_text,
};

pub(super) fn read(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> PermissionDefinition {
    let (service_id, key) = (table.text("service_id", findings), table.text("key", findings));
    let service_id = required_name(table, "service_id", service_id, findings);
    let key = required_name(table, "key", key, findings);
    if own_permissions(&service_id).is_some() {
        let path = table.path("service_id");
        findings.error(
            &path,
            format_args!("\"{service_id}\" is this server itself, whose permissions are built in; remove the block"),
        );
    }
    let gql_operations = table.texts("gql_operations", findings);
    for operation in gql_operations.iter().filter(|operation| !is_text(operation, MAX_NAME)) {
        findings.error(
            &item_path(&table.path("gql_operations"), operation),
            format_args!("must be 1 to {MAX_NAME} bytes long, without control characters"),
        );
    }
    let title = table.name("title", findings).unwrap_or_else(|| key.clone());
    PermissionDefinition { service_id, key, title, gql_operations }
}

pub(super) fn read_managed_service(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> ManagedServiceBlock {
    let (service_id, client) = (table.text("service_id", findings), table.identifier("client", findings));
    let service_id = required_name(table, "service_id", service_id, findings);
    ManagedServiceBlock {
        name: table.name("name", findings).unwrap_or_else(|| service_id.clone()),
        service_id,
        client_id: table.required("client", client, findings),
        home_environment_id: table.uuid("environment", findings),
        permissions: read_permissions(table, findings),
        enabled: table.enabled(findings),
    }
}

/// `permissions = { service = ["KEY"] }`. A service without a key is left out: it says nothing.
pub(super) fn read_permissions(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Permissions {
    let mut permissions = Permissions::new();
    let Some(services) = table.table("permissions", findings) else { return permissions };
    for (service, path, value) in services.entries(findings) {
        check_name(&path, &service, findings);
        let keys = texts_of(value, &path, findings);
        for key in &keys {
            check_name(&item_path(&path, key), key, findings);
        }
        if !keys.is_empty() {
            permissions.insert(service, keys);
        }
    }
    permissions
}

/// Permissions that are held must be there. A service that the file says nothing of may define its own later.
pub(super) fn check(file: &EnvironmentFile, findings: &mut Findings<'_>) {
    for (position, block) in file.clients.iter().enumerate() {
        check_held(&format!("client[{position}].permissions"), &block.client.permissions, file, findings);
    }
    for (position, block) in file.managed_services.iter().enumerate() {
        check_held(&format!("managed_service[{position}].permissions"), &block.permissions, file, findings);
    }
}

fn check_held(path: &str, held: &Permissions, file: &EnvironmentFile, findings: &mut Findings<'_>) {
    for (service, keys) in held {
        let path = format!("{path}.{service}");
        if let Some(own) = own_permissions(service) {
            // Files for the original may well have some that this server has no use for.
            for key in keys.iter().filter(|key| !own.contains(&key.as_str())) {
                let hint = hint(key, own.iter().copied());
                findings.warn(&item_path(&path, key), format_args!("\"{key}\" opens nothing at this server{hint}"));
            }
            continue;
        }
        let of_service = |definition: &&PermissionDefinition| definition.service_id == *service;
        let known: Vec<&str> =
            file.permissions.iter().filter(of_service).map(|definition| definition.key.as_str()).collect();
        if !known.is_empty() {
            check_names(&path, keys.iter().map(String::as_str), "permission", &known, findings);
        }
    }
}

fn own_permissions(service_id: &str) -> Option<&'static [&'static str]> {
    OWN_PERMISSIONS.iter().find(|(service, _)| *service == service_id).map(|(_, keys)| *keys)
}

fn required_name(table: &Table<'_, '_>, key: &str, name: Option<String>, findings: &mut Findings<'_>) -> String {
    if let Some(name) = &name {
        check_name(&table.path(key), name, findings);
    }
    table.required(key, name, findings)
}

/// Each permission is also the scope `service:KEY`, which must be well-formed and come apart in one way only.
fn check_name(path: &str, name: &str, findings: &mut Findings<'_>) {
    if !is_permission_name(name) {
        findings.error(path, "must be 1 to 127 visible ASCII characters without spaces and without \", \\ and :");
    }
}
