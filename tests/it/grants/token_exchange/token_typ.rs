//! Access tokens whose header says `JWT`, for resource servers that know no other type; and everything else of that type, which
//! is no access token at any door.

use reqwest::Method;
use serde_json::{Value, json};

use super::{actor, bff_token, calendar_token, demo_claims, demo_token};
use crate::{
    both_engines,
    support::{
        Answer, BFF, CALENDAR, DEMO, EXCHANGE, Engine, TestServer,
        forge::{Forge, unsigned, with},
        tokens::{exchange, exchange_as, peek},
    },
};

const EDIT: [(&str, &str); 2] = [("audience", "resource-api"), ("scope", "calendar.edit")];

/// The demo, where the calendar's API takes tokens of the type `JWT`.
fn demo() -> String {
    let demo =
        DEMO.replace("audience = \"resource-api\"\nscopes", "audience = \"resource-api\"\ntoken_typ = \"JWT\"\nscopes");
    assert_ne!(demo, DEMO);
    demo
}

fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(&demo()).start()
}

fn header(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = token.split('.').next().expect("a header");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON")
}

both_engines! {
    fn a_resource_server_says_what_the_header_of_its_tokens_says_they_are(engine) {
        let server = start(engine);
        let plain = |token: &str| json!({ "alg": "ES256", "typ": "JWT", "kid": header(token)["kid"], "token_use": "access" });
        let delegated = exchange(&server, &demo_token(&server), &EDIT).access_token();
        assert_eq!(header(&delegated), plain(&delegated));
        let own = bff_token(&server);
        assert_eq!(header(&own), plain(&own));
        // It goes on from there, and those of others are as ever.
        let next = exchange_as(&server, CALENDAR, &delegated, &[("audience", "reports-api"), ("scope", "reports.read")]).access_token();
        assert_eq!(header(&next)["typ"], "at+jwt");
        assert_eq!(header(&next).get("token_use"), None);
        assert_eq!(header(&calendar_token(&server))["typ"], "at+jwt");
        let seen = server.introspect(CALENDAR, &delegated);
        assert_eq!((&seen["active"], &seen["aud"], &seen["typ"], &seen["token_use"]), (&json!(true), &json!("resource-api"), &Value::Null, &Value::Null));
        server.revoked(BFF, &delegated);
        assert_eq!(server.introspect(CALENDAR, &delegated), json!({ "active": false }));
        assert!(!server.is_active(CALENDAR, &next), "what came of it is revoked too");
        // The file says so on every node, and takes it back.
        server.apply(DEMO);
        assert_eq!(header(&bff_token(&server.another_node()))["typ"], "at+jwt");
    }

    fn one_token_has_one_type(engine) {
        let rule = demo().replace("audience = [\"resource-api\"]\nmode", "audience = [\"resource-api\", \"archive-api\"]\nmode");
        let archive = "\n[[resource_server]]\naudience = \"archive-api\"\nscopes = [\"calendar.edit\"]\nscope_claim = \"array\"\n";
        let server = TestServer::builder(engine).environment(&format!("{rule}{archive}")).start();
        let both = [&EDIT[..], &[("audience", "archive-api")]].concat();
        server.assert_refused(&exchange(&server, &demo_token(&server), &both), "invalid_target", "targets_differ");
        server.database.assert_nothing_issued();
        server.apply(&format!("{rule}{archive}token_typ = \"JWT\"\n"));
        let token = exchange(&server.another_node(), &demo_token(&server), &both).access_token();
        assert_eq!((&peek(&token)["aud"], &header(&token)["typ"]), (&json!(["resource-api", "archive-api"]), &json!("JWT")));
    }
}

/// A place where access tokens are taken: its name, and whether it takes this one, which is that of a user or the client's own.
type Door = (&'static str, fn(&TestServer, user: &str, own: &str) -> bool);

const DOORS: [Door; 8] = [
    ("subject", |server, user, _| exchange(server, user, &EDIT).status == 200),
    ("actor", |server, _, own| exchange(server, &demo_token(server), &[&EDIT[..], &actor(own)].concat()).status == 200),
    ("delegation", |server, user, _| {
        let form = [("grant_type", "delegation"), ("token", user), ("scope", "calendar.edit")];
        server.token(BFF, &form).status == 200
    }),
    ("inside another token", |server, user, _| {
        let claims = json!({ "mosaic.end-user.accessToken": user }).to_string();
        let envelope = unsigned(r#"{"alg":"RS256","typ":"JWT"}"#, &claims) + ".c2lnbmF0dXJl";
        let kind = "urn:ietf:params:oauth:token-type:jwt";
        let form = [("grant_type", EXCHANGE), ("subject_token", envelope.as_str()), ("subject_token_type", kind)];
        server.token(BFF, &[&form[..], &EDIT].concat()).status == 200
    }),
    ("introspection", |server, user, _| server.is_active(BFF, user)),
    // One of this server's own would be answered: 403 is for a good token that is addressed to others.
    ("userinfo", |server, user, _| {
        Answer::to(server.request(Method::GET, "/userinfo").bearer_auth(user)).status == 403
    }),
    ("management", |server, _, own| {
        let query = json!({ "query": "{ currentCaller { subject } }" });
        let request = server.request(Method::POST, "/graphql-management").bearer_auth(own).json(&query);
        Answer::to(request).json()["data"]["currentCaller"]["subject"] == BFF.0
    }),
    ("revocation", |server, _, own| {
        server.revoked(BFF, own);
        !server.revocations().is_empty()
    }),
];

/// The header of a kind of token, if `mark` with the mark of our access tokens; the claims are always those of a perfect access token,
/// by our own key.
#[track_caller]
fn taken_by(server: &TestServer, changes: &Value) -> Vec<&'static str> {
    let forge = Forge::of(server);
    let header = with(&forge.header(), changes).to_string();
    let own = with(&peek(&bff_token(server)), &json!({ "aud": server.url, "jti": "of-the-client" }));
    let (user, own) = (forge.sign(&header, &demo_claims(server).to_string()), forge.sign(&header, &own.to_string()));
    DOORS.into_iter().filter(|(_, takes)| takes(server, &user, &own)).map(|(name, _)| name).collect()
}

#[test]
fn an_access_token_of_the_type_jwt_is_taken_at_every_door() {
    for changes in [json!({}), json!({ "typ": "JWT", "token_use": "access" })] {
        let server = start(Engine::Sqlite);
        assert_eq!(taken_by(&server, &changes), DOORS.map(|(name, _)| name), "{changes}");
    }
}

#[test]
fn no_other_kind_of_token_is_taken_at_any_door_whatever_it_claims() {
    let server = start(Engine::Sqlite);
    for changes in [
        // An ID token.
        json!({ "typ": "JWT" }),
        json!({ "typ": null }),
        json!({ "typ": "JWT", "token_use": "id" }),
        json!({ "typ": "JWT", "token_use": "ACCESS" }),
        json!({ "typ": "JWT", "token_use": ["access"] }),
        json!({ "typ": "JWT", "use": "access" }),
        json!({ "typ": "jwt", "token_use": "access" }),
        json!({ "typ": null, "token_use": "access" }),
        // A logout token, an answer about a token, proofs, assertions, signed requests.
        json!({ "typ": "logout+jwt", "token_use": "access" }),
        json!({ "typ": "token-introspection+jwt", "token_use": "access" }),
        json!({ "typ": "dpop+jwt", "token_use": "access" }),
        json!({ "typ": "client-authentication+jwt", "token_use": "access" }),
        json!({ "typ": "oauth-authz-req+jwt", "token_use": "access" }),
        json!({ "typ": "secevent+jwt", "token_use": "access" }),
    ] {
        assert_eq!(taken_by(&server, &changes), Vec::<&str>::new(), "{changes}");
    }
    assert_eq!(server.revocations(), Vec::<String>::new());
}

// What we really sign: each has claims about the user, and none the mark.
#[test]
fn a_signed_answer_about_a_token_is_no_access_token() {
    let server = start(Engine::Sqlite);
    let own = bff_token(&server);
    let request = server.request(Method::POST, "/introspect").basic_auth(BFF.0, Some(BFF.1));
    let request = request.header("accept", "application/token-introspection+jwt").form(&[("token", own.as_str())]);
    let answer = Answer::to(request).text;
    assert_eq!(header(&answer)["typ"], "token-introspection+jwt");
    assert_eq!(header(&answer).get("token_use"), None);
    for (name, takes) in DOORS {
        assert!(!takes(&server, &answer, &answer), "{name}");
    }
}
