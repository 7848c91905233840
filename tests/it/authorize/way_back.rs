//! The provider's answer: whose it is, whom it is for, and what its ID token must say.

use serde_json::json;

use super::*;

impl World {
    /// The address that the provider sends the browser to.
    fn answer_of_provider(&self) -> String {
        location(&self.browser.get(&location(&self.begin(&[]))))
    }

    #[track_caller]
    fn assert_nothing_given(&self) {
        assert_eq!(self.count("authorization_codes"), "0");
        assert_eq!(self.count("users"), "0");
        self.assert_no_token();
    }
}

// Login CSRF: a victim who finishes what the attacker began would be signed in as the attacker.
#[test]
fn only_the_browser_that_began_can_finish() {
    let world = World::new(Engine::Sqlite);
    let url = world.answer_of_provider();
    let victim = Browser::new();
    world.assert_told_here(&victim.get(&url), "sign_in_not_begun", "no cookie for this state");
    // With a cookie of another attempt, under the name that this one has.
    let stolen = world.browser.cookies().into_keys().next().expect("a cookie");
    let header = format!("{stolen}=made-up");
    let path = url.strip_prefix(&world.server.at("")).expect("a path");
    let with_cookie =
        |cookie: &str| Answer::to(world.server.request(reqwest::Method::GET, path).header("cookie", cookie));
    world.assert_told_here(&with_cookie(&header), "sign_in_not_begun", "another browser's");
    let own = world.browser.cookies().remove(&stolen).expect("a value");
    let twice = format!("{stolen}={own}; {stolen}={own}");
    world.assert_told_here(&with_cookie(&twice), "sign_in_not_begun", "no cookie");
    world.assert_nothing_given();
    // None of that was in the way of the one who began.
    assert!(location(&world.browser.get(&url)).starts_with(BACK));
}

#[test]
fn an_answer_counts_once_and_not_for_long() {
    let world = World::new(Engine::Sqlite);
    let url = world.answer_of_provider();
    let cookies = world.browser.cookies();
    assert!(location(&world.browser.get(&url)).contains("code=tsc_"));
    let path = url.strip_prefix(&world.server.at("")).expect("a path");
    let cookie = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<String>();
    let again = Answer::to(world.server.request(reqwest::Method::GET, path).header("cookie", cookie));
    world.assert_told_here(&again, "sign_in_not_begun", "used");
    let url = world.answer_of_provider();
    world.server.clock.advance(600);
    world.assert_told_here(&world.browser.get(&url), "sign_in_not_begun", "took too long");
    world.assert_told_here(
        &world.browser.get(&world.server.at("/authorize/callback?code=a")),
        "sign_in_not_begun",
        "state",
    );
    let doubled = format!("{}&state=b", world.answer_of_provider());
    world.assert_told_here(&world.browser.get(&doubled), "repeated_parameter", "twice");
}

// RFC 9207 §1: of two providers a bad one sends the user on to the good one, and waits for the good one's code.
#[test]
fn an_answer_of_another_provider_is_a_mixed_up_issuer() {
    let world = World::new(Engine::Sqlite);
    for (iss, detail) in [
        ("https://other.example", "mixed-up issuer: the answer names another provider"),
        (&*format!("{}/", world.provider.issuer()), "mixed-up issuer: the answer names another provider"),
        ("", "mixed-up issuer: the answer does not say"),
    ] {
        let tokens_before = world.provider.peer.requests().len();
        world.provider.answer_with("iss", iss);
        let (answer, _) = world.sign_in(&[]);
        world.assert_sent_back(&answer, "access_denied", "sign_in_refused", detail);
        let asked = world.provider.peer.requests().split_off(tokens_before);
        assert!(!asked.iter().any(|request| request.starts_with("POST")), "its code went nowhere");
    }
    world.assert_nothing_given();
}

#[test]
fn the_state_is_bound_to_its_provider_whichever_are_there() {
    let (good, bad) = (OpenIdProvider::start(), OpenIdProvider::start());
    let environment = format!("{ENVIRONMENT}{}{}", good.connection("idp", ""), bad.connection("second", ""));
    let world = World::with(Engine::Sqlite, good, &environment);
    bad.follow(&world.server.clock);
    // The first in their order, or the one that is named.
    assert!(location(&world.begin(&[])).starts_with(&world.provider.issuer()));
    let begun = world.begin(&[("connection", "second")]);
    let to_bad = Url::parse(&location(&begun)).expect("a URL");
    assert!(to_bad.as_str().starts_with(&bad.issuer()));
    // The bad one has the user sign in at the good one with what it got from us, and the good one says who it is.
    let parameters: Vec<(String, String)> = to_bad.query_pairs().into_owned().collect();
    let to_good = Url::parse_with_params(&world.provider.peer.url("/authorize"), &parameters).expect("a URL");
    let answer = world.browser.get(&location(&world.browser.get(to_good.as_str())));
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "connection \"second\": mixed-up issuer");
    assert!(!bad.peer.requests().iter().any(|request| request.starts_with("POST")), "the code of the good one");
    world.assert_nothing_given();
}

// A code that somebody else got at the provider, put into the victim's answer (RFC 9700 §4.5).
#[test]
fn an_injected_code_is_not_redeemed() {
    let world = World::new(Engine::Sqlite);
    let callback = format!("{}/authorize/callback", world.server.url);
    let foreign = world.provider.code_for(&[
        ("redirect_uri", &callback),
        ("login_hint", "eve"),
        ("code_challenge", &challenge()),
    ]);
    let mut url = Url::parse(&world.answer_of_provider()).expect("a URL");
    let changed: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(changed.iter().map(|(name, value)| (name, if name == "code" { &foreign } else { value })));
    let answer = world.browser.get(url.as_str());
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "400 \"invalid_grant\"");
    world.assert_nothing_given();
}

#[test]
fn an_id_token_that_was_not_made_for_this_attempt_signs_nobody_in() {
    let world = World::new(Engine::Sqlite);
    for (change, detail) in [
        (json!({ "nonce": "another" }), "nonce is not that of this attempt"),
        (json!({ "nonce": null }), "nonce is not that of this attempt"),
        (json!({ "iss": "https://other.example" }), "iss is another issuer"),
        // An audience whose tokens may be exchanged is not a client that people sign in with.
        (json!({ "aud": "somebody-else" }), "aud has none of the accepted audiences"),
        (json!({ "aud": ["tessera", "somebody-else"] }), "several audiences and no azp"),
        (json!({ "azp": "somebody-else" }), "azp is another client"),
        (json!({ "exp": 1 }), "the token has expired"),
        (json!({ "sub": null }), "the claim that holds the subject"),
        (json!({ "act": { "iss": "a", "sub": "b" } }), "somebody who acts"),
        (json!({ "cnf": { "jkt": "a" } }), "bound to a key"),
    ] {
        world.provider.tamper(move |claims| *claims = crate::support::forge::with(claims, &change));
        let (answer, _) = world.sign_in(&[]);
        world.assert_sent_back(&answer, "access_denied", "sign_in_refused", detail);
    }
    world.assert_nothing_given();
    world.provider.tamper(|claims| claims["aud"] = json!(["tessera", "other"]));
    let (answer, _) = world.sign_in(&[]);
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "no azp");
}

#[test]
fn an_id_token_that_the_providers_keys_did_not_sign_signs_nobody_in() {
    let (provider, other) = (OpenIdProvider::start(), OpenIdProvider::start());
    let connection = provider.connection("idp", "");
    let connection = connection.replace(&format!("{}/jwks", provider.issuer()), &other.peer.url("/jwks"));
    let world = World::with(Engine::Sqlite, provider, &format!("{ENVIRONMENT}{connection}"));
    let (answer, _) = world.sign_in(&[]);
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "no key of the issuer has that kid");
    world.assert_nothing_given();
}

#[test]
fn what_the_provider_refuses_or_cannot_do_is_told_to_the_client() {
    let world = World::new(Engine::Sqlite);
    world.provider.answer_with("code", "");
    world.provider.answer_with("error", "access_denied");
    let (answer, _) = world.sign_in(&[]);
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "the provider answers \"access_denied\"");
    world.provider.answer_with("code", "");
    let (answer, _) = world.sign_in(&[]);
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "has no code");
    world.provider.fail_with("503 Service Unavailable");
    let (answer, _) = world.sign_in(&[]);
    world.assert_sent_back(&answer, "temporarily_unavailable", "sign_in_unavailable", "answers 503");
    world.provider.fail_with("200 OK");
    let (answer, _) = world.sign_in(&[]);
    world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "without JSON");
    world.assert_nothing_given();
    world.code(&[]);
}
