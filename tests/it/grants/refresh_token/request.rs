//! Requests that are refused, and use nothing up.

use super::{Pair, REFUSED, begin, one, refresh, refresh_as, start};
use crate::{
    both_engines,
    grants::token_exchange::demo_token,
    support::{
        BFF, CALENDAR, TestServer,
        tokens::{exchange, peek, verify},
    },
};

fn generation(server: &TestServer) -> String {
    one(server, "SELECT max(generation) FROM sessions")
}

both_engines! {
    fn a_narrower_scope_is_for_one_access_token(engine) {
        let server = start(engine);
        let first = begin(&server);
        let answer = refresh(&server, &first.refresh, &[("scope", "calendar.edit")]);
        let narrow = Pair::of(&answer);
        assert_eq!(answer.json()["scope"], "calendar.edit");
        assert_eq!(verify(&server, &narrow.access, "resource-api")["scope"], serde_json::json!(["calendar.edit"]));
        let answer = refresh(&server, &narrow.refresh, &[("audience", "resource-api")]);
        Pair::of(&answer);
        assert_eq!(answer.json()["scope"], "calendar.read calendar.edit", "the refresh token is as good as before");
    }

    fn more_than_was_granted_is_refused_and_uses_nothing_up(engine) {
        let server = start(engine);
        let answer = exchange(&server, &demo_token(&server), &[("scope", "calendar.read")]);
        let pair = Pair::of(&answer);
        for (parameter, value, error, code) in [
            ("scope", "calendar.read calendar.edit", "invalid_scope", "scope_not_allowed"),
            ("scope", "reports.read", "invalid_scope", "scope_not_allowed"),
            ("scope", "calendar.read \"", "invalid_scope", "malformed_scope"),
            ("audience", "reports-api", "invalid_target", "target_not_allowed"),
            ("resource", "https://elsewhere.example/", "invalid_target", "target_not_allowed"),
            ("resource", "https://elsewhere.example/#x", "invalid_target", "malformed_resource"),
        ] {
            server.assert_refused(&refresh(&server, &pair.refresh, &[(parameter, value)]), error, code);
        }
        assert_eq!(generation(&server), "1");
        Pair::of(&refresh(&server, &pair.refresh, &[]));
    }

    // No oracle: whoever tries tokens learns nothing from the answer, and another client ends nobody's session.
    fn whatever_is_wrong_with_the_token_the_answer_is_the_same(engine) {
        let server = start(engine);
        let pair = begin(&server);
        let over = begin(&server);
        server.database.execute(&format!(
            "UPDATE sessions SET ended_at = 1, end_reason = 'revoked' WHERE id = '{}'",
            peek(&over.access)["sid"].as_str().expect("a session")
        ));
        let unknown = begin(&start(engine)).refresh;
        let last = if pair.refresh.ends_with('a') { 'b' } else { 'a' };
        let mistyped = format!("{}{last}", &pair.refresh[..52]);
        let long = "x".repeat(1000);
        let tried = [
            (CALENDAR, &pair.refresh, "the refresh token is that of client \"bff\""),
            (BFF, &over.refresh, "is over (revoked)"),
            (BFF, &unknown, "there is no such refresh token"),
            (BFF, &mistyped, "it has not the form of a refresh token"),
            (BFF, &pair.access, "it has not the form of a refresh token"),
            (BFF, &long, "it has not the form of a refresh token"),
        ];
        for (client, token, detail) in tried {
            let answer = refresh_as(&server, client, token, &[]);
            let record = server.assert_refused(&answer, REFUSED.0, REFUSED.1);
            assert!(record["detail"].as_str().expect("words").contains(detail), "{record}");
            assert_eq!(answer.text, refresh(&server, "tsr_x", &[]).text);
        }
        assert_eq!(generation(&server), "1");
        Pair::of(&refresh(&server, &pair.refresh, &[]));
    }

    fn a_token_must_be_there_and_is_no_token_elsewhere(engine) {
        let server = start(engine);
        let form = [("grant_type", "refresh_token")];
        server.token(BFF, &form).assert_refused(400, "invalid_request", "missing_parameter");
        let pair = begin(&server);
        let nobody = [("grant_type", "refresh_token"), ("refresh_token", pair.refresh.as_str())];
        server.token_without_header(&nobody).assert_refused(401, "invalid_client", "client_authentication_failed");
        let twice = [nobody[0], nobody[1], nobody[1]];
        server.token(BFF, &twice).assert_refused(400, "invalid_request", "repeated_parameter");
        // TE-044: not in the place of an access token either.
        let answer = exchange(&server, &pair.refresh, &[]);
        server.assert_refused(&answer, "invalid_request", "subject_token_refused");
        assert_eq!(generation(&server), "1");
    }
}
