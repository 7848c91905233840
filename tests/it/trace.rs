//! W3C Trace Context: what the caller says of its trace is in the log and on record, and goes on to others.

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::application::OnFailure;

use crate::support::{
    Answer, BFF, CLIENT_CREDENTIALS, DEMO, EXCHANGE, Engine, Installation, TestServer,
    forge::Forge,
    hook::{self, Hook},
    peer::Peer,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// The demo's application.
const APPLICATION: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";

fn traceparent() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

fn traced(server: &TestServer, traceparent: &[&str], form: &[(&str, &str)]) -> Answer {
    let request = server.request(Method::POST, "/token").basic_auth(BFF.0, Some(BFF.1)).form(form);
    Answer::to(traceparent.iter().fold(request, |request, value| request.header("traceparent", *value)))
}

#[test]
fn the_trace_is_on_record_for_tokens_refusals_and_operations() {
    let server = TestServer::start(Engine::Sqlite);
    let sound = traceparent();
    let granted = traced(&server, &[&sound], &CLIENT_CREDENTIALS);
    granted.access_token();
    assert_eq!(server.record_of(&granted)["trace_id"], TRACE);
    let refused = traced(&server, &[&sound], &[("grant_type", "none")]);
    assert_eq!(server.record_of(&refused)["trace_id"], TRACE);
    assert_ne!(granted.header("x-request-id"), Some(TRACE), "the id of the request is ours");

    let (id, secret) = BFF;
    let document = format!(
        "mutation {{ authenticateServiceAccount(input: {{ clientId: {id:?}, clientSecret: {secret:?} }}) {{ accessToken }} }}"
    );
    let query = json!({ "query": document });
    let request = server.request(Method::POST, "/graphql").header("traceparent", &sound).json(&query);
    let answer = Answer::to(request);
    let records = server.records_of(&answer);
    assert!(!records.is_empty() && records.iter().all(|record| record["trace_id"] == TRACE), "{}", answer.text);
}

#[test]
fn a_malformed_trace_is_as_if_there_were_none() {
    let server = TestServer::start(Engine::Sqlite);
    let sound = traceparent();
    let upper = sound.to_uppercase();
    for bad in [&[upper.as_str()][..], &["00-x"], &[&sound, &sound], &[""], &[]] {
        let answer = traced(&server, bad, &CLIENT_CREDENTIALS);
        answer.access_token();
        assert!(server.record_of(&answer).get("trace_id").is_none(), "{bad:?}");
    }
}

/// What a peer was sent as `traceparent`.
fn sent(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("traceparent:"))?;
    Some(line.split_once(':').expect("a header").1.trim().to_owned())
}

#[track_caller]
fn assert_goes_on(head: &str) {
    let sent = sent(head).unwrap_or_else(|| panic!("no traceparent in {head}"));
    let parts: Vec<&str> = sent.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[3], parts.len()), ("00", TRACE, "01", 4), "{sent}");
    assert!(parts[2] != PARENT && parts[2].len() == 16, "a parent of our own: {sent}");
    assert!(!head.to_lowercase().contains("tracestate"), "{head}");
}

#[test]
fn webhooks_and_foreign_issuers_hear_of_the_trace() {
    let issuer = Peer::serving("{\"keys\":[]}");
    let connection = format!(
        "[[identity_connection]]\nname = \"builds\"\nprovider = \"JWT\"\nissuer = \"https://ci.example\"\n\
         audiences = [\"a\"]\njwks_uri = \"{}\"\n",
        issuer.url("/jwks")
    );
    let server = TestServer::builder(Engine::Sqlite)
        .setting("outbound.plain_http_to_loopback", "true")
        .environment(&format!("{DEMO}\n{connection}"))
        .start();
    let token = Forge::attacker()
        .sign(r#"{"alg":"ES256"}"#, r#"{"iss":"https://ci.example","sub":"x","aud":"a","exp":9999999999}"#);
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    let form = [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", jwt)];
    traced(&server, &[&traceparent()], &form).assert_refused(400, "invalid_request", "subject_token_refused");
    let [asked] = issuer.requests().try_into().expect("one fetch");
    assert_goes_on(&asked);

    let hook = Hook::start(server.clock.clone());
    hook::install(server.variables(), APPLICATION, &hook.url(), OnFailure::Refuse);
    let subject_id = "urn:tessera:params:oauth:token-type:subject-id";
    let login = |traceparent: &[&str]| {
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", "ada"),
            ("subject_token_type", subject_id),
            ("application_id", APPLICATION),
        ];
        traced(&server, traceparent, &form)
    };
    server.eventually("the server to hear of the webhook", || {
        login(&[]).access_token();
        !hook.messages().is_empty()
    });
    assert_eq!(sent(&hook.messages()[0].head), None, "without a trace there is none");
    hook.forget();
    let answer = login(&[&traceparent()]);
    answer.access_token();
    assert_goes_on(&hook.messages()[0].head);
    let records = server.records_of(&answer);
    assert_eq!(records.len(), 2, "the call and the token");
    assert!(records.iter().all(|record| record["trace_id"] == TRACE), "{records:?}");
}

#[test]
fn every_line_of_the_log_has_the_trace_beside_the_id() {
    for format in ["json", "text"] {
        let mut installation = Installation::demo(Engine::Sqlite).with("log.format", format);
        let server = installation.serve();
        let http = reqwest::blocking::Client::new();
        let ask = |traceparent: Option<String>| {
            let request = http.post(server.at("/token")).basic_auth("nobody", Some("x")).form(&CLIENT_CREDENTIALS);
            let answer = Answer::to(
                traceparent.into_iter().fold(request, |request, value| request.header("traceparent", value)),
            );
            answer.header("x-request-id").expect("an id").to_owned()
        };
        let (with, without) = (ask(Some(traceparent())), ask(None));
        let lines = |id: &str| -> Vec<String> {
            server.stderr.text().lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
        };
        crate::support::eventually("two lines each", crate::support::NO_HANG, || {
            lines(&with).len() == 2 && lines(&without).len() == 2
        });
        for line in lines(&with) {
            match format {
                "json" => {
                    let line: Value = serde_json::from_str(&line).expect("JSON");
                    assert_eq!((&line["trace_id"], &line["request_id"]), (&json!(TRACE), &json!(with)), "{line}");
                }
                _ => assert!(line.contains(&format!("request_id={with} trace_id={TRACE}")), "{line}"),
            }
        }
        assert!(lines(&without).iter().all(|line| !line.contains("trace_id")), "{:?}", lines(&without));
    }
}
