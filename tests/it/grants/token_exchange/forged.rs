//! Forged tokens, as subject and as actor. Each is refused for its own reason, and nobody asks the attacker for a key.

use std::{io::ErrorKind, net::TcpListener};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use openssl::pkey::PKey;
use reqwest::Method;
use serde_json::{Value, json};
use tessera::{app, store::environments};

use super::{UNKNOWN_KEY, actor, demo_claims, demo_token};
use crate::support::{
    ACCESS_TOKEN, Answer, BFF, DEMO, EXCHANGE, Engine, TestServer,
    forge::{Forge, signed, unsigned, with},
    server::load,
    tokens::exchange,
};

const BAD_SIGNATURE: &str = "the signature is not valid";
const WRONG_ALG: &str = "alg is not the algorithm of the key";

struct World {
    server: TestServer,
    ours: Forge,
    attacker: Forge,
    claims: Value,
}

impl World {
    fn new() -> Self {
        let server = TestServer::start(Engine::Sqlite);
        let (ours, attacker, claims) = (Forge::of(&server), Forge::attacker(), demo_claims(&server));
        Self { server, ours, attacker, claims }
    }

    /// The header of a good token, with changes.
    fn header(&self, changes: &Value) -> String {
        with(&self.ours.header(), changes).to_string()
    }

    fn signed_by_us(&self, header: &Value) -> String {
        self.ours.sign(&self.header(header), &self.claims.to_string())
    }

    fn signed_by_attacker(&self, header: &Value) -> String {
        self.attacker.sign(&self.header(header), &self.claims.to_string())
    }

    /// Presents `token` in both places.
    #[track_caller]
    fn refuses(&self, token: &str, detail: &str) {
        let record = self.server.assert_subject_refused(&exchange(&self.server, token, &[]), detail);
        assert!(record.get("subject").is_none() && record.get("parents").is_none(), "nothing in it is believed");
        let answer = exchange(&self.server, &demo_token(&self.server), &actor(token));
        self.server.assert_actor_refused(&answer, detail);
    }
}

// TE-088.
#[test]
fn unsigned_tokens_are_refused() {
    let world = World::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let token = unsigned(&world.header(&json!({ "alg": alg })), &world.claims.to_string());
        world.refuses(&format!("{token}."), WRONG_ALG);
        let token = unsigned(&world.header(&json!({ "alg": alg, "kid": null })), &world.claims.to_string());
        world.refuses(&format!("{token}."), "the header has no kid");
    }
    let token = unsigned(&world.header(&json!({})), &world.claims.to_string());
    world.refuses(&format!("{token}."), BAD_SIGNATURE);
    // r = s = 0, which broken libraries take for a signature of anything; and DER instead of R||S.
    world.refuses(&format!("{token}.{}", URL_SAFE_NO_PAD.encode([0; 64])), BAD_SIGNATURE);
    world.refuses(&format!("{token}.{}", URL_SAFE_NO_PAD.encode([0x30, 6, 2, 1, 1, 2, 1, 1])), BAD_SIGNATURE);
}

// RFC 8725 §2.1: a verifier that believes `alg` takes the published key for a shared secret.
#[test]
fn the_public_key_is_no_hmac_secret() {
    let world = World::new();
    let key = PKey::private_key_from_pkcs8(&world.ours.der).expect("a key");
    let (pem, der) = (key.public_key_to_pem().expect("PEM"), key.public_key_to_der().expect("DER"));
    let pem_without_newline = pem.trim_ascii_end().to_vec();
    let jwks = world.server.get("/.well-known/jwks.json").text.into_bytes();
    let jwk = world.ours.public_jwk.clone().into_bytes();
    let kid = world.ours.kid.clone().into_bytes();
    for secret in [pem, pem_without_newline, der, jwk, jwks, kid, Vec::new()] {
        for (name, alg) in [("HS256", Algorithm::HS256), ("HS512", Algorithm::HS512), ("ES256", Algorithm::HS256)] {
            let header = world.header(&json!({ "alg": name }));
            let token = signed(&header, &world.claims.to_string(), &EncodingKey::from_secret(&secret), alg);
            world.refuses(&token, if name == "ES256" { BAD_SIGNATURE } else { WRONG_ALG });
        }
    }
}

// RFC 8725 §3.10. `jku`, `x5u`, `x5c` and `jwk` bring the sender's own key, or make the server fetch it.
#[test]
fn a_key_that_comes_with_the_token_is_neither_believed_nor_fetched() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
    let jwk: Value = serde_json::from_str(&world.attacker.public_jwk).expect("JSON");
    for bait in [
        json!({}),
        json!({ "jku": url }),
        json!({ "x5u": url }),
        json!({ "jwk": jwk }),
        json!({ "x5c": ["MIIB"], "x5t": "AA", "x5t#S256": "AA" }),
        json!({ "jku": url, "x5u": url, "jwk": jwk }),
    ] {
        world.refuses(&world.signed_by_attacker(&bait), BAD_SIGNATURE);
        let mut own_kid = with(&bait, &json!({ "kid": world.attacker.kid }));
        world.refuses(&world.signed_by_attacker(&own_kid), UNKNOWN_KEY);
        own_kid["kid"] = Value::Null;
        world.refuses(&world.signed_by_attacker(&own_kid), "the header has no kid");
    }
    for kid in ["../../../../dev/null", "' OR '1'='1", "", &url, &world.ours.kid.to_lowercase()] {
        world.refuses(&world.signed_by_attacker(&json!({ "kid": kid })), UNKNOWN_KEY);
    }
    let from_elsewhere = with(&world.claims, &json!({ "iss": url }));
    let own_header = world.attacker.header().to_string();
    world.refuses(&world.attacker.sign(&own_header, &from_elsewhere.to_string()), UNKNOWN_KEY);
    // An answer is given after all that its request asked for: whoever had come would wait in the listener by now.
    let connection = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(connection, Err(ErrorKind::WouldBlock), "nobody came to fetch a key");
}

// TE-044: everything that our key signed and that is no access token.
#[test]
fn a_token_of_another_kind_under_our_own_key_is_refused() {
    let world = World::new();
    for typ in ["JWT", "dpop+jwt", "logout+jwt", "oauth-id-jag+jwt", "token-introspection+jwt", "at+jwt ", "jwt", ""] {
        world.refuses(&world.signed_by_us(&json!({ "typ": typ })), "typ is not at+jwt");
    }
    world.refuses(&world.signed_by_us(&json!({ "typ": null })), "the header has no typ");
    world.refuses(&world.signed_by_us(&json!({ "typ": ["at+jwt"] })), "typ in the header is not a string");
    for extension in ["crit", "b64"] {
        let detail = format!("the header demands an extension: {extension}");
        world.refuses(&world.signed_by_us(&json!({ extension: [extension] })), &detail);
    }
    for alg in ["RS256", "ES384", "ES256K", "EdDSA", "es256"] {
        world.refuses(&world.signed_by_us(&json!({ "alg": alg })), WRONG_ALG);
    }
}

// RFC 9068 §2.2, §4.
#[test]
fn a_token_that_lacks_a_claim_or_has_a_strange_one_is_refused_under_our_own_key_too() {
    let world = World::new();
    for name in ["iss", "sub", "aud", "client_id", "jti", "exp", "iat"] {
        let token = world.ours.token(&with(&world.claims, &json!({ name: null })));
        world.refuses(&token, &format!("the claim {name} is missing"));
    }
    for (name, strange) in [
        ("exp", vec![json!("9999999999"), json!(1e300), json!(-1), json!(true), json!([1])]),
        ("iat", vec![json!("0"), json!(-1)]),
        ("nbf", vec![json!("0"), json!({})]),
        ("aud", vec![json!(""), json!([]), json!(["bff-api", ""]), json!(["bff-api", 1]), json!({ "bff-api": 1 })]),
        ("sub", vec![json!(""), json!(1), json!(["user-1"])]),
        ("client_id", vec![json!(""), json!({})]),
        ("jti", vec![json!(""), json!(1)]),
        ("subjectType", vec![json!("Admin"), json!("")]),
        ("applicationId", vec![json!(""), json!(1)]),
        ("scope", vec![json!(1), json!([1]), json!([""])]),
    ] {
        for value in strange {
            let token = world.ours.token(&with(&world.claims, &json!({ name: value })));
            world.refuses(&token, &format!("the claim {name} has the wrong type, is empty or out of range"));
        }
    }
    for scope in [json!("calendar.read\tcalendar.edit"), json!(["calendar.read calendar.edit"]), json!("é")] {
        let token = world.ours.token(&with(&world.claims, &json!({ "scope": scope })));
        world.refuses(&token, "the claim scope breaks the grammar");
    }
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    let world = World::new();
    let url = world.server.url.clone();
    for iss in [format!("{url}/"), url.to_uppercase(), "https://elsewhere.example".to_owned(), format!(" {url}")] {
        world.refuses(&world.ours.token(&with(&world.claims, &json!({ "iss": iss }))), "iss is another issuer");
    }
}

// Same server, same names, same secrets, other environment: its keys are its own.
#[test]
fn a_token_of_another_environment_is_refused_both_ways() {
    let world = World::new();
    let other = DEMO.replacen("name = \"demo\"", "name = \"other\"\ntenant = \"another\"", 1);
    let other = other.replace(super::WEB, "00000000-0000-4000-8000-000000000001");
    world.server.apply(&other);
    let path = path_of(&world.server, "other");
    let post = |form: &[(&str, &str)]| {
        let request = world.server.request(Method::POST, &format!("{path}/token"));
        Answer::to(request.basic_auth(BFF.0, Some(BFF.1)).form(form))
    };
    world
        .server
        .eventually("the environment is served", || post(&[("grant_type", "client_credentials")]).status == 200);

    let theirs = post(&[("grant_type", "client_credentials")]).access_token();
    world.refuses(&theirs, UNKNOWN_KEY);
    let ours = demo_token(&world.server);
    let form = [("grant_type", EXCHANGE), ("subject_token", ours.as_str()), ("subject_token_type", ACCESS_TOKEN)];
    world.server.assert_subject_refused(&post(&form), UNKNOWN_KEY);
    // Nor does it help to say that it is the other environment's, or to name its key.
    let iss = format!("{}{path}", world.server.url);
    let renamed = with(&world.claims, &json!({ "iss": iss }));
    world.refuses(&world.ours.token(&renamed), "iss is another issuer");
    let kid = jsonwebtoken::decode_header(&theirs).expect("a header").kid;
    let renamed = world.ours.sign(&world.header(&json!({ "kid": kid })), &renamed.to_string());
    let form = [("grant_type", EXCHANGE), ("subject_token", renamed.as_str()), ("subject_token_type", ACCESS_TOKEN)];
    world.server.assert_subject_refused(&post(&form), BAD_SIGNATURE);
}

/// Where an environment other than the default one hangs.
pub(super) fn path_of(server: &TestServer, name: &str) -> String {
    let store = app::open_store(&load(server.variables())).expect("the database");
    let all = store.read(environments::all).expect("the environments");
    let environment = all.iter().map(|stored| &stored.environment).find(|environment| environment.name == name);
    let environment = environment.expect("the environment");
    format!("/{}/{}", environment.tenant_id, environment.id)
}

// Two readers that differ in this check one thing and use another.
#[test]
fn a_token_with_a_repeated_member_is_refused() {
    let world = World::new();
    let claims = world.claims.to_string();
    for member in ["\"sub\":\"admin\"", "\"exp\":9999999999", "\"\\u0073ub\":\"admin\"", "\"x\":{\"a\":1,\"a\":2}"] {
        let payload = format!("{{{member},{}", &claims[1..]);
        world.refuses(
            &world.ours.sign(&world.header(&json!({})), &payload),
            "the payload of the token is not a JSON object with unique member names",
        );
    }
    let header = format!("{{\"alg\":\"none\",{}", &world.header(&json!({}))[1..]);
    let detail = "the header of the token is not a JSON object with unique member names";
    world.refuses(&world.ours.sign(&header, &claims), detail);
}

// One token has one spelling, so that no second one slips past whoever looks for the first.
#[test]
fn a_good_token_in_another_spelling_is_refused() {
    let world = World::new();
    let good = demo_token(&world.server);
    for (spelling, detail) in [
        (format!(" {good}"), "the header of the token is not base64url"),
        (format!("\n{good}"), "the header of the token is not base64url"),
        (format!("Bearer {good}"), "the header of the token is not base64url"),
        (format!("\"{good}\""), "the header of the token is not base64url"),
        (format!("{good}\n"), "the signature of the token is not base64url"),
        (format!("{good} "), "the signature of the token is not base64url"),
        (format!("{good}="), "the signature of the token is not base64url"),
        (format!("{good}=="), "the signature of the token is not base64url"),
        (format!("{good}."), "the token does not have three parts"),
        (format!("{good}.."), "the token does not have three parts"),
        (good.replacen('.', "..", 1), "the token does not have three parts"),
        (format!("{good}{good}"), "the token does not have three parts"),
        (json!({ "payload": good, "signatures": [] }).to_string(), "the header of the token is not base64url"),
    ] {
        let record = world.server.assert_subject_refused(&exchange(&world.server, &spelling, &[]), detail);
        assert!(!record.to_string().contains(&good), "no token in the audit log");
    }
}

#[test]
fn a_huge_token_is_refused_before_it_is_read() {
    let world = World::new();
    let huge = |length: usize| world.ours.token(&with(&world.claims, &json!({ "x": "x".repeat(length) })));
    world.refuses(&huge(13_000), "the token is longer than allowed");
    let answer = exchange(&world.server, &huge(25_000), &[]);
    answer.assert_refused(400, "invalid_request", "parameter_too_long");
    let answer = exchange(&world.server, &huge(60_000), &[]);
    answer.assert_refused(413, "invalid_request", "body_too_large");
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
    let detail = "the payload of the token is not a JSON object with unique member names";
    world.refuses(&world.ours.sign(&world.header(&json!({})), &deep), detail);
}
