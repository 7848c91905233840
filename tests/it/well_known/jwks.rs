//! The public keys (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey, Public},
    rsa::{Padding, Rsa},
    sha::sha256,
    sign::{RsaPssSaltlen, Verifier},
};
use serde_json::Value;

use super::{SECOND, apply_second};
use crate::support::{BFF, CLIENT_CREDENTIALS, Engine, TestServer};

const PATH: &str = "/.well-known/jwks.json";
const ALGS: [&str; 4] = ["RS256", "ES256", "PS256", "EdDSA"];

/// A server that signs with every algorithm: `bff` gets a token for each as `alg-api`.
fn server() -> TestServer {
    let mut environment = String::from("[environment]\nname = \"test\"\n");
    for alg in ALGS {
        environment += &format!("[[resource_server]]\naudience = \"{alg}\"\nsigning_alg = \"{alg}\"\n");
    }
    let access: Vec<String> = ALGS.iter().map(|alg| format!("{{ audience = \"{alg}\" }}")).collect();
    let (id, secret, access) = (BFF.0, BFF.1, access.join(", "));
    environment += &format!(
        "[[client]]\nid = \"{id}\"\nsecret = \"{secret}\"\ngrants = [\"client_credentials\"]\naccess = [{access}]\n"
    );
    TestServer::builder(Engine::Sqlite).environment(&environment).start()
}

fn keys(server: &TestServer) -> Vec<Value> {
    let document = server.get(PATH).json();
    assert_eq!(document.as_object().expect("an object").keys().collect::<Vec<_>>(), ["keys"]);
    document["keys"].as_array().expect("keys").clone()
}

fn bytes(key: &Value, member: &str) -> Vec<u8> {
    // Without padding: the decoder refuses any.
    URL_SAFE_NO_PAD.decode(key[member].as_str().expect(member)).expect("base64url")
}

/// TE-090, TE-092, TE-093: a list of what is allowed, so that nothing new slips in.
#[test]
fn keys_have_public_members_only() {
    let server = server();
    let keys = keys(&server);
    let mut algs: Vec<&str> = keys.iter().map(|key| key["alg"].as_str().expect("alg")).collect();
    algs.sort_unstable();
    assert_eq!(algs, ["ES256", "EdDSA", "PS256", "RS256"]);
    for key in &keys {
        let mut members: Vec<&str> = key.as_object().expect("an object").keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected: &[&str] = match key["kty"].as_str().expect("kty") {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(members, expected);
        assert_eq!(key["use"], "sig");
    }
}

/// TE-091: RFC 7638 §3, step by step.
#[test]
fn the_kid_is_the_thumbprint() {
    let server = server();
    let mut kids = Vec::new();
    for key in keys(&server) {
        let required: &[&str] = match key["kty"].as_str().expect("kty") {
            "RSA" => &["e", "kty", "n"],
            "EC" => &["crv", "kty", "x", "y"],
            _ => &["crv", "kty", "x"],
        };
        let members: Vec<String> =
            required.iter().map(|name| format!("\"{name}\":\"{}\"", key[*name].as_str().expect(name))).collect();
        let canonical = format!("{{{}}}", members.join(","));
        assert_eq!(key["kid"], URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())));
        kids.push(key["kid"].to_string());
    }
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), ALGS.len());
}

/// TE-094.
#[test]
fn numbers_have_their_full_length() {
    let server = server();
    for key in keys(&server) {
        match key["kty"].as_str().expect("kty") {
            "RSA" => {
                let n = bytes(&key, "n");
                assert!(n.len() >= 256 && n[0] != 0, "2048 bits, without leading zeros");
                assert_eq!(bytes(&key, "e"), [1, 0, 1]);
            }
            "EC" => {
                assert_eq!((bytes(&key, "x").len(), bytes(&key, "y").len(), &key["crv"]), (32, 32, &"P-256".into()))
            }
            _ => assert_eq!((bytes(&key, "x").len(), &key["crv"]), (32, &"Ed25519".into())),
        }
    }
}

/// TE-094: one coordinate in 128 begins with a zero, and libraries that drop it publish a key that others refuse.
#[test]
fn coordinates_keep_their_leading_zeros() {
    let mut short = 0;
    for _ in 0..2000 {
        let key = tessera::jose::private_key::PrivateKey::generate(tessera::domain::environment::SigningAlg::ES256);
        let jwk: Value = serde_json::from_str(key.expect("a key").public_jwk()).expect("JSON");
        for member in ["x", "y"] {
            let coordinate = bytes(&jwk, member);
            assert_eq!(coordinate.len(), 32);
            short += usize::from(coordinate[0] == 0);
        }
    }
    // 4000 coordinates without any leading zero: less likely than one in six million.
    assert!(short > 0);
}

/// The public key, from the published members alone.
fn public_key(key: &Value) -> PKey<Public> {
    let number = |member| BigNum::from_slice(&bytes(key, member)).expect("a number");
    match key["kty"].as_str().expect("kty") {
        "RSA" => PKey::from_rsa(Rsa::from_public_components(number("n"), number("e")).expect("an RSA key")),
        "EC" => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
            let key = EcKey::from_public_key_affine_coordinates(&group, &number("x"), &number("y"));
            PKey::from_ec_key(key.expect("a point on the curve"))
        }
        _ => PKey::public_key_from_raw_bytes(&bytes(key, "x"), Id::ED25519),
    }
    .expect("a public key")
}

fn is_good(alg: &str, key: &PKey<Public>, input: &[u8], signature: &[u8]) -> bool {
    match alg {
        "EdDSA" => {
            Verifier::new_without_digest(key).expect("a verifier").verify_oneshot(signature, input).expect("a check")
        }
        "ES256" => {
            // TE-095: R and S of 32 bytes each, not DER.
            assert_eq!(signature.len(), 64);
            let half = |range| BigNum::from_slice(&signature[range]).expect("a number");
            let signature = EcdsaSig::from_private_components(half(0..32), half(32..64)).expect("a signature");
            signature.verify(&sha256(input), &key.ec_key().expect("an EC key")).expect("a check")
        }
        _ => {
            let mut verifier = Verifier::new(MessageDigest::sha256(), key).expect("a verifier");
            if alg == "PS256" {
                verifier.set_rsa_padding(Padding::PKCS1_PSS).expect("PSS");
                // RFC 7518 §3.5: the salt is as long as the hash.
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).expect("a salt length");
            }
            verifier.verify_oneshot(signature, input).expect("a check")
        }
    }
}

/// TE-095: with OpenSSL alone, from the published key and the bytes of the token.
#[test]
fn every_signature_is_good_under_the_published_key_and_no_other() {
    let server = server();
    let keys = keys(&server);
    for alg in ALGS {
        let form = [CLIENT_CREDENTIALS[0], ("audience", alg)];
        let token = server.token(BFF, &form).access_token();
        let (input, signature) = token.rsplit_once('.').expect("a signature");
        let header: Value = serde_json::from_slice(
            &URL_SAFE_NO_PAD.decode(input.split('.').next().expect("a header")).expect("base64url"),
        )
        .expect("JSON");
        assert_eq!(header.as_object().expect("an object").len(), 3, "{header}");
        assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &alg.into()));
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("the published key");
        assert_eq!(key["alg"], alg);
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        assert!(is_good(alg, &public_key(key), input.as_bytes(), &signature), "{alg}");
        assert!(!is_good(alg, &public_key(key), format!("{input}A").as_bytes(), &signature), "{alg}");
    }
}

/// Verifiers of Mosaic tokens put the ids of the token behind whatever base URL they have.
#[test]
fn the_keys_are_found_by_the_ids_of_environment_and_application_and_by_no_others() {
    const SECOND_APPLICATION: &str = "00000000-0000-4000-8000-00000000000a";
    let server = TestServer::start(Engine::Sqlite);
    let second = apply_second(&server);
    let application =
        format!("[[application]]\nid = \"{SECOND_APPLICATION}\"\nname = \"second web\"\nplatform = \"WEB\"\n");
    server.apply(&format!("{SECOND}{application}"));
    let web = server.database.value("SELECT id AS value FROM applications WHERE name = 'web'");
    let ids =
        server.database.texts("SELECT '/' || tenant_id || '/' || id AS text FROM environments WHERE name = 'demo'");
    let first = ids.first().expect("the default environment").as_str();

    let keys = |path: &str| server.get(&format!("{path}{PATH}"));
    server.eventually("the application is known", || keys(&format!("{second}/{SECOND_APPLICATION}")).status == 200);
    let (own, seconds) = (keys("").text, keys(&second).text);
    assert_ne!(own, seconds);
    for (path, expected) in [
        (first.to_owned(), &own),
        (format!("{first}/{web}"), &own),
        (format!("{second}/{SECOND_APPLICATION}"), &seconds),
        (format!("{second}{second}"), &seconds),
        (format!("{second}{second}/{SECOND_APPLICATION}"), &seconds),
    ] {
        let answer = keys(&path);
        assert_eq!((answer.status.as_u16(), &answer.text), (200, expected), "{path}");
        assert!(answer.header("etag").is_some(), "{path}");
    }
    let nowhere = server.get("/nowhere").text;
    for path in [
        format!("{first}/{SECOND_APPLICATION}"),
        format!("{second}/{web}"),
        format!("{second}{first}"),
        format!("{second}{second}/{web}"),
        // The default environment's issuer has no ids in it.
        format!("{first}{first}"),
        format!("{first}{first}/{web}"),
        format!("{first}{second}"),
        format!("/{web}"),
        format!("{first}/{}", web.to_uppercase()),
        format!("{second}{second}{second}"),
    ] {
        let answer = keys(&path);
        assert_eq!((answer.status.as_u16(), &answer.text), (404, &nowhere), "{path}");
    }
}
