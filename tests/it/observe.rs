//! What is known of a request besides itself: its id, and where it comes from.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    process::Stdio,
};

use reqwest::Method;
use serde_json::Value;

use crate::support::{
    Answer, BFF, CLIENT_CREDENTIALS, Engine, Installation, TestServer, cli::tessera, server::variable,
};

#[test]
fn what_is_no_http_leaves_no_error_in_the_log() {
    let mut installation = Installation::demo(Engine::Sqlite);
    let mut server = installation.serve();
    let huge = format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(300_000));
    let chunked = "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let two_lengths = "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde";
    for sent in ["\u{16}\u{3}\u{1}garbage", "GET\r\n\r\n", "\0\r\n\r\n", chunked, two_lengths, huge.as_str()] {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        // The server may have closed it before all is sent, and with a reset.
        let _ = stream.write_all(sent.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(server.get("/health").status, 200);
    server.signal("INT");
    assert!(server.wait().success());
    let log = server.stderr.text();
    assert!(log.contains("listening on"), "{log}");
    let errors: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ") || line.contains(" WARN ")).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// TE-041.
#[test]
fn every_answer_has_an_id_of_its_own() {
    let server = TestServer::start(Engine::Sqlite);
    let mut ids = Vec::new();
    for (method, path) in [
        (Method::GET, "/health"),
        (Method::GET, "/ready"),
        (Method::GET, "/.well-known/jwks.json"),
        (Method::HEAD, "/.well-known/jwks.json"),
        (Method::GET, "/.well-known/oauth-authorization-server"),
        (Method::POST, "/token"),
        (Method::GET, "/token"),
        (Method::OPTIONS, "/token"),
        (Method::GET, "/nowhere"),
        (Method::POST, "/a/b/token"),
        (Method::GET, "/%zz"),
        (Method::POST, "/health"),
    ] {
        for _ in 0..2 {
            let answer =
                Answer::to(server.request(method.clone(), path).header("x-request-id", "chosen-by-the-caller"));
            let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{method} {path}: {answer:?}")).to_owned();
            // 128 random bits in base64url.
            assert!(
                id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
                "{id}"
            );
            assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
            ids.push(id);
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn the_audit_record_has_the_id_of_the_answer() {
    let server = TestServer::start(Engine::Sqlite);
    for (secret, event) in [(BFF.1, "token.issued"), ("wrong", "token.refused")] {
        let answer = server.token((BFF.0, secret), &CLIENT_CREDENTIALS);
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(record["request_id"], answer.header("x-request-id").expect("an id"));
        assert_eq!(record["event"], event);
        assert_eq!(record["client_address"], "127.0.0.1");
    }
}

/// A server process, whose log is read.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_log_has_the_id_of_the_answer() {
    let server = TestServer::start(Engine::Sqlite);
    let mut command = tessera();
    command.arg("serve").envs(server.variables()).env(variable("log.format"), "json").stderr(Stdio::piped());
    let mut process = Process(command.current_dir(server.database.folder()).spawn().expect("a server process"));
    let log = BufReader::new(process.0.stderr.take().expect("its log"));
    let mut lines = log
        .lines()
        .map(|line| -> Value { serde_json::from_str(&line.expect("a line")).expect("a JSON object per line") });
    let message = |line: &Value| line["message"].as_str().expect("a message").to_owned();
    let listening = lines.by_ref().map(|line| message(&line)).find(|text| text.starts_with("listening on "));
    let listening = listening.expect("to listen");
    let address = listening.trim_start_matches("listening on ").split(',').next().expect("an address");

    let http = reqwest::blocking::Client::new();
    let request = http.post(format!("http://{address}/token?x=a-marker-in-the-query"));
    let answer = Answer::to(request.basic_auth("nobody", Some("a-secret")).form(&CLIENT_CREDENTIALS));
    let id = answer.header("x-request-id").expect("an id");

    let mut of_request = Vec::new();
    for line in lines.by_ref() {
        if line["request_id"] == id {
            let is_access_line = line["target"] == "access";
            of_request.push(line);
            if is_access_line {
                break;
            }
        }
    }
    let texts: Vec<String> = of_request.iter().map(message).collect();
    assert!(texts.iter().any(|text| text.contains("there is no such client")), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("POST /token 401 ")), "{texts:?}");
    // Where secrets may be, the log does not look.
    assert!(!texts.iter().any(|text| text.contains("a-secret") || text.contains("a-marker-in-the-query")), "{texts:?}");

    // Nor into paths: addresses and session ids stand there, and whatever somebody puts in the wrong place.
    for (path, route) in
        [("/v1/users/email/a-marker@mail.example", "/v1/users/email/{email}"), ("/a-marker/of/no/route", "(no route)")]
    {
        let answer = Answer::to(http.get(format!("http://{address}{path}")));
        let id = answer.header("x-request-id").expect("an id");
        let mut of_request = Vec::new();
        for line in lines.by_ref().filter(|line| line["request_id"] == id) {
            let is_access_line = line["target"] == "access";
            of_request.push(message(&line));
            if is_access_line {
                break;
            }
        }
        let access = of_request.last().expect("a line");
        assert!(access.starts_with("GET ") && access.contains(route), "{access}");
        assert!(!of_request.iter().any(|text| text.contains("a-marker")), "{of_request:?}");
    }
}

fn address_on_record(server: &TestServer, headers: &[(&str, &str)]) -> (u16, Option<Value>) {
    let request = server.request(Method::POST, "/token").basic_auth(BFF.0, Some(BFF.1)).form(&CLIENT_CREDENTIALS);
    let answer = Answer::to(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)));
    let record = server.database.audit_records().pop();
    (answer.status.as_u16(), record.map(|record| record["client_address"].clone()))
}

/// TE-145.
#[test]
fn forwarded_addresses_of_strangers_are_not_believed() {
    let server = TestServer::start(Engine::Sqlite);
    let forged =
        [("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=198.51.100.7"), ("x-real-ip", "198.51.100.7")];
    assert_eq!(address_on_record(&server, &forged), (200, Some(Value::from("127.0.0.1"))));
}

/// TE-145.
#[test]
fn a_trusted_proxy_says_where_the_request_comes_from() {
    let builder = TestServer::builder(Engine::Sqlite).setting("server.behind_proxy.trusted", "127.0.0.0/8,10.0.0.0/8");
    let server = builder.setting("server.public_url", "https://auth.example.com").start();
    let seen = |forwarded: &str| address_on_record(&server, &[("x-forwarded-for", forwarded)]);
    assert_eq!(seen("198.51.100.7"), (200, Some(Value::from("198.51.100.7"))));
    assert_eq!(seen("1.2.3.4, 198.51.100.7, 10.0.0.9"), (200, Some(Value::from("198.51.100.7"))));
    assert_eq!(seen("rubbish"), (200, Some(Value::from("127.0.0.1"))));
    assert_eq!(address_on_record(&server, &[]), (200, Some(Value::from("127.0.0.1"))));
    assert_eq!(seen("2001:db8::1"), (200, Some(Value::from("2001:db8::1"))));
}

/// TE-001: what came to the proxy in the clear is refused, secret and all.
#[test]
fn behind_a_proxy_plain_http_is_refused() {
    let builder = TestServer::builder(Engine::Sqlite).setting("server.behind_proxy.trusted", "127.0.0.0/8");
    let server = builder.setting("server.public_url", "https://auth.example.com").start();
    assert_eq!(address_on_record(&server, &[("x-forwarded-proto", "http")]), (403, None));
    assert_eq!(address_on_record(&server, &[("x-forwarded-proto", "https")]).0, 200);
}

/// TE-001, TE-145: the link behind the proxy is plain HTTP.
#[test]
fn behind_a_proxy_nobody_else_is_answered() {
    let builder = TestServer::builder(Engine::Sqlite).setting("server.behind_proxy.trusted", "10.0.0.0/8");
    let server = builder.setting("server.public_url", "https://auth.example.com").start();
    assert_eq!(address_on_record(&server, &[]), (403, None));
    assert_eq!(address_on_record(&server, &[("x-forwarded-for", "10.0.0.1")]), (403, None));
    assert!(server.get("/health").header("x-request-id").is_some());
}
