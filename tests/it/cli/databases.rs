//! Which database a command works on, and that none is made where another one was meant.

use crate::support::{DEMO, Engine, Installation, Process};

/// With a database that is not there, beside one that is.
fn elsewhere() -> Installation {
    Installation::new(Engine::Sqlite).with("database.url", "sqlite://elsewhere/tessera.db").with("keys.master_key", "")
}

fn has(installation: &Installation, name: &str) -> bool {
    installation.database.folder().join(name).exists()
}

#[test]
fn only_commands_that_set_up_make_a_database_and_they_say_so() {
    let installation = elsewhere();
    let file = installation.file("demo.toml", DEMO);
    let others = [
        &["serve"][..],
        &["keys", "list"],
        &["service-account", "create", "nightly"],
        &["user", "list"],
        &["session", "list", "--user", "nobody"],
        &["revoke", "client", "bff"],
        &["explain", "--client", "bff", "--subject-claims", "{}"],
        &["audit", "tail"],
        &["demo-token"],
    ];
    for command in others {
        let said = installation.cli(command).failure(4);
        let full = installation.database.folder().join("elsewhere/tessera.db").display().to_string();
        assert!(said.contains(&full) && said.contains("tessera apply FILE"), "{command:?}: {said}");
        assert!(!has(&installation, "elsewhere"), "{command:?} made something");
    }
    let ended = installation.cli(&["apply", file]);
    let said = ended.stderr();
    ended.success();
    assert!(said.contains("made the SQLite database") && said.contains("elsewhere/tessera.db"), "{said}");
    assert!(has(&installation, "elsewhere/tessera.db") && has(&installation, "elsewhere/master.key"));
}

#[test]
fn every_command_says_which_database_it_works_on() {
    let installation = Installation::demo(Engine::Sqlite);
    for command in [&["keys", "list"][..], &["service-account", "list"], &["migrate"], &["audit", "tail"]] {
        let ended = installation.cli(command);
        let said = ended.stderr();
        ended.success();
        let path = installation.database.url.trim_start_matches("sqlite://");
        assert!(said.contains(&format!("database: SQLite {path}")), "{command:?}: {said}");
    }
}

#[test]
fn a_dry_run_makes_neither_a_database_nor_a_master_key() {
    let installation = elsewhere();
    let file = installation.file("demo.toml", DEMO);
    let said = installation.cli(&["apply", "--dry-run", file]).success();
    assert!(said.contains("nothing was changed (dry run)"), "{said}");
    assert!(!has(&installation, "elsewhere"));

    let installation = Installation::new(Engine::Sqlite).with("keys.master_key", "");
    let file = installation.file("demo.toml", DEMO);
    let said = installation.cli(&["apply", "--dry-run", file]).success();
    assert!(said.contains("+ client bff\n"), "{said}");
    assert!(!has(&installation, "master.key"), "a dry run made a master key");
}

#[test]
fn no_master_key_is_made_beside_a_database_that_was_sealed_with_another() {
    let installation = Installation::new(Engine::Sqlite).with("keys.master_key", "");
    installation.apply(DEMO);
    let key = installation.database.folder().join("master.key");
    let kept = installation.database.folder().join("kept.key");
    std::fs::rename(&key, &kept).expect("to take the key away");
    let file = installation.file("environment.toml", &DEMO.replace("max_lifetime = 600", "max_lifetime = 900"));
    for command in [&["serve"][..], &["apply", file], &["apply", "--dry-run", file], &["keys", "rotate"]] {
        let said = installation.cli(command).failure(3);
        assert!(said.contains("master.key") && said.contains("bring it back"), "{command:?}: {said}");
        assert!(!key.exists(), "{command:?} made another key");
    }
    std::fs::rename(&kept, &key).expect("to bring the key back");
    installation.cli(&["keys", "rotate"]).success();
}

#[test]
fn an_environment_under_another_name_is_warned_of() {
    let installation = Installation::demo(Engine::Sqlite);
    let renamed = DEMO.replacen("name = \"demo\"", "name = \"renamed\"", 1);
    let ended = installation.cli(&["apply", "--dry-run", installation.file("renamed.toml", &renamed)]);
    let said = ended.stderr();
    assert!(said.contains("environment \"renamed\" is a new one beside \"demo\""), "{said}");
    assert!(said.contains("give its id in [environment]"), "{said}");
    let said = installation.cli(&["apply", installation.file("same.toml", DEMO)]).stderr();
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn the_variable_names_a_settings_file_and_the_option_goes_over_it() {
    let installation = Installation::new(Engine::Sqlite);
    let run = |arguments: &[&str], file: &str| {
        let mut command = installation.command(arguments);
        let output = command.env("TESSERA_CONFIG", file).output().expect("to run tessera");
        crate::support::cli::Ended(output)
    };
    let file = installation.file("settings.toml", "[catalog]\nclients = 4321\n");
    assert!(run(&["check-config"], file).success().contains("clients = 4321"));
    let other = installation.file("other.toml", "[catalog]\nclients = 1234\n");
    assert!(run(&["check-config", "--config", other], file).success().contains("clients = 1234"));
    assert!(run(&["check-config"], "nowhere.toml").failure(3).contains("nowhere.toml"));
    run(&["check-config"], "").success();
}

#[test]
fn what_was_mistaken_for_another_thing_gets_the_answer_that_helps() {
    let installation = Installation::new(Engine::Sqlite);
    let apply = |name: &str, text: &str| installation.cli(&["apply", installation.file(name, text)]).failure(3);
    assert!(apply("settings.toml", "[server]\nlisten = \"127.0.0.1:0\"\n").contains("give it with --config"));
    assert!(apply("environment.json", "{ \"environment\": {} }").contains("is JSON"));
    let table = "[environment]\nname = \"x\"\n[client]\nid = \"a\"\n";
    assert!(apply("table.toml", table).contains("a block begins with [[client]]"));
    let file = installation.file("demo.toml", DEMO);
    let said = installation.cli(&["check-config", "--config", file]).failure(3);
    assert!(said.contains("give it to `tessera apply`") && said.lines().count() == 2, "{said}");
    let version = installation.cli(&["version"]).success();
    assert_eq!(version, format!("tessera {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_second_server_on_one_sqlite_file_is_told_of_the_first_and_serves() {
    let installation = Installation::demo(Engine::Sqlite);
    let serve = || {
        let process = Process::start(installation.command(&["serve"]));
        process.address();
        process
    };
    let told_of = |process: &Process, other: &Process| {
        let log = process.stderr.text();
        log.contains("another server (process ") && log.contains(&format!(" at {})", other.address()))
    };
    let first = serve();
    assert!(!first.stderr.text().contains("another server"), "{}", first.stderr.text());
    let second = serve();
    assert!(told_of(&second, &first), "{}", second.stderr.text());
    assert_eq!((first.get("/ready").status.as_u16(), second.get("/ready").status.as_u16()), (200, 200));
    // One replaces the other, and the next one is told of that.
    drop(first);
    let third = serve();
    assert!(told_of(&third, &second), "{}", third.stderr.text());
    // Killed, as by a crash: nothing is left behind.
    drop((second, third));
    let alone = serve();
    assert!(!alone.stderr.text().contains("another server"), "{}", alone.stderr.text());
}
