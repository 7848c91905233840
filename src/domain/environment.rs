//! Environments and the resource servers in them.

use serde::{Deserialize, Serialize};

use crate::oauth::{resource::registered, scope::Scope};

/// An issuer of its own: nothing of one environment is visible or usable in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// UUID.
    pub id: String,
    /// UUID of the tenant it belongs to.
    pub tenant_id: String,
    /// For people; unique in its tenant.
    pub name: String,
    /// The default environment's issuer is the public URL itself.
    pub is_default: bool,
    /// A disabled environment issues nothing.
    pub enabled: bool,
    /// A disabled tenant takes all its environments out of force.
    pub tenant_enabled: bool,
    /// The longest life of an access token, in seconds.
    pub access_token_lifetime: i64,
}

impl Environment {
    /// Whether anything is issued here.
    pub fn is_active(&self) -> bool {
        self.enabled && self.tenant_enabled
    }

    /// Its issuer identifier below the server's public URL (no trailing slash).
    pub fn issuer(&self, public_url: &str) -> String {
        if self.is_default { public_url.to_owned() } else { format!("{public_url}/{}/{}", self.tenant_id, self.id) }
    }
}

/// The shortest `access_token_lifetime` that is accepted, in seconds.
pub const MIN_ACCESS_TOKEN_LIFETIME: i64 = 30;
/// The longest `access_token_lifetime` that is accepted, in seconds: a day. An access token cannot be asked back for.
pub const MAX_ACCESS_TOKEN_LIFETIME: i64 = 86_400;

/// A target of tokens: an API with its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceServer {
    /// Its name in `aud`; unique in its environment. Requests may spell it otherwise where it is an http or https URL
    /// ([`is_same_target`](crate::oauth::resource::is_same_target)).
    pub audience: String,
    /// The scopes that mean something there.
    pub scopes: Scope,
    /// How its tokens carry `scope`.
    pub scope_claim: ScopeClaim,
    /// The longest life of its tokens, in seconds; that of the environment when `None`.
    pub max_lifetime: Option<i64>,
    /// The clients that *are* this resource server: its tokens are addressed to them.
    pub clients: Vec<String>,
    /// Which claims its tokens have.
    pub token_profile: TokenProfile,
    /// What its tokens are signed with; `tokens.signing_alg` of the settings when `None`.
    pub signing_alg: Option<SigningAlg>,
    /// What the header of its tokens says they are.
    pub token_typ: TokenTyp,
    /// Nothing is issued for a disabled one.
    pub enabled: bool,
}

impl ResourceServer {
    /// How it wants its tokens.
    pub fn form(&self) -> TokenForm {
        TokenForm {
            scope_claim: self.scope_claim,
            profile: self.token_profile,
            signing_alg: self.signing_alg,
            typ: self.token_typ,
        }
    }
}

/// How a token is written. One token has one form: a target that cannot read it would take a valid token for a bad one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenForm {
    /// How it carries `scope`.
    pub scope_claim: ScopeClaim,
    /// Which claims and header it has. The `mosaic` profile is signed with RS256, whatever `signing_alg` says.
    pub profile: TokenProfile,
    /// What it is signed with; `None` for the server's default.
    pub signing_alg: Option<SigningAlg>,
    /// What its header says it is.
    pub typ: TokenTyp,
}

impl TokenForm {
    /// How targets differ that have no form in common.
    pub const DIFFER: &str = "the targets differ in scope_claim, token_profile, signing_alg or token_typ";

    /// The form that all of them want, or the default one of no targets; `None` where they differ.
    pub fn of_all(forms: impl IntoIterator<Item = TokenForm>) -> Option<TokenForm> {
        let mut forms = forms.into_iter();
        let first = forms.next().unwrap_or_default();
        forms.all(|form| form == first).then_some(first)
    }
}

/// What the header of an access token says it is (`typ`, RFC 7515 §4.1.9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenTyp {
    /// An access token (RFC 9068 §2.1), so that no other kind of token is taken for one.
    #[default]
    #[serde(rename = "at+jwt")]
    AccessToken,
    /// Any JWT (RFC 7519 §5.1): what libraries of before RFC 9068 accept.
    #[serde(rename = "JWT")]
    Jwt,
}

/// The resource server that `name` means in a request, or in a token that was issued before it was spelled as it is now.
pub fn resource_server<'a>(servers: &'a [ResourceServer], name: &str) -> Option<&'a ResourceServer> {
    let audience = registered(servers.iter().map(|server| server.audience.as_str()), name)?;
    servers.iter().find(|server| server.audience == audience)
}

/// Those that a token with this `aud` is for.
pub fn addressees<'a>(servers: &'a [ResourceServer], aud: &'a [String]) -> impl Iterator<Item = &'a ResourceServer> {
    aud.iter().filter_map(|name| resource_server(servers, name))
}

/// How the `scope` claim of a token is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeClaim {
    /// Space-separated, as RFC 9068 §2.2.3 says.
    #[default]
    String,
    /// A JSON array, as the IdentityServer family and its validators have it.
    Array,
}

/// Which claims and header a token has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenProfile {
    /// JWT profile for OAuth 2.0 access tokens (RFC 9068).
    #[default]
    Rfc9068,
    /// The claims of a Mosaic token, its issuer names and RS256: what the guards of Mosaic services accept.
    Mosaic,
}

/// Signature algorithms for our tokens (RFC 7518 §3.1, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every verifier knows.
    RS256,
    /// ECDSA on P-256: ten times the signatures per second.
    ES256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlg {
    /// Every algorithm that can be configured.
    pub const ALL: [SigningAlg; 4] = [SigningAlg::RS256, SigningAlg::ES256, SigningAlg::PS256, SigningAlg::EdDSA];

    /// The `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            SigningAlg::RS256 => "RS256",
            SigningAlg::ES256 => "ES256",
            SigningAlg::PS256 => "PS256",
            SigningAlg::EdDSA => "EdDSA",
        }
    }

    /// Reads an `alg` value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }
}
