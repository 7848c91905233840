//! Requests that no HTTP client would send, byte by byte.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{TestServer, leaks};

/// All that came back on one connection.
pub struct Raw(pub String);

impl Raw {
    /// The status of the first answer.
    pub fn status(&self) -> u16 {
        let status = self.0.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
        status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status in {:?}", self.0))
    }

    /// How many answers came.
    pub fn answers(&self) -> usize {
        self.0.matches("HTTP/1.1 ").count()
    }

    /// Checks status and `error_code`, and that there was one answer.
    pub fn assert_refused(&self, status: u16, error_code: &str) {
        assert_eq!((self.status(), self.answers()), (status, 1), "{}", self.0);
        assert!(self.0.contains(&format!("\"error_code\":\"{error_code}\"")), "{}", self.0);
        assert!(self.0.contains("x-request-id: "), "{}", self.0);
    }
}

impl TestServer {
    /// Sends the pieces over one connection, which stays open for writing, and reads until the server closes it.
    pub fn raw(&self, pieces: &[&[u8]]) -> Raw {
        read(self.send(pieces), |_| false)
    }

    /// The same, but is content with one answer: a server may go on taking what it no longer reads.
    pub fn raw_first(&self, pieces: &[&[u8]]) -> Raw {
        read(self.send(pieces), is_whole)
    }

    /// A piece that the server no longer takes is no failure: it may have answered and gone.
    fn send(&self, pieces: &[&[u8]]) -> TcpStream {
        let mut stream = TcpStream::connect(self.at("").trim_start_matches("http://")).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        for piece in pieces {
            leaks::secrets_in(&String::from_utf8_lossy(piece));
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        stream
    }

    /// `POST /token` with these header lines and body. The server is asked to close the connection.
    pub fn raw_token(&self, headers: &[&str], body: &[u8]) -> Raw {
        let mut head =
            format!("POST /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        self.raw(&[head.as_bytes(), body])
    }
}

fn read(mut stream: TcpStream, enough: impl Fn(&str) -> bool) -> Raw {
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    // A reset after the answer is how a server refuses to read on.
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.push_str(str::from_utf8(&buffer[..length]).expect("UTF-8"));
        if enough(&answer) {
            break;
        }
    }
    leaks::secrets_in(&answer);
    Raw(answer)
}

/// Whether the body is as long as the head says.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}
