//! Targets that are http or https URLs, in other spellings (RFC 3986 §6.2.3). What is registered goes into tokens.

use serde_json::json;

use super::demo_token;
use crate::{
    both_engines,
    grants::refresh_token::{Pair, demo, refresh_as},
    support::{
        BFF, CALENDAR, TestServer,
        tokens::{exchange, exchange_as, peek, verify},
    },
};

const URL: &str = "https://api.example";
const SPELLINGS: [&str; 5] = [
    "https://api.example",
    "https://api.example/",
    "https://API.example",
    "HTTPS://api.example:443",
    "https://api.example:/",
];

/// The demo of refresh tokens, where the calendar's API has that name.
fn named(url: &str) -> String {
    demo()
        .replace("audience = \"resource-api\"", &format!("audience = \"{url}\""))
        .replace("audience = [\"resource-api\"]", &format!("audience = [\"{url}\"]"))
}

both_engines! {
    fn every_spelling_of_a_url_is_the_one_target_as_it_is_registered(engine) {
        for registered in SPELLINGS {
            let server = TestServer::builder(engine).environment(&named(registered)).start();
            let subject = demo_token(&server);
            for asked in SPELLINGS {
                for name in ["audience", "resource"] {
                    let answer = exchange(&server, &subject, &[(name, asked), ("scope", "calendar.edit")]);
                    let pair = Pair::of(&answer);
                    assert_eq!(verify(&server, &pair.access, registered)["aud"], registered, "{asked}");
                    let again = Pair::of(&refresh_as(&server, BFF, &pair.refresh, &[(name, asked)]));
                    assert_eq!(peek(&again.access)["aud"], registered, "{asked}");
                    let own = server.token(BFF, &[("grant_type", "client_credentials"), (name, asked)]);
                    assert_eq!(peek(&own.access_token())["aud"], registered, "{asked}");
                }
            }
            // Named in two ways it is one target.
            let both = [("audience", SPELLINGS[0]), ("resource", SPELLINGS[2]), ("scope", "calendar.edit")];
            assert_eq!(peek(&exchange(&server, &subject, &both).access_token())["aud"], registered);
            for other in ["http://api.example", "https://api.example:8443", "https://api.example/%2F", "https://api.example//"] {
                let answer = exchange(&server, &subject, &[("resource", other), ("scope", "calendar.edit")]);
                server.assert_refused(&answer, "invalid_target", "target_not_allowed");
            }
        }
    }

    // The slash that somebody adds in the file ends no session, and what was issued before goes on being for the same API.
    fn tokens_of_before_a_target_was_spelled_otherwise_are_still_for_it(engine) {
        let server = TestServer::builder(engine).environment(&named(URL)).start();
        let pair = Pair::of(&exchange(&server, &demo_token(&server), &[("resource", URL)]));
        let before = server.introspect(CALENDAR, &pair.access);
        assert_eq!((&before["active"], &before["aud"]), (&json!(true), &json!(URL)));
        server.apply(&named("https://api.example/"));
        let node = server.another_node();
        assert_eq!(node.introspect(CALENDAR, &pair.access), before);
        let passed_on = exchange_as(&node, CALENDAR, &pair.access, &[("audience", "reports-api"), ("scope", "reports.read")]);
        assert_eq!(peek(&passed_on.access_token())["aud"], "reports-api");
        let next = Pair::of(&refresh_as(&node, BFF, &pair.refresh, &[]));
        assert_eq!(peek(&next.access)["aud"], "https://api.example/");
        // Another one is not for it.
        server.apply(&named("https://api.example/v2"));
        let node = server.another_node();
        assert_eq!(node.introspect(CALENDAR, &pair.access), json!({ "active": false }));
        let answer = exchange_as(&node, CALENDAR, &pair.access, &[("audience", "reports-api"), ("scope", "reports.read")]);
        node.assert_refused(&answer, "invalid_request", "subject_token_refused");
    }
}
