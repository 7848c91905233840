//! The key sets of foreign issuers: how often an issuer is asked, and what holds while it is away.

use std::{
    future::Future,
    io::Write as _,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use tessera::{
    catalog::foreign_keys::{Asking, FetchCounters, ForeignKeyCache, KeysError},
    domain::{clock::Clock as _, environment::SigningAlg, random::SystemRandom},
    jose::{error::JwksError, foreign_keys::ForeignKeys, private_key::PrivateKey},
    outbound::{Outbound, OutboundError, OutboundOptions},
};

use crate::support::{
    NO_HANG,
    clock::TestClock,
    peer::{Peer, respond, stall},
};

const SCOPE: &str = "environment/connection";
const HOUR: i64 = 3600;

/// Status, further header lines and body.
type Answer = (&'static str, &'static str, String);

/// An issuer whose answer can be changed, and a cache that asks it.
struct World {
    peer: Peer,
    answer: Arc<Mutex<Answer>>,
    clock: Arc<TestClock>,
    cache: Arc<ForeignKeyCache>,
}

impl World {
    fn new(keys: &[&PrivateKey]) -> Self {
        let answer = Arc::new(Mutex::new(("200 OK", "", jwks(keys))));
        let answers = Arc::clone(&answer);
        let peer = Peer::start(move |stream| {
            let (status, headers, body) = answers.lock().expect("no panic").clone();
            respond(stream, status, headers, &body);
        });
        let (clock, cache) = cache();
        Self { peer, answer, clock, cache }
    }

    fn answers(&self, status: &'static str, headers: &'static str, body: impl Into<String>) {
        *self.answer.lock().expect("no panic") = (status, headers, body.into());
    }

    async fn keys(&self, kid: Option<&str>) -> Result<Arc<ForeignKeys>, KeysError> {
        self.cache.keys(SCOPE, &self.peer.url("/jwks"), kid, Asking::default()).await
    }

    /// Whether the set that is served for this key has it.
    async fn knows(&self, key: &PrivateKey) -> bool {
        self.keys(Some(key.kid())).await.expect("a key set").has(key.kid())
    }

    fn fetches(&self) -> usize {
        self.peer.requests().len()
    }

    fn counters(&self) -> FetchCounters {
        let counters = self.cache.counters();
        assert_eq!(counters.len(), 1);
        assert_eq!(counters[0].0, SCOPE);
        counters[0].1
    }
}

fn cache() -> (Arc<TestClock>, Arc<ForeignKeyCache>) {
    let options = OutboundOptions { plain_http_to_loopback: true, ..OutboundOptions::default() };
    let outbound = Outbound::new(options).expect("certificates of the system");
    let clock = Arc::new(TestClock::new());
    let cache = ForeignKeyCache::new(outbound, Arc::<TestClock>::clone(&clock), Arc::new(SystemRandom));
    (clock, Arc::new(cache))
}

fn key() -> PrivateKey {
    PrivateKey::generate(SigningAlg::EdDSA).expect("generates")
}

fn jwks(keys: &[&PrivateKey]) -> String {
    let keys: Vec<&str> = keys.iter().map(|key| key.public_jwk()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
}

#[test]
fn a_set_is_fetched_once_while_it_is_fresh() {
    let key = key();
    let world = World::new(&[&key]);
    run(async {
        for _ in 0..5 {
            assert!(world.knows(&key).await);
        }
        world.clock.advance(299);
        assert!(world.knows(&key).await && world.keys(None).await.is_ok());
        assert_eq!(world.fetches(), 1);
        world.clock.advance(1);
        assert!(world.knows(&key).await);
        assert_eq!(world.fetches(), 2);
        let now = world.clock.now();
        assert_eq!(world.counters(), FetchCounters { attempts: 2, failures: 0, last_success_at: Some(now) });
    });
}

#[test]
fn the_issuer_says_how_long_a_set_is_fresh() {
    let key = key();
    let world = World::new(&[&key]);
    world.answers("200 OK", "Cache-Control: public, max-age=1000\r\n", jwks(&[&key]));
    run(async {
        assert!(world.knows(&key).await);
        world.clock.advance(999);
        assert!(world.knows(&key).await);
        assert_eq!(world.fetches(), 1);
        world.clock.advance(1);
        world.answers("200 OK", "Cache-Control: no-store\r\n", jwks(&[&key]));
        assert!(world.knows(&key).await);
        assert_eq!(world.fetches(), 2);
        world.clock.advance(60);
        assert!(world.knows(&key).await);
        assert_eq!(world.fetches(), 3);
    });
}

#[test]
fn a_new_key_is_found_at_once_and_a_removed_one_is_forgotten_with_that() {
    let (old, new) = (key(), key());
    let world = World::new(&[&old]);
    run(async {
        assert!(world.knows(&old).await);
        world.clock.advance(10);
        world.answers("200 OK", "", jwks(&[&new]));
        assert!(world.knows(&old).await, "still fresh");
        assert!(world.knows(&new).await);
        assert_eq!(world.fetches(), 2);
        assert!(!world.knows(&old).await);
    });
}

#[test]
fn a_removed_key_is_forgotten_when_the_set_is_not_fresh_any_more() {
    let (old, new) = (key(), key());
    let world = World::new(&[&old, &new]);
    run(async {
        assert!(world.knows(&old).await);
        world.answers("200 OK", "", jwks(&[&new]));
        world.clock.advance(300);
        assert!(!world.knows(&old).await);
        world.answers("200 OK", "", r#"{"keys":[]}"#);
        world.clock.advance(300);
        assert!(world.keys(None).await.expect("a key set").is_empty(), "withdrawn, not away");
    });
}

#[test]
fn a_flood_of_unknown_kids_asks_the_issuer_once_in_ten_seconds() {
    let key = key();
    let world = World::new(&[&key]);
    run(async {
        assert!(world.knows(&key).await);
        world.clock.advance(10);
        for number in 0..200 {
            let kid = format!("made-up-{number}");
            assert!(!world.keys(Some(&kid)).await.expect("a key set").has(&kid));
        }
        assert_eq!(world.fetches(), 2);
        world.clock.advance(9);
        assert!(world.keys(Some("made-up")).await.is_ok() && world.knows(&key).await);
        assert_eq!(world.fetches(), 2);
        world.clock.advance(1);
        assert!(world.keys(Some("made-up")).await.is_ok());
        assert_eq!(world.fetches(), 3);
    });
}

#[test]
fn concurrent_first_calls_make_one_fetch() {
    let key = key();
    let world = World::new(&[&key]);
    let (url, kid) = (world.peer.url("/jwks"), key.kid().to_owned());
    run(async {
        let call = || {
            let (cache, url, kid) = (Arc::clone(&world.cache), url.clone(), kid.clone());
            tokio::spawn(async move {
                cache.keys(SCOPE, &url, Some(&kid), Asking::default()).await.expect("a key set").has(&kid)
            })
        };
        let calls: Vec<_> = (0..50).map(|_| call()).collect();
        for call in calls {
            assert!(call.await.expect("no panic"));
        }
        assert_eq!(world.fetches(), 1);
    });
}

#[test]
fn a_caller_who_hangs_up_does_not_take_the_fetch_with_him() {
    let key = key();
    let (release, released) = mpsc::channel::<()>();
    let (released, body) = (Mutex::new(released), jwks(&[&key]));
    let peer = Peer::start(move |stream| {
        let _ = released.lock().expect("no panic").recv();
        respond(stream, "200 OK", "", &body);
    });
    let (_, cache) = cache();
    run(async {
        let url = peer.url("/jwks");
        let first =
            tokio::time::timeout(Duration::from_millis(100), cache.keys(SCOPE, &url, None, Asking::default())).await;
        assert!(first.is_err(), "gave up");
        release.send(()).expect("the peer waits");
        assert!(cache.keys(SCOPE, &url, Some(key.kid()), Asking::default()).await.expect("a key set").has(key.kid()));
        assert_eq!(peer.requests().len(), 1);
    });
}

#[test]
fn the_last_good_set_serves_for_an_hour_while_the_issuer_is_away() {
    let key = key();
    let world = World::new(&[&key]);
    run(async {
        assert!(world.knows(&key).await);
        let good_at = world.clock.now();
        world.answers("503 Away", "", "");
        world.clock.advance(300);
        for _ in 0..20 {
            assert!(world.knows(&key).await);
        }
        assert_eq!(world.fetches(), 2);
        world.clock.advance(10);
        assert!(world.knows(&key).await);
        assert_eq!(world.fetches(), 3);
        world.clock.advance(HOUR - 11);
        assert!(world.knows(&key).await, "a second before the end");
        world.clock.advance(1);
        for _ in 0..20 {
            assert_eq!(world.keys(Some(key.kid())).await.map(|_| ()), Err(KeysError::Status(503)));
        }
        assert_eq!(world.fetches(), 4);
        assert_eq!(world.counters(), FetchCounters { attempts: 4, failures: 3, last_success_at: Some(good_at) });
        world.answers("200 OK", "", jwks(&[&key]));
        world.clock.advance(10);
        assert!(world.knows(&key).await);
    });
}

#[test]
fn a_failed_look_for_an_unknown_kid_leaves_the_set_as_it_is() {
    let key = key();
    let world = World::new(&[&key]);
    run(async {
        assert!(world.knows(&key).await);
        world.clock.advance(10);
        world.answers("200 OK", "", "<html>");
        assert!(!world.keys(Some("made-up")).await.expect("the last good set").has("made-up"));
        assert!(world.knows(&key).await);
        assert_eq!(world.counters().failures, 1);
    });
}

#[test]
fn what_is_no_key_set_is_refused_and_not_asked_for_again_at_once() {
    let huge = format!(r#"{{"keys":[],"filler":"{}"}}"#, "x".repeat(20 * 1024 * 1024));
    for (status, body, error) in [
        ("200 OK", "<html>".to_owned(), KeysError::KeySet(JwksError::Json)),
        ("200 OK", r#"{"error":"away"}"#.to_owned(), KeysError::KeySet(JwksError::NoKeys)),
        ("200 OK", huge, KeysError::Outbound(OutboundError::TooLarge)),
        ("201 Created", jwks(&[]), KeysError::Status(201)),
        ("404 Not Found", jwks(&[]), KeysError::Status(404)),
        ("302 Found", jwks(&[]), KeysError::Outbound(OutboundError::Redirected)),
    ] {
        let world = World::new(&[]);
        world.answers(status, "Location: http://169.254.169.254/\r\n", body);
        run(async {
            for _ in 0..20 {
                assert_eq!(world.keys(None).await.map(|_| ()), Err(error.clone()), "{status}");
            }
        });
        assert_eq!(world.fetches(), 1);
    }
}

#[test]
fn a_slow_issuer_is_left_after_five_seconds() {
    let silent = Peer::start(stall);
    let half = Peer::start(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":").expect("to send");
        stall(stream);
    });
    let (_, cache) = cache();
    run(async {
        let start = Instant::now();
        let (silent, half) = (silent.url("/"), half.url("/"));
        let both = [silent, half].map(|url| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.keys(SCOPE, &url, None, Asking::default()).await.map(|_| ()) })
        });
        for answer in both {
            assert_eq!(answer.await.expect("no panic"), Err(KeysError::Outbound(OutboundError::Timeout)));
        }
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_secs(5) && elapsed < NO_HANG, "{elapsed:?}");
    });
}

#[test]
fn two_scopes_share_nothing() {
    let key = key();
    let world = World::new(&[&key]);
    let url = world.peer.url("/jwks");
    run(async {
        for scope in ["environment-1/c", "environment-2/c", "environment-1/c", "environment-2/c"] {
            assert!(world.cache.keys(scope, &url, Some(key.kid()), Asking::default()).await.is_ok());
        }
    });
    assert_eq!(world.fetches(), 2);
    let mut scopes: Vec<String> = world.cache.counters().into_iter().map(|(scope, _)| scope).collect();
    scopes.sort();
    assert_eq!(scopes, ["environment-1/c", "environment-2/c"]);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_fetches() {
    let key = key();
    let world = World::new(&[&key]);
    run(async {
        assert!(world.knows(&key).await);
        world.clock.advance(-HOUR);
        assert!(world.knows(&key).await);
        assert_eq!(world.fetches(), 2);
    });
}

#[test]
fn the_bound_on_entries_holds() {
    let world = World::new(&[]);
    run(async {
        for number in 0..1500 {
            // Refused before anything is sent.
            let uri = format!("ftp://{number}.example/");
            let refused = world.cache.keys(SCOPE, &uri, None, Asking::default()).await;
            assert!(matches!(refused, Err(KeysError::Outbound(OutboundError::UrlRefused(_)))));
        }
    });
    assert!(world.cache.counters().len() <= 1024);
    assert_eq!(world.fetches(), 0);
}
