//! What was granted must still be what would be granted.

use super::{Pair, RULE, assert_dead, begin, begin_with, demo, refresh, replaced, start};
use crate::{
    both_engines,
    grants::token_exchange::demo_claims,
    support::{
        TestServer,
        forge::{Forge, with},
    },
};

/// Applies `file`, checks at a node that knows it that the token is refused for `detail`, and that it was not used up: with the
/// old file it is good again. Gives the one that takes its place.
#[track_caller]
fn stopped_by(server: &TestServer, token: &str, file: &str, detail: &str) -> String {
    server.apply(file);
    let node = server.another_node();
    let record = assert_dead(&node, token);
    assert!(record["detail"].as_str().expect("words").contains(detail), "{record}");
    server.apply(&demo());
    Pair::of(&refresh(&server.another_node(), token, &[])).refresh
}

both_engines! {
    fn a_rule_that_allows_less_or_something_else_stops_its_sessions(engine) {
        let server = start(engine);
        let mut token = begin(&server).refresh;
        let name = format!("name = \"{RULE}\"");
        let other = |from: &str, to: &str| replaced(&demo(), from, to);
        for (file, detail) in [
            (other(&name, &format!("{name}\nenabled = false")), "is gone or disabled"),
            (other(&name, &format!("{name}\nmode_of_enforcement = \"observe\"")), "would not be granted now"),
            (other(&name, &format!("{name}\nwhen = \"subject.sub == 'user-2'\"")), "would not be granted now"),
            (other("refresh = true\n", ""), "gives no refresh tokens any more"),
            (other("grant_scopes = [\"calendar.edit\"]", "grant_scopes = []"), "calendar.edit: not passed"),
            (other("user-access = \"resource-api\"", "user-access = \"everything\""), "gives other claims now"),
            (other("user-access = \"resource-api\" }", "user-access = \"resource-api\", more = 1 }"), "gives other claims now"),
            (other("audience = [\"resource-api\"]\nmode = \"delegation\"", "audience = [\"resource-api\"]\nmode = \"impersonation\""), "another mode"),
            (other("audience = \"bff-api\" }     #", "audience = \"reports-api\" }     #"), "not addressed to the caller"),
        ] {
            token = stopped_by(&server, &token, &file, detail);
        }
    }

    // On all claims of the subject token, long after it has expired.
    fn a_condition_is_asked_again_over_the_same_claims(engine) {
        let name = format!("name = \"{RULE}\"");
        let when = "when = \"subject.department == 'sales' && request.grant_type != 'refresh_token'\"";
        let file = replaced(&demo(), &name, &format!("{name}\n{when}"));
        let server = TestServer::builder(engine).environment(&file).start();
        let claims = with(&demo_claims(&server), &serde_json::json!({ "department": "sales" }));
        let first = begin_with(&server, &Forge::of(&server).token(&claims));
        server.clock.advance(86_400);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        server.apply(&file.replace("'sales'", "'support'"));
        assert_dead(&server.another_node(), &second.refresh);
        server.apply(&file);
        Pair::of(&refresh(&server.another_node(), &second.refresh, &[]));
    }

    fn a_client_or_a_target_that_is_allowed_less_stops_too(engine) {
        let server = start(engine);
        let other = |from: &str, to: &str| replaced(&demo(), from, to);
        let token = begin(&server).refresh;
        let access = "scopes = [\"calendar.read\", \"calendar.edit\"], default_scopes";
        let file = other(access, "scopes = [\"calendar.edit\"], default_scopes")
            .replace("default_scopes = [\"calendar.read\"]", "default_scopes = [\"calendar.edit\"]");
        let token = stopped_by(&server, &token, &file, "calendar.read: not passed");
        let token = stopped_by(
            &server,
            &token,
            &other("audience = \"resource-api\"\n", "audience = \"resource-api\"\nenabled = false\n"),
            "is not an open, enabled target",
        );
        // What is still allowed can be had.
        server.apply(&other("pass_scopes = [\"calendar.read\"] ", "pass_scopes = [] "));
        let node = server.another_node();
        let narrow = Pair::of(&refresh(&node, &token, &[("scope", "calendar.edit")]));
        assert_dead(&node, &narrow.refresh);
        Pair::of(&refresh(&node, &narrow.refresh, &[("scope", "calendar.edit")]));
    }

    fn a_client_that_is_disabled_or_loses_the_grant_gets_nothing(engine) {
        let server = start(engine);
        let token = begin(&server).refresh;
        let without_grant = replaced(&demo(), ", \"delegation\", \"refresh_token\"]", ", \"delegation\"]");
        server.apply(&replaced(&without_grant, "refresh = true\n", ""));
        let answer = refresh(&server.another_node(), &token, &[]);
        server.assert_refused(&answer, "unauthorized_client", "grant_not_allowed");
        server.apply(&replaced(&demo(), "id = \"bff\"\n", "id = \"bff\"\nenabled = false\n"));
        let answer = refresh(&server.another_node(), &token, &[]);
        answer.assert_refused(401, "invalid_client", "client_authentication_failed");
        server.apply(&demo());
        Pair::of(&refresh(&server.another_node(), &token, &[]));
    }
}
