//! What is said of a token.

use serde_json::{Map, Value, json};

use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        session::{RefreshToken, Session},
        subject::SubjectToken,
    },
    oauth::error::OAuthError,
    operations::{context::Context, issue::failed},
};

/// All that is said of a token that is not in force, or does not concern the caller (RFC 7662 §2.2).
pub(super) fn inactive() -> Value {
    json!({ "active": false })
}

/// The claims of a token in force, each with its own meaning, and the members that RFC 7662 §2.2 adds.
///
/// `scope` is a text here, whatever the token has.
pub(super) fn active(token: &SubjectToken) -> Value {
    // First, so that none of them takes the place of one below.
    let mut answer: Map<String, Value> = token.other.clone();
    let mut say = |name: &str, value: Value| drop(answer.insert(name.to_owned(), value));
    say("active", true.into());
    say("iss", token.iss.as_str().into());
    say("sub", token.sub.as_str().into());
    say("aud", if let [only] = &*token.aud { only.as_str().into() } else { token.aud.as_slice().into() });
    say("client_id", token.client_id.as_str().into());
    say("exp", token.exp.into());
    say("iat", token.iat.into());
    say("jti", token.jti.as_str().into());
    say("token_type", token_type(token).into());
    if let Some(nbf) = token.nbf {
        say("nbf", nbf.into());
    }
    if !token.scope.is_empty() {
        say("scope", token.scope.to_string().into());
    }
    if let Some(username) = username(token) {
        say("username", username.into());
    }
    if let Some(act) = token.act.as_ref().and_then(|act| serde_json::to_value(act).ok()) {
        say("act", act);
    }
    if let Some(may_act) = token.may_act.as_ref().and_then(|may_act| serde_json::to_value(may_act).ok()) {
        say("may_act", may_act);
    }
    if !token.anc.is_empty() {
        say("anc", token.anc.as_slice().into());
    }
    if let Some(cnf) = &token.cnf {
        say("cnf", cnf.clone());
    }
    Value::Object(answer)
}

/// What an access token of the session could say at most, and until when a new one can be had. A refresh token has no
/// `token_type` (RFC 6749 §7.1 is about access tokens) and no id.
pub(super) fn active_refresh_token(issuer: &str, token: &RefreshToken, session: &Session) -> Value {
    let expires_at = session.idle_expires_at.min(session.expires_at);
    let said = SubjectToken { iat: token.created_at, exp: expires_at, ..session.as_token(issuer) };
    let mut answer = active(&said);
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("token_type");
        answer.remove("jti");
    }
    answer
}

/// RFC 9449 §6.2.
fn token_type(token: &SubjectToken) -> &'static str {
    let is_bound = token.cnf.as_ref().is_some_and(|cnf| cnf.get("jkt").is_some());
    if is_bound { "DPoP" } else { "Bearer" }
}

/// A name that people know the user by, where the token has one.
fn username(token: &SubjectToken) -> Option<String> {
    let text = |name: &str| token.other.get(name)?.as_str().map(str::to_owned);
    text("email").or_else(|| text("name"))
}

/// The answer as a JWT for the client that asked (RFC 9701 §5). It has neither `sub` nor `exp`, and a type of its own: nobody
/// can take it for an access token.
pub(super) fn sign(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client_id: &str,
    answer: &Value,
) -> Result<String, OAuthError> {
    let now = context.clock.now();
    let claims = json!({ "iss": environment.issuer, "aud": client_id, "iat": now, "token_introspection": answer });
    let issuer = context.token_issuer();
    issuer.sign(environment, context.signing_alg, now, |signer| {
        signer.sign_introspection(claims.to_string().as_bytes()).map_err(failed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ancestry::AncestorFacts, party::Actor},
        oauth::scope::Scope,
    };

    fn token(other: Value, cnf: Option<Value>) -> SubjectToken {
        SubjectToken {
            iss: "https://id.example".to_owned(),
            sub: "user".to_owned(),
            aud: vec!["api".to_owned()],
            client_id: "bff".to_owned(),
            jti: "j".to_owned(),
            exp: 200,
            iat: 100,
            nbf: None,
            scope: Scope::parse("read write").expect("a scope"),
            act: Some(Actor::new("https://id.example", "bff")),
            may_act: None,
            anc: vec!["root".to_owned()],
            anc_facts: AncestorFacts::default(),
            kid: Some("k".to_owned()),
            cnf,
            subject_type: None,
            application_id: None,
            profile_id: None,
            other: other.as_object().expect("an object").clone(),
        }
    }

    #[test]
    fn the_claims_keep_their_meaning_and_nothing_else_takes_their_place() {
        let other =
            json!({ "active": false, "sub": "evil", "token_type": "x", "name": "Ada", "permissions": { "s": ["K"] } });
        let expected = json!({
            "active": true, "iss": "https://id.example", "sub": "user", "aud": "api", "client_id": "bff", "exp": 200,
            "iat": 100, "jti": "j", "token_type": "Bearer", "scope": "read write", "username": "Ada", "name": "Ada",
            "act": { "iss": "https://id.example", "sub": "bff" }, "anc": ["root"], "permissions": { "s": ["K"] },
        });
        assert_eq!(active(&token(other, None)), expected);
    }

    #[test]
    fn a_bound_token_is_not_called_a_bearer_token() {
        let said = active(&token(json!({}), Some(json!({ "jkt": "thumb" }))));
        assert_eq!((&said["token_type"], &said["cnf"]), (&json!("DPoP"), &json!({ "jkt": "thumb" })));
        let said = active(&token(json!({}), Some(json!({ "x5t#S256": "thumb" }))));
        assert_eq!(said["token_type"], "Bearer");
    }
}
