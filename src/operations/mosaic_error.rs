//! Refusals of the Mosaic operations: the documented codes, what the caller is told, and what the log is told.

use serde_json::Value;

use crate::domain::readable::readable;
use crate::oauth::error::{OAuthError, Problem};

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $text:literal; )+) => {
        /// The codes of refusals (`code` of an error). Each is documented in `docs/graphql.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum MosaicCode {
            $( $(#[$doc])* $name, )+
        }

        impl MosaicCode {
            /// Every code, in the order of `docs/graphql.md`.
            pub const ALL: &'static [MosaicCode] = &[ $( MosaicCode::$name, )+ ];

            /// The value of `code`.
            pub const fn as_str(self) -> &'static str {
                match self { $( MosaicCode::$name => $code, )+ }
            }

            /// The HTTP status of an answer whose worst error this is: 401 where the access token is the cause, 400 where
            /// the document is, 200 where an operation was tried and refused.
            pub const fn status(self) -> u16 {
                match self { $( MosaicCode::$name => $status, )+ }
            }

            /// What the caller is told where the operation has nothing better to say.
            pub const fn message(self) -> &'static str {
                match self { $( MosaicCode::$name => $text, )+ }
            }
        }
    };
}

codes! {
    /// Unknown client, wrong or expired secret, disabled client: all alike on purpose.
    InvalidClientIdSecret = "INVALID_CLIENT_ID_SECRET", 200, "Invalid Client ID or Client Secret";
    /// The environment is disabled.
    EnvironmentNotActive = "ENVIRONMENT_NOT_ACTIVE", 200, "The environment is not active";
    /// There is no such environment.
    EnvironmentNotFound = "ENVIRONMENT_NOT_FOUND", 200, "The environment was not found";
    /// The tenant is disabled.
    TenantNotActive = "TENANT_NOT_ACTIVE", 200, "The tenant is not active";
    /// There is no such tenant.
    TenantNotFound = "TENANT_NOT_FOUND", 200, "The tenant was not found";
    /// There is no such service account.
    ServiceAccountDoesNotExist = "SERVICE_ACCOUNT_DOES_NOT_EXIST", 200, "The service account does not exist";
    /// The environment has no key to sign with.
    NoActiveSigningKey = "NO_ACTIVE_SIGNING_KEY", 200, "The environment has no active signing key";
    /// The requested or configured lifetime is below the minimum.
    AccessTokenLifetimeInsufficient = "ACCESS_TOKEN_LIFETIME_INSUFFICIENT", 200,
        "The access token lifetime is too short";
    /// The environment has no identity connection of the needed kind.
    IdpNotConfigured = "IDP_NOT_CONFIGURED", 200, "The identity connection is not configured";
    /// The identity connection is disabled.
    IdpDisabled = "IDP_DISABLED", 200, "The identity connection is disabled";
    /// The application does not exist or is disabled.
    ApplicationNotActive = "APPLICATION_NOT_ACTIVE", 200, "The application is not active";
    /// Something of that name is there already.
    UniqueConstraintError = "UNIQUE_CONSTRAINT_ERROR", 200, "There is one with the same unique value already";
    /// Permission definitions cannot be synchronized.
    PermissionSyncError = "PERMISSION_SYNC_ERROR", 200, "The permissions could not be synchronized";
    /// The operation needs an access token, and the request has none.
    AccessTokenRequired = "ACCESS_TOKEN_REQUIRED", 401, "An access token is required";
    /// The access token has another type, lacks claims, is not valid yet, or its owner is disabled or gone.
    AccessTokenInvalid = "ACCESS_TOKEN_INVALID", 401, "The access token is invalid";
    /// The access token has expired.
    AccessTokenExpired = "ACCESS_TOKEN_EXPIRED", 401, "The access token has expired";
    /// The signature is not by the key that the access token names.
    AccessTokenVerificationFailed = "ACCESS_TOKEN_VERIFICATION_FAILED", 401,
        "The access token could not be verified";
    /// What was sent in place of an access token is none.
    MalformedToken = "MALFORMED_TOKEN", 401, "The access token is malformed";
    /// No key of this environment has the access token's `kid`.
    SigningKeyNotFound = "SIGNING_KEY_NOT_FOUND", 401, "The signing key of the access token was not found";
    /// The keys cannot be read.
    JwksError = "JWKS_ERROR", 401, "The signing keys could not be read";
    /// The token is a JWT of another issuer.
    JwtIsNotMosaicToken = "JWT_IS_NOT_MOSAIC_TOKEN", 401, "The token was not issued here";
    /// The operation needs the access token of an end user.
    NotAuthenticatedEndUser = "NOT_AUTHENTICATED_END_USER", 401, "The access token is not that of an end user";
    /// The access token lacks the permission, or is not addressed to this server, or is a delegated one.
    UserNotAuthorized = "USER_NOT_AUTHORIZED", 200, "The access token does not allow this operation";
    /// The operation is not allowed.
    Unauthorized = "UNAUTHORIZED", 200, "The operation is not allowed";
    /// The request cannot be read, or its document is not valid under the schema.
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", 400, "The request is not valid";
    /// The document is larger, deeper or costlier than this server executes.
    QueryTooComplex = "QUERY_TOO_COMPLEX", 400, "The document is too complex";
    /// An argument has a value that the operation cannot take.
    ArgumentInvalid = "ARGUMENT_INVALID", 200, "An argument is invalid";
    /// There is nothing of that id here.
    NotFound = "NOT_FOUND", 200, "Not found";
    /// The user is disabled.
    UserDisabled = "USER_NOT_ACTIVE", 200, "The user is not active";
    /// The application's enrichment webhook failed.
    WebhookFailed = "ENRICHMENT_WEBHOOK_FAILED", 200, "The enrichment webhook failed";
    /// Too many failures from one address.
    TooManyRequests = "TOO_MANY_REQUESTS", 429, "Too many failures; try again later";
    /// The server cannot answer now; the same request may succeed later.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", 503, "The server cannot answer right now; try again";
    /// A bug or a misconfiguration. The caller learns nothing more.
    InternalError = "INTERNAL_SERVER_ERROR", 500, "internal error";
}

/// Why a Mosaic operation is refused: one of the documented codes, a sentence for the caller, a detail for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct MosaicError {
    /// Which refusal it is.
    pub code: MosaicCode,
    /// What the caller is told. Of an internal error nothing is sent but that it is one.
    pub message: String,
    /// Why, for the log. Never sent, and never holds a secret or a token.
    pub detail: Option<String>,
    /// Sent as `details`. Boxed: hardly any refusal has them.
    pub details: Option<Box<Value>>,
    /// When to try again, in seconds, where that is known.
    pub retry_after: Option<i64>,
}

impl MosaicError {
    /// A refusal with a sentence for the caller.
    pub fn new(code: MosaicCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, details: None, retry_after: None }
    }

    /// Adds the reason that the log gets. It may quote the request: what could forge a line, and words as long as tokens,
    /// are not kept (TE-138).
    #[must_use]
    pub fn with_detail(mut self, detail: impl AsRef<str>) -> Self {
        self.detail = Some(readable(detail.as_ref()));
        self
    }

    /// Adds what a program can read of the reason.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }
}

impl From<MosaicCode> for MosaicError {
    fn from(code: MosaicCode) -> Self {
        Self::new(code, code.message())
    }
}

/// What the operations behind both APIs refuse for: who the caller is, and whether the server can answer. Their other
/// refusals are the token endpoint's own, and to meet one here is a bug.
impl From<OAuthError> for MosaicError {
    fn from(error: OAuthError) -> Self {
        let code = match error.problem {
            Problem::ClientAuthenticationFailed => MosaicCode::InvalidClientIdSecret,
            Problem::TooManyFailures | Problem::TooManyRefusedTokens => MosaicCode::TooManyRequests,
            Problem::TemporarilyUnavailable => MosaicCode::ServiceUnavailable,
            _ => MosaicCode::InternalError,
        };
        Self { retry_after: error.retry_after, ..Self::from(code).with_detail(error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_distinct_and_written_as_codes_are() {
        let mut codes: Vec<&str> = MosaicCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')));
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn what_only_the_token_endpoint_refuses_for_is_internal_here_and_its_reason_stays_in_the_log() {
        let error = MosaicError::from(OAuthError::new(Problem::ServerError, "no active RS256 key"));
        assert_eq!((error.code, error.message.as_str()), (MosaicCode::InternalError, "internal error"));
        assert!(error.detail.is_some_and(|detail| detail.contains("no active RS256 key")));
        let throttled = OAuthError { retry_after: Some(41), ..OAuthError::new(Problem::TooManyFailures, "") };
        assert_eq!(MosaicError::from(throttled).retry_after, Some(41));
    }

    #[test]
    fn a_token_in_the_wrong_place_does_not_get_into_the_log() {
        let error = MosaicError::from(MosaicCode::NotFound).with_detail(format!("{:?}\nx", "t".repeat(500)));
        let detail = error.detail.unwrap_or_default();
        assert!(detail.len() < 200 && !detail.contains('\n'), "{detail}");
    }
}
