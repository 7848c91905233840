//! `generateLongLivedToken`.

use async_graphql::{Context, InputObject, Object};

use crate::{
    graphql::{request, token::token_payloads},
    operations::{
        mosaic_error::MosaicError,
        mosaic_tokens::long_lived::{DEFAULT_VALIDITY, generate_long_lived_token},
    },
};

#[derive(Default)]
pub(super) struct TokenMutation;

token_payloads! {
    /// A token that lives longer.
    GenerateLongLivedTokenPayload;
}

/// A user's token, and how long the new one is to live.
#[derive(InputObject)]
struct GenerateLongLivedTokenInput {
    /// A good token of a user.
    user_token: String,
    /// Seconds; 30 days when absent.
    validity_duration_in_seconds: Option<i32>,
}

#[Object]
impl TokenMutation {
    /// A token that says of a user what the given one says, and lives longer. Needs
    /// `ax-id-service: ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN`.
    async fn generate_long_lived_token(
        &self,
        ctx: &Context<'_>,
        input: GenerateLongLivedTokenInput,
    ) -> Result<Option<GenerateLongLivedTokenPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let caller = request.caller().await;
        let validity = input.validity_duration_in_seconds.map_or(DEFAULT_VALIDITY, i64::from);
        let operation = request.operation("generateLongLivedToken");
        let (context, environment, user_token) = (&request.context, &request.environment, &input.user_token);
        let token = generate_long_lived_token(context, environment, caller, user_token, validity, &operation).await?;
        Ok(Some(token.into()))
    }
}
