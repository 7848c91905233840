//! Checking the tokens of foreign issuers: ID tokens, and other JWTs as RFC 8693 §3 calls them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;
use serde_json::{Map, Value};

use super::{
    claims::{audience, chain, confirmation, text, time},
    error::TokenError::{self, MissingClaim},
    foreign_keys::ForeignKeys,
    strict_json::parse_object,
    unverified::{ACCESS, UnverifiedToken},
};
use crate::domain::{
    foreign::{ClaimMap, FOREIGN_TOKEN_PREFIX, ForeignIssuer, ForeignSubject},
    party::{Actor, MayAct},
    subject::CLOCK_LEEWAY,
};

/// The longest text about a user that is taken, in bytes (OpenID Connect Core §2 says so of `sub`).
const MAX_TEXT: usize = 255;
/// The claim with the e-mail address, where issuers keep to the standard (OpenID Connect Core §5.1).
const EMAIL: &str = "email";
/// Bytes of the hash that name a token: as many as a random id has.
const TOKEN_ID_BYTES: usize = 16;

/// Which kind of token the caller says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignKind {
    /// `urn:ietf:params:oauth:token-type:id_token` (OpenID Connect Core §2).
    IdToken,
    /// `urn:ietf:params:oauth:token-type:jwt`: a workload's token, or an access token of the issuer.
    Jwt,
}

/// Checks everything about a foreign token that the token, the issuer's description and its keys can tell: form, type,
/// signature, issuer, audience, presence and form of all claims, conditions, and the time `now` (seconds since 1970).
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_foreign_token(
    issuer: &ForeignIssuer,
    keys: &ForeignKeys,
    token: &str,
    kind: ForeignKind,
    now: i64,
) -> Result<ForeignSubject, TokenError> {
    let token = UnverifiedToken::parse(token)?;
    check_type(&token, kind)?;
    let payload = keys.verifier(&token, &issuer.algorithms)?.verify(&token)?;
    let claims = parse_object(&payload).ok_or(TokenError::Json("payload"))?;
    // A logout token (OpenID Connect Back-Channel Logout §2.4) and other security events (RFC 8417) speak of a user, but
    // do not vouch for him; many have no `typ` of their own.
    if claims.contains_key("events") {
        return Err(TokenError::ForeignType);
    }
    if !issuer.is_named(&text(&mut claims.clone(), "iss")?) {
        return Err(TokenError::WrongIssuer);
    }
    let subject = read_claims(issuer, claims, token_id(token.signed()))?;
    if kind == ForeignKind::IdToken && subject.iat.is_none() {
        return Err(MissingClaim("iat"));
    }
    if !subject.aud.iter().any(|audience| issuer.audiences.contains(audience)) {
        return Err(TokenError::WrongAudience);
    }
    if !issuer.conditions_hold(&subject.claims) {
        return Err(TokenError::ConditionNotMet);
    }
    check_time(&subject, now)?;
    Ok(subject)
}

/// A token of another purpose under the same key is refused: a logout token, a proof, a client assertion (RFC 8725
/// §3.11). Older issuers give no type at all.
fn check_type(token: &UnverifiedToken<'_>, kind: ForeignKind) -> Result<(), TokenError> {
    if kind == ForeignKind::IdToken && token.token_use() == Some(ACCESS) {
        // Another server of our kind marks its access tokens so where they have the type of ID tokens.
        return Err(TokenError::ForeignType);
    }
    let Some(typ) = token.typ() else { return Ok(()) };
    let known: &[&str] = match kind {
        // "JOSE" says only that it is a compact JWS (RFC 7515 §4.1.9), which is no more than no type at all.
        ForeignKind::IdToken => &["jwt", "jose"],
        ForeignKind::Jwt => &["jwt", "jose", "at+jwt"],
    };
    // Media types are compared without case, and "application/" may be left out (RFC 7515 §4.1.9).
    let lower = typ.to_ascii_lowercase();
    let short = lower.strip_prefix("application/").unwrap_or(&lower);
    if known.contains(&short) { Ok(()) } else { Err(TokenError::ForeignType) }
}

fn check_time(subject: &ForeignSubject, now: i64) -> Result<(), TokenError> {
    let latest = now.saturating_add(CLOCK_LEEWAY);
    let is_early = |time: Option<i64>| time.is_some_and(|time| time > latest);
    if now >= subject.exp {
        Err(TokenError::Expired)
    } else if is_early(subject.iat) || is_early(subject.nbf) {
        Err(TokenError::NotYetValid)
    } else {
        Ok(())
    }
}

fn read_claims(
    issuer: &ForeignIssuer,
    claims: Map<String, Value>,
    token_id: String,
) -> Result<ForeignSubject, TokenError> {
    let map = &issuer.map;
    let mut rest = claims.clone();
    Ok(ForeignSubject {
        subject_id: subject_id(&claims, map).ok_or(TokenError::MappedSubject)?,
        email: verified_email(&claims, &map.email),
        name: usable_text(&claims, &map.name).map(str::to_owned),
        aud: audience(&mut rest)?,
        exp: time(&mut rest, "exp", f64::floor)?.ok_or(MissingClaim("exp"))?,
        iat: time(&mut rest, "iat", f64::ceil)?,
        nbf: time(&mut rest, "nbf", f64::ceil)?,
        // Only a sign-in asks for it, and refuses what has none that can be read.
        auth_time: time(&mut rest, "auth_time", f64::floor).unwrap_or_default(),
        cnf: confirmation(&mut rest)?,
        act: chain(&mut rest, "act", |claim| Actor::from_foreign_claim(claim, &issuer.issuer))?,
        may_act: chain(&mut rest, "may_act", MayAct::from_claim)?,
        token_id,
        claims,
    })
}

/// Where the e-mail address is what identifies the user, it has to be the user's: whoever could write another one's into
/// the own profile, unverified, would be that one.
fn subject_id(claims: &Map<String, Value>, map: &ClaimMap) -> Option<String> {
    if map.subject == map.email || map.subject == EMAIL {
        // Saying nothing is not enough here: an issuer that never checks addresses says nothing either.
        return claims.get("email_verified").and_then(|_| verified_email(claims, &map.subject));
    }
    if let Some(number) = claims.get(&map.subject)?.as_number() {
        // Some issuers count their users. A fraction has several spellings, and nobody has it for a name.
        return (number.is_i64() || number.is_u64()).then(|| number.to_string());
    }
    usable_text(claims, &map.subject).map(str::to_owned)
}

/// A text about a user that can be kept and shown. An e-mail address or a name that cannot is no reason to refuse its
/// bearer; a subject is.
fn usable_text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = claims.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)).then_some(text)
}

/// Anybody can write any address into a profile: one that the issuer has not verified is not taken over. Some issuers
/// write `email_verified` as a text.
fn verified_email(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let vouched = match claims.get("email_verified") {
        None => true,
        Some(verified) => *verified == true || verified == "true",
    };
    usable_text(claims, name).filter(|_| vouched).map(str::to_owned)
}

fn token_id(signed: &str) -> String {
    let hash = sha256(signed.as_bytes());
    format!("{FOREIGN_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(hash.get(..TOKEN_ID_BYTES).unwrap_or(&hash)))
}
