//! What comes of the access token of a sign-in when services pass it on: whose it is, who acts, what it allows, and when it ends.

use serde_json::{Value, json};
use tessera::domain::login::AuthMethod;

use crate::{
    both_engines,
    grants::refresh_token::replaced,
    support::{
        BFF, CALENDAR, Engine, TestServer,
        backend::{Backend, SignedIn, environment, open_session},
        tokens::{exchange_as, verify},
    },
};

/// So that the last token of the chain can be passed on too.
const AGAIN: &str = r#"
[[exchange_rule]]
name = "calendar service reads reports again"
client = "calendar-service"
subject = { issuer = "self", audience = "reports-api" }
audience = ["reports-api"]
pass_scopes = ["reports.read"]
"#;

/// What the portal has access to.
const ACCESS: &str = r#"access = [{ audience = "bff-api", scopes = ["calendar.read", "profile"] }]"#;

const READ_REPORTS: [(&str, &str); 1] = [("scope", "reports.read")];

fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(&format!("{}{AGAIN}", environment())).start()
}

/// A user who is signed in by two factors, with a token for the BFF.
fn sign_in(server: &TestServer, portal: &Backend<'_>, email: &str) -> SignedIn {
    let user_id = portal.user(&json!({ "email": email }));
    let session = open_session(server, &user_id, &[AuthMethod::Password, AuthMethod::Totp]);
    SignedIn::of(user_id, &portal.authenticate(&session, json!({ "resource": "bff-api" })))
}

/// The token of a sign-in, what the BFF got for it, and what the calendar service got for that.
struct Chain {
    login: SignedIn,
    first: String,
    second: String,
}

impl Chain {
    fn of(server: &TestServer, login: SignedIn) -> Self {
        let first = exchange_as(server, BFF, &login.access, &[]).access_token();
        let second = exchange_as(server, CALENDAR, &first, &READ_REPORTS).access_token();
        Self { login, first, second }
    }

    /// What came of the sign-in, each with those whom it concerns: who got it, and whom it is for.
    fn descendants(&self) -> [((&'static str, &'static str), &str); 3] {
        [(BFF, &self.first), (CALENDAR, &self.first), (CALENDAR, &self.second)]
    }
}

fn time(claims: &Value, name: &str) -> i64 {
    claims[name].as_i64().unwrap_or_else(|| panic!("{name} in {claims}"))
}

both_engines! {
    fn each_hop_says_for_whom_it_is_who_acts_and_who_acted_before(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let chain = Chain::of(&server, sign_in(&server, &portal, "ada@example.com"));
        let login = verify(&server, &chain.login.access, "bff-api");
        let (first, second) = (verify(&server, &chain.first, "resource-api"), verify(&server, &chain.second, "reports-api"));
        assert_eq!((&login["sub"], login.get("act")), (&json!(chain.login.user_id), None));
        assert_eq!(first["act"], json!({ "iss": server.url, "sub": "bff" }));
        let both = json!({ "iss": server.url, "sub": "calendar-service", "act": { "iss": server.url, "sub": "bff" } });
        assert_eq!(second["act"], both);
        assert_eq!(first["anc"], json!([login["jti"]]));
        assert_eq!(second["anc"], json!([login["jti"], first["jti"]]));
        for (claims, client) in [(&first, "bff"), (&second, "calendar-service")] {
            assert_eq!(claims["client_id"], client);
            for kept in ["iss", "sub", "userId", "sid", "amr", "acr", "auth_time", "subjectType", "applicationId"] {
                assert!(!login[kept].is_null(), "{kept} in {login}");
                assert_eq!(claims[kept], login[kept], "{kept} for {client}");
            }
        }
        assert!(time(&second, "exp") <= time(&first, "exp") && time(&first, "exp") <= time(&login, "exp"));
    }

    fn no_hop_allows_more_than_the_one_before_and_its_rule(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let login = sign_in(&server, &portal, "ada@example.com");
        assert_eq!(verify(&server, &login.access, "bff-api")["scope"], "calendar.read profile");
        // What the calendar knows of it, and nothing that was not asked for.
        let answer = exchange_as(&server, BFF, &login.access, &[]);
        let first = answer.access_token();
        assert_eq!(verify(&server, &first, "resource-api")["scope"], json!(["calendar.read"]));
        assert_eq!(server.record_of(&answer).get("scope_widened"), None);
        let second = exchange_as(&server, CALENDAR, &first, &READ_REPORTS).access_token();
        assert_eq!(verify(&server, &second, "reports-api")["scope"], "reports.read");
        for (client, subject, audience, scope) in [
            (BFF, &login.access, "resource-api", "calendar.read profile"),
            (CALENDAR, &first, "reports-api", "reports.read calendar.read"),
            (CALENDAR, &second, "reports-api", "reports.read calendar.read"),
        ] {
            let answer = exchange_as(&server, client, subject, &[("audience", audience), ("scope", scope)]);
            server.assert_refused(&answer, "invalid_scope", "scope_unknown_at_target");
        }

        // Of a sign-in that may not read the calendar nobody behind it may.
        let profile = ACCESS.replace("\"calendar.read\", ", "");
        let narrow = TestServer::builder(engine).environment(&replaced(&environment(), ACCESS, &profile)).start();
        let login = sign_in(&narrow, &Backend::portal(&narrow), "ada@example.com");
        assert_eq!(verify(&narrow, &login.access, "bff-api")["scope"], "profile");
        let answer = exchange_as(&narrow, BFF, &login.access, &[("scope", "calendar.read")]);
        narrow.assert_refused(&answer, "invalid_scope", "scope_not_allowed");
        let answer = exchange_as(&narrow, BFF, &login.access, &[]);
        narrow.assert_refused(&answer, "invalid_scope", "no_default_scope");
    }

    fn logging_out_ends_every_hop_and_none_of_them_goes_on(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let ada = Chain::of(&server, sign_in(&server, &portal, "ada@example.com"));
        let bob = Chain::of(&server, sign_in(&server, &portal, "bob@example.com"));
        let lives_and_goes_on = |chain: &Chain| {
            for (client, token) in chain.descendants() {
                let said = server.introspect(client, token);
                assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!(chain.login.user_id)));
                exchange_as(&server, CALENDAR, token, &READ_REPORTS).access_token();
            }
        };
        lives_and_goes_on(&ada);
        lives_and_goes_on(&bob);

        let answer = portal.post("/v1/auth/session/logout", &json!({ "session_id": ada.login.session_id }));
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        for (client, token) in ada.descendants() {
            assert_eq!(server.introspect(client, token), json!({ "active": false }), "for {}", client.0);
        }
        for (client, token) in [(BFF, &ada.login.access), (CALENDAR, &ada.first), (CALENDAR, &ada.second)] {
            let more: &[(&str, &str)] = if client == BFF { &[] } else { &READ_REPORTS };
            let answer = exchange_as(&server, client, token, more);
            server.assert_subject_refused(&answer, "the session of the token is revoked");
        }
        lives_and_goes_on(&bob);
    }
}
