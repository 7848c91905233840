//! The two bodies of the token endpoint (RFC 6749 §5, RFC 8693 §2.2).

use std::fmt;

use serde::Serialize;

use super::{error::OAuthError, scope::Scope, token_type::TokenType};

/// A granted token (RFC 6749 §5.1, RFC 8693 §2.2.1).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TokenResponse {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

impl TokenResponse {
    /// A bearer token that lives for `expires_in` seconds. `issued` is for token exchange only, where it is required
    /// (TE-052). `scope` is what was granted, sent always (TE-034); an empty one cannot be written in the grammar of
    /// RFC 6749 §3.3 and is left out.
    pub fn bearer(access_token: String, issued: Option<TokenType>, expires_in: i64, scope: &Scope) -> Self {
        Self {
            access_token,
            issued_token_type: issued.map(TokenType::as_str),
            token_type: "Bearer",
            expires_in,
            scope: scope.to_string(),
            id_token: None,
            refresh_token: None,
        }
    }

    /// The same with an ID token, if there is one (OpenID Connect Core §3.1.3.3).
    #[must_use]
    pub fn with_id_token(self, id_token: Option<String>) -> Self {
        Self { id_token, ..self }
    }

    /// The same with a refresh token, if there is one.
    #[must_use]
    pub fn with_refresh_token(self, refresh_token: Option<String>) -> Self {
        Self { refresh_token, ..self }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("issued_token_type", &self.issued_token_type)
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A refusal (RFC 6749 §5.2). Holds fixed texts only: nothing of the request, nothing of the operator's half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    error: &'static str,
    error_description: String,
    /// The stable machine code of `docs/errors.md` (TE-041).
    error_code: &'static str,
}

impl From<&OAuthError> for ErrorBody {
    fn from(error: &OAuthError) -> Self {
        Self { error: error.code().as_str(), error_description: error.description(), error_code: error.problem.slug() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::oauth::error::Problem;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).expect("a well-formed scope")
    }

    #[test]
    fn a_token_is_answered_with_top_level_members_and_a_number() {
        let response = TokenResponse::bearer("abc".into(), None, 300, &scope("b a"));
        let expected = json!({"access_token": "abc", "token_type": "Bearer", "expires_in": 300, "scope": "b a"});
        assert_eq!(serde_json::to_value(response).expect("JSON"), expected);
    }

    #[test]
    fn an_exchange_names_the_issued_type_and_an_empty_scope_is_left_out() {
        let response = TokenResponse::bearer("abc".into(), Some(TokenType::AccessToken), 60, &Scope::empty());
        let expected = json!({
            "access_token": "abc",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 60,
        });
        assert_eq!(serde_json::to_value(response).expect("JSON"), expected);
    }

    #[test]
    fn a_refresh_token_goes_beside_the_access_token() {
        let response = TokenResponse::bearer("abc".into(), None, 60, &Scope::empty());
        let expected =
            json!({"access_token": "abc", "token_type": "Bearer", "expires_in": 60, "refresh_token": "tsr_x"});
        assert_eq!(serde_json::to_value(response.with_refresh_token(Some("tsr_x".into()))).expect("JSON"), expected);
    }

    #[test]
    fn a_response_does_not_print_its_tokens() {
        let response = TokenResponse::bearer("eyJhbGciOi".into(), None, 60, &Scope::empty());
        let shown = format!("{:?}", response.with_refresh_token(Some("tsr_secret".into())));
        assert!(!shown.contains("eyJ") && !shown.contains("tsr_"), "{shown}");
    }

    #[test]
    fn an_error_has_the_member_names_of_the_rfc_and_none_of_the_detail() {
        let error = OAuthError::new(Problem::ScopeNotAllowed, "rule 7 does not list it").about("scope");
        let expected = json!({
            "error": "invalid_scope",
            "error_description": "scope: a requested scope is not allowed for this client, token and target",
            "error_code": "scope_not_allowed",
        });
        assert_eq!(serde_json::to_value(ErrorBody::from(&error)).expect("JSON"), expected);
    }

    #[test]
    fn a_refused_token_is_invalid_grant_for_clients_that_want_it_so() {
        let mut error = OAuthError::new(Problem::SubjectTokenRefused, "expired");
        assert_eq!(ErrorBody::from(&error).error, "invalid_request");
        error.as_invalid_grant = true;
        assert_eq!(ErrorBody::from(&error).error, "invalid_grant");
    }

    #[test]
    fn every_error_keeps_to_the_characters_of_rfc_6749() {
        for &problem in Problem::ALL {
            let body = ErrorBody::from(&OAuthError::new(problem, "").about("scope"));
            for text in [body.error, &body.error_description, body.error_code] {
                let allowed = |byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
                assert!(!text.is_empty() && text.bytes().all(allowed), "{text}");
            }
        }
    }

    #[test]
    fn no_two_problems_share_a_machine_code() {
        let slugs: BTreeSet<_> = Problem::ALL.iter().map(|problem| problem.slug()).collect();
        assert_eq!(slugs.len(), Problem::ALL.len());
    }
}
