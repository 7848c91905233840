//! Everybody of ours in the chain counts: who acts, and the clients passed through, whether or not the token names them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{BILLING, ENVIRONMENT, FRONT, ORDERS, SEARCH, STORE, WATCHER, WEB, pass_on, user_token};
use crate::{
    both_engines,
    grants::token_exchange::actor,
    support::{
        Answer, Engine, TestServer,
        forge::{Forge, claims, with},
        tokens::{delegate, exchange_as, peek},
    },
};

/// The application that those who act sign in to.
const HELPDESK: &str = "0b9d7c4e-3a5f-4c1d-8e27-6f1a2b3c4d5e";
const USER_GONE: &str = "the user behind the token is disabled or gone";
const APPLICATION_GONE: &str = "the application behind the token is disabled or gone";
const CLIENT_GONE: &str = "the client behind the token is disabled or gone";

/// [`ENVIRONMENT`] with a further application, where exchanges of `search` and `billing` and sign-ins of `front` begin sessions.
pub fn environment() -> String {
    let with = |file: &str, place: &str, more: &str| {
        assert_eq!(file.matches(place).count(), 1, "{place}");
        file.replace(place, &format!("{place}{more}"))
    };
    let file = with(ENVIRONMENT, "name = \"front signs in\"", "\nrefresh = true");
    let file = with(&file, "name = \"search passes on\"", "\nrefresh = true");
    let file = with(&file, "name = \"billing passes on\"", "\nrefresh = true");
    let file = with(&file, "id = \"billing\"\ngrants = [\"token_exchange\"", ", \"refresh_token\"");
    let file = with(&file, "id = \"search\"\ngrants = [\"token_exchange\"", ", \"refresh_token\"");
    let file =
        with(&file, "id = \"front\"\ngrants = [\"client_credentials\", \"token_exchange\"", ", \"refresh_token\"");
    let helpdesk =
        format!("[[application]]\nid = \"{HELPDESK}\"\nname = \"helpdesk\"\nplatform = \"WEB\"\nenabled = true\n");
    format!("{file}\n{helpdesk}")
}

pub fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(&environment()).start()
}

/// All that came of a user's token and an actor's.
struct Made {
    /// Whom it speaks of, and who acts.
    ada: String,
    helper: String,
    /// By `front`, in either profile.
    delegated: String,
    mosaic: String,
    /// What came of those, by `orders` and `billing`.
    delegated_on: String,
    mosaic_on: String,
    /// Of the session that began with the last one.
    refresh: String,
}

impl Made {
    fn of(server: &TestServer) -> Self {
        let ada = user_token(server, "ada");
        let target = [("audience", "front-api"), ("scope", "all")];
        let helper = delegate(server, FRONT, (HELPDESK, "helper"), &target).access_token();
        let acted = |audience: &str| acted(server, &ada, &helper, audience).access_token();
        let (delegated, mosaic) = (acted("orders-api"), acted("billing-api"));
        let delegated_on = pass_on(server, ORDERS, &delegated, "store-api");
        let on = pass(server, BILLING, &mosaic);
        let refresh = on.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
        Self { ada, delegated, mosaic, delegated_on, mosaic_on: on.access_token(), refresh, helper }
    }

    fn derived(&self) -> [&String; 4] {
        [&self.delegated, &self.mosaic, &self.delegated_on, &self.mosaic_on]
    }

    fn helper_id(&self) -> String {
        peek(&self.helper)["sub"].as_str().expect("sub").to_owned()
    }

    /// Checks each door: that everything is let in, as long as nobody of them has gone.
    #[track_caller]
    fn assert_lives(&self, server: &TestServer) {
        for token in self.derived() {
            assert!(server.is_active(WATCHER, token));
            assert_eq!(at_userinfo(server, token), 403, "good, and a delegated one");
            assert_eq!(at_management(server, token), Value::Null);
        }
        assert!(server.is_active(BILLING, &self.refresh));
        acted(server, &self.ada, &self.helper, "orders-api").access_token();
    }

    /// The same where somebody of them has gone, though `ada` is as good as before.
    #[track_caller]
    fn assert_dead(&self, server: &TestServer, reason: &str) {
        server.eventually("the node to hear of it", || !server.is_active(WATCHER, &self.mosaic_on));
        for token in self.derived() {
            assert!(!server.is_active(WATCHER, token), "{}", peek(token));
            assert_eq!(at_userinfo(server, token), 401);
            assert!(at_management(server, token).is_string());
        }
        assert!(!server.is_active(BILLING, &self.refresh));
        server.assert_subject_refused(&pass(server, ORDERS, &self.delegated), reason);
        server.assert_subject_refused(&pass(server, BILLING, &self.mosaic), reason);
        server.assert_actor_refused(&acted(server, &self.ada, &self.helper, "orders-api"), reason);
        let form = [("grant_type", "refresh_token"), ("refresh_token", self.refresh.as_str())];
        server.assert_refused(&server.token(BILLING, &form), "invalid_grant", "refresh_token_refused");
        assert!(server.is_active(WATCHER, &self.ada));
        pass_on(server, FRONT, &self.ada, "orders-api");
    }
}

fn pass(server: &TestServer, client: (&str, &str), token: &str) -> Answer {
    exchange_as(server, client, token, &[("audience", "store-api"), ("scope", "all")])
}

fn acted(server: &TestServer, subject: &str, actor_token: &str, audience: &str) -> Answer {
    let mut form = vec![("audience", audience), ("scope", "all")];
    form.extend(actor(actor_token));
    exchange_as(server, FRONT, subject, &form)
}

fn at_userinfo(server: &TestServer, token: &str) -> u16 {
    Answer::to(server.request(Method::GET, "/userinfo").bearer_auth(token)).status.as_u16()
}

/// The code with which the management API refuses the token, if it does.
fn at_management(server: &TestServer, token: &str) -> Value {
    let request = server.request(Method::POST, "/graphql-management").bearer_auth(token);
    let answer = Answer::to(request.json(&json!({ "query": "{ currentCaller { subject } }" })));
    answer.json()["errors"][0]["code"].clone()
}

both_engines! {
    fn an_acting_user_who_is_disabled_takes_along_what_was_made_with_the_token_until_enabled_again(engine) {
        let server = start(engine);
        let made = Made::of(&server);
        assert_eq!(peek(&made.delegated)["act"]["sub"], json!(made.helper_id()));
        assert_eq!(peek(&made.mosaic_on)["anc_of"]["user"], json!([made.helper_id()]));
        made.assert_lives(&server);
        server.cli(&["user", "disable", &made.helper_id()]).success();
        made.assert_dead(&server, USER_GONE);
        server.cli(&["user", "enable", &made.helper_id()]).success();
        server.eventually("the user is back", || server.is_active(WATCHER, &made.mosaic_on));
        made.assert_lives(&server);
    }

    fn an_acting_user_who_is_deleted_takes_it_along(engine) {
        let server = start(engine);
        let made = Made::of(&server);
        made.assert_lives(&server);
        server.cli(&["user", "delete", &made.helper_id()]).success();
        made.assert_dead(&server, USER_GONE);
    }

    fn the_end_of_the_session_of_an_acting_user_takes_it_along(engine) {
        let server = start(engine);
        let made = Made::of(&server);
        let session = peek(&made.helper)["sessionId"].as_str().expect("a session").to_owned();
        server.cli(&["revoke", "session", &session]).success();
        made.assert_dead(&server, "the session of the token is revoked");
    }

    fn revoking_the_subject_who_acts_takes_it_along(engine) {
        let server = start(engine);
        let made = Made::of(&server);
        server.cli(&["revoke", "subject", &made.helper_id()]).success();
        made.assert_dead(&server, "the tokens of its subject, or of one that acts, are revoked");
    }

    fn the_application_of_an_acting_user_counts(engine) {
        let server = start(engine);
        let made = Made::of(&server);
        made.assert_lives(&server);
        let line = format!("id = \"{HELPDESK}\"\nname = \"helpdesk\"\nplatform = \"WEB\"\nenabled = ");
        server.apply(&environment().replace(&format!("{line}true"), &format!("{line}false")));
        made.assert_dead(&server, APPLICATION_GONE);
    }

    // `front` impersonated: no token that came of it names it in `act`, nor as its own `client_id`.
    fn a_client_that_is_disabled_in_the_middle_takes_along_what_went_through_it(engine) {
        let server = start(engine);
        let middle = pass_on(&server, FRONT, &user_token(&server, "ada"), "search-api");
        let on = pass(&server, SEARCH, &middle);
        let (token, refresh) = (on.access_token(), on.json()["refresh_token"].as_str().expect("a refresh token").to_owned());
        let last = exchange_as(&server, STORE, &token, &[("audience", "end-api"), ("scope", "all")]).access_token();
        assert!(peek(&last)["client_id"] != "front" && !peek(&last)["act"].to_string().contains("front"));
        let is_good = |token: &str| server.is_active(WATCHER, token) && at_userinfo(&server, token) == 403 && at_management(&server, token).is_null();
        assert!(is_good(&token) && is_good(&last) && server.is_active(SEARCH, &refresh));
        server.apply(&environment().replace("id = \"front\"", "id = \"front\"\nenabled = false"));
        server.eventually("the client is off", || !server.is_active(WATCHER, &last));
        for token in [&token, &last] {
            assert!(!server.is_active(WATCHER, token) && at_userinfo(&server, token) == 401 && at_management(&server, token).is_string());
        }
        server.assert_subject_refused(&exchange_as(&server, STORE, &token, &[("audience", "end-api"), ("scope", "all")]), CLIENT_GONE);
        assert!(!server.is_active(SEARCH, &refresh));
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        server.assert_refused(&server.token(SEARCH, &form), "invalid_grant", "refresh_token_refused");
        server.apply(&environment());
        server.eventually("the client is back", || is_good(&last) && server.is_active(SEARCH, &refresh));
    }

    // Of before tokens named who was behind their ancestors. A name that nobody has may be a workload's.
    fn whoever_acts_is_asked_for_though_the_token_says_no_more_than_the_name(engine) {
        let server = start(engine);
        let helper = peek(&user_token(&server, "helper"))["sub"].clone();
        let acted = |sub: &Value, iss: &str| {
            let act = json!({ "iss": server.url, "sub": "nobody-of-ours", "act": { "iss": iss, "sub": sub } });
            Forge::of(&server).token(&with(&claims(&server, "front-api", "orders", "all"), &json!({ "act": act })))
        };
        let (user, client, application) = (acted(&helper, &server.url), acted(&json!("search"), &server.url), acted(&json!(WEB), "ax-user-service"));
        let elsewhere = acted(&helper, "https://elsewhere.example");
        for token in [&user, &client, &application, &elsewhere] {
            assert!(server.is_active(WATCHER, token));
        }
        server.cli(&["user", "disable", helper.as_str().expect("a user")]).success();
        let file = environment().replace("id = \"search\"", "id = \"search\"\nenabled = false");
        let line = "name = \"web\"\nplatform = \"WEB\"\nenabled = ";
        server.apply(&file.replace(&format!("{line}true"), &format!("{line}false")));
        for (token, reason) in [(&user, USER_GONE), (&client, CLIENT_GONE), (&application, APPLICATION_GONE)] {
            server.eventually_subject_refused(reason, || exchange_as(&server, FRONT, token, &[("audience", "search-api"), ("scope", "all")]));
            assert!(!server.is_active(WATCHER, token));
        }
        assert!(server.is_active(WATCHER, &elsewhere), "somebody else of the same name");
    }
}
