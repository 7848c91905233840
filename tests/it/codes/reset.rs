//! New passwords for whoever reads the user's mail, or has the user's telephone.

use std::{sync::Barrier, thread};

use serde_json::{Value, json};

use super::{
    ADA, ADAS_NUMBER, BACK, BARE, Client, OTHER, WEB, WEB_2, World, assert_refused, code_of, digits, with, world,
    world_with, wrong,
};
use crate::{both_engines, support::Answer};

const LINK: &str = "/v1/auth/password/reset/email/link";
const DIRECT: &str = "/v1/auth/password/reset/link";
const MAIL: &str = "/v1/auth/password/reset/email/otp";
const TEXT: &str = "/v1/auth/password/reset/sms/otp";

const OLD: &str = "Zebra-lamp-orbit-7-quill";
const NEW: &str = "Quartz-fjord-9-blanket-hum";
const NEXT: &str = "Velvet-cactus-4-tram-ozone";
const MINUTE: i64 = 60;

/// A world whose Ada has the password [`OLD`] and verified addresses.
fn start(engine: crate::support::Engine) -> World {
    let world = world(engine);
    let user = format!("/v1/users/{}", world.ada);
    let password = json!({ "password": OLD, "force_replace": false });
    assert_eq!(world.post(WEB, &format!("{user}/password"), password).status, 201);
    verify(&world, &format!("{user}/emails/{ADA}"));
    verify(&world, &format!("{user}/phone-numbers/{ADAS_NUMBER}"));
    world
}

fn verify(world: &World, of: &str) {
    assert_eq!(world.post(WEB, &format!("{of}/verify"), json!({})).status, 202);
}

fn link(members: Value) -> Value {
    with(json!({ "email": ADA, "redirect_uri": BACK }), members)
}

fn validate(world: &World, client: Client, path: &str, named: Value, passcode: &str) -> Answer {
    world.post(client, &format!("{path}/validate"), with(named, json!({ "passcode": passcode })))
}

fn by_mail() -> Value {
    json!({ "email": ADA })
}

fn by_text() -> Value {
    json!({ "phone_number": ADAS_NUMBER })
}

fn redeem(world: &World, token: &str, password: &str) -> Answer {
    let body = json!({ "reset_token": token, "new_password": password });
    Answer::to(world.server.request(reqwest::Method::POST, "/v1/auth/password/reset").json(&body))
}

fn sign_in(world: &World, password: &str) -> Answer {
    world.post(WEB, "/v1/auth/password/authenticate", json!({ "username": "ada", "password": password }))
}

/// The reset token of a good answer, and whether a second factor is needed.
#[track_caller]
fn token(answer: &Answer) -> (String, bool) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    (body["result"].as_str().expect("a token").to_owned(), body["mfa_required"].as_bool().expect("yes or no"))
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    let body = answer.json();
    let found = (answer.status.as_u16(), &body["error_code"], &body["ts_error_code"]);
    assert_eq!(found, (status, &json!(status), &json!(code)), "{body}");
    assert!(body.get("result").is_none() && body.get("reset_link").is_none(), "{body}");
}

/// How many reset tokens there are.
fn tokens(world: &World) -> String {
    world.server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM password_resets")
}

/// A reset token for a code from a mail, which is the `count`th.
fn token_by_mail(world: &World, client: Client, count: usize, members: Value) -> (String, bool) {
    let sent = world.post(client, MAIL, with(by_mail(), members));
    assert_eq!((sent.status.as_u16(), sent.json()), (200, json!({ "message": "Email Sent" })), "{}", sent.text);
    token(&validate(world, client, MAIL, by_mail(), &world.mailed_code(count)))
}

both_engines! {
    fn whoever_follows_the_link_sets_a_new_password_once(engine) {
        let world = start(engine);
        let session = sign_in(&world, OLD).json();
        let sent = world.post(WEB, LINK, link(json!({})));
        assert_eq!((sent.status.as_u16(), sent.json()), (200, json!({ "message": "Reset password email sent" })));
        let record = world.server.record_of(&sent);
        assert_eq!((&record["event"], &record["subject"]), (&json!("code.sent"), &json!(world.ada)));
        let link = world.mailed_link(1);
        let mail = world.mails.mails().remove(0);
        assert_eq!((mail.to.as_slice(), mail.subject().as_str()), (&[ADA.to_owned()][..], "Your new password"));
        assert!(link.starts_with(&format!("{BACK}?code=tsp_")), "{link}");
        let token = code_of(&link);
        let done = redeem(&world, &token, NEW);
        assert_eq!((done.status.as_u16(), &done.json()["email"]), (200, &json!(ADA)), "{}", done.text);
        assert_eq!(sign_in(&world, OLD).status, 400);
        assert_eq!(sign_in(&world, NEW).status, 200);
        let session = world.post(WEB, "/v1/auth/session/authenticate", json!({ "session_id": session["session_id"] }));
        assert_ne!(session.status, 200, "whoever was signed in is out");
        refused(&redeem(&world, &token, NEXT), 403, "invalid_reset_token");
    }

    fn a_link_leads_nowhere_but_to_an_address_of_the_clients(engine) {
        let world = start(engine);
        for stranger in ["https://evil.example/", "https://app.example/back/", "https://app.example/back?code=x", "https://two.example/back"] {
            for path in [LINK, DIRECT] {
                let answer = world.post(WEB, path, link(json!({ "redirect_uri": stranger })));
                assert_eq!(answer.status, 400, "{stranger} {}", answer.text);
            }
        }
        assert_eq!(tokens(&world), "0");
        assert!(world.mails.mails().is_empty());
    }

    fn a_link_that_the_client_gets_is_not_sent(engine) {
        let world = start(engine);
        let made = world.post(WEB, DIRECT, link(json!({ "email": null, "username": "ada" })));
        assert_eq!(made.status, 200, "{}", made.text);
        let link = made.json()["reset_link"].as_str().expect("a link").to_owned();
        assert!(link.starts_with(&format!("{BACK}?code=tsp_")), "{link}");
        assert_eq!(redeem(&world, &code_of(&link), NEW).status, 200);
        assert!(world.mails.mails().is_empty());
    }

    fn nobody_resets_a_password_through_an_address_that_was_not_verified(engine) {
        let world = world(engine);
        refused(&world.post(WEB, LINK, link(json!({}))), 403, "email_not_verified");
        refused(&world.post(WEB, LINK, link(json!({ "email": null, "username": "ada" }))), 403, "email_not_verified");
        refused(&world.post(WEB, MAIL, by_mail()), 403, "email_not_verified");
        refused(&world.post(WEB, TEXT, by_text()), 403, "phone_number_not_verified");
        assert_eq!((tokens(&world).as_str(), world.codes().as_str()), ("0", "0"));
        assert!(world.mails.mails().is_empty() && world.texts.requests().is_empty());
    }

    fn who_is_unknown_disabled_or_without_passwords_gets_nothing(engine) {
        let world = start(engine);
        let nobody = json!({ "email": "nobody@mail.example" });
        refused(&world.post(WEB, LINK, link(nobody.clone())), 404, "user_not_found");
        refused(&world.post(WEB, DIRECT, link(nobody.clone())), 404, "user_not_found");
        refused(&world.post(WEB, MAIL, nobody.clone()), 404, "user_not_found");
        refused(&validate(&world, WEB, MAIL, nobody, "123456"), 404, "user_not_found");
        refused(&world.post(WEB, TEXT, json!({ "phone_number": "+14155550199" })), 404, "user_not_found");
        // Another application's user; and an application without passwords.
        refused(&world.post(OTHER, MAIL, by_mail()), 404, "user_not_found");
        refused(&world.post(BARE, MAIL, by_mail()), 403, "auth_login_preferences_missing");
        world.server.database.execute("UPDATE users SET enabled = (1 = 0)");
        refused(&world.post(WEB, MAIL, by_mail()), 403, "user_not_active");
        for body in [link(json!({ "username": "ada" })), link(json!({ "email": null }))] {
            assert_eq!(world.post(WEB, LINK, body).status, 400);
        }
        assert_eq!((tokens(&world).as_str(), world.codes().as_str()), ("0", "0"));
        assert!(world.mails.mails().is_empty() && world.texts.requests().is_empty());
    }

    fn codes_by_mail_and_by_text_message_give_a_reset_token_once(engine) {
        let world = start(engine);
        world.post(WEB, MAIL, by_mail());
        let code = world.mailed_code(1);
        assert_eq!(world.mails.mails()[0].subject(), "Your new password");
        refused(&validate(&world, WEB, MAIL, by_mail(), &wrong(&code)), 403, "invalid_otp");
        refused(&validate(&world, WEB_2, MAIL, by_mail(), &code), 403, "invalid_otp");
        let (mailed, more) = token(&validate(&world, WEB, MAIL, by_mail(), &code));
        assert!(!more);
        refused(&validate(&world, WEB, MAIL, by_mail(), &code), 403, "invalid_otp");
        assert_eq!(redeem(&world, &mailed, NEW).status, 200);

        let sent = world.post(WEB, TEXT, by_text());
        assert_eq!((sent.status.as_u16(), sent.json()), (200, json!({ "message": "SMS Sent" })));
        let code = digits(world.text(1)["text"].as_str().expect("a text"), 6);
        let (texted, _) = token(&validate(&world, WEB, TEXT, by_text(), &code));
        assert_eq!(redeem(&world, &texted, NEXT).status, 200);
        assert_eq!(sign_in(&world, NEXT).status, 200);
    }

    fn a_code_is_good_for_its_time_and_for_what_it_was_sent_for(engine) {
        let world = start(engine);
        world.post(WEB, MAIL, by_mail());
        let reset = world.mailed_code(1);
        refused(&validate(&world, WEB, TEXT, by_text(), &reset), 403, "invalid_otp");
        assert_refused(&world.try_otp(&reset, json!({})), 400, "auth_invalid_credentials");
        world.send_otp("email", json!({}));
        let sign_in = world.mailed_code(2);
        if sign_in != reset {
            refused(&validate(&world, WEB, MAIL, by_mail(), &sign_in), 403, "invalid_otp");
        }
        assert_eq!(tokens(&world), "0");
        world.server.clock.advance(15 * MINUTE);
        refused(&validate(&world, WEB, MAIL, by_mail(), &reset), 403, "expired_otp");
        assert_eq!((tokens(&world).as_str(), world.sessions().as_str()), ("0", "0"));
    }

    fn guesses_are_counted_and_of_many_at_once_one_wins(engine) {
        let world = start(engine);
        world.post(WEB, MAIL, by_mail());
        let code = world.mailed_code(1);
        let at_once = |code: &str| -> Vec<Answer> {
            thread::scope(|scope| {
                let one = || validate(&world, WEB, MAIL, by_mail(), code);
                let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
                all.into_iter().map(|one| one.join().expect("no panic")).collect()
            })
        };
        let right = at_once(&code);
        assert_eq!(right.iter().filter(|answer| answer.status == 200).count(), 1, "{right:?}");
        assert_eq!(tokens(&world), "1");
        world.server.clock.advance(60 * MINUTE);
        world.post(WEB, MAIL, by_mail());
        let code = world.mailed_code(2);
        assert!(at_once(&wrong(&code)).iter().all(|answer| answer.status == 403));
        refused(&validate(&world, WEB, MAIL, by_mail(), &code), 403, "auth_locked");
        refused(&world.post(WEB, MAIL, by_mail()), 403, "auth_locked");
        assert_eq!(tokens(&world), "1");
    }

    fn of_sixty_four_wrong_codes_at_two_nodes_exactly_three_are_looked_at(engine) {
        let world = start(engine);
        let (second, barrier) = (world.server.another_node(), Barrier::new(64));
        let bearer = world.server.token(WEB, &crate::support::CLIENT_CREDENTIALS).access_token();
        world.post(WEB, MAIL, by_mail());
        let (code, path) = (world.mailed_code(1), format!("{MAIL}/validate"));
        let body = with(by_mail(), json!({ "passcode": wrong(&code) }));
        let guess = |place: usize| {
            let node = if place.is_multiple_of(2) { &world.server } else { &second };
            let request = node.request(reqwest::Method::POST, &path).bearer_auth(&bearer).json(&body);
            barrier.wait();
            Answer::to(request)
        };
        let answers: Vec<Answer> = thread::scope(|scope| {
            let all: Vec<_> = (0..64).map(|place| scope.spawn(move || guess(place))).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let is_wrong = |answer: &&Answer| answer.status == 403 && answer.json()["ts_error_code"] == "invalid_otp";
        let (looked, locked): (Vec<_>, Vec<_>) = answers.iter().partition(is_wrong);
        assert_eq!((looked.len(), locked.len()), (3, 61), "{looked:?}");
        locked.into_iter().for_each(|answer| refused(answer, 403, "auth_locked"));
        // The right one comes too late, and no other one is sent before the lock is over.
        refused(&world.post_to(&second, WEB, &path, with(by_mail(), json!({ "passcode": code }))), 403, "auth_locked");
        world.server.clock.advance(15 * MINUTE - 1);
        refused(&world.post(WEB, MAIL, by_mail()), 403, "auth_locked");
        assert_eq!((tokens(&world).as_str(), world.mails.mails().len()), ("0", 1));
        world.server.clock.advance(1);
        token_by_mail(&world, WEB, 2, json!({}));
    }

    fn where_two_factors_are_wanted_the_second_is_another_one(engine) {
        let world = start(engine);
        world.user(OTHER, json!({ "email": ADA }));
        let (first, more) = token_by_mail(&world, OTHER, 1, json!({}));
        assert!(more);
        refused(&redeem(&world, &first, NEW), 403, "mfa_required");
        // The same mailbox twice is one factor.
        world.post(OTHER, MAIL, with(by_mail(), json!({ "prev_reset_token": first })));
        refused(&validate(&world, OTHER, MAIL, by_mail(), &world.mailed_code(2)), 403, "invalid_reset_token");
        // What is made up, and what was made for another application.
        let (foreign, _) = token_by_mail(&world, WEB, 3, json!({}));
        for wrong in ["tsp_made-up", &foreign] {
            let body = with(by_text(), json!({ "prev_reset_token": wrong }));
            refused(&world.post(OTHER, TEXT, body), 403, "invalid_reset_token");
        }
        world.post(OTHER, TEXT, with(by_text(), json!({ "prev_reset_token": first })));
        let code = digits(world.text(1)["text"].as_str().expect("a text"), 6);
        let (both, more) = token(&validate(&world, OTHER, TEXT, by_text(), &code));
        assert!(!more);
        assert_eq!(redeem(&world, &both, NEW).status, 200);
        assert_eq!(sign_in(&world, NEW).status, 200);
    }

    fn the_backend_may_say_that_one_factor_is_enough(engine) {
        let world = start(engine);
        world.user(OTHER, json!({ "email": ADA }));
        let (one, more) = token_by_mail(&world, OTHER, 1, json!({ "ignore_mfa": true }));
        assert!(!more);
        assert_eq!(redeem(&world, &one, NEW).status, 200);
    }

    fn nobodys_mailbox_is_flooded_with_resets(engine) {
        let world = world_with(engine, &[("limits.messages_per_user", "2")]);
        verify(&world, &format!("/v1/users/{}/emails/{ADA}", world.ada));
        for path in [LINK, DIRECT] {
            assert_eq!(world.post(WEB, path, link(json!({}))).status, 200);
        }
        for (path, body) in [(LINK, link(json!({}))), (DIRECT, link(json!({}))), (MAIL, by_mail())] {
            let answer = world.post(WEB, path, body);
            assert_eq!(answer.status, 429, "{}", answer.text);
            assert!(answer.headers.contains_key("retry-after"));
        }
        assert_eq!((tokens(&world).as_str(), world.codes().as_str()), ("2", "0"));
    }
}
