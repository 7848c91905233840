//! `tessera check-config`.

use crate::support::{
    BFF, DEMO,
    cli::{Ended, tessera},
};

fn check(folder: &tempfile::TempDir, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = tessera();
    command.arg("check-config").args(arguments).envs(variables.iter().copied()).current_dir(folder);
    Ended(command.output().expect("to run tessera"))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_defaults_are_good_and_printed_as_a_file() {
    let folder = folder();
    let shown = check(&folder, &[], &[]).success();
    assert!(shown.contains("[server]\n") && shown.contains("listen = \"127.0.0.1:8080\""), "{shown}");
    std::fs::write(folder.path().join("again.toml"), &shown).expect("a file");
    assert_eq!(check(&folder, &[], &["--config", "again.toml"]).success(), shown, "what is printed can be used");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "checking makes nothing");
}

#[test]
fn every_mistake_is_told_at_once() {
    let folder = folder();
    std::fs::write(folder.path().join("settings.toml"), "[server]\nlisten = \"nowhere\"\nworkres = 3\n")
        .expect("a file");
    let variables = [
        ("TESSERA__TOKENS__SIGNING_ALG", "HS256"),
        ("TESSERA__KEYS__MASTER_KEY", "bm90LTMyLWJ5dGVz"),
        ("TESSERA__AUDIT__COMMIT", "sometimes"),
        ("TESSERA__SERVR__WORKERS", "2"),
    ];
    let said = check(&folder, &variables, &["--config", "settings.toml"]).failure(3);
    for part in [
        "server.listen (settings.toml)",
        "server.workres (settings.toml): there is no such setting; the nearest one is server.workers",
        "tokens.signing_alg (TESSERA__TOKENS__SIGNING_ALG)",
        "keys.master_key",
        "audit.commit",
        "TESSERA__SERVR__WORKERS",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(!said.contains("bm90LTMyLWJ5dGVz"), "{said}");
}

#[test]
fn secrets_are_not_printed() {
    let folder = folder();
    let key = "dGVzdGVyYS10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=";
    let variables = [
        ("TESSERA__KEYS__MASTER_KEY", key),
        ("TESSERA__DATABASE__URL", "postgres://tessera:hunter2hunter2@db.example.com/tessera"),
    ];
    let shown = check(&folder, &variables, &[]).success();
    assert!(!shown.contains(key) && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("master_key = \"(set)\"") && shown.contains("tessera:***@db.example.com"), "{shown}");
}

#[test]
fn a_variable_goes_over_the_file_and_the_file_over_the_defaults() {
    let folder = folder();
    let text = "[tokens]\nsigning_alg = \"ES256\"\n[audit]\ncommit = \"after_response\"\n";
    std::fs::write(folder.path().join("settings.toml"), text).expect("a file");
    let variables = [("TESSERA__TOKENS__SIGNING_ALG", "EdDSA")];
    let shown = check(&folder, &variables, &["--config", "settings.toml"]).success();
    assert!(shown.contains("signing_alg = \"EdDSA\"") && shown.contains("commit = \"after_response\""), "{shown}");
    let said = check(&folder, &[], &["--config", "nowhere.toml"]).failure(3);
    assert!(said.contains("nowhere.toml"), "{said}");
}

/// TE-001.
#[test]
fn plain_http_is_for_loopback_only() {
    let folder = folder();
    let public = ("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com");
    for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        let listen = ("TESSERA__SERVER__LISTEN", address);
        let said = check(&folder, &[listen, public], &[]).failure(3);
        assert!(said.contains("plain HTTP is only allowed on a loopback address"), "{said}");
        let proxy = ("TESSERA__SERVER__BEHIND_PROXY__TRUSTED", "10.0.0.0/8");
        check(&folder, &[listen, public, proxy], &[]).success();
        let said = check(&folder, &[listen, proxy], &[]).failure(3);
        assert!(said.contains("server.public_url"), "{said}");
    }
    let said = check(&folder, &[("TESSERA__SERVER__PUBLIC_URL", "http://auth.example.com")], &[]).failure(3);
    assert!(said.contains("must begin with https://"), "{said}");
}

#[test]
fn an_environment_file_is_checked_too() {
    let folder = folder();
    std::fs::write(folder.path().join("good.toml"), DEMO).expect("a file");
    assert!(!check(&folder, &[], &["good.toml"]).success().contains(BFF.1));
    std::fs::write(folder.path().join("bad.toml"), DEMO.replacen("scopes =", "scpes =", 1)).expect("a file");
    let said = check(&folder, &[("TESSERA__AUDIT__COMMIT", "sometimes")], &["bad.toml"]).failure(3);
    assert!(said.contains("bad.toml:") && said.contains("scpes"), "{said}");
    assert!(said.contains("audit.commit"), "all mistakes at once: {said}");
}
