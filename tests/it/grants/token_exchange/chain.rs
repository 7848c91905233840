//! Chains of exchanges: who acted, where it came from, how long it lasts.

use serde_json::{Value, json};

use super::{
    demo_token,
    environments::{GATE, LOOP},
};
use crate::{
    both_engines,
    support::{
        BFF, CALENDAR, Engine, TestServer,
        forge::{Forge, claims, with},
        tokens::{exchange, exchange_as, peek, verify},
    },
};

both_engines! {
    // TE-060, TE-076: outermost is who acts now; ancestors are listed from the root.
    fn a_users_token_travels_to_the_reports(engine) {
        let server = TestServer::start(engine);
        let token = demo_token(&server);
        let user = verify(&server, &token, "bff-api");

        server.clock.advance(10);
        let answer = exchange(&server, &token, &[("audience", "resource-api"), ("scope", "calendar.edit calendar.read")]);
        let calendar_token = answer.access_token();
        let calendar = verify(&server, &calendar_token, "resource-api");
        assert_eq!(calendar["act"], json!({ "iss": server.url, "sub": "bff" }));
        assert_eq!(calendar["anc"], json!([user["jti"]]));
        assert_eq!(calendar["scope"], json!(["calendar.edit", "calendar.read"]));
        assert_eq!((&calendar["client_id"], &calendar["user-access"]), (&json!("bff"), &json!("resource-api")));

        server.clock.advance(10);
        let answer = exchange_as(&server, CALENDAR, &calendar_token, &[("audience", "reports-api"), ("scope", "reports.read")]);
        let reports = verify(&server, &answer.access_token(), "reports-api");
        assert_eq!(reports["act"], json!({
            "iss": server.url,
            "sub": "calendar-service",
            "act": { "iss": server.url, "sub": "bff" },
        }));
        assert_eq!(reports["anc"], json!([user["jti"], calendar["jti"]]));
        assert_eq!(reports["scope"], "reports.read");
        assert_eq!((&reports["client_id"], &reports["user-access"]), (&json!("calendar-service"), &json!("reports-api")));
        for claims in [&calendar, &reports] {
            for kept in ["sub", "iss", "user-fullname", "userId", "applicationId", "subjectType"] {
                assert_eq!(claims[kept], user[kept], "{kept}");
            }
        }
        let ends = [&user, &calendar, &reports].map(|claims| claims["exp"].as_i64().expect("exp"));
        assert!(ends[0] >= ends[1] && ends[1] >= ends[2], "{ends:?}");
        assert_eq!(answer.json()["expires_in"], 120);

        let record = server.record_of(&answer);
        assert_eq!(record["parents"], reports["anc"]);
        assert_eq!(record["act"], reports["act"]);
    }
}

// TE-065.
#[test]
fn ten_exchanges_in_a_row_work_and_the_eleventh_is_refused() {
    let server = TestServer::builder(Engine::Sqlite).environment(LOOP).start();
    let mut token = server.token(GATE, &[("grant_type", "client_credentials")]).access_token();
    let mut lineage: Vec<Value> = Vec::new();
    let mut end = peek(&token)["exp"].as_i64().expect("exp");
    for exchanges in 1..=10 {
        server.clock.advance(60);
        lineage.push(peek(&token)["jti"].clone());
        token = exchange_as(&server, GATE, &token, &[]).access_token();
        let claims = verify(&server, &token, "loop-api");
        assert_eq!(claims["anc"], json!(lineage));
        assert_eq!(depth(&claims["act"]), exchanges);
        assert!(claims["exp"].as_i64() <= Some(end), "a chain never buys time");
        end = claims["exp"].as_i64().expect("exp");
    }
    let answer = exchange_as(&server, GATE, &token, &[]);
    server.assert_subject_refused(&answer, "the token has the most ancestors it may have");
}

// TE-065: the same bounds for tokens whose chain did not grow here step by step.
#[test]
fn a_chain_of_actors_is_bounded_in_depth_and_in_bytes() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    let subject = |act: Value| forge.token(&with(&super::demo_claims(&server), &json!({ "act": act })));
    let deep = |levels: usize| {
        (0..levels).fold(Value::Null, |inner, level| {
            let actor = json!({ "iss": server.url, "sub": format!("service-{level}"), "act": inner });
            with(&actor, &if inner.is_null() { json!({ "act": null }) } else { json!({}) })
        })
    };
    let wide = |bytes: usize| json!({ "iss": server.url, "sub": "x", "email": "e".repeat(bytes) });

    let token = exchange(&server, &subject(deep(9)), &[]).access_token();
    assert_eq!(depth(&peek(&token)["act"]), 10);
    let token = exchange(&server, &subject(wide(3900)), &[]).access_token();
    assert_eq!(peek(&token)["act"]["act"]["email"].as_str().map(str::len), Some(3900), "kept, member by member");

    for full in [deep(10), wide(4000)] {
        let answer = exchange(&server, &subject(full), &[]);
        let record = server.assert_subject_refused(&answer, "the chain of actors is longer than allowed");
        assert_eq!(record["rule"], super::BFF_RULE);
    }
    for beyond in [deep(11), wide(5000)] {
        let answer = exchange(&server, &subject(beyond), &[]);
        let detail = "the claim act cannot be used: the chain of actors is longer than allowed";
        server.assert_subject_refused(&answer, detail);
    }
}

// TE-059, TE-061, TE-068.
#[test]
fn an_act_that_is_no_chain_of_identities_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    let detail = "the claim act cannot be used: act is not an object with iss and sub, or holds members that are not \
                  about identity";
    for act in [
        json!("bff"),
        json!([{ "iss": "i", "sub": "s" }]),
        json!({}),
        json!({ "sub": "bff" }),
        json!({ "iss": server.url, "sub": 7 }),
        json!({ "iss": server.url, "sub": "bff", "exp": 9_999_999_999_i64 }),
        json!({ "iss": server.url, "sub": "bff", "act": "bff" }),
        json!({ "iss": server.url, "sub": "bff", "act": { "iss": server.url, "sub": "x", "aud": "y" } }),
    ] {
        let claims = with(&super::demo_claims(&server), &json!({ "act": act }));
        server.assert_subject_refused(&exchange(&server, &forge.token(&claims), &[]), detail);
    }
}

// A service's own token is a subject like any other, and what comes of it still says so (TE-078).
#[test]
fn a_service_accounts_token_can_be_passed_on_without_its_permissions() {
    let server = TestServer::start(Engine::Sqlite);
    let own = server.token(BFF, &[("grant_type", "client_credentials")]).access_token();
    assert!(peek(&own)["permissions"].is_object());
    let claims = peek(&exchange_as(&server, CALENDAR, &own, &[("scope", "reports.read")]).access_token());
    assert_eq!((&claims["sub"], &claims["subjectType"]), (&json!("bff"), &json!("ServiceAccount")));
    assert_eq!(claims["act"], json!({ "iss": server.url, "sub": "calendar-service" }));
    assert!(claims.get("permissions").is_none());
}

// TE-086: what the user's session says is copied, never made anew; what no rule passes stays behind.
#[test]
fn session_claims_follow_the_user_and_others_do_not() {
    let server = TestServer::start(Engine::Sqlite);
    let session = json!({
        "sid": "s-1", "sessionId": "s-1", "auth_time": 1_700_000_000, "acr": "mfa", "amr": ["pwd", "otp"],
        "extensions": { "plan": "gold" },
    });
    let private = json!({ "email": "ada@example.com", "permissions": { "x": ["Y"] }, "user-access": "everything" });
    let subject = with(&with(&super::demo_claims(&server), &session), &private);
    let after = peek(&exchange(&server, &Forge::of(&server).token(&subject), &[]).access_token());
    for (name, value) in session.as_object().expect("an object") {
        assert_eq!(&after[name], value, "{name}");
    }
    assert!(after.get("email").is_none() && after.get("permissions").is_none());
    assert_eq!(after["user-access"], "resource-api", "what the rule sets wins");
}

#[test]
fn a_token_that_claims_more_ancestors_than_there_can_be_is_refused() {
    let server = TestServer::builder(Engine::Sqlite).environment(LOOP).start();
    let base = claims(&server, "loop-api", "gate", "turn");
    let ancestors = |count: usize| json!({ "anc": (0..count).map(|n| format!("a-{n}")).collect::<Vec<_>>() });
    let forge = Forge::of(&server);
    let try_with = |anc: &Value| exchange_as(&server, GATE, &forge.token(&with(&base, anc)), &[]);
    assert_eq!(peek(&try_with(&ancestors(9)).access_token())["anc"].as_array().map(Vec::len), Some(10));
    server.assert_subject_refused(&try_with(&ancestors(10)), "the token has the most ancestors it may have");
    server.assert_subject_refused(&try_with(&ancestors(11)), "the token has more ancestors than allowed");
    let detail = "the claim anc has the wrong type, is empty or out of range";
    server.assert_subject_refused(&try_with(&json!({ "anc": "a-1" })), detail);
    server.assert_subject_refused(&try_with(&json!({ "anc": [7] })), detail);
}

fn depth(act: &Value) -> usize {
    std::iter::successors(Some(act), |act| act.get("act")).count()
}
