//! `tessera audit verify|tail|export`, against servers that write meanwhile and against those who tamper.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{Answer, BFF, CLIENT_CREDENTIALS, Engine, Installation, TestServer, cli::tessera, eventually},
};

/// Gets a token so many times.
fn tokens(server: &TestServer, count: usize) -> Vec<Answer> {
    (0..count).map(|_| server.token(BFF, &CLIENT_CREDENTIALS)).collect()
}

/// The lines of an export of everything.
fn exported(server: &TestServer) -> String {
    server.cli(&["audit", "export", "--since", "1970-01-01"]).success()
}

/// Verifies a file, and gives what is said if it does not.
fn verified_file(server: &TestServer, text: &str, more: &[&str]) -> Result<String, String> {
    std::fs::write(server.database.folder().join("export.jsonl"), text).expect("to write a file");
    let ended = server.cli(&[&["audit", "verify", "--file", "export.jsonl"], more].concat());
    if ended.0.status.success() { Ok(ended.stdout()) } else { Err(ended.stdout() + &ended.failure(6)) }
}

both_engines! {
    fn what_a_server_and_commands_wrote_verifies_while_they_go_on(engine) {
        let server = TestServer::start(engine);
        tokens(&server, 10);
        let said = server.cli(&["audit", "verify"]).success();
        let commands = server.database.records_of_operators().len();
        assert_eq!(said, format!("{} records in 2 chains\n", 10 + commands));
        std::thread::scope(|scope| {
            let load = scope.spawn(|| tokens(&server, 40));
            while !load.is_finished() {
                server.cli(&["audit", "verify", "--since", "7d"]).success();
            }
        });
        // Of a day that is to come there is nothing.
        let said = server.cli(&["audit", "verify", "--since", "2999-01-01T00:00:00Z"]).success();
        assert_eq!(said, "0 records in 0 chains\n");
    }

    fn every_kind_of_tampering_is_found_and_the_record_is_named(engine) {
        let server = TestServer::start(engine);
        tokens(&server, 6);
        let node = server.database.value(
            "SELECT node AS value FROM audit_records WHERE event = 'token.issued' ORDER BY seq LIMIT 1",
        );
        let of = |seq: i64| format!("WHERE node = '{node}' AND seq = {seq}");
        let columns = "day, node, seq, time_ms, environment_id, event, outcome, request_id, client_id, subject, jti, reason, \
                       record, previous_hash, hash";
        let copy = |to: &str, from: &str| format!("INSERT INTO {to} ({columns}) SELECT {columns} FROM {from} ");
        for (what, tamper, undo, seq) in [
            (
                "text",
                format!("UPDATE audit_records SET record = replace(record, 'bff', 'bfx') {}", of(3)),
                format!("UPDATE audit_records SET record = replace(record, 'bfx', 'bff') {}", of(3)),
                3,
            ),
            (
                "column",
                format!("UPDATE audit_records SET client_id = 'other' {}", of(2)),
                format!("UPDATE audit_records SET client_id = 'bff' {}", of(2)),
                2,
            ),
            (
                "removed",
                format!("CREATE TABLE kept AS SELECT * FROM audit_records {0}; DELETE FROM audit_records {0}", of(4)),
                copy("audit_records", "kept") + "; DROP TABLE kept",
                5,
            ),
            (
                "moved to another place",
                format!("UPDATE audit_records SET seq = 60 {}", of(5)),
                format!("UPDATE audit_records SET seq = 5 {}", of(60)),
                6,
            ),
            (
                "moved to another day",
                format!("UPDATE audit_records SET day = day + 1 {}", of(5)),
                format!("UPDATE audit_records SET day = day - 1 {}", of(5)),
                5,
            ),
            (
                "added",
                copy("audit_records", "audit_records").replace("SELECT day, node, seq", "SELECT day, node, 7") + &of(6),
                format!("DELETE FROM audit_records {}", of(7)),
                7,
            ),
            (
                "there twice",
                copy("audit_records", "audit_records").replace("SELECT day,", "SELECT day + 1,") + &of(6),
                format!("DELETE FROM audit_records {} AND day = (SELECT MAX(day) FROM audit_records)", of(6)),
                6,
            ),
        ] {
            server.database.execute(&tamper);
            let ended = server.cli(&["audit", "verify"]);
            let said = ended.stdout();
            assert!(said.contains(&format!("BROKEN: chain {node}, record {seq}:")), "{what}: {said}");
            assert_eq!(said.matches("BROKEN").count(), 1, "{what}: {said}");
            assert!(ended.failure(6).contains("1 chains of the audit log are broken"));
            server.database.execute(&undo);
            server.cli(&["audit", "verify"]).success();
        }
    }

    fn an_export_is_in_the_order_of_time_and_verifies_elsewhere(engine) {
        let server = TestServer::start(engine);
        let other = server.another_node();
        let mut times = Vec::new();
        for _ in 0..4 {
            server.clock.advance(3600);
            times.push(tessera::domain::clock::Clock::now_millis(&*server.clock));
            tokens(&server, 3);
            tokens(&other, 3);
        }
        let text = exported(&server);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let at = |line: &Value| line["record"]["time_ms"].as_i64().expect("a time");
        assert!(lines.is_sorted_by_key(at) && lines.len() > 24);
        assert!(lines.iter().all(|line| line["node"].is_string() && line["seq"].is_i64() && line["hash"].is_string()));
        assert_eq!(verified_file(&server, &text, &[]), Ok(format!("{} records in 3 chains\n", lines.len())));

        // A part of it.
        let time = |millis: i64| tessera::domain::timestamp::iso_8601(millis);
        let part = server.cli(&["audit", "export", "--since", &time(times[1]), "--until", &time(times[3])]).success();
        let part_times: Vec<i64> =
            part.lines().map(|line| at(&serde_json::from_str(line).expect("JSON"))).collect();
        assert_eq!(part_times, [[times[1]; 6], [times[2]; 6]].concat());
        assert!(verified_file(&server, &part, &["--until", &time(times[3])]).is_ok_and(|said| said.contains("2 of the chains")));

        // A file that was tampered with.
        let without_one: Vec<&str> = text.lines().enumerate().filter(|(place, _)| *place != lines.len() - 5).map(|(_, l)| l).collect();
        assert!(verified_file(&server, &without_one.join("\n"), &[]).is_err_and(|said| said.contains("is missing")));
        let changed = text.replacen("\"client_id\":\"bff\"", "\"client_id\":\"bfx\"", 1);
        assert!(verified_file(&server, &changed, &[]).is_err_and(|said| said.contains("was changed")));
        let not_one = server.cli(&["audit", "verify", "--file", "tessera.toml"]).failure(5);
        assert!(not_one.contains("tessera.toml"), "{not_one}");

        // A text that is no JSON any more is exported too, and does not fit.
        server.database.execute("UPDATE audit_records SET record = 'no\nJSON' WHERE seq = 2 AND event = 'token.issued'");
        let text = exported(&server);
        assert_eq!(text.lines().count(), lines.len());
        assert!(verified_file(&server, &text, &[]).is_err_and(|said| said.matches("BROKEN").count() == 2));
    }

    fn the_newest_records_are_shown_and_found_by_what_is_known_of_them(engine) {
        let server = TestServer::start(engine);
        server.clock.advance(1);
        tokens(&server, 3);
        server.clock.advance(1);
        let refused = server.token((BFF.0, "wrong"), &CLIENT_CREDENTIALS);
        server.clock.advance(1);
        let stranger = server.token(("stranger\u{1b}[2J", "wrong"), &CLIENT_CREDENTIALS);
        let tail = |more: &[&str]| {
            let said = server.cli(&[&["audit", "tail"], more].concat()).success();
            said.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(tail(&["-n", "2"]).len(), 2);
        assert!(tail(&[]).len() > 5);
        let last = tail(&["-n", "1"]).remove(0);
        assert!(last.contains(stranger.header("x-request-id").expect("an id")) && !last.contains('\u{1b}'), "{last}");
        let of_bff = tail(&["--client", "bff", "--outcome", "refused"]);
        assert_eq!(of_bff.len(), 1);
        let id = refused.header("x-request-id").expect("an id");
        for part in ["token.refused refused", "client=bff", "from=127.0.0.1", &format!("request={id}")] {
            assert!(of_bff[0].contains(part), "{part}: {of_bff:?}");
        }
        assert_eq!(tail(&["--event", "token.issued", "--environment", "demo"]).len(), 3);
        assert_eq!(tail(&["--environment", "no such"]), [""; 0]);
        let json: Value = serde_json::from_str(&tail(&["--json", "-n", "1", "--client", "bff"])[0]).expect("JSON");
        assert_eq!(json["record"]["request_id"], id);
    }

    fn following_shows_each_record_once_when_it_comes(engine) {
        let server = TestServer::start(engine);
        tokens(&server, 2);
        let mut command = tessera();
        command.envs(server.variables()).args(["audit", "tail", "-f", "-n", "1", "--event", "token.issued", "--json"]);
        command.current_dir(server.database.folder()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("to run tessera");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut shown = lines.map(|line| {
            let line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
            line["record"]["request_id"].clone()
        });
        shown.next().expect("the newest before");
        // On another day, by a node that was not there yet.
        for round in 0..2 {
            server.clock.advance(86_400 * round);
            let other = server.another_node();
            let answers = [tokens(&server, 2), tokens(&other, 2)].concat_ids();
            let mut found: Vec<Value> = shown.by_ref().take(4).collect();
            found.sort_by_key(Value::to_string);
            assert_eq!(json!(found), answers);
        }
        process.kill().expect("a process");
        process.wait().expect("its end");
    }
}

/// The request ids of answers, in order.
trait Ids {
    fn concat_ids(self) -> Value;
}

impl Ids for [Vec<Answer>; 2] {
    fn concat_ids(self) -> Value {
        let answers = self.into_iter().flatten();
        let mut ids: Vec<String> =
            answers.map(|answer| answer.header("x-request-id").expect("an id").to_owned()).collect();
        ids.sort();
        json!(ids)
    }
}

/// `tessera audit export | head -1`.
#[test]
fn whoever_stops_reading_is_no_mistake() {
    let server = TestServer::start(Engine::Sqlite);
    // More than a pipe holds.
    tokens(&server, 200);
    for arguments in [&["audit", "export", "--since", "1970-01-01"][..], &["audit", "tail", "-n", "1000", "--json"]] {
        let mut command = tessera();
        command.envs(server.variables()).args(arguments).current_dir(server.database.folder());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("to run tessera");
        let mut first = String::new();
        let mut out = BufReader::with_capacity(64, process.stdout.take().expect("its output"));
        out.read_line(&mut first).expect("a line");
        drop(out);
        eventually("the process to end", Duration::from_secs(20), || process.try_wait().expect("a child").is_some());
        let ended = process.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.starts_with("database: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_database_that_is_not_there_is_4_and_is_not_made() {
    let installation = Installation::new(Engine::Sqlite).with("database.url", "sqlite://nowhere.db");
    for command in [&["verify"][..], &["tail"], &["export", "--since", "1d"]] {
        let said = installation.cli(&[&["audit"], command].concat()).failure(4);
        assert!(said.contains("there is no SQLite database at "), "{said}");
    }
    assert!(!installation.database.folder().join("nowhere.db").exists());
    assert!(installation.cli(&["audit", "export", "--since", "yesterday"]).failure(2).contains("24h"));
}
