//! The public keys of a foreign issuer (RFC 7517 §5).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    ed25519,
    error::{JwksError, TokenError},
    strict_json::parse_object,
    unverified::{MAX_KID_LENGTH, UnverifiedToken},
    verifier::Verifier,
};
use crate::domain::verifying_alg::VerifyingAlg;

/// The most keys in one set. Each costs memory and the parsing of a key.
const MAX_KEYS: usize = 64;
/// Bits of an RSA modulus: fewer are weak (RFC 7518 §3.3), more cost the verifier too much time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The longest RSA exponent, in bytes. Usual is 65537; a huge one would cost as much as a private key operation.
const MAX_RSA_EXPONENT: usize = 4;
/// What an RSA key is good for, if it does not say.
const RSA: [VerifyingAlg; 6] = [
    VerifyingAlg::RS256,
    VerifyingAlg::RS384,
    VerifyingAlg::RS512,
    VerifyingAlg::PS256,
    VerifyingAlg::PS384,
    VerifyingAlg::PS512,
];
/// Curves, the bytes of a coordinate on each, and the one algorithm that each is good for (RFC 7518 §3.4).
const CURVES: [(&str, usize, VerifyingAlg); 3] =
    [("P-256", 32, VerifyingAlg::ES256), ("P-384", 48, VerifyingAlg::ES384), ("P-521", 66, VerifyingAlg::ES512)];
const UNKNOWN_KIND: &str = "is of another kind than RSA, EC on P-256, P-384 or P-521, and Ed25519";
/// Members that only private and symmetric keys have (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The keys of a foreign issuer that signatures can be checked with.
#[derive(Debug, Default)]
pub struct ForeignKeys {
    keys: Vec<ForeignKey>,
    unusable: Vec<UnusableKey>,
}

/// A key that was left out of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableKey {
    /// Its id, where it has one of a bearable length. Anybody wrote it: it is shown escaped.
    pub kid: Option<String>,
    /// Why, for the operator.
    pub reason: &'static str,
}

#[derive(Debug)]
struct ForeignKey {
    kid: Option<String>,
    /// One for each algorithm that the key may be used with; never empty.
    verifiers: Vec<Verifier>,
}

impl ForeignKeys {
    /// Reads a key set. Keys that cannot be used are left out: of another type or curve, for encryption, symmetric,
    /// weak, malformed, or with private members (a key that everybody knows proves nothing). Those that are there for
    /// signatures all the same are named by [`unusable`](Self::unusable).
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
        let mut set = Self::default();
        for key in &keys {
            match key.as_object().map_or(Err("is no JSON object"), ForeignKey::read) {
                Ok(Some(key)) => set.keys.push(key),
                Ok(None) => {}
                Err(reason) => set.unusable.push(UnusableKey { kid: kid_of(key), reason }),
            }
        }
        Ok(set)
    }

    /// The keys that were left out though they are not for another purpose.
    pub fn unusable(&self) -> &[UnusableKey] {
        &self.unusable
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
        accepted: &[VerifyingAlg],
    ) -> Result<&Verifier, TokenError> {
        // `none` and HMAC are not among our algorithms, so they end here.
        let alg = VerifyingAlg::from_name(token.alg()).ok_or(TokenError::WrongAlgorithm)?;
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
    /// `None` for a key that is for something else, encryption for instance: many sets have some.
    fn read(jwk: &Map<String, Value>) -> Result<Option<Self>, &'static str> {
        if !is_for_signatures(jwk)? {
            return Ok(None);
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID_LENGTH => Some(kid.clone()),
            Some(_) => return Err("has a kid that is no text or is too long"),
        };
        if has_secret(jwk) {
            return Err("is a private or symmetric key, which proves nothing when it is shown");
        }
        let (public, possible) = public_members(jwk)?;
        let algorithms: Vec<VerifyingAlg> = match jwk.get("alg") {
            None => possible.to_vec(),
            // The key decides: one for RS256 is never used with PS256.
            Some(alg) => {
                let alg = alg.as_str().and_then(VerifyingAlg::from_name);
                possible.iter().filter(|possible| alg == Some(**possible)).copied().collect()
            }
        };
        if algorithms.is_empty() {
            return Err("has an alg that is not known, or not for such a key");
        }
        let public = public.to_string();
        let verifiers: Result<Vec<Verifier>, _> =
            algorithms.into_iter().map(|alg| Verifier::of_public_jwk(alg, &public)).collect();
        let verifiers = verifiers.map_err(|_| "is not a point of its curve, or cannot be used otherwise")?;
        Ok(Some(Self { kid, verifiers }))
    }
}

fn kid_of(key: &Value) -> Option<String> {
    key.get("kid").and_then(Value::as_str).filter(|kid| kid.len() <= MAX_KID_LENGTH).map(str::to_owned)
}

fn has_secret(jwk: &Map<String, Value>) -> bool {
    PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member))
}

/// `use` and `key_ops` (RFC 7517 §4.2, §4.3), where they are there.
fn is_for_signatures(jwk: &Map<String, Value>) -> Result<bool, &'static str> {
    let operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => return Err("has key_ops that are no list"),
    };
    Ok(operations && jwk.get("use").is_none_or(|purpose| purpose == "sig"))
}

/// The members that make the key, read and written anew as RFC 7518 has them, and what it can be used with.
fn public_members(jwk: &Map<String, Value>) -> Result<(Value, &'static [VerifyingAlg]), &'static str> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let (n, e) = (number(jwk, "n")?, number(jwk, "e")?);
            if !RSA_BITS.contains(&bits(&n)) {
                return Err("is RSA with less than 2048 or more than 8192 bits");
            }
            if !is_good_exponent(&e) {
                return Err("is RSA with an exponent that is 1, even or longer than 4 bytes");
            }
            Ok((json!({ "kty": "RSA", "n": encode(&n), "e": encode(&e) }), &RSA))
        }
        (Some("EC"), Some(name)) => {
            let (_, bytes, alg) = CURVES.iter().find(|curve| curve.0 == name).ok_or(UNKNOWN_KIND)?;
            let [x, y] = [coordinate(jwk, "x", *bytes)?, coordinate(jwk, "y", *bytes)?];
            Ok((json!({ "kty": "EC", "crv": name, "x": x, "y": y }), std::slice::from_ref(alg)))
        }
        (Some("OKP"), Some("Ed25519")) => {
            let x = bytes(jwk, "x")?;
            if !ed25519::is_good_key(&x) {
                return Err("is no key of Ed25519: not 32 bytes, of small order, or not canonical");
            }
            Ok((json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&x) }), &[VerifyingAlg::EdDSA]))
        }
        _ => Err(UNKNOWN_KIND),
    }
}

/// Bytes in base64url. Some issuers pad it, or write the other alphabet: there is no second way to read those.
fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or("lacks a member that its kind has")?;
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "has a member that is not base64url")
}

/// A number, most significant byte first, without the zeros that some issuers write before it.
fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    Ok(bytes(jwk, name)?.into_iter().skip_while(|byte| *byte == 0).collect())
}

/// A coordinate in as many bytes as the curve has (RFC 7518 §6.2.1.2). Some issuers leave zeros out, others add one.
fn coordinate(jwk: &Map<String, Value>, name: &str, length: usize) -> Result<String, &'static str> {
    let number = number(jwk, name)?;
    let missing = length.checked_sub(number.len()).ok_or("has a coordinate that is too long for its curve")?;
    Ok(encode(&[vec![0; missing], number].concat()))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bits of a number, most significant byte first, without zeros before it.
fn bits(number: &[u8]) -> usize {
    let top = number.first().map_or(0, |byte| u8::BITS - byte.leading_zeros());
    number.len().saturating_sub(1) * 8 + top as usize
}

/// With the exponent 1 everything is its own signature; an even one is no RSA key.
fn is_good_exponent(e: &[u8]) -> bool {
    e.len() <= MAX_RSA_EXPONENT && e.last().is_some_and(|last| last % 2 == 1) && bits(e) >= 2
}
