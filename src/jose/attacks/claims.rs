//! Claims that are missing, malformed, beyond reason or out of time, under a good signature.

use serde_json::{Value, json};

use super::{ISSUER, Issuer, NOW, claims_with, good_claims};
use crate::{
    domain::{
        claims::{MAX_ANCESTORS, SubjectType},
        environment::SigningAlg,
        party::ChainError,
        subject::CLOCK_LEEWAY,
    },
    jose::error::TokenError,
};

#[test]
fn every_claim_is_read() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let mut claims = good_claims();
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
fn a_token_without_a_required_claim_is_refused() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let mut claims = good_claims();
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
    let mut claims = good_claims();
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
    let top = good_claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let escaped = good_claims().to_string().replacen('{', r#"{"s\u0075b":"admin","#, 1);
    let nested = claims_with("act", "HERE").to_string().replace("\"HERE\"", r#"{"iss":"a","sub":"b","sub":"c"}"#);
    for payload in [top.as_str(), &escaped, &nested, "[]", "null", "", "{"] {
        issuer.refuses(&issuer.sign(&header, payload), TokenError::Json("payload"));
    }
}
