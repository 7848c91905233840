//! The audit records of commands: who changed what, before and after, in the same transaction as the change.

use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{Engine, Installation, TestServer, database::TestDatabase},
};

const FILE: &str = "[environment]\nname = \"records\"\naccess_token_lifetime = 600\n
[[resource_server]]\naudience = \"api\"\nscopes = [\"a\", \"b\"]\n
[[client]]\nid = \"worker\"\nname = \"Worker\"\nkind = \"service_account\"\ngrants = [\"client_credentials\"]
secret = \"a-secret-of-the-worker-that-is-long-enough\"\n";

/// The records since there were `count` of them, without those of keys that a command had to make.
fn since(database: &TestDatabase, count: usize) -> Vec<Value> {
    database.records_of_operators().split_off(count)
}

fn one_since(database: &TestDatabase, count: usize) -> Value {
    let mut records = since(database, count);
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

both_engines! {
    fn each_change_of_an_apply_has_a_record_with_before_and_after(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        let records = since(&installation.database, 0);
        let of = |subject: &str| {
            records.iter().find(|record| record["subject"] == subject).unwrap_or_else(|| panic!("{subject}: {records:?}"))
        };
        for record in &records {
            assert_eq!(
                (&record["event"], &record["outcome"], &record["operation"]),
                (&json!("management.changed"), &json!("success"), &json!("apply"))
            );
            assert!(record["operator"].as_str().is_some_and(|who| who.starts_with("cli:") && who.len() > 4), "{record}");
            assert!(record.get("client_id").is_none() && record["environment_id"].is_string(), "{record}");
            assert_eq!(record["request_id"], records[0]["request_id"], "one command, one id");
        }
        assert_eq!(of("environment records")["after"]["access_token_lifetime"], 600);
        assert_eq!(of("resource server api")["after"]["scopes"], json!(["a", "b"]));
        assert!(of("resource server api").get("before").is_none());
        assert_eq!(of("secret of client worker")["detail"], "+ secret of client worker");
        let text = json!(records).to_string();
        assert!(!text.contains("a-secret-of-the-worker"), "{text}");

        installation.apply(&FILE.replace("600", "900"));
        let record = one_since(&installation.database, records.len());
        assert_eq!(
            (&record["subject"], &record["before"], &record["after"]),
            (
                &json!("environment records"),
                &json!({ "access_token_lifetime": 600 }),
                &json!({ "access_token_lifetime": 900 })
            )
        );
        // Nothing to do is nothing to record, and neither is a plan.
        installation.apply(&FILE.replace("600", "900"));
        installation.cli(&["apply", "--dry-run", installation.file("other.toml", FILE)]).success();
        assert_eq!(since(&installation.database, records.len()).len(), 1);
        // What goes is recorded as it was.
        let without = FILE.replace("600", "900").split("[[client]]").next().expect("a part").to_owned();
        installation.cli(&["apply", "--prune", installation.file("less.toml", &without)]).success();
        let record = one_since(&installation.database, records.len() + 1);
        assert_eq!((&record["subject"], &record["before"]["name"]), (&json!("client worker"), &json!("Worker")));
        assert!(record.get("after").is_none(), "{record}");
    }

    fn keys_and_service_accounts_leave_records_without_secrets(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        let database = &installation.database;
        let count = since(database, 0).len();

        let kid = installation.cli(&["keys", "rotate"]).success().split(' ').next().expect("a kid").to_owned();
        let record = one_since(database, count);
        assert_eq!((&record["operation"], &record["event"]), (&json!("keys rotate"), &json!("management.changed")));
        assert!(record["after"][&kid]["activates_at"].is_i64() && record["before"].get(&kid).is_none(), "{record}");
        let retiring = record["before"].as_object().expect("the key before").keys().next().expect("its id").clone();
        assert!(record["before"][&retiring]["retires_at"].is_null() && record["after"][&retiring]["retires_at"].is_i64());

        installation.cli(&["keys", "revoke", &kid]).success();
        let record = one_since(database, count + 1);
        assert_eq!((&record["operation"], &record["subject"]), (&json!("keys revoke"), &json!(kid)));
        assert!(record["before"][&kid].is_object() && record["after"].get(&kid).is_none(), "{record}");

        let made = installation.cli(&["service-account", "create", "robot", "--access", "api=a"]).success();
        let record = one_since(database, count + 2);
        assert_eq!((&record["operation"], &record["subject"]), (&json!("service-account create"), &json!("robot")));
        assert_eq!(record["after"]["access"], json!([{ "audience": "api", "scopes": ["a"] }]));
        let first = record["after"]["secrets"][0]["id"].as_str().expect("an id").to_owned();

        let reset = installation.cli(&["service-account", "reset-secret", "robot", "--keep-old", "60"]).success();
        let record = one_since(database, count + 3);
        assert_eq!(record["before"], json!({ "secrets": [{ "id": first, "expires_at": null }] }));
        assert_eq!(record["after"]["secrets"].as_array().map(Vec::len), Some(2), "{record}");

        let text = json!(since(database, 0)).to_string();
        for said in [made, reset] {
            let secret = said.split_once("client_secret=").expect("a secret").1.trim();
            assert!(secret.starts_with("tsk_") && !text.contains(secret), "the secret is on record");
        }
    }

    fn a_refused_command_is_on_record_and_has_changed_nothing(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        let database = &installation.database;
        let count = since(database, 0).len();
        let moved = FILE.replace("name = \"records\"", "name = \"records\"\ntenant = \"other\"\nid = \"0b2d8a52-0d3c-4b7e-9a21-5c8d7e6f4a3b\"");
        let own = database.value("SELECT id AS value FROM environments");
        let moved = moved.replace("0b2d8a52-0d3c-4b7e-9a21-5c8d7e6f4a3b", &own);
        for (arguments, code) in [
            (&["keys", "retire", "no-such-key"][..], 5),
            (&["service-account", "reset-secret", "nobody"], 5),
            (&["service-account", "create", "worker"], 5),
            (&["apply", installation.file("moved.toml", &moved)], 5),
        ] {
            let said = installation.cli(arguments).failure(code);
            let record = since(database, count).pop().expect("a record");
            assert_eq!(
                (&record["event"], &record["outcome"]),
                (&json!("management.refused"), &json!("refused")),
                "{record}"
            );
            assert!(arguments.join(" ").starts_with(record["operation"].as_str().expect("an operation")), "{record}");
            assert!(said.contains(record["detail"].as_str().expect("why").split(' ').next().expect("a word")), "{said}");
            assert!(record.get("after").is_none() && record.get("before").is_none());
        }
        assert_eq!(since(database, count).len(), 4);
    }

    fn migrations_are_on_record(engine) {
        let installation = Installation::on(TestDatabase::empty(engine));
        installation.cli(&["migrate"]).success();
        let records = since(&installation.database, 0);
        assert!(records.len() > 3, "{records:?}");
        for record in &records {
            assert_eq!((&record["operation"], &record["event"]), (&json!("migrate"), &json!("management.changed")));
            assert!(record["subject"].as_str().is_some_and(|name| name.starts_with("20")), "{record}");
        }
        installation.cli(&["migrate"]).success();
        assert_eq!(since(&installation.database, 0).len(), records.len());
    }

    /// A change that cannot be recorded does not happen.
    fn without_a_record_there_is_no_change(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        let before = installation.cli(&["keys", "list"]).success();
        installation.database.execute("ALTER TABLE audit_records RENAME TO away");
        for arguments in [&["keys", "rotate"][..], &["service-account", "create", "robot"], &["demo-token"]] {
            let said = installation.cli(arguments);
            assert!(!said.0.status.success() && said.stdout().is_empty(), "{arguments:?}: {}", said.stdout());
        }
        let other = installation.file("other.toml", &FILE.replace("600", "900"));
        installation.cli(&["apply", other]).failure(4);
        installation.database.execute("ALTER TABLE away RENAME TO audit_records");
        let keys = |text: &str| text.lines().map(|line| line.chars().take(60).collect::<String>()).collect::<Vec<_>>();
        assert_eq!(keys(&installation.cli(&["keys", "list"]).success()), keys(&before));
        assert_eq!(installation.database.value("SELECT CAST(access_token_lifetime AS TEXT) AS value FROM environments"), "600");
        assert_eq!(installation.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM clients"), "1");
    }
}

#[test]
fn a_demo_token_is_on_record_as_the_parent_of_what_it_is_exchanged_for() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = crate::support::tokens::user_token(&server);
    let record = server.database.records_of_operators().pop().expect("a record");
    assert_eq!((&record["event"], &record["operation"]), (&json!("token.issued"), &json!("demo-token")));
    let exchanged = crate::support::tokens::exchange(&server, &subject, &[]);
    assert_eq!(server.record_of(&exchanged)["parents"], json!([record["jti"]]));
}
