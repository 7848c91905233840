//! An OpenID provider on loopback: it checks what its clients send, asks nobody for a password, and signs with a key of its
//! own. A test can have it misbehave.

use std::{
    collections::HashMap,
    net::TcpStream,
    sync::{Arc, Mutex, OnceLock},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use openssl::sha::sha256;
use serde_json::{Value, json};
use tessera::domain::{
    clock::Clock as _,
    random::{SystemRandom, random_id},
};
use url::{Url, form_urlencoded};

use super::{
    clock::TestClock,
    forge::Forge,
    peer::{Peer, respond},
};

/// What this server is called there, and its secret: with characters that have to be encoded.
pub const CLIENT: (&str, &str) = ("tessera", "a secret: with + and %");

/// The provider.
pub struct OpenIdProvider {
    /// Its HTTP server.
    pub peer: Peer,
    inner: Arc<Inner>,
}

/// Changes the claims of an ID token.
type Tamper = Box<dyn Fn(&mut Value) + Send>;

#[derive(Default)]
struct Inner {
    clock: OnceLock<Arc<TestClock>>,
    codes: Mutex<HashMap<String, Vec<(String, String)>>>,
    /// Added to, or put over, the parameters of its answers; an empty value takes one out.
    answer: Mutex<Vec<(String, String)>>,
    tamper: Mutex<Option<Tamper>>,
    token_status: Mutex<Option<&'static str>>,
    auth_method: Mutex<&'static str>,
    /// Put over the members of its metadata.
    metadata: Mutex<Vec<(String, Value)>>,
}

impl OpenIdProvider {
    /// Starts listening.
    pub fn start() -> Self {
        let (key, inner) = (Forge::attacker(), Arc::<Inner>::default());
        let own = Arc::clone(&inner);
        let peer = Peer::hearing(move |request, stream| own.answer(&key, request, stream));
        Self { peer, inner }
    }

    /// Goes by that clock from now on.
    pub fn follow(&self, clock: &Arc<TestClock>) {
        self.inner.clock.set(Arc::clone(clock)).expect("not twice");
    }

    /// Its name.
    pub fn issuer(&self) -> String {
        self.peer.url("")
    }

    /// The identity connection to it, as a block of an environment file.
    pub fn connection(&self, name: &str, more: &str) -> String {
        let (issuer, (client_id, secret)) = (self.issuer(), CLIENT);
        format!(
            "[[identity_connection]]\nname = \"{name}\"\nprovider = \"OIDC\"\nissuer = \"{issuer}\"\n\
             jwks_uri = \"{issuer}/jwks\"\naudiences = [\"somebody-else\"]\n[identity_connection.sign_in]\n\
             client_id = \"{client_id}\"\nclient_secret = \"{secret}\"\n\
             authorization_endpoint = \"{issuer}/authorize?fixed=1\"\ntoken_endpoint = \"{issuer}/token\"\n\
             scopes = [\"email\", \"profile\"]\n{more}\n"
        )
    }

    /// Has its next answers to browsers say this; an empty value leaves the parameter out.
    pub fn answer_with(&self, name: &str, value: &str) {
        self.inner.answer.lock().expect("no panic").push((name.to_owned(), value.to_owned()));
    }

    /// Has its next ID tokens say something else.
    pub fn tamper(&self, change: impl Fn(&mut Value) + Send + 'static) {
        *self.inner.tamper.lock().expect("no panic") = Some(Box::new(change));
    }

    /// Has its token endpoint answer with that status and nothing else.
    pub fn fail_with(&self, status: &'static str) {
        *self.inner.token_status.lock().expect("no panic") = Some(status);
    }

    /// Has its token endpoint take `client_secret_post` or `none`, and nothing else.
    pub fn authenticate_by(&self, method: &'static str) {
        *self.inner.auth_method.lock().expect("no panic") = method;
    }

    /// Has its metadata say this.
    pub fn declare(&self, name: &str, value: Value) {
        self.inner.metadata.lock().expect("no panic").push((name.to_owned(), value));
    }

    /// The same connection, with nothing but the provider's name to find its endpoints and keys by.
    pub fn named_connection(&self, name: &str) -> String {
        let connection = self.connection(name, "");
        let is_kept = |line: &&str| {
            !["jwks_uri", "authorization_endpoint", "token_endpoint"].iter().any(|key| line.starts_with(key))
        };
        connection.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
    }

    /// A code, as if somebody else had signed in with these parameters of an authorization request.
    pub fn code_for(&self, parameters: &[(&str, &str)]) -> String {
        let owned = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.inner.new_code(owned.collect())
    }
}

impl Inner {
    fn now(&self) -> i64 {
        self.clock.get().expect("a clock").now()
    }

    fn new_code(&self, parameters: Vec<(String, String)>) -> String {
        let code = random_id(&SystemRandom).expect("randomness");
        self.codes.lock().expect("no panic").insert(code.clone(), parameters);
        code
    }

    fn answer(&self, key: &Forge, request: &str, stream: &mut TcpStream) {
        let (head, body) = request.split_once("\r\n\r\n").expect("a request");
        let (method, target) = head.split_once(' ').expect("a request line");
        let target = target.split(' ').next().expect("a target");
        let host = head
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .or_else(|| head.lines().find_map(|line| line.strip_prefix("Host: ")));
        let issuer = format!("http://{}", host.expect("a host"));
        let url = Url::parse(&format!("{issuer}{target}")).expect("a URL");
        match (method, url.path()) {
            ("GET", "/jwks") => respond(stream, "200 OK", "", &format!("{{\"keys\":[{}]}}", key.public_jwk)),
            ("GET", "/.well-known/openid-configuration") => {
                let mut metadata = json!({
                    "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"), "token_endpoint": format!("{issuer}/token"),
                    "authorization_endpoint": format!("{issuer}/authorize?fixed=1"), "response_types_supported": ["code"],
                    "authorization_response_iss_parameter_supported": true,
                });
                for (name, value) in self.metadata.lock().expect("no panic").iter() {
                    metadata[name] = value.clone();
                }
                respond(stream, "200 OK", "Content-Type: application/json\r\n", &metadata.to_string());
            }
            ("GET", "/authorize") => self.authorize(&issuer, &url, stream),
            ("POST", "/token") => self.token(&issuer, key, head, body, stream),
            _ => respond(stream, "404 Not Found", "", ""),
        }
    }

    fn authorize(&self, issuer: &str, url: &Url, stream: &mut TcpStream) {
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let get = |name: &str| value(&parameters, name);
        let good = get("client_id") == CLIENT.0
            && (get("response_type"), get("code_challenge_method"), get("fixed")) == ("code", "S256", "1")
            && get("code_challenge").len() == 43
            && get("scope").split(' ').any(|scope| scope == "openid");
        if !good {
            return respond(stream, "400 Bad Request", "", "a bad authorization request");
        }
        let mut answer =
            HashMap::from([("state".to_owned(), get("state").to_owned()), ("iss".to_owned(), issuer.to_owned())]);
        let (redirect_uri, code) = (get("redirect_uri").to_owned(), self.new_code(parameters.clone()));
        answer.insert("code".to_owned(), code);
        answer.extend(self.answer.lock().expect("no panic").drain(..));
        answer.retain(|_, value| !value.is_empty());
        if get("response_mode") == "form_post" {
            // The page of OAuth 2.0 Form Post Response Mode, without the script that posts it.
            let field = |(name, value): (&String, &String)| format!("<input name=\"{name}\" value=\"{value}\">");
            let fields: String = answer.iter().map(field).collect();
            let page = format!("<form method=\"post\" action=\"{redirect_uri}\">{fields}</form>");
            return respond(stream, "200 OK", "Content-Type: text/html\r\n", &page);
        }
        let location = Url::parse_with_params(&redirect_uri, &answer).expect("a redirect URI");
        respond(stream, "302 Found", &format!("Location: {location}\r\n"), "");
    }

    fn token(&self, issuer: &str, key: &Forge, head: &str, body: &str, stream: &mut TcpStream) {
        if let Some(status) = self.token_status.lock().expect("no panic").take() {
            return respond(stream, status, "", "");
        }
        let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", encoded(CLIENT.0), encoded(CLIENT.1)));
        let basic = format!("authorization: Basic {basic}\r\n");
        let has_header = head.to_ascii_lowercase().contains("\r\nauthorization:");
        let named = (value(&form, "client_id"), value(&form, "client_secret"));
        // RFC 6749 §2.3: one way at a time.
        let is_authenticated = match *self.auth_method.lock().expect("no panic") {
            "client_secret_post" => named == CLIENT && !has_header,
            "none" => named == (CLIENT.0, "") && !has_header,
            _ => head.contains(&basic) && named == ("", ""),
        };
        if !is_authenticated {
            return respond(stream, "401 Unauthorized", "", r#"{"error":"invalid_client"}"#);
        }
        let asked = self.codes.lock().expect("no panic").remove(value(&form, "code")).unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(sha256(value(&form, "code_verifier").as_bytes()));
        let good = value(&form, "grant_type") == "authorization_code"
            && value(&asked, "redirect_uri") == value(&form, "redirect_uri")
            && value(&asked, "code_challenge") == challenge;
        if !good {
            return respond(stream, "400 Bad Request", "", r#"{"error":"invalid_grant"}"#);
        }
        let (person, now) = (Some(value(&asked, "login_hint")).filter(|hint| !hint.is_empty()), self.now());
        let mut claims = json!({
            "iss": issuer, "sub": person.unwrap_or("ada"), "aud": CLIENT.0, "iat": now, "exp": now + 600,
            "nonce": value(&asked, "nonce"), "auth_time": now - 5,
            "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace",
        });
        if let Some(tamper) = self.tamper.lock().expect("no panic").take() {
            tamper(&mut claims);
        }
        let id_token = key.sign(&json!({ "alg": "ES256", "kid": key.kid }).to_string(), &claims.to_string());
        let answer = json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token });
        respond(stream, "200 OK", "Content-Type: application/json\r\n", &answer.to_string());
    }
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> &'a str {
    parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}
