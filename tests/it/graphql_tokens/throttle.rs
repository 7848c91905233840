//! Guesses count wherever they are made: at the token endpoint and in the operations, together.

use serde_json::{Value, json};

use super::{ENVIRONMENT, KEY, NOBODY, SERVICE, UNKNOWN, WEB, Wire};
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, TestServer};

const SERVICE_ACCOUNT: &str = "authenticateServiceAccount";
const APPLICATION: &str = "authenticateEndUserApplication";

fn server() -> TestServer {
    let builder = TestServer::builder(Engine::Sqlite).environment(ENVIRONMENT);
    builder.setting("limits.failures_per_client", "4").setting("limits.failures_per_address", "40").start()
}

fn assert_slowed_down(answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["errors"][0]["code"]), (429, &json!("TOO_MANY_REQUESTS")), "{body}");
    let seconds: i64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=16).contains(&seconds), "{seconds}");
}

fn account((id, secret): (&str, &str)) -> Value {
    json!({ "clientId": id, "clientSecret": secret })
}

#[test]
fn guesses_at_a_secret_count_together_wherever_they_are_made() {
    let server = server();
    let wire = Wire::of(&server);
    for _ in 0..2 {
        wire.refused(SERVICE_ACCOUNT, &account((SERVICE.0, "wrong")), None, "INVALID_CLIENT_ID_SECRET");
        assert_eq!(server.token((SERVICE.0, "wrong"), &CLIENT_CREDENTIALS).status, 401);
    }
    for secret in ["wrong", SERVICE.1] {
        assert_slowed_down(&wire.send(SERVICE_ACCOUNT, &account((SERVICE.0, secret)), None));
        server.token((SERVICE.0, secret), &CLIENT_CREDENTIALS).assert_refused(
            429,
            "temporarily_unavailable",
            "too_many_failures",
        );
    }
    server.database.assert_nothing_issued();
    let record = server.database.audit_records().pop().expect("a record");
    assert_eq!(record["detail"], "limits.failures_per_client is used up");
    wire.login(NOBODY);
    server.clock.advance(15);
    wire.login(SERVICE);
}

#[test]
fn aliases_of_one_request_are_as_many_guesses() {
    let server = server();
    let guess = |number| {
        format!(
            "a{number}: {SERVICE_ACCOUNT}(input: {{ clientId: \"{}\", clientSecret: \"wrong\" }}) {{ accessToken }}",
            SERVICE.0
        )
    };
    let document = format!("mutation {{ {} }}", (0..5).map(guess).collect::<Vec<_>>().join(" "));
    let answer = Wire::of(&server).post("/graphql", &json!({ "query": document }), None);
    let codes: Vec<Value> =
        answer.json()["errors"].as_array().expect("errors").iter().map(|error| error["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| *code == "INVALID_CLIENT_ID_SECRET").count(), 4, "{codes:?}");
    assert_eq!((codes.iter().filter(|code| *code == "TOO_MANY_REQUESTS").count(), answer.status.as_u16()), (1, 429));
}

#[test]
fn guesses_at_the_key_of_an_application_are_stopped_whether_there_is_one_or_not() {
    let server = server();
    let wire = Wire::of(&server);
    let input = |id: &str, key: &str| json!({ "tenantId": wire.tenant_id, "environmentId": wire.environment_id, "applicationId": id, "applicationKey": key });
    for id in [WEB, UNKNOWN] {
        for _ in 0..4 {
            wire.refused(APPLICATION, &input(id, "wrong"), None, "APPLICATION_NOT_ACTIVE");
        }
        for key in ["wrong", KEY] {
            assert_slowed_down(&wire.send(APPLICATION, &input(id, key), None));
        }
    }
    server.database.assert_nothing_issued();
    server.clock.advance(15);
    wire.token(APPLICATION, &input(WEB, KEY), None);
}
