//! A service of the platform guarding itself, written from the contract with a library that is not ours: RS256 and nothing
//! else, the issuer by its name, the key by the ids that the token names.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;
use tessera::domain::clock::Clock as _;

use super::{TestServer, tokens::peek};

/// The property of a third party's JWT that holds an end user's token. The dots are part of its name.
pub const EMBEDDED: &str = "mosaic.end-user.accessToken";
/// Claims that every token has.
const COMMON: [&str; 9] = ["iss", "sub", "aud", "iat", "exp", "name", "tenantId", "environmentId", "subjectType"];

/// Guards a service whose keys come from `server`.
pub struct Guard<'s>(pub &'s TestServer);

impl Guard<'_> {
    /// The claims of a token of a service account, or of somebody who manages.
    pub fn management(&self, token: &str) -> Result<Value, String> {
        let claims = self.verify(token, "ax-id-service", &["tenantId", "environmentId"])?;
        let lists = claims["permissions"].as_object().ok_or("no permissions")?.values();
        let is_text_list = |list: &Value| list.as_array().is_some_and(|keys| keys.iter().all(Value::is_string));
        if lists.into_iter().all(is_text_list) { Ok(claims) } else { Err("permissions are not lists".to_owned()) }
    }

    /// The claims of an end user's token, or of the one that a third party's JWT carries.
    pub fn end_user(&self, token: &str) -> Result<Value, String> {
        let inner = peek(token)[EMBEDDED].as_str().map(str::to_owned);
        let claims = self.application(inner.as_deref().unwrap_or(token))?;
        ["profileId", "sessionId"].into_iter().try_for_each(|name| check_uuid(&claims, name))?;
        Ok(claims)
    }

    /// The claims of an application's token.
    pub fn application(&self, token: &str) -> Result<Value, String> {
        self.verify(token, "ax-user-service", &["tenantId", "environmentId", "applicationId"])
    }

    fn verify(&self, token: &str, issuer: &str, ids: &[&str]) -> Result<Value, String> {
        let unverified = peek(token);
        ids.iter().try_for_each(|id| check_uuid(&unverified, id))?;
        let path: String = ids.iter().map(|id| format!("/{}", text(&unverified, id))).collect();
        let claims = self.verify_by_keys_of(&path, token, issuer)?;
        match COMMON.iter().find(|name| claims.get(**name).is_none_or(|claim| *claim == "")) {
            Some(missing) => Err(format!("no {missing}")),
            None => Ok(claims),
        }
    }

    /// The claims of a token, with the keys at `path` whatever it says of itself.
    pub fn verify_by_keys_of(&self, path: &str, token: &str, issuer: &str) -> Result<Value, String> {
        let header = decode_header(token).map_err(|error| error.to_string())?;
        if header.alg != Algorithm::RS256 {
            return Err("invalid algorithm".to_owned());
        }
        let kid = header.kid.ok_or("no kid")?;
        let answer = self.0.get(&format!("{path}/.well-known/jwks.json"));
        let jwks: JwkSet = serde_json::from_str(&answer.text).map_err(|error| error.to_string())?;
        let key = DecodingKey::from_jwk(jwks.find(&kid).ok_or("unknown kid")?).map_err(|error| error.to_string())?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_aud = false;
        // By the test's clock, below.
        validation.validate_exp = false;
        let claims: Value = decode(token, &key, &validation).map_err(|error| error.to_string())?.claims;
        let is_current = claims["exp"].as_i64().is_some_and(|exp| self.0.clock.now() < exp);
        if is_current { Ok(claims) } else { Err("expired".to_owned()) }
    }
}

fn text<'c>(claims: &'c Value, name: &str) -> &'c str {
    claims[name].as_str().unwrap_or_default()
}

fn check_uuid(claims: &Value, name: &str) -> Result<(), String> {
    match uuid::Uuid::parse_str(text(claims, name)) {
        Ok(id) if id.to_string() == text(claims, name) => Ok(()),
        _ => Err(format!("{name} is no UUID")),
    }
}
