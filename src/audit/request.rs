//! What is kept of an exchange request, so that another set of rules can be tried on it. Claims that rules look at; never a token.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{
        ancestry::AncestorFacts,
        claims::SubjectType,
        party::{Actor, MayAct},
        subject::SubjectToken,
    },
    oauth::scope::Scope,
};

/// The most bytes, roughly, that are kept of one request. Foreign issuers write what they like into their tokens.
const MAX_BYTES: usize = 4096;

/// An exchange request whose tokens were good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// Who vouches for the subject: `self`, or an identity connection.
    pub subject_issuer: String,
    /// The subject token.
    pub subject: RecordedToken,
    /// The actor token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<RecordedToken>,
    /// The targets that were asked for, fit for a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// `requested_token_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_token_type: Option<String>,
}

/// The claims of a token that the eight laws look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedToken {
    iss: String,
    sub: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aud: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    client_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
    exp: i64,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    may_act: Option<MayAct>,
    /// How many ancestors it has.
    #[serde(default)]
    ancestors: usize,
    /// Whether it has an id of its own.
    #[serde(default)]
    has_id: bool,
    /// Whether it is bound to a key.
    #[serde(default)]
    is_bound: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject_type: Option<String>,
}

impl RecordedToken {
    /// The claims that conditions can look at in a record.
    pub const CLAIMS: [&str; 11] =
        ["iss", "sub", "aud", "client_id", "scope", "exp", "iat", "nbf", "act", "may_act", "subjectType"];

    /// What is kept of `token`.
    pub fn of(token: &SubjectToken) -> Self {
        Self {
            iss: token.iss.clone(),
            sub: token.sub.clone(),
            aud: token.aud.clone(),
            client_id: token.client_id.clone(),
            scope: token.scope.to_string(),
            exp: token.exp,
            iat: token.iat,
            nbf: token.nbf,
            act: token.act.clone(),
            may_act: token.may_act.clone(),
            ancestors: token.anc.len(),
            has_id: !token.jti.is_empty(),
            is_bound: token.cnf.is_some(),
            subject_type: token.subject_type.map(|kind| kind.as_str().to_owned()),
        }
    }

    /// A token with what was kept; ids and other claims are not those of the real one.
    pub fn token(&self) -> SubjectToken {
        SubjectToken {
            iss: self.iss.clone(),
            sub: self.sub.clone(),
            aud: self.aud.clone(),
            client_id: self.client_id.clone(),
            jti: if self.has_id { "recorded".to_owned() } else { String::new() },
            exp: self.exp,
            iat: self.iat,
            nbf: self.nbf,
            scope: Scope::parse(&self.scope).unwrap_or_default(),
            act: self.act.clone(),
            may_act: self.may_act.clone(),
            anc: (0..self.ancestors.min(64)).map(|number| format!("recorded-{number}")).collect(),
            anc_facts: AncestorFacts::default(),
            kid: None,
            cnf: self.is_bound.then_some(Value::Null),
            subject_type: self.subject_type.as_deref().and_then(SubjectType::from_name),
            application_id: None,
            profile_id: None,
            other: serde_json::Map::new(),
        }
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let texts = self.iss.len() + self.sub.len() + self.client_id.len() + self.scope.len();
        let aud: usize = self.aud.iter().map(String::len).sum();
        // Only chains cost the writing of them.
        let of = |claim: Option<Result<Vec<u8>, _>>| claim.map_or(0, |json| json.map_or(MAX_BYTES, |json| json.len()));
        texts + aud + of(self.act.as_ref().map(serde_json::to_vec)) + of(self.may_act.as_ref().map(serde_json::to_vec))
    }
}

impl RecordedRequest {
    /// The request, unless it is too large to be kept with every record.
    #[must_use]
    pub fn bounded(self) -> Option<Self> {
        let tokens = self.subject.size() + self.actor.as_ref().map_or(0, RecordedToken::size);
        let size = tokens + self.subject_issuer.len() + self.audience.iter().map(String::len).sum::<usize>();
        (size <= MAX_BYTES).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(changes: &Value) -> RecordedRequest {
        let mut subject =
            json!({ "iss": "https://a.example", "sub": "u", "exp": 2, "iat": 1, "has_id": true, "ancestors": 3 });
        subject.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        serde_json::from_value(json!({ "subject_issuer": "self", "subject": subject })).expect("a request")
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let act =
            json!({ "iss": "https://a.example", "sub": "front", "act": { "iss": "https://a.example", "sub": "back" } });
        let kept = request(
            &json!({ "aud": ["api"], "scope": "read write", "act": act, "may_act": { "sub": "bff" }, "is_bound": true }),
        );
        let token = kept.subject.token();
        assert_eq!(RecordedToken::of(&token), kept.subject);
        assert_eq!((token.anc.len(), token.cnf.is_some(), token.scope.to_string().as_str()), (3, true, "read write"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert!(request(&json!({})).bounded().is_some());
        let long = "x".repeat(MAX_BYTES);
        for changes in [
            json!({ "sub": long }),
            json!({ "aud": [long] }),
            json!({ "may_act": { "sub": long } }),
            json!({ "scope": long }),
        ] {
            assert!(request(&changes).bounded().is_none(), "{changes}");
        }
    }
}
