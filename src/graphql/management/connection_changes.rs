//! Changes of identity connections.

use std::collections::BTreeMap;

use async_graphql::{Context, InputObject, Json, Object};
use serde_json::Value;

use super::{
    connections::{IdentityConnection, IdentityProviderKind},
    manager,
    shapes::payloads,
};
use crate::{
    domain::verifying_alg::VerifyingAlg,
    operations::{
        management::{
            checks::invalid,
            connections::{self, ConnectionPatch, NewConnection},
            foreign::ForeignPatch,
            recorded::{EDIT_CONNECTIONS, Operation},
        },
        mosaic_error::MosaicError,
    },
    store::identity_connections::StoredConnection,
};

/// What an identity connection is made of. The fields from `issuer` on are for a foreign issuer.
#[derive(InputObject)]
pub(super) struct IdentityConnectionInput {
    /// Unique in the environment.
    name: String,
    /// For people who choose how to sign in; the name if there is none.
    title: Option<String>,
    /// How it vouches for users.
    provider: IdentityProviderKind,
    /// Whether it vouches for anybody yet.
    #[graphql(default = false)]
    enabled: bool,
    /// Its place among the others.
    #[graphql(default = 0)]
    sort_order: i32,
    /// Who the foreign issuer is.
    #[graphql(flatten)]
    foreign: ForeignIssuerFields,
}

/// What is changed of an identity connection. What is left out stays as it is.
#[derive(InputObject)]
pub(super) struct IdentityConnectionPatch {
    /// For people who choose how to sign in.
    title: Option<String>,
    /// A disabled connection vouches for nobody.
    enabled: Option<bool>,
    /// Its place among the others.
    sort_order: Option<i32>,
    /// Who the foreign issuer is.
    #[graphql(flatten)]
    foreign: ForeignIssuerFields,
}

/// Who a foreign issuer is.
#[derive(InputObject)]
pub(super) struct ForeignIssuerFields {
    /// `iss` of its tokens, byte for byte.
    issuer: Option<String>,
    /// Where its keys are: https, and where this server may call. Or `jwks`; without either its metadata say where.
    jwks_uri: Option<String>,
    /// Its keys: a JSON document with public keys (RFC 7517 §5). Or `jwksUri`.
    jwks: Option<Json<Value>>,
    /// The `aud` values that are accepted; at least one, or tokens meant for others would be taken.
    audiences: Option<Vec<String>>,
    /// The signature algorithms that are accepted (`RS`, `PS` or `ES` with 256, 384 or 512; `EdDSA`); none: whatever a key is good for.
    algorithms: Option<Vec<String>>,
    /// What a token must say besides: each claim equals the value, or is a list that contains it.
    claims: Option<Json<BTreeMap<String, Value>>>,
    /// The claim that identifies the user; `sub` if none is given. Whoever can choose its value can be anybody.
    subject_claim: Option<String>,
    /// The claim with the e-mail address; `email` if none is given.
    email_claim: Option<String>,
    /// The claim with the name; `name` if none is given.
    name_claim: Option<String>,
}

/// Input of `createIdentityConnection`.
#[derive(InputObject)]
pub(super) struct CreateIdentityConnectionInput {
    /// The connection.
    identity_connection: IdentityConnectionInput,
}

/// Input of `updateIdentityConnection`.
#[derive(InputObject)]
pub(super) struct UpdateIdentityConnectionInput {
    /// Which connection.
    name: String,
    /// What is changed of it.
    patch: IdentityConnectionPatch,
}

/// Input of `deleteIdentityConnection`.
#[derive(InputObject)]
pub(super) struct DeleteIdentityConnectionInput {
    /// Which connection.
    name: String,
}

payloads! {
    identity_connection: IdentityConnection, from StoredConnection;
    /// What `createIdentityConnection` made.
    CreateIdentityConnectionPayload;
    /// What `updateIdentityConnection` changed.
    UpdateIdentityConnectionPayload;
    /// What `deleteIdentityConnection` deleted, as it was.
    DeleteIdentityConnectionPayload;
}

impl ForeignIssuerFields {
    fn into_patch(self) -> Result<ForeignPatch, MosaicError> {
        Ok(ForeignPatch {
            issuer: self.issuer,
            jwks_uri: self.jwks_uri,
            jwks: self.jwks.map(|Json(document)| document.to_string()),
            audiences: self.audiences,
            algorithms: self.algorithms.map(|names| names.iter().map(|name| algorithm(name)).collect()).transpose()?,
            claims: self.claims.map(|Json(claims)| claims),
            subject_claim: self.subject_claim,
            email_claim: self.email_claim,
            name_claim: self.name_claim,
        })
    }
}

fn algorithm(name: &str) -> Result<VerifyingAlg, MosaicError> {
    let message = "must be some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA";
    VerifyingAlg::from_name(name).ok_or_else(|| invalid("algorithms", message))
}

impl IdentityConnectionInput {
    fn into_new(self) -> Result<NewConnection, MosaicError> {
        Ok(NewConnection {
            name: self.name,
            title: self.title,
            provider: self.provider.into(),
            enabled: self.enabled,
            sort_order: self.sort_order.into(),
            foreign: self.foreign.into_patch()?,
        })
    }
}

impl IdentityConnectionPatch {
    fn into_patch(self) -> Result<ConnectionPatch, MosaicError> {
        Ok(ConnectionPatch {
            title: self.title,
            enabled: self.enabled,
            sort_order: self.sort_order.map(i64::from),
            foreign: self.foreign.into_patch()?,
        })
    }
}

/// What can be done with identity connections.
#[derive(Default)]
pub(super) struct IdentityConnectionMutation;

fn edit<'a>(name: &'static str, connection: &'a str) -> Operation<'a> {
    Operation { name, permission: EDIT_CONNECTIONS, subject: Some(connection) }
}

#[Object]
impl IdentityConnectionMutation {
    /// Makes an identity connection. Needs `ax-user-service: IDENTITY_CONNECTIONS_EDIT`.
    async fn create_identity_connection(
        &self,
        ctx: &Context<'_>,
        input: CreateIdentityConnectionInput,
    ) -> Result<Option<CreateIdentityConnectionPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let name = input.identity_connection.name.clone();
        let work = async {
            let new = input.identity_connection.into_new()?;
            connections::create(manager.context, manager.environment, new).await
        };
        Ok(Some(manager.change(edit("createIdentityConnection", &name), work).await?.into()))
    }

    /// Changes an identity connection. Needs `ax-user-service: IDENTITY_CONNECTIONS_EDIT`.
    async fn update_identity_connection(
        &self,
        ctx: &Context<'_>,
        input: UpdateIdentityConnectionInput,
    ) -> Result<Option<UpdateIdentityConnectionPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let name = input.name.clone();
        let work =
            async { connections::update(manager.context, manager.environment, name, input.patch.into_patch()?).await };
        Ok(Some(manager.change(edit("updateIdentityConnection", &input.name), work).await?.into()))
    }

    /// Deletes an identity connection. The users that it vouched for stay, and are known by the same names to one that is
    /// later made under its name. Needs `ax-user-service: IDENTITY_CONNECTIONS_EDIT`.
    async fn delete_identity_connection(
        &self,
        ctx: &Context<'_>,
        input: DeleteIdentityConnectionInput,
    ) -> Result<Option<DeleteIdentityConnectionPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = connections::delete(manager.context, manager.environment, input.name.clone());
        Ok(Some(manager.change(edit("deleteIdentityConnection", &input.name), work).await?.into()))
    }
}
