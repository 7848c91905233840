//! What a grant decided to issue, before it is signed.

use serde_json::{Map, Value};

use super::{
    claims::SubjectType,
    client::Permissions,
    environment::{ScopeClaim, SigningAlg, TokenProfile},
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
    /// How `scope` is written into the token.
    pub scope_claim: ScopeClaim,
    /// Which names and header it has. The `mosaic` profile is signed with RS256, whatever `signing_alg` says.
    pub profile: TokenProfile,
    /// The algorithm; `None` for the server's default.
    pub signing_alg: Option<SigningAlg>,
    /// `act`.
    pub act: Option<Actor>,
    /// `may_act`.
    pub may_act: Option<MayAct>,
    /// `anc`.
    pub anc: Vec<String>,
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
}
