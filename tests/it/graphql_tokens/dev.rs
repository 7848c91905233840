//! The `dev…` operations: there on servers for development only, and open to whoever may set up service accounts.

use serde_json::{Value, json};

use super::{AUTH, ENVIRONMENT, MANAGEMENT, NOBODY, OPERATIONS, SERVICE, UNKNOWN, WEB, Wire, start};
use crate::{
    both_engines,
    support::{Engine, TestServer, guard::Guard, tokens::peek},
};

const SET_UP: &str = "devSetupServiceAccountWithPermissions";
const UPDATE: &str = "devUpdateServiceAccountPermissionStructure";
const DELETE: &str = "devDeleteServiceAccount";
const USER: &str = "devGenerateUserAccessTokenWithPermissions";

fn structure(keys: &[&str]) -> Value {
    json!([{ "serviceId": "media", "permissions": keys }])
}

fn pair(made: &Value) -> (&str, &str) {
    (made["clientId"].as_str().expect("an id"), made["clientSecret"].as_str().expect("a secret"))
}

/// An input of each operation that its schema takes.
fn inputs() -> [(&'static str, Value); 5] {
    [
        (SET_UP, json!({ "serviceAccountName": "catalog" })),
        (UPDATE, json!({ "clientId": UNKNOWN })),
        (DELETE, json!({ "clientId": UNKNOWN })),
        (USER, json!({})),
        ("devGenerateEndUserAccessToken", json!({ "applicationId": WEB })),
    ]
}

/// The mutations that a schema shows.
fn mutations(wire: &Wire<'_>, endpoint: &str) -> Vec<String> {
    let query = "{ __schema { mutationType { fields { name } } } }";
    let shown = wire.post(endpoint, &json!({ "query": query }), None).json();
    let fields = shown["data"]["__schema"]["mutationType"]["fields"].as_array().expect("fields");
    fields.iter().map(|field| field["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn they_exist_on_servers_for_development_only() {
    let of = |server: &TestServer| {
        let wire = Wire::of(server);
        let shown = [mutations(&wire, AUTH), mutations(&wire, MANAGEMENT)];
        let asked = wire.post(AUTH, &json!({ "query": "{ devOperations }" }), None).json();
        (shown, asked["data"]["devOperations"].clone())
    };
    let is_dev = |name: &String| name.starts_with("dev");
    let ([auth, management], says) = of(&start(Engine::Sqlite));
    assert_eq!((auth.iter().filter(|&name| is_dev(name)).count(), says), (4, json!(true)));
    assert_eq!(management.iter().filter(|&name| is_dev(name)).count(), 1);
    for (operation, endpoint, _) in OPERATIONS {
        let shown = if endpoint == AUTH { &auth } else { &management };
        assert!(shown.iter().any(|name| name == operation), "{operation}");
    }

    for setting in [None, Some("false")] {
        let builder = TestServer::builder(Engine::Sqlite).environment(ENVIRONMENT);
        let server = match setting {
            Some(value) => builder.setting("graphql.dev_operations", value).start(),
            None => builder.start(),
        };
        let ([auth, management], says) = of(&server);
        assert_eq!((auth.iter().chain(&management).find(|&name| is_dev(name)), says), (None, json!(false)));
        let wire = Wire::of(&server);
        let token = wire.login(SERVICE);
        let records = server.database.audit_records().len();
        for (operation, input) in inputs() {
            let answer = wire.send(operation, &input, Some(&token));
            let body = answer.json();
            assert_eq!(
                (answer.status.as_u16(), &body["errors"][0]["code"]),
                (400, &json!("GRAPHQL_VALIDATION_FAILED"))
            );
            assert_eq!(body.get("data"), None, "{body}");
        }
        assert_eq!(server.database.audit_records().len(), records);
    }
}

both_engines! {
    fn an_account_that_is_set_up_again_replaces_the_one_of_its_name(engine) {
        let server = start(engine);
        let node = server.another_node();
        let wire = Wire::of(&server);
        let elsewhere = wire.on(&node);
        let caller = wire.login(SERVICE);
        let input = |keys: &[&str]| json!({ "serviceAccountName": "catalog", "permissionStructure": structure(keys) });
        let first = wire.payload(SET_UP, &input(&["VIEW"]), Some(&caller));
        let token = wire.login(pair(&first));
        server.eventually("the other node knows it", || elsewhere.services(&token).json().get("errors").is_none());

        let second = wire.payload(SET_UP, &input(&["EDIT"]), Some(&caller));
        assert!(pair(&first).0 != pair(&second).0 && pair(&first).1 != pair(&second).1);
        for wire in [&wire, &elsewhere] {
            wire.assert_dies(&token, "ACCESS_TOKEN_INVALID");
            let (id, secret) = pair(&first);
            let old = json!({ "clientId": id, "clientSecret": secret });
            wire.refused("authenticateServiceAccount", &old, None, "INVALID_CLIENT_ID_SECRET");
            let claims = Guard(wire.server).management(&wire.login(pair(&second))).expect("a token for the guard");
            assert_eq!(claims["permissions"], json!({ "media": ["EDIT"] }));
        }
        let of_that_name = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM clients WHERE name = 'catalog'";
        assert_eq!(server.database.value(of_that_name), "1");
        // What a file looks after is the file's.
        let of_the_file = json!({ "serviceAccountName": "Nobody" });
        wire.refused(SET_UP, &of_the_file, Some(&caller), "UNIQUE_CONSTRAINT_ERROR");
        wire.login(NOBODY);
    }

    fn permissions_are_checked_where_that_is_wanted(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let made = wire.payload(SET_UP, &json!({ "serviceAccountName": "catalog" }), Some(&caller));
        let (id, _) = pair(&made);
        let inputs = |structure: &Value, enforce: Option<bool>| {
            let more = json!({ "permissionStructure": structure, "enforceValidPermissionStructure": enforce });
            [(SET_UP, json!({ "serviceAccountName": "other" })), (UPDATE, json!({ "clientId": id })), (USER, json!({}))].map(
                |(operation, mut input)| {
                    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
                    (operation, input)
                },
            )
        };
        let unknown = structure(&["VIEW", "FLY"]);
        for (operation, input) in inputs(&unknown, Some(true)) {
            let text = wire.refused(operation, &input, Some(&caller), "ARGUMENT_INVALID");
            assert!(text.contains(r#""details":{"unknown":["media:FLY"]}"#), "{text}");
        }
        for enforce in [None, Some(false)] {
            for (operation, input) in inputs(&unknown, enforce) {
                wire.payload(operation, &input, Some(&caller));
            }
        }
        let own = json!([{ "serviceId": "ax-id-service", "permissions": ["SERVICE_ACCOUNTS_VIEW"] }]);
        for (operation, input) in inputs(&own, Some(true)) {
            wire.payload(operation, &input, Some(&caller));
        }
        let claims = peek(&wire.login(pair(&made)));
        assert_eq!(claims["permissions"], json!({ "ax-id-service": ["SERVICE_ACCOUNTS_VIEW"] }));
        let many: Vec<String> = (0..501).map(|number| format!("KEY_{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for broken in [structure(&["a:b"]), structure(&[""]), structure(&["a b"]), structure(&["\u{e9}"]), structure(&many)] {
            for (operation, input) in inputs(&broken, None) {
                wire.refused(operation, &input, Some(&caller), "ARGUMENT_INVALID");
            }
        }
        assert_eq!(peek(&wire.login(pair(&made)))["permissions"], claims["permissions"], "a refusal changes nothing");
    }

    fn they_are_open_to_one_permission_and_to_accounts_that_are_there(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let nobody = wire.login(NOBODY);
        for (operation, input) in inputs() {
            wire.refused(operation, &input, None, "ACCESS_TOKEN_REQUIRED");
            wire.refused(operation, &input, Some(&nobody), "USER_NOT_AUTHORIZED");
        }
        for (operation, input) in
            [(UPDATE, json!({ "clientId": UNKNOWN, "permissionStructure": [] })), (DELETE, json!({ "clientId": UNKNOWN }))]
        {
            wire.refused(operation, &input, Some(&caller), "SERVICE_ACCOUNT_DOES_NOT_EXIST");
        }
        let patch = json!({ "clientId": UNKNOWN, "patch": { "name": "x" } });
        wire.refused("updateServiceAccount", &patch, Some(&caller), "SERVICE_ACCOUNT_DOES_NOT_EXIST");
        wire.refused("updateServiceAccount", &patch, Some(&nobody), "USER_NOT_AUTHORIZED");
        wire.refused(DELETE, &json!({ "clientId": NOBODY.0 }), Some(&caller), "UNAUTHORIZED");
        for name in ["", "a\nb", &"x".repeat(1000)] {
            wire.refused(SET_UP, &json!({ "serviceAccountName": name }), Some(&caller), "ARGUMENT_INVALID");
        }
        let made = wire.payload(SET_UP, &json!({ "serviceAccountName": "catalog" }), Some(&caller));
        let token = wire.login(pair(&made));
        wire.payload(DELETE, &json!({ "clientId": pair(&made).0 }), Some(&caller));
        wire.assert_dies(&token, "ACCESS_TOKEN_INVALID");
    }

    fn tokens_of_users_for_development_are_bounded_and_of_one_user_each(engine) {
        let server = start(engine);
        let wire = Wire::of(&server);
        let caller = wire.login(SERVICE);
        let user = |input: Value| wire.payload(USER, &input, Some(&caller));
        let claims = |payload: &Value| peek(payload["accessToken"].as_str().expect("a token"));
        let ada = claims(&user(json!({ "email": "ada@example.com" })));
        let again = claims(&user(json!({ "email": "ada@example.com", "tokenExpirationInSeconds": 30 })));
        let grace = claims(&user(json!({ "email": "grace@example.com" })));
        assert!(ada["sub"] == again["sub"] && ada["sub"] != grace["sub"] && ada["jti"] != again["jti"]);
        assert_eq!(ada["permissions"], json!({}));
        for (seconds, lives) in [(30, 30), (3600, 3600), (86_400, 3600)] {
            assert_eq!(user(json!({ "tokenExpirationInSeconds": seconds }))["expiresInSeconds"], lives);
        }
        for seconds in [29, 0, -5] {
            let input = json!({ "tokenExpirationInSeconds": seconds });
            wire.refused(USER, &input, Some(&caller), "ACCESS_TOKEN_LIFETIME_INSUFFICIENT");
        }
        wire.refused(USER, &json!({ "email": "" }), Some(&caller), "ARGUMENT_INVALID");

        let end_user = |input: Value| peek(&wire.token("devGenerateEndUserAccessToken", &input, Some(&caller)));
        let named = |name: &str| end_user(json!({ "applicationId": WEB, "userId": name }));
        let (one, two, unnamed) = (named("ada"), named("grace"), end_user(json!({ "applicationId": WEB })));
        assert_eq!(one["sub"], named("ada")["sub"]);
        assert!(one["sub"] != two["sub"] && one["sub"] != unnamed["sub"]);
        assert_ne!(one["sub"], peek(&wire.end_user("ada"))["sub"], "nobody real is impersonated");
    }
}
