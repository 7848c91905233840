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

both_engines! {
    fn nobody_becomes_a_service_account_that_may_do_more(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let reset = "resetServiceAccountSecret";
        let api = Api::of(&server, ("console", SECRET));
        for more in ["permitted", "reader", "gateway", "exchanger"] {
            api.mutation_refused(reset, json!({ "clientId": more }), "USER_NOT_AUTHORIZED");
            // Nor takes it out of force, which would be a way of its own to get into its place.
            api.mutation_refused("deleteServiceAccount", json!({ "clientId": more }), "USER_NOT_AUTHORIZED");
            let disabled = json!({ "clientId": more, "enabled": false });
            api.mutation_refused("setServiceAccountEnabled", disabled, "USER_NOT_AUTHORIZED");
            let stripped = json!({ "clientId": more, "permissionStructure": [] });
            api.mutation_refused("setServiceAccountPermissions", stripped, "USER_NOT_AUTHORIZED");
        }
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
}
