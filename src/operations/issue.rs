//! The one place that mints a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;
use serde::Serialize;
use serde_json::{Map, Value};

use super::counts::Counts;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts,
        authorization::{EMAIL, PROFILE},
        claims::AccessTokenClaims,
        environment::{Environment, SigningAlg, TokenProfile, TokenTyp},
        id_token::IdTokenClaims,
        logout_token::{self, LogoutTokenClaims},
        order::{IdTokenOrder, TokenOrder},
        random::{Random, random_id},
    },
    jose::signer::Signer,
    oauth::error::{OAuthError, Problem},
};

/// A token, and its id for the record.
pub struct Issued {
    /// The token. It goes to the client and nowhere else.
    pub token: String,
    /// `jti`.
    pub jti: String,
    /// How long it lives, in seconds.
    pub expires_in: i64,
}

/// What it takes to mint tokens.
#[derive(Clone, Copy)]
pub struct TokenIssuer<'a> {
    /// For `jti`.
    pub random: &'a dyn Random,
    /// The algorithm where the resource server names none.
    pub signing_alg: SigningAlg,
    /// Where signatures are counted.
    pub counts: &'a Counts,
}

impl TokenIssuer<'_> {
    /// Signs the token that `order` describes, for the client or application `client_id`.
    ///
    /// # Errors
    /// There is no key to sign with, or OpenSSL failed.
    pub fn issue(
        &self,
        environment: &EnvironmentSnapshot,
        client_id: &str,
        order: &TokenOrder,
    ) -> Result<Issued, OAuthError> {
        let now = order.issued_at;
        let jti = random_id(self.random).map_err(failed)?;
        let alg = match order.form.profile {
            // The guards of Mosaic services refuse every other one.
            TokenProfile::Mosaic => SigningAlg::RS256,
            TokenProfile::Rfc9068 => order.form.signing_alg.unwrap_or(self.signing_alg),
        };
        let token = self.sign(environment, alg, now, |signer| {
            let anc_facts = order.anc_facts.without_own(&order.subject, client_id, signer.kid(), &order.claims);
            let claims = claims(Place::of(environment), client_id, order, &anc_facts, &jti);
            signer.sign_access_token(order.form.typ, &to_json(&claims)?).map_err(failed)
        })?;
        Ok(Issued { token, jti, expires_in: order.expires_at - now })
    }
}

impl TokenIssuer<'_> {
    /// Signs the ID token `wanted` that goes with `access_token`, which `order` describes, for the client `client_id` (OpenID
    /// Connect Core §2). Always in this server's own name and by its default algorithm: it is read by the client alone.
    ///
    /// # Errors
    /// There is no key to sign with, or OpenSSL failed.
    pub fn issue_id_token(
        &self,
        environment: &EnvironmentSnapshot,
        client_id: &str,
        (order, wanted): (&TokenOrder, &IdTokenOrder),
        access_token: &str,
    ) -> Result<String, OAuthError> {
        let now = order.issued_at;
        if environment.resource_server(client_id).is_some_and(|server| server.token_typ == TokenTyp::Jwt) {
            // It would have the type and the audience of an access token for that API, which could not tell them apart.
            return Err(failed("the client has the name of a resource server whose tokens look like ID tokens"));
        }
        let alg = self.signing_alg;
        let known = |name: &str| order.claims.get(name).and_then(Value::as_str);
        let claims = IdTokenClaims {
            iss: &environment.issuer,
            sub: &order.subject,
            aud: client_id,
            iat: now,
            exp: now.saturating_add(wanted.lifetime),
            auth_time: wanted.auth_time,
            nonce: wanted.nonce.as_deref(),
            sid: known("sid").or_else(|| known("sessionId")),
            at_hash: at_hash(alg, access_token),
            name: known("name").filter(|_| wanted.scope.contains(PROFILE)),
            email: known("email").filter(|_| wanted.scope.contains(EMAIL)),
            further: &wanted.claims,
        };
        self.sign(environment, alg, now, |signer| signer.sign_id_token(&to_json(&claims)?).map_err(failed))
    }
}

impl TokenIssuer<'_> {
    /// Signs a logout token: tells the client `client_id` that the session `sid` of the user `sub` has ended. By the default
    /// algorithm, as ID tokens are.
    ///
    /// # Errors
    /// There is no key to sign with, or OpenSSL failed.
    pub fn issue_logout_token(
        &self,
        environment: &EnvironmentSnapshot,
        client_id: &str,
        (sub, sid): (&str, &str),
        now: i64,
    ) -> Result<String, OAuthError> {
        let alg = self.signing_alg;
        let jti = random_id(self.random).map_err(failed)?;
        let exp = now.saturating_add(logout_token::LIFETIME);
        let (iss, events) = (environment.issuer.as_str(), logout_token::events());
        let claims = LogoutTokenClaims { iss, sub, aud: client_id, iat: now, exp, jti: &jti, sid, events };
        self.sign(environment, alg, now, |signer| signer.sign_logout_token(&to_json(&claims)?).map_err(failed))
    }

    /// Signs by the key of `alg` that is active at `now`, and counts it. All signatures are made here.
    ///
    /// # Errors
    /// There is no key to sign with, or OpenSSL failed.
    pub(super) fn sign(
        &self,
        environment: &EnvironmentSnapshot,
        alg: SigningAlg,
        now: i64,
        sign: impl FnOnce(&Signer) -> Result<String, OAuthError>,
    ) -> Result<String, OAuthError> {
        let signer = environment.keyring.signer(alg, now);
        let signer = signer.ok_or_else(|| failed(format!("no active {} key", alg.as_str())))?;
        let token = sign(signer)?;
        self.counts.signature(alg);
        Ok(token)
    }
}

/// The left half of the hash of the algorithm, where that is SHA-256 (OpenID Connect Core §3.1.3.6). Libraries disagree about
/// EdDSA, and it is optional here.
fn at_hash(alg: SigningAlg, access_token: &str) -> Option<String> {
    let hash = sha256(access_token.as_bytes());
    let half = hash.first_chunk::<16>().filter(|_| alg != SigningAlg::EdDSA);
    half.map(|half| URL_SAFE_NO_PAD.encode(half))
}

/// A token could not be made, and `cause` says why, for the log.
pub(super) fn failed(cause: impl ToString) -> OAuthError {
    OAuthError::new(Problem::ServerError, cause.to_string())
}

fn to_json(claims: &impl Serialize) -> Result<Vec<u8>, OAuthError> {
    serde_json::to_vec(claims).map_err(failed)
}

/// Where a token is issued.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `tenantId`.
    pub tenant_id: &'a str,
    /// `environmentId`.
    pub environment_id: &'a str,
}

impl<'a> Place<'a> {
    /// In that environment.
    pub fn of(environment: &'a EnvironmentSnapshot) -> Self {
        let Environment { id, tenant_id, .. } = &environment.environment;
        Self { issuer: &environment.issuer, tenant_id, environment_id: id }
    }
}

/// The claims that a token would have, but for its `jti`, which is made when it is issued. Signs nothing.
pub fn preview(place: Place<'_>, client_id: &str, order: &TokenOrder) -> Map<String, Value> {
    let mut claims = match serde_json::to_value(claims(place, client_id, order, &order.anc_facts, "")) {
        Ok(Value::Object(claims)) => claims,
        _ => Map::new(),
    };
    claims.remove("jti");
    claims
}

fn claims<'a>(
    place: Place<'a>,
    client_id: &'a str,
    order: &'a TokenOrder,
    anc_facts: &'a AncestorFacts,
    jti: &'a str,
) -> AccessTokenClaims<'a> {
    AccessTokenClaims {
        iss: match order.form.profile {
            TokenProfile::Mosaic => order.subject_type.mosaic_issuer(),
            TokenProfile::Rfc9068 => place.issuer,
        },
        sub: &order.subject,
        aud: &order.audience,
        client_id,
        iat: order.issued_at,
        exp: order.expires_at,
        jti,
        scope: &order.scope,
        scope_claim: order.form.scope_claim,
        act: order.act.as_ref(),
        may_act: order.may_act.as_ref(),
        anc: &order.anc,
        anc_facts,
        tenant_id: place.tenant_id,
        environment_id: place.environment_id,
        subject_type: order.subject_type,
        permissions: order.permissions.as_ref(),
        extra: &order.claims,
    }
}
