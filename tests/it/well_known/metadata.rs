//! Authorization server metadata (RFC 8414).

use reqwest::Method;
use serde_json::{Value, json};

use super::{SECOND_CLIENT, apply_second};
use crate::{
    both_engines,
    support::{
        ACCESS_TOKEN, Answer, BFF, CLIENT_CREDENTIALS, EXCHANGE, Engine, TestServer,
        tokens::{peek, verify_of},
    },
};

const PATH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// TE-100 to TE-104.
#[test]
fn the_document_says_what_is_there() {
    let server = TestServer::start(Engine::Sqlite);
    let answer = server.get(PATH);
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/json")));
    let expected = json!({
        "issuer": server.url,
        "token_endpoint": format!("{}/token", server.url),
        "jwks_uri": format!("{}/.well-known/jwks.json", server.url),
        "scopes_supported": ["calendar.edit", "calendar.read", "email", "openid", "profile", "reports.read"],
        "response_types_supported": ["code"],
        "authorization_endpoint": format!("{}/authorize", server.url),
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "request_uri_parameter_supported": false,
        "grant_types_supported": ["client_credentials", "authorization_code", EXCHANGE, "refresh_token", "delegation"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "introspection_endpoint": format!("{}/introspect", server.url),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "introspection_signing_alg_values_supported": ["ES256"],
        "revocation_endpoint": format!("{}/revoke", server.url),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    });
    let mut document = answer.json();
    sort(&mut document["scopes_supported"]);
    assert_eq!(document, expected);
    for (grant, error) in [("password", true), ("client_credentials", false), ("delegation", false), (EXCHANGE, false)]
    {
        let refused = server.token(BFF, &[("grant_type", grant)]).json()["error"] == "unsupported_grant_type";
        assert_eq!(refused, error, "the document and the endpoint agree on {grant}");
    }
}

fn sort(list: &mut Value) {
    list.as_array_mut().expect("a list").sort_by_key(Value::to_string);
}

/// TE-105.
#[test]
fn the_openid_document_has_the_same_values_and_more() {
    let server = TestServer::start(Engine::Sqlite);
    let (document, openid) = (server.get(PATH).json(), server.get(OPENID).json());
    for (name, value) in document.as_object().expect("an object") {
        assert_eq!(&openid[name], value, "{name}");
    }
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["ES256"]));
    for member in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        assert_eq!((&openid[member], document.get(member)), (&json!(true), None));
    }
    assert_eq!(openid["authorization_endpoint"], format!("{}/authorize", server.url));
}

/// TE-104.
#[test]
fn no_list_is_empty() {
    let bare = TestServer::builder(Engine::Sqlite).environment("[environment]\nname = \"bare\"\n").start();
    for path in [PATH, OPENID] {
        let document = bare.get(path).json();
        for (name, value) in document.as_object().expect("an object") {
            assert!(!value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()), "{name}: {value}");
        }
        assert_eq!(document["scopes_supported"], json!(["openid", "profile", "email"]));
    }
}

/// A disabled resource server is not advertised.
#[test]
fn scopes_of_a_disabled_resource_server_are_not_named() {
    let server = TestServer::start(Engine::Sqlite);
    let closed = crate::support::DEMO
        .replace("audience = \"reports-api\"\nscopes", "audience = \"reports-api\"\nenabled = false\nscopes");
    server.apply(&closed);
    server.eventually("the scope is gone", || !server.get(PATH).text.contains("reports.read"));
}

/// TE-100: whatever the host of the request is, or claims to be.
#[test]
fn the_issuer_is_the_configured_one_byte_by_byte() {
    let public_url = "https://auth.example.com";
    let server = TestServer::builder(Engine::Sqlite).setting("server.public_url", public_url).start();
    for host in ["auth.example.com", "attacker.example", "AUTH.EXAMPLE.COM:443"] {
        let request =
            server.request(Method::GET, PATH).header("host", host).header("x-forwarded-host", "attacker.example");
        let document = Answer::to(request).json();
        assert_eq!(document["issuer"], public_url);
        assert_eq!(document["token_endpoint"], format!("{public_url}/token"));
    }
    let token = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    assert_eq!(peek(&token)["iss"], public_url);
}

both_engines! {
    /// TE-099: the well-known part before the path of the issuer, as RFC 8414 §3.1 has it, and after it.
    fn every_environment_has_its_documents_in_both_places(engine) {
        let server = TestServer::start(engine);
        let path = apply_second(&server);
        let issuer = format!("{}{path}", server.url);
        for well_known in [PATH, OPENID] {
            let between = server.get(&format!("{well_known}{path}"));
            let below = server.get(&format!("{path}{well_known}"));
            assert_eq!((between.status.as_u16(), &between.text), (200, &below.text));
            let document = between.json();
            assert_eq!(document["issuer"], issuer);
            assert_eq!(document["token_endpoint"], format!("{issuer}/token"));
            assert_eq!(document["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
            assert_eq!(document["scopes_supported"], json!(["second.read", "openid", "profile", "email"]));
            assert_eq!(server.get(well_known).json()["issuer"], server.url);
        }
    }

    /// Nothing of one environment is of use in another.
    fn environments_are_strangers_to_each_other(engine) {
        let server = TestServer::start(engine);
        let path = apply_second(&server);
        let post = |at: &str, (id, secret): (&str, &str), form: &[(&str, &str)]| {
            Answer::to(server.request(Method::POST, &format!("{at}/token")).basic_auth(id, Some(secret)).form(form))
        };
        let second = post(&path, SECOND_CLIENT, &CLIENT_CREDENTIALS).access_token();
        let claims = verify_of(&server, &path, &second, "second-api");
        assert_eq!(claims["iss"], format!("{}{path}", server.url));
        assert_eq!(path, format!("/{}/{}", claims["tenantId"].as_str().unwrap_or(""), claims["environmentId"].as_str().unwrap_or("")));
        let first = post("", BFF, &CLIENT_CREDENTIALS).access_token();

        for (at, client) in [("", SECOND_CLIENT), (path.as_str(), BFF)] {
            post(at, client, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
        }
        for (at, client, foreign) in [("", BFF, &second), (path.as_str(), SECOND_CLIENT, &first)] {
            let form = [("grant_type", EXCHANGE), ("subject_token", foreign), ("subject_token_type", ACCESS_TOKEN)];
            post(at, client, &form).assert_refused(400, "invalid_request", "subject_token_refused");
            let record = server.database.audit_records().pop().expect("a record");
            assert!(record.get("jti").is_none(), "{record}");
        }
        let kids = |at: &str| -> Vec<String> {
            let document = server.get(&format!("{at}/.well-known/jwks.json")).json();
            document["keys"].as_array().expect("keys").iter().map(|key| key["kid"].to_string()).collect()
        };
        assert!(kids("").iter().all(|kid| !kids(&path).contains(kid)));
    }
}

/// Which part of a path is wrong is nobody's business.
#[test]
fn an_environment_answers_under_its_own_tenant_only() {
    let server = TestServer::start(Engine::Sqlite);
    let path = apply_second(&server);
    let (tenant, environment) = path.trim_start_matches('/').split_once('/').expect("two ids");
    let other = "00000000-0000-4000-8000-000000000000";
    let unknown = server.get("/nowhere");
    for wrong in [
        format!("/{other}/{environment}"),
        format!("/{tenant}/{other}"),
        format!("/{environment}/{tenant}"),
        format!("/{}/{environment}", tenant.to_uppercase()),
        format!("/{environment}"),
    ] {
        for answer in [
            server.get(&format!("{wrong}{PATH}")),
            server.get(&format!("{PATH}{wrong}")),
            server.get(&format!("{wrong}/.well-known/jwks.json")),
            Answer::to(server.request(Method::POST, &format!("{wrong}/token")).form(&CLIENT_CREDENTIALS)),
        ] {
            assert_eq!((answer.status.as_u16(), &answer.text), (404, &unknown.text), "{wrong}");
        }
    }
}

#[test]
fn documents_are_read_and_nothing_else() {
    let server = TestServer::start(Engine::Sqlite);
    for path in [PATH, OPENID, "/.well-known/jwks.json", "/health", "/ready"] {
        let get = server.get(path);
        let head = Answer::to(server.request(Method::HEAD, path));
        assert_eq!((head.status, head.text.as_str()), (get.status, ""));
        for same in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(head.header(same), get.header(same), "{path} {same}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = Answer::to(server.request(method.clone(), path));
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
}

/// TE-096.
#[test]
fn documents_are_kept_for_the_time_they_say() {
    let server = TestServer::builder(Engine::Sqlite).setting("keys.jwks_max_age", "77").start();
    for path in [PATH, OPENID, "/.well-known/jwks.json"] {
        let answer = server.get(path);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=77"));
        let etag = answer.header("etag").expect("an entity tag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        let conditional = |tags: &str| Answer::to(server.request(Method::GET, path).header("if-none-match", tags));
        for tags in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let unchanged = conditional(&tags);
            assert_eq!((unchanged.status.as_u16(), unchanged.text.as_str()), (304, ""), "{tags}");
            assert_eq!(
                (unchanged.header("etag"), unchanged.header("cache-control")),
                (Some(&*etag), Some("public, max-age=77"))
            );
        }
        for tags in ["\"x\"", "", "x"] {
            assert_eq!(conditional(tags).text, answer.text);
        }
    }
}
