//! The rules of the house (`docs/architecture.md`), read from the sources: who may import whom, one door for each
//! dependency, no global state, small files.

use std::collections::BTreeSet;

use crate::support::{
    rust_paths::{code, paths},
    sources::{files, read},
};

/// Imports go down this list only, never sideways. (`settings` and `telemetry` have rules of their own.)
const ORDER: [&[&str]; 13] = [
    &["main"],
    &["cli"],
    &["app"],
    &["http"],
    &["graphql", "rest"],
    &["operations"],
    &["grants"],
    &["oxide"],
    &["catalog", "audit"],
    &["store", "jose", "webauthn", "outbound"],
    &["metrics"],
    &["domain"],
    &["oauth"],
];
/// Who may import `settings`: those that are configured by the operator.
const CONFIGURED: [&str; 4] = ["app", "cli", "http", "telemetry"];

/// Path prefixes, and where alone they may stand.
const DOORS: [(&[&str], &[&str]); 37] = [
    (&["diesel"], &["src/store/"]),
    (&["diesel_migrations"], &["src/store/"]),
    (&["r2d2"], &["src/store/"]),
    (&["josekit"], &["src/jose/"]),
    (&["webauthn_rs_core"], &["src/webauthn/"]),
    (&["serde_cbor_2"], &["src/webauthn/"]),
    (&["openssl", "pkey"], &["src/jose/"]),
    (&["openssl", "rsa"], &["src/jose/"]),
    (&["openssl", "ec"], &["src/jose/"]),
    (&["openssl", "sign"], &["src/jose/"]),
    (&["openssl", "symm"], &["src/jose/"]),
    (&["openssl", "rand"], &["src/domain/random.rs"]),
    (&["openssl", "ssl"], &["src/http/"]),
    (&["oxide_auth"], &["src/oxide/"]),
    (&["actix_web", "rt"], &["src/http/", "src/cli/", "src/app.rs"]),
    (&["actix_web"], &["src/http/"]),
    (&["actix_rt"], &[]),
    (&["async_graphql"], &["src/graphql/"]),
    (&["config"], &["src/settings/"]),
    (&["toml"], &["src/settings/", "src/operations/environment_file/"]),
    (&["reqwest"], &["src/outbound/"]),
    (&["lettre"], &["src/outbound/mail.rs"]),
    (&["prometheus_client"], &["src/metrics/"]),
    (&["clap"], &["src/cli/"]),
    (&["cel"], &["src/domain/condition/"]),
    (&["regex"], &["src/domain/answer_pattern.rs"]),
    (&["argon2"], &["src/domain/password/"]),
    (&["zxcvbn"], &["src/domain/password/"]),
    (&["icu_normalizer"], &["src/domain/password/"]),
    (&["rustix"], &["src/operations/backend/passwords/pool.rs"]),
    (&["totp_rs"], &["src/domain/totp.rs"]),
    (&["env_logger"], &["src/telemetry.rs"]),
    (&["quick_cache"], &["src/catalog/", "src/operations/throttle/"]),
    (&["arc_swap"], &["src/catalog/"]),
    // What a test cannot set: the machine's clock, and the variables of the process.
    (&["SystemTime"], &["src/domain/clock.rs"]),
    (&["std", "time", "SystemTime"], &["src/domain/clock.rs"]),
    (
        &["std", "env"],
        &[
            "src/cli/",
            "src/settings/documentation.rs",
            "src/graphql/snapshots.rs",
            "src/rest/snapshots.rs",
            "src/store/testing.rs",
        ],
    ),
];

/// Every `static` there is. Each is a constant, but for the last.
const STATICS: [(&str, &str); 5] = [
    ("src/grants/mod.rs", "GRANTS"),
    // Of the tests: a key made once.
    ("src/jose/attacks/properties.rs", "EDDSA"),
    ("src/operations/authenticate.rs", "NOBODYS_HASH"),
    ("src/operations/mosaic_tokens/application.rs", "NOBODYS_KEY"),
    // Of one thread: diesel tells how long a statement took, and what its error is, in two places that share nothing else.
    ("src/store/statements.rs", "FAILED_LATE"),
];

/// Files stay shorter than this many lines.
const MAX_LINES: usize = 350;

/// The part of the source tree that a file belongs to: `store` for `src/store/rows.rs`, `app` for `src/app.rs`.
fn part(file: &str) -> &str {
    let rest = file.strip_prefix("src/").expect("a source file");
    rest.split('/').next().expect("a name").trim_end_matches(".rs")
}

/// How many `super` lead from a file to the root of the crate.
fn depth(file: &str) -> usize {
    let names = file.split('/').count() - 1;
    if file.ends_with("/mod.rs") { names - 1 } else { names }
}

fn may_import(from: &str, to: &str) -> bool {
    let level = |part: &str| ORDER.iter().position(|parts| parts.contains(&part));
    match (from, to) {
        _ if from == to => true,
        // The binary sees the library from outside.
        ("main", "tessera") => true,
        (_, "settings") => CONFIGURED.contains(&from),
        (_, "telemetry") => from == "cli",
        ("settings", to) => ["domain", "oauth", "jose"].contains(&to),
        _ => level(from).zip(level(to)).is_some_and(|(from, to)| from < to),
    }
}

#[test]
fn imports_run_one_way() {
    let parts: BTreeSet<String> = files("src", ".rs").iter().map(|file| part(file).to_owned()).collect();
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in files("src", ".rs").iter().filter(|file| *file != "src/lib.rs") {
        let from = part(file);
        let depth = depth(file);
        for path in paths(&read(file)) {
            let is_absolute = ["crate", "tessera"].contains(&path[0].as_str());
            let supers = path.iter().take_while(|name| *name == "super").count();
            let named = if is_absolute { path.get(1) } else { path.get(supers).filter(|_| supers >= depth) };
            let Some(to) = named.filter(|name| parts.contains(*name)) else { continue };
            arrows += 1;
            if !may_import(from, to) {
                wrong.push(format!("{file}: {from} must not import {}", path.join("::")));
            }
        }
    }
    assert!(arrows > 300, "only {arrows} imports were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_part_of_the_source_has_its_place_in_the_order() {
    let known: BTreeSet<&str> = ORDER.concat().into_iter().chain(["lib", "settings", "telemetry"]).collect();
    let files = files("src", ".rs");
    let parts: BTreeSet<&str> = files.iter().map(|file| part(file)).collect();
    assert_eq!(parts, known);
}

#[test]
fn each_dependency_has_one_door() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for file in files("src", ".rs") {
        for path in paths(&read(&file)) {
            let door = DOORS
                .iter()
                .find(|(prefix, _)| path.iter().map(String::as_str).take(prefix.len()).eq(prefix.iter().copied()));
            let Some((prefix, places)) = door else { continue };
            used.insert(prefix.join("::"));
            if !places.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("{file}: {}", path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for name in [
        "diesel",
        "josekit",
        "webauthn_rs_core",
        "openssl::pkey",
        "openssl::ssl",
        "oxide_auth",
        "actix_web",
        "async_graphql",
        "reqwest",
        "config",
        "clap",
        "cel",
    ] {
        assert!(used.contains(name), "{name} was not found anywhere: is the door still the right one?");
    }
}

#[test]
fn no_grant_imports_another() {
    let grants: Vec<String> = files("src/grants", ".rs")
        .iter()
        .map(|file| file.trim_start_matches("src/grants/").trim_end_matches(".rs").to_owned())
        .filter(|name| !["mod", "exchange", "identity", "permissions", "targets"].contains(&name.as_str()))
        .collect();
    for file in files("src/grants", ".rs").iter().filter(|file| *file != "src/grants/mod.rs") {
        for path in paths(&read(file)) {
            let name = match (path[0].as_str(), path[1].as_str()) {
                ("super", name) => name,
                ("crate", "grants") => path.get(2).map_or("", String::as_str),
                _ => continue,
            };
            assert!(!grants.iter().any(|grant| grant == name), "{file} imports the grant {name}");
        }
    }
    assert!(grants.len() >= 3);
}

#[test]
fn there_is_no_global_state() {
    let mut statics = Vec::new();
    for file in files("src", ".rs") {
        let code = code(&read(&file));
        assert!(!code.contains("static mut "), "{file}");
        for line in code.lines().map(str::trim_start) {
            let line =
                line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            if let Some(rest) = line.strip_prefix("static ") {
                statics.push((file.clone(), rest.split(':').next().expect("a name").to_owned()));
            }
        }
    }
    let allowed: Vec<_> = STATICS.iter().map(|(file, name)| ((*file).to_owned(), (*name).to_owned())).collect();
    assert_eq!(statics, allowed, "nothing may read a global: pass it in");
}

#[test]
fn no_source_file_is_long() {
    let long: Vec<String> = files("src", ".rs")
        .into_iter()
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines >= MAX_LINES)
        .map(|(lines, file)| format!("{file}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
