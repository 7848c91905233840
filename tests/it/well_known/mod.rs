//! What clients and resource servers learn by themselves.

mod jwks;
mod metadata;

use crate::support::TestServer;

/// A further environment, and where it hangs.
const SECOND: &str = r#"
[environment]
name = "second"
tenant = "another tenant"

[[resource_server]]
audience = "second-api"
scopes = ["second.read"]

[[client]]
id = "second-client"
grants = ["client_credentials", "token_exchange"]
access = [{ audience = "second-api", scopes = ["second.read"] }]
secret = "a-secret-for-the-client-of-the-second-one"
"#;
pub const SECOND_CLIENT: (&str, &str) = ("second-client", "a-secret-for-the-client-of-the-second-one");

/// Applies [`SECOND`] and says its path: `/{tenantId}/{environmentId}`.
pub fn apply_second(server: &TestServer) -> String {
    server.apply(SECOND);
    // Nothing public lists environments, so the ids come from where they are kept.
    let ids = server.database.texts("SELECT tenant_id || '/' || id AS text FROM environments WHERE name = 'second'");
    let path = format!("/{}", ids.first().expect("the second environment"));
    let document = format!("{path}/.well-known/jwks.json");
    server.eventually("the second environment is served", || server.get(&document).status == 200);
    path
}
