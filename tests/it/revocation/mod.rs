//! Taking tokens out of force: `POST /revoke`, the command line, the management API, and what dies with a token.

mod actors;
mod endpoint;
mod expired;
mod kinds;
mod management;
mod staleness;
mod tree;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, TestServer,
    server::Builder,
    tokens::{delegate, exchange_as, peek},
};

/// A user's token goes through `front` to three services, each in its own way, and from each of them to two further ones.
pub const ENVIRONMENT: &str = r#"
[environment]
name = "tree"

[[application]]
id = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b"
name = "web"
platform = "WEB"
enabled = true

[[identity_connection]]
name = "sign-in"
provider = "DELEGATED"
enabled = true

[[resource_server]]
audience = "front-api"
scopes = ["all"]
clients = ["front"]

[[resource_server]]
audience = "orders-api"
scopes = ["all"]
clients = ["orders"]

[[resource_server]]
audience = "billing-api"
scopes = ["all"]
clients = ["billing"]
token_profile = "mosaic"

[[resource_server]]
audience = "search-api"
scopes = ["all"]
clients = ["search"]

[[resource_server]]
audience = "store-api"
scopes = ["all"]
clients = ["store"]

[[resource_server]]
audience = "mail-api"
scopes = ["all"]
clients = ["mail"]
token_profile = "mosaic"

[[resource_server]]
audience = "end-api"
scopes = ["all"]

[[client]]
id = "front"
grants = ["client_credentials", "token_exchange"]
access = [{ audience = "front-api", scopes = ["all"] }]
secret = "a-secret-of-the-front-with-32-characters"
[client.permissions]
ax-id-service = ["ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN"]
ax-user-service = ["GENERATE_DELEGATED_ACCESS_TOKEN"]

[[client]]
id = "orders"
grants = ["client_credentials", "token_exchange"]
access = [{ audience = "orders-api", scopes = ["all"] }]
secret = "a-secret-of-the-orders-with-32-characters"

[[client]]
id = "billing"
grants = ["token_exchange"]
secret = "a-secret-of-the-billing-with-32-characters"

[[client]]
id = "search"
grants = ["token_exchange"]
secret = "a-secret-of-the-search-with-32-characters"

[[client]]
id = "store"
grants = ["token_exchange"]
secret = "a-secret-of-the-store-with-32-characters"

[[client]]
id = "mail"
grants = ["token_exchange"]
secret = "a-secret-of-the-mail-with-32-characters"

[[client]]
id = "watcher"
grants = ["client_credentials"]
secret = "a-secret-of-the-watcher-with-32-characters"
[client.permissions]
ax-id-service = ["TOKENS_INTROSPECT"]

[[client]]
id = "manager"
grants = ["client_credentials"]
secret = "a-secret-of-the-manager-with-32-characters"
[client.permissions]
ax-id-service = ["TOKENS_REVOKE"]

[[exchange_rule]]
name = "front signs in"
client = "front"
subject = { issuer = "sign-in" }
audience = ["front-api"]
mode = "impersonation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "front delegates"
client = "front"
audience = ["orders-api", "billing-api"]
mode = "delegation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "front impersonates"
client = "front"
audience = ["search-api"]
mode = "impersonation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "orders passes on"
client = "orders"
audience = ["store-api", "mail-api"]
mode = "delegation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "billing passes on"
client = "billing"
audience = ["store-api", "mail-api"]
mode = "delegation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "search passes on"
client = "search"
audience = ["store-api", "mail-api"]
mode = "delegation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "store ends"
client = "store"
audience = ["end-api"]
mode = "delegation"
grant_scopes = ["all"]

[[exchange_rule]]
name = "mail ends"
client = "mail"
audience = ["end-api"]
mode = "delegation"
grant_scopes = ["all"]
"#;

pub const FRONT: (&str, &str) = ("front", "a-secret-of-the-front-with-32-characters");
pub const ORDERS: (&str, &str) = ("orders", "a-secret-of-the-orders-with-32-characters");
pub const BILLING: (&str, &str) = ("billing", "a-secret-of-the-billing-with-32-characters");
pub const SEARCH: (&str, &str) = ("search", "a-secret-of-the-search-with-32-characters");
pub const STORE: (&str, &str) = ("store", "a-secret-of-the-store-with-32-characters");
pub const MAIL: (&str, &str) = ("mail", "a-secret-of-the-mail-with-32-characters");
/// May ask about every token.
pub const WATCHER: (&str, &str) = ("watcher", "a-secret-of-the-watcher-with-32-characters");
/// May revoke every token.
pub const MANAGER: (&str, &str) = ("manager", "a-secret-of-the-manager-with-32-characters");

const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";

/// A server with [`ENVIRONMENT`], not yet started.
pub fn builder(engine: Engine) -> Builder {
    TestServer::builder(engine).environment(ENVIRONMENT)
}

/// A server with [`ENVIRONMENT`].
pub fn start(engine: Engine) -> TestServer {
    builder(engine).start()
}

/// The token of a user for `front-api`.
pub fn user_token(server: &TestServer, name: &str) -> String {
    let target = [("audience", "front-api"), ("scope", "all")];
    delegate(server, FRONT, (WEB, name), &target).access_token()
}

/// A token that `client` gets for `audience` by exchange.
#[track_caller]
pub fn pass_on(server: &TestServer, client: (&str, &str), subject: &str, audience: &str) -> String {
    exchange_as(server, client, subject, &[("audience", audience), ("scope", "all")]).access_token()
}

/// The token of a client on its own account.
pub fn own_token(server: &TestServer, client: (&str, &str)) -> String {
    server.token(client, &CLIENT_CREDENTIALS).access_token()
}

/// The id of a token.
pub fn jti(token: &str) -> String {
    peek(token)["jti"].as_str().expect("jti").to_owned()
}

/// A token that lives for a week and comes of `token`, which `front` got.
pub fn long_lived(server: &TestServer, token: &str) -> String {
    let query =
        "mutation M($input: GenerateLongLivedTokenInput!) { generateLongLivedToken(input: $input) { accessToken } }";
    let input = json!({ "userToken": token, "validityDurationInSeconds": 604_800 });
    let login = "mutation M($input: AuthenticateServiceAccountInput!) \
                 { authenticateServiceAccount(input: $input) { accessToken } }";
    let credentials = json!({ "clientId": FRONT.0, "clientSecret": FRONT.1 });
    let own =
        graphql(server, "/graphql", None, login, &credentials)["authenticateServiceAccount"]["accessToken"].take();
    let made = graphql(server, "/graphql", own.as_str(), query, &input);
    made["generateLongLivedToken"]["accessToken"].as_str().expect("a token").to_owned()
}

/// The data of an operation that goes well.
#[track_caller]
pub fn graphql(server: &TestServer, path: &str, token: Option<&str>, query: &str, input: &Value) -> Value {
    let request = server.request(Method::POST, path).json(&json!({ "query": query, "variables": { "input": input } }));
    let answer = Answer::to(token.into_iter().fold(request, |request, token| request.bearer_auth(token)));
    let mut body = answer.json();
    assert!(answer.status == 200 && body.get("errors").is_none(), "{} {body}", answer.status);
    body["data"].take()
}
