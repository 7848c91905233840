//! One user and two applications: two factors at the one, silence at the other, and one end for both.

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, errors, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use super::sso::id_claims;
use crate::{
    both_engines,
    codes::{digits, with},
    grants::refresh_token::{assert_dead_of, refresh_as, replaced},
    passwords::{AUTHENTICATE, FIRST},
    support::{
        Answer, Engine, TestServer,
        backend::{Backend, PORTAL, SHOP, SignedIn, assert_refused, environment},
        leaks,
        mails::MailServer,
        peer::Peer,
        tokens::verify,
    },
};

pub const ADA: &str = "ada@example.com";
pub const REFRESH: &str = "/v1/auth/token/refresh";
const LOGOUT: &str = "/v1/auth/session/logout";

/// By what the users of the portal sign in. Those of the shop can do no more than show a session.
const METHODS: &str = r##"
[application.login.password]
passwordMinLength = 8
passwordComplexity = 1
blockPreviousPasswords = 0
passwordExpiresIn = 90
resetValidityMinutes = 15
message = { primaryColor = "#1a73e8" }
[application.login.email_otp]
expiresIn = 5
maxFailures = 3
message = { primaryColor = "#1a73e8" }
"##;

/// A server with both applications, what carries its mails, and the two backends as they hear of the end of a session.
pub struct World {
    pub server: TestServer,
    pub mails: MailServer,
    pub portal: Peer,
    pub shop: Peer,
}

pub fn world(engine: Engine) -> World {
    let (mails, portal, shop) = (MailServer::start(), Peer::serving(""), Peer::serving(""));
    let server = TestServer::builder(engine)
        .environment(&file(&portal, &shop))
        .setting("email.host", "127.0.0.1")
        .setting("email.port", &mails.port().to_string())
        .setting("email.security", "none")
        .setting("email.from_address", "login@acme.example")
        .setting("outbound.plain_http_to_loopback", "true")
        // The least that the settings allow: what a hash costs is not what is tested.
        .setting("passwords.memory_kib", "7168")
        .setting("passwords.iterations", "1")
        .start();
    World { server, mails, portal, shop }
}

fn file(portal: &Peer, shop: &Peer) -> String {
    let application = "name = \"portal\"\nplatform = \"WEB\"\n";
    let file = replaced(&environment(), application, &format!("{application}{METHODS}"));
    let told = |file: &str, client: &str, peer: &Peer| {
        let id = format!("id = \"{client}\"\n");
        replaced(file, &id, &format!("{id}backchannel_logout_uri = \"{}\"\n", peer.url("/logout")))
    };
    told(&told(&file, PORTAL.0, portal), SHOP.0, shop)
}

impl World {
    /// A sign-in at the portal by the code of a mail, the `count`th of all, in that session.
    pub fn by_mail(&self, portal: &Backend<'_>, count: usize, session_id: &str) -> Answer {
        let named = json!({ "identifier_type": "email", "identifier": ADA });
        let sent = portal.post("/v1/auth/otp/send", &with(named.clone(), json!({ "channel": "email" })));
        assert_eq!(sent.status, 200, "{}", sent.text);
        self.server.eventually("a mail", || self.mails.mails().len() >= count);
        let mails = self.mails.mails();
        assert_eq!(mails.len(), count, "{mails:?}");
        let passcode = digits(&mails[count - 1].text(), 6);
        let body = with(named, json!({ "passcode": passcode, "session_id": session_id }));
        portal.post("/v1/auth/otp/authenticate", &body)
    }

    /// How many logout tokens the portal and the shop got, when nobody waits for one any more.
    fn told(&self) -> (usize, usize) {
        let query = "SELECT client_id AS text FROM logout_deliveries";
        self.server.eventually("everybody to be told", || self.server.database.texts(query).is_empty());
        (self.portal.requests().len(), self.shop.requests().len())
    }
}

/// A user of both applications, with a password; gives the id.
pub fn newcomer(portal: &Backend<'_>, shop: &Backend<'_>) -> String {
    let ada = portal.user(&json!({ "email": ADA }));
    assert_eq!(shop.user(&json!({ "email": ADA })), ada);
    let password = json!({ "password": FIRST, "force_replace": false });
    let set = portal.post(&format!("/v1/users/{ada}/password"), &password);
    assert_eq!(set.status, 201, "{}", set.text);
    ada
}

/// A sign-in at the portal by the password, with members besides.
pub fn by_password(portal: &Backend<'_>, members: Value) -> Answer {
    portal.post(AUTHENTICATE, &with(json!({ "username": ADA, "password": FIRST }), members))
}

/// The access token and the refresh token of a refresh that goes well.
#[track_caller]
pub fn renewed(answer: &Answer) -> (String, String) {
    let access = answer.access_token();
    (access, answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned())
}

/// Whether a token is in force, as the client is told that it was issued to.
fn is_active(server: &TestServer, client: (&str, &str), token: &str) -> bool {
    let request = server.request(Method::POST, "/introspect").basic_auth(client.0, Some(client.1));
    let answer = Answer::to(request.form(&[("token", token)]));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["active"].as_bool().expect("active")
}

/// The logout token of a request, as it came.
fn logout_token(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /logout HTTP/1.1\r\n"), "{head}");
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["logout_token"]);
    leaks::secrets_in(&form[0].1);
    form[0].1.clone()
}

/// The claims of a logout token, if `client` takes it; with a library that is not ours, against the published keys.
fn taken_by(server: &TestServer, client: &str, token: &str) -> Result<Value, errors::Error> {
    let header = decode_header(token)?;
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").json()).expect("a key set");
    let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[client]);
    validation.set_issuer(&[&server.url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The test's clock may be ahead of the machine's.
    validation.validate_exp = false;
    Ok(decode(token, &DecodingKey::from_jwk(jwk)?, &validation)?.claims)
}

/// Checks the `count`th logout token of a peer as its client has to (Back-Channel Logout 1.0 §2.6), and that `other` does not take
/// it; gives its `jti`.
#[track_caller]
fn assert_told(
    server: &TestServer,
    (peer, count): (&Peer, usize),
    (client, other): (&str, &str),
    (sub, sid): (&str, &Value),
) -> String {
    let token = logout_token(&peer.requests()[count - 1]);
    let claims = taken_by(server, client, &token).expect("a logout token");
    let expected = [
        ("iss", json!(server.url)),
        ("aud", json!(client)),
        ("sub", json!(sub)),
        ("sid", sid.clone()),
        ("iat", json!(server.clock.now())),
        ("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
    ];
    for (name, value) in expected {
        assert_eq!(claims[name], value, "{name}");
    }
    let lives = claims["exp"].as_i64().expect("exp") - server.clock.now();
    assert!((1..=120).contains(&lives) && claims.get("nonce").is_none(), "{claims}");
    assert!(taken_by(server, other, &token).is_err(), "it is {client}'s alone");
    claims["jti"].as_str().expect("jti").to_owned()
}

both_engines! {
    fn a_user_of_two_applications_signs_in_once_with_two_factors_and_out_of_both(engine) {
        let world = world(engine);
        let server = &world.server;
        let (portal, shop) = (Backend::portal(server), Backend::shop(server));
        let ada = newcomer(&portal, &shop);

        // A first factor, and a second one in the same session.
        let first = SignedIn::of(ada.clone(), &by_password(&portal, json!({})));
        let alone = id_claims(server, &first.id_token, PORTAL.0);
        assert_eq!((&alone["sub"], &alone["amr"], alone.get("acr")), (&json!(ada), &json!(["pwd"]), None));
        server.clock.advance(20);
        let second = SignedIn::of(ada.clone(), &world.by_mail(&portal, 1, &first.session_id));
        let here = id_claims(server, &second.id_token, PORTAL.0);
        assert_eq!((&here["amr"], &here["acr"]), (&json!(["pwd", "eotp", "mfa"]), &json!("mfa")));
        assert_eq!((&here["sid"], &here["sub"], &second.session_id), (&alone["sid"], &alone["sub"], &first.session_id));

        // The other application asks nobody for anything.
        server.clock.advance(280);
        let silent = SignedIn::of(ada.clone(), &shop.authenticate(&second.session_id, json!({})));
        let there = id_claims(server, &silent.id_token, SHOP.0);
        for name in ["sub", "sid", "amr", "acr", "auth_time"] {
            assert_eq!(there[name], here[name], "{name}");
        }
        assert_eq!((&there["aud"], &silent.session_id), (&json!(SHOP.0), &first.session_id));
        let access = verify(server, &silent.access, "userid-api");
        assert_eq!((&access["sid"], &access["client_id"], &access["amr"]), (&here["sid"], &json!(SHOP.0), &here["amr"]));
        assert_eq!(world.mails.mails().len(), 1);

        // Both go on with their refresh tokens. And the same user is signed in once more, in another browser.
        let (portal_access, portal_refresh) = renewed(&refresh_as(server, PORTAL, &second.refresh, &[]));
        let (shop_access, shop_refresh) = renewed(&shop.post(REFRESH, &json!({ "refresh_token": silent.refresh })));
        let other = SignedIn::of(ada.clone(), &by_password(&portal, json!({})));
        let shop_other = SignedIn::of(ada.clone(), &shop.authenticate(&other.session_id, json!({})));
        let other_sid = id_claims(server, &shop_other.id_token, SHOP.0)["sid"].clone();
        assert_ne!(other_sid, here["sid"]);
        let tokens = [
            (PORTAL, &first.access), (PORTAL, &second.access), (PORTAL, &portal_access), (SHOP, &silent.access), (SHOP, &shop_access),
        ];
        for (client, token) in tokens.iter().chain(&[(PORTAL, &other.access), (SHOP, &shop_other.access)]) {
            assert!(is_active(server, *client, token), "{}", client.0);
        }
        assert!(world.portal.requests().is_empty() && world.shop.requests().is_empty());

        // Out of one is out of both, and both hear of it once.
        let ended = portal.post(LOGOUT, &json!({ "session_id": second.session_id }));
        assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
        assert_eq!(world.told(), (1, 1));
        let of_portal = assert_told(server, (&world.portal, 1), (PORTAL.0, SHOP.0), (&ada, &here["sid"]));
        let of_shop = assert_told(server, (&world.shop, 1), (SHOP.0, PORTAL.0), (&ada, &there["sid"]));
        assert_ne!(of_portal, of_shop, "each has a token of its own");

        for (client, token) in &tokens {
            assert!(!is_active(server, *client, token), "{}", client.0);
        }
        let refreshes =
            [(&portal, PORTAL, &first.refresh), (&portal, PORTAL, &portal_refresh), (&shop, SHOP, &shop_refresh)];
        for (backend, client, token) in refreshes {
            assert_refused(server, &backend.post(REFRESH, &json!({ "refresh_token": token })), 400, "invalid_refresh_token");
            assert_dead_of(server, client, token);
        }
        for backend in [&portal, &shop] {
            assert_refused(server, &backend.authenticate(&second.session_id, json!({})), 400, "session_not_found");
            let again = backend.post(LOGOUT, &json!({ "session_id": second.session_id }));
            assert_refused(server, &again, 400, "session_not_found");
        }
        assert_eq!(world.told(), (1, 1), "it ended once");

        // The other browser is still signed in, until the shop signs the user out everywhere.
        assert!(is_active(server, PORTAL, &other.access) && is_active(server, SHOP, &shop_other.access));
        let (_, shop_refresh) = renewed(&refresh_as(server, SHOP, &shop_other.refresh, &[]));
        server.clock.advance(30);
        assert_eq!(shop.plain(Method::DELETE, &format!("/v1/auth/users/{ada}/sessions")).status, 204);
        assert_eq!(world.told(), (2, 2));
        assert_told(server, (&world.portal, 2), (PORTAL.0, SHOP.0), (&ada, &other_sid));
        assert_told(server, (&world.shop, 2), (SHOP.0, PORTAL.0), (&ada, &other_sid));
        assert!(!is_active(server, PORTAL, &other.access) && !is_active(server, SHOP, &shop_other.access));
        assert_dead_of(server, PORTAL, &other.refresh);
        assert_dead_of(server, SHOP, &shop_refresh);
    }
}
