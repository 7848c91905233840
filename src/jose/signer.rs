//! Signing access tokens, and answers about them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::JwsSigner;

use super::{
    error::JoseError,
    private_key::PrivateKey,
    unverified::{ACCESS, TOKEN_USE},
};
use crate::domain::environment::{SigningAlg, TokenTyp};

/// The longest signature of our algorithms in base64url: RSA 2048. Longer ones only cost one more allocation.
const USUAL_SIGNATURE_LENGTH: usize = 342;

/// A key ready to sign. Made once per key: parsing a key costs as much as a signature.
pub struct Signer {
    kid: String,
    alg: SigningAlg,
    /// `{"alg":…,"typ":"at+jwt","kid":…}` in base64url, and the dot behind it: the same for every token.
    header: String,
    /// The same for access tokens of the type `JWT`, with [`TOKEN_USE`].
    plain_header: String,
    /// The same for signed introspection answers.
    introspection_header: String,
    /// The same with `"typ":"JWT"`, for ID tokens.
    id_token_header: String,
    /// The same for logout tokens.
    logout_header: String,
    signer: Box<dyn JwsSigner>,
}

impl Signer {
    /// Prepares a key.
    ///
    /// # Errors
    /// josekit cannot use the key.
    pub fn new(key: &PrivateKey) -> Result<Self, JoseError> {
        // A kid is base64url and an algorithm a plain word: nothing here needs escaping.
        let with = |typ: &str, more: &str| {
            let header = format!(r#"{{"alg":"{}","typ":"{typ}","kid":"{}"{more}}}"#, key.alg().as_str(), key.kid());
            URL_SAFE_NO_PAD.encode(header) + "."
        };
        let header = |typ: &str| with(typ, "");
        Ok(Self {
            kid: key.kid().to_owned(),
            alg: key.alg(),
            header: header("at+jwt"),
            plain_header: with("JWT", &format!(r#","{TOKEN_USE}":"{ACCESS}""#)),
            introspection_header: header("token-introspection+jwt"),
            id_token_header: header("JWT"),
            logout_header: header("logout+jwt"),
            signer: key.jws_signer()?,
        })
    }

    /// The id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    pub const fn alg(&self) -> SigningAlg {
        self.alg
    }

    /// Signs a payload (the claims as JSON) as an access token (RFC 9068 §2.1), a compact JWS (RFC 7515 §7.1).
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn sign_access_token(&self, typ: TokenTyp, payload: &[u8]) -> Result<String, JoseError> {
        let header = match typ {
            TokenTyp::AccessToken => &self.header,
            TokenTyp::Jwt => &self.plain_header,
        };
        self.sign_under(header, payload)
    }

    /// Signs a payload as an ID token (OpenID Connect Core §2). Its type keeps it from being taken for an access token.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn sign_id_token(&self, payload: &[u8]) -> Result<String, JoseError> {
        self.sign_under(&self.id_token_header, payload)
    }

    /// Signs a payload as a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn sign_logout_token(&self, payload: &[u8]) -> Result<String, JoseError> {
        self.sign_under(&self.logout_header, payload)
    }

    /// Signs a payload as an introspection answer (RFC 9701 §5): its type says that it is no access token.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn sign_introspection(&self, payload: &[u8]) -> Result<String, JoseError> {
        self.sign_under(&self.introspection_header, payload)
    }

    fn sign_under(&self, header: &str, payload: &[u8]) -> Result<String, JoseError> {
        let payload_length = payload.len().div_ceil(3) * 4;
        let mut token = String::with_capacity(header.len() + payload_length + 1 + USUAL_SIGNATURE_LENGTH);
        token.push_str(header);
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signer.sign(token.as_bytes()).map_err(|error| JoseError::Crypto(error.to_string()))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_header_of_rfc_9068_and_an_unpadded_payload() {
        let key = PrivateKey::generate(SigningAlg::ES256).expect("generates");
        let signer = Signer::new(&key).expect("usable");
        let token = signer.sign_access_token(TokenTyp::AccessToken, b"{\"a\":1}").expect("signs");
        let parts: Vec<&str> = token.split('.').collect();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, key.kid());
        assert_eq!(decode(parts[0]), header.as_bytes());
        assert_eq!(decode(parts[1]), b"{\"a\":1}");
        assert_eq!(decode(parts[2]).len(), 64, "R||S, not DER (RFC 7518 §3.4)");
        assert_eq!(parts.len(), 3);
        // For libraries that know no such type; nothing but an access token has the last member.
        let token = signer.sign_access_token(TokenTyp::Jwt, b"{}").expect("signs");
        let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}","token_use":"access"}}"#, key.kid());
        assert_eq!(decode(token.split('.').next().expect("a part")), header.as_bytes());
    }
}
