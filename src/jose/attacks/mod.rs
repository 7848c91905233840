//! Known attacks on tokens, and what a broken issuer could sign: each must be refused for its own reason.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::JwsSigner;
use serde_json::{Value, json};

use super::{
    access_token::{VerifiedToken, verify_access_token},
    error::TokenError,
    keyring::{KeyEntry, Keyring},
    private_key::PrivateKey,
};
use crate::domain::{environment::SigningAlg, signing_key::KeySchedule};

mod claims;
mod foreign;
mod headers;
mod properties;
mod signatures;

const ISSUER: &str = "https://issuer.example/tenant/environment";
const NOW: i64 = 1_800_000_000;

/// An environment with one key.
struct Issuer {
    keyring: Keyring,
    key: PrivateKey,
    signer: Box<dyn JwsSigner>,
}

impl Issuer {
    fn new(alg: SigningAlg) -> Self {
        Self::with_key(PrivateKey::generate(alg).expect("generates"))
    }

    fn with_key(key: PrivateKey) -> Self {
        let schedule = KeySchedule {
            created_at: NOW - 100,
            activates_at: NOW - 100,
            retires_at: Some(NOW + 1000),
            removes_at: Some(NOW + 2000),
            tokens_until: 0,
        };
        let entry = KeyEntry {
            kid: key.kid().to_owned(),
            alg: key.alg(),
            schedule,
            private_key_der: key.to_pkcs8_der().expect("encodes"),
            public_jwk: key.public_jwk().to_owned(),
        };
        let keyring = Keyring::new(&[entry], None).expect("usable key");
        let signer = key.jws_signer().expect("usable key");
        Self { keyring, key, signer }
    }

    /// The header of a good token.
    fn header(&self) -> Value {
        json!({ "alg": self.key.alg().as_str(), "typ": "at+jwt", "kid": self.key.kid() })
    }

    /// Signs whatever it is given, with our key.
    fn sign(&self, header: &str, payload: &str) -> String {
        compact(header, payload, |signed| self.signer.sign(signed).expect("signs"))
    }

    fn sign_header(&self, header: &Value) -> String {
        self.sign(&header.to_string(), &good_claims().to_string())
    }

    fn sign_claims(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        verify_access_token(&self.keyring, ISSUER, token, NOW)
    }

    #[track_caller]
    fn refuses(&self, token: &str, error: TokenError) {
        assert_eq!(self.verify(token), Err(error));
    }
}

fn compact(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims of a good token.
fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "user", "aud": "resource-api", "client_id": "bff",
        "iat": NOW, "exp": NOW + 300, "jti": "id", "scope": "calendar.read",
    })
}

fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = good_claims();
    claims[name] = value.into();
    claims
}

fn header_with(issuer: &Issuer, name: &str, value: impl Into<Value>) -> Value {
    let mut header = issuer.header();
    header[name] = value.into();
    header
}
