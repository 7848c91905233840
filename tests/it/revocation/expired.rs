//! A refresh token that nobody can use any more still says which session is meant: revoking it reaches what goes on.

use serde_json::{Value, json};
use tessera::{
    app,
    domain::{clock::Clock as _, environment::MAX_ACCESS_TOKEN_LIFETIME},
    store::sessions,
};

use super::{FRONT, ORDERS, SEARCH, WATCHER, WEB, actors::start, long_lived, pass_on};
use crate::{
    both_engines,
    support::{
        Answer, TestServer,
        server::load,
        tokens::{delegate, exchange_as, peek},
    },
};

const DAY: i64 = 86_400;

/// An access token and the refresh token beside it.
fn pair(answer: &Answer) -> (String, String) {
    let refresh = answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
    (answer.access_token(), refresh)
}

/// A session of `front`.
fn begin(server: &TestServer) -> (String, String) {
    pair(&delegate(server, FRONT, (WEB, "ada"), &[("audience", "front-api"), ("scope", "all")]))
}

fn refresh(server: &TestServer, client: (&str, &str), token: &str) -> Answer {
    server.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)])
}

/// Deletes the sessions that the server would delete by now, and gives how many there are left.
fn sweep(server: &TestServer) -> String {
    let store = app::open_store(&load(server.variables())).expect("the database");
    let before = server.clock.now() - MAX_ACCESS_TOKEN_LIFETIME;
    while store.transact(|conn| sessions::sweep(conn, before)).expect("the database") {}
    server.database.value("SELECT CAST(count(*) AS TEXT) AS value FROM sessions")
}

#[track_caller]
fn assert_revoked(server: &TestServer, client: (&str, &str), token: &str, session: &Value) {
    let record = server.record_of(&server.revoked(client, token));
    let said = json!([record["event"], record["outcome"], record["client_id"], record["session_id"]]);
    assert_eq!(said, json!(["token.revoked", "success", client.0, session]));
}

both_engines! {
    fn a_session_that_came_of_one_that_is_long_over_ends_with_it(engine) {
        let server = start(engine);
        let (first, rotated) = begin(&server);
        let (_, newest) = pair(&refresh(&server, FRONT, &rotated));
        let swapped = pass_on(&server, FRONT, &first, "search-api");
        let (_, mut derived) = pair(&exchange_as(&server, SEARCH, &swapped, &[("audience", "store-api"), ("scope", "all")]));
        // The first is over since the fourteenth day; the other is in use.
        server.clock.advance(10 * DAY);
        (_, derived) = pair(&refresh(&server, SEARCH, &derived));
        server.clock.advance(10 * DAY);
        (_, derived) = pair(&refresh(&server, SEARCH, &derived));
        assert_eq!(refresh(&server, FRONT, &newest).status, 400);
        assert_eq!(sweep(&server), "2", "it stays for the sake of the other");
        server.revoke(SEARCH, &newest).assert_refused(400, "unauthorized_client", "token_of_another_client");
        let (access, next) = pair(&refresh(&server, SEARCH, &derived));
        assert!(server.is_active(WATCHER, &access));

        // One that was used, weeks ago, is as good.
        assert_revoked(&server, FRONT, &rotated, &peek(&first)["sid"]);
        assert!(!server.is_active(WATCHER, &access) && !server.is_active(SEARCH, &next));
        server.assert_refused(&refresh(&server, SEARCH, &next), "invalid_grant", "refresh_token_refused");
        assert_eq!(server.records_of(&server.revoked(FRONT, &newest)), [Value::Null; 0], "it has ended, with all of it");
        server.clock.advance(30 * DAY);
        sweep(&server);
        assert_eq!(sweep(&server), "0");
    }

    fn a_long_lived_token_that_came_of_a_session_that_is_long_over_dies_with_it(engine) {
        let server = start(engine);
        let ((first, token), (_, other)) = (begin(&server), begin(&server));
        let long = long_lived(&server, &long_lived(&server, &first));
        // Two weeks without use, and a day; the token is made anew for a week each time.
        server.clock.advance(6 * DAY);
        let long = long_lived(&server, &long);
        server.clock.advance(6 * DAY);
        let long = long_lived(&server, &long);
        server.clock.advance(4 * DAY);
        assert_eq!(sweep(&server), "1", "the other one is of no use to anybody");
        assert!(server.is_active(WATCHER, &long));
        assert_eq!(server.records_of(&server.revoked(FRONT, &other)), [Value::Null; 0]);
        server.revoke(ORDERS, &token).assert_refused(400, "unauthorized_client", "token_of_another_client");
        assert!(server.is_active(WATCHER, &long));
        assert_revoked(&server, FRONT, &token, &peek(&first)["sid"]);
        assert!(!server.is_active(WATCHER, &long));
    }
}
