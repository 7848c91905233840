//! A third party's JWT that carries a user's token of ours: what is inside decides, and nothing else in it is believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use super::{BFF_RULE, JWT, UNKNOWN_KEY, bff_token, demo_claims, demo_token, forged::path_of};
use crate::support::{
    ACCESS_TOKEN, Answer, BFF, CLIENT_CREDENTIALS, DEMO, EXCHANGE, Engine, TestServer,
    forge::{Forge, signed, unsigned, with},
    tokens::{exchange, verify},
};

const EMBEDDED: &str = "mosaic.end-user.accessToken";
const NO_USER: &str = "only tokens of end users may stand inside another token";

/// What the third party says, and claims that would be worth something if anybody believed them.
fn outer_claims(inner: impl Into<Value>) -> Value {
    json!({
        "iss": "https://third.example", "sub": "admin", "aud": "someone-else", "scope": "reports.read admin", "iat": 1, "exp": 2,
        "client_id": "calendar-service", "jti": "outer", "act": { "sub": "evil" }, "subjectType": "ServiceAccount",
        "permissions": { "ax-user-service": ["USERS_EDIT"] }, "user-fullname": "Mallory", EMBEDDED: inner.into(),
    })
}

/// An envelope whose signature nobody here can check.
fn envelope(inner: &str) -> String {
    unsigned(r#"{"alg":"RS256","typ":"JWT","kid":"theirs"}"#, &outer_claims(inner).to_string()) + ".c2lnbmF0dXJl"
}

/// Envelopes of every make.
fn envelopes(server: &TestServer, inner: &str) -> Vec<String> {
    let payload = outer_claims(inner).to_string();
    let ours = Forge::of(server);
    let hmac = EncodingKey::from_secret(b"whatever");
    vec![
        envelope(inner),
        unsigned(r#"{"alg":"none"}"#, &payload) + ".",
        unsigned(r#"{"alg":"ES256K","typ":"at+jwt"}"#, &payload) + ".AA",
        // Under the name of our own key.
        unsigned(&ours.header().to_string(), &payload) + ".AAAA",
        Forge::attacker().sign(&with(&ours.header(), &json!({ "typ": "JWT" })).to_string(), &payload),
        Forge::attacker().token(&outer_claims(inner)),
        signed(r#"{"alg":"HS256","typ":"JWT"}"#, &payload, &hmac, Algorithm::HS256),
        ours.sign(&with(&ours.header(), &json!({ "typ": "JWT" })).to_string(), &payload),
    ]
}

/// Refused the first time, and when the server has seen it before.
#[track_caller]
fn refused(server: &TestServer, token: &str, detail: &str) {
    for _ in 0..2 {
        let record = server.assert_subject_refused(&exchange(server, token, &[]), detail);
        assert!(!record.to_string().contains("admin"), "nothing of the outer token is on record: {record}");
    }
}

#[test]
fn what_is_inside_decides_whoever_signed_the_outside() {
    let server = TestServer::start(Engine::Sqlite);
    let inner = demo_token(&server);
    let plain = verify(&server, &exchange(&server, &inner, &[]).access_token(), "resource-api");
    for envelope in envelopes(&server, &inner) {
        for _ in 0..2 {
            let answer = exchange(&server, &envelope, &[]);
            let claims = verify(&server, &answer.access_token(), "resource-api");
            for name in plain.as_object().expect("an object").keys().filter(|name| *name != "jti") {
                assert_eq!(claims[name], plain[name], "{name}");
            }
            assert_eq!(claims.as_object().map(serde_json::Map::len), plain.as_object().map(serde_json::Map::len));
            let record = server.record_of(&answer);
            assert_eq!((&record["subject"], &record["rule"]), (&plain["sub"], &json!(BFF_RULE)));
            assert_eq!(record["parents"], plain["anc"]);
        }
    }
}

#[test]
fn it_is_accepted_wherever_a_subject_token_of_ours_is() {
    let server = TestServer::start(Engine::Sqlite);
    let envelope = envelope(&demo_token(&server));
    for kind in [ACCESS_TOKEN, JWT] {
        let form = [("grant_type", EXCHANGE), ("subject_token", &envelope), ("subject_token_type", kind)];
        verify(&server, &server.token(BFF, &form).access_token(), "resource-api");
    }
    let form = [("grant_type", "delegation"), ("token", envelope.as_str())];
    verify(&server, &server.token(BFF, &form).access_token(), "resource-api");
    // The scopes of the outside are nobody's.
    let answer = exchange(&server, &envelope, &[("scope", "reports.read")]);
    assert_eq!(answer.status, 400, "{}", answer.text);
}

#[test]
fn an_inner_token_that_is_no_good_is_refused_in_every_envelope() {
    let server = TestServer::start(Engine::Sqlite);
    let (ours, claims) = (Forge::of(&server), demo_claims(&server));
    let changed = |changes: &Value| ours.token(&with(&claims, changes));
    let good = demo_token(&server);
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let other_payload = unsigned(&ours.header().to_string(), &with(&claims, &json!({ "sub": "admin-1" })).to_string());
    for (inner, detail) in [
        (changed(&json!({ "exp": server.clock.now() })), "the token has expired"),
        (changed(&json!({ "iss": "https://third.example" })), "iss is another issuer"),
        (changed(&json!({ "subjectType": "ServiceAccount", "sub": "bff" })), NO_USER),
        (changed(&json!({ "subjectType": "EndUserApplication" })), NO_USER),
        (changed(&json!({ "subjectType": null })), NO_USER),
        (bff_token(&server), NO_USER),
        (Forge::attacker().token(&claims), UNKNOWN_KEY),
        (format!("{other_payload}.{signature}"), "the signature is not valid"),
        (format!("{head}."), "the signature is not valid"),
        (format!("{good} "), "the signature of the token is not base64url"),
        (envelope(&good), "typ is not at+jwt"),
        (ours.token(&outer_claims(good.as_str())), "the token is the envelope of another one"),
        (changed(&json!({ EMBEDDED: good })), "the token is the envelope of another one"),
        (String::new(), "the token does not have three parts"),
    ] {
        for envelope in envelopes(&server, &inner) {
            refused(&server, &envelope, detail);
        }
    }
}

// A token of ours never has the property: whoever got one signed would have a token that is two things.
#[test]
fn a_signature_of_our_own_makes_no_envelope_a_token() {
    let server = TestServer::start(Engine::Sqlite);
    let (ours, claims) = (Forge::of(&server), demo_claims(&server));
    let envelope = |inner: Value| ours.token(&with(&claims, &json!({ "sub": "admin", EMBEDDED: inner })));
    let answer = exchange(&server, &envelope(demo_token(&server).into()), &[]);
    assert_eq!(verify(&server, &answer.access_token(), "resource-api")["sub"], claims["sub"], "the inner one's");
    refused(&server, &envelope(Forge::attacker().token(&claims).into()), UNKNOWN_KEY);
    for inner in [json!([demo_token(&server)]), json!({}), json!(1), json!(false)] {
        refused(&server, &envelope(inner), "the token is the envelope of another one");
    }
}

#[test]
fn only_a_text_at_the_top_under_the_whole_name_is_looked_at() {
    let server = TestServer::start(Engine::Sqlite);
    let inner = demo_token(&server);
    let outer = |payload: &str| unsigned(r#"{"alg":"RS256","typ":"at+jwt"}"#, payload) + ".AA";
    let no_kid = "the header has no kid";
    for payload in [
        json!({ "mosaic": { "end-user": { "accessToken": inner } } }),
        json!({ "mosaic.end-user": { "accessToken": inner } }),
        json!({ "claims": { EMBEDDED: inner } }),
        json!({ "Mosaic.End-User.AccessToken": inner }),
        json!({ EMBEDDED: [inner] }),
        json!({ EMBEDDED: { "token": inner } }),
    ] {
        refused(&server, &outer(&payload.to_string()), no_kid);
    }
    // Two readers could see two tokens.
    let twice = format!("{{\"{EMBEDDED}\":\"x\",\"{EMBEDDED}\":\"{inner}\"}}");
    refused(&server, &outer(&twice), no_kid);
    let list = URL_SAFE_NO_PAD.encode(json!([{ EMBEDDED: inner }]).to_string());
    refused(&server, &format!("{}.{list}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#)), "the header has no typ");
}

#[test]
fn a_token_of_another_environment_is_refused_in_an_envelope_too() {
    let server = TestServer::start(Engine::Sqlite);
    let other = DEMO.replacen("name = \"demo\"", "name = \"other\"\ntenant = \"another\"", 1);
    server.apply(&other.replace(super::WEB, "00000000-0000-4000-8000-000000000001"));
    let path = path_of(&server, "other");
    let post = |form: &[(&str, &str)]| {
        let request = server.request(Method::POST, &format!("{path}/token"));
        Answer::to(request.basic_auth(BFF.0, Some(BFF.1)).form(form))
    };
    server.eventually("the environment is served", || post(&CLIENT_CREDENTIALS).status == 200);
    let envelope = envelope(&demo_token(&server));
    // Seen and remembered here; that must not help there.
    exchange(&server, &envelope, &[]).access_token();
    for _ in 0..2 {
        let form = [("grant_type", EXCHANGE), ("subject_token", &envelope), ("subject_token_type", ACCESS_TOKEN)];
        server.assert_subject_refused(&post(&form), UNKNOWN_KEY);
    }
    refused(&server, &self::envelope(&post(&CLIENT_CREDENTIALS).access_token()), UNKNOWN_KEY);
}

#[test]
fn an_envelope_that_was_seen_before_dies_with_what_is_in_it() {
    let server = TestServer::start(Engine::Sqlite);
    let (ours, claims) = (Forge::of(&server), demo_claims(&server));
    let far = with(&outer_claims(demo_token(&server)), &json!({ "exp": server.clock.now() + 1_000_000 }));
    let outer = Forge::attacker().token(&far);
    exchange(&server, &outer, &[]).access_token();
    server.clock.advance(3600);
    refused(&server, &outer, "the token has expired");

    let now = server.clock.now();
    let fresh = ours.token(&with(&claims, &json!({ "iat": now, "exp": now + 3600, "jti": "fresh" })));
    let outer = envelope(&fresh);
    exchange(&server, &outer, &[]).access_token();
    server.apply(&DEMO.replace("platform = \"WEB\"\nenabled = true", "platform = \"WEB\"\nenabled = false"));
    server.eventually("the application is off", || exchange(&server, &outer, &[]).status == 400);
    server.assert_subject_refused(
        &exchange(&server, &outer, &[]),
        "the application behind the token is disabled or gone",
    );
    server.apply(DEMO);
    server.eventually("the application is back", || exchange(&server, &outer, &[]).status == 200);
    server.cli(&["keys", "revoke", &ours.kid]).success();
    server.eventually_subject_refused(UNKNOWN_KEY, || exchange(&server, &outer, &[]));
}
