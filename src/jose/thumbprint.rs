//! The thumbprint of a key: its id (RFC 7638, RFC 8037 §2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;
use serde_json::{Map, Value};

use super::error::JoseError;

/// SHA-256 over the required members of a public JWK, as base64url: the same for everybody who has the key.
///
/// # Errors
/// The key type is none of RSA, EC and OKP, or a required member is not there as a string.
pub fn thumbprint(jwk: &Map<String, Value>) -> Result<String, JoseError> {
    // Sorted by name, as RFC 7638 §3.3 says.
    let required: &[&str] = match jwk.get("kty").and_then(Value::as_str) {
        Some("RSA") => &["e", "kty", "n"],
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("OKP") => &["crv", "kty", "x"],
        _ => return Err(JoseError::Key("kty is none of RSA, EC and OKP".to_owned())),
    };
    // Written by hand: the order of a serde_json map depends on a cargo feature that any dependency may switch.
    let mut canonical = String::from("{");
    for name in required {
        let value = jwk.get(*name).and_then(Value::as_str);
        let value = value.ok_or_else(|| JoseError::Key(format!("{name} is not a string")))?;
        let separator = if canonical.len() > 1 { "," } else { "" };
        canonical.push_str(&format!("{separator}\"{name}\":{}", Value::from(value)));
    }
    canonical.push('}');
    Ok(URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<String, JoseError> {
        thumbprint(&serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn the_example_of_rfc_7638_section_3_1_gives_its_thumbprint() {
        let jwk = concat!(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAt"#,
            "VT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn6",
            "4tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FD",
            "W2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n9",
            "1CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINH",
            r#"aQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        );
        assert_eq!(of(jwk).as_deref(), Ok("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    }

    #[test]
    fn the_example_of_rfc_8037_appendix_a_3_gives_its_thumbprint() {
        let jwk = r#"{"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kty":"OKP","crv":"Ed25519"}"#;
        assert_eq!(of(jwk).as_deref(), Ok("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn a_key_without_a_required_member_has_none() {
        for bad in
            [r#"{}"#, r#"{"kty":"oct","k":"AA"}"#, r#"{"kty":"RSA","e":"AQAB"}"#, r#"{"kty":"OKP","crv":1,"x":""}"#]
        {
            assert!(matches!(of(bad), Err(JoseError::Key(_))), "{bad}");
        }
    }
}
