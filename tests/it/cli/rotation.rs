//! The whole life of a key, on a clock that the test sets: published, active, retired, removed.

use tessera::{
    app,
    domain::{environment::SigningAlg, random::SystemRandom},
    operations::{
        keys::{KeyMaker, rotate},
        lookup::EnvironmentLookup,
        operator::{Operator, SERVER},
    },
    settings::Settings,
};

use crate::{
    both_engines,
    support::{
        BFF, DEMO, TestServer,
        tokens::{exchange, user_token},
    },
};

const JWKS_MAX_AGE: i64 = 300;
/// How long a node may take to hear of a key.
const MARGIN: i64 = 5;
/// What the demo's tokens live, and what clocks may differ.
const LIFETIME: i64 = 3600;
const LEEWAY: i64 = 10;

/// `tessera keys rotate` at the time of the test's clock.
fn rotate_now(server: &TestServer) -> String {
    use tessera::domain::clock::Clock as _;
    let settings = Settings::load(None, server.variables().clone().into_iter()).expect("settings");
    let store = app::open_store(&settings).expect("the database");
    let master_key = app::master_key(&settings.keys, &SystemRandom).expect("a master key");
    let maker = KeyMaker {
        master_key: &master_key,
        random: &SystemRandom,
        default_alg: SigningAlg::ES256,
        jwks_max_age: JWKS_MAX_AGE,
        now: server.clock.now(),
        operator: Operator { name: SERVER, random: &SystemRandom, now_ms: server.clock.now_millis() },
    };
    rotate(&store, &maker, &EnvironmentLookup(None), SigningAlg::ES256).expect("a new key").kid
}

fn published(server: &TestServer) -> Vec<String> {
    let keys = server.get("/.well-known/jwks.json").json();
    let keys = keys["keys"].as_array().expect("keys");
    let signing = keys.iter().filter(|key| key["alg"] == "ES256");
    signing.map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

fn issue(server: &TestServer) -> (String, String) {
    let token = server.token(BFF, &[("grant_type", "client_credentials")]).access_token();
    let kid = jsonwebtoken::decode_header(&token).expect("a header").kid.expect("kid");
    (token, kid)
}

both_engines! {
    /// TE-096: nobody meets a token under a key that he cannot have, and no good token is refused.
    fn a_key_is_known_before_it_signs_and_until_its_last_token_has_expired(engine) {
        let server = TestServer::start(engine);
        let (_, old) = issue(&server);

        let new = rotate_now(&server);
        server.eventually("both to be published", || published(&server) == [old.clone(), new.clone()]);

        server.clock.advance(JWKS_MAX_AGE + MARGIN - 1);
        assert_eq!(issue(&server).1, old, "a verifier may still have the key set of before");
        server.clock.advance(1);
        assert_eq!(issue(&server).1, new);
        assert_eq!(published(&server), [new.clone(), old.clone()]);

        server.clock.advance(LIFETIME + LEEWAY - 1);
        assert_eq!(published(&server), [new.clone(), old.clone()], "a token of its last second may be in use");
        server.clock.advance(1);
        assert_eq!(published(&server), std::slice::from_ref(&new));

        let next = rotate_now(&server);
        server.eventually("the next one to be published", || published(&server) == [new.clone(), next.clone()]);
        let left = server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM signing_keys WHERE alg = 'ES256'");
        assert_eq!(left, "2", "the private half of a removed key is deleted");
    }

    fn a_token_under_a_retired_key_can_be_exchanged_until_it_expires(engine) {
        let server = TestServer::start(engine);
        let (_, old) = issue(&server);
        let subject = user_token(&server);
        server.clock.catch_up();
        rotate_now(&server);
        server.clock.advance(JWKS_MAX_AGE + MARGIN);
        server.eventually("the next key to sign", || issue(&server).1 != old);
        exchange(&server, &subject, &[("audience", "resource-api")]).access_token();
        server.clock.advance(LIFETIME);
        exchange(&server, &subject, &[("audience", "resource-api")])
            .assert_refused(400, "invalid_request", "subject_token_refused");
    }

    /// What a token was promised when it was made holds, also when tokens made later live shorter.
    fn a_token_from_before_its_lifetime_was_lowered_lives_on_through_a_rotation(engine) {
        let server = TestServer::start(engine);
        let (_, old) = issue(&server);
        let subject = user_token(&server);
        server.clock.catch_up();
        server.apply(&DEMO.replace("access_token_lifetime = 3600", "access_token_lifetime = 60"));
        rotate_now(&server);
        server.clock.advance(JWKS_MAX_AGE + MARGIN + 60 + LEEWAY);
        server.eventually("the next key to sign", || issue(&server).1 != old);
        assert!(published(&server).contains(&old));
        exchange(&server, &subject, &[("audience", "resource-api")]).access_token();
        server.clock.advance(LIFETIME + LEEWAY);
        server.eventually("the key to be gone", || !published(&server).contains(&old));
    }
}
