//! Whom TLS trusts.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use openssl::ssl::{SslConnector, SslMethod};
use tessera::outbound::{Limits, OutboundError, OutboundOptions};

use super::{LIMITS, get, outbound, to_loopback};
use crate::support::{NO_HANG, tls_peer::tls_peer};

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    let (port, certificate, handshakes) = tls_peer("{}");
    let outbound = outbound(OutboundOptions {
        allowed_networks: vec!["127.0.0.0/8".parse().expect("a network"), "::1/128".parse().expect("a network")],
        plain_http_to_loopback: false,
    });
    let heard = || handshakes.recv_timeout(Duration::from_secs(20)).expect("a connection");
    for host in ["localhost", "127.0.0.1"] {
        let error = get(&outbound, &format!("https://{host}:{port}/keys"), LIMITS).expect_err("self-signed");
        assert!(matches!(&error, OutboundError::Unreachable(why) if why.contains("certificate")), "{error:?}");
        assert!(!heard(), "something was sent");
    }
    // The certificate is good for whoever trusts it: the refusal above had no other cause.
    let mut connector = SslConnector::builder(SslMethod::tls_client()).expect("TLS");
    connector.cert_store_mut().add_cert(certificate).expect("a trusted certificate");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let mut stream = connector.build().connect("localhost", stream).expect("a handshake");
    stream.write_all(b"x").expect("to send");
    assert!(heard());
}

#[test]
fn a_handshake_that_stalls_ends_with_the_time_to_connect() {
    // The system takes the connection, and nobody ever answers on it.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let limits = Limits { connect: Duration::from_millis(300), ..LIMITS };
    let start = Instant::now();
    let outcome = get(&to_loopback(), &format!("https://127.0.0.1:{port}/"), limits).map(|_| ());
    assert_eq!(outcome, Err(OutboundError::Timeout));
    assert!(start.elapsed() < NO_HANG, "{:?}", start.elapsed());
}
