//! Turns the blocks of the file into values of the domain.

use toml::de::DeTable;
use url::{Host, Url};

use super::{
    ApplicationBlock, EnvironmentBlock, EnvironmentFile, Sources, clients,
    findings::{Findings, hint},
    rules,
    table::{Table, item_path, text_of},
};
use crate::{
    domain::{
        connection::{IdentityConnection, IdentityProvider},
        environment::{
            MAX_ACCESS_TOKEN_LIFETIME, MIN_ACCESS_TOKEN_LIFETIME, ResourceServer, ScopeClaim, SigningAlg, TokenProfile,
        },
        rule::ISSUER_SELF,
    },
    oauth::scope::Scope,
};

/// `access_token_lifetime` when the file does not say: an hour.
const DEFAULT_ACCESS_TOKEN_LIFETIME: i64 = 3600;
/// Members of a JWK that must not leave its owner (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 2] = ["d", "k"];

/// Reads all blocks. After a mistake a block holds stand-ins; the result is only used when there was none.
pub(super) fn read(document: &DeTable<'_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> EnvironmentFile {
    let mut root = Table::new("", document);
    let mut environment = root.table("environment", findings);
    if !root.has("environment") {
        findings.error("environment", "the block is missing; begin the file with [environment] and name = \"…\"");
    }
    let file = EnvironmentFile {
        environment: read_environment(environment.as_mut(), findings),
        resource_servers: each(&mut root, "resource_server", findings, read_resource_server),
        clients: each(&mut root, "client", findings, |table, findings| clients::read(table, sources, findings)),
        applications: each(&mut root, "application", findings, read_application),
        identity_connections: each(&mut root, "identity_connection", findings, read_identity_connection),
        exchange_rules: each(&mut root, "exchange_rule", findings, rules::read),
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
        enabled: table.enabled(findings),
    }
}

fn read_application(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> ApplicationBlock {
    let (name, platform) = (table.name("name", findings), table.name("platform", findings));
    ApplicationBlock {
        id: table.uuid("id", findings),
        name: table.required("name", name, findings),
        platform: table.required("platform", platform, findings),
        enabled: table.enabled(findings),
    }
}

fn read_identity_connection(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> IdentityConnection {
    let name = table.name("name", findings);
    let name = table.required("name", name, findings);
    if name == ISSUER_SELF {
        findings.error(&table.path("name"), "\"self\" stands for this environment in exchange rules; use another name");
    }
    let provider = table.text("provider", findings);
    let provider = match table.required("provider", provider, findings).as_str() {
        "OIDC" => read_oidc(table, findings),
        "DELEGATED" => IdentityProvider::Delegated,
        _ => {
            if table.has("provider") {
                findings.error(&table.path("provider"), "must be one of \"DELEGATED\", \"OIDC\"");
            }
            IdentityProvider::Delegated
        }
    };
    let title = table.name("title", findings).unwrap_or_else(|| name.clone());
    let sort_order = table.integer("sort_order", -1_000_000..=1_000_000, findings).unwrap_or_default();
    IdentityConnection { name, title, sort_order, provider, enabled: table.enabled(findings) }
}

fn read_oidc(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> IdentityProvider {
    let issuer = table.identifier("issuer", findings);
    let issuer = table.required("issuer", issuer, findings);
    let (jwks_uri, jwks) = (table.text("jwks_uri", findings), table.text("jwks", findings));
    match (table.has("jwks_uri"), table.has("jwks")) {
        (true, true) => findings.error(&table.path("jwks"), "is set together with jwks_uri; keep one of them"),
        (false, false) => findings.error(table.own_path(), "an OIDC connection needs jwks_uri, or jwks with the keys"),
        _ => {}
    }
    if let Some(uri) = &jwks_uri
        && !is_safe_url(uri)
    {
        findings.error(&table.path("jwks_uri"), "must be an https:// URL: whoever can change the keys can be any user");
    }
    if let Some(jwks) = &jwks
        && !is_public_jwks(jwks)
    {
        findings.error(&table.path("jwks"), "must be a JSON document {\"keys\": [ … ]} with public keys only");
    }
    let algorithms = table.choices("algorithms", &SigningAlg::ALL, findings);
    IdentityProvider::Oidc {
        issuer,
        jwks_uri,
        jwks,
        audiences: table.texts("audiences", findings),
        algorithms: algorithms.into_iter().map(|alg| alg.as_str().to_owned()).collect(),
        claims: read_required_claims(table, findings),
    }
}

fn read_required_claims(
    table: &mut Table<'_, '_>,
    findings: &mut Findings<'_>,
) -> std::collections::BTreeMap<String, String> {
    let Some(claims) = table.table("claims", findings) else { return Default::default() };
    let entries = claims.entries(findings);
    entries.into_iter().filter_map(|(name, path, value)| Some((name, text_of(value, &path, findings)?))).collect()
}

fn is_safe_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

fn is_public_jwks(text: &str) -> bool {
    let Ok(document) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    let Some(keys) = document.get("keys").and_then(|keys| keys.as_array()) else { return false };
    let is_public = |key: &serde_json::Value| {
        key.as_object().is_some_and(|members| PRIVATE_MEMBERS.iter().all(|member| !members.contains_key(*member)))
    };
    !keys.is_empty() && keys.iter().all(is_public)
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
