//! Whose signature it is, over what, by which algorithm.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::{HS256, JwsSigner};
use openssl::{
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
};
use serde_json::{Value, json};

use super::{Issuer, NOW, compact, good_claims, header_with};
use crate::{
    domain::environment::{SigningAlg, TokenTyp},
    jose::{error::TokenError, private_key::PrivateKey},
};

#[test]
fn what_the_signer_signs_the_verifier_accepts_for_every_algorithm() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let signer = issuer.keyring.signer(alg, NOW).expect("an active key");
        let token =
            signer.sign_access_token(TokenTyp::AccessToken, good_claims().to_string().as_bytes()).expect("signs");
        let verified = issuer.verify(&token).expect("a good token");
        assert_eq!((verified.kid(), verified.sub.as_str(), verified.exp), (issuer.key.kid(), "user", NOW + 300));
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    let issuer = Issuer::new(SigningAlg::ES256);
    for alg in ["none", "None", "NONE", ""] {
        let header = header_with(&issuer, "alg", alg);
        let unsigned = compact(&header.to_string(), &good_claims().to_string(), |_| Vec::new());
        issuer.refuses(&unsigned, TokenError::WrongAlgorithm);
    }
    let unsigned = compact(&issuer.header().to_string(), &good_claims().to_string(), |_| Vec::new());
    issuer.refuses(&unsigned, TokenError::BadSignature);
}

#[test]
fn hmac_with_the_public_key_as_secret_is_refused() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let der = issuer.key.to_pkcs8_der().expect("encodes");
        let key = PKey::private_key_from_pkcs8(&der).expect("a key");
        let secrets = [
            issuer.key.public_jwk().as_bytes().to_vec(),
            key.public_key_to_pem().expect("encodes"),
            key.public_key_to_der().expect("encodes"),
        ];
        for secret in secrets {
            let hmac = HS256.signer_from_bytes(secret).expect("a secret");
            for (name, error) in [("HS256", TokenError::WrongAlgorithm), (alg.as_str(), TokenError::BadSignature)] {
                let header = header_with(&issuer, "alg", name);
                let forged = compact(&header.to_string(), &good_claims().to_string(), |signed| {
                    hmac.sign(signed).expect("signs")
                });
                issuer.refuses(&forged, error);
            }
        }
    }
}

#[test]
fn a_foreign_key_under_our_kid_is_refused_and_so_is_one_the_header_brings() {
    for alg in SigningAlg::ALL {
        let (issuer, attacker) = (Issuer::new(alg), Issuer::new(alg));
        issuer.refuses(&attacker.sign_header(&issuer.header()), TokenError::BadSignature);
        issuer.refuses(&attacker.sign_header(&attacker.header()), TokenError::UnknownKey);
        let jwk: Value = serde_json::from_str(attacker.key.public_jwk()).expect("JSON");
        for (name, value) in [
            ("jwk", jwk),
            ("jku", json!("https://attacker.example/jwks.json")),
            ("x5u", json!("https://attacker.example/chain.pem")),
            ("x5c", json!(["MIIB"])),
        ] {
            let header = header_with(&issuer, name, value.clone());
            issuer.refuses(&attacker.sign_header(&header), TokenError::BadSignature);
            // They are ignored, not forbidden: with our own signature the token is good.
            assert!(issuer.verify(&issuer.sign_header(&header)).is_ok(), "{name}");
        }
    }
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let rsa = Issuer::new(SigningAlg::RS256);
    let der = rsa.key.to_pkcs8_der().expect("encodes");
    // The same RSA key, signing with the other padding.
    let pss = PrivateKey::from_pkcs8_der(SigningAlg::PS256, &der).expect("usable key").jws_signer().expect("usable");
    for (alg, error) in [("PS256", TokenError::WrongAlgorithm), ("RS256", TokenError::BadSignature)] {
        let header = header_with(&rsa, "alg", alg).to_string();
        let forged = compact(&header, &good_claims().to_string(), |signed| pss.sign(signed).expect("signs"));
        rsa.refuses(&forged, error);
    }
    for alg in ["rs256", "RS512", "ES256"] {
        rsa.refuses(&rsa.sign_header(&header_with(&rsa, "alg", alg)), TokenError::WrongAlgorithm);
    }
}

#[test]
fn a_cut_or_reencoded_signature_is_refused() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let token = issuer.sign_claims(&good_claims());
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let cut = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes[..length]));
            issuer.refuses(&cut, TokenError::BadSignature);
        }
        let longer = format!("{signed}.{}", URL_SAFE_NO_PAD.encode([bytes.as_slice(), &[0]].concat()));
        issuer.refuses(&longer, TokenError::BadSignature);
        for spelling in [format!("{token}="), format!("{token}=="), format!("{token} "), format!("{token}\n")] {
            issuer.refuses(&spelling, TokenError::Encoding("signature"));
        }
        let zeros = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(vec![0; bytes.len()]));
        issuer.refuses(&zeros, TokenError::BadSignature);
    }
}

#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    let key: PKey<Private> = PKey::from_ec_key(EcKey::generate(&group).expect("generates")).expect("wraps");
    let der = key.private_key_to_pkcs8().expect("encodes");
    let issuer = Issuer::with_key(PrivateKey::from_pkcs8_der(SigningAlg::ES256, &der).expect("usable key"));
    let in_der = compact(&issuer.header().to_string(), &good_claims().to_string(), |signed| {
        let mut signer = openssl::sign::Signer::new(MessageDigest::sha256(), &key).expect("signer");
        signer.sign_oneshot_to_vec(signed).expect("signs")
    });
    issuer.refuses(&in_der, TokenError::BadSignature);
}

#[test]
fn a_token_with_any_bit_changed_is_refused() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let token = issuer.sign_claims(&good_claims());
        assert!(issuer.verify(&token).is_ok());
        // The eighth bit would leave ASCII, and a lone such byte is not text: it never gets this far.
        for (position, bit) in (0..token.len()).flat_map(|position| (0..7).map(move |bit| (position, bit))) {
            let mut bytes = token.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(issuer.verify(&changed).is_err(), "bit {bit} of byte {position} of {}", alg.as_str());
        }
    }
}
