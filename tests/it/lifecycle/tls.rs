//! `server.tls`: HTTPS, and no plain HTTP beside it (TE-001).

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use openssl::{
    ssl::{HandshakeError, SslConnector, SslMethod, SslStream, SslVersion},
    x509::X509,
};

use crate::support::{
    BFF, Engine, Installation, NO_HANG, Process,
    certificate::{certificate, put_certificate},
    eventually,
};

fn with_tls() -> (Installation, X509) {
    let installation = Installation::demo(Engine::Sqlite)
        .with("server.tls.certificate_file", "tls.crt")
        .with("server.tls.private_key_file", "tls.key");
    let certificate = put_certificate(&installation);
    (installation, certificate)
}

fn request(path: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let credentials = STANDARD.encode(format!("{}:{}", BFF.0, BFF.1));
    let body = "grant_type=client_credentials";
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn connect(server: &Process, trusted: &X509) -> SslConnector {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).expect("TLS");
    connector.cert_store_mut().add_cert(trusted.clone()).expect("a trusted certificate");
    assert!(server.address().ip().is_loopback());
    connector.build()
}

#[test]
fn tokens_are_served_over_https_with_the_certificate() {
    let (mut installation, certificate) = with_tls();
    let server = installation.serve();
    let stream = TcpStream::connect(server.address()).expect("a connection");
    let mut stream = connect(&server, &certificate).connect("localhost", stream).expect("a TLS handshake");
    assert_eq!(stream.ssl().version2(), Some(SslVersion::TLS1_3));
    stream.write_all(request("/token").as_bytes()).expect("to send");
    let mut answer = Vec::new();
    // The end of the connection may come without a farewell of TLS.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let token = answer.split('"').find(|part| part.starts_with("eyJ")).expect("a token");
    assert_eq!(crate::support::tokens::peek(token)["iss"], format!("https://{}", server.address()));
}

#[test]
fn a_new_certificate_is_taken_up_at_a_hang_up_and_a_bad_one_is_not() {
    let (mut installation, first) = with_tls();
    let server = installation.serve();
    let handshake = |trusted: &X509| -> Result<SslStream<TcpStream>, HandshakeError<TcpStream>> {
        let stream = TcpStream::connect(server.address()).expect("a connection");
        let mut configuration = connect(&server, trusted).configure().expect("TLS");
        configuration.set_alpn_protos(b"\x02h2\x08http/1.1").expect("protocols");
        configuration.connect("localhost", stream)
    };
    let h2 = Some(b"h2".as_slice());
    assert_eq!(handshake(&first).expect("a TLS handshake").ssl().selected_alpn_protocol(), h2);
    let mut open = {
        let stream = TcpStream::connect(server.address()).expect("a connection");
        connect(&server, &first).connect("localhost", stream).expect("a TLS handshake")
    };

    let second = put_certificate(&installation);
    assert!(handshake(&second).is_err(), "not before it is told");
    server.signal("HUP");
    let mut taken_up = None;
    eventually("the new certificate to be used", NO_HANG, || {
        taken_up = handshake(&second).ok();
        taken_up.is_some()
    });
    assert_eq!(taken_up.expect("a connection").ssl().selected_alpn_protocol(), h2);
    assert!(handshake(&first).is_err(), "the old one is not used any more");
    // No connection was ended for that.
    open.write_all(request("/token").as_bytes()).expect("to send");
    let mut answer = Vec::new();
    let _ = open.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));

    let (_, other_key) = certificate();
    let pem = other_key.private_key_to_pem_pkcs8().expect("PEM");
    installation.file("tls.key", &String::from_utf8(pem).expect("PEM"));
    server.signal("HUP");
    eventually("the server to refuse it", NO_HANG, || {
        server.stderr.text().contains("the certificate stays as it was: server.tls.private_key_file")
    });
    handshake(&second).expect("the good one still serves");
}

#[test]
fn plain_http_and_old_tls_are_not_answered() {
    let (mut installation, certificate) = with_tls();
    let server = installation.serve();
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.write_all(request("/token").as_bytes()).expect("to send");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));

    let mut connector = SslConnector::builder(SslMethod::tls_client()).expect("TLS");
    connector.set_max_proto_version(Some(SslVersion::TLS1_1)).expect("a version");
    connector.cert_store_mut().add_cert(certificate).expect("a trusted certificate");
    let stream = TcpStream::connect(server.address()).expect("a connection");
    assert!(connector.build().connect("localhost", stream).is_err());
    assert!(installation.database.audit_records().is_empty());
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let (installation, _) = with_tls();
    installation.file("tls.key", "not a key\n");
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains("server.tls.private_key_file") && said.contains("tls.key"), "{said}");

    let (installation, _) = with_tls();
    let (_, other_key) = certificate();
    let pem = other_key.private_key_to_pem_pkcs8().expect("PEM");
    installation.file("tls.key", &String::from_utf8(pem).expect("PEM"));
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains("server.tls"), "{said}");

    let (installation, _) = with_tls();
    let said = installation.with("server.tls.private_key_file", "").cli(&["serve"]).failure(3);
    assert!(said.contains("server.tls.private_key_file") && said.contains("must be set too"), "{said}");
}
