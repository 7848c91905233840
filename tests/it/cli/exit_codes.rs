//! Exit codes, for scripts: 0 done, 2 wrong usage, 3 wrong settings or file, 4 database, 5 refused; and the words with them.

use std::net::TcpListener;

use crate::{
    both_engines,
    support::{
        Engine, Installation,
        cli::{Ended, tessera},
    },
};

fn run(arguments: &[&str]) -> Ended {
    Ended(tessera().args(arguments).output().expect("to run tessera"))
}

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    for arguments in [&[][..], &["srve"], &["serve", "--prot", "1"], &["apply"], &["keys"], &["keys", "retire"]] {
        let said = run(arguments).failure(2);
        assert!(said.contains("Usage:"), "{arguments:?}: {said}");
    }
    let help = run(&["--help"]).success();
    assert!(help.contains("Exit codes: 0 done") && help.contains("quickstart"), "{help}");
    assert!(run(&["--version"]).success().starts_with("tessera "));
}

#[test]
fn a_database_that_does_not_answer_is_4() {
    // Nobody listens there: the port was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url = format!("postgres://tessera:hunter2hunter2@{free}/tessera");
    let installation = Installation::new(Engine::Sqlite).with("database.url", &url);
    for arguments in [&["serve"][..], &["migrate"], &["keys", "list"]] {
        let said = installation.cli(arguments).failure(4);
        assert!(said.contains("the database is unavailable") && said.contains("refused"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_database_that_is_none_is_3() {
    for url in ["mysql://localhost/tessera", "data/tessera.db", "sqlite://:memory:"] {
        let installation = Installation::new(Engine::Sqlite).with("database.url", url);
        let said = installation.cli(&["serve"]).failure(3);
        assert!(said.contains("database.url"), "{said}");
    }
}

#[test]
fn a_file_that_is_no_database_is_4() {
    let installation = Installation::new(Engine::Sqlite);
    let text = "not a database at all\n".repeat(100);
    let name = installation.file("notes.txt", &text);
    let installation = installation.with("database.url", &format!("sqlite://{name}"));
    let said = installation.cli(&["serve"]).failure(4);
    assert!(said.contains("file is not a database"), "{said}");
    assert_eq!(std::fs::read_to_string(installation.database.folder().join(name)).expect("the file"), text);
}

#[test]
fn a_port_that_is_taken_is_3_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let installation = Installation::demo(Engine::Sqlite).with("server.listen", &address);
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains(&format!("server.listen {address}")) && said.contains("another server"), "{said}");
}

#[test]
fn a_settings_file_that_cannot_be_read_is_3() {
    let installation = Installation::new(Engine::Sqlite);
    let said = installation.cli(&["serve", "--config", "nowhere.toml"]).failure(3);
    assert!(said.contains("nowhere.toml"), "{said}");
    let broken = installation.file("broken.toml", "[server\n");
    assert!(installation.cli(&["serve", "--config", broken]).failure(3).contains("broken.toml"));
    let empty = installation.file("empty.toml", "");
    installation.cli(&["check-config", "--config", empty]).success();
}

#[test]
fn an_empty_environment_file_is_3_and_says_how_to_begin() {
    let installation = Installation::new(Engine::Sqlite);
    let said = installation.cli(&["apply", installation.file("empty.toml", "")]).failure(3);
    assert!(said.contains("empty.toml:1:1:") && said.contains("begin the file with [environment]"), "{said}");
}

#[test]
fn a_master_key_that_cannot_be_used_is_3() {
    let mut installation = Installation::demo(Engine::Sqlite);
    installation.set("keys.master_key", "");
    installation.set("keys.master_key_file", "nowhere.key");
    assert!(installation.cli(&["serve"]).failure(3).contains("nowhere.key"));
    installation.set("keys.master_key_file", ".");
    assert!(installation.cli(&["serve"]).failure(3).contains("keys.master_key_file"));
    let short = installation.file("short.key", "c2hvcnQ=\n");
    installation.set("keys.master_key_file", short);
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains("32 bytes in base64") && !said.contains("c2hvcnQ"), "{said}");
    // The one that would be made beside the database.
    installation.set("keys.master_key_file", "");
    installation.file("master.key", "garbage\n");
    assert!(installation.cli(&["serve"]).failure(3).contains("master.key"));
}

#[test]
fn a_postgres_database_needs_a_master_key_of_ones_own() {
    let installation = Installation::new(Engine::Sqlite)
        .with("keys.master_key", "")
        .with("database.url", "postgres://tessera@127.0.0.1/tessera");
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains("keys.master_key") && said.contains("openssl rand -base64 32"), "{said}");
}

both_engines! {
    fn a_master_key_that_does_not_open_the_keys_is_3(engine) {
        let mut installation = Installation::demo(engine);
        installation.set("keys.master_key", "YW5vdGhlci1tYXN0ZXIta2V5LW9mLTMyLWJ5dGVzISE=");
        let said = installation.cli(&["serve"]).failure(3);
        assert!(said.contains("is keys.master_key the one it was sealed with?"), "{said}");
    }

    fn demo_tokens_are_for_the_demo_environment_only(engine) {
        let installation = Installation::new(engine);
        let said = installation.cli(&["demo-token"]).failure(5);
        assert!(said.contains("there is no environment yet"), "{said}");
        installation.apply("[environment]\nname = \"production\"\n");
        let said = installation.cli(&["demo-token"]).failure(5);
        assert!(said.contains("for the environment \"demo\" only"), "{said}");
    }
}
