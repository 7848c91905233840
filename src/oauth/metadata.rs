//! Authorization server metadata (RFC 8414), made from the list of grants, so that the two cannot disagree.

use serde::Serialize;

use super::{credentials::AuthenticationMethod, grant_type::GrantType, scope::Scope};

/// The token endpoint, below the issuer.
pub const TOKEN_PATH: &str = "/token";
/// The public keys (RFC 7517), below the issuer.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// This document (RFC 8414 §3), below the issuer, and between the host and the path of one that has a path.
pub const AUTHORIZATION_SERVER_PATH: &str = "/.well-known/oauth-authorization-server";
/// The same with the members of OpenID Connect Discovery 1.0 §3, for libraries that read only this one.
pub const OPENID_CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// RFC 8414 §2 requires `response_types_supported`, §3.2 forbids an empty array, and we have no authorization endpoint.
/// Readers differ: oauth4webapi checks `issuer` alone and takes the document either way, authlib's validator refuses
/// one in which the member is absent or empty, and typed readers commonly declare it as an array that must be there.
/// So one value has to stand here. `none` is the registered value that promises neither code nor token (OAuth 2.0
/// Multiple Response Type Encoding Practices §4); `code` would be untrue.
const RESPONSE_TYPES: &[&str] = &["none"];

/// The metadata document of one issuer. Arrays without elements are left out (TE-104).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthorizationServerMetadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    response_types_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    subject_types_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    id_token_signing_alg_values_supported: Vec<String>,
}

impl AuthorizationServerMetadata {
    /// The document of `issuer` (no trailing slash), which is repeated byte by byte (TE-100): its grants, and the
    /// scopes it is willing to name. For `/.well-known/oauth-authorization-server`.
    pub fn new(issuer: &str, grants: &[GrantType], scopes: &Scope) -> Self {
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}{TOKEN_PATH}"),
            jwks_uri: format!("{issuer}{JWKS_PATH}"),
            scopes_supported: scopes.iter().map(str::to_owned).collect(),
            response_types_supported: RESPONSE_TYPES,
            grant_types_supported: grants.iter().map(|grant| grant.as_str()).collect(),
            token_endpoint_auth_methods_supported: AuthenticationMethod::ALL.map(AuthenticationMethod::as_str).to_vec(),
            subject_types_supported: &[],
            id_token_signing_alg_values_supported: Vec::new(),
        }
    }

    /// Adds the members that OpenID Connect Discovery 1.0 §3 requires and we can truthfully give: a user has the same
    /// `sub` everywhere, and these are the algorithms (`alg`, RFC 7518) that the issuer's keys sign with.
    /// `authorization_endpoint` stays out: there is none. For `/.well-known/openid-configuration`.
    #[must_use]
    pub fn for_openid<A: AsRef<str>>(mut self, signing_algs: impl IntoIterator<Item = A>) -> Self {
        self.subject_types_supported = &["public"];
        self.id_token_signing_alg_values_supported =
            signing_algs.into_iter().map(|alg| alg.as_ref().to_owned()).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example/tenant/environment";

    fn document(scopes: &str) -> AuthorizationServerMetadata {
        AuthorizationServerMetadata::new(ISSUER, &GrantType::ALL, &Scope::parse(scopes).expect("well-formed"))
    }

    #[test]
    fn the_document_lists_what_the_issuer_has() {
        let expected = json!({
            "issuer": "https://id.example/tenant/environment",
            "token_endpoint": "https://id.example/tenant/environment/token",
            "jwks_uri": "https://id.example/tenant/environment/.well-known/jwks.json",
            "scopes_supported": ["calendar.read"],
            "response_types_supported": ["none"],
            "grant_types_supported":
                ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange", "refresh_token", "delegation"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        });
        assert_eq!(serde_json::to_value(document("calendar.read")).expect("JSON"), expected);
    }

    #[test]
    fn the_openid_form_only_adds_members() {
        let plain = serde_json::to_value(document("a")).expect("JSON");
        let openid = serde_json::to_value(document("a").for_openid(["ES256", "RS256"])).expect("JSON");
        let plain = plain.as_object().expect("an object");
        let openid = openid.as_object().expect("an object");
        assert!(plain.iter().all(|(name, value)| openid.get(name) == Some(value)));
        let added: Vec<_> = openid.iter().filter(|(name, _)| !plain.contains_key(*name)).collect();
        let expected = [
            (&"subject_types_supported".to_owned(), &json!(["public"])),
            (&"id_token_signing_alg_values_supported".to_owned(), &json!(["ES256", "RS256"])),
        ];
        assert_eq!(added, expected);
    }

    #[test]
    fn no_array_is_empty() {
        let bare = AuthorizationServerMetadata::new(ISSUER, &[], &Scope::empty()).for_openid([""; 0]);
        let bare = serde_json::to_value(bare).expect("JSON");
        for (name, value) in bare.as_object().expect("an object") {
            assert!(value.as_array().is_none_or(|array| !array.is_empty()), "{name}");
        }
        assert!(bare.get("scopes_supported").is_none());
    }
}
