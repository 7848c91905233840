//! What is refused has the documented code and shape, a record, and leaves nothing behind.

use serde_json::{Value, json};

use super::{CLOSED, ENVIRONMENT, KEY, NOBODY, SERVICE, UNKNOWN, WEB, Wire, assert_refusal, start};
use crate::{
    both_engines,
    support::{Engine, TestServer},
};

/// Every operation that gives a token, with an input that only lacks what the caller lacks.
fn with_bearer(wire: &Wire<'_>) -> Vec<(&'static str, Value)> {
    vec![
        ("generateLongLivedToken", json!({ "userToken": wire.end_user("ada") })),
        ("devGenerateUserAccessTokenWithPermissions", json!({ "email": "dev@example.com" })),
        ("generateDelegatedAccessToken", json!({ "applicationId": WEB, "subjectId": "new" })),
        ("devGenerateEndUserAccessToken", json!({ "applicationId": WEB, "userId": "new" })),
    ]
}

/// Those that take no access token.
fn with_secret(wire: &Wire<'_>) -> Vec<(&'static str, Value)> {
    let (id, secret) = SERVICE;
    vec![
        ("authenticateServiceAccount", json!({ "clientId": id, "clientSecret": secret })),
        ("authenticateManagedServiceAccount", json!({ "clientId": id, "clientSecret": secret })),
        (
            "authenticateManagedServiceAccountWithEnvironmentScope",
            json!({ "clientId": id, "clientSecret": secret, "managementJWT": wire.login(SERVICE) }),
        ),
    ]
}

fn application(wire: &Wire<'_>, id: &str, key: &str) -> Value {
    json!({
        "tenantId": wire.tenant_id, "environmentId": wire.environment_id, "applicationId": id, "applicationKey": key,
    })
}

fn users(server: &TestServer) -> String {
    server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users")
}

both_engines! {
    fn a_secret_or_a_token_in_the_place_of_an_id_is_in_no_record(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let made = wire.payload("createServiceAccount", &json!({ "name": "worker" }), Some(&caller));
        let secret = made["clientSecret"].as_str().expect("a secret").to_owned();
        let token = wire.login(SERVICE);
        for wrong in [&secret, &token] {
            wire.refused("authenticateServiceAccount", &json!({ "clientId": wrong, "clientSecret": "w" }), None, "INVALID_CLIENT_ID_SECRET");
            for operation in ["resetServiceAccountSecret", "deleteServiceAccount"] {
                wire.send(operation, &json!({ "clientId": wrong }), Some(&caller));
            }
        }
        let records = json!(server.database.audit_records()).to_string();
        for part in token.split('.').chain([secret.as_str()]) {
            assert!(!records.contains(part), "{part} in {records}");
        }
    }

    fn unknown_wrong_and_disabled_are_one_answer(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        for (operation, good) in with_secret(&wire) {
            let mut answers = Vec::new();
            for (id, secret) in [
                (SERVICE.0, "wrong"),
                (SERVICE.0, ""),
                ("no such client", SERVICE.1),
                (UNKNOWN, SERVICE.1),
                ("", ""),
                ("off", "a-secret-of-the-one-that-is-off-32-characters"),
                ("off", "wrong"),
                (WEB, KEY),
            ] {
                let mut input = good.clone();
                (input["clientId"], input["clientSecret"]) = (json!(id), json!(secret));
                answers.push(wire.refused(operation, &input, None, "INVALID_CLIENT_ID_SECRET"));
            }
            assert!(answers[0].contains("\"Invalid Client ID or Client Secret\""), "{}", answers[0]);
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        }
        let mut answers = Vec::new();
        for (id, key) in [(WEB, "wrong"), (UNKNOWN, KEY), (CLOSED, KEY), (SERVICE.0, SERVICE.1), ("", "")] {
            let input = application(&wire, id, key);
            answers.push(wire.refused("authenticateEndUserApplication", &input, None, "APPLICATION_NOT_ACTIVE"));
        }
        for (tenant, environment) in [(UNKNOWN, UNKNOWN), (UNKNOWN, &wire.environment_id), (&wire.tenant_id, UNKNOWN)] {
            let mut input = application(&wire, WEB, KEY);
            (input["tenantId"], input["environmentId"]) = (json!(tenant), json!(environment));
            answers.push(wire.refused("authenticateEndUserApplication", &input, None, "APPLICATION_NOT_ACTIVE"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let closed = application(&wire, CLOSED, "a-key-of-the-closed-application-32-characters");
        wire.refused("authenticateEndUserApplication", &closed, None, "APPLICATION_NOT_ACTIVE");
        let exchanger = json!({ "clientId": "exchanger", "clientSecret": "a-secret-of-the-exchanger-with-32-characters" });
        wire.refused("authenticateServiceAccount", &exchanger, None, "UNAUTHORIZED");
    }

    fn a_caller_is_needed_and_the_permission(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let nobody = wire.login(NOBODY);
        let end_user = wire.end_user("ada");
        let application = wire.token("authenticateEndUserApplication", &application(&wire, WEB, KEY), None);
        let before = users(&server);
        for (operation, input) in with_bearer(&wire) {
            wire.refused(operation, &input, None, "ACCESS_TOKEN_REQUIRED");
            wire.refused(operation, &input, Some("no.token.here"), "MALFORMED_TOKEN");
            for token in [&nobody, &end_user, &application] {
                wire.refused(operation, &input, Some(token), "USER_NOT_AUTHORIZED");
            }
        }
        assert_eq!(users(&server), before, "nobody was made");
    }

    fn a_disabled_environment_and_a_disabled_tenant_say_so(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let token = wire.login(SERVICE);
        let mut operations = with_bearer(&wire);
        operations.extend(with_secret(&wire));
        operations.push(("authenticateEndUserApplication", application(&wire, WEB, KEY)));
        let before = users(&server);
        for (file, code) in [
            (ENVIRONMENT.replacen("name = \"first\"", "name = \"first\"\nenabled = false", 1), "ENVIRONMENT_NOT_ACTIVE"),
            (format!("{ENVIRONMENT}\n[tenant]\nenabled = false\n"), "TENANT_NOT_ACTIVE"),
        ] {
            server.apply(&file);
            server.eventually("it is off", || wire.services(&token).json()["errors"][0]["code"] == code);
            for (operation, input) in &operations {
                wire.refused(operation, input, Some(&token), code);
            }
            assert_refusal(&wire.services(&token), "enabledManagedServices", code);
            server.apply(&format!("{ENVIRONMENT}\n[tenant]\nenabled = true\n"));
            server.eventually("it is on", || wire.services(&token).json().get("errors").is_none());
        }
        assert_eq!(users(&server), before);
        for (operation, input) in &operations {
            wire.payload(operation, input, Some(&token));
        }
    }

    fn somebody_must_vouch_for_users_and_for_an_application_that_is_open(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let login = |application: &str| json!({ "applicationId": application, "subjectId": "ada" });
        for application in [CLOSED, UNKNOWN, "", "web"] {
            wire.refused("generateDelegatedAccessToken", &login(application), Some(&caller), "APPLICATION_NOT_ACTIVE");
            let dev = json!({ "applicationId": application });
            wire.refused("devGenerateEndUserAccessToken", &dev, Some(&caller), "APPLICATION_NOT_ACTIVE");
        }
        for (field, value) in [("subjectId", ""), ("subjectId", "a\nb"), ("email", ""), ("uniqueProfileIdentifier", "")] {
            let mut input = login(WEB);
            input[field] = json!(value);
            wire.refused("generateDelegatedAccessToken", &input, Some(&caller), "ARGUMENT_INVALID");
        }
        let off = "provider = \"DELEGATED\"\nenabled = false";
        server.apply(&ENVIRONMENT.replace("provider = \"DELEGATED\"", off));
        let code = || {
            let probe = json!({ "applicationId": WEB, "subjectId": "probe" });
            wire.send("generateDelegatedAccessToken", &probe, Some(&caller)).json()["errors"][0]["code"].clone()
        };
        server.eventually("the connection is off", || code() == "IDP_DISABLED");
        wire.refused("generateDelegatedAccessToken", &login(WEB), Some(&caller), "IDP_DISABLED");
        server.database.execute("DELETE FROM identity_connections; UPDATE environments SET version = version + 1");
        server.eventually("the connection is gone", || code() == "IDP_NOT_CONFIGURED");
        wire.refused("generateDelegatedAccessToken", &login(WEB), Some(&caller), "IDP_NOT_CONFIGURED");
        let made = "SELECT subject_id AS text FROM user_identities WHERE subject_id <> 'probe'";
        assert_eq!(server.database.texts(made), [""; 0], "nobody was made");
    }
}

#[test]
fn without_a_key_of_the_right_kind_nothing_is_signed() {
    let server = start(Engine::Sqlite);
    let wire = Wire::of(&server);
    let token = wire.login(SERVICE);
    server
        .database
        .execute("DELETE FROM signing_keys WHERE alg = 'RS256'; UPDATE environments SET version = version + 1");
    wire.assert_dies(&token, "SIGNING_KEY_NOT_FOUND");
    let credentials = json!({ "clientId": SERVICE.0, "clientSecret": SERVICE.1 });
    wire.refused("authenticateServiceAccount", &credentials, None, "NO_ACTIVE_SIGNING_KEY");
}

#[test]
fn a_document_that_does_not_validate_does_nothing() {
    let server = start(Engine::Sqlite);
    let wire = Wire::of(&server);
    let records = server.database.audit_records().len();
    for (operation, input) in [
        ("authenticateServiceAccount", json!({ "clientId": SERVICE.0 })),
        ("authenticateServiceAccount", json!({ "clientId": SERVICE.0, "clientSecret": SERVICE.1, "more": 1 })),
        ("authenticateServiceAccount", json!(null)),
        ("generateDelegatedAccessToken", json!({ "applicationId": WEB, "subjectId": 17 })),
    ] {
        let answer = wire.send(operation, &input, None);
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["errors"][0]["code"]),
            (400, &json!("GRAPHQL_VALIDATION_FAILED"))
        );
        assert_eq!(answer.json().get("data"), None, "{}", answer.text);
    }
    assert_eq!(server.database.audit_records().len(), records);
}
