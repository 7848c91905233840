//! Refusals: what the caller is told, and what the log is told.
//!
//! A [`Problem`] is one row of `docs/errors.md`: a stable machine code, the OAuth error code it is sent under, and a
//! sentence that says what to do. An [`OAuthError`] adds the operator's half, which never leaves the server.

use std::fmt;

/// The `error` values of RFC 6749 §4.1.2.1 and §5.2, RFC 8693 §2.2.2, RFC 8707 §2, RFC 7009 §2.2.1 and OpenID Connect Core §3.1.2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// RFC 6749 §5.2.
    InvalidRequest,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §5.2.
    InvalidScope,
    /// RFC 8693 §2.2.2 and RFC 8707 §2.
    InvalidTarget,
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 §4.1.2.1.
    AccessDenied,
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported,
    /// The server failed. The word is that of RFC 6749 §4.1.2.1.
    ServerError,
    /// The server cannot answer now; the same request may succeed later. The word is that of RFC 6749 §4.1.2.1.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The value of the `error` member.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::InvalidRequest => "invalid_request",
            ErrorCode::InvalidClient => "invalid_client",
            ErrorCode::InvalidGrant => "invalid_grant",
            ErrorCode::UnauthorizedClient => "unauthorized_client",
            ErrorCode::UnsupportedGrantType => "unsupported_grant_type",
            ErrorCode::InvalidScope => "invalid_scope",
            ErrorCode::InvalidTarget => "invalid_target",
            ErrorCode::UnsupportedTokenType => "unsupported_token_type",
            ErrorCode::UnsupportedResponseType => "unsupported_response_type",
            ErrorCode::AccessDenied => "access_denied",
            ErrorCode::LoginRequired => "login_required",
            ErrorCode::RequestNotSupported => "request_not_supported",
            ErrorCode::ServerError => "server_error",
            ErrorCode::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

macro_rules! problems {
    ($( $(#[$doc:meta])* $name:ident = $slug:literal, $code:ident, $status:literal, $text:literal; )+) => {
        /// Everything the token endpoint can refuse for. Each is documented in `docs/errors.md` under its machine code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Problem {
            $( $(#[$doc])* $name, )+
        }

        impl Problem {
            /// Every problem, in the order of `docs/errors.md`.
            pub const ALL: &'static [Problem] = &[ $( Problem::$name, )+ ];

            /// The stable machine code (`error_code` of the answer).
            pub const fn slug(self) -> &'static str {
                match self { $( Problem::$name => $slug, )+ }
            }

            /// The `error` value it is sent under.
            pub const fn code(self) -> ErrorCode {
                match self { $( Problem::$name => ErrorCode::$code, )+ }
            }

            /// The HTTP status it is sent with.
            pub const fn status(self) -> u16 {
                match self { $( Problem::$name => $status, )+ }
            }

            /// What the caller is told (`error_description`): fixed text, never a part of the request.
            pub const fn description(self) -> &'static str {
                match self { $( Problem::$name => $text, )+ }
            }
        }
    };
}

problems! {
    /// The content type is not `application/x-www-form-urlencoded`.
    ContentType = "content_type", InvalidRequest, 400,
        "send the parameters as application/x-www-form-urlencoded";
    /// The body is larger than this server reads.
    BodyTooLarge = "body_too_large", InvalidRequest, 413,
        "the body is larger than this server accepts";
    /// The body did not arrive in time.
    BodyTooSlow = "body_too_slow", InvalidRequest, 408,
        "the body did not arrive in time";
    /// Broken percent-encoding or not UTF-8.
    MalformedBody = "malformed_body", InvalidRequest, 400,
        "the body is not well-formed application/x-www-form-urlencoded in UTF-8";
    /// More parameters than any grant needs.
    TooManyParameters = "too_many_parameters", InvalidRequest, 400,
        "the body has more parameters than this server accepts";
    /// A single parameter is longer than this server accepts.
    ParameterTooLong = "parameter_too_long", InvalidRequest, 400,
        "a parameter is longer than this server accepts";
    /// A parameter other than `resource` and `audience` is there twice.
    RepeatedParameter = "repeated_parameter", InvalidRequest, 400,
        "a parameter is repeated; only resource and audience may be";
    /// Parameters of the grant, or credentials, stand in the URL.
    ParametersInQuery = "parameters_in_query", InvalidRequest, 400,
        "send the parameters in the body, not in the URL: URLs end up in logs";
    /// A parameter that the grant requires is absent or empty.
    MissingParameter = "missing_parameter", InvalidRequest, 400,
        "a required parameter is missing";
    /// A parameter that only makes sense together with another one.
    UnexpectedParameter = "unexpected_parameter", InvalidRequest, 400,
        "actor_token_type is only allowed together with actor_token";
    /// `grant_type` names a grant that this server does not have.
    UnsupportedGrantType = "unsupported_grant_type", UnsupportedGrantType, 400,
        "this server does not offer that grant; grant_types_supported in the metadata lists those it does";
    /// The client may not use this grant.
    GrantNotAllowed = "grant_not_allowed", UnauthorizedClient, 400,
        "this client may not use this grant; add it to the client's grants";
    /// Credentials in more than one place.
    SeveralAuthenticationMethods = "several_authentication_methods", InvalidRequest, 400,
        "authenticate the client in one way only: the Authorization header or the body";
    /// The body's `client_id` is not the client that authenticated.
    ClientIdMismatch = "client_id_mismatch", InvalidRequest, 400,
        "client_id in the body differs from the client that authenticated";
    /// Unknown client, wrong or expired secret, disabled client, or no usable credentials: all alike on purpose.
    ClientAuthenticationFailed = "client_authentication_failed", InvalidClient, 401,
        "client authentication failed: check client id and secret, and that the client is enabled";
    /// Too many failed authentications from one address (TE-018).
    TooManyFailures = "too_many_failures", TemporarilyUnavailable, 429,
        "too many failed client authentications from this address; try again after the time in Retry-After";
    /// Too many subject and actor tokens of one client were refused.
    TooManyRefusedTokens = "too_many_refused_tokens", TemporarilyUnavailable, 429,
        "too many subject or actor tokens of this client were refused; try again after the time in Retry-After";
    /// A token type URI that this server does not serve in this place.
    UnsupportedTokenType = "unsupported_token_type", InvalidRequest, 400,
        "that token type is not supported here";
    /// The subject token is not acceptable (RFC 8693 §2.2.2).
    SubjectTokenRefused = "subject_token_refused", InvalidRequest, 400,
        "the subject token is not valid, or not acceptable from this client";
    /// The actor token is not acceptable (RFC 8693 §2.2.2).
    ActorTokenRefused = "actor_token_refused", InvalidRequest, 400,
        "the actor token is not valid, or not acceptable from this client";
    /// Unknown, used, expired, revoked, another client's, or its grant would not be given any more: all alike on purpose.
    RefreshTokenRefused = "refresh_token_refused", InvalidGrant, 400,
        "the refresh token is not valid, or no longer good for anything";
    /// `application_id` names no enabled application.
    ApplicationNotActive = "application_not_active", InvalidRequest, 400,
        "there is no enabled application with that id";
    /// No enabled identity connection vouches for such a subject.
    ConnectionNotActive = "identity_connection_not_active", InvalidRequest, 400,
        "no enabled identity connection vouches for such users";
    /// The keys of a foreign issuer cannot be had.
    ForeignKeysUnavailable = "foreign_keys_unavailable", TemporarilyUnavailable, 503,
        "the keys of the token's issuer cannot be fetched right now; try again after the time in Retry-After";
    /// The value of a parameter cannot be kept.
    InvalidParameter = "invalid_parameter", InvalidRequest, 400,
        "the value is empty, too long or has control characters";
    /// The client may not say who a user is.
    DelegationNotAllowed = "delegation_not_allowed", UnauthorizedClient, 400,
        "this client may not say who a user is; it needs the permission ax-user-service:GENERATE_DELEGATED_ACCESS_TOKEN";
    /// The application's enrichment webhook failed.
    EnrichmentFailed = "enrichment_failed", TemporarilyUnavailable, 503,
        "the application's enrichment webhook failed, and it wants no token without its answer";
    /// No exchange rule covers this client and this subject token.
    NoRule = "no_rule", UnauthorizedClient, 400,
        "no exchange rule lets this client exchange this token";
    /// The condition of the rule (`when`) does not hold.
    ConditionNotMet = "condition_not_met", UnauthorizedClient, 400,
        "the condition of the exchange rule does not hold for this client, token and request";
    /// `scope` breaks the grammar.
    MalformedScope = "malformed_scope", InvalidScope, 400,
        "scope has a character that RFC 6749 section 3.3 does not allow";
    /// A scope beyond what the policy allows.
    ScopeNotAllowed = "scope_not_allowed", InvalidScope, 400,
        "a requested scope is not allowed for this client, token and target";
    /// No scope was named, and there is none to fall back on.
    NoDefaultScope = "no_default_scope", InvalidScope, 400,
        "name the scopes: there is no default for this client, token and target";
    /// A scope that a requested target does not know (RFC 9068 §3).
    ScopeUnknownAtTarget = "scope_unknown_at_target", InvalidScope, 400,
        "a requested scope has no meaning at one of the targets";
    /// `resource` is not an absolute URI, or has a fragment.
    MalformedResource = "malformed_resource", InvalidTarget, 400,
        "resource must be an absolute URI without a fragment";
    /// A target that does not exist, is disabled or is not allowed: all alike on purpose.
    TargetNotAllowed = "target_not_allowed", InvalidTarget, 400,
        "a requested target does not exist or is not allowed here";
    /// No target was named, and the scopes do not single one out.
    TargetAmbiguous = "target_ambiguous", InvalidTarget, 400,
        "name the target with audience or resource: the scopes do not single one out";
    /// The targets want tokens of different forms.
    TargetsDiffer = "targets_differ", InvalidTarget, 400,
        "the targets want tokens of different forms; ask for one token each";
    /// A client wants to revoke what was issued to another one (RFC 7009 §2.1).
    TokenOfAnotherClient = "token_of_another_client", UnauthorizedClient, 400,
        "a client may only revoke tokens that were issued to it";
    /// A client wants to revoke a token of a foreign issuer (RFC 7009 §2.2.1).
    TokenOfAnotherIssuer = "token_of_another_issuer", UnsupportedTokenType, 400,
        "tokens of other issuers cannot be revoked here by a client";
    /// `client_id` of an authorization request names no enabled client, or `redirect_uri` is not one of that client's, byte by
    /// byte. Nobody is sent anywhere, and nobody is told which of the two it is.
    ClientNotKnown = "client_not_known", InvalidRequest, 400,
        "there is no enabled client with that client_id and that redirect_uri, character by character";
    /// `response_type` is another one than `code`.
    UnsupportedResponseType = "unsupported_response_type", UnsupportedResponseType, 400,
        "this server answers with codes only: response_type=code and response_mode=query";
    /// No S256 code challenge: absent, `plain`, or none of that form (RFC 7636 §4.2, RFC 9700 §2.1.1).
    PkceRequired = "pkce_required", InvalidRequest, 400,
        "send code_challenge with code_challenge_method=S256";
    /// Parameters in a signed object (RFC 9101) are not read.
    RequestObject = "request_object", RequestNotSupported, 400,
        "this server does not read request and request_uri; send the parameters themselves";
    /// `prompt=none`, and nobody is signed in here.
    LoginRequired = "login_required", LoginRequired, 400,
        "the user has to sign in, which prompt=none forbids";
    /// Too many from one network are signing in at once.
    TooManySignIns = "too_many_sign_ins", TemporarilyUnavailable, 429,
        "too many users from this network are signing in; try again after the time in Retry-After";
    /// Someone comes back from signing in who did not begin here, or began too long ago, or comes twice.
    SignInNotBegun = "sign_in_not_begun", InvalidRequest, 400,
        "this browser has not begun to sign in, or took too long; go back to the application and begin again";
    /// The identity provider did not vouch for the user, or not in a way that counts.
    SignInRefused = "sign_in_refused", AccessDenied, 400,
        "the user could not be signed in";
    /// The identity provider cannot be reached.
    SignInUnavailable = "sign_in_unavailable", TemporarilyUnavailable, 503,
        "the identity provider cannot be reached right now; try again later";
    /// A code that is unknown, expired, used or somebody else's, or comes with a wrong `redirect_uri` or `code_verifier`: all
    /// alike on purpose.
    CodeRefused = "code_refused", InvalidGrant, 400,
        "the code is not valid, or not for this client, redirect_uri and code_verifier; begin again at the authorization endpoint";
    /// A bug or a misconfiguration.
    ServerError = "server_error", ServerError, 500,
        "the server failed; its operator finds the reason in the log under the X-Request-Id of this answer";
    /// The database cannot be reached or cannot keep up.
    TemporarilyUnavailable = "temporarily_unavailable", TemporarilyUnavailable, 503,
        "the server cannot answer right now; try again after the time in Retry-After";
}

/// The longest reason that is kept, in characters.
const MAX_DETAIL: usize = 500;

/// A refusal: the caller's half ([`Problem`] and at most the name of one of *our* parameters) and the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// What the caller is told.
    pub problem: Problem,
    /// The parameter at fault, by the name that the specification gives it.
    pub parameter: Option<&'static str>,
    /// Why, for the log and the audit record. Never sent, and never holds a secret or a token.
    pub detail: String,
    /// The exchange rule that came closest, for the log and the audit record.
    pub rule: Option<String>,
    /// When to try again, in seconds, where that is known.
    pub retry_after: Option<i64>,
    /// Sends `invalid_grant` for refused tokens, for clients that were built against servers that do.
    pub as_invalid_grant: bool,
}

impl OAuthError {
    /// A refusal with the reason that the log gets. A reason may quote the request, and is cut where it gets long: a
    /// caller fills no log with what he sends.
    pub fn new(problem: Problem, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL) {
            detail.truncate(end);
            detail.push('…');
        }
        Self { problem, parameter: None, detail, rule: None, retry_after: None, as_invalid_grant: false }
    }

    /// A required parameter is absent or empty.
    pub fn missing(parameter: &'static str) -> Self {
        Self::new(Problem::MissingParameter, format!("{parameter} is missing")).about(parameter)
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn about(mut self, parameter: &'static str) -> Self {
        self.parameter = Some(parameter);
        self
    }

    /// The `error` value to send.
    pub fn code(&self) -> ErrorCode {
        match self.problem {
            Problem::SubjectTokenRefused | Problem::ActorTokenRefused if self.as_invalid_grant => {
                ErrorCode::InvalidGrant
            }
            problem => problem.code(),
        }
    }

    /// The `error_description` to send.
    pub fn description(&self) -> String {
        match self.parameter {
            Some(parameter) => format!("{parameter}: {}", self.problem.description()),
            None => self.problem.description().to_owned(),
        }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code().as_str(), self.problem.slug(), self.detail)?;
        self.rule.as_ref().map_or(Ok(()), |rule| write!(f, " [rule {rule:?}]"))
    }
}

impl std::error::Error for OAuthError {}
