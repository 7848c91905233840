//! Tokens of end users and applications.

use async_graphql::{Context, InputObject, Json, Object, SimpleObject};
use serde_json::{Map, Value};

use crate::{
    domain::secret::Secret,
    graphql::{
        request,
        token::{TOKEN_TYPE, token_payloads},
    },
    operations::{
        mosaic_error::MosaicError,
        mosaic_tokens::{
            application::{ApplicationCredentials, authenticate_end_user_application},
            end_user::{DelegatedLogin, dev_generate_end_user_access_token, generate_delegated_access_token},
        },
    },
};

/// Tokens of end users and applications.
#[derive(Default)]
pub(in crate::graphql) struct EndUserTokenMutation;

/// Tokens of end users for trying things out.
#[derive(Default)]
pub(in crate::graphql) struct DevEndUserTokenMutation;

/// The user, as the caller knows one.
#[derive(InputObject)]
struct GenerateDelegatedAccessTokenInput {
    /// The application that the user signed in to.
    application_id: String,
    /// The caller's identifier of the user: the user is made when it is met for the first time.
    subject_id: String,
    /// Which profile of the user, made if need be; the active one when absent.
    unique_profile_identifier: Option<String>,
    /// Kept up to date where given.
    email: Option<String>,
    /// Kept up to date where given.
    name: Option<String>,
}

/// A token of a user.
#[derive(SimpleObject)]
struct GenerateDelegatedAccessTokenPayload {
    /// It.
    access_token: String,
    /// How it is sent: `Bearer`.
    token_type: &'static str,
    /// How long it lives.
    expires_in_seconds: i64,
    /// Its claims.
    payload: Json<Map<String, Value>>,
}

token_payloads! {
    /// A token of the application.
    AuthenticateEndUserApplicationPayload;
    /// A token of a user.
    DevGenerateEndUserAccessTokenPayload;
}

/// An application, and the user whom a token is wanted for.
#[derive(InputObject)]
struct DevGenerateEndUserAccessTokenInput {
    /// The application.
    application_id: String,
    /// A name for the user; one and the same user when absent.
    user_id: Option<String>,
}

/// An application and its key.
#[derive(InputObject)]
struct AuthenticateEndUserApplicationInput {
    /// UUID of its tenant.
    tenant_id: String,
    /// UUID of its environment.
    environment_id: String,
    /// Its UUID.
    application_id: String,
    /// Its key.
    application_key: String,
}

#[Object]
impl EndUserTokenMutation {
    /// A token of a user whom the caller vouches for. Needs `ax-user-service: GENERATE_DELEGATED_ACCESS_TOKEN`.
    async fn generate_delegated_access_token(
        &self,
        ctx: &Context<'_>,
        input: GenerateDelegatedAccessTokenInput,
    ) -> Result<Option<GenerateDelegatedAccessTokenPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let caller = request.caller().await;
        let login = DelegatedLogin {
            application_id: input.application_id,
            subject_id: input.subject_id,
            unique_profile_identifier: input.unique_profile_identifier,
            email: input.email,
            name: input.name,
        };
        let operation = request.operation("generateDelegatedAccessToken");
        let (context, environment) = (&request.context, &request.environment);
        let token = generate_delegated_access_token(context, environment, caller, login, &operation).await?;
        Ok(Some(GenerateDelegatedAccessTokenPayload {
            payload: Json(token.payload()?),
            access_token: token.access_token,
            token_type: TOKEN_TYPE,
            expires_in_seconds: token.expires_in_seconds,
        }))
    }

    /// A token of the application itself, for its key. Needs no access token.
    async fn authenticate_end_user_application(
        &self,
        ctx: &Context<'_>,
        input: AuthenticateEndUserApplicationInput,
    ) -> Result<Option<AuthenticateEndUserApplicationPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let credentials = ApplicationCredentials {
            tenant_id: input.tenant_id,
            environment_id: input.environment_id,
            application_id: input.application_id,
            key: Secret::new(input.application_key),
        };
        let operation = request.operation("authenticateEndUserApplication");
        let (context, environment) = (&request.context, &request.environment);
        let token = authenticate_end_user_application(context, environment, &credentials, &operation).await?;
        Ok(Some(token.into()))
    }
}

#[Object]
impl DevEndUserTokenMutation {
    /// A token of a user for trying things out. Needs `ax-user-service: DEV_END_USER_ACCESS_TOKENS_GENERATE`.
    async fn dev_generate_end_user_access_token(
        &self,
        ctx: &Context<'_>,
        input: DevGenerateEndUserAccessTokenInput,
    ) -> Result<Option<DevGenerateEndUserAccessTokenPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let caller = request.caller().await;
        let operation = request.operation("devGenerateEndUserAccessToken");
        let (context, environment) = (&request.context, &request.environment);
        let (application, user) = (input.application_id, input.user_id);
        let token =
            dev_generate_end_user_access_token(context, environment, caller, application, user, &operation).await?;
        Ok(Some(token.into()))
    }
}
