//! `tessera apply`: applications with their keys and webhooks, identity connections, and those that somebody else made.

use tessera::{
    domain::secret::Secret,
    jose::master_key::{MasterKey, webhook_secret_aad},
};

use crate::{
    both_engines,
    support::{DEMO, Engine, Installation},
};

const KEY: &str = "a-key-of-the-application-for-tests";
const HOOK: &str = "a-secret-of-the-webhook-for-tests";
/// The `keys.master_key` that tests run with.
const MASTER_KEY: &str = "dGVzdGVyYS10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=";
const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";

fn with_application(lines: &str) -> String {
    let text = DEMO.replace("platform = \"WEB\"\n", &format!("platform = \"WEB\"\n{lines}\n"));
    assert_ne!(text, DEMO);
    text
}

fn with_webhook(secret: &str) -> String {
    with_application(&format!("webhook = {{ url = \"https://hook.example/a\", secret = \"{secret}\" }}"))
}

fn of_web(installation: &Installation, column: &str) -> String {
    installation
        .database
        .value(&format!("SELECT COALESCE({column}, 'none') AS value FROM applications WHERE id = '{WEB}'"))
}

fn sealed(installation: &Installation, engine: Engine) -> Vec<u8> {
    let encode = match engine {
        Engine::Sqlite => "hex(webhook_secret)",
        Engine::Postgres => "encode(webhook_secret, 'hex')",
    };
    let digits = of_web(installation, encode);
    let byte = |start: usize| u8::from_str_radix(&digits[start..start + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// What the server would read with its master key.
fn opened(installation: &Installation, engine: Engine) -> String {
    let master_key = MasterKey::from_base64(MASTER_KEY).expect("a master key");
    let environment = installation.database.value("SELECT id AS value FROM environments");
    let plain =
        master_key.open(&sealed(installation, engine), &webhook_secret_aad(&environment, WEB)).expect("to open");
    String::from_utf8(plain).expect("UTF-8")
}

fn assert_shows_no_secret(plan: &str) {
    for secret in [KEY, HOOK] {
        assert!(!plan.contains(secret) && !plan.contains(&Secret::new(secret).hash().to_hex()), "{plan}");
    }
}

both_engines! {
    fn the_key_of_an_application_is_kept_as_a_hash_and_never_shown(engine) {
        let installation = Installation::demo(engine);
        let text = with_application(&format!("key = \"{KEY}\"\nallowed_origins = [\"https://app.example\"]"));
        let plan = installation.apply(&text);
        let expected = "~ application web\n    allowed_origins: [] -> [\"https://app.example\"]\n+ key of application web\n2 changed\n";
        assert_eq!(plan, expected);
        assert_shows_no_secret(&plan);
        assert_eq!(of_web(&installation, "key_hash"), Secret::new(KEY).hash().to_hex());
        assert_eq!(installation.apply(&text), "nothing to change\n");
        let other = Secret::new("another-key-of-the-application-for-tests");
        let changed = with_application(&format!("key_sha256 = \"{}\"", other.hash().to_hex()));
        let plan = installation.apply(&changed);
        assert!(plan.contains("~ key of application web\n") && !plan.contains(&other.hash().to_hex()), "{plan}");
        assert!(installation.apply(DEMO).contains("nothing to change"), "a file without a key leaves it alone");
        assert_eq!(of_web(&installation, "key_hash"), other.hash().to_hex());
    }

    fn the_secret_of_a_webhook_is_sealed_and_only_written_when_it_changes(engine) {
        let installation = Installation::demo(engine);
        let plan = installation.apply(&with_webhook(HOOK));
        let expected = "~ application web\n    webhook.managed_by_file: none -> true\n    webhook.on_failure: none -> \"refuse\"\n    \
            webhook.url: none -> \"https://hook.example/a\"\n+ webhook secret of application web\n2 changed\n";
        assert_eq!(plan, expected);
        assert_shows_no_secret(&plan);
        assert_eq!(opened(&installation, engine), HOOK);
        let first = sealed(&installation, engine);
        assert!(!String::from_utf8_lossy(&first).contains(HOOK));

        assert_eq!(installation.apply(&with_webhook(HOOK)), "nothing to change\n");
        let moved = with_webhook(HOOK).replace("https://hook.example/a", "https://hook.example/b");
        let plan = installation.apply(&moved.replace("url =", "on_failure = \"issue_without_extensions\", url ="));
        assert!(plan.contains("webhook.url: \"https://hook.example/a\" -> \"https://hook.example/b\"\n"), "{plan}");
        assert!(plan.contains("webhook.on_failure: \"refuse\" -> \"issue_without_extensions\"\n"), "{plan}");
        assert!(!plan.contains("secret"), "{plan}");
        assert_eq!(sealed(&installation, engine), first, "the same secret stays sealed as it is");

        let plan = installation.apply(&with_webhook("another-secret-of-the-webhook-for-tests"));
        assert!(plan.contains("~ webhook secret of application web\n"), "{plan}");
        assert_eq!(opened(&installation, engine), "another-secret-of-the-webhook-for-tests");
    }

    fn a_webhook_leaves_with_the_file_unless_a_command_set_it(engine) {
        let installation = Installation::demo(engine);
        installation.apply(&with_webhook(HOOK));
        let plan = installation.apply(DEMO);
        assert!(plan.contains("webhook.url: \"https://hook.example/a\" -> none\n"), "{plan}");
        assert_eq!(of_web(&installation, "webhook"), "none");
        assert_eq!(installation.apply(DEMO), "nothing to change\n");

        installation.apply(&with_webhook(HOOK));
        let by_command = "UPDATE applications SET webhook = REPLACE(webhook, '\"managed_by_file\":true', '\"managed_by_file\":false')";
        installation.database.execute(by_command);
        assert_eq!(installation.apply(DEMO), "nothing to change\n");
        assert!(of_web(&installation, "webhook").contains("hook.example"));
        let plan = installation.apply(&with_webhook(HOOK));
        assert_eq!(plan, "~ application web\n    webhook.managed_by_file: false -> true\n1 changed\n");
        assert_eq!(opened(&installation, engine), HOOK);
    }

    fn a_webhook_secret_is_not_sealed_with_another_master_key_than_the_signing_keys(engine) {
        let mut installation = Installation::demo(engine);
        installation.set("keys.master_key", "YW5vdGhlci1tYXN0ZXIta2V5LW9mLTMyLWJ5dGVzISE=");
        let said = installation.cli(&["apply", installation.file("hook.toml", &with_webhook(HOOK))]).failure(3);
        assert!(said.contains("is keys.master_key the one it was sealed with?"), "{said}");
        assert_eq!(of_web(&installation, "webhook"), "none");
    }

    fn what_the_management_api_made_is_left_alone_until_the_file_names_it(engine) {
        let installation = Installation::demo(engine);
        let lines = "[[application]]\nname = \"shop\"\nplatform = \"WEB\"\n\n\
            [[identity_connection]]\nname = \"theirs\"\nprovider = \"DELEGATED\"\n";
        let with_both = format!("{DEMO}\n{lines}");
        installation.apply(&with_both);
        installation.database.execute("UPDATE applications SET origin = 'command' WHERE name = 'shop'");
        installation.database.execute("UPDATE identity_connections SET origin = 'command' WHERE name = 'theirs'");
        installation.file("demo.toml", DEMO);
        for arguments in [&["apply", "demo.toml"][..], &["apply", "--prune", "demo.toml"]] {
            assert_eq!(installation.cli(arguments).success(), "nothing to change\n");
        }

        let plan = installation.apply(&with_both);
        let taken = "looked after by: command -> file";
        assert_eq!(plan, format!("~ application shop\n    {taken}\n~ identity connection theirs\n    {taken}\n2 changed\n"));
        assert_eq!(installation.apply(&with_both), "nothing to change\n");
        let plan = installation.apply(DEMO);
        for what in ["application shop", "identity connection theirs"] {
            assert!(plan.contains(&format!("~ {what}\n    enabled: true -> false (no longer in the file)\n")), "{plan}");
        }
        let plan = installation.cli(&["apply", "--prune", "demo.toml"]).success();
        assert_eq!(plan, "- application shop\n- identity connection theirs\n2 changed\n");
    }

    fn a_foreign_issuer_is_kept_with_all_that_the_file_says(engine) {
        let installation = Installation::demo(engine);
        let provider = "SELECT provider AS value FROM identity_connections WHERE name = 'partner'";
        let kept: serde_json::Value = serde_json::from_str(&installation.database.value(provider)).expect("JSON");
        assert_eq!(kept["provider"], "OIDC");
        assert_eq!(kept["issuer"], "https://login.partner.example");
        assert_eq!(kept["audiences"], serde_json::json!(["demo-web"]));
        assert_eq!(kept["claims"], serde_json::json!({ "email_verified": true }));
        assert_eq!(kept["map"], serde_json::json!({ "subject": "sub", "email": "email", "name": "name" }));
        let jwt = DEMO.replacen("provider = \"OIDC\" ", "provider = \"JWT\" ", 1);
        let plan = installation.apply(&jwt);
        assert!(plan.contains("~ identity connection partner\n    provider: {"), "{plan}");
        assert_eq!(installation.apply(&jwt), "nothing to change\n");
    }
}

// Tokens name clients and applications in the same place (TE-078).
#[test]
fn an_application_and_a_client_never_share_an_id_whoever_made_them() {
    const ID: &str = "3d9f0b5c-6e4f-4d8a-9b0c-1d2e3f4a5b6c";
    let installation = Installation::new(Engine::Sqlite);
    installation.apply("[environment]\nname = \"one\"\n");
    installation.cli(&["service-account", "create", ID]).success();
    let application =
        format!("[environment]\nname = \"one\"\n[[application]]\nid = \"{ID}\"\nname = \"web\"\nplatform = \"WEB\"\n");
    let said = installation.cli(&["apply", installation.file("application.toml", &application)]).failure(5);
    assert!(said.contains("application \"web\" and a client have the same id"), "{said}");
    assert_eq!(installation.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM applications"), "0");
}
