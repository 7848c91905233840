//! What the token says (RFC 9068), and how it is signed.

use jsonwebtoken::decode_header;
use serde_json::{Value, json};

use super::{ENVIRONMENT, request, server};
use crate::{
    both_engines,
    support::{Engine, TestServer, tokens::verify},
};

both_engines! {
    /// TE-080, TE-081, TE-082, TE-083, TE-086, TE-089.
    fn the_token_has_the_claims_of_rfc_9068_and_no_others(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let answer = request(&server, "single", &[("scope", "orders.read common")]);
        let claims = verify(&server, &answer.access_token(), "orders");
        let mut names: Vec<&str> = claims.as_object().expect("an object").keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = [
            "aud", "client_id", "environmentId", "exp", "iat", "iss", "jti", "scope", "sub", "subjectType", "tenantId",
        ];
        assert_eq!(names, expected);
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("single"), &json!("single")));
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.url), &json!("orders")));
        assert_eq!((&claims["scope"], &claims["subjectType"]), (&json!("orders.read common"), &json!("ServiceAccount")));
        assert!(claims["iat"].is_i64() && claims["exp"].is_i64(), "whole seconds: {claims}");
        assert_eq!(claims["jti"].as_str().map(str::len), Some(22));

        let record = server.database.audit_records().pop().expect("a record");
        for (member, value) in [
            ("event", json!("token.issued")),
            ("grant", json!("client_credentials")),
            ("client_id", json!("single")),
            ("subject", json!("single")),
            ("audience", json!(["orders"])),
            ("scope_requested", json!("orders.read common")),
            ("scope_granted", json!("orders.read common")),
            ("environment_id", claims["environmentId"].clone()),
            ("jti", claims["jti"].clone()),
        ] {
            assert_eq!(record[member], value, "{member}");
        }
    }

    /// TE-070: the shortest of the bounds counts.
    fn a_token_lives_as_long_as_environment_and_resource_server_let_it(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        for (client, target, lifetime) in [
            ("several", "orders", 500),
            ("several", "https://stock.example/api", 1000),
            ("several", "reports", 1000),
            ("scopeless", "plain", 1000),
        ] {
            let answer = request(&server, client, &[("audience", target)]);
            let claims = verify(&server, &answer.access_token(), target);
            assert_eq!(answer.json()["expires_in"], lifetime);
            assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(lifetime));
        }
        let both = [("audience", "orders"), ("resource", "https://stock.example/api"), ("scope", "common")];
        assert_eq!(request(&server, "several", &both).json()["expires_in"], 500);
        server.apply(&ENVIRONMENT.replace("access_token_lifetime = 1000", "access_token_lifetime = 60"));
        server.eventually("tokens live shorter", || request(&server, "single", &[]).json()["expires_in"] == 60);
    }
}

/// TE-089.
#[test]
fn no_two_tokens_share_an_id() {
    let server = server();
    let mut ids: Vec<String> = (0..20)
        .map(|_| verify(&server, &request(&server, "single", &[]).access_token(), "orders")["jti"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

/// TE-083: the answer stays as RFC 6749 has it.
#[test]
fn a_resource_server_may_have_its_scopes_as_an_array() {
    let server = server();
    for scope in ["reports.read", "common reports.read"] {
        let answer = request(&server, "several", &[("audience", "reports"), ("scope", scope)]);
        let expected: Vec<&str> = scope.split(' ').collect();
        assert_eq!(verify(&server, &answer.access_token(), "reports")["scope"], json!(expected));
        assert_eq!(answer.json()["scope"], scope);
    }
}

/// TE-083: no scope is no claim, not an empty one.
#[test]
fn a_token_without_scope_has_no_scope_claim() {
    let server = server();
    let answer = request(&server, "scopeless", &[]);
    assert_eq!(verify(&server, &answer.access_token(), "plain").get("scope"), None);
    assert_eq!(answer.json().get("scope"), None);
}

#[test]
fn permissions_stand_in_the_clients_own_token() {
    let server = server();
    let claims = verify(&server, &request(&server, "permitted", &[]).access_token(), &server.url.clone());
    assert_eq!(
        claims["permissions"],
        json!({ "ax-user-service": ["USERS_VIEW", "APPLICATIONS_VIEW"], "other": ["C_KEY"] })
    );
    assert_eq!(verify(&server, &request(&server, "single", &[]).access_token(), "orders").get("permissions"), None);
}

/// Every algorithm, each for a resource server of its own, verified by a library that is not ours.
#[test]
fn a_resource_server_chooses_how_its_tokens_are_signed() {
    let algs = ["RS256", "ES256", "PS256", "EdDSA"];
    let mut environment = String::from("[environment]\nname = \"algs\"\n");
    for alg in algs {
        environment +=
            &format!("[[resource_server]]\naudience = \"{alg}\"\nscopes = [\"x\"]\nsigning_alg = \"{alg}\"\n");
    }
    let access: Vec<String> = algs.iter().map(|alg| format!("{{ audience = \"{alg}\", scopes = [\"x\"] }}")).collect();
    environment += &format!(
        "[[client]]\nid = \"several\"\ngrants = [\"client_credentials\"]\naccess = [{}]\n\
         secret = \"a-secret-for-all-clients-of-this-test\"\n",
        access.join(", ")
    );
    let server = TestServer::builder(Engine::Sqlite).environment(&environment).start();
    let mut kids = Vec::new();
    for alg in algs {
        let token = request(&server, "several", &[("audience", alg)]).access_token();
        let header = decode_header(&token).expect("a header");
        assert_eq!(format!("{:?}", header.alg), alg);
        assert_eq!(verify(&server, &token, alg)["aud"], alg);
        kids.push(header.kid.expect("kid"));
    }
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), algs.len(), "one key for each algorithm");
    let differ = [("audience", "RS256"), ("audience", "ES256")];
    request(&server, "several", &differ).assert_refused(400, "invalid_target", "targets_differ");
    let supported = &server.get("/.well-known/openid-configuration").json()["id_token_signing_alg_values_supported"];
    assert_eq!(supported, &json!(algs));
}

/// TE-080: RS256 is what every verifier must know (RFC 9068 §4), and the default of the settings.
#[test]
fn the_algorithm_of_the_settings_is_the_default() {
    for alg in ["RS256", "EdDSA"] {
        let server = TestServer::builder(Engine::Sqlite).setting("tokens.signing_alg", alg).start();
        let token = server.token(crate::support::BFF, &crate::support::CLIENT_CREDENTIALS).access_token();
        assert_eq!(format!("{:?}", decode_header(&token).expect("a header").alg), alg);
        assert_eq!(verify(&server, &token, "resource-api")["sub"], "bff");
    }
}

/// TE-078, TE-085: a name means one thing, also across kinds.
#[test]
fn sub_and_aud_are_text_of_the_operator_and_not_of_the_caller() {
    let server = server();
    let more = [("sub", "somebody"), ("client_name", "x"), ("aud", "x"), ("exp", "9999999999"), ("act", "{}")];
    let claims = verify(&server, &request(&server, "single", &more).access_token(), "orders");
    assert_eq!((&claims["sub"], claims.get("act")), (&json!("single"), None::<&Value>));
}
