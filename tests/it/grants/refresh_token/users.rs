//! Sessions of users that somebody vouched for, and with an actor token.

use serde_json::json;

use super::{Pair, assert_dead, begin_with, demo, refresh, replaced};
use crate::{
    both_engines,
    grants::token_exchange::{WEB, actor, bff_token, demo_claims, demo_token},
    support::{
        BFF, TestServer,
        forge::{Forge, with},
        tokens::{delegate, exchange, peek, verify},
    },
};

/// The BFF gets refresh tokens for users that it vouches for.
fn vouching() -> String {
    let rule = "subject = { issuer = \"our own sign-in\" }";
    replaced(&demo(), rule, &format!("refresh = true\n{rule}"))
}

fn sign_in(server: &TestServer) -> Pair {
    let more = [("audience", "bff-api"), ("scope", "profile"), ("email", "ada@example.com")];
    Pair::of(&delegate(server, BFF, (WEB, "ada"), &more))
}

both_engines! {
    fn a_user_whom_the_client_vouched_for_stays_the_same_user(engine) {
        let server = TestServer::builder(engine).environment(&vouching()).start();
        let first = sign_in(&server);
        let before = verify(&server, &first.access, "bff-api");
        server.clock.advance(7200);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        let after = verify(&server, &second.access, "bff-api");
        let times = json!({ "jti": null, "iat": null, "exp": null });
        assert_eq!(with(&after, &times), with(&before, &times));
        for claim in ["userId", "profileId", "sessionId", "sid", "email", "applicationId"] {
            assert!(after[claim].is_string(), "{claim}: {after}");
        }
    }

    fn a_user_or_an_application_that_is_disabled_gets_nothing(engine) {
        let server = TestServer::builder(engine).environment(&vouching()).start();
        let first = sign_in(&server);
        server.database.execute("UPDATE users SET enabled = (1 = 0); UPDATE environments SET users_version = users_version + 1");
        let node = server.another_node();
        assert_eq!(assert_dead(&node, &first.refresh)["detail"], "the user behind the token is disabled or gone");
        server.database.execute("UPDATE users SET enabled = (1 = 1); UPDATE environments SET users_version = users_version + 1");
        let second = Pair::of(&refresh(&server.another_node(), &first.refresh, &[]));
        server.apply(&replaced(&vouching(), "platform = \"WEB\"\nenabled = true", "platform = \"WEB\"\nenabled = false"));
        let node = server.another_node();
        assert_eq!(assert_dead(&node, &second.refresh)["detail"], "the application behind the token is disabled or gone");
    }

    fn whoever_vouched_must_still_be_one_who_may(engine) {
        let server = TestServer::builder(engine).environment(&vouching()).start();
        let first = sign_in(&server);
        let permission = "permissions = { ax-user-service = [\"GENERATE_DELEGATED_ACCESS_TOKEN\"] }";
        server.apply(&replaced(&vouching(), permission, ""));
        let record = assert_dead(&server.another_node(), &first.refresh);
        assert_eq!(record["detail"], "the client may not say any more who a user is");
        let enabled = "# a service account with the permission above says who the user is\nenabled = true";
        server.apply(&replaced(&vouching(), enabled, &enabled.replace("true", "false")));
        let record = assert_dead(&server.another_node(), &first.refresh);
        assert_eq!(record["detail"], "the identity connection that vouched for the subject is gone or disabled");
        server.apply(&vouching());
        Pair::of(&refresh(&server.another_node(), &first.refresh, &[]));
    }

    fn the_actor_stays_and_outlives_its_token(engine) {
        let server = TestServer::builder(engine).environment(&demo()).start();
        let (subject, actor_token) = (demo_token(&server), bff_token(&server));
        let first = Pair::of(&exchange(&server, &subject, &actor(&actor_token)));
        let anc = json!([peek(&subject)["jti"], peek(&actor_token)["jti"]]);
        server.clock.advance(86_400);
        let claims = verify(&server, &Pair::of(&refresh(&server, &first.refresh, &[])).access, "resource-api");
        assert_eq!((&claims["act"], &claims["anc"]), (&json!({ "iss": server.url, "sub": "bff" }), &anc));
    }

    fn an_act_chain_is_carried_on_unchanged(engine) {
        let server = TestServer::builder(engine).environment(&demo()).start();
        let chain = json!({ "act": { "iss": server.url, "sub": "gateway", "act": { "iss": server.url, "sub": "edge" } } });
        let claims = with(&demo_claims(&server), &chain);
        let first = begin_with(&server, &Forge::of(&server).token(&claims));
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        let expected = json!({ "iss": server.url, "sub": "bff", "act": chain["act"] });
        assert_eq!(verify(&server, &second.access, "resource-api")["act"], expected);
    }
}
