//! Each operation once as the platform's clients send it, each token through the guard of a service.

use serde_json::{Value, json};

use super::{KEY, SERVICE, WEB, Wire, start};
use crate::{
    both_engines,
    support::{
        TestServer,
        forge::Forge,
        guard::{EMBEDDED, Guard},
    },
};

const MEDIA: &str = r#"[{ "serviceId": "media", "permissions": ["VIEW", "EDIT"] }]"#;

fn media() -> Value {
    serde_json::from_str(MEDIA).expect("JSON")
}

/// Claims of a management token besides those that every token has.
#[track_caller]
fn assert_manages(wire: &Wire<'_>, token: &str, subject_type: &str, permissions: &Value) -> Value {
    let claims = Guard(wire.server).management(token).expect("a token for the guard");
    assert_eq!(
        json!([claims["tenantId"], claims["environmentId"], claims["subjectType"], claims["aud"]]),
        json!([wire.tenant_id, wire.environment_id, subject_type, "*"])
    );
    assert_eq!(claims["permissions"], *permissions);
    assert!(Guard(wire.server).end_user(token).is_err(), "the two kinds are not taken for each other");
    claims
}

#[track_caller]
fn assert_end_user(wire: &Wire<'_>, token: &str) -> Value {
    let claims = Guard(wire.server).end_user(token).expect("a token for the guard");
    assert_eq!(
        json!([claims["tenantId"], claims["environmentId"], claims["subjectType"], claims["applicationId"]]),
        json!([wire.tenant_id, wire.environment_id, "EndUserAccount", WEB])
    );
    assert_eq!((claims.get("userId"), claims.get("permissions")), (None, None));
    assert!(Guard(wire.server).management(token).is_err(), "the two kinds are not taken for each other");
    claims
}

both_engines! {
    fn a_service_account_and_its_managed_variants_get_tokens(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let held = json!({
            "media": ["VIEW"],
            "ax-id-service": [
                "ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN", "DEV_SETUP_SERVICE_ACCOUNT_WITH_PERMISSIONS",
                "PERMISSIONS_SYNCHRONIZE", "SERVICE_ACCOUNTS_VIEW", "SERVICE_ACCOUNTS_EDIT",
            ],
            "ax-user-service": ["DEV_END_USER_ACCESS_TOKENS_GENERATE", "GENERATE_DELEGATED_ACCESS_TOKEN", "USERS_EDIT"],
        });
        let credentials = json!({ "clientId": SERVICE.0, "clientSecret": SERVICE.1 });
        let payload = wire.payload("authenticateServiceAccount", &credentials, None);
        assert_eq!(payload["expiresInSeconds"], 3600);
        let token = payload["accessToken"].as_str().expect("a token");
        let claims = assert_manages(&wire, token, "ServiceAccount", &held);
        assert_eq!((&claims["sub"], &claims["name"]), (&json!("service"), &json!("Media service")));

        // Without a target, and with its own environment as the target, it is what it is at home.
        let own = json!({ "targetTenantId": wire.tenant_id, "targetEnvironmentId": wire.environment_id });
        for target in [json!({}), json!({ "targetTenantId": null, "targetEnvironmentId": null }), own] {
            let mut input = credentials.clone();
            input.as_object_mut().expect("an object").extend(target.as_object().expect("an object").clone());
            let token = wire.token("authenticateManagedServiceAccount", &input, None);
            assert_manages(&wire, &token, "ServiceAccount", &held);
        }
        let input = json!({ "clientId": SERVICE.0, "clientSecret": SERVICE.1, "managementJWT": token });
        let token = wire.token("authenticateManagedServiceAccountWithEnvironmentScope", &input, None);
        assert_manages(&wire, &token, "ServiceAccount", &held);
        let answer = wire.services(&token);
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "data": { "enabledManagedServices": [] } })));
    }

    fn users_and_applications_get_tokens(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let login = json!({
            "applicationId": WEB, "subjectId": "third party's 17", "uniqueProfileIdentifier": "kids",
            "email": "ada@example.com", "name": "Ada",
        });
        let payload = wire.payload("generateDelegatedAccessToken", &login, Some(&caller));
        let token = payload["accessToken"].as_str().expect("a token");
        let claims = assert_end_user(&wire, token);
        assert_eq!((&payload["payload"], &payload["expiresInSeconds"]), (&claims, &json!(3600)));
        assert_eq!((&claims["name"], &claims["email"]), (&json!("Ada"), &json!("ada@example.com")));
        let outer = Forge::attacker().token(&json!({ "iss": "https://third.example", EMBEDDED: token }));
        assert_eq!(Guard(&server).end_user(&outer), Ok(claims.clone()));

        // Nobody ever said how the first one is called.
        let unnamed = wire.token("generateDelegatedAccessToken", &json!({ "applicationId": WEB, "subjectId": "x" }), Some(&caller));
        assert_ne!(assert_end_user(&wire, &unnamed)["sub"], claims["sub"]);
        for input in [json!({ "applicationId": WEB }), json!({ "applicationId": WEB, "userId": "tester" })] {
            assert_end_user(&wire, &wire.token("devGenerateEndUserAccessToken", &input, Some(&caller)));
        }
        for (user_token, seconds) in [(token, 2_592_000), (outer.as_str(), 600)] {
            let mut input = json!({ "userToken": user_token });
            if seconds == 600 {
                input["validityDurationInSeconds"] = json!(seconds);
            }
            let payload = wire.payload("generateLongLivedToken", &input, Some(&caller));
            assert_eq!(payload["expiresInSeconds"], seconds);
            let long = assert_end_user(&wire, payload["accessToken"].as_str().expect("a token"));
            for claim in ["sub", "name", "email", "profileId", "sessionId", "aud"] {
                assert_eq!(long[claim], claims[claim], "{claim}");
            }
        }

        let input = json!({
            "tenantId": wire.tenant_id, "environmentId": wire.environment_id, "applicationId": WEB, "applicationKey": KEY,
        });
        let payload = wire.payload("authenticateEndUserApplication", &input, None);
        let claims = Guard(&server).application(payload["accessToken"].as_str().expect("a token")).expect("a good token");
        assert_eq!(
            json!([claims["sub"], claims["subjectType"], claims["applicationId"], claims["name"]]),
            json!([WEB, "EndUserApplication", WEB, "web"])
        );
        assert_eq!([claims.get("profileId"), claims.get("sessionId"), claims.get("permissions")], [None; 3]);
    }

    fn a_service_is_set_up_announces_its_permissions_and_goes(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let input = json!({
            "serviceAccountName": "catalog", "permissionStructure": media(), "enforceValidPermissionStructure": true,
        });
        let made = wire.payload("devSetupServiceAccountWithPermissions", &input, Some(&caller));
        let (id, secret) = (made["clientId"].as_str().expect("an id"), made["clientSecret"].as_str().expect("a secret"));
        let token = wire.login((id, secret));
        let claims = assert_manages(&wire, &token, "ServiceAccount", &json!({ "media": ["VIEW", "EDIT"] }));
        assert_eq!((&claims["sub"], &claims["name"]), (&json!(id), &json!("catalog")));

        let input = json!({ "clientId": id, "patch": { "name": "The catalog" } });
        assert_eq!(wire.payload("updateServiceAccount", &input, Some(&caller))["isSuccess"], true);
        let input = json!({ "clientId": id, "permissionStructure": [], "enforceValidPermissionStructure": true });
        assert_eq!(wire.payload("devUpdateServiceAccountPermissionStructure", &input, Some(&caller))["isSuccess"], true);
        let claims = assert_manages(&wire, &wire.login((id, secret)), "ServiceAccount", &json!({}));
        assert_eq!(claims["name"], "The catalog");

        let permissions = json!([
            { "key": "ITEMS_READ", "title": "Read", "gqlOperations": ["items"] }, { "key": "ITEMS_EDIT", "title": "Edit" },
        ]);
        let announce = json!({ "serviceId": "catalog", "permissions": permissions });
        let done = wire.payload("synchronizePermissions", &announce, Some(&caller));
        assert_eq!((&done["added"], &done["removed"]), (&json!(["ITEMS_EDIT", "ITEMS_READ"]), &json!([])));
        let purged = wire.payload("purgePermissions", &json!({ "serviceId": "catalog" }), Some(&caller));
        assert_eq!(purged["purged"], 2);

        let input = json!({
            "email": "dev@example.com", "permissionStructure": media(), "enforceValidPermissionStructure": true,
            "tokenExpirationInSeconds": 60,
        });
        let payload = wire.payload("devGenerateUserAccessTokenWithPermissions", &input, Some(&caller));
        assert_eq!(payload["expiresInSeconds"], 60);
        let token = payload["accessToken"].as_str().expect("a token");
        let claims = assert_manages(&wire, token, "UserAccount", &json!({ "media": ["VIEW", "EDIT"] }));
        assert_eq!((&claims["name"], &claims["email"]), (&json!("dev@example.com"), &json!("dev@example.com")));

        assert_eq!(wire.payload("devDeleteServiceAccount", &json!({ "clientId": id }), Some(&caller))["isSuccess"], true);
        let credentials = json!({ "clientId": id, "clientSecret": secret });
        wire.refused("authenticateServiceAccount", &credentials, None, "INVALID_CLIENT_ID_SECRET");
    }
}

/// What the guard is for: a token of the token endpoint has another issuer and, here, another algorithm.
#[test]
fn the_guard_refuses_what_the_original_refuses() {
    let server: TestServer = start(crate::support::Engine::Sqlite);
    let wire = Wire::of(&server);
    let guard = Guard(&server);
    let by_endpoint = server.token(SERVICE, &crate::support::CLIENT_CREDENTIALS).access_token();
    assert_eq!(guard.management(&by_endpoint), Err("invalid algorithm".to_owned()));
    let token = wire.login(SERVICE);
    let (head, signature) = token.rsplit_once('.').expect("a signature");
    let first = if signature.starts_with('A') { "B" } else { "A" };
    assert!(guard.management(&format!("{head}.{first}{}", &signature[1..])).is_err());
    server.clock.advance(3600);
    assert_eq!(guard.management(&token), Err("expired".to_owned()));
}

#[test]
fn discovery_leads_to_both_endpoints() {
    let server = start(crate::support::Engine::Sqlite);
    let found = server.get("/.well-known").json();
    let expected = json!({
        "authGraphQlEndpoint": format!("{}/graphql", server.url),
        "accessManagementGraphQlEndpoint": format!("{}/graphql-management", server.url),
    });
    assert_eq!(found, expected);
}
