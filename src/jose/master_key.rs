//! The master key, and what is sealed under it (AES-256-GCM).

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use openssl::memcmp;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::{error::JoseError, mac::hmac_sha256};
use crate::domain::{
    pasted::pasted,
    random::Random,
    secret::{Secret, SecretHash},
};

/// The layout of sealed data: this byte, nonce, ciphertext, tag.
const VERSION: u8 = 1;
/// 96 random bits: at the handful of keys of an installation, far from the 2^32 seals at which random nonces get weak.
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/// Keys written by hand or by `openssl rand -base64 32` come with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key under which private keys are stored, and the one before it while it is being replaced. It cannot be printed by
/// accident.
#[derive(Clone)]
pub struct MasterKey {
    /// Seals and opens.
    current: [u8; 32],
    /// Opens what it has sealed.
    other: Option<[u8; 32]>,
}

impl MasterKey {
    /// Reads the form of the settings: 32 bytes in base64, with white space around it (a file ends with a newline).
    ///
    /// # Errors
    /// It is anything else.
    pub fn from_base64(text: &str) -> Result<Self, JoseError> {
        let bytes = BASE64.decode(pasted(text)).map_err(|_| JoseError::MasterKey)?;
        Ok(Self { current: bytes.try_into().map_err(|_| JoseError::MasterKey)?, other: None })
    }

    /// Makes a new one.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(random: &dyn Random) -> Result<Self, JoseError> {
        let mut bytes = [0; 32];
        random.fill(&mut bytes)?;
        Ok(Self { current: bytes, other: None })
    }

    /// The same, which also opens what `previous` has sealed.
    #[must_use]
    pub fn with_previous(self, previous: Self) -> Self {
        Self { other: Some(previous.current), ..self }
    }

    /// Whether another key opens as well.
    pub fn has_previous(&self) -> bool {
        self.other.is_some()
    }

    /// Whether both are the same, whatever was before them.
    pub fn is_same(&self, other: &Self) -> bool {
        memcmp::eq(&self.current, &other.current)
    }

    /// The form of the settings, for the one place that writes a new key to its file.
    pub fn to_base64(&self) -> Secret {
        Secret::new(STANDARD.encode(self.current))
    }

    /// Of the two, the one that opens `sealed` alone: it goes first, so that it seals.
    ///
    /// # Errors
    /// Neither does.
    pub fn that_opens(&self, sealed: &[u8], aad: &[u8]) -> Result<Self, JoseError> {
        let swapped = self.other.map(|other| Self { current: other, other: Some(self.current) });
        [Some(self.clone()), swapped]
            .into_iter()
            .flatten()
            .find(|key| open_with(&key.current, sealed, aad).is_ok())
            .ok_or(JoseError::Unseal)
    }

    /// Encrypts `plain` and binds it to `aad`, the description of the place it belongs to.
    ///
    /// # Errors
    /// The random source or the cipher failed.
    pub fn seal(&self, random: &dyn Random, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, JoseError> {
        let mut nonce = [0; NONCE_LENGTH];
        random.fill(&mut nonce)?;
        let mut tag = [0; TAG_LENGTH];
        let ciphertext = encrypt_aead(Cipher::aes_256_gcm(), &self.current, Some(&nonce), aad, plain, &mut tag)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LENGTH + ciphertext.len() + TAG_LENGTH);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Decrypts what [`seal`](Self::seal) made for the same `aad`.
    ///
    /// # Errors
    /// Another master key or `aad`, another layout, or any changed bit: all alike.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, JoseError> {
        let opened = open_with(&self.current, sealed, aad);
        opened.or_else(|error| self.other.as_ref().map_or(Err(error), |other| open_with(other, sealed, aad)))
    }

    /// The same data sealed under this key alone; `None` if it is already.
    ///
    /// # Errors
    /// Neither this key nor the one before opens it, or the random source or the cipher failed.
    pub fn reseal(&self, random: &dyn Random, sealed: &[u8], aad: &[u8]) -> Result<Option<Vec<u8>>, JoseError> {
        if open_with(&self.current, sealed, aad).is_ok() {
            return Ok(None);
        }
        let plain = self.open(sealed, aad)?;
        self.seal(random, &plain, aad).map(Some)
    }

    /// What is kept of a one-time code instead of the code, bound to its row and user: HMAC-SHA256 under a key made from this one.
    /// A hash alone would be no protection: whoever reads the database tries a million codes in a second.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn code_mac(&self, row_id: &str, user_id: &str, code: &Secret) -> Result<SecretHash, JoseError> {
        code_mac_under(&self.current, row_id, user_id, code)
    }

    /// Whether [`code_mac`](Self::code_mac) made `kept` of this code, under this key or the one before. The time does not depend on
    /// where they differ.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn is_code(&self, kept: &SecretHash, row_id: &str, user_id: &str, code: &Secret) -> Result<bool, JoseError> {
        let mut is_code = self.code_mac(row_id, user_id, code)?.equals(kept);
        if let Some(other) = &self.other {
            is_code |= code_mac_under(other, row_id, user_id, code)?.equals(kept);
        }
        Ok(is_code)
    }
}

fn code_mac_under(key: &[u8; 32], row_id: &str, user_id: &str, code: &Secret) -> Result<SecretHash, JoseError> {
    // A key of its own, so that nothing of the cipher's key shows in what is stored.
    let derived = hmac_sha256(key, b"tessera one-time codes")?;
    let mut message = associated_data(b"tessera one-time code", [row_id, user_id]);
    message.extend_from_slice(code.reveal().as_bytes());
    Ok(SecretHash::from_bytes(hmac_sha256(&derived, &message)?))
}

fn open_with(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, JoseError> {
    let (&version, rest) = sealed.split_first().ok_or(JoseError::Unseal)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(JoseError::Unseal)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LENGTH>().ok_or(JoseError::Unseal)?;
    if version != VERSION {
        return Err(JoseError::Unseal);
    }
    decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), aad, ciphertext, tag).map_err(|_| JoseError::Unseal)
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// The associated data of a sealed private key.
///
/// It binds the key to its environment and id: whoever can write to the database cannot make one environment sign with
/// another's key by copying a row. Lengths stand before the values, so that no two pairs look alike.
pub fn private_key_aad(environment_id: &str, kid: &str) -> Vec<u8> {
    associated_data(b"tessera private key", [environment_id, kid])
}

/// The associated data of the sealed secret of an application's enrichment webhook, for the same reason.
pub fn webhook_secret_aad(environment_id: &str, application_id: &str) -> Vec<u8> {
    associated_data(b"tessera webhook secret", [environment_id, application_id])
}

/// The associated data of the sealed secret that this server has at the provider of an identity connection.
pub fn sign_in_secret_aad(environment_id: &str, connection: &str) -> Vec<u8> {
    associated_data(b"tessera sign-in secret", [environment_id, connection])
}

/// The associated data of the sealed secret of an authenticator app: copied to another user's row it opens for nobody.
pub fn totp_secret_aad(environment_id: &str, user_id: &str, authenticator_id: &str) -> Vec<u8> {
    associated_data(b"tessera totp secret", [environment_id, user_id, authenticator_id])
}

fn associated_data<const N: usize>(what: &[u8], place: [&str; N]) -> Vec<u8> {
    let mut aad = what.to_vec();
    for part in place {
        aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
        aad.extend_from_slice(part.as_bytes());
    }
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    fn key() -> MasterKey {
        MasterKey::generate(&SystemRandom).expect("random source")
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_place_only() {
        let key = key();
        let aad = private_key_aad("environment", "kid");
        let sealed = key.seal(&SystemRandom, b"plain", &aad).expect("seals");
        assert_eq!(key.open(&sealed, &aad).as_deref(), Ok(b"plain".as_slice()));
        for (environment, kid) in
            [("other", "kid"), ("environment", "other"), ("environmentk", "id"), ("kid", "environment")]
        {
            assert_eq!(key.open(&sealed, &private_key_aad(environment, kid)), Err(JoseError::Unseal));
        }
        assert_eq!(self::key().open(&sealed, &aad), Err(JoseError::Unseal));
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_refused() {
        let key = key();
        let sealed = key.seal(&SystemRandom, b"plain", b"aad").expect("seals");
        for position in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[position / 8] ^= 1 << (position % 8);
            assert_eq!(key.open(&changed, b"aad"), Err(JoseError::Unseal), "bit {position}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key.open(&sealed[..length], b"aad"), Err(JoseError::Unseal), "length {length}");
        }
    }

    #[test]
    fn the_same_plain_text_never_seals_alike() {
        let key = key();
        let seal = || key.seal(&SystemRandom, b"plain", b"").expect("seals");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn what_the_key_before_has_sealed_opens_and_is_sealed_anew_once() {
        let (old, new, foreign) = (key(), key(), key());
        let both = new.clone().with_previous(old.clone());
        let seal = |key: &MasterKey| key.seal(&SystemRandom, b"plain", b"aad").expect("seals");
        let (of_old, of_both) = (seal(&old), seal(&both));
        for sealed in [&of_old, &of_both] {
            assert_eq!(both.open(sealed, b"aad").as_deref(), Ok(b"plain".as_slice()));
        }
        assert_eq!(old.open(&of_both, b"aad"), Err(JoseError::Unseal), "it seals under the new one");

        let anew = both.reseal(&SystemRandom, &of_old, b"aad").expect("opens").expect("is sealed anew");
        assert_eq!(new.open(&anew, b"aad").as_deref(), Ok(b"plain".as_slice()));
        assert_eq!(old.open(&anew, b"aad"), Err(JoseError::Unseal));
        assert_eq!(both.reseal(&SystemRandom, &anew, b"aad"), Ok(None));
        assert_eq!(both.reseal(&SystemRandom, &seal(&foreign), b"aad"), Err(JoseError::Unseal));
        assert_eq!(both.reseal(&SystemRandom, &of_old, b"other"), Err(JoseError::Unseal));
    }

    #[test]
    fn of_two_keys_the_one_that_is_in_use_seals() {
        let (old, new) = (key(), key());
        let both = new.clone().with_previous(old.clone());
        for in_use in [&old, &new] {
            let sealed = in_use.seal(&SystemRandom, b"plain", b"aad").expect("seals");
            let chosen = both.that_opens(&sealed, b"aad").expect("one opens it");
            assert!(chosen.is_same(in_use) && chosen.has_previous());
            let sealed = chosen.seal(&SystemRandom, b"more", b"aad").expect("seals");
            assert_eq!(in_use.open(&sealed, b"aad").as_deref(), Ok(b"more".as_slice()));
        }
        let sealed = key().seal(&SystemRandom, b"plain", b"aad").expect("seals");
        assert!(both.that_opens(&sealed, b"aad").is_err());
    }

    #[test]
    fn a_code_is_known_by_its_mac_in_its_own_row_only_and_under_the_key_before_too() {
        let (old, new) = (key(), key());
        let code = Secret::new("123456");
        let kept = old.code_mac("row", "user", &code).expect("a code");
        let both = new.clone().with_previous(old.clone());
        for (key, row, user, code, expected) in [
            (&old, "row", "user", "123456", true),
            (&both, "row", "user", "123456", true),
            (&new, "row", "user", "123456", false),
            (&old, "row", "user", "123457", false),
            (&old, "other", "user", "123456", false),
            (&old, "row", "other", "123456", false),
            (&old, "rowu", "ser", "123456", false),
        ] {
            let is_code = key.is_code(&kept, row, user, &Secret::new(code)).expect("a code");
            assert_eq!(is_code, expected, "{row} {user} {code}");
        }
    }

    #[test]
    fn base64_of_exactly_32_bytes_is_read_with_and_without_padding() {
        let key = key();
        let text = key.to_base64();
        let read = |text: &str| MasterKey::from_base64(text).map(|read| read.current);
        assert_eq!(read(text.reveal()), Ok(key.current));
        assert_eq!(read(&format!("  {}\n", text.reveal().trim_end_matches('='))), Ok(key.current));
        for bad in ["", "AAAA", &STANDARD.encode([0; 31]), &STANDARD.encode([0; 33]), "not base64 at all!"] {
            assert_eq!(read(bad), Err(JoseError::MasterKey), "{bad}");
        }
    }

    #[test]
    fn a_master_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", key()), "MasterKey(…)");
    }
}
