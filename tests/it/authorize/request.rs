//! What is wrong with an authorization request, and who hears of it.

use super::*;

const ELSEWHERE: &str = "https://evil.example/";

// Whoever can choose where people are sent from our address can have them trust it, and codes come along.
#[test]
fn nobody_is_sent_to_an_address_that_is_not_the_clients_to_the_byte() {
    let world = World::new(Engine::Sqlite);
    for uri in [
        "",
        "https://app.example/back",
        "https://app.example/back?tenant=1&",
        "https://app.example/back?tenant=1#",
        "https://app.example/back?tenant=1&next=https://evil.example",
        "https://app.example/back?tenant=12",
        "https://app.example/back?tenant=",
        "https://app.example/back/?tenant=1",
        "https://app.example/back/../back?tenant=1",
        "https://app.example/Back?tenant=1",
        "https://APP.example/back?tenant=1",
        "HTTPS://app.example/back?tenant=1",
        "https://app.example:443/back?tenant=1",
        "https://app.example:8443/back?tenant=1",
        "http://app.example/back?tenant=1",
        "https://app.example./back?tenant=1",
        "https://sub.app.example/back?tenant=1",
        "https://app.example.evil.example/back?tenant=1",
        "https://app.example@evil.example/back?tenant=1",
        "https://user@app.example/back?tenant=1",
        "https://app.example/%62ack?tenant=1",
        "https://app.example/back%3Ftenant=1",
        "https://app.example\\@evil.example/back?tenant=1",
        " https://app.example/back?tenant=1",
        "https://app.example/back?tenant=1\n",
        "https://shop.example/back",
        "//evil.example",
        "javascript:alert(1)",
        ELSEWHERE,
    ] {
        // Whatever else is wrong.
        for more in [&[][..], &[("scope", "nonsense")], &[("prompt", "none")], &[("response_type", "token")]] {
            let changes: Vec<(&str, &str)> = [("redirect_uri", uri)].iter().chain(more).copied().collect();
            let answer = world.begin(&changes);
            let detail = if uri.is_empty() { "redirect_uri is missing" } else { "is none of the client's" };
            world.assert_told_here(&answer, "client_not_known", detail);
        }
    }
    assert_eq!(world.count("authorization_requests"), "0");
    assert!(world.browser.cookies().is_empty());
}

#[test]
fn a_client_that_is_not_known_is_answered_here_and_tells_nothing_of_the_request() {
    let world = World::new(Engine::Sqlite);
    for (id, detail) in [("", "client_id is missing"), ("nobody", "no such client"), ("UI", "no such client")] {
        let answer = world.begin(&[("client_id", id), ("redirect_uri", ELSEWHERE)]);
        world.assert_told_here(&answer, "client_not_known", detail);
    }
    let url = world.authorize_url(&[("client_id", "<script>alert(1)</script>")]);
    let page = Answer::to(world.server.request(reqwest::Method::GET, "/").header("accept", "text/html"));
    assert_eq!(page.status, 404);
    let path = url.strip_prefix(&world.server.at("")).expect("a path");
    let page = Answer::to(world.server.request(reqwest::Method::GET, path).header("accept", "text/html,*/*"));
    assert_eq!((page.status.as_u16(), page.header("content-type")), (400, Some("text/html; charset=utf-8")));
    guarded(&page);
    assert!(page.text.contains("client_not_known") && !page.text.contains("script"), "{}", page.text);
}

#[test]
fn a_parameter_that_is_there_twice_is_refused_but_for_resource() {
    let world = World::new(Engine::Sqlite);
    let url = world.authorize_url(&[]);
    for twice in
        ["client_id=ui", "redirect_uri=https%3A%2F%2Fevil.example", "state=", "scope=a", "audience=a&audience=a"]
    {
        let answer = world.browser.get(&format!("{url}&{twice}"));
        world.assert_told_here(&answer, "repeated_parameter", "there twice");
    }
    let answer = world.browser.get(&format!("{url}&state=%zz").replace("&state=the", "&old=the"));
    world.assert_told_here(&answer, "malformed_body", "not percent-encoded");
    let orders = "resource=https%3A%2F%2Forders.example%2F";
    let url = world.authorize_url(&[("scope", "orders")]);
    assert_eq!(world.browser.get(&format!("{url}&{orders}&{orders}")).status, 303);
    let answer = world.browser.post(&url, &[("client_id", "ui")]);
    world.assert_told_here(&answer, "parameters_in_query", "stands in the URL");
}

// RFC 9700 §2.1.1: without S256 whoever sees the request or the code can redeem it.
#[test]
fn pkce_cannot_be_left_out_or_weakened() {
    let world = World::new(Engine::Sqlite);
    let (long, padded) = ("a".repeat(44), format!("{}=", &challenge()[..42]));
    for (changes, detail) in [
        (&[("code_challenge", "")][..], "code_challenge is missing"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "code_challenge is missing"),
        (&[("code_challenge_method", "")], "would mean plain"),
        (&[("code_challenge_method", "plain")], "code_challenge_method is \"plain\""),
        (&[("code_challenge_method", "s256")], "code_challenge_method is \"s256\""),
        (&[("code_challenge", "short")], "no S256 challenge"),
        (&[("code_challenge", &long)], "no S256 challenge"),
        (&[("code_challenge", &padded)], "no S256 challenge"),
        (&[("code_challenge", VERIFIER)], "no S256 challenge"),
    ] {
        world.assert_sent_back(&world.begin(changes), "invalid_request", "pkce_required", detail);
    }
    assert_eq!(world.count("authorization_requests"), "0");
}

#[test]
fn what_the_client_can_mend_is_told_to_it_with_its_state_and_our_name() {
    let world = World::new(Engine::Sqlite);
    let long = "n".repeat(513);
    for (changes, error, code, detail) in [
        (&[("response_type", "")][..], "invalid_request", "missing_parameter", "response_type is missing"),
        (&[("response_type", "token")], "unsupported_response_type", "unsupported_response_type", "\"token\""),
        (&[("response_type", "code id_token")], "unsupported_response_type", "unsupported_response_type", "id_token"),
        (&[("response_mode", "fragment")], "unsupported_response_type", "unsupported_response_type", "fragment"),
        (&[("client_id", "bff")], "unauthorized_client", "grant_not_allowed", "not a grant of the client"),
        (&[("request", "eyJ")], "request_not_supported", "request_object", "is there"),
        (&[("request_uri", "https://a")], "request_not_supported", "request_object", "is there"),
        (&[("prompt", "none")], "login_required", "login_required", "nobody is signed in here"),
        (&[("prompt", "none login")], "invalid_request", "invalid_parameter", "prompt"),
        (&[("max_age", "-1")], "invalid_request", "invalid_parameter", "max_age"),
        (&[("max_age", "99999999999999999999")], "invalid_request", "invalid_parameter", "max_age"),
        (&[("login_hint", "a\nb")], "invalid_request", "invalid_parameter", "login_hint"),
        (&[("nonce", &long)], "invalid_request", "invalid_parameter", "nonce"),
        (&[("connection", "nowhere")], "invalid_request", "identity_connection_not_active", "or not that one"),
        (&[("scope", "calendar.\"")], "invalid_scope", "malformed_scope", "printable"),
        (&[("scope", "calendar.edit")], "invalid_scope", "scope_not_allowed", "no single target"),
        (&[("scope", "calendar.edit"), ("audience", "bff-api")], "invalid_scope", "scope_not_allowed", "calendar.edit"),
        (&[("scope", "orders calendar.read")], "invalid_scope", "scope_not_allowed", "no single target"),
        (&[("scope", "offline_access")], "invalid_scope", "scope_not_allowed", "no single target"),
        (&[("scope", "")], "invalid_target", "target_ambiguous", "neither target nor scope"),
        (&[("resource", "https://other.example/")], "invalid_target", "target_not_allowed", "no access"),
        (&[("audience", "resource-api")], "invalid_target", "target_not_allowed", "no access"),
        (&[("resource", "bff-api")], "invalid_target", "malformed_resource", "absolute"),
    ] {
        world.assert_sent_back(&world.begin(changes), error, code, detail);
    }
    assert_eq!(world.count("authorization_requests"), "0");
    world.assert_no_token();
}

// Client ids are half of what a guess at the token endpoint needs.
#[test]
fn a_client_that_exists_is_answered_like_one_that_does_not() {
    let world = World::new(Engine::Sqlite);
    world.server.apply(&world.file().replacen("id = \"shop\"\n", "id = \"shop\"\nenabled = false\n", 1));
    world.server.eventually("the shop to be disabled", || {
        let answer = world.begin(&[("client_id", "shop"), ("redirect_uri", "https://shop.example/back")]);
        answer.status == 400
    });
    // Disabled, without the grant, without redirect URIs, and with others.
    for uri in [ELSEWHERE, BACK, "https://shop.example/back", ""] {
        for accept in ["text/html", "application/json"] {
            let answer = |id: &str| {
                let url = world.authorize_url(&[("client_id", id), ("redirect_uri", uri)]);
                let path = url.strip_prefix(&world.server.at("")).expect("a path").to_owned();
                Answer::to(world.server.request(reqwest::Method::GET, &path).header("accept", accept))
            };
            let told = |id: &str| {
                let answer = answer(id);
                let request_id = answer.header("x-request-id").expect("an id").to_owned();
                let mut headers: Vec<_> = answer.headers.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
                headers.retain(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
                (answer.status, headers, answer.text.replace(&request_id, ""))
            };
            let unknown = told("nobody");
            assert_eq!(unknown.0, 400);
            let known = if uri == BACK { &["shop"][..] } else { &["ui", "shop", "bff"] };
            for &id in known {
                assert_eq!(told(id), unknown, "{id} {uri:?}");
            }
        }
    }
    assert_eq!(world.count("authorization_requests"), "0");
}

// A page of ours would leave the user there, and the client without a word.
#[test]
fn a_state_that_cannot_be_kept_goes_back_as_an_error() {
    let world = World::new(Engine::Sqlite);
    for state in ["s".repeat(2049), "s".repeat(12_000), "a\nb".to_owned()] {
        let answer = world.begin(&[("state", &state)]);
        let location = location(&answer);
        assert!(location.starts_with(&format!("{BACK}&")), "{location}");
        let get = |name| parameter(&location, name);
        assert_eq!(get("error").as_deref(), Some("invalid_request"));
        assert_eq!((get("error_code").as_deref(), get("code")), (Some("invalid_parameter"), None));
        assert_eq!((get("state"), get("iss")), (Some(state), Some(world.server.url.clone())));
        world.assert_record(&answer, "invalid_parameter", "state has more than");
    }
    // Of a client that is not known it stays a page.
    let long = "s".repeat(2049);
    world.assert_told_here(&world.begin(&[("state", &long), ("client_id", "nobody")]), "client_not_known", "no such");
    assert_eq!(world.count("authorization_requests"), "0");
}

#[test]
fn only_get_and_post_lead_to_it() {
    let world = World::new(Engine::Sqlite);
    for (method, path, allowed) in [
        ("HEAD", "/authorize", "GET, POST"),
        ("PUT", "/authorize", "GET, POST"),
        ("HEAD", "/authorize/callback", "GET, POST"),
        ("PUT", "/authorize/callback", "GET, POST"),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = Answer::to(world.server.request(method, path));
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some(allowed)), "{path}");
    }
}

// Anybody may begin: what that costs must not grow with the number of those who never come back.
#[test]
fn those_who_begin_and_never_come_back_are_counted_and_forgotten() {
    let world = World::new(Engine::Sqlite);
    world.begin(&[]);
    world.server.database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
         INSERT INTO authorization_requests SELECT 'made-up-' || i, environment_id, browser_hash, request, network, expires_at \
         FROM n, authorization_requests",
    );
    let answer = world.begin(&[]);
    world.assert_sent_back(&answer, "temporarily_unavailable", "too_many_sign_ins", "1000 users of the network");
    world.server.clock.advance(600);
    assert_eq!(world.begin(&[]).status, 303);
    assert_eq!(world.count("authorization_requests"), "1");
}
