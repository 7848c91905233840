//! TE-138: no secret and no token ends up in the log, however much is logged, nor in the audit log, nor in an answer to
//! somebody else. Also when a client puts one in the wrong place.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use reqwest::blocking::Client;

use super::{bff_token, demo_token};
use crate::support::{ACCESS_TOKEN, Answer, BFF, EXCHANGE, Engine, TestServer, cli::tessera, server::variable};

/// `tessera serve` as a process.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// On the database of `server`, logging everything there is into `log`.
    fn start(server: &TestServer, log: &std::path::Path) -> Self {
        let file = fs::File::create(log).expect("a log file");
        let child = tessera()
            .arg("serve")
            .envs(server.variables())
            .env(variable("server.public_url"), &server.url)
            .env(variable("log.level"), "trace")
            .stderr(Stdio::from(file))
            .stdout(Stdio::null())
            .current_dir(server.database.folder())
            .spawn()
            .expect("to run tessera");
        let mut process = Self { child, url: String::new() };
        server.eventually("the process listens", || {
            let lines = BufReader::new(fs::File::open(log).expect("the log")).lines().map_while(Result::ok);
            let address =
                lines.filter_map(|line| line.split_once("listening on ").map(|(_, rest)| rest.to_owned())).next();
            let address = address.and_then(|rest| rest.split_once(',').map(|(address, _)| address.to_owned()));
            process.url = address.map(|address| format!("http://{address}/token")).unwrap_or_default();
            !process.url.is_empty()
        });
        process
    }

    fn token(&self, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Answer {
        Answer::to(Client::new().post(&self.url).basic_auth(id, Some(secret)).form(form))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ends only what was started here.
        self.child.kill().expect("to end the process");
        self.child.wait().expect("the process to end");
    }
}

#[test]
fn secrets_and_tokens_stay_out_of_the_log_and_of_the_audit_log() {
    let server = TestServer::start(Engine::Sqlite);
    let log = server.database.folder().join("trace.log");
    let process = Process::start(&server, &log);
    let (subject, own) = (demo_token(&server), bff_token(&server));
    let good = [("grant_type", EXCHANGE), ("subject_token", subject.as_str()), ("subject_token_type", ACCESS_TOKEN)];
    let with = |more: &[(&'static str, &str)]| {
        let form: Vec<(String, String)> =
            good.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        process.token(BFF, &form)
    };
    let issued = with(&[("actor_token", &own), ("actor_token_type", ACCESS_TOKEN)]).access_token();
    let wrong_secret = "a-wrong-secret-that-was-once-a-right-one";
    let answers = [
        process.token((BFF.0, wrong_secret), &good),
        process.token(BFF, &[("grant_type", subject.as_str())]),
        process
            .token(BFF, &[("grant_type", EXCHANGE), ("subject_token", ACCESS_TOKEN), ("subject_token_type", &subject)]),
        process.token(BFF, &[("grant_type", "delegation"), ("token", &issued), ("subject_token", &subject)]),
        with(&[("requested_token_type", &own)]),
        with(&[("audience", &own)]),
        with(&[("resource", &own)]),
        with(&[("resource", &format!("https://x.example/{own}"))]),
        with(&[("scope", &own)]),
        with(&[("actor_token", &own), ("actor_token_type", &own)]),
        with(&[("actor_token", &issued), ("actor_token_type", ACCESS_TOKEN)]),
        with(&[("client_id", &own)]),
        with(&[("client_secret", BFF.1)]),
        with(&[(BFF.1, BFF.1)]),
        with(&[("subject_token", &own)]),
        Answer::to(Client::new().post(format!("{}?subject_token={subject}", process.url)).form(&good)),
        Answer::to(Client::new().post(&process.url).bearer_auth(&own).form(&good)),
        Answer::to(Client::new().post(&process.url).body(subject.clone())),
    ];
    drop(process);

    let log = fs::read_to_string(&log).expect("the log");
    assert!(log.contains("TRACE") && log.contains("(actor_token_refused)"), "everything is logged");
    let records: String = server.database.audit_records().iter().map(ToString::to_string).collect();
    assert!(records.contains("actor_token_refused"));
    let mut secrets = vec![BFF.1.to_owned(), wrong_secret.to_owned()];
    for token in [&subject, &own, &issued] {
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        // The signature is what makes it a token; half of it is still more than anybody should see.
        secrets.extend([signed.to_owned(), signature[..signature.len() / 2].to_owned()]);
    }
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "in the log: {secret}");
        assert!(!records.contains(secret.as_str()), "in the audit log: {secret}");
        for answer in &answers {
            assert!(!answer.text.contains(secret.as_str()), "in an answer: {secret}");
            assert!(!answer.status.is_server_error(), "{}", answer.text);
        }
    }
}
