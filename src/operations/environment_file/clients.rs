//! `[[client]]` and its secret.

use super::{
    ClientBlock, Sources,
    findings::Findings,
    permissions::read_permissions,
    secrets::Given,
    table::{Table, item_path},
};
use crate::{
    domain::{
        client::{Access, Client, ClientKind, ClientSignIn, ExchangeError},
        login::claims::NAMES,
        web_url::MAX_URLS,
    },
    oauth::{grant_type::GrantType, redirect_uri::is_redirect_uri, scope::Scope},
};

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
        sign_in: read_sign_in(table, findings),
        secrets: Vec::new(),
    };
    let secret = Given {
        key: "secret",
        value: table.text("secret", findings),
        variable: table.text("secret_env", findings),
        file: table.text("secret_file", findings),
        sha256: table.text("secret_sha256", findings),
    };
    ClientBlock { client, secret: secret.hash(table, sources, findings), line: findings.line(table.own_path()) }
}

/// Whoever owns one of the redirect URIs is sent the codes of this client's users; whoever owns the other, when they leave.
fn read_sign_in(table: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> ClientSignIn {
    let redirect_uris = table.texts("redirect_uris", findings);
    let list = table.path("redirect_uris");
    if redirect_uris.len() > MAX_URLS {
        findings.error(&list, format_args!("may have {MAX_URLS} items at most"));
    }
    for uri in redirect_uris.iter().filter(|uri| !is_redirect_uri(uri)) {
        findings.error(
            &item_path(&list, uri),
            "must be an https:// URL, or an http:// one on loopback, without user name and fragment",
        );
    }
    let default_claims = table.texts("default_claims", findings);
    for name in default_claims.iter().filter(|name| !NAMES.contains(&name.as_str())) {
        let known = NAMES.join(", ");
        findings.error(&item_path(&table.path("default_claims"), name), format_args!("is no claim: those are {known}"));
    }
    let backchannel_logout_uri = table.text("backchannel_logout_uri", findings);
    let is_good = |uri: &String| is_redirect_uri(uri);
    if !backchannel_logout_uri.as_ref().is_none_or(is_good) {
        findings.error(
            &table.path("backchannel_logout_uri"),
            "must be an https:// URL, or an http:// one on loopback, without user name and fragment",
        );
    }
    let backchannel_logout_session_required = table.flag("backchannel_logout_session_required", findings);
    if backchannel_logout_session_required.is_some() && backchannel_logout_uri.is_none() {
        findings.error(&table.path("backchannel_logout_session_required"), "needs backchannel_logout_uri");
    }
    ClientSignIn {
        redirect_uris,
        application: table.name("application", findings),
        default_claims,
        backchannel_logout_uri,
        backchannel_logout_session_required: backchannel_logout_session_required.unwrap_or_default(),
    }
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
            let path = item_path(&entry.path("default_scopes"), token);
            findings
                .error(&path, format_args!("\"{token}\" is not one of this entry's scopes; add it there or remove it"));
        }
        all.push(Access { audience, scopes, default_scopes });
        entry.finish(findings);
    }
    all
}
