//! Signing in by a passkey, over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use super::shop::{BACKEND, ORIGIN, OTHER_BACKEND, Shop, client_token};
use crate::{
    both_engines,
    support::{
        Answer,
        authenticator::{Authenticator, Page, encoded, to_json},
        tokens::{peek, verify},
    },
};

const CREDENTIAL: &str = "the credential is not one of the ceremony's";
const CLONED: &str = "the signature counter did not rise: the authenticator may be cloned";
const NO_CEREMONY: &str = "there is no such ceremony";

fn code(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["error_code"].as_str().expect("a code").to_owned())
}

both_engines! {
    fn a_user_signs_in_with_a_name_an_identifier_or_neither(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let ada = shop.user(&mut authenticator, "ada");
        for (count, who) in [
            json!({ "username": "ada" }),
            json!({ "identifier": "ext-ada", "identifier_type": "external_user_id" }),
            json!({ "identifier": ada, "identifier_type": "user_id" }),
            json!({}),
        ].into_iter().enumerate() {
            let answer = shop.authenticate(&shop.got(&mut authenticator, who.clone()));
            let token = answer.access_token();
            assert_eq!(verify(&shop.server, &token, "userid-api")["sub"], ada.as_str(), "{who}");
            let id_token = peek(answer.json()["id_token"].as_str().expect("an ID token"));
            assert_eq!((&id_token["sub"], &id_token["amr"]), (&json!(ada), &json!(["webauthn"])));
            let record = shop.server.record_of(&answer);
            assert_eq!((&record["event"], &record["subject"]), (&json!("user.authenticated"), &json!(ada)));
            assert_eq!(record["detail"], "webauthn");
            let counter = shop.server.database.value("SELECT CAST(counter AS TEXT) AS value FROM webauthn_credentials");
            assert_eq!(counter, (count + 1).to_string());
        }
        assert_eq!(shop.count("webauthn_ceremonies"), 0);
    }

    fn the_options_of_a_login_are_those_of_the_contract(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        shop.user(&mut authenticator, "ada");
        let held = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &authenticator.held[0].id);
        let (_, options) = shop.begin_login(json!({ "username": "ada", "timeout": 30 }));
        assert_eq!(options, json!({
            "challenge": options["challenge"], "rpId": "localhost", "timeout": 30000, "attestation": "none",
            "allowCredentials": [{ "type": "public-key", "id": held }], "userVerification": "required",
        }));
        let (_, options) = shop.begin_login(json!({}));
        assert_eq!(options, json!({
            "challenge": options["challenge"], "rpId": "localhost", "timeout": 300000, "attestation": "none",
            "allowCredentials": [], "userVerification": "required",
        }));
    }

    fn a_passkey_becomes_synchronised_where_that_is_allowed(engine) {
        for (preferences, is_allowed) in [("", true), ("allowSyncedPasskeys = false", false)] {
            let shop = Shop::with(engine, preferences);
            let mut ada = Authenticator::default();
            shop.user(&mut ada, "ada");
            ada.synchronised = true;
            for who in [json!({ "username": "ada" }), json!({})] {
                let answer = shop.authenticate(&shop.got(&mut ada, who));
                if is_allowed {
                    assert_eq!(answer.status, 200, "{}", answer.text);
                } else {
                    shop.assert_refused(&answer, "the credential changed whether it can be synchronised");
                }
            }
        }
    }

    fn a_form_and_the_form_of_to_json_sign_in_too(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let (id, options) = shop.begin_key("ada");
        let created = to_json(&authenticator.create(&options, &Page::of(ORIGIN)));
        assert_eq!(shop.register(&encoded(&id, &created), "ext-ada").status, 200);
        let (id, options) = shop.begin_login(json!({}));
        let result = encoded(&id, &to_json(&authenticator.get(&options, &Page::of(ORIGIN))));
        let request = shop.server.request(Method::POST, "/v1/auth/webauthn/authenticate").bearer_auth(&shop.token);
        Answer::to(request.form(&[("webauthn_encoded_result", result)])).access_token();
    }

    fn who_has_no_passkey_and_who_does_not_exist_are_alike(engine) {
        let shop = Shop::start(engine);
        let made = shop.backend("/v1/users", &json!({ "email": "bob@mail.example", "username": "bob" }));
        assert_eq!(made.status, 201, "{}", made.text);
        shop.user(&mut Authenticator::default(), "ada");
        let answers: Vec<Answer> = [
            json!({ "identifier": "bob@mail.example", "identifier_type": "email" }),
            json!({ "identifier": "nobody@mail.example", "identifier_type": "email" }),
            json!({ "identifier": "no address", "identifier_type": "email" }),
            json!({ "identifier": "a\u{0}b", "identifier_type": "username" }),
            json!({ "username": "bob" }),
            json!({ "username": "nobody" }),
            json!({ "username": "a\u{0}b" }),
        ].map(|who| shop.start_login(who)).into();
        for answer in answers {
            assert_eq!(answer.status, 401, "{}", answer.text);
            let body = json!({
                "error_code": "no_credentials_registered", "message": "No credentials are registered for this user",
            });
            assert_eq!(answer.json(), body);
        }
        for who in [
            json!({ "username": "ada", "identifier": "x", "identifier_type": "email" }),
            json!({ "identifier": "x" }),
            json!({ "identifier_type": "email" }),
            json!({ "identifier": "x", "identifier_type": "shoe_size" }),
        ] {
            assert_eq!(code(&shop.start_login(who)), (400, "system_invalid_input".to_owned()));
        }
        assert_eq!(shop.count("webauthn_ceremonies"), 0);
        // Of another application she is nobody either.
        let body = json!({ "client_id": OTHER_BACKEND.0, "username": "ada" });
        let elsewhere = shop.page("/v1/auth/webauthn/authenticate/start", &body);
        assert_eq!(code(&elsewhere), (401, "no_credentials_registered".to_owned()));
    }

    fn a_cloned_authenticator_is_found_out_and_nothing_is_issued(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let ada = shop.user(&mut authenticator, "ada");
        let mut clone = authenticator.clone();
        shop.authenticate(&shop.got(&mut authenticator, json!({}))).access_token();
        let before = shop.count("login_sessions");
        let refused = shop.authenticate(&shop.got(&mut clone, json!({ "username": "ada" })));
        let record = shop.assert_refused(&refused, CLONED);
        assert_eq!((&record["event"], &record["subject"]), (&json!("user.authentication_refused"), &json!(ada)));
        assert_eq!((shop.count("login_sessions"), shop.count("webauthn_ceremonies")), (before, 0));
        // The one that is ahead goes on.
        shop.authenticate(&shop.got(&mut authenticator, json!({}))).access_token();
    }

    fn two_authenticators_with_the_same_counter_at_the_same_moment_are_one_too_many(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        shop.user(&mut authenticator, "ada");
        let results: Vec<String> = (0..4).map(|_| shop.got(&mut authenticator.clone(), json!({}))).collect();
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let all: Vec<_> = results.iter().map(|result| scope.spawn(|| shop.authenticate(result))).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((good.len(), bad.len(), shop.count("login_sessions")), (1, 3, 1));
        bad.iter().for_each(|answer| _ = shop.assert_refused(answer, CLONED));
    }

    fn an_answer_signs_in_once_also_when_it_comes_several_times_at_once(engine) {
        let shop = Shop::start(engine);
        // Without a counter nothing but the ceremony tells the answers apart.
        let mut authenticator = Authenticator { counts: false, ..Authenticator::default() };
        shop.user(&mut authenticator, "ada");
        let result = shop.got(&mut authenticator, json!({}));
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|_| scope.spawn(|| shop.authenticate(&result))).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((good.len(), bad.len(), shop.count("login_sessions")), (1, 5, 1));
        bad.iter().for_each(|answer| _ = shop.assert_refused(answer, NO_CEREMONY));
        shop.assert_refused(&shop.authenticate(&result), NO_CEREMONY);
    }

    fn an_answer_is_good_in_time_and_for_the_application_and_environment_that_began(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator { counts: false, ..Authenticator::default() };
        shop.user(&mut authenticator, "ada");
        let results: Vec<String> = (0..3).map(|_| shop.got(&mut authenticator, json!({}))).collect();
        shop.server.clock.advance(299);
        shop.authenticate(&results[0]).access_token();
        let token = client_token(&shop.server, OTHER_BACKEND);
        let body = json!({ "webauthn_encoded_result": results[1] });
        let foreign = shop.send(Method::POST, "/v1/auth/webauthn/authenticate", Some(&token), &body);
        shop.assert_refused(&foreign, NO_CEREMONY);
        shop.authenticate(&results[1]).access_token();
        shop.server.clock.advance(1);
        shop.assert_refused(&shop.authenticate(&results[2]), NO_CEREMONY);
        // A ceremony that somebody moved to another environment in the database is none here.
        let moved = shop.got(&mut authenticator, json!({}));
        shop.server.apply("[environment]\nname = \"second\"\n");
        shop.server.database.execute(
            "UPDATE webauthn_ceremonies SET environment_id = (SELECT id FROM environments WHERE name = 'second')",
        );
        shop.assert_refused(&shop.authenticate(&moved), NO_CEREMONY);
        // A passkey is good in its own application only, whatever the domain.
        let body = json!({ "client_id": OTHER_BACKEND.0 });
        let begun = shop.page("/v1/auth/webauthn/authenticate/start", &body).json();
        let got = authenticator.get(&begun["credential_request_options"], &Page::of(ORIGIN));
        let result = encoded(begun["webauthn_session_id"].as_str().expect("an id"), &got);
        let body = json!({ "webauthn_encoded_result": result });
        let elsewhere = shop.send(Method::POST, "/v1/auth/webauthn/authenticate", Some(&token), &body);
        shop.assert_refused(&elsewhere, CREDENTIAL);
    }

    fn what_others_made_of_it_is_refused(engine) {
        let shop = Shop::start(engine);
        let page = Page::of(ORIGIN);
        let (mut ada, mut eve) = (Authenticator::default(), Authenticator::default());
        let (ada_id, _) = (shop.user(&mut ada, "ada"), shop.user(&mut eve, "eve"));
        let attempt = |authenticator: &mut Authenticator, page: &Page, who: Value| {
            let (id, options) = shop.begin_login(who);
            shop.authenticate(&encoded(&id, &authenticator.get_with(0, &options, page)))
        };
        let named = || json!({ "username": "ada" });
        // Eve answers where Ada was named.
        let record = shop.assert_refused(&attempt(&mut eve, &page, named()), CREDENTIAL);
        assert_eq!(record["subject"], ada_id.as_str());
        let evil = Page::of("https://localhost.evil.example");
        shop.assert_refused(&attempt(&mut ada, &evil, named()), "the origin is none of the application's");
        let framed = Page { cross_origin: true, ..page.clone() };
        shop.assert_refused(&attempt(&mut ada, &framed, named()), "a frame of another origin asked for it");
        let replaced = Page { challenge: Some(vec![1; 32]), ..page.clone() };
        shop.assert_refused(&attempt(&mut ada, &replaced, named()), "the challenge is another one");
        let moved = Page { rp_id: Some("evil.example".to_owned()), ..page.clone() };
        shop.assert_refused(&attempt(&mut ada, &moved, named()), "the relying party is another one");
        ada.verifies = false;
        shop.assert_refused(&attempt(&mut ada, &page, named()), "the user was not verified");
        ada.verifies = true;
        ada.held[0].user_handle = eve.held[0].user_handle.clone();
        shop.assert_refused(&attempt(&mut ada, &page, named()), "the user handle is another one");
        shop.assert_refused(&attempt(&mut ada, &page, json!({})), "the user handle is another one");
        // Eve's key under Ada's credential id.
        eve.held[0].id.clone_from(&ada.held[0].id);
        shop.assert_refused(&attempt(&mut eve, &page, named()), "the user handle is another one");
        eve.says_user = false;
        shop.assert_refused(&attempt(&mut eve, &page, named()), "the signature is not valid");
        // A challenge of one login in another one.
        let (first, _) = shop.begin_login(named());
        let (_, second) = shop.begin_login(named());
        ada.says_user = false;
        let swapped = shop.authenticate(&encoded(&first, &ada.get(&second, &page)));
        shop.assert_refused(&swapped, "the challenge is another one");
        assert_eq!(shop.count("login_sessions"), 0);
    }

    fn failures_lock_in_tiers_and_a_right_answer_clears_them(engine) {
        let shop = Shop::with(engine, "lockoutTiers = [{ attempts = 2, duration = 1 }, { attempts = 3, duration = 10 }]");
        let mut authenticator = Authenticator { counts: false, ..Authenticator::default() };
        shop.user(&mut authenticator, "ada");
        let fail = || {
            let (id, options) = shop.begin_login(json!({}));
            let page = Page { challenge: Some(vec![1; 32]), ..Page::of(ORIGIN) };
            shop.authenticate(&encoded(&id, &authenticator.clone().get(&options, &page)))
        };
        let login = || shop.authenticate(&shop.got(&mut authenticator.clone(), json!({})));
        fail();
        login().access_token();
        fail();
        assert_eq!(fail().status, 400);
        let locked = login();
        assert_eq!(code(&locked), (403, "auth_locked".to_owned()));
        assert_eq!(shop.server.record_of(&locked)["reason"], "auth_locked");
        shop.server.clock.advance(60);
        assert_eq!(fail().status, 400);
        shop.server.clock.advance(599);
        assert_eq!(code(&login()), (403, "auth_locked".to_owned()));
        shop.server.clock.advance(1);
        login().access_token();
    }

    fn what_was_approved_stands_in_the_id_token(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        shop.user(&mut authenticator, "ada");
        let approval = json!({ "amount": "100.00", "to": "Bob: rent_11-26" });
        let who = json!({ "username": "ada", "approval_data": approval });
        let (id, options) = shop.begin_login(who);
        assert!(options["rawChallenge"].is_string(), "{options}");
        let answer = shop.authenticate(&encoded(&id, &authenticator.get(&options, &Page::of(ORIGIN))));
        answer.access_token();
        let id_token = peek(answer.json()["id_token"].as_str().expect("an ID token"));
        assert_eq!(id_token["approval_data"], approval);
        // The signature is over the data of its own ceremony: with a challenge of another one it is nothing.
        let mut names = serde_json::Map::new();
        for name in 0..11 {
            names.insert(name.to_string(), "x".into());
        }
        for wrong in [json!({ "a": "<b>" }), json!({ "ä": "b" }), json!({ "a": 1 }), Value::Object(names)] {
            let refused = shop.start_login(json!({ "username": "ada", "approval_data": wrong }));
            assert_eq!(code(&refused), (400, "system_invalid_input".to_owned()), "{}", refused.text);
        }
    }

    fn a_second_factor_joins_the_session_of_the_same_user_only(engine) {
        let shop = Shop::start(engine);
        let (mut ada, mut eve) = (Authenticator::default(), Authenticator::default());
        shop.user(&mut ada, "ada");
        shop.user(&mut eve, "eve");
        let first = shop.authenticate(&shop.got(&mut ada, json!({}))).json();
        let session = first["session_id"].clone();
        let join = |authenticator: &mut Authenticator| {
            let result = shop.got(authenticator, json!({}));
            let body = json!({ "webauthn_encoded_result": result, "session_id": session });
            shop.backend("/v1/auth/webauthn/authenticate", &body)
        };
        let joined = join(&mut ada);
        joined.access_token();
        assert_eq!(joined.json()["session_id"], session);
        // The same factor twice is one.
        assert_eq!(peek(joined.json()["id_token"].as_str().expect("an ID token"))["amr"], json!(["webauthn"]));
        let refused = join(&mut eve);
        assert_eq!(code(&refused), (400, "session_not_found".to_owned()));
        assert!(shop.server.record_of(&refused).get("jti").is_none());
        // Neither an unknown session nor a resource that is none uses the answer up.
        let result = shop.got(&mut ada, json!({}));
        for (member, value) in [("session_id", "tss_unknown"), ("resource", "reports-api")] {
            let body = json!({ "webauthn_encoded_result": result, member: value });
            assert_eq!(shop.backend("/v1/auth/webauthn/authenticate", &body).status, 400, "{member}");
        }
        shop.authenticate(&result).access_token();
    }

    fn a_disabled_user_is_told_so_and_gets_nothing(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let ada = shop.user(&mut authenticator, "ada");
        let body = json!({ "status": "Disabled" });
        let done = shop.send(Method::PUT, &format!("/v1/users/{ada}"), Some(&shop.token), &body);
        assert_eq!(done.status, 200, "{}", done.text);
        let refused = shop.authenticate(&shop.got(&mut authenticator, json!({ "username": "ada" })));
        assert_eq!(code(&refused), (403, "user_not_active".to_owned()));
        assert_eq!(shop.count("login_sessions"), 0);
    }

    fn only_a_client_with_the_permission_finishes(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        shop.user(&mut authenticator, "ada");
        let result = shop.got(&mut authenticator, json!({}));
        let body = json!({ "webauthn_encoded_result": result });
        let path = "/v1/auth/webauthn/authenticate";
        assert_eq!(shop.page(path, &body).status, 401);
        let other = client_token(&shop.server, crate::support::BFF);
        assert_eq!(shop.send(Method::POST, path, Some(&other), &body).status, 403);
        shop.authenticate(&result).access_token();
        assert_eq!(BACKEND.0, "web-backend");
    }
}

both_engines! {
    fn a_user_who_left_comes_back_by_a_passkey_of_the_application(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let made = shop.backend("/v1/users", &json!({ "email": "ada@mail.example", "external_user_id": "ext-ada" }));
        assert_eq!(made.status, 201, "{}", made.text);
        let id = shop.user(&mut authenticator, "ada");
        assert_eq!(made.json()["result"]["user_id"], id.as_str(), "{}", made.text);
        let at = |rest: &str| format!("/v1/users/{id}{rest}");
        assert_eq!(shop.send(Method::DELETE, &at("/apps"), Some(&shop.token), &json!({})).status, 204);

        // Who has left, and was not named again, is nobody here.
        let result = shop.got(&mut authenticator, json!({}));
        assert_eq!(shop.authenticate(&result).status, 404);
        let named = shop.backend("/v1/users", &json!({ "email": "ada@mail.example" }));
        assert_eq!((named.status.as_u16(), &named.json()["result"]["join_pending"]), (201, &json!(true)), "{}", named.text);
        assert_eq!(shop.send(Method::GET, &at(""), Some(&shop.token), &json!({})).status, 404);

        let result = shop.got(&mut authenticator, json!({}));
        let signed_in = shop.authenticate(&result);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert_eq!(shop.send(Method::GET, &at(""), Some(&shop.token), &json!({})).status, 200);
    }
}
