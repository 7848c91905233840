//! What `src/webauthn` takes and refuses, without a server around it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tessera::{
    domain::random::{Random, RandomError, SystemRandom},
    webauthn::{
        Assertion, AttestationPolicy, AuthenticationCeremony, AuthenticationOffer, Conveyance, Credential,
        EncodedResult, KeyOffer, NewKey, Refusal, Registered, Registrant, RegistrationCeremony, RelyingParty, SignedIn,
    },
};

use crate::support::authenticator::{Authenticator, Page, encoded, to_json};

/// Where the application's page is.
pub(super) const ORIGIN: &str = "https://login.shop.example";
/// What the authenticator keeps.
pub(super) const HANDLE: &[u8] = b"a handle of 16 b";

/// Of `shop.example`.
pub(super) fn relying_party() -> RelyingParty {
    let origins = [ORIGIN.to_owned(), "android:apk-key-hash:Zx-9_A".to_owned()];
    RelyingParty::new("Shop", "shop.example", &origins, Duration::from_secs(300)).expect("a relying party")
}

/// Takes every authenticator.
pub(super) fn lenient() -> AttestationPolicy {
    AttestationPolicy {
        conveyance: Conveyance::None,
        enforced: false,
        synchronised: true,
        allowed: Vec::new(),
        blocked: Vec::new(),
        anchors: None,
    }
}

pub(super) fn begin(policy: &AttestationPolicy, excluded: &[Vec<u8>]) -> (Value, RegistrationCeremony) {
    let who = Registrant { handle: HANDLE, username: "ada", display_name: "Ada", excluded };
    let begun = relying_party().begin_registration(&SystemRandom, &who, policy).expect("a ceremony");
    (key_options(&begun.offer), begun.ceremony)
}

fn key_options(offer: &KeyOffer) -> Value {
    json!({
        "challenge": STANDARD.encode(&offer.challenge), "rp": { "id": offer.rp_id, "name": offer.rp_name },
        "user": { "id": STANDARD.encode(HANDLE), "name": "ada", "displayName": "Ada" },
    })
}

fn login_options(offer: &AuthenticationOffer) -> Value {
    json!({ "challenge": STANDARD.encode(&offer.challenge), "rpId": offer.rp_id, "allowCredentials": [] })
}

pub(super) fn key(credential: &Value) -> NewKey {
    EncodedResult::read(&encoded("an id", credential)).expect("readable").new_key().expect("a new key")
}

fn assertion(credential: &Value) -> Assertion {
    EncodedResult::read(&encoded("an id", credential)).expect("readable").assertion().expect("an assertion")
}

/// Registers a key of an authenticator.
pub(super) fn register(
    authenticator: &mut Authenticator,
    page: &Page,
    policy: &AttestationPolicy,
) -> Result<Registered, Refusal> {
    let (options, ceremony) = begin(policy, &[]);
    let created = authenticator.create(&options, page);
    relying_party().finish_registration(&ceremony, key(&created), policy)
}

pub(super) fn registered(authenticator: &mut Authenticator) -> Registered {
    register(authenticator, &Page::of(ORIGIN), &lenient()).expect("a credential")
}

fn begin_login(is_known: bool) -> (Value, AuthenticationCeremony) {
    let named = is_known.then_some(&[][..]);
    let (offer, ceremony) = relying_party().begin_authentication(&SystemRandom, named, None).expect("a ceremony");
    assert_eq!(offer.verification_required, !is_known);
    (login_options(&offer), ceremony)
}

fn login(
    authenticator: &mut Authenticator,
    page: &Page,
    (credential, counter): (&Credential, u32),
    is_known: bool,
) -> Result<SignedIn, Refusal> {
    login_where(authenticator, page, (credential, counter), is_known, false)
}

fn login_where(
    authenticator: &mut Authenticator,
    page: &Page,
    (credential, counter): (&Credential, u32),
    is_known: bool,
    may_synchronise: bool,
) -> Result<SignedIn, Refusal> {
    let (options, ceremony) = begin_login(is_known);
    let got = assertion(&authenticator.get(&options, page));
    let stored = (credential, counter);
    relying_party().finish_authentication(&ceremony, got, stored, (HANDLE, is_known), may_synchronise)
}

#[test]
fn a_credential_is_made_and_used_with_and_without_a_name() {
    let mut authenticator = Authenticator::default();
    let made = registered(&mut authenticator);
    assert_eq!((made.credential.id(), made.counter, made.is_platform), (&authenticator.held[0].id[..], 0, true));
    // As it comes back from the database.
    let kept: Credential =
        serde_json::from_str(&serde_json::to_string(&made.credential).expect("JSON")).expect("the same credential");
    let first = login(&mut authenticator, &Page::of(ORIGIN), (&kept, made.counter), true).expect("a login");
    assert_eq!((first.counter, first.user_verified), (1, true));
    let second = login(&mut authenticator, &Page::of(ORIGIN), (&first.credential, first.counter), false);
    assert_eq!(second.expect("a login").counter, 2);
    let app = Page::of("android:apk-key-hash:Zx-9_A");
    assert_eq!(login(&mut authenticator, &app, (&kept, 2), true).expect("a login of the app").counter, 3);
}

#[test]
fn the_form_of_to_json_is_read_like_that_of_the_sdk() {
    let mut authenticator = Authenticator::default();
    let (options, ceremony) = begin(&lenient(), &[]);
    let created = to_json(&authenticator.create(&options, &Page::of(ORIGIN)));
    let made = relying_party().finish_registration(&ceremony, key(&created), &lenient()).expect("a credential");
    let (options, ceremony) = begin_login(false);
    let got = to_json(&authenticator.get(&options, &Page::of(ORIGIN)));
    let done = relying_party().finish_authentication(
        &ceremony,
        assertion(&got),
        (&made.credential, made.counter),
        (HANDLE, false),
        false,
    );
    assert_eq!(done.expect("a login").counter, 1);
}

#[test]
fn a_counter_that_does_not_rise_above_the_stored_one_is_a_clone() {
    let mut authenticator = Authenticator::default();
    let made = registered(&mut authenticator);
    let mut clone = authenticator.clone();
    let page = Page::of(ORIGIN);
    let first = login(&mut authenticator, &page, (&made.credential, made.counter), true).expect("a login");
    assert_eq!(first.counter, 1);
    for stored in [1, 2, u32::MAX] {
        let refused = login(&mut clone.clone(), &page, (&made.credential, stored), true);
        assert_eq!(refused.expect_err("a clone"), Refusal::Cloned, "{stored}");
    }
    // One that had a counter and has none any more is none of ours either.
    clone.counts = false;
    assert_eq!(login(&mut clone, &page, (&made.credential, 1), true).expect_err("a clone"), Refusal::Cloned);
    // One that never had one is not asked.
    let mut without = Authenticator { counts: false, ..Authenticator::default() };
    let made = registered(&mut without);
    for _ in 0..2 {
        assert_eq!(login(&mut without, &page, (&made.credential, 0), true).expect("a login").counter, 0);
    }
}

#[test]
fn what_was_said_to_another_page_domain_or_challenge_is_refused_in_both_ceremonies() {
    let page = Page::of(ORIGIN);
    let twisted = [
        (Page::of("https://login.shop.example.evil.example"), Refusal::Origin),
        (Page::of("https://shop.example"), Refusal::Origin),
        (Page::of("https://login.shop.example/path"), Refusal::Origin),
        (Page::of("http://login.shop.example"), Refusal::Origin),
        (Page { cross_origin: true, ..page.clone() }, Refusal::CrossOrigin),
        (Page { challenge: Some(vec![7; 32]), ..page.clone() }, Refusal::Challenge),
        (Page { challenge: Some(Vec::new()), ..page.clone() }, Refusal::Challenge),
        (Page { rp_id: Some("evil.example".to_owned()), ..page.clone() }, Refusal::RelyingParty),
    ];
    let mut authenticator = Authenticator::default();
    let made = registered(&mut authenticator);
    for (page, refusal) in twisted {
        let refused = register(&mut Authenticator::default(), &page, &lenient());
        assert_eq!(refused.expect_err("a refusal"), refusal, "{}", page.origin);
        let refused = login(&mut authenticator, &page, (&made.credential, 0), true);
        assert_eq!(refused.expect_err("a refusal"), refusal, "{}", page.origin);
    }
}

#[test]
fn the_answer_to_one_kind_of_ceremony_is_none_to_the_other() {
    let mut authenticator = Authenticator::default();
    let (options, _) = begin(&lenient(), &[]);
    let created = authenticator.create(&options, &Page::of(ORIGIN));
    let result = EncodedResult::read(&encoded("an id", &created)).expect("readable");
    assert_eq!(result.assertion().expect_err("no signature"), Refusal::Unreadable);
    let (options, _) = begin_login(true);
    let got = authenticator.get(&options, &Page::of(ORIGIN));
    let result = EncodedResult::read(&encoded("an id", &got)).expect("readable");
    assert_eq!(result.new_key().expect_err("no key"), Refusal::Unreadable);
}

#[test]
fn verification_is_never_less_than_at_registration_and_demanded_where_nobody_was_named() {
    let page = Page::of(ORIGIN);
    let mut authenticator = Authenticator::default();
    let made = registered(&mut authenticator);
    authenticator.verifies = false;
    let refused = login(&mut authenticator, &page, (&made.credential, 0), true);
    assert_eq!(refused.expect_err("a downgrade"), Refusal::NotVerified);
    authenticator.present = false;
    let refused = login(&mut authenticator, &page, (&made.credential, 0), true);
    assert_eq!(refused.expect_err("nobody there"), Refusal::NotPresent);

    // A security key without a PIN is a factor for whom is named, and names nobody.
    let mut bare = Authenticator { verifies: false, ..Authenticator::default() };
    let made = registered(&mut bare);
    let done = login(&mut bare, &page, (&made.credential, 0), true).expect("a login");
    assert!(!done.user_verified);
    let refused = login(&mut bare, &page, (&made.credential, 1), false);
    assert_eq!(refused.expect_err("found on the street"), Refusal::NotVerified);
}

#[test]
fn the_user_handle_is_that_of_the_credential_and_demanded_where_nobody_was_named() {
    let page = Page::of(ORIGIN);
    let mut authenticator = Authenticator::default();
    let made = registered(&mut authenticator);
    authenticator.says_user = false;
    assert!(login(&mut authenticator, &page, (&made.credential, 0), true).is_ok());
    let refused = login(&mut authenticator, &page, (&made.credential, 1), false);
    assert_eq!(refused.expect_err("nobody named"), Refusal::UserHandle);
    authenticator.says_user = true;
    authenticator.held[0].user_handle = b"another user's".to_vec();
    for is_known in [true, false] {
        let refused = login(&mut authenticator, &page, (&made.credential, 1), is_known);
        assert_eq!(refused.expect_err("another user"), Refusal::UserHandle);
    }
}

#[test]
fn a_signature_by_another_key_or_for_another_credential_is_refused() {
    let page = Page::of(ORIGIN);
    let (mut mine, mut other) = (Authenticator::default(), Authenticator::default());
    let (made, others) = (registered(&mut mine), registered(&mut other));
    // The other's key under my credential's id.
    other.held[0].id.clone_from(&mine.held[0].id);
    let refused = login(&mut other, &page, (&made.credential, 0), true);
    assert_eq!(refused.expect_err("another key"), Refusal::Signature);
    let refused = login(&mut mine, &page, (&others.credential, 0), true);
    assert_eq!(refused.expect_err("another credential"), Refusal::Credential);
}

#[test]
fn a_device_bound_credential_becomes_synchronised_only_where_that_is_allowed_and_never_bound_again() {
    let page = Page::of(ORIGIN);
    let mut authenticator = Authenticator::default();
    let made = registered(&mut authenticator);
    authenticator.synchronised = true;
    let refused = login(&mut authenticator, &page, (&made.credential, 0), true);
    assert_eq!(refused.expect_err("it was copied"), Refusal::BackupChanged);
    // A flag that nobody signed changes nothing.
    let mut forger = authenticator.clone();
    forger.held[0] = {
        let mut other = Authenticator::default();
        registered(&mut other);
        other.held[0].id.clone_from(&authenticator.held[0].id);
        other.held.remove(0)
    };
    let forged = login_where(&mut forger, &page, (&made.credential, 0), true, true);
    assert_eq!(forged.expect_err("another key"), Refusal::Signature);
    let done = login_where(&mut authenticator, &page, (&made.credential, 0), true, true).expect("a login");
    // It is kept: from now on the credential is one that is copied, wherever that is looked at.
    let later = login(&mut authenticator, &page, (&done.credential, done.counter), true).expect("a login");
    authenticator.synchronised = false;
    for may_synchronise in [true, false] {
        let stored = (&later.credential, later.counter);
        let refused = login_where(&mut authenticator, &page, stored, true, may_synchronise);
        assert_eq!(refused.expect_err("bound again"), Refusal::BackupChanged);
    }
}

// A browser may skip what is only wished for, and the answer would be refused.
#[test]
fn verification_is_asked_for_where_all_that_are_named_demand_it() {
    let verified = registered(&mut Authenticator::default()).credential;
    let bare = registered(&mut Authenticator { verifies: false, ..Authenticator::default() }).credential;
    for (named, demanded) in [
        (None, true),
        (Some(vec![]), false),
        (Some(vec![verified.clone()]), true),
        (Some(vec![verified.clone(), verified.clone()]), true),
        (Some(vec![bare.clone()]), false),
        (Some(vec![verified, bare]), false),
    ] {
        let begun = relying_party().begin_authentication(&SystemRandom, named.as_deref(), None).expect("a ceremony");
        assert_eq!(begun.0.verification_required, demanded);
    }
}

// Level 2 §2.1.1: what browsers and servers do not know is as if it were not there.
#[test]
fn what_is_null_or_a_word_of_tomorrow_is_absent() {
    let page = Page::of(ORIGIN);
    for (hint, transports) in [
        (json!(null), json!(null)),
        (json!("implanted"), json!(["telepathy", "smart-card", "internal", 7, null])),
        (json!(7), json!("usb")),
        (json!({}), json!([])),
    ] {
        let mut authenticator = Authenticator::default();
        let (options, ceremony) = begin(&lenient(), &[]);
        let mut created = authenticator.create(&options, &page);
        created["authenticatorAttachment"] = hint.clone();
        created["response"]["transports"] = transports;
        created["clientExtensionResults"] = json!(null);
        let made = relying_party().finish_registration(&ceremony, key(&created), &lenient()).expect("a credential");
        assert!(!made.is_platform, "{hint}");
        let (options, ceremony) = begin_login(true);
        let mut got = authenticator.get(&options, &page);
        got["authenticatorAttachment"] = hint.clone();
        got["response"]["userHandle"] = json!(null);
        let result = json!({ "webauthnSessionId": "an id", "publicKeyCredential": got, "userAgent": hint });
        let result = EncodedResult::read(&STANDARD.encode(result.to_string())).expect("readable");
        let (got, stored) = (result.assertion().expect("an assertion"), (&made.credential, 0));
        assert!(relying_party().finish_authentication(&ceremony, got, stored, (HANDLE, true), false).is_ok(), "{hint}");
    }
}

#[test]
fn the_authenticator_that_holds_one_already_is_excluded() {
    let mut authenticator = Authenticator::default();
    let (options, ceremony) = begin(&lenient(), &[]);
    let created = authenticator.create(&options, &Page::of(ORIGIN));
    let (_, excluding) = begin(&lenient(), &[authenticator.held[0].id.clone()]);
    // Not even with the challenge of that ceremony.
    let mut state = serde_json::to_value(&excluding).expect("JSON");
    state["challenge"] = serde_json::to_value(&ceremony).expect("JSON")["challenge"].clone();
    let excluding: RegistrationCeremony = serde_json::from_value(state).expect("a ceremony");
    assert!(relying_party().finish_registration(&excluding, key(&created), &lenient()).is_err());
    assert!(relying_party().finish_registration(&ceremony, key(&created), &lenient()).is_ok());
}

#[test]
fn what_is_approved_is_what_the_challenge_is_of() {
    let approval = json!({ "amount": "100.00", "to": "Eve" });
    let (offer, _) =
        relying_party().begin_authentication(&SystemRandom, Some(&[]), Some(&approval)).expect("a ceremony");
    let raw = offer.raw_challenge.expect("what is approved");
    assert_eq!(offer.challenge, openssl::sha::sha256(&raw));
    let raw: Value = serde_json::from_slice(&raw).expect("JSON");
    assert_eq!(raw["approval_data"], approval);
    assert_eq!(raw["nonce"].as_str().map(str::len), Some(43));
}

/// The challenge is drawn from the server's source, and what it cannot give is not replaced by something else.
#[test]
fn challenges_come_from_the_random_source_that_is_handed_in() {
    #[derive(Debug)]
    struct Fixed(Option<u8>);
    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
            bytes.fill(self.0.ok_or_else(|| RandomError("empty".to_owned()))?);
            Ok(())
        }
    }
    let who = Registrant { handle: HANDLE, username: "ada", display_name: "Ada", excluded: &[] };
    let begun = relying_party().begin_registration(&Fixed(Some(9)), &who, &lenient()).expect("a ceremony");
    assert_eq!(begun.offer.challenge, [9; 32]);
    assert!(relying_party().begin_registration(&Fixed(None), &who, &lenient()).is_err());
    let (offer, ceremony) = relying_party().begin_authentication(&Fixed(Some(9)), Some(&[]), None).expect("a ceremony");
    assert_eq!(offer.challenge, [9; 32]);
    let state = serde_json::to_value(&ceremony).expect("JSON");
    assert_eq!(state["challenge"], "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk");
    assert!(relying_party().begin_authentication(&Fixed(None), Some(&[]), None).is_err());
}
