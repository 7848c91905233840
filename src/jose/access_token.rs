//! Checking the access tokens of an environment (RFC 9068 §4).

use std::ops::Deref;

use serde_json::{Map, Value};

use super::{
    claims::{audience, chain, confirmation, optional_text, text, texts, time},
    error::TokenError::{self, ClaimType, MissingClaim},
    keyring::Keyring,
    strict_json::parse_object,
    unverified::{ACCESS, UnverifiedToken},
};
use crate::{
    domain::{
        ancestry::AncestorFacts,
        claims::{EMBEDDED_TOKEN_CLAIM, MAX_ANCESTORS, SubjectType},
        party::{Actor, MayAct},
        subject::SubjectToken,
    },
    oauth::scope::Scope,
};

/// An access token of this environment whose signature, issuer and claims were checked. Only
/// [`verify_access_token`] makes one, so having one is the proof.
///
/// It says nothing of revocation, and time goes by: whoever keeps one calls [`check_time`](Self::check_time) again.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedToken(SubjectToken);

impl VerifiedToken {
    /// The key it was signed with. A cache asks the keyring again whether that key still verifies.
    pub fn kid(&self) -> &str {
        self.0.kid.as_deref().unwrap_or_default()
    }

    /// Whether it can be used at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`TokenError::Expired`] or [`TokenError::NotYetValid`].
    pub fn check_time(&self, now: i64) -> Result<(), TokenError> {
        if self.0.is_expired(now) {
            Err(TokenError::Expired)
        } else if self.0.is_early(now) {
            Err(TokenError::NotYetValid)
        } else {
            Ok(())
        }
    }
}

impl Deref for VerifiedToken {
    type Target = SubjectToken;

    fn deref(&self) -> &SubjectToken {
        &self.0
    }
}

/// Checks everything about an access token that the token and our keys can tell: form, type, signature by one of the
/// environment's keys, issuer, presence and form of all claims, and the time.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_access_token(
    keyring: &Keyring,
    issuer: &str,
    token: &str,
    now: i64,
) -> Result<VerifiedToken, TokenError> {
    let token = UnverifiedToken::parse(token)?;
    check_type(token.typ(), token.token_use())?;
    let kid = token.kid().ok_or(TokenError::MissingHeader("kid"))?;
    let verifier = keyring.verifier(kid, now).ok_or(TokenError::UnknownKey)?;
    let payload = verifier.verify(&token)?;
    let claims = parse_object(&payload).ok_or(TokenError::Json("payload"))?;
    // We make no such token. One all the same must not be two things: the inner to those who look for it, the outer here.
    if claims.contains_key(EMBEDDED_TOKEN_CLAIM) {
        return Err(TokenError::Envelope);
    }
    let subject = SubjectToken { kid: Some(kid.to_owned()), ..read_claims(claims)? };
    // The key already says which environment it was. The names of the `mosaic` profile are the same everywhere.
    let mosaic_issuer = subject.subject_type.map(SubjectType::mosaic_issuer);
    if subject.iss != issuer && Some(subject.iss.as_str()) != mosaic_issuer {
        return Err(TokenError::WrongIssuer);
    }
    let verified = VerifiedToken(subject);
    verified.check_time(now)?;
    Ok(verified)
}

/// The token that a third party's JWT carries under [`EMBEDDED_TOKEN_CLAIM`], not checked in any way; `None` if it carries
/// none.
///
/// The outer token is never trusted, whoever signed it: it is an envelope that anybody can write.
pub fn embedded_token(outer: &str) -> Option<String> {
    match UnverifiedToken::parse(outer).ok()?.claims()?.remove(EMBEDDED_TOKEN_CLAIM)? {
        Value::String(inner) => Some(inner),
        _ => None,
    }
}

/// Only `at+jwt` (RFC 9068 §4), or `JWT` with the mark that we sign into the header of access tokens alone: an ID token, a client
/// assertion or a proof under the same key is no access token, whatever claims somebody got us to write into it.
fn check_type(typ: Option<&str>, token_use: Option<&str>) -> Result<(), TokenError> {
    let typ = typ.ok_or(TokenError::MissingHeader("typ"))?;
    // Media types are compared without case, and "application/" may be left out (RFC 7515 §4.1.9).
    let known = ["at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known));
    let is_marked = typ == "JWT" && token_use == Some(ACCESS);
    if known || is_marked { Ok(()) } else { Err(TokenError::WrongType) }
}

/// Reads the claims of an access token. It proves nothing: for claims that somebody only says a token has.
///
/// # Errors
/// A claim is missing or of another form than it must have.
pub fn read_claims(mut claims: Map<String, Value>) -> Result<SubjectToken, TokenError> {
    let subject_type = match optional_text(&claims, "subjectType")? {
        Some(name) => Some(SubjectType::from_name(name).ok_or(ClaimType("subjectType"))?),
        None => None,
    };
    let application_id = optional_text(&claims, "applicationId")?.map(str::to_owned);
    let profile_id = optional_text(&claims, "profileId")?.map(str::to_owned);
    Ok(SubjectToken {
        iss: text(&mut claims, "iss")?,
        sub: text(&mut claims, "sub")?,
        aud: audience(&mut claims)?,
        client_id: text(&mut claims, "client_id")?,
        jti: text(&mut claims, "jti")?,
        exp: time(&mut claims, "exp", f64::floor)?.ok_or(MissingClaim("exp"))?,
        iat: time(&mut claims, "iat", f64::ceil)?.ok_or(MissingClaim("iat"))?,
        nbf: time(&mut claims, "nbf", f64::ceil)?,
        scope: scope(&mut claims)?,
        act: chain(&mut claims, "act", Actor::from_claim)?,
        may_act: chain(&mut claims, "may_act", MayAct::from_claim)?,
        anc: ancestors(&mut claims)?,
        anc_facts: ancestor_facts(&mut claims)?,
        kid: None,
        cnf: confirmation(&mut claims)?,
        subject_type,
        application_id,
        profile_id,
        other: claims,
    })
}

fn scope(claims: &mut Map<String, Value>) -> Result<Scope, TokenError> {
    match claims.remove("scope") {
        None => Ok(Scope::empty()),
        Some(Value::String(text)) => Scope::parse(&text).map_err(|_| TokenError::MalformedScope),
        Some(Value::Array(list)) => Scope::from_tokens(texts(list, "scope")?).map_err(|_| TokenError::MalformedScope),
        Some(_) => Err(ClaimType("scope")),
    }
}

fn ancestors(claims: &mut Map<String, Value>) -> Result<Vec<String>, TokenError> {
    match claims.remove("anc") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > MAX_ANCESTORS => Err(TokenError::TooManyAncestors),
        Some(Value::Array(list)) => texts(list, "anc"),
        Some(_) => Err(ClaimType("anc")),
    }
}

fn ancestor_facts(claims: &mut Map<String, Value>) -> Result<AncestorFacts, TokenError> {
    let Some(claim) = claims.remove("anc_of") else { return Ok(AncestorFacts::default()) };
    let facts: AncestorFacts = serde_json::from_value(claim).map_err(|_| ClaimType("anc_of"))?;
    let AncestorFacts { client_ids, kids, user_ids, subjects, application_ids, .. } = &facts;
    let most = [client_ids, kids, user_ids, subjects, application_ids].into_iter().map(Vec::len).max();
    // A token may name two sessions: its own, and that of the sign-in.
    let too_many = most > Some(MAX_ANCESTORS) || facts.sids.len() > 2 * MAX_ANCESTORS;
    if too_many { Err(TokenError::TooManyAncestors) } else { Ok(facts) }
}
