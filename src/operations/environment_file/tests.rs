mod applications;
mod cases;
mod connections;
mod permissions;
mod refresh;
mod sign_in;
mod tenants;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    connection::IdentityProvider, environment::ScopeClaim, login::preferences::LoginPreferences, random::SystemRandom,
    secret::Secret,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn parse_with(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<EnvironmentFile, EnvironmentFileErrors> {
    EnvironmentFile::parse(text, Path::new("env.toml"), variable)
}

fn parse(text: &str) -> EnvironmentFile {
    parse_with(text, &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
}

fn mistakes(text: &str) -> Vec<String> {
    let errors = parse_with(text, &|_| None).expect_err("a mistake");
    errors.0.iter().map(ToString::to_string).collect()
}

/// Line 1 and 2, so that what follows begins on line 3.
const HEAD: &str = "[environment]\nname = \"e\"\n";

/// Resource server on lines 3 to 6, client on lines 7 to 11; what follows begins on line 12.
fn with_api_and_client(rest: &str) -> String {
    format!(
        "{HEAD}[[resource_server]]\naudience = \"api\"\nscopes = [\"read\", \"write\"]\nclients = [\"svc\"]\n[[client]]\n\
         id = \"svc\"\ngrants = [\"token_exchange\"]\naccess = [{{ audience = \"api\", scopes = [\"read\"] }}]\n\n{rest}"
    )
}

/// One mistake, in this place and with this text in it.
#[track_caller]
fn refused(text: &str, place: &str, message: &str) {
    let found = mistakes(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(&format!("env.toml:{place}: ")), "{}", found[0]);
    assert!(found[0].contains(message), "{}", found[0]);
}

#[test]
fn the_demo_file_is_right_and_says_what_the_story_needs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let file = EnvironmentFile::load(&path, &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(file.warnings, []);
    assert_eq!((file.environment.name.as_str(), file.environment.access_token_lifetime), ("demo", 3600));
    assert_eq!(file.resource_servers.len(), 3);
    assert_eq!(file.resource_servers[1].scope_claim, ScopeClaim::Array);
    let bff = &file.clients[0];
    assert_eq!(bff.client.permissions["ax-user-service"], ["GENERATE_DELEGATED_ACCESS_TOKEN"]);
    assert_eq!(bff.client.access[0].default_scope().to_string(), "calendar.read");
    let secret = Secret::new("demo-secret-of-the-bff-do-not-use-elsewhere");
    assert!(bff.secret.expect("a secret").matches(&secret) && bff.client.secrets.is_empty());
    assert_eq!(file.applications[0].id.as_deref(), Some("6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b"));
    let login = file.applications[0].login.as_ref().expect("login preferences");
    let mails = login.email.is_some() && login.email_otp.is_some() && login.sms.is_some();
    assert!(mails && login.password.is_some() && login.totp.is_some() && login.webauthn_api.is_some(), "{login:?}");
    assert_eq!(file.identity_connections[0].connection.provider, IdentityProvider::Delegated);
    let rule = &file.exchange_rules[0].rule;
    assert_eq!(rule.grant_scopes.to_string(), "calendar.edit");
    assert_eq!(rule.claims.pass, ["user-fullname", "user-id"]);
    assert_eq!(rule.claims.set["user-access"], "resource-api");
    assert_eq!(file.exchange_rules[1].rule.subject.audience.as_deref(), Some("resource-api"));
}

#[test]
fn everything_is_enabled_unless_it_says_otherwise() {
    let rule = "[[exchange_rule]]\nname = \"r\"\nclient = \"svc\"\naudience = [\"api\"]\n";
    let file = parse(&with_api_and_client(rule));
    assert!(file.environment.enabled && file.resource_servers[0].enabled && file.clients[0].client.enabled);
    assert!(file.exchange_rules[0].enabled);
    assert_eq!((file.clients[0].line, file.clients[0].client.name.as_str()), (7, "svc"));
    assert!(!parse(&with_api_and_client(&format!("{rule}enabled = false\n"))).exchange_rules[0].enabled);
    refused(&with_api_and_client(&format!("{rule}enabled = \"no\"\n")), "16:11", "must be true or false");
}

#[test]
fn unknown_keys_are_refused_wherever_they_stand() {
    refused(&format!("{HEAD}colour = 1\n"), "3:1", "environment.colour: there is no such key");
    refused(&format!("{HEAD}[[clients]]\nid = \"a\"\n"), "3:3", "nearest one is \"client\"");
    refused(
        &with_api_and_client("[[client]]\nid = \"b\"\nsecret_evn = \"X\"\n"),
        "14:1",
        "nearest one is \"secret_env\"",
    );
    refused(
        &with_api_and_client("[[client]]\nid = \"b\"\naccess = [{ audience = \"api\", scope = [] }]\n"),
        "14:31",
        "\"scopes\"",
    );
}

#[test]
fn mistakes_in_the_syntax_are_located_and_never_quote_the_line() {
    let found = mistakes(&format!("{HEAD}[[client]]\nid = \"a\"\nsecret = \"{SECRET}\n"));
    assert!(found[0].starts_with("env.toml:5:") && !found[0].contains(SECRET), "{found:?}");
    refused("", "1:1", "[environment]");
    refused("[environment]\n", "1:1", "environment.name: is missing");
}

#[test]
fn many_mistakes_come_back_together_in_the_order_of_the_file() {
    let found = mistakes(
        "[environment]\nname = 3\nid = \"x\"\naccess_token_lifetime = 29\n[[client]]\ngrants = [\"password\"]\n\
         [[application]]\nname = \"a\"\n",
    );
    let lines: Vec<&str> = found.iter().map(|mistake| mistake.split(':').nth(1).expect("a line")).collect();
    assert_eq!(lines, ["2", "3", "4", "5", "6", "7"], "{found:#?}");
}

#[test]
fn names_are_unique_within_their_kind() {
    let application = "[[application]]\nname = \"a\"\nplatform = \"WEB\"\n";
    refused(&format!("{HEAD}{application}{application}"), "7:8", "application.name: \"a\" is taken on line 4");
    let server = |audience: &str| format!("[[resource_server]]\naudience = \"{audience}\"\n");
    refused(
        &format!("{HEAD}{}{}", server("https://a.example"), server("https://A.example:443/")),
        "6:12",
        "\"https://A.example:443/\" is taken on line 4, spelled \"https://a.example\"",
    );
    parse(&format!("{HEAD}{}{}", server("https://a.example/b"), server("https://a.example/b/")));
    let connection = "[[identity_connection]]\nname = \"c\"\nprovider = \"DELEGATED\"\n";
    refused(&format!("{HEAD}{connection}{connection}"), "7:8", "taken on line 4");
    refused(&with_api_and_client("[[client]]\nid = \"svc\"\n"), "13:6", "taken on line 8");
    refused(&with_api_and_client("[[resource_server]]\naudience = \"api\"\n"), "13:12", "taken on line 4");
    let rule = "[[exchange_rule]]\nname = \"r\"\nclient = \"svc\"\naudience = [\"api\"]\n";
    refused(&with_api_and_client(&format!("{rule}{rule}")), "17:8", "taken on line 13");
    let id = "id = \"6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b\"\n";
    let second = "[[application]]\nname = \"b\"\nplatform = \"WEB\"\n";
    refused(&format!("{HEAD}{application}{id}{second}{id}"), "10:6", "application.id");
}

#[test]
fn an_audience_and_a_client_id_may_only_be_the_same_for_the_same_service_te_047() {
    let server = "[[resource_server]]\naudience = \"b\"\n";
    let client = "[[client]]\nid = \"b\"\n";
    refused(&format!("{HEAD}{server}{client}"), "6:6", "also the audience");
    parse(&format!("{HEAD}{server}clients = [\"b\"]\n{client}"));
}

#[test]
fn ids_are_well_formed() {
    refused(&format!("{HEAD}[[client]]\nid = \"a b\"\n"), "4:6", "visible ASCII");
    refused(&format!("{HEAD}[[client]]\nid = \"{}\"\n", "a".repeat(256)), "4:6", "visible ASCII");
    parse(&format!("{HEAD}[[client]]\nid = \"a:b%+&\"\n"));
    refused(&format!("{HEAD}tenant_id = \"1\"\n"), "3:13", "must be a UUID");
    let upper = "6F4B1A5E-0D3C-4B7E-9A21-5C8D7E6F4A3B";
    refused(&format!("{HEAD}id = \"{upper}\"\n"), "3:6", "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b");
    refused(&format!("{HEAD}[[resource_server]]\naudience = \"\"\n"), "4:12", "visible ASCII");
}

#[test]
fn references_lead_somewhere() {
    let server = "[[resource_server]]\naudience = \"b\"\nclients = [\"svc\",\n \"svx\"]\n";
    refused(&with_api_and_client(server), "15:2", "no client \"svx\" (the nearest one is \"svc\")");
    let client = "[[client]]\nid = \"b\"\naccess = [{ audience = \"apo\" }]\n";
    refused(&with_api_and_client(client), "14:24", "no resource server \"apo\" (the nearest one is \"api\")");
    let client = "[[client]]\nid = \"b\"\naccess = [{ audience = \"api\", scopes = [\"read\", \"reed\"] }]\n";
    refused(&with_api_and_client(client), "14:49", "\"reed\" is not a scope of \"api\"");
    let client = "[[client]]\nid = \"b\"\naccess = [{ audience = \"api\", scopes = [\"read\"], default_scopes = [\"write\"] }]\n";
    refused(&with_api_and_client(client), "14:68", "not one of this entry's scopes");
    let client = "[[client]]\nid = \"b\"\naccess = [{ audience = \"api\" }, { audience = \"api\" }]\n";
    refused(&with_api_and_client(client), "14:46", "listed twice");
}

fn rule(lines: &str) -> String {
    with_api_and_client(&format!("[[exchange_rule]]\nname = \"r\"\n{lines}"))
}

#[test]
fn a_rule_names_a_client_that_can_use_it() {
    refused(
        &rule("client = \"svv\"\naudience = [\"api\"]\n"),
        "14:10",
        "no client \"svv\" (the nearest one is \"svc\")",
    );
    refused(&rule("audience = [\"api\"]\n"), "12:1", "exchange_rule.client: is missing");
    let other = "[[client]]\nid = \"other\"\ngrants = [\"client_credentials\"]\n";
    refused(&rule(&format!("client = \"other\"\naudience = [\"api\"]\n{other}")), "14:10", "no grant that uses rules");
    parse(&rule(&format!(
        "client = \"other\"\naudience = [\"api\"]\n{}",
        other.replace("client_credentials", "delegation")
    )));
}

#[test]
fn a_rule_has_targets_and_subjects_that_exist() {
    refused(&rule("client = \"svc\"\n"), "12:1", "names no target");
    refused(&rule("client = \"svc\"\naudience = [\"api\", \"apx\"]\n"), "15:20", "no resource server \"apx\"");
    let subject = |subject: &str| rule(&format!("client = \"svc\"\naudience = [\"api\"]\nsubject = {subject}\n"));
    refused(&subject("{ audience = \"apx\" }"), "16:24", "no resource server \"apx\"");
    refused(&subject("{ issuer = \"partner\" }"), "16:22", "there is no \"partner\"");
    let connection = "[[identity_connection]]\nname = \"partner\"\nprovider = \"OIDC\"\nissuer = \"https://p.example\"\njwks_uri = \"https://p.example/jwks\"\naudiences = [\"us\"]\n";
    let file = parse(&format!("{}{connection}", subject("{ issuer = \"partner\", audience = \"their-api\" }")));
    assert_eq!(file.exchange_rules[0].rule.subject.issuer, "partner");
}

#[test]
fn a_rule_only_names_scopes_of_its_targets() {
    let head = "client = \"svc\"\naudience = [\"api\"]\n";
    refused(
        &rule(&format!("{head}pass_scopes = [\"read\"]\ngrant_scopes = [\"reed\"]\n")),
        "17:17",
        "not a scope of \"api\"",
    );
    refused(&rule(&format!("{head}grant_scopes = [\"re ad\"]\n")), "16:17", "one scope per item");
    refused(&rule(&format!("{head}grant_scopes = \"read\"\n")), "16:16", "must be a list of texts");
    let both = "client = \"svc\"\naudience = [\"api\", \"two\"]\ngrant_scopes = [\"read\", \"x\"]\n[[resource_server]]\naudience = \"two\"\nscopes = [\"x\"]\n";
    parse(&rule(both));
}

#[test]
fn a_scope_that_can_never_be_passed_is_a_warning() {
    let file = parse(&rule("client = \"svc\"\naudience = [\"api\"]\npass_scopes = [\"read\", \"write\"]\n"));
    let warnings: Vec<String> = file.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("env.toml:16:24: exchange_rule.pass_scopes: \"write\" can never be passed"),
        "{warnings:?}"
    );
}

#[test]
fn a_rule_cannot_touch_reserved_claims_and_its_claims_are_bounded() {
    let claims = |claims: &str| rule(&format!("client = \"svc\"\naudience = [\"api\"]\nclaims = {claims}\n"));
    refused(&claims("{ pass = [\"email\", \"sub\"] }"), "16:29", "\"sub\" is written by the server only");
    refused(&claims("{ set = { act = \"x\" } }"), "16:20", "\"act\" is written by the server only");
    refused(&claims(&format!("{{ set = {{ a = \"{}\" }} }}", "x".repeat(4096))), "16:18", "4096 bytes");
    refused(&claims("{ set = { a = 2026-01-01 } }"), "16:20", "JSON cannot hold");
    refused(&claims("{ set = { a = [nan] } }"), "16:20", "JSON cannot hold");
    refused(&claims("{ pass = [\"\"] }"), "16:20", "name of a claim");
    let many: Vec<String> = (0..33).map(|number| format!("\"c{number}\"")).collect();
    refused(&claims(&format!("{{ pass = [{}] }}", many.join(","))), "16:19", "32 claims at most");
    let file = parse(&claims("{ set = { a = { b = [1, 2.5, true, \"x\"] } } }"));
    assert_eq!(file.exchange_rules[0].rule.claims.set["a"], serde_json::json!({"b": [1, 2.5, true, "x"]}));
}

#[test]
fn lifetimes_have_bounds() {
    for lifetime in ["29", "86401", "\"60\"", "9999999999999999999999", "1.5"] {
        refused(&format!("{HEAD}access_token_lifetime = {lifetime}\n"), "3:25", "from 30 to 86400");
    }
    refused(&rule("client = \"svc\"\naudience = [\"api\"]\nmax_lifetime = 0\n"), "16:16", "from 1 to 86400");
    refused(&format!("{HEAD}[[resource_server]]\naudience = \"a\"\nmax_lifetime = 86401\n"), "5:16", "from 1 to 86400");
    assert_eq!(parse(&format!("{HEAD}access_token_lifetime = 0x1E\n")).environment.access_token_lifetime, 30);
}

fn client(lines: &str) -> String {
    format!("{HEAD}[[client]]\nid = \"a\"\n{lines}\n")
}

#[test]
fn a_secret_is_long_enough_and_given_once() {
    assert!(parse(&client("")).clients[0].secret.is_none());
    let given = parse(&client(&format!("secret = \"{SECRET}\""))).clients[0].secret.expect("a secret");
    assert!(given.matches(&Secret::new(SECRET)));
    let hash = Secret::new(SECRET).hash().to_hex();
    assert!(parse(&client(&format!("secret_sha256 = \"{hash}\""))).clients[0].secret.expect("a secret").equals(&given));
    refused(&client("secret = \"short-secret\""), "5:10", "has 12 characters; use 32 or more");
    refused(&client("secret_sha256 = \"abc\""), "5:17", "64 hexadecimal digits");
    refused(&client(&format!("secret = \"{SECRET}\"\nsecret_sha256 = \"{hash}\"")), "6:17", "together with secret;");
    let quoted = mistakes(&client("secret = \"short-secret\"\nsecret_env = \"X\"")).join("\n");
    assert!(!quoted.contains("short-secret"), "{quoted}");
}

#[test]
fn a_generated_secret_must_have_the_right_checksum() {
    let secret = Secret::generate(&SystemRandom).expect("random source");
    parse(&client(&format!("secret = \"{}\"", secret.reveal())));
    let cut = &secret.reveal()[..40];
    refused(&client(&format!("secret = \"{cut}\"")), "5:10", "mistyped or cut off");
}

#[test]
fn a_secret_may_come_from_a_variable_or_a_file_beside_the_environment_file() {
    let text = client("secret_env = \"A_SECRET\"");
    let variable = |name: &str| (name == "A_SECRET").then(|| format!(" {SECRET}\n"));
    let file = parse_with(&text, &variable).expect("right");
    assert!(file.clients[0].secret.expect("a secret").matches(&Secret::new(SECRET)));
    refused(&text, "5:14", "variable A_SECRET is not set");
    assert!(parse_with(&text, &|_| Some(" \n".to_owned())).is_err(), "nothing but white space is no secret");

    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("a.secret"), format!("\u{feff}{SECRET} \r\n")).expect("a file");
    let path = directory.path().join("env.toml");
    std::fs::write(&path, client("secret_file = \"a.secret\"")).expect("a file");
    let file = EnvironmentFile::load(&path, &|_| None).expect("right");
    assert!(file.clients[0].secret.expect("a secret").matches(&Secret::new(SECRET)));
    refused(&client("secret_file = \"does-not-exist\""), "5:15", "cannot be read");
    let missing = EnvironmentFile::load(Path::new("/does/not/exist.toml"), &|_| None).expect_err("no file");
    assert!(missing.to_string().starts_with("/does/not/exist.toml:1:1: the file cannot be read"), "{missing}");
}

#[test]
fn values_of_the_wrong_type_are_named_with_what_they_should_be() {
    refused("environment = { name = \"e\" }\nclient = 3\n", "2:10", "a list of tables");
    refused(&format!("{HEAD}[client]\nid = \"a\"\n"), "3:1", "a block begins with [[client]]");
    refused(&client("grants = [\"client_credentials\", 3]"), "5:33", "must be a text");
    refused(&client("grants = [\"delegation\", \"delegation\"]"), "5:25", "listed twice");
    refused(&client("name = \"a\\nb\""), "5:8", "control characters");
    refused(&client("permissions = { s = \"KEY\" }"), "5:17", "a list of texts");
    refused("environment = 3\n", "1:15", "must be a table");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = parse_with(&text, &|_| None);
    }

    #[test]
    fn no_value_in_any_place_makes_the_parser_panic(
        key in "id|name|audience|scopes|clients|access|grants|permissions|secret|secret_file|subject|claims|provider|jwks|enabled\
            |service_id|key|key_env|title|gql_operations|client|environment|allowed_origins|webhook|audiences|map|sort_order",
        block in "environment|tenant|permission|resource_server|client|managed_service|application|identity_connection\
            |exchange_rule",
        value in r#"-?[0-9]{1,30}|"\PC{0,8}"|\[\]|\[\[\]\]|\{\}|\[\{\}\]|\[\{ audience = 1 \}\]|\{ a = \[1\] \}|nan|1979-05-27|true|'\PC*'|\["\PC?","é"\]"#,
    ) {
        for header in [format!("[{block}]"), format!("[[{block}]]")] {
            let _ = parse_with(&format!("{header}\n{key} = {value}\n"), &|_| None);
        }
    }
}
