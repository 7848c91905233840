//! Who is told of a token.

use reqwest::Method;
use serde_json::json;

use crate::{
    both_engines,
    revocation::{
        BILLING, ENVIRONMENT, FRONT, MANAGER, ORDERS, SEARCH, STORE, WATCHER, own_token, pass_on, start, user_token,
    },
    support::{
        Answer, Engine, TestServer,
        forge::{Forge, claims, with},
    },
};

both_engines! {
    // TE-110, TE-111.
    fn those_whom_it_is_for_or_from_are_told_and_nobody_else(engine) {
        let server = start(engine);
        let root = user_token(&server, "ada");
        let to_orders = pass_on(&server, FRONT, &root, "orders-api");
        let to_store = pass_on(&server, ORDERS, &to_orders, "store-api");
        let to_billing = pass_on(&server, FRONT, &root, "billing-api");
        let all = [FRONT, ORDERS, BILLING, SEARCH, STORE, WATCHER, MANAGER];
        for (token, told) in [
            (&root, &["front", "watcher"] as &[&str]),
            (&to_orders, &["front", "orders", "watcher"]),
            (&to_store, &["orders", "store", "watcher"]),
            (&to_billing, &["front", "billing", "watcher"]),
            (&own_token(&server, ORDERS), &["orders", "watcher"]),
            (&own_token(&server, MANAGER), &["manager", "watcher"]),
        ] {
            for client in all {
                assert_eq!(server.is_active(client, token), told.contains(&client.0), "{}", client.0);
            }
        }
    }

    fn a_permission_that_is_taken_away_counts_no_more(engine) {
        let server = start(engine);
        let token = own_token(&server, FRONT);
        assert!(server.is_active(WATCHER, &token));
        server.apply(&ENVIRONMENT.replace("[\"TOKENS_INTROSPECT\"]", "[\"TOKENS_REVOKE\"]"));
        server.eventually("the change to be followed", || !server.is_active(WATCHER, &token));
        assert!(server.is_active(FRONT, &token));
    }
}

// TE-108.
#[test]
fn whoever_does_not_prove_who_it_is_is_told_nothing() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    let records = server.database.audit_records().len();
    let anonymous = |form: &[(&str, &str)]| Answer::to(server.request(Method::POST, "/introspect").form(form));
    let bearer = server.request(Method::POST, "/introspect").bearer_auth(&token).form(&[("token", &token)]);
    for answer in [
        server.post_as("/introspect", ("front", "not-the-secret-of-the-front-at-all"), &[("token", &token)]),
        server.post_as("/introspect", ("nobody", "not-the-secret-of-anybody-at-all"), &[("token", &token)]),
        anonymous(&[("token", &token)]),
        anonymous(&[("token", &token), ("client_id", "front")]),
        Answer::to(bearer),
    ] {
        answer.assert_refused(401, "invalid_client", "client_authentication_failed");
    }
    let post = [("token", token.as_str()), ("client_id", FRONT.0), ("client_secret", FRONT.1)];
    assert_eq!(anonymous(&post).json()["active"], true);
    assert_eq!(server.database.audit_records().len(), records, "questions are no decisions");
}

/// The clients of a resource server that is out of force see nothing of its tokens, and without any other addressee a token
/// is worth nothing to anybody.
#[test]
fn tokens_for_a_resource_server_that_is_disabled_are_dead() {
    let server = start(Engine::Sqlite);
    let root = user_token(&server, "ada");
    let to_orders = pass_on(&server, FRONT, &root, "orders-api");
    let for_two = Forge::of(&server)
        .token(&with(&claims(&server, "orders-api", "front", "all"), &json!({ "aud": ["orders-api", "store-api"] })));
    let told = |token: &str, client| server.is_active(client, token);
    assert!(told(&to_orders, ORDERS) && told(&for_two, ORDERS) && told(&for_two, STORE));
    let closed = "audience = \"orders-api\"\nenabled = false\nscopes";
    server.apply(&ENVIRONMENT.replace("audience = \"orders-api\"\nscopes", closed));
    server.eventually("the change to be followed", || !told(&to_orders, ORDERS));
    for (token, client, lives) in [
        (&to_orders, FRONT, false),
        (&to_orders, WATCHER, false),
        (&for_two, ORDERS, false),
        (&for_two, STORE, true),
        (&for_two, WATCHER, true),
        (&root, FRONT, true),
    ] {
        assert_eq!(told(token, client), lives, "{}", client.0);
    }
}

/// TE-077, TE-111.
#[test]
fn tokens_die_with_the_client_the_application_and_the_user_behind_them() {
    let server = start(Engine::Sqlite);
    let dies = |server: &TestServer, token: &str| server.eventually("it to die", || !server.is_active(WATCHER, token));
    let root = user_token(&server, "ada");
    let to_orders = pass_on(&server, FRONT, &root, "orders-api");
    let to_store = pass_on(&server, ORDERS, &to_orders, "store-api");
    let of_web = with(
        &claims(&server, "front-api", "front", "all"),
        &json!({ "applicationId": "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b" }),
    );
    let of_web = Forge::of(&server).token(&of_web);
    assert!(server.is_active(WATCHER, &to_store) && server.is_active(WATCHER, &of_web));
    server.apply(&ENVIRONMENT.replace("id = \"orders\"", "id = \"orders\"\nenabled = false"));
    dies(&server, &to_store);
    assert!(server.is_active(WATCHER, &to_orders), "it was issued to another client");
    server.apply(&ENVIRONMENT.replace("platform = \"WEB\"\nenabled = true", "platform = \"WEB\"\nenabled = false"));
    dies(&server, &of_web);
    server.apply(ENVIRONMENT);
    server.eventually("all to be back", || server.is_active(WATCHER, &of_web) && server.is_active(WATCHER, &to_store));
    server.database.execute(
        "UPDATE users SET enabled = (1 = 0); UPDATE environments SET users_version = users_version + 1, version = version + 1",
    );
    dies(&server, &root);
    dies(&server, &to_store);
}

/// TE-111: nobody is told anything by an environment that is out of force.
#[test]
fn a_disabled_environment_tells_nobody_anything() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    server.apply(&ENVIRONMENT.replace("name = \"tree\"", "name = \"tree\"\nenabled = false"));
    server.eventually("the change to be followed", || {
        server.post_as("/introspect", WATCHER, &[("token", &token)]).status == 401
    });
    server.revoke(FRONT, &token).assert_refused(401, "invalid_client", "client_authentication_failed");
}
