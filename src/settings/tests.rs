use std::{fs, path::PathBuf};

use super::*;

/// 32 zero bytes.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("a file in the temporary directory");
        path
    }
}

fn load(file: Option<&Path>, variables: &[(&str, &str)]) -> Result<Settings, SettingsErrors> {
    Settings::load(file, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn loaded(variables: &[(&str, &str)]) -> Settings {
    load(None, variables).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The mistakes in these variables, one per line.
fn mistakes(variables: &[(&str, &str)]) -> String {
    load(None, variables).err().expect("a mistake").to_string()
}

fn mistakes_in_file(text: &str) -> String {
    let files = Files::new();
    load(Some(&files.write("tessera.toml", text)), &[]).err().expect("a mistake").to_string()
}

#[test]
fn without_any_setting_the_defaults_hold() {
    let settings = loaded(&[]);
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.server.public_url_at(settings.server.listen), "http://127.0.0.1:8080");
    assert!(
        settings.server.workers.is_none() && settings.server.tls.is_none() && settings.server.behind_proxy.is_none()
    );
    assert_eq!(settings.database.sqlite_file(), Some("data/tessera.db"));
    assert!(!settings.database.migrate);
    assert!(matches!(&settings.keys.master_key, MasterKeySource::KeptAt(path) if path == Path::new("data/master.key")));
    assert_eq!(settings.keys.jwks_max_age.as_secs(), 300);
    assert_eq!(settings.keys.rotation_interval.map(|interval| interval.as_secs()), Some(7_776_000));
    assert_eq!(settings.keys.secret_expiry_warning.map(|warning| warning.as_secs()), Some(1_209_600));
    assert!(settings.keys.previous_master_key.is_none());
    assert_eq!(settings.tokens.signing_alg.as_str(), "RS256");
    assert_eq!(settings.audit.commit, AuditCommit::BeforeResponse);
    assert_eq!((settings.audit.retention_days, settings.audit.queue), (90, 10_000));
    assert_eq!((settings.catalog.clients, settings.catalog.unknown_clients), (10_000, 10_000));
    assert_eq!((settings.catalog.unknown_client_ttl.as_secs(), settings.catalog.verified_tokens), (5, 50_000));
    let limits = &settings.limits;
    assert_eq!((limits.failures_per_client, limits.failures_per_address, limits.window.as_secs()), (30, 300, 60));
    assert_eq!((limits.refused_tokens_per_client, limits.refused_tokens_per_address), (600, 3000));
    assert!(settings.outbound.allowed_networks.is_empty() && !settings.outbound.plain_http_to_loopback);
    assert!(!settings.graphql.dev_operations);
    assert_eq!((settings.log.format, settings.log.level.as_str()), (LogFormat::Text, "info"));
}

#[test]
fn keys_rotate_no_sooner_than_a_rotation_takes_and_the_effective_settings_say_so() {
    for (interval, max_age, in_effect) in [
        ("2", "0", Some(5)),
        ("2", "300", Some(305)),
        ("305", "300", Some(305)),
        ("306", "300", Some(306)),
        ("0", "300", None),
    ] {
        let settings =
            loaded(&[("TESSERA__KEYS__ROTATION_INTERVAL", interval), ("TESSERA__KEYS__JWKS_MAX_AGE", max_age)]);
        assert_eq!(settings.keys.rotation_interval.map(|interval| interval.as_secs()), in_effect, "{interval}");
        let shown = format!("rotation_interval = {}\n", in_effect.unwrap_or_default());
        assert!(settings.effective().contains(&shown), "{}", settings.effective());
    }
    assert!(loaded(&[("TESSERA__KEYS__SECRET_EXPIRY_WARNING", "0")]).keys.secret_expiry_warning.is_none());
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let files = Files::new();
    let file = files.write("tessera.toml", "[server]\nworkers = 3\nmax_body = 2048\n[audit]\nqueue = 7\n");
    let settings =
        load(Some(&file), &[("TESSERA__SERVER__WORKERS", "5"), ("TESSERA__AUDIT__COMMIT", "after_response")])
            .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(settings.server.workers, Some(5));
    assert_eq!(settings.server.max_body, 2048);
    assert_eq!((settings.audit.queue, settings.audit.commit), (7, AuditCommit::AfterResponse));
    assert_eq!(settings.server.shutdown_timeout.as_secs(), 30);
    assert_eq!((settings.server.keep_alive.as_secs(), settings.server.stop_delay.as_secs()), (75, 5));
}

#[test]
fn an_empty_variable_counts_as_absent_and_foreign_variables_are_ignored() {
    let settings = loaded(&[("TESSERA__SERVER__WORKERS", ""), ("TESSERA_CONFIG", "x"), ("HOME", "/")]);
    assert_eq!(settings.server.workers, None);
}

#[test]
fn an_unknown_key_is_refused_with_its_file_and_the_nearest_known_key() {
    let text = mistakes_in_file("[server]\nlisten_adress = \"127.0.0.1:1\"\n[serve]\nworkers = 1\n");
    assert!(text.contains("server.listen_adress") && text.contains("the nearest one is server.listen"), "{text}");
    assert!(text.contains("tessera.toml"), "{text}");
    assert!(text.contains("  serve ("), "{text}");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
    let text = mistakes(&[("TESSERA__SERVER__LISTN", "127.0.0.1:1"), ("TESSERA__server__listen", "127.0.0.1:1")]);
    assert!(text.contains("TESSERA__SERVER__LISTN (environment variable)"), "{text}");
    assert!(text.contains("the nearest one is TESSERA__SERVER__LISTEN"), "{text}");
    assert!(text.contains("TESSERA__server__listen"), "{text}");
}

#[test]
fn a_section_given_as_a_value_is_one_mistake_and_does_not_hide_the_others() {
    let text = mistakes_in_file("server = 3\n[audit]\nqueue = 0\n");
    assert!(text.contains("server (") && text.contains("is a section"), "{text}");
    assert!(text.contains("audit.queue"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn all_mistakes_are_listed_at_once_with_the_layer_they_come_from() {
    let text = mistakes(&[
        ("TESSERA__SERVER__LISTEN", "localhost"),
        ("TESSERA__SERVER__WORKERS", "many"),
        ("TESSERA__DATABASE__MIGRATE", "yes"),
        ("TESSERA__TOKENS__SIGNING_ALG", "HS256"),
        ("TESSERA__AUDIT__RETENTION_DAYS", "0"),
        ("TESSERA__CATALOG__UNKNOWN_CLIENT_TTL", "3600"),
        ("TESSERA__OUTBOUND__ALLOWED_NETWORKS", "10.0.0.0/33"),
        ("TESSERA__LOG__FORMAT", "xml"),
        ("TESSERA__SERVER__BEHIND_PROXY__TRUSTED", "10.0.0.0/8,elsewhere"),
    ]);
    for setting in [
        "server.listen (TESSERA__SERVER__LISTEN)",
        "server.workers (TESSERA__SERVER__WORKERS): must be a whole number from 0 to 1024",
        "database.migrate",
        "tokens.signing_alg (TESSERA__TOKENS__SIGNING_ALG): must be one of \"RS256\", \"ES256\", \"PS256\", \"EdDSA\"",
        "audit.retention_days",
        "catalog.unknown_client_ttl",
        "outbound.allowed_networks (TESSERA__OUTBOUND__ALLOWED_NETWORKS): \"10.0.0.0/33\" is not a network",
        "log.format",
        "server.behind_proxy.trusted (TESSERA__SERVER__BEHIND_PROXY__TRUSTED): \"elsewhere\"",
    ] {
        assert!(text.contains(setting), "{setting} is missing in {text}");
    }
    assert_eq!(text.lines().count(), 10, "{text}");
}

#[test]
fn values_of_the_wrong_type_in_a_file_are_refused_instead_of_converted() {
    let text = mistakes_in_file(
        "[server]\nworkers = \"4\"\nmax_body = 2048.7\n[database]\nmigrate = 1\n[log]\nlevel = 5\n[tokens]\nsigning_alg = [\"RS256\"]\n",
    );
    for setting in ["server.workers", "server.max_body", "database.migrate", "log.level", "tokens.signing_alg"] {
        assert!(text.contains(setting), "{setting} is missing in {text}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line_and_without_quoting_it() {
    let text = mistakes_in_file("[keys]\nmaster_key = \"topsecret\n");
    assert!(text.contains("line 2") && !text.contains("topsecret"), "{text}");
    let text = load(Some(Path::new("/does/not/exist.toml")), &[]).err().expect("a mistake").to_string();
    assert!(text.contains("/does/not/exist.toml") && text.contains("cannot be read"), "{text}");
}

#[test]
fn plain_http_is_only_for_loopback_or_behind_a_proxy_te_001() {
    let everywhere = ("TESSERA__SERVER__LISTEN", "0.0.0.0:8080");
    let public = ("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com");
    assert!(mistakes(&[everywhere, public]).contains("plain HTTP is only allowed on a loopback address"));
    assert!(mistakes(&[("TESSERA__SERVER__LISTEN", "[::]:8080"), public]).contains("plain HTTP"));
    let proxy = ("TESSERA__SERVER__BEHIND_PROXY__TRUSTED", "10.0.0.0/8, 192.0.2.7");
    let settings = loaded(&[everywhere, public, proxy]);
    assert_eq!(settings.server.behind_proxy.expect("a proxy").trusted.len(), 2);
    assert_eq!(loaded(&[("TESSERA__SERVER__LISTEN", "[::1]:0")]).server.public_url, None);
    assert!(mistakes(&[everywhere, proxy]).contains("server.public_url"));
}

#[test]
fn networks_are_read_with_a_prefix_or_as_a_single_address() {
    let networks = "10.1.0.0/16, fd00::/8,192.168.1.7";
    let settings = loaded(&[
        ("TESSERA__OUTBOUND__ALLOWED_NETWORKS", networks),
        ("TESSERA__OUTBOUND__PLAIN_HTTP_TO_LOOPBACK", "true"),
    ]);
    let read: Vec<String> = settings.outbound.allowed_networks.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["10.1.0.0/16", "fd00::/8", "192.168.1.7/32"]);
    assert!(settings.outbound.plain_http_to_loopback);
}

#[test]
fn tls_needs_certificate_and_key_and_files_that_can_be_read() {
    let files = Files::new();
    let pem = files.write("tls.pem", "x").display().to_string();
    let certificate = ("TESSERA__SERVER__TLS__CERTIFICATE_FILE", pem.as_str());
    let private_key = ("TESSERA__SERVER__TLS__PRIVATE_KEY_FILE", pem.as_str());
    assert!(mistakes(&[certificate]).contains("server.tls.private_key_file"));
    assert!(mistakes(&[private_key]).contains("server.tls.certificate_file"));
    assert!(mistakes(&[certificate, (private_key.0, "/does/not/exist")]).contains("cannot be read"));
    let public = ("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com");
    let proxy = ("TESSERA__SERVER__BEHIND_PROXY__TRUSTED", "10.0.0.0/8");
    let settings = loaded(&[certificate, private_key, public, proxy, ("TESSERA__SERVER__LISTEN", "0.0.0.0:443")]);
    assert!(settings.server.tls.is_some() && settings.server.behind_proxy.is_some());
    let derived = loaded(&[certificate, private_key]);
    assert_eq!(derived.server.public_url_at(derived.server.listen), "https://127.0.0.1:8080");
}

#[test]
fn the_public_url_is_kept_byte_for_byte() {
    let settings = loaded(&[("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com:8443")]);
    assert_eq!(settings.server.public_url_at(settings.server.listen), "https://auth.example.com:8443");
    assert!(mistakes(&[("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com/")]).contains("trailing slash"));
}

#[test]
fn a_url_that_libraries_would_rewrite_is_refused_and_the_message_has_the_usual_spelling() {
    for (variable, text, usual) in [
        ("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com:443", "\"https://auth.example.com\""),
        ("TESSERA__SERVER__PUBLIC_URL", "https://auth.example.com:08443", "\"https://auth.example.com:8443\""),
        ("TESSERA__SERVER__PUBLIC_URL", "http://0x7f.1", "\"http://127.0.0.1\""),
        ("TESSERA__PASSWORDS__BREACH_LIST_URL", "https://pw.example:443/list", "\"https://pw.example/list\""),
        ("TESSERA__SMS__URL", "https://sms.example/a/../b", "\"https://sms.example/b\""),
        ("TESSERA__EMAIL__OAUTH2_TOKEN_URL", "https://id.example:00443/t", "\"https://id.example/t\""),
    ] {
        let mistakes = mistakes(&[(variable, text)]);
        assert!(mistakes.contains(variable) && mistakes.contains(usual), "{variable} {text}: {mistakes}");
    }
}

#[test]
fn the_master_key_is_32_bytes_given_once_and_required_with_postgres() {
    let files = Files::new();
    let file = files.write("key", &format!("\u{feff}{MASTER_KEY}\r\n")).display().to_string();
    let pasted = format!(" {MASTER_KEY}\r\n");
    let value = ("TESSERA__KEYS__MASTER_KEY", pasted.as_str());
    let in_file = ("TESSERA__KEYS__MASTER_KEY_FILE", file.as_str());
    for given in [value, in_file] {
        let settings = loaded(&[given, ("TESSERA__DATABASE__URL", "postgres://db/t")]);
        assert!(
            matches!(settings.keys.master_key, MasterKeySource::Given(key) if key.to_base64().reveal().trim_end_matches('=').bytes().all(|b| b == b'A'))
        );
    }
    assert!(mistakes(&[value, in_file]).contains("keep one of them"));
    assert!(
        mistakes(&[("TESSERA__DATABASE__URL", "postgres://db/t")]).contains("keys.master_key (default): must be set")
    );
    let short = mistakes(&[("TESSERA__KEYS__MASTER_KEY", "c2hvcnQ=")]);
    assert!(short.contains("32 bytes in base64") && !short.contains("c2hvcnQ="), "{short}");
    let missing = mistakes(&[("TESSERA__KEYS__MASTER_KEY_FILE", "/does/not/exist")]);
    assert!(missing.contains("cannot be read") && missing.lines().count() == 2, "{missing}");
}

#[test]
fn the_database_url_may_come_from_a_file_but_not_from_two_places() {
    let files = Files::new();
    let file = files.write("url", "postgres://u:hunter2@db/t\n").display().to_string();
    let in_file = ("TESSERA__DATABASE__URL_FILE", file.as_str());
    let key = ("TESSERA__KEYS__MASTER_KEY", MASTER_KEY);
    let settings = loaded(&[in_file, key]);
    assert_eq!(settings.database.url.reveal(), "postgres://u:hunter2@db/t");
    let both = mistakes(&[in_file, key, ("TESSERA__DATABASE__URL", "postgres://u:hunter2@db/t")]);
    assert!(both.contains("keep one of them") && !both.contains("hunter2"), "{both}");
}

#[test]
fn effective_values_show_no_secret_and_can_be_read_as_toml() {
    let url = ("TESSERA__DATABASE__URL", "postgres://u:hunter2@db/t");
    let settings = loaded(&[url, ("TESSERA__KEYS__MASTER_KEY", MASTER_KEY), ("TESSERA__SERVER__WORKERS", "5")]);
    let text = settings.effective();
    assert!(!text.contains("hunter2") && !text.contains(MASTER_KEY), "{text}");
    let table: toml::Table = text.parse().expect("TOML");
    assert_eq!(table["database"]["url"].as_str(), Some("postgres://u:***@db/t"));
    assert_eq!(table["keys"]["master_key"].as_str(), Some("(set)"));
    assert_eq!(table["server"]["workers"].as_integer(), Some(5));
    assert_eq!(table["server"]["public_url"].as_str(), Some("http://127.0.0.1:8080"));
    let shown = table.iter().map(|(_, section)| count_values(section)).sum::<usize>();
    assert_eq!(shown, layers::known_keys().len(), "a setting that nothing reads, or that is not shown: {text}");
}

fn count_values(value: &toml::Value) -> usize {
    value.as_table().map_or(1, |table| table.values().map(count_values).sum())
}

#[test]
fn rust_log_sets_the_level_unless_the_setting_has_a_variable_of_its_own() {
    assert_eq!(loaded(&[("RUST_LOG", "debug")]).log.level, "debug");
    assert_eq!(loaded(&[("RUST_LOG", "debug"), ("TESSERA__LOG__LEVEL", "warn")]).log.level, "warn");
    assert!(mistakes(&[("RUST_LOG", "inof")]).contains("log.level (RUST_LOG)"));
}

#[test]
fn the_production_example_is_complete_but_for_its_secret_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example-production.toml");
    let text = load(Some(&path), &[]).err().expect("the secret files are missing").to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("database.url_file") && text.contains("keys.master_key_file"), "{text}");
}

#[test]
fn no_limit_is_off_by_mistake() {
    for (name, range) in [
        ("FAILURES_PER_CLIENT", "1 to 1000000"),
        ("FAILURES_PER_ADDRESS", "1 to 1000000"),
        ("REFUSED_TOKENS_PER_CLIENT", "1 to 1000000"),
        ("REFUSED_TOKENS_PER_ADDRESS", "1 to 1000000"),
        ("WINDOW", "1 to 3600"),
    ] {
        for value in ["0", "-1", "off"] {
            let found = mistakes(&[(&format!("TESSERA__LIMITS__{name}"), value)]);
            assert!(found.contains(&name.to_lowercase()) && found.contains(range), "{name}={value}: {found}");
        }
    }
}

#[test]
fn white_space_around_a_secret_in_a_variable_or_a_file_is_none_of_it() {
    let files = Files::new();
    let url = "postgres://tessera:secret@db/t";
    let master_key = ("TESSERA__KEYS__MASTER_KEY", MASTER_KEY);
    let database = |settings: &Settings| settings.database.url.reveal().to_owned();
    let pasted = format!("\u{feff} {url}\r\n");
    let of_variable = loaded(&[master_key, ("TESSERA__DATABASE__URL", &pasted)]);
    let file = files.write("url", &pasted).display().to_string();
    let of_file = loaded(&[master_key, ("TESSERA__DATABASE__URL_FILE", &file)]);
    for settings in [of_variable, of_file] {
        assert_eq!(database(&settings), url);
    }
    let empty = files.write("empty", "\u{feff}\r\n").display().to_string();
    assert!(mistakes(&[master_key, ("TESSERA__DATABASE__URL_FILE", &empty)]).contains("is empty"));
}
