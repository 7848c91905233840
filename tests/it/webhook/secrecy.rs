//! What a webhook is sent and what it answers is between it, the server and the token: nothing of it is logged, however
//! much is logged.

use std::sync::Arc;

use serde_json::json;
use tessera::domain::{application::OnFailure, clock::SystemClock};

use super::{ENVIRONMENT, LOOPBACK, SIGN_IN, WEB};
use crate::support::{
    EXCHANGE, Engine, Installation, Process,
    hook::{self, Behaviour, Hook, payload},
    tokens::{SUBJECT_ID, peek},
};

#[test]
fn neither_the_secret_nor_the_message_nor_the_answer_is_logged() {
    let mut installation = Installation::new(Engine::Sqlite).with(LOOPBACK.0, LOOPBACK.1).with("log.level", "trace");
    installation.apply(ENVIRONMENT);
    let hook = Hook::start(Arc::new(SystemClock));
    let url = format!("{}/path-secret?key=query-secret", hook.url());
    hook::install(installation.variables(), WEB, &url, OnFailure::Refuse);
    let mut server = installation.serve();
    let login = |server: &Process| {
        server.token(
            SIGN_IN,
            &[
                ("grant_type", EXCHANGE),
                ("subject_token", "ada"),
                ("subject_token_type", SUBJECT_ID),
                ("application_id", WEB),
                ("email", "ada@mail-secret.example"),
                ("name", "name-secret"),
            ],
        )
    };
    hook.set(payload(&json!({ "answer-secret": "answer-secret" })));
    let token = login(&server).access_token();
    assert_eq!(peek(&token)["extensions"], json!({ "answer-secret": "answer-secret" }));

    let headers = "X-Secret: header-secret\r\n".to_owned();
    let bad = r#"{"message_version":"1.0","payload":{},"errors":["answer-secret"]}"#.to_owned();
    for behaviour in [
        Behaviour::Answer("500 reason-secret", headers.clone(), "answer-secret".to_owned()),
        Behaviour::Answer("200 OK", headers.clone(), bad),
        Behaviour::Answer(
            "302 Found",
            format!("{headers}Location: http://127.0.0.1/location-secret\r\n"),
            String::new(),
        ),
        Behaviour::Answer("not-a-status header-secret", headers, "answer-secret".to_owned()),
    ] {
        hook.set(behaviour);
        let answer = login(&server);
        assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (503, &json!("enrichment_failed")));
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
    let messages = hook.messages();
    assert_eq!(messages.len(), 5);
    server.signal("TERM");
    server.wait();

    let log = server.stderr.text();
    assert!(log.contains("TRACE") && log.contains("enrichment_failed"), "everything is logged");
    let records: String = installation.database.audit_records().iter().map(ToString::to_string).collect();
    assert!(records.contains("webhook.called"));
    let signatures =
        messages.iter().map(|message| message.header("x-mosaic-signature").expect("a signature").to_owned());
    let words = ["path", "query", "answer", "header", "reason", "location", "mail", "name"];
    let words = words.iter().map(|word| format!("{word}-secret"));
    for secret in words.chain(signatures).chain([hook::SECRET.to_owned()]) {
        assert!(!log.contains(&secret), "{secret} is in the log");
        assert!(!records.contains(&secret), "{secret} is in the audit log");
    }
}
