//! What strangers write: a bounded number of records, each of a bounded size, with nothing in it that could be used.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{Answer, BFF, CLIENT_CREDENTIALS, Engine, TestServer},
};

const MOST: usize = 5;
const FLOOD: usize = 40;
/// In the form of generated secrets, which people paste into the wrong field.
const SECRET: &str = "tsk_4mQ9vX2LrT7wZ1bN8cK5pD3hJ6gF0sYaEuVtRiOxQwM";

fn start(engine: Engine) -> TestServer {
    let builder = TestServer::builder(engine).setting("server.behind_proxy.trusted", "127.0.0.1");
    let builder = builder.setting("server.public_url", "https://auth.example.com");
    builder.setting("audit.anonymous_per_minute", &MOST.to_string()).start()
}

fn post(server: &TestServer, address: &str, form: &[(&str, &str)]) -> Answer {
    Answer::to(server.request(Method::POST, "/token").header("x-forwarded-for", address).form(form))
}

fn stranger(server: &TestServer, address: &str) -> Answer {
    post(
        server,
        address,
        &[("grant_type", "client_credentials"), ("client_id", "stranger"), ("client_secret", "wrong")],
    )
}

fn counted(server: &TestServer) -> Vec<Value> {
    let mut records = server.database.records_of_operators();
    records.retain(|record| record["event"] == "refusals.counted");
    records
}

both_engines! {
    fn a_flood_of_refusals_leaves_a_bounded_number_of_records(engine) {
        let server = start(engine);
        let statuses: Vec<u16> = (0..FLOOD).map(|_| stranger(&server, "198.51.100.1").status.as_u16()).collect();
        // The thirty failures of one client and address, and then none that is looked at.
        assert_eq!(statuses, [vec![401; 30], vec![429; FLOOD - 30]].concat());
        assert_eq!(server.database.audit_records().len(), MOST);
        assert_eq!(counted(&server), [] as [Value; 0], "the minute is not over");

        // A neighbour's refusal has its record, and so has each refusal of a client that proved who it is.
        assert_eq!(stranger(&server, "198.51.100.2").status, 401);
        for _ in 0..=MOST {
            let answer = server.token(BFF, &[("grant_type", "client_credentials"), ("scope", "no.such.scope")]);
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        assert_eq!(server.database.audit_records().len(), MOST + 1 + MOST + 1);

        server.clock.advance(61);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        server.eventually("the record of what was counted", || !counted(&server).is_empty());
        let records = counted(&server);
        let [record] = &*records else { panic!("{records:?}") };
        assert_eq!((&record["client_address"], &record["outcome"]), (&json!("198.51.100.1"), &json!("refused")));
        assert_eq!(record["counted"]["requests"], FLOOD - MOST);
        let reasons = json!({
            "token.refused: client_authentication_failed": 30 - MOST,
            "token.refused: too_many_failures": FLOOD - 30,
        });
        assert_eq!(record["counted"]["reasons"], reasons);
        // The next minute begins anew.
        assert_eq!(stranger(&server, "198.51.100.1").status, 401);
        assert_eq!(server.database.audit_records().len(), MOST + 1 + MOST + 1 + 1 + 1);
    }

    fn a_record_has_no_token_of_a_claim_and_does_not_grow_with_the_request(engine) {
        let server = start(engine);
        let token = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        let before = server.database.audit_records().len();
        let (many, long) = ("target ".repeat(2000), "x".repeat(15_000));
        for (client, audience, scope) in [
            (token.as_str(), token.as_str(), token.as_str()),
            (SECRET, SECRET, SECRET),
            ("stranger", &many, &many),
            ("stranger", &long, &long),
        ] {
            let form = [("grant_type", "client_credentials"), ("client_id", client), ("audience", audience)];
            let answer = post(&server, "198.51.100.3", &[&form[..], &[("scope", scope), ("client_secret", "w")]].concat());
            assert!(matches!(answer.status.as_u16(), 400 | 401), "{}", answer.text);
        }
        let records = server.database.audit_records().split_off(before);
        assert_eq!(records.len(), 4, "{records:?}");
        for record in records {
            let record = record.to_string();
            assert!(record.len() < 4000, "{} characters: {record}", record.len());
            for word in [token.as_str(), token.split('.').next().expect("a header"), SECRET] {
                assert!(!record.contains(word), "{record}");
            }
        }
    }
}
