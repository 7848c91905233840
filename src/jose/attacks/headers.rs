//! What the header says of itself.

use serde_json::json;

use super::{ISSUER, Issuer, NOW, claims_with, good_claims, header_with};
use crate::{
    domain::environment::SigningAlg,
    jose::{access_token::verify_access_token, error::TokenError, unverified::MAX_TOKEN_LENGTH},
};

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
    // Of the type of ID tokens are those that we marked when we signed them, and no others are.
    let marked = |typ: &str, mark: serde_json::Value| {
        let mut header = header_with(&issuer, "typ", typ);
        header["token_use"] = mark;
        issuer.sign_header(&header)
    };
    assert!(issuer.verify(&marked("JWT", json!("access"))).is_ok());
    assert!(issuer.verify(&marked("at+jwt", json!("anything"))).is_ok(), "whoever knows the type needs no mark");
    for (typ, mark) in
        [("JWT", "id"), ("JWT", ""), ("JWT", "Access"), ("jwt", "access"), ("", "access"), ("logout+jwt", "access")]
    {
        issuer.refuses(&marked(typ, json!(mark)), TokenError::WrongType);
    }
    issuer.refuses(&marked("JWT", json!(["access"])), TokenError::HeaderType("token_use"));
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
    issuer.refuses(&issuer.sign(&header, &good_claims().to_string()), TokenError::Json("header"));
}

#[test]
fn a_huge_token_is_refused_even_if_we_signed_it() {
    let issuer = Issuer::new(SigningAlg::EdDSA);
    let token = issuer.sign_claims(&claims_with("filler", "x".repeat(MAX_TOKEN_LENGTH)));
    issuer.refuses(&token, TokenError::TooLong);
}
