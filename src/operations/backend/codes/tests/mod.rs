mod counting;
mod sending;

use std::sync::Mutex;

use super::*;
use crate::{
    domain::{
        environment::Environment,
        login::{IdentifierKind, KnownIdentifier, lockout::LockoutRule, one_time_code::CodePurpose},
        random::SystemRandom,
        user::User,
    },
    store::{
        Store,
        one_time_codes::Sought,
        tenants::{self, Tenant},
        testing::{TestDatabase, on_both_engines},
        {environments, user_identifiers, users},
    },
};

fn with_user(conn: &mut Conn<'_>) -> Result<(), StoreError> {
    tenants::insert(conn, &Tenant { id: "t".into(), name: "t".into(), created_at: 0, enabled: true })?;
    for id in ["e", "other"] {
        let environment = Environment {
            id: id.into(),
            tenant_id: "t".into(),
            name: id.into(),
            is_default: false,
            enabled: true,
            tenant_enabled: true,
            access_token_lifetime: 3600,
        };
        environments::insert(conn, &environment, 0)?;
    }
    let user = User {
        id: "ada".into(),
        email: None,
        name: None,
        enabled: true,
        active_profile_id: "profile".into(),
        created_at: 0,
        updated_at: 0,
    };
    users::insert(conn, "e", &user)?;
    user_identifiers::insert(conn, "e", "ada", &address(), 0)
}

fn address() -> KnownIdentifier {
    KnownIdentifier {
        kind: IdentifierKind::Email,
        application_id: String::new(),
        value: "ada@example.com".into(),
        shown: "ada@example.com".into(),
        is_primary: true,
        verified_at: None,
    }
}

fn wanted(channel: CodeChannel) -> NewCode {
    NewCode {
        binding: CodeBinding {
            user_id: "ada".into(),
            application_id: "app".into(),
            client_id: "web".into(),
            purpose: CodePurpose::SignIn,
            channel,
        },
        any_client: false,
        named_as: named_as("email", "ada@example.com"),
        address: Some(CodeAddress { value: "ada@example.com".into(), is_own: channel != CodeChannel::Sms }),
        with_request_id: false,
        length: 6,
        max_failures: 3,
        lifetime: 60,
        details: CodeDetails::default(),
    }
}

/// Keeps one that is made at second 100.
fn kept(store: &Store, key: &MasterKey, new: NewCode) -> MadeCode {
    let made = make(&SystemRandom, key, new, 100).expect("a code");
    store.transact(|conn| keep_in(conn, "e", &made.kept, &[])).expect("kept");
    made
}

/// Another code than this.
fn wrong(made: &MadeCode) -> &'static str {
    if made.secret.reveal() == "000000" { "000001" } else { "000000" }
}

/// Three wrong ones lock for ten minutes.
fn rule() -> LockoutRule {
    LockoutRule { max_failures: 3, lock_seconds: 600, failures_expire_seconds: Some(600), tiers: Vec::new() }
}

struct Caller {
    environment: &'static str,
    application: &'static str,
    client: &'static str,
    purpose: CodePurpose,
    identifier: &'static str,
    request_id: Option<Secret>,
}

const CALLER: Caller = Caller {
    environment: "e",
    application: "app",
    client: "web",
    purpose: CodePurpose::SignIn,
    identifier: "ada@example.com",
    request_id: None,
};

impl Caller {
    fn guess(&self, store: &Store, key: &MasterKey, passcode: &str, now: i64) -> Guess {
        let named = named_as("email", self.identifier);
        let request_hash = self.request_id.as_ref().map(|id| id.hash().to_hex());
        let sought = Sought {
            environment_id: self.environment,
            user_id: "ada",
            application_id: self.application,
            client_id: self.client,
            purpose: self.purpose,
            named_as: &named,
            request_hash: request_hash.as_deref(),
        };
        let passcode = Secret::new(passcode);
        let channels = CodeChannel::TYPED.map(|channel| (channel, rule()));
        let presented = Presented { sought, channels: &channels, passcode: &passcode };
        store.transact(|conn| guess_in(conn, key, &presented, now)).expect("a guess")
    }

    fn redeem(&self, store: &Store, code: &Secret, now: i64) -> Option<OneTimeCode> {
        let presented = LinkPresented {
            environment_id: self.environment,
            application_id: self.application,
            client_id: self.client,
            purpose: self.purpose,
            code,
            request_id: self.request_id.as_ref(),
        };
        let redeem = |conn: &mut Conn<'_>| -> Result<Option<OneTimeCode>, StoreError> {
            let Some(code) = find_link_in(conn, &presented, now)? else { return Ok(None) };
            Ok(one_time_codes::take(conn, &code.id, now)?.then_some(code))
        };
        store.transact(redeem).expect("the database")
    }
}

fn is_right(guess: &Guess) -> bool {
    matches!(guess, Guess::Right(_))
}

fn prepared(test: impl Fn(&TestDatabase, &MasterKey)) {
    on_both_engines(|database| {
        database.store.transact(with_user).expect("rows");
        test(database, &MasterKey::generate(&SystemRandom).expect("random source"));
    });
}

/// What so many threads at once get.
fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (barrier, results) = (std::sync::Barrier::new(count), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for number in 0..count {
            let (barrier, results, work) = (&barrier, &results, &work);
            scope.spawn(move || {
                barrier.wait();
                let result = work(number);
                results.lock().expect("no panic").push(result);
            });
        }
    });
    results.into_inner().expect("no panic")
}

#[test]
fn a_code_is_good_once_and_only_for_whom_it_was_made() {
    prepared(|database, key| {
        let store = &database.store;
        let made = kept(store, key, wanted(CodeChannel::Email));
        let code = made.secret.reveal();
        for caller in [
            Caller { environment: "other", ..CALLER },
            Caller { application: "another", ..CALLER },
            Caller { client: "another", ..CALLER },
            Caller { purpose: CodePurpose::PasswordReset, ..CALLER },
            Caller { identifier: "ada@example.org", ..CALLER },
            Caller { request_id: Some(Secret::new("x")), ..CALLER },
        ] {
            // As often as they like: it takes nothing off.
            for _ in 0..5 {
                assert_eq!(caller.guess(store, key, code, 100), Guess::Wrong);
            }
        }
        assert!(is_right(&CALLER.guess(store, key, code, 159)));
        assert_eq!(CALLER.guess(store, key, code, 159), Guess::Wrong);
        assert_eq!(database.count("one_time_codes", "true"), 0);
    });
}

#[test]
fn a_code_ends_in_its_second_and_after_its_last_guess() {
    prepared(|database, key| {
        let store = &database.store;
        let made = kept(store, key, wanted(CodeChannel::Sms));
        assert_eq!(CALLER.guess(store, key, made.secret.reveal(), 160), Guess::Expired);
        assert_eq!(CALLER.guess(store, key, wrong(&made), 160), Guess::Expired);
        for _ in 0..3 {
            assert_eq!(CALLER.guess(store, key, wrong(&made), 159), Guess::Wrong);
        }
        assert_eq!(CALLER.guess(store, key, made.secret.reveal(), 159), Guess::Locked);
        assert_eq!(CALLER.guess(store, key, made.secret.reveal(), 160), Guess::Locked);
    });
}

#[test]
fn however_many_guess_at_once_no_more_are_looked_at_than_allowed() {
    prepared(|database, key| {
        let store = &database.store;
        let made = kept(store, key, wanted(CodeChannel::Email));
        let guesses = at_once(16, |_| CALLER.guess(store, key, wrong(&made), 100));
        assert_eq!(guesses.iter().filter(|guess| **guess == Guess::Wrong).count(), 3);
        assert_eq!(guesses.iter().filter(|guess| **guess == Guess::Locked).count(), 13);
        assert_eq!(CALLER.guess(store, key, made.secret.reveal(), 100), Guess::Locked);
    });
}

#[test]
fn of_those_who_redeem_at_once_one_gets_it() {
    prepared(|database, key| {
        let store = &database.store;
        for _ in 0..10 {
            let made = kept(store, key, NewCode { max_failures: 20, ..wanted(CodeChannel::Email) });
            let guesses = at_once(4, |_| CALLER.guess(store, key, made.secret.reveal(), 100));
            assert_eq!(guesses.iter().filter(|guess| is_right(guess)).count(), 1, "{guesses:?}");
            let made = kept(store, key, wanted(CodeChannel::Link));
            let redeemed = at_once(4, |_| CALLER.redeem(store, &made.secret, 100));
            assert_eq!(redeemed.iter().flatten().count(), 1);
        }
    });
}

#[test]
fn a_link_is_good_once_and_only_for_whom_it_was_made() {
    prepared(|database, key| {
        let store = &database.store;
        let made = kept(store, key, NewCode { with_request_id: true, ..wanted(CodeChannel::Link) });
        let own = || Caller { request_id: made.request_id.clone(), ..CALLER };
        for caller in [
            CALLER,
            Caller { request_id: Some(made.secret.clone()), ..CALLER },
            Caller { environment: "other", ..own() },
            Caller { application: "another", ..own() },
            Caller { client: "another", ..own() },
            Caller { purpose: CodePurpose::PasswordReset, ..own() },
        ] {
            assert_eq!(caller.redeem(store, &made.secret, 100), None);
        }
        assert_eq!(own().redeem(store, &made.secret, 160), None, "expired");
        assert_eq!(own().redeem(store, &Secret::new("tsl_"), 159), None);
        assert_eq!(own().redeem(store, &made.secret, 159), Some(made.kept.clone()));
        assert_eq!(own().redeem(store, &made.secret, 159), None);
    });
}

#[test]
fn what_was_sent_to_an_address_that_the_user_has_no_more_is_dead() {
    prepared(|database, key| {
        let store = &database.store;
        let (code, link) = (kept(store, key, wanted(CodeChannel::Email)), kept(store, key, wanted(CodeChannel::Link)));
        store.transact(|conn| user_identifiers::remove(conn, "e", "ada", &address())).expect("removed");
        assert_eq!(CALLER.guess(store, key, code.secret.reveal(), 100), Guess::Wrong);
        assert_eq!(CALLER.redeem(store, &link.secret, 100), None);
    });
}

#[test]
fn other_clients_of_the_application_redeem_what_is_for_all_of_them() {
    prepared(|database, key| {
        let store = &database.store;
        let caller = Caller { client: "another", ..CALLER };
        let made = kept(store, key, NewCode { any_client: true, ..wanted(CodeChannel::Email) });
        assert!(is_right(&caller.guess(store, key, made.secret.reveal(), 100)));
        let made = kept(store, key, NewCode { any_client: true, ..wanted(CodeChannel::Link) });
        assert!(caller.redeem(store, &made.secret, 100).is_some());
    });
}

#[test]
fn a_newer_one_takes_the_place_of_the_older_of_its_channel_alone() {
    prepared(|database, key| {
        let store = &database.store;
        let older = kept(store, key, wanted(CodeChannel::Link));
        let sms = kept(store, key, wanted(CodeChannel::Sms));
        let made = at_once(4, |_| kept(store, key, wanted(CodeChannel::Link)));
        assert_eq!(database.count("one_time_codes", "true"), 2);
        assert_eq!(CALLER.redeem(store, &older.secret, 100), None);
        assert_eq!(made.iter().filter_map(|made| CALLER.redeem(store, &made.secret, 100)).count(), 1);
        assert!(is_right(&CALLER.guess(store, key, sms.secret.reveal(), 100)));
    });
}

#[test]
fn codes_are_kept_so_that_the_database_alone_does_not_give_them_away() {
    prepared(|database, key| {
        let made = kept(&database.store, key, wanted(CodeChannel::Email));
        let plain = made.secret.hash().to_hex();
        assert_eq!(database.count("one_time_codes", &format!("secret_hash = '{plain}'")), 0);
        let another = MasterKey::generate(&SystemRandom).expect("random source");
        assert_eq!(CALLER.guess(&database.store, &another, made.secret.reveal(), 100), Guess::Wrong);
    });
}

#[test]
fn what_has_expired_is_swept() {
    prepared(|database, key| {
        let store = &database.store;
        kept(store, key, wanted(CodeChannel::Email));
        assert!(!store.transact(|conn| one_time_codes::sweep(conn, 159)).expect("the database"));
        assert_eq!(database.count("one_time_codes", "true"), 1);
        assert!(!store.transact(|conn| one_time_codes::sweep(conn, 160)).expect("the database"));
        assert_eq!(database.count("one_time_codes", "true"), 0);
    });
}
