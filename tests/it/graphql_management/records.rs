//! The audit records of changes.

use serde_json::{Value, json};

use super::{Api, MANAGER, NOBODY, UNKNOWN, WEB, a_user, an_application, mutation, start};
use crate::{
    both_engines,
    support::{Answer, TestServer},
};

/// The records of changes that one answer's request has.
fn records(server: &TestServer, answer: &Answer) -> Vec<Value> {
    let id = answer.header("x-request-id").expect("a request id");
    let mut records = server.database.audit_records();
    records.retain(|record| record["request_id"] == id);
    records
}

/// Checks the one record of a change, by the members that tell changes apart.
#[track_caller]
fn assert_record(server: &TestServer, answer: &Answer, expected: &Value) {
    let records = records(server, answer);
    assert_eq!(records.len(), 1, "{records:?}");
    let record = &records[0];
    for (name, value) in expected.as_object().expect("members") {
        assert_eq!(record.get(name).unwrap_or(&Value::Null), value, "{name} of {record}");
    }
    assert!(record["environment_id"].is_string() && record["client_address"].is_string(), "{record}");
}

both_engines! {
    fn a_change_is_recorded_with_who_made_it_and_to_what(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let document = mutation("createApplication", "application { id }");
        let input = json!({ "input": { "application": { "name": "tv", "applicationPlatform": "TV" } } });
        let answer = api.send(&document, input.clone());
        let id = answer.json()["data"]["createApplication"]["application"]["id"].clone();
        let expected = json!({
            "event": "management.changed", "outcome": "success", "operation": "createApplication", "subject": id,
            "client_id": "manager", "reason": null,
        });
        assert_record(&server, &answer, &expected);
        let expected = json!({
            "event": "management.refused", "outcome": "refused", "operation": "createApplication", "subject": null,
            "client_id": "manager", "reason": "UNIQUE_CONSTRAINT_ERROR",
        });
        assert_record(&server, &api.send(&document, input), &expected);
    }

    fn a_refusal_is_recorded_whoever_asked(engine) {
        let server = start(engine);
        let document = mutation("deleteApplication", "application { id }");
        let input = |id: &str| json!({ "input": { "id": id } });
        let expected = |client: Value, subject: Value, reason: &str| {
            json!({
                "event": "management.refused", "outcome": "refused", "operation": "deleteApplication",
                "subject": subject, "client_id": client, "reason": reason,
            })
        };
        let nobody = Api::of(&server, NOBODY);
        let answer = nobody.send(&document, input(WEB));
        assert_record(&server, &answer, &expected(json!("nobody"), json!(WEB), "USER_NOT_AUTHORIZED"));
        let stranger = Api { server: &server, issuer: String::new(), token: "no token at all".to_owned() };
        let answer = stranger.send(&document, input(WEB));
        assert_eq!(answer.status, 401);
        assert_record(&server, &answer, &expected(json!(null), json!(WEB), "MALFORMED_TOKEN"));
        let manager = Api::of(&server, MANAGER);
        let answer = manager.send(&document, input(UNKNOWN));
        assert_record(&server, &answer, &expected(json!("manager"), json!(UNKNOWN), "NOT_FOUND"));
        // What cannot be an id may be a secret in the wrong place.
        let answer = manager.send(&document, input(&"t".repeat(300)));
        assert_record(&server, &answer, &expected(json!("manager"), json!(null), "NOT_FOUND"));
    }

    fn a_record_shows_what_was_changed_before_and_after_and_no_secret(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let send = |operation: &str, input: Value| {
            let answer = api.send(&mutation(operation, "__typename"), json!({ "input": input }));
            assert_eq!(answer.json()["errors"], Value::Null, "{}", answer.text);
            let record = records(&server, &answer).remove(0);
            json!([record["before"], record["after"]])
        };
        let user = a_user(&api, "ada");
        assert_eq!(
            send("updateUser", json!({ "id": user, "patch": { "email": "ada@example.com", "enabled": false } })),
            json!([{ "email": null, "enabled": true }, { "email": "ada@example.com", "enabled": false }])
        );
        assert_eq!(
            send("updateUser", json!({ "id": user, "patch": { "enabled": false } })),
            json!([null, null]),
            "nothing differs"
        );
        let gone = send("deleteUser", json!({ "id": user }));
        assert_eq!((&gone[0]["email"], &gone[1]), (&json!("ada@example.com"), &json!(null)));
        assert_eq!(gone[0]["identities"], json!([{ "connection": "sign-in", "subject_id": "ada" }]));

        let app = an_application(&api, "tv");
        assert_eq!(send("regenerateApplicationKey", json!({ "id": app })), json!([null, { "key": "a secret" }]));
        assert_eq!(
            send("regenerateApplicationKey", json!({ "id": app })),
            json!([{ "key": "a secret" }, { "key": "another secret" }])
        );
        assert_eq!(send("clearApplicationKey", json!({ "id": app })), json!([{ "key": "a secret" }, null]));
        let definitions = json!([{ "key": "PLAY", "title": "Play", "gqlOperations": [] }]);
        let made = send("synchronizePermissions", json!({ "serviceId": "tv-service", "permissions": definitions }));
        assert_eq!(made, json!([null, { "PLAY": { "title": "Play", "operations": [] } }]));
        let purged = send("purgePermissions", json!({ "serviceId": "tv-service" }));
        assert_eq!(purged, json!([{ "PLAY": { "title": "Play", "operations": [] } }, null]));
    }

    fn each_change_of_one_document_has_its_own_record(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let document = "mutation { a: createUser(input: { user: {} }) { user { id } }
            b: purgePermissions(input: { serviceId: \"media\" }) { purged }
            c: deleteIdentityConnection(input: { name: \"no such\" }) { __typename } }";
        let answer = api.send(document, json!({}));
        let body = answer.json();
        let (user, code) = (&body["data"]["a"]["user"]["id"], &body["errors"][0]["code"]);
        assert_eq!((&body["data"]["b"]["purged"], &body["data"]["c"], code), (&json!(0), &json!(null), &json!("NOT_FOUND")));
        let mut found: Vec<Value> = records(&server, &answer)
            .into_iter()
            .map(|record| json!([record["operation"], record["subject"], record["event"]]))
            .collect();
        found.sort_by_key(Value::to_string);
        let expected = [
            json!(["createUser", user, "management.changed"]),
            json!(["deleteIdentityConnection", "no such", "management.refused"]),
            json!(["purgePermissions", "media", "management.changed"]),
        ];
        assert_eq!(found, expected);
    }

    fn questions_leave_no_record(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let answer = api.send("{ applications { totalCount } users { nodes { id } } }", json!({}));
        assert!(answer.status == 200 && records(&server, &answer).is_empty(), "{}", answer.text);
    }
}
