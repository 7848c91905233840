//! The metadata documents of an environment, derived from what it serves, so that they cannot disagree with it.

use std::collections::BTreeSet;

use super::context::Context;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::environment::SigningAlg,
    grants::GRANTS,
    oauth::{metadata::AuthorizationServerMetadata, scope::Scope},
};

/// RFC 8414.
pub fn authorization_server(environment: &EnvironmentSnapshot) -> AuthorizationServerMetadata {
    let grants: Vec<_> = GRANTS.iter().map(|grant| grant.grant_type()).collect();
    let enabled = environment.resource_servers.iter().filter(|server| server.enabled);
    let scopes = enabled.fold(Scope::empty(), |all, server| all.union(&server.scopes));
    AuthorizationServerMetadata::new(&environment.issuer, &grants, &scopes)
}

/// The same with what OpenID Connect Discovery requires (TE-105).
pub fn openid_configuration(context: &Context, environment: &EnvironmentSnapshot) -> AuthorizationServerMetadata {
    let algs = signing_algs(environment, context.signing_alg);
    authorization_server(environment).for_openid(algs.into_iter().map(SigningAlg::as_str))
}

/// Every algorithm that tokens of this environment are signed with.
pub fn signing_algs(environment: &EnvironmentSnapshot, default: SigningAlg) -> BTreeSet<SigningAlg> {
    environment.resource_servers.iter().filter_map(|server| server.signing_alg).chain([default]).collect()
}
