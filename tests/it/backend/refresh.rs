//! Refreshing what a sign-in gave, through both doors.

use serde_json::{Value, json};
use tessera::domain::{clock::Clock as _, login::AuthMethod};

use super::{sessions::is_active, sso::id_claims};
use crate::{
    both_engines,
    grants::refresh_token::refresh_as,
    support::{
        Answer, TestServer,
        backend::{Backend, PORTAL, SHOP, SignedIn, assert_refused, open_session, start},
        forge::with,
        tokens::{peek, verify},
    },
};

/// What a refresh gives.
struct Renewed {
    access: String,
    id_token: String,
    refresh: String,
}

impl Renewed {
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        let access = answer.access_token();
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
        assert!(body.get("session_id").is_none(), "{body}");
        Self { access, id_token: text("id_token"), refresh: text("refresh_token") }
    }
}

fn by_api(backend: &Backend<'_>, token: &str) -> Answer {
    backend.post("/v1/auth/token/refresh", &json!({ "refresh_token": token }))
}

/// Without what each token has of its own.
fn lasting(claims: &Value) -> Value {
    with(claims, &json!({ "jti": null, "iat": null, "exp": null, "at_hash": null }))
}

fn begin(server: &TestServer, portal: &Backend<'_>) -> SignedIn {
    let user = portal.user(&json!({ "email": "ada@example.com" }));
    let session = open_session(server, &user, &[AuthMethod::Password, AuthMethod::Totp]);
    let more = json!({ "resource": "bff-api", "claims": { "id_token": { "email": null, "last_auth": null, "new_user": null } } });
    SignedIn::of(user, &portal.authenticate(&session, more))
}

both_engines! {
    fn white_space_around_what_was_pasted_means_nothing(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let first = begin(&server, &portal);
        let refreshed = by_api(&portal, &format!(" {}\r\n", first.refresh));
        assert_eq!(refreshed.status, 200, "{}", refreshed.text);
        let again = portal.authenticate(&format!("\u{feff}{}\n", first.session_id), json!({}));
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.json()["session_id"], first.session_id.as_str());
        let ended = portal.post("/v1/auth/session/logout", &json!({ "session_id": format!("\t{} ", first.session_id) }));
        assert_eq!(ended.status, 204, "{}", ended.text);
    }

    fn both_doors_give_what_the_sign_in_gave(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let first = begin(&server, &portal);
        let (access, id) = (verify(&server, &first.access, "bff-api"), id_claims(&server, &first.id_token, PORTAL.0));
        server.clock.advance(5);
        let answer = by_api(&portal, &first.refresh);
        let body = answer.json();
        let members: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["access_token", "id_token", "refresh_token", "token_type", "expires_in"]);
        let second = Renewed::of(&answer);
        let record = server.record_of(&answer);
        assert_eq!((&record["event"], &record["subject"], &record["grant"]), (&json!("token.refreshed"), &json!(first.user_id), &json!("refresh_token")));
        assert_eq!(record["jti"], peek(&second.access)["jti"]);
        server.clock.advance(5);
        let third = Renewed::of(&refresh_as(&server, PORTAL, &second.refresh, &[]));
        for renewed in [&second, &third] {
            assert_eq!(lasting(&verify(&server, &renewed.access, "bff-api")), lasting(&access));
            let renewed_id = id_claims(&server, &renewed.id_token, PORTAL.0);
            assert_eq!(lasting(&renewed_id), lasting(&id));
            assert_ne!(renewed_id["at_hash"], id["at_hash"]);
        }
        assert_eq!(id_claims(&server, &third.id_token, PORTAL.0)["exp"], server.clock.now() + 3600);

        // And back, and the user is known as of now, the sign-in as of then.
        let body = json!({ "email": "ada@new.example" });
        let changed = portal.call(reqwest::Method::PUT, &format!("/v1/users/{}", first.user_id), &body);
        assert_eq!(changed.status, 200, "{}", changed.text);
        let fourth = Renewed::of(&by_api(&portal, &third.refresh));
        let latest = id_claims(&server, &fourth.id_token, PORTAL.0);
        assert_eq!((&latest["email"], &latest["auth_time"]), (&json!("ada@new.example"), &id["auth_time"]));
    }

    fn a_used_refresh_token_ends_what_came_of_it_and_not_the_session(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let first = begin(&server, &portal);
        let second = Renewed::of(&by_api(&portal, &first.refresh));
        let third = Renewed::of(&by_api(&portal, &second.refresh));
        let answer = by_api(&portal, &first.refresh);
        assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (400, &json!("invalid_refresh_token")));
        let events: Vec<Value> = server.records_of(&answer).into_iter().map(|record| record["event"].clone()).collect();
        assert!(events.contains(&json!("refresh_token.replayed")) && events.contains(&json!("session.ended")), "{events:?}");
        for access in [&first.access, &second.access, &third.access] {
            assert!(!is_active(&server, access));
        }
        assert_refused(&server, &by_api(&portal, &third.refresh), 400, "invalid_refresh_token");
        // The thief had no session.
        SignedIn::of(first.user_id, &portal.authenticate(&first.session_id, json!({})));
    }

    fn within_the_grace_a_lost_answer_is_asked_for_again(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let first = begin(&server, &portal);
        let (second, again) = (Renewed::of(&by_api(&portal, &first.refresh)), Renewed::of(&by_api(&portal, &first.refresh)));
        assert_ne!(second.refresh, again.refresh);
        Renewed::of(&by_api(&portal, &again.refresh));
    }

    fn what_is_no_refresh_token_of_the_client_gets_nothing(engine) {
        let server = start(engine);
        let (portal, shop) = (Backend::portal(&server), Backend::shop(&server));
        let first = begin(&server, &portal);
        for token in ["x", "tsr_", first.session_id.as_str(), first.access.get(..200).expect("a long token"), "\u{0}"] {
            let record = assert_refused(&server, &by_api(&portal, token), 400, "invalid_refresh_token");
            assert_eq!(record["event"], "token.refused");
        }
        assert_refused(&server, &by_api(&shop, &first.refresh), 400, "invalid_refresh_token");
        refresh_as(&server, SHOP, &first.refresh, &[]).assert_refused(400, "invalid_grant", "refresh_token_refused");
        for body in [json!({}), json!({ "refresh_token": null }), json!([])] {
            assert_refused(&server, &portal.post("/v1/auth/token/refresh", &body), 400, "system_invalid_input");
        }
        Renewed::of(&by_api(&portal, &first.refresh));
    }

    fn less_is_given_when_asked_for_and_never_more(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let first = begin(&server, &portal);
        let answer = refresh_as(&server, PORTAL, &first.refresh, &[("scope", "profile")]);
        let second = Renewed::of(&answer);
        assert_eq!(peek(&second.access)["scope"], "profile");
        for more in [("scope", "calendar.edit"), ("resource", "resource-api")] {
            let answer = refresh_as(&server, PORTAL, &second.refresh, &[more]);
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        let third = Renewed::of(&by_api(&portal, &second.refresh));
        assert_eq!(peek(&third.access)["scope"], "calendar.read profile", "the grant itself was not narrowed");
    }
}
