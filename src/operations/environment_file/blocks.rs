//! Turns the blocks of the file into values of the domain.

use toml::de::DeTable;

use super::{
    EnvironmentBlock, EnvironmentFile, Sources, applications, cases, clients, connections,
    findings::{Findings, hint},
    permissions, rules,
    table::{Table, item_path},
};
use crate::{
    domain::environment::{
        MAX_ACCESS_TOKEN_LIFETIME, MIN_ACCESS_TOKEN_LIFETIME, ResourceServer, ScopeClaim, SigningAlg, TokenProfile,
        TokenTyp,
    },
    oauth::scope::Scope,
};

/// `access_token_lifetime` when the file does not say: an hour.
const DEFAULT_ACCESS_TOKEN_LIFETIME: i64 = 3600;

/// Reads all blocks. After a mistake a block holds stand-ins; the result is only used when there was none.
pub(super) fn read(document: &DeTable<'_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> EnvironmentFile {
    let mut root = Table::new("", document);
    let mut environment = root.table("environment", findings);
    if !root.has("environment") {
        findings.error("environment", "the block is missing; begin the file with [environment] and name = \"…\"");
    }
    let tenant = root.table("tenant", findings);
    let environment_block = read_environment(environment.as_mut(), findings);
    let file = EnvironmentFile {
        environment: read_tenant(tenant, environment_block, findings),
        permissions: each(&mut root, "permission", findings, permissions::read),
        resource_servers: each(&mut root, "resource_server", findings, read_resource_server),
        clients: each(&mut root, "client", findings, |table, findings| clients::read(table, sources, findings)),
        managed_services: each(&mut root, "managed_service", findings, permissions::read_managed_service),
        applications: each(&mut root, "application", findings, |table, findings| {
            applications::read(table, sources, findings)
        }),
        identity_connections: each(&mut root, "identity_connection", findings, |table, findings| {
            connections::read(table, sources, findings)
        }),
        exchange_rules: each(&mut root, "exchange_rule", findings, rules::read),
        tests: each(&mut root, "test", findings, cases::read),
        warnings: Vec::new(),
    };
    if let Some(environment) = environment {
        environment.finish(findings);
    }
    root.finish(findings);
    file
}

fn each<T>(
    root: &mut Table<'_, '_>,
    key: &'static str,
    findings: &mut Findings<'_>,
    read: impl Fn(&mut Table<'_, '_>, &mut Findings<'_>) -> T,
) -> Vec<T> {
    let mut blocks = Vec::new();
    for mut table in root.tables(key, findings) {
        blocks.push(read(&mut table, findings));
        table.finish(findings);
    }
    blocks
}

fn read_environment(table: Option<&mut Table<'_, '_>>, findings: &mut Findings<'_>) -> EnvironmentBlock {
    let mut block = EnvironmentBlock {
        id: None,
        name: String::new(),
        tenant: None,
        tenant_id: None,
        tenant_enabled: None,
        enabled: true,
        access_token_lifetime: DEFAULT_ACCESS_TOKEN_LIFETIME,
    };
    let Some(table) = table else { return block };
    let name = table.name("name", findings);
    block.name = table.required("name", name, findings);
    block.id = table.uuid("id", findings);
    block.tenant = table.name("tenant", findings);
    block.tenant_id = table.uuid("tenant_id", findings);
    block.enabled = table.enabled(findings);
    let lifetimes = MIN_ACCESS_TOKEN_LIFETIME..=MAX_ACCESS_TOKEN_LIFETIME;
    if let Some(lifetime) = table.integer("access_token_lifetime", lifetimes, findings) {
        block.access_token_lifetime = lifetime;
    }
    block
}

/// `[tenant]`: the long form of `tenant` and `tenant_id` of the environment.
fn read_tenant(
    table: Option<Table<'_, '_>>,
    mut block: EnvironmentBlock,
    findings: &mut Findings<'_>,
) -> EnvironmentBlock {
    let Some(mut table) = table else { return block };
    let (name, id) = (table.name("name", findings), table.uuid("id", findings));
    for (key, long, short_key, short) in
        [("name", &name, "tenant", &block.tenant), ("id", &id, "tenant_id", &block.tenant_id)]
    {
        if let (Some(long), Some(short)) = (long, short)
            && long != short
        {
            let message =
                format_args!("is \"{long}\" here and \"{short}\" at environment.{short_key}; keep one of them");
            findings.error(&table.path(key), message);
        }
    }
    block.tenant = name.or(block.tenant);
    block.tenant_id = id.or(block.tenant_id);
    block.tenant_enabled = Some(table.enabled(findings));
    table.finish(findings);
    block
}

fn read_resource_server(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> ResourceServer {
    let audience = table.identifier("audience", findings);
    ResourceServer {
        audience: table.required("audience", audience, findings),
        scopes: table.scope("scopes", findings).unwrap_or(Scope::empty()),
        scope_claim: table
            .choice("scope_claim", &[ScopeClaim::String, ScopeClaim::Array], findings)
            .unwrap_or_default(),
        max_lifetime: table.integer("max_lifetime", 1..=MAX_ACCESS_TOKEN_LIFETIME, findings),
        clients: table.texts("clients", findings),
        token_profile: table
            .choice("token_profile", &[TokenProfile::Rfc9068, TokenProfile::Mosaic], findings)
            .unwrap_or_default(),
        signing_alg: table.choice("signing_alg", &SigningAlg::ALL, findings),
        token_typ: table.choice("token_typ", &[TokenTyp::AccessToken, TokenTyp::Jwt], findings).unwrap_or_default(),
        enabled: table.enabled(findings),
    }
}

/// Reports the texts of a list that do not name anything `known`.
pub(super) fn check_names<'a>(
    list: &str,
    names: impl IntoIterator<Item = &'a str>,
    what: &str,
    known: &[&str],
    findings: &mut Findings<'_>,
) {
    for name in names {
        if !known.contains(&name) {
            let hint = hint(name, known.iter().copied());
            findings.error(&item_path(list, name), format_args!("there is no {what} \"{name}\"{hint}"));
        }
    }
}
