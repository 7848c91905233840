//! Subjects that a foreign issuer vouches for: its token is the proof, and an identity connection says how far it counts.

use std::sync::Arc;

use serde_json::Map;

use super::{
    context::Context,
    delegate::{self, Vouched},
    foreign_keys::{ConnectionKeys, Unverified},
    subject::{VouchedSubject, described_user},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts,
        claims::{EMBEDDED_TOKEN_CLAIM, RESERVED_CLAIMS, SubjectType},
        connection::{IdentityConnection, IdentityProvider},
        foreign::{ForeignIssuer, ForeignSubject},
        subject::SubjectToken,
        trace::Trace,
        user::Identity,
    },
    grants::PresentedSubject,
    jose::{error::TokenError, foreign::ForeignKind, unverified::UnverifiedToken},
    oauth::{
        error::{OAuthError, Problem},
        params::Params,
        scope::Scope,
        token_type::TokenType,
    },
};

/// The subject of a foreign token; `None` if no identity connection, enabled or not, is for its issuer, or if it is a JWT
/// around a token of ours.
///
/// With `application_id` it is a user of that application, with a user record; without, where it is no ID token, a workload
/// such as a build job, which is known by issuer and subject alone.
///
/// # Errors
/// Every connection for the issuer is disabled, the token is not acceptable to any of them, or the issuer's keys cannot be had.
pub(super) async fn vouched_by_issuer(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    presented: PresentedSubject<'_>,
    params: &Params,
    trace: Option<Trace>,
) -> Result<Option<VouchedSubject>, OAuthError> {
    let Ok(unverified) = UnverifiedToken::parse(presented.text) else { return Ok(None) };
    let claims = unverified.claims().unwrap_or_default();
    if presented.kind == TokenType::Jwt && claims.contains_key(EMBEDDED_TOKEN_CLAIM) {
        // The envelope of a token of ours, whoever made it. Other services look inside: here it must not be another user's.
        return Ok(None);
    }
    // What the token says of its issuer picks the connections whose keys check it, and nothing else.
    let Some(issuer) = claims.get("iss").and_then(|iss| iss.as_str()) else { return Ok(None) };
    if issuer == environment.issuer {
        // Nobody else vouches in our name, whatever a connection says: its keys would make tokens that pass for ours.
        return Ok(None);
    }
    let candidates: Vec<Candidate<'_>> = environment
        .identity_connections
        .iter()
        .filter_map(Candidate::of)
        .filter(|candidate| candidate.issuer.is_named(issuer))
        .collect();
    if candidates.is_empty() {
        return Ok(None);
    }
    let mut refusal = OAuthError::new(Problem::ConnectionNotActive, "every connection for this issuer is disabled");
    for candidate in candidates.iter().filter(|candidate| candidate.connection.enabled) {
        match candidate.verify(context, environment, presented, trace).await {
            Ok(subject) => return vouched(environment, candidate, subject, presented.kind, params).map(Some),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// A connection that a token may be for.
struct Candidate<'a> {
    connection: &'a IdentityConnection,
    issuer: &'a ForeignIssuer,
    takes_id_tokens: bool,
}

impl<'a> Candidate<'a> {
    fn of(connection: &'a IdentityConnection) -> Option<Self> {
        let (issuer, takes_id_tokens) = match &connection.provider {
            IdentityProvider::Delegated => return None,
            IdentityProvider::Oidc(issuer) => (issuer, true),
            IdentityProvider::Jwt(issuer) => (issuer, false),
        };
        Some(Self { connection, issuer, takes_id_tokens })
    }

    async fn verify(
        &self,
        context: &Context,
        environment: &EnvironmentSnapshot,
        presented: PresentedSubject<'_>,
        trace: Option<Trace>,
    ) -> Result<ForeignSubject, OAuthError> {
        let kind = match presented.kind {
            TokenType::IdToken if self.takes_id_tokens => ForeignKind::IdToken,
            TokenType::IdToken => {
                return Err(OAuthError::new(Problem::SubjectTokenRefused, "the connection takes no ID tokens"));
            }
            _ => ForeignKind::Jwt,
        };
        let keys = ConnectionKeys { context, environment, name: &self.connection.name, trace };
        let subject = keys.verify(self.issuer, presented.text, kind).await.map_err(|error| match error {
            Unverified::Keys(error) => error,
            Unverified::Token(error) => refused(&self.connection.name, error),
        })?;
        self.check_parties(environment, &subject).map_err(|error| refused(&self.connection.name, error))?;
        Ok(subject)
    }

    /// Whom our own names stand for is ours to say. An issuer that wrote one of our clients into `act` would make it the
    /// actor of what happened elsewhere, in our own tokens and records; in `may_act` it would speak for it.
    fn check_parties(&self, environment: &EnvironmentSnapshot, subject: &ForeignSubject) -> Result<(), TokenError> {
        let is_ours = |iss: &str| {
            iss == environment.issuer || (SubjectType::MOSAIC_ISSUERS.contains(&iss) && !self.issuer.is_named(iss))
        };
        let act = subject.act.as_ref().is_some_and(|act| act.has_issuer(is_ours));
        let may_act = subject.may_act.as_ref().is_some_and(|may_act| may_act.has_issuer(is_ours));
        if act || may_act { Err(TokenError::OurName) } else { Ok(()) }
    }
}

fn refused(connection: &str, error: TokenError) -> OAuthError {
    OAuthError::new(Problem::SubjectTokenRefused, format!("connection {connection:?}: {error}"))
}

fn vouched(
    environment: &EnvironmentSnapshot,
    candidate: &Candidate<'_>,
    subject: ForeignSubject,
    kind: TokenType,
    params: &Params,
) -> Result<VouchedSubject, OAuthError> {
    let connection = candidate.connection.name.clone();
    let application_id = match kind {
        // An ID token speaks of a person who signed in somewhere.
        TokenType::IdToken => Some(params.require("application_id")?),
        _ => params.get("application_id"),
    };
    let user = match application_id {
        None => None,
        Some(application_id) => {
            let identity = Identity { connection: connection.clone(), subject_id: subject.subject_id.clone() };
            // The issuer's word alone: a caller that could add an e-mail address could give a user somebody else's.
            let (email, name) = (subject.email.clone(), subject.name.clone());
            let user = Vouched { email, name, ..described_user(identity, application_id, params) };
            delegate::check(environment, &user)?;
            Some(user)
        }
    };
    let unverified = if subject.email.is_none() { &["email", &candidate.issuer.map.email][..] } else { &[] };
    let subject_type = if user.is_some() { SubjectType::EndUserAccount } else { SubjectType::Workload };
    let token = SubjectToken {
        iss: candidate.issuer.issuer.clone(),
        // Two issuers may have the same names; with the issuer before it a name is nobody else's (TE-068).
        sub: format!("{}#{}", candidate.issuer.issuer, subject.subject_id),
        aud: subject.aud,
        client_id: String::new(),
        jti: subject.token_id,
        exp: subject.exp,
        iat: subject.iat.unwrap_or_default(),
        nbf: subject.nbf,
        scope: Scope::empty(),
        act: subject.act,
        may_act: subject.may_act,
        anc: Vec::new(),
        anc_facts: AncestorFacts::default(),
        kid: None,
        cnf: subject.cnf,
        subject_type: Some(subject_type),
        application_id: params.get("application_id").map(str::to_owned),
        profile_id: None,
        other: passable(subject.claims, unverified),
    };
    Ok(VouchedSubject { connection, token, user })
}

/// The claims that rules may pass on. Those that only this server writes are left out: a foreign issuer that could write
/// `extensions` or `profileId` could be anybody's profile. So are those of an e-mail address that it has not verified: other
/// services tell users by it.
fn passable(claims: Map<String, serde_json::Value>, unverified: &[&str]) -> Map<String, serde_json::Value> {
    let is_kept = |name: &str| !RESERVED_CLAIMS.contains(&name) && !unverified.contains(&name);
    claims.into_iter().filter(|(name, _)| is_kept(name)).collect()
}
