//! Who calls a Mosaic operation: the bearer token of the request (RFC 6750), verified, and what it may do here.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize as _;

use super::{
    context::Context,
    mosaic_error::{MosaicCode, MosaicError},
    standing::gather_standing,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::SubjectType, client::Permissions, exchange::Standing, permission, subject::SubjectToken},
    jose::{access_token::VerifiedToken, error::TokenError},
};

/// The audience that stands for every service.
const EVERY_SERVICE: &str = "*";

/// Why a token does not allow an operation. Its bearer is told, as its signature and its issuer are verified by then, and anybody
/// who has it can read the same in it.
pub(super) const DELEGATED: &str = "The access token is a delegated one";
/// The same, of tokens of services.
pub(super) const NOT_OF_AN_END_USER: &str = "The access token is not that of an end user";
/// The same, of tokens for another audience.
pub(super) const FOR_OTHERS: &str = "The access token is addressed to others";

/// Whoever holds a good access token of this environment.
#[derive(Clone)]
pub struct Caller {
    token: Arc<VerifiedToken>,
    issuer: String,
    /// What the service account behind the token may do now; `None` where no service account is behind it.
    current: Option<Permissions>,
}

impl Caller {
    /// The caller that the request's `Authorization` headers (all of them) prove.
    ///
    /// # Errors
    /// * [`MosaicCode::EnvironmentNotActive`], [`MosaicCode::TenantNotActive`];
    /// * [`MosaicCode::AccessTokenRequired`]: no bearer token at all;
    /// * the other codes of status 401: the token cannot be used, or those behind it are no longer in good standing;
    /// * [`MosaicCode::ServiceUnavailable`]: the database fails, and it is needed.
    pub async fn authenticate(
        context: &Context,
        environment: &Arc<EnvironmentSnapshot>,
        authorization: &[Vec<u8>],
    ) -> Result<Self, MosaicError> {
        check_active(environment)?;
        let token = bearer_token(authorization)?;
        let token = environment.verify(token, context.clock.now()).map_err(token_refused)?;
        if token.cnf.is_some() {
            // Taken without the proof of its key it would be worth as much to a thief (RFC 9449 §7.1, RFC 7800 §3).
            return Err(invalid("the token is bound to a key"));
        }
        check_standing(gather_standing(context, environment, Some(&token)).await?)?;
        let current = current_permissions(context, environment, &token).await?;
        Ok(Self { token, issuer: environment.issuer.clone(), current })
    }

    /// The claims of the token.
    pub fn token(&self) -> &SubjectToken {
        &self.token
    }

    /// The same caller, with what the service account behind it may do now.
    pub(super) fn with_current(&self, current: Permissions) -> Self {
        Self { current: Some(current), ..self.clone() }
    }

    /// Whether the caller's token has that permission, and the service account behind it still does; wherever it is for.
    pub fn holds(&self, service_id: &str, key: &str) -> bool {
        let current = self.current.as_ref().is_none_or(|current| permission::has(current, service_id, key));
        current && claims_permission(&self.token, service_id, key)
    }

    /// Whether the caller may use the permission `key` of `service_id` here and now: the token has it, the service account
    /// behind it still has it, and the token was meant for this server.
    ///
    /// # Errors
    /// [`MosaicCode::UserNotAuthorized`]; the message says what is missing.
    pub fn require(&self, service_id: &str, key: &str) -> Result<(), MosaicError> {
        let refuse = |why: &str| not_allowed(why, &format!("{service_id}:{key} for {:?}", self.token.sub));
        if self.token.act.is_some() {
            // Whoever acts for others manages nothing in their name.
            return Err(refuse(DELEGATED));
        }
        if !is_addressed_to(&self.token, &self.issuer, service_id) {
            return Err(refuse(&self.for_others(service_id)));
        }
        if !claims_permission(&self.token, service_id, key) {
            return Err(refuse(&format!("The access token lacks the permission {service_id}:{key}")));
        }
        match &self.current {
            Some(current) if !permission::has(current, service_id, key) => Err(refuse(&format!(
                "The permission {service_id}:{key} was taken away since the access token was issued"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether the caller is an end user, with a token that was meant for this server, or for `service_id`, which it is too.
    ///
    /// # Errors
    /// [`MosaicCode::UserNotAuthorized`]; the message says why.
    pub fn require_user(&self, service_id: &str) -> Result<(), MosaicError> {
        let refuse = |why: &str| not_allowed(why, &format!("{:?}", self.token.sub));
        if self.token.act.is_some() {
            // A service that was given a delegated token could add a way to sign in as the user.
            return Err(refuse(DELEGATED));
        }
        if self.token.subject_type != Some(SubjectType::EndUserAccount) {
            return Err(refuse(NOT_OF_AN_END_USER));
        }
        // Not for every service: any that is shown such a token could come here with it.
        if !self.token.aud.iter().any(|audience| *audience == self.issuer || audience == service_id) {
            return Err(refuse(&self.for_others(service_id)));
        }
        Ok(())
    }

    /// The commonest mistake, which nobody finds who is not told what `aud` has to have.
    fn for_others(&self, service_id: &str) -> String {
        format!("{FOR_OTHERS}: its aud must have {service_id} or {}", self.issuer)
    }
}

/// The Mosaic operations of a disabled environment, or of a disabled tenant, answer nothing else.
///
/// # Errors
/// [`MosaicCode::EnvironmentNotActive`] or [`MosaicCode::TenantNotActive`].
pub fn check_active(environment: &EnvironmentSnapshot) -> Result<(), MosaicError> {
    match &environment.environment {
        environment if !environment.tenant_enabled => Err(MosaicCode::TenantNotActive.into()),
        environment if !environment.enabled => Err(MosaicCode::EnvironmentNotActive.into()),
        _ => Ok(()),
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1).
fn bearer_token(authorization: &[Vec<u8>]) -> Result<&str, MosaicError> {
    let malformed = |why: &str| MosaicError::from(MosaicCode::MalformedToken).with_detail(why);
    let header = match authorization {
        [] => return Err(MosaicCode::AccessTokenRequired.into()),
        [only] => only.trim_ascii(),
        // Two readers that differ in which one counts could be played against each other.
        _ => return Err(malformed("several Authorization headers")),
    };
    let space = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
    let (scheme, token) = header.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(MosaicError::from(MosaicCode::AccessTokenRequired).with_detail("another scheme than Bearer"));
    }
    let token = str::from_utf8(token.trim_ascii()).map_err(|_| malformed("the header is not text"))?;
    if token.is_empty() {
        return Err(malformed("the header has no token"));
    }
    Ok(token)
}

/// What the caller is told of a token that is refused. The detail says which check it was; never a part of the token.
pub fn token_refused(error: TokenError) -> MosaicError {
    let code = match error {
        TokenError::TooLong
        | TokenError::NotCompact
        | TokenError::Encoding(_)
        | TokenError::Json(_)
        | TokenError::MissingHeader(_)
        | TokenError::HeaderType(_)
        | TokenError::Extension(_)
        | TokenError::KidTooLong => MosaicCode::MalformedToken,
        TokenError::UnknownKey => MosaicCode::SigningKeyNotFound,
        TokenError::WrongAlgorithm | TokenError::BadSignature => MosaicCode::AccessTokenVerificationFailed,
        TokenError::WrongIssuer => MosaicCode::JwtIsNotMosaicToken,
        TokenError::Expired => MosaicCode::AccessTokenExpired,
        // A token of ours is refused for none of the reasons that are a foreign one's.
        TokenError::ForeignType
        | TokenError::OurName
        | TokenError::UnknownForeignKey
        | TokenError::AmbiguousKey
        | TokenError::MappedSubject
        | TokenError::WrongAudience
        | TokenError::ConditionNotMet
        | TokenError::WrongType
        | TokenError::MissingClaim(_)
        | TokenError::ClaimType(_)
        | TokenError::NotAnEndUser
        | TokenError::Envelope
        | TokenError::MalformedScope
        | TokenError::Chain { .. }
        | TokenError::TooManyAncestors
        | TokenError::NotYetValid => MosaicCode::AccessTokenInvalid,
    };
    MosaicError::from(code).with_detail(error.to_string())
}

/// Tells the bearer `why`; the log also gets whom it is about.
fn not_allowed(why: &str, whom: &str) -> MosaicError {
    MosaicError::new(MosaicCode::UserNotAuthorized, why).with_detail(format!("{whom}: {why}"))
}

fn invalid(detail: &str) -> MosaicError {
    MosaicError::from(MosaicCode::AccessTokenInvalid).with_detail(detail)
}

fn check_standing(standing: Standing) -> Result<(), MosaicError> {
    match standing {
        Standing::Good => Ok(()),
        Standing::Revoked(kind) => Err(invalid(kind.reason())),
        Standing::ClientDisabled => Err(invalid("the service account is disabled or gone")),
        Standing::ManagedServiceDisabled => Err(invalid("the managed service is no longer let in")),
        Standing::ApplicationDisabled => Err(MosaicCode::ApplicationNotActive.into()),
        Standing::UserDisabled => Err(MosaicCode::UserDisabled.into()),
    }
}

/// What the service account behind `token` may do now. Its token is older than the last change.
async fn current_permissions(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: &SubjectToken,
) -> Result<Option<Permissions>, MosaicError> {
    match token.subject_type {
        Some(SubjectType::ServiceAccount) => {
            let client = context.client(environment, &token.sub).await?;
            Ok(Some(client.map(|client| client.permissions.clone()).unwrap_or_default()))
        }
        Some(SubjectType::ManagedServiceAccount) => {
            let home = token.home_environment_id().unwrap_or_default();
            Ok(Some(permission::let_in(&environment.managed_services, &token.sub, home).unwrap_or_default()))
        }
        _ => Ok(None),
    }
}

/// Whether the token was meant for this server. Else a service that was shown a caller's token could come here with it
/// and manage the environment in the caller's name (confused deputy).
pub(super) fn is_addressed_to(token: &SubjectToken, issuer: &str, service_id: &str) -> bool {
    token.aud.iter().any(|audience| [issuer, service_id, EVERY_SERVICE].contains(&audience.as_str()))
}

fn claims_permission(token: &SubjectToken, service_id: &str, key: &str) -> bool {
    let claimed = token.other.get("permissions").and_then(|claim| BTreeMap::deserialize(claim).ok());
    claimed.is_some_and(|claimed: Permissions| permission::has(&claimed, service_id, key))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn refused(headers: &[&str]) -> MosaicCode {
        let headers: Vec<Vec<u8>> = headers.iter().map(|header| header.as_bytes().to_vec()).collect();
        bearer_token(&headers).map(str::to_owned).expect_err("a refusal").code
    }

    #[test]
    fn the_token_stands_in_one_bearer_header_and_nowhere_else() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c ", " Bearer a.b.c"] {
            assert_eq!(bearer_token(&[header.into()]), Ok("a.b.c"));
        }
        assert_eq!(refused(&[]), MosaicCode::AccessTokenRequired);
        for other in ["Basic YTpi", "a.b.c", "Token a.b.c", ""] {
            assert_eq!(refused(&[other]), MosaicCode::AccessTokenRequired, "{other}");
        }
        for malformed in [&["Bearer"] as &[&str], &["Bearer "], &["Bearer a", "Bearer a"], &["Bearer a", "Basic YTpi"]]
        {
            assert_eq!(refused(malformed), MosaicCode::MalformedToken, "{malformed:?}");
        }
        let not_text = b"Bearer \xff\xfe".to_vec();
        assert_eq!(bearer_token(&[not_text]).map_err(|error| error.code), Err(MosaicCode::MalformedToken));
    }

    fn token(aud: &[&str], permissions: serde_json::Value) -> SubjectToken {
        SubjectToken {
            iss: "https://a.example".to_owned(),
            sub: "service".to_owned(),
            aud: aud.iter().map(|&audience| audience.to_owned()).collect(),
            client_id: "service".to_owned(),
            jti: "j".to_owned(),
            exp: 1,
            iat: 0,
            nbf: None,
            scope: crate::oauth::scope::Scope::empty(),
            act: None,
            may_act: None,
            anc: Vec::new(),
            anc_facts: crate::domain::ancestry::AncestorFacts::default(),
            kid: None,
            cnf: None,
            subject_type: Some(SubjectType::ServiceAccount),
            application_id: None,
            profile_id: None,
            other: Map::from_iter([("permissions".to_owned(), permissions)]),
        }
    }

    #[test]
    fn a_token_for_others_is_not_for_us() {
        for (aud, ours) in [
            (&["https://a.example"] as &[&str], true),
            (&["ax-id-service"], true),
            (&["*"], true),
            (&["resource-api", "*"], true),
            (&["resource-api"], false),
            (&["ax-user-service"], false),
            (&["https://a.example/"], false),
        ] {
            let token = token(aud, json!({}));
            assert_eq!(is_addressed_to(&token, "https://a.example", "ax-id-service"), ours, "{aud:?}");
        }
    }

    #[test]
    fn a_permission_is_one_of_that_service_and_of_that_name() {
        let has = |claim, key| claims_permission(&token(&["*"], claim), "ax-id-service", key);
        let claim = json!({ "ax-id-service": ["A", "B"], "other": ["C"] });
        assert!(has(claim.clone(), "A") && has(claim.clone(), "B"));
        assert!(!has(claim.clone(), "C") && !has(claim.clone(), "a") && !has(claim, "AB"));
        for strange in
            [json!(null), json!("A"), json!(["A"]), json!({ "ax-id-service": "A" }), json!({ "ax-id-service": [1] })]
        {
            assert!(!has(strange.clone(), "A"), "{strange}");
        }
    }
}
