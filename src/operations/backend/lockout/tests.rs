use super::*;
use crate::{
    domain::user::User,
    store::{
        Store, environments, tenants,
        testing::{TestDatabase, on_both_engines},
        users,
    },
};

const TOTP: Authenticator = Authenticator::Totp;

fn rule(max_failures: u32) -> LockoutRule {
    LockoutRule { max_failures, lock_seconds: 60, failures_expire_seconds: None, tiers: Vec::new() }
}

fn with_users(store: &Store) {
    let tenant = tenants::Tenant { id: "tenant".to_owned(), name: "Tenant".to_owned(), created_at: 1, enabled: true };
    let environment = crate::domain::environment::Environment {
        id: "one".to_owned(),
        tenant_id: "tenant".to_owned(),
        name: "one".to_owned(),
        is_default: false,
        enabled: true,
        tenant_enabled: true,
        access_token_lifetime: 60,
    };
    store
        .transact(|conn| -> Result<(), StoreError> {
            tenants::insert(conn, &tenant)?;
            environments::insert(conn, &environment, 1)?;
            for id in ["ann", "bob"] {
                let user = User {
                    id: id.to_owned(),
                    email: None,
                    name: None,
                    enabled: true,
                    active_profile_id: format!("profile of {id}"),
                    created_at: 1,
                    updated_at: 1,
                };
                users::insert(conn, "one", &user)?;
            }
            Ok(())
        })
        .expect("users");
}

fn one_claim(store: &Store, holder: &Holder, rule: &LockoutRule, now: i64) -> Claim {
    // A busy database is asked again: what is counted here is looks, not luck.
    loop {
        match store.transact(|conn| claim(conn, holder, TOTP, rule, now)) {
            Ok(claim) => return claim,
            Err(error) => assert!(error.is_unavailable(), "{error}"),
        }
    }
}

/// Each thread has a pool of its own, as a node has.
fn looks_at_once(database: &TestDatabase, holder: &Holder, rule: &LockoutRule, now: i64) -> usize {
    std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let node = Store::open(&database.options).expect("a node");
                    (0..10).filter(|_| one_claim(&node, holder, rule, now) == Claim::Go).count()
                })
            })
            .collect();
        nodes.into_iter().map(|node| node.join().expect("no panic")).sum()
    })
}

#[test]
fn sixty_guesses_at_once_over_six_nodes_get_exactly_the_looks_of_the_rule() {
    on_both_engines(|database| {
        with_users(&database.store);
        for holder in [Holder::from("ann"), Holder::nobody("one", "nobody@example.com")] {
            assert_eq!(looks_at_once(database, &holder, &rule(5), 100), 5);
            assert_eq!(looks_at_once(database, &holder, &rule(5), 159), 0);
            assert_eq!(looks_at_once(database, &holder, &rule(5), 160), 5);
        }
        let tiers = vec![Tier { attempts: 3, lock_seconds: 60 }, Tier { attempts: 7, lock_seconds: 60 }];
        let tiers = LockoutRule { tiers, ..rule(1) };
        let bob = Holder::from("bob");
        let looks = [100, 160, 220, 10_000].map(|now| looks_at_once(database, &bob, &tiers, now));
        assert_eq!(looks, [3, 4, 1, 0]);
    });
}

#[test]
fn kinds_and_users_are_counted_apart_and_a_right_answer_clears_its_own() {
    on_both_engines(|database| {
        with_users(&database.store);
        let locked = Claim::Locked { until: Some(160) };
        let outcome = database.store.transact(|conn| {
            assert_eq!(claim(conn, "ann", TOTP, &rule(1), 100)?, Claim::Go);
            assert_eq!(claim(conn, "ann", TOTP, &rule(1), 100)?, locked);
            assert_eq!(claim(conn, "ann", Authenticator::Password, &rule(1), 100)?, Claim::Go);
            assert_eq!(claim(conn, "bob", TOTP, &rule(1), 100)?, Claim::Go);
            failed(conn, "ann", TOTP, 101)?;
            succeeded(conn, "bob", TOTP, "app", 102)?;
            assert_eq!(claim(conn, "bob", TOTP, &rule(1), 102)?, Claim::Go);
            assert_eq!(claim(conn, "ann", TOTP, &rule(1), 102)?, locked);
            let of_ann = attempts::of_user(conn, "ann")?;
            assert_eq!(of_ann.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["password", "totp"]);
            assert_eq!(of_ann[1].1.last_failed_at, Some(101));
            let of_bob = attempts::of_user(conn, "bob")?;
            assert_eq!((of_bob[0].1.last_succeeded_at, of_bob[0].1.last_failed_at), (Some(102), None));
            assert!(unlock(conn, "ann", TOTP, UnlockKind::Any, 103)?);
            assert!(!unlock(conn, "ann", TOTP, UnlockKind::Any, 103)?);
            assert_eq!(claim(conn, "ann", TOTP, &rule(1), 103)?, Claim::Go);
            Ok(())
        });
        outcome.unwrap_or_else(|error: StoreError| panic!("{error}"));
    });
}

#[test]
fn what_is_nobodys_is_forgotten_in_time_and_what_is_a_users_goes_with_the_user() {
    on_both_engines(|database| {
        with_users(&database.store);
        let nobody = Holder::nobody("one", "nobody@example.com");
        assert_ne!(nobody, Holder::nobody("two", "nobody@example.com"));
        assert_ne!(Holder::nobody("a", "bc"), Holder::nobody("ab", "c"));
        let outcome = database.store.transact(|conn| {
            assert_eq!(claim(conn, &nobody, TOTP, &rule(1), 100)?, Claim::Go);
            assert_eq!(claim(conn, "ann", TOTP, &rule(1), 100)?, Claim::Go);
            assert!(!attempts::sweep(conn, 100)?);
            assert_ne!(claim(conn, &nobody, TOTP, &rule(1), 100)?, Claim::Go);
            assert!(!attempts::sweep(conn, 101)?);
            assert_eq!(claim(conn, &nobody, TOTP, &rule(1), 100)?, Claim::Go);
            assert_ne!(claim(conn, "ann", TOTP, &rule(1), 100)?, Claim::Go);
            users::delete(conn, "one", "ann")?;
            assert_eq!(attempts::of_user(conn, "ann")?, []);
            Ok(())
        });
        outcome.unwrap_or_else(|error: StoreError| panic!("{error}"));
        assert_eq!(database.count("authenticator_attempts", "holder LIKE '%example%'"), 0, "identifiers are not kept");
    });
}
