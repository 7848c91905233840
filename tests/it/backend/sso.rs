//! One session for several applications, and what the tokens say.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use openssl::sha::sha256;
use serde_json::{Value, json};
use tessera::domain::{clock::Clock as _, login::AuthMethod};

use super::sessions::is_active;
use crate::{
    both_engines,
    support::{
        TestServer,
        backend::{Backend, PORTAL, PORTAL_APP, SHOP, SHOP_APP, SignedIn, assert_refused, open_session, start},
        tokens::verify,
    },
};

/// The claims of an ID token for `client`, checked as a client does, with a library that is not ours.
pub fn id_claims(server: &TestServer, token: &str, client: &str) -> Value {
    let header = decode_header(token).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").json()).expect("a key set");
    let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[client]);
    validation.set_issuer(&[&server.url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    decode(token, &DecodingKey::from_jwk(jwk).expect("a key"), &validation).expect("an ID token").claims
}

both_engines! {
    fn the_tokens_say_who_signed_in_how_and_when(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let user = portal.user(&json!({ "email": "Ada@example.com", "phone_number": "+4912345678" }));
        let begun = server.clock.now();
        let session = open_session(&server, &user, &[AuthMethod::Password, AuthMethod::SmsOtp]);
        server.clock.advance(7);
        let claims = json!({
            "id_token": { "email": null, "email_verified": null, "phone_number": null, "app_name": null, "new_user": null, "sub": null,
                "roles": null, "amr": null, "sid": null, "tid": null, "webauthn": null },
            "access_token": { "email": null, "act": null, "scope": null, "exp": null, "permissions": null },
        });
        let signed_in = SignedIn::of(user.clone(), &portal.authenticate(&session, json!({ "claims": claims, "resource": "bff-api" })));
        assert_eq!(signed_in.session_id, session, "it stays the same");
        let (now, tenant) = (server.clock.now(), server.database.value("SELECT id AS value FROM tenants"));

        let access = verify(&server, &signed_in.access, "bff-api");
        let expected = [
            ("sub", json!(user)), ("aud", json!("bff-api")), ("client_id", json!(PORTAL.0)), ("tid", json!(tenant)), ("iat", json!(now)),
            ("exp", json!(now + 3600)), ("amr", json!(["pwd", "sms", "mfa"])), ("acr", json!("mfa")), ("auth_time", json!(begun)),
            ("app_id", json!(PORTAL_APP)), ("app_name", json!("portal")), ("email", json!("Ada@example.com")),
            ("subjectType", json!("EndUserAccount")), ("scope", json!("calendar.read profile")),
        ];
        for (name, value) in expected {
            assert_eq!(access[name], value, "{name}");
        }
        for absent in ["act", "permissions"] {
            assert!(access.get(absent).is_none(), "{absent} is not to be asked for: {access}");
        }
        let id = id_claims(&server, &signed_in.id_token, PORTAL.0);
        let half = &sha256(signed_in.access.as_bytes())[..16];
        let expected = [
            ("sub", json!(user)), ("tid", json!(tenant)), ("iat", json!(now)), ("exp", json!(now + 3600)), ("auth_time", json!(begun)),
            ("amr", json!(["pwd", "sms", "mfa"])), ("acr", json!("mfa")), ("sid", access["sid"].clone()),
            ("at_hash", json!(URL_SAFE_NO_PAD.encode(half))), ("email", json!("Ada@example.com")), ("email_verified", json!(false)),
            ("phone_number", json!("+4912345678")), ("app_name", json!("portal")), ("new_user", json!(true)), ("webauthn", json!(false)),
        ];
        for (name, value) in expected {
            assert_eq!(id[name], value, "{name}");
        }
        assert!(id.get("roles").is_none(), "there are none here: {id}");
        let record = server.database.audit_records().into_iter().rfind(|record| record["event"] == "user.authenticated").expect("a record");
        assert_eq!(
            (&record["subject"], &record["session_id"], &record["jti"], &record["application_id"]),
            (&json!(user), &access["sid"], &access["jti"], &json!(PORTAL_APP)),
        );
    }

    fn without_a_resource_the_token_is_for_this_server_alone(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("ada@example.com");
        let claims = verify(&server, &signed_in.access, "userid-api");
        assert_eq!((&claims["amr"], claims.get("acr")), (&json!(["pwd"]), None));
        for resource in ["resource-api", "https://unknown.example", "reports-api"] {
            let answer = portal.authenticate(&signed_in.session_id, json!({ "resource": resource }));
            assert_refused(&server, &answer, 400, "invalid_resource");
        }
        let answer = Backend::shop(&server).authenticate(&signed_in.session_id, json!({ "resource": "bff-api" }));
        assert_refused(&server, &answer, 400, "invalid_resource");
    }

    fn a_session_opens_another_application_whose_user_it_is(engine) {
        let server = start(engine);
        let (portal, shop) = (Backend::portal(&server), Backend::shop(&server));
        let signed_in = portal.signed_in("ada@example.com");
        assert_refused(&server, &shop.authenticate(&signed_in.session_id, json!({})), 404, "user_not_found");
        // Who is there already is let in, and not made anew.
        assert_eq!(shop.user(&json!({ "email": "ada@example.com" })), signed_in.user_id);
        let there = SignedIn::of(signed_in.user_id.clone(), &shop.authenticate(&signed_in.session_id, json!({})));
        let (here, id) = (verify(&server, &signed_in.access, "userid-api"), id_claims(&server, &there.id_token, SHOP.0));
        assert_eq!((&id["sid"], &id["auth_time"], &id["sub"]), (&here["sid"], &here["auth_time"], &here["sub"]));
        let access = verify(&server, &there.access, "userid-api");
        assert_eq!((&access["sid"], &access["client_id"], &access["app_id"]), (&here["sid"], &json!(SHOP.0), &json!(SHOP_APP)));
        assert_eq!(there.session_id, signed_in.session_id);

        // Refresh tokens are one client's each, and die together.
        let refresh = |backend: &Backend<'_>, token: &str| backend.post("/v1/auth/token/refresh", &json!({ "refresh_token": token }));
        assert_refused(&server, &refresh(&portal, &there.refresh), 400, "invalid_refresh_token");
        assert_eq!(shop.post("/v1/auth/session/logout", &json!({ "session_id": signed_in.session_id })).status, 204);
        for (backend, token) in [(&portal, &signed_in.refresh), (&shop, &there.refresh)] {
            assert_refused(&server, &refresh(backend, token), 400, "invalid_refresh_token");
        }
        assert!(!is_active(&server, &signed_in.access));
    }
}
