//! Certificates for TLS on loopback.

use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};

use super::Installation;

/// A certificate for `localhost` that vouches for itself.
pub fn certificate() -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "localhost").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("X.509 v3");
    builder.set_subject_name(&name).expect("a subject");
    builder.set_issuer_name(&name).expect("an issuer");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("today")).expect("a date");
    builder.set_not_after(&Asn1Time::days_from_now(2).expect("a day")).expect("a date");
    builder.set_pubkey(&key).expect("a public key");
    let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("names")).expect("an extension");
    builder.sign(&key, MessageDigest::sha256()).expect("a signature");
    (builder.build(), key)
}

/// Puts a new certificate and its key into `tls.crt` and `tls.key` of an installation.
pub fn put_certificate(installation: &Installation) -> X509 {
    let (certificate, key) = certificate();
    let pem = |bytes: Vec<u8>| String::from_utf8(bytes).expect("PEM");
    installation.file("tls.crt", &pem(certificate.to_pem().expect("PEM")));
    installation.file("tls.key", &pem(key.private_key_to_pem_pkcs8().expect("PEM")));
    certificate
}
