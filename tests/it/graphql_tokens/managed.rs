//! Service accounts of one environment in another one, of another tenant: let in by name, for what the other says, for as
//! long as it says so.

use serde_json::{Value, json};

use super::{ENVIRONMENT, NOBODY, SERVICE, UNKNOWN, Wire, another, start};
use crate::{
    both_engines,
    support::{ACCESS_TOKEN, Answer, EXCHANGE, TestServer, guard::Guard},
};

/// Id and secret of the client of that id in every environment but the first.
pub const OTHER_SERVICE: (&str, &str) = ("service", "another-secret-of-the-service-with-32-characters");

/// A block that lets the client `service` of another environment in.
pub fn lets_in(service_id: &str, home: &str, keys: &str, more: &str) -> String {
    format!(
        "[[managed_service]]\nservice_id = \"{service_id}\"\nname = \"Of {service_id}\"\nclient = \"service\"\n\
         environment = \"{home}\"\n{more}\npermissions = {{ media = [{keys}] }}\n"
    )
}

/// The first environment and a second one that lets `service` of the first in.
pub fn home_and_target(server: &TestServer) -> (Wire<'_>, Wire<'_>) {
    let home = Wire::of(server);
    server.apply(&another("second", &lets_in("guest", &home.environment_id, "\"EDIT\"", "")));
    (home, Wire::at(server, "second"))
}

/// The input of a managed service account that wants a token of `target`.
pub fn at(target: &Wire<'_>, (id, secret): (&str, &str)) -> Value {
    json!({
        "clientId": id, "clientSecret": secret, "targetTenantId": target.tenant_id,
        "targetEnvironmentId": target.environment_id,
    })
}

/// Lets the client `service` exchange tokens.
const EXCHANGES: &str = r#"
[[resource_server]]
audience = "reports-api"
scopes = ["reports.read"]

[[exchange_rule]]
name = "reads reports"
client = "service"
audience = ["reports-api"]
"#;

const AUTHENTICATE: &str = "authenticateManagedServiceAccount";

both_engines! {
    fn a_token_of_the_target_is_the_targets_own(engine) {
        let server = start(engine);
        let (home, target) = home_and_target(&server);
        let answer = home.send(AUTHENTICATE, &at(&target, SERVICE), None);
        let payload = &answer.json()["data"][AUTHENTICATE];
        let token = payload["accessToken"].as_str().expect("a token");
        let claims = Guard(&server).management(token).expect("a token for the guard");
        assert_eq!(
            json!([claims["sub"], claims["subjectType"], claims["tenantId"], claims["environmentId"]]),
            json!(["service", "ManagedServiceAccount", target.tenant_id, target.environment_id])
        );
        assert_eq!(claims["permissions"], json!({ "media": ["EDIT"] }), "what the target gives, and nothing of home");
        let by_home = format!("/{}/{}", home.tenant_id, home.environment_id);
        assert_eq!(Guard(&server).verify_by_keys_of(&by_home, token, "ax-id-service"), Err("unknown kid".to_owned()));
        home.assert_dies(token, "SIGNING_KEY_NOT_FOUND");
        let shown = target.services(token).json();
        let expected = json!([{ "name": "Of guest", "serviceId": "guest", "__typename": "EnabledManagedService" }]);
        assert_eq!(shown["data"]["enabledManagedServices"], expected);

        let record = server.record_of(&answer);
        assert_eq!(
            json!([record["client_id"], record["environment_id"], record["rule"]]),
            json!(["service", home.environment_id, format!("managed_service of environment {}", target.environment_id)])
        );
        // What it may do at home it may not do there.
        target.refused("createServiceAccount", &json!({ "name": "x" }), Some(token), "USER_NOT_AUTHORIZED");
    }

    fn what_is_not_let_in_is_answered_like_an_environment_that_does_not_exist(engine) {
        let server = start(engine);
        let (home, target) = home_and_target(&server);
        // It lets in somebody of that id, but of the second environment, and one of the first who is out of force.
        let more = lets_in("other", &target.environment_id, "\"EDIT\"", "")
            + &lets_in("guest", &home.environment_id, "\"EDIT\"", "enabled = false");
        server.apply(&another("third", &more));
        let third = Wire::at(&server, "third");
        let unknown = Wire { tenant_id: UNKNOWN.to_owned(), environment_id: UNKNOWN.to_owned(), ..Wire::of(&server) };
        let mismatch = |tenant: &Wire<'_>, environment: &Wire<'_>| {
            let mut input = at(environment, SERVICE);
            input["targetTenantId"] = json!(tenant.tenant_id);
            input
        };
        let expected = home.refused(AUTHENTICATE, &at(&unknown, SERVICE), None, "ENVIRONMENT_NOT_FOUND");
        for input in [
            at(&third, SERVICE),
            at(&target, NOBODY),
            mismatch(&home, &target),
            mismatch(&target, &home),
            mismatch(&third, &target),
            mismatch(&unknown, &target),
            json!({ "clientId": SERVICE.0, "clientSecret": SERVICE.1, "targetTenantId": "", "targetEnvironmentId": "" }),
        ] {
            assert_eq!(home.refused(AUTHENTICATE, &input, None, "ENVIRONMENT_NOT_FOUND"), expected, "{input}");
        }
        // The way back was never opened.
        let back = target.refused(AUTHENTICATE, &at(&home, OTHER_SERVICE), None, "ENVIRONMENT_NOT_FOUND");
        assert_eq!(back, expected);
        // Who has no good secret learns nothing of environments.
        let wrong = (SERVICE.0, OTHER_SERVICE.1);
        let off = ("off", "a-secret-of-the-one-that-is-off-32-characters");
        let mut answers = Vec::new();
        for who in [wrong, off] {
            for of in [&target, &third, &unknown] {
                answers.push(home.refused(AUTHENTICATE, &at(of, who), None, "INVALID_CLIENT_ID_SECRET"));
            }
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        for half in ["targetTenantId", "targetEnvironmentId"] {
            let mut input = at(&target, SERVICE);
            input[half] = json!(null);
            home.refused(AUTHENTICATE, &input, None, "ARGUMENT_INVALID");
        }
    }

    fn a_token_dies_when_the_target_takes_it_back_or_the_home_ends_the_account(engine) {
        let server = start(engine);
        let node = server.another_node();
        let (home, target) = home_and_target(&server);
        let elsewhere = target.on(&node);
        let token = home.token(AUTHENTICATE, &at(&target, SERVICE), None);
        elsewhere.assert_good(&token);
        let open = lets_in("guest", &home.environment_id, "\"EDIT\"", "");
        let shut = lets_in("guest", &home.environment_id, "\"EDIT\"", "enabled = false");
        let disabled = ENVIRONMENT.replace("id = \"service\"", "id = \"service\"\nenabled = false");
        let closed = ENVIRONMENT.replacen("name = \"first\"", "name = \"first\"\nenabled = false", 1);
        for (dead, alive) in [
            (another("second", &shut), another("second", &open)),
            (disabled, ENVIRONMENT.to_owned()),
            (closed, ENVIRONMENT.replacen("name = \"first\"", "name = \"first\"\nenabled = true", 1)),
        ] {
            server.apply(&dead);
            for wire in [&target, &elsewhere] {
                wire.assert_dies(&token, "ACCESS_TOKEN_INVALID");
            }
            server.apply(&alive);
            for wire in [&target, &elsewhere] {
                wire.server.eventually("it is good again", || wire.services(&token).json().get("errors").is_none());
            }
        }
    }

    /// Two homes may each have a client of that id, and the target one more: three service accounts.
    fn equal_ids_of_two_homes_and_of_the_target_are_three_accounts(engine) {
        let server = start(engine);
        let first = Wire::of(&server);
        server.apply(&another("second", ""));
        let second = Wire::at(&server, "second");
        let of_first = |more: &str| lets_in("one", &first.environment_id, "\"EDIT\"", more);
        let of_second = lets_in("two", &second.environment_id, "\"VIEW\"", "")
            + &lets_in("two more", &second.environment_id, "\"EDIT\", \"VIEW\"", "").replace("two more", "more");
        server.apply(&another("third", &(of_first("") + &of_second)));
        let third = Wire::at(&server, "third");
        let ours = first.token(AUTHENTICATE, &at(&third, SERVICE), None);
        let theirs = second.token(AUTHENTICATE, &at(&third, OTHER_SERVICE), None);
        let own = third.login(OTHER_SERVICE);
        let permissions = |token: &str| Guard(&server).management(token).expect("a good token")["permissions"].clone();
        assert_eq!(permissions(&ours), json!({ "media": ["EDIT"] }));
        let mut all: Vec<Value> = permissions(&theirs)["media"].as_array().expect("a list").clone();
        all.sort_by_key(Value::to_string);
        assert_eq!(all, ["EDIT", "VIEW"]);

        server.apply(&another("third", &(of_first("enabled = false") + &of_second)));
        third.assert_dies(&ours, "ACCESS_TOKEN_INVALID");
        third.assert_good(&theirs);
        third.assert_good(&own);
        let disabled = another("third", &(of_first("") + &of_second));
        server.apply(&disabled.replace("id = \"service\"", "id = \"service\"\nenabled = false"));
        third.assert_dies(&own, "ACCESS_TOKEN_INVALID");
        server.eventually("it is let in again", || third.services(&ours).json().get("errors").is_none());
        third.assert_good(&theirs);
    }

    fn the_targets_client_of_that_id_cannot_trade_the_guests_token_in(engine) {
        let server = start(engine);
        let home = Wire::of(&server);
        let file = another("second", &(lets_in("guest", &home.environment_id, "\"EDIT\"", "") + EXCHANGES));
        let grants = "grants = [\"client_credentials\"";
        server.apply(&file.replacen(grants, &format!("{grants}, \"token_exchange\""), 1));
        let target = Wire::at(&server, "second");
        let exchange = |subject: &str| {
            let request = server.request(reqwest::Method::POST, &format!("{}/token", target.issuer));
            let request = request.basic_auth(OTHER_SERVICE.0, Some(OTHER_SERVICE.1));
            Answer::to(request.form(&[
                ("grant_type", EXCHANGE),
                ("subject_token", subject),
                ("subject_token_type", ACCESS_TOKEN),
                ("audience", "reports-api"),
            ]))
        };
        exchange(&target.login(OTHER_SERVICE)).access_token();
        let guest = home.token(AUTHENTICATE, &at(&target, SERVICE), None);
        exchange(&guest).assert_refused(400, "invalid_request", "subject_token_refused");
    }

    fn a_managed_account_vouches_for_users_where_it_is_let_in_and_they_go_with_it(engine) {
        let server = start(engine);
        let home = Wire::of(&server);
        let vouches = |more: &str| {
            let block = lets_in("guest", &home.environment_id, "\"VIEW\"", more);
            let keys = "ax-user-service = [\"GENERATE_DELEGATED_ACCESS_TOKEN\"]";
            another("second", &block.replace("media =", &format!("{keys}, media =")))
                .replace("id = \"service\"", "id = \"local\"")
        };
        server.apply(&vouches(""));
        let target = Wire::at(&server, "second");
        let web = server.database.value(&format!(
            "SELECT id AS value FROM applications WHERE name = 'web' AND environment_id = '{}'",
            target.environment_id
        ));
        let token = home.token(AUTHENTICATE, &at(&target, SERVICE), None);
        let login = json!({ "applicationId": web, "subjectId": "ada" });
        let user = target.token("generateDelegatedAccessToken", &login, Some(&token));
        let claims = Guard(&server).end_user(&user).expect("a token for the guard");
        assert_eq!(claims["environmentId"], json!(target.environment_id));
        target.assert_good(&user);
        server.apply(&vouches("enabled = false"));
        target.assert_dies(&user, "ACCESS_TOKEN_INVALID");
    }
}
