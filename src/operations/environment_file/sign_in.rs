//! How users sign in: `sign_in` of an identity connection, and what it takes on the side of clients.

use super::{
    EnvironmentFile, SignInBlock, Sources,
    findings::{Findings, hint},
    secrets::Given,
    table::Table,
    urls::{is_safe_url, safe_url},
};
use crate::{
    domain::{
        authorization::OPENID,
        connection::{IdentityProvider, ResponseMode, TokenEndpointAuth},
        secret::Secret,
    },
    oauth::{grant_type::GrantType, scope::Scope},
};

pub(super) fn read(
    connection: &mut Table<'_, '_>,
    provider: &IdentityProvider,
    sources: &Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<SignInBlock> {
    let mut table = connection.table("sign_in", findings)?;
    if !matches!(provider, IdentityProvider::Oidc(_)) {
        findings.error(table.own_path(), "is for connections with provider = \"OIDC\": only those have ID tokens");
    }
    let client_id = table.identifier("client_id", findings);
    let client_id = table.required("client_id", client_id, findings);
    let url = table.text("authorization_endpoint", findings);
    let authorization_endpoint =
        safe_url(&table, "authorization_endpoint", url, "people type their passwords behind it", findings);
    let url = table.text("token_endpoint", findings);
    let token_endpoint = safe_url(&table, "token_endpoint", url, "the secret is sent there", findings);
    if authorization_endpoint.is_none() || token_endpoint.is_none() {
        require_metadata(table.own_path(), provider, findings);
    }
    let openid = Scope::from_tokens([OPENID]).unwrap_or_default();
    let scopes = table.scope("scopes", findings).unwrap_or_default();
    let iss_required = table.flag("iss_required", findings).unwrap_or_default();
    let auth_method = table.choice("token_endpoint_auth_method", &TokenEndpointAuth::ALL, findings).unwrap_or_default();
    let response_mode = table.choice("response_mode", &ResponseMode::ALL, findings).unwrap_or_default();
    let secret = read_secret(&mut table, auth_method, sources, findings);
    table.finish(findings);
    let scopes = openid.union(&scopes);
    Some(SignInBlock {
        client_id,
        authorization_endpoint,
        token_endpoint,
        scopes,
        token_endpoint_auth_method: auth_method,
        response_mode,
        iss_required,
        secret: secret?,
    })
}

/// Endpoints that the file leaves out are found below the issuer, which must be a URL for that.
fn require_metadata(path: &str, provider: &IdentityProvider, findings: &mut Findings<'_>) {
    if provider.foreign_issuer().is_some_and(|issuer| !is_safe_url(&issuer.issuer)) {
        findings.error(
            path,
            "needs authorization_endpoint and token_endpoint: the issuer is no https:// URL, so its metadata cannot be found",
        );
    }
}

/// The secret that this server has there; empty where it has none.
fn read_secret(
    table: &mut Table<'_, '_>,
    auth_method: TokenEndpointAuth,
    sources: &Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<Secret> {
    let given = Given {
        key: "client_secret",
        value: table.text("client_secret", findings),
        variable: table.text("client_secret_env", findings),
        file: table.text("client_secret_file", findings),
        // A hash would not do: the provider wants the secret itself.
        sha256: None,
    };
    let key = ["client_secret", "client_secret_env", "client_secret_file"].into_iter().find(|key| table.has(key));
    match (auth_method, key) {
        (TokenEndpointAuth::None, None) => return Some(Secret::new("")),
        (TokenEndpointAuth::None, Some(key)) => findings
            .error(&table.path(key), "is not sent with token_endpoint_auth_method = \"none\"; leave one of them out"),
        (_, None) => findings.error(table.own_path(), "needs client_secret, client_secret_env or client_secret_file"),
        (_, Some(_)) => {}
    }
    given.secret_of_others(table, sources, findings)
}

/// A client whose users sign in needs to say where they go back to, and to which application they sign in.
pub(super) fn check(file: &EnvironmentFile, findings: &mut Findings<'_>) {
    for (position, block) in file.clients.iter().enumerate() {
        let path = |key: &str| format!("client[{position}].{key}");
        let sign_in = &block.client.sign_in;
        if let Some(name) = &sign_in.application
            && !file.applications.iter().any(|application| application.name == *name)
        {
            let hint = hint(name, file.applications.iter().map(|application| application.name.as_str()));
            findings.error(&path("application"), format_args!("there is no application \"{name}\"{hint}"));
        }
        if block.client.grants.contains(&GrantType::AuthorizationCode) {
            for (key, is_missing) in
                [("redirect_uris", sign_in.redirect_uris.is_empty()), ("application", sign_in.application.is_none())]
            {
                if is_missing {
                    findings.error(&path(key), "is missing; the grant authorization_code needs it");
                }
            }
        } else if !sign_in.redirect_uris.is_empty() && sign_in.application.is_none() {
            findings.warn(
                &path("redirect_uris"),
                "have no effect: the client has neither the grant authorization_code nor an application whose backend it is",
            );
        }
    }
    warn_of_unnamed_providers(file, findings);
}

/// Of several providers one could send users to another one in our name, and have the code of that one sent to itself
/// (RFC 9207 §1). That shows where each says who it is.
fn warn_of_unnamed_providers(file: &EnvironmentFile, findings: &mut Findings<'_>) {
    if file.identity_connections.iter().filter(|block| block.sign_in.is_some()).count() < 2 {
        return;
    }
    for (position, block) in file.identity_connections.iter().enumerate() {
        if block.sign_in.as_ref().is_some_and(|sign_in| !sign_in.iss_required) {
            findings.warn(
                &format!("identity_connection[{position}].sign_in"),
                "should have iss_required = true, as there are several: answers of one provider could pass for another's",
            );
        }
    }
}
