//! How users sign in: clients, and the providers behind connections.

use super::{HEAD, mistakes, parse, refused};
use crate::domain::{
    connection::{ResponseMode, TokenEndpointAuth},
    environment::TokenTyp,
};

/// The public key of RFC 8037 Appendix A.2.
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

const SIGN_IN: &str = r#"
[environment]
name = "e"
[[application]]
name = "web"
platform = "WEB"
[[client]]
id = "ui"
grants = ["authorization_code"]
redirect_uris = ["https://app.example/back"]
application = "web"
"#;

#[test]
fn a_client_whose_users_sign_in_says_to_what_and_where_they_go_back_to() {
    let client = parse(SIGN_IN).clients.remove(0).client;
    assert_eq!(client.sign_in.redirect_uris, ["https://app.example/back"]);
    assert_eq!(client.sign_in.application.as_deref(), Some("web"));
    let without = |line: &str| SIGN_IN.replace(line, "");
    refused(&without("redirect_uris = [\"https://app.example/back\"]\n"), "7:1", "needs it");
    refused(&without("application = \"web\"\n"), "7:1", "needs it");
    refused(&SIGN_IN.replace("application = \"web\"", "application = \"wep\""), "11:15", "the nearest one is \"web\"");
    for bad in ["http://app.example/back", "https://app.example/back#x", "app:/back", "https://u@app.example/"] {
        refused(&SIGN_IN.replace("https://app.example/back", bad), "10:18", "must be an https:// URL");
    }
    // The backend of an application has links sent that lead there.
    let backend = SIGN_IN.replace("[\"authorization_code\"]", "[]");
    assert_eq!(parse(&backend).warnings, []);
    let warnings = parse(&backend.replace("application = \"web\"", "")).warnings;
    assert!(warnings.iter().any(|warning| warning.to_string().contains("have no effect")), "{warnings:?}");
}

// ID tokens have the type `JWT` and the client as their audience.
#[test]
fn what_users_sign_in_to_is_no_resource_server_whose_tokens_look_like_id_tokens() {
    let file = |more: &str| format!("{SIGN_IN}[[resource_server]]\naudience = \"ui\"\nclients = [\"ui\"]\n{more}");
    let server = parse(&file("")).resource_servers.remove(0);
    assert_eq!(server.token_typ, TokenTyp::AccessToken);
    refused(&file("token_typ = \"JWT\"\n"), "8:6", "its ID tokens would look like access tokens there");
    let backend = file("token_typ = \"JWT\"\n").replace("[\"authorization_code\"]", "[]");
    refused(&backend, "8:6", "its ID tokens would look like access tokens there");
    let service = file("token_typ = \"JWT\"\n").replace("\"ui\"\nclients", "\"api\"\nclients");
    assert_eq!(parse(&service).resource_servers.remove(0).token_typ, TokenTyp::Jwt);
    refused(&file("token_typ = \"jwt\"\n"), "15:13", "must be one of \"at+jwt\", \"JWT\"");
}

#[test]
fn users_can_be_sent_to_an_openid_provider_whose_secret_is_never_quoted() {
    let sign_in = |more: &str| {
        let endpoints = "authorization_endpoint = \"https://p/a\", token_endpoint = \"https://p/t\"";
        format!(
            "{HEAD}[[identity_connection]]\nname = \"c\"\nprovider = \"OIDC\"\nissuer = \"https://p\"\n\
             audiences = [\"us\"]\njwks = '{JWKS}'\nsign_in = {{ client_id = \"t\", {endpoints}{more} }}\n"
        )
    };
    let refused = |text: &str, message: &str| {
        let found = mistakes(text);
        assert!(found.len() == 1 && found[0].starts_with("env.toml:9:") && found[0].contains(message), "{found:#?}");
        assert!(!found[0].contains("hush-hush"), "{found:#?}");
    };
    let block = parse(&sign_in(", client_secret = \"short\", scopes = [\"email\"]")).identity_connections.remove(0);
    let read = block.sign_in.expect("sign_in");
    assert_eq!((read.client_id.as_str(), read.secret.reveal(), read.iss_required), ("t", "short", false));
    assert_eq!(read.scopes.to_string(), "openid email", "openid is always asked for");
    assert!(block.connection.sign_in.is_none(), "not before the secret is sealed");
    let public = parse(&sign_in(", token_endpoint_auth_method = \"none\", response_mode = \"form_post\""));
    let read = public.identity_connections[0].sign_in.as_ref().expect("sign_in");
    assert_eq!(
        (read.token_endpoint_auth_method, read.response_mode),
        (TokenEndpointAuth::None, ResponseMode::FormPost)
    );
    let method =
        |name: &str| sign_in(&format!(", client_secret = \"hush-hush\", token_endpoint_auth_method = \"{name}\""));
    refused(&method("none"), "is not sent with");
    refused(&method("private_key_jwt"), "must be one of \"client_secret_basic\", \"client_secret_post\", \"none\"");
    let endpoints = "authorization_endpoint = \"https://p/a\", token_endpoint = \"https://p/t\", ";
    let found = sign_in(", client_secret = \"short\"").replace(endpoints.trim_end_matches(", "), "scopes = []");
    let read = parse(&found).identity_connections.remove(0).sign_in.expect("sign_in");
    assert_eq!((read.authorization_endpoint, read.token_endpoint), (None, None), "its metadata say");
    refused(&found.replace("issuer = \"https://p\"", "issuer = \"p\""), "its metadata cannot be found");
    refused(&sign_in(""), "needs client_secret, client_secret_env or client_secret_file");
    refused(&sign_in(", client_secret = \"\""), "must not be empty");
    refused(&sign_in(", client_secret = \"hush-hush\", client_secret_env = \"B\""), "together with client_secret");
    refused(&sign_in(", client_secret = \"hush-hush\"").replace("https://p/t", "http://p/t"), "https:// URL");
    refused(&sign_in(", client_secret = \"hush-hush\"").replace("https://p/a", "javascript:x"), "https:// URL");
    refused(&sign_in(", client_secret = \"hush-hush\"").replace("\"OIDC\"", "\"JWT\""), "only those have ID tokens");
}
