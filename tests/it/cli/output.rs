//! Commands whose output nobody can read.

use std::{fs::OpenOptions, process::Stdio};

use crate::{
    both_engines,
    support::{BFF, CLIENT_CREDENTIALS, Engine, Installation, TestServer, cli::Ended},
};

/// A pipe that nobody reads any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// A file on a disk that is full.
fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full").into()
}

/// Runs a command to its end, with that as its standard output.
fn run(installation: &Installation, arguments: &[&str], out: Stdio) -> Ended {
    let child = installation.command(arguments).stdout(out).stderr(Stdio::piped()).spawn().expect("to run tessera");
    Ended(child.wait_with_output().expect("its end"))
}

fn secrets(installation: &Installation) -> String {
    installation.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM client_secrets WHERE expires_at IS NULL")
}

both_engines! {
    fn a_secret_that_cannot_be_printed_is_not_made(engine) {
        let mut installation = Installation::demo(engine);
        let before = secrets(&installation);
        let commands = [
            &["service-account", "create", "nightly"][..],
            &["service-account", "reset-secret", "bff"],
            &["service-account", "add-secret", "bff"],
        ];
        for command in commands {
            for out in [closed_pipe(), full_disk()] {
                let said = run(&installation, command, out).failure(1);
                assert!(said.contains("the secret cannot be printed, and was not made"), "{command:?}: {said}");
            }
        }
        assert_eq!(secrets(&installation), before);
        let listed = installation.cli(&["service-account", "list"]).success();
        assert!(!listed.contains("nightly") && listed.contains("bff  enabled  1 active secret "), "{listed}");
        assert_eq!(installation.serve().token(BFF, &CLIENT_CREDENTIALS).status, 200, "the secret before is good still");
    }
}

#[test]
fn no_command_panics_on_a_closed_pipe_and_the_work_is_done() {
    let installation = Installation::demo(Engine::Sqlite);
    let second = installation.file("second.toml", "[environment]\nname = \"second\"\n");
    let commands = [
        &["--help"][..],
        &["version"],
        &["check-config"],
        &["migrate"],
        &["keys", "list", "--environment", "demo"],
        &["service-account", "list", "--environment", "demo"],
        &["user", "list", "--environment", "demo"],
        &["audit", "verify"],
        &["audit", "tail"],
        &["apply", "--dry-run", second],
        &["apply", second],
    ];
    for command in commands {
        let ended = run(&installation, command, closed_pipe());
        let said = ended.stderr();
        assert!(ended.0.status.success() && !said.contains("panicked"), "{command:?}: {said}");
    }
    installation.cli(&["keys", "list", "--environment", "second"]).success();
    // A failure has nobody to tell, and still its exit code.
    let mut failing = installation.command(&["keys", "list", "--environment", "nowhere"]);
    let status = failing.stdout(closed_pipe()).stderr(closed_pipe()).status().expect("to run tessera");
    assert_eq!(status.code(), Some(5));
}

#[test]
fn what_cannot_be_written_to_a_full_disk_is_a_failure() {
    let installation = Installation::demo(Engine::Sqlite);
    let said = run(&installation, &["keys", "list"], full_disk()).failure(1);
    assert!(said.contains("No space left"), "{said}");
}

#[test]
fn a_secret_is_printed_once_it_can_be() {
    let server = TestServer::start(Engine::Sqlite);
    let printed = server.cli(&["service-account", "add-secret", "bff"]).success();
    let secret = printed.lines().find_map(|line| line.strip_prefix("client_secret=")).expect("a secret").to_owned();
    server.eventually("the secret to work", || server.token(("bff", &secret), &CLIENT_CREDENTIALS).status == 200);
}
