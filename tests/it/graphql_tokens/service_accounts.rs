//! Service accounts of the management API: least privilege, secrets that are shown once, and changes that count at once.

use serde_json::{Value, json};

use super::{ENVIRONMENT, MANAGEMENT, NOBODY, SERVICE, UNKNOWN, Wire, start};
use crate::{
    both_engines,
    support::{Answer, Engine, TestServer, tokens::peek},
};

const CREATE: &str = "createServiceAccount";
const RESET: &str = "resetServiceAccountSecret";
const SET: &str = "setServiceAccountPermissions";
const ENABLE: &str = "setServiceAccountEnabled";
const DELETE: &str = "deleteServiceAccount";

/// A client without permissions that gets tokens for a resource server.
const READER: &str = r#"
[[resource_server]]
audience = "reports-api"
scopes = ["reports.read"]

[[client]]
id = "reader"
grants = ["client_credentials"]
access = [{ audience = "reports-api", scopes = ["reports.read"] }]
secret = "a-secret-of-the-reader-with-32-characters"
"#;
/// One that may exchange tokens.
const RULED: &str = r#"
[[resource_server]]
audience = "reports-api"
scopes = ["reports.read"]

[[client]]
id = "ruled"
grants = ["token_exchange"]
secret = "a-secret-of-the-ruled-one-with-32-characters"

[[exchange_rule]]
name = "reads reports for users"
client = "ruled"
subject = { audience = "reports-api" }
audience = ["reports-api"]
grant_scopes = ["reports.read"]
"#;

fn structure(service: &str, keys: &[&str]) -> Value {
    json!([{ "serviceId": service, "permissions": keys }])
}

fn pair(made: &Value) -> (&str, &str) {
    (made["clientId"].as_str().expect("an id"), made["clientSecret"].as_str().expect("a secret"))
}

fn credentials((id, secret): (&str, &str)) -> Value {
    json!({ "clientId": id, "clientSecret": secret })
}

/// The list, as whoever holds `token` sees it.
fn list(wire: &Wire<'_>, token: &str) -> Answer {
    let query = "query ServiceAccounts { serviceAccounts { nodes { clientId name enabled activeSecrets managedByFile } \
                 totalCount __typename } }";
    wire.post(MANAGEMENT, &json!({ "operationName": "ServiceAccounts", "query": query }), Some(token))
}

/// Whether a permission counts at once: who may not see service accounts is told so.
fn may_list(wire: &Wire<'_>, token: &str) -> bool {
    list(wire, token).json().get("errors").is_none()
}

/// Everything that the database keeps as text, to look for what must not be there.
fn kept(server: &TestServer) -> String {
    let mut all = server.database.texts("SELECT record AS text FROM audit_records");
    all.extend(server.database.texts("SELECT client_id || name || permissions AS text FROM clients"));
    all.extend(server.database.texts("SELECT id || hash AS text FROM client_secrets"));
    all.concat()
}

both_engines! {
    fn nobody_gives_what_he_does_not_have(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let may = structure("media", &["VIEW"]);
        let input = |structure: &Value| json!({ "name": "worker", "permissionStructure": structure });
        let made = wire.payload(CREATE, &input(&may), Some(&caller));
        let (id, _) = pair(&made);
        assert_eq!(peek(&wire.login(pair(&made)))["permissions"], json!({ "media": ["VIEW"] }));

        let count = || list(&wire, &caller).json()["data"]["serviceAccounts"]["totalCount"].clone();
        let before = count();
        for (more, code) in [
            (structure("media", &["VIEW", "EDIT"]), "USER_NOT_AUTHORIZED"),
            (structure("ax-user-service", &["USERS_VIEW"]), "USER_NOT_AUTHORIZED"),
            (structure("media", &["FLY"]), "ARGUMENT_INVALID"),
            (structure("nowhere", &["VIEW"]), "ARGUMENT_INVALID"),
        ] {
            wire.refused(CREATE, &input(&more), Some(&caller), code);
            let set = json!({ "clientId": id, "permissionStructure": more });
            wire.refused(SET, &set, Some(&caller), code);
        }
        assert_eq!(count(), before, "nothing was made");
        assert_eq!(peek(&wire.login(pair(&made)))["permissions"], json!({ "media": ["VIEW"] }));

        // With the secret of somebody who may more, one would be somebody who may more.
        let editor = structure("ax-id-service", &["SERVICE_ACCOUNTS_EDIT"]);
        let editor = wire.payload(CREATE, &json!({ "name": "editor", "permissionStructure": editor }), Some(&caller));
        let lesser = wire.login(pair(&editor));
        for id in [SERVICE.0, id] {
            wire.refused(RESET, &json!({ "clientId": id }), Some(&lesser), "USER_NOT_AUTHORIZED");
        }
        wire.payload(RESET, &json!({ "clientId": pair(&editor).0 }), Some(&lesser));
        wire.login(SERVICE);
        // Nor what the token endpoint opens to somebody who has no permission at all.
        for (id, more) in [("reader", READER), ("ruled", RULED)] {
            server.apply(&format!("{ENVIRONMENT}{more}"));
            server.eventually("it is there, and out of reach", || {
                let answer = wire.send(ENABLE, &json!({ "clientId": id, "enabled": true }), Some(&caller)).json();
                answer["errors"][0]["code"] == "USER_NOT_AUTHORIZED"
            });
            wire.refused(RESET, &json!({ "clientId": id }), Some(&caller), "USER_NOT_AUTHORIZED");
        }
        wire.payload(RESET, &json!({ "clientId": SERVICE.0 }), Some(&caller));
    }

    fn a_secret_is_shown_once_and_the_old_one_is_good_for_as_long_as_was_said(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let made = wire.payload(CREATE, &json!({ "name": "worker" }), Some(&caller));
        let (id, first) = pair(&made);
        assert_eq!(first.len(), 53, "four letters, 256 random bits and a checksum");
        let reset = |keep: Value| {
            let input = json!({ "clientId": id, "keepOldSecretForSeconds": keep });
            let payload = wire.payload(RESET, &input, Some(&wire.login(SERVICE)));
            payload["clientSecret"].as_str().expect("a secret").to_owned()
        };
        let second = reset(json!(600));
        wire.login((id, first));
        wire.login((id, &second));
        let shown = list(&wire, &caller);
        let worker = json!({ "clientId": id, "name": "worker", "enabled": true, "activeSecrets": 2, "managedByFile": false });
        let shown_body = shown.json();
        let nodes = shown_body["data"]["serviceAccounts"]["nodes"].as_array().expect("accounts").clone();
        assert!(nodes.contains(&worker), "{nodes:?}");
        server.clock.advance(600);
        wire.refused("authenticateServiceAccount", &credentials((id, first)), None, "INVALID_CLIENT_ID_SECRET");
        wire.login((id, &second));
        let third = reset(json!(null));
        wire.refused("authenticateServiceAccount", &credentials((id, &second)), None, "INVALID_CLIENT_ID_SECRET");
        wire.login((id, &third));
        for keep in [-1, 31_536_001] {
            let input = json!({ "clientId": id, "keepOldSecretForSeconds": keep });
            wire.refused(RESET, &input, Some(&caller), "ARGUMENT_INVALID");
        }
        let kept = kept(&server);
        for secret in [first, &second, &third] {
            assert!(!kept.contains(secret) && !shown.text.contains(secret), "a secret is kept");
        }
    }

    fn one_account_is_found_and_managed_without_reading_the_others(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let made = wire.payload(CREATE, &json!({ "name": "worker" }), Some(&caller));
        let broken = wire.payload(CREATE, &json!({ "name": "broken" }), Some(&caller));
        let (id, _) = pair(&made);
        let ask = |query: &str, variables: Value| {
            wire.post(MANAGEMENT, &json!({ "query": query, "variables": variables }), Some(&caller)).json()
        };
        let all = list(&wire, &caller).json()["data"]["serviceAccounts"].clone();
        let pages = "query Part($first: Int, $offset: Int) { serviceAccounts(first: $first, offset: $offset) { nodes { \
                     clientId name enabled activeSecrets managedByFile } totalCount } }";
        let part = ask(pages, json!({ "first": 2, "offset": 1 }))["data"]["serviceAccounts"].clone();
        let expected = all["nodes"].as_array().expect("accounts").get(1..3).expect("three");
        assert_eq!((&part["nodes"], &part["totalCount"]), (&json!(expected), &all["totalCount"]));

        // A row that cannot be read shows who reads it.
        let broken = pair(&broken).0;
        server.database.execute(&format!("UPDATE clients SET grants = 'broken' WHERE client_id = '{broken}'"));
        assert_eq!(list(&wire, &caller).json()["data"]["serviceAccounts"], json!(null));
        let one = "query One($id: String!) { serviceAccount(clientId: $id) { clientId name activeSecrets } }";
        let worker = json!({ "clientId": id, "name": "worker", "activeSecrets": 1 });
        assert_eq!(ask(one, json!({ "id": id })), json!({ "data": { "serviceAccount": worker } }));
        for nobody in [UNKNOWN, "", "\0"] {
            assert_eq!(ask(one, json!({ "id": nobody })), json!({ "data": { "serviceAccount": null } }), "{nobody:?}");
        }
        wire.payload(RESET, &json!({ "clientId": id }), Some(&caller));
        server.cli(&["service-account", "reset-secret", id]).success();
    }

    fn what_is_taken_away_is_gone_at_the_next_call_on_every_node(engine) {
        let server = start(engine);
        let node = server.another_node();
        let wire = Wire::of(&server);
        let elsewhere = wire.on(&node);
        let caller = wire.login(SERVICE);
        let view = structure("ax-id-service", &["SERVICE_ACCOUNTS_VIEW"]);
        let made = wire.payload(CREATE, &json!({ "name": "worker", "permissionStructure": view }), Some(&caller));
        let (id, _) = pair(&made);
        let token = wire.login(pair(&made));
        elsewhere.server.eventually("the other node knows it", || may_list(&elsewhere, &token));
        assert!(may_list(&wire, &token));

        let set = |structure: &Value| {
            let input = json!({ "clientId": id, "permissionStructure": structure });
            wire.payload(SET, &input, Some(&caller))["serviceAccount"]["permissionStructure"].clone()
        };
        assert_eq!(set(&json!([])), json!([]));
        assert!(!may_list(&wire, &token), "the node that made the change goes by it at once");
        elsewhere.server.eventually("the other node goes by it", || !may_list(&elsewhere, &token));
        assert_eq!(list(&elsewhere, &token).json()["errors"][0]["code"], "USER_NOT_AUTHORIZED");
        let given = set(&view);
        assert_eq!(given[0]["permissions"], json!(["SERVICE_ACCOUNTS_VIEW"]));
        assert_eq!(given[0]["__typename"], "PermissionStructure");
        assert!(may_list(&wire, &token));

        for enabled in [false, true] {
            let payload = wire.payload(ENABLE, &json!({ "clientId": id, "enabled": enabled }), Some(&caller));
            assert_eq!(payload["serviceAccount"]["enabled"], enabled);
            match enabled {
                false => {
                    for wire in [&wire, &elsewhere] {
                        wire.assert_dies(&token, "ACCESS_TOKEN_INVALID");
                        let credentials = credentials(pair(&made));
                        wire.refused("authenticateServiceAccount", &credentials, None, "INVALID_CLIENT_ID_SECRET");
                    }
                }
                true => wire.assert_good(&token),
            }
        }
        let payload = wire.payload(DELETE, &json!({ "clientId": id }), Some(&caller));
        assert_eq!(payload["serviceAccount"]["clientId"], id);
        for wire in [&wire, &elsewhere] {
            wire.assert_dies(&token, "ACCESS_TOKEN_INVALID");
        }
        wire.refused(DELETE, &json!({ "clientId": id }), Some(&caller), "SERVICE_ACCOUNT_DOES_NOT_EXIST");
    }
}

#[test]
fn whoever_may_not_does_nothing_and_what_is_not_there_is_said_so() {
    let server = start(Engine::Sqlite);
    let wire = Wire::of(&server);
    let (caller, nobody) = (wire.login(SERVICE), wire.login(NOBODY));
    for (operation, input) in [
        (RESET, json!({ "clientId": UNKNOWN })),
        (SET, json!({ "clientId": UNKNOWN, "permissionStructure": [] })),
        (ENABLE, json!({ "clientId": UNKNOWN, "enabled": false })),
        (DELETE, json!({ "clientId": UNKNOWN })),
    ] {
        wire.refused(operation, &input, None, "ACCESS_TOKEN_REQUIRED");
        wire.refused(operation, &input, Some(&nobody), "USER_NOT_AUTHORIZED");
        wire.refused(operation, &input, Some(&caller), "SERVICE_ACCOUNT_DOES_NOT_EXIST");
    }
    wire.refused(CREATE, &json!({ "name": "x" }), Some(&nobody), "USER_NOT_AUTHORIZED");
    for name in ["", "a\nb"] {
        wire.refused(CREATE, &json!({ "name": name }), Some(&caller), "ARGUMENT_INVALID");
    }
    wire.refused(DELETE, &json!({ "clientId": NOBODY.0 }), Some(&caller), "UNAUTHORIZED");
    assert!(!may_list(&wire, &nobody));
    // A file has the last word on its own.
    wire.payload(ENABLE, &json!({ "clientId": NOBODY.0, "enabled": false }), Some(&caller));
    wire.refused("authenticateServiceAccount", &credentials(NOBODY), None, "INVALID_CLIENT_ID_SECRET");
    server.apply(ENVIRONMENT);
    server.eventually("the file's word counts", || {
        wire.send("authenticateServiceAccount", &credentials(NOBODY), None).json().get("errors").is_none()
    });
}
