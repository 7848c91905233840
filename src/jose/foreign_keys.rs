//! The public keys of a foreign issuer (RFC 7517 §5).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    error::{JwksError, TokenError},
    strict_json::parse_object,
    unverified::{MAX_KID_LENGTH, UnverifiedToken},
    verifier::Verifier,
};
use crate::domain::environment::SigningAlg;

/// The most keys in one set. Each costs memory and the parsing of a key.
const MAX_KEYS: usize = 64;
/// Bits of an RSA modulus: fewer are weak (RFC 7518 §3.3), more cost the verifier too much time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The longest RSA exponent, in bytes. Usual is 65537; a huge one would cost as much as a private key operation.
const MAX_RSA_EXPONENT: usize = 4;
/// Bytes of a coordinate on P-256, and of an Ed25519 key.
const CURVE_BYTES: usize = 32;
/// Members that only private and symmetric keys have (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The keys of a foreign issuer that signatures can be checked with.
#[derive(Debug, Default)]
pub struct ForeignKeys {
    keys: Vec<ForeignKey>,
}

#[derive(Debug)]
struct ForeignKey {
    kid: Option<String>,
    /// One for each algorithm that the key may be used with; never empty.
    verifiers: Vec<Verifier>,
}

impl ForeignKeys {
    /// Reads a key set. Keys that cannot be used are left out: of another type or curve, for encryption, symmetric,
    /// weak, malformed, or with private members (a key that everybody knows proves nothing).
    ///
    /// # Errors
    /// It is not a key set, or has more than 64 keys. A set without usable keys is a good one: the issuer has withdrawn
    /// them.
    pub fn parse(jwks_json: &[u8]) -> Result<Self, JwksError> {
        let mut document = parse_object(jwks_json).ok_or(JwksError::Json)?;
        let Some(Value::Array(keys)) = document.remove("keys") else { return Err(JwksError::NoKeys) };
        if keys.len() > MAX_KEYS {
            return Err(JwksError::TooManyKeys);
        }
        Ok(Self { keys: keys.iter().filter_map(Value::as_object).filter_map(ForeignKey::read).collect() })
    }

    /// Whether a key set, a JSON document, has a private or symmetric key: one that is to be kept and shown must not.
    pub fn gives_away_secrets(jwks_json: &[u8]) -> bool {
        let keys = parse_object(jwks_json).and_then(|mut document| document.remove("keys"));
        let keys = keys.as_ref().and_then(Value::as_array).into_iter().flatten();
        keys.filter_map(Value::as_object).any(has_secret)
    }

    /// Whether a usable key has this id.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// How many keys are usable.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is usable.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key for a token. `accepted` are the algorithms that the operator accepts, all of them when empty. Whatever
    /// else the header says of keys is not looked at: the sender would bring his own.
    pub(super) fn verifier(
        &self,
        token: &UnverifiedToken<'_>,
        accepted: &[SigningAlg],
    ) -> Result<&Verifier, TokenError> {
        // `none` and HMAC are not among our algorithms, so they end here.
        let alg = SigningAlg::from_name(token.alg()).ok_or(TokenError::WrongAlgorithm)?;
        if !accepted.is_empty() && !accepted.contains(&alg) {
            return Err(TokenError::WrongAlgorithm);
        }
        let kid = token.kid();
        let named = || self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let mut fitting = named().flat_map(|key| &key.verifiers).filter(|verifier| verifier.alg() == alg);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            // Trying one after the other would let an attacker choose how much work a token is.
            (Some(_), Some(_)) => Err(TokenError::AmbiguousKey),
            (None, _) if named().next().is_some() => Err(TokenError::WrongAlgorithm),
            (None, _) => Err(TokenError::UnknownForeignKey),
        }
    }
}

impl ForeignKey {
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID_LENGTH => Some(kid.clone()),
            Some(_) => return None,
        };
        if has_secret(jwk) || !is_for_signatures(jwk) {
            return None;
        }
        let (public, possible) = public_members(jwk)?;
        let algorithms = match jwk.get("alg") {
            None => possible,
            // The key decides: one for RS256 is never used with PS256.
            Some(alg) => possible.iter().filter(|possible| alg == possible.as_str()).copied().collect(),
        };
        let public = public.to_string();
        let verifiers: Option<Vec<Verifier>> =
            algorithms.into_iter().map(|alg| Verifier::of_public_jwk(alg, &public).ok()).collect();
        verifiers.filter(|verifiers| !verifiers.is_empty()).map(|verifiers| Self { kid, verifiers })
    }
}

fn has_secret(jwk: &Map<String, Value>) -> bool {
    PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member))
}

/// `use` and `key_ops` (RFC 7517 §4.2, §4.3), where they are there.
fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    let operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => false,
    };
    operations && jwk.get("use").is_none_or(|purpose| purpose == "sig")
}

/// The members that make the key, read strictly and written anew, and what it can be used with.
fn public_members(jwk: &Map<String, Value>) -> Option<(Value, Vec<SigningAlg>)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let curve = |name: &str| bytes(name).filter(|bytes| bytes.len() == CURVE_BYTES).map(encode);
    match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            if !RSA_BITS.contains(&bits(&n)) || !is_good_exponent(&e) {
                return None;
            }
            let public = json!({ "kty": "RSA", "n": encode(n), "e": encode(e) });
            Some((public, vec![SigningAlg::RS256, SigningAlg::PS256]))
        }
        ("EC", Some("P-256")) => {
            let public = json!({ "kty": "EC", "crv": "P-256", "x": curve("x")?, "y": curve("y")? });
            Some((public, vec![SigningAlg::ES256]))
        }
        ("OKP", Some("Ed25519")) => {
            let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": curve("x")? });
            Some((public, vec![SigningAlg::EdDSA]))
        }
        _ => None,
    }
}

fn encode(bytes: Vec<u8>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bits of a number, most significant byte first.
fn bits(number: &[u8]) -> usize {
    let mut rest = number.iter().skip_while(|byte| **byte == 0);
    let top = rest.next().map_or(0, |byte| u8::BITS - byte.leading_zeros());
    rest.count() * 8 + top as usize
}

/// With the exponent 1 everything is its own signature; an even one is no RSA key.
fn is_good_exponent(e: &[u8]) -> bool {
    e.len() <= MAX_RSA_EXPONENT && e.last().is_some_and(|last| last % 2 == 1) && bits(e) >= 2
}
