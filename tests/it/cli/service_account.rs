//! `tessera service-account`.

use crate::{
    both_engines,
    support::{BFF, CLIENT_CREDENTIALS, DEMO, Installation, TestServer},
};

/// What `create` and `reset-secret` print.
fn secret_in(printed: &str, id: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert_eq!(lines[0], format!("client_id={id}"));
    let secret = lines[1].strip_prefix("client_secret=").expect("a secret");
    assert!(secret.starts_with("tsk_") && secret.len() > 44, "256 random bits and a checksum: {}", secret.len());
    secret.to_owned()
}

both_engines! {
    fn a_new_account_works_on_a_running_server(engine) {
        let server = TestServer::start(engine);
        let refused = server.token(("nightly", "not-yet-a-secret"), &CLIENT_CREDENTIALS);
        refused.assert_refused(401, "invalid_client", "client_authentication_failed");
        let printed = server.cli(&["service-account", "create", "nightly", "--name", "Nightly report",
            "--access", "reports-api=reports.read", "--permission", "mailer:SEND"]).success();
        let secret = secret_in(&printed, "nightly");
        server.eventually("the account to work", || server.token(("nightly", &secret), &CLIENT_CREDENTIALS).status == 200);
        let token = server.token(("nightly", &secret), &CLIENT_CREDENTIALS).access_token();
        let claims = crate::support::tokens::verify(&server, &token, "reports-api");
        assert_eq!(claims["scope"], "reports.read");
        assert_eq!(claims["permissions"], serde_json::json!({ "mailer": ["SEND"] }));

        let list = server.cli(&["service-account", "list"]).success();
        assert!(list.contains("nightly  enabled  1 active secret  Nightly report\n"), "{list}");
        assert!(!list.contains(&secret));
        let kept = server.database.value("SELECT hash AS value FROM client_secrets WHERE client_id = 'nightly'");
        assert_eq!(kept.len(), 64, "only the hash is kept");
    }

    fn an_account_is_not_made_twice(engine) {
        let installation = Installation::demo(engine);
        let said = installation.cli(&["service-account", "create", "bff"]).failure(5);
        assert!(said.contains("`tessera service-account reset-secret bff`"), "{said}");
        let list = installation.cli(&["service-account", "list"]).success();
        assert!(list.contains("bff  enabled  1 active secret "), "{list}");
    }

    fn an_account_that_the_file_made_without_a_secret_gets_one(engine) {
        let file = DEMO.replace(&format!("secret = \"{}\"", BFF.1), "");
        let server = TestServer::builder(engine).environment(&file).start();
        let said = server.cli(&["service-account", "create", "bff", "--access", "reports-api=reports.read"]).failure(5);
        assert!(said.contains("comes from an environment file"), "{said}");
        let secret = secret_in(&server.cli(&["service-account", "create", "bff"]).success(), "bff");
        server.eventually("the secret to work", || server.token(("bff", &secret), &CLIENT_CREDENTIALS).status == 200);
        assert!(server.apply(&file).is_empty(), "a file without a secret leaves it alone");
    }

    fn a_reset_secret_replaces_the_old_one_at_once(engine) {
        let server = TestServer::start(engine);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        let new = secret_in(&server.cli(&["service-account", "reset-secret", "bff"]).success(), "bff");
        server.eventually("the new secret to work", || server.token(("bff", &new), &CLIENT_CREDENTIALS).status == 200);
        server.token(BFF, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
        let record = server.database.audit_records().pop().expect("a record");
        assert!(record.get("jti").is_none(), "nothing was issued");
    }

    fn the_old_secret_can_be_kept_for_a_while(engine) {
        let server = TestServer::start(engine);
        let printed = server.cli(&["service-account", "reset-secret", "bff", "--keep-old", "3600"]).success();
        let new = secret_in(&printed, "bff");
        server.eventually("the new secret to work", || server.token(("bff", &new), &CLIENT_CREDENTIALS).status == 200);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        assert!(server.cli(&["service-account", "list"]).success().contains("bff  enabled  2 active secrets"));
        server.clock.catch_up();
        server.clock.advance(3601);
        server.token(BFF, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
        server.token(("bff", &new), &CLIENT_CREDENTIALS).access_token();
    }

    fn what_makes_no_sense_is_refused_by_name(engine) {
        let installation = Installation::demo(engine);
        let create = |more: &[&str]| {
            let arguments = [&["service-account", "create"], more].concat();
            installation.cli(&arguments)
        };
        let said = create(&["new", "--access", "nowhere=read"]).failure(5);
        assert!(said.contains("no resource server \"nowhere\""), "{said}");
        let said = create(&["new", "--access", "reports-api=reports.write"]).failure(5);
        assert!(said.contains("no scope reports.write"), "{said}");
        let said = create(&["with space"]).failure(5);
        assert!(said.contains("without spaces"), "{said}");
        let said = create(&["new", "--environment", "nowhere"]).failure(5);
        assert!(said.contains("no environment \"nowhere\""), "{said}");
        let said = create(&["new", "--permission", "no-colon"]).failure(2);
        assert!(said.contains("SERVICE:KEY"), "{said}");
        let said = installation.cli(&["service-account", "reset-secret", "nobody"]).failure(5);
        assert!(said.contains("`tessera service-account list`"), "{said}");
        assert!(!installation.cli(&["service-account", "list"]).success().contains("new"));
    }
}
