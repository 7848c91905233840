//! Making passkeys, over HTTP.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::shop::{BACKEND, ORIGIN, OTHER_BACKEND, Shop, WEB, client_token};
use crate::{
    both_engines,
    support::{
        Engine, TestServer,
        authenticator::{Authenticator, Page, Statement, encoded},
        maker::Maker,
    },
};

/// The access token of a user who signs in.
fn user_token(shop: &Shop, authenticator: &mut Authenticator, username: &str) -> String {
    shop.authenticate(&shop.got(authenticator, json!({ "username": username }))).access_token()
}

both_engines! {
    fn a_user_of_the_applications_own_system_is_made_with_the_first_passkey(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let result = shop.created(&mut authenticator, "ada");
        let body = json!({
            "webauthn_encoded_result": result, "external_user_id": "ext-1", "user_email": "ada@mail.example",
        });
        let made = shop.backend("/v1/auth/webauthn/external/register", &body);
        assert_eq!(made.status, 200, "{}", made.text);
        let answer = made.json();
        let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&authenticator.held[0].id);
        assert_eq!(
            answer,
            json!({
                "webauthn_session_id": answer["webauthn_session_id"], "user_id": answer["user_id"],
                "webauthn_username": "ada", "credential_id": id, "authenticator_attachment": "platform",
                "aaguid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "external_user_id": "ext-1", "is_user_created": true,
            })
        );
        let record = shop.server.record_of(&made);
        assert_eq!((&record["outcome"], &record["operation"]), (&json!("success"), &json!("registerWebauthnExternal")));
        assert_eq!((&record["subject"], &record["application_id"]), (&answer["user_id"], &json!(WEB)));
        let user = shop.send(Method::GET, &format!("/v1/users/{}", answer["user_id"].as_str().expect("an id")),
            Some(&shop.token), &json!({}));
        assert_eq!(user.json()["result"]["email"]["value"], "ada@mail.example", "{}", user.text);

        // The next one is the same user's.
        let again = shop.register(&shop.created(&mut Authenticator::default(), "ada"), "ext-1").json();
        assert_eq!((&again["user_id"], &again["is_user_created"]), (&answer["user_id"], &json!(false)));
    }

    fn a_user_who_is_signed_in_gets_a_passkey(engine) {
        let shop = Shop::start(engine);
        let (mut phone, mut key) = (Authenticator::default(), Authenticator::default());
        let ada = shop.user(&mut phone, "ada");
        let token = user_token(&shop, &mut phone, "ada");
        let result = shop.created(&mut key, "ada-at-work");
        let path = "/v1/auth/webauthn/register";
        let made = shop.send(Method::POST, path, Some(&token), &json!({ "webauthn_encoded_result": result }));
        assert_eq!(made.status, 200, "{}", made.text);
        assert_eq!((&made.json()["user_id"], &made.json()["webauthn_username"]), (&json!(ada), &json!("ada-at-work")));
        assert!(made.json().get("is_user_created").is_none());
        assert_eq!(user_token(&shop, &mut key, "ada-at-work").split('.').count(), 3);

        // Not with a client's token, nor without any.
        for token in [Some(shop.token.as_str()), None] {
            let refused = shop.send(Method::POST, path, token, &json!({ "webauthn_encoded_result": result }));
            assert!([401, 403].contains(&refused.status.as_u16()), "{}", refused.text);
        }
    }

    fn the_options_are_those_of_the_contract(engine) {
        let shop = Shop::start(engine);
        let body = json!({
            "client_id": BACKEND.0, "username": "ada", "display_name": "Ada L.", "timeout": 60,
            "limit_single_credential_to_device": true,
        });
        let begun = shop.page("/v1/auth/webauthn/register/start", &body);
        assert_eq!(begun.status, 200, "{}", begun.text);
        assert!(shop.server.records_of(&begun).is_empty());
        let options = begun.json()["credential_creation_options"].clone();
        for bytes in [&options["challenge"], &options["user"]["id"]] {
            assert_eq!(STANDARD.decode(bytes.as_str().expect("a text")).expect("base64").len(), 32);
        }
        assert_eq!(
            options,
            json!({
                "challenge": options["challenge"],
                "rp": { "id": "localhost", "name": "web" },
                "user": { "id": options["user"]["id"], "name": "ada", "displayName": "Ada L." },
                "pubKeyCredParams": [{ "alg": -7, "type": "public-key" }, { "alg": -257, "type": "public-key" }],
                "timeout": 60000, "attestation": "none",
                "authenticatorSelection":
                    { "residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred" },
                "excludeCredentials": [], "extensions": { "credProps": true },
            })
        );
        // Only ids are hashed in the database.
        let id = begun.json()["webauthn_session_id"].as_str().expect("an id").to_owned();
        let kept = shop.server.database.texts("SELECT id_hash || ceremony AS text FROM webauthn_ceremonies");
        assert!(kept.len() == 1 && !kept[0].contains(&id));

        let mut authenticator = Authenticator::default();
        shop.user(&mut authenticator, "ada");
        let excluded = |limit: bool| {
            let body = json!({
                "client_id": BACKEND.0, "username": "ada", "limit_single_credential_to_device": limit,
            });
            let begun = shop.page("/v1/auth/webauthn/register/start", &body);
            begun.json()["credential_creation_options"]["excludeCredentials"].clone()
        };
        let held = STANDARD.encode(&authenticator.held[0].id);
        assert_eq!(excluded(true), json!([{ "type": "public-key", "id": held }]));
        assert_eq!(excluded(false), json!([]));
    }

    fn a_name_is_one_users_in_an_application(engine) {
        let shop = Shop::start(engine);
        shop.user(&mut Authenticator::default(), "ada");
        let result = shop.created(&mut Authenticator::default(), "ada");
        let taken = shop.register(&result, "ext-eve");
        assert_eq!(taken.status, 409, "{}", taken.text);
        assert_eq!(taken.json()["error_code"], "username_already_registered");
        // Neither the passkey nor the user was made.
        assert_eq!((shop.count("webauthn_credentials"), shop.count("users")), (1, 1));
        assert_eq!(shop.server.record_of(&taken)["outcome"], "refused");
        // In another application it is free.
        let token = client_token(&shop.server, OTHER_BACKEND);
        let body = json!({ "client_id": OTHER_BACKEND.0, "username": "ada" });
        let begun = shop.page("/v1/auth/webauthn/register/start", &body).json();
        let created =
            Authenticator::default().create(&begun["credential_creation_options"], &Page::of(ORIGIN));
        let result = encoded(begun["webauthn_session_id"].as_str().expect("an id"), &created);
        let body = json!({ "webauthn_encoded_result": result, "external_user_id": "ext-eve" });
        let made = shop.send(Method::POST, "/v1/auth/webauthn/external/register", Some(&token), &body);
        assert_eq!(made.status, 200, "{}", made.text);
    }

    fn an_answer_is_good_once_in_time_and_for_its_own_application(engine) {
        let shop = Shop::start(engine);
        let result = shop.created(&mut Authenticator::default(), "ada");
        let token = client_token(&shop.server, OTHER_BACKEND);
        let body = json!({ "webauthn_encoded_result": result, "external_user_id": "ext-ada" });
        let foreign = shop.send(Method::POST, "/v1/auth/webauthn/external/register", Some(&token), &body);
        shop.assert_refused(&foreign, "there is no such ceremony");
        assert_eq!(shop.register(&result, "ext-ada").status, 200);
        shop.assert_refused(&shop.register(&result, "ext-ada"), "there is no such ceremony");

        let (early, late) =
            (shop.created(&mut Authenticator::default(), "ada"), shop.created(&mut Authenticator::default(), "ada"));
        shop.server.clock.advance(299);
        assert_eq!(shop.register(&early, "ext-ada").status, 200);
        shop.server.clock.advance(1);
        shop.assert_refused(&shop.register(&late, "ext-ada"), "there is no such ceremony");
        assert_eq!(shop.count("webauthn_credentials"), 2);
    }

    fn an_answer_that_is_wrong_uses_its_ceremony_up(engine) {
        let shop = Shop::start(engine);
        let (id, options) = shop.begin_key("ada");
        let mut authenticator = Authenticator::default();
        let phished = authenticator.create(&options, &Page::of("http://localhost:3001"));
        let refused = shop.register(&encoded(&id, &phished), "ext-ada");
        shop.assert_refused(&refused, "the origin is none of the application's");
        let honest = authenticator.create(&options, &Page::of(ORIGIN));
        shop.assert_refused(&shop.register(&encoded(&id, &honest), "ext-ada"), "there is no such ceremony");
        // Nor is the start of a login one of a registration.
        shop.user(&mut authenticator, "ada");
        let (id, _) = shop.begin_login(json!({}));
        let refused = shop.register(&encoded(&id, &honest), "ext-ada");
        shop.assert_refused(&refused, "it is the answer to another kind of ceremony");
        assert_eq!((shop.count("webauthn_credentials"), shop.count("users")), (1, 1));
    }

    fn of_several_registrations_of_one_answer_one_wins(engine) {
        let shop = Shop::start(engine);
        let result = shop.created(&mut Authenticator::default(), "ada");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|_| scope.spawn(|| shop.register(&result, "ext-ada").status.as_u16())).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
        assert_eq!(shop.count("webauthn_credentials"), 1);
    }

    fn a_credential_is_registered_once_in_the_environment(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        shop.user(&mut authenticator, "ada");
        // Eve shows Ada's credential id with a key of her own: the attestation without a statement is nobody's word.
        let (id, options) = shop.begin_key("eve");
        let mut eve = Authenticator::default();
        let mut created = eve.create(&options, &Page::of(ORIGIN));
        let object = created["response"]["attestationObject"].as_str().expect("a text");
        let mut object = STANDARD.decode(object).expect("base64");
        let place = object.windows(32).position(|bytes| bytes == eve.held[0].id).expect("her id");
        object[place..place + 32].copy_from_slice(&authenticator.held[0].id);
        created["response"]["attestationObject"] = STANDARD.encode(&object).into();
        created["rawId"] = STANDARD.encode(&authenticator.held[0].id).into();
        created["id"] = created["rawId"].clone();
        let refused = shop.register(&encoded(&id, &created), "ext-eve");
        shop.assert_refused(&refused, "the credential is registered already");
        assert_eq!((shop.count("webauthn_credentials"), shop.count("users")), (1, 1));
        assert_eq!(shop.authenticate(&shop.got(&mut authenticator, json!({}))).status, 200);
    }

    fn models_statements_and_copies_are_taken_as_the_application_says(engine) {
        let model = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4";
        let other = "00000000-0000-0000-0000-000000000001";
        let synchronised = Authenticator { synchronised: true, ..Authenticator::default() };
        for (preferences, authenticator, detail) in [
            (format!("aaguidBlockList = [\"{model}\"]"), Authenticator::default(), "the model of the authenticator is not allowed"),
            (format!("aaguidAllowList = [\"{other}\"]"), Authenticator::default(), "the model of the authenticator is not allowed"),
            ("allowSyncedPasskeys = false".to_owned(), synchronised, "synchronised passkeys are not allowed"),
        ] {
            let shop = Shop::with(engine, &preferences);
            let refused = shop.register(&shop.created(&mut authenticator.clone(), "ada"), "ext-ada");
            shop.assert_refused(&refused, detail);
            assert_eq!((shop.count("webauthn_credentials"), shop.count("users")), (0, 0), "{preferences}");
        }
    }

    fn where_makers_are_demanded_and_none_is_known_nothing_begins(engine) {
        let shop = Shop::with(engine, "attestationType = \"direct\"\nenforceAttestation = true");
        let body = json!({ "client_id": BACKEND.0, "username": "ada" });
        let refused = shop.page("/v1/auth/webauthn/register/start", &body);
        let code = json!("auth_login_preferences_missing");
        assert_eq!((refused.status.as_u16(), &refused.json()["error_code"]), (403, &code), "{}", refused.text);
        assert_eq!(shop.count("webauthn_ceremonies"), 0);
    }

    fn a_passkey_is_not_led_into_an_account_by_an_address(engine) {
        let shop = Shop::start(engine);
        let ada = shop.backend("/v1/users", &json!({ "email": "ada@mail.example" }));
        assert_eq!(ada.status, 201, "{}", ada.text);
        // She is in this environment and, by now, in no application.
        shop.server.database.execute("DELETE FROM user_applications");
        let result = shop.created(&mut Authenticator::default(), "mallory");
        let body = json!({
            "webauthn_encoded_result": result, "external_user_id": "mallory", "user_email": "ada@mail.example",
        });
        let refused = shop.backend("/v1/auth/webauthn/external/register", &body);
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert_eq!((shop.count("webauthn_credentials"), shop.count("user_applications"), shop.count("users")), (0, 0, 1));
    }

    fn a_new_passkey_takes_the_place_of_the_old_one_where_that_is_wanted(engine) {
        let shop = Shop::with(engine, "replaceExistingPasskey = true");
        let (mut old, mut new) = (Authenticator::default(), Authenticator::default());
        shop.user(&mut old, "ada");
        shop.user(&mut new, "ada");
        // The authenticator itself would have replaced it, too.
        assert_eq!(old.held[0].user_handle, new.held[0].user_handle);
        let (id, options) = shop.begin_login(json!({ "username": "ada" }));
        assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(1));
        assert_eq!(shop.authenticate(&encoded(&id, &new.get(&options, &Page::of(ORIGIN)))).status, 200);
        let refused = shop.authenticate(&shop.got(&mut old, json!({})));
        shop.assert_refused(&refused, "the credential is not one of the ceremony's");
    }

    fn nobody_has_more_than_twenty(engine) {
        let shop = Shop::start(engine);
        for _ in 0..20 {
            shop.user(&mut Authenticator::default(), "ada");
        }
        let refused = shop.register(&shop.created(&mut Authenticator::default(), "ada"), "ext-ada");
        assert_eq!((refused.status.as_u16(), refused.json()["error_code"].clone()), (409, json!("webauthn_credential_limit")));
        assert_eq!(shop.count("webauthn_credentials"), 20);
    }

    fn what_cannot_begin_is_said(engine) {
        let shop = Shop::start(engine);
        let begin = |body: Value| {
            let answer = shop.page("/v1/auth/webauthn/register/start", &body);
            (answer.status.as_u16(), answer.json()["error_code"].as_str().expect("a code").to_owned())
        };
        let invalid = || (400, "system_invalid_input".to_owned());
        for client in ["nobody", "calendar-service", "bff"] {
            let refused = begin(json!({ "client_id": client, "username": "ada" }));
            assert_eq!(refused, (404, "client_not_found".to_owned()), "{client}");
        }
        for name in ["", "a\u{0}b", "a\nb", &"x".repeat(65)] {
            assert_eq!(begin(json!({ "client_id": BACKEND.0, "username": name })), invalid(), "{name:?}");
        }
        for timeout in [29, 601, -1] {
            assert_eq!(begin(json!({ "client_id": BACKEND.0, "username": "ada", "timeout": timeout })), invalid());
        }
        assert_eq!(begin(json!({ "username": "ada" })), invalid());
        assert_eq!(shop.count("webauthn_ceremonies"), 0);
        let oversized = shop.register(&"A".repeat(49_153), "ext-ada");
        assert_eq!((oversized.status.as_u16(), oversized.json()["error_code"].clone()), (400, json!("system_invalid_input")));
        for garbage in ["AAAA", "%%%", "e30="] {
            shop.assert_refused(&shop.register(garbage, "ext-ada"), "the encoded result cannot be read");
        }
    }

    fn users_are_made_only_by_clients_that_may(engine) {
        let environment = Shop::environment("").replace(
            r#"userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "AUTHENTICATORS_READ", "AUTHENTICATORS_DELETE"]"#,
            r#"userid-api = ["AUTH_EXECUTE"]"#,
        );
        let shop = Shop::on(TestServer::builder(engine).environment(&environment).start());
        let token = client_token(&shop.server, OTHER_BACKEND);
        let begun = shop.page("/v1/auth/webauthn/register/start",
            &json!({ "client_id": OTHER_BACKEND.0, "username": "ada" })).json();
        let created = Authenticator::default().create(&begun["credential_creation_options"], &Page::of(ORIGIN));
        let result = encoded(begun["webauthn_session_id"].as_str().expect("an id"), &created);
        let body = json!({ "webauthn_encoded_result": result, "external_user_id": "ext-ada" });
        let refused = shop.send(Method::POST, "/v1/auth/webauthn/external/register", Some(&token), &body);
        assert_eq!((refused.status.as_u16(), refused.json()["error_code"].clone()), (403, json!("forbidden")));
        assert_eq!((shop.count("webauthn_credentials"), shop.count("users")), (0, 0));
    }
}

/// The certificates of the operator are what statements must lead to.
#[test]
fn with_certificates_of_makers_a_made_up_maker_is_refused() {
    let maker = Maker::of(Authenticator::default().aaguid);
    let file = std::env::temp_dir().join(format!("tessera-makers-{}.pem", std::process::id()));
    std::fs::write(&file, &maker.root_pem).expect("to write a file");
    let preferences = "attestationType = \"direct\"\nenforceAttestation = true";
    let server = TestServer::builder(Engine::Sqlite)
        .environment(&Shop::environment(preferences))
        .setting("webauthn.attestation_roots_file", file.to_str().expect("a path"))
        .start();
    let shop = Shop::on(server);
    let (_, options) = shop.begin_key("ada");
    assert_eq!(options["attestation"], "direct");
    let of =
        |maker: &Maker| Authenticator { statement: Statement::Of(Box::new(maker.clone())), ..Authenticator::default() };
    let forged = shop.created(&mut of(&Maker::of(Authenticator::default().aaguid)), "ada");
    shop.assert_refused(&shop.register(&forged, "ext-ada"), "the attestation cannot be verified");
    let silent = shop.created(&mut Authenticator::default(), "ada");
    shop.assert_refused(&shop.register(&silent, "ext-ada"), "the attestation cannot be verified");
    assert_eq!(shop.register(&shop.created(&mut of(&maker), "ada"), "ext-ada").status, 200);
    std::fs::remove_file(file).expect("to remove a file");
}
