//! What oxide-auth does here, and the only place that names it.
//!
//! Its primitives and its state machines without I/O are put to use; its ready-made flows are not. Those drop repeated
//! parameters, answer 500 to a scope that is not allowed, stay silent towards a client they cannot bind, and read the
//! wall clock. So it is given only values that we have read strictly, and each of its endings becomes a refusal of ours.

pub mod authorization_code;
pub mod client_credentials;
pub mod refresh;
mod registrar;
mod scope;

use oxide_auth::primitives::registrar::RegistrarError;

use crate::{
    domain::client::Access,
    oauth::{
        error::{OAuthError, Problem},
        scope::Scope,
    },
};

/// Why no scope was granted. The ready-made flows answer nothing here, or 500.
fn unscoped(
    error: &RegistrarError,
    access: &Access,
    requested: Option<&Scope>,
    failed: fn(&str) -> OAuthError,
) -> OAuthError {
    match (error, requested) {
        (RegistrarError::PrimitiveError, _) => failed("the scope could not be negotiated"),
        (RegistrarError::Unspecified, Some(scope)) => OAuthError::new(
            Problem::ScopeNotAllowed,
            format!("beyond the client's access to {}: {}", access.audience, scope.difference(&access.scopes)),
        )
        .about("scope"),
        (RegistrarError::Unspecified, None) => OAuthError::new(
            Problem::NoDefaultScope,
            format!("the client's access to {} has no usable default", access.audience),
        )
        .about("scope"),
    }
}

#[cfg(test)]
mod support {
    //! Clients and sessions for the tests of this folder.

    use crate::{
        domain::{
            ancestry::AncestorFacts,
            claims::SubjectType,
            client::{Access, Client, ClientKind, ClientSecret, ClientSignIn, ExchangeError, Permissions},
            secret::Secret,
            session::{GrantBasis, Session, SessionGrant},
        },
        oauth::{grant_type::GrantType, scope::Scope},
    };

    pub fn scope(text: &str) -> Scope {
        Scope::parse(text).expect("a well-formed scope")
    }

    pub fn access(scopes: &str, default_scopes: Option<&str>) -> Access {
        Access { audience: "resource-api".into(), scopes: scope(scopes), default_scopes: default_scopes.map(scope) }
    }

    pub fn session(client_id: &str, granted: &str) -> Session {
        Session {
            id: "a session".into(),
            environment_id: "one".into(),
            client_id: client_id.into(),
            grant: SessionGrant {
                subject: "user".into(),
                subject_type: SubjectType::EndUserAccount,
                audience: vec!["resource-api".into()],
                scope: scope(granted),
                widened: Scope::empty(),
                act: None,
                may_act: None,
                anc: Vec::new(),
                anc_facts: AncestorFacts::default(),
                claims: serde_json::Map::new(),
                parents: Vec::new(),
                basis: GrantBasis::SignIn("provider".into()),
            },
            generation: 1,
            rotation: None,
            created_at: 0,
            last_used_at: 0,
            idle_expires_at: 100,
            expires_at: 100,
            end: None,
        }
    }

    pub fn client(id: &str, secrets: &[&str]) -> Client {
        let secret = |text: &&str| ClientSecret::new(format!("id of {text}"), Secret::new(*text).hash(), None);
        Client {
            id: id.into(),
            name: "A service".into(),
            kind: ClientKind::ServiceAccount,
            enabled: true,
            grants: vec![GrantType::ClientCredentials],
            access: vec![],
            permissions: Permissions::new(),
            exchange_error: ExchangeError::default(),
            sign_in: ClientSignIn::default(),
            secrets: secrets.iter().map(secret).collect(),
        }
    }
}
