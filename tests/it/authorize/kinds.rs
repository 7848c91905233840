//! ID tokens and access tokens of the same type: issuer, keys and type are alike, and one is still never the other.

use reqwest::Method;

use super::*;
use crate::{
    both_engines,
    support::tokens::{exchange_as, peek},
};

const BFF: (&str, &str) = ("bff", "a-secret-of-the-bff-with-more-than-32-characters");
const EDIT: [(&str, &str); 1] = [("scope", "calendar.edit")];

/// A world whose API for the user interface takes tokens of the type `JWT`.
fn world(engine: Engine) -> World {
    let provider = OpenIdProvider::start();
    let typed = ENVIRONMENT.replacen("audience = \"bff-api\"", "audience = \"bff-api\"\ntoken_typ = \"JWT\"", 1);
    assert_ne!(typed, ENVIRONMENT);
    let environment = format!("{typed}{}", provider.connection("idp", "iss_required = true"));
    World::with(engine, provider, &environment)
}

fn typ(token: &str) -> Option<String> {
    decode_header(token).expect("a header").typ
}

both_engines! {
    fn an_id_token_is_no_access_token_where_access_tokens_have_its_type(engine) {
        let world = world(engine);
        let server = &world.server;
        let body = world.redeem(UI, &world.code(&[]), &[]).json();
        let (access, id_token) = (body["access_token"].as_str().expect("one"), body["id_token"].as_str().expect("one"));
        assert_eq!((typ(access), typ(id_token)), (Some("JWT".to_owned()), Some("JWT".to_owned())));
        let exchanged = exchange_as(server, BFF, access, &EDIT).access_token();
        assert_eq!((&peek(&exchanged)["aud"], typ(&exchanged).as_deref()), (&json!("resource-api"), Some("at+jwt")));

        server.assert_subject_refused(&exchange_as(server, BFF, id_token, &EDIT), "typ is not at+jwt");
        for client in [UI, BFF] {
            assert!(!server.is_active(client, id_token));
            server.revoked(client, id_token);
        }
        assert_eq!(server.revocations(), Vec::<String>::new());
        let userinfo = Answer::to(server.request(Method::GET, "/userinfo").bearer_auth(id_token));
        assert_eq!((userinfo.status.as_u16(), &userinfo.json()["error"]), (401, &json!("invalid_token")));
        let query = json!({ "query": "{ currentCaller { subject } }" });
        let management = server.request(Method::POST, "/graphql-management").bearer_auth(id_token).json(&query);
        assert_eq!(Answer::to(management).json()["data"]["currentCaller"], Value::Null);
        assert!(server.is_active(BFF, access), "the access token beside it is as good as ever");
    }

    // The file refuses it; a row that was changed by hand, or a client that was made in another way, gets there all the same.
    fn no_id_token_is_issued_that_an_api_could_take_for_an_access_token(engine) {
        let world = world(engine);
        let code = world.code(&[]);
        world.server.database.execute("UPDATE resource_servers SET audience = 'ui', token_typ = 'JWT' WHERE audience = 'resource-api'");
        let node = world.server.another_node();
        let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", BACK), ("code_verifier", VERIFIER)];
        let answer = node.token(UI, &form);
        assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (500, &json!("server_error")), "{}", answer.text);
        assert!(answer.json().get("access_token").is_none() && answer.json().get("id_token").is_none());
        world.assert_no_token();
        assert_eq!(world.count("sessions"), "0");
    }
}
