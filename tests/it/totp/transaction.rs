use super::*;
use crate::{both_engines, support::tokens::peek};

const START: &str = "/v1/auth/totp/transaction/start";
const APPROVE: &str = "/v1/auth/totp/transaction/authenticate";

fn start(world: &World, email: &str, approval: &Value) -> Answer {
    let body = json!({ "identifier_type": "email", "identifier": email, "approval_data": approval });
    post(&world.server, &world.backend(WEB), START, &body)
}

fn challenge(world: &World, approval: &Value) -> String {
    let answer = start(world, ADA, approval);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(&body["approval_data"], approval);
    let challenge = body["challenge"].as_str().expect("challenge").to_owned();
    assert!(challenge.len() == 6 && challenge.bytes().all(|digit| digit.is_ascii_digit()), "{challenge}");
    challenge
}

fn approve_at(server: &TestServer, backend: &str, token: &str) -> Answer {
    post(server, backend, APPROVE, &json!({ "identifier": ADA, "token": token }))
}

fn approve(world: &World, token: &str) -> Answer {
    approve_at(&world.server, &world.backend(WEB), token)
}

both_engines! {
    fn what_is_approved_stands_in_the_id_token(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        let (rent, yacht) = (json!({ "to": "Bob", "amount": "100.00" }), json!({ "to": "Eve", "amount": "100000" }));
        let (of_rent, _of_yacht) = (challenge(&world, &rent), challenge(&world, &yacht));
        let body = signed_in(&world, &approve(&world, &format!("{of_rent}{}", app.code_at(world.now()))));
        let id_token = peek(body["id_token"].as_str().expect("id_token"));
        assert_eq!((&id_token["approval_data"], &id_token["amr"]), (&rent, &json!(["totp"])));
        assert_eq!(peek(body["access_token"].as_str().expect("access_token")).get("approval_data"), None);
        // Once, and with a code of its own.
        world.server.clock.advance(30);
        let again = format!("{of_rent}{}", app.code_at(world.now()));
        refused(&world, &approve(&world, &again), 400, "auth_invalid_credentials");
    }

    fn a_code_alone_approves_nothing_and_a_challenge_alone_signs_nobody_in(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        let challenge = challenge(&world, &json!({ "to": "Bob" }));
        let code = app.code_at(world.now());
        refused(&world, &approve(&world, &code), 400, "auth_invalid_credentials");
        refused(&world, &approve(&world, &challenge), 400, "auth_invalid_credentials");
        post_nothing(&world.server, &world.backend(WEB), &format!("/v1/users/{}/totp/unlock", world.ada));
        refused(&world, &world.sign_in(&format!("{challenge}{code}")), 400, "auth_invalid_credentials");
        let wrong = format!("{challenge}{}", app.wrong_code_at(world.now()));
        refused(&world, &approve(&world, &wrong), 400, "auth_invalid_credentials");
        // None of that used the code or the transaction up.
        signed_in(&world, &approve(&world, &format!("{challenge}{code}")));
        refused(&world, &world.sign_in(&code), 400, "auth_invalid_credentials");
    }

    fn a_transaction_waits_five_minutes_for_its_own_user_at_its_own_application(engine) {
        let world = World::new(engine);
        let (app, at_other) = (world.app(&world.ada, WEB_ID), world.app(&world.ada, OTHER_ID));
        let bob = world.user(WEB, &json!({ "email": BOB }));
        let bobs = world.app(&bob, WEB_ID);
        let challenge = challenge(&world, &json!({ "to": "Bob" }));
        let elsewhere = format!("{challenge}{}", at_other.code_at(world.now()));
        refused(&world, &approve_at(&world.server, &world.backend(OTHER), &elsewhere), 400, "auth_invalid_credentials");
        let body = json!({ "identifier": BOB, "token": format!("{challenge}{}", bobs.code_at(world.now())) });
        refused(&world, &post(&world.server, &world.backend(WEB), APPROVE, &body), 400, "auth_invalid_credentials");
        world.server.clock.advance(300);
        let late = format!("{challenge}{}", app.code_at(world.now()));
        refused(&world, &approve(&world, &late), 400, "auth_invalid_credentials");
    }

    fn of_those_who_approve_at_once_on_two_nodes_one_does(engine) {
        let world = World::new(engine);
        let (app, backend) = (world.app(&world.ada, WEB_ID), world.backend(WEB));
        let nodes = [world.server.another_node(), world.server.another_node()];
        world.begin_step(30);
        let challenge = challenge(&world, &json!({ "to": "Bob" }));
        // Two codes, both good and unused: the transaction is what they fight for.
        let codes = [app.code_at(world.now() - 30), app.code_at(world.now())];
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let all: Vec<_> = nodes
                .iter()
                .zip(&codes)
                .map(|(node, code)| {
                    let (backend, token) = (&backend, format!("{challenge}{code}"));
                    scope.spawn(move || approve_at(node, backend, &token).status.as_u16())
                })
                .collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let mut sorted = statuses.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 400], "{statuses:?}");
    }

    fn beginning_one_for_nobody_looks_the_same_and_what_is_approved_is_bounded(engine) {
        let world = World::new(engine);
        let approval = json!({ "to": "Bob" });
        let (of_ada, of_nobody) = (start(&world, ADA, &approval), start(&world, "nobody@mail.example", &approval));
        assert_eq!((of_ada.status, of_nobody.status), (of_nobody.status, of_ada.status));
        assert_eq!(of_nobody.json()["challenge"].as_str().map(str::len), Some(6));
        let long = "x".repeat(257);
        let eleven: serde_json::Map<String, Value> = (0..11).map(|n| (format!("k{n}"), json!("v"))).collect();
        for bad in [
            json!({}), json!({ "to": 1 }), json!({ "to": "<b>" }), json!({ "to\n": "x" }), json!({ "": "x" }),
            json!({ "to": long }), Value::Object(eleven), json!("text"), json!({ "to": { "a": "b" } }),
        ] {
            refused(&world, &start(&world, ADA, &bad), 400, "system_invalid_input");
        }
        let body = json!({ "identifier": ADA, "approval_data": approval });
        let answer = post(&world.server, &world.backend(BARE), START, &body);
        refused(&world, &answer, 403, "auth_login_preferences_missing");
        assert_eq!(world.server.database.texts("SELECT id AS text FROM totp_transactions").len(), 2);
    }
}
