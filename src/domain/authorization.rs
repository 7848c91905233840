//! Authorization codes (RFC 6749 §4.1): what a client asked for, and what a code stands for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::secret::SecretHash;
use crate::oauth::scope::Scope;

/// How long a user may take to sign in, in seconds.
pub const SIGN_IN_LIFETIME: i64 = 600;
/// How long a code may be redeemed, in seconds. It goes from one redirect into one request (RFC 6749 §4.1.2: ten minutes
/// at most).
pub const CODE_LIFETIME: i64 = 60;
/// How long a code is remembered beyond that, in seconds: one that comes twice until then takes back what it gave.
pub const CODE_MEMORY: i64 = 24 * 3600;
/// How long an ID token is good for, in seconds: it is read once, right away.
pub const ID_TOKEN_LIFETIME: i64 = 600;

/// The scopes that ask for an ID token and for what it says (OpenID Connect Core §5.4). They are no resource server's.
pub const IDENTITY_SCOPES: [&str; 3] = [OPENID, PROFILE, EMAIL];
/// The claim of access tokens of users who signed in that says which of [`IDENTITY_SCOPES`] the client asked for: the UserInfo
/// endpoint goes by it. (`scope` is that of the resource servers.)
pub const IDENTITY_SCOPE_CLAIM: &str = "identityScope";

/// Asks for an ID token.
pub const OPENID: &str = "openid";
/// Asks for the user's name in it.
pub const PROFILE: &str = "profile";
/// Asks for the user's e-mail address in it.
pub const EMAIL: &str = "email";

/// What a client asked for, read and checked. Kept while its user signs in, and under the code afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the user goes back to; one of those of the client.
    pub redirect_uri: String,
    /// The client's own, given back as it came.
    pub state: Option<String>,
    /// Goes into the ID token as it came.
    pub nonce: Option<String>,
    /// The scopes asked for; `None` for the client's default.
    pub scope: Option<Scope>,
    /// The resource servers asked for (RFC 8707); the client's own when empty.
    pub resources: Vec<String>,
    /// The S256 challenge (RFC 7636 §4.2).
    pub code_challenge: String,
    /// The application that the user signs in to: its id.
    pub application_id: String,
    /// The identity connection that the user signs in with.
    pub connection: String,
    /// How long ago, at most, the user may have been asked for a password there, in seconds.
    pub max_age: Option<i64>,
}

impl AuthorizationRequest {
    /// The scopes asked for that are about the user, and those that are a resource server's; `None` if none were named. Without
    /// `openid` those about the user give nothing.
    pub fn scopes(&self) -> (Scope, Option<Scope>) {
        let Some(all) = &self.scope else { return (Scope::empty(), None) };
        let identity = Scope::from_tokens(IDENTITY_SCOPES).unwrap_or_default();
        let about_user = if all.contains(OPENID) { all.intersection(&identity) } else { Scope::empty() };
        (about_user, Some(all.difference(&identity)))
    }
}

/// The scopes about the user that a token with these claims was given.
pub fn identity_scope(claims: &Map<String, Value>) -> Scope {
    let text = claims.get(IDENTITY_SCOPE_CLAIM).and_then(Value::as_str);
    text.and_then(|text| Scope::parse(text).ok()).unwrap_or_default()
}

/// A user who is signing in.
#[derive(Debug, Clone)]
pub struct PendingSignIn {
    /// Of the `state` that the provider is sent.
    pub state: SecretHash,
    /// Of what only the browser knows that began: nobody can be made to finish what somebody else began.
    pub browser: SecretHash,
    /// What it is for.
    pub request: AuthorizationRequest,
    /// Where it began: an address, or the network of one.
    pub network: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeGrant {
    /// What the client asked for.
    pub request: AuthorizationRequest,
    /// The name of the user at the identity connection.
    pub subject_id: String,
    /// When the user signed in there, in seconds since 1970.
    pub auth_time: i64,
}

/// A code as it is kept.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
    /// Of the code.
    pub hash: SecretHash,
    /// The user who signed in.
    pub user_id: String,
    /// What it stands for.
    pub granted: CodeGrant,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// When it was presented, by whomever; seconds since 1970.
    pub used_at: Option<i64>,
    /// The session that it opened.
    pub session_id: Option<String>,
}
