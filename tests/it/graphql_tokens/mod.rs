//! The operations of both GraphQL endpoints that give tokens, and the service accounts that get them: documents as clients of
//! the platform send them, answers as they read them, and the record of each.

mod dev;
mod environment;
mod isolation;
mod long_lived;
mod managed;
mod managed_scope;
mod recorded;
mod refusals;
mod service_account_secrets;
mod service_accounts;
mod throttle;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer, tokens::peek};

pub use environment::{CLOSED, ENVIRONMENT, KEY, NOBODY, SERVICE, UNKNOWN, WEB, another, start};

const AUTH: &str = "/graphql";
const MANAGEMENT: &str = "/graphql-management";
const TOKEN: &str = "accessToken expiresInSeconds tokenType";
const SECRET: &str = "clientId clientSecret";
const ACCOUNT: &str = "serviceAccount { clientId name enabled activeSecrets permissionStructure { serviceId permissions \
                       __typename } __typename }";
/// Operations, where they are, and what clients ask of their payloads besides `__typename`.
const OPERATIONS: [(&str, &str, &str); 21] = [
    ("authenticateServiceAccount", AUTH, TOKEN),
    ("authenticateManagedServiceAccount", AUTH, TOKEN),
    ("authenticateManagedServiceAccountWithEnvironmentScope", AUTH, TOKEN),
    ("generateLongLivedToken", AUTH, TOKEN),
    ("devSetupServiceAccountWithPermissions", AUTH, SECRET),
    ("devDeleteServiceAccount", AUTH, "isSuccess"),
    ("updateServiceAccount", AUTH, "isSuccess"),
    ("devUpdateServiceAccountPermissionStructure", AUTH, "isSuccess"),
    ("devGenerateUserAccessTokenWithPermissions", AUTH, TOKEN),
    ("synchronizePermissions", MANAGEMENT, "added removed"),
    ("purgePermissions", MANAGEMENT, "purged"),
    ("generateDelegatedAccessToken", MANAGEMENT, "accessToken tokenType expiresInSeconds payload"),
    ("devGenerateEndUserAccessToken", MANAGEMENT, TOKEN),
    ("authenticateEndUserApplication", MANAGEMENT, TOKEN),
    ("createServiceAccount", MANAGEMENT, SECRET),
    ("resetServiceAccountSecret", MANAGEMENT, SECRET),
    ("addServiceAccountSecret", MANAGEMENT, SECRET),
    (
        "expireServiceAccountSecret",
        MANAGEMENT,
        "serviceAccountSecret { secretId isActive createdAt expiresAt lastUsedAt __typename }",
    ),
    ("setServiceAccountPermissions", MANAGEMENT, ACCOUNT),
    ("setServiceAccountEnabled", MANAGEMENT, ACCOUNT),
    ("deleteServiceAccount", MANAGEMENT, ACCOUNT),
];

/// A client of the platform, at one environment.
pub struct Wire<'s> {
    pub server: &'s TestServer,
    /// Path of the issuer.
    pub issuer: String,
    pub tenant_id: String,
    pub environment_id: String,
}

impl<'s> Wire<'s> {
    /// At the default environment.
    pub fn of(server: &'s TestServer) -> Self {
        Self { issuer: String::new(), ..Self::at(server, "first") }
    }

    /// At the environment of that name, under its own path.
    pub fn at(server: &'s TestServer, name: &str) -> Self {
        let query = format!("SELECT tenant_id || '/' || id AS value FROM environments WHERE name = '{name}'");
        let ids = server.database.value(&query);
        let (tenant_id, environment_id) = ids.split_once('/').expect("two ids");
        let path = format!("/{ids}");
        server.eventually("the environment is served", || {
            server.get(&format!("{path}/.well-known/jwks.json")).status == 200
        });
        Self { server, issuer: path, tenant_id: tenant_id.to_owned(), environment_id: environment_id.to_owned() }
    }

    /// The same environment, at another node.
    pub fn on(&self, server: &'s TestServer) -> Self {
        Self {
            server,
            issuer: self.issuer.clone(),
            tenant_id: self.tenant_id.clone(),
            environment_id: self.environment_id.clone(),
        }
    }

    /// Sends a body to one of the endpoints.
    pub fn post(&self, endpoint: &str, body: &Value, token: Option<&str>) -> Answer {
        let request = self.server.request(Method::POST, &format!("{}{endpoint}", self.issuer)).json(body);
        Answer::to(token.into_iter().fold(request, |request, token| request.bearer_auth(token)))
    }

    /// Sends the document of an operation.
    pub fn send(&self, operation: &str, input: &Value, token: Option<&str>) -> Answer {
        let (_, endpoint, fields) = known(operation);
        self.post(endpoint, &body(operation, input, fields), token)
    }

    /// The payload of an operation that goes well; its record is checked too.
    #[track_caller]
    pub fn payload(&self, operation: &str, input: &Value, token: Option<&str>) -> Value {
        let answer = self.send(operation, input, token);
        let mut body = answer.json();
        assert!(answer.status == 200 && body.get("errors").is_none(), "{} {body}", answer.status);
        let payload = body["data"][operation].take();
        assert_eq!(payload["__typename"], format!("{}Payload", capital(operation)));
        let record = self.server.record_of(&answer);
        assert_eq!((&record["operation"], &record["outcome"]), (&json!(operation), &json!("success")), "{record}");
        match payload["accessToken"].as_str() {
            Some(token) => {
                assert_eq!(
                    (&record["event"], &record["jti"]),
                    (&json!("token.issued"), &peek(token)["jti"]),
                    "{record}"
                );
                assert_eq!(payload["tokenType"], "Bearer");
            }
            None => assert_eq!(record["event"], "management.changed", "{record}"),
        }
        payload
    }

    /// The token of an operation that gives one.
    #[track_caller]
    pub fn token(&self, operation: &str, input: &Value, token: Option<&str>) -> String {
        let payload = self.payload(operation, input, token);
        payload["accessToken"].as_str().expect("a token").to_owned()
    }

    /// An operation that is refused, in the documented shape; its record says so too, and nothing was issued. Gives the
    /// answer without the time.
    #[track_caller]
    pub fn refused(&self, operation: &str, input: &Value, token: Option<&str>, code: &str) -> String {
        let answer = self.send(operation, input, token);
        let text = assert_refusal(&answer, operation, code);
        let record = self.server.record_of(&answer);
        let event = if known(operation).2.contains("accessToken") { "token.refused" } else { "management.refused" };
        assert_eq!(
            json!([record["event"], record["outcome"], record["operation"], record["reason"]]),
            json!([event, "refused", operation, code]),
            "{record}"
        );
        assert!(record.get("jti").is_none(), "{record}");
        text
    }

    /// A token of a service account.
    #[track_caller]
    pub fn login(&self, (id, secret): (&str, &str)) -> String {
        self.token("authenticateServiceAccount", &json!({ "clientId": id, "clientSecret": secret }), None)
    }

    /// A token of the end user `subject_id` of [`WEB`], got by [`SERVICE`].
    #[track_caller]
    pub fn end_user(&self, subject_id: &str) -> String {
        let input = json!({ "applicationId": WEB, "subjectId": subject_id });
        self.token("generateDelegatedAccessToken", &input, Some(&self.login(SERVICE)))
    }

    /// Whether a token of any kind is good here: a query that needs no permission.
    pub fn services(&self, token: &str) -> Answer {
        let query = "query EnabledManagedServices { enabledManagedServices { name serviceId __typename } }";
        let body = json!({ "operationName": "EnabledManagedServices", "variables": {}, "query": query });
        self.post(AUTH, &body, Some(token))
    }

    /// Checks that a token is good here.
    #[track_caller]
    pub fn assert_good(&self, token: &str) {
        let answer = self.services(token);
        assert!(answer.json().get("errors").is_none(), "{} {}", answer.status, answer.text);
    }

    /// Checks that a token is refused here, as soon as the node has heard why.
    #[track_caller]
    pub fn assert_dies(&self, token: &str, code: &str) {
        self.server.eventually("the token is refused", || self.services(token).json().get("errors").is_some());
        assert_refusal(&self.services(token), "enabledManagedServices", code);
    }
}

fn known(operation: &str) -> (&'static str, &'static str, &'static str) {
    OPERATIONS.into_iter().find(|(name, ..)| *name == operation).expect("an operation")
}

fn capital(operation: &str) -> String {
    let (first, rest) = operation.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// A request as the platform's clients send it.
fn body(operation: &str, input: &Value, fields: &str) -> Value {
    let name = capital(operation);
    let query = format!(
        "mutation {name}($input: {name}Input!) {{\n  {operation}(input: $input) {{\n    {fields}\n    __typename\n  }}\n}}"
    );
    json!({ "operationName": name, "variables": { "input": input }, "query": query })
}

/// Checks the one error of an answer: what it has, where it stands, and the status that goes with the code.
#[track_caller]
pub fn assert_refusal(answer: &Answer, operation: &str, code: &str) -> String {
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no error in {body}"));
    assert_eq!(errors.len(), 1, "{body}");
    let error = errors[0].as_object().expect("an object");
    assert_eq!((&error["code"], &error["path"]), (&json!(code), &json!([operation])), "{body}");
    let members: Vec<&String> = error.keys().filter(|name| *name != "details").collect();
    assert_eq!(members, ["message", "code", "path", "timestamp"], "{body}");
    assert_eq!(body["data"], json!({ operation: null }), "{body}");
    let by_token =
        code.contains("TOKEN") && code != "ACCESS_TOKEN_LIFETIME_INSUFFICIENT" || code == "SIGNING_KEY_NOT_FOUND";
    assert_eq!(answer.status, if by_token { 401 } else { 200 }, "{body}");
    let timestamp = error["timestamp"].as_str().expect("a text");
    assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
    answer.text.replace(timestamp, "")
}
