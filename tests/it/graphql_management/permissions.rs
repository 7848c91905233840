//! Permissions that services define.

use serde_json::{Value, json};

use super::{Api, ENVIRONMENT, MANAGER, VIEWER, start};
use crate::{
    both_engines,
    support::{CLIENT_CREDENTIALS, Engine, TestServer, tokens::peek},
};

const WORKER: (&str, &str) = ("worker", "a-secret-of-the-worker-with-32-characters");

/// The same with a client that has permissions of a service which did not define any yet.
fn start_with_worker(engine: Engine) -> TestServer {
    let worker = r#"
[[client]]
id = "worker"
grants = ["client_credentials"]
secret = "a-secret-of-the-worker-with-32-characters"
permissions = { media-service = ["VIEW", "EDIT"], other-service = ["VIEW"] }
"#;
    TestServer::builder(engine).environment(&format!("{ENVIRONMENT}{worker}")).start()
}

fn held(server: &TestServer) -> Value {
    peek(&server.token(WORKER, &CLIENT_CREDENTIALS).access_token())["permissions"].clone()
}

both_engines! {
    /// The documents of a service's start, as they are sent: with `__typename` in every selection.
    fn a_service_synchronises_its_permissions_at_its_start(engine) {
        let server = start_with_worker(engine);
        let api = Api::of(&server, MANAGER);
        let synchronise = "mutation SynchronizePermissions($input: SynchronizePermissionsInput!) {
            synchronizePermissions(input: $input) { added removed __typename } }";
        let view = json!({ "key": "VIEW", "title": "View media", "gqlOperations": ["media", "medias"] });
        let edit = json!({ "key": "EDIT", "title": "Edit media" });
        let sent = |permissions: Value| json!({ "input": { "serviceId": "media-service", "permissions": permissions } });
        let answer = |added: Value, removed: Value| {
            let changed = json!({ "added": added, "removed": removed, "__typename": "SynchronizePermissionsPayload" });
            json!({ "synchronizePermissions": changed })
        };
        assert_eq!(api.ask(synchronise, sent(json!([view, edit]))), answer(json!(["EDIT", "VIEW"]), json!([])));
        assert_eq!(api.ask(synchronise, sent(json!([view, edit]))), answer(json!([]), json!([])));
        let both = json!({ "media-service": ["VIEW", "EDIT"], "other-service": ["VIEW"] });
        assert_eq!(held(&server), both, "what was assigned stays");

        assert_eq!(api.ask(synchronise, sent(json!([view]))), answer(json!([]), json!(["EDIT"])));
        assert_eq!(held(&server), json!({ "media-service": ["VIEW"], "other-service": ["VIEW"] }));

        let list = "query L($filter: PermissionFilter) { permissions(filter: $filter) {
            nodes { serviceId key title gqlOperations managedByFile } totalCount } }";
        let found = api.ask(list, json!({ "filter": { "serviceId": { "equalTo": "media-service" } } }));
        let expected = json!({
            "serviceId": "media-service", "key": "VIEW", "title": "View media", "gqlOperations": ["media", "medias"],
            "managedByFile": false,
        });
        assert_eq!(found["permissions"], json!({ "nodes": [expected], "totalCount": 1 }));

        let purge = "mutation PurgePermissions($input: PurgePermissionsInput!) {
            purgePermissions(input: $input) { purged __typename } }";
        let input = json!({ "input": { "serviceId": "media-service" } });
        let purged = |count: u64| {
            json!({ "purgePermissions": { "purged": count, "__typename": "PurgePermissionsPayload" } })
        };
        assert_eq!(api.ask(purge, input.clone()), purged(1));
        assert_eq!(api.ask(purge, input), purged(0));
        assert_eq!(held(&server), json!({ "other-service": ["VIEW"] }));
        assert_eq!(api.ask(list, json!({}))["permissions"]["totalCount"], 0);
    }
}

#[test]
fn definitions_that_cannot_be_kept_change_nothing() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let one = |key: &str| json!({ "key": key, "title": "t" });
    let many: Vec<Value> = (0..1001).map(|n| one(&format!("K{n}"))).collect();
    let cases = [
        ("media", json!([one("")])),
        ("media", json!([one("A"), one("B:C")])),
        ("media", json!([one("A B")])),
        ("media", json!([one("A"), one("B"), one("A")])),
        ("media", json!([{ "key": "A", "title": "" }])),
        ("media", json!([{ "key": "A", "title": "t", "gqlOperations": ["a\u{0}"] }])),
        ("media", json!(many)),
        ("", json!([])),
        ("media service", json!([])),
        ("media:service", json!([])),
        ("ax-id-service", json!([])),
        ("ax-user-service", json!([one("APPLICATIONS_VIEW")])),
    ];
    for (service, permissions) in cases {
        let input = json!({ "serviceId": service, "permissions": permissions });
        api.mutation_refused("synchronizePermissions", input, "PERMISSION_SYNC_ERROR");
    }
    for service in ["", "a b", "ax-id-service", "ax-user-service"] {
        api.mutation_refused("purgePermissions", json!({ "serviceId": service }), "PERMISSION_SYNC_ERROR");
    }
    assert_eq!(api.ask("{ permissions { totalCount } }", json!({}))["permissions"]["totalCount"], 0);
    let own = Api::of(&server, MANAGER);
    own.ask("{ applications { totalCount } }", json!({}));
}

#[test]
fn a_thousand_permissions_of_a_service_are_taken() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let many: Vec<Value> = (0..1000).map(|n| json!({ "key": format!("K{n}"), "title": "t" })).collect();
    let input = json!({ "serviceId": "media", "permissions": many });
    let changed = api.mutate("synchronizePermissions", input, "added removed");
    assert_eq!(changed["added"].as_array().map(Vec::len), Some(1000));
    let last = "{ permissions(first: 1, offset: 999) { nodes { key } totalCount } }";
    let expected = json!({ "nodes": [{ "key": "K999" }], "totalCount": 1000 });
    assert_eq!(api.ask(last, json!({}))["permissions"], expected);
}

#[test]
fn whoever_may_not_synchronise_neither_sees_nor_changes_permissions() {
    let server = start(Engine::Sqlite);
    let viewer = Api::of(&server, VIEWER);
    viewer.refused("{ permissions { totalCount } }", json!({}), "USER_NOT_AUTHORIZED");
    let input = json!({ "serviceId": "media", "permissions": [] });
    viewer.mutation_refused("synchronizePermissions", input, "USER_NOT_AUTHORIZED");
    viewer.mutation_refused("purgePermissions", json!({ "serviceId": "media" }), "USER_NOT_AUTHORIZED");
}
