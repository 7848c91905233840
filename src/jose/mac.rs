//! Message authentication codes, for messages to receivers that hold the same secret.

use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};

use super::error::JoseError;

/// HMAC-SHA256 (RFC 2104) of `message` under `key`.
///
/// # Errors
/// OpenSSL failed.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Result<[u8; 32], JoseError> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    let mut code = [0; 32];
    signer.sign_oneshot(&mut code, message)?;
    Ok(code)
}

/// The same in lower-case hexadecimal.
///
/// # Errors
/// OpenSSL failed.
pub fn hmac_sha256_hex(key: &[u8], message: &[u8]) -> Result<String, JoseError> {
    Ok(hmac_sha256(key, message)?.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::hmac_sha256_hex;

    #[test]
    fn the_example_of_rfc_4231_section_4_3_gives_its_code() {
        let code = hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?").expect("a code");
        assert_eq!(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
