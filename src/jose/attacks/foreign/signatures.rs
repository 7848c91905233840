//! Whose signature it is, and by which algorithm.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::{ES384, ES512, HS256, JwsSigner, PS384, PS512, RS384, RS512};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
};
use serde_json::{Value, json};

use super::{Idp, good, key_set, signed_by, with};
use crate::{
    domain::{environment::SigningAlg, verifying_alg::VerifyingAlg},
    jose::{
        attacks::{NOW, compact},
        error::TokenError,
        foreign::ForeignKind::{IdToken, Jwt},
        foreign_keys::ForeignKeys,
        private_key::PrivateKey,
    },
};

#[test]
fn hmac_with_the_public_key_and_no_signature_at_all_are_refused() {
    let idp = Idp::new(SigningAlg::RS256);
    let der = idp.key.to_pkcs8_der().expect("encodes");
    let key = PKey::private_key_from_pkcs8(&der).expect("a key");
    for secret in [
        idp.key.public_jwk().as_bytes().to_vec(),
        key.public_key_to_pem().expect("encodes"),
        key.public_key_to_der().expect("encodes"),
    ] {
        let hmac = HS256.signer_from_bytes(secret).expect("a secret");
        for (alg, error) in [("HS256", TokenError::WrongAlgorithm), ("RS256", TokenError::BadSignature)] {
            let header = json!({ "alg": alg, "kid": idp.key.kid() }).to_string();
            let forged = compact(&header, &good().to_string(), |signed| hmac.sign(signed).expect("signs"));
            idp.refuses(&forged, error);
        }
    }
    for alg in ["none", "None", "", "rs256", "RS512"] {
        let header = json!({ "alg": alg, "kid": idp.key.kid() }).to_string();
        idp.refuses(&compact(&header, &good().to_string(), |_| Vec::new()), TokenError::WrongAlgorithm);
    }
}

#[test]
fn a_key_that_the_header_brings_is_not_looked_at() {
    let (idp, attacker) = (Idp::new(SigningAlg::ES256), Idp::new(SigningAlg::ES256));
    let jwk: Value = serde_json::from_str(attacker.key.public_jwk()).expect("JSON");
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/chain")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = idp.header();
        header[name] = value;
        idp.refuses(&attacker.sign(&header, &good().to_string()), TokenError::BadSignature);
        header["kid"] = json!(attacker.key.kid());
        idp.refuses(&attacker.sign(&header, &good().to_string()), TokenError::UnknownForeignKey);
        header.as_object_mut().expect("an object").remove("kid");
        idp.refuses(&attacker.sign(&header, &good().to_string()), TokenError::BadSignature);
    }
    for kid in ["", "../../dev/null", "' OR 1=1 --", "\u{0}"] {
        let mut header = idp.header();
        header["kid"] = json!(kid);
        idp.refuses(&idp.sign(&header, &good().to_string()), TokenError::UnknownForeignKey);
    }
}

#[test]
fn a_token_without_kid_is_taken_only_if_one_key_fits() {
    let mut idp = Idp::new(SigningAlg::ES256);
    let others = [SigningAlg::EdDSA, SigningAlg::ES256].map(|alg| PrivateKey::generate(alg).expect("generates"));
    let token = idp.sign(&json!({ "alg": "ES256" }), &good().to_string());
    assert!(idp.verify(&token, IdToken).is_ok());
    idp.keys = key_set(&[&idp.key, &others[0]]);
    assert!(idp.verify(&token, IdToken).is_ok());
    idp.keys = key_set(&[&idp.key, &others[1]]);
    idp.refuses(&token, TokenError::AmbiguousKey);
    idp.keys = key_set(&[]);
    idp.refuses(&token, TokenError::UnknownForeignKey);
}

#[test]
fn only_the_algorithms_of_the_connection_and_of_the_key_are_accepted() {
    let mut idp = Idp::new(SigningAlg::RS256);
    let der = idp.key.to_pkcs8_der().expect("encodes");
    let pss = PrivateKey::from_pkcs8_der(SigningAlg::PS256, &der).expect("the same key");
    let pss_header = json!({ "alg": "PS256", "kid": idp.key.kid() });
    let pss_token = signed_by(&pss, &pss_header, &good().to_string());
    // The key says that it is for RS256.
    idp.refuses(&pss_token, TokenError::WrongAlgorithm);
    let mut silent: Value = serde_json::from_str(idp.key.public_jwk()).expect("JSON");
    assert!(silent.as_object_mut().expect("an object").remove("alg").is_some());
    idp.keys = ForeignKeys::parse(format!(r#"{{"keys":[{silent}]}}"#).as_bytes()).expect("a key set");
    assert!(idp.verify(&pss_token, Jwt).is_ok() && idp.verify(&idp.sign_claims(&good()), Jwt).is_ok());
    idp.issuer.algorithms = vec![VerifyingAlg::RS256, VerifyingAlg::ES256];
    idp.refuses(&pss_token, TokenError::WrongAlgorithm);
    idp.accepts(&good());
    // A signature of one kind under the name of the other.
    idp.issuer.algorithms.clear();
    idp.refuses(&signed_by(&pss, &idp.header(), &good().to_string()), TokenError::BadSignature);
}

#[test]
fn signatures_with_longer_hashes_and_on_larger_curves_count_as_those_of_256_bits() {
    let rsa = PKey::from_rsa(Rsa::generate(2048).expect("generates")).expect("a key");
    let curve = |nid| {
        let group = EcGroup::from_curve_name(nid).expect("a curve");
        PKey::from_ec_key(EcKey::generate(&group).expect("generates")).expect("a key")
    };
    let (p384, p521) = (curve(Nid::SECP384R1), curve(Nid::SECP521R1));
    let der = |key: &PKey<Private>| key.private_key_to_pkcs8().expect("encodes");
    /// Algorithm, kind of key, key, and what signs with it.
    type Case<'k> = (&'static str, &'static str, &'k PKey<Private>, Box<dyn JwsSigner>);
    let signers: [Case<'_>; 6] = [
        ("RS384", "RSA", &rsa, Box::new(RS384.signer_from_der(der(&rsa)).expect("a signer"))),
        ("RS512", "RSA", &rsa, Box::new(RS512.signer_from_der(der(&rsa)).expect("a signer"))),
        ("PS384", "RSA", &rsa, Box::new(PS384.signer_from_der(der(&rsa)).expect("a signer"))),
        ("PS512", "RSA", &rsa, Box::new(PS512.signer_from_der(der(&rsa)).expect("a signer"))),
        ("ES384", "P-384", &p384, Box::new(ES384.signer_from_der(der(&p384)).expect("a signer"))),
        ("ES512", "P-521", &p521, Box::new(ES512.signer_from_der(der(&p521)).expect("a signer"))),
    ];
    let mut idp = Idp::new(SigningAlg::EdDSA);
    for (alg, kind, key, signer) in signers {
        let jwk = public_jwk(kind, key);
        idp.keys = ForeignKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).expect("a key set");
        let token = |alg: &str, payload: &str| {
            let header = json!({ "alg": alg }).to_string();
            compact(&header, payload, |signed| signer.sign(signed).expect("signs"))
        };
        assert!(idp.verify(&token(alg, &good().to_string()), IdToken).is_ok(), "{alg}");
        let (first, second) = (token(alg, &good().to_string()), token(alg, &with("sub", "u2").to_string()));
        let part = |token: &str, last: bool| {
            let (start, signature) = token.rsplit_once('.').expect("parts");
            if last { signature } else { start }.to_owned()
        };
        idp.refuses(&format!("{}.{}", part(&second, false), part(&first, true)), TokenError::BadSignature);
        let claimed = if kind == "RSA" { "RS256" } else { "ES256" };
        assert!(idp.verify(&token(claimed, &good().to_string()), Jwt).is_err(), "{alg} as {claimed}");
        idp.issuer.algorithms = vec![VerifyingAlg::RS256, VerifyingAlg::ES256];
        idp.refuses(&token(alg, &good().to_string()), TokenError::WrongAlgorithm);
        idp.issuer.algorithms.clear();
    }
}

fn public_jwk(kind: &str, key: &PKey<Private>) -> Value {
    let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    if let Ok(rsa) = key.rsa() {
        return json!({ "kty": "RSA", "n": encode(rsa.n().to_vec()), "e": encode(rsa.e().to_vec()) });
    }
    let ec = key.ec_key().expect("a key on a curve");
    let (mut x, mut y) = (BigNum::new().expect("a number"), BigNum::new().expect("a number"));
    let mut context = BigNumContext::new().expect("a context");
    ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, &mut context).expect("coordinates");
    json!({ "kty": "EC", "crv": kind, "x": encode(x.to_vec()), "y": encode(y.to_vec()) })
}

// RFC 9864 names what RFC 8037 called EdDSA; both are in use, for keys as for tokens.
#[test]
fn both_names_of_ed25519_mean_one_algorithm() {
    let mut idp = Idp::new(SigningAlg::EdDSA);
    for of_key in ["EdDSA", "Ed25519"] {
        let mut jwk: Value = serde_json::from_str(idp.key.public_jwk()).expect("JSON");
        jwk["alg"] = json!(of_key);
        idp.keys = ForeignKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).expect("a key set");
        for of_token in ["EdDSA", "Ed25519"] {
            let header = json!({ "alg": of_token, "kid": idp.key.kid() });
            for accepted in [vec![], vec![VerifyingAlg::EdDSA]] {
                idp.issuer.algorithms = accepted;
                assert!(idp.verify(&idp.sign(&header, &good().to_string()), Jwt).is_ok(), "{of_key} {of_token}");
            }
        }
    }
    let read: Vec<VerifyingAlg> = serde_json::from_value(json!(["Ed25519", "EdDSA"])).expect("two names");
    assert_eq!(read, [VerifyingAlg::EdDSA; 2]);
}

// Under the neutral element the signature (the neutral element, 0) is good for every message: anybody can write it.
#[test]
fn a_key_of_small_order_vouches_for_nobody() {
    let mut idp = Idp::new(SigningAlg::EdDSA);
    let neutral = [&[1][..], &[0; 31]].concat();
    let mut jwk: Value = serde_json::from_str(idp.key.public_jwk()).expect("JSON");
    jwk["x"] = json!(URL_SAFE_NO_PAD.encode(&neutral));
    idp.keys = ForeignKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).expect("a key set");
    let forged = compact(&idp.header().to_string(), &good().to_string(), |_| [neutral.clone(), vec![0; 32]].concat());
    idp.refuses(&forged, TokenError::UnknownForeignKey);
}

#[test]
fn a_token_keeps_its_id_when_its_signature_is_written_anew() {
    let idp = Idp::new(SigningAlg::ES256);
    let (first, second) = (idp.sign_claims(&good()), idp.sign_claims(&good()));
    assert_ne!(first, second, "ECDSA signatures are random");
    let id = |token: &str| idp.verify(token, Jwt).expect("a good token").token_id;
    assert_eq!(id(&first), id(&second));
    let random_part =
        id(&first).strip_prefix("fgn-").map(|rest| URL_SAFE_NO_PAD.decode(rest).expect("base64url").len());
    assert_eq!(random_part, Some(16));
    assert_ne!(id(&idp.sign_claims(&with("exp", NOW + 301))), id(&first));
}

#[test]
fn a_changed_token_is_refused() {
    let idp = Idp::new(SigningAlg::EdDSA);
    let token = idp.sign_claims(&good());
    for position in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[position] ^= 1;
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(idp.verify(&changed, Jwt).is_err(), "byte {position}");
    }
}
