//! Pages of other origins, and the answers that they may read (Fetch Standard §3.2).

use reqwest::Method;

use super::*;

const PAGE: &str = "https://spa.example";
const STRANGERS: [&str; 5] = [
    "https://evil.example",
    "null",
    "https://spa.example.evil.example",
    "http://spa.example",
    "https://spa.example:444",
];

fn world() -> World {
    let provider = OpenIdProvider::start();
    let platform = "platform = \"WEB\"\n";
    let environment = ENVIRONMENT.replacen(platform, &format!("{platform}allowed_origins = [\"{PAGE}\"]\n"), 1);
    let environment = format!("{environment}{}", provider.connection("idp", ""));
    World::with(Engine::Sqlite, provider, &environment)
}

fn preflight(world: &World, path: &str, origin: &str, method: &str) -> Answer {
    let request = world.server.request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    Answer::to(request.header("access-control-request-headers", "authorization,traceparent,tracestate,baggage"))
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[test]
fn every_page_may_read_metadata_and_keys() {
    let world = world();
    for path in
        ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"]
    {
        let get = |tag: &str| {
            let request = world.server.request(Method::GET, path).header("origin", "https://anybody.example");
            Answer::to(if tag.is_empty() { request } else { request.header("if-none-match", tag) })
        };
        let answer = get("");
        assert_eq!((answer.status.as_u16(), allowed(&answer)), (200, Some("*")), "{path}");
        assert!(answer.header("access-control-allow-credentials").is_none());
        let again = get(answer.header("etag").expect("a tag"));
        assert_eq!((again.status.as_u16(), allowed(&again)), (304, Some("*")), "{path}");
        let asked = preflight(&world, path, "https://anybody.example", "GET");
        assert_eq!((asked.status.as_u16(), allowed(&asked)), (204, Some("*")), "{path}");
        assert_eq!(asked.header("access-control-allow-methods"), Some("GET, HEAD"));
        let headers = asked.header("access-control-allow-headers").expect("headers");
        assert!(headers.contains("traceparent, tracestate, baggage"), "{headers}");
    }
}

#[test]
fn pages_of_applications_may_ask_for_tokens_and_for_their_user_and_others_may_not() {
    let world = world();
    for (path, methods) in [("/token", "POST"), ("/userinfo", "GET, POST")] {
        let asked = preflight(&world, path, PAGE, "POST");
        assert_eq!((asked.status.as_u16(), allowed(&asked)), (204, Some(PAGE)), "{path}");
        assert_eq!(asked.header("access-control-allow-methods"), Some(methods));
        let headers = asked.header("access-control-allow-headers");
        assert_eq!(headers, Some("authorization, content-type, traceparent, tracestate, baggage"));
        assert_eq!((asked.header("vary"), asked.header("access-control-max-age")), (Some("origin"), Some("600")));
        // A refusal can be read too, with the headers that say why.
        let refused = Answer::to(world.server.request(Method::POST, path).header("origin", PAGE).form(&[("a", "b")]));
        assert!(refused.status.is_client_error(), "{}", refused.text);
        assert_eq!((allowed(&refused), refused.header("vary")), (Some(PAGE), Some("origin")), "{path}");
        assert!(refused.header("access-control-expose-headers").is_some_and(|all| all.contains("www-authenticate")));
        for origin in STRANGERS {
            let posted = world.server.request(Method::POST, path).header("origin", origin).form(&[("a", "b")]);
            for answer in [preflight(&world, path, origin, "POST"), Answer::to(posted)] {
                let told = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
                assert!(!told, "{path} {origin}");
                assert_eq!(answer.header("vary"), Some("origin"));
            }
        }
    }
    let code = world.code(&[]);
    let form =
        [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", BACK), ("code_verifier", VERIFIER)];
    let request = world.server.request(Method::POST, "/token").header("origin", PAGE);
    let granted = Answer::to(request.basic_auth(UI.0, Some(UI.1)).form(&form));
    assert_eq!((granted.status.as_u16(), allowed(&granted)), (200, Some(PAGE)), "{}", granted.text);
    let request = world.server.request(Method::GET, "/userinfo").header("origin", PAGE);
    let told = Answer::to(request.bearer_auth(granted.access_token()));
    assert_eq!((told.status.as_u16(), allowed(&told)), (200, Some(PAGE)), "{}", told.text);
    assert!(told.header("access-control-allow-credentials").is_none());
}

#[test]
fn what_is_not_for_browsers_answers_none() {
    let world = world();
    for path in ["/introspect", "/revoke", "/graphql", "/graphql-management", "/authorize", "/authorize/callback"] {
        let answer = preflight(&world, path, PAGE, "POST");
        assert_eq!((answer.status.as_u16(), allowed(&answer)), (405, None), "{path}");
    }
}
