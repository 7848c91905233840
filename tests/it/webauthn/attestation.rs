//! Which authenticators an application lets in.

use std::sync::Arc;

use tessera::webauthn::{AttestationPolicy, Conveyance, Refusal, TrustAnchors};
use uuid::Uuid;

use super::ceremonies::{ORIGIN, lenient, register};
use crate::support::{
    authenticator::{Authenticator, Page, Statement},
    maker::Maker,
};

const MODEL: [u8; 16] = *b"\xea\x9b\x8d\x66\x4d\x01\x1d\x21\x3c\xe4\xb6\xb4\x8c\xb5\x75\xd4";

fn of(maker: &Maker) -> Authenticator {
    Authenticator { statement: Statement::Of(Box::new(maker.clone())), ..Authenticator::default() }
}

fn taken(authenticator: &Authenticator, policy: &AttestationPolicy) -> Result<Uuid, Refusal> {
    register(&mut authenticator.clone(), &Page::of(ORIGIN), policy).map(|made| made.aaguid)
}

#[test]
fn the_model_is_read_from_the_attestation_of_every_format() {
    let own = Authenticator { statement: Statement::Own, ..Authenticator::default() };
    for authenticator in [Authenticator::default(), own, of(&Maker::of(MODEL))] {
        assert_eq!(taken(&authenticator, &lenient()), Ok(Uuid::from_bytes(MODEL)));
    }
}

#[test]
fn lists_of_models_let_in_and_keep_out() {
    let authenticator = Authenticator::default();
    let (this, another) = ([Uuid::from_bytes(MODEL)], [Uuid::from_bytes([1; 16])]);
    for (allowed, blocked, outcome) in [
        (&this[..], &[][..], Ok(())),
        (&another[..], &[][..], Err(Refusal::Model)),
        (&[][..], &this[..], Err(Refusal::Model)),
        (&[][..], &another[..], Ok(())),
    ] {
        let policy = AttestationPolicy { allowed: allowed.to_vec(), blocked: blocked.to_vec(), ..lenient() };
        assert_eq!(taken(&authenticator, &policy).map(drop), outcome);
    }
}

#[test]
fn where_attestation_is_enforced_nothing_and_its_own_word_are_not_enough() {
    let maker = Maker::of(MODEL);
    let anchors = Arc::new(TrustAnchors::from_pem(&maker.root_pem).expect("anchors"));
    let unanchored = AttestationPolicy { conveyance: Conveyance::Direct, enforced: true, ..lenient() };
    let own = Authenticator { statement: Statement::Own, ..Authenticator::default() };
    // Without anchors nobody's word is believed.
    assert_eq!(taken(&of(&maker), &unanchored), Err(Refusal::NoAttestation));
    for authenticator in [&Authenticator::default(), &own] {
        assert_eq!(taken(authenticator, &unanchored), Err(Refusal::NoAttestation));
        let anchored = AttestationPolicy { anchors: Some(anchors.clone()), ..unanchored.clone() };
        assert_eq!(taken(authenticator, &anchored), Err(Refusal::Attestation));
    }
    let anchored = AttestationPolicy { anchors: Some(anchors), ..unanchored };
    assert_eq!(taken(&of(&maker), &anchored), Ok(Uuid::from_bytes(MODEL)));
}

#[test]
fn with_anchors_only_their_makers_are_believed() {
    let (maker, forger) = (Maker::of(MODEL), Maker::of(MODEL));
    let both = format!("{}{}", Maker::of([1; 16]).root_pem, maker.root_pem);
    let anchors = Arc::new(TrustAnchors::from_pem(&both).expect("anchors"));
    let policy = AttestationPolicy { enforced: true, anchors: Some(anchors.clone()), ..lenient() };
    assert_eq!(taken(&of(&maker), &policy), Ok(Uuid::from_bytes(MODEL)));
    assert_eq!(taken(&of(&forger), &policy), Err(Refusal::Attestation));
    // Where no attestation is demanded, a forged one is as good as none.
    assert!(taken(&of(&forger), &AttestationPolicy { enforced: false, ..policy }).is_ok());
}

#[test]
fn a_maker_attests_its_own_model_only() {
    let another = Maker::of([1; 16]);
    assert_eq!(taken(&of(&another), &lenient()), Err(Refusal::Attestation));
}

#[test]
fn anchors_are_certificates() {
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "none"] {
        assert!(TrustAnchors::from_pem(text).is_err(), "{text}");
    }
}

#[test]
fn synchronised_passkeys_are_taken_only_where_they_are_allowed() {
    let authenticator = Authenticator { synchronised: true, ..Authenticator::default() };
    assert!(taken(&authenticator, &lenient()).is_ok());
    let policy = AttestationPolicy { synchronised: false, ..lenient() };
    assert_eq!(taken(&authenticator, &policy), Err(Refusal::Synchronised));
    assert!(taken(&Authenticator::default(), &policy).is_ok());
}
