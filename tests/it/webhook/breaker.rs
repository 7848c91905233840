//! A webhook that is dead or slow: it is left alone, and others do not notice.

use std::{
    io::Write as _,
    net::TcpStream,
    thread::{self, ScopedJoinHandle},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tessera::domain::application::OnFailure;

use super::{SHOP, SIGN_IN, WEB, World, assert_call_failed, assert_failed, claims, login};
use crate::{
    both_engines,
    support::{
        Answer, CLIENT_CREDENTIALS, Engine,
        hook::{Behaviour, Hook, payload},
    },
};

const LEFT_ALONE: &str = "it failed several times in a row and is left alone for a while";

fn oops() -> Behaviour {
    Behaviour::Answer("500 Oops", String::new(), String::new())
}

/// Lets the webhook fail until it is left alone.
fn wear_out(world: &World) {
    world.hook.set(oops());
    for _ in 0..5 {
        world.login("ada", &[]);
    }
    assert_eq!(world.hook.messages().len(), 5);
    world.hook.forget();
}

both_engines! {
    fn after_five_failures_in_a_row_it_is_left_alone_for_ten_seconds_and_then_tried_once(engine) {
        let world = World::new(engine);
        world.hook.set(oops());
        for _ in 0..4 {
            world.assert_failed(&world.login("ada", &[]), "it answered with status 500");
        }
        world.hook.set(payload(&json!({})));
        world.good("ada");
        world.hook.forget();
        wear_out(&world);

        // The hook is well again, and nobody knows yet.
        world.hook.set(payload(&json!({ "plan": "gold" })));
        world.assert_failed(&world.login("ada", &[]), LEFT_ALONE);
        world.server.clock.advance(9);
        world.assert_failed(&world.login("ada", &[]), LEFT_ALONE);
        assert!(world.hook.messages().is_empty(), "it was called in the meantime");
        world.hook.set(oops());
        world.server.clock.advance(1);
        world.assert_failed(&world.login("ada", &[]), "it answered with status 500");
        world.assert_failed(&world.login("ada", &[]), LEFT_ALONE);
        assert_eq!(world.hook.messages().len(), 1, "one try");

        world.hook.set(payload(&json!({ "plan": "gold" })));
        world.server.clock.advance(10);
        world.good("ada");
        world.good("bob");
        assert_eq!(world.hook.messages().len(), 3, "it is back");
    }
}

#[test]
fn an_application_that_can_do_without_is_served_while_its_webhook_rests() {
    let world = World::with(Engine::Sqlite, OnFailure::IssueWithoutExtensions);
    wear_out(&world);
    let answer = world.login("ada", &[]);
    assert_eq!(claims(&world.server, &answer).get("extensions"), None);
    assert_call_failed(&world.server.records_of(&answer)[0], LEFT_ALONE);
    assert!(world.hook.messages().is_empty());
}

#[test]
fn the_webhook_of_another_application_is_not_blamed() {
    let world = World::new(Engine::Sqlite);
    let other = Hook::start(world.server.clock.clone());
    world.hook_up(SHOP, &other, OnFailure::Refuse);
    wear_out(&world);
    world.assert_failed(&world.login("ada", &[]), LEFT_ALONE);
    let shop = claims(&world.server, &login(&world.server, SHOP, "ada", &[]));
    assert_eq!(shop["extensions"], json!({ "plan": "gold" }));
    assert_eq!(other.messages().len(), 1);
}

/// Runs `check` while a login waits for the webhook, as often as it takes for the login to be still waiting afterwards: on
/// a busy machine its time may be over before.
fn while_a_login_waits(world: &World, check: impl Fn(&ScopedJoinHandle<'_, Answer>)) {
    for _ in 0..5 {
        world.hook.forget();
        // Whatever the attempt before did to the breaker.
        world.server.clock.advance(10);
        let waited = thread::scope(|scope| {
            let login = scope.spawn(|| world.login("waiting", &[]));
            world
                .server
                .eventually("the webhook is called", || !world.hook.messages().is_empty() || login.is_finished());
            check(&login);
            !login.is_finished()
        });
        if waited {
            return;
        }
    }
    panic!("the login never waited for the whole of the test");
}

#[test]
fn a_webhook_that_stalls_keeps_nobody_else_waiting() {
    let world = World::new(Engine::Sqlite);
    world.hook.set(Behaviour::Stall);
    while_a_login_waits(&world, |_| {
        for _ in 0..3 {
            assert_eq!(world.server.token(SIGN_IN, &CLIENT_CREDENTIALS).status, 200);
            assert_eq!(login(&world.server, SHOP, "ada", &[]).status, 200);
            assert_eq!(world.server.get("/health").status, 200);
        }
    });
}

#[test]
fn while_one_login_tries_whether_it_is_back_the_others_fail_at_once() {
    let world = World::new(Engine::Sqlite);
    wear_out(&world);
    world.hook.set(Behaviour::Stall);
    while_a_login_waits(&world, |trial| {
        let other = world.login("ada", &[]);
        if !trial.is_finished() {
            assert_failed(&world.server, &other, LEFT_ALONE);
            assert_eq!(world.hook.messages().len(), 1);
        }
    });
}

// The webhook was told of a user: that stays on record though nobody waits for the answer any more.
#[test]
fn a_caller_who_leaves_before_the_answer_leaves_a_record_of_the_call() {
    let world = World::new(Engine::Sqlite);
    world.hook.set(Behaviour::Stall);
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=ada&application_id={WEB}\
         &subject_token_type=urn:tessera:params:oauth:token-type:subject-id"
    );
    let credentials = STANDARD.encode(format!("{}:{}", SIGN_IN.0, SIGN_IN.1));
    let address = world.server.at("").replace("http://", "");
    let mut caller = TcpStream::connect(address).expect("a connection");
    write!(
        caller,
        "POST /token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .expect("to send");
    world.server.eventually("the webhook is called", || !world.hook.messages().is_empty());
    drop(caller);
    let calls = || {
        let records = world.server.database.audit_records();
        records.iter().filter(|record| record["event"] == "webhook.called" && record["outcome"] == "failed").count()
    };
    world.server.eventually("the call is on record", || calls() == 1);
}
