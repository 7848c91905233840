//! `[[identity_connection]]`.

use super::*;
use crate::domain::{foreign::ForeignIssuer, verifying_alg::VerifyingAlg};

/// The public key of RFC 8037 Appendix A.2.
const JWKS: &str =
    "jwks = '{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}'";

/// The block on lines 3 and 4; `lines` begin on line 5.
fn connection(lines: &str) -> String {
    format!("{HEAD}[[identity_connection]]\nname = \"c\"\n{lines}\n")
}

/// Provider, issuer and audiences on lines 5 to 7; `lines` begin on line 8.
fn foreign(provider: &str, lines: &str) -> String {
    connection(&format!("provider = \"{provider}\"\nissuer = \"https://p\"\naudiences = [\"us\"]\n{lines}"))
}

fn issuer(text: &str) -> ForeignIssuer {
    parse(text).identity_connections[0].connection.provider.foreign_issuer().expect("a foreign issuer").clone()
}

#[test]
fn an_identity_connection_says_how_users_are_vouched_for() {
    refused(&connection("provider = \"SAML\""), "5:12", "\"DELEGATED\", \"OIDC\", \"JWT\"");
    refused(&connection("provider = \"DELEGATED\"\nissuer = \"https://p\""), "6:1", "no such key");
    refused(&connection("provider = \"DELEGATED\"").replace("\"c\"", "\"self\""), "4:8", "stands for this environment");
    refused(&connection("provider = \"DELEGATED\"").replace("\"c\"", "\"dev:users\""), "4:8", "those of development");
    let plain = parse(&connection("provider = \"DELEGATED\"")).identity_connections.remove(0).connection;
    assert_eq!((plain.title.as_str(), plain.sort_order, plain.enabled), ("c", 0, true));
    let lines = "provider = \"DELEGATED\"\ntitle = \"Sign in\"\nsort_order = -2\nenabled = false";
    let given = parse(&connection(lines)).identity_connections.remove(0).connection;
    assert_eq!((given.title.as_str(), given.sort_order, given.enabled), ("Sign in", -2, false));
}

#[test]
fn a_foreign_issuer_has_one_source_of_public_keys() {
    for provider in ["OIDC", "JWT"] {
        parse(&foreign(provider, ""));
        let unnamed = foreign(provider, "").replace("issuer = \"https://p\"", "issuer = \"p\"");
        refused(&unnamed, "3:1", "needs jwks_uri, or jwks");
        refused(&foreign(provider, &format!("jwks_uri = \"https://p/jwks\"\n{JWKS}")), "9:8", "together with jwks_uri");
        let private = JWKS.replace("\"x\"", "\"d\":\"AA\",\"x\"");
        refused(&foreign(provider, &private), "8:8", "private or symmetric key");
        let symmetric = "jwks = '{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}'";
        refused(&foreign(provider, symmetric), "8:8", "private or symmetric key");
        for bad in ["", "[]", "{}", "{\"keys\":{}}", "https://p/jwks"] {
            refused(&foreign(provider, &format!("jwks = '{bad}'")), "8:8", "must be a JSON document");
        }
        for unusable in ["", "{\"kty\":\"RSA\"}", "3"] {
            let text = format!("jwks = '{{\"keys\":[{unusable}]}}'");
            refused(&foreign(provider, &text), "8:8", "no key for signatures");
        }
        for bad in
            ["http://p/jwks", "https://u:p@p/jwks", "file:///etc/passwd", "http://127.0.0.1.example/jwks", "p/jwks"]
        {
            refused(&foreign(provider, &format!("jwks_uri = \"{bad}\"")), "8:12", "must be an https:// URL");
        }
        for good in ["https://p/jwks", "http://localhost:8080/jwks", "http://127.0.0.1/jwks", "http://[::1]:1/jwks"] {
            parse(&foreign(provider, &format!("jwks_uri = \"{good}\"")));
        }
    }
}

#[test]
fn a_foreign_issuer_names_whom_its_tokens_must_be_made_for() {
    let text = foreign("OIDC", JWKS);
    refused(&text.replace("audiences = [\"us\"]\n", ""), "3:1", "audiences: is missing");
    refused(&text.replace("[\"us\"]", "[]"), "7:13", "at least one, or tokens made for others");
    refused(&text.replace("[\"us\"]", "[\"us\", \"\"]"), "7:20", "1 to 255 bytes");
    refused(&text.replace("issuer = \"https://p\"\n", ""), "3:1", "issuer: is missing");
}

#[test]
fn conditions_are_single_values_and_algorithms_are_asymmetric() {
    let jwt = |lines: &str| foreign("JWT", &format!("{JWKS}\n{lines}"));
    refused(&jwt("algorithms = [\"HS256\"]"), "9:15", "must be one of \"RS256\"");
    for bad in ["3.5", "[\"a\"]", "{ b = 1 }"] {
        refused(&jwt(&format!("claims = {{ hd = {bad} }}")), "9:12", "must be a text, a whole number, true or false");
    }
    refused(&jwt("claims = { hd = 2026-01-01 }"), "9:12", "JSON cannot hold");
    let issuer =
        issuer(&jwt("algorithms = [\"ES256\"]\nclaims = { hd = \"p\", run = 7, \"https://p/protected\" = true }"));
    assert_eq!((issuer.issuer.as_str(), issuer.audiences.as_slice()), ("https://p", &["us".to_owned()][..]));
    assert_eq!(issuer.algorithms, [VerifyingAlg::ES256]);
    assert_eq!(
        serde_json::to_value(&issuer.claims).expect("JSON"),
        serde_json::json!({ "hd": "p", "run": 7, "https://p/protected": true })
    );
    assert_eq!(issuer.check(), Ok(()));
}

#[test]
fn the_claims_that_say_who_the_user_is_may_have_other_names() {
    let jwt = |lines: &str| foreign("JWT", &format!("{JWKS}\n{lines}"));
    let names = |text: &str| {
        let map = issuer(text).map;
        [map.subject, map.email, map.name]
    };
    assert_eq!(names(&jwt("")), ["sub", "email", "name"]);
    assert_eq!(names(&jwt("map = { subject = \"oid\", email = \"upn\" }")), ["oid", "upn", "name"]);
    refused(&jwt("map = { subject = \"\" }"), "9:19", "1 to 255 bytes long");
    refused(&jwt("map = { user = \"oid\" }"), "9:9", "no such key");
}

#[test]
fn the_authorities_of_an_issuer_are_certificates_that_may_be_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("to write a file");
        format!("jwks_uri = \"https://p/jwks\"\nca_file = \"{}\"", folder.path().join(name).display())
    };
    let none = "jwks_uri = \"https://p/jwks\"\nca_file = \"/no/such/file\"";
    refused(&foreign("OIDC", none), "9:11", "cannot be read");
    let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
    let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    for (name, text) in [("empty", ""), ("text", "hush"), ("key", key), ("rubbish", certificate)] {
        refused(&foreign("OIDC", &file(name, text)), "9:11", "must hold certificates in PEM, no private key");
    }
}
