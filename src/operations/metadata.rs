//! The metadata documents of an environment, derived from what it serves, so that they cannot disagree with it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::context::Context;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{authorization::IDENTITY_SCOPES, environment::SigningAlg, login::claims},
    grants::GRANTS,
    oauth::{metadata::AuthorizationServerMetadata, scope::Scope},
};

/// Authentication and tokens as GraphQL, below the issuer.
pub const GRAPHQL_PATH: &str = "/graphql";
/// The management API as GraphQL, below the issuer.
pub const GRAPHQL_MANAGEMENT_PATH: &str = "/graphql-management";
/// [`GraphqlEndpoints`], below the issuer.
pub const GRAPHQL_ENDPOINTS_PATH: &str = "/.well-known";

/// Where the clients of Mosaic find the two endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphqlEndpoints {
    #[serde(rename = "authGraphQlEndpoint")]
    auth: String,
    #[serde(rename = "accessManagementGraphQlEndpoint")]
    access_management: String,
}

/// The GraphQL endpoints of an environment.
pub fn graphql_endpoints(environment: &EnvironmentSnapshot) -> GraphqlEndpoints {
    GraphqlEndpoints {
        auth: format!("{}{GRAPHQL_PATH}", environment.issuer),
        access_management: format!("{}{GRAPHQL_MANAGEMENT_PATH}", environment.issuer),
    }
}

/// The claims that ID tokens have by themselves, and those of the UserInfo endpoint that cannot be asked for by name.
const OWN_CLAIMS: [&str; 19] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "sid",
    "amr",
    "acr",
    "tid",
    "name",
    "given_name",
    "middle_name",
    "family_name",
    "preferred_username",
    "birthdate",
    "updated_at",
];

/// RFC 8414.
pub fn authorization_server(context: &Context, environment: &EnvironmentSnapshot) -> AuthorizationServerMetadata {
    let grants: Vec<_> = GRANTS.iter().map(|grant| grant.grant_type()).collect();
    let enabled = environment.resource_servers.iter().filter(|server| server.enabled);
    let scopes = enabled.fold(Scope::empty(), |all, server| all.union(&server.scopes));
    let scopes = scopes.union(&Scope::from_tokens(IDENTITY_SCOPES).unwrap_or_default());
    AuthorizationServerMetadata::new(&environment.issuer, &grants, &scopes)
        .signing_introspection(context.signing_alg.as_str())
}

/// The same with what OpenID Connect Discovery requires (TE-105).
pub fn openid_configuration(context: &Context, environment: &EnvironmentSnapshot) -> AuthorizationServerMetadata {
    let algs = signing_algs(environment, context.signing_alg);
    authorization_server(context, environment)
        .for_openid(algs.into_iter().map(SigningAlg::as_str), OWN_CLAIMS.iter().chain(claims::NAMES).copied())
}

/// Every algorithm that tokens of this environment are signed with.
pub fn signing_algs(environment: &EnvironmentSnapshot, default: SigningAlg) -> BTreeSet<SigningAlg> {
    environment.resource_servers.iter().filter_map(|server| server.signing_alg).chain([default]).collect()
}
