//! Foreign issuers: whose tokens are believed, how far, and what one says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    party::{Actor, MayAct},
    verifying_alg::VerifyingAlg,
};

/// What the ids begin with under which foreign tokens are known here. No id of ours has it.
pub const FOREIGN_TOKEN_PREFIX: &str = "fgn-";

/// What is known of a foreign issuer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignIssuer {
    /// `iss` of its tokens, byte for byte.
    pub issuer: String,
    /// Other spellings of it that its tokens may have, byte for byte. The users are those of `issuer` all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_aliases: Vec<String>,
    /// Where its keys are; or `jwks`. Without either its metadata say where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Its keys, inline (a JSON document, RFC 7517 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// The certificates (PEM) that are trusted in place of the system's where it is called: clusters and companies have an authority of
    /// their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// A token is taken if its `aud` has one of these. Without any, none is: it would be meant for somebody else.
    pub audiences: Vec<String>,
    /// The algorithms that are accepted; when empty, whatever the key is good for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<VerifyingAlg>,
    /// What a token must say besides: each claim equals the value, or is a list that contains it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
    /// Where a token says who the user is.
    #[serde(default)]
    pub map: ClaimMap,
}

/// Names of claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimMap {
    /// The claim that identifies the user at the issuer. Whoever can choose its value can be anybody.
    pub subject: String,
    /// The claim with the e-mail address.
    pub email: String,
    /// The claim with the name for people.
    pub name: String,
}

impl Default for ClaimMap {
    fn default() -> Self {
        Self { subject: "sub".to_owned(), email: "email".to_owned(), name: "name".to_owned() }
    }
}

impl ForeignIssuer {
    /// Whether tokens can be checked by this at all: for the moment it is configured. The URL and the key set have
    /// checks of their own.
    ///
    /// # Errors
    /// What to change, for the operator.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.issuer.is_empty() {
            return Err("issuer must not be empty");
        }
        if self.jwks_uri.is_some() && self.jwks.is_some() {
            return Err("jwks_uri and jwks must not both be given");
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err("audiences must name at least one, or tokens meant for others would be taken");
        }
        if self.claims.values().any(|value| !is_scalar(value)) {
            return Err("a condition in claims is a text, a number, true or false");
        }
        let ClaimMap { subject, email, name } = &self.map;
        if [subject, email, name].iter().any(|claim| claim.is_empty()) {
            return Err("map must not have empty names");
        }
        Ok(())
    }

    /// Whether `iss` is the issuer, in one of its spellings.
    pub fn is_named(&self, iss: &str) -> bool {
        self.issuer == iss || self.issuer_aliases.iter().any(|alias| alias == iss)
    }

    /// Whether all conditions hold for the claims of a token.
    pub fn conditions_hold(&self, claims: &Map<String, Value>) -> bool {
        self.claims.iter().all(|(name, wanted)| {
            // A condition that `check` refuses is never met.
            is_scalar(wanted)
                && match claims.get(name) {
                    Some(Value::Array(list)) => list.contains(wanted),
                    Some(value) => value == wanted,
                    None => false,
                }
        })
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

/// What a verified token of a foreign issuer says. Plain data; `jose::foreign` hands it out after all checks.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignSubject {
    /// The user at the issuer: at most 255 bytes, no control characters.
    pub subject_id: String,
    /// E-mail address, unless the issuer says that it is not verified. A convenience for people; it identifies nobody.
    pub email: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// Whom the token is addressed to; at least one is an accepted audience.
    pub aud: Vec<String>,
    /// Seconds since 1970; at this second it is already over. A fraction is rounded down.
    pub exp: i64,
    /// Seconds since 1970. A fraction is rounded up.
    pub iat: Option<i64>,
    /// Seconds since 1970; not usable before. A fraction is rounded up.
    pub nbf: Option<i64>,
    /// When the user signed in, in seconds since 1970, where the token says so in a form that can be read. A fraction is
    /// rounded down.
    pub auth_time: Option<i64>,
    /// The key it is bound to (RFC 7800 §3.1). Who accepts the token without proof of that key makes it a bearer token.
    pub cnf: Option<Value>,
    /// Who acts for the subject, outermost first.
    pub act: Option<Actor>,
    /// The only party that may act for the subject.
    pub may_act: Option<MayAct>,
    /// Names the token in records and lineage: [`FOREIGN_TOKEN_PREFIX`] and a hash over all that is signed. The signature is left out:
    /// ECDSA signatures can be rewritten, and a token must not get a second name that way.
    pub token_id: String,
    /// All claims as they are.
    pub claims: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuer(claims: Value) -> ForeignIssuer {
        let description = json!({
            "issuer": "https://idp.example", "jwks_uri": "https://idp.example/jwks", "audiences": ["us"], "claims": claims,
        });
        serde_json::from_value(description).expect("a description")
    }

    #[test]
    fn what_is_left_out_has_the_usual_names_and_no_conditions() {
        let issuer = issuer(json!({}));
        assert_eq!((issuer.map.clone(), issuer.algorithms.len(), issuer.check()), (ClaimMap::default(), 0, Ok(())));
        let map: ClaimMap = serde_json::from_value(json!({ "email": "upn" })).expect("a map");
        assert_eq!((map.subject.as_str(), map.email.as_str(), map.name.as_str()), ("sub", "upn", "name"));
        for unknown in [json!({ "issuer": "a", "audiences": [], "jwks_url": "b" }), json!({ "issuer": "a" })] {
            assert!(serde_json::from_value::<ForeignIssuer>(unknown).is_err());
        }
        let kept: ForeignIssuer =
            serde_json::from_str(&serde_json::to_string(&issuer).expect("JSON")).expect("what was written");
        assert_eq!(kept, issuer);
    }

    #[test]
    fn a_description_that_could_accept_too_much_or_nothing_is_refused() {
        let changed = |change: fn(&mut ForeignIssuer)| {
            let mut issuer = issuer(json!({}));
            change(&mut issuer);
            issuer.check().is_err()
        };
        assert!(changed(|issuer| issuer.issuer.clear()));
        assert!(!changed(|issuer| issuer.jwks_uri = None), "its metadata say where");
        assert!(changed(|issuer| issuer.jwks = Some("{}".to_owned())));
        assert!(changed(|issuer| issuer.audiences.clear()));
        assert!(changed(|issuer| issuer.audiences.push(String::new())));
        assert!(changed(|issuer| issuer.map.subject.clear()));
        for condition in [json!(null), json!(["a"]), json!({ "a": 1 })] {
            assert!(issuer(json!({ "a": condition })).check().is_err());
        }
    }

    #[test]
    fn conditions_hold_if_each_claim_equals_or_lists_the_value() {
        let issuer = issuer(json!({ "repository": "acme/app", "groups": "deployers", "run": 7, "protected": true }));
        let good = json!({ "repository": "acme/app", "groups": ["a", "deployers"], "run": 7, "protected": true });
        let holds = |claims: &Value| issuer.conditions_hold(claims.as_object().expect("an object"));
        assert!(holds(&good));
        for (name, bad) in [
            ("repository", json!("acme/app2")),
            ("repository", json!("ACME/app")),
            ("repository", json!(null)),
            ("repository", json!([])),
            ("repository", json!([["acme/app"]])),
            ("repository", json!({ "acme/app": 1 })),
            ("groups", json!("deployers,others")),
            ("run", json!("7")),
            ("run", json!(7.5)),
            ("protected", json!("true")),
            ("protected", json!(1)),
        ] {
            let mut claims = good.clone();
            claims[name] = bad;
            assert!(!holds(&claims), "{claims}");
            claims.as_object_mut().expect("an object").remove(name);
            assert!(!holds(&claims), "{claims}");
        }
    }

    #[test]
    fn a_condition_that_is_no_scalar_is_never_met() {
        let issuer = issuer(json!({ "a": ["b"] }));
        for claims in [json!({ "a": ["b"] }), json!({ "a": [["b"]] })] {
            assert!(!issuer.conditions_hold(claims.as_object().expect("an object")));
        }
    }
}
