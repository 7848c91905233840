//! Who is called, and who is not.

use tessera::outbound::{OutboundError, OutboundOptions};

use super::{LIMITS, block_on, get, outbound, to_loopback};
use crate::support::peer::{Peer, respond};

#[test]
fn loopback_is_called_only_where_the_operator_says_so() {
    let peer = Peer::serving("hello");
    let strict = outbound(OutboundOptions::default());
    let (plain, port) = (peer.url("/keys"), peer.port());
    for url in [plain.clone(), format!("http://localhost:{port}/keys")] {
        let refused = get(&strict, &url, LIMITS).expect_err("plain HTTP");
        assert_eq!(refused, OutboundError::UrlRefused("must begin with https://"));
        assert_eq!(strict.check_url(&url), Err(refused));
    }
    for host in ["localhost", "127.0.0.1", "127.1", "2130706433", "0177.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
    {
        let refused = get(&strict, &format!("https://{host}:{port}/keys"), LIMITS).expect_err("loopback");
        assert_eq!(refused, OutboundError::AddressRefused, "{host}");
    }
    assert!(peer.requests().is_empty());

    for url in [plain, format!("http://localhost:{port}/keys")] {
        assert_eq!(get(&to_loopback(), &url, LIMITS).expect("an answer").body, b"hello");
    }
    assert_eq!(peer.requests().len(), 2);
}

#[test]
fn a_redirect_is_an_error_and_nobody_follows_it() {
    let elsewhere = Peer::serving("secret");
    for to in ["http://169.254.169.254/latest/meta-data/".to_owned(), elsewhere.url("/")] {
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "304 Not Modified"]
        {
            let location = format!("Location: {to}\r\n");
            let peer = Peer::start(move |stream| respond(stream, status, &location, ""));
            let outbound = to_loopback();
            let got = get(&outbound, &peer.url("/"), LIMITS).expect_err("a redirect");
            let posted = block_on(outbound.post_json(&peer.url("/"), b"{}".to_vec(), &[], LIMITS));
            assert_eq!((got, posted.expect_err("a redirect")), (OutboundError::Redirected, OutboundError::Redirected));
            assert_eq!(peer.requests().len(), 2);
        }
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn what_is_posted_arrives_once_with_its_headers() {
    let peer = Peer::start(|stream| respond(stream, "500 Oops", "Content-Type: text/plain\r\n", "no"));
    let headers = [("x-mosaic-signature", "0123abcd".to_owned())];
    let answer = block_on(to_loopback().post_json(&peer.url("/hook?a=b"), b"{\"a\":1}".to_vec(), &headers, LIMITS));
    let answer = answer.expect("an answer, whatever its status");
    assert_eq!((answer.status, answer.content_type.as_deref(), answer.body), (500, Some("text/plain"), b"no".to_vec()));
    let [request] = peer.requests().try_into().expect("one request");
    let (head, body) = request.split_once("\r\n\r\n").expect("head and body");
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
    for header in ["content-type: application/json", "x-mosaic-signature: 0123abcd", "accept: application/json"] {
        assert!(head.lines().any(|line| line == header), "{header} is missing in {head}");
    }
    assert!(!head.contains("accept-encoding"), "{head}");
    assert_eq!(body, "{\"a\":1}");
}

#[test]
fn an_error_does_not_say_where_the_request_went() {
    // Nobody listens there any more.
    let url = Peer::serving("").url("/path-secret?token=query-secret");
    let error = get(&to_loopback(), &url, LIMITS).expect_err("nobody there");
    assert!(matches!(&error, OutboundError::Unreachable(_)), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    let header = [("x-mosaic-signature", "header-secret\n".to_owned())];
    let unsendable = block_on(to_loopback().post_json(&url, Vec::new(), &header, LIMITS)).expect_err("a line break");
    for error in [error, unsendable] {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
