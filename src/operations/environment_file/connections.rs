//! `[[identity_connection]]`.

use super::{
    findings::Findings,
    table::{Table, text_of},
    urls::safe_url,
};
use crate::domain::{
    connection::{IdentityConnection, IdentityProvider},
    environment::SigningAlg,
    rule::ISSUER_SELF,
};

/// Members of a JWK that must not leave its owner (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 2] = ["d", "k"];

pub(super) fn read(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> IdentityConnection {
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
    let jwks_uri = safe_url(table, "jwks_uri", jwks_uri, "whoever can change the keys can be any user", findings);
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

fn is_public_jwks(text: &str) -> bool {
    let Ok(document) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    let Some(keys) = document.get("keys").and_then(|keys| keys.as_array()) else { return false };
    let is_public = |key: &serde_json::Value| {
        key.as_object().is_some_and(|members| PRIVATE_MEMBERS.iter().all(|member| !members.contains_key(*member)))
    };
    !keys.is_empty() && keys.iter().all(is_public)
}
