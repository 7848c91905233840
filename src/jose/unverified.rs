//! Looking into a token before its signature is checked: just far enough to find the key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{error::TokenError, strict_json::parse_object};

/// The longest token that is looked at, in bytes. Ours stay far below; more is an attempt to keep the server busy.
pub const MAX_TOKEN_LENGTH: usize = 16 * 1024;
/// The longest `kid`, in bytes. Ours have 43.
pub(super) const MAX_KID_LENGTH: usize = 256;

/// The member of the header by which we tell our access tokens of the type `JWT` from our other tokens of that type. It stands in
/// the header because no claim that somebody else chooses gets there.
pub(super) const TOKEN_USE: &str = "token_use";
/// Its value.
pub(super) const ACCESS: &str = "access";

/// A compact JWS (RFC 7515 §7.1) that **nobody has checked: whoever sent it wrote every byte of it. Nothing in it may
/// be trusted. Its only use is to pick one of our own keys; even `alg` only serves to refuse a token early**, since
/// the key decides the algorithm.
///
/// `jku`, `x5u`, `jwk` and `x5c` bring or name the sender's own key. They are never looked at (RFC 8725 §3.10).
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    token_use: Option<String>,
}

impl<'a> UnverifiedToken<'a> {
    /// Splits a token and reads its header.
    ///
    /// # Errors
    /// It is too long, is not a compact JWS, its header is not a JSON object with unique member names in canonical
    /// base64url, or the header demands an extension (RFC 7515 §4.1.11, RFC 7797).
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::NotCompact)?;
        if payload.contains('.') {
            return Err(TokenError::NotCompact);
        }
        let header = decode(header, "header")?;
        let header = parse_object(&header).ok_or(TokenError::Json("header"))?;
        // Who ignores a critical extension reads another token than the one that was signed.
        for extension in ["crit", "b64"] {
            if header.contains_key(extension) {
                return Err(TokenError::Extension(extension));
            }
        }
        let alg = string_member(&header, "alg")?.ok_or(TokenError::MissingHeader("alg"))?;
        let typ = string_member(&header, "typ")?;
        let kid = string_member(&header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_LENGTH) {
            return Err(TokenError::KidTooLong);
        }
        let token_use = string_member(&header, TOKEN_USE)?;
        Ok(Self { signed, payload, signature, alg, typ, kid, token_use })
    }

    /// What the sender says the algorithm is.
    pub fn alg(&self) -> &str {
        &self.alg
    }

    /// What the sender says the kind of token is.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What the sender says it is used as.
    pub fn token_use(&self) -> Option<&str> {
        self.token_use.as_deref()
    }

    /// What the sender says the key is.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The claims as the sender wrote them; `None` where there are none. To pick whose keys check the token, and to show
    /// the owner of a token what is in it.
    pub fn claims(&self) -> Option<Map<String, Value>> {
        parse_object(&self.payload().ok()?)
    }

    /// What the signature is over.
    pub(super) const fn signed(&self) -> &str {
        self.signed
    }

    /// The signature.
    pub(super) fn signature(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.signature, "signature")
    }

    /// The payload, for [`Verifier`](super::verifier::Verifier) alone.
    pub(super) fn payload(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload, "payload")
    }
}

/// Refuses padding, white space, the other alphabet and stray bits at the end: one token has one spelling, so that no
/// second one slips past a list of revoked tokens.
fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Encoding(name))
}

fn string_member(header: &Map<String, Value>, name: &'static str) -> Result<Option<String>, TokenError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::HeaderType(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<(String, Option<String>, Option<String>), TokenError> {
        let token = URL_SAFE_NO_PAD.encode(header) + ".e30.AA";
        UnverifiedToken::parse(&token).map(|token| (token.alg, token.typ, token.kid))
    }

    #[test]
    fn a_token_has_exactly_three_parts() {
        for bad in ["", ".", "a.b", "e30.e30.AA.AA", "e30.e30.AA.AA.AA"] {
            assert_eq!(UnverifiedToken::parse(bad).map(|_| ()), Err(TokenError::NotCompact), "{bad}");
        }
    }

    #[test]
    fn the_header_is_read_strictly() {
        use TokenError::{Extension, HeaderType, Json, KidTooLong, MissingHeader};
        let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(MAX_KID_LENGTH + 1));
        for (header, error) in [
            ("[]", Json("header")),
            ("{\"alg\":\"ES256\"", Json("header")),
            (r#"{"alg":"none","alg":"ES256"}"#, Json("header")),
            ("{}", MissingHeader("alg")),
            (r#"{"alg":1}"#, HeaderType("alg")),
            (r#"{"alg":null}"#, HeaderType("alg")),
            (r#"{"alg":"ES256","kid":7}"#, HeaderType("kid")),
            (r#"{"alg":"ES256","typ":["at+jwt"]}"#, HeaderType("typ")),
            (r#"{"alg":"ES256","crit":[]}"#, Extension("crit")),
            (r#"{"alg":"ES256","b64":true}"#, Extension("b64")),
            (&long, KidTooLong),
        ] {
            assert_eq!(parse(header), Err(error), "{header}");
        }
        assert_eq!(parse(r#"{"alg":"none","kid":"k"}"#), Ok(("none".to_owned(), None, Some("k".to_owned()))));
    }

    #[test]
    fn only_canonical_base64url_is_read() {
        // `{}` is `e30`; `e31` differs in the unused bits at its end.
        for header in ["e30=", "e31", "e3+0", "e3/0", " e30", "e 30", "e\n30", "é"] {
            let token = format!("{header}.e30.AA");
            assert_eq!(UnverifiedToken::parse(&token).map(|_| ()), Err(TokenError::Encoding("header")), "{header}");
        }
    }

    #[test]
    fn a_token_at_the_limit_is_read_and_one_beyond_is_not() {
        let token = |length: usize| {
            let start = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#) + ".";
            format!("{start}{}.AA", "A".repeat(length - start.len() - 3))
        };
        assert!(UnverifiedToken::parse(&token(MAX_TOKEN_LENGTH)).is_ok());
        assert_eq!(UnverifiedToken::parse(&token(MAX_TOKEN_LENGTH + 1)).map(|_| ()), Err(TokenError::TooLong));
    }
}
