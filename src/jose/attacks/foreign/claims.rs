//! What a token must say.

use serde_json::{Value, json};

use super::{Idp, good, with};
use crate::{
    domain::{environment::SigningAlg, party::ChainError, subject::CLOCK_LEEWAY},
    jose::{
        attacks::NOW,
        error::TokenError,
        foreign::ForeignKind::{IdToken, Jwt},
    },
};

#[test]
fn a_good_token_is_read_under_every_algorithm() {
    for alg in SigningAlg::ALL {
        let idp = Idp::new(alg);
        let mut claims = with("aud", json!(["others", "us"]));
        claims["email"] = json!("u1@idp.example");
        claims["name"] = json!("Ü. Ser");
        claims["nbf"] = json!(NOW);
        claims["cnf"] = json!({ "jkt": "thumbprint" });
        claims["act"] = json!({ "iss": "https://idp.example", "sub": "robot" });
        let subject = idp.accepts(&claims);
        assert_eq!(subject.subject_id, "u1");
        assert_eq!((subject.email.as_deref(), subject.name.as_deref()), (Some("u1@idp.example"), Some("Ü. Ser")));
        assert_eq!(subject.aud, ["others", "us"]);
        assert_eq!((subject.exp, subject.iat, subject.nbf), (NOW + 300, Some(NOW), Some(NOW)));
        assert_eq!(subject.cnf, Some(json!({ "jkt": "thumbprint" })));
        assert_eq!(subject.act.map(|actor| actor.sub).as_deref(), Some("robot"));
        assert_eq!(Value::Object(subject.claims), claims);
    }
}

#[test]
fn every_required_claim_is_required() {
    let idp = Idp::new(SigningAlg::EdDSA);
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().expect("an object").remove(name);
        idp.sign_claims(&claims)
    };
    for name in ["iss", "aud", "exp"] {
        idp.refuses(&without(name), TokenError::MissingClaim(name));
    }
    idp.refuses(&without("sub"), TokenError::MappedSubject);
    assert_eq!(idp.verify(&without("iat"), IdToken), Err(TokenError::MissingClaim("iat")));
    assert_eq!(idp.verify(&without("iat"), Jwt).map(|subject| subject.iat), Ok(None));
}

#[test]
fn a_subject_that_cannot_be_kept_is_refused_and_an_address_or_name_is_left_out() {
    let idp = Idp::new(SigningAlg::EdDSA);
    assert_eq!(idp.accepts(&with("sub", "x".repeat(255))).subject_id.len(), 255);
    let unusable = [
        json!(""),
        json!(null),
        json!(true),
        json!(["u1"]),
        json!("x".repeat(256)),
        json!("a\nb"),
        json!("a\u{0}"),
        json!("\u{85}"),
    ];
    for bad in unusable {
        idp.refuses(&idp.sign_claims(&with("sub", bad.clone())), TokenError::MappedSubject);
        let mut claims = with("email", bad.clone());
        claims["name"] = bad;
        let subject = idp.accepts(&claims);
        assert_eq!((subject.email, subject.name), (None, None));
    }
}

#[test]
fn a_whole_number_that_identifies_the_user_is_read_as_its_digits() {
    let idp = Idp::new(SigningAlg::EdDSA);
    for (number, text) in [(json!(7), "7"), (json!(-7), "-7"), (json!(u64::MAX), "18446744073709551615")] {
        assert_eq!(idp.accepts(&with("sub", number)).subject_id, text);
    }
    for number in ["7.0", "7.5", "7e3", "-0", "18446744073709551616"] {
        let payload = with("sub", "HERE").to_string().replace("\"HERE\"", number);
        idp.refuses(&idp.sign(&idp.header(), &payload), TokenError::MappedSubject);
    }
    let subject = idp.accepts(&{
        let mut claims = with("email", 7);
        claims["name"] = json!(7);
        claims
    });
    assert_eq!((subject.email, subject.name), (None, None));
}

#[test]
fn the_time_of_the_sign_in_may_have_a_fraction() {
    let idp = Idp::new(SigningAlg::EdDSA);
    for (time, read) in
        [(json!(NOW), Some(NOW)), (json!(NOW as f64 + 0.75), Some(NOW)), (json!("now"), None), (json!(-1), None)]
    {
        assert_eq!(idp.accepts(&with("auth_time", time)).auth_time, read);
    }
}

#[test]
fn an_actor_without_issuer_is_one_of_the_tokens_issuer_at_every_depth() {
    let idp = Idp::new(SigningAlg::EdDSA);
    let act =
        json!({ "sub": "robot", "act": { "sub": "tool", "act": { "iss": "https://other.example", "sub": "x" } } });
    let actor = idp.accepts(&with("act", act)).act.expect("an actor");
    let second = actor.act.clone().expect("a second one");
    let third = second.act.clone().expect("a third one");
    assert_eq!((actor.iss.as_str(), second.iss.as_str()), ("https://idp.example", "https://idp.example"));
    assert_eq!(third.iss, "https://other.example");
    for bad in [json!({ "iss": null, "sub": "robot" }), json!({ "iss": 7, "sub": "robot" }), json!({})] {
        let error = TokenError::Chain { claim: "act", cause: ChainError::Malformed };
        idp.refuses(&idp.sign_claims(&with("act", bad)), error);
    }
}

#[test]
fn every_spelling_of_the_issuer_that_the_connection_names_is_the_issuer() {
    let mut idp = Idp::new(SigningAlg::EdDSA);
    idp.issuer.issuer_aliases = vec!["idp.example".to_owned(), "https://idp.example/".to_owned()];
    for iss in ["https://idp.example", "idp.example", "https://idp.example/"] {
        idp.accepts(&with("iss", iss));
    }
    idp.refuses(&idp.sign_claims(&with("iss", "http://idp.example")), TokenError::WrongIssuer);
}

#[test]
fn an_address_that_the_issuer_has_not_verified_is_left_out() {
    let idp = Idp::new(SigningAlg::EdDSA);
    for (verified, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(null), false),
        (json!(1), false),
    ] {
        let mut claims = with("email", "u1@idp.example");
        claims["email_verified"] = verified;
        assert_eq!(idp.accepts(&claims).email.is_some(), expected, "{claims}");
    }
    assert!(idp.accepts(&with("email", "u1@idp.example")).email.is_some());
}

#[test]
fn the_claims_that_say_who_it_is_are_those_of_the_map() {
    let mut idp = Idp::new(SigningAlg::EdDSA);
    idp.issuer.map.subject = "oid".to_owned();
    idp.issuer.map.email = "upn".to_owned();
    let mut claims = with("oid", "object-7");
    claims["upn"] = json!("a@b.example");
    claims["email"] = json!("other@b.example");
    let subject = idp.accepts(&claims);
    assert_eq!((subject.subject_id.as_str(), subject.email.as_deref()), ("object-7", Some("a@b.example")));
    idp.refuses(&idp.sign_claims(&good()), TokenError::MappedSubject);
}

// Else somebody writes the address of another user into the own profile, and is that user.
#[test]
fn an_address_identifies_nobody_whom_the_issuer_has_not_verified_it_for() {
    for (subject, email) in [("email", "email"), ("email", "upn"), ("upn", "upn")] {
        let mut idp = Idp::new(SigningAlg::EdDSA);
        (idp.issuer.map.subject, idp.issuer.map.email) = (subject.to_owned(), email.to_owned());
        let mut claims = with(subject, "victim@idp.example");
        claims["email_verified"] = json!(true);
        assert_eq!(idp.accepts(&claims).subject_id, "victim@idp.example");
        for unverified in [json!(false), json!("false"), json!(null)] {
            claims["email_verified"] = unverified;
            idp.refuses(&idp.sign_claims(&claims), TokenError::MappedSubject);
        }
        claims.as_object_mut().expect("claims").remove("email_verified");
        idp.refuses(&idp.sign_claims(&claims), TokenError::MappedSubject);
    }
}

#[test]
fn a_token_for_somebody_else_or_by_somebody_else_is_refused() {
    let mut idp = Idp::new(SigningAlg::EdDSA);
    assert_eq!(idp.accepts(&with("aud", "our-other-name")).aud, ["our-other-name"]);
    for other in [json!("US"), json!("us "), json!(["others"]), json!("https://us")] {
        idp.refuses(&idp.sign_claims(&with("aud", other)), TokenError::WrongAudience);
    }
    for bad in [json!(null), json!(""), json!([]), json!(["us", 1]), json!(["us", ""]), json!({ "us": "us" })] {
        idp.refuses(&idp.sign_claims(&with("aud", bad)), TokenError::ClaimType("aud"));
    }
    // The same key, another issuer: some providers sign for all their tenants with one key.
    for other in ["https://idp.example/", "https://IDP.example", "https://idp.example/tenant", "idp.example"] {
        idp.refuses(&idp.sign_claims(&with("iss", other)), TokenError::WrongIssuer);
    }
    idp.refuses(&idp.sign_claims(&with("iss", json!(["https://idp.example"]))), TokenError::ClaimType("iss"));
    idp.issuer.audiences.clear();
    idp.refuses(&idp.sign_claims(&good()), TokenError::WrongAudience);
}

#[test]
fn all_conditions_must_hold() {
    let mut idp = Idp::new(SigningAlg::EdDSA);
    idp.issuer.claims.insert("repository".to_owned(), json!("acme/app"));
    idp.issuer.claims.insert("groups".to_owned(), json!("deployers"));
    let mut claims = with("repository", "acme/app");
    idp.refuses(&idp.sign_claims(&claims), TokenError::ConditionNotMet);
    claims["groups"] = json!(["a", "deployers"]);
    idp.accepts(&claims);
    claims["repository"] = json!("evil/app");
    idp.refuses(&idp.sign_claims(&claims), TokenError::ConditionNotMet);
}

#[test]
fn the_time_is_that_of_our_own_tokens() {
    let idp = Idp::new(SigningAlg::EdDSA);
    idp.refuses(&idp.sign_claims(&with("exp", NOW)), TokenError::Expired);
    idp.refuses(&idp.sign_claims(&with("exp", NOW as f64 + 0.5)), TokenError::Expired);
    for name in ["iat", "nbf"] {
        idp.accepts(&with(name, NOW + CLOCK_LEEWAY));
        idp.refuses(&idp.sign_claims(&with(name, NOW + CLOCK_LEEWAY + 1)), TokenError::NotYetValid);
    }
    for name in ["exp", "iat", "nbf"] {
        for bad in ["1e300", "-1", "9223372036854775807", "\"1\"", "null", "[]"] {
            let payload = with(name, "HERE").to_string().replace("\"HERE\"", bad);
            idp.refuses(&idp.sign(&idp.header(), &payload), TokenError::ClaimType(name));
        }
    }
}

#[test]
fn tokens_of_another_type_are_refused() {
    let idp = Idp::new(SigningAlg::EdDSA);
    let of_type = |typ: Option<&str>| {
        let mut header = idp.header();
        match typ {
            Some(typ) => header["typ"] = json!(typ),
            None => drop(header.as_object_mut().expect("an object").remove("typ")),
        }
        idp.sign(&header, &good().to_string())
    };
    for typ in [None, Some("JWT"), Some("jwt"), Some("application/jwt"), Some("application/JWT"), Some("JOSE")] {
        assert!(idp.verify(&of_type(typ), IdToken).is_ok() && idp.verify(&of_type(typ), Jwt).is_ok(), "{typ:?}");
    }
    for typ in ["at+jwt", "application/AT+JWT"] {
        assert_eq!(idp.verify(&of_type(Some(typ)), IdToken), Err(TokenError::ForeignType));
        assert!(idp.verify(&of_type(Some(typ)), Jwt).is_ok());
    }
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "client-authentication+jwt", "token-introspection+jwt", ""] {
        idp.refuses(&of_type(Some(typ)), TokenError::ForeignType);
    }
    let mut header = idp.header();
    header["token_use"] = json!("access");
    let marked = idp.sign(&header, &good().to_string());
    assert_eq!(idp.verify(&marked, IdToken), Err(TokenError::ForeignType));
    assert!(idp.verify(&marked, Jwt).is_ok());
    let logout = with("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    idp.refuses(&idp.sign_claims(&logout), TokenError::ForeignType);
}

#[test]
fn what_cannot_be_understood_is_refused_not_dropped() {
    let idp = Idp::new(SigningAlg::EdDSA);
    for bad in [json!(null), json!("robot"), json!({ "iss": "https://idp.example" })] {
        let error = TokenError::Chain { claim: "act", cause: ChainError::Malformed };
        idp.refuses(&idp.sign_claims(&with("act", bad)), error);
    }
    idp.refuses(&idp.sign_claims(&with("cnf", "key")), TokenError::ClaimType("cnf"));
    let twice = good().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let nested = with("x", "HERE").to_string().replace("\"HERE\"", r#"{"a":1,"a":2}"#);
    for payload in [twice.as_str(), &nested, "[]", "null", ""] {
        idp.refuses(&idp.sign(&idp.header(), payload), TokenError::Json("payload"));
    }
}
