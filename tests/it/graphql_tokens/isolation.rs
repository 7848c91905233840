//! Two tenants with equal client ids, names, and subject ids: what is one's own opens nothing at the other, changes nothing
//! there, and tells nothing.

use serde_json::{Value, json};

use super::{KEY, SERVICE, WEB, Wire, another, managed::OTHER_SERVICE, start};
use crate::{
    both_engines,
    support::{TestServer, guard::Guard, tokens::peek},
};

/// One side: where it is, its own credentials, and a token of each kind.
struct Side<'s> {
    wire: Wire<'s>,
    client: (&'static str, &'static str),
    key: &'static str,
    web: String,
    service: String,
    user: String,
    manager: String,
    /// An account that was made there.
    account: String,
}

impl<'s> Side<'s> {
    fn new(wire: Wire<'s>, client: (&'static str, &'static str), key: &'static str) -> Self {
        let web = wire.server.database.value(&format!(
            "SELECT id AS value FROM applications WHERE name = 'web' AND environment_id = '{}'",
            wire.environment_id
        ));
        let service = wire.login(client);
        let login = json!({ "applicationId": web, "subjectId": "ada" });
        let user = wire.token("generateDelegatedAccessToken", &login, Some(&service));
        let email = json!({ "email": "ada@example.com" });
        let manager = wire.token("devGenerateUserAccessTokenWithPermissions", &email, Some(&service));
        let account = wire.payload("createServiceAccount", &json!({ "name": "worker" }), Some(&service));
        let account = account["clientId"].as_str().expect("an id").to_owned();
        Self { wire, client, key, web, service, user, manager, account }
    }
}

fn sides(server: &TestServer) -> [Side<'_>; 2] {
    let first = Side::new(Wire::of(server), SERVICE, KEY);
    server.apply(&another("second", ""));
    let second =
        Side::new(Wire::at(server, "second"), OTHER_SERVICE, "another-key-of-the-application-with-32-characters");
    [first, second]
}

/// What the database has of an environment, but for its records.
fn content(side: &Side<'_>) -> Vec<String> {
    let id = &side.wire.environment_id;
    let rows = |columns: &str, table: &str| {
        let query = format!("SELECT {columns} AS text FROM {table} WHERE environment_id = '{id}' ORDER BY 1");
        side.wire.server.database.texts(&query)
    };
    let mut all = rows("client_id || name || permissions || CAST(enabled AS TEXT)", "clients");
    all.extend(rows("id || hash", "client_secrets"));
    all.extend(rows("id", "users"));
    all.extend(rows("connection || subject_id || user_id", "user_identities"));
    all.extend(rows("service_id || key", "permissions"));
    all
}

/// Every operation at a side that takes an access token, with ids that are good there.
fn operations(at: &Side<'_>) -> Vec<(&'static str, Value)> {
    let id = &at.account;
    vec![
        ("generateLongLivedToken", json!({ "userToken": at.user })),
        ("devSetupServiceAccountWithPermissions", json!({ "serviceAccountName": "worker" })),
        ("devDeleteServiceAccount", json!({ "clientId": id })),
        ("updateServiceAccount", json!({ "clientId": id, "patch": { "name": "x" } })),
        ("devUpdateServiceAccountPermissionStructure", json!({ "clientId": id, "permissionStructure": [] })),
        ("devGenerateUserAccessTokenWithPermissions", json!({})),
        ("synchronizePermissions", json!({ "serviceId": "media", "permissions": [] })),
        ("purgePermissions", json!({ "serviceId": "media" })),
        ("generateDelegatedAccessToken", json!({ "applicationId": at.web, "subjectId": "grace" })),
        ("devGenerateEndUserAccessToken", json!({ "applicationId": at.web, "userId": "grace" })),
        ("createServiceAccount", json!({ "name": "x" })),
        ("resetServiceAccountSecret", json!({ "clientId": id })),
        ("addServiceAccountSecret", json!({ "clientId": id })),
        ("expireServiceAccountSecret", json!({ "clientId": id, "secretId": "any" })),
        ("setServiceAccountPermissions", json!({ "clientId": id, "permissionStructure": [] })),
        ("setServiceAccountEnabled", json!({ "clientId": id, "enabled": false })),
        ("deleteServiceAccount", json!({ "clientId": id })),
    ]
}

both_engines! {
    fn credentials_of_one_open_nothing_at_the_other(engine) {
        let server = start(engine);
        let sides = sides(&server);
        for (here, there) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
            let before = content(here);
            let wire = &here.wire;
            let credentials = json!({ "clientId": there.client.0, "clientSecret": there.client.1 });
            let mut scoped = credentials.clone();
            scoped["managementJWT"] = json!(here.service);
            for (operation, input) in [
                ("authenticateServiceAccount", &credentials),
                ("authenticateManagedServiceAccount", &credentials),
                ("authenticateManagedServiceAccountWithEnvironmentScope", &scoped),
            ] {
                wire.refused(operation, input, None, "INVALID_CLIENT_ID_SECRET");
            }
            // Good at home, and of no use for the other: neither named, nor by its token.
            let mut named = json!({ "clientId": here.client.0, "clientSecret": here.client.1 });
            let mut by_token = named.clone();
            named["targetTenantId"] = json!(there.wire.tenant_id);
            named["targetEnvironmentId"] = json!(there.wire.environment_id);
            by_token["managementJWT"] = json!(there.service);
            for (operation, input) in [
                ("authenticateManagedServiceAccount", named),
                ("authenticateManagedServiceAccountWithEnvironmentScope", by_token),
            ] {
                wire.refused(operation, &input, None, "ENVIRONMENT_NOT_FOUND");
            }
            for (id, key, of) in [
                (&here.web, there.key, here),
                (&there.web, here.key, here),
                (&there.web, there.key, here),
                (&here.web, here.key, there),
            ] {
                let input = json!({
                    "tenantId": of.wire.tenant_id, "environmentId": of.wire.environment_id, "applicationId": id,
                    "applicationKey": key,
                });
                wire.refused("authenticateEndUserApplication", &input, None, "APPLICATION_NOT_ACTIVE");
            }
            assert_eq!(content(here), before);
        }
    }

    fn tokens_of_one_open_nothing_at_the_other_and_leave_nothing(engine) {
        let server = start(engine);
        let sides = sides(&server);
        for (here, there) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
            let before = content(here);
            for (operation, input) in operations(here) {
                for token in [&there.service, &there.manager, &there.user] {
                    here.wire.refused(operation, &input, Some(token), "SIGNING_KEY_NOT_FOUND");
                }
            }
            let stranger = json!({ "userToken": there.user });
            here.wire.refused("generateLongLivedToken", &stranger, Some(&here.service), "SIGNING_KEY_NOT_FOUND");
            assert_eq!(content(here), before);
            here.wire.assert_good(&here.user);
        }
    }

    fn ids_of_one_are_not_found_at_the_other(engine) {
        let server = start(engine);
        let sides = sides(&server);
        for (here, there) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
            let (before, theirs) = (content(here), content(there));
            for (operation, input) in operations(there).into_iter().filter(|(_, input)| input.get("clientId").is_some()) {
                here.wire.refused(operation, &input, Some(&here.service), "SERVICE_ACCOUNT_DOES_NOT_EXIST");
            }
            for (operation, input) in operations(there).into_iter().filter(|(_, input)| input.get("applicationId").is_some()) {
                here.wire.refused(operation, &input, Some(&here.service), "APPLICATION_NOT_ACTIVE");
            }
            assert_eq!((content(here), content(there)), (before, theirs));
        }
    }

    fn equal_names_are_two_accounts_two_users_and_two_keys(engine) {
        let server = start(engine);
        let [first, second] = sides(&server);
        let subject = |token: &str| peek(token)["sub"].clone();
        assert_ne!(subject(&first.user), subject(&second.user), "one subject id, two users");
        assert_ne!(peek(&first.user)["profileId"], peek(&second.user)["profileId"]);
        assert_ne!(subject(&first.manager), subject(&second.manager), "one address, two people");
        assert_eq!(subject(&first.service), subject(&second.service), "the client ids are equal");
        let guard = Guard(&server);
        for (side, other) in [(&first, &second), (&second, &first)] {
            let claims = guard.management(&side.service).expect("a token for the guard");
            assert_eq!(claims["tenantId"], json!(side.wire.tenant_id));
            let path = format!("/{}/{}", other.wire.tenant_id, other.wire.environment_id);
            for (token, issuer) in [(&side.service, "ax-id-service"), (&side.user, "ax-user-service")] {
                assert_eq!(guard.verify_by_keys_of(&path, token, issuer), Err("unknown kid".to_owned()));
            }
            assert!(guard.verify_by_keys_of(&format!("{path}/{WEB}"), &side.user, "ax-user-service").is_err());
        }
        // What one does with its own leaves the other's of the same name.
        let theirs = content(&second);
        let replaced = json!({ "serviceAccountName": "worker" });
        first.wire.payload("devSetupServiceAccountWithPermissions", &replaced, Some(&first.service));
        first.wire.payload("purgePermissions", &json!({ "serviceId": "media" }), Some(&first.service));
        assert_eq!(content(&second), theirs);
    }
}
