//! Text messages, through a gateway.

use serde_json::{Value, json};
use tessera::{
    domain::message::CustomSms,
    operations::delivery::{
        Message, MessageKind,
        content::{self, Letter},
    },
};

use super::{World, eventually, message, started, world};
use crate::support::{
    leaks,
    peer::{Peer, respond},
    texts::TEMPLATE,
};

const CODE: &str = "80135724";
const KEY: &str = "the-key-of-the-gateway-0123456789";
const LOOPBACK: (&str, &str) = ("outbound.plain_http_to_loopback", "true");

fn text_with(custom: Option<&CustomSms>) -> Message {
    let parcel = content::sms("+4915112345", &Letter::SignInCode(CODE, 5), "Acme \"&\" Co", custom);
    message(MessageKind::SignInCode, parcel.unwrap_or_else(|error| panic!("{error}")))
}

fn sending_to(peer: &Peer, more: &[(&str, &str)]) -> World {
    leaks::secret_is(KEY);
    let url = peer.url("/messages");
    let headers = format!("Authorization: Bearer {KEY},X-Account: 7");
    let own = [LOOPBACK, ("sms.url", url.as_str()), ("sms.headers", &headers), ("sms.sender", "Acme")];
    world(&[own.as_slice(), &[("sms.body", TEMPLATE)], more].concat())
}

#[test]
fn a_message_arrives_as_the_settings_say() {
    let peer = Peer::serving("{}");
    let world = sending_to(&peer, &[]);
    let custom =
        CustomSms { custom_message: Some("{otp}\"}, {app} \\ {to}".to_owned()), sender_id: Some("ACME".to_owned()) };
    world.send(text_with(Some(&custom)));
    let record = world.record();
    assert_eq!((&record["event"], &record["outcome"]), (&json!("text_message.sent"), &json!("success")), "{record}");
    assert!(!record.to_string().contains("4915112345"), "{record}");
    let request = peer.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /messages HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    for line in [
        &*format!("authorization: bearer {KEY}"),
        "x-account: 7",
        "content-type: application/json",
        "connection: close",
    ] {
        assert!(head.lines().any(|said| said == line), "{line}: {head}");
    }
    let expected = json!({
        "to": "+4915112345", "text": format!("{CODE}\"}}, Acme \"&\" Co \\ {{to}}"), "from": "ACME",
    });
    assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), expected);
}

#[test]
fn a_form_and_another_method_and_status_are_as_good() {
    let peer = Peer::start(|stream| respond(stream, "202 Accepted", "", ""));
    let form = "To={to}&Body={text}&From={sender}&Kind=otp";
    let world = sending_to(
        &peer,
        &[
            ("sms.content_type", "application/x-www-form-urlencoded"),
            ("sms.body", form),
            ("sms.method", "PUT"),
            ("sms.statuses", "202"),
        ],
    );
    world.send(text_with(None));
    assert_eq!(world.record()["outcome"], "success");
    let request = peer.requests().remove(0);
    assert!(request.starts_with("PUT /messages "), "{request}");
    let body = request.split_once("\r\n\r\n").expect("a body").1;
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let text = format!("{CODE} is your code to sign in to Acme \"&\" Co. It is good for 5 minutes.");
    let expected = [("To", "+4915112345"), ("Body", &*text), ("From", "Acme"), ("Kind", "otp")];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_gateway_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let failing = Peer::start(|stream| respond(stream, "503 Service Unavailable", "", "no"));
    let world = sending_to(&failing, &[]);
    world.send(text_with(None));
    assert_eq!(world.assert_given_up("text_message.sent"), "attempt 5: the gateway answered 503");
    assert_eq!(failing.requests().len(), 5);
    // What it says may be the message itself, which must not be kept.
    let refusing = Peer::start(|stream| respond(stream, "400 Bad Request", "", KEY));
    let world = sending_to(&refusing, &[]);
    world.send(text_with(None));
    assert_eq!(world.assert_given_up("text_message.sent"), "attempt 1: the gateway answered 400");
    let elsewhere = Peer::serving("{}");
    let location = format!("Location: {}\r\n", elsewhere.url("/"));
    let moved = Peer::start(move |stream| respond(stream, "307 Temporary Redirect", &location, ""));
    let world = sending_to(&moved, &[]);
    world.send(text_with(None));
    assert!(world.assert_given_up("text_message.sent").contains("redirects are not followed"));
    assert!(elsewhere.requests().is_empty());
}

// Many gateways answer 200 to everything, and say in the body what became of the message.
#[test]
fn an_answer_that_does_not_match_the_pattern_is_a_refusal() {
    let pattern = ("sms.answer_pattern", r#""status"\s*:\s*"queued""#);
    let peer = Peer::serving(r#"{"status": "queued"}"#);
    let world = sending_to(&peer, &[pattern, ("sms.body", r#"{"to":"{to_digits}","text":"{text}"}"#)]);
    world.send(text_with(None));
    assert_eq!(world.record()["outcome"], "success");
    let request = peer.requests().remove(0);
    assert!(request.contains(r#""to":"4915112345""#), "{request}");

    let refusing = Peer::serving(format!(r#"{{"status": "failed", "text": "{KEY}"}}"#));
    let world = sending_to(&refusing, &[pattern]);
    world.send(text_with(None));
    let why = world.assert_given_up("text_message.sent");
    assert_eq!(why, "attempt 1: the gateway answered 200, and not what sms.answer_pattern demands");
}

#[test]
fn a_gateway_inside_is_not_called() {
    for url in ["https://10.0.0.1/", "https://169.254.169.254/", "https://127.0.0.1/"] {
        let error = started(&[("sms.url", url), ("sms.body", TEMPLATE)]).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("neither public nor in outbound.allowed_networks")), "{url}");
    }
    // What a name leads to is known only when it is called.
    let world = world(&[("sms.url", "https://localhost/"), ("sms.body", TEMPLATE)]);
    world.send(text_with(None));
    assert!(world.assert_given_up("text_message.sent").starts_with("attempt 1: the host has an address"));
}

#[test]
fn messages_are_counted_by_how_they_end() {
    let peer = Peer::serving("{}");
    let server = crate::support::TestServer::builder(crate::support::Engine::Sqlite)
        .setting(LOOPBACK.0, LOOPBACK.1)
        .setting("sms.url", &peer.url("/"))
        .setting("sms.body", TEMPLATE)
        .start();
    let page = server.get("/metrics");
    for line in [
        "tessera_messages_total{channel=\"sms\",outcome=\"sent\"} 0",
        "tessera_messages_total{channel=\"mail\",outcome=\"refused\"} 0",
    ] {
        assert!(page.text.contains(line), "{line}: {}", page.text);
    }
    eventually("nothing waits", || server.get("/metrics").text.contains("tessera_messages_waiting{channel=\"sms\"} 0"));
}
