//! What an OpenID provider says of itself (OpenID Connect Discovery 1.0 §3).

use serde::Deserialize;

/// The path of the document below the issuer (§4.1).
const PATH: &str = "/.well-known/openid-configuration";

/// The members that are of use here. Others are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProviderMetadata {
    /// Its name, which must be the one that it was asked by.
    pub issuer: String,
    /// Where browsers are sent to sign in. Issuers of workloads have none.
    #[serde(default)]
    pub authorization_endpoint: Option<String>,
    /// Where codes are redeemed.
    #[serde(default)]
    pub token_endpoint: Option<String>,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Whether it names itself in its answers (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Where the metadata of an issuer is. A slash at the end of its name is not doubled.
pub fn metadata_url(issuer: &str) -> String {
    format!("{}{PATH}", issuer.strip_suffix('/').unwrap_or(issuer))
}

#[cfg(test)]
mod tests {
    use super::metadata_url;

    #[test]
    fn the_document_is_below_the_issuer() {
        for issuer in ["https://idp.example/tenant", "https://idp.example/tenant/"] {
            assert_eq!(metadata_url(issuer), "https://idp.example/tenant/.well-known/openid-configuration");
        }
    }
}
