//! The two secrets of a service account, through the management API.

use serde_json::{Value, json};

use super::{MANAGEMENT, NOBODY, SERVICE, UNKNOWN, Wire, start};
use crate::both_engines;

const ADD: &str = "addServiceAccountSecret";
const EXPIRE: &str = "expireServiceAccountSecret";

fn asked(client_id: &str) -> Value {
    let query = "query Secrets($id: String!) { serviceAccountSecrets(clientId: $id) { secretId isActive createdAt expiresAt \
                 lastUsedAt } }";
    json!({ "operationName": "Secrets", "query": query, "variables": { "id": client_id } })
}

/// The secrets of an account.
fn list(wire: &Wire<'_>, token: &str, client_id: &str) -> Vec<Value> {
    let answer = wire.post(MANAGEMENT, &asked(client_id), Some(token)).json();
    answer["data"]["serviceAccountSecrets"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

fn texts<'v>(values: &'v [Value], name: &str) -> Vec<&'v str> {
    values.iter().map(|value| value[name].as_str().expect("a text")).collect()
}

both_engines! {
    fn a_second_secret_is_added_and_the_first_expires(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let made = wire.payload("createServiceAccount", &json!({ "name": "worker" }), Some(&caller));
        let (id, first) = (made["clientId"].as_str().expect("an id"), made["clientSecret"].as_str().expect("a secret"));
        let old = list(&wire, &caller, id);
        let old = texts(&old, "secretId")[0];
        let added = wire.payload(ADD, &json!({ "clientId": id }), Some(&caller));
        let second = added["clientSecret"].as_str().expect("a secret");
        wire.login((id, first));
        wire.login((id, second));
        wire.refused(ADD, &json!({ "clientId": id }), Some(&caller), "ARGUMENT_INVALID");
        assert_eq!(list(&wire, &caller, id).len(), 2, "nothing was made");

        let kept = wire.payload(EXPIRE, &json!({ "clientId": id, "secretId": old, "keepForSeconds": 600 }), Some(&caller));
        let kept = &kept["serviceAccountSecret"];
        assert_eq!((&kept["secretId"], &kept["isActive"]), (&json!(old), &json!(true)));
        assert!(kept["expiresAt"].as_str() > kept["createdAt"].as_str(), "{kept}");
        wire.login((id, first));
        let ended = wire.payload(EXPIRE, &json!({ "clientId": id, "secretId": old }), Some(&caller));
        assert_eq!(ended["serviceAccountSecret"]["isActive"], false);
        let credentials = |secret: &str| json!({ "clientId": id, "clientSecret": secret });
        wire.refused("authenticateServiceAccount", &credentials(first), None, "INVALID_CLIENT_ID_SECRET");
        wire.login((id, second));

        server.clock.advance(60);
        server.eventually("the uses to be shown", || {
            list(&wire, &wire.login(SERVICE), id).iter().all(|secret| secret["lastUsedAt"].is_string())
        });
        let shown = json!(list(&wire, &wire.login(SERVICE), id)).to_string();
        assert!(!shown.contains(first) && !shown.contains(second), "no secret is shown again");
    }

    fn nobody_touches_what_is_not_his(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let hashes = || server.database.texts(
            "SELECT hash || COALESCE(CAST(expires_at AS TEXT), 'never') AS text FROM client_secrets ORDER BY hash"
        );
        let editor = json!([{ "serviceId": "ax-id-service", "permissions": ["SERVICE_ACCOUNTS_EDIT"] }]);
        let made = wire.payload("createServiceAccount", &json!({ "name": "editor", "permissionStructure": editor }), Some(&caller));
        let lesser = (made["clientId"].as_str().expect("an id"), made["clientSecret"].as_str().expect("a secret"));
        let lesser = wire.login(lesser);
        let of_service = list(&wire, &caller, SERVICE.0);
        let of_service = texts(&of_service, "secretId")[0];
        let before = hashes();

        // With a secret of somebody who may more, one would be somebody who may more.
        wire.refused(ADD, &json!({ "clientId": SERVICE.0 }), Some(&lesser), "USER_NOT_AUTHORIZED");
        let ends = json!({ "clientId": SERVICE.0, "secretId": of_service });
        wire.refused(EXPIRE, &ends, Some(&lesser), "USER_NOT_AUTHORIZED");
        // The account is his, the secret is not.
        let crossed = json!({ "clientId": made["clientId"], "secretId": of_service });
        wire.refused(EXPIRE, &crossed, Some(&lesser), "ARGUMENT_INVALID");
        let nobody = wire.login(NOBODY);
        wire.refused(ADD, &json!({ "clientId": NOBODY.0 }), Some(&nobody), "USER_NOT_AUTHORIZED");
        wire.refused(EXPIRE, &json!({ "clientId": NOBODY.0, "secretId": "x" }), Some(&nobody), "USER_NOT_AUTHORIZED");
        wire.refused(ADD, &json!({ "clientId": UNKNOWN }), Some(&caller), "SERVICE_ACCOUNT_DOES_NOT_EXIST");
        for keep in [-1, 31_536_001] {
            let ends = json!({ "clientId": SERVICE.0, "secretId": of_service, "keepForSeconds": keep });
            wire.refused(EXPIRE, &ends, Some(&caller), "ARGUMENT_INVALID");
        }
        for (token, id, code) in [
            (&nobody, SERVICE.0, "USER_NOT_AUTHORIZED"),
            (&lesser, SERVICE.0, "USER_NOT_AUTHORIZED"),
            (&caller, UNKNOWN, "SERVICE_ACCOUNT_DOES_NOT_EXIST"),
            (&caller, "no id", "SERVICE_ACCOUNT_DOES_NOT_EXIST"),
        ] {
            let answer = wire.post(MANAGEMENT, &asked(id), Some(token)).json();
            assert_eq!(answer["errors"][0]["code"], code, "{answer}");
            assert!(answer["data"]["serviceAccountSecrets"].is_null(), "{answer}");
        }
        assert_eq!(hashes(), before);
    }
}
