//! `grant_type=delegation`.

use serde_json::json;

use crate::{
    both_engines,
    support::{
        BFF, CALENDAR, TestServer,
        tokens::{peek, user_token, verify},
    },
};

both_engines! {
    fn a_users_token_becomes_one_for_the_resource_api(engine) {
        let server = TestServer::start(engine);
        let subject = user_token(&server);
        let before = verify(&server, &subject, "bff-api");
        assert_eq!((&before["user-fullname"], &before["user-id"]), (&json!("Ada Lovelace"), &json!("1815")));

        let answer = server.token(BFF, &[("grant_type", "delegation"), ("token", &subject), ("scope", "calendar.edit")]);

        let after = verify(&server, &answer.access_token(), "resource-api");
        assert_eq!(after["scope"], json!(["calendar.edit"]));
        assert_eq!(after["user-access"], "resource-api");
        assert_eq!((&after["user-fullname"], &after["user-id"]), (&before["user-fullname"], &before["user-id"]));
        assert_eq!(after["sub"], before["sub"]);
        assert_eq!(after["act"], json!({ "iss": server.url, "sub": "bff" }));
        assert_eq!(after["anc"], json!([before["jti"]]));
        let body = answer.json();
        assert_eq!(body["scope"], "calendar.edit");
        assert_eq!(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        assert_eq!(body["expires_in"], 300);

        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(record["event"], "token.issued");
        assert_eq!(record["rule"], "bff edits calendars for its users");
        assert_eq!(record["scope_widened"], "calendar.edit");
        assert_eq!(record["jti"], after["jti"]);
        assert_eq!(record["parents"], json!([before["jti"]]));
    }

    fn a_client_without_the_grant_is_refused(engine) {
        let server = TestServer::start(engine);
        let subject = user_token(&server);
        server
            .token(CALENDAR, &[("grant_type", "delegation"), ("token", &subject)])
            .assert_refused(400, "unauthorized_client", "grant_not_allowed");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["event"], &record["reason"]), (&json!("token.refused"), &json!("grant_not_allowed")));
        assert!(record.get("jti").is_none());
    }

    fn the_token_parameter_is_required(engine) {
        let server = TestServer::start(engine);
        for form in [vec![("grant_type", "delegation")], vec![("grant_type", "delegation"), ("token", "")]] {
            server.token(BFF, &form).assert_refused(400, "invalid_request", "missing_parameter");
        }
    }

    fn it_keeps_what_the_rule_passes_when_no_scope_is_named(engine) {
        let server = TestServer::start(engine);
        let subject = user_token(&server);
        let answer = server.token(BFF, &[("grant_type", "delegation"), ("token", &subject)]);
        assert_eq!(peek(&answer.access_token())["scope"], json!(["calendar.read"]));
    }
}
