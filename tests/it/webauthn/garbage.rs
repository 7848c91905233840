//! Whatever arrives, it is refused and nothing panics: the crates that read CBOR, certificates and keys are not ours.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use tessera::webauthn::{EncodedResult, MAX_ENCODED_RESULT, NewKey, Refusal, RegistrationCeremony};

use super::ceremonies::{ORIGIN, begin, lenient, relying_party};
use crate::support::{
    authenticator::{Authenticator, Page, Statement, encoded},
    maker::Maker,
};

fn read(credential: &Value) -> Result<NewKey, Refusal> {
    EncodedResult::read(&encoded("an id", credential))?.new_key()
}

fn finish(ceremony: &RegistrationCeremony, credential: &Value) -> Result<(), Refusal> {
    relying_party().finish_registration(ceremony, read(credential)?, &lenient()).map(drop)
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let long = "A".repeat(MAX_ENCODED_RESULT + 4);
    assert_eq!(EncodedResult::read(&long).map(drop), Err(Refusal::Unreadable));
    let (options, ceremony) = begin(&lenient(), &[]);
    let created = Authenticator::default().create(&options, &Page::of(ORIGIN));
    for (path, most) in [("/rawId", 1023), ("/response/clientDataJSON", 8192), ("/response/attestationObject", 32768)] {
        let mut credential = created.clone();
        *credential.pointer_mut(path).expect("a member") = STANDARD.encode(vec![b' '; most + 1]).into();
        assert_eq!(finish(&ceremony, &credential), Err(Refusal::Unreadable), "{path}");
    }
}

#[test]
fn the_two_names_of_a_credential_are_one() {
    let (options, ceremony) = begin(&lenient(), &[]);
    let created = Authenticator::default().create(&options, &Page::of(ORIGIN));
    for (member, value) in [("id", "AAAA"), ("rawId", "AAAA"), ("type", "password"), ("rawId", ""), ("id", "")] {
        let mut credential = created.clone();
        credential[member] = value.into();
        assert_eq!(finish(&ceremony, &credential), Err(Refusal::Unreadable), "{member}");
    }
    let mut credential = created.clone();
    (credential["id"], credential["rawId"]) = ("AAAA".into(), "AAAA".into());
    assert_eq!(finish(&ceremony, &credential), Err(Refusal::Malformed));
    assert_eq!(finish(&ceremony, &created), Ok(()));
}

#[test]
fn deeply_nested_values_do_not_exhaust_the_stack() {
    let (options, ceremony) = begin(&lenient(), &[]);
    let created = Authenticator::default().create(&options, &Page::of(ORIGIN));
    for nested in [vec![0x81; 30_000], vec![0x9f; 30_000], vec![0xd8; 30_000], [vec![0x9b], vec![0xff; 8]].concat()] {
        let mut credential = created.clone();
        credential["response"]["attestationObject"] = STANDARD.encode(nested).into();
        assert_eq!(finish(&ceremony, &credential), Err(Refusal::Malformed));
    }
    let mut credential = created.clone();
    credential["response"]["clientDataJSON"] = STANDARD.encode("[".repeat(8000)).into();
    assert_eq!(finish(&ceremony, &credential), Err(Refusal::Malformed));
    let deep = json!({ "webauthnSessionId": "id", "publicKeyCredential": {} }).to_string();
    let deep = deep.replace("{}", &"[".repeat(40_000));
    assert_eq!(EncodedResult::read(&STANDARD.encode(deep)).map(drop), Err(Refusal::Unreadable));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for encoded in [text.clone(), STANDARD.encode(&text), STANDARD.encode(&bytes)] {
            if let Ok(result) = EncodedResult::read(&encoded) {
                let _ = (result.new_key().map(drop), result.assertion().map(drop));
            }
        }
    }

    /// A good answer with some bytes changed, cut or doubled, in every format that it can have.
    #[test]
    fn a_mutilated_registration_is_refused(
        format in 0..3usize, part in 0..2usize, place in any::<prop::sample::Index>(), by in 1..=255u8, cut in any::<bool>(),
    ) {
        let statement = match format {
            0 => Statement::None,
            1 => Statement::Own,
            _ => Statement::Of(Box::new(Maker::of(Authenticator::default().aaguid))),
        };
        let mut authenticator = Authenticator { statement, ..Authenticator::default() };
        let (options, ceremony) = begin(&lenient(), &[]);
        let mut credential = authenticator.create(&options, &Page::of(ORIGIN));
        let member = ["attestationObject", "clientDataJSON"][part];
        let mut bytes = STANDARD.decode(credential["response"][member].as_str().expect("a text")).expect("base64");
        let place = place.index(bytes.len());
        if cut { bytes.truncate(place) } else { bytes[place] ^= by }
        credential["response"][member] = STANDARD.encode(&bytes).into();
        // Without a statement nothing is signed, and without anchors nobody vouches for the maker's certificate: there much may
        // change and be what somebody else says.
        let outcome = finish(&ceremony, &credential);
        let is_signed = format == 1 || format == 2 && part == 1;
        prop_assert!(!is_signed || outcome.is_err(), "{member} at {place}");
        prop_assert!(!cut || outcome.is_err(), "{member} cut at {place}");
    }

    #[test]
    fn an_attestation_of_any_bytes_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (options, ceremony) = begin(&lenient(), &[]);
        let mut credential = Authenticator::default().create(&options, &Page::of(ORIGIN));
        credential["response"]["attestationObject"] = STANDARD.encode(&bytes).into();
        prop_assert!(finish(&ceremony, &credential).is_err());
    }
}
