//! Mail servers that take an access token instead of a password (`XOAUTH2`).

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{World, eventually, link_mail, world};
use crate::support::{
    leaks,
    mails::{MailServer, Manners},
    peer::{Peer, respond},
};

const MAILBOX: &str = "login@acme.example";
const TOKENS: [&str; 2] = ["the-first-access-token-0123456789", "the-second-access-token-0123456789"];
const SECRET: &str = "the-secret-of-the-mail-client-0123456789";
const REFRESH: &str = "the-refresh-token-of-the-mailbox-0123456789";

/// Takes mails under this token alone.
fn server(token: &'static str) -> MailServer {
    MailServer::with(Manners { login: Some((MAILBOX, token)), ..Manners::default() }, None)
}

/// Gives the first token once, and then the second.
fn endpoint() -> Peer {
    let asked = AtomicUsize::new(0);
    Peer::start(move |stream| {
        let token = TOKENS[asked.fetch_add(1, Ordering::SeqCst).min(1)];
        let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
        respond(stream, "200 OK", "Content-Type: application/json\r\n", &body);
    })
}

fn sending_to(server: &MailServer, endpoint: &Peer, more: &[(&str, &str)]) -> World {
    for secret in TOKENS.into_iter().chain([SECRET, REFRESH]) {
        leaks::secret_is(secret);
    }
    let (port, url) = (server.port().to_string(), endpoint.url("/token"));
    let own = [
        ("outbound.plain_http_to_loopback", "true"),
        ("email.host", "127.0.0.1"),
        ("email.port", &port),
        ("email.security", "none"),
        ("email.username", MAILBOX),
        ("email.from_address", MAILBOX),
        ("email.oauth2_token_url", &url),
        ("email.oauth2_client_id", "mailer"),
        ("email.oauth2_client_secret", SECRET),
    ];
    world(&[own.as_slice(), more].concat())
}

/// The form of the only request.
fn form(endpoint: &Peer) -> Vec<(String, String)> {
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1, "the token is kept for the next mail");
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /token HTTP/1.1\r\n"), "{head}");
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_token_of_the_clients_own_is_asked_for_once_and_used_for_all_mails() {
    let (server, endpoint) = (server(TOKENS[0]), endpoint());
    let scope = "https://outlook.office365.com/.default";
    let world = sending_to(&server, &endpoint, &[("email.oauth2_scope", scope)]);
    for sent in 1..=3 {
        world.send(link_mail());
        eventually("a mail", || server.mails().len() == sent);
    }
    assert!(server.mails().iter().all(|mail| mail.user.as_deref() == Some(MAILBOX)));
    let expected =
        [("grant_type", "client_credentials"), ("client_id", "mailer"), ("client_secret", SECRET), ("scope", scope)];
    assert_eq!(form(&endpoint), pairs(&expected));
}

#[test]
fn a_mailbox_that_was_given_by_its_owner_is_used_with_its_refresh_token() {
    let (server, endpoint) = (server(TOKENS[0]), endpoint());
    let world = sending_to(&server, &endpoint, &[("email.oauth2_refresh_token", REFRESH)]);
    world.send(link_mail());
    assert_eq!(world.record()["outcome"], "success");
    let expected = [
        ("grant_type", "refresh_token"),
        ("refresh_token", REFRESH),
        ("client_id", "mailer"),
        ("client_secret", SECRET),
    ];
    assert_eq!(form(&endpoint), pairs(&expected));
}

#[test]
fn a_token_that_the_mail_server_refuses_is_replaced_and_one_that_is_old_too() {
    let (server, endpoint) = (server(TOKENS[1]), endpoint());
    let world = sending_to(&server, &endpoint, &[]);
    world.send(link_mail());
    assert_eq!(world.record()["outcome"], "success");
    assert_eq!((endpoint.requests().len(), server.mails().len()), (2, 1));
    world.clock.advance(3600 - 60);
    world.send(link_mail());
    eventually("another mail", || server.mails().len() == 2);
    assert_eq!(endpoint.requests().len(), 3);
}

#[test]
fn a_token_endpoint_that_refuses_is_asked_again_and_its_words_are_not_repeated() {
    let server = server(TOKENS[0]);
    let endpoint = Peer::start(|stream| respond(stream, "400 Bad Request", "", SECRET));
    let world = sending_to(&server, &endpoint, &[]);
    world.send(link_mail());
    let why = world.assert_given_up("mail.sent");
    assert_eq!(why, "attempt 5: no access token for the mail server: the token endpoint answered 400");
    assert_eq!(server.recipients(), 0);
}
