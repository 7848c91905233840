//! Who may do what: each operation takes its own permission and no other one.

use serde_json::json;

use super::{Api, MANAGER, UNKNOWN, VIEWER, mutation, start};
use crate::support::{
    Engine, TestServer,
    forge::{Forge, with},
    tokens::peek,
};

const PERMISSIONS: [(&str, &str); 8] = [
    ("ax-user-service", "APPLICATIONS_VIEW"),
    ("ax-user-service", "APPLICATIONS_EDIT"),
    ("ax-user-service", "IDENTITY_CONNECTIONS_VIEW"),
    ("ax-user-service", "IDENTITY_CONNECTIONS_EDIT"),
    ("ax-user-service", "USERS_VIEW"),
    ("ax-user-service", "USERS_EDIT"),
    ("ax-id-service", "PERMISSIONS_SYNCHRONIZE"),
    ("ax-id-service", "SERVICE_ACCOUNTS_VIEW"),
];
const SECRET: &str = "a-secret-of-every-client-with-32-characters";

/// One client for each permission, called like it.
fn environment() -> String {
    let clients = PERMISSIONS.map(|(service, key)| {
        format!(
            "[[client]]\nid = \"{key}\"\ngrants = [\"client_credentials\"]\nsecret = \"{SECRET}\"\n\
             permissions = {{ {service} = [\"{key}\"] }}\n"
        )
    });
    format!("[environment]\nname = \"first\"\n{}", clients.concat())
}

/// Every operation on things that are not there, and what it takes.
fn operations() -> Vec<(&'static str, String, serde_json::Value)> {
    let id = json!({ "id": UNKNOWN });
    let mut all = vec![
        ("APPLICATIONS_VIEW", "{ applications { totalCount } }".to_owned(), json!({})),
        ("APPLICATIONS_VIEW", format!("{{ application(id: \"{UNKNOWN}\") {{ id }} }}"), json!({})),
        ("SERVICE_ACCOUNTS_VIEW", "{ serviceAccounts { totalCount } }".to_owned(), json!({})),
        ("SERVICE_ACCOUNTS_VIEW", format!("{{ serviceAccount(clientId: \"{UNKNOWN}\") {{ clientId }} }}"), json!({})),
        ("IDENTITY_CONNECTIONS_VIEW", "{ identityConnections { totalCount } }".to_owned(), json!({})),
        ("USERS_VIEW", "{ users { nodes { id } } }".to_owned(), json!({})),
        ("USERS_VIEW", format!("{{ user(id: \"{UNKNOWN}\") {{ id }} }}"), json!({})),
        ("PERMISSIONS_SYNCHRONIZE", "{ permissions { totalCount } }".to_owned(), json!({})),
    ];
    for (permission, operation, input) in [
        ("APPLICATIONS_EDIT", "createApplication", json!({ "application": { "name": "", "applicationPlatform": "" } })),
        ("APPLICATIONS_EDIT", "updateApplication", json!({ "id": UNKNOWN, "patch": {} })),
        ("APPLICATIONS_EDIT", "deleteApplication", id.clone()),
        ("APPLICATIONS_EDIT", "regenerateApplicationKey", id.clone()),
        ("APPLICATIONS_EDIT", "clearApplicationKey", id.clone()),
        ("APPLICATIONS_EDIT", "setEnrichmentWebhook", json!({ "id": UNKNOWN, "url": "https://hook.example/" })),
        ("APPLICATIONS_EDIT", "regenerateEnrichmentWebhookSecret", id.clone()),
        ("APPLICATIONS_EDIT", "clearEnrichmentWebhook", id.clone()),
        (
            "IDENTITY_CONNECTIONS_EDIT",
            "createIdentityConnection",
            json!({ "identityConnection": { "name": "", "provider": "DELEGATED" } }),
        ),
        ("IDENTITY_CONNECTIONS_EDIT", "updateIdentityConnection", json!({ "name": "no such", "patch": {} })),
        ("IDENTITY_CONNECTIONS_EDIT", "deleteIdentityConnection", json!({ "name": "no such" })),
        ("USERS_EDIT", "createUser", json!({ "user": { "name": "" } })),
        ("USERS_EDIT", "updateUser", json!({ "id": UNKNOWN, "patch": {} })),
        ("USERS_EDIT", "deleteUser", id.clone()),
        ("USERS_EDIT", "setActiveProfile", json!({ "userId": UNKNOWN, "profileId": UNKNOWN })),
        (
            "USERS_EDIT",
            "addUserIdentifier",
            json!({ "userId": UNKNOWN, "identifier": { "kind": "EMAIL", "value": "a" } }),
        ),
        (
            "USERS_EDIT",
            "removeUserIdentifier",
            json!({ "userId": UNKNOWN, "identifier": { "kind": "EMAIL", "value": "a" } }),
        ),
        ("USERS_EDIT", "addUserToApplication", json!({ "userId": UNKNOWN, "applicationId": UNKNOWN })),
        ("USERS_EDIT", "removeUserFromApplication", json!({ "userId": UNKNOWN, "applicationId": UNKNOWN })),
        ("USERS_EDIT", "createProfile", json!({ "userId": UNKNOWN, "profile": {} })),
        ("USERS_EDIT", "updateProfile", json!({ "id": UNKNOWN, "patch": {} })),
        ("USERS_EDIT", "deleteProfile", id),
        ("PERMISSIONS_SYNCHRONIZE", "synchronizePermissions", json!({ "serviceId": "", "permissions": [] })),
        ("PERMISSIONS_SYNCHRONIZE", "purgePermissions", json!({ "serviceId": "" })),
    ] {
        all.push((permission, mutation(operation, "__typename"), json!({ "input": input })));
    }
    all
}

#[test]
fn each_operation_takes_its_own_permission_and_no_other_one() {
    let server = TestServer::builder(Engine::Sqlite).environment(&environment()).start();
    for (_, key) in PERMISSIONS {
        let api = Api::of(&server, (key, SECRET));
        for (permission, document, variables) in operations() {
            let body = api.send(&document, variables).json();
            let is_refused = body["errors"][0]["code"] == "USER_NOT_AUTHORIZED";
            assert_eq!(!is_refused, key == permission, "{key}: {document} {body}");
            assert_ne!(body["errors"][0]["code"], "GRAPHQL_VALIDATION_FAILED", "{document} {body}");
        }
    }
}

#[test]
fn the_bearer_of_a_token_that_allows_too_little_is_told_why() {
    let server = start(Engine::Sqlite);
    let told = |api: &Api<'_>| {
        let refusal = api.refused("{ permissions { totalCount } }", json!({}), "USER_NOT_AUTHORIZED");
        refusal["message"].as_str().expect("a message").to_owned()
    };
    let mut api = Api::of(&server, VIEWER);
    assert_eq!(told(&api), "The access token lacks the permission ax-id-service:PERMISSIONS_SYNCHRONIZE");
    let forge = Forge::of(&server);
    let good = peek(&Api::of(&server, MANAGER).token);
    api.token = forge.token(&with(&good, &json!({ "aud": "reports-api" })));
    let said = format!("The access token is addressed to others: its aud must have ax-id-service or {}", server.url);
    assert_eq!(told(&api), said);
    api.token = forge.token(&with(&good, &json!({ "act": { "sub": "viewer", "iss": server.url } })));
    assert_eq!(told(&api), "The access token is a delegated one");
}

#[test]
fn nothing_is_open_without_a_token() {
    let server = TestServer::builder(Engine::Sqlite).environment(&environment()).start();
    for (_, document, variables) in operations() {
        let request = server.request(reqwest::Method::POST, "/graphql-management");
        let answer = crate::support::Answer::to(request.json(&json!({ "query": document, "variables": variables })));
        assert_eq!(answer.status, 401, "{document}");
        assert_eq!(answer.json()["errors"][0]["code"], "ACCESS_TOKEN_REQUIRED", "{document}");
    }
}
