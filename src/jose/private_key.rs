//! Private signing keys: making, storing and publishing them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::{Id, PKey, Private},
    rsa::Rsa,
};
use serde_json::{Map, Value};

use super::{error::JoseError, thumbprint::thumbprint};
use crate::domain::environment::SigningAlg;

/// The bits of a new RSA key, and the fewest of any (RFC 7518 §3.3).
const RSA_BITS: u32 = 2048;
/// Bytes of a P-256 coordinate. RFC 7518 §6.2.1.2 wants all of them, leading zeros too.
const P256_COORDINATE: i32 = 32;

/// A private key for one algorithm. It cannot be printed by accident.
#[derive(Clone)]
pub struct PrivateKey {
    alg: SigningAlg,
    key: PKey<Private>,
    kid: String,
    public_jwk: String,
}

impl PrivateKey {
    /// Makes a new key. It draws from OpenSSL's own generator, which takes no other source.
    ///
    /// An RSA key takes some 50–500 ms: not on a thread that serves requests.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn generate(alg: SigningAlg) -> Result<Self, JoseError> {
        let key = match alg {
            SigningAlg::RS256 | SigningAlg::PS256 => PKey::from_rsa(Rsa::generate(RSA_BITS)?)?,
            SigningAlg::ES256 => PKey::from_ec_key(EcKey::generate(&*p256()?)?)?,
            SigningAlg::EdDSA => PKey::generate_ed25519()?,
        };
        Self::new(alg, key)
    }

    /// Reads unencrypted PKCS#8.
    ///
    /// # Errors
    /// Not PKCS#8, not a key for `alg`, or too weak.
    pub fn from_pkcs8_der(alg: SigningAlg, der: &[u8]) -> Result<Self, JoseError> {
        // OpenSSL's own text is left out: it describes the bytes of a private key.
        let key =
            PKey::private_key_from_pkcs8(der).map_err(|_| JoseError::Key("not a PKCS#8 private key".to_owned()))?;
        Self::new(alg, key)
    }

    fn new(alg: SigningAlg, key: PKey<Private>) -> Result<Self, JoseError> {
        let mut jwk = public_members(alg, &key)?;
        let kid = thumbprint(&jwk)?;
        for (name, value) in [("kid", kid.as_str()), ("use", "sig"), ("alg", alg.as_str())] {
            jwk.insert(name.to_owned(), value.into());
        }
        Ok(Self { alg, key, kid, public_jwk: Value::Object(jwk).to_string() })
    }

    /// Unencrypted PKCS#8, to be sealed at once.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn to_pkcs8_der(&self) -> Result<Vec<u8>, JoseError> {
        Ok(self.key.private_key_to_pkcs8()?)
    }

    /// The algorithm it is for.
    pub const fn alg(&self) -> SigningAlg {
        self.alg
    }

    /// Its id: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK (RFC 7517) as JSON: public members only, with `kid`, `use` and `alg`.
    pub fn public_jwk(&self) -> &str {
        &self.public_jwk
    }

    /// josekit's signer. An ordinary RSA key is also right for PS256 in this form (PKCS#8), though not as PEM.
    pub(super) fn jws_signer(&self) -> Result<Box<dyn JwsSigner>, JoseError> {
        let der = self.to_pkcs8_der()?;
        let signer: Result<Box<dyn JwsSigner>, _> = match self.alg {
            SigningAlg::RS256 => RS256.signer_from_der(der).map(|signer| Box::new(signer) as _),
            SigningAlg::ES256 => ES256.signer_from_der(der).map(|signer| Box::new(signer) as _),
            SigningAlg::PS256 => PS256.signer_from_der(der).map(|signer| Box::new(signer) as _),
            SigningAlg::EdDSA => EdDSA.signer_from_der(der).map(|signer| Box::new(signer) as _),
        };
        signer.map_err(|error| JoseError::Key(error.to_string()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn p256() -> Result<EcGroup, JoseError> {
    Ok(EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)
}

/// The public members of the JWK, after checking that the key is one for `alg`.
fn public_members(alg: SigningAlg, key: &PKey<Private>) -> Result<Map<String, Value>, JoseError> {
    let members = match (alg, key.id()) {
        (SigningAlg::RS256 | SigningAlg::PS256, Id::RSA) => rsa_members(&*key.rsa()?)?,
        (SigningAlg::ES256, Id::EC) => ec_members(&*key.ec_key()?)?,
        (SigningAlg::EdDSA, Id::ED25519) => {
            vec![("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", base64url(&key.raw_public_key()?))]
        }
        _ => return Err(JoseError::Key(format!("not a key for {}", alg.as_str()))),
    };
    Ok(members.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect())
}

fn rsa_members(rsa: &openssl::rsa::RsaRef<Private>) -> Result<Vec<(&'static str, String)>, JoseError> {
    if rsa.n().num_bits().unsigned_abs() < RSA_BITS {
        return Err(JoseError::Key(format!("an RSA key needs at least {RSA_BITS} bits")));
    }
    Ok(vec![("kty", "RSA".to_owned()), ("n", base64url(&rsa.n().to_vec())), ("e", base64url(&rsa.e().to_vec()))])
}

fn ec_members(ec: &openssl::ec::EcKeyRef<Private>) -> Result<Vec<(&'static str, String)>, JoseError> {
    if ec.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
        return Err(JoseError::Key("an ES256 key is one on the curve P-256".to_owned()));
    }
    let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
    ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, &mut context)?;
    let (x, y) = (x.to_vec_padded(P256_COORDINATE)?, y.to_vec_padded(P256_COORDINATE)?);
    Ok(vec![("kty", "EC".to_owned()), ("crv", "P-256".to_owned()), ("x", base64url(&x)), ("y", base64url(&y))])
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn members(key: &PrivateKey) -> Map<String, Value> {
        serde_json::from_str(key.public_jwk()).expect("JSON")
    }

    #[test]
    fn the_public_jwk_has_public_members_only() {
        for (alg, expected) in [
            (SigningAlg::RS256, &["kty", "n", "e", "kid", "use", "alg"][..]),
            (SigningAlg::PS256, &["kty", "n", "e", "kid", "use", "alg"]),
            (SigningAlg::ES256, &["kty", "crv", "x", "y", "kid", "use", "alg"]),
            (SigningAlg::EdDSA, &["kty", "crv", "x", "kid", "use", "alg"]),
        ] {
            let key = PrivateKey::generate(alg).expect("generates");
            let jwk = members(&key);
            assert_eq!(jwk.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected.iter().copied().collect());
            assert_eq!(jwk["alg"], alg.as_str());
            assert_eq!(jwk["use"], "sig");
            assert_eq!(jwk["kid"], key.kid());
            assert_eq!(Ok(key.kid()), thumbprint(&jwk).as_deref());
        }
    }

    #[test]
    fn a_key_survives_pkcs8() {
        for alg in SigningAlg::ALL {
            let key = PrivateKey::generate(alg).expect("generates");
            let der = key.to_pkcs8_der().expect("encodes");
            let read = PrivateKey::from_pkcs8_der(alg, &der).expect("decodes");
            assert_eq!((read.kid(), read.public_jwk()), (key.kid(), key.public_jwk()));
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let der = |key: PKey<Private>| key.private_key_to_pkcs8().expect("encodes");
        let p384 = EcGroup::from_curve_name(Nid::SECP384R1).expect("P-384");
        let p384 = der(PKey::from_ec_key(EcKey::generate(&p384).expect("generates")).expect("wraps"));
        let short = der(PKey::from_rsa(Rsa::generate(1024).expect("generates")).expect("wraps"));
        let ed448 = der(PKey::generate_ed448().expect("generates"));
        let ed25519 = der(PKey::generate_ed25519().expect("generates"));
        for (alg, der) in [
            (SigningAlg::ES256, &p384),
            (SigningAlg::ES256, &ed25519),
            (SigningAlg::RS256, &short),
            (SigningAlg::PS256, &short),
            (SigningAlg::EdDSA, &ed448),
            (SigningAlg::RS256, &ed25519),
            (SigningAlg::EdDSA, &vec![1, 2, 3]),
        ] {
            assert!(matches!(PrivateKey::from_pkcs8_der(alg, der), Err(JoseError::Key(_))), "{alg:?}");
        }
    }

    #[test]
    fn coordinates_keep_their_leading_zeros() {
        // Small scalars are tried until one gives an x that begins with a zero byte; one in 256 does.
        let (mut scalar, mut found) = (1u32, None);
        while found.is_none() {
            let key = from_scalar(scalar);
            let jwk = members(&key);
            let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().expect("text")).expect("base64url");
            assert_eq!((bytes("x").len(), bytes("y").len()), (32, 32));
            found = (bytes("x")[0] == 0).then_some(scalar);
            scalar += 1;
        }
    }

    /// The P-256 key with a small private scalar.
    fn from_scalar(scalar: u32) -> PrivateKey {
        let group = p256().expect("P-256");
        let scalar = BigNum::from_u32(scalar).expect("number");
        let mut point = openssl::ec::EcPoint::new(&group).expect("point");
        point.mul_generator2(&group, &scalar, &mut BigNumContext::new().expect("context")).expect("multiplies");
        let key = EcKey::from_private_components(&group, &scalar, &point).expect("key");
        PrivateKey::new(SigningAlg::ES256, PKey::from_ec_key(key).expect("wraps")).expect("usable")
    }

    #[test]
    fn a_private_key_does_not_print_itself() {
        let key = PrivateKey::generate(SigningAlg::EdDSA).expect("generates");
        assert_eq!(format!("{key:?}"), format!("PrivateKey {{ alg: EdDSA, kid: {:?}, .. }}", key.kid()));
    }
}
