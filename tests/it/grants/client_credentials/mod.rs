//! `grant_type=client_credentials` (RFC 6749 §4.4).

mod claims;
mod permissions;
mod targets;

use crate::support::{Answer, Engine, TestServer};

/// Several resource servers and clients that differ in what they may have there.
const ENVIRONMENT: &str = r#"
[environment]
name = "test"
access_token_lifetime = 1000

[[resource_server]]
audience = "orders"
scopes = ["orders.read", "orders.write", "common"]
max_lifetime = 500

[[resource_server]]
audience = "https://stock.example/api"
scopes = ["stock.read", "common"]
max_lifetime = 5000

[[resource_server]]
audience = "reports"
scopes = ["reports.read", "common"]
scope_claim = "array"

[[resource_server]]
audience = "closed"
scopes = ["closed.read"]
enabled = false

[[resource_server]]
audience = "plain"

[[client]]
id = "several"
grants = ["client_credentials"]
access = [
    { audience = "orders", scopes = ["orders.read", "common"], default_scopes = ["orders.read"] },
    { audience = "https://stock.example/api", scopes = ["stock.read", "common"] },
    { audience = "reports", scopes = ["reports.read", "common"] },
    { audience = "closed", scopes = ["closed.read"] },
]
secret = "a-secret-for-all-clients-of-this-test"

[[client]]
id = "single"
grants = ["client_credentials"]
access = [{ audience = "orders", scopes = ["orders.read", "common"] }]
secret = "a-secret-for-all-clients-of-this-test"

[[client]]
id = "locked-out"
grants = ["client_credentials"]
access = [{ audience = "closed", scopes = ["closed.read"] }]
secret = "a-secret-for-all-clients-of-this-test"

[[client]]
id = "scopeless"
grants = ["client_credentials"]
access = [{ audience = "plain" }]
secret = "a-secret-for-all-clients-of-this-test"

[[client]]
id = "permitted"
grants = ["client_credentials"]
permissions = { ax-user-service = ["USERS_VIEW", "APPLICATIONS_VIEW"], other = ["C_KEY"] }
secret = "a-secret-for-all-clients-of-this-test"
"#;

fn server() -> TestServer {
    TestServer::builder(Engine::Sqlite).environment(ENVIRONMENT).start()
}

/// A token request of `client` with more than the grant.
fn request(server: &TestServer, client: &str, more: &[(&str, &str)]) -> Answer {
    let form = [&crate::support::CLIENT_CREDENTIALS, more].concat();
    server.token((client, "a-secret-for-all-clients-of-this-test"), &form)
}
