//! `tessera quickstart`: what a newcomer sees, taken at its word.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    DEMO, Process,
    cli::{Ended, tessera},
    eventually,
    tokens::peek,
};

fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = tessera();
    command.arg("quickstart").current_dir(folder).env("TESSERA__SERVER__LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    command
}

/// Starts it and gives the curl lines.
fn start(folder: &Path) -> (Process, Vec<String>) {
    let process = Process::start(command(folder, &[]));
    eventually("the last line to paste", Duration::from_secs(60), || process.stdout.text().contains("/graphiql\n"));
    let lines = process.stdout.text().lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
    (process, lines)
}

/// Runs a line as it was printed.
fn paste(line: &str) -> Value {
    let output = Command::new("sh").args(["-c", line]).output().expect("to run sh");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn claims(answer: &Value) -> Value {
    peek(answer["access_token"].as_str().unwrap_or_else(|| panic!("no token in {answer}")))
}

#[test]
fn every_line_that_it_prints_works_as_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut process, lines) = start(folder.path());
    let [first, second, third, fourth, fifth] = &lines[..] else { panic!("five lines: {lines:#?}") };

    let token = claims(&paste(first));
    assert_eq!((&token["sub"], &token["scope"]), (&json!("bff"), &json!(["calendar.read"])));
    let exchanged = paste(second);
    assert_eq!(exchanged["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let token = claims(&exchanged);
    assert_eq!((&token["aud"], &token["scope"]), (&json!("resource-api"), &json!(["calendar.edit"])));
    assert_eq!(token["act"]["sub"], "bff");
    assert_eq!(token["user-fullname"], "Ada Lovelace");
    let delegated = claims(&paste(third));
    for claim in ["aud", "scope", "act", "sub", "iss"] {
        assert_eq!(delegated[claim], token[claim], "the older grant gives the same: {claim}");
    }
    let elsewhere = claims(&paste(fourth));
    assert_eq!((&elsewhere["subjectType"], &elsewhere["name"]), (&json!("EndUserAccount"), &json!("Ada")));
    let keys = paste(fifth);
    assert_eq!(keys["keys"][0]["alg"], "RS256", "what every verifier knows");

    let data = folder.path().join("data");
    for entry in fs::read_dir(&data).expect("data/") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    assert!(data.join("tessera.db").is_file() && data.join("master.key").is_file());

    process.signal("INT");
    assert_eq!(process.wait().code(), Some(0), "Ctrl-C is an orderly end: {}", process.stderr.text());
    let (_process, lines) = start(folder.path());
    assert_eq!(paste(&lines[4]), keys, "a second start keeps the keys");
    claims(&paste(&lines[1]));
}

#[test]
fn it_says_what_it_puts_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (process, _) = start(folder.path());
    assert!(!process.stderr.text().contains("put back"), "{}", process.stderr.text());
    drop(process);
    let own = DEMO.replace("max_lifetime = 600", "max_lifetime = 900");
    fs::write(folder.path().join("own.toml"), own).expect("a file");
    let applied = tessera().args(["apply", "own.toml"]).current_dir(folder.path()).output().expect("to run tessera");
    Ended(applied).success();
    let (process, _) = start(folder.path());
    let said = process.stderr.text();
    assert!(said.contains("quickstart has put back:") && said.contains("max_lifetime: 900 -> 600"), "{said}");
}

#[test]
fn it_refuses_where_its_public_secrets_would_do_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |variables: &[(&str, &str)], code: i32| {
        Ended(command(folder.path(), variables).output().expect("to run tessera")).failure(code)
    };
    let said = refused(
        &[
            ("TESSERA__DATABASE__URL", "postgres://tessera@127.0.0.1/tessera"),
            ("TESSERA__KEYS__MASTER_KEY", "dGVzdGVyYS10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM="),
        ],
        5,
    );
    assert!(said.contains("quickstart is for the embedded SQLite database"), "{said}");
    let open = ("TESSERA__SERVER__LISTEN", "0.0.0.0:0");
    assert!(refused(&[open], 3).contains("plain HTTP is only allowed on a loopback address"));
    let said = refused(
        &[
            open,
            ("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com"),
            ("TESSERA__SERVER__BEHIND_PROXY__TRUSTED", "10.0.0.0/8"),
        ],
        5,
    );
    assert!(said.contains("loopback address only"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
}
