//! `tessera keys rewrap`: another master key, without an outage.

use tessera::{
    domain::application::OnFailure,
    jose::master_key::{MasterKey, private_key_aad, webhook_secret_aad},
};

use crate::{
    both_engines,
    support::{
        BFF, CLIENT_CREDENTIALS, DEMO, Engine, Installation, TestServer,
        hook::{self, Hook},
        server::variable,
        tokens::{self, exchange, user_token},
    },
};

/// What tests run with.
const OLD: &str = "dGVzdGVyYS10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=";
const NEW: &str = "dGhlLW5leHQtbWFzdGVyLWtleS1vZi0zMi1ieXRlcyE=";
/// The settings of a node that has both.
const BOTH: [(&str, &str); 2] = [("keys.master_key", NEW), ("keys.previous_master_key", OLD)];
/// The application that has a webhook.
const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";

fn key(text: &str) -> MasterKey {
    MasterKey::from_base64(text).expect("a master key")
}

/// Everything that is sealed: the data, and what it is bound to.
fn sealed(server: &TestServer) -> Vec<(Vec<u8>, Vec<u8>)> {
    let hex = |column: &str| match server.database.url.starts_with("sqlite") {
        true => format!("hex({column})"),
        false => format!("encode({column}, 'hex')"),
    };
    let read = |query: String, aad: fn(&str, &str) -> Vec<u8>| {
        let rows = server.database.texts(&query);
        rows.into_iter().map(move |row| {
            let parts: Vec<&str> = row.split('|').collect();
            let byte = |start: usize| u8::from_str_radix(&parts[2][start..start + 2], 16).expect("hexadecimal");
            ((0..parts[2].len()).step_by(2).map(byte).collect(), aad(parts[0], parts[1]))
        })
    };
    let keys =
        format!("SELECT environment_id || '|' || kid || '|' || {} AS text FROM signing_keys", hex("private_key"));
    let secrets = format!(
        "SELECT environment_id || '|' || id || '|' || {} AS text FROM applications WHERE webhook_secret IS NOT NULL",
        hex("webhook_secret")
    );
    read(keys, private_key_aad).chain(read(secrets, webhook_secret_aad)).collect()
}

/// How many of all that is sealed this key opens.
fn opened_by(server: &TestServer, text: &str) -> usize {
    let opens = |(sealed, aad): &(Vec<u8>, Vec<u8>)| key(text).open(sealed, aad).is_ok();
    sealed(server).iter().filter(|one| opens(one)).count()
}

fn published(server: &TestServer) -> usize {
    server.get("/.well-known/jwks.json").json()["keys"].as_array().map_or(0, Vec::len)
}

both_engines! {
    /// The steps of docs/operations/keys.md, on two nodes that serve throughout.
    fn a_master_key_is_replaced_while_nodes_serve(engine) {
        let one = TestServer::builder(engine).setting("outbound.plain_http_to_loopback", "true").start();
        one.apply("[environment]\nname = \"second\"\n");
        let subject = user_token(&one);
        let serves = |node: &TestServer| {
            node.token(BFF, &CLIENT_CREDENTIALS).access_token();
            exchange(node, &subject, &[("audience", "resource-api")]).access_token();
            assert_eq!(node.get("/ready").status, 200);
        };

        // The first node has both keys, the other has not: what is made meanwhile must open on both.
        let two = one.another_node_with(&BOTH);
        two.cli(&["keys", "rotate"]).success();
        two.apply("[environment]\nname = \"third\"\n");
        for node in [&one, &two] {
            node.eventually("both nodes to follow", || published(node) == 3 && node.get("/ready").status == 200);
            serves(node);
        }
        assert_eq!((opened_by(&one, OLD), opened_by(&one, NEW)), (7, 0));

        let said = one.cli(&["keys", "rewrap"]).failure(5);
        assert!(said.contains("keys.previous_master_key"), "{said}");

        // The other node as well. Then everything moves.
        drop(one);
        let three = two.another_node_with(&BOTH);
        let hook = Hook::start(three.clock.clone());
        let installed = three.another_node_with(&[("keys.master_key", OLD), ("keys.previous_master_key", "")]);
        hook::install(installed.variables(), WEB, &hook.url(), OnFailure::Refuse);
        drop(installed);
        assert_eq!(opened_by(&two, OLD), 8);
        let printed = three.cli(&["keys", "rewrap"]).success();
        assert!(printed.starts_with("7 signing keys, 1 webhook secrets, 0 sign-in secrets and 0 secrets of authenticator apps sealed"), "{printed}");
        assert_eq!((opened_by(&two, OLD), opened_by(&two, NEW)), (0, 8));
        for node in [&two, &three] {
            serves(node);
            node.cli(&["keys", "rotate", "--alg", "EdDSA"]).success();
        }
        for node in [&two, &three] {
            node.eventually("what is made now to be known", || published(node) == 5 && node.get("/ready").status == 200);
        }
        assert_eq!((opened_by(&two, OLD), opened_by(&two, NEW)), (0, 10));

        let printed = three.cli(&["keys", "rewrap"]).success();
        assert!(printed.starts_with("0 signing keys, 0 webhook secrets, 0 sign-in secrets and 0") && printed.contains("take it out"), "{printed}");

        // Without the old one.
        let last = three.another_node_with(&[("keys.previous_master_key", "")]);
        serves(&last);
        tokens::delegate(&last, BFF, (WEB, "ada"), &[]).access_token();
        let messages = hook.messages();
        assert!(messages.iter().all(|message| message.verdict.is_ok()) && messages.len() == 1, "the secret is the same");
        let said = last.cli(&["keys", "list"]).success();
        assert!(said.contains("ES256"), "{said}");
    }

    fn who_has_only_the_old_key_is_told_so(engine) {
        let mut installation = Installation::demo(engine);
        installation.set("keys.master_key", NEW);
        installation.set("keys.previous_master_key", OLD);
        installation.cli(&["keys", "rewrap"]).success();
        installation.set("keys.master_key", OLD);
        installation.set("keys.previous_master_key", "");
        let said = installation.cli(&["serve"]).failure(3);
        assert!(said.contains("is keys.master_key the one it was sealed with?") && !said.contains(OLD), "{said}");
        let said = installation.cli(&["keys", "rotate"]).failure(3);
        assert!(said.contains("cannot be opened"), "{said}");
    }

    fn nothing_moves_when_one_thing_does_not_open(engine) {
        let server = TestServer::start(engine);
        server.apply("[environment]\nname = \"second\"\n");
        let hook = "webhook = { url = \"https://hook.example/a\", secret = \"a-secret-of-the-webhook-for-tests\" }";
        server.apply(&DEMO.replace("platform = \"WEB\"\n", &format!("platform = \"WEB\"\n{hook}\n")));
        let node = server.another_node_with(&BOTH);
        for damage in [
            // A copy of another's key does not open: the seal is for its place.
            "UPDATE signing_keys SET private_key = (SELECT private_key FROM signing_keys WHERE alg = 'RS256' AND \
             environment_id <> (SELECT id FROM environments WHERE name = 'second')) \
             WHERE alg = 'RS256' AND environment_id = (SELECT id FROM environments WHERE name = 'second')",
            "DELETE FROM signing_keys WHERE environment_id = (SELECT id FROM environments WHERE name = 'second'); \
             UPDATE applications SET webhook_secret = (SELECT MIN(private_key) FROM signing_keys WHERE alg = 'RS256')",
        ] {
            let damage = if engine == Engine::Postgres { damage.replace("MIN(private_key)", "private_key") } else { damage.to_owned() };
            server.database.execute(&damage);
            let before = sealed(&server);
            let said = node.cli(&["keys", "rewrap"]).failure(3);
            assert!(said.contains("cannot be opened"), "{said}");
            assert_eq!(sealed(&server), before, "all or nothing");
        }
        let said = node.cli(&["keys", "rewrap"]).failure(3);
        assert!(said.contains("webhook secret of application 6f4b1a5e"), "{said}");
    }
}

/// The key that was made for an embedded database is replaced as the page says: by files.
#[test]
fn the_key_that_was_made_beside_an_embedded_database_is_replaced_by_files() {
    let mut installation = Installation::new(Engine::Sqlite);
    installation.set("keys.master_key", "");
    installation.apply(DEMO);
    let folder = installation.database.folder();
    let (kept, previous) = (folder.join("master.key"), folder.join("previous.key"));
    let old = std::fs::read_to_string(&kept).expect("a key that was made");
    std::fs::rename(&kept, &previous).expect("to keep it");
    std::fs::write(&kept, format!("{NEW}\n")).expect("to write the next one");
    installation.set("keys.previous_master_key_file", "previous.key");

    let printed = installation.cli(&["keys", "rewrap"]).success();
    assert!(printed.starts_with("2 signing keys"), "{printed}");
    std::fs::remove_file(&previous).expect("to remove it");
    installation.set("keys.previous_master_key_file", "");
    let server = installation.serve();
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    assert!(!server.stderr.text().contains(old.trim()) && !server.stderr.text().contains(NEW));
}

#[test]
fn the_settings_say_which_mistakes_were_made_with_the_keys() {
    let mut installation = Installation::new(Engine::Sqlite);
    for (previous, file, expected) in [
        (OLD, "", "keys.previous_master_key (TESSERA__KEYS__PREVIOUS_MASTER_KEY): is the same key as keys.master_key"),
        ("c2hvcnQ=", "", "must be 32 bytes in base64"),
        (NEW, "a.key", "is set together with keys.previous_master_key"),
    ] {
        installation.file("a.key", NEW);
        installation.set("keys.previous_master_key", previous);
        installation.set("keys.previous_master_key_file", file);
        let said = installation.cli(&["check-config"]).failure(3);
        assert!(said.contains(expected) && !said.contains(OLD) && !said.contains(NEW), "{said}");
    }
    assert!(installation.variables().contains_key(&variable("keys.previous_master_key")));
}
