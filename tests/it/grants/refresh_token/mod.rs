//! `grant_type=refresh_token` (RFC 6749 §6).

mod chain;
mod grace;
mod lifetimes;
mod nodes;
mod policy;
mod races;
mod replay;
mod request;
mod revoked;
mod shown;
mod users;

use serde_json::Value;
use tessera::{
    app,
    domain::{clock::Clock as _, revocation::RevocationKind},
    operations::revoke::revoke_in,
    store::StoreError,
};

use super::token_exchange::demo_token;
use crate::support::{
    Answer, BFF, CALENDAR, DEMO, Engine, TestServer,
    server::load,
    tokens::{exchange, exchange_as},
};

/// The refusal of a refresh token, whatever is wrong with it.
pub const REFUSED: (&str, &str) = ("invalid_grant", "refresh_token_refused");
/// The rule that gives the refresh tokens of these tests.
pub const RULE: &str = "bff edits calendars for its users";

/// The demo, where the BFF's exchange gives refresh tokens. Besides, the calendar service may exchange its own tokens again.
pub fn demo() -> String {
    // Without the tests of its rules: some of these files are meant to allow less.
    let demo = DEMO.split("\n[[test]]").next().unwrap_or_default();
    let file =
        replaced(demo, "\"token_exchange\", \"delegation\"]", "\"token_exchange\", \"delegation\", \"refresh_token\"]");
    let file = replaced(
        &file,
        "grants = [\"client_credentials\", \"token_exchange\"]",
        "grants = [\"client_credentials\", \"token_exchange\", \"refresh_token\"]",
    );
    let file = replaced(&file, "max_lifetime = 300  ", "refresh = true\nmax_lifetime = 300  ");
    file + r#"
[[exchange_rule]]
name = "calendar service reads reports again"
client = "calendar-service"
subject = { issuer = "self", audience = "reports-api" }
audience = ["reports-api"]
pass_scopes = ["reports.read"]
"#
}

/// `file` with `to` in the one place where `from` stands.
pub fn replaced(file: &str, from: &str, to: &str) -> String {
    assert_eq!(file.matches(from).count(), 1, "{from}");
    file.replace(from, to)
}

pub fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(&demo()).start()
}

/// An access token and the refresh token that came with it.
#[derive(Debug, Clone)]
pub struct Pair {
    pub access: String,
    pub refresh: String,
}

impl Pair {
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        let access = answer.access_token();
        let refresh = answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
        assert!(refresh.starts_with("tsr_") && refresh.len() == 53, "{refresh}");
        Self { access, refresh }
    }
}

/// What the BFF gets for the token of a user: both scopes of the calendar.
pub fn begin(server: &TestServer) -> Pair {
    begin_with(server, &demo_token(server))
}

pub fn begin_with(server: &TestServer, subject: &str) -> Pair {
    Pair::of(&exchange(server, subject, &[("scope", "calendar.read calendar.edit")]))
}

/// Uses a refresh token as the BFF.
pub fn refresh(server: &TestServer, token: &str, more: &[(&str, &str)]) -> Answer {
    refresh_as(server, BFF, token, more)
}

pub fn refresh_as(server: &TestServer, client: (&str, &str), token: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    form.extend_from_slice(more);
    server.token(client, &form)
}

/// Checks that a refresh token is good for nothing; gives the record.
#[track_caller]
pub fn assert_dead(server: &TestServer, token: &str) -> Value {
    assert_dead_of(server, BFF, token)
}

/// The same for a refresh token of another client.
#[track_caller]
pub fn assert_dead_of(server: &TestServer, client: (&str, &str), token: &str) -> Value {
    server.assert_refused(&refresh_as(server, client, token, &[]), REFUSED.0, REFUSED.1)
}

/// The calendar service wants to go on with a token of the user, or with what it got for one.
pub fn used_on(server: &TestServer, access: &str) -> Answer {
    exchange_as(server, CALENDAR, access, &[("scope", "reports.read")])
}

/// Revokes something, as all ways to do so do.
pub fn revoke(server: &TestServer, kind: RevocationKind, value: &str, expires_at: Option<i64>) {
    let store = app::open_store(&load(server.variables())).expect("the database");
    let environment_id = server.database.value("SELECT id AS value FROM environments");
    let now = server.clock.now();
    let work = |conn: &mut tessera::store::Conn<'_>| -> Result<bool, StoreError> {
        revoke_in(conn, &environment_id, kind, value, expires_at, now)
    };
    assert_eq!(store.transact(work), Ok(true));
}

/// The one value that a query finds, as text.
pub fn one(server: &TestServer, query: &str) -> String {
    server.database.value(&format!("SELECT CAST(({query}) AS TEXT) AS value"))
}
