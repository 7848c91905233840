//! Nothing is said to a mail server before the connection is encrypted, and its certificate good.

use std::process::Command;

use super::{World, eventually, link_mail, world};
use crate::support::mails::{MailServer, Manners, Tls};

/// Set in the process that trusts the certificate of the test's mail server.
const TRUSTING: &str = "TESSERA_TEST_TRUSTS";
const LOGIN: (&str, &str) = ("mailer", "the password of the mailer");

fn server(tls: Tls) -> MailServer {
    MailServer::with(Manners { tls, login: Some(LOGIN), ..Manners::default() }, None)
}

fn sending_to(server: &MailServer, security: &str, password: &str) -> World {
    let port = server.port().to_string();
    world(&[
        ("email.host", "localhost"),
        ("email.port", &port),
        ("email.security", security),
        ("email.username", LOGIN.0),
        ("email.password", password),
        ("email.from_address", "login@acme.example"),
        ("email.timeout", "5"),
    ])
}

#[test]
fn a_server_that_does_not_offer_starttls_is_told_nothing() {
    let server = server(Tls::Never);
    let why = {
        let world = sending_to(&server, "starttls", LOGIN.1);
        world.send(link_mail());
        world.assert_given_up("mail.sent")
    };
    assert!(why.contains("STARTTLS is not supported"), "{why}");
    assert!(server.mails().is_empty() && server.recipients() == 0);
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_the_connection_and_is_tried_again() {
    for (tls, security) in [(Tls::Upgraded, "starttls"), (Tls::Always, "tls")] {
        let server = server(tls);
        let world = sending_to(&server, security, LOGIN.1);
        world.send(link_mail());
        let why = world.assert_given_up("mail.sent");
        assert!(why.starts_with("attempt 5: "), "{why}");
        assert!(server.mails().is_empty() && server.recipients() == 0 && server.connections() >= 5, "{why}");
    }
}

/// OpenSSL reads the certificates that it trusts when a process starts, so this is one of its own.
#[test]
fn with_a_good_certificate_the_password_is_told_and_the_mail_arrives() {
    let Ok(trusted) = std::env::var(TRUSTING) else {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("trusted.pem");
        let name = "delivery::tls::with_a_good_certificate_the_password_is_told_and_the_mail_arrives";
        let output = Command::new(std::env::current_exe().expect("this test"))
            .args([name, "--exact", "--nocapture"])
            .env(TRUSTING, &file)
            .env("SSL_CERT_FILE", &file)
            .output()
            .expect("to run this test");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    };
    for (tls, security) in [(Tls::Upgraded, "starttls"), (Tls::Always, "tls")] {
        let server = server(tls);
        std::fs::write(&trusted, server.certificate.to_pem().expect("PEM")).expect("to write");
        let world = sending_to(&server, security, LOGIN.1);
        world.send(link_mail());
        eventually("a mail", || !server.mails().is_empty());
        let mail = server.mails().remove(0);
        assert!(mail.over_tls && mail.user.as_deref() == Some(LOGIN.0), "{mail:?}");
        let world = sending_to(&server, security, "not the password of the mailer");
        world.send(link_mail());
        assert_eq!(world.assert_given_up("mail.sent"), "attempt 1: the mail server answered 535");
    }
}
