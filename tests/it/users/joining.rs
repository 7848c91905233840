//! Joining is the user's act: a backend that knows an address has nothing of the user behind it before the user has proved to that
//! application who it is.

use reqwest::Method;
use serde_json::{Value, json};

use super::{UNKNOWN, text};
use crate::{
    both_engines,
    codes::{self, ADA, ADAS_NUMBER, BACK, Client, WEB, World, code_of, digits, world_of},
    passwords::{AUTHENTICATE, FIRST, SECOND, WRONG},
    support::{Answer, CLIENT_CREDENTIALS, Engine},
};

/// The backend of the application "other", with every permission there is.
const OTHER: Client = ("mallory", "a-secret-of-mallory-s-backend-with-32-characters");

/// The second application has all ways to sign in, and says nothing of `users_join`.
fn environment() -> String {
    let file = codes::ENVIRONMENT.replace("users_join = \"at_once\"\n", "");
    let name = "name = \"other\"\nplatform = \"WEB\"\n";
    assert!(file.contains(name));
    let methods = r#"
[application.login.totp]
issuer = "Other"
[application.login.sms]
expiresIn = 5
maxFailures = 3
[application.login.webauthn_api]
rpId = "localhost"
rpWebOrigins = ["http://localhost:3000"]
"#;
    let client = r#"
[[client]]
id = "mallory"
application = "other"
redirect_uris = ["https://app.example/back"]
grants = ["client_credentials", "refresh_token"]
secret = "a-secret-of-mallory-s-backend-with-32-characters"
[client.permissions]
userid-api = [
    "AUTH_EXECUTE", "SESSIONS_READ", "SESSIONS_DELETE", "USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE",
    "AUTHENTICATORS_READ", "AUTHENTICATORS_EDIT", "AUTHENTICATORS_DELETE", "AUTHENTICATION_METHODS_READ",
    "AUTHENTICATION_METHODS_EDIT",
]
"#;
    let file = file.replace(name, &format!("{name}{methods}")).replace("requireMFA = true\n", "");
    format!("{file}{client}")
}

/// Ada is a user of the first application, with a password and a verified address, and the second one has named her.
fn world(engine: Engine) -> World {
    let world = world_of(engine, &environment(), &[]);
    let set = json!({ "password": FIRST, "force_replace": false });
    assert_eq!(world.post(WEB, &format!("/v1/users/{}/password", world.ada), set).status, 201);
    let verified = world.post(WEB, &format!("/v1/users/{}/emails/{ADA}/verify", world.ada), json!({}));
    assert_eq!(verified.status, 202, "{}", verified.text);
    world
}

/// Names Ada at the second application, as the sign-up page of somebody who knows her address does.
fn name(world: &World) -> Answer {
    let credentials = json!({ "password": SECOND, "force_replace": false });
    world.post(OTHER, "/v1/users", json!({ "email": ADA, "name": { "first_name": "Eve" }, "credentials": credentials }))
}

fn call(world: &World, method: &Method, path: &str, body: Option<&Value>) -> Answer {
    let token = world.server.token(OTHER, &CLIENT_CREDENTIALS).access_token();
    let request = world.server.request(method.clone(), path).bearer_auth(token);
    Answer::to(match body {
        Some(body) => request.json(body),
        None => request,
    })
}

fn see(world: &World) -> Answer {
    call(world, &Method::GET, &format!("/v1/users/{}", world.ada), None)
}

fn count(world: &World, table: &str) -> String {
    world.server.database.value(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"))
}

/// All that is kept of users.
fn as_it_is(world: &World) -> Vec<String> {
    [
        "SELECT id || details || CAST(enabled AS TEXT) || CAST(updated_at AS TEXT) AS text FROM users ORDER BY id",
        "SELECT value || user_id || CAST(verified_at IS NULL AS TEXT) AS text FROM user_identifiers ORDER BY value",
        "SELECT user_id || application_id || custom_data AS text FROM user_applications ORDER BY user_id",
        "SELECT user_id || CAST(generation AS TEXT) AS text FROM passwords ORDER BY user_id",
        "SELECT id || CAST(ended_at IS NULL AS TEXT) AS text FROM login_sessions ORDER BY id",
        "SELECT token_hash AS text FROM password_resets",
        "SELECT id AS text FROM totp_authenticators",
        "SELECT id AS text FROM webauthn_credentials",
        "SELECT id AS text FROM one_time_codes",
    ]
    .into_iter()
    .flat_map(|query| world.server.database.texts(query))
    .collect()
}

/// Every door of a backend to a user, as it names the user by id, by address or by number.
fn doors(id: &str, email: &str, number: &str) -> Vec<(Method, String, Option<Value>)> {
    let at = |rest: &str| format!("/v1/users/{id}{rest}");
    let named = json!({ "identifier_type": "email", "identifier": email });
    let with = |members: Value| Some(codes::with(named.clone(), members));
    let nothing = || Some(json!({}));
    vec![
        (Method::GET, at(""), None),
        (Method::GET, format!("/v1/users/email/{email}"), None),
        (Method::GET, format!("/v1/users/phone-number/{number}"), None),
        (Method::GET, format!("/v1/users/identifier?identifier_name=email&identifier_value={email}"), None),
        (Method::GET, "/v1/users".into(), None),
        (Method::GET, format!("/v1/users?search_prefix={}", &email[..3]), None),
        (Method::GET, "/v1/users/count".into(), None),
        (Method::PUT, at(""), Some(json!({ "name": { "first_name": "Eve" } }))),
        (Method::PUT, at(""), Some(json!({ "status": "Disabled" }))),
        (Method::POST, at(&format!("/emails/{email}/verify")), nothing()),
        (Method::POST, at(&format!("/phone-numbers/{number}/verify")), nothing()),
        (Method::DELETE, at(&format!("/emails/{email}")), None),
        (Method::DELETE, at(&format!("/phone-numbers/{number}")), None),
        (Method::DELETE, at("/apps"), None),
        (Method::DELETE, format!("/v1/manage/users/{id}"), None),
        (Method::POST, at("/password"), Some(json!({ "password": SECOND, "force_replace": false }))),
        (Method::PUT, at("/password"), Some(json!({ "password": SECOND, "force_replace": false }))),
        (Method::POST, "/v1/auth/password/register".into(), Some(json!({ "username": email, "password": SECOND }))),
        (Method::POST, "/v1/auth/password/authenticate".into(), Some(json!({ "username": email, "password": WRONG }))),
        (
            Method::POST,
            "/v1/auth/password/reset/email/link".into(),
            Some(json!({ "email": email, "redirect_uri": BACK })),
        ),
        (Method::POST, "/v1/auth/password/reset/link".into(), Some(json!({ "email": email, "redirect_uri": BACK }))),
        (Method::POST, "/v1/auth/password/reset/email/otp".into(), Some(json!({ "email": email }))),
        (
            Method::POST,
            "/v1/auth/password/reset/email/otp/validate".into(),
            Some(json!({ "email": email, "passcode": "123456" })),
        ),
        (Method::POST, "/v1/auth/password/reset/sms/otp".into(), Some(json!({ "phone_number": number }))),
        (Method::POST, "/v1/auth/otp/send".into(), with(json!({ "channel": "direct" }))),
        (
            Method::POST,
            "/v1/auth/otp/send".into(),
            with(json!({ "channel": "email", "custom_email": "mallory@mail.example" })),
        ),
        (
            Method::POST,
            "/v1/auth/otp/send".into(),
            with(json!({ "channel": "sms", "custom_phone_number": "+14155550199" })),
        ),
        (Method::POST, "/v1/auth/link/email/send".into(), with(json!({ "channel": "direct", "redirect_uri": BACK }))),
        (Method::POST, "/v1/auth/totp/authenticate".into(), with(json!({ "token": "123456" }))),
        (Method::GET, at("/authenticators"), None),
        (Method::POST, at("/totp/revoke"), nothing()),
        (Method::POST, at("/totp/unlock"), nothing()),
        (Method::GET, at("/webauthn-credentials"), None),
        (Method::GET, format!("/v1/auth/users/{id}/sessions"), None),
        (Method::DELETE, format!("/v1/auth/users/{id}/sessions"), None),
    ]
}

/// What is the same in two answers to the same question about different users.
fn said(answer: &Answer, names: [&str; 3]) -> (u16, String) {
    let text = names.iter().fold(answer.text.clone(), |text, name| text.replace(name, "-"));
    (answer.status.as_u16(), text)
}

both_engines! {
    fn a_backend_that_names_a_user_of_another_application_has_nothing_of_the_user(engine) {
        let world = world(engine);
        let signed_in = world.post(WEB, AUTHENTICATE, json!({ "username": "ada", "password": FIRST }));
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        let before = as_it_is(&world);
        for _ in 0..2 {
            let named = name(&world);
            assert_eq!(named.status, 201, "{}", named.text);
            let body = named.json();
            let result = body["result"].as_object().expect("an object");
            assert_eq!((text(&result["user_id"]), &result["join_pending"]), (world.ada.as_str(), &json!(true)));
            for member in ["email", "phone_number", "username", "name", "password_information", "last_auth"] {
                assert_eq!(result.get(member), None, "{member}");
            }
            assert!(!named.text.contains(ADAS_NUMBER) && !named.text.contains("Eve"), "{}", named.text);
        }
        assert_eq!(count(&world, "pending_joins"), "1");
        let (mine, nobodys) = ([world.ada.as_str(), ADA, ADAS_NUMBER], [UNKNOWN, "kim@mail.example", "+14155550177"]);
        let open = ["/v1/users", "/v1/users?search_prefix=ada", "/v1/users/count"];
        for ((method, path, body), (_, other, others)) in
            doors(mine[0], mine[1], mine[2]).into_iter().zip(doors(nobodys[0], nobodys[1], nobodys[2]))
        {
            let answer = call(&world, &method, &path, body.as_ref());
            let unknown = call(&world, &method, &other, others.as_ref());
            assert_eq!(said(&answer, mine), said(&unknown, nobodys), "{method} {path}");
            let is_list = open.contains(&path.as_str());
            let symbol = answer.json()["ts_error_code"].as_str().map(str::to_owned);
            let symbol = symbol.or_else(|| answer.json()["error_code"].as_str().map(str::to_owned));
            let is_refused = matches!(symbol.as_deref(), Some("user_not_found" | "auth_invalid_credentials"));
            assert!(is_list || is_refused, "{method} {path} {}", answer.text);
        }
        for path in ["/v1/users", "/v1/users?search_prefix=ada"] {
            assert_eq!(call(&world, &Method::GET, path, None).json()["total_count"], 0, "{path}");
        }
        assert_eq!(call(&world, &Method::GET, "/v1/users/count", None).json()["result"]["user_count"], 0);
        // A session that is shown is an act of another application.
        let shown = json!({ "session_id": signed_in.json()["session_id"] });
        let answer = world.post(OTHER, "/v1/auth/session/authenticate", shown);
        assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (404, &json!("user_not_found")));
        // Nor does the public page lead past the proof.
        let by_password = json!({ "client_id": OTHER.0, "username": ADA, "password": FIRST });
        let request = world.server.request(Method::POST, "/v1/auth/password/reset/password/validate");
        let answer = Answer::to(request.json(&by_password));
        assert_eq!((answer.status.as_u16(), &answer.json()["ts_error_code"]), (400, &json!("auth_invalid_credentials")));
        assert_eq!(as_it_is(&world), before);
        assert_eq!((world.mails.mails().len(), world.texts.requests().len()), (0, 0));
    }

    fn a_code_that_comes_back_from_the_users_mailbox_lets_the_user_join(engine) {
        let world = world(engine);
        assert_eq!(name(&world).status, 201);
        let named = json!({ "identifier_type": "email", "identifier": ADA });
        let sent = world.post(OTHER, "/v1/auth/otp/send", codes::with(named.clone(), json!({ "channel": "email" })));
        assert_eq!(sent.status, 200, "{}", sent.text);
        let passcode = digits(&world.mail(1), 6);
        let wrong = if passcode == "123456" { "654321" } else { "123456" };
        let guess = |passcode: &str| {
            world.post(OTHER, "/v1/auth/otp/authenticate", codes::with(named.clone(), json!({ "passcode": passcode })))
        };
        assert_eq!(guess(wrong).status, 400);
        assert_eq!((see(&world).status.as_u16(), count(&world, "pending_joins").as_str()), (404, "1"));
        let answer = guess(&passcode);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let seen = see(&world);
        assert_eq!(seen.status, 200, "{}", seen.text);
        assert_eq!(seen.json()["result"].get("join_pending"), None);
        assert_eq!((count(&world, "pending_joins"), count(&world, "user_applications")), ("0".into(), "2".into()));
        // From now on all is as the contract has it.
        let named = name(&world);
        assert_eq!((named.status.as_u16(), &named.json()["ts_error_code"]), (409, &json!("identifier_is_taken")));
    }

    fn a_link_in_the_users_mailbox_lets_the_user_join(engine) {
        let world = world(engine);
        assert_eq!(name(&world).status, 201);
        let body = json!({ "identifier_type": "email", "identifier": ADA, "redirect_uri": BACK });
        let sent = world.post(OTHER, "/v1/auth/link/email/send", body);
        assert_eq!(sent.status, 200, "{}", sent.text);
        assert_eq!(see(&world).status, 404);
        let code = code_of(&world.mailed_link(1));
        let answer = world.try_link(OTHER, &code, json!({}));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!((see(&world).status.as_u16(), count(&world, "pending_joins").as_str()), (200, "0"));
    }

    fn the_users_password_lets_the_user_join(engine) {
        let world = world(engine);
        assert_eq!(name(&world).status, 201);
        let sign_in = |client, password: &str| world.post(client, AUTHENTICATE, json!({ "username": ADA, "password": password }));
        let wrong = sign_in(OTHER, SECOND);
        assert_eq!((wrong.status.as_u16(), &wrong.json()["error_code"]), (400, &json!("auth_invalid_credentials")));
        assert_eq!(see(&world).status, 404);
        let right = sign_in(OTHER, FIRST);
        assert_eq!(right.status, 200, "{}", right.text);
        assert_eq!((see(&world).status.as_u16(), count(&world, "pending_joins").as_str()), (200, "0"));
    }

    fn a_right_password_that_must_be_replaced_lets_the_user_join_and_replace_it(engine) {
        let world = world(engine);
        let temporary = json!({ "password": SECOND, "force_replace": true });
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        let request = world.server.request(Method::PUT, &format!("/v1/users/{}/password", world.ada));
        assert_eq!(Answer::to(request.bearer_auth(token).json(&temporary)).status, 200);
        assert_eq!(name(&world).status, 201);
        let answer = world.post(OTHER, AUTHENTICATE, json!({ "username": ADA, "password": SECOND }));
        assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (403, &json!("temporary_password")));
        assert_eq!((see(&world).status.as_u16(), count(&world, "pending_joins").as_str()), (200, "0"));
        let chosen = json!({ "reset_token": answer.json()["reset_token"], "new_password": FIRST });
        let request = world.server.request(Method::POST, "/v1/auth/password/reset");
        let reset = Answer::to(request.json(&chosen));
        assert_eq!(reset.status, 200, "{}", reset.text);
    }

    fn a_backend_that_only_names_a_user_locks_the_user_out_of_nothing(engine) {
        let world = world(engine);
        assert_eq!(name(&world).status, 201);
        let named = json!({ "identifier_type": "email", "identifier": ADA });
        let sent = world.post(OTHER, "/v1/auth/otp/send", codes::with(named.clone(), json!({ "channel": "email" })));
        assert_eq!(sent.status, 200, "{}", sent.text);
        let passcode = digits(&world.mail(1), 6);
        let wrong = if passcode == "123456" { "654321" } else { "123456" };
        for _ in 0..6 {
            world.post(OTHER, AUTHENTICATE, json!({ "username": ADA, "password": WRONG }));
            world.post(OTHER, "/v1/auth/otp/authenticate", codes::with(named.clone(), json!({ "passcode": wrong })));
        }
        // The application itself has no more guesses.
        let right = world.post(OTHER, AUTHENTICATE, json!({ "username": ADA, "password": FIRST }));
        assert_eq!((right.status.as_u16(), &right.json()["error_code"]), (403, &json!("auth_locked")));
        assert_eq!(see(&world).status, 404);
        let at_home = world.post(WEB, AUTHENTICATE, json!({ "username": "ada", "password": FIRST }));
        assert_eq!(at_home.status, 200, "{}", at_home.text);
        assert_eq!(world.send_otp("email", json!({})).status, 200);
        let passcode = digits(&world.mail(2), 6);
        assert_eq!(world.try_otp(&passcode, json!({})).status, 200);
    }

    fn an_application_that_takes_users_at_once_takes_those_who_were_to_prove_themselves(engine) {
        let world = world(engine);
        assert_eq!(name(&world).status, 201);
        let name_and_platform = "name = \"other\"\nplatform = \"WEB\"\n";
        let at_once = environment().replace(name_and_platform, &format!("{name_and_platform}users_join = \"at_once\"\n"));
        world.server.apply(&at_once);
        world.server.eventually("the other rule", || name(&world).json()["result"].get("join_pending").is_none());
        assert_eq!((see(&world).status.as_u16(), count(&world, "pending_joins").as_str()), (200, "0"));
    }
}
