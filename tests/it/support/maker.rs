//! A maker of authenticators: a root certificate, and one under it that attests a model (Level 2 §8.2.1).

use openssl::{
    asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time},
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder, extension::BasicConstraints},
};

/// A maker, and the key in all authenticators of one model.
#[derive(Clone)]
pub struct Maker {
    /// What relying parties trust.
    pub root_pem: String,
    /// In DER.
    pub certificate: Vec<u8>,
    /// Signs attestations.
    pub key: PKey<Private>,
}

impl Maker {
    /// Of a model.
    pub fn of(aaguid: [u8; 16]) -> Self {
        let root_key = key();
        let root_name = name("Root");
        let root = signed(&root_name, &root_name, &root_key, &root_key, |builder| {
            builder.append_extension(BasicConstraints::new().critical().ca().build().expect("an extension"))
        });
        let key = key();
        let certificate = signed(&name("Model"), &root_name, &key, &root_key, |builder| {
            builder.append_extension(BasicConstraints::new().build().expect("an extension")).expect("an extension");
            // id-fido-gen-ce-aaguid: an OCTET STRING of 16 bytes.
            let oid = Asn1Object::from_str("1.3.6.1.4.1.45724.1.1.4").expect("an object id");
            let value = Asn1OctetString::new_from_bytes(&[&[4, 16][..], &aaguid].concat()).expect("a value");
            builder.append_extension(X509Extension::new_from_der(&oid, false, &value).expect("an extension"))
        });
        let root_pem = String::from_utf8(root.to_pem().expect("PEM")).expect("a text");
        Self { root_pem, certificate: certificate.to_der().expect("DER"), key }
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

fn name(common: &str) -> X509Name {
    let mut name = X509NameBuilder::new().expect("a name");
    for (field, value) in [("C", "DE"), ("O", "Maker"), ("OU", "Authenticator Attestation"), ("CN", common)] {
        name.append_entry_by_text(field, value).expect("a name");
    }
    name.build()
}

fn signed(
    subject: &X509Name,
    issuer: &X509Name,
    key: &PKey<Private>,
    by: &PKey<Private>,
    extend: impl Fn(&mut X509Builder) -> Result<(), openssl::error::ErrorStack>,
) -> X509 {
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("X.509 v3");
    let serial = Asn1Integer::from_bn(&BigNum::from_u32(7).expect("a number")).expect("a number");
    builder.set_serial_number(&serial).expect("a serial number");
    builder.set_subject_name(subject).expect("a subject");
    builder.set_issuer_name(issuer).expect("an issuer");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("today")).expect("a date");
    builder.set_not_after(&Asn1Time::days_from_now(2).expect("a day")).expect("a date");
    builder.set_pubkey(key).expect("a public key");
    extend(&mut builder).expect("extensions");
    builder.sign(by, MessageDigest::sha256()).expect("a signature");
    builder.build()
}
