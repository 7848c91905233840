//! What comes of good refresh tokens.

use serde_json::json;

use super::{Pair, RULE, begin, begin_with, demo, one, refresh, start, used_on};
use crate::{
    both_engines,
    grants::token_exchange::{demo_claims, demo_token},
    support::{
        BFF, CLIENT_CREDENTIALS, DEMO, TestServer,
        forge::{Forge, with},
        tokens::{exchange, verify},
    },
};

both_engines! {
    fn each_refresh_gives_a_new_pair_that_says_the_same(engine) {
        let server = start(engine);
        let first = begin(&server);
        let before = verify(&server, &first.access, "resource-api");
        let session = before["sid"].as_str().expect("a session").to_owned();
        let mut pair = first.clone();
        for _ in 0..4 {
            server.clock.advance(250);
            let answer = refresh(&server, &pair.refresh, &[]);
            let next = Pair::of(&answer);
            assert_ne!((&next.access, &next.refresh), (&pair.access, &pair.refresh));
            let after = verify(&server, &next.access, "resource-api");
            assert_ne!(after["jti"], before["jti"]);
            assert_eq!(after["exp"].as_i64(), after["iat"].as_i64().map(|iat| iat + 300));
            let times = json!({ "jti": null, "iat": null, "exp": null });
            assert_eq!(with(&after, &times), with(&before, &times), "all the rest stays");
            let body = answer.json();
            assert_eq!((&body["scope"], &body["expires_in"]), (&json!("calendar.read calendar.edit"), &json!(300)));
            assert!(body.get("issued_token_type").is_none(), "no exchange: {body}");
            used_on(&server, &next.access).access_token();

            let record = server.record_of(&answer);
            assert_eq!(
                (&record["event"], &record["outcome"], &record["grant"], &record["rule"]),
                (&json!("token.refreshed"), &json!("success"), &json!("refresh_token"), &json!(RULE)),
            );
            assert_eq!(
                (&record["session_id"], &record["jti"], &record["parents"], &record["subject"]),
                (&json!(session), &after["jti"], &after["anc"], &json!("user-1")),
            );
            assert_eq!(record["scope_widened"], "calendar.edit", "each use of grant_scopes shows");
            pair = next;
        }
    }

    fn the_session_of_the_subject_token_gives_way_to_a_new_one_and_the_sign_in_stays(engine) {
        let server = start(engine);
        let signed_in = json!({ "sid": "s-0", "sessionId": "s-1", "auth_time": 1000, "acr": "2", "amr": ["pwd"] });
        let subject = Forge::of(&server).token(&with(&demo_claims(&server), &signed_in));
        let mut pair = begin_with(&server, &subject);
        for _ in 0..2 {
            let claims = verify(&server, &pair.access, "resource-api");
            assert_eq!((&claims["auth_time"], &claims["acr"], &claims["amr"]), (&json!(1000), &json!("2"), &json!(["pwd"])));
            assert_eq!(claims["sessionId"], "s-1");
            assert_eq!(claims["sid"].as_str().map(str::len), Some(36), "{claims}");
            server.clock.advance(2);
            pair = Pair::of(&refresh(&server, &pair.refresh, &[]));
        }
    }

    fn without_a_word_of_the_rule_there_is_no_refresh_token(engine) {
        let server = TestServer::start(engine);
        let answer = exchange(&server, &demo_token(&server), &[]);
        answer.access_token();
        assert!(answer.json().get("refresh_token").is_none());
        assert_eq!(one(&server, "SELECT count(*) FROM sessions"), "0");
        refresh(&server, "tsr_x", &[]).assert_refused(400, "unauthorized_client", "grant_not_allowed");

        server.apply(&demo());
        server.eventually("the new rule", || exchange(&server, &demo_token(&server), &[]).text.contains("tsr_"));
        let answer = server.token(BFF, &CLIENT_CREDENTIALS);
        answer.access_token();
        assert!(answer.json().get("refresh_token").is_none(), "never on its own account");

        server.apply(DEMO);
        server.eventually("the old rule", || !exchange(&server, &demo_token(&server), &[]).text.contains("tsr_"));
    }

    fn the_older_spelling_of_the_exchange_gives_one_too(engine) {
        let server = start(engine);
        let subject = demo_token(&server);
        let pair = Pair::of(&server.token(BFF, &[("grant_type", "delegation"), ("token", &subject)]));
        Pair::of(&refresh(&server, &pair.refresh, &[]));
    }

    fn the_database_holds_hashes_and_the_records_not_even_those(engine) {
        let server = start(engine);
        let pair = begin(&server);
        let next = Pair::of(&refresh(&server, &pair.refresh, &[]));
        refresh(&server, &pair.refresh, &[("scope", &next.refresh), ("audience", &next.refresh)]);
        refresh(&server, &format!("{}x", next.refresh), &[]);
        let kept = server.database.texts("SELECT hash AS text FROM refresh_tokens");
        assert!(kept.len() >= 2 && kept.iter().all(|hash| hash.len() == 64), "{kept:?}");
        let mut texts = server.database.texts("SELECT definition AS text FROM sessions");
        texts.extend(server.database.audit_records().iter().map(ToString::to_string));
        for text in &texts {
            assert!(!text.contains(&pair.refresh[4..]) && !text.contains(&next.refresh[4..]), "{text}");
            assert!(kept.iter().all(|hash| !text.contains(hash)), "{text}");
        }
    }
}
