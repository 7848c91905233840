//! A webhook that fails: no token, or one without `extensions`, as the application has it. What it said stays with it.

use serde_json::{Value, json};
use tessera::domain::application::OnFailure;

use super::{World, assert_call_failed, claims};
use crate::{
    both_engines,
    support::{
        Answer, Engine,
        hook::{Behaviour, answer},
    },
};

/// Stands in every bad answer, and must not come out anywhere.
const LEAK: &str = "leak-of-the-webhook";

/// Answers with this status and an otherwise good body.
fn status(line: &'static str) -> Behaviour {
    Behaviour::Answer(line, String::new(), json!({ "message_version": "1.0", "payload": { LEAK: 1 } }).to_string())
}

/// Answers 200 with this body.
fn body(text: &str) -> Behaviour {
    Behaviour::Answer("200 OK", String::new(), text.to_owned())
}

/// Bad answers, and how the reason of the failure begins.
fn bad_answers() -> Vec<(Behaviour, &'static str)> {
    let message = |changes: Value| {
        let mut message = json!({ "message_version": "1.0", "payload": { LEAK: LEAK }, "warnings": [LEAK] });
        message.as_object_mut().expect("an object").append(changes.as_object().cloned().as_mut().expect("an object"));
        answer(&message)
    };
    let of = |length: usize| "x".repeat(length);
    vec![
        (status("500 Oops"), "it answered with status 500"),
        (status("401 leak-of-the-webhook"), "it answered with status 401"),
        (status("201 Created"), "it answered with status 201"),
        (Behaviour::Answer("204 No Content", String::new(), String::new()), "it answered with status 204"),
        (message(json!({ "message_version": "2.0" })), "its answer is not of message_version 1.0"),
        (message(json!({ "message_version": LEAK })), "its answer is not of message_version 1.0"),
        (message(json!({ "message_version": 1.0 })), "its answer is not readable"),
        (message(json!({ "errors": [{ "message": LEAK }] })), "its answer has errors"),
        (message(json!({ "errors": LEAK })), "its answer has errors"),
        (message(json!({ "payload": [LEAK] })), "its answer is not readable"),
        (message(json!({ "payload": LEAK })), "its answer is not readable"),
        (message(json!({ "payload": null })), "its answer is not readable"),
        (answer(&json!({ "message_version": "1.0" })), "its answer is not readable"),
        (answer(&json!([LEAK])), "its answer is not readable"),
        (body(""), "its answer is not readable"),
        (body(LEAK), "its answer is not readable"),
        (
            body("{\"message_version\":\"1.0\",\"payload\":{\"leak-of-the-webhook\":1e999}}"),
            "its answer is not readable",
        ),
        (message(json!({ "payload": { LEAK: of(8 * 1024) } })), "its payload is longer than 8192 bytes"),
        (message(json!({ "ignored": of(16 * 1024) })), "the answer is larger than allowed"),
        (Behaviour::Flood, "the answer is larger than allowed"),
        (
            Behaviour::Answer("200 OK", "Content-Encoding: gzip\r\n".to_owned(), LEAK.to_owned()),
            "its answer is not readable",
        ),
        (Behaviour::HangUp, "the host cannot be reached"),
    ]
}

/// Each of `bad`, and a good login after each: failures in a row are another test's.
fn each(world: &World, bad: Vec<(Behaviour, &'static str)>, check: impl Fn(&Answer, &str)) {
    let good = answer(&json!({ "message_version": "1.0", "payload": {} }));
    for (number, (behaviour, why)) in bad.into_iter().enumerate() {
        world.hook.set(behaviour);
        let answer = world.login(&format!("user-{number}"), &[]);
        assert_eq!(world.hook.messages().len(), 1, "{why}: it was called once");
        check(&answer, why);
        assert!(!format!("{:?}{}", answer.headers, answer.text).contains(LEAK), "{why}");
        world.hook.set(good.clone());
        world.good("ada");
        world.hook.forget();
    }
    let records = world.server.database.audit_records();
    assert!(!records.iter().any(|record| record.to_string().contains(LEAK)), "{records:?}");
}

fn assert_without_extensions(world: &World, answer: &Answer, why: &str) {
    assert_eq!(claims(&world.server, answer).get("extensions"), None);
    let records = world.server.records_of(answer);
    assert_eq!(records.len(), 2, "{records:?}");
    assert_call_failed(&records[0], why);
    assert_eq!((&records[1]["event"], &records[1]["outcome"]), (&json!("token.issued"), &json!("success")));
}

both_engines! {
    fn without_a_good_answer_there_is_no_token(engine) {
        let world = World::new(engine);
        each(&world, bad_answers(), |answer, why| world.assert_failed(answer, why));
    }

    fn an_application_may_do_without_extensions_but_not_with_a_part_of_them(engine) {
        let world = World::with(engine, OnFailure::IssueWithoutExtensions);
        each(&world, bad_answers(), |answer, why| assert_without_extensions(&world, answer, why));
    }
}

#[test]
fn a_webhook_that_stalls_is_left_in_time() {
    let stalls = || vec![Behaviour::Stall, Behaviour::StallInTheBody];
    let in_time =
        |stalls: Vec<Behaviour>| stalls.into_iter().map(|stall| (stall, "there was no complete answer in time"));
    let world = World::new(Engine::Sqlite);
    each(&world, in_time(stalls()).collect(), |answer, why| world.assert_failed(answer, why));
    let lenient = World::with(Engine::Sqlite, OnFailure::IssueWithoutExtensions);
    each(&lenient, in_time(stalls()).collect(), |answer, why| assert_without_extensions(&lenient, answer, why));
}

#[test]
fn a_webhook_that_died_fails_closed() {
    let World { server, hook } = World::new(Engine::Sqlite);
    drop(hook);
    let answer = super::login(&server, super::WEB, "ada", &[]);
    super::assert_failed(&server, &answer, "the host cannot be reached");
}

// A user who was made for a login that then failed is the same one at the next.
#[test]
fn a_failed_login_can_be_tried_again() {
    let world = World::new(Engine::Sqlite);
    world.hook.set(status("500 Oops"));
    world.assert_failed(&world.login("ada", &[("name", "Ada")]), "it answered with status 500");
    world.hook.set(answer(&json!({ "message_version": "1.0", "payload": {} })));
    let (first, second) = (world.good("ada"), world.good("ada"));
    assert_eq!(
        (&first["name"], &first["sub"], &first["profileId"]),
        (&json!("Ada"), &second["sub"], &second["profileId"])
    );
    let subjects: Vec<Value> =
        world.hook.messages().iter().map(|sent| sent.json()["payload"]["user_id"].clone()).collect();
    assert_eq!(subjects, vec![first["sub"].clone(); 3]);
}
