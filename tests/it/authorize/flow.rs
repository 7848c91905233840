//! From the button in an application to its tokens.

use serde_json::json;
use tessera::domain::clock::Clock as _;

use super::*;
use crate::{
    both_engines,
    metrics::signatures,
    support::tokens::{exchange_as, peek, verify},
};

const BFF: (&str, &str) = ("bff", "a-secret-of-the-bff-with-more-than-32-characters");

both_engines! {
    fn a_user_signs_in_at_the_provider_and_the_client_gets_tokens_for_it(engine) {
        let world = World::new(engine);
        let begun = world.begin(&[]);
        assert_eq!(begun.status, 303);
        guarded(&begun);
        let cookie = begun.header("set-cookie").expect("a cookie").to_owned();
        assert!(cookie.contains("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
        let started = world.server.record_of(&begun);
        for (name, value) in [("event", "authorization.started"), ("outcome", "success"), ("client_id", "ui"),
            ("application_id", WEB), ("scope_requested", "openid profile email calendar.read")] {
            assert_eq!(started[name], value, "{started}");
        }
        let to_provider = location(&begun);
        assert!(to_provider.starts_with(&world.provider.peer.url("/authorize?fixed=1&")), "{to_provider}");
        assert_eq!(parameter(&to_provider, "redirect_uri"), Some(format!("{}/authorize/callback", world.server.url)));
        assert_eq!(parameter(&to_provider, "scope").as_deref(), Some("openid email profile"));
        assert_ne!(parameter(&to_provider, "state").as_deref(), Some("the state of the client é"));

        let (last, url) = world.browser.follow(&begun, "https://");
        guarded(&last);
        assert_eq!(last.status, 303);
        assert!(world.browser.cookies().is_empty(), "the cookie has done its work");
        assert!(url.as_str().starts_with("https://app.example/back?tenant=1&code=tsc_"), "{url}");
        assert_eq!(parameter(url.as_str(), "state").as_deref(), Some("the state of the client é"));
        assert_eq!(parameter(url.as_str(), "iss").as_deref(), Some(world.server.url.as_str()), "RFC 9207");
        let granted = world.server.record_of(&last);
        assert_eq!((&granted["event"], &granted["client_id"]), (&json!("authorization.granted"), &json!("ui")));

        let code = parameter(url.as_str(), "code").expect("a code");
        let answer = world.redeem(UI, &code, &[]);
        let claims = verify(&world.server, &answer.access_token(), "bff-api");
        let now = world.server.clock.now();
        for (name, value) in [("scope", json!("calendar.read")), ("client_id", json!("ui")), ("subjectType", json!("EndUserAccount")),
            ("applicationId", json!(WEB)), ("email", json!("ada@example.com")), ("name", json!("Ada Lovelace")),
            ("auth_time", json!(now - 5)), ("aud", json!("bff-api"))] {
            assert_eq!(claims[name], value, "{name}");
        }
        assert_eq!(claims["sub"], claims["userId"]);
        assert_eq!(granted["subject"], claims["sub"]);
        let body = answer.json();
        assert_eq!(body["scope"], "openid profile email calendar.read");
        let id_token = world.id_token(body["id_token"].as_str().expect("an ID token"), "ui");
        for (name, value) in [("sub", claims["sub"].clone()), ("nonce", json!("the nonce of the client")), ("exp", json!(now + 600)),
            ("iat", json!(now)), ("auth_time", json!(now - 5)), ("sid", claims["sessionId"].clone()),
            ("name", json!("Ada Lovelace")), ("email", json!("ada@example.com"))] {
            assert_eq!(id_token[name], value, "{name}");
        }
        let half = &sha256(body["access_token"].as_str().expect("a token").as_bytes())[..16];
        assert_eq!(id_token["at_hash"], URL_SAFE_NO_PAD.encode(half));
        let record = world.server.record_of(&answer);
        assert_eq!((&record["grant"], &record["jti"]), (&json!("authorization_code"), &claims["jti"]));
        assert_eq!(record["subject"], claims["sub"]);

        // The next leg: a backend that is the resource server exchanges the token, and the user stays who it is.
        let exchanged = exchange_as(&world.server, BFF, &answer.access_token(), &[("scope", "calendar.edit")]);
        let exchanged = verify(&world.server, &exchanged.access_token(), "resource-api");
        assert_eq!((&exchanged["sub"], &exchanged["act"]["sub"]), (&claims["sub"], &json!("bff")));
        assert_eq!(exchanged["sessionId"], claims["sessionId"]);
        assert_eq!(exchanged["anc"], json!([claims["jti"]]));

        // No secret of all this is in a record.
        let records = json!(world.server.database.audit_records()).to_string();
        let state = parameter(&to_provider, "state").expect("a state");
        let value = cookie.split(['=', ';']).nth(1).expect("a value").to_owned();
        for secret in [&code, &state, &value, &"the state of the client".to_owned(), &VERIFIER.to_owned()] {
            assert!(!records.contains(secret.as_str()), "{secret}");
        }
    }

    fn the_same_person_is_the_same_user_in_a_session_of_its_own_each_time(engine) {
        let world = World::new(engine);
        let claims = |changes: &[(&str, &str)]| {
            verify(&world.server, &world.redeem(UI, &world.code(changes), &[]).access_token(), "bff-api")
        };
        let (first, second) = (claims(&[]), claims(&[]));
        assert_eq!(first["sub"], second["sub"]);
        assert_ne!(first["sessionId"], second["sessionId"]);
        assert_ne!(claims(&[("login_hint", "eve")])["sub"], first["sub"]);
        assert_eq!(world.count("users"), "2");
        assert_eq!(world.count("authorization_requests"), "0");
    }
}

#[test]
fn a_request_can_be_a_form_and_a_second_window_does_not_disturb_the_first() {
    let world = World::new(Engine::Sqlite);
    let url = Url::parse(&world.authorize_url(&[])).expect("a URL");
    let form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let first = world.browser.post(&world.server.at("/authorize"), &form);
    assert_eq!(first.status, 303, "{}", first.text);
    let second = world.begin(&[]);
    assert_eq!(world.browser.cookies().len(), 2);
    for begun in [second, first] {
        let (_, url) = world.browser.follow(&begun, "https://");
        let code = parameter(url.as_str(), "code").expect("a code");
        world.redeem(UI, &code, &[]).access_token();
    }
}

#[test]
fn scopes_and_targets_are_those_that_were_asked_for() {
    let world = World::new(Engine::Sqlite);
    let tokens = |changes: &[(&str, &str)], at_token: &[(&str, &str)]| {
        let answer = world.redeem(UI, &world.code(changes), at_token);
        (peek(&answer.access_token()), answer.json())
    };
    // Who wants to know who the user is gets that and no more, for this server alone.
    let (access, body) = tokens(&[("scope", "openid")], &[]);
    assert_eq!((&access["aud"], access.get("scope")), (&json!(world.server.url), None));
    let id_token = world.id_token(body["id_token"].as_str().expect("an ID token"), "ui");
    assert_eq!((id_token.get("name"), id_token.get("email")), (None, None));
    // Without `openid` there is no ID token.
    let (access, body) = tokens(&[("scope", "orders"), ("resource", "https://orders.example/")], &[]);
    assert_eq!((&access["aud"], &access["scope"]), (&json!("https://orders.example/"), &json!("orders")));
    assert_eq!((body.get("id_token"), &body["expires_in"]), (None, &json!(120)));
    // A target may be named once more at the token endpoint, but no other one.
    let orders = [("scope", "orders"), ("resource", "https://orders.example/")];
    tokens(&orders, &[("resource", "https://orders.example/")]);
    // In another spelling it is the same one, and the token has the one that is registered.
    let (access, _) = tokens(
        &[("scope", "orders"), ("resource", "https://orders.example")],
        &[("resource", "https://ORDERS.example:443")],
    );
    assert_eq!(access["aud"], "https://orders.example/");
    let answer = world.redeem(UI, &world.code(&orders), &[("audience", "bff-api")]);
    world.server.assert_refused(&answer, "invalid_target", "target_not_allowed");
}

#[test]
fn the_signatures_of_both_tokens_are_counted() {
    let world = World::new(Engine::Sqlite);
    let code = world.code(&[]);
    let before = signatures(&world.server);
    world.redeem(UI, &code, &[]).access_token();
    assert_eq!(signatures(&world.server) - before, 2.0);
}

#[test]
fn an_id_token_is_no_access_token_and_an_access_token_no_id_token() {
    let world = World::new(Engine::Sqlite);
    let body = world.redeem(UI, &world.code(&[]), &[]).json();
    let (access, id_token) = (body["access_token"].as_str().expect("one"), body["id_token"].as_str().expect("one"));
    let answer = exchange_as(&world.server, BFF, id_token, &[("scope", "calendar.edit")]);
    world.server.assert_subject_refused(&answer, "typ is not at+jwt");
    for token in [access, id_token] {
        let kind = "urn:ietf:params:oauth:token-type:id_token";
        let form = [("grant_type", crate::support::EXCHANGE), ("subject_token", token), ("subject_token_type", kind)];
        let answer = world.server.token(BFF, &form);
        world.server.assert_refused(&answer, "invalid_request", "identity_connection_not_active");
    }
}

#[test]
fn wishes_go_to_the_provider_and_max_age_is_held_to() {
    let world = World::new(Engine::Sqlite);
    let wishes = [("login_hint", "grace"), ("prompt", "login"), ("max_age", "60")];
    let to_provider = location(&world.begin(&wishes));
    for (name, value) in wishes {
        assert_eq!(parameter(&to_provider, name).as_deref(), Some(value));
    }
    for stale in [json!(world.server.clock.now() - 100), json!(null), json!("now")] {
        world.provider.tamper(move |claims| claims["auth_time"] = stale.clone());
        let (answer, _) = world.sign_in(&wishes);
        world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "longer ago than max_age");
    }
    world.code(&wishes);
}

#[test]
fn the_metadata_says_what_the_endpoint_can_do() {
    let world = World::new(Engine::Sqlite);
    for document in ["oauth-authorization-server", "openid-configuration"] {
        let metadata = world.server.get(&format!("/.well-known/{document}")).json();
        for (name, value) in [
            ("authorization_endpoint", json!(format!("{}/authorize", world.server.url))),
            ("response_types_supported", json!(["code"])),
            ("response_modes_supported", json!(["query"])),
            ("code_challenge_methods_supported", json!(["S256"])),
            ("authorization_response_iss_parameter_supported", json!(true)),
            ("request_uri_parameter_supported", json!(false)),
        ] {
            assert_eq!(metadata[name], value, "{document} {name}");
        }
        let grants = metadata["grant_types_supported"].as_array().expect("a list");
        assert!(grants.contains(&json!("authorization_code")));
    }
}

#[test]
fn a_client_with_the_grant_gets_a_refresh_token_that_dies_with_a_replay_of_the_code() {
    let provider = OpenIdProvider::start();
    let grants = ["[\"authorization_code\"]", "[\"authorization_code\", \"refresh_token\"]"];
    let environment = ENVIRONMENT.replacen(grants[0], grants[1], 1);
    let environment = format!("{environment}{}", provider.connection("idp", ""));
    let world = World::with(Engine::Sqlite, provider, &environment);
    let refresh = |token: &str| world.server.token(UI, &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let refresh_token = |answer: &Answer| answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
    for (scope, audience) in [("openid calendar.read", "bff-api"), ("openid", world.server.url.as_str())] {
        let code = world.code(&[("scope", scope)]);
        let first = world.redeem(UI, &code, &[]);
        let claims = verify(&world.server, &first.access_token(), audience);
        let body = first.json();
        let id_token = world.id_token(body["id_token"].as_str().expect("an ID token"), "ui");
        assert_eq!(id_token["sid"], claims["sid"]);
        let second = refresh(&refresh_token(&first));
        let later = verify(&world.server, &second.access_token(), audience);
        for name in ["sub", "sid", "sessionId", "aud", "applicationId", "auth_time"] {
            assert_eq!(later[name], claims[name], "{name}");
        }
        assert_eq!(later.get("scope"), claims.get("scope"));
        assert_eq!(second.json().get("id_token"), None, "nobody signed in");
        world.assert_code_refused(&world.redeem(UI, &code, &[]), "the code was used before");
        let dead = refresh(&refresh_token(&second));
        dead.assert_refused(400, "invalid_grant", "refresh_token_refused");
        if audience == "bff-api" {
            let answer = exchange_as(&world.server, BFF, &second.access_token(), &[("scope", "calendar.edit")]);
            world.server.assert_subject_refused(&answer, "the session of the token is revoked");
        }
    }
}

#[test]
fn a_connection_that_is_disabled_stops_the_refreshes_of_those_who_signed_in_there() {
    let provider = OpenIdProvider::start();
    let grants = ["[\"authorization_code\"]", "[\"authorization_code\", \"refresh_token\"]"];
    let environment = ENVIRONMENT.replacen(grants[0], grants[1], 1);
    let environment = format!("{environment}{}", provider.connection("idp", ""));
    let world = World::with(Engine::Sqlite, provider, &environment);
    let refresh = |token: &str| world.server.token(UI, &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let answer = world.redeem(UI, &world.code(&[("scope", "openid calendar.read")]), &[]);
    let token = answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
    let name = "name = \"idp\"\n";
    assert_eq!(environment.matches(name).count(), 1, "{environment}");
    world.server.apply(&environment.replace(name, &format!("{name}enabled = false\n")));
    world.server.eventually("the refresh to be refused", || refresh(&token).status == 400);
    refresh(&token).assert_refused(400, "invalid_grant", "refresh_token_refused");
    world.server.apply(&environment);
    world.server.eventually("it to go on", || refresh(&token).status == 200);
}
