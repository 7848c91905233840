//! Requests that no HTTP client would send, byte by byte.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::TestServer;

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
    ///
    /// A piece that the server no longer takes is no failure: it may have answered and gone.
    pub fn raw(&self, pieces: &[&[u8]]) -> Raw {
        let mut stream = TcpStream::connect(self.at("").trim_start_matches("http://")).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        for piece in pieces {
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        // A reset after the answer is how a server refuses to read on.
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
        }
        Raw(String::from_utf8(answer).expect("UTF-8"))
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
