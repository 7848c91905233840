//! The environments of these tests.

use crate::support::{Engine, TestServer};

/// A file with a client that may do everything, one that may do nothing, and one out of force.
pub const ENVIRONMENT: &str = r#"
[environment]
name = "first"

[[permission]]
service_id = "media"
key = "VIEW"

[[permission]]
service_id = "media"
key = "EDIT"

[[client]]
id = "service"
name = "Media service"
grants = ["client_credentials"]
secret = "a-secret-of-the-service-with-32-characters"
[client.permissions]
media = ["VIEW"]
ax-id-service = [
    "ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN", "DEV_SETUP_SERVICE_ACCOUNT_WITH_PERMISSIONS", "PERMISSIONS_SYNCHRONIZE",
    "SERVICE_ACCOUNTS_VIEW", "SERVICE_ACCOUNTS_EDIT",
]
ax-user-service = ["DEV_END_USER_ACCESS_TOKENS_GENERATE", "GENERATE_DELEGATED_ACCESS_TOKEN", "USERS_EDIT"]

[[client]]
id = "nobody"
name = "Nobody"
grants = ["client_credentials"]
secret = "a-secret-of-nobody-with-at-least-32-characters"

[[client]]
id = "off"
enabled = false
grants = ["client_credentials"]
secret = "a-secret-of-the-one-that-is-off-32-characters"

[[client]]
id = "exchanger"
grants = ["token_exchange"]
secret = "a-secret-of-the-exchanger-with-32-characters"

[[application]]
id = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11"
name = "web"
platform = "WEB"
key = "a-key-of-the-application-with-32-characters"

[[application]]
id = "1c0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d12"
name = "closed"
platform = "TV"
enabled = false
key = "a-key-of-the-closed-application-32-characters"

[[identity_connection]]
name = "sign-in"
provider = "DELEGATED"
"#;

/// Id and secret of the client that may do everything.
pub const SERVICE: (&str, &str) = ("service", "a-secret-of-the-service-with-32-characters");
/// Id and secret of the client that may do nothing.
pub const NOBODY: (&str, &str) = ("nobody", "a-secret-of-nobody-with-at-least-32-characters");
/// The application of the file.
pub const WEB: &str = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11";
/// The application of the file that is disabled.
pub const CLOSED: &str = "1c0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d12";
/// The key of the application.
pub const KEY: &str = "a-key-of-the-application-with-32-characters";
/// An id that nothing has.
pub const UNKNOWN: &str = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";

/// A server for development with [`ENVIRONMENT`]. Its default algorithm is ES256.
pub fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(ENVIRONMENT).setting("graphql.dev_operations", "true").start()
}

/// [`ENVIRONMENT`] as that of another tenant, with ids of its own and the same names, and more in it.
pub fn another(name: &str, more: &str) -> String {
    let tenant = format!("name = \"{name}\"\ntenant = \"tenant of {name}\"");
    let file = ENVIRONMENT.replacen("name = \"first\"", &tenant, 1);
    let file = [WEB, CLOSED].iter().fold(file, |file, id| file.replace(&format!("id = \"{id}\"\n"), ""));
    format!("{}\n{more}", file.replace("a-secret-of", "another-secret-of").replace("a-key-of", "another-key-of"))
}
