//! A new secret for a service account is the account: nobody gets one who may do less than it.

use serde_json::json;

use super::Api;
use crate::{both_engines, support::TestServer};

const SECRET: &str = "a-secret-of-every-client-with-32-characters";

/// `console` looks after service accounts; each of the others has something that it lacks.
const ENVIRONMENT: &str = r#"
[environment]
name = "first"

[[resource_server]]
audience = "api"
scopes = ["read"]
clients = ["gateway"]

[[client]]
id = "console"
grants = ["client_credentials"]
secret = "a-secret-of-every-client-with-32-characters"
permissions = { ax-id-service = ["SERVICE_ACCOUNTS_EDIT"] }

[[client]]
id = "plain"
grants = ["client_credentials"]

[[client]]
id = "permitted"
grants = ["client_credentials"]
permissions = { ax-user-service = ["USERS_EDIT"] }

[[client]]
id = "reader"
grants = ["client_credentials"]
secret = "a-secret-of-every-client-with-32-characters"
access = [{ audience = "api", scopes = ["read"] }]
permissions = { ax-id-service = ["SERVICE_ACCOUNTS_EDIT"] }

[[client]]
id = "gateway"
grants = ["client_credentials"]

[[client]]
id = "exchanger"
grants = ["token_exchange"]

[[application]]
name = "web"
platform = "WEB"
enabled = true

[[client]]
id = "website"
grants = ["authorization_code"]
application = "web"
redirect_uris = ["https://web.example/callback"]

[[client]]
id = "backend"
grants = ["client_credentials"]
application = "web"

[[client]]
id = "told"
grants = ["client_credentials"]
backchannel_logout_uri = "https://told.example/logout"

[[client]]
id = "delegate"
grants = ["client_credentials", "delegation"]

[[client]]
id = "guest"
grants = ["client_credentials"]

[[client]]
id = "confined"
grants = ["client_credentials"]
application = "web"
secret = "a-secret-of-every-client-with-32-characters"
permissions = { ax-id-service = ["SERVICE_ACCOUNTS_EDIT"] }

[[identity_connection]]
name = "sign-in"
provider = "DELEGATED"

[[exchange_rule]]
name = "exchanger reads for users"
client = "exchanger"
subject = { issuer = "sign-in" }
audience = ["api"]
grant_scopes = ["read"]
"#;

/// All that is kept of secrets.
fn secrets(server: &TestServer) -> Vec<String> {
    server.database.texts("SELECT client_id || ' ' || hash AS text FROM client_secrets ORDER BY client_id, hash")
}

/// Tries every operation that changes a service account.
#[track_caller]
fn assert_cannot_manage(api: &Api<'_>, id: &str) {
    for (operation, more) in [
        ("resetServiceAccountSecret", json!({})),
        ("addServiceAccountSecret", json!({})),
        ("expireServiceAccountSecret", json!({ "secretId": "any" })),
        ("deleteServiceAccount", json!({})),
        ("setServiceAccountEnabled", json!({ "enabled": false })),
        ("setServiceAccountPermissions", json!({ "permissionStructure": [] })),
    ] {
        let mut input = json!({ "clientId": id });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        api.mutation_refused(operation, input, "USER_NOT_AUTHORIZED");
    }
}

both_engines! {
    fn nobody_becomes_a_service_account_that_may_do_more(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let reset = "resetServiceAccountSecret";
        // Another tenant makes `guest` its administrator: no row of the first environment says so.
        let home = server.database.value("SELECT id AS value FROM environments WHERE name = 'first'");
        server.apply(&format!(
            "[environment]\nname = \"other\"\ntenant = \"another\"\n\n[[managed_service]]\nservice_id = \"guests\"\n\
             name = \"Guests\"\nclient = \"guest\"\nenvironment = \"{home}\"\n\
             permissions = {{ ax-id-service = [\"SERVICE_ACCOUNTS_EDIT\"] }}\n"
        ));
        let api = Api::of(&server, ("console", SECRET));
        let beyond =
            ["permitted", "reader", "gateway", "exchanger", "website", "backend", "told", "delegate", "guest", "confined"];
        let before = secrets(&server);
        for more in beyond {
            assert_cannot_manage(&api, more);
        }
        assert_eq!(secrets(&server), before, "no secret was made or taken away");
        for own in ["plain", "console"] {
            let made = api.mutate(reset, json!({ "clientId": own }), "clientSecret");
            let secret = made["clientSecret"].as_str().expect("a secret");
            server.token((own, secret), &crate::support::CLIENT_CREDENTIALS).access_token();
        }
        // A token for the client itself, though it has a target.
        let form = [("grant_type", "client_credentials"), ("audience", "ax-id-service")];
        let token = server.token(("reader", SECRET), &form).access_token();
        let reader = Api { server: &server, issuer: String::new(), token };
        reader.mutate("resetServiceAccountSecret", json!({ "clientId": "reader" }), "clientId");
    }

    // An account without an application sees the users of all.
    fn an_account_made_by_a_confined_one_is_confined_too(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let confined = Api::of(&server, ("confined", SECRET));
        let permissions = json!([{ "serviceId": "ax-id-service", "permissions": ["SERVICE_ACCOUNTS_EDIT"] }]);
        let input = json!({ "name": "made", "permissionStructure": permissions });
        let made = confined.mutate("createServiceAccount", input, "clientId clientSecret");
        let (id, secret) = (made["clientId"].as_str().expect("an id"), made["clientSecret"].as_str().expect("a secret"));
        let application = "SELECT sign_in AS value FROM clients WHERE client_id = ";
        let of = |id: &str| server.database.value(&format!("{application}'{id}'"));
        assert!(of(id).contains("\"application\":\"web\""), "{}", of(id));
        // And so is what that one makes; each manages its like, and neither manages more.
        let second = Api::of(&server, (id, secret));
        let made = second.mutate("createServiceAccount", json!({ "name": "next" }), "clientId");
        let next = made["clientId"].as_str().expect("an id");
        assert!(of(next).contains("\"application\":\"web\""), "{}", of(next));
        for account in [next, "backend"] {
            confined.mutate("resetServiceAccountSecret", json!({ "clientId": account }), "clientId");
        }
        for account in ["plain", "console", "website"] {
            assert_cannot_manage(&confined, account);
        }
    }

    // The bounds are those of the moment of the change, not of the token.
    fn a_caller_who_was_disabled_changes_nothing(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let api = Api::of(&server, ("console", SECRET));
        // Behind the node's back: its memory still has the caller.
        server.database.execute("UPDATE clients SET enabled = false WHERE client_id = 'console'");
        let before = secrets(&server);
        assert_cannot_manage(&api, "plain");
        api.mutation_refused("createServiceAccount", json!({ "name": "made" }), "USER_NOT_AUTHORIZED");
        assert_eq!(secrets(&server), before);
    }
}
