//! Requests and answers, whatever the operation.

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::{clock::Clock as _, timestamp::iso_8601};

use super::{AUTH, MANAGEMENT, ask, assert_refused, send};
use crate::{
    both_engines,
    support::{Answer, Engine, TestServer},
    well_known::apply_second,
};

both_engines! {
    fn both_endpoints_execute_documents(engine) {
        let server = TestServer::start(engine);
        for path in [AUTH, MANAGEMENT] {
            let answer = ask(&server, path, "{ serverVersion __typename }");
            let expected = json!({ "data": { "serverVersion": env!("CARGO_PKG_VERSION"), "__typename": "Query" } });
            assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.header("www-authenticate").is_none() && answer.header("retry-after").is_none());
        }
    }
}

#[test]
fn a_body_has_a_document_its_variables_and_the_name_of_an_operation() {
    let server = TestServer::start(Engine::Sqlite);
    let query =
        "query A($no: Boolean = true) { a: serverVersion @skip(if: $no) b: devOperations } query B { serverVersion }";
    for (body, data) in [
        (json!({ "operationName": "A", "variables": {}, "query": query }), json!({ "b": false })),
        (
            json!({ "operationName": "A", "variables": { "no": false }, "query": query }),
            json!({ "a": env!("CARGO_PKG_VERSION"), "b": false }),
        ),
        (
            json!({ "operationName": "B", "variables": null, "query": query, "extensions": {} }),
            json!({ "serverVersion": env!("CARGO_PKG_VERSION") }),
        ),
    ] {
        let answer = send(&server, AUTH, &body);
        assert_eq!((answer.status.as_u16(), &answer.json()["data"]), (200, &data), "{}", answer.text);
    }
    for name in [json!("C"), json!(null)] {
        let answer = send(&server, AUTH, &json!({ "operationName": name, "query": query }));
        assert_refused(&answer, 400, "GRAPHQL_VALIDATION_FAILED", &json!([]));
    }
}

#[test]
fn what_is_no_request_is_refused_in_the_same_shape() {
    let server = TestServer::start(Engine::Sqlite);
    let post = |content_type: &str, body: &str| {
        let request = server.request(Method::POST, AUTH).header("content-type", content_type);
        Answer::to(request.body(body.to_owned()))
    };
    let good = r#"{"query":"{serverVersion}"}"#;
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"] {
        assert_eq!(post(content_type, good).status, 200, "{content_type}");
    }
    for body in
        ["", "{", "null", r#"[{"query":"{serverVersion}"}]"#, r#"{"query":"{serverVersion}","id":1}"#, r#"{"id":"x"}"#]
    {
        assert_refused(&post("application/json", body), 400, "GRAPHQL_VALIDATION_FAILED", &json!([]));
    }
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
    ] {
        assert_refused(&post(other, good), 415, "GRAPHQL_VALIDATION_FAILED", &json!([]));
    }
    let large = format!(r#"{{"query":"{{serverVersion}}","variables":{{"x":"{}"}}}}"#, "x".repeat(70_000));
    assert_refused(&post("application/json", &large), 413, "GRAPHQL_VALIDATION_FAILED", &json!([]));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for path in [AUTH, MANAGEMENT] {
            let query = server.request(method.clone(), &format!("{path}?query={{serverVersion}}"));
            let answer = Answer::to(query.header("accept", "text/html"));
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
}

#[test]
fn an_error_says_where_and_when_by_the_clock_of_the_server() {
    let server = TestServer::start(Engine::Sqlite);
    server.clock.advance(86_400);
    for (query, status, path) in
        [("{ nothing }", 400, json!([])), ("{ mine: currentCaller { subject } serverVersion }", 401, json!(["mine"]))]
    {
        let answer = ask(&server, MANAGEMENT, query);
        let code = if status == 400 { "GRAPHQL_VALIDATION_FAILED" } else { "ACCESS_TOKEN_REQUIRED" };
        assert_refused(&answer, status, code, &path);
        assert_eq!(answer.json()["errors"][0]["timestamp"], iso_8601(server.clock.now_millis()));
    }
    let answer = ask(&server, MANAGEMENT, "{ mine: currentCaller { subject } serverVersion }").json();
    assert_eq!(answer["data"], json!({ "serverVersion": env!("CARGO_PKG_VERSION"), "mine": null }));
}

#[test]
fn what_one_endpoint_offers_the_other_does_not_know() {
    let server = TestServer::start(Engine::Sqlite);
    let answer = ask(&server, AUTH, "{ currentCaller { subject } }");
    let message = assert_refused(&answer, 400, "GRAPHQL_VALIDATION_FAILED", &json!([]));
    assert!(message.contains("currentCaller"), "{message}");
}

#[test]
fn the_endpoints_can_be_discovered_and_each_environment_has_its_own() {
    let server = TestServer::start(Engine::Sqlite);
    let second = apply_second(&server);
    for issuer in ["", &second] {
        let document = server.get(&format!("{issuer}/.well-known"));
        assert_eq!((document.status.as_u16(), document.header("content-type")), (200, Some("application/json")));
        let expected = json!({
            "authGraphQlEndpoint": format!("{}{issuer}/graphql", server.url),
            "accessManagementGraphQlEndpoint": format!("{}{issuer}/graphql-management", server.url),
        });
        assert_eq!(document.json(), expected);
        for path in [AUTH, MANAGEMENT] {
            assert_eq!(ask(&server, &format!("{issuer}{path}"), "{ serverVersion }").status, 200);
        }
        assert_eq!(server.get(&format!("{issuer}/health")).json(), json!({ "status": "up" }));
    }
    let unknown = second.replace(|c: char| c.is_ascii_hexdigit(), "0");
    let nowhere = server.get("/nowhere").text;
    for path in ["/.well-known", "/graphql", "/graphql-management", "/health", "/graphiql", "/graphiql/page.js"] {
        let path = format!("{unknown}{path}");
        let get = server.get(&path);
        let post = send(&server, &path, &json!({ "query": "{ serverVersion }" }));
        let answers = if path.contains("/graphql") { vec![post] } else { vec![get] };
        for answer in answers {
            assert_eq!((answer.status.as_u16(), &answer.text), (404, &nowhere), "{path}");
        }
    }
}

#[test]
fn operations_for_development_are_off_unless_asked_for() {
    let has_them = |server: &TestServer| -> Vec<Value> {
        let ask = |path| ask(server, path, "{ devOperations }").json()["data"]["devOperations"].clone();
        vec![ask(AUTH), ask(MANAGEMENT)]
    };
    assert_eq!(has_them(&TestServer::start(Engine::Sqlite)), [json!(false), json!(false)]);
    let server = TestServer::builder(Engine::Sqlite).setting("graphql.dev_operations", "true").start();
    assert_eq!(has_them(&server), [json!(true), json!(true)]);
}
