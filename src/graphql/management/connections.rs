//! Identity connections, as they are shown.

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, Json, Object, SimpleObject};
use serde_json::Value;

use super::{health::KeySetFetches, manager};
use crate::{
    domain::{connection::IdentityProvider, foreign::ForeignIssuer},
    graphql::request,
    operations::{
        foreign_keys::key_set_scope,
        management::{
            connections::{self, ProviderKind},
            recorded::VIEW_CONNECTIONS,
        },
        mosaic_error::MosaicError,
    },
    store::{Origin, identity_connections::StoredConnection},
};

/// How an identity connection vouches for users.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ProviderKind")]
pub(super) enum IdentityProviderKind {
    /// A trusted service account says who the user is.
    Delegated,
    /// An ID token of a foreign issuer proves it.
    Oidc,
    /// Another JWT of a foreign issuer proves it.
    Jwt,
}

impl IdentityProviderKind {
    /// What people know it as.
    fn title(self) -> &'static str {
        match self {
            Self::Delegated => "Delegated Authentication (Managed)",
            Self::Oidc => "OpenID Connect",
            Self::Jwt => "JSON Web Token",
        }
    }
}

/// Who vouches for users that sign in elsewhere.
pub(super) struct IdentityConnection(StoredConnection);

impl From<StoredConnection> for IdentityConnection {
    fn from(stored: StoredConnection) -> Self {
        Self(stored)
    }
}

impl IdentityConnection {
    fn kind(&self) -> IdentityProviderKind {
        match self.0.connection.provider {
            IdentityProvider::Delegated => IdentityProviderKind::Delegated,
            IdentityProvider::Oidc(_) => IdentityProviderKind::Oidc,
            IdentityProvider::Jwt(_) => IdentityProviderKind::Jwt,
        }
    }

    fn foreign(&self) -> Option<&ForeignIssuer> {
        self.0.connection.provider.foreign_issuer()
    }
}

#[Object]
impl IdentityConnection {
    /// Unique in the environment; exchange rules name it.
    async fn name(&self) -> &str {
        &self.0.connection.name
    }

    /// For people who choose how to sign in.
    async fn title(&self) -> &str {
        &self.0.connection.title
    }

    /// How it vouches for users.
    async fn provider(&self) -> IdentityProviderKind {
        self.kind()
    }

    /// The same for people.
    async fn provider_title(&self) -> &'static str {
        self.kind().title()
    }

    /// A disabled connection vouches for nobody.
    async fn enabled(&self) -> bool {
        self.0.connection.enabled
    }

    /// How often its key set was fetched by the node that answers; nothing before the first token that needs it.
    async fn key_set_fetches(&self, ctx: &Context<'_>) -> Result<Option<KeySetFetches>, MosaicError> {
        let request = request::of(ctx)?;
        let scope = key_set_scope(&request.environment, &self.0.connection.name);
        let all = request.context.foreign_keys.counters();
        Ok(all.into_iter().find(|(of, _)| *of == scope).map(|(_, counters)| counters.into()))
    }

    /// Its place among the others; equal ones are ordered by name.
    async fn sort_order(&self) -> i64 {
        self.0.connection.sort_order
    }

    /// `iss` of the foreign issuer's tokens.
    async fn issuer(&self) -> Option<&str> {
        self.foreign().map(|foreign| foreign.issuer.as_str())
    }

    /// Where the foreign issuer's keys are.
    async fn jwks_uri(&self) -> Option<&str> {
        self.foreign().and_then(|foreign| foreign.jwks_uri.as_deref())
    }

    /// The foreign issuer's keys.
    async fn jwks(&self) -> Option<Json<Value>> {
        let text = self.foreign().and_then(|foreign| foreign.jwks.as_deref())?;
        serde_json::from_str(text).ok().map(Json)
    }

    /// The `aud` values that are accepted.
    async fn audiences(&self) -> Option<&[String]> {
        self.foreign().map(|foreign| foreign.audiences.as_slice())
    }

    /// The signature algorithms that are accepted; none: whatever a key is good for.
    async fn algorithms(&self) -> Option<Vec<&'static str>> {
        self.foreign().map(|foreign| foreign.algorithms.iter().map(|alg| alg.as_str()).collect())
    }

    /// What a token must say besides: each claim equals the value, or is a list that contains it.
    async fn claims(&self) -> Option<Json<BTreeMap<String, Value>>> {
        self.foreign().map(|foreign| Json(foreign.claims.clone()))
    }

    /// The claim that identifies the user.
    async fn subject_claim(&self) -> Option<&str> {
        self.foreign().map(|foreign| foreign.map.subject.as_str())
    }

    /// The claim with the e-mail address.
    async fn email_claim(&self) -> Option<&str> {
        self.foreign().map(|foreign| foreign.map.email.as_str())
    }

    /// The claim with the name.
    async fn name_claim(&self) -> Option<&str> {
        self.foreign().map(|foreign| foreign.map.name.as_str())
    }

    /// Whether an environment file looks after it: the next time the file is applied, it says again what is in there.
    async fn managed_by_file(&self) -> bool {
        self.0.origin == Origin::File
    }
}

/// All identity connections of an environment.
#[derive(SimpleObject)]
pub(super) struct IdentityConnectionsConnection {
    /// Them, in their order.
    nodes: Vec<IdentityConnection>,
    /// How many there are.
    total_count: usize,
}

/// What can be asked about identity connections.
#[derive(Default)]
pub(super) struct IdentityConnectionQuery;

#[Object]
impl IdentityConnectionQuery {
    /// The identity connections of the environment, in their order. Needs `ax-user-service: IDENTITY_CONNECTIONS_VIEW`.
    #[graphql(complexity = "super::list::page_cost(None, child_complexity)")]
    async fn identity_connections(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<IdentityConnectionsConnection>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(VIEW_CONNECTIONS)?;
        let all = connections::list(manager.context, manager.environment).await?;
        let total_count = all.len();
        Ok(Some(IdentityConnectionsConnection { nodes: all.into_iter().map(Into::into).collect(), total_count }))
    }
}
