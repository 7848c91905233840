//! Providers of every kind: how this server proves to them who it is, and how they send their answers.

use super::*;
use crate::both_engines;

/// A world whose connection has `more` in its `sign_in`.
fn world(engine: Engine, more: &str) -> World {
    let provider = OpenIdProvider::start();
    let connection = provider.connection("idp", &format!("iss_required = true\n{more}"));
    let without_secret = |line: &&str| !(more.contains("\"none\"") && line.starts_with("client_secret"));
    let connection: String = connection.lines().filter(without_secret).map(|line| format!("{line}\n")).collect();
    World::with(engine, provider, &format!("{ENVIRONMENT}{connection}"))
}

/// What the page of a provider posts.
fn fields(page: &str) -> Vec<(String, String)> {
    let of = |input: &str| {
        let parts: Vec<&str> = input.split('"').collect();
        (parts[1].to_owned(), parts[3].to_owned())
    };
    page.split("<input ").skip(1).map(of).collect()
}

both_engines! {
    fn a_secret_in_the_form_and_no_secret_at_all_are_ways_to_be_a_client(engine) {
        for method in ["client_secret_post", "none"] {
            let world = world(engine, &format!("token_endpoint_auth_method = \"{method}\""));
            world.provider.authenticate_by(method);
            world.redeem(UI, &world.code(&[]), &[]).access_token();
            // What the provider does not take is told to the client, and makes no user and no code.
            world.provider.authenticate_by("client_secret_basic");
            let (refused, _) = world.sign_in(&[("login_hint", "grace")]);
            world.assert_sent_back(&refused, "access_denied", "sign_in_refused", "invalid_client");
            assert_eq!(world.count("users"), "1");
        }
    }

    fn an_answer_in_a_form_is_taken_from_the_browser_that_began(engine) {
        let world = world(engine, "response_mode = \"form_post\"");
        let begun = world.begin(&[]);
        let cookie = begun.header("set-cookie").expect("a cookie").to_owned();
        assert!(cookie.contains("; HttpOnly") && cookie.ends_with("; SameSite=None; Secure"), "{cookie}");
        assert_eq!(parameter(&location(&begun), "response_mode").as_deref(), Some("form_post"));
        let page = world.browser.get(&location(&begun));
        let posted = fields(&page.text);
        let form: Vec<(&str, &str)> = posted.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let callback = world.server.at("/authorize/callback");

        // Another page that posts it from another browser signs nobody in there, and uses nothing up.
        let elsewhere = Browser::new().post(&callback, &form);
        world.assert_told_here(&elsewhere, "sign_in_not_begun", "no cookie for this state");
        let twice = [&form[..], &form[..1]].concat();
        assert_eq!(world.browser.post(&callback, &twice).status, 400);

        let answer = world.browser.post(&callback, &form);
        guarded(&answer);
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert!(world.browser.cookies().is_empty(), "the cookie has done its work");
        let code = parameter(&location(&answer), "code").expect("a code");
        world.redeem(UI, &code, &[]).access_token();
        assert_eq!(world.browser.post(&callback, &form).status, 400, "an answer counts once");
        assert_eq!(world.count("users"), "1");
    }

    fn a_provider_is_found_by_its_name(engine) {
        let provider = OpenIdProvider::start();
        let file = format!("{ENVIRONMENT}{}", provider.named_connection("idp"));
        let world = World::with(engine, provider, &file);
        for _ in 0..2 {
            world.redeem(UI, &world.code(&[]), &[]).access_token();
        }
        let asked = |path: &str| {
            let requests = world.provider.peer.requests();
            requests.iter().filter(|request| request.starts_with(&format!("GET {path} "))).count()
        };
        assert_eq!((asked("/.well-known/openid-configuration"), asked("/jwks")), (1, 1), "both are kept");
        // It promises that its answers name it, so one that does not is somebody else's.
        world.provider.answer_with("iss", "");
        let (refused, _) = world.sign_in(&[]);
        world.assert_sent_back(&refused, "access_denied", "sign_in_refused", "does not say which provider");
    }

    fn metadata_that_cannot_be_the_providers_lead_nowhere(engine) {
        for (member, value, detail) in [
            ("issuer", json!("https://elsewhere.example"), "those of another issuer"),
            ("authorization_endpoint", json!("javascript:alert(1)"), "the authorization_endpoint of its metadata"),
            ("authorization_endpoint", json!("http://idp.example/"), "the authorization_endpoint of its metadata"),
            ("authorization_endpoint", json!(null), "have no authorization_endpoint"),
            ("authorization_endpoint", json!(7), "no metadata of a provider"),
        ] {
            let provider = OpenIdProvider::start();
            provider.declare(member, value);
            let file = format!("{ENVIRONMENT}{}", provider.named_connection("idp"));
            let world = World::with(engine, provider, &file);
            let answer = world.begin(&[]);
            world.assert_sent_back(&answer, "temporarily_unavailable", "sign_in_unavailable", detail);
            assert_eq!((answer.header("set-cookie"), &*world.count("authorization_requests")), (None, "0"));
        }
    }

    fn the_secret_goes_to_no_endpoint_that_must_not_be_called(engine) {
        let provider = OpenIdProvider::start();
        provider.declare("token_endpoint", json!("https://10.0.0.1/token"));
        let file = format!("{ENVIRONMENT}{}", provider.named_connection("idp"));
        let world = World::with(engine, provider, &file);
        let (refused, _) = world.sign_in(&[]);
        world.assert_sent_back(&refused, "temporarily_unavailable", "sign_in_unavailable", "the token_endpoint");
        assert_eq!(world.count("users"), "0");
    }
}

#[test]
fn an_answer_in_the_url_needs_no_cookie_for_requests_of_other_pages() {
    let world = World::new(Engine::Sqlite);
    let begun = world.begin(&[]);
    assert!(begun.header("set-cookie").expect("a cookie").ends_with("; SameSite=Lax"));
    assert_eq!(parameter(&location(&begun), "response_mode"), None);
}
