//! `generateLongLivedToken`: a user's token for weeks, and keys that are there for as long.

use serde_json::{Value, json};
use tessera::{
    app,
    domain::{clock::Clock as _, environment::SigningAlg, random::SystemRandom},
    operations::{
        keys::{KeyMaker, rotate},
        lookup::EnvironmentLookup,
        operator::{Operator, SERVER},
    },
};

use super::{KEY, NOBODY, SERVICE, WEB, Wire, start};
use crate::{
    both_engines,
    support::{Engine, TestServer, guard::Guard, server::load, tokens::peek},
};

const GENERATE: &str = "generateLongLivedToken";
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

fn input(token: &str, seconds: i64) -> Value {
    json!({ "userToken": token, "validityDurationInSeconds": seconds })
}

/// `tessera keys rotate --alg RS256` at the time of the test's clock.
fn rotate_now(server: &TestServer) {
    let settings = load(server.variables());
    let store = app::open_store(&settings).expect("the database");
    let master_key = app::master_key(&settings.keys, &SystemRandom).expect("a master key");
    let maker = KeyMaker {
        master_key: &master_key,
        random: &SystemRandom,
        default_alg: SigningAlg::ES256,
        jwks_max_age: 300,
        now: server.clock.now(),
        operator: Operator { name: SERVER, random: &SystemRandom, now_ms: server.clock.now_millis() },
    };
    rotate(&store, &maker, &EnvironmentLookup(None), SigningAlg::RS256).expect("a new key");
}

/// The ids of the RS256 keys that a node publishes.
fn published(wire: &Wire<'_>) -> Vec<String> {
    let path = format!("/{}/{}/.well-known/jwks.json", wire.tenant_id, wire.environment_id);
    let keys = wire.server.get(&path).json();
    let keys = keys["keys"].as_array().expect("keys").iter().filter(|key| key["alg"] == "RS256");
    keys.map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).expect("a header").kid.expect("kid")
}

both_engines! {
    fn a_long_lived_token_outlives_the_rotation_of_its_key_on_every_node(engine) {
        let server = start(engine);
        let node = server.another_node();
        let wire = Wire::of(&server);
        let elsewhere = wire.on(&node);
        let short = wire.end_user("ada");
        let long = wire.token(GENERATE, &input(&short, 90 * DAY), Some(&wire.login(SERVICE)));
        let old = kid(&long);
        for _ in 0..2 {
            rotate_now(&server);
            for wire in [&wire, &elsewhere] {
                wire.server.eventually("a further key is published", || published(wire).len() > 1);
            }
            // Beyond the last moment of any token that lives as long as the environment says.
            server.clock.advance(10 * DAY);
        }
        for wire in [&wire, &elsewhere] {
            assert_ne!(kid(&wire.login(SERVICE)), old, "another key signs");
            assert!(published(wire).contains(&old), "the key of the long-lived token is still there");
            Guard(wire.server).end_user(&long).expect("a good token");
            wire.assert_good(&long);
            assert!(wire.services(&short).text.contains("ACCESS_TOKEN_EXPIRED"));
        }
        // Until its very end, and one day, by which they are counted, and no longer.
        server.clock.advance(70 * DAY - 1);
        elsewhere.assert_good(&long);
        server.clock.advance(1);
        elsewhere.assert_dies(&long, "ACCESS_TOKEN_EXPIRED");
        server.clock.advance(DAY + 60);
        for wire in [&wire, &elsewhere] {
            assert!(!published(wire).contains(&old));
        }
    }

    fn a_long_lived_token_says_what_the_users_token_says_and_where_it_came_from(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let user = wire.end_user("ada");
        let answer = wire.send(GENERATE, &input(&user, 60 * DAY), Some(&caller));
        let long = answer.json()["data"][GENERATE]["accessToken"].as_str().expect("a token").to_owned();
        let (short, claims) = (peek(&user), peek(&long));
        for claim in ["iss", "sub", "aud", "name", "tenantId", "environmentId", "subjectType", "applicationId", "profileId", "sessionId"] {
            assert_eq!(claims[claim], short[claim], "{claim}");
        }
        assert_eq!(claims["anc"], json!([short["jti"]]));
        assert_eq!(claims["exp"], json!(server.clock.now() + 60 * DAY));
        let record = server.record_of(&answer);
        assert_eq!(
            json!([record["rule"], record["subject"], record["parents"], record["client_id"]]),
            json!(["permission ax-id-service:ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN", short["sub"], [short["jti"]], "service"])
        );
        let longer = wire.token(GENERATE, &input(&long, YEAR), Some(&caller));
        assert_eq!(peek(&longer)["anc"], json!([short["jti"], claims["jti"]]));

        // It speaks of the user, and ends with the user.
        let id = &short["sub"];
        wire.assert_good(&longer);
        let off = "mutation Off($id: ID!) { updateUser(input: { id: $id, patch: { enabled: false } }) { __typename } }";
        let answer = wire.post("/graphql-management", &json!({ "query": off, "variables": { "id": id } }), Some(&caller));
        assert_eq!(answer.json()["data"]["updateUser"]["__typename"], "UpdateUserPayload", "{}", answer.text);
        for token in [&user, &long, &longer] {
            wire.assert_dies(token, "USER_NOT_ACTIVE");
            wire.refused(GENERATE, &input(token, DAY), Some(&caller), "USER_NOT_ACTIVE");
        }
    }

    fn only_users_tokens_are_taken_within_bounds(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let user = wire.end_user("ada");
        for (seconds, code) in [
            (29, "ACCESS_TOKEN_LIFETIME_INSUFFICIENT"),
            (0, "ACCESS_TOKEN_LIFETIME_INSUFFICIENT"),
            (-1, "ACCESS_TOKEN_LIFETIME_INSUFFICIENT"),
            (i64::from(i32::MIN), "ACCESS_TOKEN_LIFETIME_INSUFFICIENT"),
            (YEAR + 1, "ARGUMENT_INVALID"),
            (i64::from(i32::MAX), "ARGUMENT_INVALID"),
        ] {
            wire.refused(GENERATE, &input(&user, seconds), Some(&caller), code);
        }
        for seconds in [30, YEAR] {
            let payload = wire.payload(GENERATE, &input(&user, seconds), Some(&caller));
            assert_eq!(payload["expiresInSeconds"], seconds);
        }
        let application = json!({
            "tenantId": wire.tenant_id, "environmentId": wire.environment_id, "applicationId": WEB, "applicationKey": KEY,
        });
        let application = wire.token("authenticateEndUserApplication", &application, None);
        for (token, code) in [
            (caller.as_str(), "ACCESS_TOKEN_INVALID"),
            (&application, "ACCESS_TOKEN_INVALID"),
            ("", "MALFORMED_TOKEN"),
            ("a.b.c", "MALFORMED_TOKEN"),
        ] {
            wire.refused(GENERATE, &input(token, DAY), Some(&caller), code);
        }
        let manager = json!({
            "email": "dev@example.com",
            "permissionStructure": [{ "serviceId": "media", "permissions": ["VIEW"] }],
        });
        let manager = wire.token("devGenerateUserAccessTokenWithPermissions", &manager, Some(&caller));
        let long = wire.token(GENERATE, &input(&manager, DAY), Some(&caller));
        let claims = Guard(&server).management(&long).expect("a token for the guard");
        assert_eq!((&claims["subjectType"], &claims["permissions"]), (&json!("UserAccount"), &json!({ "media": ["VIEW"] })));
        // The user's own permissions do not count, nor those of nobody.
        wire.refused(GENERATE, &input(&user, DAY), Some(&manager), "USER_NOT_AUTHORIZED");
        wire.refused(GENERATE, &input(&user, DAY), Some(&wire.login(NOBODY)), "USER_NOT_AUTHORIZED");
    }
}

/// A key is kept by the day: a second token of the same length does not touch the keys.
#[test]
fn the_second_token_of_a_day_writes_no_key() {
    let server = start(Engine::Sqlite);
    let wire = Wire::of(&server);
    let caller = wire.login(SERVICE);
    let user = wire.end_user("ada");
    let version = || server.database.value("SELECT CAST(version AS TEXT) AS value FROM environments");
    wire.token(GENERATE, &input(&user, 10 * DAY), Some(&caller));
    let before = version();
    for seconds in [10 * DAY, 9 * DAY, 60] {
        wire.token(GENERATE, &input(&user, seconds), Some(&caller));
    }
    assert_eq!(version(), before);
    wire.token(GENERATE, &input(&user, 30 * DAY), Some(&caller));
    assert_ne!(version(), before);
}
