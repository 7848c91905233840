//! Nothing says `mfa` but two different factors of one user in one session.

use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use super::{
    sso::id_claims,
    two_applications::{self, REFRESH, by_password, newcomer, renewed},
};
use crate::{
    both_engines,
    codes::{self, OTHER, WEB, World, code_of, digits, id_token, with},
    grants::refresh_token::{one, refresh_as},
    passwords::{AUTHENTICATE, FIRST, SECOND},
    support::{
        Answer, Engine,
        backend::{Backend, PORTAL, SignedIn, assert_refused},
        tokens::{peek, verify},
    },
};

const SESSION: &str = "/v1/auth/session/authenticate";

/// A world whose Ada is a user of both applications, and has the password [`FIRST`].
fn world(engine: Engine) -> World {
    let world = codes::world(engine);
    assert_eq!(world.user(OTHER, json!({ "email": codes::ADA })), world.ada);
    password(&world, &world.ada, FIRST);
    world
}

fn password(world: &World, user_id: &str, password: &str) {
    let body = json!({ "password": password, "force_replace": false });
    let set = world.post(WEB, &format!("/v1/users/{user_id}/password"), body);
    assert_eq!(set.status, 201, "{}", set.text);
}

/// Ada's password, with members besides.
fn sign_in(world: &World, members: Value) -> Answer {
    world.post(WEB, AUTHENTICATE, with(json!({ "username": "ada", "password": FIRST }), members))
}

/// The member by which a sign-in is added to the session of an answer.
fn session_of(answer: &Answer) -> Value {
    json!({ "session_id": answer.json()["session_id"] })
}

/// Checks what both tokens say of the methods.
#[track_caller]
fn assert_amr(answer: &Answer, amr: &[&str]) {
    let mfa = amr.contains(&"mfa").then(|| json!("mfa"));
    for claims in [id_token(answer), peek(&answer.access_token())] {
        assert_eq!((&claims["amr"], claims.get("acr")), (&json!(amr), mfa.as_ref()), "{claims}");
    }
}

/// Every session as it is kept: with its methods, and until when it is good.
fn kept(world: &World) -> Vec<String> {
    let query = "SELECT id || methods || CAST(idle_expires_at AS TEXT) AS text FROM login_sessions ORDER BY id";
    world.server.database.texts(query)
}

both_engines! {
    fn what_goes_through_the_client_is_no_second_factor(engine) {
        let world = world(engine);
        let first = sign_in(&world, json!({}));
        assert_amr(&first, &["pwd"]);
        let session = session_of(&first);
        let code = world.direct_code(json!({}));
        assert_amr(&world.try_otp(&code, session.clone()), &["pwd", "otp"]);
        let (_, code) = world.direct_link(json!({}));
        assert_amr(&world.try_link(WEB, &code, session.clone()), &["pwd", "otp"]);
        // Nor is it a first one, to which another could be the second.
        let code = world.direct_code(json!({}));
        let other = world.try_otp(&code, json!({}));
        assert_amr(&other, &["otp"]);
        assert_amr(&sign_in(&world, session_of(&other)), &["otp", "pwd"]);
        // What shows the telephone is one.
        assert_eq!(world.send_otp("sms", json!({})).status, 200);
        let code = digits(world.text(1)["text"].as_str().expect("a text"), 8);
        assert_amr(&world.try_otp(&code, session), &["pwd", "otp", "sms", "mfa"]);
        assert_eq!(world.sessions(), "2");
    }

    fn the_same_factor_twice_is_one_factor(engine) {
        let world = world(engine);
        let first = sign_in(&world, json!({}));
        for _ in 0..2 {
            world.server.clock.advance(10);
            let again = sign_in(&world, session_of(&first));
            assert_amr(&again, &["pwd"]);
            assert_eq!(id_token(&again)["auth_time"], world.server.clock.now(), "it is a sign-in all the same");
        }

        // A code and a link in one mailbox, the code once more, and one in a mailbox that the client named.
        assert_eq!(world.send_otp("email", json!({})).status, 200);
        let mailbox = world.try_otp(&world.mailed_code(1), json!({}));
        assert_amr(&mailbox, &["eotp"]);
        let session = session_of(&mailbox);
        assert_eq!(world.send_link(json!({})).status, 200);
        let code = code_of(&world.mailed_link(2));
        assert_amr(&world.try_link(WEB, &code, session.clone()), &["eotp", "eml"]);
        assert_eq!(world.send_otp("email", json!({})).status, 200);
        assert_amr(&world.try_otp(&world.mailed_code(3), session.clone()), &["eotp", "eml"]);
        assert_eq!(world.send_otp("email", json!({ "custom_email": "elsewhere@mail.example" })).status, 200);
        assert_amr(&world.try_otp(&world.mailed_code(4), session.clone()), &["eotp", "eml", "otp"]);
        // Those are two sessions: neither has lent the other its factor, until one is added where the other is.
        assert_eq!(world.sessions(), "2");
        assert_amr(&world.post(WEB, SESSION, session_of(&first)), &["pwd"]);
        assert_amr(&sign_in(&world, session), &["eotp", "eml", "otp", "pwd", "mfa"]);
    }

    fn a_refresh_token_of_before_the_second_factor_never_says_mfa(engine) {
        let world = two_applications::world(engine);
        let server = &world.server;
        let (portal, shop) = (Backend::portal(server), Backend::shop(server));
        let ada = newcomer(&portal, &shop);
        let first = SignedIn::of(ada.clone(), &by_password(&portal, json!({})));
        let of_first = server.clock.now();
        server.clock.advance(20);
        let second = SignedIn::of(ada.clone(), &world.by_mail(&portal, 1, &first.session_id));
        let of_second = server.clock.now();
        server.clock.advance(20);

        let says = |answer: &Answer, amr: &[&str], auth_time: i64| {
            let (access, refresh) = renewed(answer);
            let id_token = answer.json()["id_token"].as_str().expect("an ID token").to_owned();
            for claims in [verify(server, &access, "userid-api"), id_claims(server, &id_token, PORTAL.0)] {
                assert_eq!((&claims["amr"], &claims["auth_time"]), (&json!(amr), &json!(auth_time)), "{claims}");
                assert_eq!(claims.get("acr").is_some(), amr.contains(&"mfa"), "{claims}");
            }
            refresh
        };
        let by_api = |token: &str| portal.post(REFRESH, &json!({ "refresh_token": token }));
        let by_oauth = |token: &str| refresh_as(server, PORTAL, token, &[]);
        // Through both doors: what was true at that sign-in, of that sign-in.
        let next = says(&by_api(&first.refresh), &["pwd"], of_first);
        let next = says(&by_oauth(&next), &["pwd"], of_first);
        says(&by_api(&next), &["pwd"], of_first);
        let next = says(&by_api(&second.refresh), &["pwd", "eotp", "mfa"], of_second);
        says(&by_oauth(&next), &["pwd", "eotp", "mfa"], of_second);
        // The session has both.
        let shown = SignedIn::of(ada, &portal.authenticate(&first.session_id, json!({})));
        assert_eq!(id_claims(server, &shown.id_token, PORTAL.0)["amr"], json!(["pwd", "eotp", "mfa"]));
    }

    fn a_session_that_is_shown_says_no_more_than_it_has_whatever_is_asked_for(engine) {
        let world = world(engine);
        let first = sign_in(&world, json!({}));
        let begun = world.server.clock.now();
        let methods = || world.server.database.value("SELECT methods AS value FROM login_sessions");
        let before = methods();
        world.server.clock.advance(10);
        let wish = json!({ "essential": true, "value": "mfa", "values": ["mfa", "pwd"] });
        let wishes = json!({ "amr": wish, "acr": wish, "auth_time": null, "sid": null });
        let asked_for = [
            json!({}),
            json!({ "claims": { "id_token": wishes, "access_token": wishes } }),
            // Of other protocols, and made up: nobody reads it.
            json!({ "acr_values": "mfa", "amr": ["pwd", "sms", "mfa"], "acr": "mfa", "max_age": 0, "method": "sms_otp" }),
        ];
        for client in [WEB, OTHER] {
            for members in &asked_for {
                let shown = world.post(client, SESSION, with(session_of(&first), members.clone()));
                assert_amr(&shown, &["pwd"]);
                assert_eq!(id_token(&shown)["auth_time"], begun, "nobody has signed in");
                assert_eq!(world.server.record_of(&shown)["detail"], "session");
            }
        }
        assert_eq!((methods(), world.sessions()), (before, "1".to_owned()));
    }

    fn a_right_password_or_code_of_another_user_adds_nothing_to_a_session(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "username": "bob", "email": "bob@mail.example" }));
        password(&world, &bob, SECOND);
        assert_eq!(world.send_otp("email", json!({})).status, 200);
        let first = world.try_otp(&world.mailed_code(1), json!({}));
        assert_amr(&first, &["eotp"]);
        let named = json!({ "identifier_type": "email", "identifier": "bob@mail.example" });
        let sent = world.post(WEB, "/v1/auth/otp/send", with(named.clone(), json!({ "channel": "direct" })));
        let code = sent.json()["code"].as_str().expect("a code").to_owned();
        let right = [
            (AUTHENTICATE, json!({ "username": "bob", "password": SECOND })),
            ("/v1/auth/otp/authenticate", with(named, json!({ "passcode": code }))),
        ];
        let issued = || one(&world.server, "SELECT COUNT(*) FROM sessions");
        let before = (kept(&world), issued());
        world.server.clock.advance(10);
        for (path, body) in &right {
            let answer = world.post(WEB, path, with(body.clone(), session_of(&first)));
            let record = assert_refused(&world.server, &answer, 400, "session_not_found");
            assert_eq!(record["event"], "user.authentication_refused", "{path}");
        }
        assert_eq!((kept(&world), issued()), before);
        let shown = world.post(WEB, SESSION, session_of(&first));
        assert_amr(&shown, &["eotp"]);
        assert_eq!(id_token(&shown)["sub"], json!(world.ada));
        // Both were right, and neither is used up: they open sessions of their own.
        for (path, body) in &right {
            assert_eq!(id_token(&world.post(WEB, path, body.clone()))["sub"], json!(bob), "{path}");
        }
        assert_eq!(world.sessions(), "3");
    }
}
