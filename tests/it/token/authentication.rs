//! Client authentication (RFC 6749 §2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;

use crate::{
    both_engines,
    support::{Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, Engine, TestServer, tokens::peek},
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const GRANT: &[u8] = b"grant_type=client_credentials";
/// What form encoding is for: without it, each of these characters would be read as another one.
const ODD_ID: &str = "a:b%25+c&d=e";
const ODD_SECRET: &str = "pass:word% 100%25 +1=2 & gr\u{fc}\u{df}e \u{1f511} 0123456789";

fn odd_environment() -> String {
    format!(
        r#"
        [environment]
        name = "odd"
        [[client]]
        id = {ODD_ID:?}
        grants = ["client_credentials"]
        secret = {ODD_SECRET:?}
        [[client]]
        id = "secretless"
        grants = ["client_credentials"]
        "#
    )
}

fn basic(server: &TestServer, credentials: &[u8], form: &[(&str, &str)]) -> Answer {
    let value = format!("Basic {}", STANDARD.encode(credentials));
    Answer::to(server.request(Method::POST, "/token").header("authorization", value).form(form))
}

fn assert_unauthenticated(answer: &Answer) {
    answer.assert_refused(401, "invalid_client", "client_authentication_failed");
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"tessera\", charset=\"UTF-8\""));
}

/// TE-012.
#[test]
fn id_and_secret_in_the_header_are_form_encoded() {
    let server = TestServer::builder(Engine::Sqlite).environment(&odd_environment()).start();
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    for encode in [&encode as &dyn Fn(&str) -> String, &percent] {
        let credentials = format!("{}:{}", encode(ODD_ID), encode(ODD_SECRET));
        let answer = basic(&server, credentials.as_bytes(), &CLIENT_CREDENTIALS);
        assert_eq!(peek(&answer.access_token())["client_id"], ODD_ID);
    }
    // The same in the body, where the form is encoded once.
    let post = [("grant_type", "client_credentials"), ("client_id", ODD_ID), ("client_secret", ODD_SECRET)];
    assert_eq!(peek(&server.token_without_header(&post).access_token())["client_id"], ODD_ID);
}

/// TE-012.
#[test]
fn a_header_that_is_not_form_encoded_base64_is_refused() {
    let server = TestServer::builder(Engine::Sqlite).environment(&odd_environment()).start();
    let raw = format!("{ODD_ID}:{ODD_SECRET}");
    for credentials in
        [raw.as_bytes(), b"bff", b"", b":", b":x", b"bff:", b"bff:%zz", b"bff:\xff", b"\xff:x", b"b%00:x"]
    {
        assert_unauthenticated(&basic(&server, credentials, &CLIENT_CREDENTIALS));
    }
    let good = STANDARD.encode("bff:x");
    for header in [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {good} {good}"),
        format!("Basic{good}"),
        good,
        "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "Digest username=\"bff\"".to_owned(),
    ] {
        let request = server.request(Method::POST, "/token").header("authorization", header);
        assert_unauthenticated(&Answer::to(request.form(&CLIENT_CREDENTIALS)));
    }
    server.database.assert_nothing_issued();
}

/// TE-012: the scheme is a word of HTTP, which has no case.
#[test]
fn the_scheme_may_be_written_in_any_case() {
    let server = TestServer::start(Engine::Sqlite);
    let credentials = STANDARD.encode(format!("{}:{}", BFF.0, BFF.1));
    for scheme in ["Basic", "basic", "BASIC"] {
        let request = server.request(Method::POST, "/token").header("authorization", format!("{scheme} {credentials}"));
        Answer::to(request.form(&CLIENT_CREDENTIALS)).access_token();
    }
}

both_engines! {
    /// TE-012.
    fn a_client_authenticates_by_header_or_by_body(engine) {
        let server = TestServer::start(engine);
        let post = [("grant_type", "client_credentials"), ("client_id", BFF.0), ("client_secret", BFF.1)];
        for answer in [server.token(BFF, &CLIENT_CREDENTIALS), server.token_without_header(&post)] {
            assert_eq!(peek(&answer.access_token())["client_id"], "bff");
        }
    }

    /// TE-014, TE-019: nobody learns which ids exist. The record tells the operator (TE-030).
    fn every_failure_looks_the_same(engine) {
        let server = TestServer::start(engine);
        let secret = server.cli(&["service-account", "create", "new"]).success();
        let secret = secret.trim().rsplit_once("client_secret=").expect("a secret").1.to_owned();
        let (cut_off, tail) = secret.split_at(secret.len() - 1);
        let mistyped = format!("{cut_off}{}", if tail == "a" { "b" } else { "a" });
        let without_bff = crate::support::DEMO.replace("id = \"bff\"\n", "id = \"bff\"\nenabled = false\n");
        server.eventually("the new client", || {
            // Nobody is slowed down for asking too early.
            server.clock.advance(3);
            server.token(("new", &secret), &CLIENT_CREDENTIALS).status == 200
        });
        server.apply(&without_bff);
        server.eventually("bff is disabled", || server.token(BFF, &CLIENT_CREDENTIALS).status == 401);
        let issued = server.database.audit_records().len();

        let cases = [
            (("nobody", BFF.1), "there is no such client"),
            ((CALENDAR.0, BFF.1), "no secret of the client matches"),
            (("new", cut_off), "the secret is mistyped or cut off (its checksum is wrong)"),
            (("new", mistyped.as_str()), "the secret is mistyped or cut off (its checksum is wrong)"),
            (BFF, "the client or its environment is disabled"),
        ];
        let mut seen = Vec::new();
        for (client, detail) in cases {
            let post = [("grant_type", "client_credentials"), ("client_id", client.0), ("client_secret", client.1)];
            for answer in [server.token(client, &CLIENT_CREDENTIALS), server.token_without_header(&post)] {
                assert_unauthenticated(&answer);
                let mut headers = answer.headers.clone();
                for own in ["x-request-id", "date"] {
                    assert!(headers.remove(own).is_some(), "{own}");
                }
                seen.push((answer.text, headers));
            }
            let record = server.database.audit_records().pop().expect("a record");
            assert_eq!((&record["detail"], &record["client_id"]), (&json!(detail), &json!(client.0)));
            assert_eq!((&record["reason"], record.get("jti")), (&json!("client_authentication_failed"), None));
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        assert_eq!(server.database.audit_records().len(), issued + seen.len());
    }

    /// TE-030: a secret is replaced without an outage, and the old one ends by itself.
    fn two_secrets_are_good_until_the_old_one_expires(engine) {
        let server = TestServer::start(engine);
        let reset = server.cli(&["service-account", "reset-secret", "bff", "--keep-old", "3600"]).success();
        let new = reset.trim().rsplit_once("client_secret=").expect("a secret").1.to_owned();
        let mut waited = 0;
        server.eventually("the new secret", || {
            // Nobody is slowed down for asking too early.
            server.clock.advance(3);
            waited += 3;
            server.token((BFF.0, &new), &CLIENT_CREDENTIALS).status == 200
        });
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        // The command line goes by the clock of the machine, which may be seconds ahead of the test's.
        server.clock.advance(3500 - waited);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        server.clock.advance(200);
        assert_unauthenticated(&server.token(BFF, &CLIENT_CREDENTIALS));
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["detail"], record.get("jti")), (&json!("the secret has expired"), None));
        server.token((BFF.0, &new), &CLIENT_CREDENTIALS).access_token();
    }
}

/// TE-013: a proxy may have checked the other one.
#[test]
fn more_than_one_method_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let assertion_type = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let forms: [&[(&str, &str)]; 4] = [
        &[("client_secret", BFF.1)],
        &[("client_id", BFF.0), ("client_secret", BFF.1)],
        &[("client_assertion", "a.b.c")],
        &[assertion_type],
    ];
    for more in forms {
        let form = [&CLIENT_CREDENTIALS, more].concat();
        server.token(BFF, &form).assert_refused(400, "invalid_request", "several_authentication_methods");
    }
    let form = [&CLIENT_CREDENTIALS, forms[1], forms[2]].concat();
    let answer = server.token_without_header(&form);
    answer.assert_refused(400, "invalid_request", "several_authentication_methods");
    server.database.assert_nothing_issued();
}

/// TE-013: readers differ in which of two header lines they see.
#[test]
fn several_authorization_headers_are_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let good = format!("Authorization: Basic {}", STANDARD.encode(format!("{}:{}", BFF.0, BFF.1)));
    assert_eq!(server.raw_token(&[FORM, &good], GRANT).status(), 200);
    let issued = server.database.audit_records().len();
    for second in [good.as_str(), "Authorization: Bearer x", "authorization:", "AUTHORIZATION: Basic x"] {
        for headers in [[FORM, &good, second], [FORM, second, &good]] {
            server.raw_token(&headers, GRANT).assert_refused(400, "several_authentication_methods");
        }
    }
    for record in server.database.audit_records().split_off(issued) {
        assert!(record.get("jti").is_none(), "{record}");
    }
}

/// TE-015.
#[test]
fn the_client_id_of_the_body_may_only_repeat_that_of_the_header() {
    let server = TestServer::start(Engine::Sqlite);
    let with = |id| [("grant_type", "client_credentials"), ("client_id", id)];
    server.token(BFF, &with(BFF.0)).access_token();
    for other in [CALENDAR.0, "nobody", "BFF", "bff "] {
        server.token(BFF, &with(other)).assert_refused(400, "invalid_request", "client_id_mismatch");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["reason"], record.get("jti")), (&json!("client_id_mismatch"), None));
    }
}

/// TE-016, TE-017: there are no public clients, for any grant.
#[test]
fn a_request_without_a_secret_is_refused() {
    let server = TestServer::builder(Engine::Sqlite).environment(&odd_environment()).start();
    for grant in ["client_credentials", crate::support::EXCHANGE, "delegation"] {
        assert_unauthenticated(&server.token_without_header(&[("grant_type", grant)]));
        let named = [("grant_type", grant), ("client_id", "secretless")];
        assert_unauthenticated(&server.token_without_header(&named));
        let empty = [("grant_type", grant), ("client_id", "secretless"), ("client_secret", "")];
        assert_unauthenticated(&server.token_without_header(&empty));
        assert_unauthenticated(&server.token(("secretless", "nobody"), &[("grant_type", grant)]));
    }
    let nameless = [("grant_type", "client_credentials"), ("client_secret", ODD_SECRET)];
    server.token_without_header(&nameless).assert_refused(400, "invalid_request", "missing_parameter");
    server.database.assert_nothing_issued();
}

/// TE-021: not offered, and not taken for anything else.
#[test]
fn a_client_assertion_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let assertion = [
        ("grant_type", "client_credentials"),
        ("client_id", BFF.0),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJiZmYifQ."),
    ];
    assert_unauthenticated(&server.token_without_header(&assertion));
    server.database.assert_nothing_issued();
}
