//! Answers to what resolvers can do: refuse, fail, pass on what they should not.

use std::task::{Context, Poll, Waker};

use async_graphql::{EmptyMutation, EmptySubscription, Error, Object, Schema};
use serde_json::{Value, json};

use super::{
    answer::{self, About, GraphQlAnswer},
    body,
    schema::{ErasedSchema, limited},
};
use crate::operations::{
    counts::Counts,
    mosaic_error::{MosaicCode, MosaicError},
};

/// 2026-01-01T00:00:00.007Z.
const NOW: i64 = 1_767_225_600_007;

struct Query;

#[Object]
impl Query {
    async fn fine(&self) -> i32 {
        1
    }

    async fn refuse(&self, code: String) -> Result<Option<i32>, MosaicError> {
        let code = MosaicCode::ALL.iter().find(|known| known.as_str() == code).copied();
        let error = MosaicError::from(code.unwrap_or(MosaicCode::NotFound)).with_detail("for the log alone");
        Err(MosaicError { retry_after: Some(41), ..error.with_details(json!({ "left": 3 })) })
    }

    async fn fail(&self) -> Result<Option<i32>, Error> {
        Ok(Some("secret text".parse::<i32>().map_err(|error| std::io::Error::other(format!("/etc/keys: {error}")))?))
    }

    async fn list(&self) -> Vec<Item> {
        vec![Item, Item]
    }

    #[graphql(complexity = "100 * child_complexity")]
    async fn page(&self) -> Vec<Item> {
        vec![]
    }
}

struct Item;

#[Object]
impl Item {
    async fn id(&self) -> i32 {
        1
    }

    async fn broken(&self) -> Result<Option<i32>, MosaicError> {
        Err(MosaicError::new(MosaicCode::ArgumentInvalid, "this one"))
    }
}

fn ask(query: &str) -> GraphQlAnswer {
    let schema: Box<dyn ErasedSchema> = Box::new(limited(Schema::build(Query, EmptyMutation, EmptySubscription)));
    let request = body::read(json!({ "query": query }).to_string().as_bytes()).expect("within the limits");
    // Nothing in this schema waits.
    let mut execution = schema.execute(request);
    match execution.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => {
            let about = About { request_id: "r", trace: None, now_millis: NOW, counts: &Counts::default() };
            answer::of(response, &about)
        }
        Poll::Pending => panic!("it waits"),
    }
}

fn json(answer: &GraphQlAnswer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[test]
fn a_refusal_has_its_code_path_and_time_at_its_top_level_and_nothing_of_the_log() {
    let answer = ask("{ fine again: refuse(code: \"NOT_FOUND\") }");
    let expected = json!({
        "data": { "fine": 1, "again": null },
        "errors": [{
            "message": "Not found",
            "code": "NOT_FOUND",
            "path": ["again"],
            "timestamp": "2026-01-01T00:00:00.007Z",
            "details": { "left": 3 },
        }],
    });
    assert_eq!((answer.status, json(&answer)), (200, expected));
    assert_eq!((answer.challenge, answer.retry_after), (None, None));
    let alone = json(&ask("{ refuse(code: \"NOT_FOUND\") }"));
    assert_eq!(alone["data"], json!({ "refuse": null }));
}

#[test]
fn a_field_that_failed_is_there_as_none_wherever_it_stands() {
    let answer = json(&ask("{ list { id broken } }"));
    let item = json!({ "id": 1, "broken": null });
    assert_eq!(answer["data"], json!({ "list": [item, item] }));
    let errors = answer["errors"].as_array().expect("errors");
    let mut paths: Vec<&Value> = errors.iter().map(|error| &error["path"]).collect();
    paths.sort_by_key(|path| path.to_string());
    assert_eq!(paths, [&json!(["list", 0, "broken"]), &json!(["list", 1, "broken"])]);
    assert!(errors.iter().all(|error| error["message"] == "this one" && error.get("details").is_none()));
}

#[test]
fn what_fails_inside_stays_inside() {
    for query in ["{ fail }", "{ refuse(code: \"INTERNAL_SERVER_ERROR\") }"] {
        let answer = ask(query);
        assert_eq!(answer.status, 500);
        let error = &json(&answer)["errors"][0];
        assert_eq!((&error["message"], &error["code"]), (&json!("internal error"), &json!("INTERNAL_SERVER_ERROR")));
        assert_eq!(error.get("details"), None);
    }
}

#[test]
fn the_worst_error_gives_the_status_and_the_headers() {
    let both = |a: &str, b: &str| ask(&format!("{{ a: refuse(code: \"{a}\") b: refuse(code: \"{b}\") }}"));
    let challenge = Some("Bearer error=\"invalid_token\"");
    for (a, b, status, challenge, retry_after) in [
        ("NOT_FOUND", "USER_NOT_AUTHORIZED", 200, None, None),
        ("ACCESS_TOKEN_EXPIRED", "NOT_FOUND", 401, challenge, None),
        ("ACCESS_TOKEN_REQUIRED", "NOT_FOUND", 401, Some("Bearer"), None),
        ("TOO_MANY_REQUESTS", "MALFORMED_TOKEN", 429, None, Some(41)),
        ("SERVICE_UNAVAILABLE", "TOO_MANY_REQUESTS", 503, None, Some(41)),
        ("INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", 500, None, None),
    ] {
        for answer in [both(a, b), both(b, a)] {
            let got = (answer.status, answer.challenge, answer.retry_after);
            assert_eq!(got, (status, challenge, retry_after), "{a} {b}");
        }
    }
}

#[test]
fn a_document_that_is_not_valid_has_no_data_and_status_400() {
    for query in [
        "{ nothing }",
        "{ fine { x } }",
        "{ refuse }",
        "{ refuse(code: 1) }",
        "mutation { fine }",
        "query($x: X) { fine }",
    ] {
        let answer = ask(query);
        let body = json(&answer);
        assert_eq!((answer.status, body.get("data")), (400, None), "{query}: {body}");
        for error in body["errors"].as_array().expect("errors") {
            assert_eq!((&error["code"], &error["path"]), (&json!("GRAPHQL_VALIDATION_FAILED"), &json!([])), "{query}");
            let members: Vec<&String> = error.as_object().expect("an object").keys().collect();
            assert_eq!(members, ["message", "code", "path", "timestamp"]);
        }
    }
}

#[test]
fn lists_cost_what_the_schema_says() {
    assert_eq!(ask("{ page { id } }").status, 200);
    let answer =
        ask("{ a: page { id } b: page { id } c: page { a: id b: id c: id d: id e: id f: id g: id h: id i: id } }");
    assert_eq!((answer.status, &json(&answer)["errors"][0]["code"]), (400, &json!("QUERY_TOO_COMPLEX")));
}

#[test]
fn a_document_of_nothing_but_mistakes_does_not_fill_the_line() {
    let mistakes = (0..900).fold(String::new(), |text, n| text + &format!("a{n} "));
    let errors = json(&ask(&format!("{{ list {{ {mistakes} }} }}")))["errors"].as_array().map(Vec::len);
    assert_eq!(errors, Some(50));
}
