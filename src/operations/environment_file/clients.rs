//! `[[client]]` and its secret.

use std::collections::BTreeMap;

use super::{
    ClientBlock, Sources,
    findings::Findings,
    table::{Table, texts_of},
};
use crate::{
    domain::{
        client::{Access, Client, ClientKind, ExchangeError, Permissions},
        secret::{MIN_GIVEN_LENGTH, Secret, SecretHash},
    },
    oauth::{grant_type::GrantType, scope::Scope},
};

/// The keys that a secret can be given with.
const SECRET_KEYS: [&str; 4] = ["secret", "secret_env", "secret_file", "secret_sha256"];

pub(super) fn read(table: &mut Table<'_, '_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> ClientBlock {
    let id = table.identifier("id", findings);
    let id = table.required("id", id, findings);
    let client = Client {
        name: table.name("name", findings).unwrap_or_else(|| id.clone()),
        id,
        kind: table.choice("kind", &[ClientKind::ServiceAccount], findings).unwrap_or(ClientKind::ServiceAccount),
        enabled: table.enabled(findings),
        grants: table.choices("grants", &GrantType::ALL, findings),
        access: read_access(table, findings),
        permissions: read_permissions(table, findings),
        exchange_error: table
            .choice("exchange_error", &[ExchangeError::InvalidRequest, ExchangeError::InvalidGrant], findings)
            .unwrap_or_default(),
        secrets: Vec::new(),
    };
    ClientBlock { client, secret: read_secret(table, sources, findings), line: findings.line(table.own_path()) }
}

fn read_access(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Vec<Access> {
    let mut all: Vec<Access> = Vec::new();
    for mut entry in table.tables("access", findings) {
        let audience = entry.identifier("audience", findings);
        let audience = entry.required("audience", audience, findings);
        if all.iter().any(|other| other.audience == audience) {
            findings
                .error(&entry.path("audience"), format_args!("\"{audience}\" is listed twice; join the two entries"));
        }
        let scopes = entry.scope("scopes", findings).unwrap_or(Scope::empty());
        let default_scopes = entry.scope("default_scopes", findings);
        for token in default_scopes.iter().flat_map(Scope::iter).filter(|token| !scopes.contains(token)) {
            let path = super::table::item_path(&entry.path("default_scopes"), token);
            findings
                .error(&path, format_args!("\"{token}\" is not one of this entry's scopes; add it there or remove it"));
        }
        all.push(Access { audience, scopes, default_scopes });
        entry.finish(findings);
    }
    all
}

fn read_permissions(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Permissions {
    let Some(services) = table.table("permissions", findings) else { return BTreeMap::new() };
    let entries = services.entries(findings);
    entries.into_iter().map(|(service, path, value)| (service, texts_of(value, &path, findings))).collect()
}

/// The hash of the secret, wherever it comes from. No message quotes a secret.
fn read_secret(table: &mut Table<'_, '_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> Option<SecretHash> {
    let value = table.text("secret", findings).map(|text| ("secret", text));
    let variable = table.text("secret_env", findings).and_then(|name| from_variable(table, &name, sources, findings));
    let file = table.text("secret_file", findings).and_then(|name| from_file(table, &name, sources, findings));
    let hash = table.text("secret_sha256", findings);
    let given: Vec<&str> = SECRET_KEYS.into_iter().filter(|key| table.has(key)).collect();
    if let [first, second, ..] = given.as_slice() {
        findings.error(&table.path(second), format_args!("is set together with {first}; keep one of them"));
    }
    if let Some(digits) = hash {
        let hash = SecretHash::from_hex(&digits);
        if hash.is_none() {
            findings
                .error(&table.path("secret_sha256"), "must be 64 hexadecimal digits: `printf %s SECRET | sha256sum`");
        }
        return hash;
    }
    let (key, text) = value.or(variable).or(file)?;
    check_secret(&table.path(key), text, findings)
}

fn from_variable(
    table: &Table<'_, '_>,
    name: &str,
    sources: &Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<(&'static str, String)> {
    let text = (sources.variable)(name).filter(|text| !text.is_empty());
    if text.is_none() {
        findings
            .error(&table.path("secret_env"), format_args!("the environment variable {name} is not set; set it first"));
    }
    text.map(|text| ("secret_env", text))
}

fn from_file(
    table: &Table<'_, '_>,
    name: &str,
    sources: &Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<(&'static str, String)> {
    let path = sources.directory.join(name);
    match std::fs::read_to_string(&path) {
        // Editors and `echo` end a file with a line break that is not part of the secret.
        Ok(text) => Some(("secret_file", text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => {
            let path = path.display();
            findings.error(&table.path("secret_file"), format_args!("the file {path} cannot be read: {error}"));
            None
        }
    }
}

/// Stored hashes are fast ones, which only suits secrets that nobody can guess.
fn check_secret(path: &str, text: String, findings: &mut Findings<'_>) -> Option<SecretHash> {
    let length = text.chars().count();
    let secret = Secret::new(text);
    if length < MIN_GIVEN_LENGTH {
        findings.error(
            path,
            format_args!(
                "the secret has {length} characters; use {MIN_GIVEN_LENGTH} or more random ones: `openssl rand -hex 32`"
            ),
        );
        return None;
    }
    if secret.is_mistyped() {
        findings.error(path, "the secret begins with tsk_ but its checksum is wrong: it was mistyped or cut off");
        return None;
    }
    Some(secret.hash())
}
