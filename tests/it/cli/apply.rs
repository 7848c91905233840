//! `tessera apply`: the database follows the file.

use crate::{
    both_engines,
    support::{BFF, CLIENT_CREDENTIALS, DEMO, Installation, TestServer, cli::Ended, tokens::peek},
};

const SECOND: &str = "[environment]\nname = \"second\"\n\n[[resource_server]]\naudience = \"other-api\"\nscopes = [\"read\"]\n\n\
    [[client]]\nid = \"bff\"\ngrants = [\"client_credentials\"]\naccess = [{ audience = \"other-api\", scopes = [\"read\"] }]\n\
    secret = \"a-secret-of-the-second-environment\"\n";

fn without_calendar_service() -> String {
    let start = DEMO.find("[[client]]\nid = \"calendar-service\"").expect("the client");
    let end = DEMO.find("# --- Applications").expect("what follows");
    let rule = DEMO.find("[[exchange_rule]]\nname = \"calendar service").expect("its rule");
    let text = format!("{}{}", &DEMO[..start], &DEMO[end..rule]);
    text.replace("clients = [\"calendar-service\"]", "clients = []")
}

fn version(installation: &Installation) -> String {
    installation.database.value("SELECT CAST(SUM(version) AS TEXT) AS value FROM environments")
}

both_engines! {
    fn a_file_that_was_applied_has_nothing_to_change(engine) {
        let installation = Installation::new(engine);
        let first = installation.apply(DEMO);
        for line in ["+ tenant demo", "+ environment demo", "+ resource server bff-api", "+ client bff",
            "+ secret of client bff", "+ application web", "+ identity connection our own sign-in",
            "+ exchange rule bff edits calendars for its users"] {
            assert!(first.lines().any(|found| found == line), "{line} is not in\n{first}");
        }
        let keys: Vec<&str> = first.lines().filter(|line| line.starts_with("+ signing key ")).collect();
        for alg in ["(ES256)", "(RS256)"] {
            assert!(keys.iter().any(|key| key.ends_with(alg)), "the default, and that of Mosaic tokens: {keys:?}");
        }
        let plan = first.lines().filter(|line| line.starts_with('+')).count();
        assert_eq!(first.lines().last(), Some(format!("{plan} changed").as_str()));
        let before = version(&installation);

        assert_eq!(installation.apply(DEMO), "nothing to change\n");

        assert_eq!(version(&installation), before, "no node has to look");
        assert!(!first.contains(BFF.1), "a plan shows no secret");
    }

    fn a_dry_run_says_what_would_change_and_changes_nothing(engine) {
        let installation = Installation::new(engine);
        let file = installation.file("demo.toml", DEMO);
        let plan = installation.cli(&["apply", "--dry-run", file]).success();
        assert!(plan.contains("+ client bff\n"), "{plan}");
        assert!(plan.ends_with("to change; nothing was changed (dry run)\n"), "{plan}");
        assert!(installation.cli(&["keys", "list"]).failure(5).contains("there is no environment yet"));

        installation.apply(DEMO);
        let before = version(&installation);
        let changed = DEMO.replace("max_lifetime = 600", "max_lifetime = 900").replace("\"profile\"", "\"phone\"");
        let file = installation.file("changed.toml", &changed);
        let plan = installation.cli(&["apply", "--dry-run", file]).success();
        assert!(plan.contains("~ resource server resource-api\n    max_lifetime: 600 -> 900\n"), "{plan}");
        assert!(plan.contains("~ resource server bff-api\n    scopes: "), "{plan}");
        assert_eq!(version(&installation), before);
        assert_eq!(installation.apply(DEMO), "nothing to change\n");
    }

    fn what_leaves_the_file_is_disabled_and_with_prune_deleted(engine) {
        let installation = Installation::demo(engine);
        let plan = installation.apply(&without_calendar_service());
        assert!(plan.contains("~ client calendar-service\n    enabled: true -> false (no longer in the file)\n"), "{plan}");
        assert!(plan.contains("~ exchange rule calendar service reads reports for users\n"), "{plan}");
        let list = installation.cli(&["service-account", "list"]).success();
        assert!(list.contains("calendar-service  disabled"), "{list}");
        assert_eq!(installation.apply(&without_calendar_service()), "nothing to change\n");

        let plan = installation.cli(&["apply", "--prune", "environment.toml"]).success();
        assert!(plan.contains("- client calendar-service\n"), "{plan}");
        let list = installation.cli(&["service-account", "list"]).success();
        assert!(!list.contains("calendar-service"), "{list}");
        assert_eq!(installation.cli(&["apply", "--prune", "environment.toml"]).success(), "nothing to change\n");
    }

    fn what_comes_back_to_the_file_is_enabled_again(engine) {
        let installation = Installation::demo(engine);
        installation.apply(&without_calendar_service());
        let plan = installation.apply(DEMO);
        assert!(plan.contains("~ client calendar-service\n    enabled: false -> true\n"), "{plan}");
        assert!(!plan.contains("secret"), "it has the one of the file still\n{plan}");
    }

    fn service_accounts_made_by_command_are_none_of_the_files_business(engine) {
        let server = TestServer::start(engine);
        let made = server.cli(&["service-account", "create", "nightly", "--access", "reports-api=reports.read"]).success();
        let secret = made.lines().find_map(|line| line.strip_prefix("client_secret=")).expect("a secret");
        std::fs::write(server.database.folder().join("demo.toml"), DEMO).expect("a file");
        for arguments in [&["apply", "demo.toml"][..], &["apply", "--prune", "demo.toml"]] {
            assert_eq!(server.cli(arguments).success(), "nothing to change\n");
        }
        server.eventually("the new account to work", || {
            server.token(("nightly", secret), &CLIENT_CREDENTIALS).status == 200
        });
    }

    fn a_changed_secret_replaces_the_old_one_at_once(engine) {
        let server = TestServer::start(engine);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        let new = "another-secret-of-the-bff-from-the-file";
        let changes = server.apply(&DEMO.replace(BFF.1, new));
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["~ secret of client bff"]);
        server.eventually("the new secret to work", || server.token((BFF.0, new), &CLIENT_CREDENTIALS).status == 200);
        server.token(BFF, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
    }

    fn a_secret_that_was_replaced_by_command_does_not_come_back_with_the_file(engine) {
        for keep_old in ["0", "3600"] {
            let installation = Installation::demo(engine);
            let reset = ["service-account", "reset-secret", "bff", "--keep-old", keep_old];
            installation.cli(&reset).success();
            let secrets = || installation.database.value(
                "SELECT CAST(COUNT(*) AS TEXT) AS value FROM client_secrets WHERE client_id = 'bff' AND expires_at IS NULL",
            );
            assert_eq!(secrets(), "1");
            assert_eq!(installation.apply(DEMO), "nothing to change\n");
            assert_eq!(secrets(), "1");
            let list = installation.cli(&["service-account", "list"]).success();
            let active = if keep_old == "0" { "1 active secret " } else { "2 active secrets " };
            assert!(list.contains(&format!("bff  enabled  {active}")), "{list}");
        }
    }

    fn a_second_environment_has_its_own_issuer_keys_and_clients(engine) {
        let server = TestServer::start(engine);
        server.apply(SECOND);
        let listed = server.cli(&["keys", "list", "--environment", "second"]).success();
        let id = listed.split(['(', ')']).nth(1).expect("an id").to_owned();
        let tenant = server.database.value(&format!("SELECT tenant_id AS value FROM environments WHERE id = '{id}'"));
        let below = format!("/{tenant}/{id}");
        server.eventually("the second environment to be served", || {
            server.get(&format!("{below}/.well-known/jwks.json")).status == 200
        });
        let keys = server.get(&format!("{below}/.well-known/jwks.json")).json();
        assert_ne!(keys, server.get("/.well-known/jwks.json").json());

        let secret = "a-secret-of-the-second-environment";
        let request = server.request(reqwest::Method::POST, &format!("{below}/token"));
        let answer = crate::support::Answer::to(request.basic_auth("bff", Some(secret)).form(&CLIENT_CREDENTIALS));
        let claims = peek(&answer.access_token());
        assert_eq!(claims["iss"], format!("{}{below}", server.url));
        assert_eq!(claims["environmentId"], id);
        server.token(("bff", secret), &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
    }

    fn a_resource_server_with_its_own_algorithm_gets_a_key_for_it(engine) {
        let server = TestServer::start(engine);
        let changed = DEMO.replace("max_lifetime = 600 ", "signing_alg = \"EdDSA\"\nmax_lifetime = 600 ");
        let plan = server.apply(&changed);
        assert!(plan.iter().any(|change| change.kind == "signing key" && change.name.ends_with("(EdDSA)")));
        server.eventually("the node to sign with it", || {
            let answer = server.token(BFF, &CLIENT_CREDENTIALS);
            let header = jsonwebtoken::decode_header(&answer.access_token()).expect("a header");
            header.alg == jsonwebtoken::Algorithm::EdDSA
        });
        assert!(server.cli(&["keys", "list"]).success().contains("EdDSA  active"));
        assert!(server.apply(&changed).is_empty());
    }

    fn longer_lived_tokens_keep_a_retiring_key_longer(engine) {
        let installation = Installation::demo(engine);
        installation.cli(&["keys", "rotate"]).success();
        let kept = || -> i64 {
            let query = "SELECT CAST(removes_at - retires_at AS TEXT) AS value FROM signing_keys WHERE retires_at IS NOT NULL";
            installation.database.value(query).parse().expect("a number")
        };
        let before = kept();
        assert!(before >= 3600, "the last token under it must have expired");
        installation.apply(&DEMO.replace("access_token_lifetime = 3600", "access_token_lifetime = 7200"));
        assert_eq!(kept() - before, 3600);
    }
}

#[test]
fn the_first_command_in_an_empty_folder_may_be_apply() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("demo.toml"), DEMO).expect("a file");
    let apply = || {
        let mut command = crate::support::cli::tessera();
        Ended(command.args(["apply", "demo.toml"]).current_dir(folder.path()).output().expect("to run tessera"))
            .success()
    };
    assert!(apply().contains("+ client bff"));
    assert_eq!(apply(), "nothing to change\n");
}
