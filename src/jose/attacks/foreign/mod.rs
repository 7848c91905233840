//! Tokens of foreign issuers: what is required of each, and whose signature counts.

use serde_json::{Value, json};

use super::{NOW, compact};
use crate::{
    domain::{
        environment::SigningAlg,
        foreign::{ForeignIssuer, ForeignSubject},
    },
    jose::{
        error::TokenError,
        foreign::{
            ForeignKind::{self, IdToken, Jwt},
            verify_foreign_token,
        },
        foreign_keys::ForeignKeys,
        private_key::PrivateKey,
    },
};

mod claims;
mod keys;
mod signatures;

/// A foreign issuer with one key, and what we know of it.
struct Idp {
    issuer: ForeignIssuer,
    keys: ForeignKeys,
    key: PrivateKey,
}

impl Idp {
    fn new(alg: SigningAlg) -> Self {
        let key = PrivateKey::generate(alg).expect("generates");
        let issuer = json!({
            "issuer": "https://idp.example", "jwks_uri": "https://idp.example/jwks", "audiences": ["us", "our-other-name"],
        });
        let keys = key_set(&[&key]);
        Self { issuer: serde_json::from_value(issuer).expect("a description"), keys, key }
    }

    fn header(&self) -> Value {
        json!({ "alg": self.key.alg().as_str(), "typ": "JWT", "kid": self.key.kid() })
    }

    fn sign(&self, header: &Value, payload: &str) -> String {
        signed_by(&self.key, header, payload)
    }

    fn sign_claims(&self, claims: &Value) -> String {
        self.sign(&self.header(), &claims.to_string())
    }

    fn verify(&self, token: &str, kind: ForeignKind) -> Result<ForeignSubject, TokenError> {
        verify_foreign_token(&self.issuer, &self.keys, token, kind, NOW)
    }

    /// The token is refused as either kind.
    #[track_caller]
    fn refuses(&self, token: &str, error: TokenError) {
        assert_eq!([self.verify(token, IdToken), self.verify(token, Jwt)], [Err(error), Err(error)]);
    }

    #[track_caller]
    fn accepts(&self, claims: &Value) -> ForeignSubject {
        let token = self.sign_claims(claims);
        let [first, second] = [IdToken, Jwt].map(|kind| self.verify(&token, kind).expect("a good token"));
        assert_eq!(first, second);
        first
    }
}

fn signed_by(key: &PrivateKey, header: &Value, payload: &str) -> String {
    let signer = key.jws_signer().expect("usable key");
    compact(&header.to_string(), payload, |signed| signer.sign(signed).expect("signs"))
}

fn key_set(keys: &[&PrivateKey]) -> ForeignKeys {
    let keys: Vec<&str> = keys.iter().map(|key| key.public_jwk()).collect();
    ForeignKeys::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("a key set")
}

fn good() -> Value {
    json!({ "iss": "https://idp.example", "sub": "u1", "aud": "us", "iat": NOW, "exp": NOW + 300 })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = good();
    claims[name] = value.into();
    claims
}
