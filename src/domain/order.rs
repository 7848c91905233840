//! What a grant decided to issue, before it is signed.

use serde_json::{Map, Value};

use super::{
    ancestry::AncestorFacts,
    claims::SubjectType,
    client::Permissions,
    environment::{TokenForm, TokenProfile},
    party::{Actor, MayAct},
};
use crate::oauth::{scope::Scope, token_type::TokenType};

/// One access token to be issued. Only `operations::issue` turns it into one.
#[derive(Debug, Clone)]
pub struct TokenOrder {
    /// `sub`.
    pub subject: String,
    /// `subjectType`.
    pub subject_type: SubjectType,
    /// `aud`; never empty.
    pub audience: Vec<String>,
    /// `scope`.
    pub scope: Scope,
    /// The part of the scope that a rule added.
    pub widened: Scope,
    /// How it is written.
    pub form: TokenForm,
    /// `act`.
    pub act: Option<Actor>,
    /// `may_act`.
    pub may_act: Option<MayAct>,
    /// `anc`.
    pub anc: Vec<String>,
    /// What those were.
    pub anc_facts: AncestorFacts,
    /// `permissions`, for tokens that a client gets on its own account.
    pub permissions: Option<Permissions>,
    /// Further claims.
    pub claims: Map<String, Value>,
    /// `iat`, in seconds since 1970: the moment of the decision.
    pub issued_at: i64,
    /// `exp`, in seconds since 1970.
    pub expires_at: i64,
    /// `issued_token_type` of the answer; for exchanges only.
    pub issued_token_type: Option<TokenType>,
    /// The rule that allowed it; for exchanges only.
    pub rule: Option<String>,
    /// An ID token beside it; only where a user has just signed in.
    pub id_token: Option<IdTokenOrder>,
    /// Set where a refresh token is to go with it.
    pub refresh: Option<RefreshTerms>,
}

/// An ID token to be issued beside an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenOrder {
    /// The scopes that were asked for and are about the user.
    pub scope: Scope,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `auth_time`.
    pub auth_time: i64,
    /// How long it is good for, in seconds.
    pub lifetime: i64,
    /// What else it says: `amr` and the like, and the claims that were asked for.
    pub claims: Map<String, Value>,
}

/// Under which terms a refresh token is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTerms {
    /// The longest life of its session, in seconds; that of the settings when `None`.
    pub lifetime: Option<i64>,
}

impl TokenOrder {
    /// A token of `subject` for `audience` that says and allows nothing else, in the default form.
    pub fn new(
        subject: impl Into<String>,
        subject_type: SubjectType,
        audience: Vec<String>,
        issued_at: i64,
        expires_at: i64,
    ) -> Self {
        Self {
            subject: subject.into(),
            subject_type,
            audience,
            scope: Scope::empty(),
            widened: Scope::empty(),
            form: TokenForm::default(),
            act: None,
            may_act: None,
            anc: Vec::new(),
            anc_facts: AncestorFacts::default(),
            permissions: None,
            claims: Map::new(),
            issued_at,
            expires_at,
            issued_token_type: None,
            rule: None,
            id_token: None,
            refresh: None,
        }
    }

    /// Makes it a token of the user `user_id` of ours, with what is known of the user. Claims that a rule sets stay.
    pub fn speaks_of(&mut self, user_id: String, known: Map<String, Value>) {
        for (name, value) in known {
            self.claims.entry(name).or_insert(value);
        }
        if self.form.profile == TokenProfile::Rfc9068 {
            self.claims.insert("userId".to_owned(), user_id.as_str().into());
        }
        self.subject_type = SubjectType::EndUserAccount;
        self.subject = user_id;
    }
}
