//! The claims of an access token (RFC 9068 §2.2, RFC 8693 §4).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    ancestry::AncestorFacts,
    client::Permissions,
    environment::ScopeClaim,
    party::{Actor, MayAct},
};
use crate::oauth::scope::Scope;

/// The most ancestors a token may have; one exchange adds one.
pub const MAX_ANCESTORS: usize = 10;

/// Claims that only the server writes. A rule can neither set nor pass them.
pub const RESERVED_CLAIMS: [&str; 33] = [
    // Members of introspection answers (RFC 7662 §2.2), where the claims of a token are repeated.
    "active",
    "token_type",
    "username",
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "act",
    "may_act",
    "anc",
    "anc_of",
    "cnf",
    "sid",
    "tenantId",
    "environmentId",
    HOME_ENVIRONMENT_CLAIM,
    "subjectType",
    "permissions",
    "tags",
    EMBEDDED_TOKEN_CLAIM,
    "applicationId",
    "userId",
    "profileId",
    "sessionId",
    "extensions",
    "auth_time",
    "acr",
    "amr",
];

/// Claims that belong to the user and the user's session. They follow the user into every token that is derived from another, whatever
/// derives it (TE-086: copied, never refreshed).
pub const USER_CLAIMS: [&str; 9] =
    ["applicationId", "userId", "profileId", "sessionId", "extensions", "sid", "auth_time", "acr", "amr"];

/// `iss` of management tokens in the `mosaic` profile: service accounts and those who manage the environment.
pub const MOSAIC_ID_ISSUER: &str = "ax-id-service";
/// `iss` of end users' and applications' tokens in the `mosaic` profile.
pub const MOSAIC_USER_ISSUER: &str = "ax-user-service";
/// The property of a third party's JWT that holds an end user's token of ours, whole. The dots are part of its name.
pub const EMBEDDED_TOKEN_CLAIM: &str = "mosaic.end-user.accessToken";

/// The environment that the client (`client_id`) is at home in, in tokens that a managed service account got of another one:
/// both may have a client of that id.
pub const HOME_ENVIRONMENT_CLAIM: &str = "homeEnvironmentId";

/// What a subject is (Mosaic's word for it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectType {
    /// A client on its own account.
    ServiceAccount,
    /// A service account of another environment, which this one lets in.
    ManagedServiceAccount,
    /// Somebody who manages the environment.
    UserAccount,
    /// A user of an application.
    EndUserAccount,
    /// An application on its own account.
    EndUserApplication,
    /// A program that a foreign issuer vouches for, such as a build job. Our own word: Mosaic has none.
    Workload,
}

impl SubjectType {
    const ALL: [SubjectType; 6] = [
        SubjectType::ServiceAccount,
        SubjectType::ManagedServiceAccount,
        SubjectType::UserAccount,
        SubjectType::EndUserAccount,
        SubjectType::EndUserApplication,
        SubjectType::Workload,
    ];

    /// What stands for our issuer in the `mosaic` profile.
    pub const MOSAIC_ISSUERS: [&str; 2] = [MOSAIC_ID_ISSUER, MOSAIC_USER_ISSUER];

    /// `iss` of its tokens in the `mosaic` profile.
    pub const fn mosaic_issuer(self) -> &'static str {
        match self {
            SubjectType::ServiceAccount
            | SubjectType::ManagedServiceAccount
            | SubjectType::UserAccount
            | SubjectType::Workload => MOSAIC_ID_ISSUER,
            SubjectType::EndUserAccount | SubjectType::EndUserApplication => MOSAIC_USER_ISSUER,
        }
    }

    /// The claim's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            SubjectType::ServiceAccount => "ServiceAccount",
            SubjectType::ManagedServiceAccount => "ManagedServiceAccount",
            SubjectType::UserAccount => "UserAccount",
            SubjectType::EndUserAccount => "EndUserAccount",
            SubjectType::EndUserApplication => "EndUserApplication",
            SubjectType::Workload => "Workload",
        }
    }

    /// Reads a claim's value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Serialize for SubjectType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SubjectType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom("no such type of subject"))
    }
}

/// The claims of an access token about to be signed. Serialises straight to the JWT's payload.
#[derive(Debug, Clone)]
pub struct AccessTokenClaims<'a> {
    /// The environment's issuer, or the name that the `mosaic` profile has for it.
    pub iss: &'a str,
    /// The resource owner, or the client itself when no owner is involved.
    pub sub: &'a str,
    /// The targets; never empty.
    pub aud: &'a [String],
    /// The client that asked.
    pub client_id: &'a str,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// 128 random bits.
    pub jti: &'a str,
    /// What it allows.
    pub scope: &'a Scope,
    /// How `scope` is written.
    pub scope_claim: ScopeClaim,
    /// Who acts, outermost first.
    pub act: Option<&'a Actor>,
    /// The only party that may act for the subject.
    pub may_act: Option<&'a MayAct>,
    /// The `jti`s of the tokens it came from, root first.
    pub anc: &'a [String],
    /// What those were.
    pub anc_facts: &'a AncestorFacts,
    /// The environment's tenant.
    pub tenant_id: &'a str,
    /// The environment.
    pub environment_id: &'a str,
    /// What the subject is.
    pub subject_type: SubjectType,
    /// Permissions of the client, in tokens on its own account.
    pub permissions: Option<&'a Permissions>,
    /// Claims that follow the user through every exchange, and those set by a rule. None of [`RESERVED_CLAIMS`]
    /// except the end-user ones the server itself copies.
    pub extra: &'a Map<String, Value>,
}

impl Serialize for AccessTokenClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", self.iss)?;
        map.serialize_entry("sub", self.sub)?;
        match self.aud {
            [only] => map.serialize_entry("aud", only)?,
            several => map.serialize_entry("aud", several)?,
        }
        map.serialize_entry("client_id", self.client_id)?;
        map.serialize_entry("iat", &self.iat)?;
        map.serialize_entry("exp", &self.exp)?;
        map.serialize_entry("jti", self.jti)?;
        if !self.scope.is_empty() {
            match self.scope_claim {
                ScopeClaim::String => map.serialize_entry("scope", &format_args!("{}", self.scope))?,
                ScopeClaim::Array => map.serialize_entry("scope", self.scope)?,
            }
        }
        if let Some(act) = self.act {
            map.serialize_entry("act", act)?;
        }
        if let Some(may_act) = self.may_act {
            map.serialize_entry("may_act", may_act)?;
        }
        if !self.anc.is_empty() {
            map.serialize_entry("anc", self.anc)?;
        }
        if !self.anc_facts.is_empty() {
            map.serialize_entry("anc_of", self.anc_facts)?;
        }
        map.serialize_entry("tenantId", self.tenant_id)?;
        map.serialize_entry("environmentId", self.environment_id)?;
        map.serialize_entry("subjectType", self.subject_type.as_str())?;
        if let Some(permissions) = self.permissions {
            map.serialize_entry("permissions", permissions)?;
        }
        for (name, value) in self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
