//! `POST /graphql-management`: what an environment consists of.

mod applications;
mod authorization;
mod connections;
mod isolation;
mod permissions;
mod profiles;
mod records;
mod secrets;
mod takeover;
mod users;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, TestServer};

/// A file with one client that may do all, one that may only see, and one that may nothing.
pub const ENVIRONMENT: &str = r#"
[environment]
name = "first"

[[client]]
id = "manager"
grants = ["client_credentials"]
secret = "a-secret-of-the-manager-with-32-characters"
[client.permissions]
ax-id-service = ["PERMISSIONS_SYNCHRONIZE"]
ax-user-service = [
    "APPLICATIONS_VIEW", "APPLICATIONS_EDIT", "IDENTITY_CONNECTIONS_VIEW", "IDENTITY_CONNECTIONS_EDIT", "USERS_VIEW",
    "USERS_EDIT", "GENERATE_DELEGATED_ACCESS_TOKEN",
]

[[client]]
id = "viewer"
grants = ["client_credentials"]
secret = "a-secret-of-the-viewer-with-32-characters"
[client.permissions]
ax-user-service = ["APPLICATIONS_VIEW", "IDENTITY_CONNECTIONS_VIEW", "USERS_VIEW"]

[[client]]
id = "nobody"
grants = ["client_credentials"]
secret = "a-secret-of-nobody-with-at-least-32-characters"

[[application]]
id = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11"
name = "web"
platform = "WEB"

[[identity_connection]]
name = "sign-in"
provider = "DELEGATED"
"#;

/// Id and secret of the client that may do all.
pub const MANAGER: (&str, &str) = ("manager", "a-secret-of-the-manager-with-32-characters");
/// Id and secret of the client that may see all but permissions.
pub const VIEWER: (&str, &str) = ("viewer", "a-secret-of-the-viewer-with-32-characters");
/// Id and secret of the client that may nothing.
pub const NOBODY: (&str, &str) = ("nobody", "a-secret-of-nobody-with-at-least-32-characters");
/// The application of the file.
pub const WEB: &str = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11";
/// An id that nothing has.
pub const UNKNOWN: &str = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";

/// The management API of one environment, with one client's token.
pub struct Api<'s> {
    pub server: &'s TestServer,
    /// Path of the issuer.
    pub issuer: String,
    pub token: String,
}

/// A server with [`ENVIRONMENT`].
pub fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(ENVIRONMENT).start()
}

impl<'s> Api<'s> {
    /// That of the default environment.
    pub fn of(server: &'s TestServer, client: (&str, &str)) -> Self {
        Self { server, issuer: String::new(), token: server.token(client, &CLIENT_CREDENTIALS).access_token() }
    }

    /// Sends a document with variables.
    pub fn send(&self, query: &str, variables: Value) -> Answer {
        let request = self.server.request(Method::POST, &format!("{}/graphql-management", self.issuer));
        let request = request.bearer_auth(&self.token);
        Answer::to(request.json(&json!({ "query": query, "variables": variables })))
    }

    /// The `data` of a good answer.
    #[track_caller]
    pub fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables);
        let mut body = answer.json();
        assert!(answer.status == 200 && body.get("errors").is_none(), "{} {body}", answer.status);
        body["data"].take()
    }

    /// The only error of an answer that is one.
    #[track_caller]
    pub fn refused(&self, query: &str, variables: Value, code: &str) -> Value {
        let answer = self.send(query, variables);
        let mut body = answer.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no error in {body}"));
        assert_eq!(errors.len(), 1, "{body}");
        assert_eq!(errors[0]["code"], code, "{body}");
        body["errors"][0].take()
    }

    /// A mutation with one `input`, as clients write it: gives its payload, of which `fields` are asked for.
    #[track_caller]
    pub fn mutate(&self, operation: &str, input: Value, fields: &str) -> Value {
        self.ask(&mutation(operation, fields), json!({ "input": input }))[operation].take()
    }

    /// The same for one that is refused.
    #[track_caller]
    pub fn mutation_refused(&self, operation: &str, input: Value, code: &str) -> Value {
        self.refused(&mutation(operation, "__typename"), json!({ "input": input }), code)
    }
}

/// The document of a mutation: its input type is called like it.
pub fn mutation(operation: &str, fields: &str) -> String {
    let (first, rest) = operation.split_at(1);
    let input = format!("{}{rest}Input", first.to_uppercase());
    format!("mutation M($input: {input}!) {{ {operation}(input: $input) {{ {fields} }} }}")
}

/// Makes an application and gives its id.
pub fn an_application(api: &Api<'_>, name: &str) -> String {
    let application = json!({ "name": name, "applicationPlatform": "WEB" });
    let made = api.mutate("createApplication", json!({ "application": application }), "application { id }");
    made["application"]["id"].as_str().expect("an id").to_owned()
}

/// Makes a user whom the connection of the file knows, and gives the id.
pub fn a_user(api: &Api<'_>, subject_id: &str) -> String {
    let user = json!({ "identity": { "connection": "sign-in", "subjectId": subject_id } });
    let made = api.mutate("createUser", json!({ "user": user }), "user { id }");
    made["user"]["id"].as_str().expect("an id").to_owned()
}
