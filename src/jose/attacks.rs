//! Known attacks on tokens, and what a broken issuer could sign: each must be refused for its own reason.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::{HS256, JwsSigner};
use openssl::{
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    access_token::{VerifiedToken, verify_access_token},
    error::TokenError,
    keyring::{KeyEntry, Keyring},
    private_key::PrivateKey,
    unverified::MAX_TOKEN_LENGTH,
};
use crate::domain::{
    claims::{MAX_ANCESTORS, SubjectType},
    environment::SigningAlg,
    party::ChainError,
    signing_key::KeySchedule,
};

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
        self.sign(&header.to_string(), &claims().to_string())
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
fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "user", "aud": "resource-api", "client_id": "bff",
        "iat": NOW, "exp": NOW + 300, "jti": "id", "scope": "calendar.read",
    })
}

fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn header_with(issuer: &Issuer, name: &str, value: impl Into<Value>) -> Value {
    let mut header = issuer.header();
    header[name] = value.into();
    header
}

#[test]
fn what_the_signer_signs_the_verifier_accepts_for_every_algorithm() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let signer = issuer.keyring.signer(alg, NOW).expect("an active key");
        let token = signer.sign(claims().to_string().as_bytes()).expect("signs");
        let verified = issuer.verify(&token).expect("a good token");
        assert_eq!((verified.kid(), verified.sub.as_str(), verified.exp), (issuer.key.kid(), "user", NOW + 300));
    }
}

#[test]
fn every_claim_is_read() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let mut claims = claims();
    claims["aud"] = json!(["a", "b"]);
    claims["scope"] = json!(["x", "y"]);
    claims["nbf"] = json!(NOW);
    claims["act"] = json!({ "iss": ISSUER, "sub": "bff" });
    claims["may_act"] = json!({ "sub": "worker" });
    claims["anc"] = json!(["root", "parent"]);
    claims["cnf"] = json!({ "jkt": "thumbprint" });
    claims["subjectType"] = json!("EndUserAccount");
    claims["applicationId"] = json!("web");
    claims["user-id"] = json!(7);
    let verified = issuer.verify(&issuer.sign_claims(&claims)).expect("a good token");
    assert_eq!(verified.aud, ["a", "b"]);
    assert_eq!(verified.scope.to_string(), "x y");
    assert_eq!((verified.iat, verified.nbf), (NOW, Some(NOW)));
    assert_eq!(verified.act.as_ref().map(|actor| actor.sub.as_str()), Some("bff"));
    assert!(verified.may_act.is_some());
    assert_eq!(verified.anc, ["root", "parent"]);
    assert_eq!(verified.cnf, Some(json!({ "jkt": "thumbprint" })));
    assert_eq!(verified.subject_type, Some(SubjectType::EndUserAccount));
    assert_eq!(verified.application_id.as_deref(), Some("web"));
    let other = json!({ "subjectType": "EndUserAccount", "applicationId": "web", "user-id": 7 });
    assert_eq!(Value::Object(verified.other.clone()), other);
}

#[test]
fn an_unsigned_token_is_refused() {
    let issuer = Issuer::new(SigningAlg::ES256);
    for alg in ["none", "None", "NONE", ""] {
        let header = header_with(&issuer, "alg", alg);
        let unsigned = compact(&header.to_string(), &claims().to_string(), |_| Vec::new());
        issuer.refuses(&unsigned, TokenError::WrongAlgorithm);
    }
    let unsigned = compact(&issuer.header().to_string(), &claims().to_string(), |_| Vec::new());
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
                let forged =
                    compact(&header.to_string(), &claims().to_string(), |signed| hmac.sign(signed).expect("signs"));
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
        let forged = compact(&header, &claims().to_string(), |signed| pss.sign(signed).expect("signs"));
        rsa.refuses(&forged, error);
    }
    for alg in ["rs256", "RS512", "ES256"] {
        rsa.refuses(&rsa.sign_header(&header_with(&rsa, "alg", alg)), TokenError::WrongAlgorithm);
    }
}

#[test]
fn a_key_is_found_by_its_kid_alone_and_only_until_its_removal() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let mut header = issuer.header();
    header.as_object_mut().expect("an object").remove("kid");
    issuer.refuses(&issuer.sign_header(&header), TokenError::MissingHeader("kid"));
    for kid in ["", "../../dev/null", "' OR 1=1", &issuer.key.kid().to_lowercase()] {
        issuer.refuses(&issuer.sign_header(&header_with(&issuer, "kid", kid)), TokenError::UnknownKey);
    }
    let token = issuer.sign_claims(&claims_with("exp", NOW + 9999));
    let at = |now| verify_access_token(&issuer.keyring, ISSUER, &token, now).map(|_| ());
    assert_eq!([at(NOW + 1000), at(NOW + 1999)], [Ok(()), Ok(())], "retired keys still verify");
    assert_eq!(at(NOW + 2000), Err(TokenError::UnknownKey));
}

#[test]
fn only_the_type_of_an_access_token_is_accepted() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert!(issuer.verify(&issuer.sign_header(&header_with(&issuer, "typ", typ))).is_ok(), "{typ}");
    }
    for typ in ["JWT", "jwt", "dpop+jwt", "", "at+jwt ", "application/jwt", "text/at+jwt", "logout+jwt"] {
        issuer.refuses(&issuer.sign_header(&header_with(&issuer, "typ", typ)), TokenError::WrongType);
    }
    let mut header = issuer.header();
    header.as_object_mut().expect("an object").remove("typ");
    issuer.refuses(&issuer.sign_header(&header), TokenError::MissingHeader("typ"));
}

#[test]
fn demanded_extensions_and_repeated_header_members_are_refused() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let header = header_with(&issuer, "crit", json!(["exp"]));
    issuer.refuses(&issuer.sign_header(&header), TokenError::Extension("crit"));
    let header = header_with(&issuer, "b64", false);
    issuer.refuses(&issuer.sign_header(&header), TokenError::Extension("b64"));
    let header = issuer.header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    issuer.refuses(&issuer.sign(&header, &claims().to_string()), TokenError::Json("header"));
}

#[test]
fn a_huge_token_is_refused_even_if_we_signed_it() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let token = issuer.sign_claims(&claims_with("filler", "x".repeat(MAX_TOKEN_LENGTH)));
    issuer.refuses(&token, TokenError::TooLong);
}

#[test]
fn a_token_without_a_required_claim_is_refused() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        issuer.refuses(&issuer.sign_claims(&claims), TokenError::MissingClaim(name));
    }
}

#[test]
fn a_claim_of_the_wrong_type_is_refused() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for name in ["iss", "sub", "jti", "client_id", "applicationId", "subjectType"] {
        for bad in [json!(null), json!(1), json!(""), json!(["user"]), json!({})] {
            issuer.refuses(&issuer.sign_claims(&claims_with(name, bad)), TokenError::ClaimType(name));
        }
    }
    for bad in [json!(null), json!(1), json!(""), json!([]), json!(["a", 1]), json!(["a", ""]), json!({ "a": "b" })] {
        issuer.refuses(&issuer.sign_claims(&claims_with("aud", bad)), TokenError::ClaimType("aud"));
    }
    for (name, bad) in [
        ("scope", json!(null)),
        ("scope", json!(7)),
        ("scope", json!([7])),
        ("anc", json!("root")),
        ("anc", json!([1])),
        ("cnf", json!(null)),
        ("cnf", json!("thumbprint")),
        ("subjectType", json!("Robot")),
    ] {
        issuer.refuses(&issuer.sign_claims(&claims_with(name, bad)), TokenError::ClaimType(name));
    }
    issuer.refuses(&issuer.sign_claims(&claims_with("scope", "a\"b")), TokenError::MalformedScope);
    issuer.refuses(&issuer.sign_claims(&claims_with("scope", json!(["a b"]))), TokenError::MalformedScope);
    let ancestors = vec!["jti"; MAX_ANCESTORS + 1];
    issuer.refuses(&issuer.sign_claims(&claims_with("anc", ancestors)), TokenError::TooManyAncestors);
}

#[test]
fn a_chain_of_actors_that_cannot_be_read_is_refused_not_dropped() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for claim in ["act", "may_act"] {
        for bad in [json!(null), json!("bff"), json!([]), json!({}), json!({ "iss": ISSUER, "sub": "bff", "exp": 1 })] {
            let error = TokenError::Chain { claim, cause: ChainError::Malformed };
            issuer.refuses(&issuer.sign_claims(&claims_with(claim, bad)), error);
        }
    }
    let deep = (0..20).fold(
        json!({ "iss": ISSUER, "sub": "first" }),
        |chain, _| json!({ "iss": ISSUER, "sub": "next", "act": chain }),
    );
    let error = TokenError::Chain { claim: "act", cause: ChainError::TooLong };
    issuer.refuses(&issuer.sign_claims(&claims_with("act", deep)), error);
}

#[test]
fn times_beyond_reason_are_refused_and_do_not_panic() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for name in ["exp", "iat", "nbf"] {
        for bad in [
            "1e300",
            "-1e300",
            "-1",
            "-1.5",
            "1e18",
            "18446744073709551615",
            "9223372036854775807",
            "\"1\"",
            "null",
            "[]",
        ] {
            let payload = claims_with(name, "HERE").to_string().replace("\"HERE\"", bad);
            let token = issuer.sign(&issuer.header().to_string(), &payload);
            issuer.refuses(&token, TokenError::ClaimType(name));
        }
    }
    let payload = claims_with("exp", "HERE").to_string().replace("\"HERE\"", "1e999");
    issuer.refuses(&issuer.sign(&issuer.header().to_string(), &payload), TokenError::Json("payload"));
}

#[test]
fn fractions_of_seconds_never_lengthen_a_token() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let mut claims = claims();
    claims["exp"] = json!(NOW as f64 + 9.75);
    claims["iat"] = json!(NOW as f64 - 9.75);
    claims["nbf"] = json!(NOW as f64 - 9.75);
    let verified = issuer.verify(&issuer.sign_claims(&claims)).expect("a good token");
    assert_eq!((verified.exp, verified.iat, verified.nbf), (NOW + 9, NOW - 9, Some(NOW - 9)));
    issuer.refuses(&issuer.sign_claims(&claims_with("exp", NOW as f64 + 0.5)), TokenError::Expired);
}

#[test]
fn a_token_is_over_at_its_exp_and_starts_within_the_leeway() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let verified = issuer.verify(&issuer.sign_claims(&claims_with("exp", NOW + 5))).expect("a good token");
    assert_eq!(verified.check_time(NOW + 4), Ok(()));
    assert_eq!(verified.check_time(NOW + 5), Err(TokenError::Expired));
    assert_eq!(verified.check_time(i64::MAX), Err(TokenError::Expired));
    assert_eq!(verified.check_time(i64::MIN), Err(TokenError::NotYetValid));
    issuer.refuses(&issuer.sign_claims(&claims_with("exp", NOW)), TokenError::Expired);
    for name in ["iat", "nbf"] {
        assert!(issuer.verify(&issuer.sign_claims(&claims_with(name, NOW + CLOCK_LEEWAY))).is_ok());
        let early = claims_with(name, NOW + CLOCK_LEEWAY + 1);
        issuer.refuses(&issuer.sign_claims(&early), TokenError::NotYetValid);
    }
}

#[test]
fn the_issuer_is_compared_byte_by_byte() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for other in ["https://issuer.example", &format!("{ISSUER}/"), &ISSUER.to_uppercase(), &format!(" {ISSUER}")] {
        issuer.refuses(&issuer.sign_claims(&claims_with("iss", other)), TokenError::WrongIssuer);
    }
}

#[test]
fn repeated_claims_are_refused_at_every_depth() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let header = issuer.header().to_string();
    let top = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let escaped = claims().to_string().replacen('{', r#"{"s\u0075b":"admin","#, 1);
    let nested = claims_with("act", "HERE").to_string().replace("\"HERE\"", r#"{"iss":"a","sub":"b","sub":"c"}"#);
    for payload in [top.as_str(), &escaped, &nested, "[]", "null", "", "{"] {
        issuer.refuses(&issuer.sign(&header, payload), TokenError::Json("payload"));
    }
}

#[test]
fn a_cut_or_reencoded_signature_is_refused() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let token = issuer.sign_claims(&claims());
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
    let in_der = compact(&issuer.header().to_string(), &claims().to_string(), |signed| {
        let mut signer = openssl::sign::Signer::new(MessageDigest::sha256(), &key).expect("signer");
        signer.sign_oneshot_to_vec(signed).expect("signs")
    });
    issuer.refuses(&in_der, TokenError::BadSignature);
}

#[test]
fn a_token_with_any_bit_changed_is_refused() {
    for alg in SigningAlg::ALL {
        let issuer = Issuer::new(alg);
        let token = issuer.sign_claims(&claims());
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

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("iss|sub|act|exp|[a-z]{1,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics_or_is_accepted(text in ".{0,200}", dotted in "[A-Za-z0-9_=-]{0,40}(\\.[A-Za-z0-9_=-]{0,40}){0,4}") {
        let keyring = Keyring::default();
        prop_assert!(verify_access_token(&keyring, ISSUER, &text, NOW).is_err());
        prop_assert!(verify_access_token(&keyring, ISSUER, &dotted, NOW).is_err());
    }

    #[test]
    fn no_signed_claim_panics_and_none_outlives_exp(
        name in "iss|sub|aud|client_id|jti|exp|iat|nbf|scope|act|may_act|anc|cnf|subjectType|applicationId|other",
        value in any_json(),
        now in any::<i64>(),
    ) {
        static ISSUER_OF_ALL: std::sync::LazyLock<Issuer> = std::sync::LazyLock::new(|| Issuer::new(SigningAlg::EdDSA));
        let token = ISSUER_OF_ALL.sign_claims(&claims_with(&name, value));
        if let Ok(verified) = ISSUER_OF_ALL.verify(&token) {
            prop_assert!(verified.exp > NOW && verified.iat <= NOW + CLOCK_LEEWAY);
            prop_assert_eq!(verified.check_time(now).is_ok(), {
                let started = now.saturating_add(CLOCK_LEEWAY);
                now < verified.exp && verified.iat <= started && verified.nbf.is_none_or(|nbf| nbf <= started)
            });
        }
    }

    #[test]
    fn no_signed_payload_panics(payload in any_json()) {
        let issuer = Issuer::new(SigningAlg::EdDSA);
        let token = issuer.sign(&issuer.header().to_string(), &payload.to_string());
        prop_assert!(issuer.verify(&token).is_err());
    }
}
