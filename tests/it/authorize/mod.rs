//! `/authorize`, the way over an OpenID provider, and `grant_type=authorization_code`.

mod codes;
mod cross_origin;
mod flow;
mod kinds;
mod outage;
mod providers;
mod request;
mod scopes;
mod standing;
mod way_back;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use openssl::sha::sha256;
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Answer, Engine, TestServer,
    browser::{Browser, location, parameter},
    provider::OpenIdProvider,
};

/// Id and secret of the client whose users sign in.
const UI: (&str, &str) = ("ui", "a-secret-of-the-ui-with-more-than-32-characters");
/// Another such client.
const SHOP: (&str, &str) = ("shop", "a-secret-of-the-shop-with-more-than-32-characters");
/// Where the users of `ui` go back to.
const BACK: &str = "https://app.example/back?tenant=1";
/// The application of `ui`.
const WEB: &str = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e";
/// A code verifier.
const VERIFIER: &str = "a-code-verifier-of-more-than-43-characters-~._";

const ENVIRONMENT: &str = r#"
[environment]
name = "signing in"

[[resource_server]]
audience = "bff-api"
scopes = ["calendar.read", "calendar.edit"]
clients = ["bff"]

[[resource_server]]
audience = "https://orders.example/"
scopes = ["orders"]
max_lifetime = 120

[[resource_server]]
audience = "resource-api"
scopes = ["calendar.edit"]

[[client]]
id = "ui"
grants = ["authorization_code"]
access = [
    { audience = "bff-api", scopes = ["calendar.read"] },
    { audience = "https://orders.example/", scopes = ["orders"] },
]
redirect_uris = ["https://app.example/back?tenant=1"]
application = "web"
secret = "a-secret-of-the-ui-with-more-than-32-characters"

[[client]]
id = "shop"
grants = ["authorization_code"]
redirect_uris = ["https://shop.example/back"]
application = "web"
secret = "a-secret-of-the-shop-with-more-than-32-characters"

[[client]]
id = "bff"
grants = ["client_credentials", "token_exchange"]
access = [{ audience = "resource-api", scopes = ["calendar.edit"] }]
redirect_uris = ["https://app.example/back?tenant=1"]
secret = "a-secret-of-the-bff-with-more-than-32-characters"

[[application]]
id = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e"
name = "web"
platform = "WEB"

[[exchange_rule]]
name = "bff edits calendars"
client = "bff"
audience = ["resource-api"]
grant_scopes = ["calendar.edit"]
"#;

/// A server, a provider whose users it lets in, and a browser.
struct World {
    server: TestServer,
    provider: OpenIdProvider,
    browser: Browser,
}

impl World {
    fn new(engine: Engine) -> Self {
        let provider = OpenIdProvider::start();
        let environment = format!("{ENVIRONMENT}{}", provider.connection("idp", "iss_required = true"));
        Self::with(engine, provider, &environment)
    }

    fn with(engine: Engine, provider: OpenIdProvider, environment: &str) -> Self {
        let builder = TestServer::builder(engine).environment(environment);
        let server = builder.setting("outbound.plain_http_to_loopback", "true").start();
        provider.follow(&server.clock);
        Self { server, provider, browser: Browser::new() }
    }

    /// The environment file of this world.
    fn file(&self) -> String {
        format!("{ENVIRONMENT}{}", self.provider.connection("idp", "iss_required = true"))
    }

    /// The URL of an authorization request; `changes` replace parameters, or take one out that becomes empty.
    fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let challenge = challenge();
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", "ui"),
            ("redirect_uri", BACK),
            ("scope", "openid profile email calendar.read"),
            ("state", "the state of the client é"),
            ("nonce", "the nonce of the client"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for change in changes {
            parameters.retain(|(name, _)| *name != change.0);
        }
        parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        Url::parse_with_params(&self.server.at("/authorize"), parameters).expect("a URL").into()
    }

    /// Asks for a code.
    fn begin(&self, changes: &[(&str, &str)]) -> Answer {
        self.browser.get(&self.authorize_url(changes))
    }

    /// Signs in, and gives the last answer and where it leads.
    fn sign_in(&self, changes: &[(&str, &str)]) -> (Answer, Url) {
        self.browser.follow(&self.begin(changes), "https://")
    }

    /// Signs in, and gives the code.
    fn code(&self, changes: &[(&str, &str)]) -> String {
        let (_, url) = self.sign_in(changes);
        parameter(url.as_str(), "code").unwrap_or_else(|| panic!("no code in {url}"))
    }

    /// Redeems a code; `changes` as above.
    fn redeem(&self, client: (&str, &str), code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        for change in changes {
            form.retain(|(name, _)| *name != change.0);
        }
        form.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.server.token(client, &form)
    }

    /// Checks that a browser is told here, and sent nowhere, and that the record says why.
    #[track_caller]
    fn assert_told_here(&self, answer: &Answer, code: &str, detail: &str) {
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, None), "{}", answer.text);
        guarded(answer);
        assert_eq!(answer.json()["error_code"], code, "{}", answer.text);
        self.assert_record(answer, code, detail);
    }

    /// Checks that a browser is sent back to the client without a code, and that the record says why.
    #[track_caller]
    fn assert_sent_back(&self, answer: &Answer, error: &str, code: &str, detail: &str) {
        let location = location(answer);
        assert!(location.starts_with(&format!("{BACK}&")), "{location}");
        guarded(answer);
        let get = |name| parameter(&location, name);
        assert_eq!((get("error").as_deref(), get("error_code").as_deref()), (Some(error), Some(code)), "{location}");
        assert_eq!(get("iss"), Some(self.server.url.clone()));
        assert_eq!(get("state").as_deref(), Some("the state of the client é"));
        assert_eq!(get("code"), None);
        self.assert_record(answer, code, detail);
    }

    #[track_caller]
    fn assert_record(&self, answer: &Answer, code: &str, detail: &str) {
        let record = self.server.record_of(answer);
        assert_eq!(record["event"], "authorization.refused", "{record}");
        assert_eq!(record["reason"], code, "{record}");
        assert!(record["detail"].as_str().is_some_and(|text| text.contains(detail)), "{detail:?}: {record}");
    }

    /// Checks that a code gives nothing, and that the record says why.
    #[track_caller]
    fn assert_code_refused(&self, answer: &Answer, detail: &str) {
        answer.assert_refused(400, "invalid_grant", "code_refused");
        let records = self.server.records_of(answer);
        let record = records.last().expect("a record");
        let found = (&record["event"], &record["reason"], &record["detail"]);
        assert_eq!(found, (&json!("token.refused"), &json!("code_refused"), &json!(detail)), "{record}");
    }

    /// Checks that no token was made.
    #[track_caller]
    fn assert_no_token(&self) {
        for record in self.server.database.audit_records() {
            assert!(record["event"] != "token.issued" && record.get("jti").is_none(), "{record}");
        }
    }

    /// How many rows a table has.
    fn count(&self, table: &str) -> String {
        self.server.database.value(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"))
    }

    /// The claims of an ID token for `client_id`, verified with a library that is not ours.
    fn id_token(&self, token: &str, client_id: &str) -> Value {
        let header = decode_header(token).expect("a header");
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        let jwks: JwkSet = serde_json::from_value(self.server.get("/.well-known/jwks.json").json()).expect("keys");
        let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[client_id]);
        validation.set_issuer(&[&self.server.url]);
        validation.validate_exp = false;
        decode(token, &DecodingKey::from_jwk(jwk).expect("a key"), &validation).expect("a valid ID token").claims
    }
}

/// The S256 challenge of [`VERIFIER`].
fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()))
}

/// Checks what keeps an answer out of caches, frames and `Referer` headers.
#[track_caller]
fn guarded(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")));
}
