use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    domain::{
        ancestry::AncestorFacts,
        claims::SubjectType,
        client::{Access, Client, ClientKind, ClientSignIn, ExchangeError},
        subject::SubjectToken,
    },
    oauth::{grant_type::GrantType, scope::Scope},
};

fn client() -> Client {
    Client {
        id: "bff".to_owned(),
        name: "Backend".to_owned(),
        kind: ClientKind::ServiceAccount,
        enabled: true,
        grants: vec![GrantType::TokenExchange],
        access: vec![Access {
            audience: "api".to_owned(),
            scopes: Scope::parse("read").expect("a scope"),
            default_scopes: None,
        }],
        permissions: [("api".to_owned(), vec!["EXPORT".to_owned()])].into(),
        exchange_error: ExchangeError::InvalidRequest,
        secrets: Vec::new(),
        sign_in: ClientSignIn::default(),
    }
}

fn token(other: Json) -> SubjectToken {
    SubjectToken {
        iss: "https://a.example".to_owned(),
        sub: "user".to_owned(),
        aud: vec!["bff-api".to_owned()],
        client_id: "web".to_owned(),
        jti: "j".to_owned(),
        exp: 2000,
        iat: 1000,
        nbf: None,
        scope: Scope::parse("calendar.read profile").expect("a scope"),
        act: None,
        may_act: None,
        anc: Vec::new(),
        anc_facts: AncestorFacts::default(),
        kid: None,
        cnf: None,
        subject_type: Some(SubjectType::EndUserAccount),
        application_id: None,
        profile_id: None,
        other: other.as_object().expect("an object").clone(),
    }
}

/// Whether the condition holds of a subject with these claims, without an actor.
fn check(condition: &str, claims: Json) -> Result<(), String> {
    let condition = Condition::new(condition);
    let targets = ["resource-api"];
    let scope = Scope::parse("calendar.edit").expect("a scope");
    condition.check(&Facts {
        subject: &token(claims),
        actor: None,
        client: &client(),
        targets: &targets,
        scope: &scope,
        requested_token_type: None,
        grant_type: GrantType::TokenExchange.as_str(),
        now: 1500,
    })
}

#[test]
fn a_condition_looks_at_subject_actor_client_and_request() {
    let claims =
        json!({ "department": "R&D", "level": 3, "groups": ["eng-a", "ops"], "share": 0.5, "inner": { "a": [1, 2] } });
    for condition in [
        "subject.department == 'R&D' && subject.level >= 3",
        "'ops' in subject.groups",
        "subject.groups.exists(g, g.startsWith('eng-'))",
        "subject.groups.all(g, size(g) < 6) && subject.groups.filter(g, g.contains('eng')).size() == 1",
        "has(subject.department) && !has(subject.email)",
        "subject.inner.a[1] == 2 && subject['share'] < 0.6",
        "subject.sub == 'user' && 'bff-api' in subject.aud && 'profile' in subject.scope",
        "subject.subjectType == 'EndUserAccount' && subject.exp - request.time <= 500",
        "actor == null",
        "client.id == 'bff' && 'EXPORT' in client.permissions['api'] && 'read' in client.access['api']",
        "client.grants == ['token_exchange'] && client.kind == 'service_account'",
        "request.audience == ['resource-api'] && 'calendar.edit' in request.scope",
        "request.requested_token_type == null && request.grant_type.endsWith(':token-exchange')",
        "request.time % 86400 / 60 == 25 ? true : false",
    ] {
        assert_eq!(Condition::new(condition).error(), None, "{condition}");
        assert_eq!(check(condition, claims.clone()), Ok(()), "{condition}");
    }
}

#[test]
fn whatever_is_not_true_does_not_hold_and_says_why() {
    for (condition, reason) in [
        ("subject.level == 4", "the condition is false"),
        ("subject.email == 'a@example.com'", "there is no \"email\""),
        ("subject.level", "neither true nor false"),
        ("subject.level / (subject.level - 3) == 1", "a division by zero"),
        ("subject.level % (subject.level - 3) == 1", "a division by zero"),
        ("9223372036854775807 + subject.level > 0", "a number grew too large"),
        ("-9223372036854775807 - subject.level < 0", "a number grew too large"),
        ("9223372036854775807 * subject.level > 0", "a number grew too large"),
        ("subject.level < 'x'", "does not go with int and string"),
        ("subject.groups[7] == 'x'", "a list has no such place"),
        ("actor.sub == 'x'", "cannot be evaluated"),
        ("subject.level.all(x, x == 1)", "its values do not go together"),
    ] {
        let error = check(condition, json!({ "level": 3, "groups": ["secret-of-a-user"] })).expect_err(condition);
        assert!(error.contains(reason), "{condition}: {error}");
        assert!(!error.contains("secret-of-a-user"), "{condition}: {error}");
    }
}

#[test]
fn a_reason_never_quotes_the_value_of_a_claim() {
    let claims = json!({ "key": "secret-of-a-user", "list": ["secret-of-a-user"] });
    for condition in [
        "subject[subject.key] == 1",
        "client.permissions[subject.key] == []",
        "subject.key && true",
        "subject.key - 1 == 0",
        "subject.key.x == 1",
        "subject.list + 1 == 2",
        "subject.list[subject.key] == 1",
        "-subject.key == 1",
        "1 in subject.key",
        "subject.key ? true : false",
        "subject.list < subject.key",
        "size(subject.key, subject.list) == 1",
    ] {
        let error = check(condition, claims.clone()).expect_err(condition);
        assert!(!error.contains("secret"), "{condition}: {error}");
    }
}

#[test]
fn what_is_not_bounded_is_not_admitted() {
    let deep = format!("{}true{}", "(".repeat(500), ")".repeat(500));
    let ternary = format!("{}true", "true?true:".repeat(100));
    let selects = format!("subject{} == 1", ".a".repeat(500));
    let sums = format!("1{} > 0", "+1".repeat(500));
    let lists = format!("{}{} == []", "[".repeat(400), "]".repeat(400));
    let doubling = format!("['x']{}[0] == ''", ".map(v,v+v)".repeat(40));
    let hidden = format!("{}true{}", "(\")\" == \")\" && ".repeat(60), ")".repeat(60));
    let long = format!("subject.a == '{}'", "x".repeat(MAX_CONDITION));
    for condition in [
        "",
        "  ",
        "subject.",
        "subject.a ==",
        "a == 1",
        "subject.a == 1 // \u{0}",
        "request.adience == []",
        "client.secret == ''",
        "client['secrets'] == []",
        "subject.a.matches('(a+)+$')",
        "matches(subject.a, 'a')",
        "duration('1h') == duration('1h')",
        "timestamp(subject.a) < timestamp(subject.b)",
        "subject.a.all(x, x.all(y, true))",
        "subject.a.map(x, x + x).map(x, x + x) == []",
        "(subject.a + subject.a).all(x, true)",
        "[1, 2, 3].all(x, true)",
        "subject.a.all(subject, true)",
        "subject.a.exists(client, client.x)",
        "{'a': 1}.a == 1",
        "google.protobuf.Duration{}",
        "b'x' == b'x'",
        "string(subject.a) == ''",
        "type(subject.a) == int",
        "subject.?a == 1",
        &deep,
        &ternary,
        &selects,
        &sums,
        &lists,
        &doubling,
        &hidden,
        &long,
    ] {
        let started = Instant::now();
        let condition = Condition::new(condition);
        assert!(condition.error().is_some(), "{condition:?} is admitted");
        assert!(started.elapsed() < Duration::from_secs(2), "{condition:?}");
        assert!(check(condition.text(), json!({})).is_err(), "{condition:?} holds");
    }
}

// A thread of the server has 2 MiB of stack, and so has this test: what the parser and the walk go through must fit.
#[test]
fn the_deepest_texts_that_get_to_the_parser_fit_on_the_stack() {
    let nested = |open: &str, depth: usize, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for text in [
        nested("(", 48, "true", ")"),
        nested("[", 48, "", "]"),
        nested("{1:", 48, "1", "}"),
        nested("size(", 48, "subject.a", ")"),
        nested("!(", 48, "true", ")"),
        nested("true?(", 48, "true", "):true"),
        format!("true{}", ".a".repeat(510)),
        format!("{}true", "!-".repeat(510)),
        format!("{}true", "true?".repeat(200)),
        format!("a{}", "[0]".repeat(48)),
        "'".repeat(1000),
        "\"\\".repeat(500),
        "/*".repeat(500),
    ] {
        let started = Instant::now();
        let _ = check(&text, json!({ "a": 1 }));
        assert!(started.elapsed() < Duration::from_secs(2), "{text:?} took {:?}", started.elapsed());
    }
}

#[test]
fn the_deepest_that_is_admitted_is_evaluated_within_the_stack() {
    let nested = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(36), close.repeat(36));
    for text in [
        nested("true?(", "true", "):true"),
        nested("[", "", "]") + " != []",
        nested("(1+", "1", ")") + " > 0",
        nested("(true == ", "true", ")"),
    ] {
        assert_eq!(Condition::new(&*text).error(), None, "{text}");
        assert_eq!(check(&text, json!({})), Ok(()), "{text}");
    }
    let looped = format!("subject.a.all(x, {})", nested("(1 + ", "x", ")") + " > 0");
    assert_eq!(check(&looped, json!({ "a": [1, 2] })), Ok(()), "{looped}");
}

#[test]
fn claims_beyond_the_bounds_rule_the_rule_out() {
    let many: Vec<u32> = (0..600).collect();
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for claims in [json!({ "a": many }), json!({ "a": "x".repeat(MAX_FACT_BYTES + 1) }), json!({ "a": deep })] {
        assert_eq!(
            check("subject.sub == 'user'", claims.clone()),
            Err("the claims are too large for conditions".to_owned())
        );
        // What nobody looks at costs nothing.
        assert_eq!(check("client.id == 'bff'", claims), Ok(()));
    }
}

#[test]
fn the_most_work_that_is_admitted_is_done_soon() {
    let most: Vec<u32> = (0..450).collect();
    let text = "y".repeat(12_000);
    let body = vec!["x + 1 != 0"; 30].join(" && ");
    for (condition, claims) in [
        (format!("subject.a.all(x, {body})"), json!({ "a": most })),
        (format!("subject.a.exists(x, !({body}))"), json!({ "a": most })),
        ([r#"subject.a.map(x, x + 1) == []"#; 10].join(" || "), json!({ "a": most })),
        (["subject.a.contains('yx')"; 30].join(" || "), json!({ "a": text })),
        (vec!["subject.a"; 38].join(" + ") + " == ''", json!({ "a": text })),
    ] {
        assert_eq!(Condition::new(&*condition).error(), None, "{condition}");
        let started = Instant::now();
        let _ = check(&condition, claims);
        assert!(started.elapsed() < Duration::from_secs(1), "{condition} took {:?}", started.elapsed());
    }
}

#[test]
fn a_condition_says_which_claims_it_looks_at() {
    let claims = |text: &str| Condition::new(text).claims().map(|claims| claims.iter().cloned().collect::<Vec<_>>());
    let listed = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    assert_eq!(claims("subject.a == 1 && has(subject.b) && subject['c'] == 1"), listed(&["a", "b", "c"]));
    assert_eq!(claims("client.id == 'x' && request.time > 1"), listed(&[]));
    assert_eq!(claims("'a' in subject"), None);
    assert_eq!(claims("subject[client.id] == 1"), None);
    assert_eq!(claims("not cel"), None);
}

#[test]
fn a_condition_says_whether_it_looks_at_what_would_be_given_and_which_targets_and_scopes_it_names() {
    for (text, given) in [
        ("subject.sub == 'x' && request.time > 1 && request.grant_type == 'y'", false),
        ("actor == null || client.access['api'] == ['read']", false),
        ("request.audience == ['a']", true),
        ("has(request.scope)", true),
        ("request['audience'].size() > 1", true),
        ("request[subject.key] == []", true),
        ("'audience' in request", true),
        ("request.scope.all(s, s.startsWith('read'))", true),
    ] {
        let condition = Condition::new(text);
        assert_eq!((condition.error(), condition.looks_at_given()), (None, given), "{text}");
    }
    let named = |text: &str| {
        let condition = Condition::new(text);
        let Named { audience, scope, no_audience } = condition.named().expect("a condition").clone();
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        (list(audience), list(scope), no_audience)
    };
    let texts = |audience: &str, scope: &str, no_audience| (audience.to_owned(), scope.to_owned(), no_audience);
    assert_eq!(named("!('a' in request.audience) && 'r' in request['scope']"), texts("a", "r", false));
    assert_eq!(named("request.audience == ['a', 'b'] || ['c'] != request.audience"), texts("a b c", "", false));
    assert_eq!(named("request.audience[0] == 'a' || request.audience == []"), texts("a", "", true));
    assert_eq!(named("request.scope.exists(s, s == 'r' || s in ['w', 'x'])"), texts("", "r w x", false));
    assert_eq!(named("subject.aud == ['a'] && subject.groups.exists(s, s == 'b')"), texts("", "", false));
    assert_eq!(Condition::new("not cel").named(), None);
}

#[test]
fn a_condition_is_kept_as_its_text() {
    let condition: Condition = serde_json::from_value(json!("subject.a == 1")).expect("a text");
    assert_eq!((condition.error(), serde_json::to_value(&condition).ok()), (None, Some(json!("subject.a == 1"))));
    // Out of a row that was changed by hand.
    let broken: Condition = serde_json::from_value(json!("true ||")).expect("a text");
    assert!(broken.error().is_some());
    assert!(check(broken.text(), json!({})).is_err_and(|error| error.contains("cannot be used")));
}
