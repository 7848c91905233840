//! Authorization server metadata (RFC 8414), made from the list of grants, so that the two cannot disagree.

use serde::Serialize;

use super::{credentials::AuthenticationMethod, grant_type::GrantType, scope::Scope};

/// The token endpoint, below the issuer.
pub const TOKEN_PATH: &str = "/token";
/// Token introspection (RFC 7662), below the issuer.
pub const INTROSPECTION_PATH: &str = "/introspect";
/// Token revocation (RFC 7009), below the issuer.
pub const REVOCATION_PATH: &str = "/revoke";
/// The public keys (RFC 7517), below the issuer.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// This document (RFC 8414 §3), below the issuer, and between the host and the path of one that has a path.
pub const AUTHORIZATION_SERVER_PATH: &str = "/.well-known/oauth-authorization-server";
/// The same with the members of OpenID Connect Discovery 1.0 §3, for libraries that read only this one.
pub const OPENID_CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// Where users are sent to sign in (RFC 6749 §3.1), below the issuer.
pub const AUTHORIZATION_PATH: &str = "/authorize";
/// Where an identity provider sends them back to, below the issuer.
pub const CALLBACK_PATH: &str = "/authorize/callback";

/// RFC 8414 §2 requires `response_types_supported`, §3.2 forbids an empty array, also where there is no authorization endpoint.
/// Readers differ: oauth4webapi checks `issuer` alone and takes the document either way, authlib's validator refuses
/// one in which the member is absent or empty, and typed readers commonly declare it as an array that must be there.
/// So one value has to stand here. `none` is the registered value that promises neither code nor token (OAuth 2.0
/// Multiple Response Type Encoding Practices §4); `code` would be untrue.
const NO_RESPONSE_TYPES: &[&str] = &["none"];

/// What the authorization endpoint can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct AuthorizationEndpoint {
    authorization_endpoint: String,
    response_modes_supported: &'static [&'static str],
    code_challenge_methods_supported: &'static [&'static str],
    /// RFC 9207 §3.
    authorization_response_iss_parameter_supported: bool,
    /// `true` where it is left out (OpenID Connect Discovery 1.0 §3).
    request_uri_parameter_supported: bool,
}

impl AuthorizationEndpoint {
    fn new(issuer: &str) -> Self {
        Self {
            authorization_endpoint: format!("{issuer}{AUTHORIZATION_PATH}"),
            response_modes_supported: &["query"],
            code_challenge_methods_supported: &["S256"],
            authorization_response_iss_parameter_supported: true,
            request_uri_parameter_supported: false,
        }
    }
}

/// The metadata document of one issuer. Arrays without elements are left out (TE-104).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthorizationServerMetadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    response_types_supported: &'static [&'static str],
    #[serde(flatten)]
    authorization: Option<AuthorizationEndpoint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    introspection_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    subject_types_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    id_token_signing_alg_values_supported: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_session_supported: Option<bool>,
}

impl AuthorizationServerMetadata {
    /// The document of `issuer` (no trailing slash), which is repeated byte by byte (TE-100): its grants, and the
    /// scopes it is willing to name. For `/.well-known/oauth-authorization-server`.
    pub fn new(issuer: &str, grants: &[GrantType], scopes: &Scope) -> Self {
        let authentication = AuthenticationMethod::ALL.map(AuthenticationMethod::as_str).to_vec();
        let has_codes = grants.contains(&GrantType::AuthorizationCode);
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}{TOKEN_PATH}"),
            jwks_uri: format!("{issuer}{JWKS_PATH}"),
            scopes_supported: scopes.iter().map(str::to_owned).collect(),
            response_types_supported: if has_codes { &["code"] } else { NO_RESPONSE_TYPES },
            authorization: has_codes.then(|| AuthorizationEndpoint::new(issuer)),
            grant_types_supported: grants.iter().map(|grant| grant.as_str()).collect(),
            introspection_endpoint: format!("{issuer}{INTROSPECTION_PATH}"),
            introspection_endpoint_auth_methods_supported: authentication.clone(),
            introspection_signing_alg_values_supported: Vec::new(),
            revocation_endpoint: format!("{issuer}{REVOCATION_PATH}"),
            revocation_endpoint_auth_methods_supported: authentication.clone(),
            token_endpoint_auth_methods_supported: authentication,
            subject_types_supported: &[],
            id_token_signing_alg_values_supported: Vec::new(),
            backchannel_logout_supported: None,
            backchannel_logout_session_supported: None,
        }
    }

    /// Says what signed introspection answers are signed with (RFC 9701 §7).
    #[must_use]
    pub fn signing_introspection(mut self, alg: &'static str) -> Self {
        self.introspection_signing_alg_values_supported = vec![alg];
        self
    }

    /// Adds the members that OpenID Connect Discovery 1.0 §3 requires and we can truthfully give: a user has the same
    /// `sub` everywhere, and these are the algorithms (`alg`, RFC 7518) that the issuer's keys sign with.
    /// For `/.well-known/openid-configuration`.
    #[must_use]
    pub fn for_openid<A: AsRef<str>>(mut self, signing_algs: impl IntoIterator<Item = A>) -> Self {
        self.subject_types_supported = &["public"];
        self.id_token_signing_alg_values_supported =
            signing_algs.into_iter().map(|alg| alg.as_ref().to_owned()).collect();
        // OpenID Connect Back-Channel Logout 1.0 §2.1.
        self.backchannel_logout_supported = Some(true);
        self.backchannel_logout_session_supported = Some(true);
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
            "response_types_supported": ["code"],
            "authorization_endpoint": "https://id.example/tenant/environment/authorize",
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "request_uri_parameter_supported": false,
            "grant_types_supported":
                ["client_credentials", "authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange",
                 "refresh_token", "delegation"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "introspection_endpoint": "https://id.example/tenant/environment/introspect",
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "introspection_signing_alg_values_supported": ["ES256"],
            "revocation_endpoint": "https://id.example/tenant/environment/revoke",
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        });
        let document = document("calendar.read").signing_introspection("ES256");
        assert_eq!(serde_json::to_value(document).expect("JSON"), expected);
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
            (&"backchannel_logout_supported".to_owned(), &json!(true)),
            (&"backchannel_logout_session_supported".to_owned(), &json!(true)),
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
        // Without the grant there is no authorization endpoint.
        assert_eq!((&bare["response_types_supported"], bare.get("authorization_endpoint")), (&json!(["none"]), None));
    }
}
