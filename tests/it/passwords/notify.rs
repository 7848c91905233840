//! The news that a password was changed, sent to a real mail server on loopback.

use serde_json::json;

use super::*;
use crate::{
    both_engines,
    grants::refresh_token::replaced,
    support::mails::{MailServer, Received},
};

/// The end of what the file says of the passwords of "web".
const PREFERENCES: &str = "resetValidityMinutes = 15\nmessage = { primaryColor = \"#1a73e8\" }";

/// One whose application "web" wants its users to be told, or does not, and that sends mails to this port.
fn start(engine: Engine, wanted: bool, port: Option<u16>) -> World {
    let message = "{ primaryColor = \"#1a73e8\", from = \"Shop\", subject = \"Set your password\" }";
    let preferences = format!("resetValidityMinutes = 15\nnotifyOnPasswordUpdate = {wanted}\nmessage = {message}");
    let mut builder = TestServer::builder(engine)
        .environment(&replaced(ENVIRONMENT, PREFERENCES, &preferences))
        .setting("passwords.memory_kib", "7168")
        .setting("passwords.iterations", "1");
    if let Some(port) = port {
        builder = builder
            .setting("email.host", "127.0.0.1")
            .setting("email.port", &port.to_string())
            .setting("email.security", "none")
            .setting("email.from_address", "login@acme.example");
    }
    let mut world = World { server: builder.start(), ada: String::new() };
    world.ada = newcomer(&world, json!({ "email": "ada@mail.example", "username": "ada" }));
    world
}

/// Makes a user with the password [`FIRST`].
fn newcomer(world: &World, mut user: Value) -> String {
    user["credentials"] = json!({ "password": FIRST, "force_replace": false });
    world.user(WEB, user)
}

/// Replaces the password by [`SECOND`], and that by [`THIRD`] in a reset; gives the reset token.
fn change_twice(world: &World) -> String {
    let changed = world.replace(WEB, &world.ada, SECOND);
    let done = json!({ "result": { "message": "Password updated" } });
    assert_eq!((changed.status.as_u16(), changed.json()), (200, done));
    let given = world.token_by_password(WEB, SECOND, None);
    assert_eq!(given.status, 200, "{}", given.text);
    let token = given.json()["result"].as_str().expect("a reset token").to_owned();
    let reset = world.redeem(&token, THIRD);
    assert_eq!((reset.status.as_u16(), &reset.json()["message"]), (200, &json!("Password changed successfully")));
    refused(&world.sign_in(WEB, "ada", SECOND), 400, "auth_invalid_credentials");
    assert_eq!(world.sign_in(WEB, "ada", THIRD).status, 200);
    token
}

/// The records of mails.
fn sent(world: &World) -> Vec<Value> {
    let records = world.server.database.audit_records().into_iter();
    records.filter(|record| record["event"] == "mail.sent").collect()
}

/// Stops the server, which sends whatever waits to be sent.
fn stop(world: World) {
    let World { server, .. } = world;
    drop(server);
}

#[track_caller]
fn assert_gives_nothing_away(mail: &Received, secrets: &[&str]) {
    assert_eq!(mail.to, ["ada@mail.example"]);
    assert_eq!(mail.header("From").as_deref(), Some("Shop <login@acme.example>"));
    // The subject of the preferences is that of the mails of a reset.
    assert_eq!(mail.subject(), "Your password for web was changed");
    for part in [mail.text(), mail.html()] {
        assert!(part.contains("Your password was changed just now."), "{part}");
        // Nothing to follow: who gets such mails from others must not get used to that.
        for odd in ["http", "href", "tsp_", "eyJ"] {
            assert!(!part.contains(odd), "{odd} in {part}");
        }
        for secret in secrets {
            assert!(!part.contains(secret) && !mail.data.contains(secret), "{secret} in {}", mail.data);
        }
    }
}

both_engines! {
    fn whoever_has_another_password_is_told_by_a_mail_that_gives_nothing_away(engine) {
        let mails = MailServer::start();
        let world = start(engine, true, Some(mails.port()));
        // What is not taken is no news.
        refused(&world.replace(WEB, &world.ada, FIRST), 400, "auth_password_recently_used");
        let token = change_twice(&world);
        world.server.eventually("two mails and their records", || sent(&world).len() == 2);
        for record in sent(&world) {
            assert_eq!(
                (&record["outcome"], &record["operation"], &record["subject"]),
                (&json!("success"), &json!("password_changed"), &json!(world.ada))
            );
            assert!(!record.to_string().contains("mail.example"), "{record}");
        }
        stop(world);
        let received = mails.mails();
        assert_eq!(received.len(), 2, "{received:?}");
        for mail in &received {
            assert_gives_nothing_away(mail, &[FIRST, SECOND, THIRD, &token]);
        }
    }

    fn nobody_is_told_where_the_application_does_not_want_it(engine) {
        let mails = MailServer::start();
        let world = start(engine, false, Some(mails.port()));
        change_twice(&world);
        stop(world);
        assert_eq!((mails.mails().len(), mails.connections()), (0, 0));
    }

    fn who_has_no_address_has_another_password_and_no_mail(engine) {
        let mails = MailServer::start();
        let world = start(engine, true, Some(mails.port()));
        let bob = newcomer(&world, json!({ "username": "bob", "phone_number": "+14155550199" }));
        assert_eq!(world.replace(WEB, &bob, SECOND).status, 200);
        assert_eq!(world.sign_in(WEB, "bob", SECOND).status, 200);
        stop(world);
        assert_eq!((mails.mails().len(), mails.connections()), (0, 0));
    }

    fn a_mail_server_that_is_down_keeps_nobody_from_another_password(engine) {
        // Nothing listens there, and nothing is given that port.
        let world = start(engine, true, Some(1));
        change_twice(&world);
        world.server.eventually("both mails to be given up", || {
            world.server.clock.advance(10);
            sent(&world).len() == 2
        });
        for record in sent(&world) {
            let detail = record["detail"].as_str().unwrap_or_default();
            let is_given_up = record["outcome"] == "failed" && detail.starts_with("attempt 5: the mail server cannot be reached");
            assert!(is_given_up, "{record}");
        }
        assert_eq!(world.sign_in(WEB, "ada", THIRD).status, 200);
    }

    fn a_server_that_sends_no_mails_changes_passwords_all_the_same(engine) {
        let world = start(engine, true, None);
        change_twice(&world);
        assert_eq!(sent(&world).len(), 0);
    }
}
