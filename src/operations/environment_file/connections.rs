//! `[[identity_connection]]`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    ConnectionBlock, Sources,
    findings::Findings,
    json::json_of,
    sign_in,
    table::{MAX_NAME, Table, item_path},
    urls::{is_safe_url, safe_url},
};
use crate::{
    domain::{
        connection::{IdentityConnection, IdentityProvider, RESERVED_PREFIX},
        foreign::{ClaimMap, ForeignIssuer},
        rule::ISSUER_SELF,
        user::is_text,
        verifying_alg::VerifyingAlg,
    },
    jose::foreign_keys::ForeignKeys,
    outbound::Outbound,
};

/// The most bytes of certificates of one connection.
const MAX_AUTHORITIES: usize = 64 * 1024;
/// The most other spellings of one issuer.
const MAX_ALIASES: usize = 8;

pub(super) fn read(table: &mut Table<'_, '_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> ConnectionBlock {
    let name = table.name("name", findings);
    let name = table.required("name", name, findings);
    if name == ISSUER_SELF {
        findings.error(&table.path("name"), "\"self\" stands for this environment in exchange rules; use another name");
    }
    if name.starts_with(RESERVED_PREFIX) {
        findings.error(&table.path("name"), "names with \"dev:\" are those of development; use another name");
    }
    let provider = table.text("provider", findings);
    let provider = match table.required("provider", provider, findings).as_str() {
        "OIDC" => IdentityProvider::Oidc(read_issuer(table, sources, findings)),
        "JWT" => IdentityProvider::Jwt(read_issuer(table, sources, findings)),
        "DELEGATED" => IdentityProvider::Delegated,
        _ => {
            if table.has("provider") {
                findings.error(&table.path("provider"), "must be one of \"DELEGATED\", \"OIDC\", \"JWT\"");
            }
            IdentityProvider::Delegated
        }
    };
    let title = table.name("title", findings).unwrap_or_else(|| name.clone());
    let sort_order = table.integer("sort_order", -1_000_000..=1_000_000, findings).unwrap_or_default();
    let enabled = table.enabled(findings);
    let sign_in = sign_in::read(table, &provider, sources, findings);
    let connection = IdentityConnection { name, title, sort_order, provider, enabled, sign_in: None };
    ConnectionBlock { connection, sign_in }
}

fn read_issuer(table: &mut Table<'_, '_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> ForeignIssuer {
    let issuer = table.identifier("issuer", findings);
    let issuer = table.required("issuer", issuer, findings);
    let issuer_aliases = read_aliases(table, &issuer, findings);
    let (jwks_uri, jwks) = (table.text("jwks_uri", findings), table.text("jwks", findings));
    match (table.has("jwks_uri"), table.has("jwks")) {
        (true, true) => findings.error(&table.path("jwks"), "is set together with jwks_uri; keep one of them"),
        (false, false) if !issuer.is_empty() && !is_safe_url(&issuer) => findings.error(
            table.own_path(),
            "needs jwks_uri, or jwks with the keys of the issuer, which is no https:// URL below which they could be found",
        ),
        _ => {}
    }
    let jwks_uri = safe_url(table, "jwks_uri", jwks_uri, "whoever can change the keys can be any user", findings);
    if let Some(mistake) = jwks.as_deref().and_then(mistake_in_keys) {
        findings.error(&table.path("jwks"), mistake);
    }
    ForeignIssuer {
        issuer,
        issuer_aliases,
        jwks_uri,
        jwks,
        authorities: read_authorities(table, sources, findings),
        audiences: read_audiences(table, findings),
        algorithms: read_algorithms(table, findings),
        claims: read_conditions(table, findings),
        map: read_map(table, findings),
    }
}

/// The certificates of `ca_file`. They are kept, so that nodes need no file.
fn read_authorities(table: &mut Table<'_, '_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let name = table.text("ca_file", findings)?;
    let (path, file) = (table.path("ca_file"), sources.directory.join(name));
    match std::fs::read_to_string(&file) {
        Ok(pem) if pem.len() <= MAX_AUTHORITIES && Outbound::are_authorities(&pem) => return Some(pem),
        Ok(_) => findings.error(
            &path,
            format_args!(
                "the file {} must hold certificates in PEM, no private key, and 64 KiB at most",
                file.display()
            ),
        ),
        Err(error) => findings.error(&path, format_args!("the file {} cannot be read: {error}", file.display())),
    }
    None
}

/// Other spellings of the issuer: one with a slash at its end, without `https://`, or that of another version.
fn read_aliases(table: &mut Table<'_, '_>, issuer: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let aliases = table.texts("issuer_aliases", findings);
    let path = table.path("issuer_aliases");
    if aliases.len() > MAX_ALIASES {
        findings.error(&path, format_args!("may have {MAX_ALIASES} items at most"));
    }
    for alias in &aliases {
        if !is_text(alias, MAX_NAME) {
            findings.error(&item_path(&path, alias), format_args!("must be 1 to {MAX_NAME} bytes of text"));
        } else if alias == issuer {
            findings.error(&item_path(&path, alias), "is the issuer itself; leave it out");
        }
    }
    aliases
}

fn read_algorithms(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Vec<VerifyingAlg> {
    let path = table.path("algorithms");
    let mut algorithms = Vec::new();
    for name in table.texts("algorithms", findings) {
        match VerifyingAlg::from_name(&name) {
            Some(alg) => algorithms.push(alg),
            None => {
                let names = VerifyingAlg::ALL.map(|alg| format!("\"{}\"", alg.as_str())).join(", ");
                findings.error(&item_path(&path, &name), format_args!("must be one of {names}"));
            }
        }
    }
    algorithms
}

fn read_audiences(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Vec<String> {
    let audiences = table.texts("audiences", findings);
    let path = table.path("audiences");
    if !table.has("audiences") {
        findings.error(&path, "is missing; name what \"aud\" must have, or tokens made for others would be taken");
    } else if audiences.is_empty() {
        findings.error(&path, "must name at least one, or tokens made for others would be taken");
    }
    for audience in audiences.iter().filter(|audience| !is_text(audience, MAX_NAME)) {
        findings.error(&item_path(&path, audience), format_args!("must be 1 to {MAX_NAME} bytes of text"));
    }
    audiences
}

/// What a token must say besides.
fn read_conditions(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> BTreeMap<String, Value> {
    let Some(claims) = table.table("claims", findings) else { return BTreeMap::new() };
    let mut conditions = BTreeMap::new();
    for (name, path, value) in claims.entries(findings) {
        match json_of(value, &path, findings) {
            // Two spellings of a fraction may or may not be equal; a list could mean "all" or "any".
            Some(value) if value.is_string() || value.is_boolean() || value.is_i64() => {
                conditions.insert(name, value);
            }
            Some(_) => findings.error(&path, "must be a text, a whole number, true or false"),
            None => {}
        }
    }
    conditions
}

/// Where a token says who the user is.
fn read_map(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> ClaimMap {
    let mut map = ClaimMap::default();
    let Some(mut table) = table.table("map", findings) else { return map };
    if let Some(claim) = table.name("subject", findings) {
        map.subject = claim;
    }
    if let Some(claim) = table.name("email", findings) {
        map.email = claim;
    }
    if let Some(claim) = table.name("name", findings) {
        map.name = claim;
    }
    table.finish(findings);
    map
}

fn mistake_in_keys(jwks: &str) -> Option<&'static str> {
    if ForeignKeys::gives_away_secrets(jwks.as_bytes()) {
        return Some(
            "has a private or symmetric key: whoever reads this file could be any user; give the public halves",
        );
    }
    match ForeignKeys::parse(jwks.as_bytes()) {
        Err(_) => Some("must be a JSON document {\"keys\": [ … ]} with 64 keys at most"),
        Ok(keys) if keys.is_empty() => {
            Some("has no key for signatures: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519")
        }
        Ok(_) => None,
    }
}
