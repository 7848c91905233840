//! Tokens that nobody has: plain claims, read as if a token had them.

use serde_json::{Map, Value, json};

use crate::{
    domain::{
        claims::{RESERVED_CLAIMS, SubjectType},
        connection::{IdentityConnection, IdentityProvider},
        subject::SubjectToken,
    },
    jose::access_token::read_claims,
};

/// How long a token lives that says nothing of it, in seconds.
const LIFETIME: i64 = 3600;
/// Stands in where the reader wants a text, and is taken out again.
const NONE: &str = "-";

/// What plain claims are completed with.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The issuer of the environment.
    pub issuer: &'a str,
    /// The client that asks.
    pub client_id: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// A subject token of this environment with these claims. `sub` and `aud` have to be there; without `client_id` it was issued to
/// nobody in particular.
///
/// # Errors
/// A claim is missing or has not the form it must have.
pub fn own_subject(claims: &Map<String, Value>, setting: Setting<'_>) -> Result<SubjectToken, String> {
    read(claims, setting, setting.issuer, &[])
}

/// A subject for whom `connection` vouches. Of its claims those are left that rules may see.
///
/// # Errors
/// As above.
pub fn vouched_subject(
    claims: &Map<String, Value>,
    setting: Setting<'_>,
    connection: &IdentityConnection,
) -> Result<SubjectToken, String> {
    let (before, issuer) = match &connection.provider {
        IdentityProvider::Delegated => (&connection.name, setting.issuer),
        IdentityProvider::Oidc(foreign) | IdentityProvider::Jwt(foreign) => (&foreign.issuer, foreign.issuer.as_str()),
    };
    let mut token = read(claims, setting, issuer, &["aud"])?;
    token.sub = format!("{before}#{}", token.sub);
    token.subject_type.get_or_insert(SubjectType::EndUserAccount);
    token.other.retain(|name, _| !RESERVED_CLAIMS.contains(&name.as_str()));
    if matches!(connection.provider, IdentityProvider::Delegated) {
        // The client's own word.
        (token.client_id, token.aud) = (setting.client_id.to_owned(), Vec::new());
    } else {
        token.client_id.clear();
    }
    Ok(token)
}

/// An actor token with these claims: the client's own, where they do not say otherwise.
///
/// # Errors
/// As above.
pub fn actor(claims: &Map<String, Value>, setting: Setting<'_>) -> Result<SubjectToken, String> {
    let mut claims = claims.clone();
    for name in ["sub", "client_id"] {
        claims.entry(name).or_insert_with(|| setting.client_id.into());
    }
    claims.entry("aud").or_insert_with(|| setting.issuer.into());
    read(&claims, setting, setting.issuer, &[])
}

fn read(
    claims: &Map<String, Value>,
    setting: Setting<'_>,
    issuer: &str,
    optional: &[&'static str],
) -> Result<SubjectToken, String> {
    let mut claims = claims.clone();
    claims.entry("iss").or_insert_with(|| issuer.into());
    claims.entry("iat").or_insert_with(|| json!(setting.now));
    claims.entry("exp").or_insert_with(|| json!(setting.now.saturating_add(LIFETIME)));
    let is_given = |name: &str| claims.contains_key(name);
    let (has_client, has_id) = (is_given("client_id"), is_given("jti"));
    for name in ["client_id", "jti"].iter().chain(optional) {
        claims.entry(*name).or_insert_with(|| NONE.into());
    }
    let mut token = read_claims(claims).map_err(|error| error.to_string())?;
    if !has_client {
        token.client_id.clear();
    }
    if !has_id {
        token.jti.clear();
    }
    Ok(token)
}
