//! `[[application]]`, its key and its webhook.

use super::*;

/// The block on lines 3 to 5; `lines` begin on line 6.
fn application(lines: &str) -> String {
    format!("{HEAD}[[application]]\nname = \"a\"\nplatform = \"WEB\"\n{lines}\n")
}

fn webhook(members: &str) -> String {
    application(&format!("webhook = {{ url = \"https://hook.example/a\", {members} }}"))
}

#[test]
fn origins_are_origins_and_proxies_are_urls() {
    let lines = "allowed_origins = [\"https://app.example\", \"http://localhost:3000\"]\nallowed_proxy_urls = [\"https://p/x\"]";
    let file = parse(&application(lines));
    assert_eq!(file.applications[0].allowed_origins, ["https://app.example", "http://localhost:3000"]);
    assert_eq!(file.applications[0].allowed_proxy_urls, ["https://p/x"]);
    for bad in ["https://app.example/", "null", "*", "https://app.example:443", "https://u@app.example", "ftp://a"] {
        refused(&application(&format!("allowed_origins = [\"{bad}\"]")), "6:20", "must be an origin");
    }
    for bad in ["javascript:alert(1)", "/proxy", "https://u:p@p.example/"] {
        refused(&application(&format!("allowed_proxy_urls = [\"{bad}\"]")), "6:23", "absolute http or https URL");
    }
    let many: Vec<String> = (0..101).map(|number| format!("\"https://a{number}\"")).collect();
    refused(&application(&format!("allowed_origins = [{}]", many.join(","))), "6:19", "100 items at most");
}

#[test]
fn the_key_of_an_application_is_given_like_the_secret_of_a_client() {
    assert!(parse(&application("")).applications[0].key.is_none());
    let hash = Secret::new(SECRET).hash();
    let key_of = |text: &str| {
        let file = parse_with(text, &|name| (name == "A_KEY").then(|| SECRET.to_owned())).expect("right");
        file.applications[0].key.expect("a key")
    };
    assert!(key_of(&application(&format!("key = \"{SECRET}\""))).equals(&hash));
    assert!(key_of(&application(&format!("key_sha256 = \"{}\"", hash.to_hex()))).equals(&hash));
    assert!(key_of(&application("key_env = \"A_KEY\"")).equals(&hash));
    refused(&application("key = \"short-key\""), "6:7", "the key has 9 characters; use 32 or more");
    refused(&application("key_env = \"A_KEY\""), "6:11", "variable A_KEY is not set");
    refused(&application("key_file = \"does-not-exist\""), "6:12", "cannot be read");
    refused(&application("key_sha256 = \"abc\""), "6:14", "64 hexadecimal digits");
    refused(&application(&format!("key = \"{SECRET}\"\nkey_env = \"A_KEY\"")), "7:11", "together with key;");
}

#[test]
fn a_webhook_has_a_safe_url_and_a_secret() {
    let webhook_of = |text: &str| {
        let file = parse_with(text, &|name| (name == "HOOK").then(|| SECRET.to_owned())).expect("right");
        file.applications[0].webhook.clone().expect("a webhook")
    };
    let plain = webhook_of(&webhook(&format!("secret = \"{SECRET}\"")));
    assert_eq!((plain.url.as_str(), plain.on_failure), ("https://hook.example/a", OnFailure::Refuse));
    assert_eq!(plain.secret, Secret::new(SECRET));
    let other = webhook_of(&webhook("secret_env = \"HOOK\", on_failure = \"issue_without_extensions\""));
    assert_eq!((other.on_failure, other.secret), (OnFailure::IssueWithoutExtensions, Secret::new(SECRET)));
    assert!(!format!("{plain:?}").contains(SECRET));

    let secret = format!("secret = \"{SECRET}\"");
    for bad in ["http://hook.example", "https://u:p@hook.example", "hook.example"] {
        let text = webhook(&secret).replace("https://hook.example/a", bad);
        refused(&text, "6:19", "what it answers ends up in tokens");
    }
    webhook_of(&webhook(&secret).replace("https://hook.example/a", "http://127.0.0.1:9000/hook"));
    refused(&webhook(&secret).replace("url = \"https://hook.example/a\", ", ""), "6:11", "url: is missing");
    refused(&webhook("on_failure = \"refuse\""), "6:11", "needs secret, secret_env or secret_file");
    refused(&webhook("secret = \"short\""), "6:54", "the secret has 5 characters");
    refused(&webhook(&format!("{secret}, on_failure = \"ignore\"")), "6:103", "issue_without_extensions");
    refused(&webhook(&format!("{secret}, secret_env = \"HOOK\"")), "6:103", "together with secret;");
}

#[test]
fn requests_cannot_be_signed_with_a_hash() {
    let hash = Secret::new(SECRET).hash().to_hex();
    let found = mistakes(&webhook(&format!("secret_sha256 = \"{hash}\"")));
    assert!(found.iter().any(|mistake| mistake.contains("secret_sha256: there is no such key")), "{found:#?}");
}

#[test]
fn login_preferences_are_read_as_the_api_reads_them() {
    let login_of = |lines: &str| parse(&application(lines)).applications.remove(0).login;
    assert_eq!(login_of(""), None, "those that there are stay");
    assert_eq!(login_of("login = {}"), Some(LoginPreferences::default()), "no method is allowed");
    let totp = login_of("[application.login.totp]\ndigits = 8\n").and_then(|login| login.totp).expect("apps");
    assert_eq!((totp.digits, totp.period), (8, 30));

    let found = mistakes(&application(
        "[application.login.sms]\nexpiresIn = 0\nmaxFailure = 3\n[application.login.totp]\n\
         lockoutTiers = [{ attempts = 3, duration = 1 }, { attempts = 2, duration = 5 }]\n[application.login.google]",
    ));
    let expected = [
        "env.toml:6:1: application.login.sms.maxFailures: is missing",
        "env.toml:7:13: application.login.sms.expiresIn: must be a whole number from 1 to 1440",
        "env.toml:8:14: application.login.sms.maxFailure: is not known (the nearest one is \"maxFailures\")",
        "env.toml:10:62: application.login.totp.lockoutTiers.attempts: must be more than the 3 of the tier before",
        "env.toml:11:1: application.login.google: is not a method of this server",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}
