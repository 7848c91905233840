//! The parameters of a form body, read strictly, once, as ordered pairs (RFC 6749 §3.2, Appendix B).
//!
//! Ready-made extractors keep the last of two equal names, or the first, or neither. Two readers that differ in this
//! let an attacker show one value to a gateway and another to the server; here a repeat is refused (TE-006).

use std::fmt;

use super::{
    error::{OAuthError, Problem},
    form_text::form_decode,
};

/// The parameters of the endpoints. An answer may name them; other names come from the request and are never sent
/// back (TE-038).
const KNOWN: [&str; 34] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
    "audience",
    "requested_token_type",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "token",
    "token_type_hint",
    "state",
    "application_id",
    "unique_profile_identifier",
    "email",
    "name",
    "code",
    "code_verifier",
    "redirect_uri",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "connection",
    "iss",
    "refresh_token",
];

/// How much of a body is read (TE-009). Lengths are in bytes, those of names and values after decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The body. The HTTP side stops reading here.
    pub max_body: usize,
    /// The number of parameters, repeats and empty ones included.
    pub max_parameters: usize,
    /// One name.
    pub max_name: usize,
    /// One value.
    pub max_value: usize,
    /// The parameters that may be there more than once.
    pub repeatable: &'static [&'static str],
}

impl Limits {
    /// Room for a subject token and an actor token with long claims.
    pub const MAX_BODY: usize = 64 * 1024;
    /// Several times what any grant has, with room for repeated targets.
    pub const MAX_PARAMETERS: usize = 64;
    /// No parameter of any specification comes near.
    pub const MAX_NAME: usize = 128;
    /// One long token.
    pub const MAX_VALUE: usize = 32 * 1024;

    /// Those of an authorization request (RFC 6749 §4.1.1), which browsers carry in a URL: only `resource` may be there more
    /// than once (RFC 8707 §2).
    pub const AUTHORIZATION: Limits = Limits {
        max_body: 16 * 1024,
        max_parameters: Self::MAX_PARAMETERS,
        max_name: Self::MAX_NAME,
        // As long as all of it: a `state` that is too long is refused at the client, which needs a request that can be read.
        max_value: 16 * 1024,
        repeatable: &["resource"],
    };
    /// Those of a provider's answer: nothing may be there more than once.
    pub const AUTHORIZATION_RESPONSE: Limits = Limits { max_value: 4096, repeatable: &[], ..Self::AUTHORIZATION };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: Self::MAX_BODY,
            max_parameters: Self::MAX_PARAMETERS,
            max_name: Self::MAX_NAME,
            max_value: Self::MAX_VALUE,
            repeatable: &["resource", "audience"],
        }
    }
}

/// The parameters of one request, in the order of the body. One without a value counts as absent (TE-004).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// [`Problem::BodyTooLarge`], [`Problem::TooManyParameters`], [`Problem::ParameterTooLong`];
    /// [`Problem::MalformedBody`] for broken percent-encoding, text that is not UTF-8 and NUL (TE-010);
    /// [`Problem::RepeatedParameter`] for any repeated name but `resource` and `audience`, with or without a value.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Params, OAuthError> {
        if body.len() > limits.max_body {
            return Err(OAuthError::new(Problem::BodyTooLarge, format!("the body has {} bytes", body.len())));
        }
        let count = body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).count();
        if count > limits.max_parameters {
            return Err(OAuthError::new(Problem::TooManyParameters, format!("the body has {count} parameters")));
        }
        // serde_urlencoded replaces what it cannot decode, so that two different bodies would read alike. `&` and `=`
        // are ASCII and cannot be a part of a longer character: the body decodes if and only if each piece does.
        if form_decode(body).is_none() {
            return Err(malformed("the body is not percent-encoded UTF-8 free of NUL"));
        }
        let mut pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|_| malformed("the body is not a list of pairs"))?;
        refuse_long(&pairs, limits)?;
        refuse_repeats(&pairs, limits)?;
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Params(pairs))
    }

    /// The value of `name`; the first where it may repeat.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// [`Problem::MissingParameter`], naming it.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::missing(name))
    }
}

/// Says how many there are and no more: values are secrets and tokens, and a token sent without `name=` is a name.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} parameters)", self.0.len())
    }
}

/// The parameter of ours that the query of a URL has, if it has one (TE-007). Such a parameter would be in
/// logs and histories, and ignoring it would answer another question than the one that was asked.
pub fn parameter_in_query(query: &str) -> Option<&'static str> {
    let names: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
    KNOWN.into_iter().find(|known| names.iter().any(|name| name == known))
}

/// Whether a `Content-Type` header announces a form in UTF-8 (TE-003). The name is case-insensitive and may have
/// parameters; a `charset` other than UTF-8 is refused, because the body would be read as what it is not.
pub fn is_form_content_type(header: Option<&str>) -> bool {
    let Some(header) = header else { return false };
    let mut parts = header.split(';').map(str::trim);
    if !parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return false;
    }
    parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim_end().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

fn malformed(detail: &str) -> OAuthError {
    OAuthError::new(Problem::MalformedBody, detail)
}

fn refuse_long(pairs: &[(String, String)], limits: &Limits) -> Result<(), OAuthError> {
    match pairs.iter().find(|(name, value)| name.len() > limits.max_name || value.len() > limits.max_value) {
        None => Ok(()),
        Some((name, value)) => {
            let detail = format!("a parameter has a name of {} and a value of {} bytes", name.len(), value.len());
            Err(about(name, OAuthError::new(Problem::ParameterTooLong, detail)))
        }
    }
}

fn refuse_repeats(pairs: &[(String, String)], limits: &Limits) -> Result<(), OAuthError> {
    let mut earlier: Vec<&str> = Vec::with_capacity(pairs.len());
    for (name, _) in pairs {
        if earlier.contains(&name.as_str()) && !limits.repeatable.contains(&name.as_str()) {
            return Err(about(name, OAuthError::new(Problem::RepeatedParameter, "a parameter is there twice")));
        }
        earlier.push(name);
    }
    Ok(())
}

/// Names the parameter in the answer where the name is one of ours.
fn about(name: &str, error: OAuthError) -> OAuthError {
    match KNOWN.into_iter().find(|known| *known == name) {
        Some(known) => error.about(known),
        None => error,
    }
}

#[cfg(test)]
mod tests;
