//! Whatever arrives, and whatever our own key signed: nothing panics.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::{ISSUER, Issuer, NOW, claims_with};
use crate::{
    domain::{environment::SigningAlg, subject::CLOCK_LEEWAY},
    jose::{access_token::verify_access_token, keyring::Keyring},
};

static EDDSA: LazyLock<Issuer> = LazyLock::new(|| Issuer::new(SigningAlg::EdDSA));

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
        let token = EDDSA.sign_claims(&claims_with(&name, value));
        if let Ok(verified) = EDDSA.verify(&token) {
            prop_assert!(verified.exp > NOW && verified.iat <= NOW + CLOCK_LEEWAY);
            prop_assert_eq!(verified.check_time(now).is_ok(), {
                let started = now.saturating_add(CLOCK_LEEWAY);
                now < verified.exp && verified.iat <= started && verified.nbf.is_none_or(|nbf| nbf <= started)
            });
        }
    }

    #[test]
    fn no_signed_payload_panics(payload in any_json()) {
        let token = EDDSA.sign(&EDDSA.header().to_string(), &payload.to_string());
        prop_assert!(EDDSA.verify(&token).is_err());
    }
}
