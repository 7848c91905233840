//! Which claims the tokens of a sign-in have: those that were asked for, and no others.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::{
    clock::Clock as _,
    login::{AuthMethod, claims::NAMES},
};

use super::{sessions::is_active, sso::id_claims};
use crate::{
    both_engines,
    grants::refresh_token::replaced,
    support::{
        Answer, Engine, TestServer,
        authenticator::{Authenticator, Page, encoded},
        backend::{Backend, PORTAL, SignedIn, environment, open_session},
        forge::with,
        tokens::verify,
    },
};

/// What the users of the portal sign in with.
const METHODS: &str = r##"
[application.login.email_otp]
expiresIn = 5
maxFailures = 3
message = { primaryColor = "#1a73e8" }
[application.login.webauthn_api]
rpId = "localhost"
rpWebOrigins = ["http://localhost:3000"]
"##;

/// Another backend of the portal.
const SECOND: (&str, &str) = ("portal-second", "a-secret-of-the-second-one-with-32-characters");
const SECONDS_BLOCK: &str = r#"
[[client]]
id = "portal-second"
application = "portal"
grants = ["client_credentials"]
secret = "a-secret-of-the-second-one-with-32-characters"
permissions = { userid-api = ["AUTH_EXECUTE"] }
"#;

/// What an ID token says whatever is asked for, after one factor.
const ALWAYS: [&str; 10] = ["iss", "sub", "aud", "iat", "exp", "auth_time", "sid", "at_hash", "tid", "amr"];

/// A server whose client `portal-backend` has this line besides.
fn start(engine: Engine, line: &str) -> TestServer {
    let application = "name = \"portal\"\nplatform = \"WEB\"\n";
    let file = replaced(&environment(), application, &format!("{application}{METHODS}"));
    let file = replaced(&file, "id = \"portal-backend\"\n", &format!("id = \"portal-backend\"\n{line}\n"));
    TestServer::builder(engine).environment(&format!("{file}{SECONDS_BLOCK}")).start()
}

fn custom_data() -> Value {
    json!({ "tier": "gold", "seats": 3, "tags": ["a", { "b": null }] })
}

fn custom_app_data() -> Value {
    json!({ "tier": "silver", "seats": 1.5, "tags": {} })
}

/// A user of whom everything is known, and who is signed in.
struct Ada {
    user_id: String,
    session: String,
    made_at: i64,
    signed_in_at: i64,
}

impl Ada {
    fn new(server: &TestServer, portal: &Backend<'_>) -> Self {
        let made_at = server.clock.now();
        let user_id = portal.user(&json!({
            "email": "Ada@mail.example", "phone_number": "+14155550100", "username": "Countess", "external_user_id": "CRM-1815",
            "secondary_emails": ["ada@work.example"], "secondary_phone_numbers": ["+442071838750"],
            "name": { "title": "Lady", "first_name": "Augusta", "middle_name": "Ada", "last_name": "Lovelace" },
            "birthday": "1815-12-10", "picture": "https://cdn.example/ada.png", "language": "en-GB", "address": address(),
            "external_account_id": "account-7", "custom_data": custom_data(), "custom_app_data": custom_app_data(),
        }));
        for email in ["ada@mail.example", "ada@work.example"] {
            let answer = portal.post(&format!("/v1/users/{user_id}/emails/{email}/verify"), &json!({}));
            assert_eq!(answer.status, 202, "{}", answer.text);
        }
        server.clock.advance(60);
        add_passkey(server, portal, &user_id);
        let first = sign_in(server, portal);
        assert_eq!((&first["new_user"], first.get("last_auth")), (&json!(true), None));
        let signed_in_at = server.clock.now();
        server.clock.advance(60);
        let session = open_session(server, &user_id, &[AuthMethod::Password]);
        Self { user_id, session, made_at, signed_in_at }
    }

    /// Every claim that can be asked for, as it is of her.
    fn claims(&self) -> Value {
        json!({
            "address": address(), "address_type": "Home", "street_address": "12 St James's Square", "city": "London",
            "country": "UK", "app_name": "portal", "birthday": "1815-12-10", "created_at": self.made_at,
            "custom_app_data": custom_app_data(), "custom_data": custom_data(), "email": "Ada@mail.example",
            "email_verified": true, "external_account_id": "account-7", "external_user_id": "CRM-1815", "fname": "Augusta",
            "mname": "Ada", "lname": "Lovelace", "language": "en-GB", "last_auth": self.signed_in_at, "new_user": false,
            "phone_number": "+14155550100", "phone_number_verified": false, "picture": "https://cdn.example/ada.png",
            "secondary_emails": [{ "value": "ada@work.example", "email_verified": true }],
            "secondary_phone_numbers": [{ "value": "+442071838750", "phone_number_verified": false }],
            "username": "Countess", "webauthn": true, "webauthn_username": "ada-key",
        })
    }
}

fn address() -> Value {
    json!({
        "country": "UK", "city": "London", "street_address": "12 St James's Square", "postal_code": "SW1Y 4LE", "type": "Home",
    })
}

fn add_passkey(server: &TestServer, portal: &Backend<'_>, user_id: &str) {
    let body = json!({ "client_id": PORTAL.0, "username": "ada-key" });
    let begun = Answer::to(server.request(Method::POST, "/v1/auth/webauthn/register/start").json(&body));
    assert_eq!(begun.status, 200, "{}", begun.text);
    let begun = begun.json();
    let id = begun["webauthn_session_id"].as_str().expect("an id");
    let key =
        Authenticator::default().create(&begun["credential_creation_options"], &Page::of("http://localhost:3000"));
    let body = json!({ "webauthn_encoded_result": encoded(id, &key), "external_user_id": "CRM-1815" });
    let registered = portal.post("/v1/auth/webauthn/external/register", &body);
    assert_eq!(registered.status, 200, "{}", registered.text);
    assert_eq!(registered.json()["user_id"], user_id);
}

/// Signs Ada in by a code; gives the claims of the ID token.
fn sign_in(server: &TestServer, portal: &Backend<'_>) -> Value {
    let mut body = json!({ "channel": "direct", "identifier_type": "email", "identifier": "ada@mail.example" });
    let sent = portal.post("/v1/auth/otp/send", &body);
    assert_eq!(sent.status, 200, "{}", sent.text);
    body["passcode"] = sent.json()["code"].clone();
    body["claims"] = json!({ "id_token": { "new_user": null, "last_auth": null } });
    let signed_in = SignedIn::of(String::new(), &portal.post("/v1/auth/otp/authenticate", &body));
    id_claims(server, &signed_in.id_token, PORTAL.0)
}

/// What the tokens of a session say to a client who asks for these claims: the ID token, then the access token. Without what is each
/// token's own.
fn said(server: &TestServer, client: (&str, &str), session: &str, claims: &Value) -> (Value, Value) {
    let more = if claims.is_null() { json!({}) } else { json!({ "claims": claims }) };
    let signed_in = SignedIn::of(String::new(), &Backend::of(server, client).authenticate(session, more));
    let own = json!({ "jti": null, "iat": null, "exp": null, "at_hash": null, "sessionId": null });
    let id = with(&id_claims(server, &signed_in.id_token, client.0), &own);
    (id, with(&verify(server, &signed_in.access, "userid-api"), &own))
}

/// Asks for all claims, and for some that there are not.
fn everything() -> Value {
    NAMES.iter().chain(&["groups", "roles"]).map(|name| (*name, Value::Null)).collect()
}

fn names(claims: &Value) -> BTreeSet<&str> {
    claims.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn every_claim_that_can_be_asked_for_is_documented_and_no_other() {
    let page = include_str!("../../../docs/backend-authentication.md");
    let (_, section) = page.split_once("**ID tokens**").expect("the section");
    let (section, _) = section.split_once("**Refresh tokens**").expect("the next one");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let documented: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').step_by(2)).collect();
    // It comes with some methods, and cannot be asked for.
    assert_eq!(documented, NAMES.iter().copied().chain(["approval_data"]).collect::<BTreeSet<_>>());
}

both_engines! {
    fn each_claim_is_there_where_it_is_asked_for_and_only_there(engine) {
        let server = start(engine, "");
        let ada = Ada::new(&server, &Backend::portal(&server));
        let all = ada.claims();
        assert_eq!(names(&all), NAMES.iter().copied().collect::<BTreeSet<_>>(), "the table has them all");
        let tell = |claims: Value| said(&server, PORTAL, &ada.session, &claims);
        let (id, access) = tell(Value::Null);
        assert_eq!((&id["sub"], &access["sub"]), (&json!(ada.user_id), &json!(ada.user_id)));
        let always = ALWAYS.into_iter().filter(|name| !["iat", "exp", "at_hash"].contains(name));
        assert_eq!(names(&id), always.collect::<BTreeSet<_>>());
        assert_eq!(names(&access).intersection(&names(&all)).collect::<Vec<_>>(), [&"app_name"]);
        for (name, value) in all.as_object().expect("claims") {
            let expected = with(&id, &json!({ (name): value }));
            assert_eq!(tell(json!({ "id_token": { (name): null } })), (expected, access.clone()), "{name}");
        }
        // All of them at once, for either token.
        assert_eq!(tell(json!({ "id_token": everything() })), (with(&id, &all), access.clone()));
        assert_eq!(tell(json!({ "access_token": everything() })), (id, with(&access, &all)));
    }

    fn no_claim_stands_twice_in_an_id_token(engine) {
        let server = start(engine, "");
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("bob@mail.example");
        let payload = signed_in.id_token.split('.').nth(1).expect("a payload");
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("text");
        for name in ALWAYS {
            // RFC 7519 §4: some readers take the first, some the last, and some refuse the token.
            assert_eq!(payload.matches(&format!("\"{name}\":")).count(), 1, "{name} in {payload}");
        }
    }

    fn what_is_not_known_of_a_user_is_left_out(engine) {
        let server = start(engine, "");
        let made_at = server.clock.now();
        let user = Backend::portal(&server).user(&json!({ "email": "bob@mail.example" }));
        let session = open_session(&server, &user, &[AuthMethod::Password]);
        let (id, access) = said(&server, PORTAL, &session, &Value::Null);
        let known = json!({
            "app_name": "portal", "created_at": made_at, "email": "bob@mail.example", "email_verified": false, "new_user": true,
            "webauthn": false,
        });
        let asked = said(&server, PORTAL, &session, &json!({ "id_token": everything(), "access_token": everything() }));
        assert_eq!(asked, (with(&id, &known), with(&access, &known)));
    }

    fn of_what_applications_keep_there_is_all_or_the_members_that_are_named(engine) {
        let server = start(engine, "");
        let ada = Ada::new(&server, &Backend::portal(&server));
        for (name, kept) in [("custom_data", custom_data()), ("custom_app_data", custom_app_data())] {
            let of = |names: &[&str]| -> Value { names.iter().map(|name| (*name, kept[*name].clone())).collect() };
            for (wish, expected) in [
                (json!(null), Some(kept.clone())),
                (json!({}), Some(kept.clone())),
                (json!({ "fields": null }), Some(kept.clone())),
                (json!({ "essential": true }), Some(kept.clone())),
                (json!({ "fields": ["tier", "tags"] }), Some(of(&["tier", "tags"]))),
                (json!({ "fields": ["seats", "seats", "unknown"] }), Some(of(&["seats"]))),
                (json!({ "fields": ["unknown", "TIER", "tags.0"] }), None),
                (json!({ "fields": [] }), None),
            ] {
                let (id, access) = said(&server, PORTAL, &ada.session, &json!({ "id_token": { (name): wish } }));
                assert_eq!((id.get(name), access.get(name)), (expected.as_ref(), None), "{name} {wish}");
                let (id, access) = said(&server, PORTAL, &ada.session, &json!({ "access_token": { (name): wish } }));
                assert_eq!((id.get(name), access.get(name)), (None, expected.as_ref()), "{name} {wish}");
            }
        }
    }

    fn what_a_client_always_wants_is_in_its_own_id_tokens_unasked(engine) {
        let server = start(engine, "default_claims = [\"email\", \"custom_data\"]");
        let ada = Ada::new(&server, &Backend::portal(&server));
        let (other, _) = said(&server, SECOND, &ada.session, &Value::Null);
        let (mine, access) = said(&server, PORTAL, &ada.session, &Value::Null);
        for name in ["email", "custom_data"] {
            assert_eq!((other.get(name), access.get(name)), (None, None), "{name}");
        }
        let wanted = json!({ "aud": PORTAL.0, "email": "Ada@mail.example", "custom_data": custom_data() });
        assert_eq!(mine, with(&other, &wanted));
        // What a request asks for comes besides, and what it says of one of them counts.
        let claims = json!({ "id_token": { "fname": null, "custom_data": { "fields": ["tier"] } }, "access_token": { "lname": null } });
        let (asked, access) = said(&server, PORTAL, &ada.session, &claims);
        assert_eq!(asked, with(&mine, &json!({ "fname": "Augusta", "custom_data": { "tier": "gold" } })));
        assert_eq!((access.get("lname"), access.get("email")), (Some(&json!("Lovelace")), None));
    }

    fn an_access_token_takes_four_kib_of_claims_and_leaves_out_what_does_not_fit(engine) {
        let server = start(engine, "");
        let portal = Backend::portal(&server);
        let user = portal.user(&json!({ "email": "bob@mail.example" }));
        let session = open_session(&server, &user, &[AuthMethod::Password]);
        let wish = json!({ "custom_data": null, "email": null });
        // Of the claim count its name and `{"a":""}` besides.
        for (length, fits) in [(4096 - 19, true), (4096 - 18, false), (50_000, false)] {
            let kept = json!({ "a": "x".repeat(length) });
            let changed = portal.call(Method::PUT, &format!("/v1/users/{user}"), &json!({ "custom_data": kept }));
            assert_eq!(changed.status, 200, "{}", changed.text);
            let answer = portal.authenticate(&session, json!({ "claims": { "id_token": wish, "access_token": wish } }));
            let signed_in = SignedIn::of(user.clone(), &answer);
            let access = verify(&server, &signed_in.access, "userid-api");
            assert_eq!(access.get("custom_data"), Some(&kept).filter(|_| fits), "{length}");
            // It comes next, and has room only where the other one is left out.
            assert_eq!(access.get("email").is_some(), !fits, "{length}");
            let id = id_claims(&server, &signed_in.id_token, PORTAL.0);
            assert_eq!((&id["custom_data"], &id["email"]), (&kept, &json!("bob@mail.example")), "{length}");
            let shown = Answer::to(server.request(Method::GET, "/userinfo").bearer_auth(&signed_in.access));
            assert_eq!((shown.status.as_u16(), &shown.json()["sub"]), (200, &json!(user)), "{length}");
            assert!(is_active(&server, &signed_in.access), "{length}");
        }
    }
}
