//! Keys that are rotated by schedule, by one node for all.

use std::collections::BTreeSet;

use tessera::{
    app,
    domain::{clock::Clock as _, environment::SigningAlg, random::SystemRandom},
    operations::{
        keys::{KeyMaker, rotate_if_due},
        operator::{Operator, SERVER},
    },
};

use crate::{
    both_engines,
    support::{
        BFF, CLIENT_CREDENTIALS, Engine, TestServer,
        server::load,
        tokens::{exchange, user_token},
    },
};

const INTERVAL: i64 = 600;
/// `keys.jwks_max_age`, and what a node may take to hear of a key.
const OVERLAP: i64 = 305;

fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).setting("keys.rotation_interval", &INTERVAL.to_string()).start()
}

/// Whether something was rotated shows in when each key was made.
fn made(server: &TestServer, alg: &str) -> Vec<i64> {
    let query = "SELECT CAST(created_at AS TEXT) AS text FROM signing_keys WHERE alg = ";
    let times = server.database.texts(&format!("{query}'{alg}' ORDER BY created_at"));
    times.iter().map(|time| time.parse().expect("a time")).collect()
}

fn published(server: &TestServer) -> Vec<String> {
    let keys = server.get("/.well-known/jwks.json").json();
    let keys = keys["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

fn signing(server: &TestServer) -> String {
    let token = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    jsonwebtoken::decode_header(&token).expect("a header").kid.expect("kid")
}

both_engines! {
    fn one_key_of_each_algorithm_appears_per_interval_although_two_nodes_work(engine) {
        let one = start(engine);
        let two = one.another_node();
        let start = one.clock.now();
        for round in 1..=5 {
            one.clock.advance(INTERVAL);
            let expected: Vec<i64> = (0..=round).map(|round| start + round * INTERVAL).collect();
            for alg in ["ES256", "RS256"] {
                one.eventually("the next key to be made", || made(&one, alg).len() > usize::try_from(round).expect("small"));
                assert_eq!(made(&one, alg), expected, "{alg}: one key in each of the rounds so far");
            }
            for node in [&one, &two] {
                node.eventually("both nodes to publish the same", || {
                    published(node).len() == 2 * expected.len() && published(&one) == published(&two)
                });
            }
        }
    }

    /// What verifies tokens never meets one under a key that it cannot have.
    fn the_next_key_takes_over_when_every_verifier_can_have_it(engine) {
        let server = start(engine);
        let (old, before) = (signing(&server), published(&server));
        let subject = user_token(&server);
        server.clock.advance(INTERVAL - 1);
        assert_eq!(published(&server), before);
        server.clock.advance(1);
        server.eventually("the next keys to be published", || published(&server).len() == 4);
        server.clock.advance(OVERLAP - 1);
        assert_eq!(signing(&server), old);
        server.clock.advance(1);
        let new = signing(&server);
        assert!(new != old && !before.contains(&new));
        exchange(&server, &subject, &[("audience", "resource-api")]).access_token();
        assert!(published(&server).contains(&old), "its tokens are good until they expire");
    }

    fn every_environment_has_its_keys_rotated(engine) {
        let server = start(engine);
        server.apply("[environment]\nname = \"second\"\n");
        server.clock.advance(INTERVAL);
        server.eventually("the keys of both to be rotated", || made(&server, "RS256").len() == 4);
        let per_environment = server.database.texts(
            "SELECT CAST(COUNT(*) AS TEXT) AS text FROM signing_keys WHERE alg = 'RS256' GROUP BY environment_id"
        );
        assert_eq!(per_environment, ["2", "2"]);
    }

    /// The lease is that of a node which died with it.
    fn while_another_node_has_the_lease_this_one_waits_and_then_takes_over(engine) {
        let server = start(engine);
        let start = server.clock.now();
        let until = start + INTERVAL + 30;
        server.database.execute(&format!("INSERT INTO leases (name, holder, expires_at) VALUES ('key-rotation', 'dead', {until})"));
        server.clock.advance(INTERVAL);
        // As long as a node that may work takes, and longer: the next key's time will say whether this one waited.
        let other = TestServer::builder(engine).setting("keys.rotation_interval", "600").start();
        other.clock.advance(INTERVAL);
        other.eventually("a node without a rival to rotate", || made(&other, "ES256").len() == 2);
        server.clock.advance(30);
        server.eventually("the next key to be made", || made(&server, "ES256").len() == 2);
        assert_eq!(made(&server, "ES256"), [start, until]);
    }

    /// The lease spares the others the work. That there is one key does not rest on it.
    fn of_nodes_that_all_believe_it_is_their_turn_one_rotates(engine) {
        let server = TestServer::start(engine);
        let settings = load(server.variables());
        let store = app::open_store(&settings).expect("the database");
        let master_key = app::master_key(&settings.keys, &SystemRandom).expect("a master key");
        let id = server.database.value("SELECT id AS value FROM environments");
        let version = || server.database.value("SELECT CAST(version AS TEXT) AS value FROM environments");
        for round in 1..=3 {
            server.clock.advance(INTERVAL);
            let maker = KeyMaker {
                master_key: &master_key,
                random: &SystemRandom,
                default_alg: SigningAlg::ES256,
                jwks_max_age: 300,
                now: server.clock.now(),
                operator: Operator { name: SERVER, random: &SystemRandom, now_ms: server.clock.now_millis() },
            };
            let rotate = || {
                rotate_if_due(&store, &maker, &*server.clock, &id, SigningAlg::ES256, INTERVAL).expect("no failure")
            };
            let before: i64 = version().parse().expect("a number");
            let made_now: usize = std::thread::scope(|scope| {
                let nodes: Vec<_> = (0..4).map(|_| scope.spawn(|| usize::from(rotate().is_some()))).collect();
                nodes.into_iter().map(|node| node.join().expect("no panic")).sum()
            });
            assert_eq!((made_now, made(&server, "ES256").len()), (1, round + 1));
            assert_eq!(version(), (before + 1).to_string(), "those that did nothing let nobody read anything again");
        }
        let distinct: BTreeSet<i64> = made(&server, "ES256").into_iter().collect();
        assert_eq!(distinct.len(), 4);
    }
}

/// A rotation takes longer than the interval: the next begins when it is over, and never before.
#[test]
fn an_interval_shorter_than_a_rotation_rotates_as_often_as_one_is_over() {
    let server = TestServer::builder(Engine::Sqlite)
        .setting("keys.rotation_interval", "2")
        .setting("keys.jwks_max_age", "1")
        .start();
    let start = server.clock.now();
    for second in 1..=18 {
        server.clock.advance(1);
        if second % 6 == 0 {
            let count = usize::try_from(second / 6 + 1).expect("small");
            server.eventually("the next key to be made", || made(&server, "ES256").len() == count);
            server.eventually("this node to know it", || published(&server).len() == 2 * count);
        }
    }
    assert_eq!(made(&server, "ES256"), [start, start + 6, start + 12, start + 18]);
}
