//! Many who use one session at the same moment, on two nodes of one database.

use std::{collections::BTreeSet, sync::Barrier, thread};

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::login::AuthMethod;

use super::sessions::is_active;
use crate::{
    both_engines,
    codes::{self, WEB, id_token, otp_of},
    grants::refresh_token::{assert_dead_of, one, refresh_as},
    passwords::{AUTHENTICATE, FIRST},
    support::{
        Answer, CLIENT_CREDENTIALS, TestServer,
        backend::{Backend, PORTAL, SignedIn, assert_refused, call_with, client_token, open_session, start},
        tokens::{peek, verify},
    },
};

const SESSION: &str = "/v1/auth/session/authenticate";
const LOGOUT: &str = "/v1/auth/session/logout";
const REFRESH: &str = "/v1/auth/token/refresh";
const MANY: usize = 16;

/// A call: at which node, of what, with which body.
type Call<'a> = (&'a TestServer, &'static str, Value);

/// Does all of it at the same moment; gives the answers in the order of the calls.
fn at_once(token: &str, calls: &[Call<'_>]) -> Vec<Answer> {
    let barrier = Barrier::new(calls.len());
    thread::scope(|scope| {
        let threads: Vec<_> = calls
            .iter()
            .map(|(node, path, body)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    call_with(node, Method::POST, path, token, body)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// The session is shown so many times, to both nodes in turn.
fn shown<'a>(nodes: [&'a TestServer; 2], session_id: &str) -> Vec<Call<'a>> {
    (0..MANY).map(|place| (nodes[place % 2], SESSION, json!({ "session_id": session_id }))).collect()
}

/// How many rows of a table of sessions are open.
fn open(server: &TestServer, table: &str) -> String {
    one(server, &format!("SELECT COUNT(*) FROM {table} WHERE ended_at IS NULL"))
}

both_engines! {
    fn sixteen_who_show_one_session_to_two_nodes_all_get_tokens_of_it(engine) {
        let server = start(engine);
        let second = server.another_node();
        let signed_in = Backend::portal(&server).signed_in("ada@example.com");
        let of_session = verify(&server, &signed_in.access, "userid-api");
        server.clock.advance(10);
        let answers = at_once(&client_token(&server, PORTAL), &shown([&server, &second], &signed_in.session_id));
        let given: Vec<SignedIn> =
            answers.iter().map(|answer| SignedIn::of(signed_in.user_id.clone(), answer)).collect();
        for each in &given {
            let claims = verify(&server, &each.access, "userid-api");
            for name in ["sub", "sid", "amr", "auth_time"] {
                assert_eq!(claims[name], of_session[name], "{name}");
            }
            assert_eq!(each.session_id, signed_in.session_id);
        }
        for answer in &answers {
            assert_eq!(server.record_of(answer)["event"], "user.authenticated");
        }
        let tokens: BTreeSet<&String> = given.iter().flat_map(|each| [&each.access, &each.id_token, &each.refresh]).collect();
        assert_eq!(tokens.len(), 3 * MANY, "each has its own");
        assert_eq!((open(&server, "login_sessions"), open(&server, "sessions")), ("1".to_owned(), (MANY + 1).to_string()));
        // Each goes on by itself, at whichever node.
        for (place, each) in given.iter().enumerate() {
            let node = [&second, &server][place % 2];
            let renewed = refresh_as(node, PORTAL, &each.refresh, &[]);
            assert_eq!(peek(&renewed.access_token())["sid"], of_session["sid"]);
        }
    }

    fn of_two_factors_at_the_same_moment_none_is_lost(engine) {
        let world = codes::world(engine);
        let second = world.server.another_node();
        let password = json!({ "password": FIRST, "force_replace": false });
        assert_eq!(world.post(WEB, &format!("/v1/users/{}/password", world.ada), password).status, 201);
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        for round in 1..=5 {
            let code = world.direct_code(json!({}));
            let begun = world.try_otp(&code, json!({}));
            assert_eq!(id_token(&begun)["amr"], json!(["otp"]));
            let session = begun.json()["session_id"].clone();
            assert_eq!(world.send_otp("email", json!({})).status, 200);
            let code = world.mailed_code(round);
            let answers = at_once(&token, &[
                (&world.server, AUTHENTICATE, json!({ "username": "ada", "password": FIRST, "session_id": session })),
                (&second, "/v1/auth/otp/authenticate", otp_of(&code, json!({ "session_id": session }))),
            ]);
            let says_mfa = |answer: &&Answer| id_token(answer).get("acr").is_some();
            assert_eq!(answers.iter().filter(says_mfa).count(), 1, "the later one knew of the earlier: {answers:?}");
            assert!(answers.iter().all(|answer| answer.json()["session_id"] == session));
            let shown = world.post(WEB, SESSION, json!({ "session_id": session }));
            let amr = id_token(&shown)["amr"].clone();
            let orders = [json!(["otp", "pwd", "eotp", "mfa"]), json!(["otp", "eotp", "pwd", "mfa"])];
            assert!(orders.contains(&amr), "round {round}: {amr}");
            assert_eq!(world.sessions(), round.to_string());
        }
    }

    fn a_logout_among_sixteen_who_show_the_session_leaves_nothing_alive(engine) {
        let server = start(engine);
        let second = server.another_node();
        let portal = Backend::portal(&server);
        let other = portal.signed_in("ada@example.com");
        let token = client_token(&server, PORTAL);
        for nodes in [[&server, &second], [&second, &server], [&server, &second]] {
            let session = open_session(&server, &other.user_id, &[AuthMethod::Password]);
            let body = json!({ "session_id": session });
            let mut given = vec![SignedIn::of(other.user_id.clone(), &portal.authenticate(&session, json!({})))];
            let mut calls = shown(nodes, &session);
            calls.insert(MANY / 2, (nodes[0], LOGOUT, body.clone()));
            let mut answers = at_once(&token, &calls);
            let ended = answers.remove(MANY / 2);
            assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
            // Whoever came before it has tokens, and whoever came after it has none.
            for answer in &answers {
                if answer.status == 200 {
                    given.push(SignedIn::of(other.user_id.clone(), answer));
                } else {
                    let record = assert_refused(&server, answer, 400, "session_not_found");
                    assert_eq!(record["event"], "user.authentication_refused");
                }
            }
            println!("{} of {MANY} came before the logout", given.len() - 1);
            for each in &given {
                assert!(!is_active(nodes[0], &each.access), "at the node that was told");
                nodes[1].eventually("the end at the other node", || !is_active(nodes[1], &each.access));
                let answer = call_with(nodes[1], Method::POST, REFRESH, &token, &json!({ "refresh_token": each.refresh }));
                assert_refused(&server, &answer, 400, "invalid_refresh_token");
                assert_dead_of(nodes[0], PORTAL, &each.refresh);
            }
            for node in nodes {
                for path in [SESSION, LOGOUT] {
                    let late = call_with(node, Method::POST, path, &token, &body);
                    assert_refused(&server, &late, 400, "session_not_found");
                }
            }
            assert_eq!((open(&server, "login_sessions"), open(&server, "sessions")), ("1".to_owned(), "1".to_owned()));
        }
        // The other session of the user was none of their business.
        assert!(is_active(&server, &other.access));
        assert_eq!(refresh_as(&second, PORTAL, &other.refresh, &[]).status, 200);
    }
}
