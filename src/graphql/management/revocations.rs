//! Revoking tokens.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use crate::{
    domain::revocation::RevocationKind,
    graphql::request,
    operations::{
        facts::{Changed, Differences},
        management::{
            recorded::{Manager, Operation},
            revocations::{REVOKE_TOKENS, Revoked, Target, revoke_target, token_target},
        },
        mosaic_error::MosaicError,
    },
};

/// What can be done about tokens that were issued.
#[derive(Default)]
pub(in crate::graphql) struct RevocationMutation;

/// What a revocation names.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum RevokedThing {
    /// One token, and all that came of it.
    Token,
    /// The tokens of a session.
    Session,
    /// The tokens of a subject that were issued until now, and those in which it acts.
    Subject,
    /// The tokens that were issued to a client until now, and all that came of them.
    Client,
    /// The tokens that a key signed, and all that came of them.
    Key,
}

impl From<RevocationKind> for RevokedThing {
    fn from(kind: RevocationKind) -> Self {
        match kind {
            RevocationKind::Token => Self::Token,
            RevocationKind::Session => Self::Session,
            RevocationKind::Subject => Self::Subject,
            RevocationKind::Client => Self::Client,
            RevocationKind::Key => Self::Key,
        }
    }
}

/// Which token: by its id, or whole.
#[derive(InputObject)]
struct RevokeTokenInput {
    /// Its `jti`; of a foreign token, the `fgn-…` id that the record names.
    jti: Option<String>,
    /// The token itself.
    token: Option<String>,
    /// Whether the caller's own token may be among those that die. Refused when it would be and this is not said.
    also_own_token: Option<bool>,
}

/// Which session.
#[derive(InputObject)]
struct RevokeSessionInput {
    /// Its id (`sid` or `sessionId`).
    session_id: String,
    /// Whether the caller's own token may be among those that die. Refused when it would be and this is not said.
    also_own_token: Option<bool>,
}

/// Which subject.
#[derive(InputObject)]
struct RevokeSubjectInput {
    /// Its `sub`: the id of a user, of a service account or of a workload.
    subject: String,
    /// Whether the caller's own token may be among those that die. Refused when it would be and this is not said.
    also_own_token: Option<bool>,
}

/// Which client.
#[derive(InputObject)]
struct RevokeClientInput {
    /// Its id.
    client_id: String,
    /// Whether the caller's own token may be among those that die. Refused when it would be and this is not said.
    also_own_token: Option<bool>,
}

/// What is revoked. Tokens leave no trace by which it could be told how many that are.
#[derive(SimpleObject)]
struct Revocation {
    /// What it is.
    kind: RevokedThing,
    /// Its name.
    value: String,
    /// Whether the token of this request is among those that are dead now.
    own_token: bool,
}

impl From<Revoked> for Revocation {
    fn from(revoked: Revoked) -> Self {
        Self { kind: revoked.kind.into(), value: revoked.value, own_token: revoked.own_token }
    }
}

super::shapes::payloads! {
    revocation: Revocation, from Revoked;
    /// The token.
    RevokeTokenPayload;
    /// The session.
    RevokeSessionPayload;
    /// The subject.
    RevokeSubjectPayload;
    /// The client.
    RevokeClientPayload;
}

/// Revokes what `target` finds, and records it under `subject`.
async fn revoke(
    ctx: &Context<'_>,
    name: &'static str,
    subject: Option<&str>,
    even_own: Option<bool>,
    target: impl FnOnce(&Manager<'_>) -> Result<Target, MosaicError>,
) -> Result<Revoked, MosaicError> {
    let request = request::of(ctx)?;
    let manager = request.manager().await;
    let work = async {
        let caller = request.caller().await?;
        let target = target(&manager)?;
        let even_own = even_own.unwrap_or_default();
        let revoked = revoke_target(manager.context, manager.environment, caller, target, even_own).await?;
        // No thing is other than before: what the record says is which operation on what.
        Ok(Changed { value: revoked, differences: Differences::default() })
    };
    manager.change(Operation { name, permission: REVOKE_TOKENS, subject }, work).await
}

/// The same for what is known by its name.
async fn revoke_named(
    ctx: &Context<'_>,
    name: &'static str,
    kind: RevocationKind,
    value: String,
    even_own: Option<bool>,
) -> Result<Revoked, MosaicError> {
    let target = Target { kind, value: value.clone(), expires_at: None };
    revoke(ctx, name, Some(&value), even_own, |_| Ok(target)).await
}

#[Object]
impl RevocationMutation {
    /// Revokes a token and all that came of it, on every server within a second. Needs `ax-id-service: TOKENS_REVOKE`.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        input: RevokeTokenInput,
    ) -> Result<Option<RevokeTokenPayload>, MosaicError> {
        let RevokeTokenInput { jti, token, also_own_token } = input;
        let subject = jti.clone();
        let target = |manager: &Manager<'_>| token_target(manager.context, manager.environment, jti, token);
        Ok(Some(revoke(ctx, "revokeToken", subject.as_deref(), also_own_token, target).await?.into()))
    }

    /// Revokes the tokens of a session. Needs `ax-id-service: TOKENS_REVOKE`.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        input: RevokeSessionInput,
    ) -> Result<Option<RevokeSessionPayload>, MosaicError> {
        let kind = RevocationKind::Session;
        let revoked = revoke_named(ctx, "revokeSession", kind, input.session_id, input.also_own_token).await?;
        Ok(Some(revoked.into()))
    }

    /// Revokes the tokens of a subject that were issued until now, those in which it acts, and all that came of them. It can
    /// get new ones. Needs `ax-id-service: TOKENS_REVOKE`.
    async fn revoke_subject(
        &self,
        ctx: &Context<'_>,
        input: RevokeSubjectInput,
    ) -> Result<Option<RevokeSubjectPayload>, MosaicError> {
        let kind = RevocationKind::Subject;
        let revoked = revoke_named(ctx, "revokeSubject", kind, input.subject, input.also_own_token).await?;
        Ok(Some(revoked.into()))
    }

    /// Revokes the tokens that were issued to a client until now, and all that came of them. It can get new ones. Needs
    /// `ax-id-service: TOKENS_REVOKE`.
    async fn revoke_client(
        &self,
        ctx: &Context<'_>,
        input: RevokeClientInput,
    ) -> Result<Option<RevokeClientPayload>, MosaicError> {
        let kind = RevocationKind::Client;
        let revoked = revoke_named(ctx, "revokeClient", kind, input.client_id, input.also_own_token).await?;
        Ok(Some(revoked.into()))
    }
}
