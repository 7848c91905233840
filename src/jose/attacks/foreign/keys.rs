//! Key sets of foreign issuers: which keys are used, and which are left out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{pkey::PKey, rsa::Rsa};
use serde_json::{Value, json};

use crate::{
    domain::environment::SigningAlg,
    jose::{error::JwksError, foreign_keys::ForeignKeys, private_key::PrivateKey},
};

fn jwk(alg: SigningAlg) -> Value {
    let key = PrivateKey::generate(alg).expect("generates");
    serde_json::from_str(key.public_jwk()).expect("JSON")
}

fn parse(keys: &[Value]) -> Result<ForeignKeys, JwksError> {
    ForeignKeys::parse(json!({ "keys": keys }).to_string().as_bytes())
}

/// How many keys of a set are usable.
fn usable(keys: &[Value]) -> usize {
    parse(keys).expect("a key set").len()
}

fn changed(key: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut key = key.clone();
    key[name] = value.into();
    key
}

#[test]
fn keys_of_all_algorithms_are_found_by_their_kid() {
    let keys = SigningAlg::ALL.map(jwk);
    let set = parse(&keys).expect("a key set");
    assert_eq!(set.len(), 4);
    for key in &keys {
        assert!(set.has(key["kid"].as_str().expect("a kid")));
    }
    assert!(!set.has("another") && !set.has(""));
}

#[test]
fn what_is_no_key_set_is_refused() {
    for (document, error) in [
        ("", JwksError::Json),
        ("[]", JwksError::Json),
        ("<html>", JwksError::Json),
        (r#"{"keys":[],"keys":[]}"#, JwksError::Json),
        (r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#, JwksError::Json),
        ("{}", JwksError::NoKeys),
        (r#"{"keys":{}}"#, JwksError::NoKeys),
        (r#"{"error":"away"}"#, JwksError::NoKeys),
    ] {
        assert_eq!(ForeignKeys::parse(document.as_bytes()).map(|_| ()), Err(error), "{document}");
    }
    assert!(ForeignKeys::parse(br#"{"keys":[]}"#).expect("a key set").is_empty());
    let key = jwk(SigningAlg::EdDSA);
    assert_eq!(usable(&vec![key.clone(); 64]), 64);
    assert_eq!(parse(&vec![key; 65]).map(|_| ()), Err(JwksError::TooManyKeys));
}

#[test]
fn unusable_keys_are_left_out_and_the_others_stay() {
    let (good, ec, ed) = (jwk(SigningAlg::RS256), jwk(SigningAlg::ES256), jwk(SigningAlg::EdDSA));
    let unusable = [
        json!(null),
        json!("key"),
        json!({}),
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "hmac", "alg": "HS256" }),
        changed(&good, "kty", "oct"),
        changed(&good, "use", "enc"),
        changed(&good, "key_ops", json!(["encrypt"])),
        changed(&good, "key_ops", "verify"),
        changed(&good, "alg", "RSA-OAEP"),
        changed(&good, "alg", "HS256"),
        changed(&good, "alg", "none"),
        changed(&good, "alg", "ES256"),
        changed(&good, "alg", json!(null)),
        changed(&good, "kid", 7),
        changed(&good, "kid", "k".repeat(257)),
        changed(&good, "d", "AQAB"),
        changed(&good, "n", "not base64url!"),
        changed(&good, "n", json!(null)),
        changed(&good, "e", "AQ"),
        changed(&good, "e", "AA"),
        changed(&good, "e", ""),
        changed(&good, "e", "AQAA"),
        changed(&good, "e", "AQAAAAE"),
        changed(&ec, "crv", "P-384"),
        changed(&ec, "crv", "secp256k1"),
        // Not on the curve.
        changed(&ec, "x", URL_SAFE_NO_PAD.encode([1; 32])),
        changed(&ec, "x", URL_SAFE_NO_PAD.encode([1; 31])),
        changed(&ec, "y", json!(null)),
        changed(&ed, "crv", "Ed448"),
        changed(&ed, "crv", "X25519"),
        changed(&ed, "x", URL_SAFE_NO_PAD.encode([1; 31])),
        changed(&ed, "d", "AQAB"),
    ];
    for key in &unusable {
        assert_eq!(usable(&[key.clone(), good.clone()]), 1, "{key}");
    }
    for key in [
        changed(&good, "key_ops", json!(["verify"])),
        changed(&good, "x5c", json!(["MIIB"])),
        changed(&good, "unknown", 1),
    ] {
        assert_eq!(usable(std::slice::from_ref(&key)), 1, "{key}");
    }
}

#[test]
fn numbers_that_are_padded_short_or_long_make_the_key_that_was_meant() {
    let (rsa, ed) = (jwk(SigningAlg::RS256), jwk(SigningAlg::EdDSA));
    let bytes =
        |key: &Value, name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().expect("a text")).expect("base64url");
    let long =
        |key: &Value, name: &str| changed(key, name, URL_SAFE_NO_PAD.encode([&[0][..], &bytes(key, name)].concat()));
    let padded = |key: &Value, name: &str| {
        let standard = base64::engine::general_purpose::STANDARD.encode(bytes(key, name));
        changed(key, name, standard)
    };
    for key in [long(&rsa, "n"), long(&rsa, "e"), padded(&rsa, "n"), padded(&ed, "x")] {
        assert_eq!(usable(std::slice::from_ref(&key)), 1, "{key}");
    }
    // One of 128 keys has a coordinate that begins with a zero, which some libraries leave out.
    let ec = std::iter::repeat_with(|| jwk(SigningAlg::ES256)).find(|key| bytes(key, "x")[0] == 0).expect("a key");
    let short = changed(&ec, "x", URL_SAFE_NO_PAD.encode(&bytes(&ec, "x")[1..]));
    for key in [short, long(&ec, "x"), long(&ec, "y"), padded(&ec, "y")] {
        assert_eq!(usable(std::slice::from_ref(&key)), 1, "{key}");
    }
    // Not numbers: a key of Ed25519 has exactly 32 bytes.
    assert_eq!(usable(&[long(&ed, "x")]), 0);
    let too_long = changed(&ec, "x", URL_SAFE_NO_PAD.encode([&[1][..], &bytes(&ec, "x")].concat()));
    assert_eq!(usable(&[too_long]), 0);
}

#[test]
fn a_key_of_no_use_is_named_with_the_reason_and_one_for_another_purpose_is_not() {
    let (good, ed) = (jwk(SigningAlg::RS256), jwk(SigningAlg::EdDSA));
    let named = |key: Value| -> Vec<(Option<String>, &'static str)> {
        let set = parse(&[good.clone(), key]).expect("a key set");
        set.unusable().iter().map(|key| (key.kid.clone(), key.reason)).collect()
    };
    for key in [changed(&good, "use", "enc"), changed(&good, "key_ops", json!(["encrypt"])), ed.clone()] {
        assert_eq!(named(key), []);
    }
    let kid = ed["kid"].as_str().map(str::to_owned);
    for (key, reason) in [
        (changed(&ed, "crv", "Ed448"), "another kind"),
        (changed(&ed, "alg", "none"), "alg"),
        (changed(&ed, "d", "AQAB"), "private"),
        (changed(&ed, "x", "AA"), "Ed25519"),
        (changed(&ed, "x", "!"), "base64url"),
    ] {
        let named = named(key);
        assert!(matches!(&named[..], [(of, why)] if *of == kid && why.contains(reason)), "{named:?}");
    }
    assert!(matches!(&named(json!("key"))[..], [(None, "is no JSON object")]));
}

#[test]
fn rsa_keys_are_measured_in_bits() {
    // `generate` sets the top bit; so the bits are exact.
    for (bits, expected) in [(1024, 0), (2040, 0), (2048, 1), (3072, 1)] {
        let rsa = PKey::from_rsa(Rsa::generate(bits).expect("generates")).expect("a key").rsa().expect("RSA");
        let (n, e) = (URL_SAFE_NO_PAD.encode(rsa.n().to_vec()), URL_SAFE_NO_PAD.encode(rsa.e().to_vec()));
        assert_eq!(usable(&[json!({ "kty": "RSA", "n": n, "e": e })]), expected, "{bits}");
    }
    let huge = URL_SAFE_NO_PAD.encode(vec![0xff; 2048]);
    assert_eq!(usable(&[json!({ "kty": "RSA", "n": huge, "e": "AQAB" })]), 0);
    // Leading zeros make nothing stronger.
    let padded = URL_SAFE_NO_PAD.encode([vec![0; 128], vec![0xff; 128]].concat());
    assert_eq!(usable(&[json!({ "kty": "RSA", "n": padded, "e": "AQAB" })]), 0);
}
