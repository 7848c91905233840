//! Somebody else's HTTPS server, under a certificate of its own.

use std::{
    io::Write as _,
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    thread,
};

use openssl::{
    ssl::{SslAcceptor, SslMethod},
    x509::X509,
};

use super::certificate::certificate;

/// Takes connections over TLS under a certificate for `localhost` that vouches for itself, and answers with `body`; tells how each
/// handshake went.
pub fn tls_peer(body: &str) -> (u16, X509, Receiver<bool>) {
    let (certificate, key) = certificate();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("TLS");
    acceptor.set_certificate(&certificate).expect("a certificate");
    acceptor.set_private_key(&key).expect("its key");
    let acceptor = acceptor.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let (sender, handshakes) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // With TLS 1.3 the refusal of the client comes after its own half of the handshake: only a read meets it.
            let mut stream = acceptor.accept(stream.expect("a connection"));
            let heard = stream.as_mut().is_ok_and(|stream| stream.ssl_read(&mut [0; 1]).is_ok());
            if let Ok(stream) = &mut stream {
                let _ = stream.write_all(answer.as_bytes());
            }
            if sender.send(heard).is_err() {
                return;
            }
        }
    });
    (port, certificate, handshakes)
}
