//! Foreign issuers as they are: how they rotate keys, spell their names and fill claims.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use super::JWT;
use crate::{
    both_engines,
    support::{
        Answer, EXCHANGE, Engine, NO_HANG, TestServer, certificate,
        forge::{Forge, with},
        peer::{Peer, respond},
        tls_peer::tls_peer,
        tokens::verify,
    },
};

const GATE: (&str, &str) = ("gate", "a-secret-of-gate-with-more-than-32-characters");
const ISSUER: &str = "https://ci.example";

/// The issuer's keys are at `uri`; `more` says more of the connection.
fn environment(uri: &str, more: &str) -> String {
    format!(
        r#"
[environment]
name = "foreign"

[[resource_server]]
audience = "deploy-api"
scopes = ["deploy"]

[[client]]
id = "gate"
grants = ["token_exchange"]
secret = "{secret}"

[[identity_connection]]
name = "builds"
provider = "JWT"
issuer = "{ISSUER}"
issuer_aliases = ["ci.example", "{ISSUER}/"]
audiences = ["tessera-ci"]
jwks_uri = "{uri}"
{more}

[[exchange_rule]]
name = "builds deploy"
client = "gate"
subject = {{ issuer = "builds" }}
audience = ["deploy-api"]
mode = "delegation"
grant_scopes = ["deploy"]
"#,
        secret = GATE.1,
    )
}

/// An issuer whose key set can be changed, and a server that believes it.
struct World {
    server: TestServer,
    peer: Peer,
    served: Arc<Mutex<String>>,
}

impl World {
    fn new(engine: Engine, key: &Forge) -> Self {
        let served = Arc::new(Mutex::new(jwks(&key.public_jwk)));
        let answers = Arc::clone(&served);
        let peer = Peer::start(move |stream| {
            let body = answers.lock().expect("no panic").clone();
            respond(stream, "200 OK", "Content-Type: application/jwk-set+json\r\n", &body);
        });
        let builder = TestServer::builder(engine)
            .setting("outbound.plain_http_to_loopback", "true")
            .setting("outbound.allowed_networks", "127.0.0.0/8,::1/128");
        Self { server: builder.environment(&environment(&peer.url("/jwks"), "")).start(), peer, served }
    }

    fn serves(&self, jwk: &str) {
        *self.served.lock().expect("no panic") = jwks(jwk);
    }

    fn claims(&self) -> Value {
        let now = self.server.clock.now();
        json!({ "iss": ISSUER, "sub": "repo:acme/app", "aud": "tessera-ci", "iat": now, "exp": now + 300 })
    }

    fn present(&self, token: &str) -> Answer {
        self.server.token(
            GATE,
            &[
                ("grant_type", EXCHANGE),
                ("subject_token", token),
                ("subject_token_type", JWT),
                ("audience", "deploy-api"),
                ("scope", "deploy"),
            ],
        )
    }

    fn issued(&self, token: &str) -> Value {
        verify(&self.server, &self.present(token).access_token(), "deploy-api")
    }

    fn fetches(&self) -> usize {
        self.peer.requests().len()
    }
}

fn jwks(jwk: &str) -> String {
    format!(r#"{{"keys":[{jwk}]}}"#)
}

/// The public key as a JWK under another id, or under none.
fn named(key: &Forge, kid: Option<&str>) -> String {
    let mut jwk: Value = serde_json::from_str(&key.public_jwk).expect("JSON");
    match kid {
        Some(kid) => jwk["kid"] = json!(kid),
        None => drop(jwk.as_object_mut().expect("an object").remove("kid")),
    }
    jwk.to_string()
}

fn signed(key: &Forge, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({ "alg": "ES256", "typ": "JWT" });
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    key.sign(&header.to_string(), &claims.to_string())
}

both_engines! {
    fn an_issuer_under_an_authority_of_its_own_is_called_under_that_one(engine) {
        let key = Forge::attacker();
        let world = World::new(engine, &key);
        let (port, certificate, handshakes) = tls_peer(&jwks(&key.public_jwk));
        let uri = format!("https://localhost:{port}/jwks");
        let token = signed(&key, Some(&key.kid), &world.claims());
        let is_away = || {
            world.server.eventually("the node to hear of it", || world.present(&token).status == 503);
            world.present(&token).assert_refused(503, "temporarily_unavailable", "foreign_keys_unavailable");
        };
        world.server.apply(&environment(&uri, ""));
        is_away();
        assert!(!handshakes.recv_timeout(NO_HANG).expect("a connection"), "nothing was sent");

        let folder = world.server.database.folder();
        let file = |name: &str, pem: Vec<u8>| {
            std::fs::write(folder.join(name), pem).expect("to write a file");
            format!("ca_file = \"{}\"", folder.join(name).display())
        };
        // Another URI each time: after a failure the one is not asked again for some seconds.
        world.server.apply(&environment(&format!("{uri}?own"), &file("ca.pem", certificate.to_pem().expect("PEM"))));
        world.server.eventually("the node to hear of it", || world.present(&token).status == 200);
        assert_eq!(world.issued(&token)["act"]["sub"], "gate");

        // That of somebody else is as good as none.
        let (other, _) = certificate::certificate();
        world.server.apply(&environment(&format!("{uri}?other"), &file("other.pem", other.to_pem().expect("PEM"))));
        is_away();
    }

    fn a_new_key_is_found_under_the_old_kid_and_for_tokens_without_one(engine) {
        for kid in [Some("only"), None] {
            let (old, new) = (Forge::attacker(), Forge::attacker());
            let world = World::new(engine, &old);
            world.serves(&named(&old, kid));
            world.issued(&signed(&old, kid, &world.claims()));
            assert_eq!(world.fetches(), 1);
            world.serves(&named(&new, kid));
            world.server.clock.advance(10);
            world.issued(&signed(&old, kid, &world.claims()));
            assert_eq!(world.fetches(), 1, "the kept key fits");
            world.issued(&signed(&new, kid, &world.claims()));
            assert_eq!(world.fetches(), 2);
            let answer = world.present(&signed(&old, kid, &world.claims()));
            world.server.assert_subject_refused(&answer, "connection \"builds\": the signature is not valid");
            assert_eq!(world.fetches(), 2);
        }
    }
}

// Each bad signature would otherwise be a request to the issuer.
#[test]
fn a_flood_of_bad_signatures_asks_the_issuer_once_in_ten_seconds() {
    let (key, stranger) = (Forge::attacker(), Forge::attacker());
    let world = World::new(Engine::Sqlite, &key);
    world.issued(&signed(&key, Some(&key.kid), &world.claims()));
    world.server.clock.advance(10);
    let flood = || {
        for number in 0..10 {
            let claims = with(&world.claims(), &json!({ "nonce": number }));
            for kid in [Some(key.kid.as_str()), None] {
                let answer = world.present(&signed(&stranger, kid, &claims));
                world.server.assert_subject_refused(&answer, "connection \"builds\": the signature is not valid");
            }
        }
    };
    flood();
    assert_eq!(world.fetches(), 2);
    world.server.clock.advance(9);
    flood();
    assert_eq!(world.fetches(), 2);
    world.server.clock.advance(1);
    flood();
    assert_eq!(world.fetches(), 3);
    world.issued(&signed(&key, Some(&key.kid), &world.claims()));
}

// The API server of Kubernetes answers 406 to those who take JSON alone.
#[test]
fn key_sets_are_asked_for_by_their_own_media_type_too() {
    let key = Forge::attacker();
    let world = World::new(Engine::Sqlite, &key);
    world.issued(&signed(&key, Some(&key.kid), &world.claims()));
    let request = world.peer.requests().remove(0).to_ascii_lowercase();
    let accepted: Vec<&str> = request.lines().filter_map(|line| line.strip_prefix("accept: ")).collect();
    assert_eq!(accepted, ["application/jwk-set+json, application/json"]);
}

#[test]
fn a_workload_is_one_under_every_spelling_of_its_issuer() {
    let key = Forge::attacker();
    let world = World::new(Engine::Sqlite, &key);
    for iss in [ISSUER, "ci.example", "https://ci.example/"] {
        let token = signed(&key, Some(&key.kid), &with(&world.claims(), &json!({ "iss": iss })));
        assert_eq!(world.issued(&token)["sub"], "https://ci.example#repo:acme/app", "{iss}");
    }
    let other = signed(&key, Some(&key.kid), &with(&world.claims(), &json!({ "iss": "http://ci.example" })));
    world.server.assert_refused(&world.present(&other), "invalid_request", "subject_token_refused");
    assert_eq!(world.fetches(), 1, "one connection, one key set");
}

#[test]
fn actors_without_issuer_are_those_of_the_foreign_issuer() {
    let key = Forge::attacker();
    let world = World::new(Engine::Sqlite, &key);
    let token = signed(&key, Some(&key.kid), &with(&world.claims(), &json!({ "act": { "sub": "gate" } })));
    let issued = world.issued(&token);
    assert_eq!(issued["act"]["act"], json!({ "iss": ISSUER, "sub": "gate" }), "{issued}");
    assert_ne!(issued["act"]["iss"], ISSUER);
}

// An issuer that wrote our clients into `act` would make them the actors of what happened elsewhere.
#[test]
fn nobody_else_names_our_parties_as_actors() {
    let key = Forge::attacker();
    let world = World::new(Engine::Sqlite, &key);
    let ours = world.issued(&signed(&key, Some(&key.kid), &world.claims()))["iss"].clone();
    let before = world.server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM sessions");
    for parties in [
        json!({ "act": { "iss": ours, "sub": "gate" } }),
        json!({ "act": { "sub": "robot", "act": { "iss": ours, "sub": "gate" } } }),
        json!({ "may_act": { "iss": ours, "sub": "gate" } }),
    ] {
        let answer = world.present(&signed(&key, Some(&key.kid), &with(&world.claims(), &parties)));
        let detail =
            "connection \"builds\": act or may_act is in the name of this issuer, for which nobody else speaks";
        world.server.assert_subject_refused(&answer, detail);
        assert!(answer.json().get("access_token").is_none(), "{}", answer.text);
    }
    assert_eq!(world.server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM sessions"), before);
}
