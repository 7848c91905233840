//! Answers that are too large, too slow or no answers at all.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::mpsc,
    time::{Duration, Instant},
};

use tessera::outbound::{Limits, OutboundError};

use super::{LIMITS, get, to_loopback};
use crate::support::{
    NO_HANG,
    peer::{Peer, respond, stall},
};

const HUGE: usize = 20 * 1024 * 1024;

/// Writes 20 MiB after `head`; says whether all of it was taken.
fn flood(stream: &mut TcpStream, head: &str, chunked: bool) -> bool {
    let block = "x".repeat(64 * 1024);
    let block = if chunked { format!("10000\r\n{block}\r\n") } else { block };
    let sent = stream.write_all(head.as_bytes());
    sent.and_then(|()| (0..HUGE / (64 * 1024)).try_for_each(|_| stream.write_all(block.as_bytes()))).is_ok()
}

#[test]
fn a_huge_body_is_cut_whatever_its_length_says() {
    for (head, chunked) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("HTTP/1.1 503 Away\r\nTransfer-Encoding: chunked\r\n\r\n", true),
    ] {
        let (sender, taken) = mpsc::channel();
        let peer = Peer::start(move |stream| {
            sender.send(flood(stream, head, chunked)).expect("the test waits");
        });
        assert_eq!(get(&to_loopback(), &peer.url("/"), LIMITS).map(|_| ()), Err(OutboundError::TooLarge), "{head}");
        let taken = taken.recv_timeout(Duration::from_secs(20)).expect("the peer was told to stop");
        assert!(!taken, "{head}: all of it was read");
    }
}

#[test]
fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let (fits, too_large) = (Peer::serving("x".repeat(1000)), Peer::serving("x".repeat(1001)));
    let limits = Limits { max_body: 1000, ..LIMITS };
    assert_eq!(get(&to_loopback(), &fits.url("/"), limits).expect("an answer").body.len(), 1000);
    assert_eq!(get(&to_loopback(), &too_large.url("/"), limits).map(|_| ()), Err(OutboundError::TooLarge));
}

#[test]
fn a_peer_that_stalls_is_left_in_time() {
    let silent = Peer::start(stall);
    let in_the_head = Peer::start(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-").expect("to send");
        stall(stream);
    });
    let in_the_body = Peer::start(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").expect("to send");
        stall(stream);
    });
    let drops_forever = Peer::start(|stream| {
        let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let mut sent = stream.write_all(head);
        while sent.is_ok() {
            // Each byte comes well before any time-out between two bytes.
            std::thread::sleep(Duration::from_millis(20));
            sent = stream.write_all(b"x");
        }
    });
    let limits = Limits { total: Duration::from_millis(500), ..LIMITS };
    for peer in [silent, in_the_head, in_the_body, drops_forever] {
        let start = Instant::now();
        assert_eq!(get(&to_loopback(), &peer.url("/"), limits).map(|_| ()), Err(OutboundError::Timeout));
        assert!(start.elapsed() < NO_HANG, "{:?}", start.elapsed());
    }
}

#[test]
fn half_an_answer_and_no_http_are_errors() {
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "", "hello\r\n\r\n", "HTTP/9.9 200\r\n\r\n"] {
        let peer = Peer::start(move |stream| stream.write_all(answer.as_bytes()).expect("to send"));
        let error = get(&to_loopback(), &peer.url("/"), LIMITS).expect_err("not an answer");
        assert!(matches!(error, OutboundError::Unreachable(_)), "{answer}: {error:?}");
    }
}

#[test]
fn the_headers_that_matter_are_read_and_the_others_are_not() {
    let headers = "Cache-Control: public\r\nCache-Control: max-age=60\r\nContent-Type: application/json\r\n";
    let peer = Peer::start(move |stream| respond(stream, "200 OK", headers, "{}"));
    let answer = get(&to_loopback(), &peer.url("/"), LIMITS).expect("an answer");
    assert_eq!(answer.cache_control.as_deref(), Some("public, max-age=60"));
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    let odd = Peer::start(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: \xff\r\nContent-Length: 0\r\n\r\n").expect("to send");
    });
    let answer = get(&to_loopback(), &odd.url("/"), LIMITS).expect("an answer");
    assert_eq!((answer.content_type, answer.cache_control), (None, None));
}
